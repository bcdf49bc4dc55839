import { createIdentityProvider } from '../../src/identity/index.js'
import { generateKeys, GatehouseError, openKeyring, type Store } from '../../src/lib/index.js'
import { TestClock } from '../support/clock.js'
import {
  newSigningPair,
  startForgedProvider,
  type ForgedProvider,
  type SigningPair,
} from '../support/forged-provider.js'
import { silentLogger } from '../support/logger.js'
import { startProvider } from '../support/oidc.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { connectedStore } from '../support/store.js'

const portal = new URL('http://portal.localhost:8080')
const event = 'http://schemas.openid.net/event/backchannel-logout'
let redis: TestRedis
let stores: Store[]
let provider: ForgedProvider
let count = 0

beforeAll(async () => {
  redis = await startRedis()
  stores = await Promise.all([connectedStore(redis.url), connectedStore(redis.url)])
})
beforeEach(async () => {
  provider = await startForgedProvider()
})
afterEach(async () => {
  await provider.stop()
})
afterAll(async () => {
  await Promise.all(stores.map((store) => store.close()))
  await redis.close()
})

/** Two instances of one installation. */
function setUp(issuer = provider.issuer) {
  const clock = new TestClock()
  const [first, second] = stores.map((store) =>
    createIdentityProvider({
      oidc: {
        issuer,
        name: 'Test',
        clientId: 'gatehouse',
        clientSecret: null,
        clientAuthentication: 'none',
        scopes: ['openid'],
        clockToleranceSeconds: 30,
        timeoutSeconds: 2,
        companyClaim: 'groups',
        roles: { claim: 'groups', admin: [], approver: [], auditor: [] },
      },
      publicUrl: portal,
      keyring: openKeyring(generateKeys()),
      store,
      clock,
      cookiePrefix: '__Host-gatehouse-login-',
      logger: silentLogger,
    }),
  )
  if (first === undefined || second === undefined) throw new Error('two stores are needed')
  const codeOf = (token: string, instance = first): Promise<string> =>
    instance.verifyLogoutToken(token).then(
      () => 'accepted',
      (error: unknown) => (error instanceof GatehouseError ? error.code : `not ours: ${String(error)}`),
    )
  return { clock, first, second, codeOf, claims: claimsAt(clock.now(), issuer) }
}

function claimsAt(nowMs: number, issuer: URL): Record<string, unknown> {
  count += 1
  const now = Math.floor(nowMs / 1000)
  return {
    iss: issuer.origin,
    aud: 'gatehouse',
    sub: 'ana',
    sid: 's-1',
    iat: now,
    exp: now + 120,
    jti: `j-${String(count)}`,
    events: { [event]: {} },
  }
}

describe('a logout token of a real provider', () => {
  it('names subject and session, and is accepted once', async () => {
    const real = await startProvider({ portal })
    const { first, codeOf } = setUp(real.issuer)
    const token = await real.logoutToken('ana', 's-7')
    expect(await first.verifyLogoutToken(token)).toEqual({
      issuer: real.issuer.origin,
      subject: 'ana',
      providerSessionId: 's-7',
    })
    expect(await codeOf(token)).toBe('logout-token-invalid')
    await real.stop()
  })
})

