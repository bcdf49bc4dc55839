// Whether memory grows with the number of requests.
import { setTimeout as pause } from 'node:timers/promises'
import { residentBytesOf } from '../kernel.js'
import { beginLoad, connections, endLoad } from '../load.js'
import { atMost, type Findings, type Measure } from '../measure.js'
import { slopeOf } from '../numbers.js'
import { askAsEach } from '../site.js'

interface Sample {
  readonly requests: number
  /** What objects use when all is freed that can be. */
  readonly heapBytes: number
  readonly residentBytes: number
}

const mebi = 1024 * 1024

export const memory: Measure = {
  name: 'memory',
  about: 'whether memory grows over 1,000,000 requests',
  needsNginx: false,
  async run({ site, clients, isQuick, say }) {
    const [every, steps] = isQuick ? [2_000, 10] : [100_000, 10]
    const gate = await site.startGatehouse()
    await beginLoad(clients, askAsEach(site, gate))
    const samples: Sample[] = []
    // What the first ones leave is code, pools and caches.
    const uncounted = every
    for (let step = 0; step <= steps; step += 1) {
      const requests = step * every
      while ((await clients.ask('answered', null)) < uncounted + requests) await pause(100)
      const heapBytes = await gate.ask('collect', null)
      samples.push({ requests, heapBytes, residentBytes: residentBytesOf(gate.id) })
      say(`${requests} of ${steps * every} requests`)
    }
    await endLoad(clients)
    await gate.close()
    return report(samples, uncounted)
  },
}

function report(samples: readonly Sample[], uncounted: number): Findings {
  const last = samples.at(-1)?.requests ?? 0
  const slope = (of: (sample: Sample) => number, from = 0): number =>
    slopeOf(
      samples.filter(({ requests }) => requests >= from).map((one) => ({ x: one.requests, y: of(one) })),
    )
  const heap = slope(({ heapBytes }) => heapBytes)
  const resident = slope(({ residentBytes }) => residentBytes, last / 2)
  return {
    title: 'Memory over many requests',
    text: `${last} requests over ${connections} connections, after ${uncounted} that do not count. Heap: what objects and their buffers use after a forced garbage collection, under load. Flat means that the straight line that fits best through the heap rises by at most 2 bytes a request, an eighth of the smallest object, and the one through the second half of resident memory, which follows the heap in large steps, by at most 16.`,
    table: {
      head: ['requests', 'heap MiB', 'resident MiB'],
      rows: samples.map(({ requests, heapBytes, residentBytes }) => [
        String(requests),
        (heapBytes / mebi).toFixed(2),
        (residentBytes / mebi).toFixed(1),
      ]),
    },
    verdicts: [
      atMost(`Heap, growth a request over ${last}`, 2, heap, ' B', 2),
      atMost(`Resident memory, growth a request over the second half`, 16, resident, ' B', 2),
    ],
    figures: { heapBytesPerRequest: heap, residentBytesPerRequest: resident, samples },
  }
}
