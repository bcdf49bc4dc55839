import type { EndpointGroup } from '../model.js'
import { refusal } from './refusal.js'

const endpointsAtMost = 50
const prefix = 'group:'

/**
 * The endpoints that are named, then those of the groups, each once. What comes of it is what is recorded and stored, so
 * that a machine which joins a group later joins no grant.
 *
 * @throws GatehouseError `input-invalid` about `groups` or `endpoints`
 */
export function resolveEndpoints(
  named: readonly string[],
  groups: readonly string[],
  known: readonly EndpointGroup[],
): readonly string[] {
  const members = groups.flatMap((id) => {
    const found = known.find((group) => group.id === id)
    if (found === undefined) throw refusal('groups', 'must hold ids of configured groups')
    return found.endpoints
  })
  const endpoints = [...new Set([...named, ...members])]
  if (endpoints.length === 0) throw refusal('endpoints', 'must name at least one endpoint')
  if (endpoints.length > endpointsAtMost)
    throw refusal('endpoints', `must not come to more than ${endpointsAtMost} endpoints`)
  return endpoints
}

/** As far as somebody may know of them; a group of which that is nothing is none to them. */
export function groupsWithin(
  groups: readonly EndpointGroup[],
  endpointIds: ReadonlySet<string>,
): EndpointGroup[] {
  return groups
    .map((group) => ({ ...group, endpoints: group.endpoints.filter((id) => endpointIds.has(id)) }))
    .filter(({ endpoints }) => endpoints.length > 0)
}

/** How a group is called in a form among the ids of machines, in which no colon occurs. */
export function groupChoice({ id }: EndpointGroup): string {
  return prefix + id
}

/** What was chosen in such a form. */
export function readChoices(chosen: readonly string[]): { endpoints: string[]; groups: string[] } {
  return {
    endpoints: chosen.filter((choice) => !choice.startsWith(prefix)),
    groups: chosen.filter((choice) => choice.startsWith(prefix)).map((choice) => choice.slice(prefix.length)),
  }
}
