import { createSeats, unconditional, type Seats } from '../../src/grants/index.js'
import type { Store } from '../../src/lib/index.js'
import type { Grant } from '../../src/model.js'
import type { Client } from '../support/client.js'
import { TestClock } from '../support/clock.js'
import { visibleText } from '../support/html.js'
import { silentLogger } from '../support/logger.js'
import { startPlant, type Plant } from '../support/plant.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { changesOf, connectedStore } from '../support/store.js'
import { sharedVouching } from '../support/trust.js'

describe('a grant for one session at a time', () => {
  let plant: Plant
  const clients: Client[] = []

  beforeAll(async () => {
    plant = await startPlant({ enrolled: ['vendor', 'admin'] })
  }, 30_000)
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close()
    for (const grant of await plant.gatehouse.services.grants.list())
      if (grant.revocation === null) await plant.revoke(grant)
  })
  afterAll(async () => {
    await plant.close()
  })
  const signIn = async (): Promise<Client> => {
    const client = await plant.signIn('vendor')
    clients.push(client)
    return client
  }
  const machine = (): string => plant.origin('press-3')
  const statusOf = async (client: Client): Promise<number> => (await client.navigate(machine())).status

  it('lets in who comes first, and the next when that session has ended', async () => {
    await plant.issue({ maxSessions: 1 })
    const first = await signIn()
    const second = await signIn()
    // Looking takes nothing.
    expect(visibleText(await second.navigate(plant.portal))).toContain('Open now')
    expect(await statusOf(first)).toBe(200)
    const refused = await second.navigate(machine())
    expect([refused.status, visibleText(refused)]).toEqual([403, expect.stringContaining('sessions-taken')])
    expect(visibleText(await second.navigate(plant.portal))).toContain('You use it in another browser')
    expect(await statusOf(first)).toBe(200)
    const { sessions } = plant.gatehouse.services
    const [, older] = await sessions.list()
    await plant.command('sessions', 'kill', older?.id ?? '')
    expect(await statusOf(second)).toBe(200)
  })

  it('stands aside for one without a limit', async () => {
    await plant.issue({ maxSessions: 1 })
    await plant.issue({ access: 'view' })
    const [first, second] = [await signIn(), await signIn()]
    expect([await statusOf(first), await statusOf(second)]).toEqual([200, 200])
  })

  it('is issued at the command line and on the page, which say so', async () => {
    const argv = ['grants', 'issue', '--to', 'ana@machines.example', '--endpoint', 'press-3', '--from', 'now']
    const rest = ['--until', '+1h', '--reason', 'test of the gate', '--sessions']
    expect((await plant.command(...argv, ...rest, '2')).out).toContain(
      '\n  in at most 2 sign-ins at a time\n',
    )
    expect(await plant.command(...argv, ...rest, '0')).toMatchObject({ status: 1 })
    expect(await plant.command(...argv, ...rest, 'one')).toMatchObject({ status: 1 })
    const admin = await plant.signIn('admin')
    clients.push(admin)
    const form = await admin.navigate(`${plant.portal}/admin/grants/new`)
    const fields = { to: 'ana@machines.example', endpoints: 'press-3', reason: 'test of the gate' }
    const refused = await admin.submit(form, { ...fields, maxSessions: 'x' })
    expect([refused.status, refused.text]).toEqual([422, expect.stringMatching(/<details[^>]* open/)])
    const issued = await admin.submit(refused, { ...fields, maxSessions: '1' })
    expect(visibleText(issued)).toContain('by 1 of their sign-ins at a time.')
  })
})

describe('seats of two hosts', () => {
  let redis: TestRedis
  let store: Store
  let hosts: [Seats, Seats]
  let grant: Grant
  let dead: Set<string>

  beforeAll(async () => {
    redis = await startRedis()
    store = await connectedStore(redis.url)
  })
  afterAll(async () => {
    await store.close()
    await redis.close()
  })
  beforeEach(async () => {
    await store.run((connection) => connection.flushall())
    const clock = new TestClock()
    dead = new Set()
    const open = (): Seats =>
      createSeats({
        ...{ store, clock, vouching: sharedVouching, logger: silentLogger, ...changesOf(store) },
        alive: async (ids) => Promise.resolve(new Set(ids.filter((id) => !dead.has(id)))),
      })
    hosts = [open(), open()]
    grant = {
      id: 'g-0123456789abcdef',
      to: { email: 'ana@vendor.example', principalId: 'p-ana' },
      ...{ endpoints: ['press-3'], access: 'operate', reason: 'test', ticket: null, ending: 'cut' },
      ...{ from: clock.now(), until: clock.now() + 3_600_000, issuedAt: clock.now() },
      conditions: { ...unconditional, maxSessions: 1 },
      ...{ requestId: null, issuedBy: { kind: 'gateway' }, revocation: null },
    }
  })
  const session = (number: number): string => `s-${String(number)}`
  const race = async (count: number): Promise<number> => {
    const all = Array.from({ length: count }, (_, number) => number)
    const taken = await Promise.all(
      all.map((number) => hosts[number % 2 === 0 ? 0 : 1].take(grant, session(number))),
    )
    return taken.filter(Boolean).length
  }

  it('go to exactly as many as may have one, however many ask at once', async () => {
    for (const maxSessions of [1, 3]) {
      grant = { ...grant, id: `g-${String(maxSessions)}`, conditions: { ...unconditional, maxSessions } }
      expect(await race(50)).toBe(maxSessions)
      expect(await race(50)).toBe(maxSessions)
    }
  })

  it('that ended sessions leave go to exactly one of all who want one', async () => {
    expect(await hosts[0].take(grant, 's-before')).toBe(true)
    expect(await race(10)).toBe(0)
    dead.add('s-before')
    expect(await race(50)).toBe(1)
  })

  it('that somebody else wrote let nobody in, and take up room', async () => {
    const key = store.key('seats', grant.id)
    await store.run((connection) => connection.hset(key, 's-1', 'forged'))
    const { held, free } = await hosts[0].openTo('s-1', [grant])
    expect([held.size, free.size]).toEqual([0, 1])
    expect(await hosts[0].without([{ grantId: grant.id, sessionId: 's-1' }])).toHaveLength(1)
    expect(await hosts[1].take(grant, 's-2')).toBe(false)
    // Whose name it is in may take it, by right.
    expect(await hosts[1].take(grant, 's-1')).toBe(true)
    expect(await hosts[0].without([{ grantId: grant.id, sessionId: 's-1' }])).toEqual([])
  })
})
