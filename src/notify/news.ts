import type { AccessRequest, Actor, EpochMs, Grant } from '../model.js'
import { endsAt, grantState, spanAt } from '../policy/index.js'
import type { AccessKind, GrantKind, Notice } from './notice.js'

/**
 * Something that has become so and may have to be told. Whether it has been told is kept as a mark under a subject, which
 * only one instance ever sets first.
 */
export interface News {
  /** What it is about: a grant, a scope that was locked down, a break-glass session. */
  readonly subject: string
  /** Differs for each thing to tell about one subject. */
  readonly mark: string
  /** What needs no telling any more once this has been told. */
  readonly alsoMarks: readonly string[]
  /** How long the marks must be kept at least. */
  readonly keepUntil: EpochMs
  /** Null for what is taken as told: too old, or overtaken by what came after. */
  readonly notice: Notice | null
}

const minuteMs = 60_000
const hourMs = 60 * minuteMs
const dayMs = 24 * hourMs

/** What is older than this when it is found, nobody is told any more: an outage must not end in a flood of old news. */
export const newsForMs = dayMs
const startIsNewsForMs = hourMs
const endsSoonMs = 15 * minuteMs
/** For less, "ends soon" would come with, or right after, the message that it was given. */
const shortestWarnedMs = 2 * endsSoonMs
const marksKeptMs = 40 * dayMs
/** A grant of weekly hours may have hundreds, and ten thousand messages may wait. */
const windowsNamed = 50

/**
 * What there is to tell of a grant, in order.
 *
 * @param since from when on anybody is told anything: what was before notifications were switched on is not news
 */
export function newsOfGrant(grant: Grant, now: EpochMs, since: EpochMs): News[] {
  const { issuedAt, revocation } = grant
  // Of a grant with weekly hours, where the first of them begin and the last of them end.
  const { from } = spanAt(grant, grant.from)
  const until = endsAt(grant)
  const isNews = (at: EpochMs): boolean => at >= since && at > now - newsForMs && at <= now
  const isOver = revocation !== null || now >= until
  const news: News[] = []
  const add = (kind: GrantKind, mark: string, isTold: boolean, alsoMarks: readonly string[] = []): void => {
    news.push({
      subject: `grant ${grant.id}`,
      mark,
      alsoMarks,
      keepUntil: Math.max(now, until) + marksKeptMs,
      notice: isTold ? noticeOf(grant, kind, now) : null,
    })
  }
  const end = `end ${String(until)}`
  add('grant.issued', 'issued', isNews(issuedAt) && !isOver, [end])
  // The end that it was issued with has been told with that; any other is an extension.
  if (!isOver) add('grant.extended', end, true)
  if (!isOver && now >= from && from > issuedAt + minuteMs)
    add('grant.started', 'started', from >= since && now < from + startIsNewsForMs)
  if (!isOver && now >= until - endsSoonMs && until - from > shortestWarnedMs)
    add('grant.ends-soon', `soon ${String(until)}`, true)
  if (revocation === null && now >= until) add('grant.ended', `ended ${String(until)}`, isNews(until))
  if (revocation !== null) add('grant.revoked', 'revoked', isNews(revocation.at) && revocation.at < until)
  return news
}

function noticeOf(grant: Grant, kind: GrantKind, now: EpochMs): Notice {
  const { id, to, endpoints, access, from, until, reason, ticket, conditions, requestId, revocation } = grant
  const { lastsFromFirstUseMs, sources, maxSessions, needsRelease } = conditions
  const windows = conditions.windows.filter((window) => now < window.until)
  return {
    kind,
    grantId: id,
    to: to.email,
    endpoints: [...endpoints],
    access,
    from,
    until,
    reason,
    ticket,
    conditions: {
      windows: windows.slice(0, windowsNamed).map((window) => ({ ...window })),
      moreWindows: Math.max(0, windows.length - windowsNamed),
      ...{ lastsFromFirstUseMs, sources: [...sources], maxSessions, needsRelease },
    },
    isOpen: grantState(grant, now) === 'grant-active',
    requestId,
    revocation: revocation && { at: revocation.at, reason: revocation.reason },
  }
}

/** How many of those who have to agree to a request have, as it counts now. */
export interface RequestStanding {
  readonly agreed: number
  readonly needed: number
}

/**
 * That somebody asks, while it waits, and that some have agreed but not all who have to; then what became of it.
 *
 * @param standing null where nobody has agreed to what waits
 */
export function newsOfRequest(
  request: AccessRequest,
  standing: RequestStanding | null,
  now: EpochMs,
  since: EpochMs,
): News[] {
  const { id, askedAt, lapsesAt, approvals, outcome } = request
  const isNews = (at: EpochMs): boolean => at >= since && at > now - newsForMs && at <= now
  const add = (kind: AccessKind, mark: string, at: EpochMs): News => ({
    subject: `request ${id}`,
    mark,
    alsoMarks: [],
    keepUntil: Math.max(now, lapsesAt) + marksKeptMs,
    notice: isNews(at) ? noticeOfRequest(request, kind, standing) : null,
  })
  if (outcome === null && now < lapsesAt) {
    const last = approvals.at(-1)
    const isHalfway = last !== undefined && standing !== null && standing.agreed > 0
    return [
      add('access.requested', 'requested', askedAt),
      ...(isHalfway && standing.agreed < standing.needed
        ? [add('access.agreed', `agreed ${String(approvals.length)}`, last.at)]
        : []),
    ]
  }
  // Whoever closes it writes that down a moment later; nobody need wait for that.
  if (outcome === null) return [add('access.lapsed', 'answered', lapsesAt)]
  // What is only known to have been answered was told when it was.
  if (outcome.kind === 'closed') return []
  return [add(`access.${outcome.kind}`, 'answered', outcome.at)]
}

