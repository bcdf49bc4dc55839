import { randomBytes } from 'node:crypto'
import { once } from 'node:events'
import { createServer, type RequestListener } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import { dial, eventually, gatesOfTest, type Gate, type RawClient } from '../support/wire.js'

const { gateTo } = gatesOfTest()

interface Slow {
  readonly url: string
  /** Bytes that the kernel took off its hands. */
  sent(): number
  received(): number
  sockets(): number
  close(): Promise<void>
}

/** A real server that does what a test says, and knows how much passed. */
async function startSlow(answer: RequestListener, live?: (peer: WebSocket) => void): Promise<Slow> {
  const sockets = new Set<Socket>()
  const server = createServer(answer)
  server.on('checkContinue', answer)
  if (live !== undefined) new WebSocketServer({ server }).on('connection', live)
  server.on('connection', (socket) => {
    sockets.add(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const sum = (of: (socket: Socket) => number): number =>
    [...sockets].reduce((total, socket) => total + of(socket), 0)
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    sent: () => sum((socket) => socket.bytesWritten - socket.writableLength),
    received: () => sum((socket) => socket.bytesRead),
    sockets: () => [...sockets].filter((socket) => !socket.destroyed).length,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

const ask = (gate: Gate, line: string, ...fields: string[]): RawClient => {
  const client = dial(gate.port)
  client.send([`${line} HTTP/1.1`, `Host: ${gate.authority}`, ...fields, '', ''].join('\r\n'))
  return client
}
const block = randomBytes(256 * 1024)

/** Waits until something has passed, and then nothing more for a third of a second. */
async function hasSettled(bytes: () => number): Promise<void> {
  let last = { bytes: 0, at: 0 }
  await eventually(() => {
    if (bytes() !== last.bytes) last = { bytes: bytes(), at: performance.now() }
    return last.bytes > 0 && performance.now() - last.at > 300
  }, 15_000)
}

describe('a client that does not read', () => {
  const endlessly: RequestListener = (_, res) => {
    res.on('error', () => undefined)
    const more = (): void => {
      while (res.write(block));
      res.once('drain', more)
    }
    more()
  }

  it('costs bounded memory, and is cut when it goes on', async () => {
    const machine = await startSlow(endlessly)
    const gate = await gateTo(machine)
    const client = dial(gate.port)
    client.socket.pause()
    client.send(`GET / HTTP/1.1\r\nHost: ${gate.authority}\r\n\r\n`)
    await hasSettled(() => machine.sent())
    // The kernel's buffers of four sockets, and what ours hold between them.
    expect(machine.sent()).toBeLessThan(30 * 2 ** 20)
    await gate.paceClock.advance({ seconds: 50 })
    expect(gate.outcomes).toEqual([])
    await gate.paceClock.advance({ seconds: 20 })
    await eventually(() => gate.outcomes.length === 1)
    expect(gate.outcomes[0]).toMatchObject({ status: 200, end: 'cut', cause: 'client-stalled' })
    await eventually(() => machine.sockets() === 0)
    client.socket.destroy()
  })

  it('goes on when it reads again in time', async () => {
    const machine = await startSlow((_, res) => res.end(Buffer.alloc(20 * 2 ** 20, 'x')))
    const gate = await gateTo(machine)
    const client = dial(gate.port)
    client.socket.pause()
    client.send(`GET / HTTP/1.1\r\nHost: ${gate.authority}\r\n\r\n`)
    await eventually(() => gate.streams.list().length === 1)
    await gate.paceClock.advance({ seconds: 50 })
    client.socket.resume()
    await eventually(() => client.text().length > 20 * 2 ** 20)
    await gate.paceClock.advance({ seconds: 50 })
    await eventually(() => gate.outcomes.length === 1)
    expect(gate.outcomes[0]).toMatchObject({ status: 200, end: 'complete' })
    client.socket.destroy()
  })

  it('is cut from a WebSocket as well', async () => {
    const machine = await startSlow(
      () => undefined,
      (peer) => {
        peer.on('error', () => undefined)
        const timer = setInterval(() => {
          if (peer.bufferedAmount < 2 ** 20) peer.send(block)
        }, 1)
        peer.on('close', () => clearInterval(timer))
      },
    )
    const gate = await gateTo(machine)
    const client = new WebSocket(`ws://127.0.0.1:${gate.port}/`, { headers: { host: gate.authority } })
    client.on('error', () => undefined)
    await once(client, 'open')
    client.pause()
    await hasSettled(() => machine.sent())
    await gate.paceClock.advance({ seconds: 70 })
    await eventually(() => gate.outcomes.length === 1)
    expect(gate.outcomes[0]).toMatchObject({ status: 101, end: 'cut', cause: 'client-stalled' })
    client.terminate()
  })
})

describe('a silence in both directions', () => {
  it('ends a WebSocket, with the reason', async () => {
    const machine = await startSlow(
      () => undefined,
      (peer) => peer.on('message', (data) => peer.send(data)),
    )
    const gate = await gateTo(machine, { endpoint: { limits: { ...limits, idleMs: 600_000 } } })
    const client = new WebSocket(`ws://127.0.0.1:${gate.port}/`, { headers: { host: gate.authority } })
    await once(client, 'open')
    await gate.paceClock.advance({ minutes: 9 })
    client.send('still here')
    await once(client, 'message')
    await gate.paceClock.advance({ minutes: 9 })
    expect(gate.outcomes).toEqual([])
    const closed = once(client, 'close')
    await gate.paceClock.advance({ minutes: 2 })
    const [code, reason] = (await closed) as [number, Buffer]
    expect([code, reason.toString()]).toEqual([1008, 'idle'])
    await eventually(() => gate.outcomes.length === 1)
    expect(gate.outcomes[0]).toMatchObject({ status: 101, end: 'cut', cause: 'idle' })
  })

  it('ends an answer that has begun, and none that has not', async () => {
    const machine = await startSlow((req, res) => {
      if (req.url === '/begun') res.write('a')
    })
    const gate = await gateTo(machine)
    const begun = ask(gate, 'GET /begun')
    const longPoll = ask(gate, 'GET /long-poll')
    await begun.until('\r\n\r\n1\r\na')
    await eventually(() => gate.streams.list().length === 2)
    await gate.paceClock.advance({ minutes: 16 })
    expect(await begun.ended).toMatch(/closed|reset/)
    expect(gate.outcomes).toMatchObject([{ status: 200, end: 'cut', cause: 'idle' }])
    expect(longPoll.text()).toBe('')
    expect(gate.streams.list()).toHaveLength(1)
    longPoll.socket.destroy()
  })
})

const limits = { connections: null, bodyBytes: 1_000, firstByteMs: 60_000, idleMs: 900_000 }

describe('a body', () => {
  it('that comes too slowly is answered with 408, and the machine gets no whole request', async () => {
    const machine = await startSlow((req, res) => void req.resume().on('end', () => res.end()))
    const gate = await gateTo(machine)
    const client = ask(gate, 'POST /', 'Content-Length: 100000')
    for (let half = 0; half < 4 && gate.failures.length === 0; half += 1) {
      client.send('x'.repeat(900))
      await gate.paceClock.advance({ seconds: 20 })
    }
    await client.until('408')
    expect(gate.failures).toEqual(['request-timeout'])
    await eventually(() => machine.sockets() === 0)
    expect(machine.received()).toBeLessThan(4_000)
  })

  it('that comes fast enough goes on for as long as it takes', async () => {
    const machine = await startSlow((req, res) => void req.resume().on('end', () => res.end('taken')))
    const gate = await gateTo(machine)
    const client = ask(gate, 'POST /', 'Content-Length: 100000')
    for (let part = 0; part < 50; part += 1) {
      client.send('x'.repeat(2_000))
      await eventually(() => machine.received() > part * 2_000)
      await gate.paceClock.advance({ seconds: 25 })
    }
    await client.until('taken')
    expect(gate.failures).toEqual([])
  })

  it('that the machine does not take is not its sender’s fault', async () => {
    const machine = await startSlow((req) => void req.pause())
    const gate = await gateTo(machine)
    const client = ask(gate, 'POST /', `Content-Length: ${64 * 2 ** 20}`)
    client.socket.on('error', () => undefined)
    client.socket.write(Buffer.alloc(64 * 2 ** 20))
    await hasSettled(() => machine.received())
    await gate.paceClock.advance({ minutes: 10 })
    expect(gate.failures).toEqual([])
    await gate.paceClock.advance({ minutes: 6 })
    await eventually(() => gate.failures.length === 1)
    expect(gate.failures).toEqual(['upstream-timeout'])
    client.socket.destroy()
  })

  it.each([
    ['announced', ['Content-Length: 1001'], ''],
    ['announced, by a client that waits to be told', ['Content-Length: 1001', 'Expect: 100-continue'], ''],
    ['chunked', ['Transfer-Encoding: chunked'], `3e9\r\n${'x'.repeat(1_001)}\r\n`],
  ])('that is larger than the machine may be sent is answered with 413: %s', async (_, fields, body) => {
    let wholeRequests = 0
    const machine = await startSlow((req, res) => {
      req.on('error', () => undefined)
      req.resume().on('end', () => {
        wholeRequests += 1
        res.end()
      })
    })
    const gate = await gateTo(machine, { endpoint: { limits } })
    const client = ask(gate, 'POST /', ...fields)
    client.send(body)
    await client.until(/^HTTP\/1\.1 413 /)
    expect(gate.failures).toEqual(['body-too-large'])
    await eventually(() => machine.sockets() === 0)
    expect(wholeRequests).toBe(0)
    if (body === '') expect(machine.received()).toBe(0)
  })

  it('of just the size that is allowed passes', async () => {
    const machine = await startSlow((req, res) => void req.resume().on('end', () => res.end('taken')))
    const gate = await gateTo(machine, { endpoint: { limits } })
    const client = ask(gate, 'POST /', 'Content-Length: 1000')
    client.send('x'.repeat(1_000))
    await client.until('taken')
    client.socket.destroy()
  })
})
