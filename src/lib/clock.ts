import { performance } from 'node:perf_hooks'

/** A pending call of a clock. Cancelling twice, or after it fired, does nothing. */
export interface Timer {
  cancel(): void
}

/**
 * The only source of time. Tests inject their own, so nothing else may ask the system what time it is.
 */
export interface Clock {
  /** Wall time: milliseconds since the Unix epoch. */
  now(): number
  /** Milliseconds on a clock that never steps; only differences mean anything. */
  monotonic(): number
  /**
   * Calls `callback` once, `delayMs` monotonic milliseconds from now, however long that is. Does not
   * keep the process alive.
   */
  after(delayMs: number, callback: () => void): Timer
}

/** Node clamps longer delays to 1 ms, which would cut a long grant at once. */
const longestNodeDelayMs = 2 ** 31 - 1

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
  after(delayMs, callback) {
    const due = performance.now() + delayMs
    let handle: NodeJS.Timeout
    const arm = (): void => {
      const left = due - performance.now()
      handle = setTimeout(
        left > longestNodeDelayMs ? arm : callback,
        Math.min(Math.max(left, 0), longestNodeDelayMs),
      )
      handle.unref()
    }
    arm()
    return {
      cancel: () => {
        // Node forgets a list of timers that has become empty only if the last of them kept the process alive.
        // Else each distinct delay, and so nearly each request of a long grant, stays until it would have been due.
        handle.ref()
        clearTimeout(handle)
      },
    }
  },
}
