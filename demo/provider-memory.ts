import type { Adapter, AdapterFactory, AdapterPayload } from 'oidc-provider'

/**
 * What the provider remembers, one store for each provider. The library's own is shared by all providers
 * of a process, and warns about itself at every start.
 */
export function createMemory(now: () => number): AdapterFactory {
  const entries = new Map<string, { payload: AdapterPayload; expiresAt: number }>()

  return (model: string): Adapter => {
    const keyOf = (id: string): string => `${model}:${id}`
    const read = (key: string): AdapterPayload | undefined => {
      const entry = entries.get(key)
      if (entry === undefined) return undefined
      if (entry.expiresAt > now()) return entry.payload
      entries.delete(key)
      return undefined
    }
    const findWhere = (isWanted: (payload: AdapterPayload) => boolean): AdapterPayload | undefined => {
      for (const key of entries.keys()) {
        const payload = key.startsWith(`${model}:`) ? read(key) : undefined
        if (payload !== undefined && isWanted(payload)) return payload
      }
      return undefined
    }
    return {
      upsert: (id, payload, expiresIn) => {
        const expiresAt = expiresIn === undefined ? Infinity : now() + expiresIn * 1_000
        entries.set(keyOf(id), { payload, expiresAt })
        return Promise.resolve()
      },
      find: (id) => Promise.resolve(read(keyOf(id))),
      findByUid: (uid) => Promise.resolve(findWhere((payload) => payload.uid === uid)),
      findByUserCode: (userCode) => Promise.resolve(findWhere((payload) => payload.userCode === userCode)),
      consume: (id) => {
        const payload = read(keyOf(id))
        if (payload !== undefined) payload.consumed = Math.floor(now() / 1_000)
        return Promise.resolve()
      },
      destroy: (id) => {
        entries.delete(keyOf(id))
        return Promise.resolve()
      },
      revokeByGrantId: (grantId) => {
        for (const [key, { payload }] of entries) {
          if (key.startsWith(`${model}:`) && payload.grantId === grantId) entries.delete(key)
        }
        return Promise.resolve()
      },
    }
  }
}
