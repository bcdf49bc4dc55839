export { mayAct, type Message, type Page, type Section, type Viewer } from './model.js'
export { dateFieldValue, PlantTime, readDateField } from './date-field.js'
export { createPages, type Pages } from './pages.js'
export {
  askFirst,
  Cell,
  Choice,
  Choices,
  ConfirmForm,
  Copyable,
  Field,
  FormToken,
  Hidden,
  Notice,
  Row,
  RowHead,
  Said,
  Table,
  type Confirmation,
} from './parts.js'
export { durationWords, formatInstant, Instant, TimeUntil, useZone, Window } from './times.js'
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
