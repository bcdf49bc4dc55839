// A plant of a thousand machines with ten thousand grants, people of twenty companies, and two thousand requests.
import { mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createKeysFile, loadConfig } from '../src/config/index.js'
import { principalId } from '../src/identity/index.js'
import { createLogger } from '../src/lib/index.js'
import { startGatehouse, type Gatehouse } from '../src/main.js'
import type { AccessRequest, Actor, Principal, Role } from '../src/model.js'
import { cookieNames } from '../src/sessions/index.js'
import { closeLater } from '../test/support/closing.js'
import { freePorts } from '../test/support/ports.js'
import { startRedis } from '../test/support/redis.js'

export const counts = { grants: 10_000, machines: 1_000, people: 500, companies: 20, requests: 2_000 }
/** Most people have signed in at some time; so many of them are signed in now. */
const signedIn = 100
/** At a time: as many share a write of the ledger. */
const atOnce = 50
const hourMs = 3_600_000

const issuer = 'http://127.0.0.1:9'
const operator: Actor = { kind: 'operator', account: 'bench' }
const machineIds = Array.from({ length: counts.machines }, (_, number) => `press-${String(number)}`)
const domainOf = (number: number): string => `vendor-${String(number % counts.companies)}.example`

function principalOf(number: number): Principal {
  const subject = `person-${String(number)}`
  const id = principalId(issuer, subject)
  return { id, issuer, subject, email: `${subject}@${domainOf(number)}`, name: subject }
}

export async function startThousands(tell: (text: string) => void): Promise<Gatehouse> {
  const gatehouse = await start()
  tell(`issuing ${String(counts.grants)} grants for ${String(counts.machines)} machines`)
  await inPortions(counts.grants, (number) => issueOne(gatehouse, number))
  const { people } = gatehouse.services
  await inPortions(counts.people, (number) => people.remember(principalOf(number), []))
  await inPortions(signedIn, (number) => signIn(gatehouse, number, []))
  tell(`asking ${String(counts.requests)} times`)
  await inPortions(counts.requests, (number) => askOnce(gatehouse, number))
  return gatehouse
}

async function inPortions(count: number, work: (number: number) => Promise<unknown>): Promise<void> {
  for (let first = 0; first < count; first += atOnce)
    await Promise.all(
      Array.from({ length: Math.min(atOnce, count - first) }, (_, offset) => work(first + offset)),
    )
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
  const companies = Array.from(
    { length: counts.companies },
    (_, number) =>
      `  - { id: vendor-${String(number)}, name: "Vendor ${String(number)}", emailDomains: [${domainOf(number)}] }`,
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
companies:
${companies.join('\n')}
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

/** A third are to come, the others run; some of those have been revoked, and some wait for the control room. */
export async function issueOne({ services }: Gatehouse, number: number): Promise<void> {
  const { grants, clock } = services
  const { id, email } = principalOf(number % counts.people)
  const from = clock.now() + (number % 3 === 0 ? 24 * hourMs : 0)
  const grant = await grants.issue(
    {
      to: email,
      endpoints: [machineIds[number % counts.machines], machineIds[(number * 7 + 1) % counts.machines]],
      from,
      until: from + hourMs + (number % 7) * 60_000,
      reason: `Replace the recipe module, visit ${String(number)}`,
      ticket: `CHG-${String(number)}`,
      needsRelease: number % 50 === 1,
    },
    operator,
    { principalId: id },
  )
  if (number % 20 === 2) await grants.revoke(grant.id, 'The visit was called off', operator)
}

/** Of five, two wait for an answer; the others have been approved, denied, and taken back. */
async function askOnce({ services }: Gatehouse, number: number): Promise<void> {
  const { requests } = services
  const who = number % counts.people
  const asked = {
    ...{ endpoints: [machineIds[who], machineIds[(who * 7 + 1) % counts.machines]], from: null },
    ...{ lengthMs: 2 * hourMs, reason: `The valve sticks again, call ${String(number)}` },
  }
  const { id } = await requests.ask(asked, principalOf(who))
  const approver = { actor: operator, roles: ['admin'] as const, hasFreshCode: true }
  const answers: (() => Promise<AccessRequest>)[] = [
    () => requests.approve(id, approver, {}),
    () => requests.deny(id, approver, 'Not while the line runs'),
    () => requests.withdraw(id, principalOf(who)),
  ]
  await answers[Math.floor(number / counts.people + number) % 5]?.()
}

/** @returns the cookie of the new session */
export async function signIn(
  { services }: Gatehouse,
  number: number,
  roles: readonly Role[],
): Promise<string> {
  const login = {
    ...{ principal: principalOf(number), roles, providerSessionId: null, idToken: null },
    source: '127.0.0.1',
  }
  const { session } = await services.sessions.start(login)
  const { token } = await services.sessions.raise(session, { secondFactorAt: services.clock.now() })
  return `${cookieNames.session}=${token}`
}
