import {
  createServer as createHttpServer,
  ServerResponse,
  type IncomingMessage,
  type Server,
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import type { Config } from '../config/index.js'
import { newId } from '../lib/index.js'
import type { Answers } from './answers.js'
import { capConnections } from './connection-cap.js'
import type { Connections } from './connections.js'
import { peerOf } from './source.js'
import { createTurns, type Turn } from './turns.js'

/** What one request needs to be answered, whichever way it came. */
export interface Exchange {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** Set for upgrades: the socket and what arrived with the header. */
  readonly upgrade: { readonly socket: Socket; readonly head: Buffer } | null
  /** Null for upgrades, whose connection is handed over. */
  readonly turn: Turn | null
}

export interface ServerOptions {
  readonly tls: Config['server']['tls']
  readonly limits: Config['server']['limits']
  readonly connections: Connections
  /** Whether an address is that of a proxy of ours. */
  readonly isProxy: (address: string) => boolean
  readonly onExchange: (exchange: Exchange) => void
  /** Writes down that something was turned away; never rejects. */
  readonly recordRefusal: (source: string, requestId: string, detail: string) => Promise<void>
  readonly answerUnread: Answers['unread']
}

/** What could not be read as a request, or not to its end. */
interface Unread {
  readonly code: Parameters<Answers['unread']>[1]
  readonly detail: string
}

/** Node answers a request with `Expect` by itself, before anybody has decided on it, where nobody listens. */
const requestEvents = ['request', 'checkContinue', 'checkExpectation'] as const

const timing = {
  // More than is accepted, so that who brings too many cookies is told so and not just cut off.
  maxHeaderSize: 64 * 1024,
  headersTimeout: 10_000,
  // Uploads of firmware take as long as they take; the header is what a slow client holds us up with.
  requestTimeout: 0,
  keepAliveTimeout: 30_000,
  // How often the first of these is looked at; by default so seldom that half a minute comes on top.
  connectionsCheckingInterval: 2_000,
  requireHostHeader: false,
}

/**
 * Turns connections into requests and upgrades, one of each connection at a time. What Node's parser refuses
 * never becomes one; it is answered and recorded all the same. Not listening yet.
 */
export function createServer({
  tls,
  limits,
  connections,
  isProxy,
  onExchange,
  ...options
}: ServerOptions): Server {
  const turns = createTurns()
  const turnedAway = new WeakSet<Socket>()
  const server =
    tls === null
      ? createHttpServer(timing)
      : createHttpsServer({
          ...timing,
          cert: tls.certificate,
          key: tls.key,
          minVersion: 'TLSv1.2',
          handshakeTimeout: 10_000,
        })

  capConnections(server, {
    limits,
    isProxy,
    onRefused: (address) => void options.recordRefusal(address, newId('r'), 'connections-too-many'),
  })
  connections.watch(server)
  for (const event of requestEvents) {
    server.on(event, (req: IncomingMessage, res: ServerResponse) => {
      if (!connections.began(req.socket, res)) {
        hangUp(req.socket, 'stopping')
        return
      }
      const isTaken = turns.take(req, res, (turn) => {
        onExchange({ req, res, upgrade: null, turn })
      })
      if (!isTaken) hangUp(req.socket, 'requests-too-many')
    })
  }
  server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => {
    // First of all: an attacker's reset during the decision must not end the process.
    socket.on('error', () => socket.destroy())
    connections.switched(socket)
    // Behind a request under way, whose answer would get mixed with what is switched to.
    if (turns.due(socket) !== null) hangUp(socket, 'upgrade-ahead')
    else if (socket.writableEnded) hangUp(socket, 'stopping')
    else onExchange({ req, res: answerOn(req, socket), upgrade: { socket, head }, turn: null })
  })
  server.on('connect', (_req: IncomingMessage, socket: Socket) => {
    socket.on('error', () => socket.destroy())
    turnAway(socket, { code: 'request-ambiguous', detail: 'method-unknown' })
  })
  server.on('clientError', (error: Error, socket: Socket) => {
    const unread = unreadBy(error)
    const turn = turns.due(socket)
    // Connections also just break, and browsers open some that they never use.
    if (unread === null || socket.bytesRead === 0) socket.destroy()
    else if (turn?.req.complete === false) breakOff(turn, unread.detail)
    else if (turn?.res.headersSent === true && !turn.res.writableEnded) hangUp(socket, unread.detail)
    else turnAway(socket, unread)
  })
  return server

  /** Answers, once whatever was asked for before has been answered, and closes. */
  function turnAway(socket: Socket, { code, detail }: Unread): void {
    if (isTurnedAway(socket)) return
    turns.afterwards(socket, () => {
      const requestId = newId('r')
      void options.recordRefusal(peerOf(socket), requestId, detail).then(() => {
        if (!socket.writable) socket.destroy()
        else socket.end(options.answerUnread(requestId, code), () => socket.destroy())
      })
    })
  }

  /** For the middle of an exchange, where an answer of ours would be taken for a part of it. */
  function hangUp(socket: Socket, detail: string): void {
    if (isTurnedAway(socket)) return
    void options.recordRefusal(peerOf(socket), newId('r'), detail)
    socket.destroy()
  }

  /** The body of a request cannot be read to its end. */
  function breakOff(turn: Turn, detail: string): void {
    if (!turn.isCommitted) turn.broken = detail
    else if (turn.res.writableEnded) turn.req.socket.destroy()
    else hangUp(turn.req.socket, detail)
  }

  /** False for the first time: the parser complains of whatever else arrives on a connection, too. */
  function isTurnedAway(socket: Socket): boolean {
    const isKnown = turnedAway.has(socket)
    turnedAway.add(socket)
    return isKnown
  }
}

/** Null where it was no request that failed, but the connection. */
function unreadBy(error: Error): Unread | null {
  const reason = 'code' in error ? String(error.code) : ''
  if (reason === 'HPE_HEADER_OVERFLOW') return { code: 'headers-too-large', detail: 'headers-too-large' }
  if (reason === 'ERR_HTTP_REQUEST_TIMEOUT') return { code: 'request-timeout', detail: 'request-timeout' }
  // `HPE_INVALID_CHUNK_SIZE` becomes `unreadable: invalid-chunk-size`; the parser has a closed list of them.
  const rule = /^HPE_([A-Z\d_]{1,40})$/.exec(reason)?.[1]
  if (rule === undefined) return null
  return { code: 'request-unreadable', detail: `unreadable: ${rule.toLowerCase().replaceAll('_', '-')}` }
}

/** Lets an upgrade be answered like a request, as long as nothing has been switched. */
function answerOn(req: IncomingMessage, socket: Socket): ServerResponse {
  const res = new ServerResponse(req)
  res.shouldKeepAlive = false
  res.assignSocket(socket)
  // Not `end`: a client that never closes its side would keep the connection, and our own stop, for ever.
  res.on('finish', () => {
    socket.destroySoon()
  })
  return res
}
