import { generateKeyPairSync, randomBytes, randomUUID } from 'node:crypto'
import { once } from 'node:events'
import { existsSync, mkdirSync, readFileSync } from 'node:fs'
import http, { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import https from 'node:https'
import { join } from 'node:path'
import type { Configuration, JWKS, Provider } from 'oidc-provider'
import { systemClock } from '../src/lib/index.js'
import { listen, readBody, sendHtml } from './http.js'
import { writePrivate } from './private-files.js'
import { createMemory } from './provider-memory.js'
import { loginPage, messagePage, signOutPage } from './provider-pages.js'

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
  /** Default: `client_secret_basic`. */
  readonly authentication?: 'client_secret_basic' | 'client_secret_post' | 'none'
}

export interface ProviderKeys {
  readonly jwks: JWKS
  /** Signs the provider's own cookies. */
  readonly cookieKey: string
}

export interface IdentityProviderOptions {
  /** 0 takes any free one. */
  readonly port: number
  readonly accounts: readonly ProviderAccount[]
  readonly clients: readonly ProviderClient[]
  /** Made anew at each start when left out. See `keptKeys`. */
  readonly keys?: ProviderKeys
  /** Lifetimes in seconds. Default: 30 days for sessions and interactions, 1 h for tokens. */
  readonly ttl?: { readonly session?: number; readonly token?: number; readonly interaction?: number }
}

export interface IdentityProviderServer {
  /** `http://localhost:<port>` */
  readonly issuer: string
  readonly port: number
  /**
   * Ends a person's sessions here, and tells every client over the back channel (OpenID Connect
   * Back-Channel Logout 1.0). Resolves with how many clients were told.
   */
  signOutEverywhere(subject: string): Promise<number>
  close(): Promise<void>
}

/** A member of the library's clients that its types leave out. */
interface BackchannelClient {
  backchannelLogout(subject: string, sessionId: string): Promise<void>
}

interface KnownSession {
  readonly subject: string
  /** Client → the `sid` it knows this session by. */
  readonly sids: Map<string, string>
}

const hourSeconds = 3_600
/** Tests move the clock of browser and gateway ahead, but not ours: cookies must last that long. */
const monthSeconds = 30 * 24 * hourSeconds

/**
 * A real OpenID provider with a login page of its own, for development: it knows its accounts by heart,
 * forgets everything else when it stops, and asks for no consent.
 *
 * @throws PortBusy
 */
export async function startIdentityProvider(
  options: IdentityProviderOptions,
): Promise<IdentityProviderServer> {
  const Provider = await loadProvider()
  const server = createServer()
  const running = await listen(server, options.port)
  const issuer = `http://localhost:${running.port}`
  const provider = new Provider(issuer, configuration(options))
  const sessions = new Map<string, KnownSession>()
  provider.on('authorization.success', ({ oidc }) => {
    const { session, client } = oidc
    if (session?.accountId === undefined || client === undefined) return
    const known = sessions.get(session.uid) ?? { subject: session.accountId, sids: new Map<string, string>() }
    known.sids.set(client.clientId, session.sidFor(client.clientId) ?? '')
    sessions.set(session.uid, known)
  })
  const answer = provider.callback()
  server.on('request', (req: IncomingMessage, res: ServerResponse) => {
    const isInteraction = req.url?.startsWith('/interaction/') === true
    const work = isInteraction ? interact(provider, options.accounts, req, res) : answer(req, res)
    work.catch(() => {
      if (res.headersSent) res.destroy()
      else
        sendHtml(
          res,
          400,
          messagePage('This sign-in has expired', 'Go back to where you came from and start again.'),
        )
    })
  })
  return {
    issuer,
    port: running.port,
    close: () => running.close(),
    signOutEverywhere: async (subject) => {
      let told = 0
      for (const [uid, known] of [...sessions].filter(([, { subject: owner }]) => owner === subject)) {
        const session = await provider.Session.findByUid(uid)
        await session?.destroy()
        for (const [clientId, sid] of known.sids) {
          const client = (await provider.Client.find(clientId)) as unknown as BackchannelClient | undefined
          if (client === undefined) continue
          await client.backchannelLogout(subject, sid)
          told += 1
        }
        sessions.delete(uid)
      }
      return told
    },
  }
}

/** Keys from `folder`, made on first use, so that sign-ins survive a restart of the provider. */
export function keptKeys(folder: string): ProviderKeys {
  const file = join(folder, 'identity-provider-keys.json')
  if (existsSync(file)) return JSON.parse(readFileSync(file, 'utf8')) as ProviderKeys
  const keys = newKeys()
  mkdirSync(folder, { recursive: true })
  writePrivate(file, JSON.stringify(keys))
  return keys
}

