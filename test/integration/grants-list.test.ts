// The list of all grants is read whole once; then only those are read anew that changes are about.
import { principalId } from '../../src/identity/index.js'
import { newId } from '../../src/lib/index.js'
import type { Grant } from '../../src/model.js'
import { accounts, startPlant, type Plant } from '../support/plant.js'

const others = 300

describe('the list of all grants', () => {
  let plant: Plant
  beforeEach(async () => {
    plant = await startPlant()
  }, 30_000)
  afterEach(() => plant.close())

  const redisCalls = async (command: string): Promise<number> => {
    const { store } = plant.gatehouse.services
    const info = await store.run((redis) => redis.info('commandstats'))
    return Number(new RegExp(`cmdstat_${command}:calls=(\\d+)`).exec(info)?.[1] ?? 0)
  }
  /** As somebody has it who reads all of Redis. */
  const readWhole = async (): Promise<Grant[]> => {
    const { grants, store } = plant.gatehouse.services
    return grants.byIds(await store.run((redis) => redis.zrevrange(store.key('grants', 'all'), 0, -1)))
  }
  const byId = (grants: readonly Grant[]): Grant[] => [...grants].sort((a, b) => (a.id < b.id ? -1 : 1))

  it('has each issue, extension, revocation and first use at once, and reads no other grant for it', async () => {
    const { grants } = plant.gatehouse.services
    for (let count = 0; count < others; count += 1) await plant.issue({ until: '+3h' })
    expect(await grants.list()).toHaveLength(others)
    const before = await redisCalls('hmget')
    expect(before).toBeGreaterThanOrEqual(others)

    const issued = await plant.issue({ lasts: '1h', until: '+5h' })
    expect((await grants.list()).map(({ id }) => id)).toContain(issued.id)
    const extended = await grants.extend(
      (await grants.list()).at(-1)?.id ?? '',
      plant.clock.now() + 14_400_000,
      'work goes on',
      {
        kind: 'operator',
        account: 'test',
      },
    )
    expect(await grants.list()).toContainEqual(extended)
    await plant.revoke(issued)
    expect((await grants.list()).find(({ id }) => id === issued.id)?.revocation).not.toBeNull()
    const other = await plant.issue({ lasts: '1h', until: '+5h' })
    const used = await grants.beginUse(other)
    const list = await grants.list()
    expect(list.find(({ id }) => id === other.id)).toMatchObject({ firstUsedAt: used.firstUsedAt })
    expect((await redisCalls('hmget')) - before).toBeLessThan(others / 2)

    expect(list).toHaveLength(others + 2)
    expect(byId(list)).toEqual(byId(await readWhole()))
    expect(list.map(({ until }) => until)).toEqual(list.map(({ until }) => until).sort((a, b) => b - a))
  }, 60_000)

  // An instance went on to list what had been taken from Redis by hand, since no change ever named it.
  // A grant whose keys were away for a moment and put back let its holder in, and stood on no list of those who could stop it.
  it('holds what has come back to Redis, after the next change', async () => {
    const { grants, store } = plant.gatehouse.services
    const hidden = await plant.issue()
    const kept = await plant.issue()
    const key = store.key('grants', 'all')
    await store.run((redis) => redis.zrem(key, hidden.id))
    const other = await plant.issue()
    expect(await grants.list()).toHaveLength(2)
    await store.run((redis) => redis.zadd(key, hidden.until, hidden.id))
    await plant.revoke(other)
    const ids = (await grants.list()).map(({ id }) => id).sort()
    expect(ids).toEqual([hidden.id, kept.id, other.id].sort())
  }, 60_000)

  it('has it when a grant that waited is bound to its holder, and when one comes from a request', async () => {
    const { grants } = plant.gatehouse.services
    expect(await grants.list()).toEqual([])
    const waiting = await plant.issue({ to: accounts.stranger.email }) // has not signed in yet
    expect(await grants.list()).toEqual([waiting])
    const { subject, email } = accounts.stranger
    const { issuer } = plant.provider
    const principal = { id: principalId(issuer, subject), issuer, subject, email, name: 'Eve' }
    await grants.bindPending(principal)
    expect(byId(await grants.list())).toEqual(byId(await readWhole()))
    expect((await grants.list())[0]?.to.principalId).toBe(principal.id)
    await grants.issueOnce({ ...waiting, id: newId('g'), to: { email, principalId: principal.id } })
    expect(await grants.list()).toHaveLength(2)
    expect(byId(await grants.list())).toEqual(byId(await readWhole()))
  }, 60_000)

  it('holds nothing more that has vanished from Redis, after the next change', async () => {
    const { grants, store } = plant.gatehouse.services
    const vanished = await plant.issue()
    const kept = await plant.issue()
    expect(await grants.list()).toHaveLength(2)
    await store.run((redis) => redis.zrem(store.key('grants', 'all'), vanished.id))
    const issued = await plant.issue()
    expect((await grants.list()).map(({ id }) => id).sort()).toEqual([kept.id, issued.id].sort())
  }, 60_000)
})
