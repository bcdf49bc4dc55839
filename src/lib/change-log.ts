import { z } from 'zod'
import type { ChainableCommander, Store } from './redis.js'
import type { Logger } from './logger.js'
import type { Vouching } from './vouching.js'
import type { HighWaterMark } from './high-water-mark.js'
import { fingerprint, newId } from './ids.js'
import { describeError } from './logger.js'
import { readStored } from './stored.js'

const changeSchema = z.discriminatedUnion('kind', [
  z.object({ kind: z.enum(['grant-issued', 'grant-extended', 'grant-revoked']), grantId: z.string() }),
  /** Ends nothing: who waits for the seat learns that it is taken. */
  z.object({ kind: z.literal('seat-taken'), grantId: z.string(), sessionId: z.string() }),
  z.object({ kind: z.literal('release-given'), grantId: z.string(), sessionId: z.string() }),
  z.object({
    kind: z.literal('release-withdrawn'),
    grantId: z.string(),
    sessionId: z.string(),
    at: z.int().nonnegative(),
  }),
  /** Its time has begun. */
  z.object({ kind: z.literal('grant-used'), grantId: z.string(), at: z.int().nonnegative() }),
  /** `scope` as text. */
  z.object({ kind: z.literal('lockdown-changed'), scope: z.string() }),
  z.object({ kind: z.literal('session-changed'), sessionId: z.string() }),
  z.object({ kind: z.literal('session-ended'), sessionId: z.string(), cause: z.string() }),
  /**
   * `print`: the fingerprint of the sealed secret; whose it was, for what it has opened until `at` ends with it. What the next
   * second factor opens does not, whoever writes this entry again.
   */
  z.object({
    kind: z.literal('second-factor-reset'),
    print: z.string(),
    principalId: z.string().optional(),
    at: z.int().nonnegative().optional(),
  }),
  /** Ends nothing: every instance is to be loud about it. */
  z.object({ kind: z.literal('break-glass-issued'), sessionId: z.string() }),
  /** Somebody asked for access, or was answered. What that opens or ends is a change of a grant. */
  z.object({ kind: z.literal('request-changed'), requestId: z.string() }),
  /** To reset a second factor: that ends nothing. */
  z.object({ kind: z.literal('reset-proposed'), proposalId: z.string() }),
  /** A proposal to reset a second factor was confirmed or declined. */
  z.object({ kind: z.literal('reset-answered'), proposalId: z.string() }),
  /** A service token was made, or revoked. */
  z.object({ kind: z.literal('token-changed'), tokenId: z.string() }),
])

/** Something that may end or lengthen what is already open. */
export type Change = Readonly<z.infer<typeof changeSchema>>

/**
 * The ordered log of changes in Redis that every instance follows. A stream and not pub/sub: a short
 * disconnect loses published messages without a word, while a stream is read on from where one stood.
 */
export interface ChangeLog {
  /** Adds the change to a transaction, so that the state and the log about it never disagree. */
  addTo(commands: ChainableCommander, change: Change): void
  /** For a script that adds it only where it has changed something: the key, and what follows it after `XADD`. */
  entryOf(change: Change): ChangeEntry
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
  /**
   * The instances that the last `settle` of this process waited for in vain, by name: those that still have not followed,
   * for as long as anything can be open there that should not be.
   */
  unconfirmed(): Promise<readonly string[]>
}

export interface ChangeEntry {
  readonly key: string
  readonly args: readonly (string | number)[]
}

