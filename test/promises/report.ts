// The table, for people and for programs, and its place in the README.
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { availableParallelism } from 'node:os'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { promises, type Claim, type Verdict } from './claims.js'

const readme = fileURLToPath(new URL('../../README.md', import.meta.url))
const begin = '<!-- promises: written by `npm run test:promises -- --write` -->'
const end = '<!-- promises: end -->'

/** As the table states it: promise, fault, bound. */
export function wordClaim(claim: Claim): readonly [string, string, string] {
  return [claim.promise, claim.fault, `≤ ${wordFigure(claim.atMost, claim.unit)}`]
}

export function wordTable(verdicts: readonly Verdict[]): string {
  const rows = promises
    .flatMap((promise) => verdicts.filter((verdict) => verdict.promise === promise))
    .map((verdict) => [...wordClaim(verdict), wordMeasured(verdict), wordVerdict(verdict)])
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  return [
    line(['', 'fault: what is measured', 'bound', 'worst', '']),
    line(['---', '---', '--:', '--:', '---']),
    ...rows.map(line),
  ].join('\n')
}

function wordFigure(value: number, unit: Claim['unit']): string {
  if (unit !== 'ms') return String(value)
  if (Math.abs(value) < 1_000) return `${Math.round(value)} ms`
  return `${(value / 1_000).toLocaleString('en', { maximumFractionDigits: 2 })} s`
}

function wordMeasured({ worst, unit, skipped }: Verdict): string {
  if (skipped !== null || worst === null) return '–'
  return worst === Infinity ? 'never' : wordFigure(worst, unit)
}

function wordVerdict({ holds, skipped, problem }: Verdict): string {
  if (skipped !== null) return `skipped: ${skipped}`
  if (holds) return 'holds'
  return problem === null ? '**falls short**' : `**falls short**: ${problem.split(/[\r\n]/)[0] ?? ''}`
}

/** Formatted as everything in this repository is. */
export async function writeReadme(
  verdicts: readonly Verdict[],
  { runs, load }: { runs: number; load: string },
): Promise<void> {
  const date = new Date().toLocaleDateString('en-GB', { day: 'numeric', month: 'long', year: 'numeric' })
  const about = `\`npm run test:promises\` on ${date}, ${availableParallelism()} cores, Node ${process.versions.node}: load average ${load} before it began; the worst of ${runs} ${runs === 1 ? 'round' : 'rounds'}.`
  const [before, , after] = splitReadme(readFileSync(readme, 'utf8'))
  const text = `${before}${begin}\n\n${about}\n\n${wordTable(verdicts)}\n\n${end}${after}`
  await writeFile(readme, await format(text, { ...(await resolveConfig(readme)), filepath: readme }))
}

/** What the README says of the promises. */
export function readReadme(): string {
  return splitReadme(readFileSync(readme, 'utf8'))[1]
}

function splitReadme(text: string): readonly [string, string, string] {
  const [from, to] = [text.indexOf(begin), text.indexOf(end)]
  if (from === -1 || to < from) throw new Error(`README.md has no place for the table: ${begin}`)
  return [text.slice(0, from), text.slice(from + begin.length, to), text.slice(to + end.length)]
}
