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

/** Set back by less, nobody need be told. */
const toldFromMs = 2_000

/**
 * The same, but wall time never falls behind what has passed since it was furthest ahead: while a clock that was
 * set back lives an hour twice, every grant would last an hour longer. A clock that was wrongly ahead, and is set
 * right, is therefore obeyed only after a restart; until then grants end early, which is the safe side.
 *
 * @param onSetBack called with how far, when it begins to be held
 */
export function neverBack(clock: Clock, onSetBack: (byMs: number) => void): Clock {
  let furthest = { wall: clock.now(), at: clock.monotonic() }
  let isTold = false
  return {
    now: () => {
      const [wall, at] = [clock.now(), clock.monotonic()]
      const held = Math.floor(furthest.wall + (at - furthest.at))
      const isBehind = held - wall > toldFromMs
      if (isBehind && !isTold) onSetBack(held - wall)
      isTold = isBehind
      if (wall < held) return held
      furthest = { wall, at }
      return wall
    },
    monotonic: () => clock.monotonic(),
    after: (delayMs, callback) => clock.after(delayMs, callback),
  }
}
