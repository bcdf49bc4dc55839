/**
 * The vocabulary of Gatehouse, one meaning for each word (NIST SP 800-207). Types only.
 *
 * Instants are milliseconds since the Unix epoch, as the injected clock gives them; they become
 * ISO 8601 text only where they leave the process.
 */

/** Milliseconds since the Unix epoch, UTC. */
export type EpochMs = number

/**
 * Who. `id` is derived from issuer and subject, the only pair OpenID Connect Core §5.7 lets a client
 * rely on; e-mail is for people and for addressing an invitation, never for recognising anyone.
 */
export interface Principal {
  readonly id: string
  readonly issuer: string
  readonly subject: string
  /** Lower-cased; null when the provider sent none or did not say it is verified. */
  readonly email: string | null
  readonly name: string
}

/** A right over Gatehouse itself. Rights over machines come from grants alone, whatever the role. */
export const roles = ['admin', 'approver', 'auditor'] as const
export type Role = (typeof roles)[number]

/** How and when the person behind a session proved who they are (NIST SP 800-63B). */
export interface Assurance {
  readonly loginAt: EpochMs
  /** When the second factor was last proved in this session; null until then. */
  readonly secondFactorAt: EpochMs | null
  /** When a one-time code was last entered in this session; a recovery code in its place proves less. */
  readonly oneTimeCodeAt?: EpochMs | undefined
}

/** Who let a session in: the identity provider, or an operator of the host while it was down. */
export const sessionOrigins = ['provider', 'break-glass'] as const
export type SessionOrigin = (typeof sessionOrigins)[number]

/** One login of one principal in one browser. `id` names it in lists and in the ledger; it is not the secret. */
export interface Session {
  readonly id: string
  readonly principal: Principal
  readonly roles: readonly Role[]
  /** Of the provider's groups that make an approver, those it named; none where it is left out. */
  readonly groups?: readonly string[] | undefined
  readonly origin: SessionOrigin
  readonly assurance: Assurance
  readonly startedAt: EpochMs
  readonly endsAt: EpochMs
  /** The provider's `sid`, by which it may later ask us to end this session; null when it has none. */
  readonly providerSessionId: string | null
  /** Client address at login. */
  readonly source: string
  /** What the browser said it was at login; none of sessions from before that was kept. */
  readonly browser?: Browser | undefined
}

export const browserNames = ['edge', 'opera', 'firefox', 'chrome', 'safari', 'other'] as const
export const browserSystems = ['windows', 'android', 'ios', 'mac', 'linux', 'other'] as const

/** A family of browsers, and what it runs on. Claimed by whoever uses it, and never a reason for anything. */
export interface Browser {
  readonly name: (typeof browserNames)[number]
  readonly system: (typeof browserSystems)[number]
}

/** Proof, at one endpoint origin, that a session may use it. */
export interface Pass {
  readonly id: string
  readonly sessionId: string
  readonly principalId: string
  readonly endpointId: string
  readonly issuedAt: EpochMs
}

export type EndpointKind = 'hmi' | 'historian'

/** Machines that are named together, such as those of a line. A shorthand of whoever gives or asks: nothing is ever stored of it. */
export interface EndpointGroup {
  readonly id: string
  readonly name: string
  /** By id. */
  readonly endpoints: readonly string[]
}

/**
 * Whose people the plant lets in from outside. People belong to it by the domain of their verified e-mail, or by a claim of
 * the provider.
 */
export interface Company {
  readonly id: string
  readonly name: string
  /** In lower case; each means itself and no domain below it. */
  readonly emailDomains: readonly string[]
  /** Values of the claim `oidc.companyClaim`. */
  readonly claimValues: readonly string[]
  /** Ids of the machines its people may ask for, besides those they are invited to; null where that is as for everybody. */
  readonly requestable: readonly string[] | null
}