function newKeys(): ProviderKeys {
  const { privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const key = { ...privateKey.export({ format: 'jwk' }), kid: randomUUID(), use: 'sig', alg: 'RS256' }
  return { jwks: { keys: [key] }, cookieKey: randomBytes(32).toString('base64url') }
}

/** The library reports on import that it wants Node 22; Gatehouse says so itself, once. */
async function loadProvider(): Promise<typeof Provider> {
  const warn = console.warn
  console.warn = (...words: unknown[]) => {
    if (!String(words[0]).includes('oidc-provider WARNING: Unsupported runtime')) warn(...words)
  }
  try {
    return (await import('oidc-provider')).Provider
  } finally {
    console.warn = warn
  }
}

function configuration({
  accounts,
  clients,
  keys = newKeys(),
  ttl = {},
}: IdentityProviderOptions): Configuration {
  const tokenSeconds = ttl.token ?? hourSeconds
  const sessionSeconds = ttl.session ?? monthSeconds
  return {
    adapter: createMemory(() => systemClock.now()),
    jwks: keys.jwks,
    cookies: { keys: [keys.cookieKey] },
    clients: clients.map(({ clientId, clientSecret, portal, authentication = 'client_secret_basic' }) => ({
      client_id: clientId,
      ...(authentication === 'none' ? {} : { client_secret: clientSecret }),
      token_endpoint_auth_method: authentication,
      redirect_uris: [`${portal}/oidc/callback`],
      post_logout_redirect_uris: [`${portal}/signed-out`],
      backchannel_logout_uri: `${portal}/oidc/backchannel-logout`,
      backchannel_logout_session_required: true,
    })),
    claims: {
      openid: ['sub'],
      email: ['email', 'email_verified'],
      profile: ['name', 'groups'],
      groups: ['groups'],
    },
    scopes: ['openid', 'email', 'profile', 'groups'],
    // Claims go into the ID token as well, which is what most plants' providers do.
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
      grant.addOIDCScope('openid email profile groups')
      await grant.save()
      return grant
    },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      rpInitiatedLogout: {
        enabled: true,
        logoutSource: (context, form) => {
          context.body = signOutPage(form)
        },
        postLogoutSuccessSource: (context) => {
          context.body = messagePage('You are signed out', 'of your plant account.')
        },
      },
    },
    interactions: { url: (_context, interaction) => `/interaction/${interaction.uid}` },
    renderError: (context, error) => {
      context.type = 'html'
      context.body = messagePage('This does not work', error.error_description ?? error.error)
    },
    ttl: {
      Session: sessionSeconds,
      Grant: sessionSeconds,
      Interaction: ttl.interaction ?? monthSeconds,
      AccessToken: tokenSeconds,
      IdToken: tokenSeconds,
    },
    // By default it calls no loopback address, and the portal of the demo is on one.
    fetch: (input, init) => postToLoopback(new URL(input instanceof Request ? input.url : input), init?.body),
  }
}

/**
 * Posts to a portal on this machine. `*.localhost` is 127.0.0.1 to a browser (RFC 6761 §6.3), but not to the
 * resolver of every system; and the demo's certificate is signed by an authority of its own.
 */
async function postToLoopback(url: URL, body: unknown): Promise<Response> {
  const isTls = url.protocol === 'https:'
  const call = (isTls ? https : http).request({
    method: 'POST',
    host: '127.0.0.1',
    port: url.port,
    path: url.pathname,
    agent: false,
    timeout: 2_000,
    headers: { host: url.host, 'content-type': 'application/x-www-form-urlencoded' },
    ...(isTls ? { rejectUnauthorized: false, servername: url.hostname } : {}),
  })
  call.on('timeout', () => call.destroy(new Error('no answer from the portal')))
  call.end(body instanceof URLSearchParams || typeof body === 'string' ? String(body) : '')
  const [response] = (await once(call, 'response')) as [IncomingMessage]
  response.resume()
  return new Response(null, { status: response.statusCode ?? 500 })
}

async function interact(
  provider: Provider,
  accounts: readonly ProviderAccount[],
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const { uid } = await provider.interactionDetails(req, res)
  const action = `/interaction/${uid}`
  if (req.method !== 'POST') {
    sendHtml(res, 200, loginPage(action, null))
    return
  }
  const form = new URLSearchParams((await readBody(req, 4_096)) ?? '')
  const login = form.get('login')?.trim().toLowerCase()
  const password = form.get('password')
  const found = accounts.find(
    (account) => account.login.toLowerCase() === login && account.password === password,
  )
  if (found === undefined) {
    sendHtml(res, 401, loginPage(action, 'User and password do not match.'))
    return
  }
  await provider.interactionFinished(req, res, { login: { accountId: found.subject } })
}
