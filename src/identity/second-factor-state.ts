import { z } from 'zod'
import { GatehouseError, type ChangeEntry, type Store } from '../lib/index.js'
import type { EpochMs } from '../model.js'
import { newestStep } from './totp.js'

/**
 * The state of second factors in Redis. Whatever must not be won by being quick or by asking several
 * instances at once is decided here, each time in one Lua script.
 *
 * One hash a principal:
 *   secret, enrolledAt           the enrolment; the secret is sealed
 *   step                         last time step accepted; survives a reset, so no code is ever used twice
 *   failures, rounds, lockedUntil  wrong entries of any kind since the last success
 *   resetAt                      an administrator removed the enrolment and the person does not know yet
 */
export interface SecondFactorState {
  read(principalId: string): Promise<Stored>
  /** Judges a one-time code. `secret` as it was read, null when the person must not be enrolled yet. */
  judgeCode(principalId: string, input: { secret: string | null; step: number | null }): Promise<Verdict>
  judgeRecoveryCode(
    principalId: string,
    entry: { readonly secret: string; readonly mac: string },
  ): Promise<Verdict>
  judgeInvitation(principalId: string, email: string, mac: string): Promise<Verdict>

  storeInvitation(email: string, mac: string, expiresAt: EpochMs, lifetimeMs: number): Promise<void>
  hasInvitation(email: string, mac: string): Promise<boolean>

  readPending(principalId: string, sessionId: string): Promise<string | null>
  /** Replaces `former` by `next`, unless another request was quicker. Returns what is there now. */
  replacePending(principalId: string, sessionId: string, former: string | null, next: string): Promise<string>

  /** Stores the enrolment and uses its invitation up, with every other one to that e-mail. */
  enrol(principalId: string, input: EnrolInput): Promise<'right' | 'enrolled' | 'expired' | 'uninvited'>
  /**
   * Removes the enrolment, with the invitations to that e-mail: whoever was given one before would set up the next.
   * @returns whether it was that one; else nothing is removed
   */
  reset(principalId: string, input: ResetInput): Promise<boolean>
  acknowledgeReset(principalId: string): Promise<void>
}

export interface Stored {
  /** Sealed. */
  readonly secret: string | null
  readonly resetAt: EpochMs | null
  readonly lockedUntil: EpochMs | null
  readonly recoveryCodesLeft: number
}

export interface EnrolInput {
  readonly sessionId: string
  readonly email: string | null
  /** The pending enrolment, exactly as it was read. */
  readonly pending: string
  /** Null when none is needed. */
  readonly invitation: string | null
  readonly secret: string
  readonly recoveryCodes: readonly string[]
}

export interface ResetInput {
  /** Sealed, as it was read. */
  readonly secret: string
  readonly email: string | null
  /** What the others are told with it. */
  readonly entry: ChangeEntry
}

/**
 * `right`: accepted and used up; `value` is the number of recovery codes left, where that is the question.
 * `wrong`: counted; `value` is the end of the lock it brought about, or 0. `locked`: not even looked at;
 * `value` is the end of the lock. `changed`: the person is (not) enrolled, other than the caller thought.
 */
export interface Verdict {
  readonly outcome: 'right' | 'wrong' | 'replayed' | 'locked' | 'changed'
  readonly value: number
}

export const pendingLifetimeMs = 10 * 60_000
const failuresAllowed = 5
const lockMinutes = [1, 5, 15, 60]

/**
 * Shared beginning: refuses while locked, whatever was entered. A lock is never lengthened by attempts
 * during it, or anybody with the password could keep the owner out for ever.
 *
 * Then the count is written as it stands, whatever comes of it: a Redis whose memory is full still takes members
 * out of sets, so guesses at recovery codes would be judged there and not counted.
 */
