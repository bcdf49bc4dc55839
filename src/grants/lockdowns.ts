import { z } from 'zod'
import {
  actorSchema,
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
import type { Actor, EpochMs, Lockdown, LockdownScope } from '../model.js'
import type { LockdownEvent, Lockdowns } from './model.js'
import { readReason, readScope, scopeText } from './request.js'

export interface LockdownsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly changes: ChangeLog
  readonly view: View
  readonly journal: Journal
  readonly vouching: Vouching
  readonly logger: Logger
  /** Resolves when the event is durable. */
  readonly record: (event: LockdownEvent) => Promise<void>
  readonly endpointIds: ReadonlySet<string>
}

/** The last that was said about a scope. Lifting leaves a record too, so that an older journal cannot undo it. */
const recordSchema = z.strictObject({
  isOn: z.boolean(),
  principalIds: z.array(z.string()),
  at: z.int().nonnegative(),
  by: actorSchema,
  reason: z.string(),
})
type Entry = z.infer<typeof recordSchema>
const rowsSchema = z.record(z.string(), z.string())

/** A record begins with its instant. One that is no record of ours gives way. */
const putLater = `
  local held = redis.call('HGET', KEYS[1], ARGV[1])
  local at = held and tonumber(string.match(held, '^(%d+) ')) or -1
  if at >= tonumber(ARGV[2]) then return 0 end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
  return 1`

/** Its own record, with who and why, is in the ledger. */
const knownHere = {
  by: { kind: 'gateway' } satisfies Actor,
  reason: 'Locked down before; Redis came back in a state from before that.',
}

/**
 * Lockdowns in Redis, `lockdowns`: a hash from the scope as text to the last record about it, vouched for. What
 * cannot be read counts as a lockdown of its scope: stopping must not depend on good data.
 */
