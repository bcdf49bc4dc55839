import './quiet-oidc-provider.js' // must come before it
import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { Provider, type Configuration } from 'oidc-provider'

/** Accounts of the test provider; the subject is the key. */
const accounts: Readonly<Record<string, Readonly<Record<string, unknown>>>> = {
  ana: { email: 'Ana@Vendor.example', email_verified: true, name: 'Ana Bell', groups: ['vendors'] },
  ivo: {
    email: 'ivo@plant.example',
    email_verified: true,
    name: 'Ivo Tan',
    groups: ['plant-it', 'line-leads'],
  },
  una: { email: 'una@vendor.example', email_verified: false, name: 'Una Verified', groups: 'line-leads' },
}

export interface TestProvider {
  readonly issuer: URL
  /** A browser in which `account` signs in at once: from the authorization request to our callback. */
  signIn(redirectTo: URL, account: string): Promise<URL>
  /** Follows the logout address, agrees to sign out, and tells where the browser ends up. */
  signOut(logoutUrl: URL, account: string): Promise<URL>
  /** The token that the provider would send to the back-channel address. */
  logoutToken(account: string, sessionId: string): Promise<string>
  stop(): Promise<void>
  /** Listens again at the same address. */
  start(): Promise<void>
}

export interface TestProviderOptions {
  readonly portal: URL
  readonly clientAuthentication?: 'client_secret_basic' | 'client_secret_post' | 'none'
  /** True: the ID token holds only `sub`, the rest comes from UserInfo (OpenID Connect Core §5.4). */
  readonly isTerse?: boolean
  readonly clientSecret?: string
  /** Default: any free one. */
  readonly port?: number
}

/** A member of oidc-provider's client that its types leave out. */
interface LogoutSender {
  backchannelLogout(subject: string, sessionId: string): Promise<void>
}

/** A real oidc-provider on loopback. */
export async function startProvider(options: TestProviderOptions): Promise<TestProvider> {
  const server = createServer()
  const port = await listen(server, options.port ?? 0)
  const issuer = new URL(`http://localhost:${String(port)}`)
  const logoutTokens: string[] = []
  const provider = new Provider(issuer.origin, configuration(options, logoutTokens))
  const answer = provider.callback()
  const jars = new Map<string, Map<string, string>>()
  const jarOf = (account: string): Map<string, string> => {
    const jar = jars.get(account) ?? new Map<string, string>()
    jars.set(account, jar)
    return jar
  }

  server.on('request', (req, res) => {
    if (req.url?.startsWith('/interaction/') !== true) {
      void answer(req, res)
      return
    }
    const accountId = /account=(\w+)/.exec(req.headers.cookie ?? '')?.[1] ?? ''
    void provider.interactionFinished(req, res, { login: { accountId } })
  })

  return {
    issuer,
    signIn: (redirectTo, account) => {
      const jar = jarOf(account).set('account', account)
      return browse(jar, redirectTo, options.portal)
    },
    signOut: async (logoutUrl, account) => {
      const jar = jarOf(account)
      const page = await visit(jar, logoutUrl)
      const html = await page.text()
      const action = /action="([^"]+)"/.exec(html)?.[1]
      const xsrf = /name="xsrf" value="([^"]+)"/.exec(html)?.[1]
      if (action === undefined || xsrf === undefined) throw new Error(`no logout form: ${html}`)
      const confirmed = await visit(jar, new URL(action), { xsrf, logout: 'yes' })
      return browse(jar, new URL(confirmed.headers.get('location') ?? '', issuer), options.portal)
    },
    logoutToken: async (account, sessionId) => {
      const client = (await provider.Client.find('gatehouse')) as unknown as LogoutSender
      await client.backchannelLogout(account, sessionId)
      return logoutTokens.pop() ?? ''
    },
    stop: () => close(server),
    start: async () => {
      await listen(server, port)
    },
  }
}

function configuration(options: TestProviderOptions, logoutTokens: string[]): Configuration {
  const { portal } = options
  const method = options.clientAuthentication ?? 'client_secret_basic'
  return {
    clients: [
      {
        client_id: 'gatehouse',
        ...(method === 'none' ? {} : { client_secret: options.clientSecret ?? 'not-a-real-secret_~.-' }),
        token_endpoint_auth_method: method,
        redirect_uris: [new URL('/oidc/callback', portal).href],
        post_logout_redirect_uris: [new URL('/signed-out', portal).href],
        backchannel_logout_uri: new URL('/oidc/backchannel-logout', portal).href,
        backchannel_logout_session_required: true,
      },
    ],
    claims: { openid: ['sub', 'groups'], email: ['email', 'email_verified'], profile: ['name'] },
    conformIdTokenClaims: options.isTerse ?? false,
    findAccount: (_context, id) => {
      const claims = accounts[id]
      return claims && { accountId: id, claims: () => ({ sub: id, ...claims }) }
    },
    // Everyone agrees to everything: asking is the provider's business.
    loadExistingGrant: async (context) => {
      const { client, session } = context.oidc
      const grant = new context.oidc.provider.Grant({
        clientId: client?.clientId ?? '',
        accountId: session?.accountId ?? '',
      })
      grant.addOIDCScope('openid email profile')
      await grant.save()
      return grant
    },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
    },
    cookies: { keys: ['not-a-real-key'] },
    fetch: (_input, init) => {
      logoutTokens.push(new URLSearchParams(init?.body as URLSearchParams).get('logout_token') ?? '')
      return Promise.resolve(new Response(null, { status: 204 }))
    },
  }
}

/** Follows redirects until they lead to the portal. */
async function browse(jar: Map<string, string>, from: URL, portal: URL): Promise<URL> {
  let url = from
  for (let hops = 0; hops < 10; hops += 1) {
    if (url.origin === portal.origin) return url
    const response = await visit(jar, url)
    const location = response.headers.get('location')
    if (location === null)
      throw new Error(`stuck at ${url.href}: ${String(response.status)} ${await response.text()}`)
    url = new URL(location, url)
  }
  throw new Error('too many redirects')
}

async function visit(jar: Map<string, string>, url: URL, form?: Record<string, string>): Promise<Response> {
  const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
  const body = form === undefined ? {} : { method: 'POST', body: new URLSearchParams(form) }
  const response = await fetch(url, { redirect: 'manual', headers: { cookie }, ...body })
  for (const line of response.headers.getSetCookie()) {
    const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? []
    if (value === '') jar.delete(name)
    else jar.set(name, value)
  }
  return response
}

export async function listen(server: Server, port: number): Promise<number> {
  server.listen(port, 'localhost')
  await once(server, 'listening')
  return (server.address() as AddressInfo).port
}

export async function close(server: Server): Promise<void> {
  if (!server.listening) return
  const closed = once(server, 'close')
  server.close()
  server.closeAllConnections()
  await closed
}
