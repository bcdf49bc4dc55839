import type { Clock, ErrorCode, Keyring, Logger, Store } from '../lib/index.js'
import type { Actor, EpochMs, Principal } from '../model.js'

export type SecondFactorEvent =
  | { readonly event: 'second-factor.enrolled'; readonly principalId: string; readonly sessionId: string }
  | { readonly event: 'second-factor.verified'; readonly principalId: string; readonly sessionId: string }
  | { readonly event: 'second-factor.failed'; readonly principalId: string; readonly code: ErrorCode }
  | { readonly event: 'second-factor.locked'; readonly principalId: string; readonly until: EpochMs }
  | { readonly event: 'second-factor.recovery-used'; readonly principalId: string; readonly left: number }
  | { readonly event: 'second-factor.reset'; readonly principalId: string; readonly actor: Actor }
  | { readonly event: 'invitation.issued'; readonly email: string; readonly actor: Actor; readonly expiresAt: EpochMs }

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

export interface SecondFactor {
  status(principalId: string): Promise<SecondFactorStatus>
  /** @throws GatehouseError `input-invalid` (field `email`), `ledger-unavailable` */
  invite(email: string, actor: Actor): Promise<{ code: string; expiresAt: EpochMs }>
  /** @throws GatehouseError `invitation-invalid`, `code-locked`, `already-enrolled` */
  beginEnrolment(input: { principal: Principal; sessionId: string; invitation: string | null }): Promise<Enrolment>
  pendingEnrolment(input: { principal: Principal; sessionId: string }): Promise<Enrolment | null>
  /**
   * The recovery codes, for the only time they are shown.
   * @throws GatehouseError `code-wrong`, `code-replayed`, `code-locked`, `already-enrolled`,
   *   `invitation-invalid`, `form-expired` (no enrolment is pending, or it is older than ten minutes)
   */
  confirmEnrolment(input: { principal: Principal; sessionId: string; code: string }): Promise<{ recoveryCodes: string[] }>
  /** @throws GatehouseError `code-wrong`, `code-replayed`, `code-locked`, `not-enrolled`, `store-corrupt` */
  verify(input: { principalId: string; sessionId: string; code: string }): Promise<void>
  /** @throws GatehouseError `code-wrong`, `code-locked`, `not-enrolled` */
  useRecoveryCode(input: { principalId: string; sessionId: string; code: string }): Promise<{ left: number }>
  /** @throws GatehouseError `not-enrolled` */
  reset(principalId: string, actor: Actor): Promise<void>
  acknowledgeReset(principalId: string): Promise<void>
}

export interface SecondFactorOptions {
  readonly store: Store
  readonly clock: Clock
  readonly keyring: Keyring
  /** Resolves when the event is durable. */
  readonly record: (event: SecondFactorEvent) => Promise<void>
  readonly enrolment: 'invite' | 'first-login'
  /** Shown as the issuer in the authenticator app. */
  readonly label: string
  readonly invitationLifetimeMs: number
  readonly logger: Logger
}

export function createSecondFactor(options: SecondFactorOptions): SecondFactor {
  throw new Error(`not built yet ${options.label}`)
}
