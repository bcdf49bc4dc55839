import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createTlsServer } from 'node:https'
import { createServer as createRawServer, connect, type AddressInfo, type Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { connect as connectTls } from 'node:tls'
import {
  createPace,
  createStreams,
  createUpstreams,
  forwardRequest,
  forwardUpgrade,
  normaliseRequest,
  type Forwarding,
  type ForwardOutcome,
  type NormalisedRequest,
  type Streams,
  type Upstreams,
  type UpstreamTimeouts,
} from '../../src/dataplane/index.js'
import { GatehouseError, type Logger } from '../../src/lib/index.js'
import type { Endpoint } from '../../src/model.js'
import { TestClock } from './clock.js'
import { endpointUnderTest, upstreamTls } from './endpoint.js'
import { silentLogger } from './logger.js'

/** The data plane between real sockets, with everyone admitted: what forwarding does, and nothing else. */
export interface Gate {
  readonly port: number
  /** Host field and origin of the endpoint. */
  readonly authority: string
  readonly origin: string
  readonly clock: TestClock
  /** For how slow a client may be. */
  readonly paceClock: TestClock
  readonly streams: Streams
  readonly upstreams: Upstreams
  readonly outcomes: readonly ForwardOutcome[]
  /** Codes of what was answered instead of forwarded. */
  readonly failures: readonly string[]
  close(): Promise<void>
}

export interface GateOptions {
  readonly upstream: string
  readonly timeouts?: Partial<UpstreamTimeouts>
  /** From when on its streams may only look. */
  readonly viewOnlyFrom?: (clock: TestClock) => number
  /** Listens with TLS, and trusts `ca` for machines that use it. */
  readonly tls?: { readonly certificate: string; readonly key: string; readonly ca: string }
  /** What the machine asks for beyond the strict rules. */
  readonly endpoint?: Partial<Endpoint>
  /** Which pass a request belongs to; `pass-1` unless a test needs several. */
  readonly passOf?: (req: IncomingMessage) => string
  readonly logger?: Logger
  /** Hears of each request that was not refused, before it is forwarded. */
  readonly onAdmitted?: (request: NormalisedRequest) => void
  /** Awaited between admission and forwarding. */
  readonly beforeForwarding?: () => Promise<void>
}

const lifeMs = 3_600_000

export async function startGate(options: GateOptions): Promise<Gate> {
  const clock = new TestClock()
  const streams = createStreams({ clock })
  const upstreams = createUpstreams({
    clock,
    logger: options.logger ?? silentLogger,
    timeouts: options.timeouts,
  })
  const paceClock = new TestClock()
  const pace = createPace({ stalledMs: 60_000, bodyBytesPerSecond: 64 }, paceClock)
  const outcomes: ForwardOutcome[] = []
  const failures: string[] = []
  const endpoint = endpointUnderTest({
    upstream: new URL(options.upstream),
    tls: options.tls === undefined ? null : upstreamTls({ authorities: options.tls.ca }),
    ...options.endpoint,
  })
  let origin = ''
  let requests = 0

  const pass = async (
    req: IncomingMessage,
    isUpgrade: boolean,
    forward: (forwarding: Forwarding) => Promise<ForwardOutcome>,
    refuse: (status: number, code: string) => void,
  ): Promise<void> => {
    const normalised = normaliseRequest(req, { isUpgrade, openingsOf: () => endpoint.lenientRequests })
    if ('refused' in normalised) {
      failures.push(normalised.refused)
      refuse(400, normalised.refused)
      return
    }
    const { request } = normalised
    options.onAdmitted?.(request)
    const passId = options.passOf?.(req) ?? 'pass-1'
    const admission = streams.expect()
    await options.beforeForwarding?.()
    const stream = admission.open({
      id: `r-${requests++}`,
      kind: isUpgrade ? 'websocket' : 'request',
      sessionId: 's-1',
      passId,
      principalId: 'p-1',

      email: null,
      grantId: 'g-1',
      endpointId: endpoint.id,
      path: request.path,
      startedAt: clock.now(),
      closeAt: clock.now() + lifeMs,
      sessionEndsAt: clock.now() + 2 * lifeMs,
      viewOnlyFrom: options.viewOnlyFrom?.(clock) ?? null,
    })
    try {
      const outcome = await forward({
        request,
        endpoint,
        endpointOrigin: origin,
        upstream: upstreams.for(endpoint, passId),
        client: { address: '127.0.0.1', proto: tls === undefined ? 'http' : 'https' },
        identity: { user: 'ana@vendor.example', assertion: 'assertion' },
        stream,
        pace,
      })
      outcomes.push(outcome)
      if (outcome.end === 'cut' && outcome.status === null) refuse(403, outcome.cause ?? '')
    } catch (error) {
      if (!(error instanceof GatehouseError)) throw error
      failures.push(error.code)
      refuse(error.status, error.code)
    } finally {
      stream.end()
    }
  }

  const { tls } = options
  const server = tls === undefined ? createServer() : createTlsServer({ cert: tls.certificate, key: tls.key })
  for (const event of ['request', 'checkContinue'] as const) {
    server.on(event, (req: IncomingMessage, res: ServerResponse) => {
      void pass(
        req,
        false,
        (forwarding) => forwardRequest(forwarding, req, res),
        (status, code) => refuseResponse(res, status, code),
      )
    })
  }
  server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => {
    // As a gateway must where its check takes time: the client may reset meanwhile.
    if (options.beforeForwarding !== undefined) socket.on('error', () => undefined)
    void pass(
      req,
      true,
      async (forwarding) => {
        const outcome = await forwardUpgrade(forwarding, req, socket, head)
        return 'ended' in outcome ? outcome.ended : outcome
      },
      (status, code) => refuseSocket(socket, status, code),
    )
  })
  const port = await listen(server)
  const authority = `press-3.localhost:${port}`
  origin = `${tls === undefined ? 'http' : 'https'}://${authority}`
  return {
    port,
    authority,
    origin,
    clock,
    paceClock,
    streams,
    upstreams,
    outcomes,
    failures,
    close: async () => {
      server.closeAllConnections()
      streams.cut(() => true, 'gateway-stopping')
      upstreams.close()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

function refuseResponse(res: ServerResponse, status: number, code: string): void {
  res.writeHead(status, { connection: 'close', 'content-length': code.length }).end(code)
}

function refuseSocket(socket: Duplex, status: number, code: string): void {
  if (socket.destroyed) return
  socket.end(
    `HTTP/1.1 ${status} Refused\r\nConnection: close\r\nContent-Length: ${code.length}\r\n\r\n${code}`,
  )
}

async function listen(server: Server | ReturnType<typeof createRawServer>): Promise<number> {
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return (server.address() as AddressInfo).port
}

/** A machine made of bare TCP, which keeps to no rule unless its test does. */
export interface RawMachine {
  readonly url: string
  readonly port: number
  /** Everything it ever received, over all connections. */
  received(): string
  openSockets(): number
  /** Connections it ever accepted. */
  readonly sockets: readonly Socket[]
  close(): Promise<void>
}

/** `onData` is called with what the connection has received so far, each time it receives more. */
export async function startRawMachine(
  onData: (socket: Socket, soFar: string) => void,
  onConnection: (socket: Socket) => void = () => undefined,
): Promise<RawMachine> {
  const sockets: Socket[] = []
  let received = ''
  const server = createRawServer((socket) => {
    sockets.push(socket)
    let soFar = ''
    socket.on('error', () => undefined)
    onConnection(socket)
    socket.on('data', (chunk) => {
      soFar += chunk.toString('latin1')
      received += chunk.toString('latin1')
      onData(socket, soFar)
    })
  })
  const port = await listen(server)
  return {
    url: `http://127.0.0.1:${port}`,
    port,
    received: () => received,
    openSockets: () => sockets.filter((socket) => !socket.destroyed).length,
    sockets,
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

/** A machine that answers the first request of each connection with these bytes, and then does `after`. */
export function startAnsweringMachine(
  bytes: string | Buffer,
  after: (socket: Socket) => void = () => undefined,
): Promise<RawMachine> {
  const answered = new WeakSet<Socket>()
  return startRawMachine((socket, soFar) => {
    if (answered.has(socket) || !soFar.includes('\r\n\r\n')) return
    answered.add(socket)
    socket.write(bytes, 'latin1', () => after(socket))
  })
}

/** A client made of bare TCP. */
export interface RawClient {
  readonly socket: Socket
  send(text: string | Buffer): void
  /** Latin-1, all of it so far. */
  text(): string
  /** Waits until `text()` contains or matches. */
  until(sought: string | RegExp): Promise<string>
  /** How the connection ended: politely, or by a reset. */
  readonly ended: Promise<'closed' | 'reset'>
}

export function dial(port: number, ca?: string): RawClient {
  const socket =
    ca === undefined
      ? connect(port, '127.0.0.1')
      : connectTls({ port, host: '127.0.0.1', servername: 'press-3.localhost', ca })
  let text = ''
  let isReset = false
  socket.on('data', (chunk: Buffer) => (text += chunk.toString('latin1')))
  socket.on('error', () => (isReset = true))
  const ended = new Promise<'closed' | 'reset'>((resolve) => {
    socket.on('close', () => resolve(isReset ? 'reset' : 'closed'))
  })
  return {
    socket,
    ended,
    send: (bytes) => void socket.write(bytes, 'latin1'),
    text: () => text,
    until: async (sought) => {
      await eventually(() => (typeof sought === 'string' ? text.includes(sought) : sought.test(text)))
      return text
    },
  }
}

/** Waits until `claim` holds, five seconds at most. */
export async function eventually(claim: () => boolean, withinMs = 5_000): Promise<void> {
  const deadline = performance.now() + withinMs
  while (!claim()) {
    if (performance.now() > deadline)
      throw new Error(`still not so after ${withinMs} ms: ${claim.toString()}`)
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}

/** Gates that the running test opens, closed after it with everything else in `closers`, the last first. */
export function gatesOfTest(): {
  readonly closers: (() => Promise<void>)[]
  gateTo(machine: { url: string; close(): Promise<void> }, options?: Partial<GateOptions>): Promise<Gate>
} {
  const closers: (() => Promise<void>)[] = []
  afterEach(async () => {
    for (const close of closers.splice(0).reverse()) await close()
  })
  return {
    closers,
    gateTo: async (machine, options = {}) => {
      const gate = await startGate({ upstream: machine.url, ...options })
      closers.push(
        () => machine.close(),
        () => gate.close(),
      )
      return gate
    },
  }
}
