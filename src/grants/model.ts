import type {
  AccessRequest,
  Actor,
  EpochMs,
  Grant,
  Lockdown,
  LockdownScope,
  Principal,
  Release,
  RequestTerms,
  Session,
} from '../model.js'
import type { Approver, Narrower } from './approval.js'

/** What this module writes to the ledger. */
export type GrantEvent =
  | { readonly event: 'grant.issued'; readonly grant: Grant; readonly actor: Actor }
  | { readonly event: 'grant.bound'; readonly grantId: string; readonly principalId: string }
  | {
      readonly event: 'grant.extended'
      readonly grantId: string
      /** The end it had. */
      readonly from: EpochMs
      readonly until: EpochMs
      readonly actor: Actor
      readonly reason: string
    }
  | {
      readonly event: 'grant.revoked'
      readonly grantId: string
      readonly actor: Actor
      readonly reason: string
    }
  | {
      readonly event: 'grant.first-used'
      readonly grantId: string
      readonly principalId: string
      readonly firstUsedAt: EpochMs
      readonly until: EpochMs
    }
  | {
      readonly event: 'grant.first-use-void'
      readonly grantId: string
      /** As the record says that is void. */
      readonly firstUsedAt: EpochMs
      /** When the time of the grant began; null where it has not. */
      readonly begunAt: EpochMs | null
    }
  | { readonly event: 'grant.failed'; readonly grantId: string; readonly attempt: 'issued' | 'extended' }

/** A grant as somebody asks for it: not one field is believed before it was checked. */
export interface GrantRequest {
  /** E-mail address. */
  readonly to: unknown
  /** Endpoint ids. Not where there are `groups`. */
  readonly endpoints?: unknown
  /** Ids of groups, each of which stands for the endpoints it has now. */
  readonly groups?: unknown
  /** `EpochMs`, or text as `parseInstant` takes it. */
  readonly from: unknown
  /** Likewise; a relative one counts from now, not from `from`. */
  readonly until: unknown
  readonly reason: unknown
  readonly ticket?: unknown
  readonly access?: unknown
  readonly ending?: unknown
  /** Addresses and CIDR blocks, IPv4 or IPv6. */
  readonly sources?: unknown
  /** Whether the control room must release it for each session. Default: no. */
  readonly needsRelease?: unknown
  /** How many sessions may use it at a time: 1 to 50. Default: any number. */
  readonly maxSessions?: unknown
  /**
   * A list of `WeeklyWindow`, or of text such as `mon-fri 06:00-14:00`, in the time of the machines: the only hours in
   * which it is valid between `from` and `until`.
   */
  readonly weekly?: unknown
  /** Milliseconds, or text such as `2h`: for how long it is valid from its first use on, at any time before `until`. */
  readonly lasts?: unknown
}

/**
 * Time-boxed rights, from issue to end. Every refusal of an input is `input-invalid` with its `field`,
 * and leaves nothing behind.
 *
 * Each call throws GatehouseError `store-unavailable` when Redis fails it and `store-corrupt` when what is
 * stored cannot be read; each that records, `ledger-unavailable` when it could not.
 */
