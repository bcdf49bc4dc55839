import { z } from 'zod'
import {
  actorSchema,
  describeError,
  GatehouseError,
  readReply,
  readStored,
  stoppedHereOnly,
  systemClock,
  type ChangeLog,
  type Clock,
  type Journal,
  type Logger,
  type Reach,
  type Store,
  type View,
  type Vouching,
} from '../lib/index.js'
import type { Actor, EpochMs, Grant, Release, Session } from '../model.js'
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
  /** The start of the window it is for: its instant may lie ahead of every clock here. Null for a withdrawal. */
  windowFrom: z.int().nonnegative().nullable().default(null),
  by: actorSchema,
  reason: z.string().nullable(),
})
type Entry = z.infer<typeof recordSchema>
/** `entry` is null for what cannot be read: `kept` is then what gives way to whatever is said next. */
interface Row {
  readonly kept: string
  readonly entry: Entry | null
}
const rowsSchema = z.record(z.string(), z.string())
const keptSchema = z.array(z.string().nullable())

/**
 * A record begins with its instant. One that is no record of ours gives way, whatever instant it claims: only who reads its MAC
 * can tell, so they say which text they found to be none.
 */
const putLater = `
  local held = redis.call('HGET', KEYS[1], ARGV[1])
  if held == ARGV[5] then held = false end
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
/** Of single fields, after a doubt: nothing is proved, and nobody let in, until all are looked at. */
const readAtOnce = 1_000
const writtenAtOnce = 100
/** Each try means that somebody else has released it in between. */
const triesAtMost = 3
/** For so long we try to take back a release that Redis did not confirm. */
const takeBackTries = 15
const takeBackPauseMs = 200

/** The record of the withdrawal itself, with who and why, is in the ledger. */
const knownHere = {
  by: { kind: 'gateway' } satisfies Actor,
  reason: 'Withdrawn before; Redis came back in a state from before that.',
}
const unconfirmed = {
  by: { kind: 'gateway' } satisfies Actor,
  reason: 'Redis did not confirm the release in time.',
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
  type Rows = ReadonlyMap<string, Row>
  const readRows = (grantId: string, rows: unknown): Rows =>
    new Map(
      Object.entries(readReply(rowsSchema, rows)).map(([sessionId, kept]) => [
        sessionId,
        { kept, entry: readEntry(grantId, sessionId, kept) },
      ]),
    )
  const readAll = async (grantId: string): Promise<Rows> =>
    readRows(grantId, await store.run((redis) => redis.hgetall(keyOf(grantId))))

  /** Null where it was withdrawn, whatever Redis has forgotten of that, and where it was for an earlier window. */
  const releaseOf = (grant: Grant, sessionId: string, row: Row | undefined): Release | null => {
    const entry = row?.entry
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
    if (entry.windowFrom !== spanAt(grant, clock.now()).from) return null
    const { at, by, reason } = entry
    return { grantId: grant.id, sessionId, at, by, reason }
  }
  /** False when something later has been said meanwhile; that then stands. */
  const write = async (
    grantId: string,
    sessionId: string,
    entry: Entry,
    found: Row | undefined,
  ): Promise<boolean> => {
    const text = vouching.vouch(place(grantId, sessionId), `${entry.at} ${JSON.stringify(entry)}`)
    const { at } = entry
    const unreadable = found?.entry === null ? found.kept : ''
    const [isWritten] = await store.transaction((multi) => {
      multi.eval(putLater, 1, keyOf(grantId), sessionId, at, text, keptMs, unreadable)
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
  const nextInstant = (grantId: string, sessionId: string, row: Row | undefined): EpochMs => {
    const withdrawnAt = journal.since('release', idOf(grantId, sessionId)) ?? 0
    return Math.max(clock.now(), (row?.entry?.at ?? 0) + 1, withdrawnAt + 1)
  }
  /** A record that claims what did not happen, or may not have, is followed by one that says so. */
  const fail = async (
    grantId: string,
    sessionId: string,
    event: 'release.failed' | 'release.unconfirmed' = 'release.failed',
  ): Promise<void> => {
    await record({ event, grantId, sessionId }).catch((problem: unknown) => {
      logger.error('releases: a failure is not on record', { grantId, problem: describeError(problem) })
    })
  }
  /**
   * Says the opposite of a release, a moment later than it, so that it counts nowhere, also where it reaches Redis only
   * afterwards. False where Redis does not answer for that long.
   */
  const takeBack = async (grantId: string, sessionId: string, given: EpochMs): Promise<boolean> => {
    for (let tries = 0; tries < takeBackTries; tries += 1) {
      if (tries > 0) await new Promise<void>((resolve) => systemClock.after(takeBackPauseMs, resolve))
      try {
        const row = (await readAll(grantId)).get(sessionId)
        // What somebody has said later since then stands, and keeps ours out as well.
        const isPast = row?.entry != null && row.entry.at > given
        const opposite = { isGiven: false, at: given + 1, windowFrom: null, ...unconfirmed }
        if (isPast || (await write(grantId, sessionId, opposite, row))) {
          await changes.settle()
          return true
        }
      } catch (error) {
        logger.warn('releases: one is not taken back yet', { grantId, problem: describeError(error) })
      }
    }
    return false
  }
  /** What is left to say of a release whose write has failed: it may have reached Redis all the same. */
  const failGiving = async (
    grantId: string,
    sessionId: string,
    at: EpochMs,
    cause: unknown,
  ): Promise<never> => {
    const id = idOf(grantId, sessionId)
    // Whoever was told that it failed must not have let anybody in.
    await journal.add('release', id, at)
    if (await takeBack(grantId, sessionId, at)) {
      await fail(grantId, sessionId)
      throw cause
    }
    journal.announce('release', id)
    await fail(grantId, sessionId, 'release.unconfirmed')
    const message =
      'Redis did not confirm the release. On this host it does not count; elsewhere it may, until Redis is back.'
    throw new GatehouseError('store-unavailable', message, { cause })
  }

  const withdraw: Releases['withdraw'] = async (grantId, sessionId, reason, actor) => {
    const why = readNote(reason)
    if (!isGrantId(grantId) || !sessionIdShape.test(sessionId)) return false
    const id = idOf(grantId, sessionId)
    let cause: unknown = new Error('what lies in Redis about it keeps changing')
    let reach: Reach = 'nowhere'
    for (let tries = 0; tries < triesAtMost; tries += 1) {
      const rows = await readAll(grantId).catch(() => null)
      const row = rows?.get(sessionId)
      if (rows !== null && (row === undefined || row.entry?.isGiven === false)) {
        // Whoever asks again, because the first answer failed them, is told so only when it holds everywhere.
        await changes.settle()
        return tries > 0
      }
      const next = nextInstant(grantId, sessionId, row)
      // Unseen, the release may have been given by a clock that is ahead of ours.
      const at = rows === null ? next + clocksApartMs : next
      if (tries === 0) await record({ event: 'release.withdrawn', grantId, sessionId, actor, reason: why })
      reach = await journal.add('release', id, at)
      try {
        const entry = { isGiven: false, at, windowFrom: null, by: actor, reason: why }
        if (await write(grantId, sessionId, entry, row)) {
          await changes.settle()
          return true
        }
        // Somebody released it at the same moment; who wants it closed has the last word.
        // What is said against it next may be dated by a clock that is ahead of ours, too.
        if (tries === triesAtMost - 1) reach = await journal.add('release', id, at + clocksApartMs)
      } catch (error) {
        cause = error
        break
      }
    }
    journal.announce('release', id)
    throw stoppedHereOnly('The release is withdrawn', reach, cause)
  }

  /** What is to be said again about a release that the journal knows to be withdrawn, and Redis does not; else nothing. */
  const revivedBy = (id = '', kept: string | null): (() => Promise<unknown>)[] => {
    const [grantId, sessionId] = [grantOf(id), sessionOf(id)]
    const row = kept === null ? undefined : { kept, entry: readEntry(grantId, sessionId, kept) }
    const entry = row?.entry
    const withdrawnAt = journal.since('release', id) ?? 0
    // Where there is nothing, a release that was not confirmed may still be on its way: what is said now keeps it out.
    if (row !== undefined && (entry?.isGiven !== true || entry.at > withdrawnAt)) return []
    if (row !== undefined) journal.hasEnded('release', id) // reports that Redis did not know
    const at = Math.max(withdrawnAt, (entry?.at ?? 0) + 1)
    return [() => write(grantId, sessionId, { isGiven: false, at, windowFrom: null, ...knownHere }, row)]
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
          const rows = await view.read(`releases ${grant.id}`, () => readAll(grant.id))
          return releaseOf(grant, sessionId, rows.get(sessionId)) === null ? [] : [grant.id]
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
          for (const [sessionId, row] of readRows(grant.id, replies[position])) {
            const release = releaseOf(grant, sessionId, row)
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
      if (isHolder(grant, session, actor))
        throw new GatehouseError('release-refused', 'Nobody releases access of their own.')
      if (!grant.conditions.needsRelease) throw conflict('This grant needs no release.')
      const now = clock.now()
      if (grantState(grant, now) !== 'grant-active') throw conflict('This grant is not running now.')
      if (grant.to.principalId !== session.principal.id) throw conflict('This session is of somebody else.')
      if (session.assurance.secondFactorAt === null)
        throw conflict('They have not entered their one-time code yet.')
      const row = (await readAll(grantId)).get(sessionId)
      const held = releaseOf(grant, sessionId, row)
      if (held !== null) return held
      await assertFit()
      const at = nextInstant(grantId, sessionId, row)
      const principalId = session.principal.id
      await record({ event: 'release.given', grantId, sessionId, principalId, actor, reason: why })
      const entry = { isGiven: true, at, windowFrom: spanAt(grant, now).from, by: actor, reason: why }
      const isWritten = await write(grantId, sessionId, entry, row).catch((error: unknown) =>
        failGiving(grantId, sessionId, at, error),
      )
      if (!isWritten) {
        await fail(grantId, sessionId)
        const other = releaseOf(grant, sessionId, (await readAll(grantId)).get(sessionId))
        if (other === null) throw conflict('Somebody else has just withdrawn it. Look again.')
        return other
      }
      await changes.settle() // who is told that it is released may open the machine at once
      return { grantId, sessionId, at, by: actor, reason: why }
    },

    withdraw,

    async noteWithdrawn(grantId, sessionId, at) {
      await journal.add('release', idOf(grantId, sessionId), at)
    },

    async withdrawRevived() {
      const ids = journal.list('release')
      for (let start = 0; start < ids.length; start += readAtOnce) {
        const some = ids.slice(start, start + readAtOnce)
        const kept = await store.pipeline((pipeline) => {
          for (const id of some) pipeline.hget(keyOf(grantOf(id)), sessionOf(id))
        })
        const revived = readReply(keptSchema, kept).flatMap((text, position) =>
          revivedBy(some[position], text),
        )
        for (let first = 0; first < revived.length; first += writtenAtOnce)
          await Promise.all(revived.slice(first, first + writtenAtOnce).map((again) => again()))
      }
    },
  }
}

/** As the journal names it. */
function idOf(grantId: string, sessionId: string): string {
  return `${grantId} ${sessionId}`
}

function grantOf(id: string): string {
  return id.split(' ')[0] ?? ''
}

function sessionOf(id: string): string {
  return id.split(' ')[1] ?? ''
}

/**
 * By e-mail too: somebody with two accounts at the provider is one person, and the address that a grant was issued to need not be
 * that of who holds it now; and a program acts for who answers for it.
 */
function isHolder({ to }: Grant, { principal }: Pick<Session, 'principal'>, actor: Actor): boolean {
  if (actor.kind !== 'principal' && actor.kind !== 'service') return false
  const [id, email] =
    actor.kind === 'principal' ? [actor.principalId, actor.email] : [actor.ownerId ?? null, actor.owner]
  const isTheirs = id !== null && (id === to.principalId || id === principal.id)
  return isTheirs || (email !== null && (email === to.email || email === principal.email))
}

function readNote(reason: unknown): string | null {
  return reason === null || reason === undefined || reason === '' ? null : readReason(reason)
}

function conflict(message: string): GatehouseError {
  return new GatehouseError('release-conflict', message)
}
