import type { ChainableCommander, Store } from './redis.js'
import type { Logger } from './logger.js'
import type { Vouching } from './vouching.js'
import { newId } from './ids.js'
import { describeError } from './logger.js'

/** Something that may end or lengthen what is already open. */
export type Change =
  | { readonly kind: 'grant-issued'; readonly grantId: string }
  | { readonly kind: 'grant-extended'; readonly grantId: string }
  | { readonly kind: 'grant-revoked'; readonly grantId: string }
  /** `scope` as text. */
  | { readonly kind: 'lockdown-changed'; readonly scope: string }
  | { readonly kind: 'session-changed'; readonly sessionId: string }
  | { readonly kind: 'session-ended'; readonly sessionId: string; readonly cause: string }

/**
 * The ordered log of changes in Redis that every instance follows. A stream and not pub/sub: a short
 * disconnect loses published messages without a word, while a stream is read on from where one stood.
 */
export interface ChangeLog {
  /** Adds the change to a transaction, so that the state and the log about it never disagree. */
  addTo(commands: ChainableCommander, change: Change): void
  /**
   * Calls `onChange` for each change from now on, in order, and `onDoubt` whenever changes may have
   * been missed (the connection broke, the log was cut or emptied): re-check everything then. A handler
   * that fails is doubt again: it is tried until it succeeds. So is the beginning. Resolves once following has
   * begun, or could not begin yet.
   */
  follow(handlers: ChangeHandlers): Promise<Follower>
  /** What a local copy of the state may be believed by. */
  readonly proof: Proof
  /**
   * Waits until every instance has followed all changes made so far, a second at most: what was revoked
   * before is then refused everywhere. An instance that is cut off believes its copy no longer by then.
   */
  settle(): Promise<void>
}

/** How well this instance knows that it has missed no change. */
export interface Proof {
  /** Grows with every change, and with every doubt: what was read under another number may be old. */
  readonly generation: number
  /**
   * The monotonic instant at which nothing was missing, `-Infinity` while changes are not followed. It is
   * that of the question and not of the answer, which may have waited for us.
   */
  readonly provedAt: number
  /** Milliseconds since that was last so, also while changes are not followed; infinite when it never was. */
  readonly ageMs: number
}

export interface ChangeHandlers {
  onChange(change: Change): Promise<void>
  onDoubt(): Promise<void>
}

export interface Follower {
  close(): Promise<void>
}

/** Enough for hours of administration; a follower that is further behind re-checks everything. */
const keptEntries = 10_000
/** Each answer proves that nothing was missed; so that is known anew this often. */
const blockMs = 200
const pauseAfterFailureMs = 200
/** A follower that was not heard of for so long believes no copy any more, so nobody need wait for it. */
const followerLifeMs = 1_200
const settleLimitMs = 1_000
const settlePauseMs = 2

/** Of every entry; which one it is does not matter, since an old one only tells again what it told. */
const place = 'change'

