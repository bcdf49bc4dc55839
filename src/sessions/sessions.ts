import type { ChangeLog, Clock, Keyring, Logger, Store } from '../lib/index.js'
import type { SessionEvent, Sessions } from './model.js'

export interface SessionsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly changes: ChangeLog
  readonly keyring: Keyring
  readonly logger: Logger
  /** Resolves when the event is durable. */
  readonly record: (event: SessionEvent) => Promise<void>
  readonly maxLengthMs: number
}

export function createSessions(_options: SessionsOptions): Sessions {
  throw new Error('not built yet')
}
