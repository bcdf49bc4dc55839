import type { EndingLimits, Endpoint, EpochMs, Grant } from '../model.js'
import { endsAt, isDraining, nextStart, spanAt } from '../policy/index.js'
import type { Filter } from './listing.js'
import { createMatcher } from './matching.js'
import type { IsTheirs } from './membership.js'
import { actorName } from './words.js'

/** How grants are told apart on pages. One that drains still runs: it can be revoked and given more time. */
export const grantGroups = ['running', 'coming', 'ended', 'revoked'] as const
export type GrantGroup = (typeof grantGroups)[number]

export interface Selection {
  /** Those that run, the next to end first; those to come, the next to start first; the others, the latest first. */
  readonly grants: readonly Grant[]
  readonly groupOf: (grant: Grant) => GrantGroup
}

/** The grants that fit a filter, in the order in which pages, files and drawings have them. */
export function selectGrants(
  all: readonly Grant[],
  filter: Pick<Filter, 'text' | 'state' | 'machine'>,
  site: {
    readonly now: EpochMs
    readonly limits: EndingLimits
    readonly endpoints: readonly Endpoint[]
    /** Where those of one company are wanted. */
    readonly isTheirs?: IsTheirs
  },
): Selection {
  const { now, limits, isTheirs } = site
  const names = new Map(site.endpoints.map(({ id, name }) => [id, name]))
  const fits = createMatcher(filter.text)
  const groups = new Map<Grant, GrantGroup>()
  const chosen = all.filter((grant) => {
    const group = groupOf(grant, now, limits)
    groups.set(grant, group)
    return (
      (filter.state === '' || filter.state === group) &&
      (isTheirs === undefined || isTheirs(grant.to.email, grant.to.principalId)) &&
      (filter.machine === '' || grant.endpoints.includes(filter.machine)) &&
      // To put the texts of ten thousand together takes longer than all the rest.
      (filter.text === '' || fits(textsOf(grant, names)))
    )
  })
  const inGroup = (...wanted: GrantGroup[]): Grant[] =>
    chosen.filter((grant) => wanted.includes(groups.get(grant) ?? 'ended'))
  return {
    grants: [
      ...inGroup('running').sort((a, b) => spanAt(a, now).until - spanAt(b, now).until),
      ...inGroup('coming').sort((a, b) => (nextStart(a, now) ?? 0) - (nextStart(b, now) ?? 0)),
      ...inGroup('ended', 'revoked').sort((a, b) => endOf(b) - endOf(a)),
    ],
    groupOf: (grant) => groups.get(grant) ?? groupOf(grant, now, limits),
  }
}

export function groupOf(grant: Grant, now: EpochMs, limits: EndingLimits): GrantGroup {
  if (isOver(grant, now, limits)) return grant.revocation === null ? 'ended' : 'revoked'
  return nextStart(grant, now) === null || isDraining(grant, now, limits) ? 'running' : 'coming'
}

/** Whether nothing can be done about it any more. */
export function isOver(grant: Grant, now: EpochMs, limits: EndingLimits): boolean {
  return grant.revocation !== null || (endsAt(grant) <= now && !isDraining(grant, now, limits))
}

/** When it ended or will end, by its time or by being taken back. */
export function endOf(grant: Grant): EpochMs {
  return Math.min(endsAt(grant), grant.revocation?.at ?? Infinity)
}

function textsOf(grant: Grant, names: ReadonlyMap<string, string>): (string | null)[] {
  return [
    grant.id,
    grant.to.email,
    ...grant.endpoints.flatMap((id) => [id, names.get(id) ?? null]),
    grant.reason,
    grant.ticket,
    actorName(grant.issuedBy),
    grant.revocation?.reason ?? null,
  ]
}

/**
 * The grants as a table for programs and spreadsheets, its head first. The names of columns and states are not
 * translated, so that what reads them need not care who has downloaded it; instants are ISO 8601 in UTC.
 */
export function grantTable(
  { grants, groupOf: stateOf }: Selection,
  endpoints: readonly Endpoint[],
): string[][] {
  const names = new Map(endpoints.map(({ id, name }) => [id, name]))
  const instant = (at: EpochMs): string => new Date(at).toISOString()
  const head = [
    ...['id', 'state', 'person', 'machines', 'machine_names', 'access', 'from', 'until', 'ending', 'reason'],
    ...[
      'ticket',
      'windows',
      'sources',
      'needs_release',
      'max_sessions',
      'issued_at',
      'issued_by',
      'revoked_at',
      'revoked_by',
      'revoked_because',
    ],
  ]
  const rows = grants.map((grant) => [
    grant.id,
    stateOf(grant),
    grant.to.email,
    grant.endpoints.join(' '),
    grant.endpoints.map((id) => names.get(id) ?? id).join(', '),
    grant.access,
    instant(grant.from),
    instant(grant.until),
    grant.ending,
    grant.reason,
    grant.ticket ?? '',
    grant.conditions.windows.map(({ from, until }) => `${instant(from)}/${instant(until)}`).join(' '),
    grant.conditions.sources.join(' '),
    grant.conditions.needsRelease ? 'yes' : 'no',
    String(grant.conditions.maxSessions ?? ''),
    instant(grant.issuedAt),
    actorName(grant.issuedBy),
    grant.revocation === null ? '' : instant(grant.revocation.at),
    grant.revocation === null ? '' : actorName(grant.revocation.by),
    grant.revocation?.reason ?? '',
  ])
  return [head, ...rows]
}
