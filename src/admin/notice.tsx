import type { ComponentChildren, VNode } from 'preact'
import type { Requests } from '../grants/index.js'
import type { ChangeLog, Visit } from '../lib/index.js'
import { Notice, Said, useWords } from '../lib/page/index.js'
import { createBreakGlassNotice } from './break-glass.js'
import { createResetsNotice } from './resets.js'
import { breakGlassWords } from './words/break-glass.js'

/** What stands at the head of every page of whoever may stop something. */
export function createNotice(
  options: Parameters<typeof createBreakGlassNotice>[0] &
    Parameters<typeof createResetsNotice>[0] & {
      readonly changes: Pick<ChangeLog, 'unconfirmed'>
    },
): (visit: Visit) => Promise<ComponentChildren> {
  const ofBreakGlass = createBreakGlassNotice(options)
  const ofResets = createResetsNotice(options)
  return async (visit) => {
    const isStaff = visit.session?.roles.some((role) => role === 'admin' || role === 'approver') === true
    const late = isStaff ? await options.changes.unconfirmed() : []
    return (
      <div class="stack">
        {late.length > 0 && <Unconfirmed instances={late} />}
        {await ofBreakGlass(visit)}
        {await ofResets(visit)}
      </div>
    )
  }
}

/** How many requests for access wait, for the navigation of whoever answers them. A courtesy: it fails no page. */
export function createWaiting(requests: Pick<Requests, 'countOpen'>): (visit: Visit) => Promise<number> {
  return async ({ session }) => {
    const isStaff = session?.roles.some((role) => role === 'admin' || role === 'approver') === true
    if (!isStaff || session.assurance.secondFactorAt === null) return 0
    return requests.countOpen().catch(() => 0)
  }
}

function Unconfirmed({ instances }: { instances: readonly string[] }): VNode {
  const words = useWords(breakGlassWords)
  return (
    <Notice kind="alarm">
      <strong>{words.unconfirmedTitle}</strong>{' '}
      <span>{words.unconfirmed(<Said>{instances.join(', ')}</Said>)}</span>
    </Notice>
  )
}
