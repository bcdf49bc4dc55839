import type { Server, ServerResponse } from 'node:http'
import { Server as NetServer, type Socket } from 'node:net'
import { Server as TlsServer } from 'node:tls'
import { systemClock } from '../lib/index.js'

/** The connections of a listener, so that it can go without losing what is on its way to it. */
export interface Connections {
  watch(server: Server): void
  /** Of each request, as it comes. @returns false when it came too late to be answered, and so is not to be served */
  began(socket: Socket, res: ServerResponse): boolean
  /** Not ours to close any more. */
  switched(socket: Socket): void
  /** From now on, each answer is the last on its connection and says so (RFC 9112 §9.6). */
  lastAnswers(): void
  /** Takes no new connection, and closes each of the others once nothing comes on it. */
  closeQuiet(): void
  /** Whatever is left. */
  destroyAll(): void
}

/**
 * Closed is what has said nothing from one look to the next: a client that has just connected, or is in the middle
 * of a header, has its request served all the same.
 */
const lookMs = 250
/** How long a client may take to notice that its connection is over, before it is reset. */
const lingerMs = 1_000

interface Connection {
  /** Requests that are not answered yet. */
  due: number
  latest: ServerResponse | null
  isSwitched: boolean
  /** What had been read at the last look, where nothing was due. */
  quietAt: number | null
}

export function createConnections(): Connections {
  /** All there are, in a handshake of TLS too. */
  const sockets = new Set<Socket>()
  const open = new Map<Socket, Connection>()
  let watched: Server | null = null
  let areLast = false

  const closeGently = (socket: Socket): void => {
    // Half of it first: a reset would overtake, at the client, the answer before it (RFC 9112 §9.6).
    socket.end()
    systemClock.after(lingerMs, () => {
      socket.destroy()
    })
  }
  const look = (): void => {
    for (const [socket, connection] of open) {
      if (connection.isSwitched || connection.due > 0 || socket.writableEnded) continue
      if (connection.quietAt === socket.bytesRead) closeGently(socket)
      else connection.quietAt = socket.bytesRead
    }
    if (sockets.size > 0) systemClock.after(lookMs, look)
  }

  return {
    watch(server) {
      watched = server
      server.on('connection', (socket: Socket) => {
        sockets.add(socket)
        socket.once('close', () => sockets.delete(socket))
      })
      server.on(server instanceof TlsServer ? 'secureConnection' : 'connection', (socket: Socket) => {
        open.set(socket, { due: 0, latest: null, isSwitched: false, quietAt: null })
        socket.once('close', () => open.delete(socket))
      })
    },
    began(socket, res) {
      if (socket.writableEnded) return false
      const connection = open.get(socket)
      if (connection === undefined) return true
      connection.due += 1
      connection.latest = res
      connection.quietAt = null
      res.once('close', () => {
        connection.due -= 1
        if (connection.latest === res) connection.latest = null
      })
      if (areLast) res.shouldKeepAlive = false
      return true
    },
    switched(socket) {
      const connection = open.get(socket)
      if (connection !== undefined) connection.isSwitched = true
    },
    lastAnswers() {
      areLast = true
      for (const { latest } of open.values())
        if (latest?.headersSent === false) latest.shouldKeepAlive = false
    },
    closeQuiet() {
      if (watched !== null) closeListener(watched, look)
    },
    destroyAll() {
      for (const socket of sockets) socket.destroy()
    },
  }
}

/** The system accepts as many by itself and keeps them for us: Node asks for a backlog of 511. */
const waitingAtMost = 511

/**
 * Closes it once nobody waits behind it: connections that the system has accepted, and we have not, it would reset.
 * Node takes one of them a turn.
 */
function closeListener(server: Server, onClosed: () => void): void {
  let hasCome = false
  const come = (): void => {
    hasCome = true
  }
  const close = (turn: number): void => {
    if (hasCome && turn < waitingAtMost) {
      hasCome = false
      setImmediate(close, turn + 1)
      return
    }
    server.off('connection', come)
    // Not the `close` of node:http, which resets idle connections, whatever is arriving on them.
    NetServer.prototype.close.call(server)
    onClosed()
  }
  server.on('connection', come)
  setImmediate(close, 0)
}
