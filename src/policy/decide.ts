import type { Decision, Facts, Grant, LockdownScope, OwnAccess, Principal, Reason } from '../model.js'

/** Promise R2: who may have missed a revocation for so long lets nobody in. */
export const oldestViewMs = 3_000

type EndpointResource = Extract<Facts['resource'], { kind: 'endpoint' }>

/**
 * The policy decision point (NIST SP 800-207 §2.2): may this happen, now, and under which conditions?
 *
 * Pure: reads nothing, waits for nothing, same facts same decision. Whatever is not permitted by a
 * rule below is denied.
 *
 * @example
 * const decision = decide({ at: clock.now(), viewAgeMs, isClockTrusted, resource, request, session, grants })
 * if (decision.outcome !== 'permit') return refuse(decision.reasons)
 */
export function decide(facts: Facts): Decision {
  return facts.resource.kind === 'own'
    ? decideOwn(facts, facts.resource.access)
    : decideEndpoint(facts, facts.resource)
}

function decideOwn(facts: Facts, access: OwnAccess): Decision {
  if (access === 'machine') return permit('public')
  if (isForged(facts.request)) return deny('origin-foreign')
  if (access === 'public') return permit('public')
  const unproved = challengeSession(facts, access === 'signed-in' ? 'login' : 'second-factor')
  if (unproved) return unproved
  if (access === 'signed-in' || access === 'verified') return permit('session-valid')
  const held = facts.session?.roles ?? []
  const suffices = held.includes('admin') || (access === 'approver' && held.includes('approver'))
  return suffices ? permit('role-held') : deny('role-missing')
}

function decideEndpoint(facts: Facts, resource: EndpointResource): Decision {
  if (isForged(facts.request)) return deny('origin-foreign')
  const unproved = challengeSession(facts, 'second-factor')
  if (unproved) return unproved
  const { session } = facts
  // Written so that NaN counts as too old.
  if (!(facts.viewAgeMs <= oldestViewMs)) return deny('view-unproved')
  if (!facts.isClockTrusted) return deny('clock-untrusted')
  if (session === null || !resource.isKnown) return deny('endpoint-unknown')

  const held = facts.grants.filter((grant) => grant.endpoints.includes(resource.endpointId))
  const running = held.filter((grant) => grantState(grant, facts.at) === 'grant-active')
  const best = pickBest(running)
  if (best === null) return denyWithoutGrant(held, facts.at)
  const { principal } = session
  const isLocked = facts.lockdowns.some(({ scope }) => covers(scope, resource.endpointId, principal))
  if (isLocked) return deny('lockdown', best.id)
  // What is closed is told only to someone who may open the rest: others learn nothing of the machine.
  if (!resource.isMethodOpen) return deny('method-closed', best.id)
  if (!resource.isPathOpen) return deny('path-closed', best.id)
  const isViewOnly = best.access !== 'operate'
  if (isViewOnly && !facts.request.isSafe) return deny('view-only', best.id)
  return {
    outcome: 'permit',
    reasons: ['grant-active'],
    closeAt: Math.min(best.until, session.endsAt),
    grantId: best.id,
    obligations: isViewOnly ? ['view-only'] : [],
  }
}

/** Where a grant stands at an instant. The window is half-open: `from` is inside, `until` is not. */
export function grantState(
  grant: Pick<Grant, 'from' | 'until' | 'revocation'>,
  at: number,
): 'grant-active' | 'grant-not-started' | 'grant-ended' | 'grant-revoked' {
  if (grant.revocation !== null) return 'grant-revoked'
  // Written so that NaN, were it ever stored, ends a grant instead of keeping it open.
  if (!(at < grant.until)) return 'grant-ended'
  return at >= grant.from ? 'grant-active' : 'grant-not-started'
}

/** Whether a lockdown keeps `principal` out of an endpoint. */
export function covers(
  scope: LockdownScope,
  endpointId: string,
  principal: Pick<Principal, 'id' | 'email'>,
): boolean {
  switch (scope.kind) {
    case 'all':
      return true
    case 'endpoint':
      return scope.endpointId === endpointId
    case 'principal':
      return scope.email === principal.email || scope.principalIds.includes(principal.id)
  }
}

/**
 * A browser sends our SameSite=Lax cookies along when a sibling host causes the request, and one
 * endpoint's hostile HMI is such a sibling of all others. Following a link from there to a whole page is
 * what people do; anything else that its scripts could do to another origin is refused, reading
 * included: on many an HMI a GET changes things.
 */
function isForged({ initiator, isSafe, isUpgrade }: Facts['request']): boolean {
  return initiator === 'foreign' || (initiator === 'link' && (!isSafe || isUpgrade))
}

function challengeSession(facts: Facts, needed: 'login' | 'second-factor'): Decision | null {
  const { session } = facts
  if (session === null) return { outcome: 'challenge', reasons: ['login-required'], challenge: 'login' }
  if (!(facts.at < session.endsAt)) {
    return { outcome: 'challenge', reasons: ['session-ended'], challenge: 'login' }
  }
  if (needed === 'second-factor' && session.assurance.secondFactorAt === null) {
    return { outcome: 'challenge', reasons: ['second-factor-required'], challenge: 'second-factor' }
  }
  return null
}

/** The widest right first, then the latest end; the id last, so that equal grants give equal decisions. */
function pickBest(running: readonly Grant[]): Grant | null {
  const rank = (grant: Grant): number => (grant.access === 'operate' ? 1 : 0)
  const [best] = [...running].sort(
    (a, b) => rank(b) - rank(a) || b.until - a.until || a.id.localeCompare(b.id),
  )
  return best ?? null
}

/** Tells a person the state of what they hold: what is coming, else what they had most recently. */
function denyWithoutGrant(held: readonly Grant[], at: number): Decision {
  const [next] = held
    .filter((grant) => grantState(grant, at) === 'grant-not-started')
    .sort((a, b) => a.from - b.from)
  if (next) return deny('grant-not-started', next.id)
  const endOf = (grant: Grant): number => Math.min(grant.until, grant.revocation?.at ?? Infinity)
  const [last] = [...held].sort((a, b) => endOf(b) - endOf(a))
  if (!last) return deny('grant-missing')
  return deny(last.revocation === null ? 'grant-ended' : 'grant-revoked', last.id)
}

function permit(reason: Reason): Decision {
  return { outcome: 'permit', reasons: [reason], closeAt: null, grantId: null, obligations: [] }
}

function deny(reason: Reason, grantId: string | null = null): Decision {
  return { outcome: 'deny', reasons: [reason], grantId }
}
