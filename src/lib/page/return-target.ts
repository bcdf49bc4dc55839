import { GatehouseError } from '../errors.js'

/** Where a session proves its second factor anew, and from where it returns. */
export const stepUpPath = '/second-factor/again'

/** @param to a path of the portal */
export function stepUpAddress(to: string): string {
  return `${stepUpPath}?${new URLSearchParams({ to }).toString()}`
}

/** The only places a browser may be sent to after sign-in. */
export interface ReturnSites {
  /** `https://portal.plant.example` */
  readonly portalOrigin: string
  /** Whether an origin is one that an endpoint has or could have: who is not signed in may not learn which exist. */
  readonly isEndpointOrigin: (origin: string) => boolean
}

/** It travels sealed in a login cookie, and browsers drop cookies over 4096 bytes without a word. */
const longestTarget = 2_000

/**
 * Where a browser goes after sign-in, as text for a Location header: a path on the portal, or the
 * start of an endpoint's hand-over (`https://press-3.example/.gatehouse/start?to=%2Ftrend`). Idempotent,
 * so that a parsed target may be carried through forms and parsed again.
 *
 * Open redirects make phishing credible: a link to the real sign-in page that ends on a copy of it.
 * So nothing is repaired: what a browser might read differently from us is refused.
 *
 * @param text a path with one leading slash, or an absolute URL of the portal or an endpoint; absent means `/`
 * @throws GatehouseError `return-target-invalid`
 */
export function parseReturnTarget(text: string | null | undefined, sites: ReturnSites): string {
  if (text === null || text === undefined || text === '') return '/'
  if (isLocalPath(text)) return text
  const url = parseCanonical(text)
  if (url) {
    const path = url.pathname + url.search
    if (url.origin === sites.portalOrigin && isLocalPath(path)) return path
    if (sites.isEndpointOrigin(url.origin) && isLocalPath(path)) {
      if (url.pathname === '/.gatehouse/start') return url.href
      if (!path.startsWith('/.gatehouse/'))
        return `${url.origin}/.gatehouse/start?to=${encodeURIComponent(path)}`
    }
  }
  throw new GatehouseError('return-target-invalid', 'The address to return to is not one of this plant.')
}

/**
 * Whether `text` is a path, with or without a query, that every browser resolves to the same place on
 * the same host.
 */
export function isLocalPath(text: string): boolean {
  if (text.length > longestTarget || !visibleAscii.test(text)) return false
  if (!text.startsWith('/') || otherHost.test(text)) return false
  if (text.includes('#') || controlInPath.test(text.split('?', 1)[0] ?? '')) return false
  try {
    const url = new URL(text, 'https://here.invalid')
    return url.origin === 'https://here.invalid' && url.pathname + url.search === text
  } catch {
    return false
  }
}

/** No spaces, no control characters (header splitting), nothing a browser would encode for us. */
const visibleAscii = /^[\x21-\x7e]+$/
/** `//evil`, `/\evil`, and the same behind one decoding. */
const otherHost = /^\/(?:[/\\]|%2f|%5c)/i
/** Encoded CR, LF, NUL and their like, and the backslash: paths of machines have no use for them. */
const controlInPath = /%(?:[01][0-9a-f]|7f|5c)/i

/** An absolute http(s) URL that means the same before and after parsing; null otherwise. */
function parseCanonical(text: string): URL | null {
  if (text.length > longestTarget || !/^https?:\/\/[^/\\]/.test(text) || !URL.canParse(text)) return null
  const url = new URL(text)
  const isCanonical = url.href === text || url.href === `${text}/`
  return isCanonical && url.username === '' && url.password === '' && url.hash === '' ? url : null
}
