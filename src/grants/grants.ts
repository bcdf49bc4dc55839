import {
  GatehouseError,
  newId,
  type Change,
  type ChangeLog,
  type Clock,
  type Logger,
  type Store,
  type View,
} from '../lib/index.js'
import type { Grant } from '../model.js'
import type { GrantEvent, Grants } from './model.js'
import { openRegister, type Also } from './register.js'
import { checkLength, readInstant, readReason, readRequest, refusal } from './request.js'

export interface GrantsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly changes: ChangeLog
  readonly view: View
  readonly logger: Logger
  /** Resolves when the event is durable. */
  readonly record: (event: GrantEvent) => Promise<void>
  /** The longest a grant may last from its start to its end, extensions included. */
  readonly maxLengthMs: number
  /** A function where the configuration may be reloaded. */
  readonly endpointIds: ReadonlySet<string> | (() => ReadonlySet<string>)
}

type GrantChange = Extract<Change, { grantId: string }>

const listedAtMost = 10_000

export function createGrants({
  store,
  clock,
  changes,
  view,
  logger,
  record,
  maxLengthMs,
  endpointIds,
}: GrantsOptions): Grants {
  const register = openRegister({ store, clock, logger })
  const announce =
    (kind: GrantChange['kind'], grantId: string): Also =>
    (multi) =>
      changes.addTo(multi, { kind, grantId })

  const load = async (id: string): Promise<Grant> => {
    const found = await register.find(id)
    if (!found) throw new GatehouseError('grant-unknown', 'There is no such grant.')
    if (!found.grant) throw new GatehouseError('store-corrupt', 'The record of this grant cannot be read.')
    return found.grant
  }
  const hasEnded = (grant: Grant): boolean => clock.now() >= grant.until

  return {
    async issue(request, actor, { principalId }) {
      const known = typeof endpointIds === 'function' ? endpointIds() : endpointIds
      const { to, ...terms } = readRequest(request, { clock, maxLengthMs, endpointIds: known })
      const grant: Grant = {
        id: newId('g'),
        to: { email: to, principalId },
        ...terms,
        issuedBy: actor,
        issuedAt: clock.now(),
        revocation: null,
      }
      await record({ event: 'grant.issued', grant, actor })
      await register.add(grant, announce('grant-issued', grant.id))
      return grant
    },

    heldBy: (principalId) => view.read(`held ${principalId}`, () => register.heldBy(principalId)),

    async get(id) {
      return (await register.find(id))?.grant ?? null
    },

    list: () => register.all(listedAtMost),

    // The ledger may hold an extension that a parallel revocation overtook. It holds that revocation too,
    // and a revocation is final wherever it stands, so it still tells what was in force.
    async extend(id, until, actor) {
      const end = readInstant('until', until, clock)
      const grant = await load(id)
      if (grant.revocation) throw conflict('has been revoked')
      if (hasEnded(grant)) throw conflict('has ended already')
      if (end <= grant.until) throw refusal('until', 'must be later than the end the grant has')
      checkLength(grant.from, end, maxLengthMs)
      await record({ event: 'grant.extended', grantId: id, from: grant.until, until: end, actor })
      const isDone = await register.lengthen(grant, end, announce('grant-extended', id))
      if (!isDone) throw conflict('has been revoked')
      return load(id)
    },

    async revoke(id, reason, actor) {
      const why = readReason(reason)
      const grant = await load(id)
      if (grant.revocation) return grant
      if (hasEnded(grant)) throw conflict('has ended already')
      await record({ event: 'grant.revoked', grantId: id, actor, reason: why })
      await register.revoke(id, { at: clock.now(), by: actor, reason: why }, announce('grant-revoked', id))
      await changes.settle()
      return load(id)
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
        const grant = (await register.find(id))?.grant
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

function conflict(what: string): GatehouseError {
  return new GatehouseError('grant-conflict', `This grant ${what}.`)
}
