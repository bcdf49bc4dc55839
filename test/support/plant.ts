import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Page } from 'playwright-core'
import { startIdentityProvider, type IdentityProviderServer } from '../../demo/identity-provider.js'
import { run } from '../../src/cli/program.js'
import { createKeysFile, endpointOrigin, loadConfig, type Config } from '../../src/config/index.js'
import type { GrantRequest } from '../../src/grants/index.js'
import { principalId } from '../../src/identity/index.js'
import { createVouching } from '../../src/lib/index.js'
import { startGatehouse, type Gatehouse } from '../../src/main.js'
import type { Actor, Endpoint, Grant, Principal } from '../../src/model.js'
import type { ServerCertificate } from './certificates.js'
import { createClient, type Answer, type Client } from './client.js'
import { TestClock } from './clock.js'
import { silentLogger } from './logger.js'
import { startMachine, type Machine } from './machine.js'
import { oneTimeCode } from './one-time-code.js'
import { freePorts } from './ports.js'
import { startRedis, type RedisSettings, type TestRedis } from './redis.js'

export interface TestAccount {
  readonly login: string
  readonly password: string
  readonly subject: string
  readonly email: string
  readonly emailVerified: boolean
  readonly name: string
  readonly groups: readonly string[]
}

const account = (login: string, email: string, groups: string[], emailVerified = true): TestAccount => ({
  login,
  password: `${login}-password`,
  subject: `subject-${login}`,
  email,
  emailVerified,
  name: login,
  groups,
})

export const accounts = {
  vendor: account('vendor', 'ana@machines.example', ['vendors']),
  /** Another vendor, who has been given nothing. */
  stranger: account('stranger', 'eve@machines.example', ['vendors']),
  /** Claims the vendor's address without the provider vouching for it. */
  unverified: account('unverified', 'ana@machines.example', ['vendors'], false),
  approver: account('approver', 'ben@plant.example', ['line-leads']),
  admin: account('admin', 'cara@plant.example', ['plant-it']),
  auditor: account('auditor', 'ada@plant.example', ['audit']),
  secondAdmin: account('second', 'dora@plant.example', ['plant-it']),
} as const
export type AccountName = keyof typeof accounts
const usuallyEnrolled = (Object.keys(accounts) as AccountName[]).filter((name) => name !== 'auditor')

export interface EndpointUnderTest {
  readonly id: string
  readonly kind?: 'hmi' | 'historian'
  readonly upstream: string
  /** Default: `upstream`, which is the product's. */
  readonly hostHeader?: Endpoint['hostHeader']
  /** More options, as they stand in the configuration: `methods: [GET], paths: [/hmi/]`. */
  readonly more?: string
}

export interface PlantOptions {
  /** Default: `press-3` and `press-4`, both on the machine. */
  readonly endpoints?: readonly EndpointUnderTest[]
  /** Which of them the vendor holds a grant for, eight hours from now. Default: those given in `endpoints`. */
  readonly granted?: readonly string[]
  /** Who has set up a second factor before. Default: everyone but the auditor. */
  readonly enrolled?: readonly AccountName[]
  /** Served with TLS; `signIn` and the like do not work then, and need not. */
  readonly certificate?: ServerCertificate
  /** How long a command to Redis may take; `null` for the product's own limit, which a stalled host exceeds at times. Default: 5 s. */
  readonly storeLimitMs?: number | null
  /** What Redis says the time is. Default: nothing, for its clock is the real one. */
  readonly storeTime?: (clock: TestClock) => number
  /** In place of those every test has. */
  readonly redisSettings?: RedisSettings
  /** `server.limits`, in braces. */
  readonly limits?: string
  /** In seconds. Short by default, for most tests do not care how their plant goes down. */
  readonly stop?: { readonly announce: number; readonly shutdown: number }
  /** The `redis` section, in braces, for servers that the test runs itself. Default: one of the plant's own. */
  readonly redisSection?: string
  /** Lines added to the configuration, by section. */
  readonly extra?: string
}

