export { createAdmin } from './admin.js'
export { createBreakGlassNotice } from './break-glass.js'
export { issueGrant } from './issue-grant.js'
export { lockDown } from './lock-down.js'