describe('a logout token', () => {
  it.each<[string, Record<string, unknown>, { subject: string | null; providerSessionId: string | null }]>([
    ['without sid', { sid: undefined }, { subject: 'ana', providerSessionId: null }],
    ['without sub', { sub: undefined }, { subject: null, providerSessionId: 's-1' }],
    ['without exp', { exp: undefined }, { subject: 'ana', providerSessionId: 's-1' }],
    ['for several audiences', { aud: ['other', 'gatehouse'] }, { subject: 'ana', providerSessionId: 's-1' }],
    [
      'with more events',
      { events: { other: {}, [event]: { a: 1 } } },
      { subject: 'ana', providerSessionId: 's-1' },
    ],
  ])('%s is accepted', async (_what, change, expected) => {
    const { first, claims } = setUp()
    const request = await first.verifyLogoutToken(await provider.sign({ ...claims, ...change }))
    expect(request).toEqual({ issuer: provider.issuer.origin, ...expected })
  })

  it.each(['logout+jwt', 'Logout+JWT', 'application/logout+jwt', 'JWT', undefined])(
    'of type %s is accepted',
    async (typ) => {
      const { codeOf, claims } = setUp()
      const header = typ === undefined ? {} : { typ }
      expect(await codeOf(await provider.sign(claims, { header }))).toBe('accepted')
    },
  )

  it.each<[string, Record<string, unknown>]>([
    ['of another issuer', { iss: 'https://evil.example' }],
    ['of no issuer', { iss: undefined }],
    ['for another client', { aud: 'other' }],
    ['for other clients', { aud: ['other', 'another'] }],
    ['for nobody', { aud: undefined }],
    ['for an object', { aud: { gatehouse: true } }],
    ['without events', { events: undefined }],
    ['with other events', { events: { 'http://schemas.openid.net/event/other': {} } }],
    ['with events as text', { events: event }],
    ['with events as an array', { events: [event] }],
    ['with the event as text', { events: { [event]: 'yes' } }],
    ['with the event as an array', { events: { [event]: [] } }],
    ['with the event null', { events: { [event]: null } }],
    ['with events null', { events: null }],
    ['with a nonce', { nonce: 'n' }],
    ['with a nonce that is null', { nonce: null }],
    ['without iat', { iat: undefined }],
    ['with iat as text', { iat: '1' }],
    ['without jti', { jti: undefined }],
    ['with an empty jti', { jti: '' }],
    ['with a jti that is a number', { jti: 7 }],
    ['with a jti that is too long', { jti: 'x'.repeat(256) }],
    ['that names neither subject nor session', { sub: undefined, sid: undefined }],
    ['with a subject that is a number', { sub: 7, sid: undefined }],
    ['with a session that is an object', { sid: {} }],
    ['with an empty session', { sid: '' }],
  ])('%s is refused', async (_what, change) => {
    const { codeOf, claims } = setUp()
    expect(await codeOf(await provider.sign({ ...claims, ...change }))).toBe('logout-token-invalid')
  })

  it.each([
    ['issued 331 s ago', -331, 600, 'logout-token-invalid'],
    ['issued 329 s ago', -329, 600, 'accepted'],
    ['issued in 31 s', 31, 600, 'logout-token-invalid'],
    ['issued in 29 s', 29, 600, 'accepted'],
    ['ended 31 s ago', -60, -31, 'logout-token-invalid'],
    ['ended 29 s ago', -60, -29, 'accepted'],
  ])('%s is judged with the tolerance', async (_what, issued, ends, expected) => {
    const { clock, codeOf, claims } = setUp()
    const now = Math.floor(clock.now() / 1000)
    expect(await codeOf(await provider.sign({ ...claims, iat: now + issued, exp: now + ends }))).toBe(
      expected,
    )
  })

  it.each(['at+jwt', 'id_token+jwt', 'secevent+jwt', ''])(
    'of the declared type %j is refused',
    async (typ) => {
      const { codeOf, claims } = setUp()
      expect(await codeOf(await provider.sign(claims, { header: { typ } }))).toBe('logout-token-invalid')
    },
  )

  it('that is an ID token is refused', async () => {
    const { codeOf, claims } = setUp()
    const { iss, aud, sub, iat, exp, sid } = claims
    const idToken = await provider.sign({ iss, aud, sub, iat, exp, sid, nonce: 'n', jti: 'j-id' })
    expect(await codeOf(idToken)).toBe('logout-token-invalid')
  })

  it('that is not signed is refused', async () => {
    const { codeOf, claims } = setUp()
    const encode = (value: unknown) => Buffer.from(JSON.stringify(value)).toString('base64url')
    expect(await codeOf(`${encode({ alg: 'none' })}.${encode(claims)}.`)).toBe('logout-token-invalid')
    expect(await codeOf(`${encode({ alg: 'HS256', kid: 'k-1' })}.${encode(claims)}.AAAA`)).toBe(
      'logout-token-invalid',
    )
  })

  it('that someone else signed, or that was changed, is refused', async () => {
    const { codeOf, claims } = setUp()
    expect(await codeOf(await provider.sign(claims, { key: await newSigningPair('k-1') }))).toBe(
      'logout-token-invalid',
    )
    const [header, , signature] = (await provider.sign(claims)).split('.')
    const body = Buffer.from(JSON.stringify({ ...claims, sub: 'ivo' })).toString('base64url')
    expect(await codeOf([header, body, signature].join('.'))).toBe('logout-token-invalid')
  })

  it('with a critical header that we do not know is refused', async () => {
    const { codeOf, claims } = setUp()
    const [, body, signature] = (await provider.sign(claims)).split('.')
    const header = Buffer.from(JSON.stringify({ alg: 'ES256', kid: 'k-1', crit: ['x'], x: 1 })).toString(
      'base64url',
    )
    expect(await codeOf([header, body, signature].join('.'))).toBe('logout-token-invalid')
  })

  it.each(['', '.', '..', 'a.b.c', 'null', '{}', '\u0000', 'é.é.é'])(
    'that is %j is refused',
    async (token) => {
      expect(await setUp().codeOf(token)).toBe('logout-token-invalid')
    },
  )

  it('that is enormous is refused before anyone is asked for keys', async () => {
    const { codeOf, claims } = setUp()
    const token = await provider.sign({ ...claims, padding: 'x'.repeat(20_000) })
    expect(await codeOf(token)).toBe('logout-token-invalid')
    expect(provider.asked.get('/jwks')).toBeUndefined()
  })

  it('is accepted once by all instances together, however parallel', async () => {
    const { first, second, codeOf, claims } = setUp()
    const token = await provider.sign(claims)
    const outcomes = await Promise.all(
      [...Array(40).keys()].map((i) => codeOf(token, i % 2 ? first : second)),
    )
    expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(1)
    expect(outcomes.filter((outcome) => outcome === 'logout-token-invalid')).toHaveLength(39)
  })

  it('is remembered for as long as it would be accepted, and no longer', async () => {
    const { codeOf, claims } = setUp()
    const store = stores[0]
    await store?.run((client) => client.flushall())
    await codeOf(await provider.sign(claims))
    const keys = (await store?.run((client) => client.keys('*logout-token*'))) ?? []
    expect(keys).toHaveLength(1)
    const ttl = (await store?.run((client) => client.ttl(keys[0] ?? ''))) ?? 0
    expect(ttl).toBeGreaterThan(355)
    expect(ttl).toBeLessThanOrEqual(361)
  })

  it('that was refused leaves no mark: its honest twin is accepted', async () => {
    const { codeOf, claims } = setUp()
    expect(await codeOf(await provider.sign({ ...claims, aud: 'other' }))).toBe('logout-token-invalid')
    expect(await codeOf(await provider.sign(claims))).toBe('accepted')
  })

  it('is not accepted while replays could not be noticed', async () => {
    const gone = await connectedStore(redis.url)
    await gone.close()
    const spare = stores.splice(0, 1, gone)
    const { codeOf, claims } = setUp()
    stores.splice(0, 1, ...spare)
    expect(await codeOf(await provider.sign(claims))).toBe('store-unavailable')
  })
})

