import type { Config } from '../config/index.js'
import type { Grants, Requests } from '../grants/index.js'
import type { Assertions, BreakGlass, IdentityProvider, People, SecondFactor } from '../identity/index.js'
import type { Clock, ErrorCode, Logger } from '../lib/index.js'
import type { SurfaceOptions } from '../lib/page/index.js'
import type { Decision, Session } from '../model.js'
import type { Sessions } from '../sessions/index.js'

/** What the portal itself writes to the ledger; everything else is recorded by the module that does it. */
export interface PortalEvent {
  readonly event: 'login.failed'
  readonly code: ErrorCode
  /** Client address. */
  readonly source: string
}

export interface PortalOptions extends SurfaceOptions {
  readonly config: Config
  readonly clock: Clock
  readonly logger: Logger
  readonly sessions: Sessions
  readonly grants: Grants
  readonly requests: Requests
  readonly people: People
  readonly identityProvider: IdentityProvider
  readonly secondFactor: SecondFactor
  readonly breakGlass: BreakGlass
  readonly assertions: Pick<Assertions, 'jwks'>
  /** The decision on opening an endpoint now, from the same facts as a request to it. */
  readonly mayOpen: (session: Session, endpointId: string, source: string) => Promise<Decision>
  /** Resolves when the event is durable. */
  readonly record: (event: PortalEvent) => Promise<void>
}
