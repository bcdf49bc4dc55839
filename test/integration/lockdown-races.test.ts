import { createLockdowns, type LockdownEvent, type Lockdowns } from '../../src/grants/index.js'
import type { Store } from '../../src/lib/index.js'
import type { Actor } from '../../src/model.js'
import { TestClock } from '../support/clock.js'
import { silentLogger } from '../support/logger.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { changesOf, connectedStore } from '../support/store.js'
import { openTrust, sharedVouching, type Trust } from '../support/trust.js'

const admin: Actor = { kind: 'operator', account: 'root' }

/** Two hosts with a journal each and one Redis; what one lifts while the other locks must not come out two ways. */
describe('locking and lifting at the same moment', () => {
  let redis: TestRedis
  let store: Store
  let trusts: Trust[]
  let hosts: [Lockdowns, Lockdowns]
  /** Runs while an event is being recorded: what is about to be written has been read by then. */
  let whileRecording: (event: LockdownEvent) => Promise<void> = async () => {}

  beforeAll(async () => {
    redis = await startRedis()
    store = await connectedStore(redis.url)
    const clock = new TestClock()
    trusts = await Promise.all([openTrust(clock), openTrust(clock)])
    const open = ({ journal }: Trust): Lockdowns =>
      createLockdowns({
        ...{ store, clock, journal, vouching: sharedVouching, logger: silentLogger, ...changesOf(store) },
        record: (event) => whileRecording(event),
        endpointIds: new Set(['press-3']),
      })
    hosts = trusts.map(open) as [Lockdowns, Lockdowns]
  })
  afterAll(async () => {
    await Promise.all(trusts.map((trust) => trust.close()))
    await store.close()
    await redis.close()
  })

  const state = async (): Promise<number[]> => {
    // As each follows the change.
    for (const host of hosts) await host.note('all')
    return Promise.all(hosts.map(async (host) => (await host.inForce()).length))
  }

  it('comes out one way on both hosts, and closed where nobody was told that it was lifted', async () => {
    const [one, other] = hosts
    for (let round = 0; round < 50; round += 1) {
      await one.on('all', 'before the race', admin)
      const [locked, lifted] = await Promise.allSettled([
        one.on('all', 'in the race', admin),
        other.off('all', 'in the race', admin),
      ])
      expect(locked.status).toBe('fulfilled')
      const [here, there] = await state()
      expect(here).toBe(there)
      if (lifted.status === 'rejected') {
        expect(lifted.reason).toMatchObject({ code: 'lockdown-conflict' })
        expect(here).toBe(1)
      }
    }
  })

  it('stays closed where somebody locks it anew while another is lifting it', async () => {
    const [one, other] = hosts
    await one.on('all', 'before the race', admin)
    whileRecording = async ({ event }) => {
      whileRecording = async () => {}
      if (event === 'lockdown.off') await one.on('all', 'in the race', admin)
    }
    await expect(other.off('all', 'in the race', admin)).rejects.toMatchObject({ code: 'lockdown-conflict' })
    expect(await state()).toEqual([1, 1])
  })

  it('is not brought back by a host that repairs Redis meanwhile', async () => {
    const [one, other] = hosts
    for (let round = 0; round < 50; round += 1) {
      await one.on('all', 'before the race', admin)
      await store.run((connection) => connection.del(store.key('lockdowns')))
      await other.restore()
      await Promise.allSettled([one.restore(), other.on('all', 'again', admin)])
      expect(await one.off('all', 'lifted', admin)).toBe(true)
      await Promise.all([one.restore(), other.restore()])
      expect(await state()).toEqual([0, 0])
    }
  })
})
