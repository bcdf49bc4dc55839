// Two instances saw the first use of a grant within the same moment. The slower one told all others of its own instant,
// not of the one that counted; where its clock was behind, every journal kept that one, and from five seconds later each
// reading reported `store.rolled-back` of a Redis that was right: people learn to look past an alarm that is wrong.
// And the time ran before the ledger said so: whoever was stopped in between left a use that was nowhere on record (R4).
import { createGrants, type GrantEvent, type Grants } from '../../src/grants/index.js'
import type { Change } from '../../src/lib/index.js'
import type { Grant } from '../../src/model.js'
import { TestClock } from '../support/clock.js'
import { startPlant, type Plant } from '../support/plant.js'

const hour = 3_600_000

describe('a first use that another instance was faster with', () => {
  let plant: Plant
  let events: GrantEvent[]
  let told: Change[]
  beforeEach(async () => {
    plant = await startPlant()
    events = []
    told = []
  }, 30_000)
  afterEach(() => plant.close())

  /** Another instance, by its clock. @param before what happens while it writes a record */
  const instance = (clock: TestClock, before: (event: GrantEvent) => Promise<unknown>): Grants => {
    const { services } = plant.gatehouse
    const { changes } = services
    return createGrants({
      ...services,
      clock,
      changes: {
        ...changes,
        proof: changes.proof,
        entryOf: (change) => {
          told.push(change)
          return changes.entryOf(change)
        },
      },
      view: { read: (_, read) => read(), follow: (_, read) => read() },
      record: async (event) => {
        await before(event)
        events.push(event)
      },
      assertFit: () => Promise.resolve(),
      maxLengthMs: 12 * hour,
      endings: plant.config.grants.endings,
      endpointIds: new Set(['press-3']),
    })
  }
  const issue = (): Promise<Grant> => plant.issue({ lasts: '2h', until: '+10h' })
  const announced = async (grant: Grant): Promise<string[]> => {
    const { store } = plant.gatehouse.services
    const entries = await store.run((redis) => redis.xrange(store.key('changes'), '-', '+'))
    return entries
      .map(([, fields]) => fields[1] ?? '')
      .filter((text) => text.includes('"grant-used"') && text.includes(grant.id))
  }

  it('is announced with the instant that counts, and raises no alarm', async () => {
    const grant = await issue()
    const { grants, journal } = plant.gatehouse.services
    const behind = new TestClock(plant.clock.now() - 2_000)
    // The other is first between the record of this one and its claim.
    const slow = instance(behind, ({ event }) =>
      event === 'grant.first-used' ? grants.beginUse(grant) : Promise.resolve(),
    )
    const begunAt = plant.clock.now()
    expect((await slow.beginUse(grant)).firstUsedAt).toBe(begunAt)
    expect(told).toMatchObject([{ kind: 'grant-used', at: behind.now() }])
    expect(await announced(grant)).toMatchObject([expect.stringContaining(String(begunAt))])
    await plant.gatehouse.services.changes.settle()
    await plant.clock.advance({ seconds: 6 })
    expect(await grants.get(grant.id)).toMatchObject({ firstUsedAt: begunAt, until: begunAt + 2 * hour })
    expect(journal.since('first-use', grant.id)).toBe(begunAt)
  })

  it('leaves two records, and one of them says that it is void', async () => {
    const grant = await issue()
    const { grants } = plant.gatehouse.services
    const behind = new TestClock(plant.clock.now() - 2_000)
    const slow = instance(behind, ({ event }) =>
      event === 'grant.first-used' ? grants.beginUse(grant) : Promise.resolve(),
    )
    const begunAt = plant.clock.now()
    await slow.beginUse(grant)
    await slow.beginUse(grant)
    expect(events).toMatchObject([
      { event: 'grant.first-used', grantId: grant.id, firstUsedAt: behind.now() },
      { event: 'grant.first-use-void', grantId: grant.id, firstUsedAt: behind.now(), begunAt },
    ])
  })

  it('lets nothing through before it is on record that its own was void', async () => {
    const grant = await issue()
    const { grants } = plant.gatehouse.services
    let isFull = true
    const slow = instance(new TestClock(plant.clock.now() - 2_000), async ({ event }) => {
      if (event === 'grant.first-used') await grants.beginUse(grant)
      else if (isFull) throw new Error('the disk is full')
    })
    await expect(slow.beginUse(grant)).rejects.toThrow('the disk is full')
    const used = await slow.get(grant.id)
    if (used === null) throw new Error('the grant is gone')
    await expect(slow.beginUse(used)).rejects.toThrow('the disk is full')
    isFull = false
    await slow.beginUse(used)
    expect(events.map(({ event }) => event)).toEqual(['grant.first-used', 'grant.first-use-void'])
  })

  it('that Redis did not take is void, and the next one begins the time', async () => {
    const grant = await issue()
    const { store } = plant.gatehouse.services
    const firstUse = async (): Promise<string | null> =>
      store.run((redis) => redis.hget(store.key('grant', grant.id), 'firstUse'))
    let isBroken = true
    const single = instance(plant.clock, async ({ event }) => {
      expect([event, await firstUse()]).toEqual([event, null])
      // A key of another type, so that the script fails.
      if (isBroken) await store.run((redis) => redis.rename(store.key('changes'), store.key('aside')))
      if (isBroken) await store.run((redis) => redis.set(store.key('changes'), 'x'))
    })
    await expect(single.beginUse(grant)).rejects.toMatchObject({ code: 'store-unavailable' })
    isBroken = false
    await store.run((redis) => redis.rename(store.key('aside'), store.key('changes')))
    const firstTried = plant.clock.now()
    await plant.clock.advance({ minutes: 1 })
    expect((await single.beginUse(grant)).firstUsedAt).toBe(plant.clock.now())
    expect(events).toMatchObject([
      { event: 'grant.first-used', firstUsedAt: firstTried },
      { event: 'grant.first-use-void', firstUsedAt: firstTried, begunAt: null },
      { event: 'grant.first-used', firstUsedAt: plant.clock.now() },
    ])
  })
})
