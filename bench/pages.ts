// `npm run bench:pages`: how long our own pages take with 10,000 grants and 1,000 machines, and what a first visit loads.
// Server and client share one process, so each figure is more than what a browser waits for on the same host.
import { request, Agent } from 'node:http'
import { availableParallelism, loadavg } from 'node:os'
import { parseArgs } from 'node:util'
import type { Gatehouse } from '../src/main.js'
import { closeLater, runAndClose } from '../test/support/closing.js'
import { rangeOf } from './numbers.js'
import { counts, issueOne, signIn, startThousands } from './thousands.js'

const warmUps = 10
const visits = 40
const visitsAfterChange = 7
const targetMs = 50
const targetFirstLoadBytes = 150 * 1_024

const usage = `Usage: npm run bench:pages -- [options]

  --only TEXT   the pages alone that have it in their address
  --slack N     so many times the milliseconds that are wanted are allowed: for hosts that do other things (default 1)
  --help        this text

Exit code 1 where a page takes longer, or loads more, than it may. Needs redis-server; takes about a minute.
`

interface Page {
  readonly path: string
  readonly as: 'vendor' | 'admin'
  /** Shown in place of an address that nobody knows beforehand. */
  readonly name?: string
}

const fixedPages: readonly Page[] = [
  { path: '/', as: 'vendor' },
  { path: '/request', as: 'vendor' },
  { path: '/', as: 'admin' },
  { path: '/admin', as: 'admin' },
  { path: '/admin?q=press-7+visit', as: 'admin' },
  { path: '/admin?state=running&page=20', as: 'admin' },
  { path: '/admin/grants/new', as: 'admin' },
  { path: '/admin/timeline', as: 'admin' },
  { path: '/admin/timeline?span=week', as: 'admin' },
  { path: '/admin/requests', as: 'admin' },
  { path: '/admin/releases', as: 'admin' },
  { path: '/admin/releases/shown', as: 'admin' },
  { path: '/admin/sessions', as: 'admin' },
  { path: '/admin/people', as: 'admin' },
  { path: '/admin/companies', as: 'admin' },
  { path: '/admin/companies/vendor-7', as: 'admin' },
  { path: '/admin/lockdowns', as: 'admin' },
  { path: '/admin/endpoints', as: 'admin' },
  { path: '/admin/simulator', as: 'admin' },
  { path: '/admin/search?q=press-7', as: 'admin' },
]

const options = readOptions()
if (options !== null) await runAndClose(() => main(options))

interface Options {
  readonly only: string
  readonly slack: number
}

function readOptions(): Options | null {
  const refuse = (problem: string): null => {
    process.stderr.write(`${problem}\n\n${usage}`)
    process.exitCode = 2
    return null
  }
  try {
    const { values } = parseArgs({
      options: {
        only: { type: 'string', default: '' },
        slack: { type: 'string', default: '1' },
        help: { type: 'boolean', default: false },
      },
    })
    const slack = Number(values.slack)
    if (values.help) {
      process.stdout.write(usage)
      return null
    }
    return slack >= 1 && slack <= 100
      ? { only: values.only, slack }
      : refuse('--slack must be a number from 1 to 100')
  } catch (error) {
    return refuse(error instanceof Error ? error.message : String(error))
  }
}

