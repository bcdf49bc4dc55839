import type { Config } from '../config/index.js'
import type { Grants, Lockdowns } from '../grants/index.js'
import type { ChangeLog, SteadyClock } from '../lib/index.js'
import type { Decision, Session } from '../model.js'
import { decide } from '../policy/index.js'

/** The decision on opening an endpoint now, from the same facts as a request to it would be judged by. */
export type MayOpen = (session: Session, endpointId: string) => Promise<Decision>

export function createMayOpen(options: {
  config: Config
  grants: Grants
  lockdowns: Lockdowns
  changes: ChangeLog
  clock: SteadyClock
}): MayOpen {
  const { config, grants, lockdowns, changes, clock } = options
  const known = new Set(config.endpoints.map((endpoint) => endpoint.id))
  return async (session, endpointId) => {
    const held = await grants.heldBy(session.principal.id)
    return decide({
      at: clock.now(),
      viewAgeMs: changes.proof.ageMs,
      isClockTrusted: clock.isTrusted,
      // The configuration is refused when its own landing path is not open to GET.
      resource: {
        kind: 'endpoint',
        endpointId,
        isKnown: known.has(endpointId),
        isMethodOpen: true,
        isPathOpen: true,
      },
      request: { isSafe: true, isUpgrade: false, initiator: 'own' },
      session,
      grants: held,
      endings: config.grants.endings,
      lockdowns: await lockdowns.inForce(),
    })
  }
}
