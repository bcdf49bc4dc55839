import { assert } from '../lib/index.js'

/**
 * `__Host-` makes a browser refuse the cookie unless it is Secure, for the whole host, and set by that
 * host alone (RFC 6265bis §4.1.3.2): no sibling origin can plant one.
 */
export const cookieNames = {
  session: '__Host-gatehouse',
  pass: '__Host-gatehouse-pass',
  handover: '__Host-gatehouse-handover',
  /** Which language a person has chosen; on the portal host only. */
  language: '__Host-gatehouse-language',
  /** One cookie for each login under way, so that two tabs do not disturb each other. */
  loginPrefix: '__Host-gatehouse-login-',
} as const

const longestHeader = 16_384
const ownName = /^__Host-gatehouse(?:-[A-Za-z0-9_-]{1,64})?$/
const ownValue = /^[A-Za-z0-9._~-]{1,4096}$/

/**
 * Gatehouse's own cookies in a Cookie header; those of an HMI are none of our business.
 *
 * A name that comes twice counts as absent. A browser holds one cookie of a `__Host-` name, but a hostile
 * page can place a partitioned or nameless second one beside it, and whichever of the two we took could be
 * the planted one.
 */
export function readCookies(header: string | null): ReadonlyMap<string, string> {
  const found = new Map<string, string>()
  if (header === null || header.length > longestHeader) return found
  const seen = new Set<string>()
  for (const pair of header.split(';')) {
    const equals = pair.indexOf('=')
    const name = stripBlanks(pair.slice(0, Math.max(equals, 0)))
    if (!ownName.test(name)) continue
    const value = stripBlanks(pair.slice(equals + 1))
    if (!seen.has(name) && ownValue.test(value)) found.set(name, value)
    else found.delete(name)
    seen.add(name)
  }
  return found
}

/**
 * Space and tab only. `trim()` also takes away U+00A0 and others, which a browser counts as part of the
 * name: a cookie of that other name, settable from anywhere, would then pass for ours.
 */
function stripBlanks(text: string): string {
  return text.replace(/^[ \t]+|[ \t]+$/g, '')
}

/** @param maxAgeSeconds null keeps it until the browser is closed */
export function setCookie(name: string, value: string, maxAgeSeconds: number | null): string {
  assert(ownName.test(name) && ownValue.test(value), 'a cookie of our own, in safe characters')
  assert(maxAgeSeconds === null || Number.isSafeInteger(maxAgeSeconds), 'whole seconds')
  const maxAge = maxAgeSeconds === null ? '' : `; Max-Age=${String(maxAgeSeconds)}`
  // Lax and not Strict: the way back from the identity provider is a cross-site navigation.
  return `${name}=${value}; Path=/; Secure; HttpOnly; SameSite=Lax${maxAge}`
}

export function clearCookie(name: string): string {
  assert(ownName.test(name), 'a cookie of our own')
  return `${name}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0`
}
