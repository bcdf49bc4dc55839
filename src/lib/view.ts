import type { Proof } from './change-log.js'

/** A local copy of what was read from the store, believed only while it is proved that nothing has changed. */
export interface View {
  /**
   * What the store holds, from the copy where that is proved current, else from `read`. Null is never
   * kept: whoever makes up keys must not fill the memory.
   */
  read<T>(key: string, read: () => Promise<T>): Promise<T>
}

/**
 * Milliseconds. Whatever happens, a copy older than this decides nothing (promise R1); while changes are
 * followed it is a few milliseconds old.
 */
const oldestProofMs = 800
const entriesKept = 20_000

/**
 * Any change empties the whole copy. Changes are an administrator's acts and sign-ins, a few a minute,
 * and each entry costs one reading: not worth knowing which entry belongs to which change, and being
 * wrong about it once.
 */
export function createView(proof: Proof): View {
  const kept = new Map<string, unknown>()
  let generation = proof.generation

  return {
    async read<T>(key: string, read: () => Promise<T>): Promise<T> {
      const asked = proof.generation
      const isProved = performance.now() - proof.provedAt < oldestProofMs
      if (generation !== asked || !isProved) kept.clear()
      generation = asked
      const known = kept.get(key)
      if (known !== undefined) return known as T
      const value = await read()
      // A change that arrived while we read may be younger than what we read: what is not known to be new is not kept.
      if (value !== null && isProved && asked === proof.generation && asked === generation) {
        if (kept.size >= entriesKept) kept.clear()
        kept.set(key, value)
      }
      return value
    },
  }
}
