import type { Clock } from './clock.js'

/** What another clock said, somewhere between the two monotonic instants. */
export interface Witness {
  readonly time: number
  readonly askedAt: number
  readonly answeredAt: number
}

/**
 * How the wall clock of this host stands. `skewed`: it is more than two seconds from the witness, and nobody
 * can tell which is right. `set-back`: both say that it is earlier than it must be by what was known before.
 */
export type ClockStanding = 'agreed' | 'skewed' | 'set-back'

/**
 * Wall time that no step of the wall clock moves: what is counted is the monotonic clock, from a point that
 * wall clock and witness have once agreed on. So a wall clock that is set back gives nobody more time, and one
 * that is set forward lets nobody in early. See docs/decisions/0009.
 */
export interface SteadyClock extends Clock {
  /** False until the wall clock has agreed with the witness once: it may have been wrong when we started. */
  readonly isTrusted: boolean
  /** @param witness null where there is none to be had; then the time of the start is believed, and kept */
  compare(witness: Witness | null): { standing: ClockStanding; skewMs: number }
  /** Calls back after time has moved on without the monotonic clock: this host was suspended, or corrected. */
  onLeap(listener: () => void): void
}

/** Further apart, and one of two clocks is wrong. */
export const clockToleranceMs = 2_000
/** From here on, what was reckoned before is reckoned anew. */
const leapMs = 250
/** Of the time that passes: the pace at which small corrections are followed backwards. */
const backwardPace = 1 / 1_000

export function createSteadyClock(outside: Clock): SteadyClock {
  let offset = outside.now() - outside.monotonic()
  let comparedAt = outside.monotonic()
  let isTrusted = false
  let unreviewed = 0
  const listeners: (() => void)[] = []
  const now = (): number => Math.round(outside.monotonic() + offset)

  const follow = (gap: number): ClockStanding => {
    const passed = outside.monotonic() - comparedAt
    comparedAt += passed
    if (gap < -clockToleranceMs) return 'set-back'
    const step = Math.max(gap, -passed * backwardPace)
    offset += step
    // Small steps add up: what was reckoned before the first of them would end later by all.
    unreviewed = Math.max(unreviewed + step, 0)
    if (unreviewed > leapMs) {
      unreviewed = 0
      for (const listener of listeners) listener()
    }
    return 'agreed'
  }

  return {
    now,
    monotonic: () => outside.monotonic(),
    after: (delayMs, callback) => outside.after(delayMs, callback),
    get isTrusted() {
      return isTrusted
    },
    compare: (witness) => {
      const wall = outside.now()
      const skewMs = witness === null ? 0 : kindestSkew(wall, outside.monotonic(), witness)
      if (Math.abs(skewMs) > clockToleranceMs) {
        // Which of them is right nobody can tell, but both say that time has passed, as after a suspension.
        const gap = wall - Math.max(skewMs, 0) - now()
        if (isTrusted && gap > clockToleranceMs) follow(gap)
        return { standing: 'skewed', skewMs }
      }
      // Nobody was let in by what was believed until now.
      if (!isTrusted) offset = wall - outside.monotonic()
      isTrusted = true
      return { standing: witness === null ? 'agreed' : follow(wall - now()), skewMs }
    },
    onLeap: (listener) => {
      listeners.push(listener)
    },
  }
}

/** The least that the wall clock can be ahead (or, negative, behind), wherever in the round trip the witness looked. */
function kindestSkew(wall: number, monotonic: number, { time, askedAt, answeredAt }: Witness): number {
  const atMost = wall - (monotonic - answeredAt) - time
  const atLeast = atMost - (answeredAt - askedAt)
  return Math.round(Math.max(Math.min(0, atMost), atLeast))
}
