// `npm run test:promises`: every promise of the design, kept or not, with the figure that shows it.
import { spawnSync } from 'node:child_process'
import { loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import { runAndClose } from '../support/closing.js'
import { groups, trials } from './catalogue.js'
import { judge, promises, type Measured, type Trial, type Verdict } from './claims.js'
import { wordTable, writeReadme } from './report.js'

const usage = `Usage: npm run test:promises -- [options]

  --runs N      rounds of each trial, of which the worst counts (default: 20)
  --only A,B    some promises or trials
  --json        every figure, instead of the table
  --write       puts the table into README.md; not with --only
  --help        this text

Promises: ${promises.join(', ')}
Trials:   ${trials.map(({ name }) => name).join(', ')}

Exit status 1 when anything falls short. Needs redis-server; a network namespace and a full disk need root, and are
skipped without it.
`

interface Options {
  readonly runs: number
  readonly only: readonly string[]
  readonly isJson: boolean
  readonly isWritten: boolean
}

const options = readOptions(process.argv.slice(2))
if (options !== null) await runAndClose(() => main(options))

async function main({ runs, only, isJson, isWritten }: Options): Promise<void> {
  const load = (loadavg()[0] ?? 0).toFixed(1)
  tell(`load average ${load} before it began`)
  const verdicts: Verdict[] = []
  for (const group of groups) {
    const wanted = group.filter((trial) => isWanted(trial, only))
    verdicts.push(...(await Promise.all(wanted.map((trial) => run(trial, runs)))).flat())
  }
  if (isWritten) await writeReadme(verdicts, { runs, load })
  process.stdout.write(isJson ? `${JSON.stringify({ runs, verdicts })}\n` : `${wordTable(verdicts)}\n`)
  process.exitCode = verdicts.every(({ holds }) => holds) ? 0 : 1
}

function isWanted(trial: Trial, only: readonly string[]): boolean {
  if (only.length === 0 || only.includes(trial.name)) return true
  return Object.values(trial.claims).some(({ promise }) => only.includes(promise))
}

/** What goes wrong in one trial is its own verdict, and no reason not to try the others. */
async function run(trial: Trial, runs: number): Promise<Verdict[]> {
  const rounds: Measured[] = []
  const began = performance.now()
  let problem: string | null = null
  try {
    const missing = trial.missing?.() ?? {}
    if (Object.keys(trial.claims).every((key) => key in missing)) return judge(trial, [], runs, null)
    const prepared = await trial.prepare()
    try {
      while (rounds.length < runs) {
        rounds.push(await prepared.round())
        tell(`${trial.name}: round ${rounds.length} of ${runs}`)
      }
    } finally {
      await prepared.close()
    }
  } catch (error) {
    problem = error instanceof Error ? error.message : String(error)
    tell(`${trial.name}: ${error instanceof Error ? (error.stack ?? '') : String(error)}`)
  }
  const verdicts = judge(trial, rounds, runs, problem)
  const short = verdicts.filter(({ holds }) => !holds).map(({ key, worst }) => `${key} ${String(worst)}`)
  const seconds = ((performance.now() - began) / 1_000).toFixed(0)
  tell(`${trial.name}: ${short.length === 0 ? 'holds' : `falls short: ${short.join(', ')}`}, ${seconds} s`)
  return verdicts
}

function readOptions(argv: string[]): Options | null {
  const refuse = (problem: string): null => {
    process.stderr.write(`${problem}\n\n${usage}`)
    process.exitCode = 2
    return null
  }
  let values
  try {
    values = parseArgs({
      args: argv,
      options: {
        runs: { type: 'string', default: '20' },
        only: { type: 'string' },
        json: { type: 'boolean', default: false },
        write: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    }).values
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
  if (values.help) {
    process.stdout.write(usage)
    return null
  }
  const runs = Number(values.runs)
  if (!Number.isInteger(runs) || runs < 1) return refuse('--runs takes a number from 1 on')
  const only = values.only?.split(',') ?? []
  const known: readonly string[] = [...promises, ...trials.map(({ name }) => name)]
  const unknown = only.find((name) => !known.includes(name))
  if (unknown !== undefined) return refuse(`there is no promise or trial called ${unknown}`)
  if (values.write && only.length > 0) return refuse('--write takes the whole table')
  for (const program of ['redis-server', 'redis-cli'])
    if (spawnSync(program, ['--version']).error !== undefined)
      return refuse(`${program} is missing: apt-get install redis-server`)
  return { runs, only, isJson: values.json, isWritten: values.write }
}

function tell(text: string): void {
  process.stderr.write(`promises: ${text}\n`)
}
