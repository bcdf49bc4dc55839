import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'

/** One request of a connection, from its header to the end of its answer. */
export interface Turn {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** Whether something has been done for it, so that it cannot be refused any more but only be broken off. */
  isCommitted: boolean
  /** What its body turned out to break while nothing had been done for it; null when nothing. */
  broken: string | null
  isAnswered: boolean
}

/** The requests of each connection, one after the other. */
export interface Turns {
  /**
   * Serves a request when those before it on its connection have been answered, and never when one of their
   * answers closed it: what was sent behind a refused request may be the rest of its body (RFC 9112 §9.3.2).
   *
   * @returns false when too many wait already
   */
  take(req: IncomingMessage, res: ServerResponse, serve: (turn: Turn) => void): boolean
  /** The request that came last, if its answer is still due. */
  due(socket: Socket): Turn | null
  /** Once nothing is due on a connection that is then still open. */
  afterwards(socket: Socket, act: () => void): void
}

/** No browser sends the next request before it has the answer, and few programs do. */
const waitingAtMost = 32

interface Line {
  latest: Turn
  /** What is to happen at the end of each turn that is due, in their order. */
  readonly waiting: (() => void)[]
}

export function createTurns(): Turns {
  const lines = new WeakMap<Socket, Line>()

  const due = (socket: Socket): Turn | null => {
    const latest = lines.get(socket)?.latest
    return latest === undefined || latest.isAnswered ? null : latest
  }
  const afterwards = (socket: Socket, act: () => void): void => {
    if (due(socket) === null) act()
    else lines.get(socket)?.waiting.push(act)
  }

  return {
    take(req, res, serve) {
      const { socket } = req
      const turn: Turn = { req, res, isCommitted: false, broken: null, isAnswered: false }
      const line = lines.get(socket)
      if (line !== undefined && line.waiting.length >= waitingAtMost) return false
      const mustWait = line !== undefined && !line.latest.isAnswered
      if (line === undefined) lines.set(socket, { latest: turn, waiting: [] })
      else line.latest = turn
      res.once('close', () => {
        turn.isAnswered = true
        const next = lines.get(socket)?.waiting.shift()
        if (!socket.destroyed && !socket.writableEnded) next?.()
      })
      if (mustWait)
        line.waiting.push(() => {
          serve(turn)
        })
      else serve(turn)
      return true
    },
    due,
    afterwards,
  }
}
