import { randomBytes } from 'node:crypto'
import { createServer, request as httpsRequest, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import { createAuthority, type ServerCertificate } from '../support/certificates.js'
import { dial, eventually, startGate, type Gate } from '../support/wire.js'

let ca = ''
let certificates: { gate: ServerCertificate; machine: ServerCertificate; other: ServerCertificate }
const closers: (() => Promise<void>)[] = []

beforeAll(async () => {
  const authority = await createAuthority()
  ca = authority.ca
  certificates = {
    gate: await authority.issue(['press-3.localhost', '127.0.0.1']),
    machine: await authority.issue(['127.0.0.1']),
    other: await authority.issue(['other.localhost']),
  }
})

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

interface Machine {
  readonly url: string
  sockets(): number
}

/** Echoes bodies and messages; `/endless` begins and never ends. */
async function startMachine({ certificate, key }: ServerCertificate): Promise<Machine> {
  const server: Server = createServer({ cert: certificate, key }, (req, res) => {
    if (req.url === '/endless') res.write('begun')
    else req.pipe(res)
  })
  let open = 0
  server.on('secureConnection', (socket) => {
    open += 1
    socket.on('close', () => (open -= 1))
  })
  const webSockets = new WebSocketServer({ server })
  webSockets.on('connection', (peer) => {
    peer.on('error', () => undefined)
    peer.on('message', (data: Buffer) => peer.send(data))
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(async () => {
    for (const peer of webSockets.clients) peer.terminate()
    server.closeAllConnections()
    await new Promise((resolve) => server.close(resolve))
  })
  return { url: `https://127.0.0.1:${(server.address() as AddressInfo).port}`, sockets: () => open }
}

async function gateTo(machine: Machine): Promise<Gate> {
  const gate = await startGate({ upstream: machine.url, tls: { ...certificates.gate, ca } })
  closers.push(() => gate.close())
  return gate
}

describe('with TLS on both sides', () => {
  it('bodies come and go unharmed, over connections that are used again', async () => {
    const machine = await startMachine(certificates.machine)
    const gate = await gateTo(machine)
    const body = randomBytes(3_000_000)
    for (let i = 0; i < 3; i++) {
      const echoed = await new Promise<Buffer>((resolve, reject) => {
        const options = {
          port: gate.port,
          host: '127.0.0.1',
          servername: 'press-3.localhost',
          ca,
          agent: false,
        }
        const req = httpsRequest({ ...options, method: 'POST', headers: { host: gate.authority } }, (res) => {
          const chunks: Buffer[] = []
          res.on('data', (chunk: Buffer) => chunks.push(chunk))
          res.on('end', () => resolve(Buffer.concat(chunks)))
        })
        req.on('error', reject)
        req.end(body)
      })
      expect(echoed.equals(body)).toBe(true)
    }
    expect(machine.sockets()).toBe(1)
  })

  it('a client that leaves frees the machine', async () => {
    const machine = await startMachine(certificates.machine)
    const gate = await gateTo(machine)
    const client = dial(gate.port, ca)
    client.send(`GET /endless HTTP/1.1\r\nHost: ${gate.authority}\r\n\r\n`)
    await client.until('begun')
    client.socket.destroy()
    await eventually(() => machine.sockets() === 0 && gate.outcomes.length === 1)
    expect(gate.outcomes).toMatchObject([{ end: 'client-closed' }])
  })

  it('a cut download has no end', async () => {
    const machine = await startMachine(certificates.machine)
    const gate = await gateTo(machine)
    const client = dial(gate.port, ca)
    client.send(`GET /endless HTTP/1.1\r\nHost: ${gate.authority}\r\n\r\n`)
    await client.until('begun')
    gate.streams.cut(() => true, 'grant-revoked')
    await client.ended
    expect(client.text()).not.toMatch(/\r\n0\r\n/)
    await eventually(() => machine.sockets() === 0)
  })

  it('a WebSocket works, and is told why it ends', async () => {
    const machine = await startMachine(certificates.machine)
    const gate = await gateTo(machine)
    const webSocket = new WebSocket(`wss://127.0.0.1:${gate.port}/live`, {
      headers: { host: gate.authority },
      ca,
    })
    const echoed = new Promise<string>((resolve) => {
      webSocket.on('message', (data: Buffer) => resolve(data.toString()))
    })
    const closed = new Promise<string>((resolve) => {
      webSocket.on('close', (code, reason) => resolve(`${code} ${reason.toString()}`))
    })
    webSocket.on('open', () => webSocket.send('hello'))
    expect(await echoed).toBe('hello')
    gate.streams.cut(() => true, 'grant-revoked')
    expect(await closed).toBe('1008 grant-revoked')
    await eventually(() => machine.sockets() === 0)
  })

  it('a machine with the certificate of another is refused', async () => {
    const machine = await startMachine(certificates.other)
    const gate = await gateTo(machine)
    const client = dial(gate.port, ca)
    client.send(`GET / HTTP/1.1\r\nHost: ${gate.authority}\r\n\r\n`)
    expect(await client.until('upstream-unreachable')).toMatch(/^HTTP\/1\.1 502 /)
  })
})
