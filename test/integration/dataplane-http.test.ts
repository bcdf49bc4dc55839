import { createHash, randomBytes } from 'node:crypto'
import { createServer, request as httpRequest, type IncomingMessage, type RequestListener } from 'node:http'
import type { AddressInfo } from 'node:net'
import {
  createPace,
  createStreams,
  createUpstreams,
  forwardRequest,
  normaliseRequest,
  type Forwarding,
  type StreamInfo,
} from '../../src/dataplane/index.js'
import { TestClock } from '../support/clock.js'
import { endpointUnderTest } from '../support/endpoint.js'
import { brokenAnswers, unfitAnswers } from '../support/hostile-answers.js'
import { silentLogger } from '../support/logger.js'
import {
  dial,
  eventually,
  startAnsweringMachine,
  gatesOfTest,
  startGate,
  startRawMachine,
  type Gate,
  type GateOptions,
  type RawClient,
  type RawMachine,
} from '../support/wire.js'

const { gateTo, closers } = gatesOfTest()

async function gateToAnswer(
  bytes: string | Buffer,
  options: Partial<GateOptions> = {},
): Promise<Gate & { machine: RawMachine }> {
  const machine = await startAnsweringMachine(bytes)
  return { ...(await gateTo(machine, options)), machine }
}

/** A real node server as the machine. */
async function startNodeMachine(
  listener: RequestListener,
): Promise<{ url: string; sockets(): number; close(): Promise<void> }> {
  const server = createServer(listener)
  let open = 0
  server.on('connection', (socket) => {
    open += 1
    socket.on('close', () => (open -= 1))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sockets: () => open,
    close: async () => {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function ask(gate: Gate, head: string, body: string | Buffer = ''): RawClient {
  const client = dial(gate.port)
  client.send(`${head}\r\nHost: ${gate.authority}\r\n\r\n`)
  if (body.length > 0) client.send(body)
  return client
}

const get = (gate: Gate, path = '/', version = '1.1'): RawClient => ask(gate, `GET ${path} HTTP/${version}`)

/** Waits until a number has stopped changing for a while, and returns it. */
async function settled(read: () => number): Promise<number> {
  let last = -1
  let since = 0
  await eventually(() => {
    if (read() !== last) since = performance.now()
    last = read()
    return last > 0 && performance.now() - since > 300
  })
  return last
}

interface Reply {
  readonly status: number | undefined
  readonly headers: IncomingMessage['headers']
  readonly body: Buffer
}

function fetchThrough(
  gate: Gate,
  options: { path?: string; method?: string; body?: Buffer; headers?: Record<string, string> } = {},
): Promise<Reply> {
  const { path = '/', method = 'GET', body, headers = {} } = options
  return new Promise((resolve, reject) => {
    const req = httpRequest(
      { port: gate.port, path, method, agent: false, headers: { host: gate.authority, ...headers } },
      (res) => {
        const chunks: Buffer[] = []
        res.on('data', (chunk: Buffer) => chunks.push(chunk))
        res.on('end', () =>
          resolve({ status: res.statusCode, headers: res.headers, body: Buffer.concat(chunks) }),
        )
        res.on('error', reject)
      },
    )
    req.on('error', reject)
    req.end(body)
  })
}

describe('a request on its way up', () => {
  it('arrives byte for byte as it was judged', async () => {
    const { machine, ...gate } = await gateToAnswer('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    const client = dial(gate.port)
    client.send(
      [
        'POST /a%20b?x=//y;z&w=%2e%2e%2F HTTP/1.1',
        `host: ${gate.authority}`,
        'X-Second: b',
        'x-first: \xe9\xff',
        'X-Second: c',
        'Content-Length: 5',
        'Connection: x-first-not',
        `Cookie: a=1; __Host-gatehouse-pass=${'A'.repeat(43)}; b=2`,
        `Origin: ${gate.origin}`,
        'X-Forwarded-For: 6.6.6.6',
        'Proxy-Authorization: Basic Zm9v',
        '',
        'hello',
      ].join('\r\n'),
    )
    await client.until('\r\n\r\n')
    expect(machine.received()).toBe(
      [
        'POST /a%20b?x=//y;z&w=%2e%2e%2F HTTP/1.1',
        `Host: 127.0.0.1:${machine.port}`,
        'X-Second: b',
        'x-first: \xe9\xff',
        'X-Second: c',
        'Cookie: a=1; b=2',
        `Origin: http://127.0.0.1:${machine.port}`,
        'Content-Length: 5',
        'X-Forwarded-For: 127.0.0.1',
        'X-Forwarded-Proto: http',
        `X-Forwarded-Host: ${gate.authority}`,
        'X-Gatehouse-User: ana@vendor.example',
        'X-Gatehouse-Assertion: assertion',
        'Connection: keep-alive',
        '',
        'hello',
      ].join('\r\n'),
    )
    expect(gate.outcomes).toEqual([{ status: 200, bytesUp: 5, bytesDown: 0, end: 'complete', cause: null }])
  })

  it.each([
    ['GET //evil HTTP/1.1', 'double-slash'],
    ['GET /%2e%2e/ HTTP/1.1', 'dot-segment'],
    ['GET http://evil.example/ HTTP/1.1', 'target-form'],
    ['DELETE / HTTP/1.1\r\nTransfer-Encoding: chunked', 'body-unexpected'],
    ['POST / HTTP/1.1\r\nTransfer-Encoding: gzip, chunked', 'coding-unknown'],
    ['GET / HTTP/1.1\r\nX_Forwarded_For: 1', 'header-name'],
    ['GET / HTTP/1.1\r\nHost: other.example', 'header-repeated'],
    ['PROPFIND / HTTP/1.1', 'method-unknown'],
  ])('never leaves when it is ambiguous: %j', async (head, refused) => {
    const machine = await startRawMachine(() => undefined)
    const gate = await gateTo(machine)
    const client = ask(gate, head)
    expect(await client.until(/\r\n\r\n[a-z-]+$/)).toContain(`HTTP/1.1 400`)
    expect(gate.failures).toEqual([refused])
    expect(machine.sockets).toHaveLength(0)
  })

  it.each([
    'POST / HTTP/1.1\r\nContent-Length: 5\r\nContent-Length: 6',
    'POST / HTTP/1.1\r\nContent-Length: 5\r\nTransfer-Encoding: chunked',
    'GET / HTTP/1.1\r\nX-A : b',
    'GET / HTTP/1.1\nX-A: b',
    'GET / HTTP/1.1\r\nX-A: b\0c',
    'GET\t/ HTTP/1.1',
    'GET /\xc3\xa9 HTTP/1.1',
    'GET /\0 HTTP/1.1',
    'GET / HTTP/3.0',
  ])('never leaves when Node itself refuses it: %j', async (head) => {
    const machine = await startRawMachine(() => undefined)
    const gate = await gateTo(machine)
    expect(await ask(gate, head).until('\r\n\r\n')).toMatch(/^HTTP\/1\.1 400/)
    expect(machine.sockets).toHaveLength(0)
  })

  it('keeps a folded header line on one line', async () => {
    const { machine, ...gate } = await gateToAnswer('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    const client = ask(gate, 'GET / HTTP/1.1\r\nX-A: b\r\n X-Admin: 1')
    const answer = await client.until('\r\n\r\n')
    if (answer.startsWith('HTTP/1.1 200')) expect(machine.received()).toMatch(/\r\nX-A: b +X-Admin: 1\r\n/)
    else expect(answer).toMatch(/^HTTP\/1\.1 400/)
  })

  it.each(['POST', 'PUT', 'DELETE', 'OPTIONS', 'PATCH', 'GET'])(
    'has its chunks announced by the engine, %s included',
    async (method) => {
      const machine = await startAnsweringMachine('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
      closers.push(() => machine.close())
      const upstreams = createUpstreams({ clock: new TestClock(), logger: silentLogger })
      const endpoint = endpointUnderTest({ upstream: new URL(machine.url) })
      await new Promise<void>((resolve, reject) => {
        const call = upstreams.for(endpoint, 'pass').send(
          { method, target: '/', headers: ['Host', 'x', 'Transfer-Encoding', 'chunked'], body: 'chunked' },
          {
            onResponse: () => undefined,
            onData: () => undefined,
            onPause: () => undefined,
            onEnd: resolve,
            onDrain: () => undefined,
            onUpgrade: reject,
            onFailure: reject,
          },
        )
        call.write(Buffer.from('POST /hidden HTTP/1.1\r\n\r\n'))
        call.end()
      })
      upstreams.close()
      expect(machine.received()).toBe(
        `${method} / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n` +
          '19\r\nPOST /hidden HTTP/1.1\r\n\r\n\r\n0\r\n\r\n',
      )
    },
  )

  it('leaves its trailers behind', async () => {
    const { machine, ...gate } = await gateToAnswer('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    const client = ask(
      gate,
      'POST / HTTP/1.1\r\nTransfer-Encoding: chunked',
      '3\r\nabc\r\n0\r\nX-Checksum: 42\r\n\r\n',
    )
    await client.until('HTTP/1.1 200')
    await eventually(() => machine.received().endsWith('3\r\nabc\r\n0\r\n\r\n'))
    expect(machine.received()).not.toContain('X-Checksum')
  })

  it('carries a large body unharmed, and the answer back', async () => {
    const machine = await startNodeMachine((req, res) => void req.pipe(res))
    const gate = await gateTo(machine)
    const body = randomBytes(24 * 1024 * 1024)
    const lengthwise = await fetchThrough(gate, {
      method: 'POST',
      body,
      headers: { 'content-length': String(body.length) },
    })
    const chunked = await fetchThrough(gate, {
      method: 'PUT',
      body,
      headers: { 'transfer-encoding': 'chunked' },
    })
    const digest = (bytes: Buffer): string => createHash('sha256').update(bytes).digest('hex')
    expect([digest(lengthwise.body), digest(chunked.body)]).toEqual([digest(body), digest(body)])
    expect(gate.outcomes[0]).toMatchObject({ bytesUp: body.length, bytesDown: body.length, end: 'complete' })
  })

  it('is answered with 100 Continue when its client waits for that, and the machine is not asked', async () => {
    const { machine, ...gate } = await gateToAnswer('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    const client = ask(gate, 'POST / HTTP/1.1\r\nExpect: 100-continue\r\nContent-Length: 2')
    await client.until('HTTP/1.1 100 Continue')
    client.send('ok')
    await client.until('HTTP/1.1 200 OK')
    expect(machine.received()).not.toMatch(/expect/i)
  })

  it('is sent once, even when an idle connection fails under it', async () => {
    const machine = await startRawMachine((socket, soFar) => {
      if (soFar.includes('/second')) socket.resetAndDestroy()
      else if (soFar.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    })
    const gate = await gateTo(machine)
    const first = ask(gate, 'POST /first HTTP/1.1\r\nContent-Length: 0')
    await first.until('200 OK')
    const second = ask(gate, 'POST /second HTTP/1.1\r\nContent-Length: 0')
    expect(await second.until('upstream')).toContain('HTTP/1.1 502')
    expect(machine.received().match(/POST \/second/g)).toHaveLength(1)
    expect(machine.sockets).toHaveLength(1)
  })

  it('shows the machine its head before its body exists', async () => {
    const machine = await startRawMachine(() => undefined)
    const gate = await gateTo(machine)
    const client = ask(gate, 'POST / HTTP/1.1\r\nContent-Length: 5\r\nX-A: \xe9')
    await eventually(() => machine.received().endsWith('\r\n\r\n'))
    expect(machine.received()).toContain('X-A: \xe9\r\n')
    client.socket.destroy()
  })

  it('waits in the client, not in memory, while the machine does not read, and not for ever', async () => {
    const machine = await startRawMachine(
      () => undefined,
      (socket) => socket.pause(),
    )
    const gate = await gateTo(machine, { timeouts: { firstByteMs: 2_000 } })
    const { socket } = ask(gate, 'POST / HTTP/1.1\r\nContent-Length: 1000000000')
    const block = Buffer.alloc(256 * 1024)
    let gone = 0
    const more = (): void => {
      gone += block.length
      if (gone < 100 * 1024 * 1024) socket.write(block, more)
    }
    socket.write(block, more)
    await settled(() => gone)
    // What is under way sits in kernel buffers; a gateway that buffered would have swallowed all 100 MB.
    expect(gone).toBeGreaterThan(0)
    expect(gone).toBeLessThan(40 * 1024 * 1024)
    await eventually(() => gate.failures.length === 1)
    expect(gate.failures).toEqual(['upstream-timeout'])
    socket.destroy()
  }, 60_000)
})

describe('an answer on its way down', () => {
  const answerTo = async (bytes: string, request = 'GET / HTTP/1.1'): Promise<string> => {
    const gate = await gateToAnswer(bytes)
    const client = ask(gate, `${request}\r\nConnection: close`)
    await client.ended
    return client.text()
  }

  it('keeps number, order, case and bytes of its headers', async () => {
    const text = await answerTo(
      'HTTP/1.1 200 Fine\r\nContent-Length: 2\r\nX-B: 1\r\nset-cookie: a=1\r\nx-b: \xe9\r\nSet-Cookie: b=2\r\n' +
        'Content-Disposition: attachment; filename="\xe6\x97\xa5.csv"\r\nDate: then\r\n\r\nok',
    )
    expect(text).toBe(
      'HTTP/1.1 200 OK\r\nX-B: 1\r\nset-cookie: a=1\r\nx-b: \xe9\r\nSet-Cookie: b=2\r\n' +
        'Content-Disposition: attachment; filename="\xe6\x97\xa5.csv"\r\nDate: then\r\nContent-Length: 2\r\n' +
        'Connection: close\r\n\r\nok',
    )
  })

  it('keeps the bytes of its headers when the body comes later', async () => {
    const machine = await startAnsweringMachine(
      'HTTP/1.1 200 OK\r\nX-A: \xe9\xe6\r\nContent-Length: 2\r\n\r\n',
    )
    const gate = await gateTo(machine)
    const client = get(gate)
    expect(await client.until('\r\n\r\n')).toContain('X-A: \xe9\xe6\r\n')
    machine.sockets[0]?.write('ok')
    await client.until('\r\n\r\nok')
  })

  it('shows its head before its body exists, and each event at once', async () => {
    const machine = await startAnsweringMachine(
      'HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nTransfer-Encoding: chunked\r\n\r\n',
    )
    const gate = await gateTo(machine)
    const client = get(gate)
    await client.until('\r\n\r\n')
    for (let i = 0; i < 3; i++) {
      machine.sockets[0]?.write(`9\r\ndata: ${i}\n\n\r\n`)
      await client.until(`data: ${i}`)
    }
    expect(gate.streams.list()).toHaveLength(1)
  })

  it('has its length but no body after HEAD', async () => {
    const text = await answerTo(
      'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nDate: then\r\n\r\n',
      'HEAD / HTTP/1.1',
    )
    expect(text).toBe('HTTP/1.1 200 OK\r\nDate: then\r\nContent-Length: 5\r\nConnection: close\r\n\r\n')
  })

  it.each([
    [
      '304 with a length',
      'HTTP/1.1 304 X\r\nContent-Length: 5\r\nDate: d\r\n\r\n',
      'HTTP/1.1 304 Not Modified\r\nDate: d\r\nContent-Length: 5\r\n',
    ],
    [
      '204 with a length',
      'HTTP/1.1 204 X\r\nContent-Length: 0\r\nDate: d\r\n\r\n',
      'HTTP/1.1 204 No Content\r\nDate: d\r\n',
    ],
    [
      '205',
      'HTTP/1.1 205 X\r\nContent-Length: 0\r\nDate: d\r\n\r\n',
      'HTTP/1.1 205 Reset Content\r\nDate: d\r\nContent-Length: 0\r\n',
    ],
    [
      '205 with chunks',
      'HTTP/1.1 205 X\r\nTransfer-Encoding: chunked\r\nDate: d\r\n\r\n5\r\nhello\r\n0\r\n\r\n',
      'HTTP/1.1 205 Reset Content\r\nDate: d\r\nContent-Length: 0\r\n',
    ],
  ])('has no body as a %s', async (_, bytes, expected) => {
    expect(await answerTo(bytes)).toBe(`${expected}Connection: close\r\n\r\n`)
  })

  it('keeps a range a range', async () => {
    const text = await answerTo(
      'HTTP/1.1 206 Partial Content\r\nContent-Range: bytes 0-1/9\r\nContent-Length: 2\r\n\r\nab',
      'GET / HTTP/1.1\r\nRange: bytes=0-1',
    )
    expect(text).toMatch(/^HTTP\/1\.1 206 .*Content-Range: bytes 0-1\/9\r\n.*\r\n\r\nab$/s)
  })

  it('that ends with its connection, as in HTTP/1.0, ends cleanly for everyone', async () => {
    const machine = await startAnsweringMachine('HTTP/1.0 200 OK\r\n\r\nold but complete', (socket) =>
      socket.end(),
    )
    const gate = await gateTo(machine)
    const modern = get(gate)
    expect(await modern.until('0\r\n\r\n')).toMatch(
      /Transfer-Encoding: chunked.*\r\n10\r\nold but complete\r\n0\r\n\r\n$/s,
    )
    const old = get(gate, '/', '1.0')
    expect(await old.ended).toBe('closed')
    expect(old.text()).toMatch(/\r\n\r\nold but complete$/)
  })

  it('is not chunked for a client of HTTP/1.0', async () => {
    const { machine: _, ...gate } = await gateToAnswer(
      'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n',
    )
    const client = ask(gate, 'GET / HTTP/1.0\r\nConnection: keep-alive')
    expect(await client.ended).toBe('closed')
    expect(client.text()).toMatch(/\r\n\r\nok$/)
    expect(client.text()).not.toMatch(/transfer-encoding/i)
  })

  it('leaves the connection open for the next request', async () => {
    const machine = await startNodeMachine((req, res) => res.end(req.url))
    const gate = await gateTo(machine)
    const client = get(gate, '/one')
    await client.until('/one')
    client.send(
      `GET /two HTTP/1.1\r\nHost: ${gate.authority}\r\n\r\nGET /three HTTP/1.1\r\nHost: ${gate.authority}\r\n\r\n`,
    )
    await client.until(/\/two[^]*\/three/)
    expect(gate.outcomes).toHaveLength(3)
    client.socket.destroy()
  })

  it('has its address translated, and cookies for others dropped', async () => {
    const machine = await startNodeMachine((req, res) => {
      const here = `http://${req.headers.host ?? ''}`
      res.setHeader('Set-Cookie', [
        'a=1; Path=/',
        'evil=1; Domain=localhost',
        '__Host-gatehouse-pass=x; Path=/; Secure',
      ])
      res.setHeader('Clear-Site-Data', '"*"')
      res.writeHead(302, { Location: `${here}/login` }).end()
    })
    const gate = await gateTo(machine)
    const reply = await fetchThrough(gate)
    expect(reply.headers.location).toBe(`${gate.origin}/login`)
    expect(reply.headers['set-cookie']).toEqual(['a=1; Path=/'])
    expect(reply.headers['clear-site-data']).toBeUndefined()
  })

  it('waits in the machine, not in memory, while its client does not read', async () => {
    let written = 0
    const machine = await startNodeMachine((_, res) => {
      res.writeHead(200, { 'content-type': 'text/csv' })
      const block = Buffer.alloc(64 * 1024)
      const more = (): void => {
        while (res.write(block)) written += block.length
        written += block.length
        res.once('drain', more)
      }
      more()
    })
    const gate = await gateTo(machine)
    const client = get(gate)
    client.socket.pause()
    await settled(() => written)
    expect(written).toBeLessThan(40 * 1024 * 1024)
    client.socket.destroy()
    await eventually(() => machine.sockets() === 0)
  })
})

describe('a hostile or broken machine', () => {
  it.each(unfitAnswers)('is answered for with 502: %s', async (_, bytes) => {
    const gate = await gateToAnswer(bytes)
    const client = get(gate)
    expect(await client.until('upstream-invalid')).toMatch(/^HTTP\/1\.1 502 /)
    expect(gate.failures).toEqual(['upstream-invalid'])
    await eventually(() => gate.machine.openSockets() === 0)
    expect(gate.streams.list()).toEqual([])
  })

  it('may say “wait” a few times', async () => {
    const gate = await gateToAnswer(
      `${'HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n'.repeat(3)}HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok`,
    )
    expect(await get(gate).until('\r\n\r\nok')).not.toContain('103')
  })

  it.each(brokenAnswers)('never makes its answer look complete: %s', async (_, bytes, then) => {
    const gate = await gateToAnswer(bytes)
    const client = get(gate)
    await client.until('half')
    const [socket] = gate.machine.sockets
    if (socket !== undefined) then(socket)
    await client.ended
    expect(client.text()).not.toMatch(/\r\n0\r\n/)
    expect(gate.outcomes).toMatchObject([{ status: 200, bytesDown: 4, end: 'upstream-failed', cause: null }])
  })

  it('cannot fake a complete answer to a client of HTTP/1.0 either', async () => {
    const gate = await gateToAnswer('HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n')
    const client = get(gate, '/', '1.0')
    await client.until('half')
    gate.machine.sockets[0]?.resetAndDestroy()
    expect(await client.ended).toBe('reset')
  })

  it.each<[string, (machine: RawMachine) => void]>([
    ['closes', (machine) => machine.sockets[0]?.end()],
    ['resets', (machine) => machine.sockets[0]?.resetAndDestroy()],
  ])('is unreachable when it %s without an answer', async (_, then) => {
    const machine = await startRawMachine(() => undefined)
    const gate = await gateTo(machine)
    const client = get(gate)
    await eventually(() => machine.received().includes('\r\n\r\n'))
    then(machine)
    expect(await client.until('upstream-unreachable')).toMatch(/^HTTP\/1\.1 502 /)
  })

  it('is unreachable when nothing listens', async () => {
    const machine = await startRawMachine(() => undefined)
    await machine.close()
    const gate = await startGate({ upstream: machine.url })
    closers.push(() => gate.close())
    expect(await get(gate).until('upstream-unreachable')).toMatch(/^HTTP\/1\.1 502 /)
  })

  it('is unreachable when it accepts a connection and never finishes TLS', async () => {
    const machine = await startRawMachine(() => undefined)
    const gate = await gateTo(
      { ...machine, url: machine.url.replace('http', 'https') },
      { timeouts: { connectMs: 200, firstByteMs: 20_000 } },
    )
    expect(await get(gate).until('upstream-unreachable')).toMatch(/^HTTP\/1\.1 502 /)
    await eventually(() => machine.openSockets() === 0)
  })

  it('times out when it says nothing', async () => {
    const machine = await startRawMachine(() => undefined)
    const gate = await gateTo(machine, { timeouts: { firstByteMs: 200 } })
    expect(await get(gate).until('upstream-timeout')).toMatch(/^HTTP\/1\.1 504 /)
    await eventually(() => machine.openSockets() === 0)
  })

  it('times out when it stops reading a body, but waits as long as the client takes to send one', async () => {
    const machine = await startRawMachine((socket, soFar) => {
      if (soFar.endsWith('end')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    })
    const gate = await gateTo(machine, { timeouts: { firstByteMs: 150 } })
    const client = ask(gate, 'POST / HTTP/1.1\r\nContent-Length: 6', 'abc')
    await eventually(() => machine.received().endsWith('abc'))
    const asked = performance.now()
    await eventually(() => performance.now() - asked > 400)
    client.send('end')
    await client.until('200 OK')

    const deaf = await startRawMachine(
      () => undefined,
      (socket) => socket.pause(),
    )
    const gateToDeaf = await gateTo(deaf, { timeouts: { firstByteMs: 150 } })
    const greedy = ask(
      gateToDeaf,
      'POST / HTTP/1.1\r\nContent-Length: 1000000000',
      Buffer.alloc(64 * 1024 * 1024),
    )
    await greedy.until('upstream-timeout').catch(() => greedy.ended)
    expect(gateToDeaf.failures).toEqual(['upstream-timeout'])
  }, 60_000)

  it('cannot slip a second answer under the next request', async () => {
    const machine = await startRawMachine((socket, soFar) => {
      if (soFar.endsWith('\r\n\r\n')) socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    })
    const gate = await gateTo(machine, { timeouts: { idleSocketMs: 60_000 } })
    await get(gate, '/one').until('\r\n\r\nok')
    await eventually(() => gate.outcomes.length === 1)
    machine.sockets[0]?.write('HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison')
    await eventually(() => machine.openSockets() === 0)
    expect(await get(gate, '/two').until('\r\n\r\nok')).not.toContain('poison')
  })

  it('cannot slip a second answer into the same packet', async () => {
    const one = 'HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok'
    const gate = await gateToAnswer(`${one}HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison`)
    const client = get(gate)
    await Promise.race([client.ended, client.until('\r\n\r\nok')])
    await eventually(() => gate.machine.openSockets() === 0)
    expect(client.text()).not.toContain('poison')
  })

  it('may answer before it has read the whole request, and the connection ends with that', async () => {
    const gate = await gateToAnswer('HTTP/1.1 413 Too Large\r\nContent-Length: 4\r\n\r\nlate')
    const client = ask(gate, 'POST / HTTP/1.1\r\nContent-Length: 1000', 'begin')
    expect(await client.until('late')).toMatch(/^HTTP\/1\.1 413 [^]*Connection: close/)
    await client.ended
    await eventually(() => gate.machine.openSockets() === 0)
  })
})

describe('a client that goes away', () => {
  it('frees the machine at once, whatever it was waiting for', async () => {
    const machine = await startNodeMachine((req, res) => {
      if (req.url === '/endless') {
        res.writeHead(200)
        res.write('begun')
      } else req.resume()
    })
    const gate = await gateTo(machine)
    const waiting = get(gate, '/silent')
    const reading = get(gate, '/endless')
    const sending = ask(gate, 'POST /silent HTTP/1.1\r\nContent-Length: 1000', 'begin')
    await reading.until('begun')
    await eventually(() => machine.sockets() === 3)
    waiting.socket.end()
    reading.socket.resetAndDestroy()
    sending.socket.destroy()
    await eventually(() => machine.sockets() === 0 && gate.outcomes.length === 3)
    expect(gate.outcomes.map(({ end }) => end)).toEqual(['client-closed', 'client-closed', 'client-closed'])
    expect(gate.streams.list()).toEqual([])
  })

  it('frees what it had pipelined as well', async () => {
    const machine = await startNodeMachine(() => undefined)
    const gate = await gateTo(machine)
    const client = get(gate, '/one')
    client.send(`GET /two HTTP/1.1\r\nHost: ${gate.authority}\r\n\r\n`)
    await eventually(() => machine.sockets() === 2)
    client.socket.destroy()
    await eventually(() => machine.sockets() === 0 && gate.outcomes.length === 2)
  })

  it('leaves nothing behind, two hundred times', async () => {
    const machine = await startNodeMachine((_, res) => {
      res.writeHead(200, { 'content-length': 1_000_000_000 })
      res.write(Buffer.alloc(64 * 1024))
    })
    const gate = await gateTo(machine)
    for (let round = 0; round < 10; round++) {
      const clients = Array.from({ length: 20 }, () => get(gate))
      await Promise.all(clients.map((client) => client.until('\r\n\r\n')))
      for (const client of clients) client.socket.destroy()
    }
    await eventually(() => gate.outcomes.length === 200 && machine.sockets() === 0)
    expect(gate.streams.list()).toEqual([])
  }, 60_000)

  it('costs the machine no connection if it left during admission', async () => {
    const machine = await startRawMachine(() => undefined)
    let admit: () => void = () => undefined
    let admissions = 0
    const gate = await gateTo(machine, {
      beforeForwarding: () => {
        admissions += 1
        return new Promise((resolve) => (admit = resolve))
      },
    })
    const client = get(gate)
    await eventually(() => admissions === 1)
    client.socket.destroy()
    await client.ended
    await eventually(() => gate.outcomes.length === 1 || (admit(), false))
    expect(gate.outcomes).toEqual([
      { status: null, bytesUp: 0, bytesDown: 0, end: 'client-closed', cause: null },
    ])
    expect(machine.sockets).toHaveLength(0)
  })
})

describe('a stream that is cut', () => {
  it('leaves the answer to the gateway while nothing was written', async () => {
    const machine = await startRawMachine(() => undefined)
    const gate = await gateTo(machine)
    const client = get(gate)
    await eventually(() => machine.sockets.length === 1)
    gate.streams.cut(() => true, 'grant-revoked')
    expect(await client.until('grant-revoked')).toMatch(/^HTTP\/1\.1 403 /)
    await eventually(() => machine.openSockets() === 0)
    expect(gate.outcomes).toEqual([
      { status: null, bytesUp: 0, bytesDown: 0, end: 'cut', cause: 'grant-revoked' },
    ])
  })

  it('does not even dial when it was cut during admission', async () => {
    const machine = await startRawMachine(() => undefined)
    let cut = 0
    const gate: Gate = await gateTo(machine, {
      beforeForwarding: () => {
        gate.streams.cut(() => true, 'grant-revoked')
        cut += 1
        return Promise.resolve()
      },
    })
    expect(await get(gate).until('grant-revoked')).toMatch(/^HTTP\/1\.1 403 /)
    expect([cut, machine.sockets.length]).toEqual([1, 0])
  })

  it.each([
    ['a length', 'Content-Length: 100\r\n\r\nhalf', '1.1', 'closed'],
    ['chunks', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n', '1.1', 'closed'],
    ['nothing but its end', 'Transfer-Encoding: chunked\r\n\r\n4\r\nhalf\r\n', '1.0', 'reset'],
  ])('breaks off a download framed by %s', async (_, rest, version, ended) => {
    const gate = await gateToAnswer(`HTTP/1.1 200 OK\r\n${rest}`)
    const client = get(gate, '/', version)
    await client.until('half')
    gate.streams.cut(() => true, 'session-killed')
    expect(await client.ended).toBe(ended)
    expect(client.text()).not.toMatch(/\r\n0\r\n/)
    await eventually(() => gate.machine.openSockets() === 0)
    expect(gate.outcomes).toMatchObject([{ status: 200, end: 'cut', cause: 'session-killed' }])
  })

  it('ends on time by itself, in the middle of an upload too', async () => {
    const machine = await startRawMachine(() => undefined)
    const gate = await gateTo(machine)
    const client = ask(gate, 'POST / HTTP/1.1\r\nContent-Length: 1000', 'begin')
    await eventually(() => machine.received().endsWith('begin'))
    await gate.clock.advance({ hours: 1 })
    expect(await client.until('grant-ended')).toMatch(/^HTTP\/1\.1 403 /)
    await eventually(() => machine.openSockets() === 0)
    expect(gate.outcomes).toMatchObject([{ bytesUp: 5, end: 'cut', cause: 'grant-ended' }])
  })
})

describe('connections to a machine', () => {
  const startEcho = (): ReturnType<typeof startNodeMachine> =>
    startNodeMachine((req, res) => res.end(String(req.socket.remotePort)))
  const portSeen = async (gate: Gate, pass: string): Promise<string> =>
    (await fetchThrough(gate, { headers: { 'x-pass': pass } })).body.toString()
  const passOf = (req: IncomingMessage): string => String(req.headers['x-pass'])

  it('are used again for the same pass and never for another', async () => {
    const gate = await gateTo(await startEcho(), { passOf })
    const first = await portSeen(gate, 'a')
    expect(await portSeen(gate, 'a')).toBe(first)
    const other = await portSeen(gate, 'b')
    expect(other).not.toBe(first)
    expect(await portSeen(gate, 'a')).toBe(first)
    expect(await portSeen(gate, 'b')).toBe(other)
  })

  it('close with their pass', async () => {
    const machine = await startEcho()
    const gate = await gateTo(machine, { passOf })
    await portSeen(gate, 'a')
    await portSeen(gate, 'b')
    expect(machine.sockets()).toBe(2)
    gate.upstreams.release('a')
    await eventually(() => machine.sockets() === 1)
    gate.upstreams.close()
    await eventually(() => machine.sockets() === 0)
  })

  it('close when they have been idle for a while', async () => {
    const machine = await startEcho()
    const gate = await gateTo(machine, { timeouts: { idleSocketMs: 100 } })
    const first = (await fetchThrough(gate)).body.toString()
    await eventually(() => machine.sockets() === 0)
    expect((await fetchThrough(gate)).body.toString()).not.toBe(first)
  })

  it('with a certificate that nobody vouches for are refused', async () => {
    const { createServer: createTlsServer } = await import('node:tls')
    const server = createTlsServer({}).on('tlsClientError', () => undefined)
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const url = `https://127.0.0.1:${(server.address() as AddressInfo).port}`
    const gate = await gateTo({
      url,
      close: () => new Promise((resolve) => void server.close(() => resolve())),
    })
    expect(await get(gate).until('upstream-unreachable')).toMatch(/^HTTP\/1\.1 502 /)
  })
})

const anyStream: StreamInfo = {
  id: 'r-1',
  kind: 'request',
  sessionId: 's-1',
  passId: 'pass-1',
  principalId: 'p-1',

  email: null,
  grantId: 'g-1',
  endpointId: 'x',
  path: '/',
  startedAt: 0,
  closeAt: Number.MAX_SAFE_INTEGER,
  sessionEndsAt: Number.MAX_SAFE_INTEGER,
  viewOnlyFrom: null,
}

describe('a mistake of ours in the middle of an answer', () => {
  it('ends that request and not the process', async () => {
    const machine = await startAnsweringMachine('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok')
    const upstreams = createUpstreams({ clock: new TestClock(), logger: silentLogger })
    closers.push(
      () => machine.close(),
      () => {
        upstreams.close()
        return Promise.resolve()
      },
    )
    const streams = createStreams({ clock: new TestClock() })
    const endpoint = endpointUnderTest({ upstream: new URL(machine.url) })
    const server = createServer((req, res) => {
      const normalised = normaliseRequest(req, { isUpgrade: false })
      if ('refused' in normalised) throw new Error(normalised.refused)
      const stream = streams.expect().open(anyStream)
      const forwarding: Forwarding = {
        request: normalised.request,
        endpoint,
        endpointOrigin: 'http://x.localhost',
        upstream: upstreams.for(endpoint, 'pass'),
        client: { address: '127.0.0.1', proto: 'http' },
        identity: { user: 'ana', assertion: 'a' },
        stream,
        pace: createPace({ stalledMs: 60_000, bodyBytesPerSecond: 64 }),
      }
      const outcome = forwardRequest(forwarding, req, res)
      res.writeHead(500).flushHeaders()
      void outcome.catch((error: unknown) => res.end(String(error)))
    })
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    closers.push(() => new Promise((resolve) => void server.close(() => resolve())))
    const client = dial((server.address() as AddressInfo).port)
    client.send('GET / HTTP/1.1\r\nHost: x.localhost\r\nConnection: close\r\n\r\n')
    await client.ended
    expect(client.text()).toMatch(/headers after they are sent/)
    await eventually(() => machine.openSockets() === 0)
  })
})
