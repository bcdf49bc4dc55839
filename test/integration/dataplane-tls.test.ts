import { createHash, randomBytes, X509Certificate } from 'node:crypto'
import { createServer, request as httpsRequest, type Server } from 'node:https'
import type { AddressInfo } from 'node:net'
import { createServer as createTlsServer, type PeerCertificate, type TlsOptions } from 'node:tls'
import { WebSocket, WebSocketServer } from 'ws'
import { createAuthority, type ServerCertificate } from '../support/certificates.js'
import type { UpstreamTls } from '../../src/model.js'
import { upstreamTls } from '../support/endpoint.js'
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

/** A machine that answers any request with what it knows of who asks, and remembers every byte. */
async function startListener(options: TlsOptions): Promise<{ url: string; received(): string }> {
  let received = ''
  const server = createTlsServer({ ALPNProtocols: ['http/1.1'], ...options }, (socket) => {
    socket.on('error', () => undefined)
    socket.on('data', (chunk: Buffer) => {
      received += chunk.toString('latin1')
      const { subject } = socket.getPeerCertificate() as Partial<PeerCertificate>
      const words = [socket.getProtocol(), socket.servername, socket.alpnProtocol, subject?.CN]
      const body = words.map(String).join(' ')
      socket.end(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n${body}`)
    })
  })
  server.on('tlsClientError', () => undefined)
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  closers.push(async () => {
    await new Promise((resolve) => server.close(resolve))
  })
  const { port } = server.address() as AddressInfo
  return { url: `https://127.0.0.1:${port}`, received: () => received }
}

const serverOptions = ({ certificate, key }: ServerCertificate): TlsOptions => ({ cert: certificate, key })

function pinOf({ certificate }: ServerCertificate): string {
  const key = new X509Certificate(certificate).publicKey.export({ type: 'spki', format: 'der' })
  return createHash('sha256').update(key).digest('base64')
}

/** What a client gets through a gate that keeps to `tls` towards the machine. */
async function ask(url: string, tls: Partial<UpstreamTls>, body = ''): Promise<string> {
  const gate = await startGate({ upstream: url, endpoint: { tls: upstreamTls(tls) } })
  closers.push(() => gate.close())
  const client = dial(gate.port)
  client.send(
    `POST /secret HTTP/1.1\r\nHost: ${gate.authority}\r\nConnection: close\r\n` +
      `Content-Length: ${body.length}\r\n\r\n${body}`,
  )
  await client.ended
  return client.text()
}

describe('a machine with a certificate of its own', () => {
  const refused = /^HTTP\/1\.1 502 .*upstream-unreachable$/s

  it('is reached where its authority is given, and told which protocol is meant', async () => {
    const machine = await startListener(serverOptions(certificates.machine))
    const answer = await ask(machine.url, { authorities: ca })
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
    expect(answer).toContain('TLSv1.3 false http/1.1')
  })

  it('is refused where its authority is not known, and gets nothing', async () => {
    const machine = await startListener(serverOptions(certificates.machine))
    const stranger = await createAuthority('Somebody else')
    expect(await ask(machine.url, {})).toMatch(refused)
    expect(await ask(machine.url, { authorities: stranger.ca })).toMatch(refused)
    expect(machine.received()).toBe('')
  })

  it('is reached by its pinned key, whoever signed it, for whatever name, and however old', async () => {
    const validity = { notBefore: new Date('2009-01-01'), notAfter: new Date('2010-01-01') }
    const stranger = await createAuthority('Somebody else')
    const old = await stranger.issue(['forgotten.example'], validity)
    const machine = await startListener(serverOptions(old))
    const pins = [pinOf(certificates.gate), pinOf(old)]
    const answer = await ask(machine.url, { pins }, 'a body that comes with the head')
    expect(answer).toMatch(/^HTTP\/1\.1 200 /)
    expect(machine.received()).toContain('a body that comes with the head')
  })

  it('gets not one byte when its key is another than the pinned one, even if an authority vouches for it', async () => {
    const machine = await startListener(serverOptions(certificates.machine))
    const answer = await ask(machine.url, { authorities: ca, pins: [pinOf(certificates.other)] }, 'secret')
    expect(answer).toMatch(refused)
    expect(machine.received()).toBe('')
  })

  it('is refused under a name that is not in its certificate', async () => {
    const machine = await startListener(serverOptions(certificates.machine))
    expect(await ask(machine.url, { authorities: ca, serverName: 'other.localhost' })).toMatch(refused)
    expect(machine.received()).toBe('')
  })

  it('is asked for, and known by, the name it was given', async () => {
    const machine = await startListener(serverOptions(certificates.other))
    const answer = await ask(machine.url, { authorities: ca, serverName: 'other.localhost' })
    expect(answer).toContain('TLSv1.3 other.localhost http/1.1')
  })

  it('is known by an address that stands in its certificate', async () => {
    const authority = await createAuthority()
    const machine = await startListener(serverOptions(await authority.issue(['10.20.3.10'])))
    const answer = await ask(machine.url, { authorities: authority.ca, serverName: '10.20.3.10' })
    expect(answer).toContain('TLSv1.3 false http/1.1')
  })

  it('is refused once its certificate has run out', async () => {
    const authority = await createAuthority()
    const old = await authority.issue(['127.0.0.1'], { notAfter: new Date(Date.now() - 60_000) })
    const machine = await startListener(serverOptions(old))
    expect(await ask(machine.url, { authorities: authority.ca })).toMatch(refused)
    expect(machine.received()).toBe('')
  })
})

describe('a machine that asks who is there', () => {
  const asking = (): TlsOptions => ({ ...serverOptions(certificates.machine), ca, requestCert: true })

  it('is shown the certificate it was promised', async () => {
    const client = await (await createAuthority()).issue(['gatehouse.plant.example'])
    const machine = await startListener({ ...asking(), rejectUnauthorized: false })
    const answer = await ask(machine.url, { authorities: ca, client })
    expect(answer).toContain('http/1.1 gatehouse.plant.example')
  })

  it('turns away who has none', async () => {
    const machine = await startListener(asking())
    expect(await ask(machine.url, { authorities: ca })).toMatch(/^HTTP\/1\.1 502 /)
    expect(machine.received()).toBe('')
  })
})

describe('a machine of 2005', () => {
  const oldOnly = (): TlsOptions => ({
    ...serverOptions(certificates.machine),
    minVersion: 'TLSv1',
    maxVersion: 'TLSv1',
    ciphers: 'DEFAULT@SECLEVEL=0',
  })

  it('is not spoken to as long as nobody said that it may be', async () => {
    const machine = await startListener(oldOnly())
    expect(await ask(machine.url, { authorities: ca })).toMatch(/^HTTP\/1\.1 502 /)
    expect(machine.received()).toBe('')
  })

  it('is reached over TLS 1.0 where `legacy` says so, and is verified as any other', async () => {
    const machine = await startListener(oldOnly())
    const answer = await ask(machine.url, { authorities: ca, isLegacy: true })
    expect(answer).toContain('TLSv1 false http/1.1')
    expect(await ask(machine.url, { isLegacy: true })).toMatch(/^HTTP\/1\.1 502 /)
  })

  it('does not keep a newer machine from TLS 1.3', async () => {
    const machine = await startListener(serverOptions(certificates.machine))
    expect(await ask(machine.url, { authorities: ca, isLegacy: true })).toContain('TLSv1.3')
  })
})
