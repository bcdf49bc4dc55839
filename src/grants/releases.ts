import { z } from 'zod'
import {
  actorSchema,
  describeError,
  GatehouseError,
  readReply,
  readStored,
  stoppedHereOnly,
  type ChangeLog,
  type Clock,
  type Journal,
  type Logger,
  type Store,
  type View,
  type Vouching,
} from '../lib/index.js'
import type { Actor, EpochMs, Grant, Release } from '../model.js'
import { grantState, spanAt } from '../policy/index.js'
import type { ReleaseEvent, Releases } from './model.js'
import { isGrantId } from './register.js'
import { readReason } from './request.js'

export interface ReleasesOptions {
  readonly store: Store
  readonly clock: Clock
  readonly changes: ChangeLog
  readonly view: View
  readonly journal: Journal
  readonly vouching: Vouching
  readonly logger: Logger
  /** Resolves when the event is durable. */
  readonly record: (event: ReleaseEvent) => Promise<void>
  /** Rejects while nothing new may be given. */
  readonly assertFit: () => Promise<void>
}

/** The last that was said about a grant and a session. A withdrawal leaves a record too: nothing older counts after it. */
const recordSchema = z.strictObject({
  isGiven: z.boolean(),
  at: z.int().nonnegative(),
  by: actorSchema,
  reason: z.string().nullable(),
})
type Entry = z.infer<typeof recordSchema>
const rowsSchema = z.record(z.string(), z.string())

/** A record begins with its instant. One that is no record of ours gives way. */
const putLater = `
  local held = redis.call('HGET', KEYS[1], ARGV[1])
  local at = held and tonumber(string.match(held, '^(%d+) ')) or -1
  if at >= tonumber(ARGV[2]) then return 0 end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return 1`

const sessionIdShape = /^s-[0-9a-z]{16}$/
/** No session lives for longer than a day; the rest is for the clock of Redis, which may be wrong by hours. */
const keptMs = 48 * 3_600_000
/** Further than the clocks of two hosts may be apart that serve: each agrees with that of Redis within two seconds. */
const clocksApartMs = 5_000
const portion = 250

/** The record of the withdrawal itself, with who and why, is in the ledger. */
const knownHere = {
  by: { kind: 'gateway' } satisfies Actor,
  reason: 'Withdrawn before; Redis came back in a state from before that.',
}

const none: ReadonlySet<string> = new Set()

/**
 * Releases in Redis, `releases:<grant id>`: a hash from the id of a session to the last record about it, vouched for. What
 * cannot be read is no release. The key expires for tidiness alone: what is gone is no release either.
 */
