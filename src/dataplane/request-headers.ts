import type { Endpoint } from '../model.js'
import { connectionNamed, fieldRule, ownCookiePrefixes } from './names.js'
import type { NormalisedRequest } from './normalise.js'

export interface RequestContext {
  readonly request: NormalisedRequest
  readonly endpoint: Pick<Endpoint, 'hostHeader'>
  readonly upstream: URL
  /** `https://press-3.plant-access.example`, without a slash at the end. */
  readonly endpointOrigin: string
  readonly client: { readonly address: string; readonly proto: 'http' | 'https' }
  readonly identity: { readonly user: string; readonly assertion: string }
}

/**
 * The header section for the upstream, flat and raw. Only what no rule claims is copied, with its number,
 * order and case; what names the client, the host or the body's length is written here.
 */
export function requestHeaders(context: RequestContext): string[] {
  const { request, client, identity } = context
  const named = connectionNamed(ofName(request, 'connection'))
  const headers = ['Host', hostSeen(context)]
  for (const [name, value] of request.headers) {
    const { key, isDroppedInRequests } = fieldRule(name)
    if (isDroppedInRequests || named.has(key)) continue
    const passed = passedValue(key, value, context)
    if (passed !== null) headers.push(name, passed)
  }
  headers.push(...framing(request))
  if (request.isUpgrade) headers.push('Connection', 'Upgrade', 'Upgrade', 'websocket')
  headers.push('X-Forwarded-For', client.address)
  headers.push('X-Forwarded-Proto', client.proto)
  headers.push('X-Forwarded-Host', request.authority)
  headers.push('X-Gatehouse-User', printable(identity.user))
  headers.push('X-Gatehouse-Assertion', identity.assertion)
  // The default of HTTP/1.1, and still some old servers close without it.
  if (!request.isUpgrade) headers.push('Connection', 'keep-alive')
  return headers
}

/** How the body that follows the header section is framed. A request that announces none has none (RFC 9112 §6.3). */
export function bodyFraming(request: NormalisedRequest): 'none' | 'length' | 'chunked' {
  if (request.header('transfer-encoding') !== null) return 'chunked'
  return (request.header('content-length') ?? '0') === '0' ? 'none' : 'length'
}

function hostSeen({ endpoint, upstream, endpointOrigin }: RequestContext): string {
  if (endpoint.hostHeader === 'upstream') return upstream.host
  return endpointOrigin.slice(endpointOrigin.indexOf('//') + 2)
}

/** The origin a machine takes for its own, the only one that old servers accept in Origin and Referer. */
function originSeen({ endpoint, upstream, endpointOrigin }: RequestContext): string {
  return endpoint.hostHeader === 'upstream' ? upstream.origin : endpointOrigin
}

function ofName(request: NormalisedRequest, name: string): string[] {
  const value = request.header(name)
  return value === null ? [] : [value]
}

/**
 * Every body carries its own end, whatever the method: a DELETE whose chunks are sent without saying so
 * leaves bytes behind that the upstream takes for the next request.
 */
function framing(request: NormalisedRequest): string[] {
  const body = bodyFraming(request)
  if (body === 'chunked') return ['Transfer-Encoding', 'chunked']
  if (body === 'length') return ['Content-Length', request.header('content-length') ?? '']
  // RFC 9110 §8.6: where content would be usual, its absence is said aloud.
  return ['POST', 'PUT', 'PATCH'].includes(request.method) ? ['Content-Length', '0'] : []
}

function passedValue(key: string, value: string, context: RequestContext): string | null {
  if (key === 'cookie') return withoutOwnCookies(value)
  if (key === 'origin') return value === context.endpointOrigin ? originSeen(context) : value
  if (key === 'referer') return translatedReferer(value, context)
  return value
}

/** Our cookies open the gate; the machine behind it has no use for them but an attacker on it would. */
export function withoutOwnCookies(field: string): string | null {
  const kept = field.split(';').filter((pair) => {
    const name = (pair.split('=', 1)[0] ?? '').trim().toLowerCase()
    return !ownCookiePrefixes.some((prefix) => name.startsWith(prefix))
  })
  // Not `trim`: it takes the last byte of a raw UTF-8 `à` for a blank.
  const text = kept.join(';').replace(/^[\t ]+/, '')
  return text === '' ? null : text
}

function translatedReferer(value: string, context: RequestContext): string | null {
  if (value === context.endpointOrigin) return originSeen(context)
  if (!value.startsWith(`${context.endpointOrigin}/`)) return value
  const rest = value.slice(context.endpointOrigin.length)
  // Our own pages may carry a hand-over code in their address.
  return rest.startsWith('/.gatehouse/') ? null : originSeen(context) + rest
}

/** A name may hold anything an identity provider sent; a header may not. Percent-encoded where it must be. */
function printable(text: string): string {
  return text.replace(/[^\x21-\x24\x26-\x7e]/gu, (character) =>
    Buffer.from(character).reduce(
      (encoded, byte) => `${encoded}%${byte.toString(16).toUpperCase().padStart(2, '0')}`,
      '',
    ),
  )
}
