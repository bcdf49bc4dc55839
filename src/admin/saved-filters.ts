import { z } from 'zod'
import { newId, readStored, type Store, type Vouching } from '../lib/index.js'
import type { Fields } from '../lib/page/index.js'
import { grantGroups } from './grant-selection.js'
import { addressOf, isFiltered, readFilter, type Filter } from './listing.js'

/** The lists whose filters can be kept, and the states that each offers. */
export const listStates = {
  '/admin': grantGroups,
  '/admin/sessions': ['open', 'idle'],
  '/admin/endpoints': ['unreachable', 'granted', 'open', 'stopped'],
  '/admin/people': [],
  // A day is what it draws by itself; which one is not kept.
  '/admin/timeline': ['week'],
  '/admin/search': [],
} as const satisfies Readonly<Record<string, readonly string[]>>
export type ListPath = keyof typeof listStates

export interface SavedFilter {
  readonly id: string
  readonly name: string
  readonly path: ListPath
  /** Path and query. */
  readonly address: string
}

/**
 * Filters that people have kept under a name, each for themselves: a convenience, by which nobody sees or may do anything
 * else. So they are on record only as the requests that they are.
 *
 * Each call throws GatehouseError `store-unavailable` when Redis fails it.
 */
export interface SavedFilters {
  /** Those of one list, by name; without what cannot be read. Never rejects: on that list stands what is to be stopped. */
  of(principalId: string, path: ListPath): Promise<SavedFilter[]>
  /**
   * One that was kept for the same list under the same name gives way.
   * @returns why not: no `name` of 1 to 60 characters, no `filter` of a list, or `full`: 20 are kept already
   */
  save(
    principalId: string,
    asked: { readonly name: string; readonly filter: Filter },
  ): Promise<'saved' | 'name' | 'filter' | 'full'>
  /** @returns of which list it was; null where there was no such filter */
  remove(principalId: string, id: string): Promise<ListPath | null>
}

export const savedAtMost = 20
export const longestName = 60
/** From when one was last kept. Whoever comes back after longer starts anew. */
const keptMs = 400 * 24 * 3_600_000
const filterId = /^f-[0-9a-z]{16}$/

/** Controls, lone surrogates, line separators, and what reorders text: a name stands between others. */
const hidden = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u
const nameSchema = z
  .string()
  .trim()
  .min(1)
  .max(longestName)
  .refine((text) => !hidden.test(text))

const partsSchema = z.strictObject({
  ...{ text: z.string(), state: z.string(), machine: z.string(), company: z.string() },
})
const storedSchema = z.strictObject({
  name: nameSchema,
  path: z.enum(Object.keys(listStates) as [ListPath, ...ListPath[]]),
  parts: partsSchema,
})

const saveOne = `
  if redis.call('HLEN', KEYS[1]) >= tonumber(ARGV[3]) and redis.call('HEXISTS', KEYS[1], ARGV[1]) == 0 then return 0 end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return 1`

export function isListPath(path: string): path is ListPath {
  return Object.hasOwn(listStates, path)
}

/** How filters lie in Redis: `filters:<principal>`, a hash with a field for each, JSON under a MAC of that place. */
export function createSavedFilters(options: {
  readonly store: Store
  readonly vouching: Vouching
}): SavedFilters {
  const { store, vouching } = options
  const keyOf = (principalId: string): string => store.key('filters', principalId)
  const placeOf = (principalId: string, id: string): string => `filter ${principalId} ${id}`
  const run = store.script(saveOne)

  /** Read as an address is: what the page would pass over, or a state that it does not offer any more, is none here too. */
  const read = (principalId: string, id: string, kept: string): SavedFilter | null => {
    const text = vouching.verify(placeOf(principalId, id), kept)
    const stored = text === null ? null : readStored(storedSchema, text)
    if (stored === null) return null
    const { name, path, parts } = stored
    const filter = readFilter(path, fieldsOf(parts), listStates[path])
    return isFiltered(filter) ? { id, name, path, address: addressOf(filter) } : null
  }
  const all = async (principalId: string): Promise<{ saved: SavedFilter[]; unread: string[] }> => {
    const rows = Object.entries(await store.run((redis) => redis.hgetall(keyOf(principalId))))
    const saved = rows.flatMap(([id, kept]) => read(principalId, id, kept) ?? [])
    const known = new Set(saved.map(({ id }) => id))
    return { saved, unread: rows.map(([id]) => id).filter((id) => !known.has(id)) }
  }

  return {
    async of(principalId, wanted) {
      const { saved } = await all(principalId).catch(() => ({ saved: [] }))
      return saved.filter(({ path }) => path === wanted).sort((a, b) => (a.name < b.name ? -1 : 1))
    },

    async save(principalId, { name: asked, filter }) {
      const name = nameSchema.safeParse(asked).data
      if (name === undefined) return 'name'
      const { path, text, state, machine, company } = filter
      if (!isListPath(path) || !isFiltered(filter)) return 'filter'
      const { saved, unread } = await all(principalId)
      const id = saved.find((one) => one.path === path && one.name === name)?.id ?? newId('f')
      const parts = { text, state, machine, company }
      const kept = vouching.vouch(placeOf(principalId, id), JSON.stringify({ name, path, parts }))
      // What nobody can use must not take up the room of what somebody wants to keep.
      if (unread.length > 0) await store.run((redis) => redis.hdel(keyOf(principalId), ...unread))
      return (await run([keyOf(principalId)], [id, kept, savedAtMost, keptMs])) === 1 ? 'saved' : 'full'
    },

    async remove(principalId, id) {
      if (!filterId.test(id)) return null
      const kept = await store.run((redis) => redis.hget(keyOf(principalId), id))
      const found = kept === null ? null : read(principalId, id, kept)
      await store.run((redis) => redis.hdel(keyOf(principalId), id))
      return found?.path ?? null
    },
  }
}

function fieldsOf({ text, ...rest }: z.infer<typeof partsSchema>): Fields {
  const fields: Readonly<Record<string, string>> = { q: text, ...rest }
  const one = (name: string): string => fields[name] ?? ''
  return { one, all: (name) => (one(name) === '' ? [] : [one(name)]) }
}
