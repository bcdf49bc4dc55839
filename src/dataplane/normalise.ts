import type { IncomingMessage } from 'node:http'
import { methods } from '../model.js'
import { connectionNamed, fieldRule } from './names.js'
import { readTarget, strict, targetFlaws, type Openings } from './target.js'

/**
 * The one request object: the same one is authorised, recorded and forwarded, so that nobody reads the
 * bytes a second time and differently. Frozen.
 */
export interface NormalisedRequest {
  readonly method: string
  /** As sent: path, and query with its question mark where there is one. */
  readonly target: string
  readonly path: string
  /** Without the question mark; null when there was none. */
  readonly query: string | null
  /** Lower case, without port. */
  readonly host: string
  /** The Host field as sent, lower case. */
  readonly authority: string
  /** Number, order and case as sent. */
  readonly headers: readonly (readonly [name: string, value: string])[]
  readonly isUpgrade: boolean
  /** RFC 9110 §9.2.1. */
  readonly isSafe: boolean
  /** By name in any case; null when absent. Repeated fields are joined with a comma (RFC 9110 §5.3). */
  header(name: string): string | null
}

/** Why a request is refused. Stable words: they stand in the ledger. */
export const refusals = [
  ...targetFlaws,
  'method-unknown',
  'method-override',
  'http-version',
  'headers-too-many',
  'headers-too-large',
  'header-name',
  'header-value',
  'header-repeated',
  'host-missing',
  'host-invalid',
  'length-invalid',
  'length-with-coding',
  'coding-unknown',
  'coding-on-http10',
  'body-unexpected',
  'trailer-forbidden',
  'expect-unknown',
  'upgrade-unknown',
  'websocket-handshake',
] as const
export type Refusal = (typeof refusals)[number]

/** What is read of a message; the rest of it stays with Node's parser, the only one that reads bytes. */
export type RawRequest = Pick<IncomingMessage, 'method' | 'url' | 'httpVersion' | 'rawHeaders'>

const mostHeaders = 100

/** Of the request line and the header section together, in bytes; most embedded servers stop earlier. */
const largestHeader = 16 * 1024

const safeMethods: ReadonlySet<string> = new Set(['GET', 'HEAD', 'OPTIONS'])
const knownMethods: ReadonlySet<string> = new Set(methods)

/**
 * Old servers leave a body on these methods unread, and then take it for the next request: one that
 * nobody authorised and nobody recorded (RFC 9110 §9.3.1 and §9.3.5 warn of it).
 */
const bodylessMethods: ReadonlySet<string> = new Set([...safeMethods, 'DELETE'])

/** Fields of which the first counts to one server and the last to another. */
const singletons: ReadonlySet<string> = new Set([
  'authorization',
  'content-length',
  'content-type',
  'cookie',
  'expect',
  'host',
  'origin',
  'range',
  'referer',
  'sec-fetch-dest',
  'sec-fetch-mode',
  'sec-fetch-site',
  'sec-websocket-key',
  'sec-websocket-version',
  'transfer-encoding',
  'upgrade',
])

const overrides: ReadonlySet<string> = new Set([
  'x-http-method-override',
  'x-http-method',
  'x-method-override',
])

