import type { Socket } from 'node:net'
import type { GatehouseError } from '../lib/index.js'
import type { NormalisedRequest } from './normalise.js'
import type { ResponseHead } from './response-headers.js'
import { valuesOf } from './response-headers.js'
import type { RequestHead, Upstream, UpstreamEvents } from './upstream.js'

/**
 * The machine as it is, but for pages that the browser asks for to show as a whole: behind the last byte of those
 * comes `tail`, in ASCII. At the end, because nothing before it then changes: neither what browsers look for in the
 * first bytes (doctype, charset), nor how the page builds up. They run a script behind `</html>` like any other.
 */
export function withPageTail(upstream: Upstream, request: NormalisedRequest, tail: Buffer): Upstream {
  // Frames and what scripts fetch stay as they are: one notice a window, and none in somebody's data.
  const isPage = request.header('sec-fetch-dest') === 'document'
  return {
    origin: upstream.origin,
    send: (head, events) =>
      upstream.send(isPage ? askedWhole(head) : head, new TailedAnswer(events, isPage ? tail : null)),
  }
}

/** What would be answered with a coding to undo, or with leave to show a page kept from before. */
const askedForLess = new Set(['accept-encoding', 'if-none-match', 'if-modified-since'])

function askedWhole(head: RequestHead): RequestHead {
  return { ...head, headers: [...without(head.headers, askedForLess), 'Accept-Encoding', 'identity'] }
}

/** They describe or name the bytes as the machine sent them, and would now be wrong of those we send. */
const ofOriginalBytes = new Set([
  'accept-ranges',
  'content-digest',
  'content-length',
  'content-md5',
  'digest',
  'etag',
  'last-modified',
  'repr-digest',
  'signature',
  'signature-input',
])

const htmlType = /^text\/html[\t ]*(?:;|$)/i
const charsetOf = /;[\t ]*charset[\t ]*=[\t ]*"?([^\t ";]*)/i
/** Labels (WHATWG Encoding §4.2) of charsets in which ASCII stays ASCII wherever it stands. */
const asciiSafe =
  /^(?:|utf-?8|(?:us-)?ascii|latin[1-6]|l[1-6]|iso[-_]?8859[-_]?\d+(?:[-:]\w+)?|(?:windows|x-cp|cp)-?125\d|koi8-[ru]|macintosh|gb(?:k|2312|18030)|x-gbk|big5(?:-hkscs)?|(?:x-)?euc-(?:jp|kr)|shift[-_]jis|(?:x-)?sjis|windows-(?:31j|874|949))$/i

/** How much of a page is looked at to believe that it is one. */
const beginningBytes = 1_024
/**
 * Old machines call everything `text/html`, also what is downloaded and must not change. Found as ASCII, it proves
 * too that the page is not in UTF-16, whatever a byte order mark makes of the header.
 */
const pageSign = /<(?:!doctype\s+html|html|head|body)[\s>]/i

/** Passes an answer on, and `tail` behind it if it turns out to be a page. */
class TailedAnswer implements UpstreamEvents {
  readonly #events: UpstreamEvents
  #tail: Buffer | null
  #beginning = ''

  constructor(events: UpstreamEvents, tail: Buffer | null) {
    this.#events = events
    this.#tail = tail
  }

  onResponse(head: ResponseHead): void {
    if (!mayTakeTail(head)) this.#tail = null
    // From here on framed by chunks: only at its end is it known whether anything is added.
    const passed: ResponseHead =
      this.#tail === null
        ? head
        : {
            ...head,
            headers: without(head.headers, ofOriginalBytes),
            framing: { kind: 'chunked', bytes: null },
          }
    this.#events.onResponse(isHtml(head) ? varying(passed) : passed)
  }

  onData(chunk: Buffer): void {
    if (this.#tail !== null && this.#beginning.length < beginningBytes)
      this.#beginning += chunk.toString('latin1', 0, beginningBytes - this.#beginning.length)
    this.#events.onData(chunk)
  }

  onEnd(): void {
    if (this.#tail !== null && pageSign.test(this.#beginning)) this.#events.onData(this.#tail)
    this.#events.onEnd()
  }

  onPause(): void {
    this.#events.onPause()
  }

  onDrain(): void {
    this.#events.onDrain()
  }

  onUpgrade(head: ResponseHead, socket: Socket, early: Buffer): void {
    this.#events.onUpgrade(head, socket, early)
  }

  onFailure(failure: GatehouseError): void {
    this.#events.onFailure(failure)
  }
}

/** Whole, plain, shown, in a charset that takes ASCII, and not one that the machine forbids to change. */
function mayTakeTail(head: ResponseHead): boolean {
  const [type = ''] = valuesOf(head, 'content-type')
  const has = (name: string): boolean => valuesOf(head, name).length > 0
  return (
    head.status === 200 &&
    head.framing.kind !== 'none' &&
    isHtml(head) &&
    asciiSafe.test(charsetOf.exec(type)?.[1] ?? '') &&
    !has('content-encoding') &&
    !has('content-range') &&
    // RFC 6266 §4.2: whatever is not `inline` is to be kept as a file.
    valuesOf(head, 'content-disposition').every((value) => /^inline\b/i.test(value)) &&
    // RFC 9110 §7.7
    !valuesOf(head, 'cache-control').some((value) => /\bno-transform\b/i.test(value))
  )
}

function isHtml(head: ResponseHead): boolean {
  const types = valuesOf(head, 'content-type')
  return types.length === 1 && htmlType.test(types[0] ?? '')
}

/** A page kept from a script's request must not be shown as a whole one, nor the other way round (RFC 9110 §12.5.5). */
function varying(head: ResponseHead): ResponseHead {
  return { ...head, headers: [...head.headers, 'Vary', 'Sec-Fetch-Dest'] }
}

/** @param names in lower case */
function without(headers: readonly string[], names: ReadonlySet<string>): string[] {
  const kept: string[] = []
  for (let i = 0; i < headers.length; i += 2) {
    const name = headers[i] ?? ''
    if (!names.has(name.toLowerCase())) kept.push(name, headers[i + 1] ?? '')
  }
  return kept
}
