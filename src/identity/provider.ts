import * as client from 'openid-client'
import { z } from 'zod'
import type { Config } from '../config/index.js'
import { describeError, GatehouseError, isToken, newToken } from '../lib/index.js'
import type { Clock, Keyring, Logger, Store } from '../lib/index.js'
import type { Company, EpochMs, Principal, Role } from '../model.js'
import {
  companyClaimsFrom,
  type CompanyClaims,
  groupsFrom,
  needsUserInfo,
  principalFrom,
  providerSessionIdFrom,
  rolesFrom,
  type Claims,
} from './claims.js'
import { createDiscovery } from './discovery.js'
import { createLogoutTokens, type LogoutRequest } from './logout-token.js'
import { isAllowedAddress, providerUnavailable, unavailableWithin, withoutSecrets } from './transport.js'

export interface LoginStart {
  /** Where to send the browser: the provider's authorization endpoint. */
  readonly redirectTo: URL
  /** To be set on the portal host; without it the answer of the provider is refused. */
  readonly cookie: { readonly name: string; readonly value: string; readonly maxAgeSeconds: number }
}

export interface CompletedLogin extends CompanyClaims {
  readonly principal: Principal
  readonly roles: Role[]
  /** See `Session`. */
  readonly groups: string[]
  /** The provider's `sid`, if it names its sessions. */
  readonly providerSessionId: string | null
  readonly idToken: string | null
  /** The return target given to `beginLogin`. */
  readonly to: string
  /** The cookie that has done its work and is to be cleared. */
  readonly cookieName: string
}

/** Sign-in and sign-out at the OpenID Connect provider. */
export interface IdentityProvider {
  /**
   * @param to the return target, checked by the caller; 2500 bytes at most
   * @throws GatehouseError `identity-provider-unavailable`, `return-target-invalid`
   */
  beginLogin(to: string): Promise<LoginStart>
  /** @throws GatehouseError `login-expired`, `login-failed`, `identity-provider-unavailable` */
  completeLogin(callback: URL, cookies: ReadonlyMap<string, string>): Promise<CompletedLogin>
  /**
   * Where the browser ends the provider's session too (RP-Initiated Logout 1.0). Null when the provider
   * offers no such place or cannot be asked: signing out of Gatehouse never waits for it.
   */
  logoutUrl(idToken: string | null, returnTo: URL): Promise<URL | null>
  /** @throws GatehouseError `logout-token-invalid`, `identity-provider-unavailable`, `store-unavailable` */
  verifyLogoutToken(token: string): Promise<LogoutRequest>
}

export interface IdentityProviderOptions {
  readonly oidc: Config['oidc']
  /** Those by which the provider can tell people apart. Default: none. */
  readonly companies?: readonly Pick<Company, 'claimValues'>[]
  readonly publicUrl: URL
  readonly keyring: Keyring
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
  /** Of the cookies that remember sign-ins under way. */
  readonly cookiePrefix: string
}

const transactionSeconds = 600
/** Sealed and encoded it must fit a cookie, which browsers drop without a word beyond 4096 bytes. */
const returnTargetBytes = 2500
/** A longer hint would make an address that servers refuse; the provider then asks the person instead. */
const idTokenHintLength = 4096

/** What one tab must still know when the browser comes back from the provider. */
const transactionSchema = z.strictObject({
  nonce: z.string(),
  verifier: z.string(),
  to: z.string(),
  expiresAt: z.number(),
})
type Transaction = z.infer<typeof transactionSchema>

/**
 * Ages of ID tokens are judged by openid-client on the system's clock; everything else here uses `clock`.
 *
 * @throws GatehouseError `config-invalid`
 */
