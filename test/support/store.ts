import { connectStore, type Store } from '../../src/lib/index.js'
import { silentLogger } from './logger.js'

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
