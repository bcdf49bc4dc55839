// The machine behind both instances. It writes down all that reaches it: machine.ts <file>.
import { createServer } from 'node:http'
import type { IncomingMessage, ServerResponse } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { WebSocketServer } from 'ws'
import { monotonicMs } from '../../bench/kernel.js'
import { answerParent } from '../../bench/questions.js'
import { arrivalLine, openNotebook, type Arrival } from './evidence.js'

export type MachineAnswers = typeof answers

const [file = ''] = process.argv.slice(2)
const notebook = openNotebook(file)
const counts = { requests: 0, websockets: 0, frames: 0 }
const downloadPieces = 20
const piece = Buffer.alloc(16 * 1024)
const pieceEveryMs = 100
const lookEveryMs = 20
const lateMs = 100
const filler = 'x'.repeat(200)

let mood: 'well' | 'dead' | 'silent' = 'well'
/** Answers that wait until the machine speaks again. */
let held: (() => void)[] = []
const sockets = new Set<Socket>()

function write(kind: Arrival['kind'], number: number, req: IncomingMessage): void {
  notebook.write(
    arrivalLine({
      ...{ kind, number, at: Date.now(), monotonicMs: monotonicMs() },
      method: req.method ?? '-',
      endpointId: String(req.headers['x-forwarded-host'] ?? '-').split('.', 1)[0] ?? '-',
      user: String(req.headers['x-gatehouse-user'] ?? '-'),
    }),
  )
}

const numberOf = (req: IncomingMessage): number => Number(/^\/[a-z]+\/(\d+)$/.exec(req.url ?? '')?.[1])

const server = createServer({ keepAliveTimeout: 300_000 }, (req, res) => {
  const number = numberOf(req)
  counts.requests += 1
  write('request', number, req)
  req.resume()
  const answer = (): void => {
    if (req.url?.startsWith('/download/') === true) sendSlowly(number, req, res)
    else {
      const body = `${number} ${filler}`
      res.writeHead(200, { 'content-type': 'text/plain', 'content-length': body.length })
      res.end(body)
    }
  }
  if (mood === 'silent') held.push(answer)
  else answer()
})

function sendSlowly(number: number, req: IncomingMessage, res: ServerResponse): void {
  const head = Buffer.from(`${number} `)
  res.writeHead(200, { 'content-length': head.length + downloadPieces * piece.length })
  res.write(head)
  let left = downloadPieces
  const timer = setInterval(() => {
    left -= 1
    if (left === 0) res.end(piece)
    else res.write(piece)
  }, pieceEveryMs)
  res.on('close', () => {
    clearInterval(timer)
    write('end', number, req)
  })
}

new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket, req) => {
  const number = numberOf(req)
  counts.websockets += 1
  write('websocket', number, req)
  socket.on('error', () => undefined)
  socket.on('message', (message, isBinary) => {
    counts.frames += 1
    write('frame', number, req)
    socket.send(message as Buffer, { binary: isBinary })
  })
  socket.on('close', () => {
    write('end', number, req)
  })
})

server.on('connection', (socket: Socket) => {
  if (mood === 'dead') return void socket.destroy()
  sockets.add(socket)
  socket.on('error', () => undefined)
  socket.on('close', () => sockets.delete(socket))
})

// On a busy host a late look is no late arrival.
let lookedAt = monotonicMs()
setInterval(() => {
  const late = monotonicMs() - lookedAt - lookEveryMs
  lookedAt += late + lookEveryMs
  if (late < lateMs) return
  const nobody = { method: '-', endpointId: '-', user: '-' }
  const stall = { kind: 'stall', number: Math.ceil(late), at: Date.now(), monotonicMs: lookedAt } as const
  notebook.write(arrivalLine({ ...stall, ...nobody }))
}, lookEveryMs).unref()

const listening = new Promise<number>((resolve) => {
  server.listen(0, '127.0.0.1', () => {
    resolve((server.address() as AddressInfo).port)
  })
})

const answers = {
  port: (_: null) => listening,

  /** Dead resets whatever is connected or tries to; silent takes everything and answers later. */
  become(wanted: typeof mood): void {
    mood = wanted
    if (wanted === 'dead') for (const socket of sockets) socket.resetAndDestroy()
    if (wanted === 'silent') return
    for (const answer of held) answer()
    held = []
  },

  counts: (_: null) => counts,

  /** Puts all on paper. */
  close: (_: null) => notebook.close(),
}

answerParent(answers)