export interface Grants {
  /**
   * Records `grant.issued`, then stores the grant.
   * @param recipient the principal known by that e-mail, where there is exactly one; else the grant waits
   *   for the first who signs in with it verified
   * @throws GatehouseError `input-invalid`
   */
  issue(request: GrantRequest, actor: Actor, recipient: { principalId: string | null }): Promise<Grant>
  /**
   * Records `grant.issued`, then stores a grant whose id and terms were agreed on before. Again, it changes nothing, and
   * one that was revoked since stays revoked, whatever the store has forgotten. To be called again after a failure: what
   * Redis did not confirm is then found there, or written.
   */
  issueOnce(grant: Grant & { to: { principalId: string } }): Promise<void>
  /**
   * The grants of a principal for a decision: all that have not ended, and those ended within 30 days.
   * @param endpointId of those, the ones for this endpoint; default: all
   */
  heldBy(principalId: string, endpointId?: string): Promise<Grant[]>
  get(id: string): Promise<Grant | null>
  /** In the same order, without what is not there or cannot be read. */
  byIds(ids: readonly string[]): Promise<Grant[]>
  /** The one that ends last comes first; at most 10,000. */
  list(): Promise<Grant[]>
  /**
   * All that end after `instant`, in the same order: what is to be ended with a company must not stand behind a limit.
   * @param onMore called where there may be others all the same: so many are listed that not all are read
   */
  endingAfter(instant: EpochMs, onMore?: () => void): Promise<Grant[]>
  /**
   * Records `grant.extended`, then moves the end to a later instant. A grant that drains can be extended, and
   * revoked, until it has drained.
   * @throws GatehouseError `input-invalid`, `grant-unknown`, `grant-conflict` (revoked or ended)
   */
  extend(id: string, until: EpochMs | string, reason: unknown, actor: Actor): Promise<Grant>
  /**
   * Records `grant.revoked`, then ends the grant for good. Revoking a revoked grant changes nothing and
   * returns it as it is. While Redis does not answer, it has effect on this host all the same, and throws
   * `stopped-here-only`.
   * @throws GatehouseError `input-invalid`, `grant-unknown`, `grant-conflict` (ended by itself)
   */
  revoke(id: string, reason: string, actor: Actor): Promise<Grant>
  /**
   * To be asked for each request that a grant with `lastsFromFirstUseMs` permits, before any of it passes. The first begins
   * its time: once, on however many instances, and durable in the ledger when this resolves. For all others it changes
   * nothing. @returns the grant as it is with that
   */
  beginUse(grant: Grant): Promise<Grant>
  /** To be told of each first use that another instance let through. */
  noteUsed(id: string, at: EpochMs): Promise<void>
  /** Begins again what this instance knows to have been used, and Redis does not. */
  restoreUses(): Promise<void>
  /** To be told of each revocation that another instance or command made. */
  noteRevoked(id: string): Promise<void>
  /** Revokes again what this instance knows to be revoked, and Redis does not. */
  revokeRevived(): Promise<void>
  /** At login: gives the principal what was issued to their verified e-mail, and returns it. */
  bindPending(principal: Principal): Promise<Grant[]>
}

/** What lockdowns write to the ledger. */
export interface LockdownEvent {
  readonly event: 'lockdown.on' | 'lockdown.off'
  /** `all`, `endpoint:press-3` or `principal:ana@vendor.example` */
  readonly scope: string
  readonly reason: string
  readonly actor: Actor
}

/** That a scope was locked down, or that this was lifted. */
export interface LastWord {
  /** As text. */
  readonly scope: string
  readonly isOn: boolean
  readonly at: EpochMs
  readonly by: Actor
  readonly reason: string
}

/**
 * What keeps everybody out, whatever they hold, until it is lifted. Scopes are taken as `LockdownScope` or as
 * text; every refusal of one is `input-invalid` about `scope`.
 *
 * Each call throws GatehouseError `store-unavailable` when Redis fails it; each that records,
 * `ledger-unavailable` when it could not.
 */
export interface Lockdowns {
  inForce(): Promise<readonly Lockdown[]>
  /** The last that was said about each scope that ever was locked down, without what cannot be read. */
  lastWords(): Promise<readonly LastWord[]>
  /**
   * Records `lockdown.on`, then closes. Again for the same scope, it only says so anew. While Redis does not
   * answer it has effect on this host all the same, and throws `stopped-here-only`.
   * @throws GatehouseError `input-invalid`
   */
  on(scope: LockdownScope | string, reason: string, actor: Actor): Promise<Lockdown>
  /** Records `lockdown.off`, then opens. False when there is no such lockdown. */
  off(scope: LockdownScope | string, reason: string, actor: Actor): Promise<boolean>
  /** To be told, by its text, of each scope that another instance or command changed. */
  note(scope: string): Promise<void>
  /** Closes again what this host knows to be closed, and Redis does not. */
  restore(): Promise<void>
}

