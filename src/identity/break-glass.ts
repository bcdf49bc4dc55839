import { z } from 'zod'
import {
  actorSchema,
  createTally,
  GatehouseError,
  newId,
  readReply,
  readStored,
  stoppedHereOnly,
  type ChangeLog,
  type Clock,
  type Journal,
  type Keyring,
  type Logger,
  type Store,
  type Vouching,
} from '../lib/index.js'
import { roles, type Actor, type EpochMs, type Principal, type Role } from '../model.js'
import { newLongCode, readLongCode } from './codes.js'
import type { People, Person } from './people.js'
import type { SecondFactor } from './second-factor.js'

export type BreakGlassEvent =
  | {
      readonly event: 'break-glass.issued'
      readonly sessionId: string
      readonly principalId: string
      readonly email: string | null
      readonly roles: readonly Role[]
      readonly reason: string
      readonly expiresAt: EpochMs
      readonly sessionLengthMs: number
      readonly didProviderAnswer: boolean
      readonly actor: Actor
    }
  | {
      readonly event: 'break-glass.used'
      readonly sessionId: string
      readonly principalId: string
      readonly source: string
    }
  | {
      readonly event: 'break-glass.refused'
      readonly sessionId: string | null
      readonly why: string
      readonly source: string
    }
  | {
      readonly event: 'break-glass.withdrawn'
      readonly sessionId: string
      readonly actor: Actor
      readonly reason?: string
    }
  | {
      readonly event: 'break-glass.acknowledged'
      readonly sessionId: string
      readonly state: BreakGlassState
      readonly actor: Actor
      readonly reason: string
    }

/** What is told once a minute at most, and may be lost. */
export interface BreakGlassRefusals {
  readonly event: 'break-glass.refusals'
  readonly source: string
  readonly why: string
  readonly attempts: number
  readonly since: EpochMs
}

/** What an administrator has been shown it as: `used` is news to who knows of `issued`. */
export const breakGlassStates = ['issued', 'used'] as const
export type BreakGlassState = (typeof breakGlassStates)[number]

export interface BreakGlassRequest {
  readonly person: Person
  readonly roles: readonly Role[]
  /** Checked by the caller. */
  readonly reason: string
  readonly sessionLengthMs: number
  readonly didProviderAnswer: boolean
}

/** One code that was made, and what has become of it. Named by the session that it leads to. */
export interface BreakGlassEntry {
  readonly sessionId: string
  readonly to: Pick<Principal, 'id' | 'name' | 'email'>
  readonly roles: readonly Role[]
  readonly reason: string
  readonly issuedBy: Actor
  readonly issuedAt: EpochMs
  readonly expiresAt: EpochMs
  readonly sessionLengthMs: number
  readonly didProviderAnswer: boolean
  readonly state: BreakGlassState
  /** Null until it was. */
  readonly used: { readonly at: EpochMs; readonly source: string } | null
  /** Taken back before it was used, as far as this host knows. */
  readonly isWithdrawn: boolean
  /** Redis says so too, so that it is refused by any instance, whatever that has missed. */
  readonly isWithdrawnEverywhere: boolean
  /** What the administrator who asks has confirmed to have seen. */
  readonly seenAs: BreakGlassState | null
}

/** Whom a code lets in. The session is the caller's to begin. */
export interface BrokenGlass {
  readonly principal: Principal
  readonly roles: readonly Role[]
  readonly breakGlass: { readonly sessionId: string; readonly lengthMs: number }
}

/**
 * Sign-ins without the identity provider: an operator of the host makes a code, a person who is known and has a
 * second factor uses it, once, and every administrator is shown both.
 *
 * Each call throws GatehouseError `store-unavailable` when Redis fails it; each that records,
 * `ledger-unavailable` when it could not.
 */
