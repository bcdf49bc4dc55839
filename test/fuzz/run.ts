// `npm run fuzz:responses`, `fuzz:requests` and `fuzz:sockets`: see docs/reference/fuzzing.md.
import { fork } from 'node:child_process'
import { once } from 'node:events'
import { parseArgs } from 'node:util'
import { campaign, type Range, type Result, type Subject } from './campaign.js'
import { requests } from './requests.js'
import { responses } from './responses.js'
import { openSockets } from './sockets.js'

const subjects = { responses: () => responses, requests: () => requests, sockets: openSockets }

const usage = `Usage: npm run fuzz:responses -- [options]   (or fuzz:requests, fuzz:sockets)

  --count N     samples (default 100000)
  --seed N      what they are made from (default 1)
  --from N      the first sample's index, to repeat one: --from 1234 --count 1 (default 0)
  --workers N   processes, 1 to 64 (default 1)
  --help        this text

Ends with 0 when no sample is wrong, with 1 when one is, and with 2 when it is called wrongly.
`

interface Options extends Range {
  readonly subject: keyof typeof subjects
  readonly workers: number
}

const options = readOptions()
if (options === null) {
  process.stdout.write(usage)
} else if (typeof options === 'string') {
  process.stderr.write(`${options}\n\n${usage}`)
  process.exitCode = 2
} else if (process.send !== undefined) {
  process.send(await run(options))
} else {
  const began = performance.now()
  const results = options.workers === 1 ? [await run(options)] : await runShared(options)
  report(options, results, (performance.now() - began) / 1_000)
}

async function run({ subject: name, ...range }: Options): Promise<Result> {
  const subject = (await subjects[name]()) as Subject<unknown>
  const began = performance.now()
  let next = began + 5_000
  const result = await campaign(subject, range, (done) => {
    if (performance.now() < next) return
    next += 5_000
    const perSecond = (1_000 * done) / (performance.now() - began)
    process.stderr.write(
      `${done} of ${range.count} from ${range.from}, ${perSecond.toFixed(0)}/s, ` +
        `${(process.memoryUsage.rss() / 2 ** 20).toFixed(0)} MiB\n`,
    )
  })
  await subject.close?.()
  return result
}

async function runShared({ subject, seed, from, count, workers }: Options): Promise<Result[]> {
  const share = Math.ceil(count / workers)
  const starts = Array.from({ length: workers }, (_, i) => i * share).filter((start) => start < count)
  return Promise.all(
    starts.map(async (start) => {
      const numbers = { seed, from: from + start, count: Math.min(share, count - start) }
      const child = fork(import.meta.filename, [
        subject,
        ...Object.entries(numbers).flatMap(([name, value]) => [`--${name}`, String(value)]),
      ])
      const [result] = (await once(child, 'message')) as [Result]
      return result
    }),
  )
}

function report({ subject, seed, from, count }: Options, results: readonly Result[], seconds: number): void {
  const outcomes: Record<string, number> = {}
  for (const result of results)
    for (const [outcome, times] of Object.entries(result.outcomes))
      outcomes[outcome] = (outcomes[outcome] ?? 0) + times
  const tally = Object.entries(outcomes)
    .sort(([, a], [, b]) => b - a)
    .map(([outcome, times]) => `${times} ${outcome}`)
  process.stdout.write(
    `${subject}: seed ${seed}, ${count} from ${from}, ${seconds.toFixed(1)} s: ${tally.join(', ')}\n`,
  )
  for (const { finding } of results) {
    if (finding === null) continue
    process.exitCode = 1
    process.stdout.write(
      `\nsample ${finding.index} is wrong: ${finding.wrong}\n${finding.shown}\n` +
        `again: npm run fuzz:${subject} -- --seed ${seed} --from ${finding.index} --count 1\n`,
    )
  }
}

/** What is wrong with them, as text; null where help is asked for. */
function readOptions(): Options | string | null {
  try {
    const { values, positionals } = parseArgs({
      allowPositionals: true,
      options: {
        count: { type: 'string', default: '100000' },
        seed: { type: 'string', default: '1' },
        from: { type: 'string', default: '0' },
        workers: { type: 'string', default: '1' },
        help: { type: 'boolean', default: false },
      },
    })
    const [subject] = positionals
    if (subject === undefined || !Object.hasOwn(subjects, subject)) return 'Responses, requests or sockets?'
    if (values.help) return null
    const numbers = [values.count, values.seed, values.from, values.workers].map(Number)
    if (!numbers.every((number) => Number.isSafeInteger(number) && number >= 0))
      return 'Whole numbers, please.'
    const [count = 0, seed = 0, from = 0, workers = 0] = numbers
    if (workers < 1 || workers > 64) return 'From 1 to 64 workers.'
    return { subject: subject as Options['subject'], count, seed, from, workers }
  } catch (error) {
    return String(error)
  }
}
