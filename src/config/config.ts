import { GatehouseError, type Language, type LogLevel, type StorePlace } from '../lib/index.js'
import type { Company, EndingLimits, Endpoint, EndpointGroup, NoticeKind } from '../model.js'

/** A host and a port to listen on. IPv6 addresses come without brackets. */
export interface Address {
  readonly host: string
  readonly port: number
}

/**
 * A configuration that passed every check, with its files read. What each option means, its range and the
 * danger of changing it stand in the schema (`schema.ts`) and in the reference made from it.
 */
export interface Config {
  /** Absolute path of the file it came from. */
  readonly file: string
  readonly server: {
    readonly publicUrl: URL
    /** Lower case. An endpoint's host is `<id>.<endpointDomain>`. */
    readonly endpointDomain: string
    readonly listen: Address
    /** PEM text; certificate and key are known to match. Null when TLS ends in front, or without TLS. */
    readonly tls: { readonly certificate: string; readonly key: string } | null
    readonly operations: Address | null
    /** Addresses and CIDR blocks. */
    readonly trustedProxies: readonly string[]
    readonly limits: ServerLimits
    readonly announceSeconds: number
    readonly shutdownSeconds: number
  }
  /** A `unix:` path in it is absolute. */
  readonly redis: StorePlace & {
    readonly username: string | undefined
    readonly password: string | undefined
  }
  readonly oidc: {
    readonly issuer: URL
    readonly name: string
    readonly clientId: string
    /** Null exactly when `clientAuthentication` is `none`. */
    readonly clientSecret: string | null
    readonly clientAuthentication: 'client_secret_basic' | 'client_secret_post' | 'none'
    readonly scopes: readonly string[]
    readonly clockToleranceSeconds: number
    readonly timeoutSeconds: number
    /** The claim that says for which company somebody works. */
    readonly companyClaim: string
    readonly roles: {
      readonly claim: string
      readonly admin: readonly string[]
      readonly approver: readonly string[]
      readonly auditor: readonly string[]
    }
  }
  readonly totp: {
    readonly enrolment: 'invite' | 'first-login'
    readonly label: string
    readonly invitationLifetimeMs: number
    /** Whether a reset on the pages takes two. */
    readonly secondAdministrator: boolean
    readonly resetLapsesAfterMs: number
  }
  readonly sessions: { readonly maxLengthMs: number }
  /** IANA name: of machines that have none of their own, and of what concerns no single machine. */
  readonly plant: { readonly timeZone: string }
  /** Absolute path; read with `loadKeyring`. */
  readonly keys: { readonly file: string }
  readonly audit: {
    /** Absolute path. */
    readonly directory: string
    readonly durability: 'state-changing' | 'every-request'
    readonly writer: string
  }
  readonly grants: {
    readonly maxLengthMs: number
    readonly maxRecurrenceMs: number
    readonly endings: EndingLimits
  }
  readonly notifications: NotificationSettings | null
  readonly log: { readonly level: LogLevel }
  readonly endpoints: readonly Endpoint[]
  readonly groups: readonly EndpointGroup[]
  readonly companies: readonly Company[]
  readonly exceptions: readonly Exception[]
}

/** Who is told what, and how. Null as a whole where nobody is told anything. */
export interface NotificationSettings {
  /** Of mails. */
  readonly language: Language
  /** Of one attempt. */
  readonly timeoutMs: number
  readonly smtp: {
    readonly host: string
    readonly port: number
    /** `none` on loopback only. */
    readonly tls: 'implicit' | 'starttls' | 'none'
    /** PEM; null for those Node trusts. */
    readonly authorities: string | null
    readonly from: string
    readonly credentials: { readonly user: string; readonly password: string } | null
    /** E-mail addresses. */
    readonly administrators: readonly string[]
    readonly approvers: readonly string[]
  } | null
  readonly webhooks: readonly {
    readonly url: URL
    readonly secret: Buffer
    readonly events: readonly NoticeKind[]
  }[]
}

/** What clients may ask of one instance at a time, and how slow they may be. */
export interface ServerLimits {
  readonly connections: number
  readonly perAddress: number
  readonly perSession: number
  readonly perEndpoint: number
  readonly stalledMs: number
  readonly bodyBytesPerSecond: number
  /** Of one service token. */
  readonly apiCallsPerMinute: number
}

/** A strict rule that is lifted for one endpoint, and why: said at every start, until somebody asks whether it must be. */
export interface Exception {
  readonly endpointId: string
  readonly option: 'lenientRequests' | 'lenientResponses' | 'tls'
  readonly name: string
  readonly reason: string
}

/** One thing wrong with a configuration file. */
export interface ConfigProblem {
  /** `endpoints[2].upstream`; empty when it concerns the whole file. */
  readonly path: string
  /** 1-based; null when the file could not be read at all. */
  readonly line: number | null
  readonly message: string
}

/** A configuration that may not be used. `problems` holds every reason, `message` lists them all. */
export class ConfigInvalid extends GatehouseError {
  readonly problems: readonly ConfigProblem[]

  constructor(file: string, problems: readonly ConfigProblem[]) {
    const count = problems.length === 1 ? '1 problem' : `${String(problems.length)} problems`
    super(
      'config-invalid',
      [`${file}: ${count}`, ...problems.map((problem) => `  ${sentence(problem)}`)].join('\n'),
    )
    this.name = 'ConfigInvalid'
    this.problems = problems
  }
}

function sentence({ path, line, message }: ConfigProblem): string {
  const place = [line === null ? '' : `line ${String(line)}`, path].filter((part) => part !== '').join(', ')
  return place === '' ? message : `${place}: ${message}`
}

/**
 * The origin of an endpoint: scheme and port of the portal, host `<id>.<endpointDomain>`.
 *
 * @example endpointOrigin(config, 'press-3') // 'https://press-3.plant-access.example'
 */
export function endpointOrigin(config: Config, endpointId: string): string {
  const { publicUrl, endpointDomain } = config.server
  const port = publicUrl.port === '' ? '' : `:${publicUrl.port}`
  return `${publicUrl.protocol}//${endpointId}.${endpointDomain}${port}`
}
