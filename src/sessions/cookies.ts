/**
 * `__Host-` makes a browser refuse the cookie unless it is Secure, for the whole host, and set by that
 * host alone (RFC 6265bis §4.1.3.2): no sibling origin can plant one.
 */
export const cookieNames = {
  session: '__Host-gatehouse',
  pass: '__Host-gatehouse-pass',
  handover: '__Host-gatehouse-handover',
  loginPrefix: '__Host-gatehouse-login-',
} as const

export function readCookies(_header: string | null): ReadonlyMap<string, string> {
  throw new Error('not built yet')
}

export function setCookie(_name: string, _value: string, _maxAgeSeconds: number | null): string {
  throw new Error('not built yet')
}

export function clearCookie(_name: string): string {
  throw new Error('not built yet')
}
