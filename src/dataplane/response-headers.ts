import { connectionNamed, fieldRule, reservedCookiePrefixes, type ResponseRule } from './names.js'

/** How the content of an answer ends. `bytes`: announced length, which HEAD and 304 may have without content. */
export type Framing =
  | { readonly kind: 'none'; readonly bytes: number | null }
  | { readonly kind: 'length'; readonly bytes: number }
  | { readonly kind: 'chunked' | 'close'; readonly bytes: null }

/** What the reader read: well-formed, and otherwise unjudged. */
export interface ResponseHead {
  readonly status: number
  readonly reason: string
  readonly version: '1.0' | '1.1'
  /** Flat: name, value, name, value. */
  readonly headers: readonly string[]
  readonly framing: Framing
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

const isRedirect = (status: number): boolean => status >= 300 && status < 400

/**
 * Judges an upstream's header section and keeps what may cross. A string says why the whole answer
 * cannot be passed on: it then becomes `upstream-invalid`.
 */
export function readResponse(head: ResponseHead, context: ResponseContext): Answer | string {
  const headers = passedHeaders(head, context)
  if (typeof headers === 'string') return headers
  const { hasBody, length } = contentOf(head)
  // Last, because Node re-encodes a Content-Disposition that follows it.
  if (length !== null) headers.push('Content-Length', String(length))
  return { status: head.status, headers, hasBody, length }
}

/** The part that a 101 shares with all other answers. */
export function passedHeaders(head: ResponseHead, context: ResponseContext): string[] | string {
  const { headers } = head
  const named = connectionNamed(valuesOf(head, 'connection'))
  const passed: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? ''
    const { key, response: rule } = fieldRule(name)
    if (rule === 'drop' || named.has(key)) continue
    const value = passedValue(rule, headers[i + 1] ?? '', context)
    if (value !== null) passed.push(name, value)
    else if (key === 'location' && isRedirect(head.status))
      return 'redirect to an origin that is not registered'
  }
  return passed
}

export function valuesOf({ headers }: ResponseHead, name: string): string[] {
  const values: string[] = []
  for (let i = 0; i < headers.length; i += 2)
    if (fieldRule(headers[i] ?? '').key === name) values.push(headers[i + 1] ?? '')
  return values
}

function contentOf({ status, framing }: ResponseHead): Pick<Answer, 'hasBody' | 'length'> {
  if (status === 204) return { hasBody: false, length: null }
  // RFC 9110 §15.3.6: no content; an empty one is said with a zero, and anything more is not passed on.
  if (status === 205) return { hasBody: false, length: 0 }
  return { hasBody: framing.kind !== 'none', length: framing.bytes }
}

function passedValue(rule: ResponseRule, value: string, context: ResponseContext): string | null {
  if (rule === 'cookie') return mayBeSet(value) ? value : null
  if (rule === 'reference') return translatedReference(value, context)
  if (rule === 'refresh') return translatedRefresh(value, context)
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
 * machines build it from a Host they know and a scheme they guess. So does the endpoint's host, which some are
 * told, with any port: they leave ours out, or add their own. Null when it leads anywhere else.
 */
function translatedReference(value: string, context: ResponseContext): string | null {
  const { endpointOrigin, upstream } = context
  // Raw UTF-8 arrives as Latin-1, as all header text does; browsers read it as UTF-8.
  const url = parseUrl(Buffer.from(value, 'latin1').toString(), endpointOrigin + context.target)
  if (url === null || (url.protocol !== 'http:' && url.protocol !== 'https:')) return null
  if (url.origin === endpointOrigin) return value
  if (url.host === upstream.host || url.hostname === new URL(endpointOrigin).hostname) {
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
