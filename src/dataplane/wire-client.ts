import { assert, systemClock } from '../lib/index.js'
import type { Broken, Connection, ConnectionUser } from './connections.js'
import { type FailureCode, upstreamFailure } from './failures.js'
import type { ResponseHead } from './response-headers.js'
import type { Member } from './roster.js'
import type { RequestHead, UpstreamCall, UpstreamEvents } from './upstream.js'

export interface CallOptions {
  readonly head: RequestHead
  readonly events: UpstreamEvents
  readonly connectMs: number
  readonly firstByteMs: number
  /** For the log; outsiders are told less. */
  onProblem(problem: string): void
  /** Called once, when the call is over, however it ended. */
  onSettled(call: WireCall): void
}

const lastChunk = '0\r\n\r\n'

/** One request on the wire and its answer. Gets a connection now or later, and gives it back or closes it. */
export class WireCall implements UpstreamCall, ConnectionUser, Member {
  place = -1
  readonly #options: CallOptions
  readonly #events: UpstreamEvents
  #connection: Connection | null = null
  /** Body that came before there was a connection to write to. */
  #early: Buffer[] | null = []
  #isWritten = false
  #isAnswering = false
  #isSettled = false
  /** Monotonic; infinite while nothing is waited for. */
  #dueAt: number
  #dueCode: FailureCode = 'upstream-unreachable'

  constructor(options: CallOptions) {
    this.#options = options
    this.#events = options.events
    this.#dueAt = systemClock.monotonic() + options.connectMs
  }

  /** Whether it still waits for a connection, and for none that is being opened. */
  get isWaiting(): boolean {
    return this.#connection === null && !this.#isSettled
  }

  start(connection: Connection): void {
    this.#connection = connection
    connection.use(this.#options.head.method, this)
    if (connection.isConnected) this.onConnected()
  }

  /** Ends the call when what it waits for has not come by `now`, on the monotonic clock. */
  expire(now: number): void {
    if (now < this.#dueAt) return
    const code = this.#dueCode === 'upstream-unreachable' && this.isWaiting ? 'upstream-busy' : this.#dueCode
    this.#fail(code, code === 'upstream-busy' ? 'all connections to it are in use' : 'nothing came in time')
  }

  // ── what its owner does ────────────────────────────────────────────────────────────────────────

  write(chunk: Buffer): boolean {
    if (this.#isSettled) return true
    if (this.#early !== null) {
      this.#early.push(chunk)
      return false
    }
    const mayGoOn = this.#send(chunk)
    if (!mayGoOn) this.#awaitMachine()
    return mayGoOn
  }

  end(): void {
    if (this.#isSettled) return
    this.#isWritten = true
    if (this.#early === null && this.#options.head.body === 'chunked')
      this.#connection?.socket.write(lastChunk, 'latin1')
    this.#awaitMachine()
  }

  pause(): void {
    if (!this.#isSettled) this.#connection?.socket.pause()
  }

  resume(): void {
    if (!this.#isSettled) this.#connection?.socket.resume()
  }

  destroy(): void {
    if (this.#settle()) this.#connection?.destroy()
  }

  // ── what its connection tells ──────────────────────────────────────────────────────────────────

  /** Not a byte before: until then it may be anybody who listens. */
  onConnected(): void {
    const { head } = this.#options
    const socket = this.#connection?.socket
    assert(socket !== undefined, 'connected without a connection')
    const early = this.#early ?? []
    this.#early = null
    this.#dueAt = Infinity
    if (head.body === 'none') socket.write(requestText(head), 'latin1')
    else {
      // The body's first chunk may come in this turn, and then shares a packet with the head.
      socket.cork()
      process.nextTick(() => {
        socket.uncork()
      })
      socket.write(requestText(head), 'latin1')
      for (const chunk of early) this.#send(chunk)
      if (this.#isWritten && head.body === 'chunked') socket.write(lastChunk, 'latin1')
    }
    if (this.#isWritten || socket.writableNeedDrain) this.#awaitMachine()
    if (early.length > 0) this.#events.onDrain()
  }

  onDrain(): void {
    if (!this.#isWritten && !this.#isAnswering) this.#dueAt = Infinity
    this.#events.onDrain()
  }

  onHead(head: ResponseHead): void {
    this.#isAnswering = true
    this.#dueAt = Infinity
    this.#events.onResponse(head)
  }

  onData(chunk: Buffer): void {
    this.#events.onData(chunk)
  }

  onPause(): void {
    if (!this.#isSettled) this.#events.onPause()
  }

  onEnd(): void {
    if (!this.#settle()) return
    const connection = this.#connection
    // A machine that answers before it has read the request leaves the rest of it on the connection.
    if (this.#isWritten) connection?.leave()
    else connection?.destroy()
    this.#events.onEnd()
  }

  onSwitch(head: ResponseHead, early: Buffer): void {
    const socket = this.#connection?.detach()
    if (socket === undefined || !this.#settle()) return
    this.#events.onUpgrade(head, socket, early)
  }

  onBroken({ isInvalid, problem, cause }: Broken): void {
    this.#fail(isInvalid || this.#isAnswering ? 'upstream-invalid' : 'upstream-unreachable', problem, cause)
  }

  #send(chunk: Buffer): boolean {
    const socket = this.#connection?.socket
    assert(socket !== undefined, 'body without a connection')
    if (this.#options.head.body !== 'chunked') return socket.write(chunk)
    // An empty chunk would be the last one.
    if (chunk.length === 0) return !socket.writableNeedDrain
    socket.cork()
    socket.write(`${chunk.length.toString(16)}\r\n`, 'latin1')
    socket.write(chunk)
    const mayGoOn = socket.write('\r\n', 'latin1')
    process.nextTick(() => {
      socket.uncork()
    })
    return mayGoOn
  }

  #awaitMachine(): void {
    if (this.#early !== null || this.#isAnswering || this.#isSettled) return
    this.#dueAt = systemClock.monotonic() + this.#options.firstByteMs
    this.#dueCode = 'upstream-timeout'
  }

  #settle(): boolean {
    if (this.#isSettled) return false
    this.#isSettled = true
    this.#early = null
    this.#options.onSettled(this)
    return true
  }

  #fail(code: FailureCode, problem: string, cause?: unknown): void {
    if (!this.#settle()) return
    this.#connection?.destroy()
    this.#options.onProblem(problem)
    this.#events.onFailure(upstreamFailure(code, problem, cause))
  }
}

/** The request line and header section as they go over the wire. */
export function requestText({ method, target, headers }: RequestHead): string {
  let text = `${method} ${target} HTTP/1.1\r\n`
  for (let i = 0; i < headers.length; i += 2) text += `${headers[i] ?? ''}: ${headers[i + 1] ?? ''}\r\n`
  text += '\r\n'
  // Whatever slipped through every rule before must not become a second request here.
  assert(lineFeeds(text) === headers.length / 2 + 2, 'a line feed in a request header')
  return text
}

function lineFeeds(text: string): number {
  let count = 0
  for (let at = text.indexOf('\n'); at !== -1; at = text.indexOf('\n', at + 1)) count += 1
  return count
}
