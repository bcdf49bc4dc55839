// How long a message takes there and back, and what an open and silent WebSocket costs in memory.
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import type { Handshake } from '../clients/websockets.js'
import { openFilesLimit, residentBytesOf } from '../kernel.js'
import { atMost, type Bench, type Findings, type Measure } from '../measure.js'
import { startNginx, type Nginx } from '../nginx.js'
import { percentile, rangeOf, shuffled, sumOf } from '../numbers.js'
import { cookieOf, endpointIds, wordUpgrade, type RunningServer } from '../site.js'

type Way = 'direct' | 'nginx' | 'gatehouse'

const ways: readonly Way[] = ['direct', 'nginx', 'gatehouse']
const labels = { direct: 'the machine, directly', nginx: 'nginx', gatehouse: '**Gatehouse**' }
/** So that no limit on what one person or one machine may hold open is reached. */
const holders = 50

interface Paths {
  readonly handshakes: Readonly<Record<Way, readonly Handshake[]>>
  readonly gate: RunningServer
  readonly nginx: Nginx
}

interface Memory {
  readonly bytesEach: number
  /** With all objects still there that wait to be freed. */
  readonly bytesEachUncollected: number
  /** Of `bytesEach`, what objects and their buffers use; null for nginx, which has none. */
  readonly heapBytesEach: number | null
  readonly leftBytes: number
}

export const websocket: Measure = {
  name: 'websocket',
  about: 'round trip through a WebSocket, and memory of 5,000 silent ones, against nginx',
  needsNginx: true,
  async run(bench) {
    const { isQuick, say } = bench
    const count = isQuick ? 500 : 5_000
    const needed = 2 * count + 200
    // The gateway holds both ends of each.
    if (openFilesLimit() < needed)
      throw new Error(`${needed} open files are needed: ulimit -n ${needed} (now ${openFilesLimit()})`)
    const { handshakes, gate, nginx } = await openPaths(bench)

    const rounds: Record<Way, number[]>[] = []
    await timeRoundTrips(bench, handshakes, isQuick ? 0.5 : 3)
    for (let number = 1; number <= (isQuick ? 3 : 20); number += 1) {
      say(`round trips, round ${number}`)
      rounds.push(await timeRoundTrips(bench, handshakes, 0.5))
    }
    say(`holding ${count}, through nginx`)
    const throughNginx = await holdOpen(bench, count, handshakes.nginx, nginx.processIds, async () => null)
    say(`holding ${count}, through Gatehouse`)
    const throughGatehouse = await holdOpen(bench, count, handshakes.gatehouse, [gate.id], () =>
      gate.ask('collect', null),
    )
    await gate.close()
    await nginx.close()
    return report(count, rounds, { nginx: throughNginx, gatehouse: throughGatehouse })
  },
}

async function openPaths({ site }: Bench): Promise<Paths> {
  const nginx = await startNginx({ folder: join(site.folder, 'nginx-ws'), machinePort: site.machine.port })
  const gate = await site.startGatehouse()
  const cookies: { readonly endpointId: string; readonly cookie: string }[] = []
  for (let number = 1; number <= holders; number += 1) {
    const holder = await site.signIn(`bea-${number}`)
    await holder.grant(...endpointIds)
    for (const endpointId of endpointIds)
      cookies.push({ endpointId, cookie: cookieOf(await holder.pass(endpointId)) })
  }
  const through = (port: number): Handshake[] =>
    cookies.map(({ endpointId, cookie }) => ({ port, request: wordUpgrade(cookie, endpointId) }))
  return {
    handshakes: {
      direct: through(site.machine.port),
      nginx: through(nginx.port),
      gatehouse: through(gate.port),
    },
    gate,
    nginx,
  }
}

