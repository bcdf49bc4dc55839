import type { IncomingHttpHeaders } from 'node:http'
import type { Endpoint, Initiator } from '../model.js'
import { endpointIdPattern, endpointOrigin, type Config } from '../config/index.js'
import type { NormalisedRequest } from '../dataplane/index.js'

/** Which of our origins a request is for. An endpoint nobody configured is told apart only after sign-in. */
export type Place =
  | { readonly kind: 'portal'; readonly origin: string }
  | {
      readonly kind: 'endpoint'
      readonly origin: string
      readonly endpointId: string
      readonly endpoint: Endpoint | null
    }

/**
 * Finds the origin that a Host header names; null for one that is not ours. There is no default: a
 * request for an unknown name is somebody's mistake or somebody's attack (RFC 9110 §15.5.20).
 *
 * Every label below the endpoint domain counts as an endpoint, so that an outsider cannot find out
 * which machines exist by asking for their names.
 */
export function createLocator(config: Config): (authority: string) => Place | null {
  const { publicUrl, endpointDomain } = config.server
  const endpoints = new Map(config.endpoints.map((endpoint) => [endpoint.id, endpoint]))
  const suffix = `.${endpointDomain}`
  const port = publicUrl.port === '' ? '' : `:${publicUrl.port}`
  const defaultPort = publicUrl.protocol === 'https:' ? ':443' : ':80'

  return (authority) => {
    const named =
      port === '' && authority.endsWith(defaultPort) ? authority.slice(0, -defaultPort.length) : authority
    if (named === publicUrl.host) return { kind: 'portal', origin: publicUrl.origin }
    if (port !== '' && !named.endsWith(port)) return null
    const host = named.slice(0, named.length - port.length)
    if (!host.endsWith(suffix)) return null
    const endpointId = host.slice(0, -suffix.length)
    if (!endpointIdPattern.test(endpointId)) return null
    const endpoint = endpoints.get(endpointId) ?? null
    return { kind: 'endpoint', origin: endpointOrigin(config, endpointId), endpointId, endpoint }
  }
}

/**
 * Who caused the request (W3C Fetch Metadata; Origin, RFC 6454 §7). Scripts cannot forge either header.
 * A browser that sends neither is taken at its cookie's word, except for a WebSocket, which every
 * browser opens with an Origin.
 */
export function initiatorOf(request: NormalisedRequest, origin: string): Initiator {
  const sender = request.header('origin')
  if (request.isUpgrade) return sender === origin ? 'own' : 'foreign'
  const site = request.header('sec-fetch-site')
  if (site === null) return sender === null || sender === origin ? 'own' : 'foreign'
  if (site === 'same-origin' || site === 'none') return 'own'
  const isWholePage =
    request.header('sec-fetch-mode') === 'navigate' && request.header('sec-fetch-dest') === 'document'
  // Ahead of a click that may never come (speculation rules), a page is fetched that nobody sees open.
  const isSpeculative = request.header('sec-purpose') !== null
  return isWholePage && !isSpeculative ? 'link' : 'foreign'
}

/** Whether a person waits for a page, who is better served with a page than with a problem document. */
export function isNavigation(headers: IncomingHttpHeaders): boolean {
  if (headers.upgrade !== undefined) return false
  const mode = headers['sec-fetch-mode']
  if (mode !== undefined) return mode === 'navigate'
  return headers.accept?.includes('text/html') ?? false
}
