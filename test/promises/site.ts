// A Redis, a machine, and two Gatehouses as processes of their own, with nothing in them but the product:
// real clock, the product's limits. Each stands for a host of its own, so each has its own ledger and journal.
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { run } from '../../src/cli/program.js'
import { createKeysFile, loadConfig, type Config } from '../../src/config/index.js'
import { principalId } from '../../src/identity/index.js'
import { systemClock } from '../../src/lib/index.js'
import { openServices, type Services } from '../../src/main.js'
import type { Actor } from '../../src/model.js'
import { closeLater } from '../support/closing.js'
import { silentLogger } from '../support/logger.js'
import { startMachine, type Machine } from '../support/machine.js'
import { oneTimeCode } from '../support/one-time-code.js'
import { freePorts } from '../support/ports.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { until } from '../support/until.js'
import type { Door } from './door.js'

export interface Instance {
  readonly name: string
  readonly door: Door
  readonly config: Config
  readonly configFile: string
  readonly process: ChildProcess
  start(): Promise<void>
  /** SIGKILL, and waits until it is gone. */
  kill(): Promise<void>
}

/** Someone who is signed in with both factors. */
export interface Person {
  readonly principalId: string
  readonly email: string
  readonly sessionId: string
  /** A new pass for this endpoint, as its browser sends it. */
  cookie(endpointId?: string): Promise<string>
  /** @returns the grant's id */
  grant(over?: { endpointId?: string; from?: string; until?: string }): Promise<string>
}

export interface Site {
  readonly folder: string
  readonly redis: TestRedis
  readonly machine: Machine
  readonly instances: readonly Instance[]
  /** An administrator on a third host. */
  readonly services: Services
  signIn(): Promise<Person>
  /** Sets up their second factor. */
  enrol(person: Person): Promise<void>
  /** A command on the host of this instance. */
  command(on: Instance, ...argv: string[]): Promise<{ status: number; err: string }>
  close(): Promise<void>
}

export interface SiteOptions {
  /** Default: two, `a` and `b`. */
  readonly instances?: readonly InstanceOptions[]
  /** Where the machines are, by endpoint. Default: `press-3` and `press-4`, both the machine. */
  readonly upstreams?: (
    machine: Machine,
  ) => Readonly<Record<string, string>> | Promise<Record<string, string>>
  /** Who signs people in. Default: nobody who answers, as nobody is sent there. */
  readonly issuer?: string
  /** By which port browsers know the portal, if not any: the provider must be told before. */
  readonly port?: number
}

export interface InstanceOptions {
  readonly name: string
  /** Default: loopback. */
  readonly host?: string
  /** What stands before `node` on the command line: `ip netns exec …`. */
  readonly through?: readonly string[]
  /** Default: that of the site's Redis. */
  readonly redisUrl?: (redis: TestRedis) => string | Promise<string>
  /** Called with the folder that the ledger will be in. @returns what undoes it */
  readonly prepareLedger?: (directory: string) => () => Promise<void>
}

export const operator: Actor = { kind: 'operator', account: 'promises' }
/** Where nothing listens. */
const noProvider = 'http://127.0.0.1:9'
/** How long an instance waits for the identity provider, and for the first byte of a machine. */
export const providerSeconds = 2
export const firstByteSeconds = 2
const root = fileURLToPath(new URL('../..', import.meta.url))