/** What releases write to the ledger. */
export type ReleaseEvent =
  | {
      readonly event: 'release.given'
      readonly grantId: string
      readonly sessionId: string
      readonly principalId: string
      readonly actor: Actor
      readonly reason: string | null
    }
  | {
      readonly event: 'release.withdrawn'
      readonly grantId: string
      readonly sessionId: string
      readonly actor: Actor
      readonly reason: string | null
    }
  | {
      readonly event: 'release.failed' | 'release.unconfirmed'
      readonly grantId: string
      readonly sessionId: string
    }

/**
 * Who at the plant lets which session use a grant that needs a release. A release ends with its session, its grant, the window
 * of the grant in which it was given, or a withdrawal, whichever comes first.
 *
 * Each call throws GatehouseError `store-unavailable` when Redis fails it and `store-corrupt` when it answers nonsense; each
 * that records, `ledger-unavailable` when it could not.
 */
export interface Releases {
  /** Ids of the grants among these that run and are released for this session: for a decision. */
  heldBy(sessionId: string, grants: readonly Grant[]): Promise<ReadonlySet<string>>
  /** All releases of these grants, as the store has them now, also of sessions that have ended. */
  given(grants: readonly Grant[]): Promise<Release[]>
  /**
   * Records `release.given`, then lets the session in. One that is released already stays as it is.
   * @param session alive, as it is now
   * @param reason may be left out
   * @throws GatehouseError `release-refused` for one's own grant, `release-conflict`, `input-invalid` about `reason`
   */
  give(
    grant: Grant,
    session: Pick<Session, 'id' | 'principal' | 'assurance'>,
    reason: unknown,
    actor: Actor,
  ): Promise<Release>
  /**
   * Records `release.withdrawn`, then cuts what the session has open under the grant. False when nothing is released. While
   * Redis does not answer it has effect on this host all the same, and throws `stopped-here-only`.
   * @throws GatehouseError `input-invalid` about `reason`
   */
  withdraw(grantId: string, sessionId: string, reason: unknown, actor: Actor): Promise<boolean>
  /** To be told of each withdrawal that another instance or command made. */
  noteWithdrawn(grantId: string, sessionId: string, at: EpochMs): Promise<void>
  /** Withdraws again what this host knows to be withdrawn, and Redis does not. */
  withdrawRevived(): Promise<void>
}

/**
 * Which sessions use a grant that only so many may use at a time. A seat is taken with the first request that the grant lets
 * through, and kept until its session ends.
 *
 * Each call throws GatehouseError `store-unavailable` when Redis fails it and `store-corrupt` when it answers nonsense.
 */
export interface Seats {
  /** Of the grants among these that run and limit sessions, ids of those where this one has a seat, or could take one. */
  openTo(
    sessionId: string,
    grants: readonly Grant[],
  ): Promise<{ readonly held: ReadonlySet<string>; readonly free: ReadonlySet<string> }>
  /** Takes a seat, or keeps the one it has. False when all are taken; of all that ask at once, never one too many is told true. */
  take(grant: Grant, sessionId: string): Promise<boolean>
  /** Of these, those without a seat. */
  without<T extends { readonly grantId: string; readonly sessionId: string }>(
    pairs: readonly T[],
  ): Promise<T[]>
}

/** What requests write to the ledger. */
export type AccessEvent =
  | {
      readonly event: 'access.requested'
      readonly request: Omit<AccessRequest, 'approvals' | 'outcome'>
      readonly actor: Actor
    }
  | {
      readonly event: 'access.approved'
      readonly requestId: string
      readonly terms: RequestTerms
      readonly grantId: string | null
      readonly actor: Actor
    }
  | {
      readonly event: 'access.denied'
      readonly requestId: string
      readonly reason: string
      readonly actor: Actor
    }
  | { readonly event: 'access.withdrawn'; readonly requestId: string; readonly actor: Actor }
  | { readonly event: 'access.lapsed'; readonly requestId: string }
  | {
      readonly event: 'access.failed' | 'access.unconfirmed'
      readonly requestId: string
      readonly attempt: 'requested' | 'approved' | 'denied' | 'withdrawn' | 'lapsed' | 'granted'
    }

