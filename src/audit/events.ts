import type { ErrorCode } from '../lib/index.js'
import type {
  AccessRequest,
  Actor,
  CutCause,
  EpochMs,
  Grant,
  Principal,
  Reason,
  RequestTerms,
  Role,
  Scope,
} from '../model.js'

/**
 * The event catalogue: everything the ledger can say, with the fields of each event.
 *
 * Instants are `EpochMs` here and ISO 8601 text in the file. `source` is the client's address.
 * docs/reference/ledger.md says the same for readers of the file; a test keeps the two together.
 */
export type LedgerEvent = Recordable<
  | LockdownEvent
  | LedgerOwnEvent
  | GatewayEvent
  | StoreEvent
  | RequestEvent
  | StreamEvent
  | SessionEvent
  | SecondFactorEvent
  | BreakGlassEvent
  | TokenEvent
  | GrantEvent
  | ReleaseEvent
  | NotificationEvent
  | AccessEvent
  | CompanyEvent
>

/** The ledger adds these four itself; an event that carried one would make its own record unreadable. */
type Recordable<Event extends { event: string; seq?: never; at?: never; prev?: never; hash?: never }> = Event

export type EventName = LedgerEvent['event']

/** What the ledger says about itself. Only the ledger writes these. */
export type LedgerOwnEvent =
  | {
      readonly event: 'ledger.begun'
      readonly format: 1
      readonly writer: string
      readonly chain: string
      readonly keyId: string
    }
  | {
      readonly event: 'ledger.continued'
      readonly writer: string
      readonly chain: string
      readonly file: string
    }
  | { readonly event: 'ledger.recovered'; readonly droppedBytes: number; readonly unsignedRecords: number }
  | {
      readonly event: 'ledger.resumed'
      readonly since: EpochMs
      readonly refusedRecords: number
      readonly lostRecords: number
    }

export type GatewayEvent =
  { readonly event: 'gateway.started'; readonly version: string } | { readonly event: 'gateway.stopped' }

/** Redis holds what nobody of ours wrote there last. It permits nothing. */
export type StoreEvent =
  | { readonly event: 'store.altered'; readonly place: string }
  | {
      readonly event: 'store.rolled-back'
      /** `changes`: the log of changes itself, whose entry `id` is gone. */
      readonly kind:
        | 'grant'
        | 'session'
        | 'session-owed'
        | 'lockdown'
        | 'second-factor'
        | 'token'
        | 'release'
        | 'first-use'
        | 'request'
        | 'reset'
        | 'changes'
      readonly id: string
    }

export type RequestEvent =
  | {
      readonly event: 'request.refused'
      readonly requestId: string
      readonly source: string
      readonly detail: string
    }
  | {
      readonly event: 'request.refusals'
      readonly source: string
      readonly detail: string
      /** Besides those with lines of their own. */
      readonly requests: number
      readonly since: EpochMs
    }
  | {
      readonly event: 'request.decided'
      readonly requestId: string
      readonly source: string
      readonly kind: 'request' | 'websocket'
      readonly method: string
      readonly host: string
      /** Without the query: historians' queries may carry what does not belong in a ledger. */
      readonly path: string
      readonly endpointId: string | null
      readonly principalId: string | null
      readonly sessionId: string | null
      readonly grantId: string | null
      /** Of a program; its owner is in `token.created`. */
      readonly tokenId?: string | undefined
      readonly outcome: 'permit' | 'challenge' | 'deny'
      readonly reasons: readonly Reason[]
    }
  | {
      readonly event: 'request.completed'
      readonly requestId: string
      readonly status: number | null
      readonly bytesUp: number
      readonly bytesDown: number
      readonly durationMs: number
      readonly end: 'complete' | 'client-closed' | 'refused' | 'upstream-failed' | 'cut'
      readonly cause: CutCause | null
    }

