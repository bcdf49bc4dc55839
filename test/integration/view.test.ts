import { type ChangeLog, type Store, type View } from '../../src/lib/index.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { changesOf, connectedStore } from '../support/store.js'
import { until } from '../support/until.js'

let redis: TestRedis
let store: Store

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(async () => {
  await redis.close()
})
beforeEach(async () => {
  store = await connectedStore(redis.url)
  await store.run((connection) => connection.flushall())
})
afterEach(async () => {
  await store.close()
})

type ChangeHandlers = Parameters<ChangeLog['follow']>[0]

const idle: ChangeHandlers = { onChange: async () => {}, onDoubt: async () => {} }

interface Instance {
  readonly changes: ChangeLog
  readonly view: View
  readonly follower: Awaited<ReturnType<ChangeLog['follow']>>
}

/** One Gatehouse's following and its copy, proved current. */
async function startInstance(handlers: Partial<ChangeHandlers> = {}): Promise<Instance> {
  const { changes, view } = changesOf(store)
  const follower = await changes.follow({ ...idle, ...handlers })
  await until('changes are followed', () => isProved(changes))
  return { changes, view, follower }
}

const isProved = ({ proof }: ChangeLog): boolean => performance.now() - proof.provedAt < 500

async function change(changes: ChangeLog): Promise<void> {
  await store.transaction((multi) => {
    changes.addTo(multi, { kind: 'grant-revoked', grantId: 'g-1' })
  })
}

describe('a copy of what the store holds', () => {
  it('is read once while nothing changes', async () => {
    const { view, follower } = await startInstance()
    let readings = 0
    const read = async (): Promise<number> => (readings += 1)
    expect([await view.read('a', read), await view.read('a', read)]).toEqual([1, 1])
    expect(await view.read('b', read)).toBe(2)
    await follower.close()
  })

  it('is read anew after any change', async () => {
    const { changes, view, follower } = await startInstance()
    await view.read('a', async () => 'before')
    await change(changes)
    await changes.settle()
    expect(await view.read('a', async () => 'after')).toBe('after')
    await follower.close()
  })

  it('does not keep what was read while a change arrived', async () => {
    const { changes, view, follower } = await startInstance()
    const early = view.read('a', async () => {
      await change(changes)
      await changes.settle()
      return 'old'
    })
    expect(await early).toBe('old')
    expect(await view.read('a', async () => 'new')).toBe('new')
    await follower.close()
  })

  it('does not keep that something is absent, or whoever makes up keys would fill the memory', async () => {
    const { view, follower } = await startInstance()
    expect(await view.read('a', async () => null)).toBeNull()
    expect(await view.read('a', async () => 'there')).toBe('there')
    await follower.close()
  })

  it('is read anew after a change, also where the log was emptied behind an entry far ahead', async () => {
    const { changes, view, follower } = await startInstance()
    const key = store.key('changes')
    await store.run((redis) => redis.xadd(key, '18446744073709551614-0', 'change', 'x'))
    await changes.settle()
    await store.run((redis) => redis.del(key))
    await until('the log is followed from its new start', async () => {
      await view.read('a', async () => 'before')
      await change(changes)
      await changes.settle()
      return (await view.read('a', async () => 'after')) === 'after'
    })
    await follower.close()
  })

  it('is not believed by an instance that follows nothing', async () => {
    const { view } = changesOf(store)
    await view.read('a', async () => 'old')
    expect(await view.read('a', async () => 'new')).toBe('new')
  })

  it('is not believed any more once Redis stands still', async () => {
    const { view, follower } = await startInstance()
    await view.read('a', async () => 'old')
    redis.process.kill('SIGSTOP')
    try {
      await new Promise((resolve) => setTimeout(resolve, 1_000))
      await expect(
        view.read('a', async () => {
          throw new Error('asked')
        }),
      ).rejects.toThrow('asked')
    } finally {
      redis.process.kill('SIGCONT')
    }
    await follower.close()
  })

  it('is not believed when the loop stood still, until Redis has been asked again', async () => {
    const { view, follower } = await startInstance()
    await view.read('a', async () => 'old')
    const end = performance.now() + 1_000
    while (performance.now() < end);
    expect(await view.read('a', async () => 'new')).toBe('new')
    await follower.close()
  })
})

