export type { AdminOptions } from './options.js'
export { createAdmin } from './admin.js'
