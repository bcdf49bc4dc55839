import fc from 'fast-check'
import type { LenientResponse } from '../../../src/model.js'
import { readAnswer, type Reading, type ReadOptions } from '../../support/reader.js'

const read = (text: string, options: ReadOptions = {}): Reading => readAnswer([text], options)
const ok = 'HTTP/1.1 200 OK\r\n'

describe('an answer', () => {
  it('is told with its headers’ number, order and case', () => {
    const { head } = read(
      `${ok}X-b: 1\r\nx-B:2 \t\r\nSet-Cookie: \t a=b; c\r\nEmpty:\r\nContent-Length: 0\r\n\r\n`,
    )
    expect(head).toMatchObject({
      status: 200,
      version: '1.1',
      headers: ['X-b', '1', 'x-B', '2', 'Set-Cookie', 'a=b; c', 'Empty', '', 'Content-Length', '0'],
    })
  })

  it.each<[what: string, text: string, body: string, mayReuse: boolean, options?: ReadOptions]>([
    ['by its length', `${ok}Content-Length: 3\r\n\r\nabc`, 'abc', true],
    ['by a length of nothing', `${ok}Content-Length: 0\r\n\r\n`, '', true],
    [
      'by its chunks',
      `${ok}Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n02\r\nde\r\n0\r\n\r\n`,
      'abcde',
      true,
    ],
    [
      'by chunks with extensions',
      `${ok}transfer-encoding: Chunked\r\n\r\n1;a=b\r\nx\r\n0;c\r\n\r\n`,
      'x',
      true,
    ],
    [
      'behind its trailers',
      `${ok}Transfer-Encoding: chunked\r\n\r\n1\r\nx\r\n0\r\nX-A: b\r\n\r\n`,
      'x',
      true,
    ],
    ['with its connection', `${ok}\r\nabc`, 'abc', false, { closes: true }],
    ['with its head, after HEAD', `${ok}Content-Length: 3\r\n\r\n`, '', true, { method: 'HEAD' }],
    ['with its head, in a 304', 'HTTP/1.1 304 Not Modified\r\nContent-Length: 3\r\n\r\n', '', true],
    ['with its head, in a 204', 'HTTP/1.1 204 No Content\r\n\r\n', '', true],
    ['for good where it says so', `${ok}Connection: x, Close\r\nContent-Length: 1\r\n\r\na`, 'a', false],
    ['for good in HTTP/1.0', 'HTTP/1.0 200 OK\r\nContent-Length: 1\r\n\r\na', 'a', false],
    [
      'behind interim ones',
      `HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103\r\nLink: a\r\n\r\n${ok}Content-Length: 1\r\n\r\na`,
      'a',
      true,
    ],
    ['before more than was asked for', `${ok}Content-Length: 1\r\n\r\naHTTP/1.1 200 OK\r\n\r\n`, 'a', false],
  ])('ends %s', (_, text, body, mayReuse, options = {}) => {
    expect(read(text, options)).toMatchObject({ outcome: 'complete', body, mayReuse })
  })

  it('reads the same however it is cut into pieces', () => {
    const texts = [
      `HTTP/1.1 100 Continue\r\n\r\n${ok}A: b\r\nTransfer-Encoding: chunked\r\n\r\n3;x=y\r\nabc\r\n0\r\nT: u\r\n\r\n`,
      `${ok}Content-Length: 5\r\n\r\nhello`,
      'HTTP/1.1 101 Switching\r\nUpgrade: websocket\r\n\r\nearly',
    ]
    fc.assert(
      fc.property(fc.constantFrom(...texts), fc.array(fc.nat(120), { maxLength: 8 }), (text, cuts) => {
        const places = [0, ...cuts.map((cut) => cut % text.length).sort((a, b) => a - b), text.length]
        const pieces = places.slice(1).map((end, i) => text.slice(places[i], end))
        const [whole, cut] = [read(text), readAnswer(pieces)]
        // What follows a switch in a later piece is the next protocol's.
        if (whole.outcome === 'switched') expect(cut.outcome).toBe('switched')
        else expect(cut).toEqual(whole)
      }),
    )
    for (const text of texts.slice(0, 2)) expect(readAnswer(text.split(''))).toEqual(read(text))
  })

  it('hands over what follows a switch of protocols', () => {
    const reading = read('HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\n\r\n\x81\x02hi')
    expect(reading).toMatchObject({ outcome: 'switched', body: '\x81\x02hi', mayReuse: false })
  })
})

