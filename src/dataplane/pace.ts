import { systemClock, type Clock, type Timer } from '../lib/index.js'
import { Roster, type Member } from './roster.js'

/** How slow a client may be. */
export interface PaceLimits {
  /** How long a client may leave alone what waits for it to read. */
  readonly stalledMs: number
  /** The least that a client sends of a body, as a mean over half a minute, while we wait for it. */
  readonly bodyBytesPerSecond: number
}

/** Something that moves bytes for a client, for as long as it does. */
export interface Paced extends Member {
  /** Called about once a second. @param nowMs on the monotonic clock */
  tick(nowMs: number): void
}

/** Looks at everything that moves bytes, so that nobody holds a connection, or a machine, by doing nothing. */
export interface Pace extends PaceLimits {
  watch(paced: Paced): void
  forget(paced: Paced): void
}

/** One look at all costs less than a timer for each: nearly every request is over before the next look. */
const tickMs = 1_000

/** @param clock the system's own where it serves, as for all limits of input and output: it decides nothing */
export function createPace(limits: PaceLimits, clock: Clock = systemClock): Pace {
  const watched = new Roster<Paced>()
  let ticker: Timer | null = null

  const tick = (): void => {
    ticker = null
    const now = clock.monotonic()
    for (const paced of watched) paced.tick(now)
    if (watched.size > 0) ticker = clock.after(tickMs, tick)
  }

  return {
    ...limits,
    watch: (paced) => {
      watched.add(paced)
      ticker ??= clock.after(tickMs, tick)
    },
    forget: (paced) => {
      watched.delete(paced)
    },
  }
}

/** For how long a figure has not changed. */
export class Stillness {
  #value = NaN
  #since = 0

  /** Milliseconds since it was first told this value. */
  of(value: number, nowMs: number): number {
    if (value !== this.#value) {
      this.#value = value
      this.#since = nowMs
    }
    return nowMs - this.#since
  }
}

const windowMs = 30_000

/** Whether a body comes at a rate that somebody could mean. */
export class BodyRate {
  readonly #bytesPerSecond: number
  #since: number | null = null
  #bytes = 0

  constructor(bytesPerSecond: number) {
    this.#bytesPerSecond = bytesPerSecond
  }

  /** @param isAwaited false while it is us, or the machine, who take nothing */
  isTooLow(bytes: number, isAwaited: boolean, nowMs: number): boolean {
    if (!isAwaited || this.#since === null) {
      this.#since = isAwaited ? nowMs : null
      this.#bytes = bytes
      return false
    }
    const spentMs = nowMs - this.#since
    if (spentMs < windowMs) return false
    const isLow = bytes - this.#bytes < (this.#bytesPerSecond * spentMs) / 1_000
    this.#since = nowMs
    this.#bytes = bytes
    return isLow
  }
}
