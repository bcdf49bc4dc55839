import { once } from 'node:events'
import { connect, createServer, type AddressInfo, type Socket } from 'node:net'
import { normaliseRequest, type NormalisedRequest } from '../../src/dataplane/index.js'
import { assert } from '../../src/lib/index.js'
import { lenientRequests, type LenientRequest } from '../../src/model.js'
import { eventually, startGate } from '../support/wire.js'
import { shorter, type Subject, type Verdict } from './campaign.js'
import { chunks, readByNode, type NodeMessage } from './node-parser.js'
import { mutated, type Random } from './random.js'
import { expectedHead, misread, request, unlike, type Asked, type Context } from './requests.js'

/** What a client sends. */
interface Sample {
  /** Latin-1. */
  readonly text: string
  readonly lenient: readonly LenientRequest[]
  /** Where it is cut into two packets. */
  readonly cut: number
}

const endpointOrigin = 'https://press-3.plant-access.example'
/** Longer than any answer takes; an unfinished request is not waited for. */
const answerMs = 2_000
const unfinishedMs = 20

const gateOpenings: readonly (readonly LenientRequest[])[] = [
  [],
  ...lenientRequests.map((name) => [name]),
  lenientRequests,
]

/**
 * The same as `requests`, with real sockets from end to end: a client of bare TCP, a data plane, and a machine
 * of bare TCP that writes down every byte. What is refused must not cost the machine a single one.
 */
export async function openSockets(): Promise<Subject<Sample>> {
  const machine = await startRecorder()
  const clients = new Map<string, Client>()
  for (const lenient of gateOpenings) clients.set(String(lenient), await openClient(machine.url, lenient))

  async function judge(sample: Sample): Promise<Verdict> {
    const client = clients.get(String(sample.lenient))
    assert(client !== undefined, 'a gate for every sample')
    const text = sample.text.replaceAll(endpointOrigin, client.context.endpointOrigin)
    const asked = askedBy(text)
    if (asked === 'several') return { outcome: 'not sent, being more than one' }
    machine.forget()
    client.admitted.length = 0
    const withinMs = asked?.isFinished === true ? answerMs : unfinishedMs
    const answer = await client.send({ text, cut: sample.cut, isHead: asked?.method === 'HEAD', withinMs })
    if (asked === null || isRefused(asked, sample.lenient)) {
      const isClean = machine.received() === '' && machine.connections() === 0 && client.admitted.length === 0
      if (!isClean) return { wrong: `refused, and yet the machine got ${JSON.stringify(machine.received())}` }
      if (answer === 200) return { wrong: 'refused, and yet answered' }
      return { outcome: asked === null ? 'refused by the parser' : 'refused' }
    }
    const [admitted] = client.admitted
    if (admitted === undefined) return { wrong: `nobody decided on ${JSON.stringify(asked)}` }
    if (!asked.isFinished) return judgeBrokenOff(asked, client)
    const wrong =
      unlike(admitted, asked) ??
      misread(machine.received(), asked, client.context) ??
      (answer === 200 ? null : `answered with ${String(answer)}`)
    return wrong === null ? { outcome: 'forwarded' } : { wrong }
  }

  /** The machine may have got a beginning of it, or nothing. */
  async function judgeBrokenOff(asked: Asked, client: Client): Promise<Verdict> {
    await eventually(() => client.isQuiet() && machine.isQuiet())
    const received = machine.received()
    const isBeginning = received === '' || received.startsWith(expectedHead(asked, client.context))
    const { messages } = readByNode([Buffer.from(received, 'latin1')], { type: 'REQUEST' })
    if (isBeginning && messages.length <= 1) return { outcome: 'broken off' }
    return { wrong: `broken off, and yet the machine got ${JSON.stringify(received)}` }
  }

  return {
    generate(random) {
      const lenient = random.pick(gateOpenings)
      const text = textOf(random, lenient)
      return { text, lenient, cut: random.once(4) ? random.below(text.length) : 0 }
    },
    judge,
    *simpler(sample) {
      for (const text of shorter(sample.text)) yield { ...sample, text }
    },
    show: (sample) => `${JSON.stringify(sample)}\nhex ${Buffer.from(sample.text, 'latin1').toString('hex')}`,
    close: async () => {
      for (const client of clients.values()) await client.close()
      await machine.close()
    },
  }
}

function isRefused(asked: Asked, lenient: readonly LenientRequest[]): boolean {
  const openings = new Set(lenient)
  return 'refused' in normaliseRequest(asked, { ...asked, openingsOf: () => openings })
}

function textOf(random: Random, lenient: readonly LenientRequest[]): string {
  const { method, url, httpVersion, rawHeaders, isUpgrade, body } = request(random, endpointOrigin, lenient)
  let text = `${method} ${url} HTTP/${httpVersion}\r\n`
  for (let i = 0; i < rawHeaders.length; i += 2)
    text += `${rawHeaders[i] ?? ''}:${random.pick([' ', ' ', '', '\t'])}${rawHeaders[i + 1] ?? ''}\r\n`
  text += '\r\n'
  const isChunked = /\r\ntransfer-encoding/i.test(text)
  if (isChunked) text += random.once(8) ? `${chunks(body).slice(0, -2)}X-T: a\r\n\r\n` : chunks(body)
  else if (!isUpgrade) text += body
  return random.once(6) ? mutated(random, text) : text
}

