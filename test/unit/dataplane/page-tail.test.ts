import fc from 'fast-check'
import { normaliseRequest, withPageTail } from '../../../src/dataplane/index.js'
import type { ResponseHead } from '../../../src/dataplane/response-headers.js'
import type { RequestHead, UpstreamEvents } from '../../../src/dataplane/upstream.js'

const tail = '\n<script src="https://press-3.example/.gatehouse/static/notice.js" async></script>\n'

interface Passed {
  readonly asked: RequestHead
  readonly head: ResponseHead
  readonly body: Buffer
}

/** One request through the seam, and what a machine answers to it in these pieces. */
function pass(
  over: {
    headers?: string[]
    status?: number
    framing?: ResponseHead['framing']
    chunks?: readonly Buffer[]
    dest?: string
    sent?: string[]
  } = {},
): Passed {
  const { headers = ['Content-Type', 'text/html'], status = 200, dest = 'document', sent = [] } = over
  const rawHeaders = ['Host', 'press-3.example', 'Sec-Fetch-Dest', dest, ...sent]
  const normalised = normaliseRequest(
    { method: 'GET', url: '/', httpVersion: '1.1', rawHeaders },
    { isUpgrade: false },
  )
  if ('refused' in normalised) throw new Error(normalised.refused)
  const asked: RequestHead[] = []
  const heads: ResponseHead[] = []
  const chunks: Buffer[] = []
  let ends = 0
  const machine = {
    origin: new URL('http://10.20.3.10'),
    send: (head: RequestHead, events: UpstreamEvents) => {
      asked.push(head)
      const framing = over.framing ?? { kind: 'close', bytes: null }
      events.onResponse({ status, reason: 'OK', version: '1.1', headers, framing })
      for (const chunk of over.chunks ?? [Buffer.from('<html></html>')]) events.onData(chunk)
      events.onEnd()
      const nothing = (): void => undefined
      return { write: () => true, end: nothing, pause: nothing, resume: nothing, destroy: nothing }
    },
  }
  withPageTail(machine, normalised.request, Buffer.from(tail)).send(
    { method: 'GET', target: '/', headers: sent, body: 'none' },
    {
      onResponse: (head) => void heads.push(head),
      onData: (chunk) => void chunks.push(chunk),
      onEnd: () => void (ends += 1),
      onPause: () => undefined,
      onDrain: () => undefined,
      onUpgrade: () => undefined,
      onFailure: (failure) => {
        throw failure
      },
    },
  )
  const [question] = asked
  const [head] = heads
  if (question === undefined || head === undefined || ends !== 1) throw new Error('not one whole answer')
  return { asked: question, head, body: Buffer.concat(chunks) }
}

const isTailed = (body: Buffer): boolean => body.toString('latin1').endsWith(tail)
const namesIn = (headers: readonly string[]): string[] =>
  headers.filter((_text, index) => index % 2 === 0).map((name) => name.toLowerCase())