export function createReleases(options: ReleasesOptions): Releases {
  const { store, clock, changes, view, journal, vouching, logger, record, assertFit } = options
  const keyOf = (grantId: string): string => store.key('releases', grantId)
  const place = (grantId: string, sessionId: string): string => `release ${grantId} ${sessionId}`

  const readEntry = (grantId: string, sessionId: string, kept: string): Entry | null => {
    const text = vouching.verify(place(grantId, sessionId), kept)
    const entry = text === null ? null : readStored(recordSchema, text.slice(text.indexOf(' ') + 1))
    if (entry === null)
      logger.error('releases: a record cannot be read and releases nothing', { grantId, sessionId })
    return entry
  }
  type Entries = ReadonlyMap<string, Entry | null>
  const readRows = (grantId: string, rows: unknown): Entries =>
    new Map(
      Object.entries(readReply(rowsSchema, rows)).map(([sessionId, kept]) => [
        sessionId,
        readEntry(grantId, sessionId, kept),
      ]),
    )
  const readAll = async (grantId: string): Promise<Entries> =>
    readRows(grantId, await store.run((redis) => redis.hgetall(keyOf(grantId))))

  /** Null where it was withdrawn, whatever Redis has forgotten of that, and where it was for an earlier window. */
  const releaseOf = (grant: Grant, sessionId: string, entry: Entry | null | undefined): Release | null => {
    if (!entry) return null
    const id = idOf(grant.id, sessionId)
    const withdrawnAt = journal.since('release', id)
    if (!entry.isGiven) {
      // Also one that was made while nothing could be followed is then known for good.
      if (withdrawnAt === null || withdrawnAt < entry.at) void journal.add('release', id, entry.at)
      return null
    }
    if (withdrawnAt !== null && entry.at <= withdrawnAt) {
      journal.hasEnded('release', id) // reports that Redis did not know
      return null
    }
    if (entry.at < spanAt(grant, clock.now()).from) return null
    const { at, by, reason } = entry
    return { grantId: grant.id, sessionId, at, by, reason }
  }
  /** False when something later has been said meanwhile; that then stands. */
  const write = async (grantId: string, sessionId: string, entry: Entry): Promise<boolean> => {
    const text = vouching.vouch(place(grantId, sessionId), `${entry.at} ${JSON.stringify(entry)}`)
    const { at } = entry
    const [isWritten] = await store.transaction((multi) => {
      multi.eval(putLater, 1, keyOf(grantId), sessionId, at, text, keptMs)
      changes.addTo(
        multi,
        entry.isGiven
          ? { kind: 'release-given', grantId, sessionId }
          : { kind: 'release-withdrawn', grantId, sessionId, at },
      )
    })
    return isWritten === 1
  }
  /** Later than whatever was said before, whichever clock said it. */
  const nextInstant = (grantId: string, sessionId: string, entry: Entry | null | undefined): EpochMs => {
    const withdrawnAt = journal.since('release', idOf(grantId, sessionId)) ?? 0
    return Math.max(clock.now(), (entry?.at ?? 0) + 1, withdrawnAt + 1)
  }
  /** A record that claims what did not happen is followed by one that says so. */
  const fail = async (grantId: string, sessionId: string): Promise<void> => {
    await record({ event: 'release.failed', grantId, sessionId }).catch((problem: unknown) => {
      logger.error('releases: a failure is not on record', { grantId, problem: describeError(problem) })
    })
  }

  const withdraw: Releases['withdraw'] = async (grantId, sessionId, reason, actor) => {
    const why = readNote(reason)
    if (!isGrantId(grantId) || !sessionIdShape.test(sessionId)) return false
    const entries = await readAll(grantId).catch(() => null)
    const entry = entries?.get(sessionId)
    if (entries !== null && (entry === undefined || entry?.isGiven === false)) {
      // Whoever asks again, because the first answer failed them, is told so only when it holds everywhere.
      await changes.settle()
      return false
    }
    const next = nextInstant(grantId, sessionId, entry)
    // Unseen, the release may have been given by a clock that is ahead of ours.
    const at = entries === null ? next + clocksApartMs : next
    await record({ event: 'release.withdrawn', grantId, sessionId, actor, reason: why })
    const id = idOf(grantId, sessionId)
    const isDurable = await journal.add('release', id, at)
    const isWritten = await write(grantId, sessionId, { isGiven: false, at, by: actor, reason: why }).catch(
      (cause: unknown) => {
        journal.announce('release', id)
        throw stoppedHereOnly('The release is withdrawn', isDurable, cause)
      },
    )
    // Somebody released it at the same moment; who wants it closed has the last word.
    if (!isWritten) return withdraw(grantId, sessionId, reason, actor)
    await changes.settle()
    return true
  }

  return {
    async heldBy(sessionId, grants) {
      const now = clock.now()
      const asking = grants.filter(
        (grant) => grant.conditions.needsRelease && grantState(grant, now) === 'grant-active',
      )
      if (asking.length === 0) return none
      const held = await Promise.all(
        asking.map(async (grant) => {
          const entries = await view.read(`releases ${grant.id}`, () => readAll(grant.id))
          return releaseOf(grant, sessionId, entries.get(sessionId)) === null ? [] : [grant.id]
        }),
      )
      return new Set(held.flat())
    },

    async given(grants) {
      const asking = grants.filter(({ conditions }) => conditions.needsRelease)
      const releases: Release[] = []
      for (let start = 0; start < asking.length; start += portion) {
        const some = asking.slice(start, start + portion)
        const replies = await store.pipeline((pipeline) => {
          for (const { id } of some) pipeline.hgetall(keyOf(id))
        })
        some.forEach((grant, position) => {
          for (const [sessionId, entry] of readRows(grant.id, replies[position])) {
            const release = releaseOf(grant, sessionId, entry)
            if (release !== null) releases.push(release)
          }
        })
      }
      return releases
    },

    async give(grant, session, reason, actor) {
      const why = readNote(reason)
      const { id: grantId } = grant
      const { id: sessionId } = session
      if (isHolder(grant, actor))
        throw new GatehouseError('release-refused', 'Nobody releases access of their own.')
      if (!grant.conditions.needsRelease) throw conflict('This grant needs no release.')
      if (grantState(grant, clock.now()) !== 'grant-active') throw conflict('This grant is not running now.')
      if (grant.to.principalId !== session.principal.id) throw conflict('This session is of somebody else.')
      if (session.assurance.secondFactorAt === null)
        throw conflict('They have not entered their one-time code yet.')
      const entry = (await readAll(grantId)).get(sessionId)
      const held = releaseOf(grant, sessionId, entry)
      if (held !== null) return held
      await assertFit()
      const at = nextInstant(grantId, sessionId, entry)
      const principalId = session.principal.id
      await record({ event: 'release.given', grantId, sessionId, principalId, actor, reason: why })
      const isWritten = await write(grantId, sessionId, { isGiven: true, at, by: actor, reason: why }).catch(
        async (error: unknown) => {
          // It may have reached Redis all the same. Whoever was told that it failed must not have let anybody in.
          const id = idOf(grantId, sessionId)
          await journal.add('release', id, at)
          journal.announce('release', id)
          await fail(grantId, sessionId)
          throw error
        },
      )
      if (!isWritten) {
        await fail(grantId, sessionId)
        const now = releaseOf(grant, sessionId, (await readAll(grantId)).get(sessionId))
        if (now === null) throw conflict('Somebody else has just withdrawn it. Look again.')
        return now
      }
      await changes.settle() // who is told that it is released may open the machine at once
      return { grantId, sessionId, at, by: actor, reason: why }
    },

    withdraw,

    async noteWithdrawn(grantId, sessionId, at) {
      await journal.add('release', idOf(grantId, sessionId), at)
    },

    async withdrawRevived() {
      for (const id of journal.list('release')) {
        const [grantId = '', sessionId = ''] = id.split(' ')
        const kept = await store.run((redis) => redis.hget(keyOf(grantId), sessionId))
        const entry = kept === null ? null : readEntry(grantId, sessionId, kept)
        const withdrawnAt = journal.since('release', id) ?? 0
        if (entry?.isGiven !== true || entry.at > withdrawnAt) continue
        journal.hasEnded('release', id) // reports that Redis did not know
        const at = Math.max(withdrawnAt, entry.at + 1)
        await write(grantId, sessionId, { isGiven: false, at, ...knownHere })
      }
    },
  }
}

/** As the journal names it. */
function idOf(grantId: string, sessionId: string): string {
  return `${grantId} ${sessionId}`
}

/** By e-mail too: somebody with two accounts at the provider is one person; and a program acts for who answers for it. */
function isHolder({ to }: Grant, actor: Actor): boolean {
  if (actor.kind === 'principal') return actor.principalId === to.principalId || actor.email === to.email
  return actor.kind === 'service' && actor.owner === to.email
}

function readNote(reason: unknown): string | null {
  return reason === null || reason === undefined || reason === '' ? null : readReason(reason)
}

function conflict(message: string): GatehouseError {
  return new GatehouseError('release-conflict', message)
}
