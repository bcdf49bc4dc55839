// One large answer: how fast it passes, and how much of it is in memory on the way.
import { join } from 'node:path'
import { cpuMicrosOf, forgetPeakOf, peakBytesOf, residentBytesOf } from '../kernel.js'
import { atLeast, atMost, type Bench, type Findings, type Measure } from '../measure.js'
import { startNginx } from '../nginx.js'
import { rangeOf, shuffled, sumOf } from '../numbers.js'
import { cookieOf, wordRequest } from '../site.js'

const mebi = 1024 * 1024

interface Way {
  readonly label: string
  readonly port: number
  readonly processIds: readonly number[]
}

interface Passed {
  readonly bytesPerSecond: number
  readonly cpuSeconds: number
  readonly moreBytes: number
}

export const download: Measure = {
  name: 'download',
  about: 'throughput and memory of a download of 1 GiB, against nginx',
  needsNginx: true,
  async run(bench) {
    const { site, isQuick, say } = bench
    const bytes = (isQuick ? 128 : 1024) * mebi
    const nginx = await startNginx({
      folder: join(site.folder, 'nginx-large'),
      machinePort: site.machine.port,
    })
    const gate = await site.startGatehouse()
    const ways: Way[] = [
      { label: 'the machine, directly', port: site.machine.port, processIds: [site.machine.id] },
      { label: 'nginx', port: nginx.port, processIds: nginx.processIds },
      { label: '**Gatehouse**', port: gate.port, processIds: [gate.id] },
    ]
    for (const way of ways) await pass(bench, way, 128 * mebi)
    const rounds: Passed[][] = []
    for (let number = 1; number <= (isQuick ? 2 : 5); number += 1) {
      say(`round ${number}`)
      const round: Passed[] = []
      for (const position of shuffled([...ways.keys()])) {
        const way = ways[position]
        if (way) round[position] = await pass(bench, way, bytes)
      }
      rounds.push(round)
    }
    await gate.close()
    await nginx.close()
    return report(ways, rounds, bytes)
  },
}

async function pass({ clients, site }: Bench, { port, processIds }: Way, bytes: number): Promise<Passed> {
  const [token = ''] = site.passes
  const request = wordRequest(cookieOf(token), { path: `/download/${bytes}` })
  for (const id of processIds) forgetPeakOf(id)
  const cpuBefore = sumOf(processIds.map(cpuMicrosOf))
  const memoryBefore = sumOf(processIds.map(residentBytesOf))
  const seconds = await clients.ask('download', { port, request, bytes }, 300_000)
  return {
    bytesPerSecond: bytes / seconds,
    cpuSeconds: (sumOf(processIds.map(cpuMicrosOf)) - cpuBefore) / 1_000_000,
    moreBytes: sumOf(processIds.map(peakBytesOf)) - memoryBefore,
  }
}

function report(ways: readonly Way[], rounds: readonly (readonly Passed[])[], bytes: number): Findings {
  const over = (position: number, of: (passed: Passed) => number) =>
    rangeOf(rounds.flatMap((round) => round.slice(position, position + 1).map(of)))
  const rows = ways.map(({ label }, position) => [
    label,
    (over(position, ({ bytesPerSecond }) => bytesPerSecond).median / mebi).toFixed(0),
    over(position, ({ cpuSeconds }) => cpuSeconds).median.toFixed(2),
    (over(position, ({ moreBytes }) => moreBytes).max / mebi).toFixed(1),
  ])
  const ratio = rangeOf(
    rounds.map(([, nginx, gatehouse]) => (gatehouse?.bytesPerSecond ?? 0) / (nginx?.bytesPerSecond ?? NaN)),
  )
  const more = over(2, ({ moreBytes }) => moreBytes).max / mebi
  return {
    title: 'A large download',
    text: `${bytes / mebi} MiB to one client that reads as fast as it can; medians of ${rounds.length} rounds in which all three take their turn in a new order. The memory is the most that was resident at any moment of a download, less what was resident before it; of all rounds, the greatest.`,
    table: { head: ['', 'MiB/s', 'CPU s', 'MiB more, at most'], rows },
    verdicts: [
      atLeast(`Download of ${bytes / mebi} MiB, throughput, × nginx`, 0.8, ratio.median, ' ×', 2),
      atMost(`Download of ${bytes / mebi} MiB, more memory at its peak`, 50, more, ' MiB'),
    ],
    figures: { ratio, rounds },
  }
}
