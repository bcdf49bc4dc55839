import type { Socket } from 'node:net'
import { describeError } from '../lib/index.js'
import type { Endpoint } from '../model.js'
import { dial } from './dial.js'
import { ResponseReader, type ReaderEvents } from './response-reader.js'

/** What the user of a connection is told besides its answer. */
export interface ConnectionUser extends ReaderEvents {
  /** Called once where `isConnected` was false: from here on it may be written to. */
  onConnected(): void
  onDrain(): void
  /** All that had arrived together has been passed on. */
  onPause(): void
  /** The connection is gone, or must go, before the answer was complete. */
  onBroken(problem: Broken): void
}

export interface Broken {
  /** Whether the machine said something that is not HTTP, rather than nothing. */
  readonly isInvalid: boolean
  readonly problem: string
  readonly cause?: unknown
}

export interface ConnectionOptions {
  /** Its answer is complete and another request may follow. */
  onIdle(connection: Connection): void
  onClose(connection: Connection): void
}

/** One connection to a machine, used by one request at a time, and between requests by nobody. */
export class Connection {
  readonly socket: Socket
  readonly #reader: ResponseReader
  readonly #options: ConnectionOptions
  #user: ConnectionUser | null = null
  #isConnected = false
  /** Monotonic; only means something while nobody uses it. */
  idleSince = 0

  constructor(endpoint: Endpoint, options: ConnectionOptions) {
    this.#reader = new ResponseReader(endpoint.lenientResponses)
    this.#options = options
    const socket = dial(endpoint, () => {
      this.#isConnected = true
      this.#user?.onConnected()
    })
    this.socket = socket
    socket
      .on('data', this.#take)
      .on('drain', this.#drained)
      .on('end', this.#ended)
      .on('error', this.#failed)
      .once('close', () => {
        this.#broken('the connection was closed')
        options.onClose(this)
      })
  }

  get isConnected(): boolean {
    return this.#isConnected
  }

  /** Lends the connection to one request, until its answer is complete, `leave` or `destroy`. */
  use(method: string, user: ConnectionUser): void {
    this.#user = user
    this.#reader.begin(method, user)
  }

  /** Whether the answer is complete and another request may follow. */
  get mayReuse(): boolean {
    return this.#reader.mayReuse && this.socket.writable && this.socket.readable
  }

  /** Gives the connection back, for the next request or, if nothing can follow on it, to be closed. */
  leave(): void {
    this.#user = null
    if (!this.mayReuse) {
      this.socket.destroy()
      return
    }
    // Its last user may have stopped the reading, and only who reads notices that the machine has left.
    this.socket.resume()
    this.#options.onIdle(this)
  }

  /** Takes the socket out of the pool: another protocol is spoken on it from here on. */
  detach(): Socket {
    this.#user = null
    const { socket } = this
    return socket.off('data', this.#take).off('drain', this.#drained).off('end', this.#ended)
  }

  destroy(): void {
    this.#user = null
    this.#reader.stop()
    this.socket.destroy()
  }

  readonly #take = (chunk: Buffer): void => {
    const user = this.#user
    // Said without being asked: it would be taken for the answer to the next request.
    if (user === null) {
      this.socket.destroy()
      return
    }
    const problem = this.#reader.take(chunk)
    if (problem !== null) this.#broken(problem, { isInvalid: true })
    else user.onPause()
  }

  readonly #drained = (): void => {
    this.#user?.onDrain()
  }

  readonly #ended = (): void => {
    const problem = this.#reader.close()
    if (problem !== null) this.#broken(problem)
    this.socket.destroy()
  }

  readonly #failed = (cause: Error): void => {
    this.#broken(describeError(cause), { cause })
  }

  #broken(problem: string, more: { isInvalid?: boolean; cause?: unknown } = {}): void {
    const user = this.#user
    this.destroy()
    user?.onBroken({ isInvalid: false, problem, ...more })
  }
}
