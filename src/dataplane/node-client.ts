import { type Agent, type ClientRequest, type IncomingMessage, request as httpRequest } from 'node:http'
import { request as httpsRequest } from 'node:https'
import type { Socket } from 'node:net'
import { describeError, systemClock, type Timer } from '../lib/index.js'
import { type FailureCode, upstreamFailure } from './failures.js'
import type { ResponseHead } from './response-headers.js'
import type { RequestHead, UpstreamCall, UpstreamEvents, UpstreamTimeouts } from './upstream.js'

interface Sending {
  readonly origin: URL
  readonly agent: Agent
  readonly timeouts: UpstreamTimeouts
  readonly head: RequestHead
  readonly events: UpstreamEvents
  readonly onProblem: (problem: string) => void
}

/** Bytes. What browsers accept from any server at most is about four times this. */
const responseHeaderLimit = 64 * 1024
/** A machine that keeps saying "wait" holds the client for ever. */
const mostInterimResponses = 8
const nothing = Buffer.alloc(0)

/** The first engine: Node's own client and parser, in its strict mode whatever flags the process runs with. */
export function sendWithNode(sending: Sending): UpstreamCall {
  return new NodeCall(sending)
}

class NodeCall implements UpstreamCall {
  readonly #events: UpstreamEvents
  readonly #request: ClientRequest
  readonly #sending: Sending
  #response: IncomingMessage | null = null
  #timer: Timer | null = null
  #interim = 0
  #isConnected = false
  #isWritten = false
  #isSettled = false

  constructor(sending: Sending) {
    const { origin, agent, head, timeouts } = sending
    this.#sending = sending
    this.#events = sending.events
    const send = origin.protocol === 'https:' ? httpsRequest : httpRequest
    this.#request = send({
      agent,
      host: origin.hostname.replace(/^\[|\]$/g, ''),
      port: origin.port,
      method: head.method,
      path: head.target,
      headers: head.headers,
      setHost: false,
      maxHeaderSize: responseHeaderLimit,
      insecureHTTPParser: false,
    })
    this.#listen()
    this.#wait(timeouts.connectMs, 'upstream-unreachable')
    if (head.hasBody) setImmediate(() => this.#flushHead())
  }

  write(chunk: Buffer): boolean {
    this.#isWritten = true
    const mayGoOn = this.#request.write(chunk)
    if (!mayGoOn) this.#awaitMachine()
    return mayGoOn
  }

  end(): void {
    this.#isWritten = true
    this.#request.end()
    this.#awaitMachine()
  }

  pause(): void {
    this.#response?.pause()
  }

  resume(): void {
    this.#response?.resume()
  }

  destroy(): void {
    this.#settle()
    this.#request.destroy()
  }

  #listen(): void {
    this.#request
      .on('socket', (socket) => {
        this.#whenConnected(socket)
      })
      .on('response', (response) => {
        this.#answer(response)
      })
      .on('information', () => {
        this.#interim += 1
        if (this.#interim > mostInterimResponses) this.#fail('upstream-invalid', 'too many interim responses')
      })
      .on('upgrade', (response, socket: Socket, early) => {
        if (this.#isSettled) socket.destroy()
        else this.#settle()?.onUpgrade(headOf(response), socket, early)
      })
      .on('drain', () => {
        if (this.#isConnected && !this.#request.writableEnded) this.#stopWaiting()
        if (!this.#isSettled) this.#events.onDrain()
      })
      .on('error', (error) => {
        this.#fail(codeOf(error), describeError(error), error)
      })
  }

  #whenConnected(socket: Socket): void {
    const proceed = (): void => {
      if (this.#isSettled) return
      this.#isConnected = true
      this.#stopWaiting()
      if (this.#request.writableEnded || this.#request.writableNeedDrain) this.#awaitMachine()
    }
    if (this.#request.reusedSocket) proceed()
    else socket.once('encrypted' in socket ? 'secureConnect' : 'connect', proceed)
  }

  #answer(response: IncomingMessage): void {
    this.#response = response
    this.#stopWaiting()
    response.on('error', (error) => {
      this.#fail('upstream-invalid', describeError(error), error)
    })
    response.on('close', () => {
      this.#fail('upstream-invalid', 'closed in the middle of the answer')
    })
    if (this.#isSettled) return
    this.#events.onResponse(headOf(response))
    // Data may flow from here on: whoever received the head has had the chance to destroy or pause.
    response.on('data', (chunk: Buffer) => {
      if (!this.#isSettled) this.#events.onData(chunk)
    })
    response.on('end', () => {
      if (response.complete) this.#settle()?.onEnd()
    })
  }

  /** A body that is slow to come must not hold back the head: the machine may refuse it by the head alone. */
  #flushHead(): void {
    // Not `flushHeaders`, which re-encodes header bytes above 0x7f.
    if (!this.#isWritten && !this.#isSettled) this.#request.write(nothing)
  }

  #awaitMachine(): void {
    if (this.#isConnected && this.#response === null)
      this.#wait(this.#sending.timeouts.firstByteMs, 'upstream-timeout')
  }

  #wait(delayMs: number, code: 'upstream-unreachable' | 'upstream-timeout'): void {
    this.#stopWaiting()
    if (this.#isSettled) return
    this.#timer = systemClock.after(delayMs, () => {
      this.#fail(code, `nothing within ${String(delayMs)} ms`)
    })
  }

  #stopWaiting(): void {
    this.#timer?.cancel()
    this.#timer = null
  }

  #settle(): UpstreamEvents | null {
    if (this.#isSettled) return null
    this.#isSettled = true
    this.#stopWaiting()
    return this.#events
  }

  #fail(code: FailureCode, problem: string, cause?: unknown): void {
    const events = this.#settle()
    if (events === null) return
    this.#request.destroy()
    this.#sending.onProblem(problem)
    events.onFailure(upstreamFailure(code, problem, cause))
  }
}

/** `HPE_…` are the parser's verdicts; all else happened below HTTP. */
function codeOf(error: Error): FailureCode {
  return 'code' in error && String(error.code).startsWith('HPE_')
    ? 'upstream-invalid'
    : 'upstream-unreachable'
}

function headOf(response: IncomingMessage): ResponseHead {
  return {
    status: response.statusCode ?? 0,
    reason: response.statusMessage ?? '',
    version: response.httpVersion,
    headers: response.rawHeaders,
  }
}
