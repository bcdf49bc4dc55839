import type { ComponentChildren, VNode } from 'preact'
import type { ChangeLog, InEach, Visit } from '../lib/index.js'
import { Notice, Said, useWords } from '../lib/page/index.js'
import { createBreakGlassNotice } from './break-glass.js'

/** What stands at the head of every page of whoever may stop something. */
export function createNotice(
  options: Parameters<typeof createBreakGlassNotice>[0] & { readonly changes: Pick<ChangeLog, 'unconfirmed'> },
): (visit: Visit) => Promise<ComponentChildren> {
  const ofBreakGlass = createBreakGlassNotice(options)
  return async (visit) => {
    const isStaff = visit.session?.roles.some((role) => role === 'admin' || role === 'approver') === true
    const late = isStaff ? await options.changes.unconfirmed() : []
    return (
      <>
        {late.length > 0 && <Unconfirmed instances={late} />}
        {await ofBreakGlass(visit)}
      </>
    )
  }
}

function Unconfirmed({ instances }: { instances: readonly string[] }): VNode {
  const words = useWords(messages)
  return (
    <Notice kind="alarm">
      <strong>{words.unconfirmed}</strong>
      <span>
        <Said>{instances.join(', ')}</Said>: {words.untilThen}
      </span>
    </Notice>
  )
}

const en = {
  unconfirmed: 'The last change is not confirmed everywhere.',
  untilThen:
    'has not said that it knows of it. Without news it lets nobody in after 3 seconds, and cuts what is open after 5. If this stays, look after that host.',
}
const messages: InEach<typeof en> = {
  en,
  de: {
    unconfirmed: 'Die letzte Änderung ist nicht überall bestätigt.',
    untilThen:
      'hat sie noch nicht bestätigt. Ohne Nachricht lässt es nach 3 Sekunden niemanden mehr ein und trennt nach 5, was offen ist. Bleibt das so, sehen Sie nach diesem Rechner.',
  },
}
