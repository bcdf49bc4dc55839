import { GatehouseError } from '../lib/index.js'
import type { AccessRequest, Actor, Approval, ApprovalRule, EpochMs, RequestTerms, Role } from '../model.js'
import { refusal } from './refusal.js'
import { readLength } from './request.js'

/** Who answers a request: a signed-in person, or an operator of the host. */
export interface Approver {
  readonly actor: Actor
  readonly roles: readonly Role[]
  /** As in `Session`. */
  readonly groups?: readonly string[] | undefined
  /** Whether they have just entered a one-time code; see `hasFreshCode`. */
  readonly hasFreshCode: boolean
}

/** What an approver agrees to, where it is less than what was asked. */
export interface Narrower {
  readonly endpoints?: readonly string[]
  /** `view`, or as was asked; not believed before it was checked. */
  readonly access?: string
  /** Later than was asked. Not where the request begins with its approval. */
  readonly from?: EpochMs
  /** Earlier than was asked. */
  readonly until?: EpochMs
  /** Shorter than was asked. */
  readonly lengthMs?: number
  /** As in `GrantRequest`: shorter than was asked, or than the time it has. Not believed before it was checked. */
  readonly lasts?: unknown
  /** True: the control room has to release it for each session. What is false takes back nothing that was asked for. */
  readonly needsRelease?: boolean
}

/** In a rule, before the name of a group: a group may be called as a role is. */
const groupPrefix = 'group:'

/** The strictest of the rules of all machines that a request names. */
export function strictest(rules: readonly ApprovalRule[]): ApprovalRule {
  const [first, ...others] = rules
  if (first === undefined) throw new Error('a request names a machine')
  return others.reduce(
    (strict, rule) => ({
      by: byBoth(strict.by, rule.by),
      count: Math.max(strict.count, rule.count),
      lapsesAfterMs: Math.min(strict.lapsesAfterMs, rule.lapsesAfterMs),
    }),
    first,
  )
}

/** Every group makes an approver, and administrators may everywhere, so they are what any two rules have in common. */
function byBoth(a: readonly string[], b: readonly string[]): readonly string[] {
  if (a.includes('approver')) return b
  if (b.includes('approver')) return a
  const both = a.filter((entry) => b.includes(entry))
  return both.length > 0 ? both : ['admin']
}

export function requestState(
  { outcome, lapsesAt }: Pick<AccessRequest, 'outcome' | 'lapsesAt'>,
  at: EpochMs,
): 'open' | 'approved' | 'denied' | 'lapsed' | 'withdrawn' | 'closed' {
  if (outcome !== null) return outcome.kind
  // Written so that NaN, were it ever stored, closes a request.
  return at < lapsesAt ? 'open' : 'lapsed'
}

/** Why this person may not answer this request, whatever they agree to; null where they may. */
export function whyNotAnswer(
  request: Pick<AccessRequest, 'by'>,
  { actor, roles, groups = [] }: Approver,
  rule: ApprovalRule,
): 'own' | 'role' | null {
  if (isRequester(request, actor)) return 'own'
  if (actor.kind === 'operator') return null
  if (roles.includes('admin')) return null
  // A group alone is no role: who has lost the role of an approver answers nothing.
  const isApprover = roles.includes('approver')
  const holds = (entry: string): boolean =>
    entry === 'approver' || groups.some((group) => entry === `${groupPrefix}${group}`)
  return isApprover && rule.by.some(holds) ? null : 'role'
}

/**
 * Whether two names are one person's. By e-mail too: somebody with two accounts at the provider is one person, and
 * could else ask with the one and answer with the other.
 */
function isRequester({ by }: Pick<AccessRequest, 'by'>, actor: Actor): boolean {
  return actor.kind === 'principal' && (actor.principalId === by.principalId || actor.email === by.email)
}

function isSame(a: Actor, b: Actor): boolean {
  if (a.kind === 'operator' && b.kind === 'operator') return a.account === b.account
  if (a.kind !== 'principal' || b.kind !== 'principal') return false
  return a.principalId === b.principalId || (a.email !== null && a.email === b.email)
}

/** @throws GatehouseError `approval-refused`, `fresh-code-required` */
export function checkApprover(request: AccessRequest, approver: Approver, rule: ApprovalRule): void {
  checkMayAnswer(request, approver, rule)
  if (hasAgreed(request, approver.actor))
    throw new GatehouseError(
      'approval-refused',
      'You have agreed to this already; somebody else has to agree too.',
    )
  if (!approver.hasFreshCode)
    throw new GatehouseError('fresh-code-required', 'Enter a fresh one-time code first.')
}

