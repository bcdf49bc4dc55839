import type { ServerResponse } from 'node:http'
import { createIdentityProvider, principalId } from '../../src/identity/index.js'
import type { IdentityProvider, LoginStart } from '../../src/identity/index.js'
import { generateKeys, GatehouseError, openKeyring, type Store } from '../../src/lib/index.js'
import { TestClock } from '../support/clock.js'
import { newSigningPair, startForgedProvider, type ForgedProvider } from '../support/forged-provider.js'
import { silentLogger } from '../support/logger.js'
import { startProvider, type TestProvider, type TestProviderOptions } from '../support/oidc.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { connectedStore } from '../support/store.js'

const portal = new URL('http://portal.localhost:8080')
const keyring = openKeyring(generateKeys())
let redis: TestRedis
let store: Store
const running: { stop(): Promise<void> }[] = []

beforeAll(async () => {
  redis = await startRedis()
  store = await connectedStore(redis.url)
})
afterEach(async () => {
  await Promise.all(running.splice(0).map((provider) => provider.stop()))
})
afterAll(async () => {
  await store.close()
  await redis.close()
})

type IdentityProviderOptions = Parameters<typeof createIdentityProvider>[0]
type Oidc = IdentityProviderOptions['oidc']

function identityAt(
  issuer: URL,
  changes: Partial<Oidc> = {},
  options: Partial<IdentityProviderOptions> = {},
) {
  const clock = new TestClock()
  const oidc: Oidc = {
    issuer,
    name: 'Test',
    clientId: 'gatehouse',
    clientSecret: 'not-a-real-secret_~.-',
    clientAuthentication: 'client_secret_basic',
    scopes: ['openid', 'email', 'profile'],
    clockToleranceSeconds: 30,
    timeoutSeconds: 2,
    companyClaim: 'groups',
    roles: { claim: 'groups', admin: ['plant-it'], approver: ['line-leads'], auditor: ['audit'] },
    ...changes,
  }
  const identity = createIdentityProvider({
    oidc,
    publicUrl: portal,
    keyring,
    store,
    clock,
    logger: silentLogger,
    cookiePrefix: '__Host-gatehouse-login-',
    ...options,
  })
  return { identity, clock }
}

async function realProvider(options: Partial<TestProviderOptions> = {}): Promise<TestProvider> {
  const provider = await startProvider({ portal, ...options })
  running.push(provider)
  return provider
}

async function forgedProvider(): Promise<ForgedProvider> {
  const provider = await startForgedProvider()
  running.push(provider)
  return provider
}

const cookiesOf = (...starts: LoginStart[]) =>
  new Map(starts.map(({ cookie }) => [cookie.name, cookie.value]))

async function signIn(identity: IdentityProvider, provider: TestProvider, account: string, to = '/') {
  const start = await identity.beginLogin(to)
  return identity.completeLogin(await provider.signIn(start.redirectTo, account), cookiesOf(start))
}

async function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'accepted',
    (error: unknown) => (error instanceof GatehouseError ? error.code : `not ours: ${String(error)}`),
  )
}

