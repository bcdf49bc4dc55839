/** Every code an outsider may see. Stable: documentation, tests and support people rely on them. */
export const errorCodes = {
  // refused before anyone is asked who they are
  'request-ambiguous': 400,
  'request-unreadable': 400,
  'request-timeout': 408,
  'headers-too-large': 431,
  'host-unknown': 421,
  'host-not-sni': 421,
  'method-not-allowed': 405,
  'not-acceptable': 406,
  'content-type-unsupported': 415,
  'body-too-large': 413,
  // input of a person or a script
  'input-invalid': 422,
  'return-target-invalid': 400,
  'form-expired': 403,
  'not-found': 404,
  // admission
  'not-signed-in': 401,
  'second-factor-required': 401,
  denied: 403,
  'token-missing': 401,
  'token-invalid': 401,
  'handover-invalid': 403,
  // sign-in and second factor
  'login-failed': 403,
  'login-expired': 400,
  'logout-token-invalid': 400,
  'identity-provider-unavailable': 503,
  'code-wrong': 422,
  'code-replayed': 422,
  'code-locked': 429,
  'invitation-invalid': 422,
  'break-glass-invalid': 422,
  'identity-provider-answers': 409,
  'already-enrolled': 409,
  'invitee-enrolled': 409,
  'not-enrolled': 409,
  // administration
  'grant-unknown': 404,
  'grant-conflict': 409,
  'request-unknown': 404,
  'request-conflict': 409,
  'request-limit': 429,
  'approval-refused': 403,
  'fresh-code-required': 403,
  'reset-unknown': 404,
  'reset-refused': 403,
  'reset-conflict': 409,
  'reset-limit': 429,
  'release-refused': 403,
  'release-conflict': 409,
  'release-unknown': 404,
  'session-unknown': 404,
  'lockdown-unknown': 404,
  'notification-unknown': 404,
  'lockdown-conflict': 409,
  'person-unknown': 404,
  'person-ambiguous': 409,
  'token-unknown': 404,
  'idempotency-mismatch': 422,
  'idempotency-unfinished': 409,
  'rate-limited': 429,
  'company-unknown': 404,
  'ended-in-part': 503,
  // cannot decide, cannot record
  'store-unavailable': 503,
  'store-corrupt': 503,
  'index-too-long': 503,
  'ledger-unavailable': 503,
  'store-unfit': 503,
  'clock-untrusted': 503,
  'stopped-here-only': 503,
  'stopped-until-restart': 503,
  stopping: 503,
  busy: 503,
  // the machine behind
  'upstream-unreachable': 502,
  'upstream-busy': 503,
  'upstream-invalid': 502,
  'upstream-timeout': 504,
  'upstream-login-failed': 502,
  // start-up
  'config-invalid': 500,
  'keys-invalid': 500,
  'ledger-invalid': 500,
  internal: 500,
} as const

export type ErrorCode = keyof typeof errorCodes

/**
 * A failure with a stable `code`, the HTTP `status` that belongs to it, and a `message` that is safe to
 * show to an outsider. What only operators may know goes into `cause`.
 *
 * @example throw new GatehouseError('store-unavailable', 'Access cannot be checked right now.', { cause: error })
 */
export class GatehouseError extends Error {
  readonly code: ErrorCode
  /** The input field at fault, where there is one. */
  readonly field: string | null

  constructor(code: ErrorCode, message: string, options: { cause?: unknown; field?: string } = {}) {
    super(message, 'cause' in options ? { cause: options.cause } : undefined)
    this.name = 'GatehouseError'
    this.code = code
    this.field = options.field ?? null
  }

  get status(): number {
    return errorCodes[this.code]
  }
}

/**
 * How far it is known that something has ended, where Redis could not be told: to this host for good; to this instance, which
 * acts on it until it stops; or to nobody but a command that is about to end.
 */
export type Reach = 'host' | 'instance' | 'nowhere'

/** For what was stopped while Redis did not answer, or refused: known so far, and not to the others yet. */
export function stoppedHereOnly(what: string, reach: Reach, cause: unknown): GatehouseError {
  if (reach === 'nowhere') {
    const message =
      'Nothing was stopped: Redis could not be told, and the journal on this host cannot be written.'
    return new GatehouseError('ledger-unavailable', message, { cause })
  }
  if (reach === 'instance') {
    const message = `Redis could not be told, and the journal on this host cannot be written. ${what} by this instance, until it stops; everywhere once Redis is back, if it runs until then. See that there is room on the disk, and do it again.`
    return new GatehouseError('stopped-until-restart', message, { cause })
  }
  const message = `Redis could not be told. ${what} on this host; elsewhere once Redis is back.`
  return new GatehouseError('stopped-here-only', message, { cause })
}

/** Whether something that failed was stopped all the same, as far as the error says. */
export function isStoppedHere(error: unknown): boolean {
  return (
    error instanceof GatehouseError &&
    (error.code === 'stopped-here-only' || error.code === 'stopped-until-restart')
  )
}

/** A bug, not an input: stops the operation that found it. */
export function assert(claim: unknown, message: string): asserts claim {
  if (!claim) throw new Error(`assertion failed: ${message}`)
}
