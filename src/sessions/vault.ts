import { z } from 'zod'
import {
  fingerprint,
  readSortedSet,
  readReply,
  readStored,
  type ChainableCommander,
  type ChangeLog,
  type Indexed,
  type Logger,
  type Store,
  type Vouching,
} from '../lib/index.js'
import {
  browserNames,
  browserSystems,
  roles,
  sessionOrigins,
  type EpochMs,
  type Pass,
  type Session,
} from '../model.js'

const instant = z.int().nonnegative()

// Strict: a record that says something unknown to us may mean less than we would read into it.
const sessionSchema = z.strictObject({
  id: z.string(),
  principal: z.strictObject({
    id: z.string().min(1),
    issuer: z.string().min(1),
    subject: z.string().min(1),
    email: z.string().nullable(),
    name: z.string(),
  }),
  roles: z.array(z.enum(roles)),
  groups: z.array(z.string()).optional(),
  origin: z.enum(sessionOrigins).default('provider'),
  assurance: z.strictObject({
    loginAt: instant,
    secondFactorAt: instant.nullable(),
    oneTimeCodeAt: instant.optional(),
  }),
  startedAt: instant,
  endsAt: instant,
  providerSessionId: z.string().nullable(),
  source: z.string(),
  browser: z.strictObject({ name: z.enum(browserNames), system: z.enum(browserSystems) }).optional(),
})

const passSchema = z.strictObject({
  id: z.string(),
  sessionId: z.string(),
  principalId: z.string(),
  endpointId: z.string(),
  issuedAt: instant,
})

const followPointer = `
  local id = redis.call('GET', KEYS[1])
  if not id then return false end
  local found = redis.call('HMGET', ARGV[1] .. id, 'record', ARGV[2])
  return {id, found[1], found[2]}`

const followedSchema = z.tuple([z.string(), z.string().nullable(), z.string().nullable()]).nullable()

/** A plain HSET would bring back a session that ended a moment ago. Answers how many fields it has now. */
const addUnlessGone = `
  if redis.call('EXISTS', KEYS[1]) == 0 then return 0 end
  redis.call('HSET', KEYS[1], unpack(ARGV, 3))
  redis.call('SET', KEYS[2], ARGV[1], 'PX', ARGV[2])
  return redis.call('HLEN', KEYS[1])`

/** A page that walks in again and again must not fill the store; the oldest passes make room. */
const passesKept = 64
const fieldsBesidesPasses = 3

const knownAtMost = 20_000

const readAtOnce = 1_000

const passPrefix = 'pass:'

/** The lists a session is found in. Hashed, because what comes from the provider may hold anything. */
export const indexes = {
  all: 'all',
  ofPrincipal: (id: string) => nameIndex('principal', id),
  ofSubject: (issuer: string, subject: string) => nameIndex('subject', issuer, subject),
  ofProviderSession: (issuer: string, sid: string) => nameIndex('provider-session', issuer, sid),
}

function nameIndex(...parts: string[]): string {
  return fingerprint(JSON.stringify(parts))
}

function indexesOf({ principal, providerSessionId: sid }: Session): string[] {
  const { id, issuer, subject } = principal
  const always = [indexes.all, indexes.ofPrincipal(id), indexes.ofSubject(issuer, subject)]
  return sid === null ? always : [...always, indexes.ofProviderSession(issuer, sid)]
}

/**
 * With the instant of the last proof, so that the token of before it, put back beside the record of after it, is none: it
 * was given up, perhaps because somebody else has it.
 */
function tokenText({ assurance }: Session, print: string): string {
  const { loginAt, secondFactorAt, oneTimeCodeAt } = assurance
  return `${print} ${Math.max(loginAt, secondFactorAt ?? 0, oneTimeCodeAt ?? 0)}`
}

/** All that lies under a session's key. */
export interface Holding {
  /** Null when it is there and cannot be read. */
  readonly session: Session | null
  readonly tokenPrint: string | null
  readonly passes: readonly { readonly print: string; readonly issuedAt: EpochMs }[]
}

