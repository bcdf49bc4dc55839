import { z } from 'zod'
import {
  actorSchema,
  fingerprint,
  readSortedSet,
  readReply,
  readStored,
  type ChainableCommander,
  type ChangeEntry,
  type Clock,
  type Logger,
  type Store,
  type Vouching,
} from '../lib/index.js'
import { accessLevels, endings, type EpochMs, type Grant, type Revocation } from '../model.js'

const instant = z.int().nonnegative()

const windowSchema = z.strictObject({ from: instant, until: instant })

const conditionsSchema = z.strictObject({
  windows: z.array(windowSchema),
  lastsFromFirstUseMs: z.int().positive().nullable(),
  sources: z.array(z.string()),
  maxSessions: z.int().positive().nullable(),
  needsRelease: z.boolean(),
})

// Strict: a condition that a newer version wrote and this one does not know must not be dropped silently.
const termsSchema = z.strictObject({
  id: z.string(),
  email: z.string(),
  endpoints: z.array(z.string()).min(1),
  access: z.enum(accessLevels),
  from: instant,
  reason: z.string(),
  ticket: z.string().nullable(),
  ending: z.enum(endings).default('cut'),
  conditions: conditionsSchema.default(() => ({
    ...{ windows: [], sources: [] },
    ...{ lastsFromFirstUseMs: null, maxSessions: null, needsRelease: false },
  })),
  requestId: z.string().nullable().default(null),
  issuedBy: actorSchema,
  issuedAt: instant,
})

const revocationSchema = z.strictObject({ at: instant, by: actorSchema, reason: z.string() })
/** Vouched for, as all fields are: the number, a dot, and the MAC. */
const untilSchema = z
  .string()
  .regex(/^\d{1,15}$/)
  .transform(Number)

/** When, and the end that follows: two numbers, vouched for likewise. */
const firstUseSchema = z
  .string()
  .regex(/^\d{1,15} \d{1,15}$/)
  .transform((both) => both.split(' ').map(Number) as [at: EpochMs, until: EpochMs])

const text = z.string().nullable()
const fieldsSchema = z.tuple([text, text, text, text, text])
type Fields = z.infer<typeof fieldsSchema>
const fieldNames = ['terms', 'until', 'principalId', 'revocation', 'firstUse'] as const
type FieldName = (typeof fieldNames)[number]
const rowsSchema = z.array(z.tuple([z.string(), fieldsSchema]))

/** The grants of an index, the one that ends last first, in one round trip and as of one moment. */
const readIndex = `
  local rows = {}
  local ids = redis.call('ZREVRANGEBYSCORE', KEYS[1], '+inf', ARGV[1], 'LIMIT', 0, ARGV[2])
  for i, id in ipairs(ids) do
    rows[i] = {id, redis.call('HMGET', ARGV[3] .. id, '${fieldNames.join("', '")}')}
  end
  return rows`

/** Never shorter, and never once it is revoked. The keys after the first are its indexes. */
const lengthen = `
  if redis.call('HEXISTS', KEYS[1], 'revocation') == 1 then return 0 end
  local held = redis.call('HGET', KEYS[1], 'until')
  if tonumber(string.match(held, '^%d+')) < tonumber(ARGV[2]) then
    redis.call('HSET', KEYS[1], 'until', ARGV[3])
    for i = 2, #KEYS do redis.call('ZADD', KEYS[i], ARGV[2], ARGV[1]) end
  end
  local used = redis.call('HGET', KEYS[1], 'firstUse')
  if used and ARGV[4] ~= '' and tonumber(string.match(used, '^%d+ (%d+)')) < tonumber(ARGV[2]) then
    redis.call('HSET', KEYS[1], 'firstUse', ARGV[4])
  end
  return 1`

/**
 * The first stays, but for one that was earlier and had been forgotten. Answers with what there is, and whether that is ours:
 * two instances may say the same millisecond. Only what began it is told to all: of two instants, each would believe the earlier.
 */