export function createLockdowns(options: LockdownsOptions): Lockdowns {
  const { store, clock, changes, view, journal, vouching, logger, record, endpointIds } = options
  const key = store.key('lockdowns')
  const place = (scope: string): string => `lockdown ${scope}`

  const readEntry = (scope: string, kept: string): Entry | null => {
    const text = vouching.verify(place(scope), kept)
    const entry = text === null ? null : readStored(recordSchema, text.slice(text.indexOf(' ') + 1))
    if (entry === null) logger.error('lockdowns: a record cannot be read and counts as one', { scope })
    return entry
  }
  const readAll = async (): Promise<ReadonlyMap<string, Entry | null>> => {
    const rows = readReply(rowsSchema, await store.run((redis) => redis.hgetall(key)))
    return new Map(Object.entries(rows).map(([scope, kept]) => [scope, readEntry(scope, kept)]))
  }
  /** Of the scopes this host knows to be closed, those that Redis does not. */
  const forgotten = (entries: ReadonlyMap<string, Entry | null>): string[] =>
    journal.list('lockdown').filter((scope) => {
      const entry = entries.get(scope)
      return entry !== null && (entry === undefined || entry.at < (journal.since('lockdown', scope) ?? 0))
    })
  const inForceOf = (entries: ReadonlyMap<string, Entry | null>): Lockdown[] => {
    const forgottenHere = new Set(forgotten(entries))
    const wordOn = (name: string): Omit<Lockdown, 'scope'> | null => {
      const entry = entries.get(name)
      if (entry?.isOn === true) return { at: entry.at, by: entry.by, reason: entry.reason }
      if (entry === null) return { at: clock.now(), ...knownHere, reason: 'Its record cannot be read.' }
      const at = journal.since('lockdown', name) ?? clock.now()
      return forgottenHere.has(name) ? { at, ...knownHere } : null
    }
    return [...new Set([...entries.keys(), ...forgottenHere])].flatMap((name) => {
      const word = wordOn(name)
      // Most were lifted, and to read their scopes for each request would cost more than all else about lockdowns.
      if (word === null) return []
      const scope = scopeOf(name, entries.get(name)?.principalIds)
      return scope === null ? [] : [{ scope, ...word }]
    })
  }
  /** False when something later has been said about the scope meanwhile; that then stands. */
  const write = async (scope: string, entry: Entry): Promise<boolean> => {
    const text = vouching.vouch(place(scope), `${entry.at} ${JSON.stringify(entry)}`)
    const [isWritten] = await store.transaction((multi) => {
      multi.eval(putLater, 1, key, scope, entry.at, text)
      changes.addTo(multi, { kind: 'lockdown-changed', scope })
    })
    return isWritten === 1
  }
  const learn = async (scope: string, entry: Entry | null | undefined): Promise<void> => {
    if (entry?.isOn === true) await journal.add('lockdown', scope, entry.at)
    else if (entry?.isOn === false) await journal.lift(scope, entry.at)
  }
  /** Later than whatever was said before, whichever clock said it. */
  const nextInstant = (scope: string, entry: Entry | null | undefined): EpochMs =>
    Math.max(clock.now(), (entry?.at ?? 0) + 1, (journal.since('lockdown', scope) ?? 0) + 1)

  const begin: Lockdowns['on'] = async (wanted, reason, actor) => {
    const scope = readScope(wanted, endpointIds)
    const why = readReason(reason)
    const name = scopeText(scope)
    const principalIds = scope.kind === 'principal' ? [...scope.principalIds] : []
    const entries = await readAll().catch(() => null)
    const at = nextInstant(name, entries?.get(name))
    await record({ event: 'lockdown.on', scope: name, reason: why, actor })
    const reach = await journal.add('lockdown', name, at)
    const isWritten = await write(name, { isOn: true, principalIds, at, by: actor, reason: why }).catch(
      (cause: unknown) => {
        journal.announce('lockdown', name)
        throw stoppedHereOnly('The lockdown is in force', reach, cause)
      },
    )
    // Somebody lifted one at the same moment; who wants it closed has the last word.
    if (!isWritten) return begin(scope, reason, actor)
    await changes.settle()
    return { scope, at, by: actor, reason: why }
  }

  return {
    async inForce() {
      const entries = await view.read('lockdowns', readAll)
      return entries.size === 0 && journal.list('lockdown').length === 0 ? none : inForceOf(entries)
    },

    async lastWords() {
      return [...(await readAll())].flatMap(([scope, entry]) => {
        if (entry === null) return []
        const { isOn, at, by, reason } = entry
        return [{ scope, isOn, at, by, reason }]
      })
    },

    on: begin,

    async off(wanted, reason, actor) {
      const name = scopeText(readScope(wanted, null))
      const why = readReason(reason)
      const entries = await readAll()
      if (!inForceOf(entries).some(({ scope }) => scopeText(scope) === name)) return false
      const at = nextInstant(name, entries.get(name))
      await record({ event: 'lockdown.off', scope: name, reason: why, actor })
      const isWritten = await write(name, { isOn: false, principalIds: [], at, by: actor, reason: why })
      if (!isWritten)
        throw new GatehouseError('lockdown-conflict', 'Somebody else has just locked this down anew.')
      await journal.lift(name, at)
      await changes.settle()
      return true
    },

    async note(name) {
      const entry = (await readAll()).get(name)
      void learn(name, entry) // nobody who waits for us to follow need wait for the disk
    },

    async restore() {
      const entries = await readAll()
      // Also what was said while nothing could be followed.
      for (const [name, entry] of entries) void learn(name, entry)
      for (const name of forgotten(entries)) {
        journal.hasEnded('lockdown', name) // reports that Redis did not know
        const at = journal.since('lockdown', name) ?? clock.now()
        await write(name, { isOn: true, principalIds: [], at, ...knownHere })
      }
    },
  }
}

const none: readonly Lockdown[] = []

/** Null for a text that is no scope: nothing of ours would have written it. */
export function scopeOf(text: string, principalIds: readonly string[] = []): LockdownScope | null {
  try {
    const scope = readScope(text, null)
    if (scopeText(scope) !== text) return null
    return scope.kind === 'principal' ? { ...scope, principalIds } : scope
  } catch {
    return null
  }
}
