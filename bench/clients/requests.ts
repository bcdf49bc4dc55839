// A fixed number of keep-alive connections, each with one request on its way at any time. Plain sockets,
// because an HTTP client would cost more than what is measured.
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { setTimeout as pause } from 'node:timers/promises'
import { cpuMicrosOf } from '../kernel.js'
import { percentile } from '../numbers.js'

/** Where a request goes, and its bytes on the wire. */
export interface Asked {
  readonly port: number
  readonly request: string
  /** PEM; with one, it goes over TLS. */
  readonly authority: string | null
}

export interface Load {
  /** Connections are shared out among them. */
  readonly asked: readonly Asked[]
  /** Any answer but a 200 with a body of this length is a failure. */
  readonly bodyBytes: number
  readonly connections: number
}

export interface Measured {
  readonly answered: number
  /** Since the load began. */
  readonly failed: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** In the order of `processIds`. */
  readonly cpuMicros: readonly number[]
  /** What the load itself took of one core, 0 to 1: near 1, it is what held the server back. */
  readonly loadShare: number
}

interface Running {
  answered: number
  failed: number
  /** Null while nobody counts. */
  latencies: number[] | null
  stop(): void
}

let running: Running | null = null

function current(): Running {
  if (running === null) throw new Error('there is no load')
  return running
}

export const requestAnswers = {
  start(load: Load): void {
    running?.stop()
    running = keepBusy(load)
  },

  stop(_: null): void {
    running?.stop()
    running = null
  },

  /** @param processIds whose CPU time is read at both ends */
  async window({
    seconds,
    processIds,
  }: {
    seconds: number
    processIds: readonly number[]
  }): Promise<Measured> {
    const load = current()
    const before = processIds.map(cpuMicrosOf)
    const ownBefore = cpuMicrosOf(process.pid)
    const from = performance.now()
    const latencies: number[] = []
    load.latencies = latencies
    await pause(seconds * 1000)
    load.latencies = null
    const lasted = (performance.now() - from) / 1000
    const cpuMicros = processIds.map((id, position) => cpuMicrosOf(id) - (before[position] ?? 0))
    const loadShare = (cpuMicrosOf(process.pid) - ownBefore) / 1_000_000 / lasted
    latencies.sort((a, b) => a - b)
    return {
      answered: latencies.length,
      failed: load.failed,
      seconds: lasted,
      p50Ms: percentile(latencies, 0.5),
      p99Ms: percentile(latencies, 0.99),
      cpuMicros,
      loadShare,
    }
  },

  /** How many were answered since the load began. */
  answered(_: null): number {
    const load = current()
    if (load.failed > 0) throw new Error(`${load.failed} connections were closed or answered wrongly`)
    return load.answered
  },
}

function keepBusy({ asked, bodyBytes, connections }: Load): Running {
  let isStopped = false
  const sockets = new Set<Socket>()
  const self: Running = {
    answered: 0,
    failed: 0,
    latencies: null,
    stop: () => {
      isStopped = true
      for (const socket of sockets) socket.destroy()
    },
  }

  const open = (target: Asked): void => {
    if (isStopped) return
    const socket = dial(target)
    sockets.add(socket)
    let received = ''
    let sentAt = 0
    const send = (): void => {
      received = ''
      sentAt = performance.now()
      socket.write(target.request)
    }
    socket.on(target.authority === null ? 'connect' : 'secureConnect', send)
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      const verdict = judge(received, bodyBytes)
      if (verdict === 'wrong') socket.destroy()
      else if (verdict === 'whole') {
        self.answered += 1
        self.latencies?.push(performance.now() - sentAt)
        send()
      }
    })
    socket.on('error', () => undefined) // told by the close that follows
    socket.on('close', () => {
      sockets.delete(socket)
      if (isStopped) return
      // A server that closes, or one that answered wrongly: not at once again, or failures would be the load.
      self.failed += 1
      setTimeout(open, 50, target)
    })
  }
  for (let number = 0; number < connections; number += 1) {
    const target = asked[number % asked.length]
    if (target !== undefined) open(target)
  }
  return self
}

interface Target extends Pick<Asked, 'port' | 'authority'> {
  readonly localAddress?: string | undefined
}

/** A connection to a server of the benchmark; the certificate is checked as a browser would. */
export function dial({ port, authority, localAddress }: Target): Socket {
  const to = { port, host: '127.0.0.1', localAddress }
  const socket =
    authority === null ? connect(to) : connectTls({ ...to, ca: authority, servername: certificateName })
  return socket.setNoDelay(true)
}

/** What the certificates of the benchmark are for. */
export const certificateName = 'press-3.plant.localhost'

function judge(received: string, bodyBytes: number): 'partial' | 'whole' | 'wrong' {
  const headEnd = received.indexOf('\r\n\r\n')
  if (headEnd === -1) return 'partial'
  const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(received.slice(0, headEnd + 2))?.[1]
  if (!received.startsWith('HTTP/1.1 200 ') || Number(length) !== bodyBytes) return 'wrong'
  const missing = headEnd + 4 + bodyBytes - received.length
  return missing === 0 ? 'whole' : missing > 0 ? 'partial' : 'wrong'
}
