import { z } from 'zod'
import { isNetwork, isPlainText } from '../config/index.js'
import {
  actorSchema,
  createTally,
  fingerprint,
  GatehouseError,
  isToken,
  newId,
  newToken,
  readReply,
  readStored,
  stoppedHereOnly,
  type ChainableCommander,
  type ChangeLog,
  type Clock,
  type Journal,
  type Logger,
  type Store,
  type View,
  type Vouching,
} from '../lib/index.js'
import {
  scopes,
  type Actor,
  type EpochMs,
  type Reason,
  type Revocation,
  type Scope,
  type ServiceToken,
} from '../model.js'
import type { People } from './people.js'

export type ServiceTokenEvent =
  | {
      readonly event: 'token.created'
      readonly tokenId: string
      readonly name: string
      readonly ownerId: string
      readonly owner: string
      readonly scopes: readonly Scope[]
      readonly sources: readonly string[]
      readonly until: EpochMs
      readonly actor: Actor
      readonly reason: string
    }
  | {
      readonly event: 'token.revoked'
      readonly tokenId: string
      readonly actor: Actor
      readonly reason: string
    }
  | ({ readonly event: 'token.refused' } & ServiceTokenRefusal)

/** A call that was not let in, for its token or the lack of one. */
export interface ServiceTokenRefusal {
  readonly requestId: string
  /** Null for a token that nobody of ours has made. */
  readonly tokenId: string | null
  readonly why: Reason
  /** The client's address. */
  readonly source: string
}

/** What is told once a minute at most, and may be lost. */
export interface ServiceTokenRefusals {
  readonly event: 'token.refusals'
  readonly source: string
  readonly why: string
  readonly attempts: number
  readonly since: EpochMs
}

/** A token as somebody asks for it: not one field is believed before it was checked. */
export interface ServiceTokenRequest {
  readonly name: string
  /** E-mail of someone who has signed in. */
  readonly owner: string
  readonly scopes: readonly string[]
  readonly sources: readonly string[]
  readonly lifetimeMs: number
}

/**
 * The tokens of programs. Every refusal of an input is `input-invalid` with its `field`, and leaves nothing behind.
 *
 * Each call throws GatehouseError `store-unavailable` when Redis fails it; each that records,
 * `ledger-unavailable` when it could not.
 */
export interface ServiceTokens {
  /**
   * Records `token.created`, then makes the token. `secret` is shown this once.
   * @param reason checked by the caller
   * @throws GatehouseError `input-invalid`, `person-unknown`, `person-ambiguous`
   */
  create(
    request: ServiceTokenRequest,
    reason: string,
    actor: Actor,
  ): Promise<{ token: ServiceToken; secret: string }>
  /** The newest first; those that ended over 90 days ago may be gone. */
  list(): Promise<ServiceToken[]>
  /**
   * Records `token.revoked`, then ends the token for good. Revoking a revoked one changes nothing. While Redis does
   * not answer, it has effect on this host all the same, and throws `stopped-here-only`.
   * @param reason checked by the caller
   * @throws GatehouseError `token-unknown`
   */
  revoke(id: string, reason: string, actor: Actor): Promise<ServiceToken>
  /**
   * The token whose secret this is, whether it has ended or not; null for what is none of ours.
   * @param sent text of any content
   * @param options.isToStop while Redis does not answer, what was last known of it will do: stopping must not wait
   */
  identify(sent: string, options: { isToStop: boolean }): Promise<ServiceToken | null>
  /** Records `token.refused`, or counts it where there are many of one source. */
  recordRefusal(refused: ServiceTokenRefusal): Promise<void>
  /** To be told of each token that another instance or command made or revoked. */
  note(): Promise<void>
  /** Revokes again what this instance knows to be revoked, and Redis does not. */
  revokeRevived(): Promise<void>
  /** Writes down what was only counted so far. */
  close(): void
}

export interface ServiceTokensOptions {
  readonly store: Store
  readonly clock: Clock
  readonly changes: ChangeLog
  readonly view: View
  readonly journal: Journal
  readonly vouching: Vouching
  readonly logger: Logger
  /** Resolves when the event is durable. */
  readonly record: (event: ServiceTokenEvent) => Promise<void>
  readonly note: (event: ServiceTokenRefusals) => void
  /** Rejects while nothing new may be given. */
  readonly assertFit: () => Promise<void>
  readonly people: Pick<People, 'byEmail'>
}

const dayMs = 24 * 3_600_000
const longestTokenMs = 365 * dayMs
const shortestTokenMs = 3_600_000
const keptAfterEndMs = 90 * dayMs
const sourcesAtMost = 20

/**
 * What a secret begins with, so that whoever finds one in a repository, a log or a chat knows what it opens, and
 * scanners can be told: `gatehouse_` and 49 characters, of which the last six are a checksum.
 */
const prefix = 'gatehouse_'
const checksumLength = 6

const tokenIdShape = /^t-[0-9a-z]{16}$/

