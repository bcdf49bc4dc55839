import {
  connectStore,
  createView,
  forgetfulMark,
  openChangeLog,
  type ChangeLog,
  type Store,
  type View,
} from '../../src/lib/index.js'
import { silentLogger } from './logger.js'
import { sharedVouching } from './trust.js'

/** A store that is connected already; the caller closes it. */
export async function connectedStore(url: string): Promise<Store> {
  const store = connectStore({ url }, silentLogger)
  await ready(store)
  return store
}

export async function ready(store: Store): Promise<void> {
  const deadline = performance.now() + 5_000
  while (!store.isReady()) {
    if (performance.now() > deadline) throw new Error('Redis did not answer within 5 s')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

type Following = Partial<Pick<Parameters<typeof openChangeLog>[0], 'vouching' | 'mark' | 'onRolledBack'>>

/** The changes of a store and a copy of it, followed by nobody. */
export function changesOf(
  store: Store,
  { vouching = sharedVouching, mark = forgetfulMark(), onRolledBack = () => undefined }: Following = {},
): { changes: ChangeLog; view: View } {
  const changes = openChangeLog({
    ...{ store, vouching, mark, logger: silentLogger, onRolledBack },
    name: 'test',
  })
  return { changes, view: createView(changes.proof) }
}

/** Remembers all that is in Redis; the result puts it back, as an old dump would. */
export async function snapshot(store: Store): Promise<() => Promise<void>> {
  const keys = await store.run((redis) => redis.keys('*'))
  const contents = await store.run((redis) => Promise.all(keys.map((key) => redis.dumpBuffer(key))))
  return async () => {
    await store.run((redis) => redis.flushall())
    for (const [at, key] of keys.entries()) {
      const content = contents[at]
      if (content) await store.run((redis) => redis.restore(key, 0, content))
    }
  }
}
