// Everybody's browsers, as plain sockets: an HTTP client would cost more than what it asks. clients.ts <file>.
import { randomBytes } from 'node:crypto'
import { connect, type Socket } from 'node:net'
import { answerParent } from '../../bench/questions.js'
import { Random } from '../fuzz/random.js'
import { answerLine, openNotebook, type Answered } from './evidence.js'

export type ClientAnswers = typeof answers

/** A person's way in at one machine. */
export interface Ticket {
  readonly person: number
  readonly endpointId: string
  readonly host: string
  readonly pass: string
}

export interface Traffic {
  readonly seed: number
  readonly ports: readonly number[]
  readonly connections: number
  readonly websockets: number
}

const [file = ''] = process.argv.slice(2)
const notebook = openNotebook(file)
const counts = { answered: 0, permitted: 0, websockets: 0, messages: 0, mixedUp: 0, stuck: 0 }
/** By status; 0 is an answer that broke off. */
const statuses: Record<string, number> = {}

const tickets: Ticket[] = []
/** When each was last refused: who is not let in does not ask again at once. */
const refusedAt: number[] = []
const positions = new Map<string, number>()
const askAgainMs = 2_500
/** Longer than any fault and any limit; who waits so long waits for ever. */
const patienceMs = 30_000
const pauseAfterRefusalMs = 15

let lastNumber = 0
let isDayOver = false
const isOver = (): boolean => isDayOver
const busy = new Set<Promise<void>>()

function note(answered: Answered): void {
  notebook.write(answerLine(answered))
  if (answered.status !== 0) counts.answered += 1
  if (answered.status === 200) counts.permitted += 1
  if (answered.problem === 'mixed-up') counts.mixedUp += 1
  if (answered.problem === 'stuck') counts.stuck += 1
  statuses[answered.status] = (statuses[answered.status] ?? 0) + 1
}

function pickTicket(random: Random): number {
  const now = performance.now()
  for (let attempt = 0; attempt < 8; attempt += 1) {
    const position = random.below(tickets.length)
    if (now - (refusedAt[position] ?? 0) > askAgainMs) return position
  }
  return random.below(tickets.length)
}

/** One connection after another, on each of them one request after another. */
async function browse(random: Random, traffic: Traffic): Promise<void> {
  while (!isOver()) {
    const socket = connect({ port: random.pick(traffic.ports), host: '127.0.0.1' }).setNoDelay(true)
    await new Promise<void>((resolve) => {
      keepAsking(random, socket, resolve)
    })
    if (!isOver()) await pause(20 + random.below(60))
  }
}

function keepAsking(random: Random, socket: Socket, onClosed: () => void): void {
  let received = ''
  let receivedBytes = 0
  let whole = Infinity
  let number = 0
  let status = 0
  let position = 0
  let overdue: NodeJS.Timeout | undefined
  const send = (): void => {
    if (isOver() || random.once(400)) {
      socket.end()
      return
    }
    number = lastNumber += 1
    position = pickTicket(random)
    received = ''
    receivedBytes = 0
    whole = Infinity
    status = 0
    const ticket = tickets[position]
    if (ticket === undefined) throw new Error('nobody has a pass')
    socket.write(
      random.once(300) ? wordRequest('GET', 'download', number, ticket) : wordAny(random, number, ticket),
    )
    // Someone closes the lid, or the line breaks.
    if (random.once(500)) setTimeout(() => socket.resetAndDestroy(), random.below(20))
    overdue ??= setTimeout(check, patienceMs)
    sentAt = performance.now()
  }
  let sentAt = 0
  const check = (): void => {
    const leftMs = sentAt + patienceMs - performance.now()
    if (leftMs > 0) {
      overdue = setTimeout(check, leftMs)
      return
    }
    finish('stuck')
    socket.destroy()
  }
  const finish = (problem: Answered['problem']): void => {
    note({ number, status: problem === '-' ? status : 0, at: Date.now(), problem })
    number = 0
  }
  const onWhole = (): void => {
    const body = received.slice(received.indexOf('\r\n\r\n') + 4)
    const isMine = status !== 200 || body.startsWith(`${number} `)
    finish(isMine ? '-' : 'mixed-up')
    if (status === 200) send()
    else {
      refusedAt[position] = performance.now()
      setTimeout(send, pauseAfterRefusalMs)
    }
  }
  socket.on('connect', send)
  socket.on('data', (chunk) => {
    receivedBytes += chunk.length
    // The head and the begin of the body are all that is looked at.
    if (received.length < 4_096) received += chunk.toString('latin1')
    if (whole === Infinity) {
      const headEnd = received.indexOf('\r\n\r\n')
      if (headEnd === -1) return
      status = Number(received.slice(9, 12))
      const length = /\r\ncontent-length: *(\d+)/i.exec(received.slice(0, headEnd))?.[1]
      whole = headEnd + 4 + Number(length ?? 0)
    }
    if (number !== 0 && receivedBytes >= whole) onWhole()
  })
  socket.on('error', () => undefined) // told by the close that follows
  socket.on('close', () => {
    clearTimeout(overdue)
    if (number !== 0) finish('broken')
    onClosed()
  })
}

