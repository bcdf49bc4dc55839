export { browserOf } from './browser.js'
export { systemClock, type Clock, type Timer } from './clock.js'
export { createSteadyClock, type SteadyClock } from './steady-clock.js'
export { createInspection, type Inspection } from './store-inspection.js'
export { judgeStore, type Finding } from './store-demands.js'
export {
  assert,
  errorCodes,
  GatehouseError,
  isStoppedHere,
  stoppedHereOnly,
  type ErrorCode,
  type Reach,
} from './errors.js'
export { brokenRule, errorSentence } from './error-words.js'
export { germanRule } from './rule-words.js'
export { equalSecrets, fingerprint, idFrom, isToken, newId, newToken } from './ids.js'
export { generateKeys, openKeyring, type Keyring, type SigningKey } from './keyring.js'
export { forgetfulMark, openHighWaterMark, type HighWaterMark } from './high-water-mark.js'
export { openJournal, type Endable, type Journal } from './journal.js'
export { chooseLanguage, isLanguage, languages, type InEach, type Language } from './language.js'
export { createLogger, describeError, type Logger, type LogLevel } from './logger.js'
export { connectStore, type ChainableCommander, type Store, type StorePlace } from './redis.js'
export { indexTooLong, readSortedSet, readSet, type Indexed } from './index-reading.js'
export { actorSchema, readReply, readStored } from './stored.js'
export { openChangeLog, settleLimitMs, type Change, type ChangeEntry, type ChangeLog } from './change-log.js'
export { createView, type View } from './view.js'
export { createTally, type Tally } from './tally.js'
export { createVouching, oncePerPlace, type Vouching } from './vouching.js'
export type { AnswerDenied, AnswerError, OwnSurface, Visit } from './surface.js'
export {
  dayOn,
  shiftDate,
  expandWeekly,
  isoTextOn,
  localTimeText,
  parseLocalTime,
  parseTimeZone,
  timeOfDayPattern,
  weekdays,
  zoneName,
  zoneOf,
  type LocalTimeProblem,
  type PlantTimes,
  type Weekday,
  type WeeklyWindow,
} from './plant-time.js'
export { dueWarning, endWarnings, timeLeftPath, type Warning } from './time-left.js'
export { createPages, type Message, type Page, type Pages } from './page/index.js'