/** A protected HMI or historian. Its origin is `<id>.<server.endpointDomain>`. */
export interface Endpoint {
  readonly id: string
  readonly name: string
  readonly kind: EndpointKind
  readonly zone: string | null
  /** IANA name: what the clocks beside the machine show. */
  readonly timeZone: string
  /** The longest a grant for it may run, and each of its windows; null for as long as any. */
  readonly maxLengthMs: number | null
  readonly requestable: Requestable
  readonly approval: ApprovalRule
  /** The address behind it: scheme, host, port and nothing else. */
  readonly upstream: URL
  /** Where the portal's link leads. */
  readonly landingPath: string
  /** The methods that pass; null for all that Gatehouse knows. */
  readonly methods: readonly string[] | null
  /** The paths that pass: one that ends with `/` stands for all below it. Null for all. */
  readonly paths: readonly string[] | null
  readonly lenientRequests: ReadonlySet<LenientRequest>
  readonly lenientResponses: ReadonlySet<LenientResponse>
  /** Whether the machine is told its own address as Host, or the endpoint's; Origin and Referer match. */
  readonly hostHeader: 'upstream' | 'original'
  /** Null for `http`. */
  readonly tls: UpstreamTls | null
  /** How Gatehouse signs in at the machine, so that nobody else need know its password. */
  readonly credentials: UpstreamCredentials | null
  readonly limits: EndpointLimits
  /** Null: the machine is asked nothing of our own. */
  readonly probe: { readonly path: string; readonly intervalMs: number } | null
  /** Whether its pages carry our notice of how long access lasts. */
  readonly timeLeftNotice: boolean
}

/** The methods Gatehouse knows. Every other is refused before anybody asks what it is for. */
export const methods = ['GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE'] as const

/** What some machines need of requests and the strict rules refuse; opened for one endpoint, by name. */
export const lenientRequests = [
  'double-slash',
  'matrix-params',
  'encoded-slash',
  'underscore-headers',
  'delete-body',
] as const
export type LenientRequest = (typeof lenientRequests)[number]

/** What some old machines send and the strict rules refuse; let in for one endpoint, by name. */
export const lenientResponses = [
  'bare-line-feed',
  'folded-header',
  'length-with-coding',
  'oversized-header',
] as const
export type LenientResponse = (typeof lenientResponses)[number]

export interface UpstreamTls {
  /** PEM of the authorities that vouch for the machine; null for those Node trusts. */
  readonly authorities: string | null
  /** SHA-256 of public keys (SPKI), base64; where there are any, one must match and no authority need. */
  readonly pins: readonly string[]
  /** PEM, for a machine that asks who we are. */
  readonly client: { readonly certificate: string; readonly key: string } | null
  /** Name sent (SNI) and expected in the certificate; null for the upstream's host. */
  readonly serverName: string | null
  /** Also TLS 1.0 and 1.1, with the ciphers of their time. */
  readonly isLegacy: boolean
}

export type UpstreamCredentials =
  | { readonly kind: 'basic'; readonly user: string; readonly password: string }
  | { readonly kind: 'header'; readonly name: string; readonly value: string }
  | {
      readonly kind: 'form'
      /** Where the form is sent by POST. */
      readonly path: string
      /** Names and values, user and password among them. */
      readonly fields: Readonly<Record<string, string>>
    }

export interface EndpointLimits {
  /** Connections to the machine at any time, of all people together; null for no limit. */
  readonly connections: number | null
  /** Of one request. */
  readonly bodyBytes: number
  /** From the end of a request to the head of its answer. */
  readonly firstByteMs: number
  /** How long a running request or WebSocket may be silent in both directions. */
  readonly idleMs: number
}

export const accessLevels = ['view', 'operate'] as const
export type Access = (typeof accessLevels)[number]

/**
 * What happens to running work when a grant ends: everything is cut at once; or requests that run may finish within a
 * bound; or for the last while only looking is allowed. A revocation always cuts.
 */
export const endings = ['cut', 'drain', 'read-only'] as const
export type Ending = (typeof endings)[number]

/** How far the endings reach, for all grants alike. */
export interface EndingLimits {
  /** How long a request may outlive a grant that drains. */
  readonly drainMs: number
  /** How long before its end a grant turns read-only; never more than half of its length. */
  readonly readOnlyMs: number
}

/** Who did something: a signed-in person, an operator at the command line of the host, or a program with a token. */
export type Actor =
  | { readonly kind: 'principal'; readonly principalId: string; readonly email: string | null }
  | { readonly kind: 'operator'; readonly account: string }
  | {
      readonly kind: 'service'
      readonly tokenId: string
      /** What the token is called. */
      readonly name: string
      /** E-mail of the person who answers for it. */
      readonly owner: string
      /** Their principal; absent in what was written before this was kept. */
      readonly ownerId?: string | undefined
    }
  | { readonly kind: 'gateway' }

