import type { Server } from 'node:http'
import type { Socket } from 'node:net'
import { peerOf } from './source.js'
import { Counts, type TurnstileLimits } from './turnstile.js'

interface CapOptions {
  readonly limits: Pick<TurnstileLimits, 'connections' | 'perAddress'>
  /** Proxies of ours stand for many clients. */
  readonly isProxy: (address: string) => boolean
  /** Told of each connection that is closed unasked. */
  readonly onRefused: (address: string) => void
}

/** From this share of all connections on, those that nobody uses make room. */
const fullFrom = 0.95

/** Bounds connections, most of which may never become a request: nobody can be asked there who they are. */
export function capConnections(server: Server, { limits, isProxy, onRefused }: CapOptions): void {
  const addresses = new Counts()
  let open = 0

  server.maxConnections = limits.connections
  server.on('drop', (dropped?: { readonly remoteAddress?: string }) => {
    onRefused(peerOf(dropped ?? {}))
  })
  server.on('connection', (socket: Socket) => {
    const address = peerOf(socket)
    if (!isProxy(address) && addresses.of(address) >= limits.perAddress) {
      socket.destroy()
      onRefused(address)
      return
    }
    open += 1
    addresses.add(address)
    socket.once('close', () => {
      open -= 1
      addresses.remove(address)
    })
    if (open >= limits.connections * fullFrom) server.closeIdleConnections()
  })
}