/** Of a request or WebSocket that the ledger has seen permitted, and not ended. Only the ledger writes these. */
export interface StreamEvent {
  readonly event: 'stream.open' | 'stream.interrupted'
  readonly requestId: string
  readonly kind: 'request' | 'websocket'
  readonly endpointId: string
  readonly principalId: string
  readonly sessionId: string
  readonly grantId: string
  /** When it was permitted. */
  readonly beganAt: EpochMs
}

export type SessionEvent =
  | {
      readonly event: 'login.succeeded'
      readonly principal: Pick<Principal, 'id' | 'issuer' | 'subject' | 'email'>
      readonly roles: readonly Role[]
      readonly sessionId: string
      readonly source: string
    }
  | { readonly event: 'login.failed'; readonly code: ErrorCode; readonly source: string }
  | {
      readonly event: 'session.ended'
      readonly sessionId: string
      readonly principalId: string
      readonly cause: CutCause
      readonly actor: Actor
      /** Where somebody did it to somebody else. */
      readonly reason?: string
    }
  | {
      readonly event: 'pass.issued'
      readonly passId: string
      readonly sessionId: string
      readonly principalId: string
      readonly endpointId: string
    }

export type SecondFactorEvent =
  | {
      readonly event: 'second-factor.enrolled' | 'second-factor.verified'
      readonly principalId: string
      readonly sessionId?: string | undefined
    }
  | { readonly event: 'second-factor.failed'; readonly principalId: string; readonly code: ErrorCode }
  | { readonly event: 'second-factor.locked'; readonly principalId: string; readonly until: EpochMs }
  | { readonly event: 'second-factor.recovery-used'; readonly principalId: string; readonly left: number }
  | {
      readonly event: 'second-factor.reset'
      readonly principalId: string
      readonly actor: Actor
      readonly reason?: string
      /** Where two administrators have agreed. */
      readonly proposalId?: string
    }
  | {
      readonly event: 'second-factor.reset-proposed'
      readonly proposalId: string
      readonly principalId: string
      readonly actor: Actor
      readonly reason: string
      readonly lapsesAt: EpochMs
    }
  | {
      readonly event: 'second-factor.reset-confirmed' | 'second-factor.reset-declined'
      readonly proposalId: string
      readonly principalId: string
      readonly actor: Actor
      readonly reason: string
    }
  | {
      readonly event: 'second-factor.reset-failed'
      /** Where two administrators were to agree. */
      readonly proposalId?: string
      readonly principalId: string
      readonly actor: Actor
      readonly attempt: 'proposed' | 'confirmed' | 'declined' | 'reset'
    }
  | {
      readonly event: 'invitation.issued'
      readonly email: string
      readonly actor: Actor
      readonly expiresAt: EpochMs
      readonly reason: string
    }

/** The session is the one that the code leads to, whether or not it ever does. */
export type BreakGlassEvent =
  | {
      readonly event: 'break-glass.issued'
      readonly sessionId: string
      readonly principalId: string
      readonly email: string | null
      readonly roles: readonly Role[]
      readonly reason: string
      readonly expiresAt: EpochMs
      readonly sessionLengthMs: number
      readonly didProviderAnswer: boolean
      readonly actor: Actor
    }
  | {
      readonly event: 'break-glass.used'
      readonly sessionId: string
      readonly principalId: string
      readonly source: string
    }
  | {
      readonly event: 'break-glass.refused'
      /** Null for a code that nobody knows. */
      readonly sessionId: string | null
      readonly why: string
      readonly source: string
    }
  | {
      readonly event: 'break-glass.refusals'
      readonly source: string
      readonly why: string
      /** Besides those with lines of their own. */
      readonly attempts: number
      readonly since: EpochMs
    }
  | {
      readonly event: 'break-glass.withdrawn'
      readonly sessionId: string
      readonly actor: Actor
      readonly reason?: string
    }
  | {
      readonly event: 'break-glass.acknowledged'
      readonly sessionId: string
      /** What it was seen as. */
      readonly state: 'issued' | 'used'
      readonly actor: Actor
      readonly reason: string
    }