const instant = z.int().nonnegative()
const termsSchema = z.strictObject({
  print: z.string(),
  name: z.string(),
  owner: z.strictObject({ principalId: z.string(), email: z.string() }),
  scopes: z.array(z.enum(scopes)),
  sources: z.array(z.string()),
  createdBy: actorSchema,
  createdAt: instant,
  until: instant,
})
const revocationSchema = z.strictObject({ at: instant, by: actorSchema, reason: z.string() })
const rowsSchema = z.record(z.string(), z.string())

const nameSchema = z
  .string()
  .trim()
  .min(1, 'must be filled in')
  .max(64, 'must not be longer than 64 characters')
  .refine(isPlainText, 'holds control or text-direction characters')
const scopesSchema = z
  .array(z.enum(scopes, `must be among ${scopes.join(', ')}`))
  .min(1, 'must name at least one')
const sourcesSchema = z
  .array(
    z.string().refine(isNetwork, 'must be IP addresses or CIDR blocks, none of which holds all addresses'),
  )
  .max(sourcesAtMost, `must not be more than ${String(sourcesAtMost)}`)

/** The record of the revocation itself, with who and why, is in the ledger. */
const knownHere = {
  by: { kind: 'gateway' } satisfies Actor,
  reason: 'Revoked before; Redis came back in a state from before that.',
}

/** What is kept of a token: what it is, and the fingerprint of its secret. */
interface Kept {
  readonly token: ServiceToken
  readonly print: string
}

/**
 * Tokens in Redis, `tokens`: a hash with `<id>`, what the token is, which never changes, and `<id> revocation`,
 * set once. Both are vouched for: what cannot be read opens nothing, and a revocation that cannot be read is one.
 */
