import type { OwnSurface } from '../lib/index.js'
import type { AdminOptions } from './options.js'

/** What approvers and administrators see: grants, who is in, people. */
export function createAdmin(_options: AdminOptions): OwnSurface {
  throw new Error('not built yet')
}
