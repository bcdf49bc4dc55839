import { z } from 'zod'
import {
  actorSchema,
  GatehouseError,
  readReply,
  readStored,
  type ChangeLog,
  type Logger,
  type Store,
  type Vouching,
} from '../lib/index.js'
import {
  accessLevels,
  type AccessRequest,
  type Approval,
  type EpochMs,
  type RequestOutcome,
} from '../model.js'

const instant = z.int().nonnegative()

const termsShape = {
  endpoints: z.array(z.string()).min(1),
  access: z.enum(accessLevels),
  from: instant.nullable(),
  lengthMs: z.int().positive(),
  // Requests from before there were these ask for neither.
  lastsFromFirstUseMs: z.int().positive().nullable().default(null),
  needsRelease: z.boolean().default(false),
}
const termsSchema = z.strictObject(termsShape)

const askedSchema = z.strictObject({
  id: z.string(),
  by: z.strictObject({ principalId: z.string().min(1), email: z.string().min(1), name: z.string() }),
  terms: termsSchema,
  reason: z.string(),
  ticket: z.string().nullable(),
  askedAt: instant,
  lapsesAt: instant,
})

const approvalSchema = z.strictObject({ by: actorSchema, at: instant, terms: termsSchema })

const outcomeSchema = z.discriminatedUnion('kind', [
  z.strictObject({
    kind: z.literal('approved'),
    at: instant,
    by: actorSchema,
    grantId: z.string(),
    terms: z.strictObject({ ...termsShape, from: instant }),
  }),
  z.strictObject({ kind: z.literal('denied'), at: instant, by: actorSchema, reason: z.string() }),
  z.strictObject({ kind: z.enum(['lapsed', 'withdrawn', 'closed']), at: instant }),
])

/**
 * Too many are refused; those whose time is over and that nobody has closed yet do not count. How many may be asked for in
 * a day is bounded too: whoever asks and takes back would else fill Redis, without which nobody gets in.
 */
const addAsked = `
  if redis.call('SISMEMBER', KEYS[6], ARGV[6]) == 1 then return 'void' end
  if redis.call('ZCOUNT', KEYS[2], '(' .. ARGV[2], '+inf') >= tonumber(ARGV[4]) then return 'all' end
  if redis.call('ZCOUNT', KEYS[3], '(' .. ARGV[2], '+inf') >= tonumber(ARGV[5]) then return 'own' end
  if redis.call('ZCOUNT', KEYS[5], '(' .. ARGV[7], '+inf') >= tonumber(ARGV[8]) then return 'often' end
  for i = 4, 5 do redis.call('ZREMRANGEBYSCORE', KEYS[i], '-inf', ARGV[9]) end
  redis.call('HSET', KEYS[1], 'terms', ARGV[6])
  redis.call('PEXPIRE', KEYS[1], ARGV[10])
  redis.call('ZADD', KEYS[2], ARGV[3], ARGV[1])
  redis.call('ZADD', KEYS[3], ARGV[3], ARGV[1])
  redis.call('ZADD', KEYS[4], ARGV[2], ARGV[1])
  redis.call('ZADD', KEYS[5], ARGV[2], ARGV[1])
  redis.call('XADD', KEYS[7], unpack(ARGV, 11))
  return 'done'`

/**
 * One yes, and with the last of them the outcome. What the caller has worked out holds for the approvals it has seen, so
 * one more or less in between sends it back to look again.
 */
const addApproval = `
  if redis.call('SISMEMBER', KEYS[5], ARGV[3]) == 1 then return 'void' end
  if redis.call('HEXISTS', KEYS[1], 'terms') == 0 then return 'unknown' end
  if redis.call('HEXISTS', KEYS[1], 'outcome') == 1 then return 'answered' end
  if redis.call('HEXISTS', KEYS[1], ARGV[2]) == 1 then return 'again' end
  if tonumber(ARGV[5]) >= tonumber(ARGV[6]) then return 'late' end
  if redis.call('HLEN', KEYS[1]) - 1 ~= tonumber(ARGV[4]) then return 'changed' end
  redis.call('HSET', KEYS[1], ARGV[2], ARGV[3])
  if ARGV[7] ~= '' then
    redis.call('HSET', KEYS[1], 'outcome', ARGV[7])
    redis.call('ZREM', KEYS[2], ARGV[1])
    redis.call('ZREM', KEYS[3], ARGV[1])
    redis.call('SADD', KEYS[4], ARGV[1])
  end
  return 'done'`

