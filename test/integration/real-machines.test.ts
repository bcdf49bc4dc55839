import { createHash, randomBytes } from 'node:crypto'
import { once } from 'node:events'
import {
  createServer,
  request as httpRequest,
  type ClientRequest,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { Readable } from 'node:stream'
import { text } from 'node:stream/consumers'
import { pipeline } from 'node:stream/promises'
import { gzipSync } from 'node:zlib'
import type { Client } from '../support/client.js'
import { collect } from '../support/collect.js'
import { startPlant, type Plant } from '../support/plant.js'
import {
  dial,
  eventually,
  gatesOfTest,
  startRawMachine,
  type RawClient,
  type RawMachine,
} from '../support/wire.js'

/** What machines have been doing for thirty years, through a whole Gatehouse. */
describe('a machine of the real world', () => {
  let files: Files
  let old: RawMachine
  /** What the old machine does with a request; `soFar` is all its connection has received. */
  let script: (socket: Socket, soFar: string) => void
  let plant: Plant
  let vendor: Client

  beforeAll(async () => {
    files = await startFiles()
    old = await startRawMachine((socket, soFar) => script(socket, soFar))
    plant = await startPlant({
      endpoints: [
        { id: 'files', upstream: files.url },
        { id: 'old', upstream: old.url },
        { id: 'events', upstream: old.url },
      ],
      granted: ['files', 'old'],
    })
    vendor = await plant.signIn('vendor')
    script = answerOnce(okay)
    for (const id of ['files', 'old']) expect((await vendor.navigate(plant.origin(id))).status).toBe(200)
  }, 30_000)
  afterAll(async () => {
    vendor.close()
    await plant.close()
    await Promise.all([files.close(), old.close()])
  })

  const gatePort = (): number => Number(new URL(plant.portal).port)
  /** Fields with which Gatehouse lets a raw request in. */
  const entry = (id: string): string[] => {
    const origin = plant.origin(id)
    const cookies = vendor.cookies.of(origin).map(({ name, value }) => `${name}=${value}`)
    return [`Host: ${new URL(origin).host}`, `Cookie: ${cookies.join('; ')}`, 'Sec-Fetch-Site: same-origin']
  }
  const ask = (id: string, line: string, fields: readonly string[] = []): RawClient => {
    const client = dial(gatePort())
    client.send([`${line} HTTP/1.1`, ...entry(id), ...fields, '', ''].join('\r\n'))
    return client
  }
  const wholeAnswer = async (client: RawClient): Promise<Reply> => {
    expect(await client.ended).toBe('closed')
    const [reply, ...more] = repliesIn(client.text(), ['GET'])
    if (reply === undefined || more.length > 0) throw new Error(`not one answer: ${client.text()}`)
    return reply
  }

  describe('that serves files', () => {
    it.each<[string, number, string, ...string[]]>([
      ['a range', 206, 'GET /file', 'Range: bytes=100-199'],
      ['a range from a place to the end', 206, 'GET /file', 'Range: bytes=99990-'],
      ['the last bytes', 206, 'GET /file', 'Range: bytes=-5'],
      ['several ranges in parts', 206, 'GET /file', 'Range: bytes=0-9, 50-59,-3'],
      ['a range beyond the end', 416, 'GET /file', 'Range: bytes=200000-'],
      ['a range of what it still has', 206, 'GET /file', 'Range: bytes=0-0', 'If-Range: "v1"'],
      ['all of it, since it is another now', 200, 'GET /file', 'Range: bytes=0-0', 'If-Range: "v0"'],
      ['nothing new', 304, 'GET /file', 'If-None-Match: "v0", "v1"'],
      ['nothing new, with the length it would have', 304, 'GET /file?length', 'If-None-Match: "v1"'],
      ['the head of it', 200, 'HEAD /file'],
      ['the head of a range', 206, 'HEAD /file', 'Range: bytes=100-199'],
      ['the head of something chunked', 200, 'HEAD /chunked'],
      ['nothing, on purpose', 204, 'DELETE /file'],
      ['packed bytes', 200, 'GET /packed', 'Accept-Encoding: gzip, br;q=0'],
      ['bytes that only claim to be packed', 200, 'GET /badly-packed', 'Accept-Encoding: gzip'],
      ['fields twice, in their order and case', 200, 'GET /fields'],
    ])('gives %s exactly as it does without Gatehouse', async (_, status, line, ...fields) => {
      const method = line.split(' ')[0] ?? ''
      const direct = dial(files.port)
      direct.send([`${line} HTTP/1.1`, 'Host: x', 'Connection: close', ...fields, '', ''].join('\r\n'))
      await direct.ended
      const through = ask('files', line, ['Connection: close', ...fields])
      await through.ended
      const [own] = repliesIn(direct.text(), [method])
      expect(own?.status).toBe(status)
      expect(repliesIn(through.text(), [method])).toEqual([own])
    })

    it('keeps its answers apart on one connection, whichever of them have no body', async () => {
      const requests: [string, ...string[]][] = [
        ['HEAD /file'],
        ['GET /file?length', 'If-None-Match: "v1"'],
        ['DELETE /file'],
        ['GET /file', 'Range: bytes=0-1'],
        ['HEAD /chunked'],
        ['GET /file', 'Range: bytes=200000-'],
        ['GET /chunked'],
      ]
      const socketsBefore = files.sockets()
      const client = dial(gatePort())
      for (const [index, [line, ...fields]] of requests.entries()) {
        client.send([`${line} HTTP/1.1`, ...entry('files'), ...fields, '', ''].join('\r\n'))
        const methods = requests.slice(0, index + 1).map(([asked]) => asked.split(' ')[0] ?? '')
        await eventually(() => repliesIn(client.text(), methods).length === index + 1)
      }
      const methods = requests.map(([line]) => line.split(' ')[0] ?? '')
      const replies = repliesIn(client.text(), methods)
      expect(replies.map(({ status }) => status)).toEqual([200, 304, 204, 206, 200, 416, 200])
      expect(replies.at(-1)?.body).toBe('piece by piece')
      expect(files.sockets() - socketsBefore).toBeLessThanOrEqual(1)
      client.socket.destroy()
    })
  })

  describe('that speaks HTTP/1.0', () => {
    it.each([
      ['with a length', 'Content-Length: 3\r\n', 'old'],
      ['with a length, and a connection it keeps', 'Content-Length: 3\r\nConnection: keep-alive\r\n', 'old'],
      ['without a length', '', 'the end is the end of the connection'],
      ['with nothing in it', '', ''],
    ])('answers %s', async (_, fields, body) => {
      script = answerOnce(`HTTP/1.0 200 OK\r\n${fields}\r\n${body}`)
      for (let round = 0; round < 2; round++) {
        const reply = await wholeAnswer(ask('old', 'GET /', ['Connection: close']))
        expect(reply).toMatchObject({ status: 200, body })
      }
    })

    it('sends megabytes whose end is the end of the connection', async () => {
      const body = randomBytes(5_000_000)
      script = answerOnce(Buffer.concat([Buffer.from('HTTP/1.0 200 OK\r\n\r\n'), body]))
      const reply = await wholeAnswer(ask('old', 'GET /', ['Connection: close']))
      expect(digest(Buffer.from(reply.body, 'latin1'))).toBe(digest(body))
    })

    it('takes a form, and may say so without a word', async () => {
      script = (socket, soFar) => {
        if (soFar.endsWith('speed=120')) socket.end('HTTP/1.0 204 No Content\r\n\r\n')
      }
      const client = ask('old', 'POST /set', ['Content-Length: 9', 'Connection: close'])
      client.send('speed=120')
      expect(await wholeAnswer(client)).toMatchObject({ status: 204, body: '' })
    })
  })

  describe('that chunks as it likes', () => {
    const sizes = [1, 2, 3, 5, 7, 11, 251, 1021, 4093, 16_381, 65_537]
    const chunkOf = (size: number, index: number): string =>
      // Sizes may have zeros in front and letters of either case (RFC 9112 §7.1).
      `${(index % 2 === 0 ? '00' : '') + size.toString(16).toUpperCase()}\r\n${'x'.repeat(size)}\r\n`
    const chunked = `${sizes.map(chunkOf).join('')}0\r\n\r\n`
    const total = sizes.reduce((sum, size) => sum + size, 0)

    it('is understood, whatever the sizes', async () => {
      script = answerOnce(`HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${chunked}`)
      const reply = await wholeAnswer(ask('old', 'GET /', ['Connection: close']))
      expect(reply.body).toBe('x'.repeat(total))
    })

    it('is understood when each byte takes its time, and each byte it says is passed on at once', async () => {
      const answer = 'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n'
      let machine: Socket | undefined
      script = (socket) => {
        machine = socket
        socket.setNoDelay()
      }
      const client = ask('old', 'GET /', ['Connection: close'])
      await eventually(() => machine !== undefined)
      for (const byte of `${answer}5\r\nab`) await dribble(machine, byte)
      await client.until(/\r\n\r\n[^]*a[^]*b/)
      for (const byte of 'cde\r\n0\r\n\r\n') await dribble(machine, byte)
      expect((await wholeAnswer(client)).body).toBe('abcde')
    })

    it('is sent chunks of any size, byte by byte', async () => {
      let received = ''
      script = (socket, soFar) => {
        if (!soFar.endsWith('\r\n0\r\n\r\n')) return
        received = soFar
        socket.end('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
      }
      const client = ask('old', 'PUT /recipe', ['Transfer-Encoding: chunked', 'Connection: close'])
      client.socket.setNoDelay()
      for (const byte of '5\r\nab') await dribble(client.socket, byte)
      client.send(`cde\r\n${chunked}`)
      expect((await wholeAnswer(client)).status).toBe(200)
      const [, body = ''] = received.split(/PUT [^]*?\r\n\r\n/)
      expect(readChunks(body)?.body).toBe(`abcde${'x'.repeat(total)}`)
    })
  })

  describe('with gigabytes to give and to take', () => {
    const length = 3 * 1024 ** 3
    const bound = 100 * 1024 ** 2
    /**
     * How much more is held during `work` at most, by Gatehouse and both ends together. What is held and not
     * what is resident: two ends that make gigabytes in this process leave garbage that says nothing of Gatehouse,
     * whose memory `npm run bench` measures by itself.
     */
    const growthOf = async (work: () => Promise<void>): Promise<number> => {
      const held = (): number => {
        collect()
        const { heapUsed, external } = process.memoryUsage()
        return heapUsed + external
      }
      const before = held()
      let most = before
      let looks = 0
      let next: NodeJS.Timeout
      // A collection takes longer the more tests were in this process before; a tenth of the time is for looking.
      const look = (): void => {
        const began = performance.now()
        most = Math.max(most, held())
        looks += 1
        next = setTimeout(look, Math.max(300, 10 * (performance.now() - began)))
      }
      next = setTimeout(look, 300)
      try {
        await work()
      } finally {
        clearTimeout(next)
      }
      expect(looks).toBeGreaterThan(0)
      return most - before
    }
    const request = (method: string, path: string, fields: Record<string, string> = {}): ClientRequest =>
      httpRequest({
        ...{ host: '127.0.0.1', port: gatePort(), method, path, agent: false },
        headers: { ...Object.fromEntries(entry('files').map((line) => line.split(': '))), ...fields },
      })

    const fetchBulk = async (bytes: number): Promise<void> => {
      const sent = request('GET', `/bulk?${bytes}`)
      const [answer] = (await once(sent.end(), 'response')) as [IncomingMessage]
      expect(await readBulk(answer)).toBe(bytes)
    }
    beforeAll(async () => {
      // The heap finds the size that it works with, whatever it is; only what comes on top would grow on.
      await fetchBulk(length / 6)
    }, 60_000)

    it('gives three of them, every byte as it was, in bounded memory', async () => {
      const growth = await growthOf(() => fetchBulk(length))
      expect(growth).toBeLessThan(bound)
    }, 120_000)

    it.each([
      ['with a length', { 'Content-Length': String(length) }],
      ['in chunks', { 'Transfer-Encoding': 'chunked' }],
    ])(
      'takes three of them %s, every byte as it was, in bounded memory',
      async (_, fields) => {
        const growth = await growthOf(async () => {
          const sent = request('PUT', '/bulk', fields)
          const answered = once(sent, 'response')
          await pipeline(bulk(length), sent)
          const [answer] = (await answered) as [IncomingMessage]
          expect(await text(answer)).toBe(String(length))
        })
        expect(growth).toBeLessThan(bound)
      },
      120_000,
    )
  })

  it('gets and gives fields twice with their number, order and case', async () => {
    let received = ''
    script = (socket, soFar) => {
      if (!soFar.endsWith('\r\n\r\n')) return
      received = soFar
      socket.end(
        'HTTP/1.1 200 OK\r\nwww-authenticate: Basic realm="a, b"\r\nWWW-Authenticate: Digest\r\n' +
          'SET-COOKIE: a=1\r\nx-Odd: 1\r\nset-cookie: b=2\r\nX-ODD: 2\r\nx-odd: 1\r\nDate: then\r\nContent-Length: 0\r\n\r\n',
      )
    }
    const fields = ['aCCEPT: a', 'x-Odd: 1', 'Accept: b', 'X-ODD: 2', 'x-odd: 1']
    const reply = await wholeAnswer(ask('old', 'GET /', [...fields, 'Connection: close']))
    const asked = received.split('\r\n').filter((line) => /^(accept|x-odd):/i.test(line))
    expect(asked).toEqual(fields)
    expect(reply.fields).toEqual([
      'www-authenticate: Basic realm="a, b"',
      'WWW-Authenticate: Digest',
      'SET-COOKIE: a=1',
      'x-Odd: 1',
      'set-cookie: b=2',
      'X-ODD: 2',
      'x-odd: 1',
      'Date: then',
    ])
  })

  it('sends events, each there before the next, until the grant is revoked', async () => {
    const grant = await plant.issue({ endpoints: ['events'] })
    const at = plant.origin('events')
    script = answerOnce(okay)
    await vendor.navigate(at)
    let machine: Socket | undefined
    script = (socket) => (machine = socket)
    const asked = vendor.stream(`${at}/`, { headers: { accept: 'text/event-stream', 'last-event-id': '41' } })
    await eventually(() => machine !== undefined)
    expect(old.received()).toMatch(/\r\nlast-event-id: 41\r\n/i)
    machine?.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n')
    const stream = await asked
    for (const event of [
      ': hello\n\n',
      'id: 42\ndata: one\ndata: two\n\n',
      'event: alarm\r\ndata: 3\r\n\r\n',
    ]) {
      machine?.write(event)
      await stream.until((soFar) => soFar.endsWith(event))
    }
    await plant.revoke(grant)
    expect(await stream.ended).toBe('broken')
    await eventually(() => machine?.destroyed === true)
  })
})

const { gateTo } = gatesOfTest()

describe('a machine that is polled', () => {
  it('may take its time within the bound, and beyond it only that poll fails', async () => {
    const waiting: Socket[] = []
    const machine = await startRawMachine((socket, soFar) => {
      if (soFar.endsWith('\r\n\r\n')) waiting.push(socket)
    })
    const gate = await gateTo(machine, { timeouts: { firstByteMs: 600 } })
    const poll = (): RawClient => {
      const client = dial(gate.port)
      client.send(`GET /poll HTTP/1.1\r\nHost: ${gate.authority}\r\n\r\n`)
      return client
    }
    const tooLong = poll()
    expect(await tooLong.until('upstream-timeout')).toMatch(/^HTTP\/1\.1 504 /)
    const answered = poll()
    await eventually(() => waiting.length === 2)
    waiting[1]?.write('HTTP/1.1 200 OK\r\nContent-Length: 7\r\n\r\nchanged')
    expect(await answered.until('changed')).toMatch(/^HTTP\/1\.1 200 /)
  })

  it('may be silent for longer than that bound once its answer has begun', async () => {
    let machineSocket: Socket | undefined
    const machine = await startRawMachine((socket) => (machineSocket = socket))
    const gate = await gateTo(machine, { timeouts: { firstByteMs: 200 } })
    const client = dial(gate.port)
    client.send(`GET /events HTTP/1.1\r\nHost: ${gate.authority}\r\n\r\n`)
    await eventually(() => machineSocket !== undefined)
    machineSocket?.write('HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\n\r\n')
    await client.until('\r\n\r\n')
    const began = performance.now()
    await eventually(() => performance.now() - began > 800)
    machineSocket?.write('data: late\n\n')
    await client.until('data: late')
  })
})

interface Reply {
  readonly status: number
  /** Without those of one connection and of framing. */
  readonly fields: readonly string[]
  readonly length: string | null
  readonly body: string
}

/** The whole answers at the beginning of `text`, one to each method. */
function repliesIn(text: string, methods: readonly string[]): Reply[] {
  const replies: Reply[] = []
  let rest = text
  for (const method of methods) {
    const end = rest.indexOf('\r\n\r\n')
    if (end === -1) break
    const [first = '', ...lines] = rest.slice(0, end).split('\r\n')
    rest = rest.slice(end + 4)
    const status = Number(first.split(' ')[1])
    const length = lines.find((line) => /^content-length:/i.test(line))?.split(': ')[1] ?? null
    const isEmpty = method === 'HEAD' || status === 204 || status === 304
    const isChunked = !isEmpty && lines.some((line) => /^transfer-encoding: chunked$/i.test(line))
    const chunked = isChunked ? readChunks(rest) : null
    const size = isEmpty ? 0 : isChunked ? chunked?.size : length === null ? rest.length : Number(length)
    if (size === undefined || rest.length < size) break
    replies.push({
      status,
      fields: lines.filter((line) => !ofFraming.test(line)),
      length,
      body: chunked?.body ?? rest.slice(0, size),
    })
    rest = rest.slice(size)
  }
  return replies
}

const ofFraming = /^(connection|keep-alive|transfer-encoding|content-length):/i

/** A chunked body at the beginning of `text`; null while its end has not come. */
function readChunks(text: string): { body: string; size: number } | null {
  let body = ''
  for (let at = 0; ;) {
    const size = /^0*([0-9a-f]+)\r\n/i.exec(text.slice(at, at + 20))
    if (size === null) {
      if (text.length - at > 20) throw new Error(`no chunk: ${JSON.stringify(text.slice(at, at + 20))}`)
      return null
    }
    const [line, hex = ''] = size
    const begin = at + line.length
    const end = begin + parseInt(hex, 16)
    if (text.length < end + 2) return null
    if (begin === end) return { body, size: end + 2 }
    body += text.slice(begin, end)
    at = end + 2
  }
}

/** Of no round size, so that a piece lost or twice shows in every byte after it. */
const period = randomBytes(1024 * 1024 + 13)
const twice = Buffer.concat([period, period])

/** A body too long to be kept. */
function bulk(length: number): Readable {
  let left = length
  return new Readable({
    read() {
      const piece = period.subarray(0, left)
      left -= piece.length
      this.push(piece.length === 0 ? null : piece)
    },
  })
}

/**
 * Compares a body with what `bulk` gives, and tells how much of it was the same. It begins late: what comes
 * meanwhile has to wait where it is from, and not in between.
 */
async function readBulk(body: Readable): Promise<number> {
  await new Promise((resolve) => setTimeout(resolve, 500))
  let length = 0
  for await (const piece of body as AsyncIterable<Buffer>) {
    for (let at = 0; at < piece.length;) {
      const from = (length + at) % period.length
      const part = piece.subarray(at, at + period.length)
      if (!part.equals(twice.subarray(from, from + part.length))) return length + at
      at += part.length
    }
    length += piece.length
  }
  return length
}

const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')

const okay = 'HTTP/1.0 200 OK\r\nContent-Length: 2\r\n\r\nok'

/** What a machine does that closes the connection after its answer, unless that says otherwise. */
function answerOnce(bytes: string | Buffer): (socket: Socket, soFar: string) => void {
  const isKept = bytes.includes('keep-alive')
  return (socket, soFar) => {
    if (!soFar.endsWith('\r\n\r\n')) return
    if (isKept) socket.write(bytes, 'latin1')
    else socket.end(bytes, 'latin1')
  }
}

async function dribble(socket: Socket | undefined, byte: string): Promise<void> {
  await new Promise((resolve) => socket?.write(byte, 'latin1', resolve))
  await new Promise((resolve) => setTimeout(resolve, 2))
}

interface Files {
  readonly url: string
  readonly port: number
  /** Connections it ever accepted. */
  sockets(): number
  close(): Promise<void>
}

/** A web server with one file, as an embedded one might be: ranges, validators, chunks, packed answers. */
async function startFiles(): Promise<Files> {
  const file = randomBytes(100_000)
  let sockets = 0
  const server = createServer((req, res) => {
    // A constant one, for the comparison; without any, Gatehouse adds it (RFC 9110 §6.6.1).
    res.setHeader('Date', 'Mon, 02 Jan 2006 15:04:05 GMT')
    serve(req, res, file)
  })
  server.on('connection', () => (sockets += 1))
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    sockets: () => sockets,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function serve(req: IncomingMessage, res: ServerResponse, file: Buffer): void {
  const [path, query] = req.url?.split('?') ?? []
  if (path === '/bulk') {
    if (req.method === 'PUT') return void readBulk(req).then((length) => res.end(String(length)))
    res.setHeader('Content-Length', Number(query))
    return void pipeline(bulk(Number(query)), res).catch(() => undefined)
  }
  switch (req.url) {
    case '/file':
    case '/file?length':
      return req.method === 'DELETE' ? void res.writeHead(204).end() : serveFile(req, res, file)
    case '/chunked':
      for (const piece of ['piece ', 'by ', 'piece']) res.write(piece)
      return void res.end()
    case '/packed':
      res.writeHead(200, { 'Content-Encoding': 'gzip', Vary: 'Accept-Encoding' })
      return void res.end(gzipSync(file))
    case '/badly-packed':
      res.writeHead(200, { 'Content-Encoding': 'gzip', 'Content-Length': 9 })
      return void res.end('not gzip!')
    case '/fields':
      res.removeHeader('Date')
      res.writeHead(200, ['x-Odd', '1', 'X-ODD', '2', 'Set-Cookie', 'a=1', 'Date', 'x', 'set-cookie', 'a=1'])
      return void res.end('ok')
    default:
      return void res.end('ok')
  }
}

function serveFile(req: IncomingMessage, res: ServerResponse, file: Buffer): void {
  res.setHeader('ETag', '"v1"')
  res.setHeader('Last-Modified', 'Mon, 02 Jan 2006 15:04:05 GMT')
  res.setHeader('Accept-Ranges', 'bytes')
  if (req.headers['if-none-match']?.includes('"v1"')) {
    if (req.url?.endsWith('?length')) res.setHeader('Content-Length', file.length)
    return void res.writeHead(304).end()
  }
  const asked = /^bytes=(.*)$/.exec(req.headers.range ?? '')?.[1]
  const isStale = req.headers['if-range'] !== undefined && req.headers['if-range'] !== '"v1"'
  if (asked === undefined || isStale) {
    return void res.writeHead(200, { 'Content-Length': file.length }).end(file)
  }
  const ranges = asked.split(',').map((text) => {
    const [from = '', to = ''] = text.trim().split('-')
    const start = from === '' ? file.length - Number(to) : Number(from)
    return { start, end: from === '' || to === '' ? file.length - 1 : Number(to) }
  })
  const describe = (range: { start: number; end: number }): string =>
    `bytes ${range.start}-${range.end}/${file.length}`
  const [first] = ranges
  if (first === undefined || first.start >= file.length) {
    return void res.writeHead(416, { 'Content-Range': `bytes */${file.length}`, 'Content-Length': 0 }).end()
  }
  if (ranges.length === 1) {
    const part = file.subarray(first.start, first.end + 1)
    return void res
      .writeHead(206, { 'Content-Range': describe(first), 'Content-Length': part.length })
      .end(part)
  }
  const parts = ranges.flatMap((range) => [
    Buffer.from(`--part\r\nContent-Range: ${describe(range)}\r\n\r\n`),
    file.subarray(range.start, range.end + 1),
    Buffer.from('\r\n'),
  ])
  const body = Buffer.concat([...parts, Buffer.from('--part--\r\n')])
  res.writeHead(206, {
    'Content-Type': 'multipart/byteranges; boundary=part',
    'Content-Length': body.length,
  })
  res.end(body)
}
