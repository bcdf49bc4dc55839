import { readResponse, type ResponseHead } from '../../src/dataplane/response-headers.js'
import { lenientResponses, type LenientResponse } from '../../src/model.js'
import { readAnswer, type Reading } from '../support/reader.js'
import { shorter, type Subject } from './campaign.js'
import { chunks, readByNode } from './node-parser.js'
import { mutated, type Random } from './random.js'

/** What a machine sends in answer to one request. */
export interface Sample {
  readonly method: string
  /** Latin-1. */
  readonly text: string
  readonly closes: boolean
  /** Where it is cut into pieces; null for everywhere. */
  readonly cuts: readonly number[] | null
  readonly lenient: readonly LenientResponse[]
}

/**
 * Holds our reader of answers to Node's: whatever ours accepts, Node accepts, with the same status, headers
 * and body, and ends it at the same byte. Ours may refuse more. What it accepts only leniently is compared as
 * the browser gets it: framed anew, that reads the same to Node as to us. And nothing depends on how the
 * bytes are cut into pieces.
 */
export const responses: Subject<Sample> = {
  generate(random) {
    const sample = {
      method: random.oddly(6, ['GET', 'GET', 'POST'], ['HEAD']),
      text: stream(random),
      closes: random.once(2),
      cuts: random.once(4) ? null : random.many(4, () => random.below(260)),
      lenient: random.once(5) ? lenientResponses.filter(() => random.once(2)) : [],
    }
    return { ...sample, text: asOldMachinesDo(random, sample) }
  },

  judge(sample) {
    const { text, lenient, cuts } = sample
    const bytes = Buffer.from(text, 'latin1')
    const whole = readAnswer([bytes], sample)
    const cut = readAnswer(cuts === null ? oneByOne(bytes) : piecesOf(bytes, cuts), sample)
    if (differ(whole, cut))
      return { wrong: `depends on how it is cut: ${told(whole)}, in pieces ${told(cut)}` }
    if (whole.head === null || (whole.outcome !== 'complete' && whole.outcome !== 'switched'))
      return { outcome: whole.outcome }
    const wrong =
      (isKnownToNode(whole.head, lenient) ? moreThanNode(bytes, sample) : null) ??
      (whole.outcome === 'complete' ? readDifferentlyBehindUs(whole.head, whole.body, sample) : null)
    if (wrong !== null) return { wrong }
    return { outcome: lenient.length === 0 ? whole.outcome : 'leniently read' }
  },

  *simpler(sample) {
    for (const text of shorter(sample.text)) yield { ...sample, text }
    for (const dropped of sample.lenient)
      yield { ...sample, lenient: sample.lenient.filter((name) => name !== dropped) }
    if (sample.closes) yield { ...sample, closes: false }
    if (sample.method !== 'GET') yield { ...sample, method: 'GET' }
    if (sample.cuts === null || sample.cuts.length > 0) yield { ...sample, cuts: [] }
  },

  show: ({ text, ...rest }) =>
    `${JSON.stringify(rest)}\n${JSON.stringify(text)}\nhex ${Buffer.from(text, 'latin1').toString('hex')}`,
}

// ── judging ──────────────────────────────────────────────────────────────────────────────────────

function oneByOne(bytes: Buffer): Buffer[] {
  return Array.from({ length: bytes.length }, (_, at) => bytes.subarray(at, at + 1))
}

function piecesOf(bytes: Buffer, cuts: readonly number[]): Buffer[] {
  const ends = [...cuts, bytes.length].map((cut) => Math.min(cut, bytes.length)).sort((a, b) => a - b)
  return ends.map((end, i) => bytes.subarray(ends[i - 1] ?? 0, end))
}

function differ(a: Reading, b: Reading): boolean {
  return (
    a.outcome !== b.outcome ||
    // Of what follows a switch, only what came with it is handed on, and the rest read elsewhere.
    (a.outcome === 'complete' && a.body !== b.body) ||
    a.mayReuse !== b.mayReuse ||
    (a.head === null) !== (b.head === null) ||
    (a.head !== null && b.head !== null && !sameHead(a.head, b.head))
  )
}

type Head = Pick<ResponseHead, 'status' | 'reason' | 'headers'> & { readonly version: string }

function sameHead(a: Head, b: Head): boolean {
  return (
    a.status === b.status &&
    a.reason === b.reason &&
    a.version === b.version &&
    a.headers.length === b.headers.length &&
    a.headers.every((text, i) => text === b.headers[i])
  )
}

