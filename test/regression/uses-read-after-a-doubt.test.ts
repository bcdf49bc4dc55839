// After each break in following the changes, every grant that had ever been used first was read whole and one use after the
// other was told to Redis again. That took longer each month, and while it ran nothing was proved: nobody was let in, and what
// was open was cut. Now one field of each is looked at, and only those that Redis has forgotten are read, many at a time.
import type { Grant } from '../../src/model.js'
import { startPlant, type Plant } from '../support/plant.js'

const uses = 150

describe('after a doubt', () => {
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

  it('no grant is read whose use Redis knows, and those that it has forgotten are told again', async () => {
    const { grants, store } = plant.gatehouse.services
    const fieldOf = (grant: Grant): Promise<string | null> =>
      store.run((redis) => redis.hget(store.key('grant', grant.id), 'firstUse'))
    const used: Grant[] = []
    for (let count = 0; count < uses; count += 1) {
      const grant = await plant.issue({ lasts: '2h', until: '+10h' })
      await grants.beginUse(grant)
      used.push(grant)
    }
    const before = await redisCalls('hmget')
    expect(before).toBeGreaterThan(0)
    await grants.restoreUses()
    expect((await redisCalls('hmget')) - before).toBeLessThan(10)

    const held = await Promise.all(used.map(fieldOf))
    for (const grant of used) await store.run((redis) => redis.hdel(store.key('grant', grant.id), 'firstUse'))
    await grants.restoreUses()
    expect(await Promise.all(used.map(fieldOf))).toEqual(held)
  }, 60_000)
})
