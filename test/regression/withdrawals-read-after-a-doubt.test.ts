// After each break in following the changes, the withdrawals that this host knows of were held against Redis one after the other:
// one round trip for each of a day, while nothing was proved and nobody was let in. Now they are asked for a thousand at a time,
// and only what Redis has forgotten is said again.
import { createReleases } from '../../src/grants/index.js'
import type { Store } from '../../src/lib/index.js'
import { TestClock } from '../support/clock.js'
import { silentLogger } from '../support/logger.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { changesOf, connectedStore } from '../support/store.js'
import { openTrust, sharedVouching } from '../support/trust.js'

const withdrawn = 1_200
const forgotten = 150

describe('after a doubt', () => {
  let redis: TestRedis
  let store: Store
  beforeAll(async () => {
    redis = await startRedis()
    store = await connectedStore(redis.url)
  })
  afterAll(async () => {
    await store.close()
    await redis.close()
  })

  it('withdrawals are read many at a time, and those that Redis has forgotten are made again', async () => {
    const clock = new TestClock()
    const trust = await openTrust(clock)
    let trips = 0
    const counted: Store = {
      ...store,
      run: (work) => {
        trips += 1
        return store.run(work)
      },
      pipeline: (fill) => {
        trips += 1
        return store.pipeline(fill)
      },
    }
    const releases = createReleases({
      ...{ clock, vouching: sharedVouching, logger: silentLogger, journal: trust.journal },
      ...changesOf(store),
      store: counted,
      record: () => Promise.resolve(),
      assertFit: () => Promise.resolve(),
    })
    const idOf = (kind: 'g' | 's', number: number): string => `${kind}-${String(number).padStart(16, '0')}`
    const keyOf = (number: number): string => store.key('releases', idOf('g', number))
    const fieldsOf = (): Promise<unknown[]> =>
      store.pipeline((pipeline) => {
        for (let number = 0; number < withdrawn; number += 1) pipeline.hget(keyOf(number), idOf('s', number))
      })
    const withdrawals = Array.from({ length: withdrawn }, (_, number) =>
      releases.noteWithdrawn(idOf('g', number), idOf('s', number), clock.now()),
    )
    await Promise.all(withdrawals)

    await releases.withdrawRevived()
    const told = await fieldsOf()
    expect(told.filter((kept) => String(kept).includes('"isGiven":false'))).toHaveLength(withdrawn)

    trips = 0
    await releases.withdrawRevived()
    expect(trips).toBeLessThan(10)
    expect(await fieldsOf()).toEqual(told)

    await store.pipeline((pipeline) => {
      for (let number = 0; number < forgotten; number += 1) pipeline.del(keyOf(number * 8))
    })
    await releases.withdrawRevived()
    expect(await fieldsOf()).toEqual(told)
    await trust.close()
  }, 60_000)
})
