import { connectionNamed, hopByHop, isReservedInResponses, reservedCookiePrefixes } from './names.js'

/** What an engine read from the wire, unjudged. */
export interface ResponseHead {
  readonly status: number
  readonly reason: string
  /** `1.1` or `1.0`; anything else is refused. */
  readonly version: string
  /** Flat: name, value, name, value. */
  readonly headers: readonly string[]
}

export interface ResponseContext {
  readonly method: string
  readonly target: string
  readonly upstream: URL
  readonly endpointOrigin: string
  /** Other origins of ours that an upstream may send a browser to. */
  readonly isRegisteredOrigin: (origin: string) => boolean
}

/** What may be written to the client. */
export interface Answer {
  readonly status: number
  /** Flat, hop-by-hop and framing fields other than Content-Length left to the server. */
  readonly headers: string[]
  readonly hasBody: boolean
  /** Bytes of body announced; null when it ends by its own framing. */
  readonly length: number | null
}

const token = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/
const fieldText = /^[\t\x20-\x7e\x80-\xff]*$/
const isRedirect = (status: number): boolean => status >= 300 && status < 400

/**
 * Judges an upstream's header section and keeps what may cross. A string says why the whole answer
 * cannot be passed on: it then becomes `upstream-invalid`.
 */
export function readResponse(head: ResponseHead, context: ResponseContext): Answer | string {
  if (!Number.isInteger(head.status) || head.status < 200 || head.status > 599) {
    return `status ${String(head.status)}`
  }
  const framing = readFraming(head, context.method)
  if (typeof framing === 'string') return framing
  const headers = passedHeaders(head, context)
  if (typeof headers === 'string') return headers
  // Last, because Node re-encodes a Content-Disposition that follows it.
  if (framing.length !== null) headers.push('Content-Length', String(framing.length))
  return { status: head.status, headers, hasBody: framing.hasBody, length: framing.length }
}

/** The part that a 101 shares with all other answers. */
export function passedHeaders(head: ResponseHead, context: ResponseContext): string[] | string {
  if (head.version !== '1.1' && head.version !== '1.0') return `version ${head.version}`
  if (!fieldText.test(head.reason)) return 'control character in the reason'
  const named = connectionNamed(valuesOf(head, 'connection'))
  const headers: string[] = []
  for (const [name, value] of pairs(head.headers)) {
    if (!token.test(name)) return 'header name'
    if (!fieldText.test(value)) return `control character in ${name}`
    const key = name.toLowerCase()
    if (key === 'content-length' || hopByHop.has(key) || named.has(key)) continue
    if (isReservedInResponses(key)) continue
    const passed = passedValue(key, value, context)
    if (passed !== null) headers.push(name, passed)
    else if (key === 'location' && isRedirect(head.status))
      return 'redirect to an origin that is not registered'
  }
  return headers
}

function* pairs(flat: readonly string[]): Generator<readonly [string, string]> {
  for (let i = 0; i < flat.length; i += 2) yield [flat[i] ?? '', flat[i + 1] ?? '']
}

export function valuesOf(head: ResponseHead, name: string): string[] {
  const values: string[] = []
  for (const [key, value] of pairs(head.headers)) if (key.toLowerCase() === name) values.push(value)
  return values
}

/** RFC 9112 §6.3, with everything that is a guess refused; an engine may have let it pass. */
function readFraming(
  head: ResponseHead,
  method: string,
): { hasBody: boolean; length: number | null } | string {
  const lengths = valuesOf(head, 'content-length')
  const codings = valuesOf(head, 'transfer-encoding')
  const [length] = lengths
  if (lengths.length > 1 || (length !== undefined && !/^[0-9]{1,15}$/.test(length))) return 'content length'
  if (codings.length > 0) {
    if (length !== undefined) return 'content length with transfer coding'
    if (codings.length > 1 || codings[0]?.toLowerCase() !== 'chunked' || head.version !== '1.1') {
      return 'transfer coding'
    }
  }
  const bytes = length === undefined ? null : Number(length)
  if (head.status === 204) return { hasBody: false, length: null }
  // RFC 9110 §15.3.6: no content; an empty one is said with a zero, and anything more is not passed on.
  if (head.status === 205) return { hasBody: false, length: 0 }
  if (method === 'HEAD' || head.status === 304) return { hasBody: false, length: bytes }
  return { hasBody: true, length: bytes }
}

function passedValue(key: string, value: string, context: ResponseContext): string | null {
  if (key === 'set-cookie') return mayBeSet(value) ? value : null
  if (key === 'location' || key === 'content-location') return translatedReference(value, context)
  if (key === 'refresh') return translatedRefresh(value, context)
  return value
}

/** A cookie may concern the endpoint's own host and no other, and none of the names browsers give weight to. */
export function mayBeSet(field: string): boolean {
  if (/[\x00-\x1f\x7f]/.test(field)) return false
  const [pair = '', ...attributes] = field.split(';')
  const equals = pair.indexOf('=')
  const name = pair.slice(0, Math.max(equals, 0)).trim().toLowerCase()
  // A cookie without a name is sent back as its bare value, which may read `__Host-…=…`.
  if (name === '') return false
  if (reservedCookiePrefixes.some((prefix) => name.startsWith(prefix))) return false
  return !attributes.some((attribute) => attribute.split('=', 1)[0]?.trim().toLowerCase() === 'domain')
}

/**
 * Where the browser may be sent. The upstream's own address, by either scheme, becomes the endpoint's:
 * machines build it from a Host they know and a scheme they guess. Null when it leads anywhere else.
 */
function translatedReference(value: string, context: ResponseContext): string | null {
  const { endpointOrigin, upstream } = context
  // Raw UTF-8 arrives as Latin-1, as all header text does; browsers read it as UTF-8.
  const url = parseUrl(Buffer.from(value, 'latin1').toString(), endpointOrigin + context.target)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return null
  if (url.origin === endpointOrigin) return value
  if (url.host === upstream.host || url.host === new URL(endpointOrigin).host) {
    return endpointOrigin + url.pathname + url.search + url.hash
  }
  return context.isRegisteredOrigin(url.origin) ? value : null
}

// HTML §4.2.5.3, shared declarative refresh: the separator and `url=` are both optional.
const refresh = /^\s*([0-9.]*)\s*[;,]?\s*(?:url\s*=\s*)?(?:"([^"]*).*|'([^']*).*|(.*))$/i

function translatedRefresh(value: string, context: ResponseContext): string | null {
  const match = refresh.exec(value)
  if (match === null) return null
  const reference = (match[2] ?? match[3] ?? match[4] ?? '').trim()
  if (reference === '') return value
  const translated = translatedReference(reference, context)
  if (translated === null) return null
  return translated === reference ? value : `${match[1] ?? ''}; url=${translated}`
}

function parseUrl(text: string, base: string): URL | null {
  try {
    return new URL(text, base)
  } catch {
    return null
  }
}