export function createIdentityProvider(options: IdentityProviderOptions): IdentityProvider {
  const { oidc, companies = [], publicUrl, keyring, clock, logger, cookiePrefix } = options
  const known = companies.flatMap(({ claimValues }) => claimValues)
  const claims = [oidc.roles.claim, ...(known.length > 0 ? [oidc.companyClaim] : [])]
  const redirectUri = new URL('/oidc/callback', publicUrl)
  const discovery = createDiscovery(options)

  /** One cookie a state, so that two tabs can sign in side by side. */
  const cookieNameOf = (state: string): string => cookiePrefix + state.slice(0, 8)

  const exchange = async (callback: URL, state: string, transaction: Transaction): Promise<Proof> => {
    // Our own address with the provider's answer: the rest of what the browser asked for is its own invention.
    const answer = new URL(redirectUri)
    answer.search = callback.search
    const configuration = await discovery.current()
    const tokens = await client.authorizationCodeGrant(configuration, answer, {
      expectedState: state,
      expectedNonce: transaction.nonce,
      pkceCodeVerifier: transaction.verifier,
      idTokenExpected: true,
    })
    const idToken: Claims = { ...tokens.claims() }
    const isAsked =
      needsUserInfo(idToken, ...claims) && configuration.serverMetadata().userinfo_endpoint !== undefined
    const userInfo: Claims = isAsked
      ? await client.fetchUserInfo(configuration, tokens.access_token, String(idToken.sub))
      : {}
    return { idToken, userInfo, rawIdToken: tokens.id_token ?? null }
  }
  /** What openid-client threw, in our words. */
  const loginFailure = (error: unknown): GatehouseError => {
    if (error instanceof GatehouseError) return error
    const isAnswer =
      error instanceof client.AuthorizationResponseError || error instanceof client.ResponseBodyError
    // Anything but a plain "no" may come from metadata or keys that have changed.
    if (!isAnswer) discovery.doubt()
    const failure =
      unavailableWithin(error) ??
      new GatehouseError('login-failed', 'The identity provider did not confirm who you are.', {
        cause: withoutSecrets(error),
      })
    logger.warn('identity provider: sign-in failed', { problem: describeError(failure) })
    return failure
  }

  return {
    beginLogin: async (to) => {
      if (Buffer.byteLength(to) > returnTargetBytes) {
        throw new GatehouseError(
          'return-target-invalid',
          'The address you came for is too long to survive signing in.',
        )
      }
      const configuration = await discovery.current()
      const state = newToken()
      const transaction: Transaction = {
        nonce: newToken(),
        verifier: client.randomPKCECodeVerifier(),
        to,
        expiresAt: clock.now() + transactionSeconds * 1000,
      }
      const redirectTo = authorizationUrl(configuration, {
        redirect_uri: redirectUri.href,
        scope: oidc.scopes.join(' '),
        state,
        nonce: transaction.nonce,
        code_challenge: await client.calculatePKCECodeChallenge(transaction.verifier),
        code_challenge_method: 'S256',
      })
      const value = keyring.seal('login-transaction', state, JSON.stringify(transaction))
      return { redirectTo, cookie: { name: cookieNameOf(state), value, maxAgeSeconds: transactionSeconds } }
    },

    completeLogin: async (callback, cookies) => {
      const state = callback.searchParams.get('state') ?? ''
      const cookieName = cookieNameOf(state)
      // Before anything else: without the transaction of this very browser the rest is someone else's sign-in.
      const transaction = openTransaction(keyring, state, cookies.get(cookieName), clock.now())
      try {
        const { idToken, userInfo, rawIdToken } = await exchange(callback, state, transaction)
        return {
          principal: principalFrom(idToken, userInfo),
          roles: rolesFrom(idToken, userInfo, oidc.roles),
          groups: groupsFrom(idToken, userInfo, oidc.roles),
          ...companyClaimsFrom(idToken, userInfo, { claim: oidc.companyClaim, known }),
          providerSessionId: providerSessionIdFrom(idToken),
          idToken: rawIdToken,
          to: transaction.to,
          cookieName,
        }
      } catch (error) {
        throw loginFailure(error)
      }
    },

    logoutUrl: async (idToken, returnTo) => {
      try {
        const configuration = await discovery.current()
        if (configuration.serverMetadata().end_session_endpoint === undefined) return null
        const hint = idToken === null || idToken.length > idTokenHintLength ? {} : { id_token_hint: idToken }
        const url = client.buildEndSessionUrl(configuration, {
          ...hint,
          post_logout_redirect_uri: returnTo.href,
        })
        return isAllowedAddress(url) ? url : null
      } catch (error) {
        logger.warn('identity provider: no sign-out there', { problem: describeError(withoutSecrets(error)) })
        return null
      }
    },

    verifyLogoutToken: createLogoutTokens({ ...options, discovery }),
  }
}

interface Proof {
  readonly idToken: Claims
  readonly userInfo: Claims
  readonly rawIdToken: string | null
}

function authorizationUrl(configuration: client.Configuration, parameters: Record<string, string>): URL {
  try {
    const url = client.buildAuthorizationUrl(configuration, parameters)
    // The browser follows it, so metadata must not be able to name a `javascript:` or plain http address.
    if (!isAllowedAddress(url)) throw new Error('authorization endpoint is not https')
    return url
  } catch (error) {
    throw providerUnavailable(withoutSecrets(error))
  }
}

/** @throws GatehouseError `login-expired` */
function openTransaction(
  keyring: Keyring,
  state: string,
  sealed: string | undefined,
  now: EpochMs,
): Transaction {
  const text =
    isToken(state) && sealed !== undefined ? keyring.open('login-transaction', state, sealed) : null
  const transaction = transactionSchema.safeParse(text === null ? null : JSON.parse(text)).data
  if (transaction === undefined || now >= transaction.expiresAt) {
    throw new GatehouseError(
      'login-expired',
      'This sign-in took too long, or was begun in another browser. Please sign in again.',
    )
  }
  return transaction
}