function noticeOfRequest(request: AccessRequest, kind: AccessKind, standing: RequestStanding | null): Notice {
  const { id, by, reason, ticket, askedAt, lapsesAt, outcome } = request
  const terms = outcome?.kind === 'approved' ? outcome.terms : request.terms
  return {
    kind,
    requestId: id,
    name: by.name,
    email: by.email,
    endpoints: [...terms.endpoints],
    access: terms.access,
    from: terms.from,
    lengthMs: terms.lengthMs,
    lastsFromFirstUseMs: terms.lastsFromFirstUseMs,
    needsRelease: terms.needsRelease,
    ...{ reason, ticket, askedAt, lapsesAt },
    ...(kind === 'access.agreed' ? { standing } : {}),
    outcome: outcome && {
      at: outcome.at,
      by: 'by' in outcome ? nameOf(outcome.by) : null,
      reason: outcome.kind === 'denied' ? outcome.reason : null,
      grantId: outcome.kind === 'approved' ? outcome.grantId : null,
    },
  }
}

/** What was said last about one scope. */
export interface LastWord {
  readonly scope: string
  readonly isOn: boolean
  readonly at: EpochMs
  readonly by: Actor
  readonly reason: string
}

export function newsOfLockdown(
  { scope, isOn, at, by, reason }: LastWord,
  now: EpochMs,
  since: EpochMs,
): News[] {
  const kind = isOn ? 'lockdown.on' : 'lockdown.off'
  const isNews = at >= since && at > now - newsForMs
  return [
    {
      subject: `lockdown ${scope}`,
      mark: `${kind} ${String(at)}`,
      alsoMarks: [],
      keepUntil: now + marksKeptMs,
      notice: isNews ? { kind, scope, at, by: nameOf(by), reason } : null,
    },
  ]
}

/** What is known of one break-glass code. */
export interface BreakGlassState {
  readonly sessionId: string
  readonly to: { readonly name: string; readonly email: string | null }
  readonly reason: string
  readonly issuedBy: Actor
  readonly issuedAt: EpochMs
  readonly expiresAt: EpochMs
  readonly used: { readonly at: EpochMs; readonly source: string } | null
}

export function newsOfBreakGlass(entry: BreakGlassState, now: EpochMs, since: EpochMs): News[] {
  const { sessionId, to, reason, issuedBy, issuedAt, expiresAt, used } = entry
  const isNews = (at: EpochMs): boolean => at >= since && at > now - newsForMs
  const shared = {
    sessionId,
    name: to.name,
    email: to.email,
    issuedAt,
    expiresAt,
    by: nameOf(issuedBy),
    reason,
  }
  const about = { subject: `break-glass ${sessionId}`, alsoMarks: [], keepUntil: now + marksKeptMs }
  const issued: News = {
    ...about,
    mark: 'issued',
    notice: isNews(issuedAt) ? { kind: 'break-glass.issued', ...shared, used: null } : null,
  }
  if (used === null) return [issued]
  const { at, source } = used
  return [
    issued,
    {
      ...about,
      mark: 'used',
      notice: isNews(at) ? { kind: 'break-glass.used', ...shared, used: { at, source } } : null,
    },
  ]
}

/** What is known of one proposal to reset a second factor. */
export interface ResetState {
  readonly id: string
  /** Whose it is. */
  readonly principalId: string
  readonly name: string
  readonly email: string | null
  readonly by: Actor
  readonly reason: string
  readonly at: EpochMs
  readonly lapsesAt: EpochMs
  readonly outcome: {
    readonly kind: 'confirmed' | 'declined'
    readonly by: Actor
    readonly reason: string
    readonly at: EpochMs
  } | null
}

/** That it waits, while it does; then what was answered. */
export function newsOfReset(state: ResetState, now: EpochMs, since: EpochMs): News {
  const { id: proposalId, principalId, name, email, by, reason, at, lapsesAt, outcome } = state
  const isNews = (when: EpochMs): boolean => when >= since && when > now - newsForMs
  const isTold = outcome === null ? isNews(at) && now < lapsesAt : isNews(outcome.at)
  const notice: Notice = {
    kind: outcome === null ? 'reset.proposed' : `reset.${outcome.kind}`,
    ...{ proposalId, principalId, name, email, at, lapsesAt, by: nameOf(by), reason },
    outcome: outcome && { at: outcome.at, by: nameOf(outcome.by), reason: outcome.reason },
  }
  return {
    subject: `reset ${proposalId}`,
    mark: outcome === null ? 'proposed' : 'answered',
    // Nobody need answer any more.
    alsoMarks: outcome === null ? [] : ['proposed'],
    keepUntil: now + marksKeptMs,
    notice: isTold ? notice : null,
  }
}

function nameOf(actor: Actor): string {
  switch (actor.kind) {
    case 'principal':
      return actor.email ?? actor.principalId
    case 'operator':
      return `operator ${actor.account}`
    case 'service':
      return `${actor.name} (program of ${actor.owner})`
    case 'gateway':
      return 'Gatehouse'
  }
}
