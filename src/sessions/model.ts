import type { Actor, Browser, CutCause, EpochMs, Pass, Principal, Role, Session } from '../model.js'

/** What this module writes to the ledger, each before it takes effect. */
export type SessionEvent =
  | {
      readonly event: 'login.succeeded'
      readonly principal: Pick<Principal, 'id' | 'issuer' | 'subject' | 'email'>
      readonly roles: readonly Role[]
      readonly sessionId: string
      readonly source: string
    }
  | {
      readonly event: 'session.ended'
      readonly sessionId: string
      readonly principalId: string
      readonly cause: CutCause
      readonly actor: Actor
      readonly reason?: string
    }
  | {
      readonly event: 'pass.issued'
      readonly passId: string
      readonly sessionId: string
      readonly principalId: string
      readonly endpointId: string
    }

/** What the identity provider vouched for, and from where. */
export interface Login {
  readonly principal: Principal
  readonly roles: readonly Role[]
  /** See `Session`. */
  readonly groups?: readonly string[] | undefined
  /** The provider's `sid`; null when it gives none. */
  readonly providerSessionId: string | null
  /** Kept sealed, only to name the session to the provider at sign-out. */
  readonly idToken: string | null
  /** Client address. */
  readonly source: string
  readonly browser?: Browser | undefined
  /** Where the provider vouched for nothing and an operator did; see `BreakGlass`. */
  readonly breakGlass?: {
    /** Fixed when the code was made, so that one code never makes two sessions, whatever Redis has forgotten. */
    readonly sessionId: string
    readonly lengthMs: number
  }
}

/**
 * Who is signed in. A secret is returned once, by the call that makes it, and stored only as a hash.
 *
 * Each call throws GatehouseError `store-unavailable` when Redis fails it and `store-corrupt` when Redis
 * answers nonsense; each that records, `ledger-unavailable` when it could not.
 */
export interface Sessions {
  /**
   * Records `login.succeeded`, then begins the session.
   * @throws GatehouseError `not-signed-in` when a session by break-glass has been ended before
   */
  start(login: Login): Promise<{ session: Session; token: string }>
  /** Null when the token is unknown or replaced, or its session has ended. */
  byToken(token: string): Promise<Session | null>
  byId(id: string): Promise<Session | null>
  /** In the order of `ids`. */
  byIds(ids: readonly string[]): Promise<(Session | null)[]>
  /**
   * After a rise of privilege: the same session under a new token; the old one is dead at once, so a
   * token planted or seen before the rise gains nothing by it (session fixation).
   * @param proof `isRecovery`: by a recovery code, which lets in and is no fresh one-time code
   * @throws GatehouseError `not-signed-in` when the session has ended meanwhile
   */
  raise(
    session: Session,
    proof: { secondFactorAt: EpochMs; isRecovery?: true },
  ): Promise<{ session: Session; token: string }>
  /** For RP-initiated logout; ask before ending the session. */
  idTokenOf(sessionId: string): Promise<string | null>
  /** The sessions alive now, newest first, at most 1,000. */
  list(): Promise<Session[]>
  /**
   * The same without that limit, in no order: for who must miss none of them.
   * @param onMore called where there may be others: so many are listed that not all are read
   */
  all(onMore?: () => void): Promise<Session[]>
  /**
   * Records `session.ended`, then ends the session and all its passes on every instance. False when it
   * had ended already; then nothing is recorded. While Redis does not answer, it has effect on this host all
   * the same, and throws `stopped-here-only`.
   * @param reason why, where somebody did it to somebody else; checked by the caller
   */
  end(sessionId: string, cause: CutCause, actor: Actor, reason?: string): Promise<boolean>
  /** To be told of each session that another instance or command ended, on record. */
  noteEnded(sessionId: string): Promise<void>
  /** These are over on this host from now on; whoever ends them first puts that on record, at the latest `endRevived`. */
  noteOwed(sessionIds: readonly string[]): Promise<void>
  /**
   * Whatever of this person does not outlive their second factor: what it has proved, and what has not come to proving it.
   * @param limits default: all there are
   */
  openedBy(
    principalId: string,
    limits?: { readonly begunUntil: EpochMs; readonly provedUntil: EpochMs },
  ): Promise<string[]>
  /**
   * Ends again what this instance knows to have ended, and Redis does not; what is not on record yet, on record.
   * @returns false where another instance is at some of it, or the ledger takes no record: to be asked again in a few seconds
   */
  endRevived(): Promise<boolean>
  /** How many were ended. Goes on past a failure, then throws it; `index-too-long` where there may be others. */
  endAllOf(principalId: string, cause: CutCause, actor: Actor, reason?: string): Promise<number>
  /** For back-channel logout: ends by `sid`, by subject, or by both (OpenID Connect Back-Channel Logout §2.6). */
  endByProvider(logout: ProviderLogout): Promise<number>
  /** A code that carries a session from the portal to one endpoint: 30 s, single use. */
  issueHandoverCode(handover: Handover): Promise<string>
  /** Null, and the code is burned, when anything about it does not match. */
  redeemHandoverCode(
    code: string,
    presented: { endpointId: string; nonce: string },
  ): Promise<{ sessionId: string; to: string } | null>
  /**
   * Records `pass.issued`, then lets `session` in at one endpoint.
   * @throws GatehouseError `not-signed-in` when the session has ended meanwhile
   */
  issuePass(session: Session, endpointId: string): Promise<{ pass: Pass; token: string }>
  /** Null when the pass is unknown, belongs to another endpoint, or its session has ended. */
  byPassToken(token: string, endpointId: string): Promise<{ pass: Pass; session: Session } | null>
}

export interface ProviderLogout {
  readonly issuer: string
  readonly subject: string | null
  readonly providerSessionId: string | null
}

export interface Handover {
  readonly sessionId: string
  readonly endpointId: string
  /** `fingerprint` of the nonce cookie of the browser that asked, at the endpoint's origin. */
  readonly nonceHash: string
  /** Where the person wanted to go. */
  readonly to: string
}