export function openChangeLog(store: Store, vouching: Vouching, logger: Logger): ChangeLog {
  const key = store.key('changes')
  const proof = {
    generation: 0,
    provedAt: -Infinity,
    lastProvedAt: -Infinity,
    get ageMs() {
      return performance.now() - this.lastProvedAt
    },
  }
  const prove = (at: number): void => {
    proof.provedAt = at
    proof.lastProvedAt = at
  }
  const followersKey = store.key('followers')
  const followerKey = (id: string): string => store.key('follower', id)

  /** Of the followers that live, those that have not come as far as `position`. */
  const behind = async (position: string): Promise<string[]> => {
    const ids = await store.run((redis) => redis.smembers(followersKey))
    if (ids.length === 0) return []
    const positions = await store.run((redis) => redis.mget(ids.map(followerKey)))
    const gone = ids.filter((_, at) => positions[at] === null)
    if (gone.length > 0) await store.run((redis) => redis.srem(followersKey, ...gone))
    return ids.filter((_, at) => positions[at] != null && isBefore(positions[at], position))
  }

  /** Waits until nobody is behind; returns who still is when the limit is over. */
  const allFollow = async (): Promise<string[]> => {
    const [newest] = await store.run((redis) => redis.xrevrange(key, '+', '-', 'COUNT', 1))
    const position = newest?.[0] ?? '0-0'
    const deadline = performance.now() + settleLimitMs
    let late = await behind(position)
    while (late.length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, settlePauseMs))
      late = await behind(position)
    }
    return late
  }

  return {
    proof,
    settle: async () => {
      try {
        const late = await allFollow()
        if (late.length > 0) logger.warn('change log: not confirmed by every instance', { instances: late })
      } catch (error) {
        // What was changed stays changed; only that everybody knows is not sure before the second is over.
        logger.warn('change log: cannot see who has followed', { problem: describeError(error) })
      }
    },
    addTo: (commands, change) => {
      const text = vouching.vouch(place, JSON.stringify(change))
      commands.xadd(key, 'MAXLEN', '~', keptEntries, '*', 'change', text)
    },
    follow: async (handlers) => {
      const connection = store.dedicated(blockMs + 2_000)
      const instance = newId('i')
      let closed = false
      const isClosed = (): boolean => closed
      let position: string | null = null

      const locate = async (): Promise<string> => {
        const [newest] = await connection.xrevrange(key, '+', '-', 'COUNT', 1)
        return newest?.[0] ?? '0-0'
      }
      const standAt = async (at: string): Promise<void> => {
        await connection.set(followerKey(instance), at, 'PX', followerLifeMs)
      }
      const readOn = async (from: string): Promise<string> => {
        const askedAt = performance.now()
        const reply = await connection.xread('COUNT', 500, 'BLOCK', blockMs, 'STREAMS', key, from)
        const entries = reply?.[0]?.[1] ?? []
        // First of all: from here on nobody may decide by what was read before.
        if (entries.length > 0) proof.generation += 1
        // Ids that are lower than ours, after a log that was emptied, would never be told.
        else if (isBefore(await locate(), from))
          throw new Error('the log does not lead on from where we stood')
        let last = from
        let isReadable = true
        for (const [id, fields] of entries) {
          last = id
          const text = vouching.verify(place, fields[1] ?? '')
          const change = text === null ? null : parseChange(text)
          if (change) await handlers.onChange(change)
          else {
            logger.error('change log: entry unreadable, re-checking everything', { id })
            isReadable = false
          }
        }
        if (!isReadable) await handlers.onDoubt()
        await standAt(last)
        prove(askedAt)
        return last
      }
      let isLost = false
      const loop = async (onBegun: () => void): Promise<void> => {
        await waitReady(connection).catch(() => undefined)
        while (!isClosed()) {
          try {
            if (position === null) {
              const askedAt = performance.now()
              // Position first, re-check after: a change between the two is then seen twice, not never.
              position = await locate()
              await connection.sadd(followersKey, instance)
              // Before anything is believed here: who waits for all to follow must see us.
              await standAt(position)
              await handlers.onDoubt()
              prove(askedAt)
              onBegun()
            }
            position = await readOn(position)
            isLost = false
          } catch (error) {
            proof.provedAt = -Infinity
            proof.generation += 1
            onBegun()
            if (isClosed()) return
            position = null
            // Behind a cut line it would never learn that it is dead, and not come back with the line.
            if (isTimeout(error)) connection.disconnect(true)
            // Five times a second: said once an outage, or it would bury what else happens meanwhile.
            if (!isLost)
              logger.warn('change log: cannot follow, trying again', { problem: describeError(error) })
            isLost = true
            await new Promise((resolve) => setTimeout(resolve, pauseAfterFailureMs))
          }
        }
      }
      let running = Promise.resolve()
      await new Promise<void>((resolve) => {
        running = loop(resolve)
      })
      return {
        close: async () => {
          closed = true
          proof.provedAt = -Infinity
          connection.disconnect()
          await running
          // Nobody need wait for us until we would have been forgotten.
          await store.run((redis) => redis.del(followerKey(instance))).catch(() => undefined)
        },
      }
    },
  }
}

/** Ids of a Redis stream: milliseconds, a hyphen, a number. */
function isBefore(a: string, b: string): boolean {
  const [aMs = 0, aSeq = 0] = a.split('-').map(Number)
  const [bMs = 0, bSeq = 0] = b.split('-').map(Number)
  return aMs < bMs || (aMs === bMs && aSeq < bSeq)
}

/** Of ioredis, for a command that took too long. */
function isTimeout(error: unknown): boolean {
  return error instanceof Error && error.message === 'Command timed out'
}

async function waitReady(connection: ReturnType<Store['dedicated']>): Promise<void> {
  if (connection.status === 'ready') return
  await new Promise<void>((resolve, reject) => {
    connection.once('ready', resolve)
    connection.once('close', () => {
      reject(new Error('not reachable'))
    })
  })
}

function parseChange(text: string): Change | null {
  try {
    const value: unknown = JSON.parse(text)
    if (typeof value !== 'object' || value === null || !('kind' in value)) return null
    const change = value as Record<string, unknown>
    if (change.kind === 'lockdown-changed') return typeof change.scope === 'string' ? (value as Change) : null
    if (change.kind === 'session-changed')
      return typeof change.sessionId === 'string' ? (value as Change) : null
    if (change.kind === 'session-ended') {
      return typeof change.sessionId === 'string' && typeof change.cause === 'string'
        ? (value as Change)
        : null
    }
    const isGrantChange =
      change.kind === 'grant-issued' || change.kind === 'grant-extended' || change.kind === 'grant-revoked'
    return isGrantChange && typeof change.grantId === 'string' ? (value as Change) : null
  } catch {
    return null
  }
}