const attempt = `
  local factor, now = KEYS[1], tonumber(ARGV[1])
  local function number(field)
    return tonumber(redis.call('HGET', factor, field) or '0')
  end
  local failures, rounds, lockedUntil = number('failures'), number('rounds'), number('lockedUntil')
  if not (failures and rounds and lockedUntil) then return {'corrupt', 0} end
  if now < lockedUntil then return {'locked', lockedUntil} end
  redis.call('HSET', factor, 'failures', failures)

  local function wrong()
    if failures + 1 < ${String(failuresAllowed)} then
      redis.call('HSET', factor, 'failures', failures + 1)
      return {'wrong', 0}
    end
    local minutes = {${lockMinutes.join(', ')}}
    local lock = now + minutes[math.min(rounds + 1, #minutes)] * 60000
    redis.call('HSET', factor, 'failures', 0, 'rounds', rounds + 1, 'lockedUntil', lock)
    return {'wrong', lock}
  end
  local function right(value)
    redis.call('HDEL', factor, 'failures', 'rounds', 'lockedUntil')
    return {'right', value}
  end
`
const judgeCodeScript = `${attempt}
  local secret, step = ARGV[2], tonumber(ARGV[3])
  if (redis.call('HGET', factor, 'secret') or '') ~= secret then return {'changed', 0} end
  local last = number('step')
  if not last then return {'corrupt', 0} end
  if step < 0 then return wrong() end
  if step <= last then return {'replayed', 0} end
  redis.call('HSET', factor, 'step', step)
  return right(0)
`
const judgeRecoveryCodeScript = `${attempt}
  if (redis.call('HGET', factor, 'secret') or '') ~= ARGV[3] then return {'changed', 0} end
  if redis.call('SREM', KEYS[2], ARGV[2]) == 0 then return wrong() end
  return right(redis.call('SCARD', KEYS[2]))
`
/** A right invitation proves nothing about the person yet: it leaves the count of failures alone. */
const judgeInvitationScript = `${attempt}
  local expiresAt = tonumber(redis.call('HGET', KEYS[2], ARGV[2]) or '')
  if not expiresAt or now >= expiresAt then return wrong() end
  return {'right', 0}
`
const replacePendingScript = `
  local there = redis.call('HGET', KEYS[1], ARGV[1]) or ''
  if there ~= ARGV[2] then return there end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
  return ARGV[3]
`
const enrolScript = `
  local factor, recovery, pending, invitations = unpack(KEYS)
  local now, sessionId, expected, invitation, secret = unpack(ARGV, 1, 5)
  if redis.call('HEXISTS', factor, 'secret') == 1 then return 'enrolled' end
  if redis.call('HGET', pending, sessionId) ~= expected then return 'expired' end
  if invitation ~= '' and redis.call('HEXISTS', invitations, invitation) == 0 then return 'uninvited' end
  redis.call('DEL', recovery, pending, invitations)
  redis.call('HSET', factor, 'secret', secret, 'enrolledAt', now)
  redis.call('SADD', recovery, unpack(ARGV, 6))
  return 'right'
`
/** The mark stays, but not in the future: a clock that once ran ahead must not keep the person out. */
const resetScript = `
  if redis.call('HGET', KEYS[1], 'secret') ~= ARGV[3] then return 0 end
  local newest = tonumber(ARGV[2])
  local last = tonumber(redis.call('HGET', KEYS[1], 'step') or '0') or newest
  redis.call('HDEL', KEYS[1], 'secret', 'enrolledAt', 'failures', 'rounds', 'lockedUntil')
  redis.call('HSET', KEYS[1], 'resetAt', ARGV[1], 'step', math.min(last, newest))
  redis.call('DEL', KEYS[2], KEYS[3], KEYS[4])
  redis.call('XADD', KEYS[5], unpack(ARGV, 4))
  return 1
`
const storeInvitationScript = `
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[3])
`

const verdictSchema = z.tuple([
  z.enum(['right', 'wrong', 'replayed', 'locked', 'changed']),
  z.int().nonnegative(),
])
const enrolSchema = z.enum(['right', 'enrolled', 'expired', 'uninvited'])