async function main({ only, slack }: Options): Promise<void> {
  const gatehouse = await startThousands((text) => void process.stderr.write(`${text}\n`))
  const cookies = { vendor: await signIn(gatehouse, 1, []), admin: await signIn(gatehouse, 0, ['admin']) }
  const agent = new Agent({ keepAlive: true })
  closeLater(async () => {
    agent.destroy()
    await Promise.resolve()
  })
  const [load = NaN] = loadavg()
  const rows: string[] = []
  let missed = 0
  let changes = counts.grants
  for (const page of (await allPages(gatehouse)).filter(({ path }) => path.includes(only))) {
    const cookie = cookies[page.as]
    const visit = (): Promise<Visit> => get(gatehouse, agent, page.path, cookie)
    const change = (): Promise<void> => issueOne(gatehouse, (changes += 1))
    const { visitMs, changedMs, cpuMs } = await measure(visit, change)
    const firstLoad = await firstLoadOf(gatehouse, agent, page.path, cookie)
    const isMissed =
      Math.max(visitMs.median, changedMs) >= targetMs * slack || firstLoad >= targetFirstLoadBytes
    missed += isMissed ? 1 : 0
    const figures = [visitMs.median, visitMs.max, changedMs, cpuMs].map((ms) => ms.toFixed(1))
    const kilobytes = (firstLoad / 1_024).toFixed(0)
    const row = `| ${[`\`${page.name ?? page.path}\``, page.as, ...figures, kilobytes, isMissed ? 'missed' : 'met'].join(' | ')} |`
    process.stderr.write(`${row}\n`)
    rows.push(row)
  }
  const seeded = `${String(counts.grants)} grants, ${String(counts.machines)} machines, ${String(counts.requests)} requests, ${String(counts.people)} people`
  const wanted = `${String(targetMs)} ms in the median${slack === 1 ? '' : ` (${String(slack)} times that allowed)`}, also after a change, and ${String(targetFirstLoadBytes / 1_024)} KB`
  process.stdout.write(
    [
      `Node ${process.version}, ${String(availableParallelism())} cores, load average ${load.toFixed(1)} before it; ${seeded}. Less than ${wanted} are wanted.`,
      '',
      '| Page | As | Median ms | Worst ms | After a change ms | CPU ms | First load KB | Wanted |',
      '| ---- | -- | --------: | -------: | ----------------: | -----: | ------------: | ------ |',
      ...rows,
      '',
    ].join('\n'),
  )
  if (missed > 0) process.exitCode = 1
}

async function allPages({ services }: Gatehouse): Promise<Page[]> {
  const [grant] = await services.grants.list()
  const [request] = await services.requests.open()
  return [
    ...fixedPages,
    { path: `/admin/grants/${grant?.id ?? ''}`, as: 'admin', name: '/admin/grants/:id' },
    { path: `/admin/requests/${request?.id ?? ''}`, as: 'admin', name: '/admin/requests/:id' },
  ]
}

interface Visit {
  readonly body: string
  readonly bytes: number
}

function get({ address }: Gatehouse, agent: Agent, path: string, cookie: string): Promise<Visit> {
  return new Promise((resolve, reject) => {
    const headers = { host: `portal.localhost:${String(address.port)}`, cookie, 'sec-fetch-site': 'none' }
    const asked = request({ host: '127.0.0.1', port: address.port, path, agent, headers }, (answer) => {
      const chunks: Buffer[] = []
      answer.on('data', (chunk: Buffer) => chunks.push(chunk))
      answer.on('error', reject)
      answer.on('end', () => {
        const body = Buffer.concat(chunks)
        if (answer.statusCode === 200) resolve({ body: body.toString(), bytes: body.length })
        else reject(new Error(`${path}: ${String(answer.statusCode)} ${body.toString().slice(0, 200)}`))
      })
    })
    asked.on('error', reject)
    asked.end()
  })
}

/** As visited again and again, and as visited each time directly after somebody was given a grant. */
async function measure(visit: () => Promise<Visit>, change: () => Promise<void>) {
  const timed = async (): Promise<number> => {
    const from = performance.now()
    await visit()
    return performance.now() - from
  }
  for (let count = 0; count < warmUps; count += 1) await visit()
  const before = process.cpuUsage()
  const took: number[] = []
  for (let count = 0; count < visits; count += 1) took.push(await timed())
  const { user, system } = process.cpuUsage(before)
  const tookChanged: number[] = []
  for (let count = 0; count < visitsAfterChange; count += 1) {
    await change()
    tookChanged.push(await timed())
  }
  return {
    visitMs: rangeOf(took),
    changedMs: rangeOf(tookChanged).median,
    cpuMs: (user + system) / 1_000 / visits,
  }
}

/** The page and all that it names, nothing of it compressed. */
async function firstLoadOf(
  gatehouse: Gatehouse,
  agent: Agent,
  path: string,
  cookie: string,
): Promise<number> {
  const { body, bytes } = await get(gatehouse, agent, path, cookie)
  const named = new Set(
    [...body.matchAll(/(?:href|src)="(\/\.gatehouse\/static\/[^"]+)"/g)].map(([, file = '']) => file),
  )
  let sum = bytes
  for (const file of named) sum += (await get(gatehouse, agent, file, cookie)).bytes
  return sum
}
