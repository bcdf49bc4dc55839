import { once } from 'node:events'
import http, { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import type { AddressInfo } from 'node:net'
import { Provider, type Configuration, type JWKS } from 'oidc-provider'

/** A method of the provider's clients that its types leave out. */
interface BackchannelClient {
  backchannelLogout(subject: string, sessionId: string): Promise<void>
}

/** Someone who can sign in. */
export interface ProviderAccount {
  readonly login: string
  readonly password: string
  readonly subject: string
  readonly email: string
  readonly emailVerified: boolean
  readonly name: string
  readonly groups: readonly string[]
}

export interface ProviderClient {
  readonly clientId: string
  readonly clientSecret: string
  /** Origin of the portal that signs people in here. */
  readonly portal: string
}

export interface IdentityProviderOptions {
  /** 0 takes any free one. */
  readonly port: number
  readonly accounts: readonly ProviderAccount[]
  readonly clients: readonly ProviderClient[]
  /** Signing keys and the key of its own cookies; made anew at each start when left out. */
  readonly keys?: { readonly jwks: JWKS; readonly cookieKey: string }
}

export interface IdentityProviderServer {
  /** `http://localhost:<port>` */
  readonly issuer: string
  /** Ends a person's sessions here, which tells every client over the back channel. */
  signOutEverywhere(subject: string): Promise<void>
  close(): Promise<void>
}

const monthSeconds = 30 * 24 * 3600

/**
 * A real OpenID provider with a login page of its own, for development: it knows its accounts by heart,
 * forgets everything else when it stops, and asks for no consent.
 */
export async function startIdentityProvider(
  options: IdentityProviderOptions,
): Promise<IdentityProviderServer> {
  const server = createServer()
  server.listen(options.port, 'localhost')
  await once(server, 'listening')
  const issuer = `http://localhost:${(server.address() as AddressInfo).port}`
  const sessionsOf = new Map<string, Set<string>>()
  const provider = new Provider(issuer, configuration(options))
  provider.on('authorization.success', ({ oidc }) => {
    const { session, client } = oidc
    if (session?.accountId === undefined || client === undefined) return
    const sid = session.sidFor(client.clientId)
    const known = sessionsOf.get(session.accountId) ?? new Set()
    sessionsOf.set(session.accountId, known.add(`${client.clientId} ${sid ?? ''}`))
  })
  const answer = provider.callback()
  server.on('request', (req: IncomingMessage, res: ServerResponse) => {
    const work =
      req.url?.startsWith('/interaction/') === true ? interact(provider, options, req, res) : answer(req, res)
    work.catch(() => {
      if (!res.headersSent) res.writeHead(400, { 'content-type': 'text/plain' })
      res.end('This sign-in has expired. Go back and start again.')
    })
  })
  return {
    issuer,
    async signOutEverywhere(subject) {
      for (const entry of sessionsOf.get(subject) ?? []) {
        const [clientId = '', sid = ''] = entry.split(' ')
        const client = (await provider.Client.find(clientId)) as unknown as BackchannelClient | undefined
        await client?.backchannelLogout(subject, sid)
      }
      sessionsOf.delete(subject)
    },
    async close() {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

function configuration({ accounts, clients, keys }: IdentityProviderOptions): Configuration {
  return {
    ...(keys === undefined ? {} : { jwks: keys.jwks }),
    cookies: { keys: [keys?.cookieKey ?? crypto.randomUUID()] },
    clients: clients.map(({ clientId, clientSecret, portal }) => ({
      client_id: clientId,
      client_secret: clientSecret,
      redirect_uris: [`${portal}/oidc/callback`],
      post_logout_redirect_uris: [`${portal}/signed-out`],
      backchannel_logout_uri: `${portal}/oidc/backchannel-logout`,
      backchannel_logout_session_required: true,
    })),
    claims: { openid: ['sub'], email: ['email', 'email_verified'], profile: ['name', 'groups'] },
    conformIdTokenClaims: false,
    pkce: { required: () => true },
    findAccount: (_context, id) => {
      const found = accounts.find(({ subject }) => subject === id)
      if (found === undefined) return undefined
      const { email, emailVerified, name, groups } = found
      return {
        accountId: id,
        claims: () => ({ sub: id, email, email_verified: emailVerified, name, groups: [...groups] }),
      }
    },
    loadExistingGrant: async ({ oidc }) => {
      const grant = new oidc.provider.Grant({
        clientId: oidc.client?.clientId ?? '',
        accountId: oidc.session?.accountId ?? '',
      })
      grant.addOIDCScope('openid email profile')
      await grant.save()
      return grant
    },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        // The person has just asked for it on the portal; asking again helps nobody in a demo.
        logoutSource: (context, form) => {
          context.body = page(
            'Signing out',
            `<h1>Signing out</h1>${form}<button form="op.logoutForm" name="logout" value="yes">Sign out here too</button>`,
          )
        },
      },
    },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    renderError: (context) => {
      context.type = 'html'
      context.body = page(
        'Sign-in failed',
        '<h1>Sign-in failed</h1><p>Go back to the portal and start again.</p>',
      )
    },
    // Long, because tests let days pass on a clock that this server does not know.
    ttl: {
      Session: monthSeconds,
      Interaction: monthSeconds,
      Grant: monthSeconds,
      AccessToken: 3600,
      IdToken: 3600,
    },
    // By default it calls no loopback address, and the portal of the demo is on one.
    fetch: (input, init) =>
      postToLoopback(new URL(String(input)), (init?.body as URLSearchParams | undefined)?.toString() ?? ''),
  }
}

/**
 * Posts to a portal on this machine. `*.localhost` is 127.0.0.1 to a browser (RFC 6761 §6.3), but not to the
 * resolver of every system; and the demo's certificate is signed by an authority of its own.
 */
async function postToLoopback(url: URL, body: string): Promise<Response> {
  const isTls = url.protocol === 'https:'
  const call = (isTls ? https : http).request({
    method: 'POST',
    host: '127.0.0.1',
    port: url.port,
    path: url.pathname,
    timeout: 2_000,
    headers: { host: url.host, 'content-type': 'application/x-www-form-urlencoded' },
    ...(isTls ? { rejectUnauthorized: false } : {}),
  })
  call.end(body)
  const [response] = (await once(call, 'response')) as [IncomingMessage]
  response.resume()
  return new Response(null, { status: response.statusCode ?? 500 })
}

async function interact(
  provider: Provider,
  { accounts }: IdentityProviderOptions,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const { uid } = await provider.interactionDetails(req, res)
  if (req.method !== 'POST') {
    send(res, 200, loginPage(uid, ''))
    return
  }
  const form = new URLSearchParams(await bodyOf(req))
  const found = accounts.find(({ login }) => login === form.get('login')?.trim())
  if (found === undefined || found.password !== form.get('password')) {
    send(res, 401, loginPage(uid, 'That user and password do not match.'))
    return
  }
  await provider.interactionFinished(req, res, { login: { accountId: found.subject } })
}

async function bodyOf(req: IncomingMessage): Promise<string> {
  let text = ''
  for await (const chunk of req) {
    text += String(chunk)
    if (text.length > 4_096) throw new Error('too long')
  }
  return text
}

function send(res: ServerResponse, status: number, html: string): void {
  res.writeHead(status, { 'content-type': 'text/html; charset=utf-8', 'cache-control': 'no-store' })
  res.end(html)
}

function loginPage(uid: string, problem: string): string {
  return page(
    'Plant account',
    `<h1>Plant account</h1>
    <form method="post" action="/interaction/${uid}">
      ${problem === '' ? '' : `<p role="alert">${problem}</p>`}
      <label>User<input name="login" autocomplete="username" autofocus required></label>
      <label>Password<input name="password" type="password" autocomplete="current-password" required></label>
      <button type="submit">Sign in</button>
    </form>
    <p class="note">The identity provider of the demo plant. In a real plant this is yours.</p>`,
  )
}

function page(title: string, body: string): string {
  return `<!doctype html><html lang="en"><meta charset="utf-8">
<meta name="viewport" content="width=device-width"><title>${title}</title>
<style>
  body { font: 16px/1.5 system-ui, sans-serif; background: #eceef0; color: #22272b; margin: 0; }
  main { max-width: 22rem; margin: 12vh auto; background: #fff; padding: 2rem; border: 1px solid #c9ced3; border-radius: 6px; }
  h1 { font-size: 1.3rem; margin: 0 0 1rem; } label { display: block; margin: 0 0 1rem; }
  input { display: block; width: 100%; box-sizing: border-box; font: inherit; padding: .5rem; border: 1px solid #8a939b; border-radius: 4px; }
  button { font: inherit; padding: .6rem 1.4rem; border: 0; border-radius: 4px; background: #2d4a62; color: #fff; }
  .note { color: #59636b; font-size: .875rem; margin: 1.5rem 0 0; } [role=alert] { color: #9c1c1c; }
</style><main>${body}</main></html>`
}
