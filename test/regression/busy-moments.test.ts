// What went wrong: the limit for an answer of Redis was a timer of the client library. When Gatehouse itself
// was busy for longer than that, the timer fired before the answer was read that had long been there.
// Why it mattered: an engineer got "access cannot be checked" in the middle of the work, with Redis in
// perfect health; a page's script failed to load and nobody could say why.
import type { Store } from '../../src/lib/index.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { connectedStore } from '../support/store.js'

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

function beBusy(forMs: number): void {
  const end = performance.now() + forMs
  while (performance.now() < end);
}

it.each(['run', 'transaction', 'pipeline'] as const)(
  'an answer that arrived while we were busy counts: %s',
  async (way) => {
    const answer =
      way === 'run'
        ? store.run((connection) => connection.set('key', 'value'))
        : store[way]((commands) => commands.set('key', 'value'))
    // Commands leave at the end of this turn of the loop, and the answer comes while nobody looks.
    await new Promise((resolve) => process.nextTick(resolve))
    beBusy(400)
    await expect(answer).resolves.toEqual(way === 'run' ? 'OK' : ['OK'])
  },
)

it('a Redis that stands still is given up after the limit, as before', async () => {
  redis.process.kill('SIGSTOP')
  try {
    const startedAt = performance.now()
    await expect(store.run((connection) => connection.get('key'))).rejects.toMatchObject({
      code: 'store-unavailable',
    })
    expect(performance.now() - startedAt).toBeLessThan(1_000)
  } finally {
    redis.process.kill('SIGCONT')
  }
})
