import { z } from 'zod'
import {
  fingerprint,
  GatehouseError,
  isStoppedHere,
  readStored,
  stoppedHereOnly,
  type ChangeLog,
  type Clock,
  type ErrorCode,
  type Journal,
  type Keyring,
  type Logger,
  type Store,
} from '../lib/index.js'
import type { Actor, EpochMs, Principal } from '../model.js'
import { normaliseEmail } from './claims.js'
import type { People } from './people.js'
import { newCode, readCode } from './codes.js'
import {
  createSecondFactorState,
  pendingLifetimeMs,
  type Stored,
  type Verdict,
} from './second-factor-state.js'
import { newSecret, otpauthUri, qrSvg, stepOf } from './totp.js'

export type SecondFactorEvent =
  | { readonly event: 'second-factor.enrolled'; readonly principalId: string; readonly sessionId: string }
  | { readonly event: 'second-factor.verified'; readonly principalId: string; readonly sessionId: string }
  | { readonly event: 'second-factor.failed'; readonly principalId: string; readonly code: ErrorCode }
  | { readonly event: 'second-factor.locked'; readonly principalId: string; readonly until: EpochMs }
  | { readonly event: 'second-factor.recovery-used'; readonly principalId: string; readonly left: number }
  | {
      readonly event: 'second-factor.reset'
      readonly principalId: string
      readonly actor: Actor
      readonly reason?: string
      readonly proposalId?: string
    }
  | {
      readonly event: 'second-factor.reset-failed'
      readonly principalId: string
      readonly actor: Actor
      readonly attempt: 'reset'
    }
  | {
      readonly event: 'invitation.issued'
      readonly email: string
      readonly actor: Actor
      readonly expiresAt: EpochMs
      readonly reason: string
    }

export interface SecondFactorStatus {
  readonly isEnrolled: boolean
  /** When an administrator removed the second factor; null once the person has been told. */
  readonly resetAt: EpochMs | null
  readonly recoveryCodesLeft: number
  readonly lockedUntil: EpochMs | null
}

export interface Enrolment {
  /** Base32, without spaces. */
  readonly secret: string
  /** `otpauth://totp/…`, what the QR code says. */
  readonly uri: string
  readonly qrSvg: string
}

/**
 * One-time codes (RFC 6238) as second factor, with recovery codes and invited enrolment.
 *
 * Every wrong entry of a person counts together, whatever it was for and wherever it came from: five lock
 * further entries for 1, 5, 15, then 60 minutes. Entering the right code during a lock tells nothing.
 * Entries of any type and content are accepted as arguments; what cannot be a code is a wrong code.
 *
 * Each call throws GatehouseError `store-unavailable` when Redis fails it; each that records,
 * `ledger-unavailable` when it could not.
 */
