import { randomBytes } from 'node:crypto'
import { createWriteStream, existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { createServer } from 'node:http'
import { join } from 'node:path'
import { createKeysFile, loadConfig } from '../src/config/index.js'
import { systemClock, type Logger } from '../src/lib/index.js'
import { startGatehouse, type Gatehouse } from '../src/main.js'
import { demoAccounts } from './accounts.js'
import { startAuthenticator, type AuthenticatorEntry } from './authenticator.js'
import { developmentCertificates } from './certificates.js'
import { seedHistory } from './history.js'
import { listen } from './http.js'
import { keptKeys, startIdentityProvider } from './identity-provider.js'
import { FillingLine, filler, labeller, startHistorian, startHmi } from './plant/index.js'
import { writePrivate } from './private-files.js'
import { startDemoRedis, type DemoRedis } from './redis.js'
import { seed, type KnownSecrets } from './seed.js'

export interface DemoOptions {
  /** The portal's port; the others follow it. */
  readonly port: number
  /** Where everything is kept between runs. */
  readonly stateFolder: string
  /** Where the development certificates are kept. */
  readonly certificateFolder: string
  readonly hasTls?: boolean
  /** Forget what is in `stateFolder` first. */
  readonly isFresh?: boolean
  /** See `startDemoRedis`. */
  readonly redis?: string
}

export interface Demo {
  /** Origin. */
  readonly portal: string
  readonly authenticator: string
  readonly identityProvider: string
  readonly operations: string
  readonly entries: readonly AuthenticatorEntry[]
  readonly redis: DemoRedis
  readonly configFile: string
  readonly logFile: string
  /** PEM file of the authority to trust; null without TLS. */
  readonly authority: string | null
  readonly gatehouse: Gatehouse
  close(): Promise<void>
}

const endpointDomain = 'plant.localhost'
const defaultPort = 8080
const defaultOperationsPort = 9464

/** Which port everything takes, counted from the portal's. */
export function demoPorts(port: number): {
  portal: number
  identityProvider: number
  filler: number
  labeller: number
  historian: number
  authenticator: number
  operations: number
} {
  return {
    portal: port,
    identityProvider: port + 1,
    filler: port + 2,
    labeller: port + 3,
    historian: port + 4,
    authenticator: port + 5,
    operations: port === defaultPort ? defaultOperationsPort : port + 6,
  }
}

/**
 * Redis, identity provider, plant, authenticator, and Gatehouse in front: all on this machine, all in
 * this process but Redis.
 *
 * @throws PortBusy; an error with a sentence for the person at the terminal
 */
export async function startDemo(options: DemoOptions): Promise<Demo> {
  const { stateFolder, hasTls = false } = options
  const ports = demoPorts(options.port)
  await requireFree(Object.values(ports))
  const opened: { close(): Promise<void> }[] = []
  const keep = <T extends { close(): Promise<void> }>(part: T): T => {
    opened.unshift(part)
    return part
  }
  const closeAll = async (): Promise<void> => {
    for (const part of opened.splice(0)) await part.close()
  }
  try {
    if (options.isFresh === true) await forget(stateFolder)
    mkdirSync(stateFolder, { recursive: true, mode: 0o700 })
    const portal = `${hasTls ? 'https' : 'http'}://portal.localhost:${ports.portal}`
    const clientSecret = keptSecret(join(stateFolder, 'oidc-secret'))
    const redis = keep(await startDemoRedis(join(stateFolder, 'redis'), options.redis))
    const hosts = ['portal.localhost', `*.${endpointDomain}`]
    const certificates = hasTls ? await developmentCertificates(options.certificateFolder, hosts) : null
    const provider = keep(
      await startIdentityProvider({
        port: ports.identityProvider,
        accounts: demoAccounts,
        clients: [{ clientId: 'gatehouse', clientSecret, portal }],
        keys: keptKeys(stateFolder),
      }),
    )
    await startPlant(ports, keep)

    const configFile = join(stateFolder, 'gatehouse.yaml')
    const keysFile = join(stateFolder, 'keys.json')
    if (!existsSync(keysFile)) createKeysFile(keysFile)
    const tls = certificates && { certificateFile: certificates.certificate, keyFile: certificates.key }
    writeFileSync(configFile, describe({ ports, portal, redis: redis.url, issuer: provider.issuer, tls }))

    const logFile = join(stateFolder, 'gatehouse.log')
    const log = keep(openLog(logFile))
    const config = loadConfig(configFile)
    const [vendor, approver] = demoAccounts
    if (vendor !== undefined && approver !== undefined)
      await seedHistory(config, log.logger, provider.issuer, { vendor, approver })
    const gatehouse = keep(await startGatehouse(config, { logger: log.logger }))

    const accountsFile = join(stateFolder, 'accounts.json')
    const known = existsSync(accountsFile)
      ? (JSON.parse(readFileSync(accountsFile, 'utf8')) as KnownSecrets)
      : {}
    const granted = ['filler-1', 'historian']
    const { entries, secrets } = await seed(gatehouse.services, provider.issuer, demoAccounts, granted, known)
    writePrivate(accountsFile, `${JSON.stringify(secrets, null, 2)}\n`)
    const authenticator = keep(await startAuthenticator({ port: ports.authenticator, entries }))
    return {
      portal,
      authenticator: `http://localhost:${authenticator.port}`,
      identityProvider: provider.issuer,
      operations: `http://127.0.0.1:${ports.operations}`,
      entries,
      redis,
      configFile,
      logFile,
      authority: certificates?.authority ?? null,
      gatehouse,
      close: closeAll,
    }
  } catch (error) {
    await closeAll()
    throw error
  }
}

async function startPlant(
  ports: ReturnType<typeof demoPorts>,
  keep: <T extends { close(): Promise<void> }>(part: T) => T,
): Promise<void> {
  const line = new FillingLine({ profile: filler, seed: 5 })
  const labels = new FillingLine({ profile: labeller, seed: 9 })
  keep(await startHmi({ line, port: ports.filler, name: 'Filler 1' }))
  keep(await startHmi({ line: labels, port: ports.labeller, name: 'Labeller 1' }))
  keep(await startHistorian({ port: ports.historian }))
}

/** All at once and before anything runs: half a demo is worse than a clear no. */
async function requireFree(ports: readonly number[]): Promise<void> {
  for (const port of ports) await (await listen(createServer(), port)).close()
}

/** A running demo would lose its ground; its Redis socket tells of it. */
async function forget(stateFolder: string): Promise<void> {
  const redisFolder = join(stateFolder, 'redis')
  // Starting and stopping it ends a server that a killed demo left behind, and refuses when one is in use.
  if (existsSync(redisFolder)) await (await startDemoRedis(redisFolder)).close()
  rmSync(stateFolder, { recursive: true, force: true })
}

function keptSecret(file: string): string {
  if (existsSync(file)) return readFileSync(file, 'utf8').trim()
  const secret = randomBytes(32).toString('base64url')
  writePrivate(file, secret)
  return secret
}

function describe(plant: {
  ports: ReturnType<typeof demoPorts>
  portal: string
  redis: string
  issuer: string
  tls: { certificateFile: string; keyFile: string } | null
}): string {
  const { ports, tls } = plant
  const machine = (id: string, name: string, kind: string, port: number, more = ''): string =>
    `  - { id: ${id}, name: ${name}, kind: ${kind}, zone: Hall B, upstream: 'http://127.0.0.1:${port}'${more} }`
  // JSON is YAML, and quotes what a path may hold.
  const tlsLine = tls === null ? [] : [`  tls: ${JSON.stringify(tls)}`]
  return [
    '# Written by the demo at every start.',
    'server:',
    `  publicUrl: ${plant.portal}`,
    `  endpointDomain: ${endpointDomain}`,
    `  listen: 127.0.0.1:${ports.portal}`,
    ...tlsLine,
    `  operations: 127.0.0.1:${ports.operations}`,
    'plant: { timeZone: Europe/Berlin }',
    `redis: { url: ${JSON.stringify(plant.redis)} }`,
    'oidc:',
    `  issuer: ${plant.issuer}`,
    '  name: Plant account',
    '  clientId: gatehouse',
    '  clientSecretFile: oidc-secret',
    '  roles: { claim: groups, admin: [plant-it], approver: [line-leads], auditor: [audit] }',
    'totp: { enrolment: invite, label: Gatehouse demo }',
    'keys: { file: keys.json }',
    'audit: { directory: ledger }',
    'groups: [{ id: filling-line, name: Filling line, endpoints: [filler-1, labeller-1] }]',
    'companies: [{ id: machines, name: Example Machines, emailDomains: [machines.example] }]',
    'endpoints:',
    machine('filler-1', 'Filler 1', 'hmi', ports.filler, ', timeLeftNotice: true'),
    machine('labeller-1', 'Labeller 1', 'hmi', ports.labeller),
    machine('historian', 'Historian', 'historian', ports.historian),
    '',
  ].join('\n')
}

/** The terminal belongs to the newcomer; what Gatehouse has to say of its work goes to a file. */
function openLog(file: string): { logger: Logger; close(): Promise<void> } {
  const stream = createWriteStream(file, { flags: 'a', mode: 0o600 })
  const line =
    (level: string) =>
    (message: string, details: Record<string, unknown> = {}): void => {
      stream.write(
        `${JSON.stringify({ at: new Date(systemClock.now()).toISOString(), level, message, ...details })}\n`,
      )
    }
  return {
    logger: { debug: () => undefined, info: line('info'), warn: line('warn'), error: line('error') },
    close: () =>
      new Promise((resolve) => {
        stream.end(resolve)
      }),
  }
}