/** What Node's parser reads: null where it refuses before there is a whole header section. */
function askedBy(text: string): (Asked & { readonly isFinished: boolean }) | 'several' | null {
  const bytes = Buffer.from(text, 'latin1')
  const pieces = [bytes.subarray(0, -1), bytes.subarray(-1)]
  const { messages, problem } = readByNode(pieces, { type: 'REQUEST' })
  const [first] = messages
  if (first === undefined) return null
  if (messages.length > 1 || first.endedIn === 1) return 'several'
  return { ...askedIn(first), isFinished: first.endedIn === 2 && problem === null }
}

function askedIn({ method, target, version, headers, body, isSwitched }: NodeMessage): Asked {
  return { method, url: target, httpVersion: version, rawHeaders: headers, isUpgrade: isSwitched, body }
}

interface Recorder {
  readonly url: string
  /** Since the last `forget`, over all connections. */
  received(): string
  connections(): number
  /** Whether nobody is in the middle of a request. */
  isQuiet(): boolean
  forget(): void
  close(): Promise<void>
}

/** A machine that writes down what it gets, and answers each whole request. */
async function startRecorder(): Promise<Recorder> {
  let received = ''
  let connections = 0
  const sockets = new Set<Socket>()
  const begun = new Set<Socket>()
  const server = createServer((socket) => {
    connections += 1
    sockets.add(socket)
    socket
      .on('error', () => undefined)
      .on('close', () => {
        sockets.delete(socket)
        begun.delete(socket)
      })
    socket.on('data', (bytes) => {
      begun.add(socket)
      received += bytes.toString('latin1')
      const { messages } = readByNode([Buffer.from(received, 'latin1')], { type: 'REQUEST' })
      if (messages[0]?.endedIn !== 1) return
      begun.delete(socket)
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 0\r\n\r\n')
    })
  })
  await once(server.listen(0, '127.0.0.1'), 'listening')
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    received: () => received,
    connections: () => connections,
    isQuiet: () => begun.size === 0,
    forget: () => {
      received = ''
      connections = 0
    },
    close: async () => {
      for (const socket of sockets) socket.destroy()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Client {
  readonly context: Context
  readonly admitted: NormalisedRequest[]
  isQuiet(): boolean
  /** The status it was answered with; null when the connection was closed without an answer, or time was up. */
  send(parcel: {
    readonly text: string
    readonly cut: number
    readonly isHead: boolean
    readonly withinMs: number
  }): Promise<number | null>
  close(): Promise<void>
}

/** One client and its data plane. */
async function openClient(upstream: string, lenient: readonly LenientRequest[]): Promise<Client> {
  const admitted: NormalisedRequest[] = []
  let requests = 0
  const gate = await startGate({
    upstream,
    // Each pass has connections of its own, so that some requests wait for theirs.
    passOf: () => `pass-${Math.floor(requests++ / 4)}`,
    endpoint: { lenientRequests: new Set(lenient) },
    onAdmitted: (request) => void admitted.push(request),
  })
  let socket: Socket | null = null
  return {
    admitted,
    isQuiet: () => gate.streams.list().length === 0,
    context: {
      endpoint: { hostHeader: 'upstream' },
      upstream: new URL(upstream),
      endpointOrigin: gate.origin,
      client: { address: '127.0.0.1', proto: 'http' },
      identity: { user: 'ana@vendor.example', assertion: 'assertion' },
    },
    send: async ({ text, cut, isHead, withinMs }) => {
      const connection = (socket ??= await connected(gate.port))
      const answer = answerOn(connection, isHead, withinMs)
      connection.write(text.slice(0, cut), 'latin1')
      if (cut > 0) await new Promise((resolve) => setImmediate(resolve))
      connection.write(text.slice(cut), 'latin1')
      const { status, isOver } = await answer
      if (isOver) {
        socket = null
        connection.destroy()
      }
      return status
    },
    close: async () => {
      socket?.destroy()
      await gate.close()
    },
  }
}

async function connected(port: number): Promise<Socket> {
  const socket = connect(port, '127.0.0.1').setNoDelay()
  await once(socket, 'connect')
  return socket.on('error', () => undefined)
}

/** Resolves when there is a whole answer, or will be none. */
function answerOn(
  socket: Socket,
  isHead: boolean,
  withinMs: number,
): Promise<{ status: number | null; isOver: boolean }> {
  return new Promise((resolve) => {
    let text = ''
    const settle = (status: number | null, isOver: boolean): void => {
      clearTimeout(timer)
      socket.off('data', take).off('close', closed)
      resolve({ status, isOver })
    }
    const take = (bytes: Buffer): void => {
      text += bytes.toString('latin1')
      const { messages } = readByNode([Buffer.from(text, 'latin1')], { type: 'RESPONSE', skipsBody: isHead })
      const last = messages.at(-1)
      if (last !== undefined && last.status >= 200 && last.endedIn !== null)
        settle(last.status, !last.mayReuse || last.status !== 200)
    }
    const closed = (): void => {
      settle(null, true)
    }
    const timer = setTimeout(closed, withinMs)
    socket.on('data', take).on('close', closed)
  })
}