describe('a page with a tail', () => {
  it('keeps every byte it had, in whatever pieces it came', () => {
    fc.assert(
      fc.property(
        fc.uint8Array({ maxLength: 3_000 }),
        fc.boolean(),
        fc.array(fc.nat({ max: 3_000 })),
        (bytes, isPage, cuts) => {
          const body = Buffer.concat([Buffer.from(isPage ? '<!DOCTYPE HTML>' : ''), bytes])
          const edges = [0, ...cuts.map((cut) => Math.min(cut, body.length)).sort((a, b) => a - b)]
          const chunks = edges.map((from, index) => body.subarray(from, edges[index + 1] ?? body.length))
          const answer = pass({ chunks }).body
          expect(answer.subarray(0, body.length).equals(body)).toBe(true)
          const added = answer.subarray(body.length).toString()
          expect(isPage ? [tail] : ['', tail]).toContain(added)
        },
      ),
    )
  })

  it.each([
    '<!doctype html><title>x</title>',
    '\n<HTML>',
    '<?xml version="1.0"?>\n<!DOCTYPE html PUBLIC "-//W3C//DTD XHTML 1.0 Strict//EN">',
    `<!-- ${'x'.repeat(900)} --><body bgcolor=silver>`,
    '\ufeff<html lang=de>',
  ])('is told by its first bytes: %j', (text) => {
    expect(isTailed(pass({ chunks: [Buffer.from(text)] }).body)).toBe(true)
  })

  it.each([
    ['nothing at all', Buffer.alloc(0)],
    ['a table', Buffer.from('time;speed\n1;<150\n')],
    ['JSON', Buffer.from('{"head":"<b>"}')],
    ['a recipe', Buffer.from('<?xml version="1.0"?><recipe><header/></recipe>')],
    ['UTF-16', Buffer.from('\ufeff<html><body>', 'utf16le')],
    ['UTF-16, the other way round', Buffer.from('\ufeff<html><body>', 'utf16le').swap16()],
    ['a page that begins too late', Buffer.from(' '.repeat(1_024) + '<html>')],
  ])('is not %s that is called one', (_name, body) => {
    expect(pass({ chunks: [body] }).body.equals(body)).toBe(true)
  })

  it.each([
    [['Content-Type', 'text/html; charset=utf-8']],
    [['content-type', 'TEXT/HTML;Charset="ISO-8859-1"']],
    [['Content-Type', 'text/html; charset=windows-1252']],
    [['Content-Type', 'text/html; charset=Shift_JIS']],
    [['Content-Type', 'text/html', 'Content-Disposition', 'inline; filename=a.html']],
  ])('comes with %j', (headers) => {
    expect(isTailed(pass({ headers }).body)).toBe(true)
  })

  it.each<[string, Parameters<typeof pass>[0]]>([
    ['another type', { headers: ['Content-Type', 'application/xhtml+xml'] }],
    ['a type that only begins like it', { headers: ['Content-Type', 'text/html-template'] }],
    ['no type', { headers: [] }],
    ['two types', { headers: ['Content-Type', 'text/html', 'Content-Type', 'text/html'] }],
    ['a coding it was not asked for', { headers: ['Content-Type', 'text/html', 'Content-Encoding', 'gzip'] }],
    ['UTF-16', { headers: ['Content-Type', 'text/html; charset=utf-16le'] }],
    ['a charset with shift states', { headers: ['Content-Type', 'text/html; charset=iso-2022-jp'] }],
    ['a charset nobody knows', { headers: ['Content-Type', 'text/html; charset=x-unknown'] }],
    [
      'a file to keep',
      { headers: ['Content-Type', 'text/html', 'Content-Disposition', 'attachment; filename=inline.html'] },
    ],
    [
      'an order not to change it',
      { headers: ['Content-Type', 'text/html', 'Cache-Control', 'max-age=5, no-transform'] },
    ],
    ['a part', { status: 206, headers: ['Content-Type', 'text/html', 'Content-Range', 'bytes 0-12/99'] }],
    ['an error', { status: 404 }],
    ['no body', { framing: { kind: 'none', bytes: 13 }, chunks: [] }],
    ['a frame', { dest: 'iframe' }],
    ['a script that reads it', { dest: 'empty' }],
  ])('is no answer with %s, of which nothing is touched', (_name, over = {}) => {
    const { head, body } = pass({ framing: { kind: 'length', bytes: 13 }, ...over })
    expect(body.toString()).toBe(over.chunks ? '' : '<html></html>')
    expect(head.framing).toEqual(over.framing ?? { kind: 'length', bytes: 13 })
    const headers = over.headers ?? ['Content-Type', 'text/html']
    expect(head.headers.slice(0, headers.length)).toEqual(headers)
  })

  it('says nothing any more of the bytes that the machine sent', () => {
    const { head } = pass({
      framing: { kind: 'length', bytes: 13 },
      headers: [
        'Server',
        'x',
        'ETag',
        '"a"',
        'content-length',
        '13',
        'Last-Modified',
        'b',
        'Content-MD5',
        'c',
      ]
        .concat(['Accept-Ranges', 'bytes', 'Digest', 'd', 'Repr-Digest', 'e', 'Content-Digest', 'f'])
        .concat(['Content-Type', 'text/html', 'Content-Security-Policy', "default-src 'none'"]),
    })
    expect(head.framing).toEqual({ kind: 'chunked', bytes: null })
    expect(head.headers).toEqual([
      ...['Server', 'x', 'Content-Type', 'text/html', 'Content-Security-Policy', "default-src 'none'"],
      ...['Vary', 'Sec-Fetch-Dest'],
    ])
  })

  it('is asked for whole and plain, by whoever shows it', () => {
    const sent = [
      'Accept-Encoding',
      'gzip',
      'If-None-Match',
      '"a"',
      'if-modified-since',
      'b',
      'Range',
      'bytes=5-',
    ]
    expect(pass({ sent }).asked.headers).toEqual(['Range', 'bytes=5-', 'Accept-Encoding', 'identity'])
  })

  it('is asked for as before by whoever reads it, and not mixed up with the other in a cache', () => {
    const sent = ['Accept-Encoding', 'gzip', 'If-None-Match', '"a"']
    const headers = ['Content-Type', 'text/html', 'ETag', '"a"']
    const { asked, head } = pass({ sent, headers, dest: 'empty' })
    expect(asked.headers).toEqual(sent)
    expect(head.headers).toEqual([...headers, 'Vary', 'Sec-Fetch-Dest'])
  })

  it('leaves all else without a word about caches', () => {
    expect(namesIn(pass({ headers: ['Content-Type', 'image/png'] }).head.headers)).toEqual(['content-type'])
  })
})
