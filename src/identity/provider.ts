import type { Config } from '../config/index.js'
import type { Clock, Keyring, Logger, Store } from '../lib/index.js'
import type { Principal, Role } from '../model.js'

export interface LoginStart {
  /** Where to send the browser: the provider's authorization endpoint. */
  readonly redirectTo: URL
  /** To be set on the portal host; without it the answer of the provider is refused. */
  readonly cookie: { readonly name: string; readonly value: string; readonly maxAgeSeconds: number }
}

export interface CompletedLogin {
  readonly principal: Principal
  readonly roles: Role[]
  /** The provider's `sid`, if it names its sessions. */
  readonly providerSessionId: string | null
  readonly idToken: string | null
  /** The return target given to `beginLogin`. */
  readonly to: string
  /** The cookie that has done its work and is to be cleared. */
  readonly cookieName: string
}

/** What a valid logout token asks: end the sessions of this subject, or the one with this `sid`. */
export interface LogoutRequest {
  readonly issuer: string
  readonly subject: string | null
  readonly providerSessionId: string | null
}

export interface IdentityProvider {
  /** @throws GatehouseError `identity-provider-unavailable`, `return-target-invalid` */
  beginLogin(to: string): Promise<LoginStart>
  /** @throws GatehouseError `login-expired`, `login-failed`, `identity-provider-unavailable` */
  completeLogin(callback: URL, cookies: ReadonlyMap<string, string>): Promise<CompletedLogin>
  /** Where the browser ends the provider's session too; null when the provider offers no such place. */
  logoutUrl(idToken: string | null, returnTo: URL): Promise<URL | null>
  /** @throws GatehouseError `logout-token-invalid`, `identity-provider-unavailable`, `store-unavailable` */
  verifyLogoutToken(token: string): Promise<LogoutRequest>
}

export interface IdentityProviderOptions {
  readonly oidc: Config['oidc']
  readonly publicUrl: URL
  readonly keyring: Keyring
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
  /** Default `__Host-gatehouse-login-`. */
  readonly cookiePrefix?: string
}

export function createIdentityProvider(options: IdentityProviderOptions): IdentityProvider {
  throw new Error(`not built yet ${options.publicUrl.href}`)
}
