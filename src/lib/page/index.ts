export {
  createPages,
  type Asset,
  type Message,
  type NextStep,
  type Page,
  type Pages,
  type Viewer,
} from './pages.js'
export { explain, type Explanation } from './explain.js'
export { isLocalPath, parseReturnTarget, type ReturnSites } from './return-target.js'
export { formatInstant, Instant, isoText } from './parts.js'