/**
 * How sessions lie in Redis, and nothing of what they mean. A `print` is the fingerprint of a secret.
 *
 *     session:<id>          hash    record   the session, JSON, vouched for
 *                                   token    print of its one valid token and when its holder last proved something, vouched for
 *                                   idToken  sealed, where there is one
 *                                   pass:<print>   a pass, JSON, vouched for
 *     session-key:<print>   string  id of the session that a token or a pass leads to
 *     sessions:<index>      sorted set of session ids by their end
 *     session-ending:<id>   string  an instance is at ending it for whoever has not come to it
 *
 * All of a session lies under one key: deleting that key ends it with every pass, whatever else is left
 * lying about. A `session-key` only points. The session must itself name the print, so a pointer that was
 * left over, planted or restored opens nothing. Pointer and session are read in one script: one round
 * trip for each request.
 *
 * Expiry in Redis (`keptMs`) runs on Redis's clock and is for tidiness alone; whether a session has ended
 * is for the caller to say. What cannot be read counts as absent.
 */
export function openVault(options: {
  readonly store: Store
  readonly changes: ChangeLog
  readonly vouching: Vouching
  readonly logger: Logger
  readonly keptMs: number
}) {
  const { store, changes, vouching, logger, keptMs } = options
  const sessionKey = (id: string): string => store.key('session', id)
  const pointerKey = (print: string): string => store.key('session-key', print)
  const indexKey = (index: string): string => store.key('sessions', index)
  const follow = store.script(followPointer)

  const place = (id: string, field: string): string => `session ${id} ${field}`
  const vouch = (id: string, field: string, value: string): string => vouching.vouch(place(id, field), value)
  const verify = (id: string, field: string, kept: string | null | undefined): string | null =>
    kept === null || kept === undefined ? null : vouching.verify(place(id, field), kept)

  /** Each change anywhere has them read anew, and few of them differ. */
  const known = new Map<string, { readonly kept: string; readonly session: Session }>()
  const readSession = (id: string, kept: string | null | undefined): Session | null => {
    if (kept === null || kept === undefined) return null
    const before = known.get(id)
    if (before?.kept === kept) return before.session
    const text = verify(id, 'record', kept)
    const session = text === null ? null : readStored(sessionSchema, text)
    if (session?.id === id) {
      if (known.size >= knownAtMost) known.clear()
      known.set(id, { kept, session })
      return session
    }
    logger.error('sessions: a session cannot be read and counts as ended', { sessionId: id })
    return null
  }

  const find = async (print: string, field: string) => {
    const reply = readReply(followedSchema, await follow([pointerKey(print)], [sessionKey(''), field]))
    const session = reply && readSession(reply[0], reply[1])
    return session && { session, value: verify(session.id, field, reply[2]) }
  }

  const add = async (
    sessionId: string,
    print: string,
    fields: Record<string, string>,
    also: (multi: ChainableCommander) => void = () => undefined,
  ): Promise<number> => {
    const args = [
      sessionKey(sessionId),
      pointerKey(print),
      sessionId,
      keptMs,
      ...Object.entries(fields).flat(),
    ]
    const [count] = await store.transaction((multi) => {
      multi.eval(addUnlessGone, 2, ...args)
      also(multi)
    })
    return Number(count)
  }
  const written = (session: Session, tokenPrint: string): { record: string; token: string } => {
    const { origin, ...rest } = session
    // Said only where it matters: an instance of an older build reads on what it knows, and nothing else.
    const text = JSON.stringify(origin === 'provider' ? rest : session)
    const token = vouch(session.id, 'token', tokenText(session, tokenPrint))
    return { record: vouch(session.id, 'record', text), token }
  }
  const announce =
    (sessionId: string) =>
    (multi: ChainableCommander): void =>
      changes.addTo(multi, { kind: 'session-changed', sessionId })

  const inspect = async (id: string): Promise<Holding | null> => {
    const fields = await store.run((redis) => redis.hgetall(sessionKey(id)))
    if (Object.keys(fields).length === 0) return null
    const passes = Object.entries(fields)
      .filter(([name]) => name.startsWith(passPrefix))
      .map(([name, kept]) => {
        const text = verify(id, name, kept)
        const pass = text === null ? null : readStored(passSchema, text)
        return { print: name.slice(passPrefix.length), issuedAt: pass?.issuedAt ?? 0 }
      })
    const tokenPrint = verify(id, 'token', fields.token)?.split(' ', 1)[0] ?? null
    return { session: readSession(id, fields.record), tokenPrint, passes }
  }

  const dropOldestPasses = async (id: string): Promise<void> => {
    const passes = (await inspect(id))?.passes ?? []
    const oldest = [...passes].sort((a, b) => a.issuedAt - b.issuedAt).slice(0, -passesKept)
    if (oldest.length === 0) return
    await store.transaction((multi) => {
      multi.hdel(sessionKey(id), ...oldest.map(({ print }) => passPrefix + print))
      multi.del(...oldest.map(({ print }) => pointerKey(print)))
      announce(id)(multi)
    })
  }

  return {
    inspect,

    async put(session: Session, tokenPrint: string, sealedIdToken: string | null): Promise<void> {
      const key = sessionKey(session.id)
      const idToken = sealedIdToken === null ? {} : { idToken: sealedIdToken }
      await store.transaction((multi) => {
        multi.hset(key, { ...written(session, tokenPrint), ...idToken })
        multi.pexpire(key, keptMs)
        multi.set(pointerKey(tokenPrint), session.id, 'PX', keptMs)
        for (const index of indexesOf(session).map(indexKey)) {
          multi.zremrangebyscore(index, '-inf', session.startedAt - keptMs)
          multi.zadd(index, session.endsAt, session.id)
          multi.pexpire(index, keptMs)
        }
      })
    },

    /** Replaces record and token at once. False when the session is gone. */
    async retoken(session: Session, tokenPrint: string): Promise<boolean> {
      return (await add(session.id, tokenPrint, written(session, tokenPrint), announce(session.id))) > 0
    },

    /** False when the session is gone. */
    async addPass(pass: Pass, print: string): Promise<boolean> {
      const name = passPrefix + print
      const fields = await add(pass.sessionId, print, {
        [name]: vouch(pass.sessionId, name, JSON.stringify(pass)),
      })
      if (fields > passesKept + fieldsBesidesPasses) await dropOldestPasses(pass.sessionId)
      return fields > 0
    },

    async byToken(print: string): Promise<Session | null> {
      const found = await find(print, 'token')
      return found?.session && found.value === tokenText(found.session, print) ? found.session : null
    },

    async byPass(print: string): Promise<{ session: Session; pass: Pass } | null> {
      const found = await find(print, passPrefix + print)
      if (typeof found?.value !== 'string') return null
      const { session, value } = found
      const pass = readStored(passSchema, value)
      if (pass?.sessionId === session.id && pass.principalId === session.principal.id)
        return { session, pass }
      logger.error('sessions: a pass cannot be read and counts as ended', { sessionId: session.id })
      return null
    },

    /** In the order of `ids`; null for what is gone or cannot be read. */
    async byIds(ids: readonly string[]): Promise<(Session | null)[]> {
      const found: (Session | null)[] = []
      for (let start = 0; start < ids.length; start += readAtOnce) {
        const some = ids.slice(start, start + readAtOnce)
        const texts = await store.pipeline((pipeline) => {
          for (const id of some) pipeline.hget(sessionKey(id), 'record')
        })
        const read = readReply(z.array(z.string().nullable()), texts)
        some.forEach((id, position) => found.push(readSession(id, read[position])))
      }
      return found
    },

    /** Whether no instance has said so within `forMs`: of several that would do the same, one does. */
    claimEnding: async (id: string, forMs: number): Promise<boolean> =>
      (await store.run((redis) => redis.set(store.key('session-ending', id), '1', 'PX', forMs, 'NX'))) ===
      'OK',

    idToken: (id: string): Promise<string | null> =>
      store.run((redis) => redis.hget(sessionKey(id), 'idToken')),

    /** Ids of sessions that end after `now`, the one that ends last first. */
    idsIn: (index: string, now: EpochMs, limit: number): Promise<string[]> =>
      store.run((redis) => redis.zrevrangebyscore(indexKey(index), '+inf', `(${now}`, 'LIMIT', 0, limit)),

    /** The same without a limit but that of any index. */
    allIn: (index: string, now: EpochMs): Promise<Indexed> =>
      readSortedSet({ store, logger }, indexKey(index), now),

    /** False when the session was gone already; `also` is done in the same transaction. */
    async remove(id: string, holding: Holding, also: (multi: ChainableCommander) => void): Promise<boolean> {
      const prints = holding.passes.map(({ print }) => print)
      if (holding.tokenPrint !== null) prints.push(holding.tokenPrint)
      const [removed] = await store.transaction((multi) => {
        multi.del(sessionKey(id))
        if (prints.length > 0) multi.del(...prints.map(pointerKey))
        for (const index of holding.session ? indexesOf(holding.session) : [indexes.all]) {
          multi.zrem(indexKey(index), id)
        }
        also(multi)
      })
      return removed === 1
    },
  }
}
