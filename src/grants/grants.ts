import {
  describeError,
  GatehouseError,
  newId,
  stoppedHereOnly,
  type Change,
  type ChangeLog,
  type Clock,
  type ErrorCode,
  type Journal,
  type Logger,
  type Store,
  type View,
  type Vouching,
} from '../lib/index.js'
import type { Actor, EndingLimits, EndpointGroup, EpochMs, Grant } from '../model.js'
import { endsAt, isDraining } from '../policy/index.js'
import type { GrantEvent, Grants } from './model.js'
import { isGrantId, openRegister, type Also } from './register.js'
import {
  checkLength,
  latestEnd,
  readInstant,
  readReason,
  readRequest,
  type EndpointTerms,
} from './request.js'
import { refusal } from './refusal.js'

export interface GrantsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly changes: ChangeLog
  readonly view: View
  readonly journal: Journal
  readonly vouching: Vouching
  readonly logger: Logger
  /** Resolves when the event is durable. */
  readonly record: (event: GrantEvent) => Promise<void>
  /** Rejects while nothing new may be given. */
  readonly assertFit: () => Promise<void>
  /** The longest a grant may last from its start to its end, extensions included. */
  readonly maxLengthMs: number
  readonly endings: EndingLimits
  /** A function where the configuration may be reloaded. */
  readonly endpointIds: ReadonlySet<string> | (() => ReadonlySet<string>)
  /** What single machines ask for besides. Default: nothing. */
  readonly endpointTerms?: EndpointTerms
  /** Default: none. */
  readonly endpointGroups?: readonly EndpointGroup[]
  /** The longest from the start to the end of a grant with weekly windows. Default: 92 days. */
  readonly maxRecurrenceMs?: number
}

type GrantChange = Extract<Change, { kind: 'grant-issued' | 'grant-extended' | 'grant-revoked' }>

/** All after which a grant reads differently. */
const ofGrants: readonly Change['kind'][] = ['grant-issued', 'grant-extended', 'grant-revoked', 'grant-used']

interface Listed {
  readonly grants: readonly Grant[]
  /** How many there are in Redis, those too that are not listed: there are more, or they cannot be read. */
  readonly count: number
}

const listedAtMost = 10_000
const restoredAtOnce = 100
/** The record of the revocation itself, with who and why, is in the ledger. */
const knownHere = {
  by: { kind: 'gateway' } satisfies Actor,
  reason: 'Revoked before; Redis came back in a state from before that.',
}

