import {
  checkFailover,
  checkLostRevocation,
  startBehind,
  type BehindTopology,
} from '../support/behind-topology.js'
import { operator } from '../support/plant.js'
import { moveSlot, startCluster } from '../support/redis-topologies.js'
import { until } from '../support/until.js'

describe('with Redis as a Cluster', () => {
  let redis: Awaited<ReturnType<typeof startCluster>>
  let behind: BehindTopology

  beforeEach(async () => {
    redis = await startCluster()
    behind = await startBehind(redis)
  }, 30_000)
  afterEach(async () => {
    await behind.close()
    await redis.close()
  })

  it('lets in, and cuts what is open when the grant is revoked, with everything on one master', async () => {
    const { plant, vendor, press, statusAt } = behind
    const grant = await plant.issue()
    expect((await vendor.navigate(press())).status).toBe(200)
    const live = await vendor.openWebSocket(press('/live'))
    await plant.revoke(grant)
    expect(await live.closed).toEqual({ code: 1008, reason: 'grant-revoked' })
    expect(await statusAt()).toBe(403)
    expect(await Promise.all(redis.others.map((server) => server.call('DBSIZE')))).toEqual([0, 0])
    expect(await redis.master.call('DBSIZE')).toBeGreaterThan(5)
    expect(await plant.command('grants', 'list')).toMatchObject({ status: 0 })
  })

  it('goes on with the replica when the master dies', async () => {
    await checkFailover(behind, redis, () => redis.master.kill())
  })

  it('goes on with the replica when the master freezes', async () => {
    await checkFailover(behind, redis, () => {
      redis.master.freeze()
    })
  })

  it('keeps revoked what the replica that takes over has never heard of', async () => {
    await checkLostRevocation(behind, redis)
  })

  it('follows its keys to the replica that is told to take over, without a cut', async () => {
    const { plant, vendor, press, statusAt, elsewhere } = behind
    const grant = await plant.issue()
    expect((await vendor.navigate(press())).status).toBe(200)
    const live = await vendor.openWebSocket(press('/live'))
    await redis.replica.call('CLUSTER', 'FAILOVER')
    await redis.promoted()
    await until('it goes on', async () => (await statusAt()) === 200, 2_000)
    await (await elsewhere()).grants.revoke(grant.id, 'test of the gate', operator)
    expect(await live.closed).toEqual({ code: 1008, reason: 'grant-revoked' })
    expect(await statusAt()).toBe(403)
  })

  it('follows its keys to another master, without a cut', async () => {
    const { plant, vendor, press, statusAt, elsewhere } = behind
    const grant = await plant.issue()
    expect((await vendor.navigate(press())).status).toBe(200)
    const live = await vendor.openWebSocket(press('/live'))
    const [to, other] = redis.others
    await moveSlot(redis.master, to, [other])
    await until('it goes on', async () => (await statusAt()) === 200, 2_000)
    expect(await redis.master.call('DBSIZE')).toBe(0)
    await (await elsewhere()).grants.revoke(grant.id, 'test of the gate', operator)
    expect(await live.closed).toEqual({ code: 1008, reason: 'grant-revoked' })
    expect(await statusAt()).toBe(403)
  })

  it('lets nobody in while the Cluster is down for want of a majority', async () => {
    const { plant, vendor, press, statusAt } = behind
    await plant.issue()
    expect((await vendor.navigate(press())).status).toBe(200)
    await Promise.all(redis.others.map((server) => server.kill()))
    await until('nobody is let in', async () => (await statusAt()) === 503, 6_000)
    await Promise.all(redis.others.map((server) => server.restart()))
    await until('it goes on', async () => (await statusAt()) === 200, 10_000)
  })
})
