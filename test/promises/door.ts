// What somebody outside does with a Gatehouse: asks, keeps something open, and sees it end.
import { Agent, request as sendRequest } from 'node:http'
import { connect, type Socket } from 'node:net'
import { setTimeout as pause } from 'node:timers/promises'
import { closeLater } from '../support/closing.js'
import { until } from '../support/until.js'
import type { Machine } from '../support/machine.js'

/** Where an instance listens, and the port that browsers are told. */
export interface Door {
  readonly host: string
  readonly port: number
  readonly publicPort: number
}

export interface Asked {
  readonly sentAt: number
  readonly answeredAt: number
  /** 0 when the connection ended instead. */
  readonly status: number
  readonly path: string
}

export interface Question {
  readonly cookie: string
  readonly endpointId?: string
  readonly method?: string
  readonly path?: string
  readonly agent?: Agent
}

/** Nothing here is waited for longer. */
const patienceMs = 20_000
/** Longer than any instance needs to find its way back. */
const preparedWithinMs = 5_000

export const streamKinds = ['websocket', 'download', 'events', 'upload'] as const
export type StreamKind = (typeof streamKinds)[number]

const hostOf = (door: Door, endpointId: string): string => `${endpointId}.plant.localhost:${door.publicPort}`

/** One request as a script on the endpoint's page makes it. */
export function ask(door: Door, question: Question): Promise<Asked> {
  const { cookie, endpointId = 'press-3', method = 'GET', path = '/', agent } = question
  const host = hostOf(door, endpointId)
  const sentAt = performance.now()
  return new Promise((resolve) => {
    const answered = (status: number): void =>
      resolve({ sentAt, answeredAt: performance.now(), status, path })
    const sent = sendRequest(
      {
        ...{ host: door.host, port: door.port, method, path, timeout: patienceMs },
        agent: agent ?? false,
        headers: { Host: host, Origin: `http://${host}`, Cookie: cookie },
      },
      (response) => {
        response.resume()
        response.on('close', () => answered(response.complete ? (response.statusCode ?? 0) : 0))
      },
    )
    sent.on('timeout', () => sent.destroy())
    sent.on('error', () => answered(0))
    sent.end(method === 'GET' ? undefined : 'value=1')
  })
}

/** Someone who asks on and on, one request after the other, and notes what came of each. */
export interface Asker {
  readonly asked: readonly Asked[]
  stop(): Promise<void>
}

export interface Pace {
  /** Between an answer and the next question. */
  readonly pauseMs?: number
  /** Makes the path of each unlike any other. */
  readonly path?: () => string
}

export function askOn(door: Door, cookie: string, { pauseMs = 5, path }: Pace = {}): Asker {
  const asked: Asked[] = []
  const agent = new Agent({ keepAlive: true, maxSockets: 1 })
  let isStopped = false
  const loop = async (): Promise<void> => {
    while (!isStopped) {
      asked.push(await ask(door, { cookie, agent, ...(path === undefined ? {} : { path: path() }) }))
      await pause(pauseMs)
    }
    agent.destroy()
  }
  const done = loop()
  return {
    asked,
    stop: closeLater(async () => {
      isStopped = true
      await done
    }),
  }
}

/** When somebody sent the last request that was let through; `-Infinity` when none was. */
export function lastLetThrough(asked: readonly Asked[]): number {
  return Math.max(...asked.filter(({ status }) => status === 200).map(({ sentAt }) => sentAt))
}

export function letThroughAfter(asked: readonly Asked[], instant: number): number {
  return asked.filter(({ sentAt, status }) => status === 200 && sentAt > instant).length
}

/** Something that is under way through an instance. */
export interface OpenStream {
  /** Resolves with the instant at which it ended. */
  readonly ended: Promise<number>
  close(): void
}

/** What was asked for was answered with something else. */
class NotLetThrough extends Error {
  readonly isForNow: boolean

  constructor(kind: string, said: string) {
    super(`${kind} was not let through: ${said.split('\r\n')[0] ?? ''} ${said.slice(-300)}`)
    this.isForNow = said.startsWith('HTTP/1.1 503 ')
  }
}

let uploads = 0

