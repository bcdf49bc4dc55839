// What one fully checked request costs, against the same request through everything else.
import { openContenders, type Contender, type ContenderName } from '../contenders.js'
import type { Measured } from '../clients/requests.js'
import { beginLoad, connections, endLoad, measureLoad, warmUpSeconds } from '../load.js'
import { atLeast, atMost, type Bench, type Findings, type Measure } from '../measure.js'
import { at, rangeOf, shuffled, sumOf, type Range } from '../numbers.js'
import { bodyBytes } from '../servers/machine.js'

type Round = Readonly<Record<ContenderName, Measured>>

export const requests: Measure = {
  name: 'requests',
  about: 'CPU, throughput and latency of one fully checked request, against all peers',
  needsNginx: true,
  async run(bench) {
    const { site, isQuick, say } = bench
    const [count, seconds] = isQuick ? [2, 1] : [6, 4]
    const { all, close } = await openContenders(site)
    const names = Object.keys(all) as ContenderName[]
    for (const name of names) {
      say(`warming up: ${all[name].label}`)
      await measure(bench, all[name], warmUpSeconds(isQuick))
    }
    const rounds: Round[] = []
    for (let number = 1; number <= count; number += 1) {
      say(`round ${number} of ${count}`)
      const round: Partial<Record<ContenderName, Measured>> = {}
      for (const name of shuffled(names)) round[name] = await measure(bench, all[name], seconds)
      rounds.push(round as Round)
    }
    await close()
    return report(all, rounds, seconds)
  },
}

async function measure({ clients }: Bench, { asked, parts }: Contender, seconds: number) {
  await beginLoad(clients, asked)
  const measured = await measureLoad(
    clients,
    seconds,
    parts.flatMap(({ processIds }) => processIds),
  )
  await endLoad(clients)
  return measured
}

function report(
  all: Readonly<Record<ContenderName, Contender>>,
  rounds: readonly Round[],
  seconds: number,
): Findings {
  const over = (name: ContenderName, of: (measured: Measured) => number): Range =>
    rangeOf(rounds.map((round) => of(round[name])))
  /** Of one round each, since what was measured within seconds can be compared, and nothing else. */
  const against = (name: ContenderName, other: ContenderName): Range =>
    rangeOf(rounds.map((round) => cpuMicros(round[name]) / cpuMicros(round[other])))
  const names = Object.keys(all) as ContenderName[]
  const rows = names.map((name) => [
    name.startsWith('gatehouse') ? `**${all[name].label}**` : all[name].label,
    over(name, perSecond).median.toFixed(0),
    over(name, ({ p50Ms }) => p50Ms).median.toFixed(2),
    over(name, ({ p99Ms }) => p99Ms).median.toFixed(2),
    over(name, cpuMicros).median.toFixed(0),
    partsOf(all[name], (of) => over(name, of).median),
    showRatio(against(name, 'httpProxy')),
  ])
  const isOurs = 'CPU of a fully checked request'
  const figure = (other: ContenderName): number => against('gatehouse', other).median
  return {
    title: 'One request',
    text: `A GET with the headers of a browser, answered with ${bodyBytes} bytes, over ${connections} keep-alive connections of eight people, each of which waits for its answer before it asks again. ${rounds.length} rounds of ${seconds} s; in each, all take their turn in a new order. Figures are medians over the rounds, ratios medians of the ratios within a round, with the least and the greatest. CPU is user and system time of all processes named beside it.`,
    table: {
      head: ['', 'requests/s', 'p50 ms', 'p99 ms', 'CPU µs', 'of these', 'CPU × http-proxy'],
      rows,
    },
    verdicts: [
      atMost(`${isOurs}, × bare http-proxy`, 0.5, figure('httpProxy'), ' ×', 2),
      atMost(`${isOurs}, × nginx + auth_request + Redis`, 0.75, figure('nginxChecked'), ' ×', 2),
      atLeast(
        `${isOurs}, times cheaper than the plain composition`,
        8,
        against('composition', 'gatehouse').median,
        ' ×',
      ),
    ],
    figures: {
      contenders: Object.fromEntries(
        names.map((name) => [
          name,
          {
            perSecond: over(name, perSecond),
            p50Ms: over(name, ({ p50Ms }) => p50Ms),
            p99Ms: over(name, ({ p99Ms }) => p99Ms),
            cpuMicros: over(name, cpuMicros),
            gatehouseCpuRatio: against('gatehouse', name),
          },
        ]),
      ),
      gatehouseTlsCpuRatioToNginxTls: against('gatehouseTls', 'nginxTls'),
      rounds,
    },
  }
}

function perSecond({ answered, seconds }: Measured): number {
  return answered / seconds
}

function cpuMicros({ answered, cpuMicros }: Measured): number {
  return sumOf(cpuMicros) / answered
}

/** What each part takes, where there are several. */
function partsOf({ parts }: Contender, over: (of: (measured: Measured) => number) => number): string {
  if (parts.length === 1) return ''
  let from = 0
  const shares = parts.map(({ name, processIds }) => {
    const positions = processIds.map((_, position) => from + position)
    from += processIds.length
    const micros = over(
      ({ answered, cpuMicros }) => sumOf(positions.map((one) => at(cpuMicros, one))) / answered,
    )
    return `${name} ${micros.toFixed(0)}`
  })
  return shares.join(', ')
}

function showRatio({ median, min, max }: Range): string {
  return min === max ? median.toFixed(2) : `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`
}