// RFC 9110 §5.6.2 token, less `_` and `.`: CGI and many frameworks turn both into what `-` becomes,
// so that `X_Forwarded_For` would arrive as a header nobody removed.
const headerName = /^[A-Za-z0-9!#$%&'*+\-^`|~]+$/
const openedHeaderName = /^[A-Za-z0-9!#$%&'*+\-^_`|~]+$/
const headerValue = /^[\t\x20-\x7e\x80-\xff]*$/
const contentLength = /^(?:0|[1-9][0-9]{0,14})$/
const authorityShape =
  /^((?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)*[a-z0-9](?:[a-z0-9-]*[a-z0-9])?|\[[0-9a-f:.]+\])(?::([1-9][0-9]{0,4}))?$/
// RFC 6455 §4.1: sixteen bytes in base64, so the last digit before the padding has two free bits.
const webSocketKey = /^[A-Za-z0-9+/]{21}[AQgw]==$/

/**
 * Refuses what two readers could read in two ways, and freezes the rest. Refuse rather than repair: a
 * repaired request is not the one that was sent, and the next server may repair it differently.
 *
 * @returns the request, or the reason it is refused: answer 400 and close the connection, since the
 * bytes that follow cannot be trusted either.
 */
export function normaliseRequest(
  message: RawRequest,
  options: {
    readonly isUpgrade: boolean
    /** What the endpoint of this authority opens; nothing, where the option is absent. */
    readonly openingsOf?: (authority: string) => Openings
  },
): { readonly request: NormalisedRequest } | { readonly refused: Refusal } {
  const method = message.method ?? ''
  if (!knownMethods.has(method)) return { refused: 'method-unknown' }
  if (message.httpVersion !== '1.1' && message.httpVersion !== '1.0') return { refused: 'http-version' }
  const openings = options.openingsOf?.(announcedAuthority(message.rawHeaders)) ?? strict
  const target = readTarget(message.url ?? '', openings)
  if (typeof target === 'string') return { refused: target }
  const headers = readHeaders(message, openings)
  if (typeof headers === 'string') return { refused: headers }
  const flaw =
    framingFlaw(method, message.httpVersion, headers.byName, openings) ??
    trailerFlaw(headers.byName.get('trailer')) ??
    upgradeFlaw(method, message.httpVersion, headers.byName, options.isUpgrade)
  if (flaw !== null) return { refused: flaw }
  const authority = readAuthority(headers.byName)
  if (typeof authority === 'string') return { refused: authority }
  return {
    request: new Request({
      method,
      target: message.url ?? '',
      ...target,
      ...authority,
      ...headers,
      isUpgrade: options.isUpgrade,
    }),
  }
}

type ByName = ReadonlyMap<string, string>

/** For the choice of rules only; whether the field is right is judged with all the others. */
function announcedAuthority(raw: readonly string[]): string {
  for (let i = 0; i < raw.length; i += 2) {
    if (raw[i]?.toLowerCase() === 'host') return (raw[i + 1] ?? '').toLowerCase()
  }
  return ''
}

function readHeaders(
  { method = '', url = '', rawHeaders: raw }: RawRequest,
  openings: Openings,
): { headers: (readonly [string, string])[]; byName: ByName } | Refusal {
  if (raw.length > 2 * mostHeaders) return 'headers-too-many'
  const headers: (readonly [string, string])[] = []
  const byName = new Map<string, string>()
  const shape = openings.has('underscore-headers') ? openedHeaderName : headerName
  let bytes = method.length + url.length + ' HTTP/1.1'.length + 3
  for (let i = 0; i < raw.length; i += 2) {
    const name = raw[i] ?? ''
    const value = raw[i + 1] ?? ''
    bytes += name.length + value.length + 4
    if (bytes > largestHeader) return 'headers-too-large'
    if (!shape.test(name) || (name.includes('_') && isClaimed(name.replaceAll('_', '-'))))
      return 'header-name'
    if (!headerValue.test(value)) return 'header-value'
    const key = name.toLowerCase()
    if (overrides.has(key)) return 'method-override'
    const earlier = byName.get(key)
    if (earlier !== undefined && singletons.has(key)) return 'header-repeated'
    byName.set(key, earlier === undefined ? value : `${earlier}, ${value}`)
    headers.push(Object.freeze([name, value] as const))
  }
  return { headers, byName }
}

/** Whether we remove, rewrite or judge fields of this name, so that no other spelling of it may pass. */
function isClaimed(name: string): boolean {
  const key = name.toLowerCase()
  // `Host_` and `_Host` come out as `Host` of readers that trim what they replaced.
  const trimmed = key.replace(/^-+|-+$/g, '')
  return [key, trimmed].some(
    (each) => fieldRule(each).isDroppedInRequests || singletons.has(each) || overrides.has(each),
  )
}

/** RFC 9110 §6.5.1: what frames, routes or identifies is not for the end of a message, where nobody looks. */
function trailerFlaw(trailer: string | undefined): Refusal | null {
  if (trailer === undefined) return null
  return [...connectionNamed([trailer])].every(mayTrail) ? null : 'trailer-forbidden'
}

/** The same of those that were sent; nobody has to announce them. */
export function mayTrail(name: string): boolean {
  return headerName.test(name) && !isClaimed(name)
}

/** RFC 9112 §6: where a body is announced in two ways, or in an unknown one, its end is a guess. */
function framingFlaw(method: string, version: string, headers: ByName, openings: Openings): Refusal | null {
  const length = headers.get('content-length')
  const coding = headers.get('transfer-encoding')
  const expect = headers.get('expect')
  if (length !== undefined && !contentLength.test(length)) return 'length-invalid'
  if (coding !== undefined) {
    if (length !== undefined) return 'length-with-coding'
    if (version === '1.0') return 'coding-on-http10'
    if (coding !== 'chunked') return 'coding-unknown'
  }
  const isBodyless = bodylessMethods.has(method) && !(method === 'DELETE' && openings.has('delete-body'))
  if (isBodyless && (coding !== undefined || (length ?? '0') !== '0')) return 'body-unexpected'
  if (expect !== undefined && expect.toLowerCase() !== '100-continue') return 'expect-unknown'
  return null
}

/** RFC 6455 §4.1. Only `websocket` may be upgraded to, so an Upgrade that is no upgrade is refused as well. */
function upgradeFlaw(method: string, version: string, headers: ByName, isUpgrade: boolean): Refusal | null {
  const upgrade = headers.get('upgrade')
  if (!isUpgrade) return upgrade === undefined ? null : 'upgrade-unknown'
  if (upgrade?.toLowerCase() !== 'websocket') return 'upgrade-unknown'
  const isHandshake =
    method === 'GET' &&
    version === '1.1' &&
    !headers.has('content-length') &&
    headers.get('sec-websocket-version') === '13' &&
    webSocketKey.test(headers.get('sec-websocket-key') ?? '')
  return isHandshake ? null : 'websocket-handshake'
}

function readAuthority(headers: ByName): { host: string; authority: string } | Refusal {
  const field = headers.get('host')
  if (field === undefined || field === '') return 'host-missing'
  const authority = field.toLowerCase()
  const match = authority.length > 255 ? null : authorityShape.exec(authority)
  if (match?.[1] === undefined || Number(match[2] ?? 1) > 65_535) return 'host-invalid'
  return { host: match[1], authority }
}

/** Of those that RFC 9110 §9.2.1 calls safe. */
export function isSafeMethod(method: string): boolean {
  return safeMethods.has(method)
}

type Fields = Omit<NormalisedRequest, 'header' | 'isSafe'> & { byName: ByName }

class Request implements NormalisedRequest {
  readonly method: string
  readonly target: string
  readonly path: string
  readonly query: string | null
  readonly host: string
  readonly authority: string
  readonly headers: NormalisedRequest['headers']
  readonly isUpgrade: boolean
  readonly isSafe: boolean
  readonly #byName: ByName

  constructor(fields: Fields) {
    this.method = fields.method
    this.target = fields.target
    this.path = fields.path
    this.query = fields.query
    this.host = fields.host
    this.authority = fields.authority
    this.headers = Object.freeze(fields.headers)
    this.isUpgrade = fields.isUpgrade
    this.isSafe = isSafeMethod(fields.method)
    this.#byName = fields.byName
    Object.freeze(this)
  }

  header(name: string): string | null {
    return this.#byName.get(name.toLowerCase()) ?? null
  }
}