/** An outcome that is no grant. The first stays. */
const close = `
  if redis.call('SISMEMBER', KEYS[4], ARGV[2]) == 1 then return 0 end
  if redis.call('HEXISTS', KEYS[1], 'terms') == 0 then return 0 end
  local isFirst = redis.call('HSETNX', KEYS[1], 'outcome', ARGV[2])
  redis.call('ZREM', KEYS[2], ARGV[1])
  redis.call('ZREM', KEYS[3], ARGV[1])
  return isFirst`

/**
 * A command that was not answered in time may be on its way still, on a connection that is given up: what has not come
 * about by now is kept from ever coming about, so that it can be told. Nobody reads what the late one answers.
 */
const settleOne = `
  if redis.call('HGET', KEYS[1], ARGV[1]) == ARGV[2] then return 1 end
  redis.call('SADD', KEYS[2], ARGV[2])
  redis.call('PEXPIRE', KEYS[2], 3600000)
  return 0`

const requestId = /^q-[0-9a-z]{16}$/
const openAtMost = 1_000
const openPerPersonAtMost = 20
const dayMs = 24 * 3_600_000
const askedADayAtMost = 100
/** From when it lapses; who asked and who answered is in the ledger. */
const keptMs = 90 * dayMs
const listedAtMost = 1_000
const listedPerPerson = 50
const portion = 250
const knownAtMost = 5_000
const tidiedAtOnce = 1_000

const approvalPrefix = 'approval:'

const verdicts = ['done', 'unknown', 'answered', 'again', 'late', 'changed'] as const
export type ApprovalVerdict = (typeof verdicts)[number]
/** One instance puts on record that a request has lapsed; another does where that one is gone after so long. */
const lapsingMs = 10_000

/** A write, and the way to find out what became of it when Redis has not said. */
export interface Step<T> {
  take(): Promise<T>
  /** Whether it came about. After a no it never will. */
  settle(): Promise<boolean>
  /** What it would have answered, had it been heard. */
  readonly done: T
}

/**
 * How requests lie in Redis.
 *
 *     request:<id>                hash  terms           what was asked, JSON; never changes
 *                                       approval:<who>  one person's yes, JSON; set once
 *                                       outcome         JSON; set once, by whoever is first
 *     requests:open               sorted set of those without an outcome, by when they lapse
 *     requests:open:<principal>   the same of one person
 *     requests:all                sorted set of all, by when they were asked
 *     requests:of:<principal>     the same of one person
 *     request:<id>:void           set of what was to be written, was not confirmed, and is not to come about any more
 *     request:<id>:lapsing        for ten seconds: somebody is putting on record that it has lapsed
 *     requests:unissued           set of those that were approved and whose grant is not known to be there
 *
 * A request is forgotten 90 days after it lapses. Each field is vouched for at its own place. A request with a field that is not ours can neither be read nor approved.
 */