/** Access as somebody asks for it: not one field is believed before it was checked. As `GrantRequest`. */
export interface AskedAccess {
  readonly endpoints?: unknown
  /** Ids of groups; each stands for those of its endpoints that the person may ask for. */
  readonly groups?: unknown
  /** Null: from the approval on. */
  readonly from: unknown
  /** Not where `from` is null. */
  readonly until?: unknown
  /** Milliseconds; in place of `until`. */
  readonly lengthMs?: unknown
  /** As in `GrantRequest`. */
  readonly lasts?: unknown
  readonly reason: unknown
  readonly ticket?: unknown
  readonly access?: unknown
}

/**
 * Requests for access, from asking to answer. A request permits nothing: the one grant does that follows it when enough
 * people have agreed. Whatever happens at the same time, on however many instances, a request has one outcome.
 *
 * Each call throws GatehouseError `store-unavailable` when Redis fails it and `store-corrupt` when what is stored cannot be
 * read; each that records, `ledger-unavailable` when it could not.
 */
export interface Requests {
  /** What this person may ask for, by id, in the order of the configuration. */
  requestable(principalId: string): Promise<string[]>
  /**
   * Records `access.requested`, then stores it.
   * @throws GatehouseError `input-invalid` with its field, also for a machine they may not ask for; `request-limit`
   */
  ask(asked: AskedAccess, principal: Principal): Promise<AccessRequest>
  get(id: string): Promise<AccessRequest | null>
  /**
   * Those that wait for an answer; the one that lapses first comes first.
   * @param part to read no more than some of them; default: all
   */
  open(part?: { readonly skip: number; readonly count: number }): Promise<AccessRequest[]>
  /**
   * All of those as they were a moment ago, by a list that follows the changes: for pages that show what there is. Whoever
   * answers, ends or decides asks `open`.
   */
  shownOpen(): Promise<AccessRequest[]>
  /** How many those are, by the list of them alone: none is read, so nothing may be decided by it. */
  countOpen(): Promise<number>
  /** Newest first, at most 1,000. */
  list(): Promise<AccessRequest[]>
  /** Of one person, newest first, at most 50. */
  of(principalId: string): Promise<AccessRequest[]>
  /** How many have to agree to a request, by the configuration as it is now. */
  needed(request: Pick<AccessRequest, 'terms'>): number
  /** How many of those who have agreed count by the rule and the roles of now. */
  counted(request: AccessRequest): Promise<number>
  /** Whether this person may say yes or no to it. */
  mayAnswer(request: AccessRequest, approver: Approver): boolean
  /**
   * Records `access.approved`. With the last yes that is needed, issues the grant.
   * @throws GatehouseError `approval-refused`, `fresh-code-required`, `request-unknown`, `request-conflict`,
   *   `input-invalid` where it is wider than what was asked
   */
  approve(id: string, approver: Approver, less: Narrower): Promise<AccessRequest>
  /**
   * Records `access.denied`. Needs no fresh code: it opens nothing.
   * @throws GatehouseError `approval-refused`, `request-unknown`, `request-conflict`, `input-invalid` about `reason`
   */
  deny(id: string, approver: Approver, reason: unknown): Promise<AccessRequest>
  /**
   * Records `access.withdrawn`. For who asked, and nobody else.
   * @throws GatehouseError `request-unknown`, `request-conflict`
   */
  withdraw(id: string, principal: Principal): Promise<AccessRequest>
  /** Records and closes what has lapsed, and issues what a crash left without its grant. */
  tidy(): Promise<void>
  /** To be told of each request that another instance or command may have closed. */
  noteClosed(id: string): Promise<void>
  /** Closes again what this host knows to be answered, and Redis does not. */
  closeRevived(): Promise<void>
  /** Does so every two seconds, until the function it returns is called. */
  begin(): () => void
}
