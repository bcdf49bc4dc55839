import * as client from 'openid-client'
import type { Config } from '../config/index.js'
import { describeError, GatehouseError, type Clock, type Logger } from '../lib/index.js'
import {
  guardedFetch,
  isAllowedAddress,
  providerUnavailable,
  unavailableWithin,
  withoutSecrets,
} from './transport.js'

/** What the provider says about itself, fetched when first needed: a provider that is down stops no start. */
export interface Discovery {
  /** @throws GatehouseError `identity-provider-unavailable` */
  current(): Promise<client.Configuration>
  /** What is known may be wrong: ask again before it is used next. */
  doubt(): void
}

/** Older than this, it is still used while a newer one is fetched. */
const freshMs = 10 * 60_000
/** Older than this, it is not used at all. */
const longestAgeMs = 24 * 60 * 60_000

/** @throws GatehouseError `config-invalid` */
export function createDiscovery(options: { oidc: Config['oidc']; clock: Clock; logger: Logger }): Discovery {
  const { oidc, clock, logger } = options
  if (!isAllowedAddress(oidc.issuer)) {
    throw new GatehouseError(
      'config-invalid',
      'oidc.issuer must be https; http is accepted on loopback names only.',
    )
  }
  const authentication = clientAuthentication(oidc)
  let known: { configuration: client.Configuration; at: number } | null = null
  let running: Promise<client.Configuration> | null = null

  const discover = async (): Promise<client.Configuration> => {
    try {
      const configuration = await client.discovery(
        oidc.issuer,
        oidc.clientId,
        { [client.clockTolerance]: oidc.clockToleranceSeconds },
        authentication,
        {
          timeout: oidc.timeoutSeconds,
          [client.customFetch]: guardedFetch,
          execute: extensions(oidc.issuer),
        },
      )
      known = { configuration, at: clock.monotonic() }
      return configuration
    } catch (error) {
      const failure = unavailableWithin(error) ?? providerUnavailable(withoutSecrets(error))
      logger.warn('identity provider: discovery failed', {
        issuer: oidc.issuer.href,
        problem: describeError(failure),
      })
      throw failure
    }
  }
  /** One at a time, however many wait for it. */
  const refresh = (): Promise<client.Configuration> =>
    (running ??= discover().finally(() => {
      running = null
    }))

  return {
    current: async () => {
      const age = known === null ? Infinity : clock.monotonic() - known.at
      if (known === null || age > longestAgeMs) return refresh()
      if (age > freshMs) refresh().catch(() => undefined) // reported above; the next use tries again
      return known.configuration
    },
    doubt: () => {
      known = null
    },
  }
}

/**
 * Whether the provider says about itself what it must, within `limitSeconds`. That it does is no proof that people
 * can sign in there.
 * @throws GatehouseError `config-invalid`
 */
export async function doesProviderAnswer(
  options: Parameters<typeof createDiscovery>[0],
  limitSeconds: number,
): Promise<boolean> {
  const { oidc } = options
  const timeoutSeconds = Math.min(oidc.timeoutSeconds, limitSeconds)
  const discovery = createDiscovery({ ...options, oidc: { ...oidc, timeoutSeconds } })
  return discovery.current().then(
    () => true,
    () => false,
  )
}

/**
 * Signatures of ID tokens are checked although OpenID Connect Core §3.1.3.7 lets a client lean on TLS: a
 * company proxy that opens TLS must not be able to write identities.
 */
function extensions(issuer: URL): ((configuration: client.Configuration) => void)[] {
  // eslint-disable-next-line @typescript-eslint/no-deprecated -- marked so to stand out; guardedFetch keeps it to loopback
  const insecure = client.allowInsecureRequests
  return issuer.protocol === 'http:'
    ? [insecure, client.enableNonRepudiationChecks]
    : [client.enableNonRepudiationChecks]
}

function clientAuthentication(oidc: Config['oidc']): client.ClientAuth {
  if (oidc.clientAuthentication === 'none') return client.None()
  if (oidc.clientSecret === null) {
    throw new GatehouseError(
      'config-invalid',
      `oidc.clientAuthentication ${oidc.clientAuthentication} needs a secret.`,
    )
  }
  return oidc.clientAuthentication === 'client_secret_basic'
    ? client.ClientSecretBasic(oidc.clientSecret)
    : client.ClientSecretPost(oidc.clientSecret)
}