/** What a program may do through the JSON API; its token names each, and none implies another. */
export const scopes = [
  'grants:read',
  'grants:write',
  'grants:invite',
  'requests:read',
  'sessions:read',
  'sessions:end',
  'releases:read',
  'releases:write',
  'lockdowns:read',
  'lockdowns:write',
  'lockdowns:lift',
  'people:read',
  'resets:decline',
  'endpoints:read',
  'companies:read',
  'companies:end',
] as const
export type Scope = (typeof scopes)[number]

/** By which a program is recognised at the JSON API. The secret itself is kept nowhere. */
export interface ServiceToken {
  readonly id: string
  readonly name: string
  /** Who answers for it. */
  readonly owner: { readonly principalId: string; readonly email: string }
  readonly scopes: readonly Scope[]
  /** Addresses and CIDR blocks it may be used from; empty for any. */
  readonly sources: readonly string[]
  readonly createdBy: Actor
  readonly createdAt: EpochMs
  /** From here on it is worth nothing. */
  readonly until: EpochMs
  readonly revocation: Revocation | null
}

/** A time-boxed right of one principal to some endpoints: valid where `from <= now < until`, until revoked. */
export interface Grant {
  readonly id: string
  /** Addressed by e-mail; bound to the first principal who signs in with it verified, and only once. */
  readonly to: { readonly email: string; readonly principalId: string | null }
  readonly endpoints: readonly string[]
  readonly access: Access
  readonly from: EpochMs
  /** Its end: the latest there can be, and once its first use has set one (`firstUsedAt`), that. */
  readonly until: EpochMs
  readonly reason: string
  readonly ticket: string | null
  readonly ending: Ending
  readonly conditions: Conditions
  /** When its first use began its time; absent before, and where `lastsFromFirstUseMs` is null. */
  readonly firstUsedAt?: EpochMs | undefined
  /** The request it answers; null where somebody gave it without being asked. */
  readonly requestId: string | null
  readonly issuedBy: Actor
  readonly issuedAt: EpochMs
  readonly revocation: Revocation | null
}

/** Who may be asked for access to an endpoint, and who answers. */
export interface ApprovalRule {
  /** Roles, and groups of the provider as `group:line-3`; one of them is enough. Administrators may in any case. */
  readonly by: readonly string[]
  /** How many people have to agree. */
  readonly count: number
  /** For how long a request waits for them. */
  readonly lapsesAfterMs: number
}

/** Who may ask for an endpoint, and so learns its name: everybody, nobody, or who has or had a grant for it. */
export const requestables = ['all', 'none', 'invited'] as const
export type Requestable = (typeof requestables)[number]

/** What is asked for, or agreed to. */
export interface RequestTerms {
  readonly endpoints: readonly string[]
  readonly access: Access
  /** Null: from the moment at which the last of the approvers agrees. */
  readonly from: EpochMs | null
  readonly lengthMs: number
  /** As `Conditions`: for how long of that time, from the first use on. */
  readonly lastsFromFirstUseMs: number | null
  /** As `Conditions`. */
  readonly needsRelease: boolean
}

/** Access that somebody without it asks for. It permits nothing; the grant that answers it does. */
export interface AccessRequest {
  readonly id: string
  readonly by: { readonly principalId: string; readonly email: string; readonly name: string }
  readonly terms: RequestTerms
  readonly reason: string
  readonly ticket: string | null
  readonly askedAt: EpochMs
  /** Unanswered until then, it is over. */
  readonly lapsesAt: EpochMs
  readonly approvals: readonly Approval[]
  readonly outcome: RequestOutcome | null
}

/** One person's yes, with what they agree to: as asked, or narrower. */
export interface Approval {
  readonly by: Actor
  readonly at: EpochMs
  readonly terms: RequestTerms
}