export interface SecondFactor {
  status(principalId: string): Promise<SecondFactorStatus>
  /** What names the enrolment there is, and tells nothing of it; null where there is none. */
  enrolment(principalId: string): Promise<string | null>
  /**
   * A single-use code with which the owner of `email` may enrol; using one voids the others.
   * @param reason checked by the caller
   * @throws GatehouseError `input-invalid` (field `email`); `invitee-enrolled` where everyone with this e-mail has a second
   *   factor: a code that waits for its reset would let whoever has it set up the next
   */
  invite(email: string, reason: string, actor: Actor): Promise<{ code: string; expiresAt: EpochMs }>
  /**
   * Shows the same secret for ten minutes, however often the page is loaded.
   * @throws GatehouseError `invitation-invalid`, `code-locked`, `already-enrolled`
   */
  beginEnrolment(input: {
    principal: Principal
    sessionId: string
    invitation: string | null
  }): Promise<Enrolment>
  pendingEnrolment(input: { principal: Principal; sessionId: string }): Promise<Enrolment | null>
  /**
   * The recovery codes, for the only time they are shown.
   * @throws GatehouseError `code-wrong`, `code-replayed`, `code-locked`, `already-enrolled`,
   *   `invitation-invalid`, `form-expired` (no enrolment is pending, or it is older than ten minutes)
   */
  confirmEnrolment(input: {
    principal: Principal
    sessionId: string
    code: string
  }): Promise<{ recoveryCodes: string[] }>
  /** @throws GatehouseError `code-wrong`, `code-replayed`, `code-locked`, `not-enrolled`, `store-corrupt` */
  verify(input: { principalId: string; sessionId: string; code: string }): Promise<void>
  /** @throws GatehouseError `code-wrong`, `code-locked`, `not-enrolled` */
  useRecoveryCode(input: { principalId: string; sessionId: string; code: string }): Promise<{ left: number }>
  /**
   * Removes the enrolment and its recovery codes, and voids every invitation of the person. Their sessions are over with it, on every instance,
   * whatever becomes of the caller; to put that on record as theirs is the caller's part: see `endingSessions`. What they leave the gateway does.
   * @param confirmed where two have agreed: to what, and to the removal of which enrolment
   * @throws GatehouseError `not-enrolled`; `reset-conflict` where the enrolment is another by now; `stopped-here-only` where
   *   Redis has not confirmed it: it is void here, and elsewhere once Redis answers
   */
  reset(
    principalId: string,
    actor: Actor,
    reason?: string,
    confirmed?: { readonly proposalId: string; readonly enrolment: string },
  ): Promise<void>
  /** The person has seen that it was reset. */
  acknowledgeReset(principalId: string): Promise<void>
  /** To be told of each reset that another instance or command made. */
  noteReset(print: string): Promise<void>
  /** Tells Redis again of each reset on this host, by whatever process, that it has not taken. */
  finishResets(): Promise<void>
}

/**
 * Whatever a second factor has opened does not outlive it; also where Redis has not confirmed that it is gone.
 * @param reset what voids it
 */
export async function endingSessions<T>(
  reset: () => Promise<T>,
  endSessions: () => Promise<unknown>,
): Promise<T> {
  let result: T
  try {
    result = await reset()
  } catch (error) {
    // They are over on this host, and owed. Where Redis answers again already, they end everywhere, and on record; else the
    // gateway ends them once it does.
    if (isVoidHere(error)) await endSessions().catch(() => undefined)
    throw error
  }
  await endSessions()
  return result
}

/** Whether a reset that failed has come about all the same. */
export function isVoidHere(error: unknown): boolean {
  return isStoppedHere(error)
}

export interface SecondFactorOptions {
  readonly store: Store
  readonly clock: Clock
  readonly changes: ChangeLog
  readonly journal: Journal
  readonly keyring: Keyring
  /** Resolves when the event is durable. */
  readonly record: (event: SecondFactorEvent) => Promise<void>
  readonly enrolment: 'invite' | 'first-login'
  /** Shown as the issuer in the authenticator app. */
  readonly label: string
  readonly invitationLifetimeMs: number
  readonly logger: Logger
  readonly people: Pick<People, 'get' | 'byEmail'>
  /** The ids of all sessions of this person. */
  readonly sessionsOf: (principalId: string) => Promise<readonly string[]>
}

/** An enrolment that waits for its first code, as kept in Redis. */
const pendingSchema = z.strictObject({
  secret: z.string(),
  invitation: z.string().nullable(),
  expiresAt: z.number(),
})
type Pending = z.infer<typeof pendingSchema> & { readonly raw: string; readonly plainSecret: string }

const recoveryCodeCount = 10

/** In the journal, beside the print of what was reset: whose it was, so that somebody looks whether Redis has it still. */
const holderMark = 'of '

