/** How many requests, WebSockets included, may be under way at a time. */
export interface TurnstileLimits {
  readonly connections: number
  readonly perAddress: number
  readonly perSession: number
  readonly perEndpoint: number
}

/** Which of the limits was reached; stands in the ledger. */
export type Full = 'busy-total' | 'busy-address' | 'busy-session' | 'busy-endpoint'

/** One request, from its header to the end of its answer. */
export interface Slot {
  readonly address: string
  sessionId: string | null
  endpointId: string | null
}

/** Counts what is under way, so that no client, person or machine takes the place of all others. */
export interface Turnstile {
  /** @returns what to give back with `leave`, or what is full */
  enter(address: string): Slot | Full
  /** Once it is known who asks, and for what. @returns what is full, if anything; `leave` is due all the same */
  identify(
    slot: Slot,
    who: { sessionId: string; endpointId: string | null; isPrivileged: boolean },
  ): Full | null
  leave(slot: Slot): void
}

/** For those who can stop the others: of the total, one in so many. */
const reservedOneIn = 20

export function createTurnstile(limits: TurnstileLimits): Turnstile {
  const open = Math.floor(limits.connections * (1 - 1 / reservedOneIn))
  const addresses = new Counts()
  const sessions = new Counts()
  const endpoints = new Counts()
  let total = 0

  return {
    enter(address) {
      // Who it is takes a moment to tell; until then nobody is refused for want of the reserve.
      if (total >= limits.connections) return 'busy-total'
      if (addresses.of(address) >= limits.perAddress) return 'busy-address'
      total += 1
      addresses.add(address)
      return { address, sessionId: null, endpointId: null }
    },
    identify(slot, { sessionId, endpointId, isPrivileged }) {
      if (total > open && !isPrivileged) return 'busy-total'
      if (sessions.of(sessionId) >= limits.perSession) return 'busy-session'
      if (endpointId !== null && endpoints.of(endpointId) >= limits.perEndpoint) return 'busy-endpoint'
      slot.sessionId = sessionId
      sessions.add(sessionId)
      slot.endpointId = endpointId
      if (endpointId !== null) endpoints.add(endpointId)
      return null
    },
    leave({ address, sessionId, endpointId }) {
      total -= 1
      addresses.remove(address)
      if (sessionId !== null) sessions.remove(sessionId)
      if (endpointId !== null) endpoints.remove(endpointId)
    },
  }
}

/** How many there are of each; nothing is kept of what there is none of. */
export class Counts {
  readonly #counts = new Map<string, number>()

  get size(): number {
    return this.#counts.size
  }

  of(key: string): number {
    return this.#counts.get(key) ?? 0
  }

  add(key: string): void {
    this.#counts.set(key, this.of(key) + 1)
  }

  remove(key: string): void {
    const left = this.of(key) - 1
    if (left > 0) this.#counts.set(key, left)
    else this.#counts.delete(key)
  }
}
