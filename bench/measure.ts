// What a measure is given and what it brings back.
import type { Child } from './children.js'
import type { ClientAnswers } from './clients/main.js'
import type { Site } from './site.js'

export interface Bench {
  readonly site: Site
  readonly clients: Child<ClientAnswers>
  /** To see that it works; the figures are too rough to quote. */
  readonly isQuick: boolean
  /** Progress, for whoever watches. */
  say(text: string): void
}

export interface Measure {
  /** As `--only` takes it. */
  readonly name: string
  readonly about: string
  readonly needsNginx: boolean
  /** Closes what it has started. */
  run(bench: Bench): Promise<Findings>
}

export interface Findings {
  readonly title: string
  /** Markdown: how it was measured, and what the columns are. */
  readonly text: string
  readonly table: Table
  readonly verdicts: readonly Verdict[]
  /** Whatever else somebody may want to compute from, for the JSON. */
  readonly figures: unknown
}

export interface Table {
  /** The first column holds names, the others figures. */
  readonly head: readonly string[]
  readonly rows: readonly (readonly string[])[]
}

/** What was promised, and what came out. */
export interface Verdict {
  readonly claim: string
  readonly target: string
  readonly measured: string
  readonly isMet: boolean
}

/** @param unit put behind both figures, with its blank */
export function atMost(claim: string, limit: number, value: number, unit: string, digits = 1): Verdict {
  const measured = `${value.toFixed(digits)}${unit}`
  return { claim, target: `≤ ${limit}${unit}`, measured, isMet: value <= limit }
}

export function atLeast(claim: string, limit: number, value: number, unit: string, digits = 1): Verdict {
  const measured = `${value.toFixed(digits)}${unit}`
  return { claim, target: `≥ ${limit}${unit}`, measured, isMet: value >= limit }
}
