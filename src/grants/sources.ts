import { BlockList, isIP } from 'node:net'

/** The most a grant may name. */
export const sourcesAtMost = 20

/**
 * An address or a CIDR block in the one spelling it is stored in: IPv6 as RFC 5952 §4 writes it, an IPv4-mapped one as
 * the IPv4 it stands for, a block of one address as that address.
 *
 * @returns null for what is neither, for all of the Internet, and for a block that does not begin at its own address:
 *   whoever writes 10.20.3.7/24 may mean the one address or the 256
 */
export function canonicalSource(text: string): string | null {
  const [written = '', prefix, ...rest] = text.split('/')
  if (rest.length > 0 || (prefix !== undefined && !/^[1-9]\d{0,2}$/.test(prefix))) return null
  const family = isIP(written)
  if (family === 0) return null
  const width = family === 6 ? 128 : 32
  const bits = prefix === undefined ? width : Number(prefix)
  if (bits > width) return null
  if (family === 4) return spelled(written, valueOfV4(written), bits, 32)
  const address = compressed(written)
  if (address === null) return null
  const value = valueOfV6(address)
  if (holdsAllMapped(value, bits)) return null
  return value >> 32n === 0xffffn && bits > 96
    ? spelled(dotted(value & 0xffff_ffffn), value & 0xffff_ffffn, bits - 96, 32)
    : spelled(address, value, bits, 128)
}

/** Whether an IPv6 block holds all IPv4 addresses, in their mapped form: all of the Internet by another name. */
function holdsAllMapped(value: bigint, bits: number): boolean {
  return bits <= 96 && (value ^ mappedPrefix) >> BigInt(128 - bits) === 0n
}

const mappedPrefix = 0xffffn << 32n

function spelled(address: string, value: bigint, bits: number, width: number): string | null {
  const hostBits = (1n << BigInt(width - bits)) - 1n
  if ((value & hostBits) !== 0n) return null
  return bits === width ? address : `${address}/${bits}`
}

/** Null for an address with a zone, which means something on one host alone. */
function compressed(address: string): string | null {
  const url = `http://[${address}]`
  return URL.canParse(url) ? new URL(url).hostname.slice(1, -1) : null
}

function valueOfV4(address: string): bigint {
  return address.split('.').reduce((value, part) => (value << 8n) | BigInt(part), 0n)
}

/** @param address as a URL has it: no dots, at most one `::` */
function valueOfV6(address: string): bigint {
  const [head = '', tail] = address.split('::')
  const groupsOf = (text: string): string[] => (text === '' ? [] : text.split(':'))
  const first = groupsOf(head)
  const last = groupsOf(tail ?? '')
  const zeros = Array.from({ length: 8 - first.length - last.length }, () => '0')
  return [...first, ...zeros, ...last].reduce((value, group) => (value << 16n) | BigInt(`0x${group}`), 0n)
}

function dotted(value: bigint): string {
  return [24n, 16n, 8n, 0n].map((shift) => String((value >> shift) & 0xffn)).join('.')
}

/** Grants are read once and judged with every request. */
const lists = new WeakMap<readonly string[], BlockList>()

/** Whether `address` is one of `sources`, or lies in one. An IPv4-mapped IPv6 address is its IPv4. */
export function comesFrom(sources: readonly string[], address: string): boolean {
  const family = isIP(address)
  if (family === 0) return false
  let list = lists.get(sources)
  if (list === undefined) {
    list = listOf(sources)
    lists.set(sources, list)
  }
  return list.check(address, family === 6 ? 'ipv6' : 'ipv4')
}

function listOf(sources: readonly string[]): BlockList {
  const list = new BlockList()
  for (const source of sources) {
    const [address = '', bits] = source.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) list.addAddress(address, family)
    else list.addSubnet(address, Number(bits), family)
  }
  return list
}
