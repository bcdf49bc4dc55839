import type { ChangeLog, Clock, Logger, Store } from '../lib/index.js'
import type { GrantEvent, Grants } from './model.js'

export interface GrantsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly changes: ChangeLog
  readonly logger: Logger
  /** Resolves when the event is durable. */
  readonly record: (event: GrantEvent) => Promise<void>
  /** The longest a grant may last from its start to its end, extensions included. */
  readonly maxLengthMs: number
  readonly endpointIds: ReadonlySet<string> | (() => ReadonlySet<string>)
}

export function createGrants(_options: GrantsOptions): Grants {
  throw new Error('not built yet')
}
