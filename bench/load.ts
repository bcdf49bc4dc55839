// The clients, in a process of their own: a fixed number of keep-alive connections, each with one request
// on its way at any time. Plain sockets, because an HTTP client would cost more than what is measured.
import { readFileSync } from 'node:fs'
import { connect } from 'node:net'

/** One window of load on one server. */
export interface Task {
  readonly port: number
  /** The request as it goes over the wire. */
  readonly request: string
  /** Any answer but a 200 with a body of this length is a failure. */
  readonly bodyBytes: number
  readonly connections: number
  /** Load before counting begins. */
  readonly leadSeconds: number
  readonly seconds: number
  /** The processes whose CPU time is read at both ends of the window. */
  readonly processIds: readonly number[]
}

export interface Measured {
  readonly answered: number
  /** Of lead and window. */
  readonly failed: number
  readonly seconds: number
  readonly p50Ms: number
  readonly p99Ms: number
  /** In the order of `processIds`. */
  readonly cpuMicros: readonly number[]
}

async function measure(task: Task): Promise<Measured> {
  const latencies: number[] = []
  let failed = 0
  let isCounting = false
  const load = keepBusy(task, {
    onAnswer: (ms) => {
      if (isCounting) latencies.push(ms)
    },
    onFailure: () => void (failed += 1),
  })
  await pause(task.leadSeconds)
  const before = task.processIds.map(cpuMicrosOf)
  const from = performance.now()
  isCounting = true
  await pause(task.seconds)
  isCounting = false
  const seconds = (performance.now() - from) / 1000
  const cpuMicros = task.processIds.map((id, position) => cpuMicrosOf(id) - (before[position] ?? 0))
  load.stop()
  latencies.sort((a, b) => a - b)
  const percentile = (share: number): number => latencies[Math.floor(latencies.length * share)] ?? NaN
  const [p50Ms, p99Ms] = [percentile(0.5), percentile(0.99)]
  return { answered: latencies.length, failed, seconds, p50Ms, p99Ms, cpuMicros }
}

interface Events {
  onAnswer(ms: number): void
  onFailure(): void
}

function keepBusy(task: Task, { onAnswer, onFailure }: Events): { stop(): void } {
  let isStopped = false
  const stops = new Set<() => void>()

  const open = (): void => {
    if (isStopped) return
    const socket = connect(task.port, '127.0.0.1')
    const stop = (): void => void socket.destroy()
    stops.add(stop)
    let received = ''
    let sentAt = 0
    const send = (): void => {
      received = ''
      sentAt = performance.now()
      socket.write(task.request)
    }
    socket.setNoDelay(true)
    socket.on('connect', send)
    socket.on('data', (chunk) => {
      received += chunk.toString('latin1')
      const verdict = judge(received, task.bodyBytes)
      if (verdict === 'wrong') socket.destroy()
      else if (verdict === 'whole') {
        onAnswer(performance.now() - sentAt)
        send()
      }
    })
    socket.on('error', () => undefined) // told by the close that follows
    socket.on('close', () => {
      stops.delete(stop)
      if (isStopped) return
      // A server that closes, or one that answered wrongly: not at once again, or failures would be the load.
      onFailure()
      setTimeout(open, 50)
    })
  }
  for (let number = 0; number < task.connections; number += 1) open()

  return {
    stop: () => {
      isStopped = true
      for (const stop of stops) stop()
    },
  }
}

function judge(received: string, bodyBytes: number): 'partial' | 'whole' | 'wrong' {
  const headEnd = received.indexOf('\r\n\r\n')
  if (headEnd === -1) return 'partial'
  const length = /\r\ncontent-length: *(\d+)\r\n/i.exec(received.slice(0, headEnd + 2))?.[1]
  if (!received.startsWith('HTTP/1.1 200 ') || Number(length) !== bodyBytes) return 'wrong'
  const missing = headEnd + 4 + bodyBytes - received.length
  return missing === 0 ? 'whole' : missing > 0 ? 'partial' : 'wrong'
}

/** CPU time of a process with all its threads, user and system, in steps of 10 ms (proc(5), fields 14 and 15). */
function cpuMicrosOf(processId: number): number {
  const stat = readFileSync(`/proc/${processId}/stat`, 'latin1')
  // The second field is a name that may hold blanks; it ends with the last bracket.
  const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
  return (Number(fields[11]) + Number(fields[12])) * 10_000
}

function pause(seconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, seconds * 1000))
}

process.on('disconnect', () => process.exit())
process.on('message', (task: Task) => {
  void measure(task).then((measured) => process.send?.(measured))
})
