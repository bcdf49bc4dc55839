const mostCookies = 50
const longestCookie = 4_096

/** The cookies by which a machine knows a signed-in pass. They never leave Gatehouse towards a browser. */
export class CookieJar {
  readonly #values = new Map<string, string>()
  /** Also those that the machine has taken back: a browser may not plant one under their names either. */
  readonly #names = new Set<string>()

  get isEmpty(): boolean {
    return this.#values.size === 0
  }

  /** Takes every cookie of a `Set-Cookie` field, or says what is wrong with it. */
  take(field: string, now: number): string | null {
    const cookie = readSetCookie(field)
    if (cookie === null) return null
    if (!this.#names.has(cookie.name) && this.#names.size >= mostCookies) return 'too many cookies'
    if (field.length > longestCookie) return 'a cookie that is too long'
    this.#names.add(cookie.name)
    if (cookie.endsAt <= now) this.#values.delete(cookie.name)
    else this.#values.set(cookie.name, cookie.value)
    return null
  }

  /** Whether the field sets a cookie that is kept here, or was. */
  owns(field: string): boolean {
    const name = readSetCookie(field)?.name
    return name !== undefined && this.#names.has(name)
  }

  /** Whether the field ends one of them: somebody has signed out. */
  takesBack(field: string, now: number): boolean {
    return this.owns(field) && (readSetCookie(field)?.endsAt ?? Infinity) <= now
  }

  /** A browser's `Cookie` field with ours in place of its own of those names; null when that is none. */
  join(field: string | null): string | null {
    const theirs = (field ?? '').split(';').filter((pair) => {
      const name = (pair.split('=', 1)[0] ?? '').trim()
      return name !== '' && !this.#names.has(name)
    })
    const ours = [...this.#values].map(([name, value]) => `${name}=${value}`)
    const all = [...theirs.map((pair) => pair.trim()), ...ours]
    return all.length === 0 ? null : all.join('; ')
  }
}

interface SetCookie {
  readonly name: string
  readonly value: string
  /** Milliseconds since the epoch; infinite for one that has no end of its own. */
  readonly endsAt: number
}

/** RFC 6265 §5.2, as far as it matters to one machine: of the attributes only the end of the cookie counts. */
function readSetCookie(field: string): SetCookie | null {
  const [pair = '', ...attributes] = field.split(';')
  const equals = pair.indexOf('=')
  const name = pair.slice(0, Math.max(equals, 0)).trim()
  if (name === '' || /[\x00-\x20\x7f]/.test(name)) return null
  let endsAt = Infinity
  let isAged = false
  for (const attribute of attributes) {
    const [key = '', value = ''] = attribute.split('=', 2).map((part) => part.trim())
    // Max-Age counts more than Expires, wherever it stands (RFC 6265 §5.3).
    if (/^max-age$/i.test(key) && /^-?[0-9]+$/.test(value)) {
      isAged = true
      endsAt = Number(value) <= 0 ? -Infinity : Infinity
    } else if (/^expires$/i.test(key) && !isAged) {
      const at = Date.parse(value)
      if (!Number.isNaN(at)) endsAt = at
    }
  }
  return { name, value: pair.slice(equals + 1).trim(), endsAt }
}
