import { createRemoteJWKSet, customFetch, errors, jwtVerify, type JWTPayload, type RemoteJWKSet } from 'jose'
import type { Config } from '../config/index.js'
import { fingerprint, GatehouseError, type Clock, type Store } from '../lib/index.js'
import { boundedText } from './claims.js'
import type { Discovery } from './discovery.js'
import { guardedFetch, unavailableWithin, withoutSecrets } from './transport.js'

/** What a valid logout token asks: end the sessions of this subject, or the one with this `sid`. */
export interface LogoutRequest {
  readonly issuer: string
  readonly subject: string | null
  readonly providerSessionId: string | null
}

/** Asymmetric only: with an HMAC algorithm the public key, or the client secret, would sign. */
const algorithms = [
  'RS256',
  'RS384',
  'RS512',
  'PS256',
  'PS384',
  'PS512',
  'ES256',
  'ES384',
  'ES512',
  'EdDSA',
  'Ed25519',
]
const logoutEvent = 'http://schemas.openid.net/event/backchannel-logout'
/** Some providers send no `exp`; then `iat` alone says how long the token may be used. */
const maxAgeSeconds = 300
const lengthLimit = 16 * 1024

/**
 * Verifies logout tokens (OpenID Connect Back-Channel Logout 1.0 §2.6).
 *
 * Each `jti` is accepted once, by any instance: a token seen on the way could otherwise end the person's
 * next session as well.
 */
export function createLogoutTokens(options: {
  oidc: Config['oidc']
  discovery: Discovery
  store: Store
  clock: Clock
}): (token: string) => Promise<LogoutRequest> {
  const { oidc, discovery, store, clock } = options
  const keysOf = createKeySets(oidc.timeoutSeconds)

  const verified = async (token: string): Promise<JWTPayload> => {
    const metadata = (await discovery.current()).serverMetadata()
    const { payload, protectedHeader } = await jwtVerify(token, keysOf(metadata.jwks_uri), {
      algorithms,
      issuer: metadata.issuer,
      audience: oidc.clientId,
      clockTolerance: oidc.clockToleranceSeconds,
      currentDate: new Date(clock.now()),
      maxTokenAge: maxAgeSeconds,
    })
    if (!isLogoutType(protectedHeader.typ)) throw new Error('typ is not one of a logout token')
    return payload
  }
  /** The TTL outlives the window in which the token would still be accepted. */
  const spend = async (issuer: string, jti: string): Promise<void> => {
    const key = store.key('logout-token', fingerprint(JSON.stringify([issuer, jti])))
    const ttlSeconds = maxAgeSeconds + 2 * oidc.clockToleranceSeconds + 1
    const answer = await store.run((redis) => redis.set(key, '1', 'EX', ttlSeconds, 'NX'))
    if (answer !== 'OK') throw invalid(new Error('jti was used before'))
  }

  return async (token: string) => {
    try {
      if (token.length > lengthLimit) throw new Error('too long')
      const { request, jti } = readClaims(await verified(token))
      await spend(request.issuer, jti)
      return request
    } catch (error) {
      if (error instanceof GatehouseError) throw error
      throw unavailableWithin(error) ?? invalid(withoutSecrets(error))
    }
  }
}

function invalid(cause: Error): GatehouseError {
  return new GatehouseError('logout-token-invalid', 'The logout token was not accepted.', { cause })
}

function readClaims(claims: JWTPayload): { request: LogoutRequest; jti: string } {
  const jti = boundedText(claims.jti)
  if (jti === null) throw new Error('jti missing')
  if (!isLogoutEvent(claims.events)) throw new Error('events does not say back-channel logout')
  // §2.4: the nonce is forbidden so that an ID token can never pass for a logout token.
  if (Object.hasOwn(claims, 'nonce')) throw new Error('nonce present')
  const subject = optionalText(claims, 'sub')
  const providerSessionId = optionalText(claims, 'sid')
  if (subject === null && providerSessionId === null) throw new Error('neither sub nor sid')
  return { request: { issuer: String(claims.iss), subject, providerSessionId }, jti }
}

/** Absent is fine, garbage is not: a token that names a session unreadably must not end all of them. */
function optionalText(claims: JWTPayload, name: 'sub' | 'sid'): string | null {
  if (!Object.hasOwn(claims, name)) return null
  const text = boundedText(claims[name])
  if (text === null) throw new Error(`${name} unreadable`)
  return text
}

function isLogoutEvent(events: unknown): boolean {
  if (typeof events !== 'object' || events === null || !Object.hasOwn(events, logoutEvent)) return false
  const value = (events as Record<string, unknown>)[logoutEvent]
  return typeof value === 'object' && value !== null && !Array.isArray(value)
}

/** `logout+jwt` is only recommended (§2.4); `at+jwt` and other declared kinds are something else. */
function isLogoutType(typ: string | undefined): boolean {
  return typ === undefined || ['jwt', 'logout+jwt', 'application/logout+jwt'].includes(typ.toLowerCase())
}

/** Keeps the keys between tokens; an unknown `kid` fetches them again, every 30 s at most. */
function createKeySets(timeoutSeconds: number): (address: string | undefined) => RemoteJWKSet {
  let current: { address: string; keys: RemoteJWKSet } | null = null
  return (address) => {
    if (address === undefined) throw new errors.JWKSInvalid('the provider publishes no keys')
    if (current?.address !== address) {
      const keys = createRemoteJWKSet(new URL(address), {
        timeoutDuration: timeoutSeconds * 1000,
        [customFetch]: guardedFetch,
      })
      current = { address, keys }
    }
    return current.keys
  }
}
