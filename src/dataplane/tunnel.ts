import type { Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { systemClock, type Timer } from '../lib/index.js'
import type { CutCause } from '../model.js'
import type { ForwardOutcome } from './exchange.js'
import { closeCodes, closeFrame, FrameTracker, isControlOpcode } from './frames.js'
import { Stillness, type Pace, type Paced } from './pace.js'
import { bytesTaken, ignore, onceClosed } from './sockets.js'
import type { LiveStream } from './streams.js'

interface TunnelOptions {
  readonly client: Socket
  readonly upstream: Socket
  readonly stream: LiveStream
  readonly pace: Pace
  /** How long both sides may be silent. */
  readonly idleMs: number
}

/** What either side sent before the tunnel stood. */
interface Early {
  readonly client: Buffer
  readonly upstream: Buffer
}

/** Passes the bytes of an established WebSocket both ways until one side, or the gateway, ends it. */
export function runTunnel(options: TunnelOptions, early: Early): Promise<ForwardOutcome> {
  return new Promise((resolve) => {
    new Tunnel(options, resolve).start(early)
  })
}

/**
 * How long a closing may take: to say why, when the stream is cut (R1 leaves a second in all), and to
 * deliver what is under way, when a side left by itself. Real time, not the injected clock's: it bounds
 * the operating system's work and decides nothing.
 */
const cutGraceMs = 400
const closingGraceMs = 5_000
/** What had begun when a grant turned read-only may pass whole; as one endless message it would be a way around that. */
const messageGraceMs = 30_000
/** Finds a peer that vanished without a word; browsers and machines lose their cable. */
const probeAfterMs = 30_000

class Tunnel implements Paced {
  place = -1
  readonly #options: TunnelOptions
  readonly #resolve: (outcome: ForwardOutcome) => void
  readonly #up: Lane
  readonly #down: Lane
  #outcome: ForwardOutcome | null = null
  #grace: Timer | null = null
  /** The client has said something that the machine did not hear. */
  #hasGap = false
  /** By the clock of the ticks; null while it may say everything. */
  #viewOnlySince: number | null = null
  readonly #stalled = new Stillness()
  readonly #idle = new Stillness()

  constructor(options: TunnelOptions, resolve: (outcome: ForwardOutcome) => void) {
    const { client, upstream } = options
    this.#options = options
    this.#resolve = resolve
    const mayPass = (opcode: number): boolean => this.#mayPass(opcode)
    this.#up = new Lane(client, upstream, new FrameTracker('client', mayPass))
    this.#down = new Lane(upstream, client, new FrameTracker('server'))
  }

  start(early: Early): void {
    const { client, upstream, stream, pace } = this.#options
    pace.watch(this)
    for (const socket of [client, upstream]) {
      socket.on('error', ignore)
      socket.setTimeout(0)
      socket.setNoDelay(true)
      socket.setKeepAlive(true, probeAfterMs)
      onceClosed(socket, () => {
        this.#closed()
      })
    }
    stream.onCut((cause) => {
      this.#cut(cause)
    })
    this.#down.start(early.upstream, {
      broken: () => this.#refuse('upstream'),
      ended: () => this.#end('upstream'),
    })
    this.#up.start(early.client, { broken: () => this.#refuse('client'), ended: () => this.#end('client') })
  }

  /**
   * A conversation that goes on behind a gap is another one than either side believes it to be, and compressed
   * (RFC 7692) it is not even that: it unpacks to what nobody said. So nothing passes any more.
   */
  #mayPass(opcode: number): boolean {
    if (isControlOpcode(opcode)) return true
    this.#hasGap ||= this.#options.stream.isViewOnly
    return !this.#hasGap
  }

  tick(nowMs: number): void {
    const { client, stream, pace, idleMs } = this.#options
    // To be opened anew, now that it may be more than looking.
    if (this.#hasGap && !stream.isViewOnly) this.#cut('grant-extended')
    this.#viewOnlySince = stream.isViewOnly ? (this.#viewOnlySince ?? nowMs) : null
    const isOverdue = this.#viewOnlySince !== null && nowMs - this.#viewOnlySince >= messageGraceMs
    if (isOverdue && this.#up.frames.isInMessage) this.#cut('grant-read-only')
    const isStill = this.#stalled.of(bytesTaken(client), nowMs) >= pace.stalledMs
    if (isStill && client.writableLength > 0) this.#cut('client-stalled')
    else if (this.#idle.of(this.#up.bytes + this.#down.bytes, nowMs) >= idleMs) this.#cut('idle')
  }

  /** Says why, to whoever can still be told: the browser shows the reason, the machine sees a normal leave. */
  #cut(cause: CutCause): void {
    const code = cause === 'gateway-stopping' ? closeCodes.goingAway : closeCodes.policyViolation
    this.#close('cut', cause, { client: [code, cause], upstream: [closeCodes.goingAway, ''] })
  }

  #refuse(offender: 'client' | 'upstream'): void {
    const end = offender === 'client' ? 'client-closed' : 'upstream-failed'
    const why = [closeCodes.protocolError, ''] as const
    this.#close(end, null, { client: why, upstream: [closeCodes.goingAway, ''] })
  }

  #end(side: 'client' | 'upstream'): void {
    const isOrderly = this.#up.frames.hasClosed || this.#down.frames.hasClosed
    const early = side === 'client' ? 'client-closed' : 'upstream-failed'
    this.#close(isOrderly ? 'complete' : early, null, { client: null, upstream: [closeCodes.goingAway, ''] })
  }

  #close(end: ForwardOutcome['end'], cause: CutCause | null, words: Farewell): void {
    if (this.#outcome !== null) return
    this.#options.pace.forget(this)
    this.#outcome = { status: 101, bytesUp: this.#up.bytes, bytesDown: this.#down.bytes, end, cause }
    this.#up.stop()
    this.#down.stop()
    const { client, upstream } = this.#options
    this.#down.finish(words.client && closeFrame('server', ...words.client))
    this.#up.finish(words.upstream && closeFrame('client', ...words.upstream))
    const graceMs = cause === null ? closingGraceMs : cutGraceMs
    this.#grace = systemClock.after(graceMs, () => {
      client.destroy()
      upstream.destroy()
    })
    this.#closed()
  }

  #closed(): void {
    const { client, upstream } = this.#options
    if (this.#outcome === null) this.#end(client.destroyed ? 'client' : 'upstream')
    else if (client.destroyed && upstream.destroyed) {
      this.#grace?.cancel()
      this.#resolve(this.#outcome)
    }
  }
}

