import { randomBytes } from 'node:crypto'

const passesAll = (): boolean => true

/** RFC 6455 §5.2: the kinds of frame that carry no data. */
const opcodes = { close: 0x8, ping: 0x9, pong: 0xa } as const

const longestControlPayload = 125
/** Another byte of length beyond this, and it is no safe integer; no message is that long. */
const longestBeforeLastByte = 2 ** 45

/**
 * Follows one direction of a WebSocket by the frames' heads alone, however the bytes are cut into
 * chunks: enough to know when a frame of our own may be put in between, and what kind each frame is.
 * Payloads are never unmasked or kept.
 */
export class FrameTracker {
  readonly #isMasked: boolean
  readonly #passes: (opcode: number) => boolean
  /** Position in the head of the current frame; -1 while its payload runs, 0 between frames. */
  #headAt = 0
  #headLength = 2
  #lengthBytes = 0
  #payloadLeft = 0
  #isControl = false
  #isPassed = true
  /** Whether a message has begun whose last frame has not, and whether that message passes. */
  #isMessageOpen = false
  #isMessagePassed = true
  #hasClosed = false

  /**
   * @param sender a client masks every frame, a server none (RFC 6455 §5.1)
   * @param passes which frames `take` lets through, by opcode; all of them by default. Asked once for each message,
   *   so that none is passed in part, however the answer changes meanwhile
   */
  constructor(sender: 'client' | 'server', passes: (opcode: number) => boolean = passesAll) {
    this.#isMasked = sender === 'client'
    this.#passes = passes
  }

  /** Whether the bytes taken so far end where a frame ends. */
  get isAtBoundary(): boolean {
    return this.#headAt === 0
  }

  /** Whether the beginning of a message has passed and its end has not. */
  get isInMessage(): boolean {
    const isInFrame = this.#headAt !== 0 && !this.#isControl
    return this.#isMessagePassed && (this.#isMessageOpen || isInFrame)
  }

  /** Whether a close frame has begun to pass; nothing may follow one (RFC 6455 §5.5.1). */
  get hasClosed(): boolean {
    return this.#hasClosed
  }

  /** The parts of `chunk` that may pass; null when it breaks the protocol, after which nothing may. */
  take(chunk: Buffer): Buffer[] | null {
    const parts: Buffer[] = []
    let from = 0
    let at = 0
    const keep = (to: number): void => {
      if (this.#isPassed && to > from)
        parts.push(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to))
      from = to
    }
    while (at < chunk.length) {
      if (this.#headAt === -1) {
        const step = Math.min(this.#payloadLeft, chunk.length - at)
        this.#payloadLeft -= step
        at += step
        if (this.#payloadLeft === 0) this.#headAt = 0
        continue
      }
      const byte = chunk[at] ?? 0
      if (this.#headAt === 0) {
        const isPassed = this.#judge(byte & 0x0f, (byte & 0x80) !== 0)
        if (isPassed !== this.#isPassed) keep(at)
        this.#isPassed = isPassed
      }
      if (!this.#takeHeadByte(byte)) return null
      at += 1
    }
    keep(at)
    return parts
  }

  /** RFC 6455 §5.4: frames of opcode 0 continue a message, and control frames may stand between them. */
  #judge(opcode: number, isLast: boolean): boolean {
    if ((opcode & 0x08) !== 0) return this.#passes(opcode)
    if (opcode !== 0 || !this.#isMessageOpen) this.#isMessagePassed = this.#passes(opcode)
    this.#isMessageOpen = !isLast
    return this.#isMessagePassed
  }

  /** False when the byte breaks the protocol. */
  #takeHeadByte(byte: number): boolean {
    const at = this.#headAt
    this.#headAt += 1
    if (at === 0) {
      this.#isControl = (byte & 0x08) !== 0
      this.#payloadLeft = 0
      if (byte === (0x80 | opcodes.close) && this.#isPassed) this.#hasClosed = true
      // RFC 6455 §5.5: control frames are not fragmented.
      return !this.#isControl || (byte & 0x80) !== 0
    }
    if (at === 1) return this.#takeShortLength(byte)
    if (at < 2 + this.#lengthBytes) {
      if (this.#payloadLeft >= longestBeforeLastByte) return false
      this.#payloadLeft = this.#payloadLeft * 256 + byte
    }
    return this.#headAt < this.#headLength || this.#beginPayload()
  }

  #takeShortLength(byte: number): boolean {
    const length = byte & 0x7f
    const isMasked = (byte & 0x80) !== 0
    if (isMasked !== this.#isMasked || (this.#isControl && length > longestControlPayload)) return false
    this.#lengthBytes = length === 127 ? 8 : length === 126 ? 2 : 0
    this.#payloadLeft = this.#lengthBytes === 0 ? length : 0
    this.#headLength = 2 + this.#lengthBytes + (isMasked ? 4 : 0)
    return this.#headAt < this.#headLength || this.#beginPayload()
  }

  #beginPayload(): boolean {
    // RFC 6455 §5.2: the shortest form of a length. Two readings of one frame would be two messages.
    const least = this.#lengthBytes === 8 ? 65_536 : this.#lengthBytes === 2 ? 126 : 0
    if (this.#payloadLeft < least) return false
    this.#headAt = this.#payloadLeft === 0 ? 0 : -1
    return true
  }
}

/** Only what keeps the connection alive or ends it; nothing that a machine would act on. */
export function isControlOpcode(opcode: number): boolean {
  return opcode === opcodes.close || opcode === opcodes.ping || opcode === opcodes.pong
}

/** RFC 6455 §7.4.1. */
export const closeCodes = { goingAway: 1001, protocolError: 1002, policyViolation: 1008 } as const

/** A whole close frame. `reason` is ASCII of at most 123 characters. */
export function closeFrame(sender: 'client' | 'server', code: number, reason: string): Buffer {
  const payload = Buffer.alloc(2 + reason.length)
  payload.writeUInt16BE(code)
  payload.write(reason, 2, 'latin1')
  const opening = 0x80 | opcodes.close
  if (sender === 'server') return Buffer.concat([Buffer.from([opening, payload.length]), payload])
  const mask = randomBytes(4)
  for (let i = 0; i < payload.length; i++) payload[i] = (payload[i] ?? 0) ^ (mask[i % 4] ?? 0)
  return Buffer.concat([Buffer.from([opening, 0x80 | payload.length]), mask, payload])
}
