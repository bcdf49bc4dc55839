import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'

/** For errors that a close follows. One for all: an own one would keep whatever is in reach where it is made. */
export function ignore(): void {
  // The close is acted on.
}

const watchers = new WeakMap<Duplex, (() => void)[]>()

/**
 * Calls `callback` when `socket` closes, or at once if it has, and returns how to stop waiting. One
 * listener per socket, however many requests it carries: a keep-alive connection lives through
 * thousands, and a response that waits behind another is told of the close by nobody else.
 */
export function onceClosed(socket: Duplex, callback: () => void): () => void {
  if (socket.destroyed) {
    callback()
    return () => undefined
  }
  const waiting = watchers.get(socket) ?? watch(socket)
  waiting.push(callback)
  return () => {
    const place = waiting.indexOf(callback)
    if (place !== -1) waiting.splice(place, 1)
  }
}

function watch(socket: Duplex): (() => void)[] {
  const waiting: (() => void)[] = []
  watchers.set(socket, waiting)
  socket.once('close', () => {
    watchers.delete(socket)
    for (const callback of [...waiting]) callback()
  })
  return waiting
}

/** How much of what was written the other side, or the kernel on its way there, has taken so far. */
export function bytesTaken(socket: Socket): number {
  return socket.bytesWritten - socket.writableLength
}