/** @throws GatehouseError `approval-refused` */
export function checkMayAnswer(request: AccessRequest, approver: Approver, rule: ApprovalRule): void {
  const why = whyNotAnswer(request, approver, rule)
  if (why === 'own') throw new GatehouseError('approval-refused', 'Nobody answers a request of their own.')
  if (why === 'role')
    throw new GatehouseError('approval-refused', 'Requests for this machine are answered by others.')
}

export function hasAgreed({ approvals }: AccessRequest, actor: Actor): boolean {
  return approvals.some(({ by }) => isSame(by, actor))
}

/**
 * What an approver agrees to: as asked, or less.
 * @throws GatehouseError `input-invalid` about the field by which it would be more
 */
export function narrow(asked: RequestTerms, less: Narrower): RequestTerms {
  const endpoints = less.endpoints ?? asked.endpoints
  if (endpoints.length === 0) throw refusal('endpoints', 'must name at least one endpoint')
  if (!endpoints.every((id) => asked.endpoints.includes(id)))
    throw refusal('endpoints', 'must not name a machine that was not asked for')
  const access = less.access === 'view' ? 'view' : asked.access
  if (less.access !== undefined && less.access !== access)
    throw refusal('access', 'must be "view", or as was asked')
  const rest = {
    endpoints: asked.endpoints.filter((id) => endpoints.includes(id)),
    access,
    needsRelease: asked.needsRelease || less.needsRelease === true,
  }
  const timed = (from: EpochMs | null, lengthMs: number): RequestTerms => ({
    ...rest,
    ...{ from, lengthMs, lastsFromFirstUseMs: shorterUse(asked.lastsFromFirstUseMs, less.lasts, lengthMs) },
  })
  if (asked.from === null) {
    if (less.from !== undefined || less.until !== undefined)
      throw refusal('from', 'must be left as it is: it begins when the last approver agrees')
    return timed(null, shorter(asked.lengthMs, less.lengthMs))
  }
  const from = less.from ?? asked.from
  const until = less.until ?? asked.from + asked.lengthMs
  if (from < asked.from) throw refusal('from', 'must not be earlier than was asked')
  if (until > asked.from + asked.lengthMs) throw refusal('until', 'must not be later than was asked')
  if (until <= from) throw refusal('until', 'must lie after the start')
  return timed(from, shorter(until - from, less.lengthMs))
}

/** Less time to begin in than it would last leaves less to last. */
function shorterUse(asked: number | null, given: unknown, lengthMs: number): number | null {
  if (given === undefined) return asked === null ? null : Math.min(asked, lengthMs)
  const lasts = readLength('lasts', given)
  if (asked !== null && lasts > asked) throw refusal('lasts', 'must not be longer than was asked')
  if (lasts > lengthMs) throw refusal('lasts', 'must fit between the start and the end')
  return lasts
}

function shorter(asked: number, given = asked): number {
  if (!(given > 0)) throw refusal('length', 'must be longer than nothing')
  if (given > asked) throw refusal('length', 'must not be longer than was asked')
  return given
}

/**
 * What all of them agree to, from the moment at which the last of them does.
 * @throws GatehouseError `request-conflict` where that is nothing
 */
export function agreed(
  approvals: readonly Pick<Approval, 'terms'>[],
  at: EpochMs,
): RequestTerms & { from: EpochMs } {
  const all = approvals.map(({ terms }) => terms)
  const [first, ...others] = all
  if (first === undefined) throw new Error('somebody agreed')
  const endpoints = first.endpoints.filter((id) => others.every((terms) => terms.endpoints.includes(id)))
  const access = all.some((terms) => terms.access === 'view') ? 'view' : 'operate'
  const startOf = ({ from }: RequestTerms): EpochMs => from ?? at
  const from = Math.max(at, ...all.map(startOf))
  const until = Math.min(...all.map((terms) => startOf(terms) + terms.lengthMs))
  if (endpoints.length === 0) throw conflict('The approvers agree to no machine in common.')
  if (until <= from) throw conflict('The time that was agreed to is over, or leaves nothing in common.')
  const lengthMs = until - from
  const uses = all.flatMap(({ lastsFromFirstUseMs }) => lastsFromFirstUseMs ?? [])
  return {
    ...{ endpoints, access, from, lengthMs },
    lastsFromFirstUseMs: uses.length === 0 ? null : Math.min(lengthMs, ...uses),
    needsRelease: all.some((terms) => terms.needsRelease),
  }
}

export function conflict(message: string): GatehouseError {
  return new GatehouseError('request-conflict', message)
}