export function createSecondFactor(options: SecondFactorOptions): SecondFactor {
  const { store, clock, changes, journal, keyring, record, logger, people } = options
  const state = createSecondFactorState(store, () => clock.now())
  const needsInvitation = options.enrolment === 'invite'

  // Both MACs name their owner, so that an entry copied to another person's key in Redis opens nothing; that of a recovery code
  // the enrolment too, so that one of a factor that was reset, put back into Redis, opens nothing either.
  const recoveryMac = (principalId: string, sealed: string, code: string): string =>
    keyring.mac('recovery-code', JSON.stringify([principalId, fingerprint(sealed), code]))
  const invitationMac = (email: string, code: string): string =>
    keyring.mac('invitation', JSON.stringify([email, code]))

  /** Tells the ledger about an entry that was not accepted, then the person. */
  const refuse = async (principalId: string, verdict: Verdict, codes: RefusalCodes): Promise<never> => {
    // Not recorded while locked: it had no effect, and a script could fill the ledger with it.
    if (verdict.outcome === 'locked') throw locked(verdict.value - clock.now())
    const code = codes[verdict.outcome === 'right' ? 'wrong' : verdict.outcome]
    await record({ event: 'second-factor.failed', principalId, code })
    if (verdict.outcome === 'wrong' && verdict.value > 0) {
      await record({ event: 'second-factor.locked', principalId, until: verdict.value })
    }
    throw new GatehouseError(code, sentences[code])
  }

  /** Unreadable or older than ten minutes counts as absent: the person starts again. */
  const parsePending = (principalId: string, raw: string | null): Pending | null => {
    if (raw === null) return null
    const pending = readStored(pendingSchema, raw)
    const plainSecret = pending && keyring.open('totp-secret', principalId, pending.secret)
    if (pending === null || plainSecret === null) {
      logger.error('second factor: pending enrolment unreadable', { principalId })
      return null
    }
    const isOpen = clock.now() < pending.expiresAt && !(needsInvitation && pending.invitation === null)
    return isOpen ? { ...pending, raw, plainSecret } : null
  }

  const present = async (principal: Principal, secret: string): Promise<Enrolment> => {
    const uri = otpauthUri({ issuer: options.label, account: principal.email ?? principal.name, secret })
    return { secret, uri, qrSvg: await qrSvg(uri) }
  }

  /** @returns the MAC of the invitation, null when none is needed */
  const checkInvitation = async (principal: Principal, entered: string | null): Promise<string | null> => {
    if (!needsInvitation) return null
    // Nothing entered yet is nothing guessed.
    if (entered === null) throw new GatehouseError('invitation-invalid', sentences['invitation-invalid'])
    const email = principal.email ?? ''
    const code = readCode(entered)
    const mac = code === null ? '' : invitationMac(email, code)
    const verdict = await state.judgeInvitation(principal.id, email, mac)
    if (verdict.outcome !== 'right') {
      await refuse(principal.id, verdict, { ...refusalCodes, wrong: 'invitation-invalid' })
    }
    return mac
  }

  /** @returns whether it was still there */
  const removeStored = async (
    principalId: string,
    secret: string,
    email: string | null,
    at: EpochMs,
  ): Promise<boolean> => {
    const change = { kind: 'second-factor-reset', print: fingerprint(secret), principalId, at } as const
    return state.reset(principalId, { secret, email, entry: changes.entryOf(change) })
  }
  const emailOf = async (principalId: string): Promise<string | null> =>
    (await people.get(principalId))?.principal.email ?? null
  /** Known here before Redis is told, with the sessions: an instance that dies in between revives neither. */
  const remove = async (
    principalId: string,
    sealed: string,
    email: string | null,
    sessionIds: readonly string[],
  ): Promise<void> => {
    const print = fingerprint(sealed)
    const at = clock.now()
    const added = [
      ...[print, holderMark + principalId].map((id) => journal.add('second-factor', id, at)),
      ...sessionIds.map((id) => journal.add('session-owed', id, at)),
    ]
    const reaches = await Promise.all(added)
    let isGone: boolean
    try {
      // Whoever looks at this person on this host meanwhile removes what is void by now, and is quicker.
      isGone =
        (await removeStored(principalId, sealed, email, at)) ||
        (await state.read(principalId)).secret === null
    } catch (error) {
      for (const id of sessionIds) journal.announce('session-owed', id)
      journal.announce('second-factor', print)
      throw stoppedHereOnly(
        'The second factor is void',
        reaches.find((reach) => reach !== 'host') ?? 'host',
        error,
      )
    }
    if (!isGone) throw new GatehouseError('reset-conflict', 'This second factor has been changed meanwhile.')
  }
  /** Without a second factor that was reset before: a Redis in an older state still has it. */
  const read = async (principalId: string): Promise<Stored> => {
    const stored = await state.read(principalId)
    const print = stored.secret === null ? null : fingerprint(stored.secret)
    if (stored.secret === null || print === null || !journal.hasEnded('second-factor', print)) return stored
    const at = journal.since('second-factor', print) ?? clock.now()
    await removeStored(principalId, stored.secret, await emailOf(principalId), at)
    return state.read(principalId)
  }

  const readSecret = async (principalId: string): Promise<{ sealed: string; plain: string }> => {
    const sealed = (await read(principalId)).secret
    if (sealed === null) throw new GatehouseError('not-enrolled', sentences['not-enrolled'])
    const plain = keyring.open('totp-secret', principalId, sealed)
    if (plain !== null) return { sealed, plain }
    // Altered, or copied from someone else. Never "not enrolled": that would let a new secret be set.
    logger.error('second factor: sealed secret does not open', { principalId })
    throw new GatehouseError('store-corrupt', 'The state of this second factor cannot be read.')
  }

  return {
    status: async (principalId) => {
      const { secret, resetAt, lockedUntil, recoveryCodesLeft } = await read(principalId)
      const isLocked = lockedUntil !== null && clock.now() < lockedUntil
      return {
        isEnrolled: secret !== null,
        resetAt,
        recoveryCodesLeft,
        lockedUntil: isLocked ? lockedUntil : null,
      }
    },

    enrolment: async (principalId) => {
      const { secret } = await read(principalId)
      return secret === null ? null : fingerprint(secret)
    },

    invite: async (to, reason, actor) => {
      const email = normaliseEmail(to)
      if (email === null)
        throw new GatehouseError('input-invalid', 'This is not an e-mail address.', { field: 'email' })
      const known = await people.byEmail(email)
      const factors = await Promise.all(known.map(({ principal }) => read(principal.id)))
      if (factors.length > 0 && factors.every(({ secret }) => secret !== null))
        throw new GatehouseError(
          'invitee-enrolled',
          'This person has a second factor. To set up another, theirs is reset first.',
          { field: 'email' },
        )
      const code = newCode()
      const expiresAt = clock.now() + options.invitationLifetimeMs
      await record({ event: 'invitation.issued', email, actor, expiresAt, reason })
      const mac = invitationMac(email, readCode(code) ?? '')
      await state.storeInvitation(email, mac, expiresAt, options.invitationLifetimeMs)
      return { code, expiresAt }
    },

    beginEnrolment: async ({ principal, sessionId, invitation }) => {
      if ((await read(principal.id)).secret !== null) {
        throw new GatehouseError('already-enrolled', sentences['already-enrolled'])
      }
      const former = await state.readPending(principal.id, sessionId)
      const open = parsePending(principal.id, former)
      if (open !== null) return present(principal, open.plainSecret)
      const next: z.infer<typeof pendingSchema> = {
        invitation: await checkInvitation(principal, invitation),
        secret: keyring.seal('totp-secret', principal.id, newSecret()),
        expiresAt: clock.now() + pendingLifetimeMs,
      }
      const there = await state.replacePending(principal.id, sessionId, former, JSON.stringify(next))
      const pending = parsePending(principal.id, there)
      if (pending === null) throw new GatehouseError('form-expired', sentences['form-expired'])
      return present(principal, pending.plainSecret)
    },

    pendingEnrolment: async ({ principal, sessionId }) => {
      const pending = parsePending(principal.id, await state.readPending(principal.id, sessionId))
      return pending === null ? null : present(principal, pending.plainSecret)
    },

    confirmEnrolment: async ({ principal, sessionId, code }) => {
      const { id, email } = principal
      const pending = parsePending(id, await state.readPending(id, sessionId))
      if (pending === null) throw new GatehouseError('form-expired', sentences['form-expired'])
      const { invitation, secret, plainSecret } = pending
      if (invitation !== null && !(await state.hasInvitation(email ?? '', invitation))) {
        throw new GatehouseError('invitation-invalid', sentences['invitation-invalid'])
      }
      const verdict = await state.judgeCode(id, {
        secret: null,
        step: stepOf(plainSecret, code, clock.now()),
      })
      if (verdict.outcome !== 'right') {
        await refuse(id, verdict, { ...refusalCodes, changed: 'already-enrolled' })
      }
      // Durable before it takes effect. If another session was quicker after all, the refusal is recorded too.
      await record({ event: 'second-factor.enrolled', principalId: id, sessionId })
      const codes = Array.from({ length: recoveryCodeCount }, newCode)
      const recoveryCodes = codes.map((text) => recoveryMac(id, secret, readCode(text) ?? ''))
      const outcome = await state.enrol(id, {
        sessionId,
        email,
        pending: pending.raw,
        invitation,
        secret,
        recoveryCodes,
      })
      if (outcome === 'right') return { recoveryCodes: codes }
      const refusal = enrolRefusals[outcome]
      await record({ event: 'second-factor.failed', principalId: id, code: refusal })
      throw new GatehouseError(refusal, sentences[refusal])
    },

    verify: async ({ principalId, sessionId, code }) => {
      const secret = await readSecret(principalId)
      const step = stepOf(secret.plain, code, clock.now())
      const verdict = await state.judgeCode(principalId, { secret: secret.sealed, step })
      if (verdict.outcome !== 'right') await refuse(principalId, verdict, refusalCodes)
      // The code is used up by now. A ledger that cannot take this leaves it so, and lets nobody in.
      await record({ event: 'second-factor.verified', principalId, sessionId })
    },

    useRecoveryCode: async ({ principalId, code }) => {
      const { sealed } = await readSecret(principalId)
      const entered = readCode(code)
      const mac = entered === null ? '' : recoveryMac(principalId, sealed, entered)
      const verdict = await state.judgeRecoveryCode(principalId, { secret: sealed, mac })
      if (verdict.outcome !== 'right') await refuse(principalId, verdict, refusalCodes)
      await record({ event: 'second-factor.recovery-used', principalId, left: verdict.value })
      return { left: verdict.value }
    },

    reset: async (principalId, actor, reason, confirmed) => {
      const { secret } = await read(principalId)
      if (secret === null) {
        throw new GatehouseError('not-enrolled', 'This person has no second factor to reset.')
      }
      if (confirmed !== undefined && confirmed.enrolment !== fingerprint(secret))
        throw new GatehouseError('reset-conflict', 'This second factor has been changed meanwhile.')
      const email = await emailOf(principalId)
      const sessionIds = await options.sessionsOf(principalId)
      await record({
        ...{ event: 'second-factor.reset', principalId, actor },
        ...(reason === undefined ? {} : { reason }),
        ...(confirmed === undefined ? {} : { proposalId: confirmed.proposalId }),
      })
      try {
        await remove(principalId, secret, email, sessionIds)
      } catch (error) {
        // The record before it claims what did not happen. Of a proposal, whoever confirmed it says so.
        if (confirmed === undefined && !isVoidHere(error))
          await record({ event: 'second-factor.reset-failed', principalId, actor, attempt: 'reset' })
        throw error
      }
      await changes.settle()
    },

    acknowledgeReset: (principalId) => state.acknowledgeReset(principalId),

    noteReset: async (print) => {
      await journal.add('second-factor', print)
    },

    finishResets: async () => {
      for (const id of journal.list('second-factor'))
        if (id.startsWith(holderMark)) await read(id.slice(holderMark.length))
    },
  }
}

/** Which code says what a verdict means to the person who asked. */
type RefusalCodes = Record<'wrong' | 'replayed' | 'changed', keyof typeof sentences>
const refusalCodes: RefusalCodes = { wrong: 'code-wrong', replayed: 'code-replayed', changed: 'not-enrolled' }
const enrolRefusals = {
  enrolled: 'already-enrolled',
  expired: 'form-expired',
  uninvited: 'invitation-invalid',
} as const

const sentences = {
  'code-wrong': 'That code is not right.',
  'code-replayed': 'That code has been used. Wait for the next one.',
  'invitation-invalid': 'That invitation code is not valid for you, has been used, or has run out.',
  'already-enrolled': 'You already have a second factor.',
  'not-enrolled': 'You have no second factor yet.',
  'form-expired': 'Setting up took too long. Please start again.',
} as const

function locked(leftMs: number): GatehouseError {
  const minutes = Math.max(1, Math.ceil(leftMs / 60_000))
  const wait = minutes === 1 ? 'a minute' : `${String(minutes)} minutes`
  return new GatehouseError('code-locked', `Too many wrong codes. Try again in ${wait}.`)
}
