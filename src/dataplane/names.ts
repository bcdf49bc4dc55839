/**
 * The header rules, as tables. `docs/reference/headers.md` explains them to administrators, and a test
 * holds the two together.
 */

/** Belong to one connection (RFC 9110 §7.6.1, RFC 9113 §8.2.2), so they never cross us in either direction. */
export const hopByHop: ReadonlySet<string> = new Set([
  'connection',
  'http2-settings',
  'keep-alive',
  'proxy-connection',
  'te',
  'trailer',
  'transfer-encoding',
  'upgrade',
])

/** What only Gatehouse may tell an upstream: who and where the client is, and which resource is meant. */
export const reservedInRequests = {
  names: new Set([
    'cf-connecting-ip',
    'client-ip',
    'early-data',
    'fastly-client-ip',
    'forwarded',
    'front-end-https',
    'proxy', // becomes HTTP_PROXY in CGI programs
    'true-client-ip',
    'via',
    'x-client-ip',
    'x-cluster-client-ip',
    'x-host',
    'x-http-host-override',
    'x-http-method',
    'x-http-method-override',
    'x-method-override',
    'x-originating-ip',
    'x-override-url',
    'x-real-ip',
    'x-scheme',
    'x-user',
    'x-username',
  ]) as ReadonlySet<string>,
  prefixes: [
    'cf-access-',
    'client-cert',
    'proxy-',
    'remote-',
    'ssl-',
    'tailscale-',
    'x-accel-',
    'x-amzn-oidc-',
    'x-arr-',
    'x-auth-',
    'x-authenticated-',
    'x-client-cert',
    'x-envoy-',
    'x-forwarded',
    'x-gatehouse-',
    'x-goog-',
    'x-ms-client-principal',
    'x-original-',
    'x-pomerium-',
    'x-remote-',
    'x-rewrite-',
    'x-ssl-',
    'x-webauth-',
  ],
} as const

/** Written afresh for each request from what was decided, never copied from the client. */
export const rewrittenInRequests: ReadonlySet<string> = new Set(['host', 'content-length', 'expect'])

/**
 * What an upstream may not tell a browser about the endpoint's origin, because it outlives the grant,
 * reaches beyond the machine, or steers a proxy in front of us.
 */
export const reservedInResponses = {
  names: new Set([
    'alt-svc',
    'clear-site-data',
    'expect-ct',
    'nel',
    'public-key-pins',
    'public-key-pins-report-only',
    'report-to',
    'reporting-endpoints',
    'service-worker-allowed',
    'set-cookie2',
    'strict-transport-security',
    'x-accel-redirect',
    'x-lighttpd-send-file',
    'x-reproxy-url',
    'x-sendfile',
  ]) as ReadonlySet<string>,
  prefixes: ['proxy-', 'x-gatehouse-'],
} as const

/** Cookies under these names are ours, on the way up; compared in lower case. */
export const ownCookiePrefixes = ['__host-gatehouse', '__secure-gatehouse'] as const

/** Names a browser binds to an origin (RFC 6265bis §4.1.3); an upstream must not plant one on ours. */
export const reservedCookiePrefixes = ['__host-', '__secure-', '__http-', '__host-http-'] as const

/** What becomes of a field of an answer. */
export type ResponseRule = 'pass' | 'drop' | 'cookie' | 'reference' | 'refresh'

/** What the rules say of a field, by its name alone. */
export interface FieldRule {
  /** The name in lower case. */
  readonly key: string
  /** Whether it ends here on its way to an upstream, whatever its value. */
  readonly isDroppedInRequests: boolean
  readonly response: ResponseRule
}

const rules = new Map<string, FieldRule>()
/** Beyond these, somebody is making names up. */
const rulesKept = 2_000
const longestNameKept = 64

/** Remembered by the name as it is spelled: there are few, and asking all rules costs more than the rest of a header. */
export function fieldRule(name: string): FieldRule {
  const known = rules.get(name)
  if (known !== undefined) return known
  const key = name.toLowerCase()
  const rule: FieldRule = {
    key,
    isDroppedInRequests: hopByHop.has(key) || rewrittenInRequests.has(key) || isReservedInRequests(key),
    response: responseRule(key),
  }
  if (rules.size < rulesKept && name.length <= longestNameKept) rules.set(name, rule)
  return rule
}

const references: Readonly<Record<string, ResponseRule>> = {
  'set-cookie': 'cookie',
  location: 'reference',
  'content-location': 'reference',
  refresh: 'refresh',
}

function responseRule(key: string): ResponseRule {
  // The server writes the length itself.
  if (key === 'content-length' || hopByHop.has(key) || isReservedInResponses(key)) return 'drop'
  return Object.hasOwn(references, key) ? (references[key] ?? 'pass') : 'pass'
}

/** Whether Gatehouse alone may send this field to an upstream; `name` in lower case. */
const isReservedInRequests = matcher(reservedInRequests)
/** Whether this field of an upstream ends here; `name` in lower case. */
const isReservedInResponses = matcher(reservedInResponses)

/** One expression for all prefixes: asking each in turn costs more than the rest of a request's headers. */
function matcher(rule: {
  names: ReadonlySet<string>
  prefixes: readonly string[]
}): (name: string) => boolean {
  const prefixed = new RegExp(`^(?:${rule.prefixes.join('|')})`)
  return (name) => rule.names.has(name) || prefixed.test(name)
}

const nothingNamed: ReadonlySet<string> = new Set()

/** The fields that a sender ties to its own connection by naming them in Connection; lower case. */
export function connectionNamed(values: readonly string[]): ReadonlySet<string> {
  if (values.length === 0) return nothingNamed
  const named = new Set<string>()
  for (const value of values) for (const token of value.split(',')) named.add(token.trim().toLowerCase())
  return named
}
