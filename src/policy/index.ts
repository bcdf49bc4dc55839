export {
  covers,
  decide,
  freshCodeMs,
  grantState,
  hasFreshCode,
  isDraining,
  oldestViewMs,
  phasesOf,
} from './decide.js'
