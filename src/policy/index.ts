export { covers, decide, freshCodeMs, hasFreshCode, isUnused, oldestViewMs } from './decide.js'
export { endsAt, grantState, isDraining, nextStart, phasesOf, spanAt, type GrantState } from './time.js'