export type RequestOutcome =
  | {
      readonly kind: 'approved'
      readonly at: EpochMs
      /** Who agreed last. */
      readonly by: Actor
      readonly grantId: string
      /** What all of them agreed to. */
      readonly terms: RequestTerms & { readonly from: EpochMs }
    }
  | { readonly kind: 'denied'; readonly at: EpochMs; readonly by: Actor; readonly reason: string }
  /** `closed`: answered before, as far as this host knows; the store is older than that. */
  | { readonly kind: 'lapsed' | 'withdrawn' | 'closed'; readonly at: EpochMs }

/** What a grant asks for besides its time, each narrowing it further. */
export interface Conditions {
  /**
   * The only parts of its time in which it is valid, in order and apart; empty for all of it. A weekly window of plant
   * time is written out as instants when the grant is issued, so that no later change of a time zone moves it.
   */
  readonly windows: readonly TimeWindow[]
  /** For how long it is valid from its first use on, never beyond `until`; null for all of its time. */
  readonly lastsFromFirstUseMs: number | null
  /** Addresses and CIDR blocks it may be used from; empty for any. */
  readonly sources: readonly string[]
  /** Sessions that may use it at a time; null for any number. */
  readonly maxSessions: number | null
  /** Whether somebody at the plant must release it for each session, and may withdraw that. */
  readonly needsRelease: boolean
}

/** Somebody at the plant lets one session use a grant that asks for it, until that is withdrawn. */
export interface Release {
  readonly grantId: string
  readonly sessionId: string
  readonly at: EpochMs
  readonly by: Actor
  readonly reason: string | null
}

/** Half-open, as grants are. */
export interface TimeWindow {
  readonly from: EpochMs
  readonly until: EpochMs
}

export interface Revocation {
  readonly at: EpochMs
  readonly by: Actor
  readonly reason: string
}

/** What a surface of Gatehouse itself asks of the visitor. `machine` is for calls no browser makes. */
export type OwnAccess =
  'public' | 'machine' | 'signed-in' | 'verified' | 'auditor' | 'approver' | 'admin' | ServiceAccess

/**
 * What the JSON API asks of the token of a program: to be valid, or a scope too. What stops something (`stop:`) is
 * open to tokens that were known a moment ago even while nobody can look them up.
 */
export type ServiceAccess = 'service' | `service:${Scope}` | `stop:${Scope}`

/** What a lockdown closes: every machine, one machine, or all machines to one person. */
export type LockdownScope =
  | { readonly kind: 'all' }
  | { readonly kind: 'endpoint'; readonly endpointId: string }
  | {
      readonly kind: 'principal'
      readonly email: string
      /** The principals known by that e-mail when it began. */
      readonly principalIds: readonly string[]
    }

/** Nobody passes, whatever they hold, until it is lifted. Grants stay as they are. */
export interface Lockdown {
  readonly scope: LockdownScope
  readonly at: EpochMs
  readonly by: Actor
  readonly reason: string
}

/** The closed list of reasons: the same words in decisions, the ledger, pages and tests. */
export const reasons = [
  // permit
  'public',
  'session-valid',
  'role-held',
  'token-valid',
  'grant-active',
  // challenge
  'login-required',
  'session-ended',
  'second-factor-required',
  // deny
  'origin-foreign',
  'role-missing',
  'browser-refused',
  'token-missing',
  'token-unknown',
  'token-revoked',
  'token-ended',
  'token-source-closed',
  'scope-missing',
  'endpoint-unknown',
  'grant-missing',
  'grant-not-started',
  'grant-outside-window',
  'grant-ended',
  'grant-revoked',
  'source-closed',
  'release-awaited',
  'sessions-taken',
  'method-closed',
  'path-closed',
  'view-only',
  'grant-read-only',
  'lockdown',
  'view-unproved',
  'clock-untrusted',
] as const
export type Reason = (typeof reasons)[number]

/** What a permit demands of whoever enforces it. */
export type Obligation =
  | 'view-only'
  /** The time of the grant begins with this: it must be begun, and asked again, before anything passes. */
  | 'begin-use'

export type Challenge = 'login' | 'second-factor'