type Words = readonly [code: number, reason: string]
interface Farewell {
  readonly client: Words | null
  readonly upstream: Words | null
}

/** One direction. */
class Lane {
  readonly frames: FrameTracker
  bytes = 0
  readonly #from: Duplex
  readonly #to: Duplex
  #isStopped = false

  constructor(from: Duplex, to: Duplex, frames: FrameTracker) {
    this.#from = from
    this.#to = to
    this.frames = frames
  }

  start(early: Buffer, on: { broken: () => void; ended: () => void }): void {
    const pass = (chunk: Buffer): void => {
      if (this.#isStopped) return
      const parts = this.frames.take(chunk)
      if (parts === null) on.broken()
      else this.#write(parts)
    }
    this.#to.on('drain', () => this.#from.resume())
    this.#from.on('end', on.ended)
    if (early.length > 0) pass(early)
    this.#from.on('data', pass)
    this.#from.resume()
  }

  #write(parts: readonly Buffer[]): void {
    for (const part of parts) {
      this.bytes += part.length
      if (!this.#to.write(part)) this.#from.pause()
    }
  }

  /** Nothing more passes; what still comes is read and forgotten, so that the end is noticed. */
  stop(): void {
    this.#isStopped = true
    this.#from.resume()
  }

  /**
   * Ends the receiving side, with `farewell` if a frame may follow here. In the middle of a frame
   * anything we wrote would be taken for its rest, so the connection is broken off instead.
   */
  finish(farewell: Buffer | null): void {
    if (this.#to.writableEnded || this.#to.destroyed) return
    if (!this.frames.isAtBoundary) this.#to.destroy()
    else if (farewell === null || this.frames.hasClosed) this.#to.end()
    else this.#to.end(farewell)
  }
}