describe('the keys behind logout tokens', () => {
  it('are fetched once for many tokens', async () => {
    const { codeOf, clock } = setUp()
    for (let i = 0; i < 10; i += 1) {
      expect(await codeOf(await provider.sign(claimsAt(clock.now(), provider.issuer)))).toBe('accepted')
    }
    expect(provider.asked.get('/jwks')).toBe(1)
  })

  it('are not fetched again for each token with an unknown key', async () => {
    const { codeOf, claims } = setUp()
    const stranger = await newSigningPair('k-unknown')
    for (let i = 0; i < 20; i += 1) {
      expect(await codeOf(await provider.sign(claims, { key: stranger }))).toBe('logout-token-invalid')
    }
    expect(provider.asked.get('/jwks')).toBe(1)
  })

  it.each(['RS256', 'PS256', 'ES384', 'EdDSA'])('may be of algorithm %s', async (alg) => {
    const pair: SigningPair = await newSigningPair('k-2', alg)
    provider.keys.push(pair.jwk)
    const { codeOf, claims } = setUp()
    expect(await codeOf(await provider.sign(claims, { key: pair }))).toBe('accepted')
  })

  it.each<[string, () => void]>([
    ['cannot be had', () => provider.overrides.set('/jwks', (req) => req.socket.destroy())],
    ['come with an error', () => provider.overrides.set('/jwks', (_req, res) => res.writeHead(500).end())],
    ['never come', () => provider.overrides.set('/jwks', () => undefined)],
    [
      'come without end',
      () => provider.overrides.set('/jwks', (_req, res) => res.end('x'.repeat(3_000_000))),
    ],
    [
      'lie at a plain http address elsewhere',
      () => (provider.metadata = { jwks_uri: 'http://192.0.2.1/jwks' }),
    ],
  ])('that %s make it an outage, not an invalid token', async (_what, breakIt) => {
    breakIt()
    const { codeOf, claims } = setUp()
    expect(await codeOf(await provider.sign(claims))).toBe('identity-provider-unavailable')
  })

  it.each<[string, unknown]>([
    ['no', undefined],
    ['an unreadable', 'nonsense'],
    ['a numeric', 7],
  ])('at %s address make no token valid', async (_what, address) => {
    provider.metadata = { jwks_uri: address }
    const { codeOf, claims } = setUp()
    expect(await codeOf(await provider.sign(claims))).toBe('logout-token-invalid')
  })
})
