import { createHash } from 'node:crypto'
import { ServerResponse, type IncomingMessage } from 'node:http'
import type { Duplex } from 'node:stream'
import {
  responseContext,
  runExchange,
  type Forwarding,
  type ForwardOutcome,
  type Switched,
} from './exchange.js'
import type { NormalisedRequest } from './normalise.js'
import { passedHeaders, valuesOf, type ResponseHead } from './response-headers.js'
import { ignore } from './sockets.js'
import { runTunnel } from './tunnel.js'

/**
 * Passes one admitted WebSocket handshake to its upstream and, once that has agreed, the frames of both
 * sides. Nothing the client sends travels before a verified 101; a refusal comes back to it as it is.
 *
 * Resolves when it is refused, or with `Switched` when the frames have begun to pass. As with `forwardRequest`, a rejection with an `upstream-…`
 * code and `status: null` with `end: 'cut'` mean that nothing was written and the caller answers, on the
 * raw socket, and closes it. Until then no response object of the caller's may be assigned to the socket.
 *
 * While its stream is view only, the client's messages are dropped and only ping, pong and close pass: the viewer
 * sees what the machine shows and can tell it nothing. A message that had begun before passes whole.
 *
 * @param head what Node read behind the handshake; a client may not have sent anything yet (RFC 6455
 * §4.1), so it waits with everything else.
 */
export function forwardUpgrade(
  forwarding: Forwarding,
  req: IncomingMessage,
  socket: Duplex,
  head: Buffer,
): Promise<ForwardOutcome | Switched> {
  // First of all: Node takes its own away before an upgrade, and a reset would end the process.
  socket.on('error', ignore)
  const early = holdBack(socket, head)
  const { request, stream, pace, endpoint } = forwarding
  const outcome = runExchange({
    forwarding,
    socket: req.socket,
    source: req,
    inviteBody: () => undefined,
    openResponse: () => refusalOn(req),
    acceptUpgrade: (answer, upstream, upstreamEarly) => {
      const flaw = handshakeFlaw(answer, request)
      if (flaw !== null) return flaw
      const headers = passedHeaders(answer, responseContext(forwarding))
      if (typeof headers === 'string') return headers
      socket.write(switchingProtocols(headers), 'latin1')
      const ended = runTunnel(
        { client: req.socket, upstream, stream, pace, idleMs: endpoint.limits.idleMs },
        { client: early.take(), upstream: upstreamEarly },
      )
      return { ended }
    },
  })
  return outcome.finally(() => {
    early.discard()
  })
}

/**
 * Bytes of impatience that are kept; a client that sends more is broken off. It could not be made to wait:
 * of a socket that is not read nobody learns that its client has left.
 */
const heldLimit = 64 * 1024

interface Held {
  /** What came so far. The caller reads the socket from here on. */
  take(): Buffer
  /** Stops holding, and reading. */
  discard(): void
}

/** Reads, so that a client that leaves is noticed while its machine is still thinking. */
function holdBack(socket: Duplex, head: Buffer): Held {
  const held = [head]
  let length = head.length
  const keep = (chunk: Buffer): void => {
    held.push(chunk)
    length += chunk.length
    if (length > heldLimit) leave()
  }
  const leave = (): void => {
    socket.destroy()
  }
  const discard = (): void => {
    socket.off('data', keep).off('end', leave)
  }
  socket.on('data', keep).on('end', leave)
  // While it was being admitted; it is not told a second time.
  if (socket.readableEnded) leave()
  return {
    take: () => {
      discard()
      return Buffer.concat(held.splice(0))
    },
    discard,
  }
}

/** RFC 6455 §4.2.2: the fixed text that proves the other side speaks WebSocket and read this very key. */
const handshakeSuffix = '258EAFA5-E914-47DA-95CA-C5AB0DC85B11'

/** RFC 6455 §4.1, "the client MUST validate the server's response", by us on the browser's behalf. */
function handshakeFlaw(answer: ResponseHead, request: NormalisedRequest): string | null {
  const key = request.header('sec-websocket-key') ?? ''
  const expected = createHash('sha1')
    .update(key + handshakeSuffix)
    .digest('base64')
  const accepts = valuesOf(answer, 'sec-websocket-accept')
  const upgrades = valuesOf(answer, 'upgrade')
  const options = valuesOf(answer, 'connection').join(',').toLowerCase().split(',')
  if (answer.status !== 101) return `switched protocols with status ${String(answer.status)}`
  if (upgrades.length !== 1 || upgrades[0]?.toLowerCase() !== 'websocket')
    return 'switched to another protocol'
  if (!options.some((option) => option.trim() === 'upgrade')) return 'switched without Connection: upgrade'
  if (accepts.length !== 1 || accepts[0] !== expected) return 'Sec-WebSocket-Accept does not answer the key'
  return protocolFlaw(valuesOf(answer, 'sec-websocket-protocol'), request)
}

function protocolFlaw(chosen: readonly string[], request: NormalisedRequest): string | null {
  const offered = (request.header('sec-websocket-protocol') ?? '').split(',').map((name) => name.trim())
  const isOffered = chosen.length === 0 || (chosen.length === 1 && offered.includes(chosen[0] ?? ''))
  return isOffered ? null : 'a subprotocol that was not offered'
}

function switchingProtocols(headers: readonly string[]): string {
  let text = 'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n'
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i] ?? ''}: ${headers[i + 1] ?? ''}\r\n`
  return `${text}\r\n`
}

/** Node hands out no response object for an upgrade, so one is put on the socket; the connection ends with it. */
function refusalOn(req: IncomingMessage): ServerResponse {
  const { socket } = req
  const response = new ServerResponse(req)
  response.shouldKeepAlive = false
  response.assignSocket(socket)
  const drained = (): void => {
    response.emit('drain')
  }
  socket.on('drain', drained)
  response.on('finish', () => {
    socket.off('drain', drained)
    response.detachSocket(socket)
    socket.destroySoon()
  })
  return response
}
