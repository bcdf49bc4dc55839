import { assertEnded, endCompany } from '../../src/admin/index.js'
import { operator, startPlant, type Plant } from '../support/plant.js'
import { visibleText } from '../support/html.js'

/*
 * The lists of grants, sessions and people in Redis were read whole by one command each. Somebody who could write to Redis
 * and planted a million ids made that command take longer than the store may: the breaker opened, nobody was let in for a
 * while, every two seconds again, and a company could not be ended.
 */

const planted = 300_000
const dayMs = 24 * 3_600_000
const withinLimits = 50_000
const kinds = ['grants', 'sessions', 'people', 'open requests', 'requests to be issued'] as const

let plant: Plant
beforeEach(async () => {
  plant = await startPlant({
    enrolled: ['vendor', 'admin'],
    granted: [],
    storeLimitMs: 1_000,
    extra: 'companies: [{ id: machines, name: Machines GmbH, emailDomains: [machines.example] }]',
  })
}, 60_000)
afterEach(async () => {
  await plant.close()
})

const plantIn = async (
  kind: (typeof kinds)[number],
  { aheadMs, count = planted }: { aheadMs: number; count?: number },
): Promise<void> => {
  const { store } = plant.gatehouse.services
  const score = plant.clock.now() + aheadMs
  const [key, isSorted] = {
    grants: [store.key('grants', 'all'), true] as const,
    sessions: [store.key('sessions', 'all'), true] as const,
    people: [store.key('people'), false] as const,
    'open requests': [store.key('requests', 'open'), true] as const,
    'requests to be issued': [store.key('requests', 'unissued'), false] as const,
  }[kind]
  for (let first = 0; first < count; first += 1_000) {
    const ids = Array.from(
      { length: 1_000 },
      (_, offset) => `g-${aheadMs < 0 ? 'a' : 'z'}${String(first + offset).padStart(15, '0')}`,
    )
    await store.run((redis) =>
      isSorted ? redis.zadd(key, ...ids.flatMap((id) => [score, id])) : redis.sadd(key, ...ids),
    )
  }
}
const end = () => {
  const { services } = plant.gatehouse
  const [company] = plant.config.companies
  if (company === undefined) throw new Error('configured')
  const all = {
    ...services,
    endings: plant.config.grants.endings,
    record: (event: Parameters<typeof services.ledger.append>[0]) => services.ledger.append(event),
  }
  return endCompany(all, company, { reason: 'Contract ended', actor: operator })
}

it('keep nothing from being ended, and nobody out, however many stand there', async () => {
  ;(await plant.signIn('vendor')).close()
  const grant = await plant.issue()
  for (const kind of ['grants', 'sessions'] as const)
    await plantIn(kind, { aheadMs: 400 * dayMs, count: withinLimits })
  for (const kind of kinds) await plantIn(kind, { aheadMs: -400 * dayMs })
  const { ended, left } = await end()
  expect(ended).toEqual({ grants: 1, sessions: 1, requests: 0, codes: 0 })
  expect(left).toEqual([])
  expect((await plant.gatehouse.services.grants.get(grant.id))?.revocation).not.toBeNull()
  // Nothing of this took so long that the store was given up.
  const admin = await plant.signIn('admin')
  expect((await admin.navigate(`${plant.portal}/admin/people`)).status).toBe(200)
  admin.close()
}, 180_000)

it.each(['grants', 'sessions'] as const)(
  'are never taken for all there is, where what is real may stand behind them: %s',
  async (kind) => {
    ;(await plant.signIn('vendor')).close()
    await plant.issue()
    await plantIn(kind, { aheadMs: 400 * dayMs })
    const outcome = await end()
    expect(outcome.left).toEqual([{ kind, id: kind, why: 'index-too-long' }])
    expect(() => {
      assertEnded(outcome)
    }).toThrow(/index-too-long/)
    const { sessions } = plant.gatehouse.services
    if (kind === 'sessions') {
      const admin = await plant.signIn('admin')
      const page = visibleText(await admin.navigate(`${plant.portal}/admin/companies/machines?done=ended`))
      expect(page).toContain('Redis lists more than is read of it at once')
      expect(page).not.toContain('holds nothing any more')
      admin.close()
    }
    expect(await sessions.list()).toBeDefined()
  },
  180_000,
)

it('end whoever is found of one person, and say that there may be others', async () => {
  ;(await plant.signIn('vendor')).close()
  const { sessions, store } = plant.gatehouse.services
  const [session] = await sessions.list()
  if (session === undefined) throw new Error('signed in')
  const { id } = session.principal
  const keys = await store.run((redis) => redis.keys(store.key('sessions', '*')))
  for (const key of keys)
    for (let first = 0; first < 101_000; first += 1_000) {
      const ids = Array.from({ length: 1_000 }, (_, offset) => `s-${String(first + offset)}`)
      await store.run((redis) => redis.zadd(key, ...ids.flatMap((one) => [session.endsAt - 1, one])))
    }
  await expect(sessions.endAllOf(id, 'session-killed', operator)).rejects.toMatchObject({
    code: 'index-too-long',
  })
  expect(await sessions.byId(session.id)).toBeNull()
}, 180_000)
