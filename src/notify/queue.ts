import { z } from 'zod'
import { readReply, readStored, type Clock, type Logger, type Store, type Vouching } from '../lib/index.js'
import type { EpochMs } from '../model.js'
import type { News } from './news.js'
import { deliverySchema, type Delivery } from './notice.js'

/** What waits to be sent, and what could not be. */
export interface Queue {
  /** When notifications were first switched on here; set by whoever asks first. */
  since(): Promise<EpochMs>
  /**
   * Sets the mark of the news and queues the deliveries, both or nothing. False when another has set it before.
   */
  tell(news: News, deliveries: readonly Delivery[]): Promise<boolean>
  /** Those of one channel whose time has come, the one that waits longest first. */
  due(channel: string, atMost: number): Promise<Delivery[]>
  sent(delivery: Delivery): Promise<void>
  /** To be tried again at `at`. */
  postpone(delivery: Delivery, at: EpochMs): Promise<void>
  /** Not to be tried again, unless somebody asks for it. */
  giveUp(delivery: Delivery): Promise<void>
  /** Everything that waits or was given up, the oldest first. */
  list(): Promise<Listed[]>
  /** Puts what was given up, or waits, first. False when there is none of that id. */
  retry(id: string): Promise<boolean>
  /** Gives up what waits for channels that nobody has configured any more, and forgets what was given up long ago. */
  tidy(channels: readonly string[]): Promise<void>
  counts(): Promise<QueueCounts>
}

export interface Listed extends Delivery {
  readonly state: 'waiting' | 'given-up'
  /** When it is tried next, or when it was given up. */
  readonly at: EpochMs
}

export interface QueueCounts {
  readonly waiting: number
  readonly givenUp: number
  /** Since ever. */
  readonly dropped: number
}

/** More than a plant has to say in weeks. Beyond it, the oldest goes: nobody's access may depend on a dead mail server. */
const keptAtMost = 10_000
const givenUpKeptMs = 30 * 24 * 3_600_000
/** Of a tidying-up, at a time. */
const portion = 500

const idsSchema = z.array(z.string())
const textsSchema = z.array(z.string().nullable())

/** ARGV: mark, its value, life in ms, limit, prefix of the due keys, number of other marks, those, then id, channel, text, instant of each. */
const tellScript = `
  if redis.call('HSETNX', KEYS[1], ARGV[1], ARGV[2]) == 0 then return -1 end
  local others = tonumber(ARGV[6])
  for i = 7, 6 + others do redis.call('HSETNX', KEYS[1], ARGV[i], ARGV[2]) end
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
  for i = 7 + others, #ARGV, 4 do
    local id, channel, at = ARGV[i], ARGV[i + 1], ARGV[i + 3]
    if redis.call('HSETNX', KEYS[2], id, ARGV[i + 2]) == 1 then
      redis.call('ZADD', KEYS[3], at, id)
      redis.call('ZADD', ARGV[5] .. channel, at, id)
      redis.call('SADD', KEYS[4], channel)
    end
  end
  local dropped = 0
  while redis.call('ZCARD', KEYS[3]) > tonumber(ARGV[4]) do
    local id = redis.call('ZPOPMIN', KEYS[3])[1]
    redis.call('HDEL', KEYS[2], id)
    redis.call('ZREM', KEYS[5], id)
    for _, channel in ipairs(redis.call('SMEMBERS', KEYS[4])) do redis.call('ZREM', ARGV[5] .. channel, id) end
    dropped = dropped + 1
  end
  if dropped > 0 then redis.call('INCRBY', KEYS[6], dropped) end
  return dropped`

/** Only where it is still there: it may have been dropped meanwhile. */
const moveScript = `
  if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
  return 1`

/**
 * How it lies in Redis:
 *
 *     notifications:entries         hash from id to the delivery, vouched for
 *     notifications:all             sorted set of all ids by when they were made
 *     notifications:due:<channel>   sorted set of ids by when they are to be tried
 *     notifications:given-up        sorted set of ids by when that was
 *     notifications:channels        set of all channels there ever were
 *     notifications:told:<subject>  hash of what has been told about it
 *     notifications:since, notifications:dropped
 *
 * Somebody who writes to Redis can keep people from being told, or have them told twice, but nothing is sent in our
 * name that we have not written.
 */
