import { z } from 'zod'
import { readSet, readStored, type Clock, type Logger, type Store, type Vouching } from '../lib/index.js'
import { roles, type EpochMs, type Principal, type Role } from '../model.js'
import { normaliseEmail, type CompanyClaims } from './claims.js'

/** Someone who has signed in at least once, as of their last sign-in. */
export interface Person extends CompanyClaims {
  readonly principal: Principal
  readonly roles: readonly Role[]
  /** As in `Session`. */
  readonly groups: readonly string[]
  readonly lastLoginAt: EpochMs
}

/**
 * Who has ever signed in, so that administrators can name people by e-mail. A directory, not an
 * authority: what a session may do never depends on it.
 *
 * Each call throws GatehouseError `store-unavailable` when Redis fails it.
 */
export interface People {
  remember(
    principal: Principal,
    roles: readonly Role[],
    groups?: readonly string[],
    claims?: CompanyClaims,
  ): Promise<void>
  /** Everyone whose last sign-in carried this e-mail, verified. Several, when an address changed hands. */
  byEmail(email: string): Promise<Person[]>
  get(principalId: string): Promise<Person | null>
  /** In the order of `ids`, also of those that the list of everyone has lost. Null for an entry that is missing or cannot be read. */
  byIds(ids: readonly string[]): Promise<(Person | null)[]>
  /**
   * Most recent sign-in first.
   * @param onMore called where there may be others: so many are listed that not all are read
   */
  list(onMore?: () => void): Promise<Person[]>
}

const personSchema = z.object({
  principal: z.object({
    id: z.string(),
    issuer: z.string(),
    subject: z.string(),
    email: z.string().nullable(),
    name: z.string(),
  }),
  roles: z.array(z.enum(roles)),
  groups: z.array(z.string()).default([]),
  companyClaims: z.array(z.string()).default([]),
  soughtClaims: z.array(z.string()).nullable().default(null),
  lastLoginAt: z.number(),
})

const knownAtMost = 20_000
const portion = 500
const noClaims: CompanyClaims = { companyClaims: [], soughtClaims: null }

export function createPeople(options: {
  store: Store
  clock: Clock
  logger: Logger
  vouching: Vouching
}): People {
  const { store, clock, logger, vouching } = options
  const everyone = store.key('people')
  const personKey = (id: string): string => store.key('person', id)
  const emailKey = (email: string): string => store.key('people', 'email', email)

  /** Read anew by each page about people, and the same text as the time before but for who has signed in since. */
  const known = new Map<string, { readonly text: string; readonly person: Person }>()
  /** An unreadable entry is treated as absent. Whose right depends on one that is, is for the caller to say (`byIds`). */
  const read = (id: string, text: string | null): Person | null => {
    if (text === null) return null
    const before = known.get(id)
    if (before?.text === text) return before.person
    // A grant is given to whoever stands here: an entry that somebody else wrote is none.
    const vouched = vouching.verify(`person ${id}`, text)
    const person = vouched === null ? null : readStored(personSchema, vouched)
    if (person?.principal.id === id) {
      if (known.size >= knownAtMost) known.clear()
      known.set(id, { text, person })
      return person
    }
    logger.error('people: entry unreadable', { principalId: id })
    return null
  }
  const byIds = async (ids: readonly string[]): Promise<(Person | null)[]> => {
    const found: (Person | null)[] = []
    for (let start = 0; start < ids.length; start += portion) {
      const some = ids.slice(start, start + portion)
      const texts = await store.run((redis) => redis.mget(some.map(personKey)))
      some.forEach((id, position) => found.push(read(id, texts[position] ?? null)))
    }
    return found
  }
  const readAll = async (ids: readonly string[]): Promise<Person[]> =>
    (await byIds(ids)).filter((person) => person !== null).sort((a, b) => b.lastLoginAt - a.lastLoginAt)
  const get = async (id: string): Promise<Person | null> =>
    read(id, await store.run((redis) => redis.get(personKey(id))))

  return {
    remember: async (principal, held, groups = [], claims = noClaims) => {
      const formerEmail = (await get(principal.id))?.principal.email ?? null
      const person: Person = { principal, roles: held, groups, ...claims, lastLoginAt: clock.now() }
      await store.transaction((multi) => {
        multi.set(personKey(principal.id), vouching.vouch(`person ${principal.id}`, JSON.stringify(person)))
        multi.sadd(everyone, principal.id)
        if (formerEmail !== null) multi.srem(emailKey(formerEmail), principal.id)
        if (principal.email !== null) multi.sadd(emailKey(principal.email), principal.id)
      })
    },
    byEmail: async (email) => {
      const wanted = normaliseEmail(email)
      if (wanted === null) return []
      const found = await readAll((await readSet({ store, logger }, emailKey(wanted))).ids)
      // The index only finds; two sign-ins at once may leave an address behind that is no longer theirs.
      return found.filter((person) => person.principal.email === wanted)
    },
    get,
    byIds,
    async list(onMore) {
      const { ids, isWhole } = await readSet({ store, logger }, everyone)
      if (!isWhole) onMore?.()
      return readAll(ids)
    },
  }
}
