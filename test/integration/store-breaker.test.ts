import { connectStore, type Store } from '../../src/lib/index.js'
import { createClient, type Client } from '../support/client.js'
import { layLine } from '../support/cut-line.js'
import { silentLogger } from '../support/logger.js'
import { readiness } from '../support/operations.js'
import { startPlant } from '../support/plant.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { changesOf, connectedStore, ready } from '../support/store.js'
import { until } from '../support/until.js'

const ask = (store: Store): Promise<boolean> =>
  store
    .run((redis) => redis.get('x'))
    .then(
      () => true,
      () => false,
    )

describe('a Redis that stops answering', () => {
  let redis: TestRedis
  beforeAll(async () => {
    redis = await startRedis()
  })
  afterAll(async () => {
    await redis.close()
  })

  it('is asked by nobody any more once it has left one waiting, and by all again when it answers', async () => {
    const store = await connectedStore(redis.url)
    const waitedMs: number[] = []
    const asked: Promise<void>[] = []
    redis.process.kill('SIGSTOP')
    const began = performance.now()
    await until(
      'two seconds of questions',
      () => {
        const at = performance.now()
        asked.push(
          ask(store).then((isAnswered) => {
            if (!isAnswered) waitedMs.push(performance.now() - at)
          }),
        )
        return performance.now() - began > 2_000
      },
      3_000,
    )
    await Promise.all(asked)
    expect(store.isReady()).toBe(false)
    expect(waitedMs).toHaveLength(asked.length)
    expect(Math.max(...waitedMs)).toBeLessThan(500)
    const waited = waitedMs.filter((ms) => ms > 200).length
    expect(waited).toBeLessThan(asked.length / 3)
    redis.process.kill('SIGCONT')
    await until('it is asked again', () => ask(store), 2_000)
    expect(store.isReady()).toBe(true)
    // What had been given up was not sent behind its back.
    const stats = await store.run((connection) => connection.info('commandstats'))
    const calls = Number(/cmdstat_get:calls=(\d+)/.exec(stats)?.[1])
    expect(calls).toBeLessThan(waited + 50)
    await store.close()
  }, 15_000)

  it('is asked again within two seconds of its line being mended, over new connections', async () => {
    const line = await layLine(redis.url.slice('unix:'.length))
    const store = connectStore({ url: line.url }, silentLogger)
    await ready(store)
    const { changes } = changesOf(store)
    const follower = await changes.follow({ onChange: async () => {}, onDoubt: async () => {} })
    try {
      await until('changes are followed', () => changes.proof.ageMs < 500)
      line.cut()
      const at = performance.now()
      expect(await ask(store)).toBe(false)
      expect(performance.now() - at).toBeLessThan(500)
      await until('it is known to be gone', () => changes.proof.ageMs > 5_000, 7_000)
      expect(store.isReady()).toBe(false)
      line.mend()
      const mendedAt = performance.now()
      await until('it is asked again', () => ask(store), 2_000)
      await until('changes are followed again', () => changes.proof.ageMs < 500, 2_000)
      expect(performance.now() - mendedAt).toBeLessThan(2_000)
    } finally {
      line.close()
      await follower.close()
      await store.close()
    }
  }, 20_000)

  it('does not keep a store from being closed', async () => {
    const store = await connectedStore(redis.url)
    redis.process.kill('SIGSTOP')
    try {
      expect(await ask(store)).toBe(false)
      const at = performance.now()
      await store.close()
      expect(performance.now() - at).toBeLessThan(500)
    } finally {
      redis.process.kill('SIGCONT')
    }
  })
})

describe('a gateway whose Redis stands still', () => {
  it('answers everybody with 503 within half a second, is not ready, and goes on within two of its return', async () => {
    const plant = await startPlant({ storeLimitMs: null, enrolled: ['vendor'], granted: ['press-3'] })
    const clients: Client[] = []
    try {
      const client = await plant.signIn('vendor')
      clients.push(client)
      const press = `${plant.origin('press-3')}/`
      expect((await client.navigate(press)).status).toBe(200)
      const newcomers = Array.from({ length: 40 }, () => createClient({ clock: plant.clock }))
      clients.push(...newcomers)
      const everybodyAsks = async () => {
        const began = performance.now()
        const answers = await Promise.all([
          ...newcomers.map((newcomer) =>
            newcomer.fetch(press, { headers: { cookie: `__Host-gatehouse-pass=${'A'.repeat(43)}` } }),
          ),
          client.fetch(press),
        ])
        return { answers, ms: performance.now() - began }
      }
      // What forty clients cost this host anyway: they share the one processor with the gateway.
      const usual = await everybodyAsks()
      plant.redis.process.kill('SIGSTOP')
      // The copy that is proved decides for a moment.
      await until('it is noticed', async () => (await client.fetch(press)).status === 503, 2_000)
      expect(await readiness(plant)).toMatchObject({ http: 503, problems: ['Redis is not reachable'] })
      const { answers, ms } = await everybodyAsks()
      expect(ms - usual.ms).toBeLessThan(500)
      const said = answers.map((answer) => [answer.status, (answer.json() as { code: string }).code])
      expect(new Set(said.map(String))).toEqual(new Set(['503,store-unavailable']))
      plant.redis.process.kill('SIGCONT')
      await until('it goes on', async () => (await client.fetch(press)).status === 200, 2_000)
      await until('it is ready', async () => (await readiness(plant)).http === 200, 2_000)
    } finally {
      plant.redis.process.kill('SIGCONT')
      for (const client of clients) client.close()
      await plant.close()
    }
  }, 30_000)
})
