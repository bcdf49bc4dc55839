import { systemClock, type Clock, type Logger, type Timer } from '../lib/index.js'
import type { Endpoint } from '../model.js'
import { Connection } from './connections.js'
import { createAccounts } from './credentials.js'
import { Roster } from './roster.js'
import type { RequestHead, Upstream, UpstreamEvents, UpstreamTimeouts } from './upstream.js'
import { WireCall } from './wire-client.js'

const defaultTimeouts: UpstreamTimeouts = { connectMs: 5_000, firstByteMs: null, idleSocketMs: 4_000 }
/** How often limits are looked at. One look at all calls costs less than a timer for each. */
const tickMs = 50

export interface Upstreams {
  for(endpoint: Endpoint, passId: string): Upstream
  /** The pass is over: closes all of its connections, used ones too, and forgets its sign-in. Cut its streams first. */
  release(passId: string): void
  close(): void
}

interface UpstreamsOptions {
  readonly logger: Logger
  /** For what is remembered of sign-ins at machines; input and output run on real time. */
  readonly clock: Clock
  readonly timeouts?: Partial<UpstreamTimeouts> | undefined
}

/**
 * Connections are pooled per pass and never shared between people, so that an answer that a machine was
 * tricked into sending early reaches only the one who tricked it. What is shared is the number of them,
 * where a machine stands no more.
 */
export function createUpstreams(options: UpstreamsOptions): Upstreams {
  const machines = new Map<string, Machine>()
  const accounts = createAccounts(options)
  let ticker: Timer | null = null

  const tick = (): void => {
    ticker = null
    const now = systemClock.monotonic()
    for (const [id, machine] of machines) if (!machine.tick(now)) machines.delete(id)
    if (machines.size > 0) ticker = systemClock.after(tickMs, tick)
  }
  const machineOf = (endpoint: Endpoint): Machine => {
    // By address too: a reloaded configuration may give an id to another machine.
    const id = `${endpoint.id} ${endpoint.upstream.origin}`
    const known = machines.get(id)
    if (known !== undefined) return known
    const machine = new Machine(endpoint, options)
    machines.set(id, machine)
    ticker ??= systemClock.after(tickMs, tick)
    return machine
  }

  return {
    for: (endpoint, passId) =>
      accounts.signedIn(
        {
          origin: endpoint.upstream,
          send: (head, events) => machineOf(endpoint).send(passId, head, events),
        },
        endpoint,
        passId,
      ),
    release: (passId) => {
      accounts.release(passId)
      for (const machine of machines.values()) machine.release(passId)
    },
    close: () => {
      ticker?.cancel()
      for (const machine of machines.values()) machine.close()
      machines.clear()
    },
  }
}

/** The connections of one pass to one machine. */
interface Pool {
  readonly open: Set<Connection>
  /** The one used last at the end: it is the least likely to be closing. */
  readonly idle: Connection[]
}

/** One machine and all connections to it. */
class Machine {
  readonly #endpoint: Endpoint
  readonly #options: UpstreamsOptions
  readonly #timeouts: UpstreamTimeouts
  readonly #pools = new Map<string, Pool>()
  readonly #calls = new Roster<WireCall>()
  /** Those that wait for a connection, the first to be served first. */
  readonly #waiting: { readonly call: WireCall; readonly passId: string }[] = []
  #open = 0

  constructor(endpoint: Endpoint, options: UpstreamsOptions) {
    this.#endpoint = endpoint
    this.#options = options
    this.#timeouts = { ...defaultTimeouts, ...options.timeouts }
  }

  send(passId: string, head: RequestHead, events: UpstreamEvents): WireCall {
    const call = new WireCall({
      head,
      events,
      connectMs: this.#timeouts.connectMs,
      firstByteMs: this.#timeouts.firstByteMs ?? this.#endpoint.limits.firstByteMs,
      onProblem: (problem) => {
        this.#options.logger.warn('upstream: request failed', { endpointId: this.#endpoint.id, problem })
      },
      onSettled: (settled) => {
        this.#calls.delete(settled)
      },
    })
    this.#calls.add(call)
    const connection = this.#connectionFor(passId)
    if (connection === null) this.#waiting.push({ call, passId })
    else call.start(connection)
    return call
  }

  /** False when there is nothing left to look after. */
  tick(now: number): boolean {
    for (const call of this.#calls) call.expire(now)
    for (const { idle } of this.#pools.values())
      for (const connection of idle)
        if (now - connection.idleSince >= this.#timeouts.idleSocketMs) connection.destroy()
    return this.#open > 0 || this.#calls.size > 0
  }

  release(passId: string): void {
    for (const connection of this.#pools.get(passId)?.open ?? []) connection.destroy()
  }

  close(): void {
    for (const passId of this.#pools.keys()) this.release(passId)
  }

  /** Null: one has to be given back first. */
  #connectionFor(passId: string): Connection | null {
    const idle = this.#pools.get(passId)?.idle
    for (let connection = idle?.pop(); connection !== undefined; connection = idle?.pop())
      if (connection.mayReuse) return connection
    const limit = this.#endpoint.limits.connections
    if (limit === null || this.#open < limit) return this.#connect(passId)
    // Another pass holds one that nobody uses: it is closed, never lent, and its place is free then.
    this.#longestIdle()?.destroy()
    return null
  }

  #connect(passId: string): Connection {
    const pool = this.#pools.get(passId) ?? { open: new Set(), idle: [] }
    this.#pools.set(passId, pool)
    const connection = new Connection(this.#endpoint, {
      onIdle: (free) => {
        free.idleSince = systemClock.monotonic()
        pool.idle.push(free)
        this.#serveWaiting()
      },
      onClose: (closed) => {
        this.#open -= 1
        pool.open.delete(closed)
        const place = pool.idle.indexOf(closed)
        if (place !== -1) pool.idle.splice(place, 1)
        if (pool.open.size === 0 && this.#pools.get(passId) === pool) this.#pools.delete(passId)
        this.#serveWaiting()
      },
    })
    this.#open += 1
    pool.open.add(connection)
    return connection
  }

  #serveWaiting(): void {
    for (let first = this.#waiting[0]; first !== undefined; first = this.#waiting[0]) {
      const connection = first.call.isWaiting ? this.#connectionFor(first.passId) : null
      if (connection === null && first.call.isWaiting) return
      this.#waiting.shift()
      if (connection !== null) first.call.start(connection)
    }
  }

  #longestIdle(): Connection | null {
    let longest: Connection | null = null
    for (const { idle } of this.#pools.values())
      for (const connection of idle)
        if (longest === null || connection.idleSince < longest.idleSince) longest = connection
    return longest
  }
}
