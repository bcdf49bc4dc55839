export type { Message, Page, Viewer } from './model.js'
export { createPages, type Pages } from './pages.js'
export {
  askFirst,
  Cell,
  Choice,
  Choices,
  ConfirmForm,
  Copyable,
  durationWords,
  Field,
  formatInstant,
  FormToken,
  Hidden,
  Instant,
  Notice,
  Row,
  RowHead,
  Said,
  Table,
  TimeUntil,
  Window,
  type Confirmation,
} from './parts.js'
export { isLocalPath, parseReturnTarget, stepUpAddress, stepUpPath } from './return-target.js'
export {
  personal,
  serveRoutes,
  type Answer,
  type Call,
  type Fields,
  type PersonalCall,
  type Route,
  type SurfaceOptions,
} from './routes.js'
export { useLanguage, useWords } from './words.js'