function told(reading: unknown): string {
  return JSON.stringify(reading)
}

/** Node never unfolds, and waits behind a last chunk that ends with bare line feeds, however lenient it is. */
function isKnownToNode({ framing }: ResponseHead, lenient: readonly LenientResponse[]): boolean {
  if (lenient.includes('folded-header')) return false
  return framing.kind !== 'chunked' || !lenient.includes('bare-line-feed')
}

function moreThanNode(bytes: Buffer, { method, closes, lenient }: Sample): string | null {
  let end = 0
  const ours = readAnswer(oneByOne(bytes), { method, closes, lenient, onEnd: (byte) => (end = byte) })
  const pieces = end === Infinity ? [bytes] : [bytes.subarray(0, end - 1), bytes.subarray(end - 1, end)]
  const { messages, problem } = readByNode(pieces, {
    type: 'RESPONSE',
    skipsBody: method === 'HEAD',
    closes: closes && end === Infinity,
    lenient,
  })
  const theirs = messages.at(-1)
  const isSame =
    problem === null &&
    theirs !== undefined &&
    ours.head !== null &&
    sameHead(ours.head, theirs) &&
    theirs.endedIn === (end === Infinity ? end : 2) &&
    (ours.outcome === 'switched' || (ours.body === theirs.body && theirs.status >= 200)) &&
    // Node says it of a HEAD before it has been told that no body follows.
    (!ours.mayReuse || theirs.mayReuse || method === 'HEAD')
  return isSame ? null : `accepted ${told(ours)}, by Node ${told({ ...theirs, problem })}`
}

const context = {
  target: '/a/b?c',
  upstream: new URL('http://machine.invalid:8080'),
  endpointOrigin: 'https://press-3.plant-access.example',
  isRegisteredOrigin: () => false,
}

/** The answer as the server writes it towards the browser. */
function readDifferentlyBehindUs(head: ResponseHead, body: string, { method }: Sample): string | null {
  const answer = readResponse(head, { ...context, method })
  if (typeof answer === 'string') return null
  const { status, headers, hasBody, length } = answer
  const sent = hasBody && length === null ? ['Transfer-Encoding', 'chunked'] : []
  const content = sent.length > 0 ? chunks(body) : hasBody ? body : ''
  let text = `HTTP/1.1 ${status} OK\r\n`
  for (const [i, part] of [...headers, ...sent].entries()) text += part + (i % 2 === 0 ? ': ' : '\r\n')
  const { messages, problem } = readByNode([Buffer.from(`${text}\r\n${content}`, 'latin1')], {
    type: 'RESPONSE',
    skipsBody: method === 'HEAD',
  })
  const theirs = messages[0]
  const isSame =
    problem === null &&
    messages.length === 1 &&
    theirs?.endedIn === 1 &&
    theirs.status === status &&
    theirs.body === (hasBody ? body : '') &&
    theirs.headers.length === headers.length + sent.length &&
    headers.every((part, i) => part === theirs.headers[i])
  return isSame ? null : `sent on as ${told(text + content)}, read by Node as ${told({ ...theirs, problem })}`
}

// ── making ───────────────────────────────────────────────────────────────────────────────────────

/** How seldom one part of an answer is odd. Half of all answers are right but for the mutations. */
const seldom = 14
const never = 2 ** 31

function stream(random: Random): string {
  const odd = random.once(2) ? seldom : never
  const interim = random.once(5) ? random.many(3, () => interimAnswer(random, odd)).join('') : ''
  let text = interim + answer(random, odd)
  if (random.once(4)) text += random.pick(['\r\n', 'X', '\0', answer(random, odd), 'HTTP/1.1 200 OK\r\n\r\n'])
  if (random.once(8)) text = text.slice(0, random.below(text.length + 1))
  return random.once(3) ? mutated(random, text) : text
}

/** What the sample's openings are for. */
function asOldMachinesDo(random: Random, { text, lenient }: Pick<Sample, 'text' | 'lenient'>): string {
  let old = text
  if (lenient.includes('folded-header') && random.once(2))
    old = old.replaceAll(': ', () => (random.once(3) ? ':\r\n\t' : ': '))
  if (lenient.includes('length-with-coding') && random.once(2))
    old = old.replace(/transfer-encoding/i, 'Content-Length: 3\r\nTransfer-Encoding')
  if (lenient.includes('bare-line-feed') && random.once(2)) old = old.replaceAll('\r\n', '\n')
  return old
}

