// `npm run bench`: what Gatehouse costs, measured against what else one could put in its place, with the
// targets beside it. See README.md for what the figures mean.
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { runAndClose } from '../test/support/closing.js'
import { startChild } from './children.js'
import type { ClientAnswers } from './clients/main.js'
import type { Findings, Measure } from './measure.js'
import { delay } from './measures/delay.js'
import { download } from './measures/download.js'
import { memory } from './measures/memory.js'
import { processes } from './measures/processes.js'
import { requests } from './measures/requests.js'
import { revocation } from './measures/revocation.js'
import { websocket } from './measures/websocket.js'
import { findNginx } from './nginx.js'
import { describeRun, wordReport, writeReport } from './report.js'
import { openSite } from './site.js'

const measures: readonly Measure[] = [requests, websocket, download, memory, delay, revocation, processes]

const usage = `Usage: npm run bench -- [options]

  --only A,B    some of the measures, and only a report on the standard output
  --quick       a minute or two, to see that it works; its figures are too rough to quote, and are not kept
  --help        this text

Measures:
${measures.map(({ name, about }) => `  ${name.padEnd(12)}  ${about}\n`).join('')}
All of them take under 15 minutes and write bench/results.md and bench/results.json. Needs Linux, redis-server
and nginx (Debian: apt-get install redis-server nginx-light); the first run installs the peers in bench/peers.
`

interface Options {
  readonly chosen: readonly Measure[]
  readonly isQuick: boolean
}

const options = readOptions(process.argv.slice(2))
if (options !== null) await runAndClose(() => main(options))

async function main({ chosen, isQuick }: Options): Promise<void> {
  const about = describeRun(isQuick)
  installPeers()
  const site = await openSite()
  const clients = await startChild<ClientAnswers>('clients/main.ts')
  const findings: Findings[] = []
  for (const { name, run } of chosen) {
    const say = (text: string): void => tell(`${name}: ${text}`)
    const from = performance.now()
    findings.push(await run({ site, clients, isQuick, say }))
    say(`done in ${((performance.now() - from) / 1000).toFixed(0)} s`)
  }
  process.stdout.write(await wordReport(about, findings))
  if (!isQuick && chosen.length === measures.length) {
    await writeReport(about, findings)
    tell('written to bench/results.md and bench/results.json')
  }
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
        only: { type: 'string' },
        quick: { type: 'boolean', default: false },
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
  const wanted = values.only?.split(',') ?? measures.map(({ name }) => name)
  const unknown = wanted.find((name) => measures.every((measure) => measure.name !== name))
  if (unknown !== undefined) return refuse(`there is no measure called ${unknown}`)
  const chosen = measures.filter(({ name }) => wanted.includes(name))
  const missing = missingFor(chosen)
  return missing.length > 0 ? refuse(missing.join('\n')) : { chosen, isQuick: values.quick }
}

/** What this computer lacks, and how to get it. */
function missingFor(chosen: readonly Measure[]): string[] {
  if (process.platform !== 'linux') return ['CPU time and memory are read from /proc: this needs Linux']
  const missing = []
  if (spawnSync('redis-server', ['--version']).error)
    missing.push('redis-server is missing: apt-get install redis-server')
  const needing = chosen.filter(({ needsNginx }) => needsNginx).map(({ name }) => name)
  if (needing.length > 0 && findNginx() === null)
    missing.push(
      `nginx is missing, for ${needing.join(', ')}: apt-get install nginx-light, or leave these out with --only`,
    )
  return missing
}

/** In the versions of the lock file. */
function installPeers(): void {
  const folder = fileURLToPath(new URL('./peers', import.meta.url))
  const read = (file: string): { version?: string; dependencies?: Record<string, string> } => {
    try {
      return JSON.parse(readFileSync(join(folder, file), 'utf8')) as Record<string, never>
    } catch {
      return {}
    }
  }
  const wanted = Object.entries(read('package.json').dependencies ?? {})
  const isThere = ([name, version]: [string, string]): boolean =>
    read(`node_modules/${name}/package.json`).version === version
  if (wanted.every(isThere)) return
  tell('installing the peers (npm ci in bench/peers)')
  const { status } = spawnSync('npm', ['ci', '--ignore-scripts'], {
    cwd: folder,
    stdio: ['ignore', 2, 2],
    timeout: 300_000,
  })
  if (status !== 0) throw new Error('npm ci failed in bench/peers')
}

function tell(text: string): void {
  process.stderr.write(`bench: ${text}\n`)
}