const beginUse = `
  if redis.call('HEXISTS', KEYS[1], 'terms') == 0 then return {'', 0} end
  local held = redis.call('HGET', KEYS[1], 'firstUse')
  local isLater = held and ARGV[2] ~= '' and tonumber(string.match(held, '^%d+')) > tonumber(ARGV[2])
  if held and not isLater then return {held, 0} end
  redis.call('XADD', KEYS[2], unpack(ARGV, 3))
  redis.call('HSET', KEYS[1], 'firstUse', ARGV[1])
  return {ARGV[1], 1}`

const begunSchema = z.tuple([z.string(), z.union([z.literal(0), z.literal(1)])])

/** Never over one that is there: what has happened to it since must not be undone. The keys after the first are its indexes. */
const addOnce = `
  if redis.call('EXISTS', KEYS[1]) == 1 then return 0 end
  redis.call('HSET', KEYS[1], 'terms', ARGV[3], 'until', ARGV[4], 'principalId', ARGV[5])
  for i = 2, #KEYS do redis.call('ZADD', KEYS[i], ARGV[2], ARGV[1]) end
  return 1`

/** Each grant that waits goes to whoever claims it first, and to nobody else ever after. */
const claimAll = `
  local won = {}
  local waiting = redis.call('HGETALL', KEYS[1])
  for i = 1, #waiting, 2 do
    if waiting[i + 1] == '' then redis.call('HSET', KEYS[1], waiting[i], ARGV[1]) end
    if waiting[i + 1] == '' or waiting[i + 1] == ARGV[1] then won[#won + 1] = waiting[i] end
  end
  return won`

const grantId = /^g-[0-9a-z]{16}$/

export function isGrantId(id: string): boolean {
  return grantId.test(id)
}

/** For so long a person is still told that a grant has ended, instead of that there is none. */
const endedGrantsHeldMs = 30 * 24 * 3_600_000
/** Far more than anyone holds; keeps what one request reads bounded. */
const heldAtMost = 1_000
const portion = 250
/** Of single fields, which are not parsed. */
const largePortion = 1_000
const knownAtMost = 20_000

/** What joins the transaction of a write. */
export type Also = (multi: ChainableCommander) => void

/**
 * How grants lie in Redis.
 *
 *     grant:<id>                  hash  terms        what was issued, JSON; never changes
 *                                       until        when it ends; only grows
 *                                       principalId  whose it is; set once
 *                                       revocation   JSON; set once
 *                                       firstUse     when its time began, set once, and its end, which only grows
 *     grants:all                  sorted set of all grants by their end
 *     grants:of:<principal id>    the same for one principal, without those that ended long ago
 *     grants:waiting:<e-mail, hashed>   hash of grants nobody holds yet: id -> who has claimed it, or ''
 *
 * Every field moves one way only, by a command that is atomic by itself. So whatever happens at the same
 * time, on however many instances, nothing written later can undo a revocation, shorten an extension or
 * hand a grant to a second person, and nothing needs a lock. Each is vouched for: a grant with a field that
 * is not ours permits nothing.
 */