function answer(random: Random, odd: number): string {
  const body = content(random)
  const framing = random.oddly(odd, ['length', 'chunked', 'close'], ['both', 'twice', 'wrong', 'list'])
  const lines = [statusLine(random, odd, finalStatuses), ...random.many(3, () => field(random, odd))]
  if (framing !== 'chunked' && framing !== 'close')
    lines.push(`Content-Length: ${lengthText(random, odd, body.length + (framing === 'wrong' ? 1 : 0))}`)
  if (framing === 'twice') lines.push(`Content-Length: ${random.pick([body.length, 0, body.length + 2])}`)
  if (framing === 'chunked' || framing === 'both') lines.push(`Transfer-Encoding: ${coding(random, odd)}`)
  if (framing === 'list') lines.push('Transfer-Encoding: gzip', 'Transfer-Encoding: chunked')
  if (random.once(3)) lines.push(lines.splice(1 + random.below(lines.length - 1), 1)[0] ?? '')
  const isChunked = framing !== 'length' && framing !== 'close' && framing !== 'twice' && framing !== 'wrong'
  return head(random, odd, lines) + (isChunked ? chunked(random, odd, body) : body)
}

function interimAnswer(random: Random, odd: number): string {
  const lines = [statusLine(random, odd, interimStatuses), ...random.many(1, () => field(random, odd))]
  if (random.once(6)) lines.push('Content-Length: 0')
  return head(random, odd, lines)
}

function head(random: Random, odd: number, lines: readonly string[]): string {
  let text = ''
  for (const line of [...lines, '']) text += line + lineEnd(random, odd * 2)
  return text
}

function lineEnd(random: Random, odd: number): string {
  return random.oddly(odd, ['\r\n'], ['\n', '\n', '\r', '\r\r\n', '\n\r\n', '\r\n ', ' \r\n', '\r\n\t', ''])
}

const finalStatuses = ['200', '200', '200', '200', '204', '205', '206', '301', '304', '404', '500', '599']
const interimStatuses = ['100', '100', '102', '103', '150', '199']
const oddStatuses = [
  '101',
  '099',
  '99',
  '600',
  '1000',
  '+20',
  '20x',
  '100',
  '199',
  '0200',
  '',
  ' 200',
  '2\t0',
]
const oddProtocols = [
  'HTTP/1.2',
  'HTTP/2.0',
  'HTTP/0.9',
  'http/1.1',
  'HTTP/1.10',
  'HTTP/01.1',
  'ICE/1.1',
  'RTSP/1.0',
]
const oddStarts = ['\r\n', '\n', ' ', '\0', '\xef\xbb\xbf']
const reasons = [' OK', ' Not Modified', '', ' ']
const oddReasons = [
  '  OK',
  ' O\tK',
  ' \xe9',
  ' OK ',
  '\tOK',
  'OK',
  ' O\rK',
  ' O\0K',
  ' \x7f',
  ' 200',
  ' \x85',
]

function statusLine(random: Random, odd: number, statuses: readonly string[]): string {
  const start = random.once(odd * 4) ? random.pick(oddStarts) : ''
  const protocol = random.oddly(odd * 2, ['HTTP/1.1', 'HTTP/1.1', 'HTTP/1.1', 'HTTP/1.0'], oddProtocols)
  const status = random.oddly(odd, statuses, oddStatuses)
  return `${start}${protocol} ${status}${random.oddly(odd, reasons, oddReasons)}`
}

const names = ['X-A', 'x-b', 'Set-Cookie', 'Content-Type', 'ETag', 'Location', 'A']
/** What changes how an answer is read. */
const fields = [
  'Connection: close',
  'Connection: keep-alive',
  'connection: x, CLOSE',
  'Connection: upgrade',
  'Upgrade: websocket',
  'Keep-Alive: timeout=5',
  'Trailer: X-A',
  'Proxy-Connection: close',
]
const oddFields = [
  'Content-Length: 0',
  'Content-Length: 5',
  'Transfer-Encoding: chunked',
  'Transfer-Encoding: identity',
  'Content-Length : 3',
  'Content-Length\t: 3',
  'Content-Length: 3, 3',
  'Content-Length:',
  'Transfer-Encoding',
  'Transfer-Encoding:',
  'Transfer_Encoding: chunked',
  ' X: y',
  '\tX: y',
  ': y',
  'X',
  'X\0: y',
  'X\xe9: y',
  'X y: z',
  'X(: z',
  'Connection: close, upgrade',
  'Connection: "close"',
  'Connection: close;q',
  'Connection:,close',
  'Connection: clos e',
]
const values = [
  '',
  'b',
  ' c',
  '\td\t',
  ' a b ',
  ' "q"',
  ' text/html; charset=utf-8',
  ' sid=1; Path=/',
  ' /x',
  ' \xfc',
]
const oddValues = [
  ' \0',
  ' a\x7f',
  ' a\x0bb',
  ' a\rb',
  ' a\nb',
  ' a\r\n b',
  ' a\r\n\tb',
  ' \x80\x9f',
  ' a:b',
  ' \x1f',
]

