import type { Endpoint } from '../model.js'
import { createMatcher } from './matching.js'

const indexes = new WeakMap<readonly Endpoint[], ReadonlyMap<string, string>>()

/** Names by id: a page of a large plant asks for hundreds of them. */
export function nameIndex(endpoints: readonly Endpoint[]): ReadonlyMap<string, string> {
  let index = indexes.get(endpoints)
  if (index === undefined) {
    index = new Map(endpoints.map(({ id, name }) => [id, name]))
    indexes.set(endpoints, index)
  }
  return index
}

/** More are not offered one by one, but typed: the choice alone would be as much to load as the rest of a page. */
export const mostChoices = 200

/** What a search for a machine looks at. */
export function textsOfEndpoint({ id, name, zone, kind }: Endpoint): (string | null)[] {
  return [id, name, zone, kind]
}

/**
 * Whether one of some machines is meant by a filter: by its id, or, where there are too many to choose from and no id is that, by
 * words of it. All are meant by an empty one.
 */
export function createMachineFilter(
  wanted: string,
  endpoints: readonly Endpoint[],
): (ids: readonly string[]) => boolean {
  if (wanted === '') return () => true
  if (endpoints.length <= mostChoices || nameIndex(endpoints).has(wanted))
    return (ids) => ids.includes(wanted)
  const fits = createMatcher(wanted)
  // Also one that is no longer configured, and that grants still name.
  const found = new Set([
    wanted,
    ...endpoints.filter((one) => fits(textsOfEndpoint(one))).map(({ id }) => id),
  ])
  return (ids) => ids.some((id) => found.has(id))
}
