import type { Conditions, Fulfilled, Grant } from '../model.js'
import { comesFrom } from './sources.js'

/** Of a grant that asks for nothing besides its time. */
export const unconditional: Conditions = {
  windows: [],
  lastsFromFirstUseMs: null,
  sources: [],
  maxSessions: null,
  needsRelease: false,
}

/** What `decide` is told of what grants ask for. */
export function fulfilledBy(
  grants: readonly Grant[],
  {
    source,
    ...rest
  }: { readonly source: string; readonly release: ReadonlySet<string>; readonly seat: ReadonlySet<string> },
): Fulfilled {
  const ofSource = grants.filter(
    ({ conditions: { sources } }) => sources.length > 0 && comesFrom(sources, source),
  )
  return { source: new Set(ofSource.map(({ id }) => id)), ...rest }
}