/** About the tokens of programs, and never with one of them. */
export type TokenEvent =
  | {
      readonly event: 'token.created'
      readonly tokenId: string
      readonly name: string
      readonly ownerId: string
      /** By e-mail. */
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
  | {
      readonly event: 'token.refused'
      readonly requestId: string
      /** Null for one that nobody of ours has made. */
      readonly tokenId: string | null
      readonly why: Reason
      readonly source: string
    }
  | {
      readonly event: 'token.refusals'
      readonly source: string
      readonly why: string
      /** Besides those with lines of their own. */
      readonly attempts: number
      readonly since: EpochMs
    }

export type GrantEvent =
  | { readonly event: 'grant.issued'; readonly grant: Grant; readonly actor: Actor }
  | { readonly event: 'grant.bound'; readonly grantId: string; readonly principalId: string }
  | {
      readonly event: 'grant.extended'
      readonly grantId: string
      /** The end it had before. */
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
      /** The end that this gives it. */
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

/** Of grants that the control room releases for a session. */
export type ReleaseEvent =
  | {
      readonly event: 'release.given'
      readonly grantId: string
      readonly sessionId: string
      readonly principalId: string
      readonly actor: Actor
      /** Null where none was given. */
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

/** Of requests for access; the request itself stands in the first. */
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
      /** Of the grant that follows; null while others have to agree too. */
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

export interface CompanyEvent {
  readonly event: 'company.ended'
  /** As it stood in the configuration. */
  readonly companyId: string
  readonly emailDomains: readonly string[]
  readonly claimValues: readonly string[]
  readonly reason: string
  readonly actor: Actor
}

export interface LockdownEvent {
  readonly event: 'lockdown.on' | 'lockdown.off'
  /** `all`, `endpoint:press-3` or `principal:ana@vendor.example` */
  readonly scope: string
  readonly reason: string
  readonly actor: Actor
}

export type NotificationEvent =
  | { readonly event: 'notification.retried'; readonly notificationId: string; readonly actor: Actor }
  | { readonly event: 'notification.tested'; readonly to: string; readonly actor: Actor }

/** Every event with the sentence that tells a reader what it states. */
export const eventMeanings: Readonly<Record<EventName, string>> = {
  'ledger.begun': 'A chain starts here; names its writer, its random id and the key that signs its heads.',
  'ledger.continued': 'A further file of the chain starts here.',
  'ledger.recovered':
    'The writer had stopped without closing the ledger: what it dropped, what it kept without a signature.',
  'ledger.resumed': 'Records could not be written for a while, and can again.',
  'gateway.started': 'An instance started.',
  'gateway.stopped': 'An instance stopped in good order.',
  'store.altered': 'A record in Redis is not one that we wrote for its place; it counts as unreadable.',
  'store.rolled-back':
    'Redis is in a state from before what we knew (`changes`), or called running what had been ended; that stays ended.',
  'request.refused': 'A request was turned away before anyone asked who sent it.',
  'request.refusals': 'More were turned away, of one source and for one reason, than get a line each.',
  'request.decided': 'Somebody asked for something; what was decided and why.',
  'request.completed': 'A permitted request or WebSocket ended; how, and how much passed.',
  'stream.open': 'Was open when this file began: so one file tells of all that may be open.',
  'stream.interrupted':
    'The writer had stopped without writing how this ended: with it at the latest, and nobody knows how.',
  'login.succeeded': 'Somebody signed in and got a session.',
  'login.failed': 'A sign-in failed.',
  'session.ended': 'A session and everything opened with it ended.',
  'pass.issued': 'A session was let in at one endpoint.',
  'second-factor.enrolled': 'A principal confirmed a new second factor.',
  'second-factor.verified': 'A principal proved the second factor.',
  'second-factor.failed': 'A one-time code or recovery code was refused.',
  'second-factor.locked': 'Too many wrong codes: no code is accepted for a while.',
  'second-factor.recovery-used': 'A recovery code was used up.',
  'second-factor.reset': 'An administrator removed the second factor of a principal.',
  'second-factor.reset-proposed':
    'An administrator proposed to remove the second factor of a principal; without a second one it is over at `lapsesAt`.',
  'second-factor.reset-confirmed':
    'A second administrator agreed; `second-factor.reset` with the same `proposalId` follows, or `second-factor.reset-failed`.',
  'second-factor.reset-declined': 'Somebody said no to such a proposal, or took it back; nothing is reset.',
  'second-factor.reset-failed':
    'What the record before it says of this proposal or person did not come about, or Redis did not confirm it; nothing is reset without a `second-factor.reset`.',
  'invitation.issued': 'A code to enrol a second factor was made for an address.',
  'break-glass.issued':
    'An operator of the host made a code that lets a person sign in without the provider.',
  'break-glass.used': 'Such a code was used, and cannot be used again.',
  'break-glass.refused': 'A code was refused: unknown, used, run out, or of a person who may not use one.',
  'break-glass.refusals': 'More were refused, of one source and for one reason, than get a line each.',
  'break-glass.withdrawn': 'A code that waited to be used was taken back.',
  'break-glass.acknowledged': 'An administrator confirmed to have been shown a break-glass sign-in.',
  'token.created': 'A token was made, by which a program may use the API; who answers for it.',
  'token.revoked': 'A token was taken back.',
  'token.refused': 'A call of the API was refused, for its token or the lack of one.',
  'token.refusals': 'More were refused, of one source and for one reason, than get a line each.',
  'grant.issued': 'A grant was given.',
  'grant.bound': 'A grant addressed to an e-mail became the right of the principal who proved it.',
  'grant.extended': 'The end of a grant was moved.',
  'grant.first-used':
    'The time of a grant that lasts from its first use began, before the request that began it was let through. Where `grant.first-use-void` follows in the same chain, it did not.',
  'grant.first-use-void':
    'The `grant.first-used` of this chain with this `firstUsedAt` did not begin the time: it had begun at `begunAt`, by a record of another instance, or Redis did not take it.',
  'grant.revoked': 'A grant was taken back.',
  'grant.failed':
    'Redis did not confirm what the record before it says of this grant: it may not be in force.',
  'release.given': 'Somebody at the plant let a session use a grant that needs it.',
  'release.withdrawn': 'That was taken back; the session may not use the grant any more.',
  'release.failed':
    'What the record before it says was released did not come about: another answer was first, or Redis did not confirm it and it was taken back.',
  'release.unconfirmed':
    'Redis neither confirmed what the record before it says was released nor let it be taken back: this host lets nobody in by it, others may until Redis is back.',
  'access.requested': 'Somebody asked for access; it permits nothing.',
  'access.approved':
    'An approver agreed, to what was asked or to less; with a `grantId`, it was the last that was needed.',
  'access.denied': 'An approver said no, which ends the request.',
  'access.withdrawn': 'Who had asked took the request back.',
  'access.lapsed': 'Nobody had answered in time, so the request is over.',
  'access.failed':
    'What the record before it says of this request did not come about: another answer was first, Redis did not take it, or the rule had become stricter before there was a grant.',
  'access.unconfirmed':
    'Redis did not confirm what the record before it says of this request: whether it came about is told by what follows.',
  'company.ended':
    'All that people of a company hold was to end; what did is on record after this, each by itself.',
  'lockdown.on': 'Machines were closed, to everybody or to one person, whatever they hold.',
  'lockdown.off': 'A lockdown was lifted.',
  'notification.retried': 'An operator had a message sent again.',
  'notification.tested': 'An operator had a test mail sent.',
}
