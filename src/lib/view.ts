import { oldestProofMs, type Change, type Proof } from './change-log.js'

/** A local copy of what was read from the store, believed only while it is proved that nothing has changed. */
export interface View {
  /**
   * What the store holds, from the copy where that is proved current, else from `read`. Null is never
   * kept: whoever makes up keys must not fill the memory.
   */
  read<T>(key: string, read: () => Promise<T>): Promise<T>
  /**
   * The same of something large of which each change names its part: read whole once, and again after each doubt; otherwise only
   * what has changed. Only for what no decision is taken by: here each change has to name all that it changes.
   *
   * @param renew the same with what these changes are about read anew; must change nothing in `held`
   */
  follow<T>(
    key: string,
    read: () => Promise<T>,
    renew: (held: T, changes: readonly Change[]) => Promise<T>,
  ): Promise<T>
}

const entriesKept = 20_000

/**
 * Any change empties the whole copy. Changes are an administrator's acts and sign-ins, a few a minute,
 * and each entry costs one reading: not worth knowing which entry belongs to which change, and being
 * wrong about it once.
 */
export function createView(proof: Proof): View {
  const kept = new Map<string, unknown>()
  const followed = new Map<string, { readonly generation: number; readonly value: unknown }>()
  let generation = proof.generation
  const isProved = (): boolean => performance.now() - proof.provedAt < oldestProofMs

  return {
    async follow<T>(
      key: string,
      read: () => Promise<T>,
      renew: (held: T, changes: readonly Change[]) => Promise<T>,
    ): Promise<T> {
      if (!isProved()) return read()
      const asked = proof.generation
      const held = followed.get(key)
      const changes = held === undefined ? null : proof.changesSince(held.generation)
      const value =
        held === undefined || changes === null
          ? await read()
          : changes.length === 0
            ? (held.value as T)
            : await renew(held.value as T, changes)
      // As of when it was asked: what changed meanwhile is named later, and read once more.
      if ((followed.get(key)?.generation ?? -1) < asked) followed.set(key, { generation: asked, value })
      return value
    },

    async read<T>(key: string, read: () => Promise<T>): Promise<T> {
      const asked = proof.generation
      const wasProved = isProved()
      if (generation !== asked || !wasProved) kept.clear()
      generation = asked
      const known = kept.get(key)
      if (known !== undefined) return known as T
      const value = await read()
      // A change that arrived while we read may be younger than what we read: what is not known to be new is not kept.
      if (value !== null && wasProved && asked === proof.generation && asked === generation) {
        if (kept.size >= entriesKept) kept.clear()
        kept.set(key, value)
      }
      return value
    },
  }
}
