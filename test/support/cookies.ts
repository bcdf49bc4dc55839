/** A cookie as a browser keeps it (RFC 6265bis). */
export interface StoredCookie {
  readonly name: string
  readonly value: string
  /** Lower-case host or, unless `isHostOnly`, the domain whose hosts all get it. Never a port: cookies have none. */
  readonly domain: string
  readonly isHostOnly: boolean
  readonly path: string
  readonly isSecure: boolean
  readonly isHttpOnly: boolean
  /** `unsaid` is Lax with a gap: Chromium sends it with a foreign page's form too while it is new. */
  readonly sameSite: 'strict' | 'lax' | 'none' | 'unsaid'
  readonly storedAt: number
  /** Null for a cookie that ends with the browser. */
  readonly expiresAt: number | null
}

export interface CookieUse {
  /** Another site caused the request. */
  readonly isForeign: boolean
  /** What a top-level navigation does, to which Lax cookies go even from a foreign site; null for all else. */
  readonly navigation: 'safe' | 'unsafe' | null
}

/** Chromium's "Lax-allowing-unsafe", which spares the sign-ins of pages that never heard of SameSite. */
const unsaidGapMs = 120_000

/** The cookies of one browser, with Chromium's rules for loopback hosts. */
export class CookieJar {
  readonly #clock: { now(): number }
  #cookies: StoredCookie[] = []
  readonly #refused: string[] = []

  constructor(clock: { now(): number }) {
    this.#clock = clock
  }

  /** `Set-Cookie` lines that were not taken, each with the reason. */
  get refused(): readonly string[] {
    return this.#refused
  }

  /** What a host would get from a page of its own. */
  of(url: string | URL): readonly StoredCookie[] {
    return this.#matching(new URL(url), { isForeign: false, navigation: 'safe' })
  }

  value(url: string | URL, name: string): string | null {
    return this.of(url).find((cookie) => cookie.name === name)?.value ?? null
  }

