export type { PortalEvent, PortalOptions } from './options.js'
export { createPortal } from './portal.js'
