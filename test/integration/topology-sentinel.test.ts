import { operator } from '../support/plant.js'
import {
  checkFailover,
  checkLostRevocation,
  startBehind,
  type BehindTopology,
} from '../support/behind-topology.js'
import { startSentinel } from '../support/redis-topologies.js'
import { until } from '../support/until.js'

describe('with Redis under Sentinel', () => {
  let redis: Awaited<ReturnType<typeof startSentinel>>
  let behind: BehindTopology

  beforeEach(async () => {
    redis = await startSentinel()
    behind = await startBehind(redis)
  }, 30_000)
  afterEach(async () => {
    await behind.close()
    await redis.close()
  })

  it('lets in, and cuts what is open when the grant is revoked, with any one sentinel away', async () => {
    const { plant, vendor, press, statusAt } = behind
    for (const sentinel of redis.sentinels) {
      await sentinel.kill()
      await plant.restart()
      const grant = await plant.issue()
      expect((await vendor.navigate(press())).status).toBe(200)
      const live = await vendor.openWebSocket(press('/live'))
      await plant.revoke(grant)
      expect(await live.closed).toEqual({ code: 1008, reason: 'grant-revoked' })
      expect(await statusAt()).toBe(403)
      await sentinel.restart()
    }
  })

  it('stays with its master while no sentinel answers', async () => {
    const { plant, vendor, press, statusAt } = behind
    await plant.issue()
    expect((await vendor.navigate(press())).status).toBe(200)
    const live = await vendor.openWebSocket(press('/live'))
    for (const sentinel of redis.sentinels) await sentinel.kill()
    await plant.clock.advance({ seconds: 10 })
    expect(await statusAt()).toBe(200)
    // Nobody says who it is when it has to be looked for.
    await redis.master.restart()
    await until('nobody is let in', async () => (await statusAt()) === 503, 1_500)
    expect((await live.closed).reason).toBe('state-stale')
    await Promise.all(redis.sentinels.map((sentinel) => sentinel.restart()))
    await until('it goes on', async () => (await statusAt()) === 200, 4_000)
  })

  it('goes on with the replica when the master dies', async () => {
    await checkFailover(behind, redis, () => redis.master.kill())
  })

  it('goes on with the replica when the master freezes, and does not go back when it thaws', async () => {
    await checkFailover(behind, redis, () => {
      redis.master.freeze()
    })
    const { plant, vendor, press, elsewhere } = behind
    const grant = await plant.issue()
    redis.master.thaw()
    await until('it still takes itself for the master', async () =>
      String(await redis.master.call('ROLE')).startsWith('master'),
    )
    expect((await vendor.navigate(press())).status).toBe(200)
    const live = await vendor.openWebSocket(press('/live'))
    await (await elsewhere()).grants.revoke(grant.id, 'test of the gate', operator)
    expect(await live.closed).toEqual({ code: 1008, reason: 'grant-revoked' })
    expect(String(await redis.master.call('CLIENT', 'LIST'))).not.toContain('name=gatehouse')
  })

  it('keeps revoked what the replica that takes over has never heard of', async () => {
    await checkLostRevocation(behind, redis)
  })

  it('leaves a master that has been voted out without noticing, within a second', async () => {
    const { plant, vendor, press, elsewhere } = behind
    const grant = await plant.issue()
    expect((await vendor.navigate(press())).status).toBe(200)
    const live = await vendor.openWebSocket(press('/live'))
    await redis.replicated()
    await redis.isolate()
    await redis.promoted()
    expect(String(await redis.master.call('ROLE'))).toMatch(/^master/)
    const { grants } = await elsewhere()
    const revokedAt = performance.now()
    await grants.revoke(grant.id, 'test of the gate', operator)
    expect(await live.closed).toEqual({ code: 1008, reason: 'grant-revoked' })
    expect(performance.now() - revokedAt).toBeLessThan(1_500)
  })

  it('closes with a master that is cut off together with it, when that may not write without a replica', async () => {
    const { plant, vendor, press, statusAt } = behind
    await redis.master.call('CONFIG', 'SET', 'min-replicas-max-lag', 1)
    await redis.master.call('CONFIG', 'SET', 'min-replicas-to-write', 1)
    await plant.issue()
    expect((await vendor.navigate(press())).status).toBe(200)
    const live = await vendor.openWebSocket(press('/live'))
    for (const sentinel of redis.sentinels) sentinel.freeze()
    await redis.isolate()
    expect(await live.closed).toEqual({ code: 1008, reason: 'state-stale' })
    expect(await statusAt()).toBe(503)
  })

  it('leaves a master that somebody made a replica by hand, and lets nobody in meanwhile', async () => {
    const { plant, vendor, press, statusAt } = behind
    await plant.issue()
    expect((await vendor.navigate(press())).status).toBe(200)
    for (const sentinel of redis.sentinels) sentinel.freeze()
    await redis.master.call('REPLICAOF', '127.0.0.1', 1)
    await until('nobody is let in', async () => (await statusAt()) === 503, 1_500)
    await redis.master.call('REPLICAOF', 'NO', 'ONE')
    for (const sentinel of redis.sentinels) sentinel.thaw()
    await until('it goes on', async () => (await statusAt()) === 200, 10_000)
  })
})