export function openRegister(options: { store: Store; clock: Clock; logger: Logger; vouching: Vouching }) {
  const { store, clock, logger, vouching } = options
  const grantKey = (id: string): string => store.key('grant', id)
  const allKey = store.key('grants', 'all')
  const heldKey = (principalId: string): string => store.key('grants', 'of', principalId)
  const waitingKey = (email: string): string => store.key('grants', 'waiting', fingerprint(email))
  const heldSince = (): EpochMs => clock.now() - endedGrantsHeldMs
  const rowsOf = store.script(readIndex)
  const claim = store.script(claimAll)
  const begin = store.script(beginUse)

  const place = (id: string, field: FieldName): string => `grant ${id} ${field}`
  const vouch = (id: string, field: FieldName, value: string): string =>
    vouching.vouch(place(id, field), value)
  /** Each field as it was written, `undefined` where it is there and not ours. */
  const verify = (id: string, fields: Fields): (string | null | undefined)[] =>
    fieldNames.map((name, position) => {
      const kept = fields[position] ?? null
      return kept === null ? null : (vouching.verify(place(id, name), kept) ?? undefined)
    })

  /** Who has had many grants waits for them to be read anew after each change anywhere; few of them differ. */
  const known = new Map<string, { readonly fields: Fields; readonly grant: Grant }>()
  const parse = (id: string, fields: Fields): Grant | null => {
    const before = known.get(id)
    if (before?.fields.every((field, position) => field === fields[position]) === true) return before.grant
    const grant = read(id, fields)
    if (known.size >= knownAtMost) known.clear()
    if (grant !== null) known.set(id, { fields, grant })
    return grant
  }
  /** All grants of a person share one: who sorts ten thousand by their owner need not compare texts. */
  const holders = new Map<string, Grant['to']>()
  const holderOf = (email: string, principalId: string | null): Grant['to'] => {
    const key = JSON.stringify([email, principalId])
    const known = holders.get(key)
    if (known !== undefined) return known
    if (holders.size >= knownAtMost) holders.clear()
    const holder = { email, principalId }
    holders.set(key, holder)
    return holder
  }
  const read = (id: string, fields: Fields): Grant | null => {
    const grant = assemble(verify(id, fields), holderOf)
    if (grant?.id === id) return grant
    logger.error('grants: a grant cannot be read and permits nothing', { grantId: id })
    return null
  }

  const fieldsOf = (grant: Grant): { terms: string; until: string } => {
    const { to, until, revocation: _, firstUsedAt: __, ...rest } = grant
    return {
      terms: vouch(grant.id, 'terms', JSON.stringify({ ...rest, email: to.email })),
      until: vouch(grant.id, 'until', String(until)),
    }
  }

  const firstUseOf = (id: string, at: EpochMs, until: EpochMs): string =>
    vouch(id, 'firstUse', `${at} ${until}`)

  const hold = (multi: ChainableCommander, principalId: string, { id, until }: Grant): void => {
    multi.zremrangebyscore(heldKey(principalId), '-inf', `(${heldSince()}`)
    multi.zadd(heldKey(principalId), until, id)
  }

  return {
    /** Null when there is none; `grant` is null when there is one that cannot be read. */
    async find(id: string): Promise<{ grant: Grant | null } | null> {
      if (!isGrantId(id)) return null
      const reply = await store.run((redis) => redis.hmget(grantKey(id), ...fieldNames))
      const fields = readReply(fieldsSchema, reply)
      return fields.every((field) => field === null) ? null : { grant: parse(id, fields) }
    },

    /** In portions: ten thousand at once would hold up every stream while they are parsed. */
    async all(limit: number): Promise<Grant[]> {
      return this.byIds(await store.run((redis) => redis.zrevrange(allKey, 0, limit - 1)))
    },

    count: (): Promise<number> => store.run((redis) => redis.zcard(allKey)),

    /** The one that ends last comes first. */
    async endingAfter(instant: EpochMs): Promise<{ grants: Grant[]; isWhole: boolean }> {
      const { ids, isWhole } = await readSortedSet({ store, logger }, allKey, instant)
      return { grants: await this.byIds(ids), isWhole }
    },

    /** In the same order, without what is not there or cannot be read. */
    async byIds(ids: readonly string[]): Promise<Grant[]> {
      const grants: Grant[] = []
      for (let start = 0; start < ids.length; start += portion) {
        const some = ids.slice(start, start + portion)
        const replies = await store.pipeline((pipeline) => {
          for (const id of some) pipeline.hmget(grantKey(id), ...fieldNames)
        })
        const rows = readReply(z.array(fieldsSchema), replies)
        rows.forEach((fields, position) => {
          const isThere = fields.some((field) => field !== null)
          const grant = isThere ? parse(some[position] ?? '', fields) : null
          if (grant) grants.push(grant)
        })
      }
      return grants
    },

    /**
     * Those whose first use is not there, or later than is known: what is asked after each doubt, of all that ever matter,
     * must not take as long as to read them.
     */
    async usedLater(known: readonly { readonly id: string; readonly at: EpochMs }[]): Promise<string[]> {
      const later: string[] = []
      for (let start = 0; start < known.length; start += largePortion) {
        const some = known.slice(start, start + largePortion)
        const replies = await store.pipeline((pipeline) => {
          for (const { id } of some) pipeline.hget(grantKey(id), 'firstUse')
        })
        readReply(z.array(text), replies).forEach((held, position) => {
          const use = some[position]
          const isAsEarly = held !== null && Number(/^\d+/.exec(held)?.[0] ?? NaN) <= (use?.at ?? 0)
          if (use !== undefined && !isAsEarly) later.push(use.id)
        })
      }
      return later
    },

    /** Those that Redis does not call revoked, whatever else it has of them; for the same reason. */
    async unrevoked(ids: readonly string[]): Promise<string[]> {
      const found: string[] = []
      for (let start = 0; start < ids.length; start += largePortion) {
        const some = ids.slice(start, start + largePortion)
        const replies = await store.pipeline((pipeline) => {
          for (const id of some) pipeline.hexists(grantKey(id), 'revocation')
        })
        const isRevoked = readReply(z.array(z.number()), replies)
        found.push(...some.filter((_, position) => isRevoked[position] !== 1))
      }
      return found
    },

    async heldBy(principalId: string): Promise<Grant[]> {
      const reply = await rowsOf([heldKey(principalId)], [heldSince(), heldAtMost, grantKey('')])
      const grants: Grant[] = []
      for (const [id, fields] of readReply(rowsSchema, reply)) {
        const grant = parse(id, fields)
        if (grant?.to.principalId === principalId) grants.push(grant)
        else if (grant)
          logger.error('grants: a grant is listed under somebody else', { grantId: id, principalId })
      }
      return grants
    },

    /** False when there is one of that id, which stays as it is. */
    async addOnce(grant: Grant & { to: { principalId: string } }, also: Also): Promise<boolean> {
      const { id, until } = grant
      const { principalId } = grant.to
      const fields = fieldsOf(grant)
      const keys = [grantKey(id), allKey, heldKey(principalId)]
      const holder = vouch(id, 'principalId', principalId)
      const [isAdded] = await store.transaction((multi) => {
        multi.eval(addOnce, keys.length, ...keys, id, until, fields.terms, fields.until, holder)
        also(multi)
      })
      return isAdded === 1
    },

    async add(grant: Grant, also: Also): Promise<void> {
      const { to, until } = grant
      const fields = fieldsOf(grant)
      await store.transaction((multi) => {
        if (to.principalId === null) {
          multi.hset(grantKey(grant.id), fields)
          multi.hset(waitingKey(to.email), grant.id, '')
        } else {
          const principalId = vouch(grant.id, 'principalId', to.principalId)
          multi.hset(grantKey(grant.id), { ...fields, principalId })
          hold(multi, to.principalId, grant)
        }
        multi.zadd(allKey, until, grant.id)
        also(multi)
      })
    },

    /** False when it is revoked. */
    async lengthen({ id, to, firstUsedAt }: Grant, until: EpochMs, also: Also): Promise<boolean> {
      const keys = [grantKey(id), allKey]
      if (to.principalId !== null) keys.push(heldKey(to.principalId))
      const firstUse = firstUsedAt === undefined ? '' : firstUseOf(id, firstUsedAt, until)
      const [done] = await store.transaction((multi) => {
        multi.eval(lengthen, keys.length, ...keys, id, until, vouch(id, 'until', String(until)), firstUse)
        also(multi)
      })
      return done === 1
    },

    /**
     * Begins the time of a grant, unless that was done before; with `isKnown`, also where it was done later than this.
     * @param entry is added to the log of changes where this began it
     * @returns the grant with it, and whether it was this that began it; null where it cannot be read
     */
    async beginUse(
      grant: Grant,
      { at, until, isKnown }: { at: EpochMs; until: EpochMs; isKnown: boolean },
      entry: ChangeEntry,
    ): Promise<{ grant: Grant; isFirst: boolean } | null> {
      const { id } = grant
      const ours = firstUseOf(id, at, until)
      const reply = await begin([grantKey(id), entry.key], [ours, isKnown ? at : '', ...entry.args])
      const [held, isOurs] = readReply(begunSchema, reply)
      const used = withFirstUse(grant, vouching.verify(place(id, 'firstUse'), held))
      return used === null ? null : { grant: used, isFirst: isOurs === 1 }
    },

    /** The first revocation stays. */
    async revoke(id: string, revocation: Revocation, also: Also): Promise<void> {
      await store.transaction((multi) => {
        multi.hsetnx(grantKey(id), 'revocation', vouch(id, 'revocation', JSON.stringify(revocation)))
        also(multi)
      })
    },

    /** Ids of the waiting grants that are `principalId`'s to take, claimed now or before. */
    async claim(email: string, principalId: string): Promise<string[]> {
      return readReply(z.array(z.string()), await claim([waitingKey(email)], [principalId]))
    },

    /** Gives a claimed grant to its claimant. False when that was done before. */
    async bind(grant: Grant, principalId: string, also: Also): Promise<boolean> {
      const [bound] = await store.transaction((multi) => {
        multi.hsetnx(grantKey(grant.id), 'principalId', vouch(grant.id, 'principalId', principalId))
        hold(multi, principalId, grant)
        multi.hdel(waitingKey(grant.to.email), grant.id)
        also(multi)
      })
      return bound === 1
    },

    /** A waiting grant that nobody needs any more. */
    async forget({ id, to }: Grant): Promise<void> {
      await store.run((redis) => redis.hdel(waitingKey(to.email), id))
    },
  }
}