describe('signing in at a real provider', () => {
  it.each<[string, Partial<TestProviderOptions>, Partial<Oidc>]>([
    ['client_secret_basic', {}, {}],
    [
      'client_secret_post',
      { clientAuthentication: 'client_secret_post' },
      { clientAuthentication: 'client_secret_post' },
    ],
    ['no secret', { clientAuthentication: 'none' }, { clientAuthentication: 'none', clientSecret: null }],
    ['claims in UserInfo only', { isTerse: true }, {}],
  ])('with %s gives principal, roles, session and return target', async (_what, options, changes) => {
    const provider = await realProvider(options)
    const { identity } = identityAt(provider.issuer, changes)
    const login = await signIn(
      identity,
      provider,
      'ivo',
      'https://press-3.plant-access.example/.gatehouse/start?to=%2Fa',
    )
    const issuer = provider.issuer.origin
    expect(login.principal).toEqual({
      id: principalId(issuer, 'ivo'),
      issuer,
      subject: 'ivo',
      email: 'ivo@plant.example',
      name: 'Ivo Tan',
    })
    expect(login.roles).toEqual(['admin', 'approver'])
    expect(login.to).toBe('https://press-3.plant-access.example/.gatehouse/start?to=%2Fa')
    expect(login.providerSessionId).toEqual(expect.any(String))
    expect(login.idToken).toMatch(/^ey/)
  })

  it.each([{}, { isTerse: true }])('keeps of its claims what may name a company: %j', async (options) => {
    const provider = await realProvider(options)
    const companies = [{ claimValues: ['vendors', 'Ana Bell'] }, { claimValues: ['line-leads'] }]
    const { identity } = identityAt(provider.issuer, {}, { companies })
    expect((await signIn(identity, provider, 'ana')).companyClaims).toEqual(['vendors'])
    const byName = identityAt(provider.issuer, { companyClaim: 'name' }, { companies }).identity
    expect((await signIn(byName, provider, 'ana')).companyClaims).toEqual(['Ana Bell'])
    // Also before a company is configured, which may be ended before she signs in again.
    expect((await signIn(identityAt(provider.issuer).identity, provider, 'ana')).companyClaims).toEqual([
      'vendors',
    ])
  })

  it('keeps an address that nobody verified out, and its owner in', async () => {
    const provider = await realProvider()
    const { identity } = identityAt(provider.issuer)
    const login = await signIn(identity, provider, 'una')
    expect(login.principal).toMatchObject({ subject: 'una', email: null })
    expect(login.roles).toEqual(['approver'])
  })

  it('asks with code, PKCE, state and nonce, each time others', async () => {
    const provider = await realProvider()
    const { identity } = identityAt(provider.issuer)
    const [one, other] = await Promise.all([identity.beginLogin('/'), identity.beginLogin('/')])
    const query = Object.fromEntries(one.redirectTo.searchParams)
    expect(query).toEqual({
      client_id: 'gatehouse',
      redirect_uri: 'http://portal.localhost:8080/oidc/callback',
      response_type: 'code',
      scope: 'openid email profile',
      code_challenge_method: 'S256',
      code_challenge: expect.stringMatching(/^[\w-]{43}$/) as string,
      state: expect.stringMatching(/^[\w-]{43}$/) as string,
      nonce: expect.stringMatching(/^[\w-]{43}$/) as string,
    })
    for (const name of ['state', 'nonce', 'code_challenge']) {
      expect(other.redirectTo.searchParams.get(name)).not.toBe(query[name])
    }
    expect(one.cookie.name).toMatch(/^__Host-gatehouse-login-[\w-]{8}$/)
    expect(one.cookie.maxAgeSeconds).toBe(600)
    expect(one.cookie.name).not.toBe(other.cookie.name)
    // Sealed: the cookie gives away neither the verifier nor the target.
    expect(Buffer.from(one.cookie.value.split('.')[1] ?? '', 'base64url').toString()).not.toContain(
      'verifier',
    )
  })

  it('works in two tabs at once, in either order', async () => {
    const provider = await realProvider()
    const { identity } = identityAt(provider.issuer)
    const first = await identity.beginLogin('/first')
    const second = await identity.beginLogin('/second')
    const cookies = cookiesOf(first, second)
    const back = await provider.signIn(second.redirectTo, 'ana')
    expect((await identity.completeLogin(back, cookies)).to).toBe('/second')
    cookies.delete(second.cookie.name)
    const login = await identity.completeLogin(await provider.signIn(first.redirectTo, 'ana'), cookies)
    expect(login).toMatchObject({ to: '/first', cookieName: first.cookie.name })
  })

  it('is not finished twice with one answer', async () => {
    const provider = await realProvider()
    const { identity } = identityAt(provider.issuer)
    const start = await identity.beginLogin('/')
    const back = await provider.signIn(start.redirectTo, 'ana')
    await identity.completeLogin(back, cookiesOf(start))
    expect(await codeOf(identity.completeLogin(back, cookiesOf(start)))).toBe('login-failed')
  })

  it('is not finished in a browser that did not begin it', async () => {
    const provider = await realProvider()
    const { identity } = identityAt(provider.issuer)
    const attacker = await identity.beginLogin('/')
    const victim = await identity.beginLogin('/')
    const back = await provider.signIn(attacker.redirectTo, 'ana')
    expect(await codeOf(identity.completeLogin(back, new Map()))).toBe('login-expired')
    expect(await codeOf(identity.completeLogin(back, cookiesOf(victim)))).toBe('login-expired')
    const renamed = new Map([[attacker.cookie.name, victim.cookie.value]])
    expect(await codeOf(identity.completeLogin(back, renamed))).toBe('login-expired')
  })

  it('takes ten minutes at most', async () => {
    const provider = await realProvider()
    const { identity, clock } = identityAt(provider.issuer)
    const start = await identity.beginLogin('/')
    const back = await provider.signIn(start.redirectTo, 'ana')
    await clock.advance({ minutes: 10 })
    expect(await codeOf(identity.completeLogin(back, cookiesOf(start)))).toBe('login-expired')
    clock.step(-1)
    expect(await codeOf(identity.completeLogin(back, cookiesOf(start)))).toBe('accepted')
  })

  it('is finished by another instance with the same keys, and by none with others', async () => {
    const provider = await realProvider()
    const { identity } = identityAt(provider.issuer)
    const start = await identity.beginLogin('/')
    const back = await provider.signIn(start.redirectTo, 'ana')
    const stranger = identityAt(provider.issuer, {}, { keyring: openKeyring(generateKeys()) })
    expect(await codeOf(stranger.identity.completeLogin(back, cookiesOf(start)))).toBe('login-expired')
    const sibling = identityAt(provider.issuer)
    expect(await codeOf(sibling.identity.completeLogin(back, cookiesOf(start)))).toBe('accepted')
  })

  it('accepts no answer on another path or host than our own', async () => {
    const provider = await realProvider()
    const { identity } = identityAt(provider.issuer)
    const start = await identity.beginLogin('/')
    const back = await provider.signIn(start.redirectTo, 'ana')
    const odd = new URL(`https://evil.example/else${back.search}`)
    // The redirect URI is ours whatever the request claimed: the provider accepts the code for it alone.
    expect(await codeOf(identity.completeLogin(odd, cookiesOf(start)))).toBe('accepted')
  })

  it('carries a long return target in a cookie that browsers keep, and refuses a longer one', async () => {
    const provider = await realProvider()
    const { identity } = identityAt(provider.issuer)
    const start = await identity.beginLogin(`/${'é'.repeat(1249)}`)
    expect(start.cookie.name.length + start.cookie.value.length).toBeLessThan(4096)
    expect(await codeOf(identity.beginLogin(`/${'é'.repeat(1250)}`))).toBe('return-target-invalid')
  })
})

