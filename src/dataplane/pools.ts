import { Agent as HttpAgent } from 'node:http'
import { Agent as HttpsAgent } from 'node:https'
import type { Duplex } from 'node:stream'
import type { Logger } from '../lib/index.js'
import type { Endpoint } from '../model.js'
import { sendWithNode } from './node-client.js'
import type { Upstream, UpstreamTimeouts } from './upstream.js'

const defaultTimeouts: UpstreamTimeouts = { connectMs: 5_000, firstByteMs: 60_000, idleSocketMs: 4_000 }

export interface Upstreams {
  for(endpoint: Endpoint, passId: string): Upstream
  /** The pass is over: closes all of its connections, used ones too. Cut its streams first. */
  release(passId: string): void
  close(): void
}

/**
 * Connections are pooled per pass and never shared between people, so that an answer that a machine was
 * tricked into sending early reaches only the one who tricked it. A pool lives as long as it has sockets.
 */
export function createUpstreams(options: {
  readonly logger: Logger
  readonly timeouts?: Partial<UpstreamTimeouts> | undefined
  /** PEM of the authorities that vouch for `https` machines; those Node trusts, by default. */
  readonly authorities?: string | undefined
}): Upstreams {
  const timeouts = { ...defaultTimeouts, ...options.timeouts }
  const pools = new Map<string, Map<string, HttpAgent>>()

  const poolOf = (endpoint: Endpoint, passId: string): HttpAgent => {
    const ofPass = pools.get(passId) ?? new Map<string, HttpAgent>()
    const known = ofPass.get(endpoint.upstream.origin)
    if (known !== undefined) return known
    const agent = openPool(
      endpoint.upstream,
      { timeout: timeouts.idleSocketMs, ca: options.authorities },
      () => {
        ofPass.delete(endpoint.upstream.origin)
        if (ofPass.size === 0 && pools.get(passId) === ofPass) pools.delete(passId)
      },
    )
    pools.set(passId, ofPass.set(endpoint.upstream.origin, agent))
    return agent
  }
  const release = (passId: string): void => {
    for (const agent of pools.get(passId)?.values() ?? []) agent.destroy()
    pools.delete(passId)
  }

  return {
    for: (endpoint, passId) => ({
      origin: endpoint.upstream,
      send: (head, events) =>
        sendWithNode({
          origin: endpoint.upstream,
          agent: poolOf(endpoint, passId),
          timeouts,
          head,
          events,
          onProblem: (problem) => {
            options.logger.warn('upstream: request failed', { endpointId: endpoint.id, problem })
          },
        }),
    }),
    release,
    close: () => {
      for (const passId of [...pools.keys()]) release(passId)
    },
  }
}

type Connect = (...parameters: unknown[]) => Duplex | null | undefined

interface PoolOptions {
  /** Of an idle socket. */
  readonly timeout: number
  readonly ca: string | undefined
}

function openPool(origin: URL, { timeout, ca }: PoolOptions, onEmpty: () => void): HttpAgent {
  const options = { keepAlive: true, timeout }
  const agent = origin.protocol === 'https:' ? new HttpsAgent({ ...options, ca }) : new HttpAgent(options)
  // Documented hooks of http.Agent; the types of Node 20 know them in part.
  const hooks = agent as unknown as { createConnection: Connect }
  const connect = hooks.createConnection.bind(agent)
  let open = 0
  hooks.createConnection = (...parameters) => {
    const socket = connect(...parameters)
    if (!socket) return socket
    open += 1
    // Between two requests Node leaves a socket without this for a moment, and an error then ends the process.
    socket.on('error', ignore)
    socket.once('close', () => {
      open -= 1
      if (open === 0) onEmpty()
    })
    return socket
  }
  guardIdleSockets(agent)
  return agent
}

/**
 * What a machine sends without being asked would be taken for the answer to the next request on that
 * socket. Such a socket is closed instead.
 */
function guardIdleSockets(agent: HttpAgent): void {
  const guards = new WeakMap<Duplex, () => void>()
  const keep = agent.keepSocketAlive.bind(agent) as (socket: Duplex) => boolean
  const reuse = agent.reuseSocket.bind(agent)
  agent.keepSocketAlive = (socket): boolean => {
    if (socket.readableLength > 0) return false
    const guard = (): void => {
      socket.destroy()
    }
    guards.set(socket, guard)
    socket.on('data', guard)
    return keep(socket)
  }
  agent.reuseSocket = (socket, request) => {
    socket.off('data', guards.get(socket) ?? ignore)
    reuse(socket, request)
  }
}

function ignore(): void {
  // the close that follows says enough
}
