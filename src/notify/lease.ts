import { newId, type Store } from '../lib/index.js'

/** Of several instances, one sends. Two for a moment send twice at worst, under the same ids. */
export interface Lease {
  /** Takes it where nobody has it, keeps it where we do. */
  hold(): Promise<boolean>
  release(): Promise<void>
}

/** On Redis's clock. After a crash, another instance takes over within this time. */
const leaseMs = 15_000

const holdScript = `
  local holder = redis.call('GET', KEYS[1])
  if holder and holder ~= ARGV[1] then return 0 end
  redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[2])
  return 1`
const releaseScript = `
  if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
  return 0`

export function openLease(store: Store): Lease {
  const key = store.key('notifications', 'sender')
  const name = newId('i')
  const hold = store.script(holdScript)
  const release = store.script(releaseScript)
  return {
    hold: async () => (await hold([key], [name, leaseMs])) === 1,
    release: async () => {
      await release([key], [name])
    },
  }
}
