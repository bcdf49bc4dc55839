import type { EndingLimits, EpochMs, Grant, TimeWindow } from '../model.js'

/** What the time of a grant depends on. */
export type TimedGrant = Pick<Grant, 'from' | 'until'> & {
  readonly conditions: Pick<Grant['conditions'], 'windows'>
}

export type GrantState =
  'grant-active' | 'grant-not-started' | 'grant-outside-window' | 'grant-ended' | 'grant-revoked'

/** Where a grant stands at an instant. Its parts are half-open: `from` is inside, `until` is not. */
export function grantState(grant: TimedGrant & Pick<Grant, 'revocation'>, at: EpochMs): GrantState {
  if (grant.revocation !== null) return 'grant-revoked'
  // Written so that NaN, were it ever stored, ends a grant instead of keeping it open.
  if (!(at < endsAt(grant))) return 'grant-ended'
  const { from, until } = spanAt(grant, at)
  if (at >= from) return at < until ? 'grant-active' : 'grant-outside-window'
  return 'grant-not-started'
}

/** When it is over for good: at its end, or with the last of its windows. */
export function endsAt({ until, conditions: { windows } }: TimedGrant): EpochMs {
  const last = windows.at(-1)
  return last === undefined ? until : Math.min(until, last.until)
}

/**
 * The part of its time that counts at an instant: all of it, or the window that began last; before the first of them,
 * that one.
 */
export function spanAt(grant: TimedGrant, at: EpochMs): TimeWindow {
  const { from, until } = grant
  const { windows } = grant.conditions
  // Not by destructuring, which goes through an iterator: this is asked of ten thousand grants for one page.
  const first = windows[0]
  if (first === undefined) return { from, until }
  const begun = windows.findLast((window) => window.from <= at) ?? first
  return { from: begun.from, until: Math.min(begun.until, until) }
}

/** When it begins to be valid, or is again; null where it never will be. */
export function nextStart(grant: TimedGrant & Pick<Grant, 'revocation'>, at: EpochMs): EpochMs | null {
  const state = grantState(grant, at)
  if (state === 'grant-not-started') return spanAt(grant, at).from
  if (state !== 'grant-outside-window') return null
  return grant.conditions.windows.find(({ from }) => from > at)?.from ?? null
}

/** Where the parts of the span of a grant lie, at an instant, that its access and its ending make. */
export function phasesOf(
  grant: TimedGrant & Pick<Grant, 'access' | 'ending' | 'firstUsedAt'>,
  { drainMs, readOnlyMs }: EndingLimits,
  at: EpochMs,
): {
  /** From here on it allows no more than looking; null for never. */
  readonly viewOnlyFrom: EpochMs | null
  /** Until here requests may run that began before its end. */
  readonly drainsUntil: EpochMs
} {
  const { access, ending } = grant
  const { from, until } = spanAt(grant, at)
  const drainsUntil = ending === 'drain' ? until + drainMs : until
  if (access !== 'operate') return { viewOnlyFrom: 0, drainsUntil }
  const isReadOnlyAtLast = ending === 'read-only'
  // A short grant must leave time to work: whoever gets five minutes is not to spend all of them looking.
  const lookingMs = Math.min(readOnlyMs, Math.floor((until - (grant.firstUsedAt ?? from)) / 2))
  return { viewOnlyFrom: isReadOnlyAtLast ? until - lookingMs : null, drainsUntil }
}

/** Whether a grant, or its window, is over for whatever is new, and what it has opened may still finish. */
export function isDraining(grant: Grant, at: EpochMs, limits: EndingLimits): boolean {
  const state = grantState(grant, at)
  const isOver = state === 'grant-ended' || state === 'grant-outside-window'
  return isOver && at < phasesOf(grant, limits, at).drainsUntil
}
