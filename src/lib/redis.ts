import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { Redis, type ChainableCommander } from 'ioredis'
import { createBreaker } from './breaker.js'
import { GatehouseError } from './errors.js'
import { describeError, type Logger } from './logger.js'
import {
  askClusterNode,
  askSentinel,
  createMasterFinder,
  type MasterFinder,
  type ServerAddress,
} from './redis-master.js'

export type { ChainableCommander }

/** Every key carries this hash tag, so that transactions stay possible on a Cluster. */
const keyPrefix = '{gatehouse}:'

/**
 * The one shared store. Every failure of Redis, slowness included, comes out as `store-unavailable`:
 * who cannot read the state cannot decide.
 */
export interface Store {
  /** `key('grant', id)` → `{gatehouse}:grant:<id>`. */
  key(...parts: string[]): string
  /** Runs commands and turns their failure into `store-unavailable`. */
  run<T>(work: (redis: Redis) => Promise<T>): Promise<T>
  /** MULTI/EXEC: all of `fill` or nothing. Results in order. */
  transaction(fill: (multi: ChainableCommander) => void): Promise<unknown[]>
  /** One round trip, not atomic. Results in order. */
  pipeline(fill: (pipeline: ChainableCommander) => void): Promise<unknown[]>
  /** A Lua script, atomic by nature; loaded once, called by its hash. */
  script(lua: string): (keys: string[], args: (string | number)[]) => Promise<unknown>
  /** Whether the last contact succeeded. */
  isReady(): boolean
  /** For commands, which start and ask at once: resolves when connected, else throws `store-unavailable`. */
  untilReady(limitMs: number): Promise<void>
  /** A connection of its own for blocking reads; the caller closes it. */
  dedicated(commandTimeoutMs: number): Redis
  close(): Promise<void>
}

/** One server, the master of several under Sentinel, or the one of a Cluster that holds what we keep. */
export type StorePlace =
  | {
      /** `redis://`, `rediss://`, or `unix:/path/to.sock`. */
      readonly url: string
      readonly sentinel?: undefined
      readonly cluster?: undefined
    }
  | {
      readonly url?: undefined
      readonly sentinel: {
        /** What the sentinels call the master. */
        readonly name: string
        readonly nodes: readonly ServerAddress[]
        /** Of the sentinels themselves. */
        readonly password?: string | undefined
        /** At the sentinels and at the servers. */
        readonly tls: boolean
      }
      readonly cluster?: undefined
    }
  | {
      readonly url?: undefined
      readonly sentinel?: undefined
      readonly cluster: { readonly nodes: readonly ServerAddress[]; readonly tls: boolean }
    }

export type StoreOptions = StorePlace & {
  readonly username?: string | undefined
  readonly password?: string | undefined
  /** How long a command may take. Default: 300 ms. */
  readonly limitMs?: number | undefined
}

const commandTimeoutMs = 300
/** What the client library asks for itself when it connects is bounded by its own limit alone. */
const clientLimitMs = 1_000

/**
 * Connects in the background: a Redis that is down does not stop the process, it stops decisions.
 * ioredis by default waits 20 to 40 s for a dead server and queues commands meanwhile; nobody at a
 * closed gate waits that long, and a queued decision is a stale one.
 */
export function connectStore(options: StoreOptions, logger: Logger): Store {
  const master = findMaster(options, logger)
  const redis = open(options, master, Math.max(clientLimitMs, options.limitMs ?? 0), 'gatehouse')
  let lastProblem = ''
  redis.on('error', (error: Error) => {
    const problem = describeError(error)
    if (problem !== lastProblem) logger.error('redis: connection failed', { problem })
    lastProblem = problem
  })
  redis.on('ready', () => {
    lastProblem = ''
    logger.info('redis: connected')
  })

  const breaker = createBreaker({
    limitMs: options.limitMs ?? commandTimeoutMs,
    probe: () => redis.ping(),
    reconnect: () => {
      redis.disconnect(true)
    },
  })
  const guard = async <T>(work: () => Promise<T>): Promise<T> => {
    try {
      return await breaker.run(work)
    } catch (error) {
      if (error instanceof GatehouseError) throw error
      throw unavailable(error)
    }
  }
  const collect = async (commands: ChainableCommander): Promise<unknown[]> => {
    const replies = await commands.exec()
    // ioredis answers null for an aborted transaction; nothing here uses WATCH, so it is a failure.
    if (replies === null) throw new Error('transaction aborted')
    return replies.map(([error, value]) => {
      if (error) throw error
      return value
    })
  }

  return {
    key: (...parts) => keyPrefix + parts.join(':'),
    run: (work) => guard(() => work(redis)),
    transaction: (fill) =>
      guard(() => {
        const multi = redis.multi()
        fill(multi)
        return collect(multi)
      }),
    pipeline: (fill) =>
      guard(() => {
        const pipeline = redis.pipeline()
        fill(pipeline)
        return collect(pipeline)
      }),
    script: (lua) => {
      const hash = createHash('sha1').update(lua).digest('hex')
      return (keys, args) =>
        guard(async () => {
          try {
            return await redis.evalsha(hash, keys.length, ...keys, ...args)
          } catch (error) {
            if (!describeError(error).includes('NOSCRIPT')) throw error
            return redis.eval(lua, keys.length, ...keys, ...args)
          }
        })
    },
    isReady: () => redis.status === 'ready' && !breaker.isOpen(),
    untilReady: async (limitMs) => {
      try {
        if (redis.status !== 'ready') await once(redis, 'ready', { signal: AbortSignal.timeout(limitMs) })
      } catch (error) {
        throw unavailable(error)
      }
    },
    dedicated: (timeoutMs) => {
      const connection = open(options, master, timeoutMs, 'gatehouse-follow')
      connection.on('error', () => undefined) // the main connection reports the same failure
      return connection
    },
    close: async () => {
      breaker.stop()
      await breaker.run(() => redis.quit()).catch(() => undefined)
      redis.disconnect()
      master?.close()
    },
  }
}

function unavailable(cause: unknown): GatehouseError {
  return new GatehouseError('store-unavailable', 'Access cannot be checked right now.', { cause })
}

/** Null for a single server: that is the master. */
function findMaster(
  { sentinel, cluster, username, password }: StoreOptions,
  logger: Logger,
): MasterFinder | null {
  if (sentinel) return createMasterFinder({ ...sentinel, ask: askSentinel(sentinel.name) }, logger)
  if (cluster) return createMasterFinder({ ...cluster, ask: askClusterNode, username, password }, logger)
  return null
}

function open(
  options: StoreOptions,
  master: MasterFinder | null,
  timeoutMs: number,
  connectionName: string,
): Redis {
  const settings = {
    connectionName,
    commandTimeout: timeoutMs,
    connectTimeout: 1_000,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    // ioredis waits this long for the end of a connection that is gone already: 2 s of silence after a command.
    disconnectTimeout: commandTimeoutMs,
    // While Redis reads its files, ioredis would look again once a second at the soonest.
    maxLoadingRetryTime: 100,
    autoResendUnfulfilledCommands: false,
    // With the limit of a connection, well within the two seconds of its return in which we serve again.
    retryStrategy: (attempt: number) => Math.min(50 * attempt, 500),
    ...(options.username === undefined ? {} : { username: options.username }),
    ...(options.password === undefined ? {} : { password: options.password }),
    ...master?.settings,
  }
  if (options.url === undefined) return new Redis(settings)
  return options.url.startsWith('unix:')
    ? new Redis({ ...settings, path: options.url.slice('unix:'.length) })
    : new Redis(options.url, settings)
}
