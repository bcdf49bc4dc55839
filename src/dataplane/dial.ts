import { createHash, constants } from 'node:crypto'
import { connect, isIP, type Socket } from 'node:net'
import {
  checkServerIdentity,
  connect as connectTls,
  createSecureContext,
  type SecureContext,
  type TLSSocket,
} from 'node:tls'
import type { Endpoint, UpstreamTls } from '../model.js'

/**
 * Opens one connection to an endpoint's machine. Returns at once.
 *
 * @param onConnected called once, when it is certain who answers. Nothing may be written before: where
 *   a key is pinned, TLS itself lets anybody through.
 */
export function dial(endpoint: Endpoint, onConnected: () => void): Socket {
  const { protocol, hostname, port } = endpoint.upstream
  const host = hostname.replace(/^\[|\]$/g, '')
  const isEncrypted = protocol === 'https:'
  const address = { host, port: Number(port || (isEncrypted ? 443 : 80)), noDelay: true }
  if (!isEncrypted) return connect(address).once('connect', onConnected)
  const pins = endpoint.tls?.pins ?? []
  const name = endpoint.tls?.serverName ?? host
  const socket = connectTls({
    ...address,
    secureContext: contextOf(endpoint),
    // RFC 6066 §3: an address is no server name, but may well be in the certificate.
    servername: isIP(name) === 0 ? name : '',
    checkServerIdentity: (_host, certificate) => checkServerIdentity(name, certificate),
    ALPNProtocols: ['http/1.1'],
    rejectUnauthorized: pins.length === 0,
  })
  return socket.once('secureConnect', () => {
    if (pins.length === 0 || pins.includes(publicKeyPin(socket) ?? '')) onConnected()
    else socket.destroy(new Error('the public key of the machine is none of those that are pinned'))
  })
}

/** SHA-256 of the SubjectPublicKeyInfo (RFC 7469 §2.4), base64. Of the machine's own certificate: it alone proves a key. */
function publicKeyPin(socket: TLSSocket): string | null {
  const key = socket.getPeerX509Certificate()?.publicKey.export({ type: 'spki', format: 'der' })
  return key === undefined ? null : createHash('sha256').update(key).digest('base64')
}

const contexts = new WeakMap<Endpoint, SecureContext>()

/** Reading certificates costs more than a handshake with a machine nearby. */
function contextOf(endpoint: Endpoint): SecureContext {
  const known = contexts.get(endpoint)
  if (known !== undefined) return known
  const context = createSecureContext(endpoint.tls === null ? {} : contextOptions(endpoint.tls))
  contexts.set(endpoint, context)
  return context
}

function contextOptions({ authorities, client, isLegacy }: UpstreamTls): object {
  return {
    ...(authorities === null ? {} : { ca: authorities }),
    ...(client === null ? {} : { cert: client.certificate, key: client.key }),
    ...(isLegacy ? legacy : {}),
  }
}

/** What machines of 2005 speak: SHA-1 signatures, short keys, and renegotiation as it was before RFC 5746. */
const legacy = {
  minVersion: 'TLSv1',
  ciphers: 'DEFAULT@SECLEVEL=0',
  secureOptions: constants.SSL_OP_LEGACY_SERVER_CONNECT,
}
