import { isPathOpen } from '../dataplane/index.js'
import { fulfilledBy, type Grants, type Lockdowns, type Releases, type Seats } from '../grants/index.js'
import type { Change, ChangeLog, SteadyClock } from '../lib/index.js'
import type { EndingLimits, Endpoint, Facts, Grant, ServiceToken } from '../model.js'

/** What is known of a question before anything is looked up for it. */
export interface Asked extends Pick<Facts, 'resource' | 'request'> {
  /** `id` is null for one that nobody has begun. */
  readonly session: (NonNullable<Facts['session']> & { readonly id: string | null }) | null
  /** The client's address. */
  readonly source: string
}

export interface Gathered {
  readonly facts: Facts
  /** Ids of the grants that this session must take a seat for before it uses them. */
  readonly freeSeats: ReadonlySet<string>
}

/** @throws GatehouseError `store-unavailable` */
export type GatherFacts = (asked: Asked) => Promise<Gathered>

/** The one place where the facts of a decision come from: of requests, of links in the portal, and of explanations. */
export function createFacts(options: {
  grants: Pick<Grants, 'heldBy'>
  lockdowns: Pick<Lockdowns, 'inForce'>
  releases: Pick<Releases, 'heldBy'>
  seats: Pick<Seats, 'openTo'>
  changes: Pick<ChangeLog, 'proof'>
  clock: SteadyClock
  endings: EndingLimits
}): GatherFacts {
  const { changes, clock, endings } = options
  return async ({ resource, request, session, source }) => {
    // What somebody holds for other machines decides nothing here, and may be a year's work.
    const [grants, lockdowns] =
      session !== null && resource.kind === 'endpoint'
        ? [
            await options.grants.heldBy(session.principal.id, resource.endpointId),
            await options.lockdowns.inForce(),
          ]
        : [[], []]
    const sessionId = session?.id ?? null
    const release = sessionId === null ? none : await options.releases.heldBy(sessionId, grants)
    const { held, free } = await options.seats.openTo(sessionId ?? nobody, grants)
    const facts: Facts = {
      at: clock.now(),
      viewAgeMs: changes.proof.ageMs,
      isClockTrusted: clock.isTrusted,
      ...{ resource, request, session, grants, endings, lockdowns },
      fulfilled: fulfilledBy(grants, { source, release, seat: new Set([...held, ...free]) }),
    }
    return { facts, freeSeats: free }
  }
}

/** Whether a change may have taken away what these had when they were read. What only gives is for the next request. */
export function takesFrom(
  change: Change,
  {
    session,
    token,
    grants,
  }: Pick<Asked, 'session'> & {
    readonly token: Pick<ServiceToken, 'id'> | null
    readonly grants: readonly Pick<Grant, 'id'>[]
  },
): boolean {
  switch (change.kind) {
    case 'session-ended':
    case 'release-withdrawn':
      return change.sessionId === session?.id
    case 'grant-revoked':
      return grants.some(({ id }) => id === change.grantId)
    case 'second-factor-reset':
      return change.principalId === undefined || change.principalId === session?.principal.id
    case 'token-changed':
      return change.tokenId === token?.id
    case 'lockdown-changed':
      return true
    default:
      return false
  }
}

const none: ReadonlySet<string> = new Set()
/** A session that nobody has begun, and so has no seat. */
const nobody = 's-nobody'

/**
 * A machine as a decision sees it.
 *
 * @param endpoint null for one that nobody configured
 * @param wanted null for what is open whatever the lists of the endpoint say
 */
export function machineOf(
  endpointId: string,
  endpoint: Endpoint | null,
  wanted: { readonly method: string; readonly path: string } | null,
): Extract<Facts['resource'], { kind: 'endpoint' }> {
  return {
    kind: 'endpoint',
    endpointId,
    isKnown: endpoint !== null,
    isMethodOpen: wanted === null || (endpoint?.methods?.includes(wanted.method) ?? true),
    isPathOpen: wanted === null || isPathOpen(endpoint?.paths ?? null, wanted.path),
  }
}