describe('signing out', () => {
  it('leads through the provider and back', async () => {
    const provider = await realProvider()
    const { identity } = identityAt(provider.issuer)
    const { idToken } = await signIn(identity, provider, 'ana')
    const returnTo = new URL('/signed-out', portal)
    const url = await identity.logoutUrl(idToken, returnTo)
    expect(Object.fromEntries(url?.searchParams ?? [])).toEqual({
      client_id: 'gatehouse',
      id_token_hint: idToken,
      post_logout_redirect_uri: returnTo.href,
    })
    const back = await provider.signOut(url ?? portal, 'ana')
    expect(back.pathname).toBe('/signed-out')
  })

  it('goes without a hint when there is none, or when it would make the address too long', async () => {
    const provider = await forgedProvider()
    const { identity } = identityAt(provider.issuer)
    for (const idToken of [null, 'x'.repeat(5000)]) {
      const url = await identity.logoutUrl(idToken, portal)
      expect(url?.searchParams.has('id_token_hint')).toBe(false)
      expect(url?.searchParams.get('client_id')).toBe('gatehouse')
    }
  })

  it.each<[string, unknown]>([
    ['offers no such place', undefined],
    ['names a script', 'javascript:alert(1)'],
    ['names a plain http address elsewhere', 'http://login.plant.example/end'],
    ['names no address', 'nonsense'],
    ['names something else', 7],
  ])('stays with us when the provider %s', async (_what, endpoint) => {
    const provider = await forgedProvider()
    provider.metadata = { end_session_endpoint: endpoint }
    const { identity } = identityAt(provider.issuer)
    expect(await identity.logoutUrl(null, portal)).toBeNull()
  })

  it('stays with us when the provider is gone', async () => {
    const provider = await forgedProvider()
    await provider.stop()
    expect(await identityAt(provider.issuer).identity.logoutUrl(null, portal)).toBeNull()
  })
})