export function createServiceTokens(options: ServiceTokensOptions): ServiceTokens {
  const { store, clock, changes, view, journal, vouching, logger, record } = options
  const key = store.key('tokens')
  const place = (field: string): string => `token ${field}`
  const revocationField = (id: string): string => `${id} revocation`

  const readRevocation = (id: string, kept: string | undefined): Revocation | null => {
    const field = revocationField(id)
    if (kept !== undefined) {
      const text = vouching.verify(place(field), kept)
      const revocation = text === null ? null : readStored(revocationSchema, text)
      if (journal.since('token', id) === null) void journal.add('token', id)
      return revocation ?? { at: clock.now(), ...knownHere, reason: 'Its revocation cannot be read.' }
    }
    return journal.hasEnded('token', id)
      ? { at: journal.since('token', id) ?? clock.now(), ...knownHere }
      : null
  }
  const readAll = async (): Promise<ReadonlyMap<string, Kept>> => {
    const rows = readReply(rowsSchema, await store.run((redis) => redis.hgetall(key)))
    const found = new Map<string, Kept>()
    for (const [id, kept] of Object.entries(rows)) {
      if (!tokenIdShape.test(id)) continue
      const text = vouching.verify(place(id), kept)
      const terms = text === null ? null : readStored(termsSchema, text)
      if (terms === null) {
        logger.error('tokens: a token cannot be read and opens nothing', { tokenId: id })
        continue
      }
      const { print, ...rest } = terms
      const revocation = readRevocation(id, rows[revocationField(id)])
      found.set(id, { print, token: { id, ...rest, revocation } })
    }
    return found
  }
  /** By fingerprint, as of when they were last read. */
  let lastKnown: ReadonlyMap<string, Kept> = new Map()
  const readByPrint = async (): Promise<ReadonlyMap<string, Kept>> => {
    const all = [...(await readAll()).values()]
    lastKnown = new Map(all.map((kept) => [kept.print, kept]))
    return lastKnown
  }
  const tally = createTally({
    clock,
    tell: ({ source, kind, count, since }) => {
      options.note({ event: 'token.refusals', source, why: kind, attempts: count, since })
    },
  })
  const announce = (multi: ChainableCommander, tokenId: string): void => {
    changes.addTo(multi, { kind: 'token-changed', tokenId })
  }
  const write = (id: string, revocation: Revocation): Promise<unknown> =>
    store.transaction((multi) => {
      const field = revocationField(id)
      multi.hsetnx(key, field, vouching.vouch(place(field), JSON.stringify(revocation)))
      announce(multi, id)
    })
  const onlyHere = async (id: string, cause: unknown): Promise<GatehouseError> => {
    const reach = await journal.add('token', id)
    journal.announce('token', id)
    return stoppedHereOnly('The token is revoked', reach, cause)
  }
  /** While Redis is away: whoever has this id, it ends. */
  const revokeHere = async (id: string, reason: string, actor: Actor, cause: unknown): Promise<never> => {
    await record({ event: 'token.revoked', tokenId: id, actor, reason })
    throw await onlyHere(id, cause)
  }

  return {
    async create(request, reason, actor) {
      const name = read(nameSchema, request.name, 'name')
      const given = read(scopesSchema, request.scopes, 'scope')
      const sources = read(sourcesSchema, request.sources, 'source')
      const { lifetimeMs } = request
      if (!(lifetimeMs >= shortestTokenMs && lifetimeMs <= longestTokenMs))
        throw refusal('expires', 'must be a time like 90d, of 1 hour at least and 365 days at most')
      const owner = await findOwner(options.people, request.owner)
      const createdAt = clock.now()
      const shared = {
        scopes: scopes.filter((scope) => given.includes(scope)),
        sources,
        until: createdAt + lifetimeMs,
      }
      const id = newId('t')
      await options.assertFit()
      await record({
        event: 'token.created',
        ...{ tokenId: id, name, ownerId: owner.principalId, owner: owner.email },
        ...shared,
        ...{ actor, reason },
      })
      const secret = newSecret()
      const terms = { name, owner, ...shared, createdBy: actor, createdAt }
      const over = [...(await readAll())].filter(([, { token }]) => token.until + keptAfterEndMs < createdAt)
      const text = JSON.stringify({ print: fingerprint(secret), ...terms })
      await store.transaction((multi) => {
        multi.hset(key, id, vouching.vouch(place(id), text))
        for (const [old] of over) multi.hdel(key, old, revocationField(old))
        announce(multi, id)
      })
      await changes.settle()
      return { token: { id, ...terms, revocation: null }, secret }
    },

    async list() {
      const all = [...(await readAll()).values()].map(({ token }) => token)
      return all.sort((a, b) => b.createdAt - a.createdAt || (a.id < b.id ? -1 : 1))
    },

    async revoke(id, reason, actor) {
      if (!tokenIdShape.test(id)) throw unknown()
      const all = await readAll().catch((error: unknown) => revokeHere(id, reason, actor, error))
      const token = all.get(id)?.token
      if (token === undefined) throw unknown()
      if (token.revocation !== null) {
        // Also one that only this host knows of; whoever asks is told so when it holds everywhere.
        await write(id, token.revocation)
        await changes.settle()
        return token
      }
      const revocation: Revocation = { at: clock.now(), by: actor, reason }
      await record({ event: 'token.revoked', tokenId: id, actor, reason })
      await journal.add('token', id)
      await write(id, revocation).catch(async (error: unknown) => {
        throw await onlyHere(id, error)
      })
      await changes.settle()
      return { ...token, revocation }
    },

    async identify(sent, { isToStop }) {
      if (!isSecret(sent)) return null
      const all = await view.read('tokens', readByPrint).catch((error: unknown) => {
        if (isToStop) return lastKnown
        throw error
      })
      const token = all.get(fingerprint(sent))?.token
      if (token === undefined) return null
      // A copy may be older than what this host knows.
      return token.revocation === null ? { ...token, revocation: readRevocation(token.id, undefined) } : token
    },

    async recordRefusal(refused) {
      if (tally.count(refused.source, refused.why)) await record({ event: 'token.refused', ...refused })
    },

    async note() {
      await readByPrint() // which notes in the journal what is revoked
    },

    close: () => {
      tally.close()
    },

    async revokeRevived() {
      await readByPrint() // for when Redis is away
      if (journal.list('token').length === 0) return
      const rows = readReply(rowsSchema, await store.run((redis) => redis.hgetall(key)))
      for (const id of journal.list('token')) {
        if (rows[id] === undefined || rows[revocationField(id)] !== undefined) continue
        journal.hasEnded('token', id) // reports that Redis did not know
        await write(id, { at: journal.since('token', id) ?? clock.now(), ...knownHere })
      }
    },
  }
}

function newSecret(): string {
  const body = newToken()
  return `${prefix}${body}${checksumOf(body)}`
}

/** Most of what is no token of ours needs no look-up. */
function isSecret(text: string): boolean {
  if (!text.startsWith(prefix)) return false
  const body = text.slice(prefix.length, -checksumLength)
  return isToken(body) && text.endsWith(checksumOf(body))
}

function checksumOf(body: string): string {
  return fingerprint(body).slice(0, checksumLength)
}

async function findOwner(people: Pick<People, 'byEmail'>, entered: string): Promise<ServiceToken['owner']> {
  const [person, ...others] = await people.byEmail(entered.trim().toLowerCase())
  const email = person?.principal.email ?? null
  if (person === undefined || email === null)
    throw new GatehouseError('person-unknown', 'Nobody with this e-mail has signed in yet.', {
      field: 'owner',
    })
  if (others.length > 0)
    throw new GatehouseError('person-ambiguous', 'More than one account has this e-mail.', { field: 'owner' })
  return { principalId: person.principal.id, email }
}

function read<T>(schema: z.ZodType<T>, value: unknown, field: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw refusal(field, result.error.issues[0]?.message ?? 'is not valid')
}

function refusal(field: string, problem: string): GatehouseError {
  return new GatehouseError('input-invalid', `${field}: ${problem}`, { field })
}

function unknown(): GatehouseError {
  return new GatehouseError('token-unknown', 'There is no such service token.')
}
