export type { Message, Page, Viewer } from './model.js'
export { createPages, type Pages, type PagesOptions } from './pages.js'
export type { Asset } from './assets.js'
export {
  askFirst,
  Cell,
  Choice,
  Choices,
  ConfirmForm,
  Copyable,
  durationWords,
  Field,
  FieldError,
  formatInstant,
  FormToken,
  Hidden,
  Instant,
  isoText,
  Notice,
  Row,
  RowHead,
  Said,
  Table,
  TimeUntil,
  Window,
  type Confirmation,
} from './parts.js'
export { isLocalPath, parseReturnTarget, type ReturnSites } from './return-target.js'
export {
  personal,
  serveRoutes,
  type Answer,
  type Call,
  type Fields,
  type PersonalCall,
  type Route,
} from './routes.js'
