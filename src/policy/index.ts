export { covers, decide, grantState, oldestViewMs } from './decide.js'
