import type { Actor, EpochMs, Grant } from '../model.js'
import type { VerifyReport } from '../audit/index.js'
import { grantState } from '../policy/index.js'

/** A grant as commands print it: instants as ISO 8601, its state at `at` spelled out. */
export function describeGrant(grant: Grant, at: EpochMs) {
  return {
    id: grant.id,
    state: grantState(grant, at).slice('grant-'.length),
    to: grant.to.email,
    isBound: grant.to.principalId !== null,
    endpoints: grant.endpoints,
    access: grant.access,
    from: instant(grant.from),
    until: instant(grant.until),
    reason: grant.reason,
    ticket: grant.ticket,
    ending: grant.ending,
    issuedBy: describeActor(grant.issuedBy),
    issuedAt: instant(grant.issuedAt),
    revocation: grant.revocation && {
      at: instant(grant.revocation.at),
      by: describeActor(grant.revocation.by),
      reason: grant.revocation.reason,
    },
  }
}

export function describeActor(actor: Actor): string {
  if (actor.kind === 'principal') return actor.email ?? actor.principalId
  return actor.kind === 'operator' ? `operator ${actor.account}` : 'gateway'
}

export function instant(at: EpochMs): string {
  return new Date(at).toISOString()
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

/** Text of others may hold control characters that a terminal would obey. */
export function inert(text: string): string {
  // eslint-disable-next-line no-control-regex
  return text.replace(/[\u0000-\u001f\u007f-\u009f\u202a-\u202e\u2066-\u2069]/g, '\ufffd')
}

/** The verdict on a ledger, chain by chain, the first bad record of each by file and line. */
export function describeReport(report: VerifyReport): string {
  if (report.chains.length === 0) return 'There is no ledger here.\n'
  const lines = report.chains.flatMap(({ writer, records, signedUpTo, fault, warnings }) => [
    fault === null
      ? `${writer}: whole, ${String(records)} records, signed up to ${String(signedUpTo ?? 'none')}`
      : `${writer}: BROKEN (${fault.kind}) at ${fault.file}${fault.line === null ? '' : `, line ${String(fault.line)}`}` +
        `${fault.seq === null ? '' : `, record ${String(fault.seq)}`}\n  ${fault.sentence}`,
    ...warnings.map((warning) => `  note: ${warning}`),
  ])
  return [...lines, report.ok ? 'The ledger is whole.' : 'The ledger is not whole.', ''].join('\n')
}