/** How well this instance knows that it has missed no change. */
export interface Proof {
  /** Grows with every change, and with every doubt: what was read under another number may be old. */
  readonly generation: number
  /**
   * All changes since the proof had another generation, in order. Null where that is not known: after a doubt, and where it is too
   * long ago.
   */
  changesSince(generation: number): readonly Change[] | null
  /**
   * The monotonic instant at which nothing was missing, `-Infinity` while changes are not followed. It is
   * that of the question and not of the answer, which may have waited for us.
   */
  readonly provedAt: number
  /**
   * Milliseconds since that was last so, also while changes are not followed; infinite when it never was, and
   * while Redis is in an older state than we knew and has not been told yet what has ended since.
   */
  readonly ageMs: number
  /** The same for what is open already, which a rollback alone is no reason to cut: its own right is looked at. */
  readonly blindMs: number
  /**
   * Whether everybody who acknowledges a change waits until it is followed here. Else somebody may have been told of an
   * end that this instance has not heard of, also while it asks Redis each time.
   */
  readonly isAwaited: boolean
  /** The monotonic instant as of which is true what is read now, from a copy or from Redis. */
  readonly asOf: number
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
/** Whoever looks less often reads all anew. */
const rememberedChanges = 1_000
/** Each answer proves that nothing was missed; so that is known anew this often. */
const blockMs = 200
const pauseAfterFailureMs = 200
/** A copy that was proved longer ago decides nothing; while changes are followed it is a few milliseconds old. */
export const oldestProofMs = 800
/** A follower that was not heard of for so long opens nothing any more, so nobody need wait for it. */
const followerLifeMs = 3_000
/** For as long as that is sure: a busy host takes its time to say that it is there. */
const awaitedMs = followerLifeMs - 1_000
/** Nobody waits longer than this until a change has been followed: what is true as of then decides nothing. */
export const settleLimitMs = 1_000
const settlePauseMs = 2
const settleAgainMs = 20
/** By then an instance without news has let go of everything (R2), and a moment more. */
const blindAtMostMs = 10_000

/** Takes followers off the list, but for who has come back to it in this very moment. */
const forgetGone = `
  for at, id in ipairs(ARGV) do
    if redis.call('EXISTS', KEYS[at + 1]) == 0 then redis.call('SREM', KEYS[1], id) end
  end`

/** Of every entry; which one it is does not matter, since an old one only tells again what it told. */
const place = 'change'

export interface ChangeLogOptions {
  readonly store: Store
  readonly vouching: Vouching
  readonly mark: HighWaterMark
  readonly logger: Logger
  /** What people call this instance. */
  readonly name: string
  /** Redis does not hold the entry any more at which we stood. */
  readonly onRolledBack: (position: string) => void
}

export function openChangeLog(options: ChangeLogOptions): ChangeLog {
  const { store, vouching, mark, logger, name, onRolledBack } = options
  const key = store.key('changes')
  const remembered: { readonly generation: number; readonly change: Change }[] = []
  const proof = {
    generation: 0,
    /** The generation after which every change is remembered. */
    rememberedSince: 0,
    changesSince(generation: number): readonly Change[] | null {
      if (generation < this.rememberedSince) return null
      return remembered.filter((one) => one.generation > generation).map(({ change }) => change)
    },
    provedAt: -Infinity,
    lastProvedAt: -Infinity,
    isRolledBack: false,
    get ageMs() {
      return this.isRolledBack ? Infinity : this.blindMs
    },
    get blindMs() {
      return performance.now() - this.lastProvedAt
    },
    get asOf() {
      const now = performance.now()
      return now - this.provedAt < oldestProofMs ? this.provedAt : now
    },
    /** When it asked to be among the followers for the last time. */
    stoodAt: -Infinity,
    get isAwaited() {
      return performance.now() - this.stoodAt < awaitedMs
    },
  }
  const prove = (at: number): void => {
    proof.provedAt = at
    proof.lastProvedAt = at
  }
  /** Null stands for whatever may have been. */
  const tellChanged = (changes: readonly (Change | null)[]): void => {
    proof.generation += 1
    const known = changes.filter((change) => change !== null)
    if (known.length < changes.length) {
      remembered.length = 0
      proof.rememberedSince = proof.generation
      return
    }
    remembered.push(...known.map((change) => ({ generation: proof.generation, change })))
    const dropped = remembered.splice(0, remembered.length - rememberedChanges).at(-1)
    if (dropped !== undefined) proof.rememberedSince = dropped.generation
  }
  const forget = store.script(forgetGone)
  const followersKey = store.key('followers')
  const followerKey = (id: string): string => store.key('follower', id)

  /** Of the followers that live, those that have not come as far as `position`. */
  const behind = async (position: string): Promise<string[]> => {
    const ids = await store.run((redis) => redis.smembers(followersKey))
    if (ids.length === 0) return []
    const positions = await store.run((redis) => redis.mget(ids.map(followerKey)))
    const gone = ids.filter((_, at) => positions[at] === null)
    if (gone.length > 0) await forget([followersKey, ...gone.map(followerKey)], gone)
    return ids.filter((_, at) => positions[at] != null && isBefore(positions[at], position))
  }

  /** Who was waited for in vain the last time, and for what. */
  let missed = { ids: [] as string[], position: beginning, at: -Infinity }

  /** Waits until nobody is behind; returns who still is at the deadline. */
  const allFollow = async (deadline: number): Promise<string[]> => {
    const [newest] = await store.run((redis) => redis.xrevrange(key, '+', '-', 'COUNT', 1))
    const position = newest?.[0] ?? beginning
    let late = await behind(position)
    while (late.length > 0 && performance.now() < deadline) {
      await new Promise((resolve) => setTimeout(resolve, settlePauseMs))
      late = await behind(position)
    }
    missed = { ids: late, position, at: performance.now() }
    return late
  }

  const entryArgs = (change: Change) => {
    const text = vouching.vouch(place, JSON.stringify(change))
    return ['MAXLEN', '~', keptEntries, '*', 'change', text] as const
  }

  return {
    proof,
    settle: async () => {
      const deadline = performance.now() + settleLimitMs
      for (;;) {
        try {
          const late = await allFollow(deadline)
          if (late.length > 0) logger.warn('change log: not confirmed by every instance', { instances: late })
          return
        } catch (error) {
          // What was changed stays changed; only that everybody knows is not sure before the second is over.
          if (performance.now() < deadline) {
            await new Promise((resolve) => setTimeout(resolve, settleAgainMs))
            continue
          }
          logger.warn('change log: cannot see who has followed', { problem: describeError(error) })
          return
        }
      }
    },
    unconfirmed: async () => {
      const { ids, position, at } = missed
      if (ids.length === 0 || performance.now() - at > blindAtMostMs) return []
      const positions = await store.run((redis) => redis.mget(ids.map(followerKey))).catch(() => [])
      const late = ids.filter((_, which) => isBefore(positions[which] ?? beginning, position))
      return [...new Set(late.map((id) => id.replace(/\.[^.]*$/, '')))].sort()
    },
    addTo: (commands, change) => {
      commands.xadd(key, ...entryArgs(change))
    },
    entryOf: (change) => ({ key, args: entryArgs(change) }),
    follow: async (handlers) => {
      const connection = store.dedicated(blockMs + 2_000)
      const instance = `${name}.${newId('i')}`
      let closed = false
      const isClosed = (): boolean => closed
      let position: string | null = null

      const newest = async (): Promise<Entry | null> =>
        (await connection.xrevrange(key, '+', '-', 'COUNT', 1))[0] ?? null
      const locate = async (): Promise<string> => (await newest())?.[0] ?? beginning
      const remember = (entry: Entry | null): void => {
        mark.set(entry && { position: entry[0], print: fingerprint(textOf(entry)) })
      }
      /** Not by comparing ids: what was written after a rollback has higher ones than what was lost by it. */
      const isRolledBack = async (): Promise<boolean> => {
        const known = mark.get()
        if (known === null) return false
        const [there] = await connection.xrange(key, known.position, known.position)
        if (there !== undefined) return fingerprint(textOf(there)) !== known.print
        const [oldest] = await connection.xrange(key, '-', '+', 'COUNT', 1)
        const isCutOff = oldest !== undefined && isBefore(known.position, oldest[0])
        return !isCutOff || (await connection.xlen(key)) < keptEntries
      }
      const noticeRollback = async (): Promise<void> => {
        if (proof.isRolledBack || !(await isRolledBack())) return
        proof.isRolledBack = true
        onRolledBack(mark.get()?.position ?? beginning)
      }
      const standAt = async (at: string, isAfterDoubt = false): Promise<void> => {
        // Among the followers each time: who stood still for longer than a follower lives was taken off.
        const askedAt = performance.now()
        const commands = connection.multi().sadd(followersKey, instance)
        const replies = await commands.set(followerKey(instance), at, 'PX', followerLifeMs).exec()
        for (const [error] of replies ?? [[new Error('transaction aborted')]]) if (error) throw error
        // What was read while nobody waited for us, or before we looked, may have ended without a word to us.
        if (isAfterDoubt || performance.now() - proof.stoodAt >= awaitedMs) tellChanged([null])
        proof.stoodAt = askedAt
      }
      const readOn = async (from: string): Promise<string> => {
        const askedAt = performance.now()
        const reply = await connection.xread('COUNT', 500, 'BLOCK', blockMs, 'STREAMS', key, from)
        const entries = reply?.[0]?.[1] ?? []
        const changes = entries.map((entry) => {
          const text = vouching.verify(place, textOf(entry))
          return text === null ? null : readStored(changeSchema, text)
        })
        // First of all: from here on nobody may decide by what was read before.
        if (entries.length > 0) tellChanged(changes)
        // Ids that are lower than ours, after a log that was emptied, would never be told.
        else if (isBefore(await locate(), from))
          throw new Error('the log does not lead on from where we stood')
        for (const change of changes) if (change !== null) await handlers.onChange(change)
        const unreadable = entries.filter((_, position) => changes[position] === null)
        if (unreadable.length > 0) {
          const ids = unreadable.map(([id]) => id)
          logger.error('change log: entries unreadable, re-checking everything', { ids })
          await handlers.onDoubt()
        }
        const lastEntry = entries.at(-1)
        if (lastEntry !== undefined) remember(lastEntry)
        const last = lastEntry?.[0] ?? from
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
              await noticeRollback()
              // Before anything is believed here: who waits for all to follow must see us, and wait until we have looked.
              await standAt(beginning)
              // Position first, re-check after: a change between the two is then seen twice, not never.
              const entry = await newest()
              position = entry?.[0] ?? beginning
              await handlers.onDoubt()
              await standAt(position, true)
              remember(entry)
              proof.isRolledBack = false
              prove(askedAt)
              onBegun()
            }
            position = await readOn(position)
            isLost = false
          } catch (error) {
            proof.provedAt = -Infinity
            proof.stoodAt = -Infinity
            tellChanged([null])
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
          proof.stoodAt = -Infinity
          connection.disconnect()
          await running
          // Nobody need wait for us until we would have been forgotten.
          await store.run((redis) => redis.del(followerKey(instance))).catch(() => undefined)
        },
      }
    },
  }
}

/** An entry of a Redis stream: its id, then names and values of its fields, of which ours has one. */
type Entry = [id: string, fields: string[]]
/** Before every entry. */
const beginning = '0-0'

function textOf([, fields]: Entry): string {
  return fields[1] ?? ''
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
