import { createLocalJWKSet, decodeJwt, decodeProtectedHeader, jwtVerify } from 'jose'
import { createAssertions, type AssertionInput } from '../../src/identity/index.js'
import { generateKeys, openKeyring } from '../../src/lib/index.js'
import { TestClock } from '../support/clock.js'

const issuer = 'https://portal.plant.example'
const ana: AssertionInput = {
  principal: {
    id: 'p-1',
    issuer: 'https://login.plant.example',
    subject: 'ana',
    email: 'ana@vendor.example',
    name: 'Ana',
  },
  sessionId: 's-1',
  endpointId: 'press-3',
  grantId: 'g-1',
  secondFactorAt: 1_799_999_990_500,
}

function setUp() {
  const clock = new TestClock(1_800_000_000_700)
  const keyring = openKeyring(generateKeys())
  const assertions = createAssertions({ key: keyring.assertion, clock, issuer })
  const keys = createLocalJWKSet(assertions.jwks())
  const verify = (token: string, audience: string) =>
    jwtVerify(token, keys, { issuer, audience, algorithms: ['ES256'], currentDate: new Date(clock.now()) })
  return { clock, keyring, assertions, verify }
}

describe('an assertion', () => {
  it('is verified by an upstream with the published key, and says who and under which grant', async () => {
    const { assertions, keyring, verify } = setUp()
    const token = await assertions.sign(ana)
    const { payload } = await verify(token, 'press-3')
    expect(payload).toEqual({
      iss: issuer,
      aud: 'press-3',
      sub: 'p-1',
      email: 'ana@vendor.example',
      email_verified: true,
      name: 'Ana',
      sid: 's-1',
      grant: 'g-1',
      amr: ['otp', 'mfa'],
      auth_time: 1_799_999_990,
      iat: 1_800_000_000,
      exp: 1_800_000_060,
    })
    expect(decodeProtectedHeader(token)).toEqual({ alg: 'ES256', kid: keyring.assertion.id, typ: 'JWT' })
  })

  it('is refused at another endpoint, and after 60 s', async () => {
    const { assertions, clock, verify } = setUp()
    const token = await assertions.sign(ana)
    await expect(verify(token, 'press-4')).rejects.toMatchObject({ claim: 'aud' })
    await clock.advance({ seconds: 60 })
    await expect(verify(token, 'press-3')).rejects.toMatchObject({ code: 'ERR_JWT_EXPIRED' })
  })

  it('does not verify with the key of another installation', async () => {
    const token = await setUp().assertions.sign(ana)
    await expect(setUp().verify(token, 'press-3')).rejects.toThrow()
  })

  it('names no e-mail and no second factor that were not proved', async () => {
    const { assertions } = setUp()
    const token = await assertions.sign({
      ...ana,
      principal: { ...ana.principal, email: null },
      secondFactorAt: null,
    })
    const claims = decodeJwt(token)
    for (const name of ['email', 'email_verified', 'amr', 'auth_time'])
      expect(claims).not.toHaveProperty(name)
  })

  it('is signed once for all requests of half a minute, and always has 30 s left', async () => {
    const { assertions, clock } = setUp()
    const first = await assertions.sign(ana)
    await clock.advance({ seconds: 30 })
    expect(await assertions.sign(ana)).toBe(first)
    await clock.advance({ seconds: 1 })
    const second = await assertions.sign(ana)
    expect(second).not.toBe(first)
    expect(decodeJwt(second).exp).toBe(1_800_000_091)
  })

  it.each<[string, Partial<AssertionInput>]>([
    ['session', { sessionId: 's-2' }],
    ['endpoint', { endpointId: 'press-4' }],
    ['grant', { grantId: 'g-2' }],
    ['second factor', { secondFactorAt: 1_799_999_999_000 }],
    ['principal', { principal: { ...ana.principal, id: 'p-2' } }],
    ['set of roles', { roles: ['admin'] }],
  ])('is never shared with another %s', async (_what, change) => {
    const { assertions } = setUp()
    expect(await assertions.sign({ ...ana, ...change })).not.toBe(await assertions.sign(ana))
  })

  it('is not handed out with a longer life after the clock was set back', async () => {
    const { assertions, clock } = setUp()
    await assertions.sign(ana)
    clock.step(-3_600_000)
    expect(decodeJwt(await assertions.sign(ana)).exp).toBe(1_800_000_060 - 3600)
  })

  it('comes with a published key that holds nothing private', () => {
    const [key] = setUp().assertions.jwks().keys
    expect(Object.keys(key ?? {}).sort()).toEqual(['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'])
  })
})
