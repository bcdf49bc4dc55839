export { createPortal } from './portal.js'