  /** Puts a cookie there as a thief or another browser would, past all rules. */
  plant(url: string | URL, name: string, value: string): void {
    const { hostname } = new URL(url)
    this.#keep({
      name,
      value,
      domain: hostname,
      isHostOnly: true,
      path: '/',
      isSecure: true,
      isHttpOnly: true,
      sameSite: 'lax',
      storedAt: this.#clock.now(),
      expiresAt: null,
    })
  }

  clear(): void {
    this.#cookies = []
  }

  /** The `Cookie` header for a request, or '' when there is nothing to send. */
  header(url: URL, use: CookieUse): string {
    return this.#matching(url, use)
      .map(({ name, value }) => (name === '' ? value : `${name}=${value}`))
      .join('; ')
  }

  store(url: URL, lines: readonly string[]): void {
    for (const line of lines) {
      const cookie = parse(url, line, this.#clock.now())
      if (typeof cookie === 'string') this.#refused.push(`${cookie}: ${line}`)
      else this.#keep(cookie)
    }
  }

  #goesAbroad({ sameSite, storedAt }: StoredCookie, { navigation }: CookieUse): boolean {
    if (sameSite === 'none') return true
    if (sameSite === 'strict' || navigation === null) return false
    return navigation === 'safe' || (sameSite === 'unsaid' && this.#clock.now() - storedAt < unsaidGapMs)
  }

  #keep(cookie: StoredCookie): void {
    const isSame = (other: StoredCookie): boolean =>
      other.name === cookie.name &&
      other.domain === cookie.domain &&
      other.isHostOnly === cookie.isHostOnly &&
      other.path === cookie.path
    this.#cookies = this.#cookies.filter((other) => !isSame(other))
    if (!isOver(cookie, this.#clock.now())) this.#cookies.push(cookie)
  }

  #matching(url: URL, use: CookieUse): StoredCookie[] {
    this.#cookies = this.#cookies.filter((cookie) => !isOver(cookie, this.#clock.now()))
    return this.#cookies
      .filter(
        (cookie) =>
          (cookie.isHostOnly ? url.hostname === cookie.domain : isWithin(url.hostname, cookie.domain)) &&
          isUnder(url.pathname, cookie.path) &&
          (!cookie.isSecure || isTrustworthy(url)) &&
          (!use.isForeign || this.#goesAbroad(cookie, use)),
      )
      .sort((a, b) => b.path.length - a.path.length)
  }
}

function isOver(cookie: StoredCookie, now: number): boolean {
  return cookie.expiresAt !== null && cookie.expiresAt <= now
}

function isWithin(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`)
}

/** RFC 6265bis §5.1.4. */
function isUnder(requestPath: string, cookiePath: string): boolean {
  return (
    requestPath === cookiePath ||
    (requestPath.startsWith(cookiePath) &&
      (cookiePath.endsWith('/') || requestPath.charAt(cookiePath.length) === '/'))
  )
}

/** Chromium takes and sends Secure cookies over plain HTTP on loopback names, and nowhere else. */
export function isTrustworthy(url: URL): boolean {
  return (
    url.protocol === 'https:' ||
    url.protocol === 'wss:' ||
    /(^|\.)localhost$|^127\.|^\[::1\]$/.test(url.hostname)
  )
}

/** RFC 6265bis §5.6 and §5.7; gives the reason when the cookie is refused. */
function parse(url: URL, line: string, now: number): StoredCookie | string {
  if (/[\x00-\x08\x0a-\x1f\x7f]/.test(line)) return 'control character'
  const [pair = '', ...rest] = line.split(';')
  const equals = pair.indexOf('=')
  const name = equals < 0 ? '' : pair.slice(0, equals).trim()
  const value = pair.slice(equals + 1).trim()
  if (name === '' && value === '') return 'empty'
  if (Buffer.byteLength(name + value) > 4096) return 'too long'
  const attributes = new Map(
    rest.map((part) => {
      const [key = '', ...words] = part.split('=')
      return [key.trim().toLowerCase(), words.join('=').trim()] as const
    }),
  )

  const domain = (attributes.get('domain') ?? '').replace(/^\./, '').toLowerCase()
  if (domain !== '' && !isWithin(url.hostname, domain)) return 'foreign Domain'
  // A domain of one label is a public suffix; only the host of that very name may use it, for itself.
  if (domain !== '' && !domain.includes('.') && domain !== url.hostname) return 'public suffix as Domain'
  const isHostOnly = domain === '' || !domain.includes('.')

  const isSecure = attributes.has('secure')
  if (isSecure && !isTrustworthy(url)) return 'Secure over plain HTTP'
  const path = attributes.get('path')
  const prefix = name.toLowerCase()
  if (prefix.startsWith('__secure-') && !isSecure) return '__Secure- without Secure'
  if (prefix.startsWith('__host-') && !(isSecure && path === '/' && !attributes.has('domain'))) {
    return '__Host- without Secure and Path=/, or with Domain'
  }
  const asked = attributes.get('samesite')?.toLowerCase()
  const sameSite = asked === 'strict' || asked === 'none' || asked === 'lax' ? asked : 'unsaid'
  if (sameSite === 'none' && !isSecure) return 'SameSite=None without Secure'

  return {
    name,
    value,
    domain: isHostOnly ? url.hostname : domain,
    isHostOnly,
    path: path?.startsWith('/') === true ? path : defaultPath(url),
    isSecure,
    isHttpOnly: attributes.has('httponly'),
    sameSite,
    storedAt: now,
    expiresAt: expiry(attributes, now),
  }
}

/** RFC 6265bis §5.1.4, "default-path". */
function defaultPath(url: URL): string {
  const folder = url.pathname.slice(0, url.pathname.lastIndexOf('/'))
  return folder === '' ? '/' : folder
}

function expiry(attributes: ReadonlyMap<string, string>, now: number): number | null {
  const maxAge = attributes.get('max-age')
  if (maxAge !== undefined && /^-?\d+$/.test(maxAge)) return now + Number(maxAge) * 1000
  const expires = Date.parse(attributes.get('expires') ?? '')
  return Number.isNaN(expires) ? null : expires
}
