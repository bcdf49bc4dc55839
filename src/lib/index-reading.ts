import { GatehouseError } from './errors.js'
import type { Logger } from './logger.js'
import type { Store } from './redis.js'

/** Far more than any plant has. */
const readAtMost = 100_000
const portion = 10_000

/** What is found by an index. */
export interface Indexed {
  readonly ids: readonly string[]
  /** False where the index holds more than is read of it. */
  readonly isWhole: boolean
}

interface Reading {
  readonly store: Store
  readonly logger: Logger
}

/**
 * The ids in a sorted set whose score is above `above`, the highest first; not all of them where there are more than 100,000,
 * which is logged. In portions: whoever can write to Redis and plants a million could else have one read take longer than the
 * store may, after which nothing is answered for a while.
 */
export async function readSortedSet(
  { store, logger }: Reading,
  key: string,
  above: number,
): Promise<Indexed> {
  const ids = new Set<string>()
  let from = '+inf'
  /** How many of that very score have been read. */
  let skip = 0
  while (ids.size < readAtMost) {
    const reply = await store.run((redis) =>
      redis.zrevrangebyscore(key, from, `(${above}`, 'WITHSCORES', 'LIMIT', skip, portion),
    )
    for (let at = 0; at < reply.length; at += 2) ids.add(reply[at] ?? '')
    if (reply.length < 2 * portion) return { ids: [...ids], isWhole: true }
    const last = reply.at(-1) ?? from
    let ties = 0
    while (ties < portion && reply[2 * (portion - ties) - 1] === last) ties += 1
    skip = ties < portion || last !== from ? ties : skip + ties
    from = last
  }
  return cut(ids, key, logger)
}

/** The same of a set, in no order. */
export async function readSet({ store, logger }: Reading, key: string): Promise<Indexed> {
  const ids = new Set<string>()
  let cursor = '0'
  while (ids.size < readAtMost) {
    const [next, some] = await store.run((redis) => redis.sscan(key, cursor, 'COUNT', portion))
    for (const id of some) ids.add(id)
    if (next === '0') return { ids: [...ids], isWhole: true }
    cursor = next
  }
  return cut(ids, key, logger)
}

function cut(ids: ReadonlySet<string>, key: string, logger: Logger): Indexed {
  logger.error('store: an index holds more than is read of it; it may have been planted', { key })
  return { ids: [...ids], isWhole: false }
}

/** What is not whole has to be said by whoever must miss nothing. */
export function indexTooLong(): GatehouseError {
  return new GatehouseError(
    'index-too-long',
    'Redis lists more than is read of it at once. What was found is done; the log names the list.',
  )
}