/** @returns milliseconds of each message, in ascending order */
async function timeRoundTrips(
  { clients }: Bench,
  handshakes: Paths['handshakes'],
  seconds: number,
): Promise<Record<Way, number[]>> {
  const found: Record<Way, number[]> = { direct: [], nginx: [], gatehouse: [] }
  for (const way of shuffled(ways)) {
    const [handshake] = handshakes[way]
    if (handshake === undefined) throw new Error('nobody to ask')
    const millis = await clients.ask('roundTrips', { handshake, seconds }, seconds * 1000)
    found[way] = millis.sort((a, b) => a - b)
  }
  return found
}

async function holdOpen(
  { clients }: Bench,
  count: number,
  handshakes: readonly Handshake[],
  processIds: readonly number[],
  collect: () => Promise<number | null>,
): Promise<Memory> {
  const resident = (): number => sumOf(processIds.map(residentBytesOf))
  const settle = async () => {
    await pause(2_000)
    const heap = await collect()
    return { heap, resident: resident() }
  }
  // Once before: what the first ones cost is code and pools, which the next ones find there.
  await clients.ask('hold', { handshakes, count: Math.ceil(count / 10) }, 60_000)
  await clients.ask('letGo', null)
  const before = await settle()
  await clients.ask('hold', { handshakes, count }, 120_000)
  const uncollected = resident()
  const after = await settle()
  const open = await clients.ask('stillOpen', null)
  if (open !== count) throw new Error(`${count - open} of ${count} WebSockets were closed`)
  await clients.ask('letGo', null)
  const left = await settle()
  return {
    bytesEach: (after.resident - before.resident) / count,
    bytesEachUncollected: (uncollected - before.resident) / count,
    heapBytesEach: after.heap === null || before.heap === null ? null : (after.heap - before.heap) / count,
    leftBytes: left.resident - before.resident,
  }
}

function report(
  count: number,
  rounds: readonly Record<Way, readonly number[]>[],
  memory: Readonly<Record<'nginx' | 'gatehouse', Memory>>,
): Findings {
  const median = (way: Way, share = 0.5) => rangeOf(rounds.map((round) => percentile(round[way], share)))
  const ratio = rangeOf(
    rounds.map(({ nginx, gatehouse }) => percentile(gatehouse, 0.5) / percentile(nginx, 0.5)),
  )
  const micros = (ms: number): string => (ms * 1000).toFixed(0)
  const kib = (bytes: number): string => (bytes / 1024).toFixed(1)
  const rows = ways.map((way) => [
    labels[way],
    micros(median(way).median),
    micros(median(way, 0.99).median),
    ...(way === 'direct'
      ? ['', '', '', '']
      : [
          kib(memory[way].bytesEach),
          memory[way].heapBytesEach === null ? '' : kib(memory[way].heapBytesEach),
          kib(memory[way].bytesEachUncollected),
          (memory[way].leftBytes / 1024 / 1024).toFixed(1),
        ]),
  ])
  return {
    title: 'WebSockets',
    text: `Round trip: one message of 64 bytes at a time through one WebSocket, whose other end gives it back; medians over ${rounds.length} rounds of half a second, in each of which all three take their turn in a new order. Memory: resident memory of the process (of nginx, master and worker) with ${count} WebSockets open and silent, of ${holders} people at ${endpointIds.length} endpoints, less that before, for each; after a garbage collection, and before one. What remains is read after all were closed. Memory of the kernel for sockets is in neither.`,
    table: {
      head: [
        '',
        'median µs',
        'p99 µs',
        'KiB each',
        'of these in the heap',
        'KiB each, uncollected',
        'MiB that remain',
      ],
      rows,
    },
    verdicts: [
      atMost('WebSocket round trip, median, × nginx', 1.3, ratio.median, ' ×', 2),
      atMost(
        `Resident memory of a silent WebSocket, ${count} open`,
        16,
        memory.gatehouse.bytesEach / 1024,
        ' KiB',
      ),
    ],
    figures: {
      roundTripMs: Object.fromEntries(
        ways.map((way) => [way, { median: median(way), p99: median(way, 0.99) }]),
      ),
      roundTripRatio: ratio,
      memory,
    },
  }
}
