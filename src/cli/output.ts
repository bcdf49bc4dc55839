import type { Actor, EndingLimits, EpochMs, Grant } from '../model.js'
import type { Fault, VerifyReport } from '../audit/index.js'
import { grantState, isDraining } from '../policy/index.js'

/** A grant as commands print it: instants as ISO 8601, its state at `at` spelled out. */
export function describeGrant(grant: Grant, at: EpochMs, limits: EndingLimits) {
  return {
    id: grant.id,
    state: isDraining(grant, at, limits) ? 'draining' : grantState(grant, at).slice('grant-'.length),
    to: grant.to.email,
    isBound: grant.to.principalId !== null,
    endpoints: grant.endpoints,
    access: grant.access,
    from: instant(grant.from),
    until: instant(grant.until),
    windows: grant.conditions.windows.map((window) => ({
      from: instant(window.from),
      until: instant(window.until),
    })),
    reason: grant.reason,
    ticket: grant.ticket,
    ending: grant.ending,
    sources: grant.conditions.sources,
    lastsFromFirstUseMs: grant.conditions.lastsFromFirstUseMs,
    firstUsedAt: grant.firstUsedAt === undefined ? null : instant(grant.firstUsedAt),
    needsRelease: grant.conditions.needsRelease,
    maxSessions: grant.conditions.maxSessions,
    issuedBy: describeActor(grant.issuedBy),
    issuedAt: instant(grant.issuedAt),
    revocation: grant.revocation && {
      at: instant(grant.revocation.at),
      by: describeActor(grant.revocation.by),
      reason: grant.revocation.reason,
    },
  }
}

/** What a grant asks for besides its time, a line each. */
export function conditionLines({ conditions, firstUsedAt }: Grant): string {
  const { sources, windows, needsRelease, maxSessions, lastsFromFirstUseMs: lastsMs } = conditions
  const use = firstUsedAt === undefined ? 'its first use' : `its first use at ${brief(instant(firstUsedAt))}`
  return [
    ...(lastsMs === null ? [] : [`for ${String(lastsMs / 60_000)} min from ${use}`]),
    ...(windows.length > 0 ? [`at ${String(windows.length)} set times only`] : []),
    ...(sources.length > 0 ? [`only from ${sources.join(', ')}`] : []),
    ...(maxSessions !== null ? [`in at most ${String(maxSessions)} sign-ins at a time`] : []),
    ...(needsRelease ? ['once the control room has released it, for each sign-in'] : []),
  ]
    .map((line) => `  ${line}\n`)
    .join('')
}

export function describeActor(actor: Actor): string {
  if (actor.kind === 'principal') return actor.email ?? actor.principalId
  if (actor.kind === 'service') return `token ${actor.name} of ${actor.owner}`
  return actor.kind === 'operator' ? `operator ${actor.account}` : 'gateway'
}

export function instant(at: EpochMs): string {
  return new Date(at).toISOString()
}

/** An instant for the eye: nobody reads milliseconds. */
export function brief(iso: string): string {
  return iso.replace(/\.\d+Z$/, 'Z')
}

/** Columns that line up, or a sentence where there is nothing to show. */
export function table(
  headings: readonly string[],
  rows: readonly (readonly string[])[],
  empty: string,
): string {
  if (rows.length === 0) return `${empty}\n`
  const lines = [headings, ...rows].map((row) => row.map(inert))
  const widths = headings.map((_, column) => Math.max(...lines.map((line) => (line[column] ?? '').length)))
  return lines
    .map(
      (line) =>
        line
          .map((cell, column) => cell.padEnd(widths[column] ?? 0))
          .join('  ')
          .trimEnd() + '\n',
    )
    .join('')
}

/** What a terminal would obey instead of showing it, or what would reorder the rest of the line. */
const active = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/gu

/** Text of others may hold control characters that a terminal would obey. */
export function inert(text: string): string {
  return text.replace(active, '\ufffd')
}

/** JSON that is safe to look at, too: `JSON.stringify` leaves C1 controls and text directions as they are. */
export function json(value: unknown, indent?: number): string {
  const escape = (found: string): string =>
    found === '\n' ? found : `\\u${found.charCodeAt(0).toString(16).padStart(4, '0')}`
  return `${JSON.stringify(value, null, indent).replace(active, escape)}\n`
}

/** The verdict on a ledger, chain by chain, the first bad record of each by file and line. */
export function describeReport(report: VerifyReport, directory: string): string {
  if (report.chains.length === 0) return `There is no ledger in ${directory}.\n`
  const lines = report.chains.flatMap(({ writer, records, signedUpTo, fault, warnings }) => [
    ...(fault === null
      ? [`${writer}: whole, ${String(records)} records, signed up to ${String(signedUpTo ?? 'none')}`]
      : [`${writer}: BROKEN (${fault.kind}) at ${placeOf(fault)}`, `  ${fault.sentence}`]),
    ...warnings.map((warning) => `  note: ${warning}`),
  ])
  const verdict = report.ok ? 'The ledger is whole.' : 'The ledger is not whole.'
  return [...lines, verdict].map((line) => `${inert(line)}\n`).join('')
}

function placeOf({ file, line, seq }: Fault): string {
  const parts = [
    file,
    line === null ? '' : `line ${String(line)}`,
    seq === null ? '' : `record ${String(seq)}`,
  ]
  return parts.filter((part) => part !== '').join(', ')
}