export interface BreakGlass {
  /**
   * Records `break-glass.issued`, then makes the code, for the only time it is shown.
   * @throws GatehouseError `not-enrolled`
   */
  issue(
    request: BreakGlassRequest,
    actor: Actor,
  ): Promise<{ sessionId: string; code: string; expiresAt: EpochMs }>
  /**
   * Uses a code up, records `break-glass.used`, and says whom it lets in.
   * @param entered text of any content
   * @throws GatehouseError `break-glass-invalid`, whatever is wrong with it
   */
  use(entered: string, source: string): Promise<BrokenGlass>
  /**
   * Records `break-glass.withdrawn`; the code lets nobody in any more, on any instance. False where none waits to
   * be used: its session, if there is one, is ended like any other.
   * @throws GatehouseError `stopped-here-only` when Redis did not confirm it
   */
  withdraw(sessionId: string, actor: Actor, reason?: string): Promise<boolean>
  /** Tells Redis of what only this host knows to be withdrawn. */
  withdrawRevived(): Promise<void>
  /** Those of the last 30 days, at most 100, newest first, as `principalId` has seen them. */
  list(principalId: string): Promise<BreakGlassEntry[]>
  /** Records `break-glass.acknowledged`; only what is so is taken as seen, and only once. `reason` is checked by the caller. */
  acknowledge(
    sessionId: string,
    state: BreakGlassState,
    reason: string,
    actor: Extract<Actor, { kind: 'principal' }>,
  ): Promise<void>
  /** Writes down what was only counted so far. */
  close(): void
}

export interface BreakGlassOptions {
  readonly store: Store
  readonly clock: Clock
  readonly changes: ChangeLog
  readonly journal: Journal
  readonly keyring: Keyring
  readonly vouching: Vouching
  readonly logger: Logger
  /** Resolves when the event is durable. */
  readonly record: (event: BreakGlassEvent) => Promise<void>
  readonly note: (event: BreakGlassRefusals) => void
  readonly people: Pick<People, 'get'>
  readonly secondFactor: Pick<SecondFactor, 'status'>
}

const codeLifetimeMs = 10 * 60_000
const shownMs = 30 * 24 * 3_600_000
const shownAtMost = 100
/** On Redis's clock, for tidiness: what counts is what the records say. */
const tidyUpMs = 24 * 3_600_000

const instant = z.int().nonnegative()
const issueSchema = z.strictObject({
  to: z.strictObject({ id: z.string(), name: z.string(), email: z.string().nullable() }),
  roles: z.array(z.enum(roles)),
  reason: z.string(),
  issuedBy: actorSchema,
  issuedAt: instant,
  expiresAt: instant,
  sessionLengthMs: z.int().positive(),
  didProviderAnswer: z.boolean(),
})
const useSchema = z.strictObject({ at: instant, source: z.string() })
const withdrawnSchema = z.strictObject({ at: instant })
const stateSchema = z.enum(breakGlassStates)
const fieldsSchema = z.array(z.string().nullable())

const useUp = `
  if redis.call('HEXISTS', KEYS[1], 'withdrawn') == 1 then return 0 end
  return redis.call('HSETNX', KEYS[1], 'use', ARGV[1])`

/**
 * How it lies in Redis, all of it vouched for but the list, which only leads to it:
 *
 *     break-glass:code:<MAC of the code>   string  id of the session that the code leads to
 *     break-glass:of:<session id>          hash    issue   what was made, JSON; never changes
 *                                                  use     when and from where it was used, JSON; set once
 *                                                  withdrawn   since when, JSON; there, it lets nobody in
 *                                                  seen:<principal id>   what an administrator has seen it as
 *     break-glass:all                      sorted set of session ids by when the code was made
 *
 * `use` is what makes a code single-use: of all who come at the same moment, on whatever instance, one sets it, and
 * nobody once it is withdrawn.
 */
