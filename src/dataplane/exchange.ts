import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { GatehouseError } from '../lib/index.js'
import type { CutCause, Endpoint } from '../model.js'
import { upstreamFailure } from './failures.js'
import { mayTrail, type NormalisedRequest } from './normalise.js'
import { BodyRate, Stillness, type Pace, type Paced } from './pace.js'
import { bodyFraming, requestHeaders } from './request-headers.js'
import { type Answer, readResponse, type ResponseContext, type ResponseHead } from './response-headers.js'
import { bytesTaken, ignore, onceClosed } from './sockets.js'
import type { LiveStream } from './streams.js'
import type { Upstream, UpstreamCall, UpstreamEvents } from './upstream.js'

/** Everything that forwarding one admitted request needs; nothing in it is read from the wire again. */
export interface Forwarding {
  readonly request: NormalisedRequest
  readonly endpoint: Endpoint
  /** `https://press-3.plant-access.example`, without a slash at the end. */
  readonly endpointOrigin: string
  readonly upstream: Upstream
  readonly client: { readonly address: string; readonly proto: 'http' | 'https' }
  readonly identity: { readonly user: string; readonly assertion: string }
  readonly stream: LiveStream
  readonly pace: Pace
  /** Origins besides the endpoint's own that a machine may redirect a browser to; none by default. */
  readonly isRegisteredOrigin?: ((origin: string) => boolean) | undefined
}

export interface ForwardOutcome {
  /** What was answered; null when nothing was written to the client. */
  readonly status: number | null
  /** Bytes of body, or of WebSocket frames, passed to the upstream. */
  readonly bytesUp: number
  /** Likewise to the client. */
  readonly bytesDown: number
  readonly end: 'complete' | 'client-closed' | 'refused' | 'upstream-failed' | 'cut'
  readonly cause: CutCause | null
}

/**
 * A connection that was switched to another protocol. It may stay open for days, so nothing of the request that
 * opened it is kept for it: whoever waits for the end waits for this, and lets go of all else.
 */
export interface Switched {
  readonly ended: Promise<ForwardOutcome>
}

/** How a request and an upgrade differ. */
export interface Task {
  readonly forwarding: Forwarding
  readonly socket: Socket
  /** Where the body comes from, if there is one. */
  readonly source: IncomingMessage
  /** Called once, when the body will be read: RFC 9110 §10.1.1, for a client that waits to be told to send it. */
  inviteBody(): void
  /** Called once, when there is an answer to write. */
  openResponse(): ServerResponse
  /** Takes over a switched connection, or says why it will not; null where none was asked for. */
  readonly acceptUpgrade: ((head: ResponseHead, socket: Socket, early: Buffer) => Switched | string) | null
}

/** Runs one request against its upstream, to whichever end comes first. Rejects only before the first byte. */
export function runExchange(task: Task & { readonly acceptUpgrade: null }): Promise<ForwardOutcome>
export function runExchange(task: Task): Promise<ForwardOutcome | Switched>
export function runExchange(task: Task): Promise<ForwardOutcome | Switched> {
  return new Promise((resolve, reject) => {
    new Exchange(task, resolve, reject).start()
  })
}

export function responseContext(forwarding: Forwarding): ResponseContext {
  return {
    method: forwarding.request.method,
    target: forwarding.request.target,
    upstream: forwarding.upstream.origin,
    endpointOrigin: forwarding.endpointOrigin,
    isRegisteredOrigin: forwarding.isRegisteredOrigin ?? (() => false),
  }
}

const nothing = Buffer.alloc(0)
/** Copying more than this costs more than a second buffer in the same write. */
const shortBytes = 16 * 1024

type Settle = (outcome: ForwardOutcome | Switched) => void

/** waiting (nothing written yet) → answering → settled, and never back. */
class Exchange implements UpstreamEvents, Paced {
  place = -1
  readonly #task: Task
  readonly #resolve: Settle
  readonly #reject: (error: unknown) => void
  #call: UpstreamCall | null = null
  #response: ServerResponse | null = null
  #answer: Answer | null = null
  #bytesUp = 0
  #bytesDown = 0
  #isSettled = false
  #stopWatching: (() => void)[] = []
  /** From the first look on; most requests are over before. */
  #slowness: { readonly client: Stillness; readonly all: Stillness; readonly body: BodyRate } | null = null

