// Redis, a machine, and as many Gatehouses in front of it as are asked for, with people who may use it.
import { readFileSync } from 'node:fs'
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKeysFile, loadConfig } from '../src/config/index.js'
import { principalId } from '../src/identity/index.js'
import type { Store } from '../src/lib/index.js'
import { openServices, type Services } from '../src/main.js'
import type { Actor } from '../src/model.js'
import { createAuthority, type TestAuthority } from '../test/support/certificates.js'
import { closeLater } from '../test/support/closing.js'
import { startRedis, type TestRedis } from '../test/support/redis.js'
import { startChild, type Child } from './children.js'
import { certificateName, type Asked } from './clients/requests.js'
import type { Role, ServerAnswers } from './servers/main.js'

export interface RunningServer extends Child<ServerAnswers> {
  readonly port: number
}

/** Someone who is signed in. */
export interface Visitor {
  readonly principalId: string
  /** @returns the grant's id */
  grant(...endpointIds: readonly string[]): Promise<string>
  /** @returns what the browser keeps in its cookie */
  pass(endpointId: string): Promise<string>
}

export interface Site {
  readonly folder: string
  readonly redis: TestRedis
  /** For questions to Redis that Gatehouse does not ask. */
  readonly store: Store
  readonly machine: RunningServer
  readonly authority: TestAuthority
  /** Certificate and key for what listens with TLS. */
  readonly certificate: { readonly certificateFile: string; readonly keyFile: string }
  startGatehouse(options?: { isTls?: boolean }): Promise<RunningServer>
  signIn(name: string): Promise<Visitor>
  /** As many as {@link people}, each with a pass and a grant for the first endpoint: their passes. */
  readonly passes: readonly string[]
  /** As the command line does it: in a process other than the gateway's. */
  revoke(grantId: string): Promise<void>
}

export const endpointIds = Array.from({ length: 10 }, (_, number) => `press-${number + 3}`)
/** The one that most measures ask. */
export const [loadedEndpoint = ''] = endpointIds
/** Who uses it at once. */
export const people = Array.from({ length: 8 }, (_, number) => `ana-${number + 1}`)

/** What browsers would be told; Gatehouse itself listens on whatever port is free. */
const publicPort = 8443
const issuer = 'http://127.0.0.1:9'
const operator: Actor = { kind: 'operator', account: 'bench' }

export async function openSite(): Promise<Site> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-bench-'))
  closeLater(() => rm(folder, { recursive: true, force: true }))
  const redis = await startRedis()
  closeLater(() => redis.close())
  const machine = await startServer('machine')
  const machineUrl = `http://127.0.0.1:${machine.port}`

  const authority = await createAuthority()
  const issued = await authority.issue([certificateName, 'portal.localhost', '*.plant.localhost'])
  const certificate = { certificateFile: join(folder, 'server.pem'), keyFile: join(folder, 'server.key') }
  await writeFile(certificate.certificateFile, issued.certificate)
  await writeFile(certificate.keyFile, issued.key, { mode: 0o600 })
  await writeFile(join(folder, 'oidc-secret'), 'not-a-real-secret')
  createKeysFile(join(folder, 'keys.json'))

  let instances = 0
  /** Defaults throughout. The provider is never asked, since the sign-in is not what is measured. */
  const writeConfig = async (isTls: boolean): Promise<string> => {
    const name = `gateway-${(instances += 1)}`
    const file = join(folder, `${name}.yml`)
    const endpoint = (id: string): string =>
      `  - { id: ${id}, name: ${id}, kind: hmi, upstream: '${machineUrl}' }`
    await writeFile(
      file,
      `
server:
  publicUrl: ${schemeOf(isTls)}://portal.localhost:${publicPort}
  endpointDomain: plant.localhost
  listen: 127.0.0.1:0
  operations: 127.0.0.1:0
  ${isTls ? `tls: { certificateFile: server.pem, keyFile: server.key }` : ''}
redis: { url: '${redis.url}' }
oidc: { issuer: '${issuer}', clientId: gatehouse, clientSecretFile: oidc-secret }
keys: { file: keys.json }
audit: { directory: ledger, writer: ${name} }
log: { level: warn }
endpoints:
${endpointIds.map(endpoint).join('\n')}
`,
    )
    return file
  }

  const services = await openServices(loadConfig(await writeConfig(false)), { writer: 'bench' })
  closeLater(() => services.close())
  await services.store.untilReady(5_000)
  const passes: string[] = []
  for (const name of people) {
    const visitor = await signIn(services, name)
    await visitor.grant(loadedEndpoint)
    passes.push(await visitor.pass(loadedEndpoint))
  }
  return {
    ...{ folder, redis, machine, authority, certificate, passes, store: services.store },
    startGatehouse: async ({ isTls = false } = {}) => startServer('gatehouse', await writeConfig(isTls)),
    signIn: (name) => signIn(services, name),
    revoke: async (grantId) => {
      await services.grants.revoke(grantId, 'benchmark', operator)
    },
  }
}

