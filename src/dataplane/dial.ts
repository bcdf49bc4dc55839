import { connect, isIP, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import type { Endpoint } from '../model.js'

/**
 * Opens one connection to an endpoint's machine. Returns at once: `connect`, or `secureConnect` where TLS
 * is spoken, says when it may be used.
 */
export function dial(
  endpoint: Endpoint,
  options: { readonly authorities?: string | undefined } = {},
): Socket {
  const { protocol, hostname, port } = endpoint.upstream
  const host = hostname.replace(/^\[|\]$/g, '')
  const isEncrypted = protocol === 'https:'
  const address = { host, port: Number(port || (isEncrypted ? 443 : 80)), noDelay: true }
  if (!isEncrypted) return connect(address)
  return connectTls({
    ...address,
    ca: options.authorities,
    ...(isIP(host) === 0 ? { servername: host } : {}),
  })
}
