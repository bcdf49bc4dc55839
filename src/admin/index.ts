export { createAdmin } from './admin.js'
export { createNotice } from './notice.js'
export { issueGrant } from './issue-grant.js'
export { lockDown } from './lock-down.js'
