import type { EndingLimits, Endpoint, EpochMs, Grant } from '../model.js'
import { endsAt, isDraining, nextStart, spanAt } from '../policy/index.js'
import type { Filter } from './listing.js'
import { createMachineFilter, nameIndex } from './machines.js'
import { createFoldedMatcher, foldText } from './matching.js'
import type { IsTheirs } from './membership.js'
import { actorName } from './words.js'

/** How grants are told apart on pages. One that drains still runs: it can be revoked and given more time. */
export const grantGroups = ['running', 'coming', 'ended', 'revoked'] as const
export type GrantGroup = (typeof grantGroups)[number]

export interface Selection {
  /** Those that run, the next to end first; those to come, the next to start first; the others, the latest first. */
  readonly grants: readonly Grant[]
  readonly counts: Readonly<Record<GrantGroup, number>>
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
  const fits = createGrantMatcher(filter.text, site.endpoints)
  const isThere = createMachineFilter(filter.machine, site.endpoints)
  const counts = { running: 0, coming: 0, ended: 0, revoked: 0 }
  const running: Placed[] = []
  const coming: Placed[] = []
  const over: Placed[] = []
  for (const grant of all) {
    if (!isThere(grant.endpoints)) continue
    if (isTheirs !== undefined && !isTheirs(grant.to)) continue
    const group = groupOf(grant, now, limits)
    if ((filter.state !== '' && filter.state !== group) || !fits(grant)) continue
    counts[group] += 1
    if (group === 'running') running.push({ grant, at: spanAt(grant, now).until })
    else if (group === 'coming') coming.push({ grant, at: nextStart(grant, now) ?? 0 })
    else over.push({ grant, at: -endOf(grant) })
  }
  return {
    grants: [running, coming, over].flatMap((placed) =>
      placed.sort((a, b) => a.at - b.at).map(({ grant }) => grant),
    ),
    counts,
    groupOf: (grant) => groupOf(grant, now, limits),
  }
}

/** With what it is put in order by. */
interface Placed {
  readonly grant: Grant
  readonly at: EpochMs
}

/** Whether all words of a search occur somewhere in a grant. Everything fits an empty one. */
export function createGrantMatcher(
  search: string,
  endpoints: readonly Endpoint[],
): (grant: Grant) => boolean {
  if (search === '') return () => true
  const fits = createFoldedMatcher(search)
  const texts = textsIn.get(endpoints) ?? new WeakMap<Grant, string>()
  textsIn.set(endpoints, texts)
  const names = nameIndex(endpoints)
  return (grant) => {
    let text = texts.get(grant)
    if (text === undefined) {
      text = foldText(textsOf(grant, names).join('\n'))
      texts.set(grant, text)
    }
    return fits(text)
  }
}

/** A grant that changes is another object; to put the texts of ten thousand together takes longer than all the rest. */
const textsIn = new WeakMap<readonly Endpoint[], WeakMap<Grant, string>>()

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
  const names = nameIndex(endpoints)
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
    // Where there are new ones they come last: some programs count columns.
    ...['lasts_minutes', 'first_used_at'],
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
    grant.conditions.lastsFromFirstUseMs === null
      ? ''
      : String(grant.conditions.lastsFromFirstUseMs / 60_000),
    grant.firstUsedAt === undefined ? '' : instant(grant.firstUsedAt),
  ])
  return [head, ...rows]
}
