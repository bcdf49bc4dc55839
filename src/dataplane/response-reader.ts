import type { LenientResponse } from '../model.js'
import type { Framing, ResponseHead } from './response-headers.js'

/** What a reader tells of one answer. After `onEnd`, `onSwitch` or a problem, nothing more. */
export interface ReaderEvents {
  onHead(head: ResponseHead): void
  /** Part of the content, without its framing. A view of what was taken, not a copy. */
  onData(chunk: Buffer): void
  onEnd(): void
  /** 101: what follows belongs to another protocol. */
  onSwitch(head: ResponseHead, early: Buffer): void
}

/** Bytes of one header section, or of the trailers. What browsers accept from any server is about four times this. */
const longestHead = 64 * 1024
const longestLenientHead = 256 * 1024
/** A machine that keeps saying "wait" holds the client for ever. */
const mostInterimResponses = 8
/** A chunk's size in hexadecimal, 13 digits of which are exact in a double, and its extensions (RFC 9112 §7.1.1). */
const chunkSize =
  /^([0-9A-Fa-f]{1,13})(?:;[\w!#$%&'*+\-.^`|~]+(?:=(?:[\w!#$%&'*+\-.^`|~]+|"(?:[\t !#-[\]-~]|\\[\t -~])*"))?)*$/
const longestChunkLine = 1_024

type State = 'head' | 'length' | 'chunk-size' | 'chunk-data' | 'chunk-end' | 'trailer' | 'close' | 'done'

/**
 * Reads the answers on one connection to a machine, strictly (RFC 9112): whatever could be read in two
 * ways is a problem and ends the connection, since the machine may be the attacker. It never accepts what
 * Node's own parser refuses, which a differential test holds it to, except what `lenient` names.
 *
 * Reads bytes and decides nothing: whether what was read may cross is for `readResponse` to say.
 */
export class ResponseReader {
  readonly #lenient: ReadonlySet<LenientResponse>
  readonly #longestHead: number
  #events: ReaderEvents | null = null
  #method = ''
  #state: State = 'done'
  /** Bytes of a head, or of a line, that is not complete. */
  readonly #held = new Held()
  #left = 0
  #interim = 0
  #trailerBytes = 0
  #mayReuse = false

  constructor(lenient: ReadonlySet<LenientResponse>) {
    this.#lenient = lenient
    this.#longestHead = lenient.has('oversized-header') ? longestLenientHead : longestHead
  }

  /** Expects the answer to a request. Whatever is left of the one before is forgotten. */
  begin(method: string, events: ReaderEvents): void {
    this.#method = method
    this.#events = events
    this.#state = 'head'
    this.#held.clear()
    this.#interim = 0
    this.#mayReuse = false
  }

  /** Whether the answer is complete and another may follow on the connection. */
  get mayReuse(): boolean {
    return this.#mayReuse && this.#state === 'done'
  }

  /** Tells nothing more of this answer. */
  stop(): void {
    this.#events = null
    this.#state = 'done'
    this.#mayReuse = false
  }

  /** Takes what the machine sent. Returns what is wrong with it, or null. */
  take(chunk: Buffer): string | null {
    let at = 0
    while (at < chunk.length) {
      const next = this.#step(chunk, at)
      if (typeof next === 'string') {
        this.stop()
        return next
      }
      at = next
    }
    return null
  }

  /** The machine has closed its side. Returns what is missing, or null when that was the end of the answer. */
  close(): string | null {
    if (this.#state === 'done') return null
    if (this.#state !== 'close') {
      const problem =
        this.#state === 'head' ? 'closed without an answer' : 'closed in the middle of the answer'
      this.stop()
      return problem
    }
    this.#finish()
    return null
  }

  /** Returns the position behind what was read, or what is wrong. */
  #step(chunk: Buffer, at: number): number | string {
    switch (this.#state) {
      case 'head':
        return this.#readHead(chunk, at)
      case 'length':
      case 'chunk-data':
        return this.#readCounted(chunk, at)
      case 'close':
        this.#emitData(chunk, at, chunk.length)
        return chunk.length
      case 'chunk-size':
      case 'chunk-end':
      case 'trailer':
        return this.#readLine(chunk, at)
      case 'done':
        // Unasked: nobody's answer, and what follows on this connection would be nobody's either.
        this.#mayReuse = false
        return chunk.length
    }
  }

  #readHead(chunk: Buffer, at: number): number | string {
    const end = this.#held.isEmpty && at === 0 ? this.#endOfHead(chunk, 0) : -1
    if (end > 0) {
      // The usual case, without a copy.
      if (end > this.#longestHead) return 'header section too large'
      return this.#takeHead(chunk.toString('latin1', 0, end), chunk, end)
    }
    const before = this.#held.length
    this.#held.add(at === 0 ? chunk : chunk.subarray(at), this.#longestHead + 1)
    // Who does not even begin like HTTP is not waited for.
    const beginning = this.#held.bytes.toString('latin1', 0, protocol.length)
    if (!protocol.startsWith(beginning)) return 'status line'
    const found = this.#endOfHead(this.#held.bytes, Math.max(0, before - 3))
    if (found === -1) return this.#held.length > this.#longestHead ? 'header section too large' : chunk.length
    if (found > this.#longestHead) return 'header section too large'
    const text = this.#held.bytes.toString('latin1', 0, found)
    this.#held.clear()
    return this.#takeHead(text, chunk, at + found - before)
  }

  /** Where the header section ends, its empty line included; -1 while it goes on. */
  #endOfHead(bytes: Buffer, from: number): number {
    if (!this.#lenient.has('bare-line-feed')) {
      const end = bytes.indexOf('\r\n\r\n', from, 'latin1')
      return end === -1 ? -1 : end + 4
    }
    for (let end = bytes.indexOf(10, from); end !== -1; end = bytes.indexOf(10, end + 1)) {
      if (bytes[end + 1] === 10) return end + 2
      if (bytes[end + 1] === 13 && bytes[end + 2] === 10) return end + 3
    }
    return -1
  }

  #takeHead(text: string, chunk: Buffer, next: number): number | string {
    const head = readHead(text, this.#method, this.#lenient)
    if (typeof head === 'string') return head
    if (head.status === 101) {
      const events = this.#events
      this.stop()
      events?.onSwitch(head, chunk.subarray(next))
      return chunk.length
    }
    if (head.status < 200) {
      // It says that nothing follows, and what follows would be taken for the answer.
      if (!head.mayReuse) return 'interim response that ends the connection'
      this.#interim += 1
      return this.#interim > mostInterimResponses ? 'too many interim responses' : next
    }
    this.#mayReuse = head.mayReuse
    this.#expectBody(head.framing)
    this.#events?.onHead(head)
    if (head.framing.kind === 'none' || (head.framing.kind === 'length' && head.framing.bytes === 0))
      this.#finish()
    return next
  }

  #expectBody(framing: Framing): void {
    this.#trailerBytes = 0
    if (framing.kind === 'chunked') this.#state = 'chunk-size'
    else if (framing.kind === 'close') this.#state = 'close'
    else {
      this.#state = 'length'
      this.#left = framing.kind === 'length' ? framing.bytes : 0
    }
  }

  #readCounted(chunk: Buffer, at: number): number {
    const end = Math.min(chunk.length, at + this.#left)
    this.#left -= end - at
    // Before it is told: whoever hears of the last byte may ask whether it was the last.
    const isLast = this.#left === 0
    const wasChunked = this.#state === 'chunk-data'
    this.#emitData(chunk, at, end)
    if (!isLast) return end
    if (wasChunked && this.#state === 'chunk-data') this.#state = 'chunk-end'
    else if (this.#state === 'length') this.#finish()
    return end
  }

  #emitData(chunk: Buffer, from: number, to: number): void {
    this.#events?.onData(from === 0 && to === chunk.length ? chunk : chunk.subarray(from, to))
  }

  #readLine(chunk: Buffer, at: number): number | string {
    const feed = chunk.indexOf(10, at)
    const end = feed === -1 ? chunk.length : feed + 1
    const longest = this.#state === 'trailer' ? this.#longestHead : longestChunkLine
    if (this.#held.length + end - at > longest) return 'chunk line too long'
    if (feed === -1) {
      this.#held.add(chunk.subarray(at, end), longest)
      return end
    }
    let line = chunk.toString('latin1', at, end)
    if (!this.#held.isEmpty) {
      line = this.#held.bytes.toString('latin1', 0, this.#held.length) + line
      this.#held.clear()
    }
    const text = this.#withoutEnd(line)
    if (text === null) return 'bare line feed in the chunks'
    return this.#takeLine(text, line.length) ?? end
  }

  #withoutEnd(line: string): string | null {
    if (line.endsWith('\r\n')) return line.slice(0, -2)
    return this.#lenient.has('bare-line-feed') ? line.slice(0, -1) : null
  }

  #takeLine(line: string, bytes: number): string | null {
    if (this.#state === 'chunk-end') {
      this.#state = 'chunk-size'
      return line === '' ? null : 'chunk longer than its size'
    }
    if (this.#state === 'trailer') {
      if (line === '') this.#finish()
      this.#trailerBytes += bytes
      if (this.#trailerBytes > this.#longestHead) return 'trailers too large'
      return line === '' || mayTrail(line) ? null : 'trailer'
    }
    const size = chunkSize.exec(line)?.[1]
    if (size === undefined) return 'chunk size'
    this.#left = parseInt(size, 16)
    this.#state = this.#left === 0 ? 'trailer' : 'chunk-data'
    return null
  }

  #finish(): void {
    this.#state = 'done'
    const events = this.#events
    this.#events = null
    events?.onEnd()
  }
}