const unsafe = ['POST', 'PUT', 'PATCH', 'DELETE']

/** One of eight changes something. */
function wordAny(random: Random, number: number, ticket: Ticket): string {
  const method = random.once(8) ? random.pick(unsafe) : 'GET'
  return wordRequest(method, 'n', number, ticket)
}

function wordRequest(method: string, folder: string, number: number, ticket: Ticket): string {
  const hasBody = method !== 'GET' && method !== 'DELETE'
  return (
    `${method} /${folder}/${number} HTTP/1.1\r\nHost: ${ticket.host}\r\nAccept: */*\r\n` +
    `Origin: http://${ticket.host}\r\nSec-Fetch-Site: same-origin\r\nSec-Fetch-Mode: cors\r\nSec-Fetch-Dest: empty\r\n` +
    `Cookie: __Host-gatehouse-pass=${ticket.pass}\r\n` +
    (hasBody ? 'Content-Type: text/plain\r\nContent-Length: 9\r\n\r\nset-point' : '\r\n')
  )
}

/** Text of one byte behind a mask of zeros. */
const message = Buffer.from([0x81, 0x81, 0, 0, 0, 0, 0x78])
const messageEveryMs = 100

/** One WebSocket after another, each with a message every now and then. */
async function watchScreens(random: Random, traffic: Traffic): Promise<void> {
  while (!isOver()) {
    const number = (lastNumber += 1)
    const position = pickTicket(random)
    const ticket = tickets[position]
    if (ticket === undefined) throw new Error('nobody has a pass')
    const socket = connect({ port: random.pick(traffic.ports), host: '127.0.0.1' }).setNoDelay(true)
    const key = randomBytes(16).toString('base64')
    const status = await openScreen(socket, wordUpgrade(number, key, ticket), 500 + random.below(8_000))
    if (status !== 101) refusedAt[position] = performance.now()
    if (socket.bytesWritten > 0)
      note({ number, status, at: Date.now(), problem: status === 0 ? 'broken' : '-' })
    if (!isOver()) await pause(50 + random.below(200))
  }
}

function wordUpgrade(number: number, key: string, { host, pass }: Ticket): string {
  return (
    `GET /w/${number} HTTP/1.1\r\nHost: ${host}\r\nOrigin: http://${host}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\n` +
    `Sec-WebSocket-Version: 13\r\nSec-WebSocket-Key: ${key}\r\nCookie: __Host-gatehouse-pass=${pass}\r\n\r\n`
  )
}

/** @returns the status of the answer, once the socket is closed */
function openScreen(socket: Socket, request: string, forMs: number): Promise<number> {
  return new Promise((resolve) => {
    let head = ''
    let status = 0
    let talk: NodeJS.Timeout | undefined
    const leave = setTimeout(() => socket.destroy(), forMs)
    socket.on('connect', () => socket.write(request))
    socket.on('data', (chunk) => {
      if (status !== 0) return
      head += chunk.toString('latin1')
      if (!head.includes('\r\n\r\n')) return
      status = Number(head.slice(9, 12))
      if (status !== 101) return void socket.destroy()
      counts.websockets += 1
      talk = setInterval(() => {
        counts.messages += 1
        socket.write(message)
      }, messageEveryMs)
    })
    socket.on('error', () => undefined)
    socket.on('end', () => socket.destroy())
    socket.on('close', () => {
      clearTimeout(leave)
      clearInterval(talk)
      resolve(status)
    })
  })
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

const answers = {
  /** What somebody may show from now on, instead of what they showed before at that machine. */
  give(given: readonly Ticket[]): void {
    for (const ticket of given) {
      const name = `${ticket.person} ${ticket.endpointId}`
      const position = positions.get(name) ?? tickets.length
      positions.set(name, position)
      tickets[position] = ticket
      refusedAt[position] = -Infinity
    }
  },

  start(traffic: Traffic): void {
    const keep = (work: Promise<void>): void => void busy.add(work)
    for (let one = 0; one < traffic.connections; one += 1)
      keep(browse(new Random(traffic.seed, 1_000 + one), traffic))
    for (let one = 0; one < traffic.websockets; one += 1)
      keep(watchScreens(new Random(traffic.seed, 2_000 + one), traffic))
  },

  counts: (_: null) => ({ ...counts, statuses }),

  /** Everybody finishes what they are at. */
  async stop(_: null): Promise<void> {
    isDayOver = true
    await Promise.all(busy)
    await notebook.close()
  },
}

answerParent(answers)