function field(random: Random, odd: number): string {
  if (random.once(4)) return random.oddly(odd, fields, oddFields)
  return random.oddly(odd * 2, [`${random.pick(names)}:${random.oddly(odd, values, oddValues)}`], oddFields)
}

function lengthText(random: Random, odd: number, length: number): string {
  const spelled = [
    `+${length}`,
    `-${length}`,
    `0x${length}`,
    `${length}.0`,
    `${length},${length}`,
    `${length} 1`,
    `${length}\t`,
    `${length}\t `,
    '',
  ]
  const huge = ['9007199254740993', '18446744073709551616', '18446744073709551619', '99999999999999999999999']
  return random.oddly(odd, [`${length}`, `${length}`, `0${length}`, `\t${length} `], [...spelled, ...huge])
}

const codings = ['chunked', 'chunked', 'Chunked', 'chunked ', '\tchunked']
const oddCodings = [
  'chunked\t',
  'chunked\t ',
  'chunked \t',
  'gzip, chunked',
  'chunked, gzip',
  'chunked,chunked',
  'chunked;q=1',
  'xchunked',
  'chunke',
  'chunked,',
  ',chunked',
  '"chunked"',
  'chunk\ted',
  '',
]

function coding(random: Random, odd: number): string {
  return random.oddly(odd, codings, oddCodings)
}

const contents = [
  '',
  'a',
  'hello',
  '\r\n',
  '0\r\n\r\n',
  'a\r\n0\r\n\r\n',
  '\0\xff\n',
  'HTTP/1.1 200 OK\r\n\r\n',
  '0123456789abcdef\r\n'.repeat(3),
]

function content(random: Random): string {
  return random.pick(contents)
}

const extensions = ['', '', '', ';a', ';a=b', ';a="b c"', ';a;b=1', ';a="\\""']
const oddExtensions = [
  ';',
  ';=',
  ';a=',
  '; a',
  ';a b',
  ';\xe9',
  ';a="b',
  ';a="b"c',
  ' ;a',
  '\t',
  ' ',
  ';a=b=c',
  ';a;;b',
  ';a\0',
  ';a=\x7f',
  ';"a"',
  ';a="\xe9"',
  ';a=b;',
  ';[a]',
]

function sizeLine(random: Random, odd: number, size: number): string {
  const hex = size.toString(16)
  const usual = [hex, hex, hex.toUpperCase(), `0${hex}`, `000${hex}`]
  const spelled = [
    `+${hex}`,
    `-${hex}`,
    `0x${hex}`,
    ` ${hex}`,
    `${hex} `,
    '',
    `${hex}g`,
    (size + 1).toString(16),
    `${'0'.repeat(14)}${hex}`,
  ]
  const huge = ['ffffffffffffffff', `1000000000000000${hex}`, '7fffffffffffffff', '20000000000000']
  return random.oddly(odd, usual, [...spelled, ...huge]) + random.oddly(odd, extensions, oddExtensions)
}

function chunked(random: Random, odd: number, body: string): string {
  let text = ''
  for (let at = 0; at < body.length;) {
    const size = random.once(2) ? body.length - at : 1 + random.below(body.length - at)
    text += sizeLine(random, odd, size) + lineEnd(random, odd) + body.slice(at, at + size)
    text += random.oddly(odd, ['\r\n'], ['\n', '', 'x\r\n', '\r', '\r\n\r\n', ' \r\n'])
    at += size
  }
  text += sizeLine(random, odd, 0) + lineEnd(random, odd)
  for (const trailer of random.once(4) ? random.many(2, () => field(random, odd)) : [])
    text += trailer + lineEnd(random, odd)
  if (random.once(odd)) text += random.pick(oddFields) + lineEnd(random, odd)
  return text + lineEnd(random, odd)
}
