// The report as markdown, and the same as JSON.
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { writeFile } from 'node:fs/promises'
import { availableParallelism, loadavg } from 'node:os'
import { fileURLToPath } from 'node:url'
import { format, resolveConfig } from 'prettier'
import { version } from '../src/main.js'
import type { Findings, Table, Verdict } from './measure.js'

/** When, where and of what. */
export interface About {
  readonly date: string
  readonly version: string
  readonly commit: string
  readonly node: string
  readonly processor: string
  readonly cores: number
  readonly loadAverage: number
  readonly isQuick: boolean
}

export function describeRun(isQuick: boolean): About {
  return {
    date: new Date().toISOString().slice(0, 10),
    version,
    commit: commit(),
    node: process.versions.node,
    processor: /^model name\s*: (.*)$/m.exec(readFileSync('/proc/cpuinfo', 'utf8'))?.[1] ?? 'unknown',
    cores: availableParallelism(),
    loadAverage: loadavg()[0] ?? 0,
    isQuick,
  }
}

/** Formatted as everything in this repository is. */
export async function wordReport(about: About, findings: readonly Findings[]): Promise<string> {
  const { date, commit, node, processor, cores, loadAverage, isQuick } = about
  const lines = [
    '# Benchmark results',
    `\`npm run bench\` on ${date}: Gatehouse ${version} (${commit}), Node ${node}, ${cores} cores (${processor}), load average ${loadAverage.toFixed(1)} before it began. [README.md](README.md) says what is measured, how to repeat it and what the figures do not say.`,
    isQuick ? '**A quick run, to see that it works: do not quote it.**' : '',
    '## Targets',
    tableOf({
      head: ['', 'target', 'measured', ''],
      rows: findings.flatMap(({ verdicts }) => verdicts.map(rowOf)),
    }),
    ...findings.flatMap(({ title, text, table }) => [`## ${title}`, tableOf(table), text]),
  ]
  return formatted('results.md', lines.join('\n\n'))
}

/** For who computes: every figure of every round. */
export async function writeReport(about: About, findings: readonly Findings[]): Promise<void> {
  const write = async (name: string, text: string): Promise<void> =>
    writeFile(fileURLToPath(new URL(name, import.meta.url)), text)
  const results = findings.map(({ title, verdicts, figures }) => ({ title, verdicts, figures }))
  await write('results.md', await wordReport(about, findings))
  await write('results.json', await formatted('results.json', JSON.stringify({ about, results })))
}

function rowOf({ claim, target, measured, isMet }: Verdict): string[] {
  return [claim, target, measured, isMet ? 'met' : '**missed**']
}

function tableOf({ head, rows }: Table): string {
  const line = (cells: readonly string[]): string => `| ${cells.join(' | ')} |`
  const alignment = head.map((_, column) => (column === 0 ? '---' : '--:'))
  return [line(head), line(alignment), ...rows.map(line)].join('\n')
}

async function formatted(name: string, text: string): Promise<string> {
  const filepath = fileURLToPath(new URL(name, import.meta.url))
  return format(text, { ...(await resolveConfig(filepath)), filepath })
}

function commit(): string {
  try {
    return execFileSync('git', ['rev-parse', '--short', 'HEAD'], { encoding: 'utf8', stdio: 'pipe' }).trim()
  } catch {
    return 'no commit'
  }
}