/** Resolves once it is really under way: both ways, or at the machine. */
export async function openStream(
  machine: Machine,
  door: Door,
  kind: StreamKind | 'still',
  cookie: string,
  endpointId = 'press-3',
): Promise<OpenStream> {
  const target = targetOf(kind)
  const socket = connect(door.port, door.host)
  let endedAt = Infinity
  let said = ''
  let tellEnd = (_: number): void => undefined
  const ended = new Promise<number>((resolve) => (tellEnd = resolve))
  const note = (): void => {
    endedAt = Math.min(endedAt, performance.now())
    tellEnd(endedAt)
  }
  socket.on('data', (chunk) => {
    // What is refused is answered; nothing else answers an upload that has not ended.
    if (kind === 'upload') note()
    if (said.length < 4_000) said += chunk.toString('latin1')
  })
  socket.on('end', note).on('close', note).on('error', note)
  socket.write(wordOpening(kind, hostOf(door, endpointId), target, cookie))
  const sending = kind === 'upload' ? setInterval(() => socket.write('1\r\nx\r\n'), 50) : undefined
  socket.on('close', () => {
    clearInterval(sending)
  })
  const isOpen = (): boolean => {
    if (endedAt < Infinity || said.startsWith('HTTP/1.1 503 ')) throw new NotLetThrough(kind, said)
    if (kind === 'upload') return machine.arriving.has(target)
    if (kind === 'download' || kind === 'events') return /^HTTP\/1.1 200 [^]*\r\n\r\n[^]/.test(said)
    return said.startsWith('HTTP/1.1 101 ')
  }
  await until(`${kind} is open`, isOpen, patienceMs, 5)
  return { ended, close: () => void socket.destroy() }
}

function targetOf(kind: StreamKind | 'still'): string {
  if (kind === 'upload') return `/echo?upload=${(uploads += 1)}`
  return { websocket: '/live', still: '/still', download: '/endless', events: '/events' }[kind]
}

function wordOpening(kind: StreamKind | 'still', host: string, target: string, cookie: string): string {
  const common = [`Host: ${host}`, `Origin: http://${host}`, `Cookie: ${cookie}`]
  if (kind === 'download' || kind === 'events')
    return `GET ${target} HTTP/1.1\r\n${common.join('\r\n')}\r\n\r\n`
  if (kind === 'upload')
    return `POST ${target} HTTP/1.1\r\n${common.join('\r\n')}\r\nTransfer-Encoding: chunked\r\n\r\n`
  const upgrade = [
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==',
  ]
  return `GET ${target} HTTP/1.1\r\n${[...common, ...upgrade].join('\r\n')}\r\n\r\n`
}

/** One of each kind through each of the doors. */
export async function openEach(
  machine: Machine,
  doors: readonly Door[],
  cookie: string,
  endpointId?: string,
): Promise<OpenStream[]> {
  const deadline = performance.now() + preparedWithinMs
  const open = async (door: Door, kind: StreamKind): Promise<OpenStream> =>
    openStream(machine, door, kind, cookie, endpointId).catch(async (error: unknown) => {
      // An instance that has just stood still, or whose Redis is late, lets nobody in until it knows; nothing is
      // measured yet.
      if (!(error instanceof NotLetThrough && error.isForNow) || performance.now() > deadline) throw error
      await pause(50)
      return open(door, kind)
    })
  return Promise.all(doors.flatMap((door) => streamKinds.map((kind) => open(door, kind))))
}

/** The instant at which the last of them had ended; infinite when one outlives the patience. */
export async function allEnded(streams: readonly OpenStream[], withinMs = patienceMs): Promise<number> {
  const late = new AbortController()
  const last = Promise.all(streams.map(({ ended }) => ended)).then((instants) => Math.max(...instants))
  const never = pause(withinMs, Infinity, { signal: late.signal }).catch(() => Infinity)
  const endedAt = await Promise.race([last, never])
  late.abort()
  for (const stream of streams) stream.close()
  return endedAt
}

/** A connection that says nothing. */
export function occupy(door: Door): Promise<Socket> {
  return new Promise((resolve) => {
    const socket = connect(door.port, door.host)
    socket.on('error', () => undefined)
    socket.on('close', () => resolve(socket)).on('connect', () => resolve(socket))
  })
}
