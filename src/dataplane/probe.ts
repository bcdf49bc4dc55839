import { randomInt } from 'node:crypto'
import { GatehouseError, type Clock, type ErrorCode, type Logger, type Timer } from '../lib/index.js'
import type { Endpoint, EpochMs } from '../model.js'
import { ask } from './own-request.js'
import type { Upstreams } from './pools.js'

/** What is known of a machine that is asked how it is. */
export interface Health {
  readonly endpointId: string
  readonly state: 'reachable' | 'unreachable'
  /** When it was first found so. */
  readonly since: EpochMs
  readonly checkedAt: EpochMs
  /** Of its last answer, whatever that was: who answers is there. Null for one that is unreachable. */
  readonly status: number | null
  /** Why it is unreachable; null for one that is not. */
  readonly problem: ErrorCode | null
}

export interface Probes {
  /** Of the machines that have been asked at least once. */
  list(): readonly Health[]
  close(): void
}

interface ProbesOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly upstreams: Upstreams
  readonly endpoints: readonly Endpoint[]
}

/** A number somewhere between the two. */
function between(least: number, most: number): number {
  const steps = 1_000
  return least + ((most - least) * randomInt(steps)) / steps
}

/** The pool of probes; passes have longer names. */
const poolName = 'probe'

/** Asks the machines that want it how they are: one request at a time, on a connection that is not kept. */
export function startProbes({ clock, logger, upstreams, endpoints }: ProbesOptions): Probes {
  const known = new Map<string, Health>()
  const timers = new Map<string, Timer>()
  let isClosed = false

  const note = (endpointId: string, found: Pick<Health, 'state' | 'status' | 'problem'>): void => {
    const before = known.get(endpointId)
    const checkedAt = clock.now()
    const isSame = before?.state === found.state
    known.set(endpointId, { endpointId, ...found, checkedAt, since: isSame ? before.since : checkedAt })
    if (isSame) return
    const { state, ...details } = found
    if (state === 'reachable') logger.info('probe: machine answers', { endpointId, ...details })
    else logger.warn('probe: machine does not answer', { endpointId, ...details })
  }

  const check = async (endpoint: Endpoint, path: string): Promise<void> => {
    try {
      const upstream = upstreams.for(endpoint, poolName)
      const { status } = await ask(upstream, {
        method: 'GET',
        target: path,
        headers: ['Connection', 'close'],
      })
      note(endpoint.id, { state: 'reachable', status, problem: null })
    } catch (error) {
      const problem = error instanceof GatehouseError ? error.code : 'internal'
      // All connections that it stands are in use by people: they would notice first.
      if (problem !== 'upstream-busy') note(endpoint.id, { state: 'unreachable', status: null, problem })
    }
  }

  const begin = (endpoint: Endpoint, path: string, intervalMs: number): void => {
    const askIn = (delayMs: number): void => {
      const timer = clock.after(delayMs, () => {
        void check(endpoint, path).finally(() => {
          if (!isClosed) askIn(intervalMs * between(0.9, 1.1))
        })
      })
      timers.set(endpoint.id, timer)
    }
    // Not all machines of a plant at once, over the one cable they share.
    askIn(intervalMs * between(0, 1))
  }

  for (const endpoint of endpoints) {
    // Unsigned: whoever answers that nobody is signed in is there.
    if (endpoint.probe !== null)
      begin({ ...endpoint, credentials: null }, endpoint.probe.path, endpoint.probe.intervalMs)
  }

  return {
    list: () => [...known.values()],
    close: () => {
      isClosed = true
      for (const timer of timers.values()) timer.cancel()
      upstreams.release(poolName)
    },
  }
}