function assemble(
  [terms, until, principalId, revocation, firstUse]: readonly (string | null | undefined)[],
  holderOf: (email: string, principalId: string | null) => Grant['to'],
): Grant | null {
  const issued = typeof terms === 'string' ? readStored(termsSchema, terms) : null
  const end = untilSchema.safeParse(until)
  const revoked = typeof revocation === 'string' ? readStored(revocationSchema, revocation) : null
  // A holder or a revocation that cannot be read is one all the same.
  if (!issued || !end.success || principalId === undefined || (revocation !== null && revoked === null))
    return null
  // Name by name: what a rest and a spread make has a shape of its own each time, and ten thousand of these are read slowly.
  const grant: Grant = {
    id: issued.id,
    to: holderOf(issued.email, principalId),
    endpoints: issued.endpoints,
    access: issued.access,
    from: issued.from,
    until: end.data,
    reason: issued.reason,
    ticket: issued.ticket,
    ending: issued.ending,
    conditions: issued.conditions,
    requestId: issued.requestId,
    issuedBy: issued.issuedBy,
    issuedAt: issued.issuedAt,
    revocation: revoked,
  }
  return firstUse === null ? grant : withFirstUse(grant, firstUse ?? null)
}

/** A first use that cannot be read may have been long ago. */
function withFirstUse(grant: Grant, firstUse: string | null): Grant | null {
  const used = firstUseSchema.safeParse(firstUse)
  if (!used.success) return null
  const [firstUsedAt, until] = used.data
  return { ...grant, firstUsedAt, until: Math.min(grant.until, until) }
}