describe('a copy of a list of which changes name the part that changes', () => {
  const grantIds = (changes: Parameters<Parameters<View['follow']>[2]>[1]): string[] =>
    changes.flatMap((one) => (one.kind === 'grant-revoked' ? [one.grantId] : []))
  const never = async (): Promise<never> => {
    throw new Error('read whole')
  }
  const add = async (held: string[], changes: Parameters<typeof grantIds>[0]): Promise<string[]> => [
    ...held,
    ...grantIds(changes),
  ]

  it('is read whole once, and afterwards only what changes are about', async () => {
    const { changes, view, follower } = await startInstance()
    expect(await view.follow('list', async () => ['g-0'], add)).toEqual(['g-0'])
    expect(await view.follow('list', never, never)).toEqual(['g-0'])
    await change(changes)
    await change(changes)
    await changes.settle()
    expect(await view.follow('list', never, add)).toEqual(['g-0', 'g-1', 'g-1'])
    expect(await view.follow('list', never, never)).toEqual(['g-0', 'g-1', 'g-1'])
    await follower.close()
  })

  it('is told again of what changed while it was read', async () => {
    const { changes, view, follower } = await startInstance()
    const read = async (): Promise<string[]> => {
      await change(changes)
      await changes.settle()
      return []
    }
    expect(await view.follow('list', read, add)).toEqual([])
    expect(await view.follow('list', never, add)).toEqual(['g-1'])
    await follower.close()
  })

  it('is read whole again after a doubt', async () => {
    const { changes, view, follower } = await startInstance()
    await change(changes)
    await changes.settle()
    await view.follow('list', async () => ['old'], add)
    await store.run((redis) => redis.del(store.key('changes')))
    await until('the emptied log is noticed, and followed again', async () => {
      const list = await view.follow('list', async () => ['new'], add)
      return isProved(changes) && list[0] === 'new'
    })
    await follower.close()
  })

  it('is read whole again after an entry that is not ours', async () => {
    const { changes, view, follower } = await startInstance()
    await view.follow('list', async () => ['old'], add)
    await store.run((redis) => redis.xadd(store.key('changes'), '*', 'change', '{"kind":"session-ended"}'))
    await changes.settle()
    expect(await view.follow('list', async () => ['new'], add)).toEqual(['new'])
    await follower.close()
  })

  it('is read whole again after more changes than are remembered', async () => {
    const { changes, view, follower } = await startInstance()
    await view.follow('list', async () => ['old'], add)
    for (let count = 0; count < 11; count += 1)
      await store.transaction((multi) => {
        for (let more = 0; more < 100; more += 1)
          changes.addTo(multi, { kind: 'grant-revoked', grantId: 'g-1' })
      })
    await changes.settle()
    expect(await view.follow('list', async () => ['new'], add)).toEqual(['new'])
    await follower.close()
  })

  it('is read whole each time by an instance that follows nothing', async () => {
    const { view } = changesOf(store)
    await view.follow('list', async () => 'old', never)
    expect(await view.follow('list', async () => 'new', never)).toBe('new')
  })
})

describe('settling', () => {
  it('waits for every instance', async () => {
    const instances = await Promise.all([startInstance(), startInstance(), startInstance()])
    const [{ changes }] = instances as [Instance, ...Instance[]]
    for (let round = 0; round < 100; round += 1) {
      for (const { view } of instances) await view.read('a', async () => `before ${round}`)
      await change(changes)
      await changes.settle()
      for (const { view } of instances)
        expect(await view.read('a', async () => `after ${round}`)).toBe(`after ${round}`)
    }
    await Promise.all(instances.map(({ follower }) => follower.close()))
  })

  it('waits a second at most for one that hangs, which then believes nothing', async () => {
    let release = (): void => undefined
    const hanging = new Promise<void>((resolve) => (release = resolve))
    const slow = await startInstance({ onChange: () => hanging })
    await slow.view.read('a', async () => 'before')
    const startedAt = performance.now()
    await change(slow.changes)
    await slow.changes.settle()
    expect(performance.now() - startedAt).toBeGreaterThan(900)
    expect(performance.now() - startedAt).toBeLessThan(2_000)
    expect(await slow.view.read('a', async () => 'after')).toBe('after')
    // Whoever stopped something must be told where that may not have arrived.
    expect(await slow.changes.unconfirmed()).toEqual(['test'])
    release()
    await until('it follows again', async () => (await slow.changes.unconfirmed()).length === 0)
    await slow.follower.close()
  })

  // Taken off the list while it stood still, it was never put back: from then on nobody waited for it, for weeks.
  it('waits again for one that stood still for longer than a follower lives', async () => {
    const [one, other] = [await startInstance(), await startInstance()]
    const end = performance.now() + 1_400
    // Both run in this process; the keys of both are gone meanwhile.
    while (performance.now() < end);
    await one.changes.settle()
    await until('both are on the list again', async () => {
      const ids = await store.run((redis) => redis.smembers(store.key('followers')))
      return ids.length === 2
    })
    await Promise.all([one.follower.close(), other.follower.close()])
  })

  it('waits for nobody who is gone', async () => {
    const gone = await startInstance()
    await gone.follower.close()
    const startedAt = performance.now()
    await change(gone.changes)
    await gone.changes.settle()
    expect(performance.now() - startedAt).toBeLessThan(500)
  })
})