export function createSecondFactorState(store: Store, now: () => EpochMs): SecondFactorState {
  const factor = (id: string): string => store.key('second-factor', id)
  const recovery = (id: string): string => store.key('second-factor', id, 'recovery')
  const pending = (id: string): string => store.key('second-factor', id, 'pending')
  const invitations = (email: string): string => store.key('invitations', email)

  const runJudgeCode = store.script(judgeCodeScript)
  const runJudgeRecoveryCode = store.script(judgeRecoveryCodeScript)
  const runJudgeInvitation = store.script(judgeInvitationScript)
  const runReplacePending = store.script(replacePendingScript)
  const runEnrol = store.script(enrolScript)
  const runStoreInvitation = store.script(storeInvitationScript)

  return {
    read: async (id) => {
      const [fields, left] = await store.pipeline((pipeline) => {
        pipeline.hmget(factor(id), 'secret', 'resetAt', 'lockedUntil')
        pipeline.scard(recovery(id))
      })
      const [secret, resetAt, lockedUntil] = parse(z.tuple([text, text, text]), fields)
      const recoveryCodesLeft = parse(z.int(), left)
      return { secret, resetAt: instant(resetAt), lockedUntil: instant(lockedUntil), recoveryCodesLeft }
    },
    judgeCode: async (id, { secret, step }) =>
      verdict(await runJudgeCode([factor(id)], [now(), secret ?? '', step ?? -1])),
    judgeRecoveryCode: async (id, { secret, mac }) =>
      verdict(await runJudgeRecoveryCode([factor(id), recovery(id)], [now(), mac, secret])),
    judgeInvitation: async (id, email, mac) =>
      verdict(await runJudgeInvitation([factor(id), invitations(email)], [now(), mac])),

    // Kept a little longer than it is valid: presented in time, it stays good while its enrolment is pending.
    storeInvitation: async (email, mac, expiresAt, lifetimeMs) => {
      await runStoreInvitation([invitations(email)], [mac, expiresAt, lifetimeMs + pendingLifetimeMs])
    },
    hasInvitation: (email, mac) =>
      store.run(async (redis) => (await redis.hexists(invitations(email), mac)) === 1),

    readPending: (id, sessionId) => store.run((redis) => redis.hget(pending(id), sessionId)),
    replacePending: async (id, sessionId, former, next) =>
      parse(
        z.string(),
        await runReplacePending([pending(id)], [sessionId, former ?? '', next, pendingLifetimeMs]),
      ),

    enrol: async (id, input) => {
      const keys = [factor(id), recovery(id), pending(id), invitations(input.email ?? '')]
      const { sessionId, invitation, secret, recoveryCodes } = input
      const values = [now(), sessionId, input.pending, invitation ?? '', secret, ...recoveryCodes]
      return parse(enrolSchema, await runEnrol(keys, values))
    },
    reset: async (id, { secret, email, entry }) => {
      const keys = [factor(id), recovery(id), pending(id), invitations(email ?? ''), entry.key]
      const values = [now(), newestStep(now()), secret, ...entry.args]
      const [isRemoved] = await store.transaction((multi) => {
        multi.eval(resetScript, keys.length, ...keys, ...values)
      })
      return isRemoved === 1
    },
    acknowledgeReset: async (id) => {
      await store.run((redis) => redis.hdel(factor(id), 'resetAt'))
    },
  }
}

const text = z.string().nullable()

function verdict(answer: unknown): Verdict {
  const [outcome, value] = parse(verdictSchema, answer)
  return { outcome, value }
}

function instant(value: string | null): EpochMs | null {
  return value === null ? null : Number(parse(z.string().regex(/^\d{1,15}$/), value))
}

function parse<T>(schema: z.ZodType<T>, value: unknown): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  throw new GatehouseError('store-corrupt', 'The state of this second factor cannot be read.', {
    cause: new Error(z.prettifyError(result.error)),
  })
}