describe('a provider that is down', () => {
  it('stops no start, gives a clear answer, and is found again at the next use', async () => {
    const provider = await realProvider()
    await provider.stop()
    const { identity } = identityAt(provider.issuer)
    await expect(identity.beginLogin('/')).rejects.toMatchObject({
      code: 'identity-provider-unavailable',
      status: 503,
      message: 'The identity provider cannot be reached right now.',
    })
    await provider.start()
    expect(await signIn(identity, provider, 'ana')).toMatchObject({ principal: { subject: 'ana' } })
  })

  it('between beginning and end of a sign-in leaves the sign-in to be finished later', async () => {
    const provider = await realProvider()
    const { identity } = identityAt(provider.issuer)
    const start = await identity.beginLogin('/')
    const back = await provider.signIn(start.redirectTo, 'ana')
    await provider.stop()
    expect(await codeOf(identity.completeLogin(back, cookiesOf(start)))).toBe('identity-provider-unavailable')
    await provider.start()
    expect(await codeOf(identity.completeLogin(back, cookiesOf(start)))).toBe('accepted')
  })

  it.each<[string, (provider: ForgedProvider) => void]>([
    [
      'accepts and says nothing',
      (p) => p.overrides.set('/.well-known/openid-configuration', () => undefined),
    ],
    [
      'never stops talking',
      (p) =>
        p.overrides.set('/.well-known/openid-configuration', (_req, res) => {
          res.writeHead(200, { 'content-type': 'application/json' })
          res.write('{"a":"')
          const chunk = 'x'.repeat(64 * 1024)
          const more = () => {
            while (!res.destroyed && res.write(chunk));
          }
          res.on('drain', more)
          more()
        }),
    ],
    [
      'talks drop by drop',
      (p) =>
        p.overrides.set('/.well-known/openid-configuration', (_req, res) => {
          res.writeHead(200, { 'content-type': 'application/json' })
          const drip = setInterval(() => res.write(' '), 100)
          res.on('close', () => {
            clearInterval(drip)
          })
        }),
    ],
    ['hangs up', (p) => p.overrides.set('/.well-known/openid-configuration', (req) => req.socket.destroy())],
    ['answers 500', (p) => p.overrides.set('/.well-known/openid-configuration', answerWith(500, '{}'))],
    ['answers 429', (p) => p.overrides.set('/.well-known/openid-configuration', answerWith(429, '{}'))],
    ['answers HTML', (p) => p.overrides.set('/.well-known/openid-configuration', answerWith(200, '<html>'))],
    ['answers null', (p) => p.overrides.set('/.well-known/openid-configuration', answerWith(200, 'null'))],
    ['answers 204', (p) => p.overrides.set('/.well-known/openid-configuration', answerWith(204, ''))],
    ['redirects', (p) => p.overrides.set('/.well-known/openid-configuration', answerWith(302, '', '/jwks'))],
    ['is another issuer', (p) => (p.metadata = { issuer: 'https://evil.example' })],
    ['names no authorization endpoint', (p) => (p.metadata = { authorization_endpoint: undefined })],
    ['sends browsers to a script', (p) => (p.metadata = { authorization_endpoint: 'javascript:alert(1)' })],
    [
      'sends browsers to plain http',
      (p) => (p.metadata = { authorization_endpoint: 'http://evil.example/' }),
    ],
  ])('because it %s gives the same clear answer', async (_what, breakIt) => {
    const provider = await forgedProvider()
    breakIt(provider)
    const { identity } = identityAt(provider.issuer, { timeoutSeconds: 1 })
    expect(await codeOf(identity.beginLogin('/'))).toBe('identity-provider-unavailable')
    provider.overrides.clear()
    provider.metadata = {}
    const next = identityAt(provider.issuer)
    expect(await codeOf(next.identity.beginLogin('/'))).toBe('accepted')
  })

  it('is asked once by many people at a time', async () => {
    const provider = await forgedProvider()
    const { identity } = identityAt(provider.issuer)
    await Promise.all([...Array(50).keys()].map(() => identity.beginLogin('/')))
    expect(provider.asked.get('/.well-known/openid-configuration')).toBe(1)
  })
})