export type Decision =
  | {
      readonly outcome: 'permit'
      readonly reasons: readonly Reason[]
      /** When everything this permit opened must be closed; null when nothing outlives the answer. */
      readonly closeAt: EpochMs | null
      /** From when on what stays open may only look, already past where it may not do more now; null for never. */
      readonly viewOnlyFrom: EpochMs | null
      readonly grantId: string | null
      readonly obligations: readonly Obligation[]
    }
  | { readonly outcome: 'challenge'; readonly reasons: readonly Reason[]; readonly challenge: Challenge }
  | { readonly outcome: 'deny'; readonly reasons: readonly Reason[]; readonly grantId: string | null }

/**
 * What caused a request, as the browser tells (Fetch Metadata, Origin): a page of the same origin or the
 * person directly; a link followed from elsewhere to a whole page; or another origin's page in any other way.
 */
export type Initiator = 'own' | 'link' | 'foreign'

/**
 * Of the grants that ask for something besides their time, the ids of those that get it, by what it is. A grant that
 * asks and is not named does not get it.
 */
export interface Fulfilled {
  /** The request comes from one of their sources. */
  readonly source: ReadonlySet<string>
  /** Somebody at the plant has released them for this session. */
  readonly release: ReadonlySet<string>
  /** This session is one of those that may use them at a time, or could be. */
  readonly seat: ReadonlySet<string>
}

/** Everything a decision may depend on, gathered before it is asked for. */
export interface Facts {
  readonly at: EpochMs
  /**
   * Milliseconds on a monotonic clock since it was last proved that no change of grants and sessions is missing
   * here; infinite when it never was.
   */
  readonly viewAgeMs: number
  /** Whether the time has ever been confirmed by another clock than that of this host. */
  readonly isClockTrusted: boolean
  readonly resource:
    | { readonly kind: 'own'; readonly access: Exclude<OwnAccess, ServiceAccess> }
    | {
        /** A call of the JSON API. */
        readonly kind: 'service'
        /** Null where any token will do. */
        readonly scope: Scope | null
        /** Whether it carries what only browsers send, a cookie of ours among it. */
        readonly isOfBrowser: boolean
        readonly isTokenSent: boolean
        /** Null for one that nobody of ours has made. */
        readonly token:
          (Pick<ServiceToken, 'scopes' | 'until' | 'revocation'> & { readonly isSourceOpen: boolean }) | null
      }
    | {
        readonly kind: 'endpoint'
        readonly endpointId: string
        readonly isKnown: boolean
        /** By the endpoint's own lists, whoever asks. */
        readonly isMethodOpen: boolean
        readonly isPathOpen: boolean
      }
  readonly request: {
    /** True for methods that RFC 9110 §9.2.1 calls safe. */
    readonly isSafe: boolean
    readonly isUpgrade: boolean
    readonly initiator: Initiator
  }
  readonly session:
    | (Pick<Session, 'endsAt' | 'assurance' | 'roles'> & {
        readonly principal: Pick<Principal, 'id' | 'email'>
      })
    | null
  /**
   * The grants for the resource that are bound to the session's principal, in no order, ended and revoked ones included.
   * Others among them count for nothing.
   */
  readonly grants: readonly Grant[]
  readonly fulfilled: Fulfilled
  readonly endings: EndingLimits
  /** All that are in force, whoever they are about. */
  readonly lockdowns: readonly Lockdown[]
}

/** Why a live stream was closed before its own end. A closed list, used in close reasons and the ledger. */
export const cutCauses = [
  'grant-ended',
  'grant-revoked',
  'grant-extended',
  'grant-read-only',
  'release-withdrawn',
  'session-ended',
  'session-killed',
  'signed-out',
  'second-factor-reset',
  'lockdown',
  'state-stale',
  'gateway-stopping',
  'idle',
  'client-stalled',
] as const
export type CutCause = (typeof cutCauses)[number]

/** What people and other systems may be told of without asking. A closed list: webhooks choose from it by name. */
export const noticeKinds = [
  'access.requested',
  'access.agreed',
  'access.approved',
  'access.denied',
  'access.lapsed',
  'access.withdrawn',
  'grant.issued',
  'grant.started',
  'grant.ends-soon',
  'grant.extended',
  'grant.ended',
  'grant.revoked',
  'lockdown.on',
  'lockdown.off',
  'break-glass.issued',
  'break-glass.used',
  'reset.proposed',
  'reset.confirmed',
  'reset.declined',
] as const
export type NoticeKind = (typeof noticeKinds)[number]
