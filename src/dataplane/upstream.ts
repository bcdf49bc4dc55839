import type { Socket } from 'node:net'
import type { GatehouseError } from '../lib/index.js'
import type { ResponseHead } from './response-headers.js'

/**
 * One machine, on behalf of one pass. The seam behind which the engine that speaks HTTP to machines can
 * change (decision 0001); everything that judges what it reads stays outside it.
 */
export interface Upstream {
  readonly origin: URL
  /**
   * Sends one request, once: a machine may have acted on a request whose answer was lost, so nothing is
   * sent again. Only where the answer was a demand to sign in, which Gatehouse does by itself, a request
   * that changes nothing follows once more.
   */
  send(head: RequestHead, events: UpstreamEvents): UpstreamCall
}

export interface RequestHead {
  readonly method: string
  readonly target: string
  /** Flat and complete, framing included. */
  readonly headers: readonly string[]
  /** How the body that follows is framed, as `headers` says. */
  readonly body: 'none' | 'length' | 'chunked'
}

/**
 * What became of a call. It ends with exactly one of `onEnd`, `onUpgrade` and `onFailure`, and after
 * `destroy` with none.
 */
export interface UpstreamEvents {
  onResponse(head: ResponseHead): void
  onData(chunk: Buffer): void
  /** All that had arrived together has been passed on. */
  onPause(): void
  onEnd(): void
  /** The machine switched protocols, asked or not; the socket is now the receiver's to close. */
  onUpgrade(head: ResponseHead, socket: Socket, early: Buffer): void
  /** More may be written after a `write` that returned false. */
  onDrain(): void
  /** One of the `upstream-…` codes. */
  onFailure(failure: GatehouseError): void
}

export interface UpstreamCall {
  /** False: wait for `onDrain`. */
  write(chunk: Buffer): boolean
  end(): void
  pause(): void
  resume(): void
  destroy(): void
}

/** Milliseconds, of real time: they bound input and output, and decide nothing. */
export interface UpstreamTimeouts {
  /** A free connection, name look-up, TCP and TLS together. */
  readonly connectMs: number
  /**
   * From the end of the request, or from a body that the machine stopped reading, to the answer's head.
   * Default: the endpoint's own limit.
   */
  readonly firstByteMs: number | null
  /** Below the five seconds after which many small servers close, so that a request seldom meets a closing socket. */
  readonly idleSocketMs: number
}