function answerWith(status: number, body: string, location = '') {
  return (_req: unknown, res: ServerResponse) => {
    res.writeHead(status, { 'content-type': 'application/json', ...(location ? { location } : {}) }).end(body)
  }
}

describe('what the provider says about itself', () => {
  const path = '/.well-known/openid-configuration'

  it('is kept for ten minutes, then renewed beside the work', async () => {
    const provider = await forgedProvider()
    const { identity, clock } = identityAt(provider.issuer)
    await identity.beginLogin('/')
    await clock.advance({ minutes: 10 })
    await identity.beginLogin('/')
    expect(provider.asked.get(path)).toBe(1)
    await clock.advance({ ms: 1 })
    provider.metadata = { authorization_endpoint: `${provider.issuer.origin}/moved` }
    expect((await identity.beginLogin('/')).redirectTo.pathname).toBe('/authorize')
    await until(async () => (await identity.beginLogin('/')).redirectTo.pathname === '/moved')
    expect(provider.asked.get(path)).toBe(2)
  })

  it('is still used while it cannot be renewed, for a day', async () => {
    const provider = await forgedProvider()
    const { identity, clock } = identityAt(provider.issuer)
    await identity.beginLogin('/')
    provider.overrides.set(path, answerWith(500, '{}'))
    await clock.advance({ hours: 23 })
    await identity.beginLogin('/')
    await until(() => Promise.resolve(provider.asked.get(path) === 2))
    await clock.advance({ hours: 1, ms: 1 })
    expect(await codeOf(identity.beginLogin('/'))).toBe('identity-provider-unavailable')
  })
})

async function until(holds: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + 5_000
  while (!(await holds())) {
    if (performance.now() > deadline) throw new Error('did not happen within 5 s')
    await new Promise((resolve) => setImmediate(resolve))
  }
}

describe('configuration', () => {
  it.each([
    'http://login.plant.example',
    'ftp://localhost',
    'http://localhost.evil.example',
    'http://127.0.0.1.evil.example',
  ])('with the issuer %s is refused', (issuer) => {
    expect(() => identityAt(new URL(issuer))).toThrow(expect.objectContaining({ code: 'config-invalid' }))
  })

  it('that needs a secret and has none is refused', () => {
    expect(() => identityAt(new URL('https://x.example'), { clientSecret: null })).toThrow(
      expect.objectContaining({ code: 'config-invalid' }),
    )
  })
})