export async function openSite(options: SiteOptions = {}): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-promises-'))
  const removeFolder = closeLater(() => rm(folder, { recursive: true, force: true }))
  const redis = await startRedis()
  const closeRedis = closeLater(() => redis.close())
  const machine = await startMachine()
  const closeMachine = closeLater(() => machine.close())
  await writeFile(join(folder, 'oidc-secret'), 'not-a-real-secret')
  createKeysFile(join(folder, 'keys.json'))
  const upstreams = (await options.upstreams?.(machine)) ?? {
    'press-3': machine.url,
    'press-4': machine.url,
  }

  const chosen = options.instances ?? [{ name: 'a' }, { name: 'b' }]
  const port = options.port ?? (await freePorts(chosen.length))
  const writeConfig = async (name: string, redisUrl: string, listen: string): Promise<string> => {
    const file = join(folder, `${name}.yml`)
    const endpoints = Object.entries(upstreams).map(
      ([id, upstream]) =>
        `  - { id: ${id}, name: ${id}, kind: hmi, upstream: '${upstream}', limits: { firstByteSeconds: ${firstByteSeconds} } }`,
    )
    await mkdir(join(folder, `ledger-${name}`), { mode: 0o700 })
    await writeFile(
      file,
      `
server:
  publicUrl: http://portal.localhost:${port}
  endpointDomain: plant.localhost
  listen: ${listen}
  operations: 127.0.0.1:0
  # All come from one address here, and thousands of one person.
  limits: { perAddress: 20000, perSession: 20000, perEndpoint: 20000 }
redis: { url: '${redisUrl}' }
oidc: { issuer: '${options.issuer ?? noProvider}', timeoutSeconds: ${providerSeconds}, clientId: gatehouse, clientSecretFile: oidc-secret }
keys: { file: keys.json }
audit: { directory: ledger-${name} }
endpoints:
${endpoints.join('\n')}
`,
    )
    return file
  }

  const closers: (() => Promise<void>)[] = []
  const instances: Instance[] = []
  for (const [at, { name, host = '127.0.0.1', through = [], redisUrl, prepareLedger }] of chosen.entries()) {
    const url = (await redisUrl?.(redis)) ?? redis.url
    const configFile = await writeConfig(name, url, `${host}:${port + at}`)
    const config = loadConfig(configFile)
    if (prepareLedger !== undefined) closers.push(closeLater(prepareLedger(config.audit.directory)))
    const door = { host, port: port + at, publicPort: port }
    const instance = createInstance({ name, door, config, configFile, through })
    closers.push(closeLater(() => instance.kill()))
    instances.push(instance)
  }
  await Promise.all(instances.map((instance) => instance.start()))

  const operatorFile = await writeConfig('operator', redis.url, '127.0.0.1:1')
  const services = await openServices(loadConfig(operatorFile), { logger: silentLogger })
  closers.push(closeLater(() => services.close()))
  await services.store.untilReady(5_000)
  let people = 0
  return {
    ...{ folder, redis, machine, instances, services },
    signIn: () => signIn(services, `person-${(people += 1)}`),
    enrol: async ({ principalId: id, email, sessionId }) => {
      const { secondFactor } = services
      const principal = { id, issuer: noProvider, subject: email, email, name: email }
      const { code: invitation } = await secondFactor.invite(email, 'first day at the plant', operator)
      const { secret } = await secondFactor.beginEnrolment({ principal, sessionId, invitation })
      await secondFactor.confirmEnrolment({ principal, sessionId, code: oneTimeCode(secret, Date.now()) })
    },
    command: async (on, ...argv) => {
      let err = ''
      const output = { out: () => undefined, err: (text: string) => void (err += text) }
      const status = await run([...argv, '--config', on.configFile], output, systemClock)
      return { status, err }
    },
    close: async () => {
      for (const close of closers.reverse()) await close()
      await closeRedis()
      await closeMachine()
      await removeFolder()
    },
  }
}

function createInstance(of: {
  name: string
  door: Door
  config: Config
  configFile: string
  through: readonly string[]
}): Instance {
  let child: ChildProcess | null = null
  return {
    ...of,
    get process() {
      if (child === null) throw new Error(`instance ${of.name} has not been started`)
      return child
    },
    start: async () => {
      child = await serve(of.name, of.configFile, of.through)
    },
    kill: async () => {
      if (child?.exitCode !== null || child.signalCode !== null) return
      const gone = once(child, 'exit')
      child.kill('SIGKILL')
      await gone
    },
  }
}

const running = new Set<ChildProcess>()
// Whatever becomes of us.
process.once('exit', () => {
  for (const child of running) child.kill('SIGKILL')
})

async function serve(name: string, configFile: string, through: readonly string[]): Promise<ChildProcess> {
  const loader = join(root, 'test/support/typescript.mjs')
  const main = join(root, 'src/cli/main.ts')
  const [file = '', ...args] = [
    ...through,
    process.execPath,
    ...['--import', loader, main, 'serve', '--config', configFile],
  ]
  const child = spawn(file, args, { stdio: ['ignore', 'ignore', 'pipe'] })
  running.add(child)
  child.once('exit', () => running.delete(child))
  let said = ''
  child.stderr.on('data', (chunk: Buffer) => (said = (said + chunk.toString()).slice(-20_000)))
  await until(
    `instance ${name} serves`,
    () => {
      if (child.exitCode !== null || child.signalCode !== null)
        throw new Error(`instance ${name} ended: ${said}`)
      return said.includes('gateway serving')
    },
    120_000,
  )
  return child
}

async function signIn({ sessions, grants }: Services, name: string): Promise<Person> {
  const id = principalId(noProvider, name)
  const email = `${name}@machines.example`
  const principal = { id, issuer: noProvider, subject: name, email, name }
  const login = { principal, roles: [], providerSessionId: null, idToken: null, source: '127.0.0.1' }
  const { session } = await sessions.start(login)
  await sessions.raise(session, { secondFactorAt: Date.now() })
  return {
    ...{ principalId: id, email, sessionId: session.id },
    cookie: async (endpointId = 'press-3') =>
      `__Host-gatehouse-pass=${(await sessions.issuePass(session, endpointId)).token}`,
    grant: async ({ endpointId = 'press-3', from = 'now', until: end = '+8h' } = {}) => {
      const terms = { endpoints: [endpointId], from, until: end, reason: 'a promise is measured' }
      const { id: grantId } = await grants.issue({ to: email, ...terms }, operator, { principalId: id })
      return grantId
    },
  }
}
