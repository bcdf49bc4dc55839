import { BlockList, isIP, isIPv4, isIPv6 } from 'node:net'
import type { Address } from './config.js'

/** How the values of options are written. Everything here is pure and says null to what it does not accept. */

/** The id of an endpoint: one DNS label (RFC 1123 §2.1), in lower case. */
export const endpointIdPattern = /^[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?$/

export const durationPattern = /^\d{1,9}[smhd]$/

const unitMs: Readonly<Record<string, number>> = { s: 1_000, m: 60_000, h: 3_600_000, d: 86_400_000 }

/**
 * Milliseconds of a duration: a whole number and its unit, `s`, `m`, `h` or `d`.
 *
 * @example parseDuration('12h') // 43_200_000
 */
export function parseDuration(text: string): number | null {
  const unit = unitMs[text.slice(-1)]
  return unit === undefined || !durationPattern.test(text) ? null : Number(text.slice(0, -1)) * unit
}

export const sizePattern = /^\d{1,6}(?:KiB|MiB|GiB)$/

const unitBytes: Readonly<Record<string, number>> = { K: 2 ** 10, M: 2 ** 20, G: 2 ** 30 }

/** Bytes of a size: a whole number and its unit, `KiB`, `MiB` or `GiB`. */
export function parseSize(text: string): number | null {
  return sizePattern.test(text) ? Number(text.slice(0, -3)) * (unitBytes[text.slice(-3, -2)] ?? NaN) : null
}

const label = '[A-Za-z0-9](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?'
// The last label starts with a letter, or 10.0.0.1 and 10.0.0.1000 would pass as names.
export const domainPattern = new RegExp(`^(?:${label}\\.)*[A-Za-z](?:[A-Za-z0-9-]{0,61}[A-Za-z0-9])?$`)

export const addressPattern = /^(?:\[[0-9A-Fa-f:.]+\]|[A-Za-z0-9.-]+):\d{1,5}$/

/** `host:port` or `[IPv6]:port`. The host comes out in lower case and without brackets. */
export function parseAddress(text: string): Address | null {
  if (!addressPattern.test(text)) return null
  const colon = text.lastIndexOf(':')
  const port = Number(text.slice(colon + 1))
  const written = text.slice(0, colon).toLowerCase()
  const host = bare(written)
  const isHost = host === written ? isIPv4(host) || domainPattern.test(host) : isIPv6(host)
  return isHost && port <= 65_535 ? { host, port } : null
}

/** Scheme, host, port: nothing that a URL parser repairs (spaces, backslashes, `@`), so what is read is what is meant. */
export const originPattern = /^[Hh][Tt][Tt][Pp][Ss]?:\/\/[A-Za-z0-9.:[\]_-]+\/?$/
export const issuerPattern =
  /^[Hh][Tt][Tt][Pp][Ss]?:\/\/[A-Za-z0-9.:[\]_-]+(?:\/[A-Za-z0-9._~!$&'()*+,;=:%/-]*)?$/
/** With a path and a query, for addresses that somebody else has made. */
export const addressOnWebPattern =
  /^[Hh][Tt][Tt][Pp][Ss]?:\/\/[A-Za-z0-9.:[\]_-]+(?:[/?][A-Za-z0-9._~!$&'()*+,;=:@%/?-]*)?$/
export const smtpPattern = /^smtps?:\/\/[A-Za-z0-9.:[\]_-]+$/
/** `redis` and `rediss` with a host, perhaps a port and a database number. A query would set options of the client. */
export const redisPattern = /^(?:rediss?:\/\/[A-Za-z0-9.:[\]_-]+(?:\/\d{0,2})?|unix:[^?#]+)$/

const plain = "-A-Za-z0-9._~!$&'()+,=:@"

/**
 * A path that every server reads alike, for rules: no escapes, parameters, empty segments or segments of
 * nothing but dots. And no `*`, whose author would wait in vain for it to match anything else.
 */
export const plainPathPattern = new RegExp(`^/(?:(?!\\.+(?:/|$))[${plain}]+(?:/|$))*$`)

// Never the escape of a control character or of `%`, `.`, `/`, `;` or `\`: the strict rules refuse those.
const escaped = '%(?![01]|2[5EFef]|3[Bb]|5[Cc]|7[Ff])[0-9A-Fa-f]{2}'

/** What the strict rules for request targets let through: a plain path with other characters escaped, perhaps a query. */
export const addressedPathPattern = new RegExp(
  `^/(?:(?!(?:\\.|%20)+(?:[/?]|$))(?:[${plain}*]|${escaped})+(?:/|(?=\\?)|$))*(?:\\?(?:[${plain.replace("'", '')}*/?;]|%(?!00)[0-9A-Fa-f]{2})+)?$`,
)

/** A path without its query, escapes decoded; null when they are no UTF-8, or control characters (C1). */
export function decodedPath(text: string): string | null {
  try {
    const decoded = decodeURIComponent(text.split('?', 1)[0] ?? '')
    return /[\x80-\x9f]/.test(decoded) ? null : decoded
  } catch {
    return null
  }
}

/** Gatehouse's own corner of each endpoint's origin, however it is written. */
export function isOwnPath(path: string): boolean {
  return /^\/\.gatehouse(?:\/|$)/i.test(path)
}

/** RFC 9110 §5.6.2 */
export const tokenPattern = /^[A-Za-z0-9!#$%&'*+.^_`|~-]{1,100}$/

/** The URL in `text` when it has the given shape and a usable host. */
export function parseUrl(text: string, shape: RegExp): URL | null {
  if (!shape.test(text) || !URL.canParse(text)) return null
  const url = new URL(text)
  // With a trailing dot the same host has two spellings, and comparisons of hosts go wrong.
  return url.hostname.endsWith('.') || url.port === '0' ? null : url
}

export function portOf(url: URL): number {
  return url.port === '' ? (url.protocol === 'https:' ? 443 : 80) : Number(url.port)
}

/** `[::1]`, as URLs have it, without its brackets; any other host as it is. */
export function bare(host: string): string {
  return host.startsWith('[') && host.endsWith(']') ? host.slice(1, -1) : host
}

const loopback = new BlockList()
loopback.addSubnet('127.0.0.0', 8, 'ipv4')
loopback.addAddress('::1', 'ipv6')

/**
 * Whether a host, lower case, can only be the one that asks: `localhost` and names under it (RFC 6761 §6.3),
 * 127.0.0.0/8, `::1`.
 */
export function isLoopback(host: string): boolean {
  const name = bare(host)
  const family = isIP(name)
  if (family !== 0) return loopback.check(name, family === 6 ? 'ipv6' : 'ipv4')
  return isWithin(name, 'localhost')
}

/** Whether `host` is `domain` or lies under it. */
export function isWithin(host: string, domain: string): boolean {
  return host === domain || host.endsWith(`.${domain}`)
}

/** An address, or a CIDR block that does not cover the whole Internet. */
export function isNetwork(text: string): boolean {
  const [address = '', prefix, ...rest] = text.split('/')
  const family = isIP(address)
  if (family === 0 || rest.length > 0) return false
  if (prefix === undefined) return true
  if (!/^[1-9]\d{0,2}$/.test(prefix) || Number(prefix) > (family === 6 ? 128 : 32)) return false
  if (family === 4) return true
  // `::ffff:0:0/96` and what is around it holds every IPv4 address, in its mapped form.
  const block = new BlockList()
  block.addSubnet(address, Number(prefix), 'ipv6')
  return !(block.check('::ffff:0.0.0.0', 'ipv6') && block.check('::ffff:255.255.255.255', 'ipv6'))
}

/**
 * Characters with which a name could forge a line of a log or show something else than it is: control
 * characters, line and paragraph separators, marks that reverse the direction of writing.
 */
const deceptive = /[\p{Cc}\p{Cs}\u2028\u2029\u200e\u200f\u202a-\u202e\u2066-\u2069\ufeff]/u

export function isPlainText(text: string): boolean {
  return !deceptive.test(text)
}
