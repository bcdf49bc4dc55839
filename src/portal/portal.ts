import type { OwnSurface } from '../lib/index.js'
import type { PortalOptions } from './options.js'

/** What a vendor sees: sign-in, second factor, what they may open, and the way there. */
export function createPortal(_options: PortalOptions): OwnSurface {
  throw new Error('not built yet')
}
