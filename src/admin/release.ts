import type { Grants, Releases } from '../grants/index.js'
import { GatehouseError, type Clock } from '../lib/index.js'
import type { Actor, EndingLimits, EpochMs, Grant, Release, Session } from '../model.js'
import { grantState, isDraining, phasesOf } from '../policy/index.js'
import type { Sessions } from '../sessions/index.js'

export interface ReleaseServices {
  readonly clock: Pick<Clock, 'now'>
  readonly grants: Pick<Grants, 'get' | 'list'>
  readonly releases: Releases
  readonly sessions: Pick<Sessions, 'byId' | 'list'>
}

/**
 * Somebody who is signed in and holds a running grant that the control room releases; or one that is over, or whose window is,
 * and was released for them while what it has opened may still finish.
 */
export interface AtTheGate {
  readonly grant: Grant
  readonly session: Session
  /** Null while they wait. */
  readonly release: Release | null
  /** Until when what is open may finish; null while the grant runs. */
  readonly drainsUntil: EpochMs | null
}

/**
 * Who waits, and who has been let in: whoever has waited longest comes first.
 *
 * @throws GatehouseError `store-unavailable`
 */
export async function atTheGate({
  clock,
  grants,
  releases,
  sessions,
  endings,
}: ReleaseServices & { readonly endings: EndingLimits }): Promise<AtTheGate[]> {
  const now = clock.now()
  const isRunning = (grant: Grant): boolean => grantState(grant, now) === 'grant-active'
  const asking = (await grants.list()).filter(
    (grant) => grant.conditions.needsRelease && (isRunning(grant) || isDraining(grant, now, endings)),
  )
  if (asking.length === 0) return []
  const [all, given] = await Promise.all([sessions.list(), releases.given(asking)])
  const signedIn = all.filter(({ assurance }) => assurance.secondFactorAt !== null)
  return signedIn
    .flatMap((session) =>
      asking
        .filter(({ to }) => to.principalId === session.principal.id)
        .map((grant) => ({
          ...{ grant, session },
          release:
            given.find(({ grantId, sessionId }) => grantId === grant.id && sessionId === session.id) ?? null,
          drainsUntil: isRunning(grant) ? null : phasesOf(grant, endings, now).drainsUntil,
        })),
    )
    .filter((one) => one.release !== null || one.drainsUntil === null)
    .sort((a, b) => rank(a) - rank(b) || a.session.startedAt - b.session.startedAt)
}

function rank({ release }: AtTheGate): number {
  return release === null ? 0 : 1
}

/**
 * What letting somebody in takes, from the page, the command line and the API alike: the grant and the session as they
 * are now.
 *
 * @throws GatehouseError `grant-unknown`, `session-unknown`, and as `Releases.give`
 */
export async function release(
  { grants, sessions, releases }: ReleaseServices,
  wanted: { readonly grantId: string; readonly sessionId: string; readonly reason: unknown },
  actor: Actor,
): Promise<Release> {
  const grant = await grants.get(wanted.grantId)
  if (grant === null) throw new GatehouseError('grant-unknown', 'There is no such grant.')
  const session = await sessions.byId(wanted.sessionId)
  if (session === null)
    throw new GatehouseError('session-unknown', 'There is no such session; it may have ended already.')
  return releases.give(grant, session, wanted.reason, actor)
}