/** A whole plant for one test file: Redis, identity provider, machine, and Gatehouse in front. */
export interface Plant {
  readonly clock: TestClock
  readonly config: Config
  readonly configFile: string
  readonly redis: TestRedis
  readonly provider: IdentityProviderServer
  readonly machine: Machine
  readonly gatehouse: Gatehouse
  /** Origin of the portal. */
  readonly portal: string
  origin(endpointId: string): string
  /** A one-time code nobody has used; half a minute passes for it. */
  code(name: AccountName): Promise<string>
  /** As far as the page for the one-time code, or whatever comes in its place. */
  signInWithPassword(client: Client, name: AccountName, at?: string): Promise<Answer>
  /** A client that is signed in with both factors. */
  signIn(name: AccountName): Promise<Client>
  /** The same in a real browser; ends on the portal. */
  signInPage(page: Page, name: AccountName): Promise<void>
  issue(over?: Partial<GrantRequest>): Promise<Grant>
  revoke(grant: Grant): Promise<void>
  /** The state alone, without the entry in the log of changes: what an instance sees that missed the entry. */
  revokeUnannounced(grant: Grant): Promise<void>
  /** A command of the command line, in this process. */
  command(...argv: string[]): Promise<{ status: number; out: string; err: string }>
  /** Stops Gatehouse and starts it again on the same state. */
  restart(): Promise<void>
  close(): Promise<void>
}

export const operator: Actor = { kind: 'operator', account: 'test' }

export async function startPlant(options: PlantOptions = {}): Promise<Plant> {
  const clock = new TestClock()
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-plant-'))
  const port = await freePorts()
  const portal = `http${options.certificate ? 's' : ''}://portal.localhost:${port}`
  const [redis, machine, provider] = await Promise.all([
    options.redisSection === undefined ? startRedis(options.redisSettings) : null,
    startMachine(),
    startIdentityProvider({
      port: 0,
      accounts: Object.values(accounts),
      clients: [{ clientId: 'gatehouse', clientSecret, portal }],
    }),
  ])
  const endpoints = options.endpoints ?? [
    { id: 'press-3', upstream: machine.url },
    { id: 'press-4', upstream: machine.url },
  ]
  const configFile = join(folder, 'gatehouse.yml')
  await writeFile(join(folder, 'oidc-secret'), clientSecret)
  if (options.certificate) {
    await writeFile(join(folder, 'server.pem'), options.certificate.certificate)
    await writeFile(join(folder, 'server.key'), options.certificate.key, { mode: 0o600 })
  }
  await writeFile(
    configFile,
    describeConfig({
      port,
      portal,
      redis: options.redisSection ?? `{ url: '${redis?.url ?? ''}' }`,
      issuer: provider.issuer,
      endpoints,
      isTls: options.certificate !== undefined,
      limits: options.limits ?? '{}',
      stop: options.stop ?? { announce: 0, shutdown: 1 },
      extra: options.extra ?? '',
    }),
  )
  createKeysFile(join(folder, 'keys.json'))
  const config = loadConfig(configFile)
  const { storeLimitMs = 5_000, storeTime } = options
  const start = (): Promise<Gatehouse> =>
    startGatehouse(config, {
      clock,
      logger: silentLogger,
      ...(storeLimitMs === null ? {} : { storeLimitMs }),
      ...(storeTime === undefined ? {} : { storeTime: () => storeTime(clock) }),
    })
  let gatehouse = await start()
  const secrets = new Map<AccountName, string>()
  await gatehouse.services.store.untilReady(5_000)
  for (const name of options.enrolled ?? usuallyEnrolled) {
    secrets.set(name, await enrol(gatehouse, clock, principalOf(provider.issuer, accounts[name])))
  }

  const plant: Plant = {
    clock,
    config,
    configFile,
    get redis() {
      if (redis === null) throw new Error('the test runs servers of its own')
      return redis
    },
    provider,
    machine,
    portal,
    get gatehouse() {
      return gatehouse
    },
    origin: (endpointId) => endpointOrigin(config, endpointId),
    async code(name) {
      const secret = secrets.get(name)
      if (secret === undefined) throw new Error(`${name} has no second factor`)
      await clock.advance({ seconds: 30 })
      return oneTimeCode(secret, clock.now())
    },
    async signInWithPassword(client, name, at = portal) {
      const { login, password } = accounts[name]
      const page = await client.navigate(at)
      const form = await client.click(page, 'Sign in with')
      return client.submit(form, { login, password })
    },
    async signIn(name) {
      const client = createClient({ clock })
      const form = await plant.signInWithPassword(client, name)
      await client.submit(form, { code: await plant.code(name) })
      return client
    },
    async signInPage(page, name) {
      const { login, password } = accounts[name]
      await page.goto(portal)
      await page.locator('a[href^="/sign-in/start"]').click()
      await page.locator('input[name=login]').fill(login)
      await page.locator('input[name=password]').fill(password)
      await page.locator('button[type=submit]').click()
      await page.locator('input[autocomplete=one-time-code]').fill(await plant.code(name))
      await page.locator('form[action="/second-factor"] button').click()
      await page.waitForURL(`${portal}/`)
    },
    async issue(over = {}) {
      const { email, subject } = accounts.vendor
      const request = {
        to: email,
        endpoints: ['press-3'],
        from: 'now',
        until: '+8h',
        reason: 'test of the gate',
        ...over,
      }
      const isVendor = request.to === email
      const recipient = { principalId: isVendor ? principalId(provider.issuer, subject) : null }
      return gatehouse.services.grants.issue(request, operator, recipient)
    },
    async revoke(grant) {
      await gatehouse.services.grants.revoke(grant.id, 'test of the gate', operator)
    },
    async revokeUnannounced({ id }) {
      const { store, keyring } = gatehouse.services
      const revocation = JSON.stringify({ at: clock.now(), by: { kind: 'gateway' }, reason: 'missed' })
      const text = createVouching(keyring, () => undefined).vouch(`grant ${id} revocation`, revocation)
      await store.run((connection) => connection.hset(store.key('grant', id), 'revocation', text))
    },
    async command(...argv) {
      let out = ''
      let err = ''
      const output = { out: (text: string) => (out += text), err: (text: string) => (err += text) }
      const status = await run([...argv, '--config', configFile], output, clock)
      return { status, out, err }
    },
    async restart() {
      await gatehouse.close()
      gatehouse = await start()
      await gatehouse.services.store.untilReady(5_000)
    },
    async close() {
      await gatehouse.close()
      await Promise.all([redis?.close(), machine.close(), provider.close()])
      await rm(folder, { recursive: true, force: true })
    },
  }
  const granted = options.granted ?? options.endpoints?.map(({ id }) => id) ?? []
  if (granted.length > 0) await plant.issue({ endpoints: granted })
  return plant
}