export function openQueue(options: {
  store: Store
  clock: Clock
  logger: Logger
  vouching: Vouching
}): Queue {
  const { store, clock, logger, vouching } = options
  const key = (...parts: string[]): string => store.key('notifications', ...parts)
  const entriesKey = key('entries')
  const allKey = key('all')
  const channelsKey = key('channels')
  const givenUpKey = key('given-up')
  const droppedKey = key('dropped')
  const dueKey = (channel: string): string => key('due', channel)
  const tell = store.script(tellScript)
  const move = store.script(moveScript)
  const place = (id: string): string => `notification ${id}`
  const write = (delivery: Delivery): string => vouching.vouch(place(delivery.id), JSON.stringify(delivery))

  /** Null where there is none, or none that is ours. */
  const parse = (id: string, kept: string | null | undefined): Delivery | null => {
    const text = kept === null || kept === undefined ? null : vouching.verify(place(id), kept)
    const delivery = text === null ? null : readStored(deliverySchema, text)
    return delivery?.id === id ? delivery : null
  }
  const read = async (ids: readonly string[]): Promise<(Delivery | null)[]> => {
    if (ids.length === 0) return []
    const texts = readReply(textsSchema, await store.run((redis) => redis.hmget(entriesKey, ...ids)))
    return ids.map((id, position) => parse(id, texts[position]))
  }
  const channelNames = async (): Promise<string[]> =>
    readReply(idsSchema, await store.run((redis) => redis.smembers(channelsKey)))
  const forget = async (channel: string, ids: readonly string[]): Promise<void> => {
    if (ids.length === 0) return
    await store.transaction((multi) => {
      multi.hdel(entriesKey, ...ids)
      for (const set of [allKey, givenUpKey, dueKey(channel)]) multi.zrem(set, ...ids)
    })
  }
  const scores = async (set: string): Promise<Map<string, number>> => {
    const flat = readReply(idsSchema, await store.run((redis) => redis.zrange(set, 0, -1, 'WITHSCORES')))
    const pairs = flat.flatMap((id, position) =>
      position % 2 === 0 ? [[id, Number(flat[position + 1])] as const] : [],
    )
    return new Map(pairs)
  }
  const giveUp = async (delivery: Delivery): Promise<void> => {
    await move(
      [entriesKey, dueKey(delivery.channel), givenUpKey],
      [delivery.id, write(delivery), clock.now()],
    )
  }
  const retire = async (channel: string): Promise<void> => {
    const ids = readReply(
      idsSchema,
      await store.run((redis) => redis.zrange(dueKey(channel), 0, portion - 1)),
    )
    const found = await read(ids)
    await forget(
      channel,
      ids.filter((_, position) => found[position] === null),
    )
    for (const delivery of found)
      if (delivery !== null) await giveUp({ ...delivery, problem: 'This way is not configured any more.' })
  }

  return {
    async since() {
      const now = String(clock.now())
      const [, kept] = await store.transaction((multi) => {
        multi.setnx(key('since'), now)
        multi.get(key('since'))
      })
      const since = Number(kept)
      return Number.isSafeInteger(since) ? since : clock.now()
    },

    async tell({ subject, mark, alsoMarks, keepUntil }, deliveries) {
      const dropped = await tell(
        [key('told', subject), entriesKey, allKey, channelsKey, givenUpKey, droppedKey],
        [
          ...[mark, clock.now(), Math.max(keepUntil - clock.now(), 1), keptAtMost, dueKey('')],
          ...[alsoMarks.length, ...alsoMarks],
          ...deliveries.flatMap((delivery) => [
            delivery.id,
            delivery.channel,
            write(delivery),
            delivery.madeAt,
          ]),
        ],
      )
      if (Number(dropped) > 0)
        logger.error('notifications: the queue is full, the oldest were dropped', {
          dropped: Number(dropped),
        })
      return Number(dropped) >= 0
    },

    async due(channel, atMost) {
      const ids = readReply(
        idsSchema,
        await store.run((redis) =>
          redis.zrangebyscore(dueKey(channel), '-inf', clock.now(), 'LIMIT', 0, atMost),
        ),
      )
      const found = await read(ids)
      // What is not ours, or was dropped, would stand in front of the others for ever.
      await forget(
        channel,
        ids.filter((_, position) => found[position] === null),
      )
      return found.filter((delivery) => delivery !== null)
    },

    sent: async ({ id, channel }) => forget(channel, [id]),

    async postpone(delivery, at) {
      const due = dueKey(delivery.channel)
      await move([entriesKey, due, due], [delivery.id, write(delivery), at])
    },

    giveUp,

    async list() {
      const ids = readReply(idsSchema, await store.run((redis) => redis.zrange(allKey, 0, -1)))
      const channels = await channelNames()
      const dues = new Map(
        await Promise.all(channels.map(async (name) => [name, await scores(dueKey(name))] as const)),
      )
      const givenUp = await scores(givenUpKey)
      return (await read(ids)).flatMap((delivery): Listed[] => {
        if (delivery === null) return []
        const endedAt = givenUp.get(delivery.id)
        if (endedAt !== undefined) return [{ ...delivery, state: 'given-up', at: endedAt }]
        const at = dues.get(delivery.channel)?.get(delivery.id) ?? delivery.madeAt
        return [{ ...delivery, state: 'waiting', at }]
      })
    },

    async retry(id) {
      const [delivery] = await read([id])
      if (!delivery) return false
      const renewed = { ...delivery, attempts: 0, retriedAt: clock.now() }
      const wasThere = await move(
        [entriesKey, givenUpKey, dueKey(delivery.channel)],
        [id, write(renewed), clock.now()],
      )
      return wasThere === 1
    },

    async tidy(channels) {
      for (const channel of await channelNames()) if (!channels.includes(channel)) await retire(channel)
      const old = readReply(
        idsSchema,
        await store.run((redis) =>
          redis.zrangebyscore(givenUpKey, '-inf', clock.now() - givenUpKeptMs, 'LIMIT', 0, portion),
        ),
      )
      await forget('', old)
    },

    async counts() {
      const [all, givenUp, dropped] = await store.transaction((multi) => {
        multi.zcard(allKey)
        multi.zcard(givenUpKey)
        multi.get(droppedKey)
      })
      return {
        waiting: Number(all) - Number(givenUp),
        givenUp: Number(givenUp),
        dropped: Number(dropped ?? 0),
      }
    },
  }
}
