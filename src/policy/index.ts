export { covers, decide, grantState, isDraining, oldestViewMs, phasesOf } from './decide.js'
