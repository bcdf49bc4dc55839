import type { Clock, Timer } from '../../src/lib/index.js'

interface Pending {
  readonly due: number
  readonly callback: () => void
}

/**
 * Time that passes only when a test says so. Wall time and monotonic time advance together;
 * `step` moves the wall alone, as an administrator or a bad time server would.
 */
export class TestClock implements Clock {
  #wall: number
  #monotonic = 0
  #stepped = 0
  readonly #pending = new Set<Pending>()

  constructor(startMs = Date.now()) {
    this.#wall = startMs
  }

  now(): number {
    return this.#wall
  }

  monotonic(): number {
    return this.#monotonic
  }

  after(delayMs: number, callback: () => void): Timer {
    const entry = { due: this.#monotonic + Math.max(0, delayMs), callback }
    this.#pending.add(entry)
    return {
      cancel: () => {
        this.#pending.delete(entry)
      },
    }
  }

  /** Lets time pass; what falls due meanwhile is called in order, at its own instant. */
  async advance(by: { hours?: number; minutes?: number; seconds?: number; ms?: number }): Promise<void> {
    const { hours = 0, minutes = 0, seconds = 0, ms = 0 } = by
    const target = this.#monotonic + ((hours * 60 + minutes) * 60 + seconds) * 1000 + ms
    for (let next = this.#nextBefore(target); next; next = this.#nextBefore(target)) {
      this.#moveTo(next.due)
      this.#pending.delete(next)
      next.callback()
      await new Promise((resolve) => setImmediate(resolve))
    }
    this.#moveTo(target)
    await new Promise((resolve) => setImmediate(resolve))
  }

  /** From now on time passes by itself, as it does outside; gives back what stops it. */
  keepPace(): () => void {
    let last = Math.round(performance.now())
    const timer = setInterval(() => {
      // Whole milliseconds, as every clock of the product gives.
      const now = Math.round(performance.now())
      void this.advance({ ms: now - last })
      last = now
    }, 100)
    return () => {
      clearInterval(timer)
    }
  }

  /** The wall clock is set to another time; monotonic time does not notice. */
  step(byMs: number): void {
    this.#wall += byMs
    this.#stepped += byMs
  }

  /** What a clock says that nobody has set. */
  trueTime(): number {
    return this.#wall - this.#stepped
  }

  #nextBefore(limit: number): Pending | undefined {
    let first: Pending | undefined
    for (const entry of this.#pending) {
      if (entry.due <= limit && (first === undefined || entry.due < first.due)) first = entry
    }
    return first
  }

  #moveTo(instant: number): void {
    const step = Math.max(0, instant - this.#monotonic)
    this.#monotonic += step
    this.#wall += step
  }
}