/** What Node is told where Gatehouse is installed, so that it is measured as it runs there. */
function installedOptions(): string[] {
  const { scripts } = JSON.parse(readFileSync(new URL('../package.json', import.meta.url), 'utf8')) as {
    scripts: { gatehouse: string }
  }
  return scripts.gatehouse.split(' ').filter((word) => word.startsWith('--'))
}

/** Resolves once it serves. */
export async function startServer(role: Role, ...given: string[]): Promise<RunningServer> {
  const child = await startChild<ServerAnswers>(
    'servers/main.ts',
    [role, ...given],
    role === 'gatehouse' ? installedOptions() : [],
  )
  return { ...child, port: await child.ask('port', null) }
}

async function signIn({ sessions, grants }: Services, name: string): Promise<Visitor> {
  const id = principalId(issuer, name)
  const email = `${name}@machines.example`
  const principal = { id, issuer, subject: name, email, name }
  const login = { principal, roles: [], providerSessionId: null, idToken: null, source: '127.0.0.1' }
  const { session } = await sessions.start(login)
  await sessions.raise(session, { secondFactorAt: Date.now() })
  return {
    principalId: id,
    pass: async (endpointId) => (await sessions.issuePass(session, endpointId)).token,
    grant: async (...endpoints) => {
      const terms = { endpoints, from: 'now', until: '+8h', reason: 'benchmark' }
      const grant = await grants.issue({ to: email, ...terms }, operator, { principalId: id })
      return grant.id
    },
  }
}

export function schemeOf(isTls: boolean): 'http' | 'https' {
  return isTls ? 'https' : 'http'
}

export function hostOf(endpointId: string): string {
  return `${endpointId}.plant.localhost:${publicPort}`
}

export interface Wording {
  readonly endpointId?: string
  readonly path?: string
  readonly isTls?: boolean
}

/** A GET with the headers of a browser, as it goes over the wire. */
export function wordRequest(cookie: string, wording: Wording = {}): string {
  const {
    endpointId = loadedEndpoint,
    path = '/api/values?tags=pressure,temperature',
    isTls = false,
  } = wording
  const host = hostOf(endpointId)
  const headers = [
    `Host: ${host}`,
    'User-Agent: Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36',
    'Accept: */*',
    'Accept-Language: en-GB,en;q=0.9',
    'Sec-Fetch-Site: same-origin',
    'Sec-Fetch-Mode: cors',
    'Sec-Fetch-Dest: empty',
    `Referer: ${schemeOf(isTls)}://${host}/`,
    `Cookie: HMISESSION=0123456789abcdef; ${cookie}`,
  ]
  return `GET ${path} HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`
}

/** What a browser asks for a WebSocket with. */
export function wordUpgrade(cookie: string, endpointId = loadedEndpoint): string {
  const host = hostOf(endpointId)
  const headers = [
    `Host: ${host}`,
    `Origin: http://${host}`,
    'Connection: Upgrade',
    'Upgrade: websocket',
    'Sec-WebSocket-Version: 13',
    'Sec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==',
    `Cookie: ${cookie}`,
  ]
  return `GET /live HTTP/1.1\r\n${headers.join('\r\n')}\r\n\r\n`
}

export function cookieOf(pass: string): string {
  return `__Host-gatehouse-pass=${pass}`
}

/** Fully checked requests of all people. */
export function askAsEach(
  { passes, authority }: Site,
  { port }: { readonly port: number },
  wording: Wording = {},
): Asked[] {
  return passes.map((pass) => ({
    port,
    request: wordRequest(cookieOf(pass), wording),
    authority: wording.isTls === true ? authority.ca : null,
  }))
}