describe('an answer that could be read in two ways', () => {
  it.each<[what: string, text: string, options?: ReadOptions]>([
    ['no HTTP', 'SSH-2.0-OpenSSH_9.2\r\n'],
    ['another protocol that begins alike', 'HTTP/2.0 200 OK\r\n\r\n'],
    ['HTTP/0.9', '<html>'],
    ['HTTP/1.2', 'HTTP/1.2 200 OK\r\n\r\n'],
    ['lower case', 'http/1.1 200 OK\r\n\r\n'],
    ['a status of two digits', 'HTTP/1.1 20 OK\r\n\r\n'],
    ['a status of four digits', 'HTTP/1.1 2000 OK\r\n\r\n'],
    ['the status 099', 'HTTP/1.1 099 OK\r\n\r\n'],
    ['the status 600', 'HTTP/1.1 600 OK\r\n\r\n'],
    ['a tab behind the version', 'HTTP/1.1\t200 OK\r\n\r\n'],
    ['a control character in the reason', 'HTTP/1.1 200 O\x00K\r\n\r\n'],
    ['a bare line feed', `${ok}A: b\nContent-Length: 0\r\n\r\n`],
    ['a bare line feed at the end', `${ok}A: b\r\n\nContent-Length: 0\r\n\r\n`],
    ['a bare carriage return', `${ok}A: b\rX: c\r\n\r\n`],
    ['a folded header', `${ok}A: b\r\n c\r\n\r\n`],
    ['a header that begins with a fold', `${ok} A: b\r\n\r\n`],
    ['a blank before the colon', `${ok}Content-Length : 0\r\n\r\n`],
    ['no colon', `${ok}Content-Length\r\n\r\n`],
    ['no name', `${ok}: b\r\n\r\n`],
    ['a name above ASCII', `${ok}\xe9: b\r\n\r\n`],
    ['a control character in a value', `${ok}A: b\x07\r\n\r\n`],
    ['a NUL in a value', `${ok}A: b\x00\r\n\r\n`],
    ['two lengths', `${ok}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`],
    ['a list of lengths', `${ok}Content-Length: 1, 1\r\n\r\na`],
    ['a signed length', `${ok}Content-Length: +1\r\n\r\na`],
    ['an empty length', `${ok}Content-Length:\r\n\r\na`],
    ['a length in hexadecimal', `${ok}Content-Length: 0x1\r\n\r\na`],
    ['a length beyond all numbers', `${ok}Content-Length: 99999999999999999999\r\n\r\na`],
    ['a length and chunks', `${ok}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n`],
    ['another coding', `${ok}Transfer-Encoding: gzip, chunked\r\n\r\n`],
    ['two codings', `${ok}Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n`],
    ['chunks in HTTP/1.0', 'HTTP/1.0 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n'],
    ['a chunk without a size', `${ok}Transfer-Encoding: chunked\r\n\r\n\r\n`],
    ['a chunk size with a sign', `${ok}Transfer-Encoding: chunked\r\n\r\n+1\r\na\r\n`],
    ['a chunk size with 0x', `${ok}Transfer-Encoding: chunked\r\n\r\n0x1\r\na\r\n`],
    ['a chunk size with a blank', `${ok}Transfer-Encoding: chunked\r\n\r\n1 \r\na\r\n`],
    ['a chunk size of 14 digits', `${ok}Transfer-Encoding: chunked\r\n\r\n00000000000001\r\na\r\n`],
    ['a bare line feed behind a chunk size', `${ok}Transfer-Encoding: chunked\r\n\r\n1\na\r\n`],
    ['a chunk longer than its size', `${ok}Transfer-Encoding: chunked\r\n\r\n1\r\nab\r\n0\r\n\r\n`],
    ['a chunk line without end', `${ok}Transfer-Encoding: chunked\r\n\r\n1;${'a'.repeat(2_000)}`],
    ['a trailer that is no field', `${ok}Transfer-Encoding: chunked\r\n\r\n0\r\nabc\r\n\r\n`],
    ['trailers without end', `${ok}Transfer-Encoding: chunked\r\n\r\n0\r\n${'A: b\r\n'.repeat(12_000)}`],
    ['a header section without end', `${ok}${'A: b\r\n'.repeat(12_000)}`],
    ['one header without end', `${ok}A: ${'b'.repeat(70_000)}`],
    ['a header section over the limit', `${ok}A: ${'b'.repeat(70_000)}\r\n\r\n`],
    ['interim responses without end', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(9)],
    ['an end before the head', 'HTTP/1.1 200', { closes: true }],
    ['no answer', '', { closes: true }],
    ['an end before the length', `${ok}Content-Length: 3\r\n\r\nab`, { closes: true }],
    ['an end before the last chunk', `${ok}Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n`, { closes: true }],
  ])('is refused: %s', (_, text, options = {}) => {
    const reading = read(text, options)
    expect(reading).toMatchObject({ outcome: 'refused', mayReuse: false })
    expect(reading.problem).not.toBeNull()
    // Nor with its bytes one by one.
    if (text.length < 500) expect(readAnswer(text.split(''), options).outcome).toBe('refused')
  })

  it('is not waited for when it does not begin like HTTP', () => {
    expect(read('GET ').outcome).toBe('refused')
    expect(read('HTTP/1').outcome).toBe('incomplete')
  })
})

