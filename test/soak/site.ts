// Two hosts with a Gatehouse each, one Redis, one machine, and people with passes.
import { execFile, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { createWriteStream, existsSync } from 'node:fs'
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { startChild, type Child } from '../../bench/children.js'
import { createKeysFile, loadConfig } from '../../src/config/index.js'
import { principalId } from '../../src/identity/index.js'
import { createLogger } from '../../src/lib/index.js'
import { openServices, type Services } from '../../src/main.js'
import type { Session } from '../../src/model.js'
import { closeLater } from '../support/closing.js'
import { freePorts } from '../support/ports.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { drainMs, readOnlyMs } from './check.js'
import type { ClientAnswers, Ticket } from './clients.js'
import { files } from './evidence.js'
import type { MachineAnswers } from './machine.js'

export const peopleCount = 30
export const endpointIds = Array.from({ length: 5 }, (_, number) => `press-${number + 3}`)

const root = fileURLToPath(new URL('../..', import.meta.url))
const built = join(root, 'dist/src/cli/main.js')
const source = ['--import', join(root, 'test/support/typescript.mjs'), join(root, 'src/cli/main.ts')]
/** As in package.json, where it is installed. */
const nodeOptions = ['--max-semi-space-size=32']
const issuer = 'http://127.0.0.1:9'
const readyWithinMs = 30_000

export interface Instance {
  readonly name: string
  readonly port: number
  readonly configFile: string
  /** Where its ledger is, and the journal of its host. */
  readonly ledger: string
  readonly processId: number
  start(): Promise<void>
  signal(signal: NodeJS.Signals): void
  /** @returns the status it ended with, or the signal */
  stop(signal: 'SIGTERM' | 'SIGKILL'): Promise<number | NodeJS.Signals | null>
}

/** Someone who is signed in, at the moment. */
export interface Person {
  readonly number: number
  readonly email: string
  readonly principalId: string
  session: Session
  signedInAt: number
}

export interface Site {
  readonly redis: TestRedis
  readonly machine: Child<MachineAnswers>
  readonly clients: Child<ClientAnswers>
  readonly instances: readonly [Instance, Instance]
  /** As commands on the first host have them. */
  readonly services: Services
  readonly people: readonly Person[]
  readonly keysFile: string
  /** A new session with a pass for each machine, shown from now on. */
  signIn(number: number): Promise<void>
  /** A command of Gatehouse. @returns what it printed; rejects with {@link CommandFailed} */
  command(instance: Instance, ...argv: readonly string[]): Promise<string>
}

/** A command of Gatehouse that ended with another status than 0. */
export class CommandFailed extends Error {
  constructor(
    readonly output: string,
    cause: unknown,
  ) {
    super(`a command failed: ${output}`, { cause })
  }
}

export interface SiteOptions {
  readonly folder: string
  /** Runs from the sources, where nothing is built. */
  readonly isFromSource: boolean
}

export async function openSite({ folder, isFromSource }: SiteOptions): Promise<Site> {
  if (!isFromSource && !existsSync(built)) throw new Error('nothing is built: npm run build, or --source')
  const program = [...nodeOptions, ...(isFromSource ? source : [built])]
  const redis = await startRedis()
  closeLater(() => redis.close())
  const machine = await startChild<MachineAnswers>('../test/soak/machine.ts', [join(folder, files.arrivals)])
  const clients = await startChild<ClientAnswers>('../test/soak/clients.ts', [join(folder, files.answers)])
  const machinePort = await machine.ask('port', null)
  const firstPort = await freePorts(4)
  const keysFile = join(folder, 'keys.json')
  createKeysFile(keysFile)

  const describe = async (position: number): Promise<Instance> => {
    const name = `host-${position + 1}`
    const host = join(folder, name)
    await mkdir(host)
    await writeFile(join(host, 'oidc-secret'), 'not-a-real-secret')
    const ports = { listen: firstPort + 2 * position, operations: firstPort + 2 * position + 1 }
    const configFile = join(host, 'gatehouse.yml')
    const endpoint = (id: string): string =>
      `  - { id: ${id}, name: ${id}, kind: hmi, upstream: 'http://127.0.0.1:${machinePort}' }`
    await writeFile(
      configFile,
      `
server:
  publicUrl: http://portal.localhost:8443
  endpointDomain: plant.localhost
  listen: 127.0.0.1:${ports.listen}
  operations: 127.0.0.1:${ports.operations}
redis: { url: '${redis.url}' }
oidc: { issuer: '${issuer}', clientId: gatehouse, clientSecretFile: oidc-secret }
keys: { file: ../keys.json }
audit: { directory: ledger, writer: ${name} }
log: { level: info }
grants: { drainLimit: ${drainMs / 1_000}s, readOnlyFor: ${readOnlyMs / 60_000}m }
endpoints:
${endpointIds.map(endpoint).join('\n')}
`,
    )
    return describeInstance({ name, program, configFile, ledger: join(host, 'ledger'), ...ports })
  }
  const instances = [await describe(0), await describe(1)] as const
  await Promise.all(instances.map((instance) => instance.start()))

  const services = await openServices(loadConfig(instances[0].configFile), {
    writer: 'soak',
    logger: createLogger('silent'),
  })
  closeLater(() => services.close())
  await services.store.untilReady(5_000)
  const people: Person[] = []
  const signIn = async (number: number): Promise<void> => {
    const person = await signedIn(services, number)
    people[number] = person
    await clients.ask('give', await ticketsOf(services, person))
  }
  for (let number = 0; number < peopleCount; number += 1) await signIn(number)
  return {
    ...{ redis, machine, clients, instances, services, people, keysFile, signIn },
    command: (instance, ...argv) => run([...program, ...argv, '--config', instance.configFile, '--json']),
  }
}

async function signedIn({ sessions }: Services, number: number): Promise<Person> {
  const subject = `person-${number}`
  const email = `${subject}@machines.example`
  const id = principalId(issuer, subject)
  const principal = { id, issuer, subject, email, name: subject }
  const login = { principal, roles: [], providerSessionId: null, idToken: null, source: '127.0.0.1' }
  const { session } = await sessions.start(login)
  const raised = await sessions.raise(session, { secondFactorAt: Date.now() })
  return { number, email, principalId: id, session: raised.session, signedInAt: session.startedAt }
}

async function ticketsOf({ sessions }: Services, person: Person): Promise<Ticket[]> {
  return Promise.all(
    endpointIds.map(async (endpointId) => {
      const { token } = await sessions.issuePass(person.session, endpointId)
      const host = `${endpointId}.plant.localhost:8443`
      return { person: person.number, endpointId, host, pass: token }
    }),
  )
}

function describeInstance(of: {
  readonly name: string
  readonly program: readonly string[]
  readonly configFile: string
  readonly ledger: string
  readonly listen: number
  readonly operations: number
}): Instance {
  let child: ChildProcess | null = null
  const end = async (signal: NodeJS.Signals): Promise<number | NodeJS.Signals | null> => {
    if (child === null) return null
    const ending = child
    child = null
    if (ending.exitCode !== null || ending.signalCode !== null) return ending.exitCode ?? ending.signalCode
    const gone = once(ending, 'exit')
    ending.kill(signal)
    const [status, by] = (await gone) as [number | null, NodeJS.Signals | null]
    return status ?? by
  }
  closeLater(() => end('SIGKILL'))
  return {
    ...{ name: of.name, port: of.listen, configFile: of.configFile, ledger: of.ledger },
    get processId() {
      return child?.pid ?? 0
    },
    start: async () => {
      const argv = [...of.program, 'serve', '--config', of.configFile]
      const started = spawn(process.execPath, argv, {
        stdio: ['ignore', 'pipe', 'pipe'],
        env: { ...process.env, NODE_ENV: 'production' },
      })
      child = started
      const log = createWriteStream(`${of.configFile}.log`, { flags: 'a' })
      started.stdout.pipe(log, { end: false })
      started.stderr.pipe(log, { end: false })
      const deadline = performance.now() + readyWithinMs
      while (!(await isAlive(of.operations))) {
        if (started.exitCode !== null || started.signalCode !== null)
          throw new Error(`${of.name} ended at its start: see ${of.configFile}.log`)
        if (performance.now() > deadline)
          throw new Error(`${of.name} does not serve ${readyWithinMs} ms after its start`)
        await new Promise((resolve) => setTimeout(resolve, 50))
      }
    },
    signal: (signal) => child?.kill(signal),
    stop: end,
  }
}

async function isAlive(port: number): Promise<boolean> {
  try {
    const response = await fetch(`http://127.0.0.1:${port}/healthz`, { signal: AbortSignal.timeout(1_000) })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}

function run(argv: readonly string[]): Promise<string> {
  return new Promise((resolve, reject) => {
    execFile(process.execPath, argv, { maxBuffer: 2 ** 26 }, (error, stdout, stderr) => {
      if (error === null) resolve(stdout)
      else reject(new CommandFailed(stdout + stderr, error))
    })
  })
}
