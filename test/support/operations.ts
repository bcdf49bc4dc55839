import type { Plant } from './plant.js'

export interface Readiness {
  readonly http: number
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

/** What `/readyz` says. */
export async function readiness({ gatehouse }: Plant): Promise<Readiness> {
  const { port = 0 } = gatehouse.operationsAddress ?? {}
  const answer = await fetch(`http://127.0.0.1:${port}/readyz`)
  const body = (await answer.json()) as Pick<Readiness, 'problems' | 'warnings'>
  return { http: answer.status, problems: body.problems, warnings: body.warnings }
}
