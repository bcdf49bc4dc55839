// What a day leaves behind, one line each: what the machine saw, what clients were answered, what the
// administrators were told, and what was broken when.
import { createReadStream, createWriteStream } from 'node:fs'
import { createInterface } from 'node:readline'

/** Something that reached the machine. Instants are those of the host, which all processes share. */
export interface Arrival {
  /**
   * `frame` is a message of a WebSocket; `end`, that a download or a WebSocket has ended, however it did;
   * `stall`, that the machine could not look for as many milliseconds as `number` says.
   */
  readonly kind: 'request' | 'websocket' | 'frame' | 'end' | 'stall'
  /** Each request has a number of its own, which its path carries. */
  readonly number: number
  readonly at: number
  readonly monotonicMs: number
  readonly method: string
  readonly endpointId: string
  /** As `X-Gatehouse-User` says. */
  readonly user: string
}

export interface Answered {
  readonly number: number
  /** 0 when the answer broke off, or belonged to another request: see `problem`. */
  readonly status: number
  readonly at: number
  readonly problem: '-' | 'broken' | 'mixed-up' | 'stuck'
}

/** What somebody with the right to it did, and what they were told. */
export interface Act {
  readonly kind:
    'grant.issued' | 'grant.extended' | 'grant.revoked' | 'session.ended' | 'lockdown.on' | 'lockdown.off'
  /** Of the grant or session; the scope of a lockdown. Null when it failed before it had one. */
  readonly id: string | null
  readonly askedAt: number
  readonly answeredAt: number
  /** `here`: in force on this host and not yet elsewhere, because Redis was away. */
  readonly outcome: 'done' | 'here' | 'failed'
  /** For `here`: the instance of that host. */
  readonly instance: string
  readonly code: string | null
}

export interface Fault {
  /** `host-stalled` nobody brought about: this host had more to do than it can. */
  readonly kind: FaultKind | 'host-stalled'
  /** The instance; empty where it is about none. */
  readonly instance: string
  readonly from: number
  readonly until: number
}

export const faultKinds = [
  'redis-frozen',
  'redis-killed',
  'redis-rolled-back',
  'instance-frozen',
  'instance-killed',
  'instance-stopped',
  'machine-dead',
  'machine-silent',
] as const
export type FaultKind = (typeof faultKinds)[number]

export const files = {
  arrivals: 'arrivals.txt',
  answers: 'answers.txt',
  acts: 'acts.jsonl',
  faults: 'faults.jsonl',
} as const

/** Lines are gathered: a write for each would cost more than the request it tells of. */
export interface Notebook {
  write(line: string): void
  close(): Promise<void>
}

export function openNotebook(file: string): Notebook {
  const stream = createWriteStream(file)
  let gathered = ''
  const flush = (): void => {
    if (gathered !== '') stream.write(gathered)
    gathered = ''
  }
  return {
    write(line) {
      gathered += `${line}\n`
      if (gathered.length > 2 ** 16) flush()
    },
    close: () =>
      new Promise((resolve) => {
        flush()
        stream.end(resolve)
      }),
  }
}

export function arrivalLine(arrival: Arrival): string {
  const { kind, number, at, monotonicMs, method, endpointId, user } = arrival
  return `${kind} ${number} ${at} ${monotonicMs.toFixed(3)} ${method} ${endpointId} ${user}`
}

export async function* readArrivals(file: string): AsyncGenerator<Arrival, void> {
  for await (const line of linesOf(file)) {
    const [kind = '', number, at, monotonicMs, method = '', endpointId = '', user = ''] = line.split(' ')
    yield {
      kind: kind as Arrival['kind'],
      ...{ number: Number(number), at: Number(at), monotonicMs: Number(monotonicMs) },
      ...{ method, endpointId, user },
    }
  }
}

export function answerLine({ number, status, at, problem }: Answered): string {
  return `${number} ${status} ${at} ${problem}`
}

export async function* readAnswers(file: string): AsyncGenerator<Answered, void> {
  for await (const line of linesOf(file)) {
    const [number, status, at, problem] = line.split(' ')
    yield {
      number: Number(number),
      status: Number(status),
      at: Number(at),
      problem: problem as Answered['problem'],
    }
  }
}

export async function readJsonLines<T>(file: string): Promise<T[]> {
  const values: T[] = []
  for await (const line of linesOf(file)) values.push(JSON.parse(line) as T)
  return values
}

function linesOf(file: string): AsyncIterable<string> {
  return createInterface({ input: createReadStream(file, 'utf8'), crlfDelay: Infinity })
}
