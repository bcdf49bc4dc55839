export { createGrants } from './grants.js'
export { parseInstant } from './instant.js'
export type { GrantEvent, GrantRequest, Grants } from './model.js'