  constructor(task: Task, resolve: Settle, reject: (error: unknown) => void) {
    this.#task = task
    this.#resolve = resolve
    this.#reject = reject
  }

  start(): void {
    const { forwarding, socket, source } = this.#task
    this.#stopWatching = [
      onceClosed(socket, () => {
        this.#close('client-closed')
      }),
      forwarding.stream.onCut((cause) => {
        this.#close('cut', cause)
      }),
    ]
    if (this.#isSettled) return
    const { request, endpoint } = forwarding
    const body = bodyFraming(request)
    if (body === 'length' && Number(request.header('content-length')) > endpoint.limits.bodyBytes) {
      this.#refuse('body-too-large')
      return
    }
    forwarding.pace.watch(this)
    const call = forwarding.upstream.send(
      {
        method: request.method,
        target: request.target,
        headers: requestHeaders({ ...forwarding, upstream: forwarding.upstream.origin }),
        body,
      },
      this,
    )
    this.#call = call
    if (body === 'none') call.end()
    else {
      this.#task.inviteBody()
      this.#passBody(source, call)
    }
  }

  #passBody(source: IncomingMessage, call: UpstreamCall): void {
    source.on('data', (chunk: Buffer) => {
      if (this.#isSettled) return
      this.#bytesUp += chunk.length
      if (this.#bytesUp > this.#task.forwarding.endpoint.limits.bodyBytes) this.#refuse('body-too-large')
      else if (!call.write(chunk)) source.pause()
    })
    source.on('end', () => {
      if (this.#isSettled) return
      // Most of the request is with the machine, which must not take it for a whole one.
      if (source.rawTrailers.every((text, index) => index % 2 === 1 || mayTrail(text))) call.end()
      else this.#refuse('request-ambiguous')
    })
    // A body that breaks off closes the socket too, and that is acted on.
    source.on('error', () => undefined)
  }

  onDrain(): void {
    this.#task.source.resume()
  }

  onResponse(head: ResponseHead): void {
    const answer = readResponse(head, responseContext(this.#task.forwarding))
    if (typeof answer === 'string') {
      this.onFailure(upstreamFailure('upstream-invalid', answer))
      return
    }
    try {
      this.#begin(answer)
    } catch (error) {
      // We run in an event of a socket here: a bug must end this request, not the process.
      this.#abandon(error)
    }
  }

  #begin(answer: Answer): void {
    const { source, forwarding } = this.#task
    // The upload goes on while the answer runs, and ends with it; what is left of it cannot be skipped.
    if (!source.complete && bodyFraming(forwarding.request) !== 'none')
      answer.headers.push('Connection', 'close')
    const response = this.#task.openResponse()
    response.on('error', () => undefined)
    response.on('drain', () => this.#call?.resume())
    response.on('finish', () => {
      this.#complete()
    })
    response.writeHead(answer.status, answer.headers)
    this.#answer = answer
    this.#response = response
    if (!answer.hasBody) this.#endWithoutBody(response)
  }

  /** An event stream says nothing for minutes, and its reader wants to know at once that it is open. */
  onPause(): void {
    const response = this.#response
    // Not `flushHeaders`, which re-encodes header bytes above 0x7f.
    if (!this.#isSettled && this.#bytesDown === 0 && response?.writableEnded === false)
      response.write(nothing)
  }

  #endWithoutBody(response: ServerResponse): void {
    response.end()
    // A HEAD or 304 leaves a clean connection; of a 205 with content nobody wants to read the rest.
    if (this.#answer?.status === 205) this.#call?.destroy()
  }

  onData(chunk: Buffer): void {
    const response = this.#response
    if (response === null || this.#answer?.hasBody !== true) return
    this.#bytesDown += chunk.length
    // In one packet with the head, where the whole content has come with it, and then as text like the head: one
    // write instead of a vector of two.
    if (this.#bytesDown === this.#answer.length) {
      if (chunk.length > shortBytes) response.end(chunk)
      else response.end(chunk.toString('latin1'), 'latin1')
    } else if (!response.write(chunk)) this.#call?.pause()
  }

  onEnd(): void {
    const { hasBody: isExpected, length } = this.#answer ?? { hasBody: false, length: null }
    if (!isExpected) return
    if (length !== null && length !== this.#bytesDown) {
      this.onFailure(upstreamFailure('upstream-invalid', 'content length and content differ'))
    } else if (this.#response?.writableEnded === false) {
      this.#response.end()
    }
  }

  onUpgrade(head: ResponseHead, socket: Socket, early: Buffer): void {
    socket.on('error', ignore)
    const accepted =
      this.#task.acceptUpgrade?.(head, socket, early) ?? 'switched protocols without being asked'
    if (typeof accepted === 'string') {
      socket.destroy()
      this.onFailure(upstreamFailure('upstream-invalid', accepted))
    } else if (this.#settle()) {
      this.#resolve(accepted)
    }
  }

  onFailure(failure: GatehouseError): void {
    if (this.#response === null) this.#abandon(failure)
    else this.#close('upstream-failed')
  }

  /** The machine has a part of the request at most, and does not get the rest. */
  #refuse(code: 'request-ambiguous' | 'request-timeout' | 'body-too-large'): void {
    if (this.#response === null) this.#abandon(new GatehouseError(code, ''))
    else this.#close('refused')
  }

  tick(nowMs: number): void {
    const { forwarding, source, socket } = this.#task
    const { pace, endpoint } = forwarding
    this.#slowness ??= {
      client: new Stillness(),
      all: new Stillness(),
      body: new BodyRate(pace.bodyBytesPerSecond),
    }
    const slowness = this.#slowness
    const taken = bytesTaken(socket)
    const isStill = slowness.client.of(taken, nowMs) >= pace.stalledMs
    if (isStill && this.#response !== null && socket.writableLength > 0) {
      this.#close('cut', 'client-stalled')
      return
    }
    const isUploading = !source.complete && bodyFraming(forwarding.request) !== 'none'
    if (slowness.body.isTooLow(this.#bytesUp, isUploading && !source.isPaused(), nowMs)) {
      this.#refuse('request-timeout')
      return
    }
    const isIdle = slowness.all.of(this.#bytesUp + this.#bytesDown + taken, nowMs) >= endpoint.limits.idleMs
    if (!isIdle) return
    if (this.#response !== null) this.#close('cut', 'idle')
    // Else it is the machine that has to answer, and how long that may take is another limit.
    else if (isUploading)
      this.onFailure(upstreamFailure('upstream-timeout', 'it takes no more of the request'))
  }

  /** Leaves the answer to the caller. */
  #abandon(error: unknown): void {
    if (!this.#settle()) return
    this.#call?.destroy()
    this.#task.source.pause()
    this.#reject(error)
  }

  /** The whole answer is with the client's kernel. */
  #complete(): void {
    if (!this.#settle()) return
    // Only matters where the machine answered before it had read the whole request.
    if (!this.#task.source.complete) this.#call?.destroy()
    this.#resolve(this.#outcome('complete', null))
  }

  #close(end: ForwardOutcome['end'], cause: CutCause | null = null): void {
    if (!this.#settle()) return
    this.#call?.destroy()
    if (this.#response === null) this.#task.source.pause()
    else this.#breakOff(this.#response)
    this.#resolve(this.#outcome(end, cause))
  }

  /**
   * The client must see that something is missing. A length or chunks show it by themselves; where only
   * the end of the connection marks the end of the body (HTTP/1.0), a reset has to, or in TLS a missing
   * close_notify (RFC 8446 §6.1), which `destroy` does not send.
   */
  #breakOff(response: ServerResponse): void {
    const { socket } = this.#task
    const isFramed = this.#answer?.length !== null || response.chunkedEncoding
    if (isFramed || 'encrypted' in socket) socket.destroy()
    else socket.resetAndDestroy()
  }

  #settle(): boolean {
    if (this.#isSettled) return false
    this.#isSettled = true
    this.#task.forwarding.pace.forget(this)
    for (const stop of this.#stopWatching) stop()
    return true
  }

  #outcome(end: ForwardOutcome['end'], cause: CutCause | null): ForwardOutcome {
    const status = this.#answer?.status ?? null
    return { status, bytesUp: this.#bytesUp, bytesDown: this.#bytesDown, end, cause }
  }
}
