export { createPages, type Message, type Page, type Pages, type PagesOptions, type Viewer } from './pages.js'
export type { Asset } from './assets.js'
export { isLocalPath, parseReturnTarget, type ReturnSites } from './return-target.js'
export { formatInstant, Instant, isoText } from './parts.js'
