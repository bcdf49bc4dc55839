// `npm run test:soak`: see docs/reference/soak.md.
import { writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { parseArgs } from 'node:util'
import { readLedger } from '../../src/audit/index.js'
import { checkDay, rules, type LedgerRecord, type Verdict, type Violation } from './check.js'
import { liveDay, type Day } from './day.js'
import { files, readAnswers, readArrivals, readJsonLines, type Act, type Fault } from './evidence.js'
import { closeLater, runAndClose } from '../support/closing.js'
import { judgeMemory, type MemoryFinding } from './memory.js'
import { openSite, type Site } from './site.js'

const usage = `Usage: npm run test:soak -- [options]

  --requests N   how many are answered before the day is over (default 1000000)
  --minutes M    after which it is over in any case (default 8.5)
  --seed N       what administrators do and what breaks (default 1)
  --gap S        seconds from one fault to the next, at least; at most three times as many (default 6)
  --restarts S   seconds until which instances are killed and stopped, so that what follows shows their
                 memory (default 120)
  --source       run Gatehouse from its sources, where it is not built
  --keep         keep the evidence, and say where
  --json         the report as JSON
  --help         this text

Ends with 0 when nothing was found, with 1 when something was, and with 2 when it is called wrongly.
`

interface Options {
  readonly requests: number
  readonly minutes: number
  readonly seed: number
  readonly gap: number
  readonly restarts: number
  readonly isFromSource: boolean
  readonly isKept: boolean
  readonly isJson: boolean
}

export interface Report {
  readonly ok: boolean
  /** There was not the time for all requests. */
  readonly isShort: boolean
  readonly seed: number
  readonly seconds: number
  readonly perSecond: number
  readonly day: Omit<Day, 'samples'>
  readonly ledger: { readonly records: number; readonly chains: number }
  readonly verdict: Omit<Verdict, 'violations'> & { readonly violations: number }
  /** The first of them. */
  readonly violations: readonly Violation[]
  readonly memory: readonly MemoryFinding[]
  readonly problems: readonly string[]
}

const shownAtMost = 50
const options = readOptions()
if (options === null) process.stdout.write(usage)
else if (typeof options === 'string') {
  process.stderr.write(`${options}\n\n${usage}`)
  process.exitCode = 2
} else await runAndClose(() => soak(options))

async function soak({ seed, isKept, isJson, isFromSource, ...options }: Options): Promise<void> {
  const began = performance.now()
  const say = (text: string): void =>
    void process.stderr.write(`${((performance.now() - began) / 1_000).toFixed(0)} s: ${text}\n`)
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-soak-'))
  // Also where the run itself fails.
  const evidence = { isKept: true }
  closeLater(async () => {
    if (evidence.isKept) process.stderr.write(`the evidence is in ${folder}\n`)
    else await rm(folder, { recursive: true, force: true })
  })
  for (const file of Object.values(files)) writeFileSync(join(folder, file), '')
  const site = await openSite({ folder, isFromSource })
  say('the day begins')
  const { samples, ...day } = await liveDay(site, {
    ...{ folder, seed, say, requests: options.requests, limitMs: options.minutes * 60_000 },
    faultGapMs: [options.gap * 1_000, 2_000 * options.gap],
    restartsUntilMs: options.restarts * 1_000,
  })
  say('the day is over; reading what it left')
  const [ledger, verdict] = await Promise.all([verifyBoth(site), examine(site, folder)])
  const memory = judgeMemory(samples)
  const problems = [
    ...day.problems,
    ...ledger.problems,
    ...memory.filter(({ isFlat }) => !isFlat).map(({ instance }) => `the memory of ${instance} grows`),
  ]
  const { violations } = verdict
  const isShort = day.answered < options.requests
  const isFound = violations.length > 0 || problems.length > 0
  const report: Report = {
    ok: !isFound && !isShort,
    ...{ isShort, seed, day, memory, problems },
    seconds: (performance.now() - began) / 1_000,
    perSecond: day.answered / (day.lastedMs / 1_000),
    ledger: { records: ledger.records, chains: ledger.chains },
    verdict: { ...verdict, violations: violations.length },
    violations: violations.slice(0, shownAtMost),
  }
  evidence.isKept = isKept || isFound
  process.stdout.write(isJson ? `${JSON.stringify(report, null, 2)}\n` : describe(report))
  if (!report.ok) process.exitCode = 1
}

/** With the product's own command, host by host. */
async function verifyBoth(site: Site): Promise<{ records: number; chains: number; problems: string[] }> {
  const problems: string[] = []
  let records = 0
  let chains = 0
  for (const instance of site.instances) {
    try {
      const found = JSON.parse(await site.command(instance, 'audit', 'verify')) as {
        records: number
        chains: unknown[]
      }
      records += found.records
      chains += found.chains.length
    } catch (error) {
      problems.push(`the ledger of ${instance.name} does not verify: ${String(error)}`)
    }
  }
  return { records, chains, problems }
}

async function examine(site: Site, folder: string): Promise<Verdict> {
  const read = <T>(file: string): Promise<T[]> => readJsonLines<T>(join(folder, file))
  return checkDay({
    records: recordsOf(site.instances.map(({ ledger }) => ledger)),
    arrivals: readArrivals(join(folder, files.arrivals)),
    answers: readAnswers(join(folder, files.answers)),
    acts: await read<Act>(files.acts),
    faults: await read<Fault>(files.faults),
  })
}

async function* recordsOf(directories: readonly string[]): AsyncGenerator<LedgerRecord, void> {
  for (const directory of directories) yield* readLedger({ directory })
}

function describe(report: Report): string {
  const { day, verdict, ledger, memory } = report
  const listed = (counts: Readonly<Record<string, number>>): string =>
    Object.entries(counts)
      .map(([name, count]) => `${count} ${name}`)
      .join(', ')
  const { worst, arrived } = verdict
  const found = new Map<string, number>()
  for (const { rule } of report.violations) found.set(rule, (found.get(rule) ?? 0) + 1)
  return [
    `seed ${report.seed}: ${day.answered} requests answered in ${(day.lastedMs / 1_000).toFixed(0)} s (${report.perSecond.toFixed(0)}/s), all in ${report.seconds.toFixed(0)} s`,
    `answers: ${listed(day.statuses)}`,
    `faults: ${listed(day.faults)}`,
    `acts: ${listed(day.acts)}`,
    `reached the machine: ${arrived.requests}, ${arrived.changing} of them changing, ${arrived.websockets} WebSockets with ${arrived.messages} messages`,
    `ledger: ${ledger.records} records in ${ledger.chains} chains, ${verdict.permits} permits under ${verdict.grants} grants`,
    `worst: a request on its way ${worst.onItsWayMs} ms after its right ended, a stream ${worst.streamMs} ms, a message ${worst.lookingMs} ms after only looking was allowed, behind a freeze ${worst.afterThawMs} ms; ${verdict.unrecordedSafe} safe requests lost their record to a kill, the oldest ${worst.unrecordedBeforeKillMs} ms old`,
    ...memory.map(
      ({ instance, minutes, firstHalfMiB, secondHalfMiB }) =>
        `memory of ${instance} over ${minutes.toFixed(1)} min: ${firstHalfMiB.toFixed(0)} MiB, then ${secondHalfMiB.toFixed(0)} MiB`,
    ),
    ...report.problems.map((problem) => `problem: ${problem}`),
    ...report.violations.map(
      ({ rule, number, detail }) =>
        `violation: ${rule}${number === null ? '' : ` of request ${number}`}: ${detail}`,
    ),
    ...[...found.keys()].map((rule) => `  ${rule}: ${rules[rule as keyof typeof rules]}`),
    ...(report.isShort ? ['there was not the time for all requests'] : []),
    `${verdict.violations} violations, ${report.problems.length} problems`,
    '',
  ].join('\n')
}

/** What is wrong with them, as text; null where help is asked for. */
function readOptions(): Options | string | null {
  try {
    const { values } = parseArgs({
      options: {
        requests: { type: 'string', default: '1000000' },
        minutes: { type: 'string', default: '8.5' },
        seed: { type: 'string', default: '1' },
        gap: { type: 'string', default: '6' },
        restarts: { type: 'string', default: '120' },
        source: { type: 'boolean', default: false },
        keep: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) return null
    const [requests = 0, minutes = 0, seed = 0, gap = 0, restarts = 0] = [
      ...[values.requests, values.minutes, values.seed, values.gap, values.restarts],
    ].map(Number)
    if (![requests, seed].every((number) => Number.isSafeInteger(number) && number >= 0))
      return 'Whole numbers, please.'
    if (!(minutes > 0 && gap > 0 && restarts >= 0)) return 'Times are more than nothing.'
    return {
      ...{ requests, minutes, seed, gap, restarts },
      isFromSource: values.source,
      isKept: values.keep,
      isJson: values.json,
    }
  } catch (error) {
    return String(error)
  }
}
