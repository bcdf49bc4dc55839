import { createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createAuthority, type TestAuthority } from '../support/certificates.js'
import { rawExchange } from '../support/client.js'
import { recordsOf } from '../support/ledger.js'
import { startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

/** Everything that reached the machine, byte for byte; it answers each request whose header is whole. */
interface Recorder {
  readonly url: string
  readonly connections: number
  text(): string
  close(): Promise<void>
}

async function startRecorder(): Promise<Recorder> {
  let text = ''
  let connections = 0
  const sockets = new Set<Socket>()
  const server: Server = createServer((socket) => {
    connections += 1
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.on('close', () => sockets.delete(socket))
    socket.on('data', (chunk: Buffer) => {
      text += chunk.toString('latin1')
      if (text.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    })
  }).listen(0, '127.0.0.1')
  await once(server, 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    get connections() {
      return connections
    },
    text: () => text,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      server.close()
      await once(server, 'close')
    },
  }
}

/** One process for all of it: whatever came before must not have harmed it. */
describe('a client that is signed in and holds a grant', () => {
  let machine: Recorder
  let plant: Plant
  let host: string
  let cookie: string
  let port: number

  beforeAll(async () => {
    machine = await startRecorder()
    plant = await startPlant({ endpoints: [{ id: 'press-3', upstream: machine.url }] })
    await plant.issue({ endpoints: ['press-3'] })
    const client = await plant.signIn('vendor')
    const at = plant.origin('press-3')
    await client.navigate(at)
    host = new URL(at).host
    cookie = client.cookies.header(new URL(at), { isForeign: false, navigation: 'safe' })
    port = plant.gatehouse.address.port
    client.close()
  }, 30_000)
  afterAll(async () => {
    await plant.close()
    await machine.close()
  })

  const request = (line: string, ...fields: string[]): string =>
    [line, `Host: ${host}`, `Cookie: ${cookie}`, ...fields, '', ''].join('\r\n')
  const target = (text: string): string => request(`GET ${text} HTTP/1.1`)
  const field = (...fields: string[]): string => request('GET / HTTP/1.1', ...fields)
  const hosts = (...fields: string[]): string =>
    ['GET / HTTP/1.1', ...fields, `Cookie: ${cookie}`, '', ''].join('\r\n')
  const post = (body: string, ...fields: string[]): string => request('POST /set HTTP/1.1', ...fields) + body
  const refusedSoFar = async (): Promise<number> =>
    (await recordsOf(plant.config.audit.directory, 'request.refused')).length

  it('gets through with a request that is in order, so that what follows proves something', async () => {
    const before = machine.text().length
    const { text } = await rawExchange(port, target('/in-order'))
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(machine.text().slice(before)).toMatch(/^GET \/in-order HTTP\/1\.1\r\n/)
  })

  const chunked = 'Transfer-Encoding: chunked'
  const rows: [string, () => string][] = [
    ['an absolute-form target', () => target(`http://${host}/`)],
    ['an absolute-form target of somebody else', () => target('http://evil.example/')],
    ['an authority-form target', () => target(host)],
    ['an asterisk', () => target('*')],
    ['a target without a slash', () => target('index.html')],
    ['no target', () => request('GET  HTTP/1.1')],
    ['a dot segment', () => target('/a/../b')],
    ['a single dot', () => target('/a/./b')],
    ['a dot segment at the end', () => target('/a/..')],
    ['an encoded dot segment', () => target('/a/%2e%2e/b')],
    ['a half-encoded dot segment', () => target('/a/.%2E/b')],
    ['a dot segment encoded twice', () => target('/a/%252e%252e/b')],
    ['a dot segment encoded three times', () => target('/a/%25252e%25252e/b')],
    ['a dot segment with a parameter', () => target('/a/..;x=1/b')],
    ['a double slash', () => target('/a//b')],
    ['a target that names a host', () => target('//evil.example/')],
    ['a backslash', () => target('/a\\b')],
    ['an encoded backslash', () => target('/a%5cb')],
    ['an encoded slash', () => target('/a%2fb')],
    ['a slash encoded twice', () => target('/a%252fb')],
    ['an encoded NUL', () => target('/a%00')],
    ['an encoded line feed', () => target('/a%0ab')],
    ['an overlong slash', () => target('/a%c0%afb')],
    ['an overlong dot', () => target('/%c0%ae%c0%ae/b')],
    ['half a percent sign', () => target('/a%2')],
    ['a percent sign with letters', () => target('/a%zz')],
    ['a raw 8-bit byte', () => target('/caf\xe9')],
    ['a control byte in the target', () => target('/a\x01b')],
    ['a DEL in the target', () => target('/a\x7fb')],
    ['a tab in the target', () => target('/a\tb')],
    ['a fragment', () => target('/a#b')],
    ['a target of 9,000 bytes', () => target(`/${'a'.repeat(9_000)}`)],
    ['no Host', () => hosts()],
    ['an empty Host', () => hosts('Host: ')],
    ['two Hosts', () => hosts(`Host: ${host}`, `Host: ${host}`)],
    ['two different Hosts', () => hosts(`Host: ${host}`, 'Host: evil.example')],
    ['a list of Hosts', () => hosts(`Host: ${host}, ${host}`)],
    ['a Host with another port', () => hosts(`Host: ${host.replace(/\d+$/, '1')}`)],
    ['a Host without its port', () => hosts(`Host: ${host.replace(/:\d+$/, '')}`)],
    ['a Host with a user', () => hosts(`Host: me@${host}`)],
    ['a Host with a path', () => hosts(`Host: ${host}/a`)],
    ['a Host with a dot behind it', () => hosts(`Host: ${host.replace(':', '.:')}`)],
    ['a Host of somebody else', () => hosts('Host: evil.example')],
    ['a header name with an underscore', () => field('X_Forwarded_For: 1')],
    ['a header name with a dot', () => field('X.Forwarded.For: 1')],
    ['a header name with a blank', () => field('X Header: 1')],
    ['an empty header name', () => field(': 1')],
    ['a blank before the colon', () => field('X-Header : 1')],
    ['a folded header', () => field('X-Header: a\r\n b')],
    ['a bare line feed', () => field('X-Header: a\nX-Other: b')],
    ['a bare carriage return', () => field('X-Header: a\rX-Other: b')],
    ['a NUL in a header', () => field('X-Header: a\x00b')],
    ['a control byte in a header', () => field('X-Header: a\x01b')],
    ['a header line without a colon', () => field('X-Header')],
    ['a blank before the first header', () => request('GET / HTTP/1.1\r\n X: 1')],
    ['101 headers', () => field(...Array.from({ length: 101 }, (_, index) => `X-${index}: 1`))],
    ['17 KB of headers', () => field(`X-Header: ${'a'.repeat(17_000)}`)],
    ['100 KB of headers', () => field(`X-Header: ${'a'.repeat(100_000)}`)],
    ['a length and a coding', () => post('0\r\n\r\n', 'Content-Length: 5', chunked)],
    ['a coding and a length', () => post('0\r\n\r\n', chunked, 'Content-Length: 5')],
    ['two lengths', () => post('abc', 'Content-Length: 3', 'Content-Length: 4')],
    ['two equal lengths', () => post('abc', 'Content-Length: 3', 'Content-Length: 3')],
    ['a list of lengths', () => post('abc', 'Content-Length: 3, 3')],
    ['a length with a sign', () => post('abc', 'Content-Length: +3')],
    ['a negative length', () => post('abc', 'Content-Length: -3')],
    ['a length in hexadecimal', () => post('abc', 'Content-Length: 0x3')],
    ['a length with a zero before it', () => post('abc', 'Content-Length: 03')],
    ['an endless length', () => post('abc', 'Content-Length: 99999999999999999999')],
    ['no length at all', () => post('abc', 'Content-Length: ')],
    ['the coding gzip', () => post('abc', 'Transfer-Encoding: gzip')],
    ['a coding before chunked', () => post('0\r\n\r\n', 'Transfer-Encoding: gzip, chunked')],
    ['chunked twice', () => post('0\r\n\r\n', 'Transfer-Encoding: chunked, chunked')],
    ['two codings', () => post('0\r\n\r\n', chunked, 'Transfer-Encoding: identity')],
    ['chunked in capitals', () => post('0\r\n\r\n', 'Transfer-Encoding: Chunked')],
    ['chunked in quotes', () => post('0\r\n\r\n', 'Transfer-Encoding: "chunked"')],
    ['chunked with a tab', () => post('0\r\n\r\n', 'Transfer-Encoding: \x0bchunked')],
    ['a coding in HTTP/1.0', () => request('POST /set HTTP/1.0', chunked) + '0\r\n\r\n'],
    ['HTTP/0.9', () => 'GET /\r\n\r\n'],
    ['HTTP/1.2', () => request('GET / HTTP/1.2')],
    ['HTTP/2 with prior knowledge', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
    ['another protocol', () => request('GET / HTCPCP/1.0')],
    ['a trailer that is announced and identifies', () => post('0\r\n\r\n', chunked, 'Trailer: Cookie')],
    ['a trailer that is announced and frames', () => post('0\r\n\r\n', chunked, 'Trailer: Content-Length')],
    ['an unknown method', () => request('BREW / HTTP/1.1')],
    ['a method in small letters', () => request('get / HTTP/1.1')],
    ['TRACE', () => request('TRACE / HTTP/1.1')],
    ['a tunnel', () => request('CONNECT 127.0.0.1:80 HTTP/1.1')],
    ['a tunnel to the host itself', () => request(`CONNECT ${host} HTTP/1.1`)],
    ['a method of WebDAV', () => request('PROPFIND / HTTP/1.1')],
    ['another method in a header', () => post('', 'X-HTTP-Method-Override: DELETE', 'Content-Length: 0')],
    ['an Expect that nobody knows', () => post('abc', 'Expect: 200-ok', 'Content-Length: 3')],
    ['a body of GET', () => request('GET / HTTP/1.1', 'Content-Length: 3') + 'abc'],
    ['a chunked body of GET', () => request('GET / HTTP/1.1', chunked) + '3\r\nabc\r\n0\r\n\r\n'],
    ['a body of DELETE', () => request('DELETE /a HTTP/1.1', 'Content-Length: 3') + 'abc'],
    ['a chunked body of DELETE', () => request('DELETE /a HTTP/1.1', chunked) + '3\r\nabc\r\n0\r\n\r\n'],
    ['a body of OPTIONS', () => request('OPTIONS /a HTTP/1.1', chunked) + '3\r\nabc\r\n0\r\n\r\n'],
    ['a body of HEAD', () => request('HEAD / HTTP/1.1', 'Content-Length: 3') + 'abc'],
    [
      'an upgrade to HTTP/2',
      () => field('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'),
    ],
    ['an upgrade to something else', () => field('Connection: Upgrade', 'Upgrade: TLS/1.0')],
    [
      'an upgrade to two things',
      () => field('Connection: Upgrade', 'Upgrade: websocket, h2c', 'Sec-WebSocket-Version: 13'),
    ],
    [
      'a WebSocket without a key',
      () => field('Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'),
    ],
    ['bytes of TLS', () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
  ]

  it.each(rows)(
    'is refused %s, with an answer, a closed connection, one line, and nothing at the machine',
    async (_, bytes) => {
      // Lines of their own are for the first of each rule in a minute.
      await plant.clock.advance({ minutes: 2 })
      const [before, linesBefore, connectionsBefore] = [
        machine.text(),
        await refusedSoFar(),
        machine.connections,
      ]
      const { text, isClosed } = await rawExchange(port, Buffer.from(bytes(), 'latin1'))
      expect(text).toMatch(/^HTTP\/1\.1 4\d\d [^]*\r\nconnection: close\r\n/i)
      expect(text.match(/HTTP\/1\.1 /g)).toHaveLength(1)
      expect(isClosed).toBe(true)
      await until('a line says so', async () => (await refusedSoFar()) > linesBefore)
      expect(await refusedSoFar()).toBe(linesBefore + 1)
      expect([machine.text(), machine.connections]).toEqual([before, connectionsBefore])
    },
  )

  const whole = '3\r\nabc\r\n0\r\n\r\n'
  it.each([
    ['a size that is no number', 'zz\r\nabc\r\n0\r\n\r\n'],
    ['a negative size', '-3\r\nabc\r\n0\r\n\r\n'],
    ['a size in hexadecimal notation', '0x3\r\nabc\r\n0\r\n\r\n'],
    ['a size beyond all numbers', 'fffffffffffffffff\r\nabc\r\n0\r\n\r\n'],
    ['an empty size', '\r\nabc\r\n0\r\n\r\n'],
    ['a chunk that is longer than its size', '2\r\nabc\r\n0\r\n\r\n'],
    ['a bare line feed behind the size', '3\nabc\r\n0\r\n\r\n'],
    ['a bare line feed behind the chunk', '3\r\nabc\n0\r\n\r\n'],
    ['a control byte in an extension', '3;a=\x01\r\nabc\r\n0\r\n\r\n'],
    ['a line feed in an extension', '3;a=b\nc\r\nabc\r\n0\r\n\r\n'],
    ['a trailer that frames', '3\r\nabc\r\n0\r\nContent-Length: 5\r\n\r\n'],
    ['a trailer that identifies', '3\r\nabc\r\n0\r\nX-Gatehouse-User: admin\r\n\r\n'],
    ['a trailer that is a cookie', '3\r\nabc\r\n0\r\nCookie: a=b\r\n\r\n'],
    ['a trailer with an underscore', '3\r\nabc\r\n0\r\nX_Forwarded_For: 1\r\n\r\n'],
    ['a trailer without a colon', '3\r\nabc\r\n0\r\nnonsense\r\n\r\n'],
  ])('cannot end a body with %s, or what follows it would be taken for a request', async (_, body) => {
    expect(body).not.toBe(whole)
    const before = machine.text().length
    const hidden = request('DELETE /hidden HTTP/1.1')
    const { text, isClosed } = await rawExchange(port, Buffer.from(post(body, chunked) + hidden, 'latin1'))
    expect(text === '' || /^HTTP\/1\.1 4\d\d /.test(text)).toBe(true)
    expect(isClosed).toBe(true)
    const arrived = machine.text().slice(before)
    expect(arrived).not.toContain('hidden')
    expect(arrived).not.toMatch(/0\r\n\r\n$/)
  })

  it('has pipelined requests judged one by one, and none after one that is refused', async () => {
    const before = machine.text().length
    const three = target('/first') + target('/a/../b') + target('/third')
    const { text, isClosed } = await rawExchange(port, three)
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400'])
    expect(isClosed).toBe(true)
    const arrived = machine.text().slice(before)
    expect(arrived).toContain('GET /first ')
    expect(arrived).not.toContain('third')
  })

  it('gets what it asked for in order before it sent what nobody can read', async () => {
    const { text, isClosed } = await rawExchange(port, target('/first') + 'nonsense\r\n\r\n')
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400'])
    expect(isClosed).toBe(true)
  })

  it('cannot have us remember any number of requests, sent without waiting for an answer', async () => {
    const before = machine.text().length
    const many = Array.from({ length: 200 }, (_, index) => target(`/number-${index}`)).join('')
    const { text, isClosed } = await rawExchange(port, many)
    expect(isClosed).toBe(true)
    expect(text.match(/HTTP\/1\.1 (?!200)\d+/g) ?? []).toHaveLength(text === '' ? 0 : 1)
    expect((machine.text().slice(before).match(/^GET /gm) ?? []).length).toBeLessThan(40)
  })

  it('fills no ledger by being refused: beyond some, one line says how many', async () => {
    await plant.clock.advance({ minutes: 2 })
    const linesOfRule = async (): Promise<number> =>
      (await recordsOf(plant.config.audit.directory, 'request.refused')).filter(
        ({ detail }) => detail === 'fragment',
      ).length
    const before = await linesOfRule()
    for (let round = 0; round < 5; round += 1)
      await Promise.all(Array.from({ length: 20 }, () => rawExchange(port, target('/a#b'))))
    await until('they are written', async () => (await linesOfRule()) >= before + 20)
    expect(await linesOfRule()).toBe(before + 20)
    await plant.clock.advance({ minutes: 2 })
    await until(
      'the rest is counted',
      async () => (await recordsOf(plant.config.audit.directory, 'request.refusals')).length > 0,
    )
    const [summary] = await recordsOf(plant.config.audit.directory, 'request.refusals')
    expect(summary).toMatchObject({ source: '127.0.0.1', detail: 'fragment', requests: 80 })
  })

  it('has left nothing behind, and is served as before', async () => {
    const { text } = await rawExchange(port, target('/still-here'))
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    await until('nothing is open', () => plant.gatehouse.streams().length === 0)
  })
})

describe('a TLS connection', () => {
  let authority: TestAuthority
  let plant: Plant
  beforeAll(async () => {
    authority = await createAuthority()
    const certificate = await authority.issue(['portal.localhost', '*.plant.localhost'])
    plant = await startPlant({ certificate })
  }, 30_000)
  afterAll(() => plant.close())

  it('serves the name it was opened for and no other', async () => {
    const { port } = plant.gatehouse.address
    const tls = { servername: 'portal.localhost', ca: authority.ca }
    const ask = (host: string): Promise<{ text: string; isClosed: boolean }> =>
      rawExchange(port, `GET /sign-in HTTP/1.1\r\nHost: ${host}:${port}\r\n\r\n`, { tls })
    expect((await ask('portal.localhost')).text).toMatch(/^HTTP\/1\.1 200 /)
    const other = await ask('press-3.plant.localhost')
    expect(other.text).toMatch(/^HTTP\/1\.1 421 [^]*host-not-sni/)
    expect(other.isClosed).toBe(true)
    const refusals = (): ReturnType<typeof recordsOf> =>
      recordsOf(plant.config.audit.directory, 'request.refused')
    await until('a line says so', async () => (await refusals()).length > 0)
    expect(await refusals()).toMatchObject([{ detail: 'host-not-sni' }])
  })
})
