import { join } from 'node:path'
import { endCompany } from '../../src/admin/index.js'
import { createBreakGlass, principalId, type BreakGlass } from '../../src/identity/index.js'
import { createVouching, GatehouseError, openJournal, type Store } from '../../src/lib/index.js'
import { silentLogger } from '../support/logger.js'
import { accounts, operator, startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

/*
 * When a write to Redis timed out at the end of a company, what it should have told was known on this host alone. Here it
 * counted as ended, so the next look did not find it, the failure was forgotten, and the answer was that all had ended:
 * at another host a break-glass code that was taken back still signed somebody in, and nobody ever told that host; a grant
 * or a session was open there until Redis was told a moment later, if it was. Who asked again was told the same.
 */

let plant: Plant
beforeEach(async () => {
  plant = await startPlant({
    enrolled: ['vendor'],
    granted: [],
    extra: 'companies: [{ id: machines, name: Machines GmbH, emailDomains: [machines.example] }]',
  })
  const { issuer } = plant.provider
  const { subject, email, name } = accounts.vendor
  const principal = { id: principalId(issuer, subject), issuer, subject, email, name }
  await plant.gatehouse.services.people.remember(principal, [])
}, 60_000)
afterEach(async () => {
  await plant.close()
})

type Over = Partial<Parameters<typeof endCompany>[0]>
const end = (over: Over) => {
  const { services } = plant.gatehouse
  const [company] = plant.config.companies
  if (company === undefined) throw new Error('configured')
  const all = {
    ...services,
    ...over,
    endings: plant.config.grants.endings,
    record: (event: Parameters<typeof services.ledger.append>[0]) => services.ledger.append(event),
  }
  return endCompany(all, company, { reason: 'Contract ended', actor: operator })
}
const away = (): Promise<never> => Promise.reject(new GatehouseError('store-unavailable', 'Redis is away.'))
const makeCode = async (): Promise<{ code: string; sessionId: string }> => {
  const { email } = accounts.vendor
  const made = await plant.command(
    ...['users', 'break-glass', email, '--reason', 'provider is down', '--anyway', '--json'],
  )
  return JSON.parse(made.out) as { code: string; sessionId: string }
}
/** Break-glass as one host has it: on the plant's Redis. */
const breakGlassWith = (over: Partial<Parameters<typeof createBreakGlass>[0]>): BreakGlass => {
  const { services } = plant.gatehouse
  return createBreakGlass({
    ...services,
    vouching: createVouching(services.keyring, () => undefined),
    logger: silentLogger,
    record: () => Promise.resolve(),
    note: () => undefined,
    ...over,
  })
}
/** Another host, which has missed whatever was told. */
const elsewhere = async (): Promise<BreakGlass> => {
  const journal = await openJournal({
    ...{ file: join(plant.config.audit.directory, 'elsewhere.journal'), isReadOnly: false },
    ...{ clock: plant.clock, logger: silentLogger, sessionsKeptMs: 86_400_000, onRevived: () => undefined },
  })
  return breakGlassWith({ journal })
}

it('has not ended while a code that was taken back here is good at another host', async () => {
  const { code, sessionId } = await makeCode()
  const { store, journal } = plant.gatehouse.services
  const stalled: Store = { ...store, transaction: away }
  // Nobody here hears of it yet, who would tell Redis.
  const breakGlass = breakGlassWith({ store: stalled, journal: { ...journal, announce: () => undefined } })
  const { left } = await end({ breakGlass })
  expect(left).toEqual([{ kind: 'codes', id: sessionId, why: 'stopped-here-only' }])
  // Nor for who asks again.
  const again = await end({ breakGlass })
  expect(again.left).toEqual([expect.objectContaining({ id: sessionId })])

  await expect(breakGlassWith({ store: stalled }).withdraw(sessionId, operator)).rejects.toMatchObject({
    code: 'stopped-here-only',
  })
  const other = await elsewhere()
  await until('Redis is told, now that it answers', async () =>
    (await other.list('')).some((entry) => entry.sessionId === sessionId && entry.isWithdrawnEverywhere),
  )
  await expect(other.use(code, '127.0.0.1')).rejects.toMatchObject({ code: 'break-glass-invalid' })
  const done = await end({})
  expect([done.left, done.ended.codes]).toEqual([[], 0])
})

it('is told of a code by which nobody got in between being found and being used', async () => {
  const { code, sessionId } = await makeCode()
  const other = await elsewhere()
  const { breakGlass, people } = plant.gatehouse.services
  const slow = breakGlassWith({
    people: {
      get: async (id) => {
        await breakGlass.withdraw(sessionId, operator)
        return people.get(id)
      },
    },
  })
  await expect(slow.use(code, '127.0.0.1')).rejects.toMatchObject({ code: 'break-glass-invalid' })
  expect((await other.list('')).map(({ state }) => state)).toEqual(['issued'])
})

it.each(['grants', 'sessions'] as const)('has not ended while %s have on this host alone', async (kind) => {
  const { grants, sessions, people } = plant.gatehouse.services
  const grant = await plant.issue()
  const [person] = await people.list()
  if (person === undefined) throw new Error('remembered')
  const { session } = await sessions.start({
    principal: person.principal,
    ...{ roles: [], providerSessionId: null, idToken: null, source: '127.0.0.1' },
  })
  const { journal } = plant.gatehouse.services
  const hereOnly = async (of: 'grant' | 'session', id: string): Promise<never> => {
    await journal.add(of, id)
    throw new GatehouseError('stopped-here-only', 'Redis could not be told.')
  }
  const stalled: Over = {
    grants: { ...grants, revokeRevived: away, revoke: (id) => hereOnly('grant', id) },
    sessions: { ...sessions, endRevived: away, end: (id) => hereOnly('session', id) },
  }
  const over =
    kind === 'grants' ? { grants: stalled.grants ?? grants } : { sessions: stalled.sessions ?? sessions }
  const id = kind === 'grants' ? grant.id : session.id
  const { left } = await end(over)
  expect(left).toEqual([{ kind, id, why: 'stopped-here-only' }])
  await expect(end(over)).rejects.toMatchObject({ code: 'store-unavailable' })
  // Once Redis answers, what was only known here is told, and then it is done.
  expect((await end({})).left).toEqual([])
  const stored = await plant.gatehouse.services.store.run((redis) =>
    kind === 'grants'
      ? redis.hexists(`{gatehouse}:grant:${id}`, 'revocation')
      : redis.exists(`{gatehouse}:session:${id}`),
  )
  expect(stored).toBe(kind === 'grants' ? 1 : 0)
})
