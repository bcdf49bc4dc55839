import { GatehouseError } from '../lib/index.js'

/** The error for one field; the message names it. */
export function refusal(field: string, problem: string): GatehouseError {
  return new GatehouseError('input-invalid', `${field}: ${problem}`, { field })
}

/** `12 h`, `90 min` */
export function describeLength(ms: number): string {
  const minutes = Math.floor(ms / 60_000)
  return minutes % 60 === 0 ? `${minutes / 60} h` : `${minutes} min`
}