export function openRequestRegister({
  store,
  vouching,
  logger,
  changes,
}: {
  store: Store
  vouching: Vouching
  logger: Logger
  changes: Pick<ChangeLog, 'addTo' | 'entryOf'>
}) {
  const requestKey = (id: string): string => store.key('request', id)
  const openKey = store.key('requests', 'open')
  const openOf = (principalId: string): string => store.key('requests', 'open', principalId)
  const allKey = store.key('requests', 'all')
  const ofKey = (principalId: string): string => store.key('requests', 'of', principalId)
  const unissuedKey = store.key('requests', 'unissued')
  const voidKey = (id: string): string => store.key('request', id, 'void')
  const run = { add: store.script(addAsked), settle: store.script(settleOne) }
  const vouch = (id: string, field: string, value: unknown): string =>
    vouching.vouch(`request ${id} ${field}`, JSON.stringify(value))

  const settling = (id: string, field: string, text: string) => async (): Promise<boolean> =>
    (await run.settle([requestKey(id), voidKey(id)], [field, text])) === 1
  /** With word to every instance, where it may have closed the request. */
  const write = async (
    id: string,
    lua: string,
    keys: string[],
    args: (string | number)[],
  ): Promise<unknown> => {
    const [reply] = await store.transaction((multi) => {
      multi.eval(lua, keys.length, ...keys, ...args)
      changes.addTo(multi, { kind: 'request-changed', requestId: id })
    })
    return reply
  }

  /** Lists are read anew each time; few of what they hold differ from the time before. */
  const known = new Map<string, { readonly fields: Row; readonly request: AccessRequest }>()
  const parse = (id: string, fields: Row): AccessRequest | null => {
    const before = known.get(id)
    if (before !== undefined && isSame(before.fields, fields)) return before.request
    const request = read(id, fields)
    if (known.size >= knownAtMost) known.clear()
    if (request !== null) known.set(id, { fields, request })
    return request
  }
  const read = (id: string, fields: Row): AccessRequest | null => {
    const readField = <T>(schema: z.ZodType<T>, name: string): T | null => {
      const text = vouching.verify(`request ${id} ${name}`, fields[name] ?? '')
      return text === null ? null : readStored(schema, text)
    }
    const { terms: _, outcome: answered, ...others } = fields
    const asked = readField(askedSchema, 'terms')
    const outcome = answered === undefined ? null : readField<RequestOutcome>(outcomeSchema, 'outcome')
    const approvals = Object.keys(others).map((name) =>
      name.startsWith(approvalPrefix) ? readField<Approval>(approvalSchema, name) : null,
    )
    const yes = approvals.filter((approval) => approval !== null).sort((a, b) => a.at - b.at)
    const isWhole = yes.length === approvals.length && (answered === undefined || outcome !== null)
    if (asked?.id === id && isWhole) return { ...asked, approvals: yes, outcome }
    logger.error('requests: a request cannot be read and permits nothing', { requestId: id })
    return null
  }
  const byIds = async (ids: readonly string[]): Promise<AccessRequest[]> => {
    const found: AccessRequest[] = []
    for (let start = 0; start < ids.length; start += portion) {
      const some = ids.slice(start, start + portion)
      const replies = await store.pipeline((pipeline) => {
        for (const id of some) pipeline.hgetall(requestKey(id))
      })
      readReply(z.array(rowSchema), replies).forEach((fields, at) => {
        const request = Object.keys(fields).length === 0 ? null : parse(some[at] ?? '', fields)
        if (request !== null) found.push(request)
      })
    }
    return found
  }

  return {
    /** @throws GatehouseError `store-corrupt` for one that is there and cannot be read */
    async find(id: string): Promise<AccessRequest | null> {
      if (!requestId.test(id)) return null
      const fields = readReply(rowSchema, await store.run((redis) => redis.hgetall(requestKey(id))))
      if (Object.keys(fields).length === 0) return null
      const request = parse(id, fields)
      if (request !== null) return request
      throw new GatehouseError('store-corrupt', 'The record of this request cannot be read.')
    },

    open: async () =>
      byIds(await store.run((redis) => redis.zrange(openKey, 0, openAtMost + openPerPersonAtMost - 1))),
    /** A part of those that have not lapsed, the one that lapses first first. */
    openPart: async (now: EpochMs, { skip, count }: { skip: number; count: number }) =>
      byIds(
        await store.run((redis) => redis.zrangebyscore(openKey, `(${now}`, '+inf', 'LIMIT', skip, count)),
      ),
    /** Those too that cannot be read, or have lapsed and were not closed yet. */
    countIndexed: (): Promise<number> => store.run((redis) => redis.zcard(openKey)),
    countOpen: (now: EpochMs): Promise<number> =>
      store.run((redis) => redis.zcount(openKey, `(${now}`, '+inf')),
    all: async () => byIds(await store.run((redis) => redis.zrevrange(allKey, 0, listedAtMost - 1))),
    of: async (principalId: string) =>
      byIds(await store.run((redis) => redis.zrevrange(ofKey(principalId), 0, listedPerPerson - 1))),
    /** Those to be closed. One that cannot be read is taken from the list: it permits nothing, and would be named for ever. */
    async due(at: EpochMs): Promise<AccessRequest[]> {
      const ids = await store.run((redis) =>
        redis.zrangebyscore(openKey, '-inf', at, 'LIMIT', 0, tidiedAtOnce),
      )
      const found = await byIds(ids)
      const read = new Set(found.map(({ id }) => id))
      const unread = ids.filter((id) => !read.has(id))
      if (unread.length > 0) await store.run((redis) => redis.zrem(openKey, ...unread))
      return found
    },
    /** Some of them, where somebody has planted so many: others the next time. */
    unissued: async () => byIds(await store.run((redis) => redis.srandmember(unissuedKey, tidiedAtOnce))),

    byIds,

    /** `all` or `own` where too many wait for an answer, `often` where one person has asked too many times in a day. */
    add(request: AccessRequest): Step<'done' | 'all' | 'own' | 'often'> {
      const { approvals: _, outcome: __, ...asked } = request
      const { id, askedAt, lapsesAt } = request
      const { principalId } = request.by
      const text = vouch(id, 'terms', asked)
      const take = async () => {
        const { key: changesKey, args } = changes.entryOf({ kind: 'request-changed', requestId: id })
        const lists = [openKey, openOf(principalId), allKey, ofKey(principalId)]
        const reply = await run.add(
          [requestKey(id), ...lists, voidKey(id), changesKey],
          [
            ...[id, askedAt, lapsesAt, openAtMost, openPerPersonAtMost, text],
            ...[askedAt - dayMs, askedADayAtMost, askedAt - keptMs, lapsesAt - askedAt + keptMs],
            ...args,
          ],
        )
        return readReply(z.enum(['done', 'all', 'own', 'often']), reply)
      }
      return { take, settle: settling(id, 'terms', text), done: 'done' }
    },

    /** @param outcome with the last yes that is needed; holds for the approvals that `request` has */
    approve(
      request: AccessRequest,
      approval: Approval,
      outcome: RequestOutcome | null,
    ): Step<ApprovalVerdict> {
      const { id, approvals, lapsesAt } = request
      const field = approvalPrefix + whoIs(approval)
      const text = vouch(id, field, approval)
      const keys = [requestKey(id), openKey, openOf(request.by.principalId), unissuedKey, voidKey(id)]
      const args = [
        ...[id, field, text, approvals.length, approval.at, lapsesAt],
        outcome === null ? '' : vouch(id, 'outcome', outcome),
      ]
      const take = async () => readReply(z.enum(verdicts), await write(id, addApproval, keys, args))
      return { take, settle: settling(id, field, text), done: 'done' }
    },

    /** False when there is another outcome; that stays. */
    close({ id, by }: AccessRequest, outcome: RequestOutcome): Step<boolean> {
      const keys = [requestKey(id), openKey, openOf(by.principalId), voidKey(id)]
      const text = vouch(id, 'outcome', outcome)
      const take = async () => (await write(id, close, keys, [id, text])) === 1
      return { take, settle: settling(id, 'outcome', text), done: true }
    },

    /** Whether the caller is the one to put on record that it has lapsed. */
    async claimLapse(id: string): Promise<boolean> {
      const key = store.key('request', id, 'lapsing')
      return (await store.run((redis) => redis.set(key, '1', 'PX', lapsingMs, 'NX'))) === 'OK'
    },

    async noteIssued(id: string): Promise<void> {
      await store.run((redis) => redis.srem(unissuedKey, id))
    },
  }
}

const rowSchema = z.record(z.string(), z.string())
type Row = Readonly<Record<string, string>>

function isSame(some: Row, others: Row): boolean {
  const names = Object.keys(some)
  return names.length === Object.keys(others).length && names.every((name) => some[name] === others[name])
}

/** One field a person: who answers twice at the same moment answers once. */
function whoIs({ by }: Approval): string {
  if (by.kind === 'principal') return by.principalId
  return by.kind === 'operator' ? `operator:${by.account}` : 'gateway'
}
