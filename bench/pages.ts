// `npm run bench:pages`: how long our own pages take with 10,000 grants and 1,000 machines, and what a first visit loads.
// Server and client share one process, so each figure is more than what a browser waits for on the same host.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { request, Agent } from 'node:http'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKeysFile, loadConfig } from '../src/config/index.js'
import { principalId } from '../src/identity/index.js'
import { createLogger } from '../src/lib/index.js'
import { startGatehouse, type Gatehouse } from '../src/main.js'
import type { Actor, Role } from '../src/model.js'
import { cookieNames } from '../src/sessions/index.js'
import { closeLater, runAndClose } from '../test/support/closing.js'
import { freePorts } from '../test/support/ports.js'
import { startRedis } from '../test/support/redis.js'
import { percentile } from './numbers.js'

const grantCount = 10_000
const machineCount = 1_000
const personCount = 500
const warmUps = 10
const visits = 40
/** At a time: as many share a write of the ledger. */
const issuedAtOnce = 50
const targetMs = 50
const targetFirstLoadBytes = 150 * 1_024

const issuer = 'http://127.0.0.1:9'
const operator: Actor = { kind: 'operator', account: 'bench' }
const subjectOf = (number: number): string => `person-${String(number)}`
const emailOf = (number: number): string => `${subjectOf(number)}@machines.example`
const machineIds = Array.from({ length: machineCount }, (_, number) => `press-${String(number)}`)

const pages: readonly { readonly path: string; readonly as: 'vendor' | 'admin' }[] = [
  { path: '/', as: 'vendor' },
  { path: '/', as: 'admin' },
  { path: '/admin', as: 'admin' },
  { path: '/admin/grants/new', as: 'admin' },
  { path: '/admin/sessions', as: 'admin' },
  { path: '/admin/people', as: 'admin' },
  { path: '/admin/lockdowns', as: 'admin' },
  { path: '/admin/timeline', as: 'admin' },
  { path: '/admin/endpoints', as: 'admin' },
  { path: '/admin/requests', as: 'admin' },
  { path: '/admin/releases', as: 'admin' },
  { path: '/admin/companies', as: 'admin' },
  { path: '/admin/simulator', as: 'admin' },
  { path: '/admin/search?q=press-7', as: 'admin' },
  { path: '/request', as: 'vendor' },
]

await runAndClose(main)

async function main(): Promise<void> {
  const gatehouse = await start()
  const tell = (text: string): void => void process.stderr.write(`${text}\n`)
  tell(`issuing ${String(grantCount)} grants for ${String(machineCount)} machines`)
  await issueAll(gatehouse)
  const cookies = { vendor: await signIn(gatehouse, 1, []), admin: await signIn(gatehouse, 0, ['admin']) }
  const agent = new Agent({ keepAlive: true })
  closeLater(async () => {
    agent.destroy()
    await Promise.resolve()
  })
  const rows: string[] = []
  let isMissed = false
  for (const { path, as } of pages) {
    const visit = (): Promise<Visit> => get(gatehouse, agent, path, cookies[as])
    const figures = await measure(visit)
    const firstLoad = await firstLoadOf(gatehouse, agent, path, cookies[as])
    isMissed ||= figures.medianMs >= targetMs || firstLoad >= targetFirstLoadBytes
    rows.push(
      `| \`${path}\` | ${as} | ${figures.medianMs.toFixed(1)} | ${figures.worstMs.toFixed(1)} | ${figures.cpuMs.toFixed(1)} | ${(firstLoad / 1_024).toFixed(0)} |`,
    )
  }
  process.stdout.write(
    [
      `Node ${process.version}, ${String(grantCount)} grants, ${String(machineCount)} machines; at most ${String(targetMs)} ms and ${String(targetFirstLoadBytes / 1_024)} KB are wanted.`,
      '',
      '| Page | As | Median ms | p95 ms | CPU ms | First load KB |',
      '| ---- | -- | --------: | -----: | -----: | ------------: |',
      ...rows,
      '',
    ].join('\n'),
  )
  if (isMissed) process.exitCode = 1
}

async function start(): Promise<Gatehouse> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-pages-'))
  closeLater(() => rm(folder, { recursive: true, force: true }))
  const redis = await startRedis()
  closeLater(() => redis.close())
  const port = await freePorts(1)
  await writeFile(join(folder, 'oidc-secret'), 'not-a-real-secret')
  createKeysFile(join(folder, 'keys.json'))
  const machines = machineIds.map(
    (id) =>
      `  - { id: ${id}, name: "Machine ${id}", kind: hmi, zone: Hall B, upstream: 'http://127.0.0.1:9' }`,
  )
  const file = join(folder, 'gatehouse.yml')
  await writeFile(
    file,
    `
server: { publicUrl: 'http://portal.localhost:${String(port)}', endpointDomain: plant.localhost, listen: '127.0.0.1:${String(port)}', operations: off }
redis: { url: '${redis.url}' }
oidc: { issuer: '${issuer}', clientId: gatehouse, clientSecretFile: oidc-secret }
keys: { file: keys.json }
audit: { directory: ledger }
endpoints:
${machines.join('\n')}
`,
  )
  const gatehouse = await startGatehouse(loadConfig(file), {
    logger: createLogger('silent'),
    // So many grants at once keep this process from listening to Redis for longer than the product's limit.
    storeLimitMs: 10_000,
  })
  closeLater(() => gatehouse.close())
  await gatehouse.services.store.untilReady(5_000)
  return gatehouse
}

/** Most have ended, as most do; the rest run or are to come. */
async function issueAll({ services }: Gatehouse): Promise<void> {
  const { grants, clock } = services
  for (let first = 0; first < grantCount; first += issuedAtOnce) {
    await Promise.all(
      Array.from({ length: issuedAtOnce }, async (_, offset) => {
        const number = first + offset
        const person = number % personCount
        const from = clock.now() + (number % 3 === 0 ? 86_400_000 : 0)
        await grants.issue(
          {
            to: emailOf(person),
            endpoints: [machineIds[number % machineCount], machineIds[(number * 7 + 1) % machineCount]],
            from,
            until: from + 3_600_000 + (number % 7) * 60_000,
            reason: `Replace the recipe module, visit ${String(number)}`,
            ticket: `CHG-${String(number)}`,
          },
          operator,
          { principalId: principalId(issuer, subjectOf(person)) },
        )
      }),
    )
  }
}

async function signIn({ services }: Gatehouse, number: number, roles: readonly Role[]): Promise<string> {
  const subject = subjectOf(number)
  const principal = {
    id: principalId(issuer, subject),
    ...{ issuer, subject, email: emailOf(number), name: subject },
  }
  const login = { principal, roles, providerSessionId: null, idToken: null, source: '127.0.0.1' }
  const { session } = await services.sessions.start(login)
  const { token } = await services.sessions.raise(session, { secondFactorAt: services.clock.now() })
  return `${cookieNames.session}=${token}`
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

async function measure(
  visit: () => Promise<Visit>,
): Promise<{ medianMs: number; worstMs: number; cpuMs: number }> {
  for (let count = 0; count < warmUps; count += 1) await visit()
  const before = process.cpuUsage()
  const took: number[] = []
  for (let count = 0; count < visits; count += 1) {
    const from = performance.now()
    await visit()
    took.push(performance.now() - from)
  }
  const { user, system } = process.cpuUsage(before)
  took.sort((a, b) => a - b)
  return {
    medianMs: percentile(took, 0.5),
    worstMs: percentile(took, 0.95),
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
