import type { Clock } from '../../lib/index.js'

const minuteMs = 60_000

/**
 * How fast each token may call this instance: as many calls as it may make in a minute at once, and then one after the
 * other as that minute passes.
 */
export interface Pace {
  /** Null where the call may go on; else the seconds after which it may. */
  waitSeconds(tokenId: string): number | null
}

export function createPace({ clock, callsPerMinute }: { clock: Clock; callsPerMinute: number }): Pace {
  /** For each token, the instant at which all that it has called is paid for. */
  const paidAt = new Map<string, number>()
  const eachMs = minuteMs / callsPerMinute

  return {
    waitSeconds(tokenId) {
      const now = clock.monotonic()
      const due = Math.max(paidAt.get(tokenId) ?? 0, now) + eachMs
      // A millisecond more than exact: sums of fractions must not cost the last call.
      const lateMs = due - now - minuteMs - 1
      if (lateMs > 0) return Math.max(1, Math.ceil(lateMs / 1_000))
      paidAt.set(tokenId, due)
      return null
    },
  }
}
