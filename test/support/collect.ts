import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'

setFlagsFromString('--expose-gc')

/** Collects garbage at once: all of it, or that of young objects alone. */
export const collect = runInNewContext('gc') as (options?: { type: 'minor' }) => void
