import type { EpochMs, Principal, Role } from '../model.js'
import type { Clock, SigningKey } from '../lib/index.js'

export interface AssertionInput {
  readonly principal: Principal
  readonly sessionId: string
  readonly endpointId: string
  readonly grantId: string
  readonly roles?: readonly Role[]
  readonly secondFactorAt: EpochMs | null
}

/** The signed identity that upstreams receive, and the public key they check it with. */
export interface Assertions {
  /** A JWT (ES256) for one endpoint, valid for 60 s at most. */
  sign(input: AssertionInput): Promise<string>
  /** What `/.well-known/jwks.json` answers. */
  jwks(): { keys: object[] }
}

export function createAssertions(options: { key: SigningKey; clock: Clock; issuer: string }): Assertions {
  throw new Error(`not built yet ${options.issuer}`)
}
