import { createServer, type Server, type Socket } from 'node:net'
import { once } from 'node:events'
import type { AddressInfo } from 'node:net'
import { createAuthority, type TestAuthority } from '../support/certificates.js'
import { rawExchange } from '../support/client.js'
import { chunked, hostileRequests, wordsOf, type Words } from '../support/hostile-requests.js'
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
  let words: Words
  let port: number

  beforeAll(async () => {
    machine = await startRecorder()
    plant = await startPlant({ endpoints: [{ id: 'press-3', upstream: machine.url }] })
    await plant.issue({ endpoints: ['press-3'] })
    const client = await plant.signIn('vendor')
    const at = plant.origin('press-3')
    await client.navigate(at)
    const cookie = client.cookies.header(new URL(at), { isForeign: false, navigation: 'safe' })
    words = wordsOf(new URL(at).host, cookie)
    port = plant.gatehouse.address.port
    client.close()
  }, 30_000)
  afterAll(async () => {
    await plant.close()
    await machine.close()
  })

  const refusedSoFar = async (): Promise<number> =>
    (await recordsOf(plant.config.audit.directory, 'request.refused')).length

  it('gets through with a request that is in order, so that what follows proves something', async () => {
    const before = machine.text().length
    const { text } = await rawExchange(port, words.target('/in-order'))
    expect(text).toMatch(/^HTTP\/1\.1 200 OK\r\n/)
    expect(machine.text().slice(before)).toMatch(/^GET \/in-order HTTP\/1\.1\r\n/)
  })

  it.each(hostileRequests)(
    'is refused %s, with an answer, a closed connection, one line, and nothing at the machine',
    async (_, bytes) => {
      // Lines of their own are for the first of each rule in a minute.
      await plant.clock.advance({ minutes: 2 })
      const [before, linesBefore, connectionsBefore] = [
        machine.text(),
        await refusedSoFar(),
        machine.connections,
      ]
      const { text, isClosed } = await rawExchange(port, Buffer.from(bytes(words), 'latin1'))
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
    const hidden = words.request('DELETE /hidden HTTP/1.1')
    const { text, isClosed } = await rawExchange(
      port,
      Buffer.from(words.post(body, chunked) + hidden, 'latin1'),
    )
    expect(text === '' || /^HTTP\/1\.1 4\d\d /.test(text)).toBe(true)
    expect(isClosed).toBe(true)
    const arrived = machine.text().slice(before)
    expect(arrived).not.toContain('hidden')
    expect(arrived).not.toMatch(/0\r\n\r\n$/)
  })

  it('has pipelined requests judged one by one, and none after one that is refused', async () => {
    const before = machine.text().length
    const three = words.target('/first') + words.target('/a/../b') + words.target('/third')
    const { text, isClosed } = await rawExchange(port, three)
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400'])
    expect(isClosed).toBe(true)
    const arrived = machine.text().slice(before)
    expect(arrived).toContain('GET /first ')
    expect(arrived).not.toContain('third')
  })

  it('gets what it asked for in order before it sent what nobody can read', async () => {
    const { text, isClosed } = await rawExchange(port, words.target('/first') + 'nonsense\r\n\r\n')
    expect(text.match(/HTTP\/1\.1 \d+/g)).toEqual(['HTTP/1.1 200', 'HTTP/1.1 400'])
    expect(isClosed).toBe(true)
  })

  it('cannot send an upgrade ahead, whose frames would meet the answer before it', async () => {
    await plant.clock.advance({ minutes: 2 })
    const handshake = words.field(
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==',
    )
    const { isClosed } = await rawExchange(port, words.target('/first') + handshake)
    expect(isClosed).toBe(true)
    await until('a line says so', async () =>
      (await recordsOf(plant.config.audit.directory, 'request.refused')).some(
        ({ detail }) => detail === 'upgrade-ahead',
      ),
    )
    expect(machine.text()).not.toMatch(/upgrade: websocket/i)
  })

  it('cannot have us remember any number of requests, sent without waiting for an answer', async () => {
    const before = machine.text().length
    const many = Array.from({ length: 200 }, (_, index) => words.target(`/number-${index}`)).join('')
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
      await Promise.all(Array.from({ length: 20 }, () => rawExchange(port, words.target('/a#b'))))
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
    const { text } = await rawExchange(port, words.target('/still-here'))
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