export function createGrants({
  store,
  clock,
  changes,
  view,
  journal,
  vouching,
  logger,
  record,
  assertFit,
  maxLengthMs,
  endings,
  endpointIds,
  endpointTerms = new Map(),
  endpointGroups = [],
  maxRecurrenceMs = 92 * 24 * 3_600_000,
}: GrantsOptions): Grants {
  const register = openRegister({ store, clock, logger, vouching })
  const announce =
    (kind: GrantChange['kind'], grantId: string): Also =>
    (multi) =>
      changes.addTo(multi, { kind, grantId })

  /** Used where Redis has forgotten it, or has learned of a later use: either gives time that is gone. */
  const asUsed = (grant: Grant): Grant => {
    const { lastsFromFirstUseMs: lastsMs } = grant.conditions
    const usedAt = lastsMs === null ? null : journal.since('first-use', grant.id)
    if (lastsMs === null || usedAt === null || (grant.firstUsedAt ?? Infinity) <= usedAt) return grant
    journal.hasEnded('first-use', grant.id) // which says so, where that is not merely on its way
    return { ...grant, firstUsedAt: usedAt, until: Math.min(grant.until, usedAt + lastsMs) }
  }
  /** Revoked where Redis has forgotten it, as one that was put back to an earlier state has. */
  const asKnown = (stored: Grant): Grant => {
    const grant = asUsed(stored)
    // Also one that was made while nothing could be followed is then known for good.
    if (grant.revocation !== null) {
      if (journal.since('grant', grant.id) === null) void journal.add('grant', grant.id)
    } else if (journal.hasEnded('grant', grant.id))
      return { ...grant, revocation: { at: clock.now(), ...knownHere } }
    return grant
  }
  const find = async (id: string): Promise<Grant | null> => {
    const grant = (await register.find(id))?.grant
    return grant ? asKnown(grant) : null
  }
  const loadAsStored = async (id: string): Promise<Grant> => {
    const found = await register.find(id)
    if (!found) throw new GatehouseError('grant-unknown', 'There is no such grant.')
    if (!found.grant) throw new GatehouseError('store-corrupt', 'The record of this grant cannot be read.')
    return found.grant
  }
  const load = async (id: string): Promise<Grant> => asKnown(await loadAsStored(id))
  /** While Redis is away: whoever has this id, it ends. */
  const revokeHere = async (id: string, reason: string, actor: Actor): Promise<never> => {
    if (!isGrantId(id)) throw new GatehouseError('grant-unknown', 'There is no such grant.')
    await record({ event: 'grant.revoked', grantId: id, actor, reason })
    throw await onlyHere(id, null)
  }
  /** What cannot be read permits nothing, but may be open, and may be put back as it was. */
  const revokeUnread = async (id: string, reason: string, actor: Actor, problem: unknown): Promise<never> => {
    await record({ event: 'grant.revoked', grantId: id, actor, reason })
    await journal.add('grant', id)
    await register.revoke(id, { at: clock.now(), by: actor, reason }, announce('grant-revoked', id))
    await changes.settle()
    throw problem
  }
  const onlyHere = async (id: string, cause: unknown): Promise<GatehouseError> => {
    const reach = await journal.add('grant', id)
    journal.announce('grant', id)
    return stoppedHereOnly('The grant is revoked', reach, cause)
  }
  /** A record that claims what did not happen is followed by one that says so. */
  const confirm = async <T>(grantId: string, attempt: 'issued' | 'extended', write: Promise<T>): Promise<T> =>
    write.catch(async (error: unknown) => {
      await record({ event: 'grant.failed', grantId, attempt }).catch((problem: unknown) => {
        logger.error('grants: a failure is not on record', { grantId, problem: describeError(problem) })
      })
      throw error
    })
  const listWhole = async (): Promise<Listed> => {
    const count = await register.count()
    return { grants: await register.all(listedAtMost), count }
  }
  /** With the grants that have changed read anew. Where some have come or gone that no change has named, all are. */
  const relist = async (listed: Listed, changed: readonly Change[]): Promise<Listed> => {
    const named = new Set(changed.flatMap((change) => (isOfGrant(change) ? [change.grantId] : [])))
    if (named.size === 0) return listed
    const others = listed.grants.filter(({ id }) => !named.has(id))
    const renewed = await register.byIds([...named])
    const count = listed.count + others.length + renewed.length - listed.grants.length
    if ((await register.count()) !== count) return listWhole()
    const grants = [...others, ...renewed].sort((a, b) => b.until - a.until).slice(0, listedAtMost)
    return { grants, count }
  }
  const toldIssued = new Set<string>()
  /** First uses that this instance put on record, and does not know yet whether they began the time. */
  const claims = new Map<string, { readonly firstUsedAt: EpochMs; isBeaten: boolean }>()
  const beginning = new Map<string, Promise<Grant>>()
  /** @param begunAt when the time began; null where it has not */
  const settleClaim = async (grantId: string, begunAt: EpochMs | null): Promise<void> => {
    const claim = claims.get(grantId)
    if (claim === undefined) return
    const { firstUsedAt, isBeaten } = claim
    if (isBeaten || firstUsedAt !== begunAt)
      await record({ event: 'grant.first-use-void', grantId, firstUsedAt, begunAt })
    claims.delete(grantId)
  }
  const usedEntry = (grantId: string, at: EpochMs) => changes.entryOf({ kind: 'grant-used', grantId, at })
  /** On record first (R4), so of two instances both may have it there; the slower one adds that it was not the first. */
  const begin = async (id: string): Promise<Grant> => {
    // As Redis has it now: the copy of this instance may not know yet what another has begun.
    const grant = await find(id)
    if (grant === null) throw unreadable()
    const { firstUsedAt, conditions, to } = grant
    await settleClaim(id, firstUsedAt ?? null)
    if (firstUsedAt !== undefined) await journal.add('first-use', id, firstUsedAt)
    if (firstUsedAt !== undefined || conditions.lastsFromFirstUseMs === null) return grant
    const at = clock.now()
    const until = Math.min(grant.until, at + conditions.lastsFromFirstUseMs)
    const principalId = to.principalId ?? ''
    await record({ event: 'grant.first-used', grantId: id, principalId, firstUsedAt: at, until })
    const claim = { firstUsedAt: at, isBeaten: false }
    claims.set(id, claim)
    const used = await register.beginUse(grant, { at, until, isKnown: false }, usedEntry(id, at))
    claim.isBeaten = used?.isFirst !== true
    if (used === null) throw unreadable()
    const begunAt = used.grant.firstUsedAt ?? at
    await journal.add('first-use', id, begunAt)
    await settleClaim(id, begunAt)
    return asKnown(used.grant)
  }
  const hasEnded = (grant: Grant): boolean => clock.now() >= endsAt(grant)
  /** Until then there is something to revoke, or to let go on. */
  const hasDrained = (grant: Grant): boolean => hasEnded(grant) && !isDraining(grant, clock.now(), endings)

  return {
    async issue(request, actor, { principalId }) {
      const known = typeof endpointIds === 'function' ? endpointIds() : endpointIds
      const { to, ...terms } = readRequest(request, {
        ...{ clock, maxLengthMs, maxRecurrenceMs, endpointIds: known, endpointTerms, endpointGroups },
      })
      const grant: Grant = {
        id: newId('g'),
        to: { email: to, principalId },
        ...terms,
        requestId: null,
        issuedBy: actor,
        issuedAt: clock.now(),
        revocation: null,
      }
      await assertFit()
      await record({ event: 'grant.issued', grant, actor })
      await confirm(grant.id, 'issued', register.add(grant, announce('grant-issued', grant.id)))
      await changes.settle() // who is told that it is issued may open the machine at once
      return grant
    },

    async issueOnce(grant) {
      if (journal.since('grant', grant.id) !== null || (await register.find(grant.id)) !== null) return
      await assertFit()
      // It is asked for again until it is there: one line of this instance about it is enough.
      if (!toldIssued.has(grant.id)) await record({ event: 'grant.issued', grant, actor: grant.issuedBy })
      toldIssued.add(grant.id)
      try {
        await register.addOnce(grant, announce('grant-issued', grant.id))
      } catch (error) {
        // Not confirmed is not failed: nothing is said that may turn out wrong.
        if ((await register.find(grant.id).catch(() => null)) === null) throw error
      }
      toldIssued.delete(grant.id)
      await changes.settle()
    },

    async heldBy(principalId, endpointId) {
      const all = await view.read(`held ${principalId}`, () => register.heldBy(principalId))
      const held =
        endpointId === undefined ? all : all.filter(({ endpoints }) => endpoints.includes(endpointId))
      // Asked of every request: no copy where nothing differs.
      return held.every((grant) => asKnown(grant) === grant) ? held : held.map(asKnown)
    },

    get: find,

    byIds: async (ids) => (await register.byIds(ids)).map(asKnown),

    async endingAfter(instant, onMore) {
      const { grants, isWhole } = await register.endingAfter(instant)
      if (!isWhole) onMore?.()
      return grants.map(asKnown)
    },

    list: async () => (await view.follow('grants', listWhole, relist)).grants.map(asKnown),

    // The ledger may hold an extension that a parallel revocation overtook. It holds that revocation too,
    // and a revocation is final wherever it stands, so it still tells what was in force.
    async extend(id, until, reason, actor) {
      const end = readInstant('until', until, clock)
      const why = readReason(reason)
      const grant = await load(id)
      if (grant.revocation) throw conflict('has been revoked')
      if (hasDrained(grant)) throw conflict('has ended already')
      if (grant.conditions.windows.length > 0)
        throw conflict('has windows of its own, which stay as they are. Issue another one for more time')
      if (end <= clock.now()) throw refusal('until', 'must lie in the future')
      if (end <= grant.until) throw refusal('until', 'must be later than the end the grant has')
      const latest = latestEnd(grant, { maxLengthMs, maxRecurrenceMs, endpointTerms })
      if (end > latest) checkLength(grant.from, end, latest - grant.from)
      await assertFit()
      await record({
        event: 'grant.extended',
        grantId: id,
        from: grant.until,
        until: end,
        actor,
        reason: why,
      })
      const lengthening = register.lengthen(grant, end, announce('grant-extended', id))
      const isDone = await confirm(id, 'extended', lengthening)
      if (!isDone) throw conflict('has been revoked')
      await changes.settle()
      return load(id)
    },

    async revoke(id, reason, actor) {
      const why = readReason(reason)
      // A revocation that did not reach Redis, because that was away, must not pass for done.
      const grant = await loadAsStored(id).catch((error: unknown) => {
        if (isFailure(error, 'store-unavailable')) return revokeHere(id, why, actor)
        if (isFailure(error, 'store-corrupt')) return revokeUnread(id, why, actor, error)
        throw error
      })
      if (grant.revocation) {
        // Whoever asks again, because the first answer failed them, is told so only when it holds everywhere.
        await changes.settle()
        return grant
      }
      // Also one that is over by this clock: it may be ahead, and stopping must not depend on it.
      await record({ event: 'grant.revoked', grantId: id, actor, reason: why })
      await journal.add('grant', id)
      await register
        .revoke(id, { at: clock.now(), by: actor, reason: why }, announce('grant-revoked', id))
        .catch(async (error: unknown) => {
          throw await onlyHere(id, error)
        })
      await changes.settle()
      return load(id)
    },

    async beginUse(grant) {
      const { id, conditions } = grant
      const isBegun = grant.firstUsedAt !== undefined && !claims.has(id)
      if (conditions.lastsFromFirstUseMs === null || isBegun) return grant
      // A page asks for all that it consists of at once: that is one use.
      const running =
        beginning.get(id) ??
        begin(id).finally(() => {
          beginning.delete(id)
        })
      beginning.set(id, running)
      return running
    },

    async noteUsed(id, at) {
      await journal.add('first-use', id, at)
    },

    async restoreUses() {
      const known = journal.list('first-use').map((id) => ({ id, at: journal.since('first-use', id) ?? 0 }))
      const forgotten = await register.byIds(await register.usedLater(known))
      const restore = async (grant: Grant): Promise<void> => {
        const used = asUsed(grant)
        if (used === grant || used.firstUsedAt === undefined || grant.revocation !== null) return
        const { id, firstUsedAt: at, until } = used
        await register.beginUse(grant, { at, until, isKnown: true }, usedEntry(id, at))
      }
      for (let start = 0; start < forgotten.length; start += restoredAtOnce)
        await Promise.all(forgotten.slice(start, start + restoredAtOnce).map(restore))
    },

    async noteRevoked(id) {
      await journal.add('grant', id)
    },

    async revokeRevived() {
      for (const grant of await register.byIds(await register.unrevoked(journal.list('grant')))) {
        const { id } = grant
        if (asKnown(grant) === grant) continue
        await register.revoke(id, { at: clock.now(), ...knownHere }, announce('grant-revoked', id))
      }
    },

    /**
     * Claim, record, bind. The claim decides between two people who sign in at once, and lets nobody in
     * yet; so `grant.bound` is recorded by the one who will hold the grant and by nobody else, and before
     * the grant works. After a crash in between, the claimant's next login finishes it.
     */
    async bindPending({ id: principalId, email }) {
      if (email === null) return []
      const bound: Grant[] = []
      for (const id of await register.claim(email, principalId)) {
        const grant = await find(id)
        if (grant?.to.email !== email) continue
        if (grant.revocation || hasEnded(grant)) {
          await register.forget(grant)
          continue
        }
        await record({ event: 'grant.bound', grantId: id, principalId })
        const isFirst = await register.bind(grant, principalId, announce('grant-issued', id))
        if (isFirst) bound.push({ ...grant, to: { email, principalId } })
      }
      return bound
    },
  }
}

function isOfGrant(change: Change): change is Extract<Change, { grantId: string }> {
  return ofGrants.includes(change.kind)
}

function isFailure(error: unknown, code: ErrorCode): error is GatehouseError {
  return error instanceof GatehouseError && error.code === code
}

function unreadable(): GatehouseError {
  return new GatehouseError('store-corrupt', 'The record of this grant cannot be read.')
}

function conflict(what: string): GatehouseError {
  return new GatehouseError('grant-conflict', `This grant ${what}.`)
}
