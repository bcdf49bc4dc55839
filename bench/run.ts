// `npm run bench`: what a request costs through Gatehouse, against the same request without it and
// through a bare proxy. See README.md for what the figures mean.
import { fork, spawnSync, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { availableParallelism, loadavg, tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { parseArgs } from 'node:util'
import { WebSocket } from 'ws'
import { createKeysFile, loadConfig } from '../src/config/index.js'
import { principalId } from '../src/identity/index.js'
import { openServices, version, type Services } from '../src/main.js'
import type { Actor } from '../src/model.js'
import { startRedis } from '../test/support/redis.js'
import type { Measured, Task } from './load.js'
import { bodyBytes, type Role } from './servers.js'

const usage = `Usage: npm run bench -- [options]

  --rounds N    rounds counted, 1 to 50 (default 7, with --quick 3)
  --seconds N   length of a round for each server, 1 to 60 (default 5, with --quick 1)
  --quick       about 20 s, to see that it works; its figures are too rough to quote
  --json        all figures of all rounds, as JSON
  --help        this text

Needs Linux and redis-server. The first run installs the peer in bench/peers.
`

interface Options {
  readonly rounds: number
  readonly seconds: number
  readonly warmUpSeconds: number
  readonly revocations: number
  readonly isJson: boolean
}

interface Target {
  readonly name: string
  readonly port: number
  /** The server, then Redis where it works for that server. */
  readonly processIds: readonly number[]
}

const connections = 32
const loadedEndpoint = 'press-3'
/** Has its own, so that the grants revoked there are no part of what the load asks for. */
const watchedEndpoint = 'press-4'
/** For the connections of a round to open and settle. */
const leadSeconds = 0.3
/** On top of what a child is given to do. */
const patienceMs = 30_000

/** What browsers would be told; Gatehouse itself listens on whatever port is free. */
const publicPort = 8443
const issuer = 'http://127.0.0.1:9'
const operator: Actor = { kind: 'operator', account: 'bench' }
const closers: (() => Promise<unknown>)[] = []
let closing: Promise<void> | null = null
for (const signal of ['SIGINT', 'SIGTERM'] as const) {
  process.once(signal, () => void closeAll().finally(() => process.exit(130)))
}
try {
  const options = readOptions(process.argv.slice(2))
  if (options !== null) await main(options)
} finally {
  await closeAll()
}

async function main(options: Options): Promise<void> {
  const peer = installPeer()
  const loadBefore = loadavg()[0] ?? 0
  say(`${describeRun(options)}, load average ${loadBefore.toFixed(1)} before it began`)
  const site = await setUp(peer)
  const loader = await startChild('load.ts')
  const measure = async (target: Target, lead: number, seconds: number): Promise<Measured> => {
    const { port, processIds } = target
    const task = {
      port,
      processIds,
      request: site.request,
      bodyBytes,
      connections,
      leadSeconds: lead,
      seconds,
    }
    loader.send(task satisfies Task)
    return (await reply(loader, (lead + seconds) * 1000)) as Measured
  }

  for (const target of site.targets) {
    say(`warming up: ${target.name}`)
    await measure(target, options.warmUpSeconds, 0)
  }
  const rounds: Measured[][] = []
  for (let round = 1; round <= options.rounds; round += 1) {
    say(`round ${round} of ${options.rounds}`)
    const measured: Measured[] = []
    for (const target of site.targets) measured.push(await measure(target, leadSeconds, options.seconds))
    rounds.push(measured)
  }
  say('revocations')
  const revocationsMs: number[] = []
  for (let run = 0; run < options.revocations; run += 1) revocationsMs.push(await site.timeRevocation())

  const servers = site.targets.map(({ name }, position) =>
    summarise(
      name,
      rounds.map((round) => at(round, position)),
      rounds.map((round) => at(round, 1)),
    ),
  )
  const about = {
    date: new Date().toISOString().slice(0, 10),
    version,
    node: process.version,
    cores: availableParallelism(),
    loadBefore,
    connections,
    bodyBytes,
    rounds: options.rounds,
    seconds: options.seconds,
  }
  process.stdout.write(
    options.isJson
      ? `${JSON.stringify({ ...about, servers, revocationsMs }, null, 2)}\n`
      : `\n${describeRun(options)}\n\n${table(servers, peer)}\n${describeRevocations(revocationsMs)}\n`,
  )
  const failed = rounds.flat().reduce((sum, { failed: some }) => sum + some, 0)
  if (failed > 0) {
    say(`${failed} connections were closed or answered wrongly: these figures mean nothing.`)
    process.exitCode = 1
  }
}

function readOptions(argv: string[]): Options | null {
  const number = (name: string, text: string | undefined, fallback: number, most: number): number => {
    const value = text === undefined ? fallback : Number(text)
    if (Number.isInteger(value) && value >= 1 && value <= most) return value
    throw new Error(`--${name} must be a whole number from 1 to ${most}`)
  }
  try {
    const { values } = parseArgs({
      args: argv,
      options: {
        rounds: { type: 'string' },
        seconds: { type: 'string' },
        quick: { type: 'boolean', default: false },
        json: { type: 'boolean', default: false },
        help: { type: 'boolean', default: false },
      },
    })
    if (values.help) {
      process.stdout.write(usage)
      return null
    }
    return {
      rounds: number('rounds', values.rounds, values.quick ? 3 : 7, 50),
      seconds: number('seconds', values.seconds, values.quick ? 1 : 5, 60),
      // Node goes on optimising for about as long; before, its figures say little.
      warmUpSeconds: values.quick ? 2 : 6,
      revocations: values.quick ? 5 : 20,
      isJson: values.json,
    }
  } catch (error) {
    process.stderr.write(`${error instanceof Error ? error.message : String(error)}\n\n${usage}`)
    process.exitCode = 2
    return null
  }
}

/** @returns what the peer is called, with its version */
function installPeer(): string {
  const folder = fileURLToPath(new URL('./peers', import.meta.url))
  const read = (file: string): { version?: string; dependencies?: Record<string, string> } | null => {
    try {
      return JSON.parse(readFileSync(join(folder, file), 'utf8')) as Record<string, never>
    } catch {
      return null
    }
  }
  const wanted = read('package.json')?.dependencies?.['http-proxy'] ?? ''
  if (read('node_modules/http-proxy/package.json')?.version !== wanted) {
    say('installing the peer (npm ci in bench/peers)')
    const { status } = spawnSync('npm', ['ci', '--ignore-scripts'], {
      cwd: folder,
      stdio: ['ignore', 2, 2],
      timeout: 120_000,
    })
    if (status !== 0) throw new Error('npm ci failed in bench/peers')
  }
  return `http-proxy ${wanted}`
}

interface Site {
  /** In the order of a round; the peer is the second. */
  readonly targets: readonly Target[]
  /** The same bytes for all three. */
  readonly request: string
  /** Milliseconds from the call to revoke a grant until its WebSocket is closed. */
  timeRevocation(): Promise<number>
}

/** Machine, peer and Gatehouse, with one person signed in who holds a grant. */
async function setUp(peer: string): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-bench-'))
  closers.push(() => rm(folder, { recursive: true, force: true }))
  const redis = await startRedis()
  closers.push(() => redis.close())
  const machine = await startServer('machine', '')
  const machineUrl = `http://127.0.0.1:${machine.port}`
  const proxy = await startServer('peer', machineUrl)
  const configFile = await writeConfig(folder, redis.url, machineUrl)
  const gate = await startServer('gatehouse', configFile)
  const services = await openServices(loadConfig(configFile), { writer: 'bench' })
  closers.push(() => services.close())
  await services.store.untilReady(5_000)

  const visitor = await signIn(services)
  await visitor.grant(loadedEndpoint)
  const pass = await visitor.pass(loadedEndpoint)
  const watched = { host: hostOf(watchedEndpoint), pass: await visitor.pass(watchedEndpoint) }
  const ofRedis = redis.process.pid ?? 0
  return {
    targets: [
      { name: 'machine, directly', port: machine.port, processIds: [machine.processId] },
      { name: peer, port: proxy.port, processIds: [proxy.processId] },
      { name: 'Gatehouse', port: gate.port, processIds: [gate.processId, ofRedis] },
    ],
    request: describeRequest(hostOf(loadedEndpoint), pass),
    timeRevocation: async () => {
      const grantId = await visitor.grant(watchedEndpoint)
      const { closed } = await openWebSocket(gate.port, watched)
      const from = performance.now()
      await services.grants.revoke(grantId, 'benchmark', operator)
      const { reason, closedAt } = await closed
      if (reason !== 'grant-revoked')
        throw new Error(`the WebSocket was closed for another reason: ${reason}`)
      return closedAt - from
    },
  }
}

/** Defaults throughout. The provider is never asked, since the sign-in is not what is measured. */
async function writeConfig(folder: string, redisUrl: string, machineUrl: string): Promise<string> {
  const file = join(folder, 'gatehouse.yml')
  await writeFile(join(folder, 'oidc-secret'), 'not-a-real-secret')
  createKeysFile(join(folder, 'keys.json'))
  const endpoint = (id: string): string =>
    `  - { id: ${id}, name: ${id}, kind: hmi, upstream: '${machineUrl}' }`
  await writeFile(
    file,
    `
server:
  publicUrl: http://portal.localhost:${publicPort}
  endpointDomain: plant.localhost
  listen: 127.0.0.1:0
  operations: 127.0.0.1:0
redis: { url: '${redisUrl}' }
oidc: { issuer: '${issuer}', clientId: gatehouse, clientSecretFile: oidc-secret }
keys: { file: keys.json }
audit: { directory: ledger }
log: { level: warn }
endpoints:
${[loadedEndpoint, watchedEndpoint].map(endpoint).join('\n')}
`,
  )
  return file
}

async function signIn({ sessions, grants }: Services) {
  const id = principalId(issuer, 'ana')
  const principal = { id, issuer, subject: 'ana', email: 'ana@machines.example', name: 'Ana' }
  const login = { principal, roles: [], providerSessionId: null, idToken: null, source: '127.0.0.1' }
  const { session } = await sessions.start(login)
  await sessions.raise(session, { secondFactorAt: Date.now() })
  return {
    pass: async (endpointId: string): Promise<string> =>
      (await sessions.issuePass(session, endpointId)).token,
    grant: async (endpointId: string): Promise<string> => {
      const terms = { endpoints: [endpointId], from: 'now', until: '+8h', reason: 'benchmark' }
      const grant = await grants.issue({ to: principal.email, ...terms }, operator, { principalId: id })
      return grant.id
    },
  }
}

function hostOf(endpointId: string): string {
  return `${endpointId}.plant.localhost:${publicPort}`
}

function cookieOf(pass: string): string {
  return `__Host-gatehouse-pass=${pass}`
}

function describeRequest(host: string, pass: string): string {
  const headers = [
    `Host: ${host}`,
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36',
    'Accept: */*',
    'Accept-Language: en-GB,en;q=0.9',
    'Sec-Fetch-Site: same-origin',
    'Sec-Fetch-Mode: cors',
    'Sec-Fetch-Dest: empty',
    `Referer: http://${host}/`,
    `Cookie: HMISESSION=0123456789abcdef; ${cookieOf(pass)}`,
  ]
  return `GET /api/values?tags=pressure,temperature HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`
}

/** Resolves once it is open. */
async function openWebSocket(port: number, { host, pass }: { host: string; pass: string }) {
  const socket = new WebSocket(`ws://127.0.0.1:${port}/live`, {
    headers: { host, origin: `http://${host}`, cookie: cookieOf(pass) },
  })
  const limit = { signal: AbortSignal.timeout(patienceMs) }
  await once(socket, 'open', limit)
  const closed = once(socket, 'close', limit).then((values: unknown[]) => ({
    reason: String(values[1]),
    closedAt: performance.now(),
  }))
  return { closed }
}

async function startServer(role: Role, argument: string): Promise<{ port: number; processId: number }> {
  const child = await startChild('servers.ts', role, argument)
  return { port: (await reply(child, 0)) as number, processId: child.pid ?? 0 }
}

/** Written in TypeScript and started as this process was; ends when told, and at the latest with us. */
async function startChild(file: string, ...argv: string[]): Promise<ChildProcess> {
  const child = fork(fileURLToPath(new URL(file, import.meta.url)), argv, {
    env: { ...process.env, NODE_ENV: 'production' },
    // What it prints must not get into our figures.
    stdio: ['ignore', 2, 2, 'ipc'],
  })
  closers.push(async () => {
    if (child.exitCode !== null || child.signalCode !== null) return
    const gone = once(child, 'exit')
    if (child.connected) child.disconnect()
    const lastResort = setTimeout(() => child.kill('SIGKILL'), 5_000)
    await gone
    clearTimeout(lastResort)
  })
  await once(child, 'spawn')
  return child
}

async function reply(child: ChildProcess, afterMs: number): Promise<unknown> {
  const over = new AbortController()
  const signal = AbortSignal.any([over.signal, AbortSignal.timeout(afterMs + patienceMs)])
  const ended = once(child, 'exit', { signal }).then(() => {
    throw new Error(`a process of the benchmark ended: ${child.spawnargs.slice(-2).join(' ')}`)
  })
  try {
    const [message] = (await Promise.race([once(child, 'message', { signal }), ended])) as [unknown]
    return message
  } finally {
    ended.catch(() => undefined)
    over.abort()
  }
}

/** Last opened, first closed. Once for all who ask: a signal must not leave while the rest is being closed. */
function closeAll(): Promise<void> {
  const closeEach = async (): Promise<void> => {
    for (let close = closers.pop(); close !== undefined; close = closers.pop())
      await close().catch((error: unknown) => say(`left open: ${String(error)}`))
  }
  closing ??= closeEach()
  return closing
}

interface Range {
  readonly median: number
  readonly min: number
  readonly max: number
}

type Summary = ReturnType<typeof summarise>

/** @param peer the same rounds of the peer: what was measured within seconds is compared, and nothing else */
function summarise(name: string, rounds: readonly Measured[], peer: readonly Measured[]) {
  const over = (of: (round: Measured) => number): Range => rangeOf(rounds.map(of))
  const against = (of: (round: Measured) => number): Range =>
    rangeOf(rounds.map((round, position) => of(round) / of(at(peer, position))))
  const perSecond = (round: Measured): number => round.answered / round.seconds
  const cpuMicros = (round: Measured): number => at(round.cpuMicros, 0) / round.answered
  const hasRedis = rounds.every((round) => round.cpuMicros.length > 1)
  return {
    name,
    perSecond: over(perSecond),
    p50Ms: over((round) => round.p50Ms),
    p99Ms: over((round) => round.p99Ms),
    cpuMicros: over(cpuMicros),
    redisCpuMicros: hasRedis ? over((round) => at(round.cpuMicros, 1) / round.answered) : null,
    againstPeer: { perSecond: against(perSecond), cpuMicros: against(cpuMicros) },
    rounds,
  }
}

function rangeOf(values: readonly number[]): Range {
  const sorted = [...values].sort((a, b) => a - b)
  const middle = (sorted.length - 1) / 2
  const median = (at(sorted, Math.floor(middle)) + at(sorted, Math.ceil(middle))) / 2
  return { median, min: at(sorted, 0), max: at(sorted, sorted.length - 1) }
}

function at<T>(values: readonly T[], position: number): T {
  const value = values[position]
  if (value === undefined) throw new Error('nothing was measured')
  return value
}

function table(servers: readonly Summary[], peer: string): string {
  const ratio = ({ median, min, max }: Range): string =>
    `${median.toFixed(2)} (${min.toFixed(2)}–${max.toFixed(2)})`
  const rows = servers.map((server) => [
    server.name,
    server.perSecond.median.toFixed(0),
    server.p50Ms.median.toFixed(2),
    server.p99Ms.median.toFixed(2),
    server.cpuMicros.median.toFixed(0),
    server.redisCpuMicros?.median.toFixed(0) ?? '–',
    server.name === peer ? '1' : ratio(server.againstPeer.perSecond),
    server.name === peer ? '1' : ratio(server.againstPeer.cpuMicros),
  ])
  const head = [
    '',
    'requests/s',
    'p50 ms',
    'p99 ms',
    'CPU µs',
    'Redis CPU µs',
    'requests × peer',
    'CPU × peer',
  ]
  const lines = [head, ...rows]
  const widths = head.map((_, column) => Math.max(...lines.map((line) => at(line, column).length)))
  return lines
    .map((line) =>
      line
        .map((cell, column) =>
          column === 0 ? cell.padEnd(at(widths, 0)) : cell.padStart(at(widths, column)),
        )
        .join('  ')
        .concat('\n'),
    )
    .join('')
}

function describeRun({ rounds, seconds }: Options): string {
  const machine = `${availableParallelism()} cores, Node ${process.versions.node}`
  return `Gatehouse ${version}, ${machine}: ${rounds} rounds of ${seconds} s, ${connections} connections, ${bodyBytes}-byte body`
}

function describeRevocations(millis: readonly number[]): string {
  const { median, max } = rangeOf(millis)
  return `Revocation to WebSocket close, ${millis.length} runs: median ${median.toFixed(1)} ms, worst ${max.toFixed(1)} ms`
}

function say(text: string): void {
  process.stderr.write(`bench: ${text}\n`)
}
