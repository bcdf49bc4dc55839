import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'
import { TLSSocket } from 'node:tls'

/** Where a request came from, as far as it can be believed. */
export interface Source {
  readonly address: string
  readonly proto: 'http' | 'https'
}

/** Whether an address is that of a proxy of ours, by a list of addresses and CIDR blocks. */
export function createTrust(trustedProxies: readonly string[]): (address: string) => boolean {
  const trusted = new BlockList()
  for (const entry of trustedProxies) {
    const [address = '', bits] = entry.split('/')
    const family = isIP(address) === 6 ? 'ipv6' : 'ipv4'
    if (bits === undefined) trusted.addAddress(address, family)
    else trusted.addSubnet(address, Number(bits), family)
  }
  return (address) =>
    trustedProxies.length > 0 &&
    isIP(address) !== 0 &&
    trusted.check(address, isIP(address) === 6 ? 'ipv6' : 'ipv4')
}

/**
 * The client's address: the peer of the connection, or, where that is one of our own proxies, the
 * nearest address in X-Forwarded-For that is not. Whatever lies beyond was written by the client.
 */
export function createSourceReader(
  isTrusted: (address: string) => boolean,
): (req: IncomingMessage) => Source {
  return (req) => {
    const peer = peerOf(req.socket)
    const isEncrypted = req.socket instanceof TLSSocket
    if (!isTrusted(peer)) return { address: peer, proto: isEncrypted ? 'https' : 'http' }
    const chain = headerList(req.headers['x-forwarded-for']).map(plain)
    const address = chain.reverse().find((hop) => !isTrusted(hop))
    const proto = headerList(req.headers['x-forwarded-proto']).at(-1)
    return {
      address: address !== undefined && isIP(address) !== 0 ? address : peer,
      proto: proto === 'https' || isEncrypted ? 'https' : 'http',
    }
  }
}

function headerList(value: string | string[] | undefined): string[] {
  return (Array.isArray(value) ? value.join(',') : (value ?? '')).split(',').map((item) => item.trim())
}

/** IPv4 peers of a dual-stack listener appear as `::ffff:192.0.2.1`. */
function plain(address: string): string {
  return address.startsWith('::ffff:') ? address.slice('::ffff:'.length) : address
}

/** Who opened the connection, which may be a proxy of ours. */
export function peerOf({ remoteAddress }: { readonly remoteAddress?: string | undefined }): string {
  return plain(remoteAddress ?? 'unknown')
}