// ── heads ────────────────────────────────────────────────────────────────────────────────────────

const protocol = 'HTTP/1.'
const statusLine = /^HTTP\/(1\.[01]) ([1-5][0-9]{2})(?: (.*))?$/
/** Also a CR or LF that is no line end. */
const unfit = /[^\t\r\n\x20-\x7e\x80-\xff]|\r(?!\n)|(?<!\r)\n/
const unfitBesidesLineFeeds = /[^\t\r\n\x20-\x7e\x80-\xff]|\r(?!\n)/
const fold = /\r?\n[\t ]+/g
/** A blank to RFC 9110 §5.6.3, but some readers take `chunked` with a tab behind it for another coding. */
const framingBeforeTab = /^(?:content-length|transfer-encoding):[^\n]*\t *\r?$/im
const framingName = /^(?:content-length|transfer-encoding)$/i
const token = /^[A-Za-z0-9!#$%&'*+\-.^_`|~]+$/

/** @param text with its empty line */
function readHead(
  text: string,
  method: string,
  lenient: ReadonlySet<LenientResponse>,
): (ResponseHead & { readonly mayReuse: boolean }) | string {
  const takesLineFeeds = lenient.has('bare-line-feed')
  if ((takesLineFeeds ? unfitBesidesLineFeeds : unfit).test(text))
    return 'control character in the header section'
  const unfolded = lenient.has('folded-header') ? text.replace(fold, ' ') : text
  if (unfolded.includes('\t') && framingBeforeTab.test(unfolded)) return 'tab behind what frames'
  const lines = takesLineFeeds ? unfolded.split(/\r?\n/) : unfolded.split('\r\n')
  const status = statusLine.exec(lines[0] ?? '')
  if (status === null) return 'status line'
  const headers: string[] = []
  // The last two are the empty line and what follows it, which is nothing.
  for (let i = 1; i < lines.length - 2; i++) {
    const line = lines[i] ?? ''
    const colon = line.indexOf(':')
    const name = line.slice(0, colon)
    if (colon < 1 || !token.test(name)) return 'header name'
    headers.push(name, withoutBlanks(line, colon + 1))
  }
  const [, version, code, reason = ''] = status
  const head = {
    status: Number(code),
    reason,
    version: version === '1.0' ? ('1.0' as const) : ('1.1' as const),
    headers,
  }
  return withFraming(head, method, lenient)
}

/** Also not what frames: it would come too late, unless for another reader (RFC 9110 §6.5.1). */
function mayTrail(line: string): boolean {
  const colon = line.indexOf(':')
  const name = line.slice(0, colon)
  return colon > 0 && token.test(name) && !framingName.test(name) && !unfit.test(line)
}

/** RFC 9110 §5.6.3: blanks around a value are not part of it; only space and tab are blanks. */
function withoutBlanks(line: string, from: number): string {
  let start = from
  let end = line.length
  while (start < end && isBlank(line.charCodeAt(start))) start += 1
  while (end > start && isBlank(line.charCodeAt(end - 1))) end -= 1
  return line.slice(start, end)
}

function isBlank(code: number): boolean {
  return code === 0x20 || code === 0x09
}

const contentLength = /^[0-9]{1,15}$/
const closing = /(?:^|,)[\t ]*close[\t ]*(?:,|$)/i

/** RFC 9112 §6.3, with everything that is a guess refused. */
function withFraming(
  head: Omit<ResponseHead, 'framing'>,
  method: string,
  lenient: ReadonlySet<LenientResponse>,
): (ResponseHead & { readonly mayReuse: boolean }) | string {
  let length: string | undefined
  let coding: string | undefined
  let mayReuse = head.version === '1.1'
  for (let i = 0; i < head.headers.length; i += 2) {
    const name = head.headers[i] ?? ''
    // By length first: comparing every name in lower case costs more than the rest of the loop.
    if (name.length !== 14 && name.length !== 17 && name.length !== 10 && name.length !== 16) continue
    const key = name.toLowerCase()
    const value = head.headers[i + 1] ?? ''
    if (key === 'content-length') {
      if (length !== undefined || !contentLength.test(value)) return 'content length'
      length = value
    } else if (key === 'transfer-encoding') {
      if (coding !== undefined || value.toLowerCase() !== 'chunked' || head.version !== '1.1')
        return 'transfer coding'
      coding = value
    } else if (key === 'connection' || key === 'proxy-connection') {
      if (closing.test(value)) mayReuse = false
    }
  }
  if (coding !== undefined && length !== undefined) {
    if (!lenient.has('length-with-coding')) return 'content length with transfer coding'
    // RFC 9112 §6.3: the coding counts, and the connection ends with the answer.
    length = undefined
    mayReuse = false
  }
  const framing = framingOf(head.status, method, length, coding)
  return { ...head, framing, mayReuse: mayReuse && framing.kind !== 'close' }
}

function framingOf(
  status: number,
  method: string,
  length: string | undefined,
  coding: string | undefined,
): Framing {
  const bytes = length === undefined ? null : Number(length)
  if (method === 'HEAD' || status === 204 || status === 304 || status < 200) return { kind: 'none', bytes }
  if (coding !== undefined) return { kind: 'chunked', bytes: null }
  return bytes === null ? { kind: 'close', bytes } : { kind: 'length', bytes }
}

/** Bytes that wait for more, in a buffer that doubles: a machine may send them one by one. */
class Held {
  #buffer = nothing
  #length = 0

  get isEmpty(): boolean {
    return this.#length === 0
  }

  get length(): number {
    return this.#length
  }

  get bytes(): Buffer {
    return this.#buffer.subarray(0, this.#length)
  }

  /** Keeps at most `limit` bytes in all. */
  add(chunk: Buffer, limit: number): void {
    const wanted = Math.min(this.#length + chunk.length, limit)
    if (wanted > this.#buffer.length) {
      const larger = Buffer.allocUnsafeSlow(Math.min(Math.max(256, 2 * wanted), limit))
      this.#buffer.copy(larger, 0, 0, this.#length)
      this.#buffer = larger
    }
    chunk.copy(this.#buffer, this.#length, 0, wanted - this.#length)
    this.#length = wanted
  }

  clear(): void {
    this.#length = 0
    this.#buffer = nothing
  }
}

const nothing: Buffer = Buffer.alloc(0)
