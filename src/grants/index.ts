export { fulfilledBy, unconditional } from './conditions.js'
export { groupChoice, groupsWithin, readChoices } from './groups.js'
export { createGrants } from './grants.js'
export { createReleases } from './releases.js'
export { createSeats } from './seats.js'
export { createLockdowns, scopeOf } from './lockdowns.js'
export { latestEnd, longestFor, readLength, readReason, scopeText } from './request.js'
export { parseInstant } from './instant.js'
export { hasAgreed, requestState, type Approver, type Narrower } from './approval.js'
export { createRequests } from './requests.js'
export type {
  AskedAccess,
  GrantEvent,
  GrantRequest,
  Grants,
  LastWord,
  LockdownEvent,
  Lockdowns,
  Releases,
  Requests,
  Seats,
} from './model.js'
