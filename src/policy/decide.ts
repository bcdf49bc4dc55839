import type {
  Assurance,
  Decision,
  EpochMs,
  Facts,
  Fulfilled,
  Grant,
  LockdownScope,
  Principal,
  Reason,
  Role,
} from '../model.js'
import { endsAt, grantState, nextStart, phasesOf, spanAt } from './time.js'

/** Promise R2: who may have missed a revocation for so long lets nobody in. */
export const oldestViewMs = 3_000

/** How old a one-time code may be for what asks for a fresh one. */
export const freshCodeMs = 5 * 60_000

type OwnResource = Extract<Facts['resource'], { kind: 'own' }>
type ServiceResource = Extract<Facts['resource'], { kind: 'service' }>
type EndpointResource = Extract<Facts['resource'], { kind: 'endpoint' }>

/**
 * The policy decision point (NIST SP 800-207 §2.2): may this happen, now, and under which conditions?
 *
 * Pure: reads nothing, waits for nothing, same facts same decision. Whatever is not permitted by a
 * rule below is denied.
 *
 * @example
 * const decision = decide({ at: clock.now(), viewAgeMs, isClockTrusted, resource, request, session, grants, fulfilled, endings, lockdowns })
 * if (decision.outcome !== 'permit') return refuse(decision.reasons)
 */
export function decide(facts: Facts): Decision {
  const { resource } = facts
  switch (resource.kind) {
    case 'own':
      return decideOwn(facts, resource.access)
    case 'service':
      return decideService(facts, resource)
    case 'endpoint':
      return decideEndpoint(facts, resource)
  }
}

/** Any of these will do. What an auditor may see, everybody may who acts on it. */
const rolesFor: Readonly<Record<'auditor' | 'approver' | 'admin', readonly Role[]>> = {
  auditor: ['auditor', 'approver', 'admin'],
  approver: ['approver', 'admin'],
  admin: ['admin'],
}

function decideOwn(facts: Facts, access: OwnResource['access']): Decision {
  if (access === 'machine') return permit('public')
  if (isForged(facts.request)) return deny('origin-foreign')
  if (access === 'public') return permit('public')
  const unproved = challengeSession(facts, access === 'signed-in' ? 'login' : 'second-factor')
  if (unproved) return unproved
  if (access === 'signed-in' || access === 'verified') return permit('session-valid')
  const held = facts.session?.roles ?? []
  return rolesFor[access].some((role) => held.includes(role)) ? permit('role-held') : deny('role-missing')
}

/** Programs come with a token and nothing that a browser would add by itself, so nobody can make a browser call. */
function decideService(
  { at, request }: Facts,
  { scope, isOfBrowser, isTokenSent, token }: ServiceResource,
): Decision {
  if (isOfBrowser || request.isUpgrade) return deny('browser-refused')
  if (token === null) return deny(isTokenSent ? 'token-unknown' : 'token-missing')
  if (token.revocation !== null) return deny('token-revoked')
  // Written so that NaN counts as ended.
  if (!(at < token.until)) return deny('token-ended')
  if (!token.isSourceOpen) return deny('token-source-closed')
  if (scope !== null && !token.scopes.includes(scope)) return deny('scope-missing')
  return permit('token-valid')
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
  const open = running.filter((grant) => unmetBy(grant, facts.fulfilled) === null)
  const terms = pickBest(open.map((grant) => termsUnder(grant, facts)))
  if (terms === null) return denyUnmet(running, facts.fulfilled) ?? denyWithoutGrant(held, facts.at)
  const best = terms.grant
  const { principal } = session
  const isLocked = facts.lockdowns.some(({ scope }) => covers(scope, resource.endpointId, principal))
  if (isLocked) return deny('lockdown', best.id)
  // What is closed is told only to someone who may open the rest: others learn nothing of the machine.
  if (!resource.isMethodOpen) return deny('method-closed', best.id)
  if (!resource.isPathOpen) return deny('path-closed', best.id)
  const { isViewOnly } = terms
  if (isViewOnly && !facts.request.isSafe)
    return deny(best.access === 'operate' ? 'grant-read-only' : 'view-only', best.id)
  return {
    outcome: 'permit',
    reasons: ['grant-active'],
    closeAt: Math.min(terms.closeAt, session.endsAt),
    viewOnlyFrom: terms.viewOnlyFrom,
    grantId: best.id,
    obligations: [
      ...(isViewOnly ? (['view-only'] as const) : []),
      ...(isUnused(best) ? (['begin-use'] as const) : []),
    ],
  }
}

/**
 * Whether the person at this session has just entered a one-time code: a browser left open, or a cookie that was
 * stolen, does not answer in their name. A recovery code is not enough, for it may be one of a sheet that was found.
 */
