export type { AdminOptions } from './options.js'
export { createAdmin } from './admin.js'
export { issueGrant, type IssuedGrant, type IssueOptions } from './issue-grant.js'
