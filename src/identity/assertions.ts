import { SignJWT } from 'jose'
import type { Clock, SigningKey } from '../lib/index.js'
import type { EpochMs, Principal, Role } from '../model.js'

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

const lifetimeSeconds = 60
/** Signed afresh when less than this is left, so that an upstream with a slow clock still accepts it. */
const leastLeftSeconds = 30
const cacheEntries = 10_000

/**
 * @param options.issuer origin of the portal
 * @example
 * const assertions = createAssertions({ key: keyring.assertion, clock, issuer: 'https://portal.plant.example' })
 */
export function createAssertions(options: { key: SigningKey; clock: Clock; issuer: string }): Assertions {
  const { key, clock, issuer } = options
  /** Signing costs more than forwarding a small request; one signature serves half a minute of them. */
  const cache = new Map<string, { expiresAtSeconds: number; token: Promise<string> }>()
  const publicKey = { ...key.publicKey.export({ format: 'jwk' }), kid: key.id, alg: 'ES256', use: 'sig' }

  return {
    sign: (input) => {
      const nowSeconds = Math.floor(clock.now() / 1000)
      const { sessionId, endpointId, grantId, principal, roles = [], secondFactorAt } = input
      // None of these contains a blank.
      const cacheKey = [sessionId, endpointId, grantId, principal.id, secondFactorAt, ...roles].join(' ')
      const cached = cache.get(cacheKey)
      const left = cached === undefined ? 0 : cached.expiresAtSeconds - nowSeconds
      // More than a whole lifetime left means that the clock was set back: never hand out a longer one.
      if (cached !== undefined && left >= leastLeftSeconds && left <= lifetimeSeconds) return cached.token
      const expiresAtSeconds = nowSeconds + lifetimeSeconds
      const token = new SignJWT(claimsOf(input))
        .setProtectedHeader({ alg: 'ES256', kid: key.id, typ: 'JWT' })
        .setIssuer(issuer)
        .setAudience(input.endpointId)
        .setSubject(input.principal.id)
        .setIssuedAt(nowSeconds)
        .setExpirationTime(expiresAtSeconds)
        .sign(key.privateKey)
      if (cache.size >= cacheEntries) cache.clear()
      cache.set(cacheKey, { expiresAtSeconds, token })
      return token
    },
    jwks: () => ({ keys: [publicKey] }),
  }
}

function claimsOf(input: AssertionInput): Record<string, unknown> {
  const { principal, sessionId, grantId, roles, secondFactorAt } = input
  return {
    sid: sessionId,
    grant: grantId,
    name: principal.name,
    ...(principal.email === null ? {} : { email: principal.email, email_verified: true }),
    ...(roles === undefined ? {} : { roles }),
    // RFC 8176: a one-time code was proved, and when.
    ...(secondFactorAt === null ? {} : { amr: ['otp', 'mfa'], auth_time: Math.floor(secondFactorAt / 1000) }),
  }
}