describe('what old machines send', () => {
  const takes = (name: LenientResponse, text: string): Reading => read(text, { lenient: [name] })

  it('may be let in by name: bare line feeds', () => {
    const text = 'HTTP/1.1 200 OK\nA: b\nTransfer-Encoding: chunked\n\n3\nabc\n0\nT: u\n\n'
    expect(takes('bare-line-feed', text)).toMatchObject({
      outcome: 'complete',
      body: 'abc',
      head: { headers: ['A', 'b', 'Transfer-Encoding', 'chunked'] },
    })
    expect(readAnswer(text.split(''), { lenient: ['bare-line-feed'] })).toEqual(takes('bare-line-feed', text))
    expect(takes('bare-line-feed', 'HTTP/1.1 200 OK\r\nA: b\n\r\nx').head?.headers).toEqual(['A', 'b'])
    // A carriage return that ends no line stays refused.
    expect(takes('bare-line-feed', 'HTTP/1.1 200 OK\nA: b\rc\n\n').outcome).toBe('refused')
  })

  it('may be let in by name: folded headers, which arrive unfolded', () => {
    const reading = takes('folded-header', `${ok}A: b\r\n\t  c\r\nContent-Length: 0\r\n\r\n`)
    expect(reading.head?.headers).toEqual(['A', 'b c', 'Content-Length', '0'])
    expect(takes('folded-header', `${ok}Content-Length: 1\r\n 1\r\n\r\na`).outcome).toBe('refused')
  })

  it('may be let in by name: a length beside chunks, of which the chunks count', () => {
    const text = `${ok}Content-Length: 50\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n0\r\n\r\n`
    expect(takes('length-with-coding', text)).toMatchObject({
      outcome: 'complete',
      body: 'a',
      mayReuse: false,
    })
    expect(takes('length-with-coding', `${ok}Content-Length: 1\r\nContent-Length: 1\r\n\r\na`).outcome).toBe(
      'refused',
    )
  })

  it('may be let in by name: headers of up to 256 KB', () => {
    const text = (size: number): string => `${ok}A: ${'b'.repeat(size)}\r\nContent-Length: 0\r\n\r\n`
    expect(takes('oversized-header', text(200_000)).outcome).toBe('complete')
    expect(takes('oversized-header', text(300_000)).outcome).toBe('refused')
  })

  it.each<[LenientResponse, string]>([
    ['bare-line-feed', `${ok}A: b\r\n c\r\n\r\n`],
    ['folded-header', `${ok}A: b\nC: d\r\n\r\n`],
    ['length-with-coding', `${ok}A: b\nC: d\r\n\r\n`],
    ['oversized-header', `${ok}Content-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n`],
  ])('is let in by that name alone: %s', (name, text) => {
    expect(takes(name, text).outcome).toBe('refused')
  })
})
