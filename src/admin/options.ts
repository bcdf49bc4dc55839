import type { Config } from '../config/index.js'
import type { Health, StreamInfo } from '../dataplane/index.js'
import type { Grants, Lockdowns, Releases, Requests } from '../grants/index.js'
import type { BreakGlass, People, Resets, SecondFactor, ServiceTokens } from '../identity/index.js'
import type { ChangeLog, Clock } from '../lib/index.js'
import type { SurfaceOptions } from '../lib/page/index.js'
import type { Sessions } from '../sessions/index.js'
import type { CompanyEvent } from './companies.js'
import type { Explain } from './explain.js'
import type { SavedFilters } from './saved-filters.js'

export interface AdminOptions extends SurfaceOptions {
  readonly config: Config
  readonly clock: Clock
  readonly changes: Pick<ChangeLog, 'settle'>
  readonly sessions: Sessions
  readonly grants: Grants
  readonly requests: Requests
  readonly lockdowns: Lockdowns
  readonly releases: Releases
  readonly people: People
  readonly secondFactor: SecondFactor
  readonly resets: Resets
  readonly breakGlass: BreakGlass
  readonly tokens: Pick<ServiceTokens, 'create' | 'list' | 'revoke'>
  readonly explain: Explain
  readonly savedFilters: SavedFilters
  /** Resolves when the event is durable. */
  readonly record: (event: CompanyEvent) => Promise<void>
  /** What is open through this instance now. */
  readonly streams: () => readonly StreamInfo[]
  /** How the machines are that are asked, as far as this instance knows. */
  readonly health: () => readonly Health[]
}
