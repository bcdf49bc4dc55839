import { createConnection, Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { AbstractConnector, Redis, type RedisOptions } from 'ioredis'
import { z } from 'zod'
import { describeError, type Logger } from './logger.js'
import { readReply } from './stored.js'

/** Where a server is. IPv6 addresses come without brackets. */
export interface ServerAddress {
  readonly host: string
  readonly port: number
}

/** Several servers, of which one at a time is the master: who to ask which. */
export interface Witnesses {
  readonly nodes: readonly ServerAddress[]
  readonly ask: (witness: Redis, at: ServerAddress) => Promise<Sighting | null>
  /** For the witnesses and for the master alike. */
  readonly tls: boolean
  readonly username?: string | undefined
  readonly password?: string | undefined
}

/** Who a witness takes for the master, and since which election: the later one is right. */
export interface Sighting extends ServerAddress {
  readonly epoch: number
}

/** Leads connections to the master, and away from who is master no more. */
export interface MasterFinder {
  /** For a client that is to talk to the master and to nobody else. */
  readonly settings: Pick<RedisOptions, 'Connector' | 'tls' | 'reconnectOnError' | 'retryStrategy'>
  close(): void
}

/**
 * Four times a second, so that a master who has lost an election without noticing is left well within the
 * second in which a revocation takes effect. A question, and not what servers would publish: a message
 * that is lost says nothing.
 */
const lookMs = 250
const answerMs = 300
const connectMs = 1_000
/** Shorter than with a single server: there is somewhere else to go. */
const longestPauseMs = 250

/**
 * `{gatehouse}`, the hash tag of all keys, lies in this slot of a Cluster (`CLUSTER KEYSLOT`), so all that
 * Gatehouse keeps is on one master at a time.
 */
const ownSlot = 7_783

/**
 * Not ioredis's own clients for Sentinel and Cluster. The one takes the first answer, that of a sentinel cut off
 * together with the old master too; the other sends again by itself what failed, when nobody waits for it any
 * more; and neither leaves a master that is frozen or has been voted out unless that says so itself.
 */
export function createMasterFinder(witnesses: Witnesses, logger: Logger): MasterFinder {
  const asked = witnesses.nodes.map((at) => connectWitness(at, witnesses))
  /** The streams to Redis that are open, and whom they lead to. */
  const streams = new Map<Socket, ServerAddress>()
  let known: Sighting | null = null
  let problem = ''

  const lookOnce = async (): Promise<ServerAddress | null> => {
    const answers = await Promise.allSettled(asked.map(({ answer }) => answer()))
    const seen = answers.flatMap((each) => (each.status === 'fulfilled' && each.value ? [each.value] : []))
    const newest = seen.reduce<Sighting | null>(
      (best, each) => (best === null || each.epoch > best.epoch ? each : best),
      null,
    )
    if (newest === null) {
      const failed = answers.find((each) => each.status === 'rejected')
      const before = problem
      problem = failed === undefined ? 'no master is known there' : describeError(failed.reason)
      if (before === '') logger.error('redis: nobody says which server is the master', { problem })
      return null
    }
    problem = ''
    // Who has missed an election is not believed, unless all have: then the servers were set up anew.
    if (known === null || newest.epoch >= known.epoch || seen.length === asked.length) {
      const { host, port } = newest
      if (known === null || !isSame(known, newest)) logger.info('redis: master found', { host, port })
      known = newest
    }
    for (const [stream, to] of streams) if (!isSame(to, known)) stream.destroy()
    return known
  }
  let looking: Promise<ServerAddress | null> | null = null
  const look = (): Promise<ServerAddress | null> =>
    (looking ??= lookOnce().finally(() => {
      looking = null
    }))

  let isClosed = false
  let timer: NodeJS.Timeout | undefined
  const watch = async (): Promise<void> => {
    await look()
    if (!isClosed) timer = setTimeout(() => void watch(), lookMs)
  }
  void watch()

  /** Whoever breaks off one connection, or says there to be no master, may answer another from the past. */
  const leave = (): void => {
    for (const stream of streams.keys()) stream.destroy()
  }

  class Connector extends AbstractConnector {
    constructor() {
      super(answerMs)
    }

    /** Never rejects: after that ioredis would not try again. */
    override async connect(): Promise<Socket> {
      this.connecting = true
      const isLeft = (): boolean => !this.connecting
      const master = await look()
      // A destroyed one is to ioredis a connection that broke at once.
      this.stream = master === null || isLeft() ? new Socket().destroy() : this.dial(master)
      if (master === null) this.firstError = new Error(`nobody says which Redis is the master: ${problem}`)
      this.stream.once('error', (error) => {
        this.firstError = error
      })
      return this.stream
    }

    private dial(to: ServerAddress): Socket {
      const { host, port } = to
      const stream = witnesses.tls ? connectTls({ host, port }) : createConnection({ host, port })
      streams.set(stream, to)
      stream.once('close', () => streams.delete(stream))
      stream.once('connect', () => {
        // Closed by the other end: while we close it ourselves, ioredis is not connecting any more.
        stream.once('close', () => {
          if (this.connecting) leave()
        })
      })
      return stream
    }

    override check(info: { readonly role?: string }): boolean {
      if (info.role === 'master') return true
      leave()
      return false
    }
  }

  return {
    settings: {
      Connector,
      ...(witnesses.tls ? { tls: {} } : {}),
      retryStrategy: (attempt) => Math.min(50 * attempt, longestPauseMs),
      reconnectOnError: ({ message }) => {
        if (/^(?:MOVED|READONLY)\b/.test(message)) leave()
        return false
      },
    },
    close: () => {
      isClosed = true
      clearTimeout(timer)
      for (const { close } of asked) close()
    },
  }
}

function connectWitness(at: ServerAddress, { ask, tls, username, password }: Witnesses) {
  const client = new Redis({
    host: at.host,
    port: at.port,
    ...(tls ? { tls: {} } : {}),
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    connectionName: 'gatehouse-look',
    connectTimeout: connectMs,
    commandTimeout: answerMs,
    disconnectTimeout: answerMs,
    enableReadyCheck: false,
    enableOfflineQueue: false,
    maxRetriesPerRequest: 0,
    retryStrategy: (attempt) => Math.min(50 * attempt, connectMs),
  })
  const name = `${at.host}:${String(at.port)}`
  let problem: string | null = null
  client.on('error', (error: Error) => {
    problem = describeError(error)
  })
  client.on('ready', () => {
    problem = null
  })
  // Nobody is passed over only because the first connection to it has just begun.
  const tried = new Promise<void>((resolve) => {
    client.once('ready', resolve)
    client.once('close', resolve)
  })
  return {
    answer: async (): Promise<Sighting | null> => {
      await tried
      try {
        return await ask(client, at)
      } catch (error) {
        throw new Error(`${name}: ${problem ?? describeError(error)}`, { cause: error })
      }
    },
    close: () => {
      client.disconnect()
    },
  }
}

function isSame(a: ServerAddress, b: ServerAddress): boolean {
  return a.host === b.host && a.port === b.port
}

const sentinelAddressSchema = z.tuple([z.string(), z.coerce.number()]).nullable()
const sentinelFieldsSchema = z.array(z.string())

/** For servers under Redis Sentinel, where `name` is what the sentinels call the master. */
export function askSentinel(name: string): Witnesses['ask'] {
  return async (sentinel) => {
    const [address, description] = await Promise.all([
      // Unlike the description, this names the new master as soon as that has accepted.
      sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', name),
      sentinel.call('SENTINEL', 'MASTER', name),
    ])
    const found = readReply(sentinelAddressSchema, address)
    const fields = readReply(sentinelFieldsSchema, description)
    const epoch = Number(fields[fields.indexOf('config-epoch') + 1])
    return found === null || Number.isNaN(epoch) ? null : { host: found[0], port: found[1], epoch }
  }
}

/** For a Redis Cluster: the master of the slot that holds all we keep. */
export const askClusterNode: Witnesses['ask'] = async (node, at) =>
  findSlotOwner(readReply(z.string(), await node.call('CLUSTER', 'NODES')), at.host)

/**
 * The owner of our slot in the text of `CLUSTER NODES`; null when it has none.
 * @param askedAt the host of the node that was asked, which may not know its own address
 */
export function findSlotOwner(text: string, askedAt: string): Sighting | null {
  for (const line of text.split('\n')) {
    const [, place = '', flags = '', , , , epoch, , ...slots] = line.trim().split(' ')
    // ip:port@bus,hostname,…: whoever announces a name has a reason to, such as its certificate.
    const [, ip = '', port, name] = /^(.*):(\d+)@\d+(?:,([^,]*))?/.exec(place) ?? []
    if (!flags.split(',').includes('master') || !slots.some(holdsOwnSlot)) continue
    const host = (name ?? '') || ip || askedAt
    return { host, port: Number(port), epoch: Number(epoch) }
  }
  return null
}

/** `7783`, or `5461-10922`; `[7783->-…]` tells of a slot that is being moved. */
function holdsOwnSlot(range: string): boolean {
  const [first, last = first] = range.split('-').map(Number)
  return first !== undefined && last !== undefined && first <= ownSlot && ownSlot <= last
}
