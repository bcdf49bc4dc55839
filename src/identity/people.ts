import type { Clock, Logger, Store } from '../lib/index.js'
import type { EpochMs, Principal, Role } from '../model.js'

/** Someone who has signed in at least once, as of their last sign-in. */
export interface Person {
  readonly principal: Principal
  readonly roles: readonly Role[]
  readonly lastLoginAt: EpochMs
}

/** Who has ever signed in, so that administrators can name people by e-mail. */
export interface People {
  remember(principal: Principal, roles: readonly Role[]): Promise<void>
  /** Everyone whose last sign-in carried this e-mail, verified. Several, when an address changed hands. */
  byEmail(email: string): Promise<Person[]>
  get(principalId: string): Promise<Person | null>
  list(): Promise<Person[]>
}

export function createPeople(options: { store: Store; clock: Clock; logger: Logger }): People {
  throw new Error(`not built yet ${String(options)}`)
}
