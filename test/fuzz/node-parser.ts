import { createRequire } from 'node:module'
import type { LenientResponse } from '../../src/model.js'

interface ParseError extends Error {
  readonly reason: string
}
interface HttpParser {
  initialize(type: number, resource: object, maxHeaderSize: number, leniency: number): void
  execute(bytes: Buffer): number | ParseError
  finish(): ParseError | undefined
  [callback: number]: (...facts: never[]) => unknown
}
type Constants = Readonly<
  Record<
    | 'REQUEST'
    | 'RESPONSE'
    | 'kOnHeaders'
    | 'kOnHeadersComplete'
    | 'kOnBody'
    | 'kOnMessageComplete'
    | 'kLenientNone'
    | 'kLenientChunkedLength'
    | 'kLenientOptionalCRBeforeLF',
    number
  >
>
/** Node's own parser, as its client and server use it. */
const { HTTPParser, methods } = createRequire(import.meta.url)('node:_http_common') as {
  readonly HTTPParser: Constants & (new () => HttpParser)
  readonly methods: readonly string[]
}

export interface NodeMessage {
  readonly method: string
  readonly target: string
  readonly status: number
  readonly reason: string
  readonly version: string
  /** Flat, as sent; trailers are left out. */
  readonly headers: string[]
  /** Latin-1. */
  body: string
  readonly isSwitched: boolean
  readonly mayReuse: boolean
  /** Which of the pieces, counted from one, completed it; `Infinity` for the end of the connection. */
  endedIn: number | null
}

/** What Node has for our openings. */
const leniencies: Readonly<Record<LenientResponse, number>> = {
  'bare-line-feed': HTTPParser.kLenientOptionalCRBeforeLF,
  'folded-header': 0,
  'length-with-coding': HTTPParser.kLenientChunkedLength,
  'oversized-header': 0,
}

const parser = new HTTPParser()
const largestHeader = 2 ** 20
let messages: NodeMessage[] = []
/** Of a long header section, told in parts. */
let early: { headers: string[]; target: string } = { headers: [], target: '' }
let piece = 0
let skipsBody = false

parser[HTTPParser.kOnHeaders] = (headers: string[], target: string): void => {
  if (messages.at(-1)?.endedIn === null) return
  early.headers.push(...headers)
  early.target += target
}
parser[HTTPParser.kOnHeadersComplete] = (
  major: number,
  minor: number,
  headers: string[] | undefined,
  method: number | undefined,
  target: string | undefined,
  status: number | undefined,
  reason: string | undefined,
  isSwitched: boolean,
  mayReuse: boolean,
): number => {
  messages.push({
    method: method === undefined ? '' : (methods[method] ?? ''),
    target: target ?? early.target,
    status: status ?? 0,
    reason: reason ?? '',
    version: `${major}.${minor}`,
    headers: headers ?? early.headers,
    body: '',
    isSwitched,
    mayReuse,
    endedIn: null,
  })
  early = { headers: [], target: '' }
  // As Node's client answers: 2 for a switch, 1 where no body follows whatever the header says.
  if (isSwitched) return 2
  return skipsBody || (status !== undefined && status < 200) ? 1 : 0
}
parser[HTTPParser.kOnBody] = (bytes: Buffer): void => {
  const message = messages.at(-1)
  if (message !== undefined) message.body += bytes.toString('latin1')
}
parser[HTTPParser.kOnMessageComplete] = (): void => {
  const message = messages.at(-1)
  if (message !== undefined) message.endedIn = piece
}

/** What Node reads in bytes that come in these pieces, up to where it gives up. */
export function readByNode(
  pieces: readonly Buffer[],
  options: {
    readonly type: 'REQUEST' | 'RESPONSE'
    readonly skipsBody?: boolean
    readonly closes?: boolean
    readonly lenient?: readonly LenientResponse[]
  },
): { readonly messages: readonly NodeMessage[]; readonly problem: string | null } {
  messages = []
  early = { headers: [], target: '' }
  piece = 0
  skipsBody = options.skipsBody ?? false
  const leniency = (options.lenient ?? []).reduce(
    (flags, name) => flags | leniencies[name],
    HTTPParser.kLenientNone,
  )
  parser.initialize(HTTPParser[options.type], {}, largestHeader, leniency)
  for (const bytes of pieces) {
    piece += 1
    if (bytes.length === 0) continue
    const taken = parser.execute(bytes)
    if (typeof taken !== 'number') return { messages, problem: taken.reason }
    // What follows a switch is not read.
    if (messages.at(-1)?.isSwitched === true) return { messages, problem: null }
  }
  piece = Infinity
  const problem = options.closes === true ? parser.finish() : undefined
  return { messages, problem: problem?.reason ?? null }
}

/** A body as one chunk, and the last. */
export function chunks(body: string): string {
  return (body === '' ? '' : `${body.length.toString(16)}\r\n${body}\r\n`) + '0\r\n\r\n'
}
