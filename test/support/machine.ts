import { createHash } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import type { Duplex } from 'node:stream'
import { WebSocketServer, type WebSocket } from 'ws'

/** One request as the machine received it. */
export interface Received {
  readonly method: string
  readonly target: string
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  /** Monotonic instant at which it was complete. */
  readonly at: number
  header(name: string): string | null
}

/**
 * A machine behind the gateway that does what it is told and remembers everything it was sent.
 *
 * - `/redirect?to=URL` redirects there
 * - `/` a page · `/echo` the request's body · `/setpoint` takes POST · `/cookie` sets its own session cookie
 * - `/endless` a stream that never ends · `/events` an event stream, one line each 50 ms
 * - `/megabytes/N` N MB with a length · `/breaks` promises 1 MB and resets the connection in the middle
 * - `/held` answers once `release` is called · `/silent` never answers · WebSocket `/live` sends a number each 50 ms and
 *   echoes what it gets, `/still` takes whatever comes and says nothing
 */
export interface Machine {
  readonly url: string
  readonly received: readonly Received[]
  /** Targets of requests whose body is still coming. */
  readonly arriving: ReadonlySet<string>
  /** Messages that arrived over WebSockets. */
  readonly messages: readonly string[]
  /** With which code each WebSocket was closed. */
  readonly closings: readonly number[]
  /** Answers all that ask for `/held`. */
  release(): void
  openSockets(): number
  openWebSockets(): number
  /** Drops every connection and stops listening, as a machine does that loses power. */
  die(): Promise<void>
  close(): Promise<void>
}

export async function startMachine(): Promise<Machine> {
  const received: Received[] = []
  const arriving = new Set<string>()
  const messages: string[] = []
  const closings: number[] = []
  const held = new Set<() => void>()
  const sockets = new Set<Socket>()
  const server = createServer((req, res) => {
    arriving.add(req.url ?? '')
    void takeIn(req).then((request) => {
      arriving.delete(request.target)
      received.push(request)
      if (request.target === '/held') held.add(() => res.end('released'))
      else answer(request, res)
    })
  })
  server.on('connection', (socket) => {
    sockets.add(socket)
    socket.on('close', () => sockets.delete(socket))
  })
  const still = new Set<Duplex>()
  const live = new WebSocketServer({ noServer: true })
  server.on('upgrade', (req, socket, head) => {
    received.push(describe(req, Buffer.alloc(0)))
    if (req.url === '/still') {
      still.add(socket)
      socket.on('close', () => still.delete(socket))
      keepStill(req, socket)
      return
    }
    live.handleUpgrade(req, socket, head, (webSocket) => {
      echo(webSocket, messages)
      pushLiveValues(webSocket)
      webSocket.on('close', (code) => closings.push(code))
    })
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  const die = async (): Promise<void> => {
    for (const socket of sockets) socket.resetAndDestroy()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
  return {
    url: `http://127.0.0.1:${port}`,
    received,
    arriving,
    messages,
    closings,
    release: () => {
      for (const answerIt of held) answerIt()
      held.clear()
    },
    openSockets: () => sockets.size,
    openWebSockets: () => live.clients.size + still.size,
    die,
    close: die,
  }
}

async function takeIn(req: IncomingMessage): Promise<Received> {
  const chunks: Buffer[] = []
  try {
    for await (const chunk of req) chunks.push(chunk as Buffer)
  } catch {
    // The sender went away in the middle; what arrived is still worth knowing.
  }
  return describe(req, Buffer.concat(chunks))
}

function describe(req: IncomingMessage, body: Buffer): Received {
  const { method = '', url: target = '', rawHeaders } = req
  return {
    method,
    target,
    rawHeaders: [...rawHeaders],
    body,
    at: performance.now(),
    header: (name) => {
      const index = rawHeaders.findIndex((text, at) => at % 2 === 0 && text.toLowerCase() === name)
      return index === -1 ? null : (rawHeaders[index + 1] ?? null)
    },
  }
}

function answer(request: Received, res: ServerResponse): void {
  const [path = '/'] = request.target.split('?')
  const megabytes = /^\/megabytes\/(\d+)$/.exec(path)
  if (megabytes) return sendMegabytes(res, Number(megabytes[1]))
  if (path === '/redirect') {
    const to = new URL(request.target, 'http://machine').searchParams.get('to') ?? '/'
    return void res.writeHead(302, { location: to }).end()
  }
  if (path === '/echo') return void res.end(request.body)
  if (path === '/setpoint') return void res.end(`taken: ${request.body.toString()}`)
  if (path === '/cookie') {
    res.setHeader('set-cookie', 'HMISESSION=abc; Path=/')
    return void res.end('cookie set')
  }
  if (path === '/endless' || path === '/events') {
    res.writeHead(200, { 'content-type': path === '/events' ? 'text/event-stream' : 'text/plain' })
    const timer = setInterval(() => res.write(path === '/events' ? 'data: 1\n\n' : '.'), 50)
    return void res.on('close', () => {
      clearInterval(timer)
    })
  }
  if (path === '/breaks') {
    res.writeHead(200, { 'content-length': 1024 * 1024 })
    res.write(Buffer.alloc(64 * 1024))
    return void setImmediate(() => res.socket?.resetAndDestroy())
  }
  if (path === '/silent') return
  res.setHeader('content-type', 'text/html')
  res.end(`<!doctype html><title>Machine</title><h1>Machine</h1><p id="path">${encodeURI(path)}</p>`)
}

function sendMegabytes(res: ServerResponse, count: number): void {
  const block = Buffer.alloc(1024 * 1024, 'x')
  res.writeHead(200, { 'content-type': 'application/octet-stream', 'content-length': count * block.length })
  let left = count
  const more = (): void => {
    while (left > 0) {
      left -= 1
      if (!res.write(block)) return void res.once('drain', more)
    }
    res.end()
  }
  more()
}

/** By hand, since thousands of these are open at once (RFC 6455 §4.2.2). */
function keepStill(req: IncomingMessage, socket: Duplex): void {
  const key = `${req.headers['sec-websocket-key'] ?? ''}258EAFA5-E914-47DA-95CA-C5AB0DC85B11`
  const accept = createHash('sha1').update(key).digest('base64')
  socket.on('error', () => undefined)
  socket.write(
    `HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\nSec-WebSocket-Accept: ${accept}\r\n\r\n`,
  )
  socket.on('end', () => socket.end()).resume()
}

function echo(webSocket: WebSocket, messages: string[]): void {
  webSocket.on('error', () => undefined)
  webSocket.on('message', (data: Buffer) => {
    messages.push(data.toString())
    webSocket.send(`echo ${data.toString()}`)
  })
}

function pushLiveValues(webSocket: WebSocket): void {
  let value = 0
  const timer = setInterval(() => {
    webSocket.send(String(value++))
  }, 50)
  webSocket.on('close', () => {
    clearInterval(timer)
  })
}