export function hasFreshCode({ oneTimeCodeAt }: Assurance, at: EpochMs): boolean {
  // One from the future was taken while the clock was ahead: it would stay fresh for longer than it may.
  return oneTimeCodeAt !== undefined && at >= oneTimeCodeAt && at - oneTimeCodeAt < freshCodeMs
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

/** What one grant comes to for one request. */
interface Terms {
  readonly grant: Grant
  readonly isViewOnly: boolean
  readonly viewOnlyFrom: EpochMs | null
  readonly closeAt: EpochMs
  /** Until when it may change something; `closeAt` for a plain request, which may finish what it began. */
  readonly operatesUntil: EpochMs
}

/** Whether its time begins with the first request that it lets through. */
export function isUnused({ firstUsedAt, conditions }: Grant): boolean {
  return conditions.lastsFromFirstUseMs !== null && firstUsedAt === undefined
}

/** As it would be once it is used at `at`. */
function asIfUsed(grant: Grant, at: EpochMs): Grant {
  const { lastsFromFirstUseMs: lastsMs } = grant.conditions
  return lastsMs !== null && isUnused(grant)
    ? { ...grant, firstUsedAt: at, until: Math.min(grant.until, at + lastsMs) }
    : grant
}

function termsUnder(held: Grant, { at, request, endings }: Facts): Terms {
  const grant = asIfUsed(held, at)
  const { viewOnlyFrom, drainsUntil } = phasesOf(grant, endings, at)
  // Inside a WebSocket nobody can tell what has begun from what is new, so none of it is new after the end.
  const closeAt = request.isUpgrade ? spanAt(grant, at).until : drainsUntil
  // Written so that NaN counts as begun.
  const isViewOnly = viewOnlyFrom !== null && !(at < viewOnlyFrom)
  const operatesUntil = isViewOnly ? 0 : request.isUpgrade ? (viewOnlyFrom ?? closeAt) : closeAt
  return { grant: held, isViewOnly, viewOnlyFrom, closeAt, operatesUntil }
}

/**
 * The most favourable of several: who may operate longest, then who may stay longest. Of those that let somebody do the same
 * now, one whose time runs anyway before one whose time would only begin with this. The id last, so that equal
 * grants give equal decisions.
 */
function pickBest(all: readonly Terms[]): Terms | null {
  const [best] = [...all].sort(
    (a, b) =>
      Number(a.isViewOnly) - Number(b.isViewOnly) ||
      Number(isUnused(a.grant)) - Number(isUnused(b.grant)) ||
      b.operatesUntil - a.operatesUntil ||
      b.closeAt - a.closeAt ||
      a.grant.id.localeCompare(b.grant.id),
  )
  return best ?? null
}

/** The condition that keeps a running grant from opening anything now; null where none does. */
function unmetBy({ id, conditions }: Grant, { source, release, seat }: Fulfilled): Reason | null {
  if (conditions.sources.length > 0 && !source.has(id)) return 'source-closed'
  if (conditions.needsRelease && !release.has(id)) return 'release-awaited'
  return conditions.maxSessions !== null && !seat.has(id) ? 'sessions-taken' : null
}

/** Somebody who holds a running grant is told what it asks for, and of nothing else they hold. */
function denyUnmet(running: readonly Grant[], fulfilled: Fulfilled): Decision | null {
  const [grant] = [...running].sort((a, b) => a.id.localeCompare(b.id))
  const reason = grant && unmetBy(grant, fulfilled)
  return reason ? deny(reason, grant.id) : null
}

/** Tells a person the state of what they hold: what is coming, else what they had most recently. */
function denyWithoutGrant(held: readonly Grant[], at: number): Decision {
  const [next] = held
    .flatMap((grant) => {
      const start = nextStart(grant, at)
      return start === null ? [] : [{ grant, start }]
    })
    .sort((a, b) => a.start - b.start)
  const why = next && grantState(next.grant, at)
  if (why === 'grant-not-started' || why === 'grant-outside-window') return deny(why, next?.grant.id)
  const endOf = (grant: Grant): number => Math.min(endsAt(grant), grant.revocation?.at ?? Infinity)
  const [last] = [...held].sort((a, b) => endOf(b) - endOf(a))
  if (!last) return deny('grant-missing')
  return deny(last.revocation === null ? 'grant-ended' : 'grant-revoked', last.id)
}

function permit(reason: Reason): Decision {
  return {
    outcome: 'permit',
    reasons: [reason],
    closeAt: null,
    viewOnlyFrom: null,
    grantId: null,
    obligations: [],
  }
}

function deny(reason: Reason, grantId: string | null = null): Decision {
  return { outcome: 'deny', reasons: [reason], grantId }
}
