import { mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openHighWaterMark, type ChangeLog, type HighWaterMark, type Store } from '../../src/lib/index.js'
import { silentLogger } from '../support/logger.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { changesOf, connectedStore, snapshot } from '../support/store.js'
import { until } from '../support/until.js'

let redis: TestRedis
let store: Store
let folder: string
let rolledBack: string[]

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(async () => {
  await redis.close()
})
beforeEach(async () => {
  store = await connectedStore(redis.url)
  await store.run((connection) => connection.flushall())
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-mark-'))
  rolledBack = []
})
afterEach(async () => {
  await store.close()
  await rm(folder, { recursive: true })
})

const file = (): string => join(folder, 'followed-gateway.json')

interface Run {
  readonly changes: ChangeLog
  /** The end of this run of the gateway. */
  end(): Promise<void>
}

/** One run of a gateway on this host, proved current. `onDoubt` replays what is known to have ended. */
async function run(onDoubt: (changes: ChangeLog) => Promise<void> = async () => {}): Promise<Run> {
  const mark: HighWaterMark = await openHighWaterMark(file(), silentLogger)
  const { changes } = changesOf(store, { mark, onRolledBack: (position) => rolledBack.push(position) })
  const follower = await changes.follow({ onChange: async () => {}, onDoubt: () => onDoubt(changes) })
  return {
    changes,
    end: async () => {
      await follower.close()
      await mark.close()
    },
  }
}

async function change(changes: ChangeLog, grantId = 'g-1'): Promise<void> {
  await store.transaction((multi) => {
    changes.addTo(multi, { kind: 'grant-revoked', grantId })
  })
  await changes.settle()
}

async function oneRunWithAChange(): Promise<void> {
  const { changes, end } = await run()
  await change(changes)
  await end()
}

describe('a Redis that comes back while no gateway runs', () => {
  it('is the one that was known, where nothing is missing', async () => {
    await oneRunWithAChange()
    await oneRunWithAChange()
    expect(rolledBack).toEqual([])
  })

  it('is found to be older, also when its log has grown beyond what was known', async () => {
    const first = await run()
    await change(first.changes)
    const putBack = await snapshot(store)
    await change(first.changes, 'g-lost')
    await first.end()
    await putBack()
    for (let at = 0; at < 5; at += 1) await change(changesOf(store).changes, `g-${at}`)
    await oneRunWithAChange()
    expect(rolledBack).toHaveLength(1)
    // Known from then on as it is now.
    await oneRunWithAChange()
    expect(rolledBack).toHaveLength(1)
  })

  it('is found to have been emptied, once', async () => {
    await oneRunWithAChange()
    await store.run((connection) => connection.flushall())
    const { end } = await run()
    await end()
    const again = await run()
    await again.end()
    expect(rolledBack).toHaveLength(1)
  })

  it('is found to be another one, where something else stands in the place that was known', async () => {
    await oneRunWithAChange()
    const key = store.key('changes')
    await store.run(async (connection) => {
      const [[id]] = (await connection.xrange(key, '-', '+')) as [[string, string[]]]
      await connection.del(key)
      await connection.xadd(key, id, 'change', 'another')
    })
    await oneRunWithAChange()
    expect(rolledBack).toHaveLength(1)
  })

  it('is no older one where its log was only cut off at the front, as it is when it grows long', async () => {
    await oneRunWithAChange()
    const key = store.key('changes')
    // In Redis itself: a question to it may take 300 ms, and a busy host needs more for the bytes of so many.
    const adding = "for _ = 1, 10000 do redis.call('XADD', KEYS[1], '*', 'change', 'x') end"
    await store.run((connection) => connection.eval(adding, 1, key))
    await store.run((connection) => connection.xtrim(key, 'MAXLEN', 10_000))
    await oneRunWithAChange()
    expect(rolledBack).toEqual([])
  })

  it('is taken as it is where the mark cannot be read: that alone keeps nobody out', async () => {
    await oneRunWithAChange()
    await writeFile(file(), 'not a mark')
    const { changes, end } = await run()
    expect(rolledBack).toEqual([])
    await change(changes)
    await until('it is written anew', async () => (await readFile(file(), 'utf8')).includes('position'))
    await end()
  })
})

describe('a Redis that comes back in an older state under a running gateway', () => {
  it('opens nothing until it has been told what has ended since', async () => {
    let isReplaying = false
    let finish = (): void => undefined
    const replayed = new Promise<void>((resolve) => (finish = resolve))
    const { changes, end } = await run(async () => {
      if (rolledBack.length === 0) return
      isReplaying = true
      await replayed
    })
    await change(changes)
    const restore = await redis.backUp()
    await change(changes, 'g-lost')
    expect(changes.proof.ageMs).toBeLessThan(3_000)
    await restore()
    await until('it is found out', () => isReplaying)
    expect(changes.proof.ageMs).toBe(Infinity)
    // What is open is looked at one by one, and not cut for this alone.
    expect(changes.proof.blindMs).toBeLessThan(4_000)
    finish()
    await until('it is open again', () => changes.proof.ageMs < 1_000)
    expect(rolledBack).toHaveLength(1)
    await end()
  })

  it('is no older one after a restart that lost nothing', async () => {
    const { changes, end } = await run()
    await change(changes)
    await redis.restart()
    await until('it is followed again', () => performance.now() - changes.proof.provedAt < 500)
    await end()
    expect(rolledBack).toEqual([])
  })
})
