import { createHash, randomBytes } from 'node:crypto'
import { createServer } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { WebSocket, WebSocketServer, type ClientOptions, type ServerOptions } from 'ws'
import { closeFrame } from '../../src/dataplane/frames.js'
import type { TestClock } from '../support/clock.js'
import {
  dial,
  eventually,
  gatesOfTest,
  startRawMachine,
  type Gate,
  type RawClient,
  type RawMachine,
} from '../support/wire.js'

const { gateTo } = gatesOfTest()

interface SocketMachine {
  readonly url: string
  /** What its WebSockets received: messages as text, and `ping`, `pong` and `close 1000 reason`. */
  readonly heard: string[]
  readonly peers: ReadonlySet<WebSocket>
  sockets(): number
  close(): Promise<void>
}

/** A real WebSocket server that echoes each message. */
async function startSocketMachine(options: ServerOptions = {}): Promise<SocketMachine> {
  const heard: string[] = []
  const server = createServer()
  const webSockets = new WebSocketServer({ server, ...options })
  let open = 0
  server.on('connection', (socket) => {
    open += 1
    socket.on('close', () => (open -= 1))
  })
  webSockets.on('connection', (peer) => {
    peer.on('error', () => undefined)
    peer.on('message', (data: Buffer, isBinary) => {
      heard.push(isBinary ? `binary ${data.length}` : data.toString())
      peer.send(data, { binary: isBinary })
    })
    peer.on('ping', () => heard.push('ping'))
    peer.on('close', (code, reason) => heard.push(`close ${code} ${reason.toString()}`.trim()))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    heard,
    peers: webSockets.clients,
    sockets: () => open,
    close: async () => {
      for (const peer of webSockets.clients) peer.terminate()
      webSockets.close()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Visitor {
  readonly webSocket: WebSocket
  readonly messages: Buffer[]
  /** `1008 grant-revoked` */
  readonly closed: Promise<string>
}

async function visit(gate: Gate, options: ClientOptions & { protocols?: string[] } = {}): Promise<Visitor> {
  const { protocols = [], ...rest } = options
  const webSocket = new WebSocket(`ws://127.0.0.1:${gate.port}/live`, protocols, {
    headers: { host: gate.authority },
    ...rest,
  })
  const messages: Buffer[] = []
  webSocket.on('message', (data: Buffer) => messages.push(data))
  webSocket.on('error', () => undefined)
  const closed = new Promise<string>((resolve) => {
    webSocket.on('close', (code, reason) => resolve(`${code} ${reason.toString()}`.trim()))
  })
  await new Promise<void>((resolve, reject) => {
    webSocket.on('open', resolve)
    webSocket.on('unexpected-response', (_, res) => reject(new Error(`status ${res.statusCode ?? 0}`)))
  })
  return { webSocket, messages, closed }
}

const key = 'dGhlIHNhbXBsZSBub25jZQ=='

function acceptOf(text: string): string {
  const sent = /sec-websocket-key: (\S+)/i.exec(text)?.[1] ?? ''
  return createHash('sha1').update(`${sent}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`).digest('base64')
}

const switching = (soFar: string, more = ''): string =>
  'HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n' +
  `Sec-WebSocket-Accept: ${acceptOf(soFar)}\r\n${more}\r\n`

/** A machine of bare TCP that agrees to WebSockets, and then does `then` with each. */
function startSwitchingMachine(
  then: (socket: Socket) => void = () => undefined,
  more = '',
): Promise<RawMachine> {
  const switched = new WeakSet<Socket>()
  return startRawMachine((socket, soFar) => {
    if (switched.has(socket) || !soFar.includes('\r\n\r\n')) return
    switched.add(socket)
    socket.write(switching(soFar, more), 'latin1', () => then(socket))
  })
}

function knock(gate: Gate, rest: string | Buffer = '', more: string[] = []): RawClient {
  const client = dial(gate.port)
  const head = [
    'GET /live HTTP/1.1',
    `Host: ${gate.authority}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    `Sec-WebSocket-Key: ${key}`,
    'Sec-WebSocket-Version: 13',
    ...more,
  ]
  client.send(Buffer.concat([Buffer.from(`${head.join('\r\n')}\r\n\r\n`), Buffer.from(rest)]))
  return client
}

/** A masked text frame with an all-zero mask, so that it can be found in what a machine received. */
const textFrame = (text: string): Buffer =>
  Buffer.concat([Buffer.from([0x81, 0x80 | text.length, 0, 0, 0, 0]), Buffer.from(text)])

describe('a WebSocket', () => {
  it('carries messages of every size both ways, and ends as its ends agree', async () => {
    const machine = await startSocketMachine()
    const gate = await gateTo(machine)
    const visitor = await visit(gate)
    const sizes = [0, 1, 125, 126, 65_535, 65_536, 3_000_000]
    for (const size of sizes) visitor.webSocket.send(randomBytes(size))
    await eventually(() => visitor.messages.length === sizes.length)
    expect(visitor.messages.map(({ length }) => length)).toEqual(sizes)
    visitor.webSocket.close(4000, 'done')
    expect(await visitor.closed).toBe('4000 done')
    await eventually(() => gate.outcomes.length === 1 && machine.sockets() === 0)
    expect(machine.heard.at(-1)).toBe('close 4000 done')
    const [outcome] = gate.outcomes
    const total = sizes.reduce((sum, size) => sum + size, 0)
    expect(outcome).toMatchObject({ status: 101, end: 'complete', cause: null })
    expect(outcome?.bytesDown).toBeGreaterThan(total)
    expect(outcome?.bytesUp).toBeGreaterThan(outcome?.bytesDown ?? 0)
    expect(gate.streams.list()).toEqual([])
  })

  it('keeps its compression and its subprotocol', async () => {
    const machine = await startSocketMachine({ perMessageDeflate: true, handleProtocols: () => 'mqtt' })
    const gate = await gateTo(machine)
    const { webSocket, messages } = await visit(gate, {
      perMessageDeflate: true,
      protocols: ['amqp', 'mqtt'],
    })
    expect([webSocket.protocol, webSocket.extensions]).toEqual(['mqtt', 'permessage-deflate'])
    webSocket.send('x'.repeat(100_000))
    await eventually(() => messages.length === 1)
    expect(messages[0]?.toString()).toBe('x'.repeat(100_000))
    webSocket.terminate()
  })

  it('asks the machine in its own name, without our cookies', async () => {
    const machine = await startSwitchingMachine()
    const gate = await gateTo(machine)
    const secret = 'A'.repeat(43)
    const client = knock(gate, '', [
      `Origin: ${gate.origin}`,
      `Cookie: __Host-gatehouse-pass=${secret}; hmi=1`,
      'X-Gatehouse-User: admin',
    ])
    await client.until('\r\n\r\n')
    const asked = machine.received()
    expect(asked).toContain(`Host: 127.0.0.1:${machine.port}\r\n`)
    expect(asked).toContain(`Origin: http://127.0.0.1:${machine.port}\r\n`)
    expect(asked).toContain('Cookie: hmi=1\r\n')
    expect(asked).toContain(`Sec-WebSocket-Key: ${key}\r\n`)
    expect(asked).toContain('X-Gatehouse-User: ana@vendor.example\r\n')
    expect(asked).not.toMatch(new RegExp(`${secret}|admin`))
    client.socket.destroy()
  })

  it('has the headers of its 101 filtered like any others', async () => {
    const machine = await startSwitchingMachine(
      undefined,
      'Set-Cookie: a=1\r\nSet-Cookie: b=2; Domain=localhost\r\nClear-Site-Data: "*"\r\nX-Kept: \xe9\r\nKeep-Alive: timeout=5\r\n',
    )
    const gate = await gateTo(machine)
    const client = knock(gate)
    expect(await client.until('\r\n\r\n')).toBe(
      'HTTP/1.1 101 Switching Protocols\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n' +
        `Sec-WebSocket-Accept: ${acceptOf(`Sec-WebSocket-Key: ${key}`)}\r\nSet-Cookie: a=1\r\nX-Kept: \xe9\r\n\r\n`,
    )
    client.socket.destroy()
  })

  it('delivers what a machine sends in one packet with its 101', async () => {
    const machine = await startRawMachine((socket, soFar) => {
      socket.write(Buffer.concat([Buffer.from(switching(soFar)), Buffer.from([0x81, 2, 0x68, 0x69])]))
    })
    const { messages, webSocket } = await visit(await gateTo(machine))
    await eventually(() => messages.length === 1)
    expect(messages[0]?.toString()).toBe('hi')
    webSocket.terminate()
  })

  it('waits in the machine, not in memory, while its client does not read', async () => {
    const machine = await startSocketMachine()
    const gate = await gateTo(machine)
    const { webSocket } = await visit(gate)
    webSocket.pause()
    const [peer] = machine.peers
    const block = Buffer.alloc(1024 * 1024)
    let gone = 0
    const more = (): void => {
      gone += 1
      if (gone < 100) peer?.send(block, more)
    }
    peer?.send(block, more)
    let last = 0
    let since = performance.now()
    await eventually(() => {
      if (gone !== last) since = performance.now()
      last = gone
      return gone > 0 && performance.now() - since > 300
    })
    // What is under way sits in kernel buffers; a gateway that buffered would have swallowed all 100 MB.
    expect(gone).toBeLessThan(40)
    webSocket.terminate()
    peer?.terminate()
  })
})

describe('what a client sends before the machine has agreed', () => {
  it('waits, and follows the handshake', async () => {
    let agree: () => void = () => undefined
    const machine = await startRawMachine((socket, soFar) => {
      agree = () => socket.write(switching(soFar))
    })
    const gate = await gateTo(machine)
    const client = knock(gate, textFrame('first'))
    await eventually(() => machine.received().endsWith('\r\n\r\n'))
    client.send(textFrame('second'))
    client.send(textFrame('third'))
    expect(machine.received()).not.toMatch(/first|second|third/)
    agree()
    await eventually(() => machine.received().includes('third'))
    expect(machine.received()).toMatch(/\r\n\r\n.{6}first.{6}second.{6}third$/s)
    client.socket.destroy()
  })

  it.each<[string, (soFar: string) => string]>([
    ['another accept', () => switching('sec-websocket-key: other')],
    ['no accept', (soFar) => switching(soFar).replace(/Sec-WebSocket-Accept.*\r\n/, '')],
    ['two accepts', (soFar) => switching(soFar, `Sec-WebSocket-Accept: ${acceptOf(soFar)}\r\n`)],
    ['another protocol', (soFar) => switching(soFar).replace('Upgrade: websocket', 'Upgrade: h2c')],
    ['no Upgrade', (soFar) => switching(soFar).replace('Upgrade: websocket\r\n', '')],
    ['no Connection', (soFar) => switching(soFar).replace('Connection: Upgrade\r\n', '')],
    ['a subprotocol nobody offered', (soFar) => switching(soFar, 'Sec-WebSocket-Protocol: mqtt\r\n')],
    ['a control byte', (soFar) => switching(soFar, 'X-A: \x01\r\n')],
    ['a status below 101', (soFar) => switching(soFar).replace('101', '099')],
    ['no HTTP', () => 'hello\r\n\r\n'],
    [
      'a redirect elsewhere',
      () => 'HTTP/1.1 302 Found\r\nLocation: http://evil.example/\r\nContent-Length: 0\r\n\r\n',
    ],
  ])('never travels when the machine answers with %s', async (_, answer) => {
    const machine = await startRawMachine((socket, soFar) => {
      if (soFar.endsWith('\r\n\r\n')) socket.write(answer(soFar), 'latin1')
    })
    const gate = await gateTo(machine)
    const client = knock(gate, textFrame('secret-command'))
    expect(await client.until('upstream-invalid')).toMatch(/^HTTP\/1\.1 502 /)
    await eventually(() => machine.openSockets() === 0)
    expect(machine.received()).not.toContain('secret-command')
    expect(gate.streams.list()).toEqual([])
  })

  it('is no second request when the upgrade is refused', async () => {
    const machine = await startRawMachine((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nno')
    })
    const gate = await gateTo(machine)
    const client = knock(
      gate,
      `POST /hidden HTTP/1.1\r\nHost: ${gate.authority}\r\nContent-Length: 0\r\n\r\n`,
    )
    await client.ended
    expect(client.text().match(/HTTP\/1\.1/g)).toHaveLength(1)
    expect(machine.received()).not.toContain('hidden')
  })
})

describe('an upgrade that the machine refuses', () => {
  it('shows the client its status, headers and body', async () => {
    const machine = await startRawMachine((socket) => {
      socket.write(
        'HTTP/1.1 403 No\r\nX-Why: because\r\nSet-Cookie: a=1; Domain=x\r\nContent-Length: 6\r\n\r\nlocked',
      )
    })
    const gate = await gateTo(machine)
    const client = knock(gate)
    expect(await client.ended).toBe('closed')
    expect(client.text()).toMatch(/^HTTP\/1\.1 403 Forbidden\r\nX-Why: because\r\n[^]*\r\n\r\nlocked$/)
    expect(client.text()).toMatch(/Connection: close/)
    expect(client.text()).not.toMatch(/Set-Cookie/)
    expect(gate.outcomes).toMatchObject([{ status: 403, bytesDown: 6, end: 'complete' }])
  })

  it('may do so at length', async () => {
    const body = randomBytes(8 * 1024 * 1024)
    const machine = await startRawMachine((socket) => {
      socket.write(`HTTP/1.1 500 X\r\nContent-Length: ${body.length}\r\n\r\n`)
      socket.write(body)
    })
    const gate = await gateTo(machine)
    const client = knock(gate)
    await client.ended
    const [, received = ''] = client.text().split('\r\n\r\n', 2)
    expect(client.text().length).toBeGreaterThan(body.length)
    expect(Buffer.from(received, 'latin1').subarray(0, 64)).toEqual(body.subarray(0, 64))
    expect(client.text().endsWith(body.subarray(-64).toString('latin1'))).toBe(true)
  })

  it('cannot make a broken refusal look complete', async () => {
    const machine = await startRawMachine((socket) => {
      socket.write('HTTP/1.1 403 No\r\nContent-Length: 100\r\n\r\nhalf', () => socket.resetAndDestroy())
    })
    const gate = await gateTo(machine)
    const client = knock(gate)
    await client.ended
    await eventually(() => gate.outcomes.length + gate.failures.length === 1)
    expect(gate.outcomes[0]?.end ?? gate.failures[0]).toMatch(/upstream/)
  })
})

describe('a WebSocket that is cut', () => {
  it('tells the browser why, and lets the machine see its client leave', async () => {
    const machine = await startSocketMachine()
    const gate = await gateTo(machine)
    const { closed } = await visit(gate)
    const started = performance.now()
    gate.streams.cut(({ grantId }) => grantId === 'g-1', 'grant-revoked')
    expect(await closed).toBe('1008 grant-revoked')
    await eventually(() => gate.outcomes.length === 1 && machine.heard.length === 1)
    expect(performance.now() - started).toBeLessThan(1_000)
    expect(machine.heard).toEqual(['close 1001'])
    expect(gate.outcomes).toMatchObject([{ status: 101, end: 'cut', cause: 'grant-revoked' }])
  })

  it('ends on time by itself', async () => {
    const gate = await gateTo(await startSocketMachine())
    const { closed } = await visit(gate)
    await gate.clock.advance({ hours: 1 })
    expect(await closed).toBe('1008 grant-ended')
  })

  it('says “going away” when it is the gateway that goes', async () => {
    const gate = await gateTo(await startSocketMachine())
    const { closed } = await visit(gate)
    gate.streams.cut(() => true, 'gateway-stopping')
    expect(await closed).toBe('1001 gateway-stopping')
  })

  it('passes nothing more from the moment it is cut, however much the client sends', async () => {
    const machine = await startSocketMachine()
    const gate = await gateTo(machine)
    const { webSocket, closed } = await visit(gate)
    webSocket.send('before')
    await eventually(() => machine.heard.includes('before'))
    gate.streams.cut(() => true, 'grant-revoked')
    for (let i = 0; i < 50; i++) webSocket.send('after')
    await closed
    await eventually(() => machine.sockets() === 0 && machine.heard.length > 1)
    expect(machine.heard).toEqual(['before', 'close 1001'])
  })

  it('is broken off, not spoken into, in the middle of a frame', async () => {
    const half = Buffer.from([0x82, 126, 1, 0, 1, 2, 3])
    const machine = await startSwitchingMachine((socket) => socket.write(half))
    const gate = await gateTo(machine)
    const client = knock(gate, Buffer.concat([textFrame('whole'), textFrame('half').subarray(0, 8)]))
    await client.until(half.toString('latin1'))
    gate.streams.cut(() => true, 'grant-revoked')
    await client.ended
    expect(client.text().endsWith(half.toString('latin1'))).toBe(true)
    expect(machine.received().endsWith(textFrame('half').subarray(0, 8).toString('latin1'))).toBe(true)
    await eventually(() => machine.openSockets() === 0)
  })

  it('is over within a second even if neither side reads', async () => {
    const machine = await startSwitchingMachine((socket) => {
      socket.pause()
      for (let i = 0; i < 32; i++)
        socket.write(
          Buffer.concat([Buffer.from([0x82, 127, 0, 0, 0, 0, 0, 16, 0, 0]), Buffer.alloc(1 << 20)]),
        )
    })
    const gate = await gateTo(machine)
    const client = knock(gate)
    await client.until('101')
    client.socket.pause()
    const started = performance.now()
    gate.streams.cut(() => true, 'grant-revoked')
    await eventually(() => gate.outcomes.length === 1)
    expect(performance.now() - started).toBeLessThan(1_000)
    client.socket.destroy()
  })

  it('leaves the answer to the gateway while the machine has not agreed', async () => {
    const machine = await startRawMachine(() => undefined)
    const gate = await gateTo(machine)
    const client = knock(gate)
    await eventually(() => machine.sockets.length === 1)
    gate.streams.cut(() => true, 'grant-revoked')
    expect(await client.until('grant-revoked')).toMatch(/^HTTP\/1\.1 403 /)
    await eventually(() => machine.openSockets() === 0)
    expect(gate.outcomes).toEqual([
      { status: null, bytesUp: 0, bytesDown: 0, end: 'cut', cause: 'grant-revoked' },
    ])
  })
})

describe('a viewer', () => {
  it('sees everything and can send nothing but signs of life', async () => {
    const machine = await startSocketMachine()
    const gate = await gateTo(machine, { viewOnlyFrom: () => 0 })
    const { webSocket, messages, closed } = await visit(gate)
    webSocket.send('setpoint 80')
    webSocket.send(randomBytes(100_000))
    webSocket.send('begin', { fin: false })
    webSocket.send(' end', { fin: true })
    const pong = new Promise((resolve) => webSocket.once('pong', resolve))
    webSocket.ping('alive?')
    await pong
    for (const peer of machine.peers) peer.send('value 42')
    await eventually(() => messages.length === 1)
    expect(messages[0]?.toString()).toBe('value 42')
    webSocket.close(1000)
    expect(await closed).toBe('1000')
    await eventually(() => gate.outcomes.length === 1 && machine.heard.length > 1)
    expect(machine.heard).toEqual(['ping', 'close 1000'])
    expect(gate.outcomes[0]?.bytesUp).toBeLessThan(50)
  })

  it('cannot hide data in frames that break the protocol', async () => {
    const machine = await startSwitchingMachine()
    const gate = await gateTo(machine, { viewOnlyFrom: () => 0 })
    const client = knock(gate)
    await client.until('\r\n\r\n')
    const unmasked = Buffer.concat([Buffer.from([0x89, 7]), Buffer.from('command')])
    client.send(unmasked)
    await client.ended
    expect(machine.received()).not.toContain('command')
    expect(client.text().endsWith(closeFrame('server', 1002, '').toString('latin1'))).toBe(true)
  })
})

describe('a visitor whose grant turns read-only', () => {
  const minute = 60_000
  const turning = { viewOnlyFrom: (clock: TestClock) => clock.now() + 50 * minute }

  it('goes on to see, and says nothing more but what had begun', async () => {
    const machine = await startSocketMachine()
    const gate = await gateTo(machine, turning)
    const { webSocket, messages, closed } = await visit(gate)
    webSocket.send('setpoint 40')
    webSocket.send('a long ', { fin: false })
    await eventually(() => machine.heard.length === 1)
    await gate.clock.advance({ minutes: 50 })
    webSocket.send('recipe', { fin: true })
    webSocket.send('setpoint 80')
    webSocket.send(randomBytes(100_000))
    const pong = new Promise((resolve) => webSocket.once('pong', resolve))
    webSocket.ping('alive?')
    await pong
    for (const peer of machine.peers) peer.send('value 42')
    await eventually(() => messages.at(-1)?.toString() === 'value 42')
    expect(machine.heard).toEqual(['setpoint 40', 'a long recipe', 'ping'])
    await gate.clock.advance({ minutes: 10 })
    expect(await closed).toBe('1008 grant-ended')
  })

  // Begun in time and fed by one continuation frame after another, it went on until the end of the grant.
  it('cannot go on saying things in a message that never ends', async () => {
    const machine = await startSocketMachine()
    const gate = await gateTo(machine, turning)
    const { webSocket, closed } = await visit(gate)
    const pong = new Promise((resolve) => webSocket.once('pong', resolve))
    webSocket.send('begun in time', { fin: false })
    webSocket.ping('has it arrived?')
    await pong
    await gate.clock.advance({ minutes: 50 })
    await gate.paceClock.advance({ seconds: 1 })
    for (let second = 0; second < 29; second += 1) {
      webSocket.send(' and more', { fin: false })
      await gate.paceClock.advance({ seconds: 1 })
    }
    expect(gate.outcomes).toEqual([])
    await gate.paceClock.advance({ seconds: 2 })
    expect(await closed).toBe('1008 grant-read-only')
    expect(gate.outcomes).toMatchObject([{ end: 'cut', cause: 'grant-read-only' }])
  })

  it('carries on as before when it was extended and had said nothing meanwhile', async () => {
    const machine = await startSocketMachine()
    const gate = await gateTo(machine, turning)
    const { webSocket } = await visit(gate)
    await gate.clock.advance({ minutes: 50 })
    webSocket.ping('alive?')
    await eventually(() => machine.heard.length === 1)
    gate.streams.moveViewOnly(() => true, gate.clock.now() + minute)
    await gate.paceClock.advance({ seconds: 5 })
    webSocket.send('setpoint 80')
    await eventually(() => machine.heard.includes('setpoint 80'))
  })

  it('opens anew when it was extended and something of it was lost, and not a word passes behind the gap', async () => {
    const machine = await startSocketMachine()
    const gate = await gateTo(machine, turning)
    const { webSocket, closed } = await visit(gate)
    await gate.clock.advance({ minutes: 50 })
    webSocket.send('select pump 2')
    webSocket.ping('alive?')
    await eventually(() => machine.heard.includes('ping'))
    await gate.paceClock.advance({ seconds: 5 })
    gate.streams.moveViewOnly(() => true, gate.clock.now() + minute)
    const pong = new Promise((resolve) => webSocket.once('pong', resolve))
    webSocket.send('start')
    webSocket.ping('alive?')
    await pong
    expect(gate.outcomes).toEqual([])
    await gate.paceClock.advance({ seconds: 1 })
    expect(await closed).toBe('1008 grant-extended')
    await eventually(() => gate.outcomes.length === 1)
    expect(gate.outcomes).toMatchObject([{ end: 'cut', cause: 'grant-extended' }])
    expect(machine.heard.filter((text) => /select|start/.test(text))).toEqual([])
  })
})

describe('either side of a WebSocket', () => {
  it('is closed when the machine dies', async () => {
    const machine = await startSocketMachine()
    const gate = await gateTo(machine)
    const { closed } = await visit(gate)
    for (const peer of machine.peers) peer.terminate()
    expect(await closed).toBe('1006')
    await eventually(() => gate.outcomes.length === 1)
    expect(gate.outcomes).toMatchObject([{ status: 101, end: 'upstream-failed' }])
  })

  it('is closed when the client resets, and the machine is told', async () => {
    const machine = await startSocketMachine()
    const gate = await gateTo(machine)
    const client = knock(gate)
    await client.until('\r\n\r\n')
    client.socket.resetAndDestroy()
    await eventually(() => gate.outcomes.length === 1 && machine.heard.length > 0)
    expect(machine.heard).toEqual(['close 1001'])
    expect(gate.outcomes).toMatchObject([{ status: 101, end: 'client-closed' }])
  })

  it('is closed when a machine breaks the protocol', async () => {
    const machine = await startSwitchingMachine((socket) => socket.write(Buffer.from([0x09, 0x00])))
    const gate = await gateTo(machine)
    const client = knock(gate)
    await client.ended
    await eventually(() => gate.outcomes.length === 1 && machine.openSockets() === 0)
    expect(gate.outcomes).toMatchObject([{ end: 'upstream-failed' }])
  })

  it('gets the last message of a machine that closes at once', async () => {
    const last = randomBytes(2_000_000)
    const machine = await startSocketMachine()
    const gate = await gateTo(machine)
    const { messages, closed } = await visit(gate)
    for (const peer of machine.peers) {
      peer.send(last)
      peer.close(1000, 'bye')
    }
    expect(await closed).toBe('1000 bye')
    expect(messages[0]?.equals(last)).toBe(true)
  })

  it.each(['end', 'destroy', 'resetAndDestroy'] as const)(
    'costs nothing when the client leaves (%s) while the machine thinks',
    async (leave) => {
      const machine = await startRawMachine(() => undefined)
      const gate = await gateTo(machine)
      const client = knock(gate)
      await eventually(() => machine.sockets.length === 1)
      client.socket[leave]()
      await eventually(() => machine.openSockets() === 0 && gate.outcomes.length === 1)
      expect(gate.outcomes).toEqual([
        { status: null, bytesUp: 0, bytesDown: 0, end: 'client-closed', cause: null },
      ])
    },
  )

  it('may reset while it is being checked, and the process lives on', async () => {
    const machine = await startSocketMachine()
    let admissions = 0
    let admit: () => void = () => undefined
    const gate = await gateTo(machine, {
      beforeForwarding: () => {
        admissions += 1
        return new Promise((resolve) => (admit = resolve))
      },
    })
    const client = knock(gate)
    await eventually(() => admissions === 1)
    client.socket.resetAndDestroy()
    await client.ended
    admit()
    await eventually(() => gate.outcomes.length === 1 && machine.sockets() === 0)
    expect(gate.outcomes).toMatchObject([{ end: 'client-closed' }])
  })

  it('leaves nothing behind, two hundred times', async () => {
    const machine = await startSocketMachine()
    const gate = await gateTo(machine)
    for (let round = 0; round < 10; round++) {
      const visitors = await Promise.all(Array.from({ length: 20 }, () => visit(gate)))
      for (const [i, { webSocket }] of visitors.entries()) {
        if (i % 2 === 0) webSocket.terminate()
        else webSocket.close()
      }
    }
    await eventually(() => gate.outcomes.length === 200 && machine.sockets() === 0)
    expect(gate.streams.list()).toEqual([])
  }, 60_000)
})
