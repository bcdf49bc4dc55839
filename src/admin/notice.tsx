import type { ComponentChildren, VNode } from 'preact'
import type { ChangeLog, Visit } from '../lib/index.js'
import { Notice, Said } from '../lib/page/index.js'
import { createBreakGlassNotice } from './break-glass.js'

/** What stands at the head of every page of whoever may stop something. */
export function createNotice(
  options: Parameters<typeof createBreakGlassNotice>[0] & {
    readonly changes: Pick<ChangeLog, 'unconfirmed'>
  },
): (visit: Visit) => Promise<ComponentChildren> {
  const ofBreakGlass = createBreakGlassNotice(options)
  return async (visit) => {
    const isStaff = visit.session?.roles.some((role) => role === 'admin' || role === 'approver') === true
    const late = isStaff ? await options.changes.unconfirmed() : []
    // In English on whatever page: said so, that it is read out as such.
    return (
      <div class="stack" lang="en">
        {late.length > 0 && <Unconfirmed instances={late} />}
        {await ofBreakGlass(visit)}
      </div>
    )
  }
}

function Unconfirmed({ instances }: { instances: readonly string[] }): VNode {
  return (
    <Notice kind="alarm">
      <strong>The last change is not confirmed everywhere.</strong>
      <span>
        <Said>{instances.join(', ')}</Said> has not said that it knows of it. Without news it lets nobody in
        after 3 seconds, and cuts what is open after 5. If this stays, look after that host.
      </span>
    </Notice>
  )
}