export function createBreakGlass(options: BreakGlassOptions): BreakGlass {
  const { store, clock, changes, journal, keyring, vouching, logger, record, people, secondFactor } = options
  const allKey = store.key('break-glass', 'all')
  const entryKey = (sessionId: string): string => store.key('break-glass', 'of', sessionId)
  const codeKey = (mac: string): string => store.key('break-glass', 'code', mac)
  const codePlace = (mac: string): string => `break-glass code ${mac}`
  const takeFirst = store.script(useUp)
  const place = (sessionId: string, field: string): string => `break-glass ${sessionId} ${field}`
  const seenField = (principalId: string): string => `seen:${principalId}`
  const tally = createTally({
    clock,
    tell: ({ source, kind, count, since }) => {
      options.note({ event: 'break-glass.refusals', source, why: kind, attempts: count, since })
    },
  })

  const verified = <T>(schema: z.ZodType<T>, at: string, kept: string | null | undefined): T | null => {
    const text = kept === null || kept === undefined ? null : vouching.verify(at, kept)
    return text === null ? null : readStored(schema, text)
  }

  /** Null where there is none, or none that is ours. A use that cannot be read is one all the same. */
  const assemble = (
    sessionId: string,
    principalId: string,
    [issue, use, seen, withdrawn]: readonly (string | null)[],
  ): BreakGlassEntry | null => {
    const issued = verified(issueSchema, place(sessionId, 'issue'), issue)
    if (issued === null) return null
    const unreadable = { at: issued.issuedAt, source: 'unknown' }
    const used = use == null ? null : (verified(useSchema, place(sessionId, 'use'), use) ?? unreadable)
    const seenAs = verified(stateSchema, place(sessionId, seenField(principalId)), seen)
    // What cannot be read lets nobody in, and is withdrawn for nobody who has to end it.
    const isSaid = withdrawn != null
    const isWithdrawn = used === null && (isSaid || journal.since('session', sessionId) !== null)
    const isWithdrawnEverywhere =
      isWithdrawn && verified(withdrawnSchema, place(sessionId, 'withdrawn'), withdrawn) !== null
    const state = used === null ? 'issued' : 'used'
    return { ...issued, sessionId, used, isWithdrawn, isWithdrawnEverywhere, state, seenAs }
  }
  const readEntries = async (ids: readonly string[], principalId: string): Promise<BreakGlassEntry[]> => {
    if (ids.length === 0) return []
    const replies = await store.pipeline((pipeline) => {
      for (const id of ids) pipeline.hmget(entryKey(id), 'issue', 'use', seenField(principalId), 'withdrawn')
    })
    return readReply(z.array(fieldsSchema), replies)
      .map((fields, position) => assemble(ids[position] ?? '', principalId, fields))
      .filter((entry) => entry !== null)
  }

  const tellWithdrawn = async (sessionId: string): Promise<void> => {
    const withdrawn = vouching.vouch(place(sessionId, 'withdrawn'), JSON.stringify({ at: clock.now() }))
    await store.transaction((multi) => {
      multi.hset(entryKey(sessionId), 'withdrawn', withdrawn)
      multi.pexpire(entryKey(sessionId), shownMs + tidyUpMs)
      changes.addTo(multi, { kind: 'session-ended', sessionId, cause: 'session-killed' })
    })
  }

  const refuse = async (why: string, sessionId: string | null, source: string): Promise<GatehouseError> => {
    if (tally.count(source, why)) await record({ event: 'break-glass.refused', sessionId, why, source })
    logger.warn('break-glass: a code was refused', { why, sessionId, source })
    // One answer to all, so that nobody learns what there is.
    return new GatehouseError('break-glass-invalid', 'This code is not valid, or is not valid any more.')
  }

  /** The entry behind a code that may be used now, with the person; or why not. */
  const find = async (
    entered: string,
  ): Promise<{ why: string; sessionId: string | null } | { entry: BreakGlassEntry; person: Person }> => {
    const code = readLongCode(entered)
    if (code === null) return { why: 'unknown', sessionId: null }
    const mac = keyring.mac('break-glass', code)
    const kept = await store.run((redis) => redis.get(codeKey(mac)))
    const sessionId = kept === null ? null : vouching.verify(codePlace(mac), kept)
    const [entry] = sessionId === null ? [] : await readEntries([sessionId], '')
    if (entry === undefined) return { why: 'unknown', sessionId }
    if (entry.used !== null) return { why: 'used-before', sessionId }
    if (entry.isWithdrawn) return { why: 'withdrawn', sessionId }
    if (!(clock.now() < entry.expiresAt)) return { why: 'expired', sessionId }
    const person = await people.get(entry.to.id)
    if (person === null) return { why: 'person-unknown', sessionId }
    // Reset since the code was made: whoever holds it must not be the one who sets up the next.
    if (!(await secondFactor.status(entry.to.id)).isEnrolled) return { why: 'not-enrolled', sessionId }
    return { entry, person }
  }

  return {
    async issue({ person, reason, sessionLengthMs, didProviderAnswer, roles: given }, actor) {
      const { id, name, email } = person.principal
      if (!(await secondFactor.status(id)).isEnrolled)
        throw new GatehouseError('not-enrolled', 'They have no second factor, and break-glass needs one.')
      const sessionId = newId('s')
      const issuedAt = clock.now()
      const expiresAt = issuedAt + codeLifetimeMs
      const shared = { roles: given, reason, expiresAt, sessionLengthMs, didProviderAnswer }
      await record({ event: 'break-glass.issued', sessionId, principalId: id, email, ...shared, actor })
      const code = newLongCode()
      const mac = keyring.mac('break-glass', readLongCode(code) ?? '')
      const issue = { to: { id, name, email }, ...shared, issuedBy: actor, issuedAt }
      const entry = entryKey(sessionId)
      await store.transaction((multi) => {
        multi.hset(entry, 'issue', vouching.vouch(place(sessionId, 'issue'), JSON.stringify(issue)))
        multi.pexpire(entry, shownMs + tidyUpMs)
        multi.set(codeKey(mac), vouching.vouch(codePlace(mac), sessionId), 'PX', codeLifetimeMs + tidyUpMs)
        multi.zadd(allKey, issuedAt, sessionId)
        multi.zremrangebyscore(allKey, '-inf', issuedAt - shownMs)
        multi.zremrangebyrank(allKey, 0, -(shownAtMost + 1))
        changes.addTo(multi, { kind: 'break-glass-issued', sessionId })
      })
      return { sessionId, code, expiresAt }
    },

    async use(entered, source) {
      const found = await find(entered)
      if ('why' in found) throw await refuse(found.why, found.sessionId, source)
      const { entry, person } = found
      const { sessionId, roles: given, sessionLengthMs: lengthMs } = entry
      const use = JSON.stringify({ at: clock.now(), source })
      const isFirst = await takeFirst([entryKey(sessionId)], [vouching.vouch(place(sessionId, 'use'), use)])
      if (isFirst !== 1) throw await refuse('used-before', sessionId, source)
      // Used up before it is recorded: where it cannot be recorded, nobody gets in and another code is needed.
      await record({ event: 'break-glass.used', sessionId, principalId: entry.to.id, source })
      logger.error('break-glass: somebody signs in without the identity provider', {
        sessionId,
        principalId: entry.to.id,
        source,
      })
      return { principal: person.principal, roles: given, breakGlass: { sessionId, lengthMs } }
    },

    async withdraw(sessionId, actor, reason) {
      const [entry] = await readEntries([sessionId], '')
      if (entry?.used !== null) return false
      const isNews = !entry.isWithdrawnEverywhere && journal.since('session', sessionId) === null
      const why = reason === undefined ? {} : { reason }
      if (isNews) await record({ event: 'break-glass.withdrawn', sessionId, actor, ...why })
      await journal.add('session', sessionId)
      // Also of one that only this host may know of yet.
      await tellWithdrawn(sessionId).catch(async (problem: unknown) => {
        const reach = await journal.add('session', sessionId)
        journal.announce('session', sessionId)
        throw stoppedHereOnly('The code is withdrawn', reach, problem)
      })
      await changes.settle()
      return isNews
    },

    async withdrawRevived() {
      const ids = await store.run((redis) => redis.zrevrange(allKey, 0, shownAtMost - 1))
      for (const { sessionId, used, isWithdrawnEverywhere } of await readEntries(ids, '')) {
        const isKnownHere = journal.since('session', sessionId) !== null
        if (used === null && isKnownHere && !isWithdrawnEverywhere) await tellWithdrawn(sessionId)
      }
    },

    async list(principalId) {
      const since = clock.now() - shownMs
      const ids = await store.run((redis) => redis.zrevrange(allKey, 0, shownAtMost - 1))
      return (await readEntries(ids, principalId)).filter(({ issuedAt }) => issuedAt > since)
    },

    async acknowledge(sessionId, state, reason, actor) {
      const { principalId } = actor
      const [entry] = await readEntries([sessionId], principalId)
      // What has become of it since they loaded the page they have not seen.
      if (entry?.state !== state || entry.seenAs === state) return
      await record({ event: 'break-glass.acknowledged', sessionId, state, actor, reason })
      const field = seenField(principalId)
      const seen = vouching.vouch(place(sessionId, field), JSON.stringify(state))
      await store.run((redis) => redis.hset(entryKey(sessionId), field, seen))
    },

    close: () => {
      tally.close()
    },
  }
}
