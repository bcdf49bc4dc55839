export { eventMeanings, type EventName, type LedgerEvent } from './events.js'
export { closedLedger } from './closed.js'
export { openLedger, type Ledger, type LedgerOptions } from './ledger.js'
export type { Fault, FaultKind } from './check.js'
export {
  readLedger,
  verifyLedger,
  type ChainReport,
  type ReadOptions,
  type StoredRecord,
  type VerifyReport,
} from './verify.js'
