import { z } from 'zod'
import {
  readReply,
  readStored,
  type ChangeLog,
  type Clock,
  type Logger,
  type Store,
  type View,
  type Vouching,
} from '../lib/index.js'
import { grantState } from '../policy/index.js'
import type { Seats } from './model.js'

export interface SeatsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly changes: ChangeLog
  readonly view: View
  readonly vouching: Vouching
  readonly logger: Logger
  /** Of these sessions, those that have not ended. */
  readonly alive: (sessionIds: readonly string[]) => Promise<ReadonlySet<string>>
}

/** Whoever has one keeps it; else there must be room. The change is announced with it. */
const takeOne = `
  if redis.call('HEXISTS', KEYS[1], ARGV[1]) == 1 then return 1 end
  if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[2]) then return 0 end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return 1`

const seatSchema = z.strictObject({ takenAt: z.int().nonnegative() })
const rowsSchema = z.record(z.string(), z.string())
/** No session lives for longer than a day; the rest is for the clock of Redis, which may be wrong by hours. */
const keptMs = 48 * 3_600_000
const none: ReadonlySet<string> = new Set()

/**
 * Which sessions use a grant that only some may use at a time, in Redis: `seats:<grant id>`, a hash with a field for each
 * session, vouched for. A seat is kept for as long as its session lives: nobody can lose it to somebody else in the middle
 * of their work. What is not ours takes up room and lets nobody in.
 */
export function createSeats(options: SeatsOptions): Seats {
  const { store, clock, changes, view, vouching, logger, alive } = options
  const keyOf = (grantId: string): string => store.key('seats', grantId)
  const place = (grantId: string, sessionId: string): string => `seat ${grantId} ${sessionId}`

  /** Whether each session that is named there has its seat by us. */
  const readAll = async (grantId: string): Promise<ReadonlyMap<string, boolean>> => {
    const rows = readReply(rowsSchema, await store.run((redis) => redis.hgetall(keyOf(grantId))))
    return new Map(
      Object.entries(rows).map(([sessionId, kept]) => {
        const text = vouching.verify(place(grantId, sessionId), kept)
        const isOurs = text !== null && readStored(seatSchema, text) !== null
        if (!isOurs) logger.error('seats: a record cannot be read', { grantId, sessionId })
        return [sessionId, isOurs]
      }),
    )
  }
  const othersIn = (seats: ReadonlyMap<string, boolean>, sessionId: string): string[] =>
    [...seats.keys()].filter((id) => id !== sessionId)

  return {
    async openTo(sessionId, grants) {
      const now = clock.now()
      const limited = grants.filter(
        (grant) => grant.conditions.maxSessions !== null && grantState(grant, now) === 'grant-active',
      )
      if (limited.length === 0) return { held: none, free: none }
      const held = new Set<string>()
      const free = new Set<string>()
      for (const { id, conditions } of limited) {
        const seats = await view.read(`seats ${id}`, () => readAll(id))
        const others = othersIn(seats, sessionId)
        const limit = conditions.maxSessions ?? 0
        if (seats.get(sessionId) === true) held.add(id)
        else if (others.length < limit || (await alive(others)).size < limit) free.add(id)
      }
      return { held, free }
    },

    async take({ id, conditions: { maxSessions } }, sessionId) {
      if (maxSessions === null) return true
      const seats = await readAll(id)
      const living = await alive([...seats.keys()])
      // A session that has ended never comes back, so its seat is nobody's; nor is one of ours that we did not write.
      const stale = [...seats].filter(([other, isOurs]) =>
        other === sessionId ? !isOurs : !living.has(other),
      )
      const seat = vouching.vouch(place(id, sessionId), JSON.stringify({ takenAt: clock.now() }))
      const replies = await store.transaction((multi) => {
        if (stale.length > 0) multi.hdel(keyOf(id), ...stale.map(([other]) => other))
        multi.eval(takeOne, 1, keyOf(id), sessionId, maxSessions, seat, keptMs)
        changes.addTo(multi, { kind: 'seat-taken', grantId: id, sessionId })
      })
      return replies[stale.length > 0 ? 1 : 0] === 1
    },

    async without(pairs) {
      const grantIds = [...new Set(pairs.map(({ grantId }) => grantId))]
      const seats = new Map(await Promise.all(grantIds.map(async (id) => [id, await readAll(id)] as const)))
      return pairs.filter(({ grantId, sessionId }) => seats.get(grantId)?.get(sessionId) !== true)
    },
  }
}