const clientSecret = 'not-a-real-secret'

function principalOf(issuer: string, { subject, email, emailVerified, name }: TestAccount): Principal {
  return { id: principalId(issuer, subject), issuer, subject, email: emailVerified ? email : null, name }
}

async function enrol({ services }: Gatehouse, clock: TestClock, principal: Principal): Promise<string> {
  const { secondFactor } = services
  const to = {
    principal: { ...principal, email: principal.email ?? 'nobody@machines.example' },
    sessionId: 's-setup',
  }
  const { code: invitation } = await secondFactor.invite(
    to.principal.email,
    'first day at the plant',
    operator,
  )
  const { secret } = await secondFactor.beginEnrolment({ ...to, invitation })
  await secondFactor.confirmEnrolment({ ...to, code: oneTimeCode(secret, clock.now()) })
  return secret
}

function describeConfig(plant: {
  port: number
  portal: string
  redis: string
  issuer: string
  endpoints: readonly EndpointUnderTest[]
  isTls: boolean
  limits: string
  stop: { announce: number; shutdown: number }
  extra: string
}): string {
  const endpoints = plant.endpoints.map(
    ({ id, kind = 'hmi', upstream, hostHeader = 'upstream', more }) =>
      `  - { id: ${id}, name: ${id} panel, kind: ${kind}, zone: Hall B, upstream: '${upstream}'` +
      (hostHeader === 'upstream' ? '' : `, hostHeader: ${hostHeader}`) +
      (more === undefined ? ' }' : `, ${more} }`),
  )
  return `
server:
  publicUrl: ${plant.portal}
  endpointDomain: plant.localhost
  listen: 127.0.0.1:${plant.port}
  operations: 127.0.0.1:0
  limits: ${plant.limits}
  announceSeconds: ${plant.stop.announce}
  shutdownSeconds: ${plant.stop.shutdown}
${plant.isTls ? '  tls: { certificateFile: server.pem, keyFile: server.key }\n' : ''}redis: ${plant.redis}
oidc:
  issuer: ${plant.issuer}
  name: Plant account
  clientId: gatehouse
  clientSecretFile: oidc-secret
  roles: { claim: groups, admin: [plant-it], approver: [line-leads, press-leads], auditor: [audit] }
keys: { file: keys.json }
audit: { directory: ledger }
${plant.extra}
endpoints:
${endpoints.join('\n')}
`
}
