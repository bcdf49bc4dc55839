// What a second process adds.
import { beginLoad, connections, endLoad, measureLoad, warmUpSeconds } from '../load.js'
import type { Measured } from '../clients/requests.js'
import type { Findings, Measure } from '../measure.js'
import { rangeOf, shuffled, sumOf } from '../numbers.js'
import { askAsEach } from '../site.js'

interface Round {
  one: Measured
  two: Measured
}

export const processes: Measure = {
  name: 'processes',
  about: 'one process against two on the same Redis',
  needsNginx: false,
  async run({ site, clients, isQuick, say }) {
    const [count, seconds] = isQuick ? [2, 1] : [5, 4]
    const gates = [await site.startGatehouse(), await site.startGatehouse()]
    const redisId = site.redis.process.pid ?? 0
    const measure = async (some: typeof gates, during: number): Promise<Measured> => {
      await beginLoad(
        clients,
        some.flatMap((gate) => askAsEach(site, gate)),
      )
      const measured = await measureLoad(clients, during, [...some.map(({ id }) => id), redisId])
      await endLoad(clients)
      return measured
    }
    say('warming up')
    for (const gate of gates) await measure([gate], warmUpSeconds(isQuick))
    const rounds: Round[] = []
    for (let number = 1; number <= count; number += 1) {
      say(`round ${number} of ${count}`)
      const round: Partial<Round> = {}
      for (const name of shuffled(['one', 'two'] as const))
        round[name] = await measure(name === 'one' ? gates.slice(0, 1) : gates, seconds)
      rounds.push(round as Round)
    }
    for (const gate of gates) await gate.close()
    return report(rounds, seconds)
  },
}

function report(rounds: readonly Round[], seconds: number): Findings {
  const perSecond = (measured: Measured): number => measured.answered / measured.seconds
  const cpu = (measured: Measured): number => sumOf(measured.cpuMicros) / measured.answered
  const row = (label: string, name: keyof Round): string[] => {
    const over = (of: (measured: Measured) => number): number =>
      rangeOf(rounds.map((round) => of(round[name]))).median
    return [
      label,
      over(perSecond).toFixed(0),
      over(({ p50Ms }) => p50Ms).toFixed(2),
      over(({ p99Ms }) => p99Ms).toFixed(2),
      over(cpu).toFixed(0),
    ]
  }
  const throughput = rangeOf(rounds.map(({ one, two }) => perSecond(two) / perSecond(one)))
  const cost = rangeOf(rounds.map(({ one, two }) => cpu(two) / cpu(one)))
  return {
    title: 'Two processes',
    text: `The same load of ${connections} connections on one process and on two that share one Redis, ${rounds.length} rounds of ${seconds} s. Two answered ${throughput.median.toFixed(2)} times as much (${throughput.min.toFixed(2)}–${throughput.max.toFixed(2)}), at ${cost.median.toFixed(2)} times the CPU for each request. Clients and machine run on the same cores and take their part: with two cores in all, a second process finds little left, and only the CPU for each request says whether the two stand in each other's way.`,
    table: {
      head: ['', 'requests/s', 'p50 ms', 'p99 ms', 'CPU µs, with Redis'],
      rows: [row('one process', 'one'), row('two processes', 'two')],
    },
    verdicts: [],
    figures: { throughput, cost, rounds },
  }
}
