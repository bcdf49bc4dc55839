// What a promise says in figures, and what a trial of it brings back.

export const promises = ['R1', 'R2', 'R3', 'R4', 'R5', 'R6', 'R7'] as const
export type PromiseName = (typeof promises)[number]

export interface Claim {
  readonly promise: PromiseName
  /** What is done to it, and what is then measured. */
  readonly fault: string
  readonly atMost: number
  readonly unit: 'ms' | 'requests' | 'times'
}

/** The worst of one round, by claim; infinite when it never came. */
export type Measured = Readonly<Record<string, number>>

export interface Trial {
  /** As `--only` takes it, besides the promises. */
  readonly name: string
  readonly claims: Readonly<Record<string, Claim>>
  /** What this computer lacks for some of the claims. */
  missing?(): Readonly<Record<string, string>>
  /** Starts what it needs. */
  prepare(): Promise<Prepared>
}

export interface Prepared {
  /** One round: a figure for every claim that nothing is missing for. */
  round(): Promise<Measured>
  close(): Promise<void>
}

export interface Verdict extends Claim {
  readonly trial: string
  readonly key: string
  /** Of every round. */
  readonly measured: readonly number[]
  readonly worst: number | null
  readonly holds: boolean
  /** Why it could not be measured. */
  readonly skipped: string | null
  /** Why there are fewer figures than rounds. */
  readonly problem: string | null
}

export function judge(
  trial: Trial,
  rounds: readonly Measured[],
  wanted: number,
  problem: string | null,
): Verdict[] {
  const missing = trial.missing?.() ?? {}
  return Object.entries(trial.claims).map(([key, claim]) => {
    const measured = rounds.map((round) => round[key]).filter((figure) => figure !== undefined)
    const skipped = missing[key] ?? null
    const worst = measured.length === 0 ? null : Math.max(...measured)
    const isWhole = skipped !== null || measured.length === wanted
    return {
      ...claim,
      ...{ trial: trial.name, key, measured, worst, skipped },
      holds: isWhole && (worst === null || worst <= claim.atMost),
      problem: isWhole ? null : (problem ?? 'it was not measured in every round'),
    }
  })
}