describe('a forged answer', () => {
  /** A sign-in up to the callback, with the claims an honest provider would put into the ID token. */
  async function began(changes: Partial<Oidc> = {}) {
    const provider = await forgedProvider()
    const { identity } = identityAt(provider.issuer, changes)
    const start = await identity.beginLogin('/')
    const state = start.redirectTo.searchParams.get('state') ?? ''
    const now = Math.floor(Date.now() / 1000)
    const claims: Record<string, unknown> = {
      iss: provider.issuer.origin,
      aud: 'gatehouse',
      sub: 'ana',
      nonce: start.redirectTo.searchParams.get('nonce'),
      iat: now,
      exp: now + 300,
      email: 'ana@vendor.example',
      email_verified: true,
      groups: ['vendors'],
    }
    const callback = new URL('/oidc/callback', portal)
    callback.search = new URLSearchParams({ code: 'c-1', state, iss: provider.issuer.origin }).toString()
    const give = (idToken: unknown, more: Record<string, unknown> = {}) => {
      provider.tokenAnswer = {
        status: 200,
        body: { access_token: 'a-1', token_type: 'Bearer', id_token: idToken, ...more },
      }
    }
    const complete = () => identity.completeLogin(callback, cookiesOf(start))
    return { provider, identity, start, state, now, claims, callback, give, complete }
  }

  it('would be accepted if it were honest', async () => {
    const { provider, claims, give, complete } = await began()
    give(await provider.sign(claims))
    expect((await complete()).principal.email).toBe('ana@vendor.example')
    expect(provider.asked.get('/userinfo')).toBeUndefined()
  })

  it.each<[string, (claims: Record<string, unknown>, now: number) => Record<string, unknown>]>([
    ['another issuer', () => ({ iss: 'https://evil.example' })],
    ['no issuer', () => ({ iss: undefined })],
    ['another audience', () => ({ aud: 'another-client' })],
    ['no audience', () => ({ aud: undefined })],
    ['several audiences and no azp', () => ({ aud: ['another-client', 'gatehouse'] })],
    [
      'several audiences and the azp of another',
      () => ({ aud: ['another-client', 'gatehouse'], azp: 'another-client' }),
    ],
    ['another nonce', () => ({ nonce: 'another' })],
    ['no nonce', () => ({ nonce: undefined })],
    ['an end in the past', (_claims, now) => ({ iat: now - 400, exp: now - 60 })],
    ['no end', () => ({ exp: undefined })],
    ['no time of issue', () => ({ iat: undefined })],
    ['a beginning in the future', (_claims, now) => ({ nbf: now + 120 })],
    ['no subject', () => ({ sub: undefined })],
    ['a subject that is no text', () => ({ sub: 7 })],
    ['an empty subject', () => ({ sub: '' })],
    ['a subject with a line break', () => ({ sub: 'a\r\nb' })],
    ['a subject that is too long', () => ({ sub: 'a'.repeat(256) })],
  ])('with an ID token of %s is refused', async (_what, change) => {
    const { provider, claims, now, give, complete } = await began()
    give(await provider.sign({ ...claims, ...change(claims, now) }))
    expect(await codeOf(complete())).toBe('login-failed')
  })

  it('may be a little out of time, within the tolerance', async () => {
    const { provider, claims, now, give, complete } = await began()
    give(await provider.sign({ ...claims, iat: now + 20, nbf: now + 20, exp: now - 20 }))
    expect(await codeOf(complete())).toBe('accepted')
  })

  it('with an unsigned ID token is refused', async () => {
    const { claims, give, complete } = await began()
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    give(`${encode({ alg: 'none' })}.${encode(claims)}.`)
    expect(await codeOf(complete())).toBe('login-failed')
  })

  it('with an unsigned ID token is refused even if the provider claims to do that', async () => {
    const provider = await forgedProvider()
    provider.metadata = { id_token_signing_alg_values_supported: ['none', 'HS256', 'ES256'] }
    const { identity } = identityAt(provider.issuer)
    const start = await identity.beginLogin('/')
    const query = start.redirectTo.searchParams
    const now = Math.floor(Date.now() / 1000)
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    const claims = {
      iss: provider.issuer.origin,
      aud: 'gatehouse',
      sub: 'ana',
      nonce: query.get('nonce'),
      iat: now,
      exp: now + 60,
    }
    const callback = new URL(
      `/oidc/callback?code=c&state=${query.get('state') ?? ''}&iss=${encodeURIComponent(provider.issuer.origin)}`,
      portal,
    )
    for (const alg of ['none', 'HS256']) {
      const id_token = `${encode({ alg })}.${encode(claims)}.${alg === 'none' ? '' : 'AAAA'}`
      provider.tokenAnswer = { status: 200, body: { access_token: 'a', token_type: 'Bearer', id_token } }
      expect(await codeOf(identity.completeLogin(callback, cookiesOf(start)))).toBe('login-failed')
    }
  })

  it('with an ID token that someone else signed is refused', async () => {
    const { provider, claims, give, complete } = await began()
    give(await provider.sign(claims, { key: await newSigningPair('k-1') }))
    expect(await codeOf(complete())).toBe('login-failed')
  })

  it('with a changed ID token is refused', async () => {
    const { provider, claims, give, complete } = await began()
    const [header, , signature] = (await provider.sign(claims)).split('.')
    const body = Buffer.from(JSON.stringify({ ...claims, groups: ['plant-it'] })).toString('base64url')
    give([header, body, signature].join('.'))
    expect(await codeOf(complete())).toBe('login-failed')
  })

  it.each<[string, unknown]>([
    ['no ID token', undefined],
    ['an ID token that is no JWT', 'x.y.z'],
    ['an ID token that is no text', { a: 1 }],
    ['an empty ID token', ''],
  ])('with %s is refused', async (_what, idToken) => {
    const { give, complete } = await began()
    give(idToken)
    expect(await codeOf(complete())).toBe('login-failed')
  })

  it.each<[string, (query: URLSearchParams) => void]>([
    ['of another issuer', (query) => query.set('iss', 'https://evil.example')],
    ['without issuer', (query) => query.delete('iss')],
    ['with two codes', (query) => query.append('code', 'c-2')],
    ['without code', (query) => query.delete('code')],
    ['with two states', (query) => query.append('state', 'x')],
    ['with an error', (query) => query.set('error', 'access_denied')],
    ['with an ID token in the address', (query) => query.set('id_token', 'x')],
    ['that is a JWT', (query) => query.set('response', 'x')],
  ])('%s is refused', async (_what, alter) => {
    const { provider, claims, give, callback, complete } = await began()
    give(await provider.sign(claims))
    const query = callback.searchParams
    alter(query)
    expect(await codeOf(complete())).toBe('login-failed')
    expect(provider.asked.get('/token')).toBeUndefined()
  })

  it.each(['', 'x', 'a'.repeat(43), '../../etc/passwd', '%00', '__proto__'])(
    'with the state %j is taken for an expired sign-in',
    async (state) => {
      const { callback, complete } = await began()
      callback.searchParams.set('state', state)
      expect(await codeOf(complete())).toBe('login-expired')
    },
  )

  it.each(['', 'garbage', 'k-1.AAAA', 'a.b.c', 'x'.repeat(4000)])(
    'with the cookie %j is taken for an expired sign-in',
    async (value) => {
      const { identity, start, callback } = await began()
      expect(await codeOf(identity.completeLogin(callback, new Map([[start.cookie.name, value]])))).toBe(
        'login-expired',
      )
    },
  )

  it('shows and tells nothing of the provider’s own words', async () => {
    const { callback, complete } = await began()
    callback.searchParams.delete('code')
    callback.searchParams.set('error', 'access_denied')
    callback.searchParams.set('error_description', 'Call +1 555 0100 to unlock <script>')
    const error = await complete().catch((problem: unknown) => problem as GatehouseError)
    expect(error).toMatchObject({
      code: 'login-failed',
      message: 'The identity provider did not confirm who you are.',
    })
    const told = JSON.stringify([error, String((error as GatehouseError).cause)])
    expect(told).toContain('access_denied')
    expect(told).not.toContain('555')
  })

  it('tells no code or token in what operators read', async () => {
    const { provider, claims, give, complete } = await began()
    give(await provider.sign({ ...claims, aud: 'secret-audience' }), { access_token: 'secret-token' })
    const error = await complete().catch((problem: unknown) => problem as GatehouseError)
    const causes: unknown[] = []
    for (let inner: unknown = error; inner instanceof Error; inner = inner.cause) causes.push(inner.message)
    expect(causes.length).toBeGreaterThan(1)
    expect(JSON.stringify(causes)).not.toMatch(/secret-|c-1/)
  })

  it.each([401, 400, 403, 404])('%d from the token endpoint is a refusal', async (status) => {
    const { provider, complete } = await began()
    provider.tokenAnswer = { status, body: { error: 'invalid_client', error_description: 'no' } }
    expect(await codeOf(complete())).toBe('login-failed')
  })

  it.each([500, 502, 503, 429])('%d from the token endpoint is an outage', async (status) => {
    const { provider, complete } = await began()
    provider.tokenAnswer = { status, body: {} }
    expect(await codeOf(complete())).toBe('identity-provider-unavailable')
  })

  it('of too many bytes is an outage', async () => {
    const { give, complete } = await began()
    give('x', { padding: 'x'.repeat(2 * 1024 * 1024) })
    expect(await codeOf(complete())).toBe('identity-provider-unavailable')
  })

  it('does not send the client secret to a plain http address elsewhere', async () => {
    const provider = await forgedProvider()
    provider.metadata = { token_endpoint: 'http://192.0.2.1/token' }
    const { identity } = identityAt(provider.issuer)
    const start = await identity.beginLogin('/')
    const state = start.redirectTo.searchParams.get('state') ?? ''
    const query = new URLSearchParams({ code: 'c-1', state, iss: provider.issuer.origin })
    const callback = new URL(`/oidc/callback?${query.toString()}`, portal)
    const error = await identity
      .completeLogin(callback, cookiesOf(start))
      .catch((problem: unknown) => problem)
    expect(error).toMatchObject({
      code: 'identity-provider-unavailable',
      cause: { message: 'plain http is for loopback only' },
    })
  })

  describe('of UserInfo', () => {
    const terse = { email: undefined, email_verified: undefined, groups: undefined }

    it('completes what the ID token leaves out', async () => {
      const { provider, claims, give, complete } = await began()
      give(await provider.sign({ ...claims, ...terse }))
      provider.userInfo = {
        status: 200,
        body: {
          sub: 'ana',
          email: 'Ana@vendor.example',
          email_verified: true,
          groups: ['plant-it'],
          name: 'Ana',
        },
      }
      const login = await complete()
      expect(login).toMatchObject({
        principal: { email: 'ana@vendor.example', name: 'Ana' },
        roles: ['admin'],
      })
    })

    it.each<[string, Record<string, unknown>]>([
      [
        'is about someone else',
        { sub: 'ivo', email: 'ivo@plant.example', email_verified: true, groups: ['plant-it'] },
      ],
      ['says not whom it is about', { email: 'ivo@plant.example', email_verified: true }],
    ])('that %s is refused', async (_what, body) => {
      const { provider, claims, give, complete } = await began()
      give(await provider.sign({ ...claims, ...terse }))
      provider.userInfo = { status: 200, body }
      expect(await codeOf(complete())).toBe('login-failed')
    })

    it('that is refused to us is a refusal', async () => {
      const { provider, claims, give, complete } = await began()
      give(await provider.sign({ ...claims, ...terse }))
      expect(await codeOf(complete())).toBe('login-failed')
    })

    it('that does not exist leaves the person without e-mail and roles', async () => {
      const provider = await forgedProvider()
      provider.metadata = { userinfo_endpoint: undefined }
      const { identity } = identityAt(provider.issuer)
      const start = await identity.beginLogin('/')
      const query = start.redirectTo.searchParams
      const now = Math.floor(Date.now() / 1000)
      const id_token = await provider.sign({
        iss: provider.issuer.origin,
        aud: 'gatehouse',
        sub: 'ana',
        nonce: query.get('nonce'),
        iat: now,
        exp: now + 60,
      })
      provider.tokenAnswer = { status: 200, body: { access_token: 'a', token_type: 'Bearer', id_token } }
      const answer = new URLSearchParams({
        code: 'c',
        state: query.get('state') ?? '',
        iss: provider.issuer.origin,
      })
      const callback = new URL(`/oidc/callback?${answer.toString()}`, portal)
      const login = await identity.completeLogin(callback, cookiesOf(start))
      expect(login).toMatchObject({ principal: { subject: 'ana', email: null, name: 'ana' }, roles: [] })
    })
  })

  it('after a change of keys is judged by the new ones at the second try at the latest', async () => {
    const { provider, identity, claims, give, complete } = await began()
    give(await provider.sign(claims))
    await complete()
    const next = await newSigningPair('k-2')
    provider.keys = [next.jwk]
    const attempt = async () => {
      const start = await identity.beginLogin('/')
      const query = start.redirectTo.searchParams
      give(await provider.sign({ ...claims, nonce: query.get('nonce') }, { key: next }))
      const answer = new URLSearchParams({
        code: 'c',
        state: query.get('state') ?? '',
        iss: provider.issuer.origin,
      })
      const callback = new URL(`/oidc/callback?${answer.toString()}`, portal)
      return codeOf(identity.completeLogin(callback, cookiesOf(start)))
    }
    const first = await attempt()
    expect(['accepted', 'login-failed']).toContain(first)
    expect(await attempt()).toBe('accepted')
  })
})
