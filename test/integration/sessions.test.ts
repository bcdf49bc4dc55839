import {
  fingerprint,
  generateKeys,
  newToken,
  openKeyring,
  type Change,
  type Store,
} from '../../src/lib/index.js'
import type { Actor, Principal } from '../../src/model.js'
import { createSessions, type SessionEvent, type Sessions } from '../../src/sessions/index.js'
import { TestClock } from '../support/clock.js'
import { silentLogger } from '../support/logger.js'
import { changesOf, connectedStore, snapshot } from '../support/store.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { openTrust, type Trust } from '../support/trust.js'

const hour = 3_600_000
const ana: Principal = {
  id: 'p-ana',
  issuer: 'https://login.plant.example',
  subject: 'ana',
  email: 'ana@vendor.example',
  name: 'Ana Silva',
}
const bob: Principal = { ...ana, id: 'p-bob', subject: 'bob', email: 'bob@vendor.example', name: 'Bob' }
const admin: Actor = { kind: 'principal', principalId: 'p-admin', email: 'admin@plant.example' }
const idToken = 'eyJhbGciOiJFUzI1NiJ9.e30.signature'

let redis: TestRedis
let store: Store
let clock: TestClock
let trust: Trust
let events: SessionEvent[]
/** Runs while an event is being recorded, before it is durable. */
let whileRecording: (event: SessionEvent) => Promise<void>
let sessions: Sessions
const keyring = openKeyring(generateKeys())

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(async () => {
  await redis.close()
})

beforeEach(async () => {
  store = await connectedStore(redis.url)
  await store.run((connection) => connection.flushall())
  clock = new TestClock()
  trust = await openTrust(clock)
  events = []
  whileRecording = async () => {}
  sessions = open(store)
})
afterEach(async () => {
  await store.close()
  await trust.close()
})

describe('a login', () => {
  it('gives a session and the one token that opens it', async () => {
    const { session, token } = await login()
    expect(session).toMatchObject({
      principal: ana,
      roles: ['approver'],
      assurance: { loginAt: clock.now(), secondFactorAt: null },
      startedAt: clock.now(),
      endsAt: clock.now() + 12 * hour,
      providerSessionId: 'sid-1',
      source: '192.0.2.7',
    })
    expect(await sessions.byToken(token)).toEqual(session)
    expect(await sessions.byId(session.id)).toEqual(session)
    expect(await sessions.byToken(newToken())).toBeNull()
  })

  it('is recorded before it opens anything', async () => {
    const seen: number[] = []
    whileRecording = async () => {
      seen.push((await keys()).length)
    }
    const { session } = await login()
    expect(seen).toEqual([0])
    expect(events).toEqual([
      {
        event: 'login.succeeded',
        principal: { id: ana.id, issuer: ana.issuer, subject: ana.subject, email: ana.email },
        roles: ['approver'],
        sessionId: session.id,
        source: '192.0.2.7',
      },
    ])
  })

  it('leaves nothing behind when it cannot be recorded', async () => {
    whileRecording = () => Promise.reject(new Error('disk full'))
    await expect(login()).rejects.toThrow('disk full')
    expect(await keys()).toEqual([])
  })

  it('leaves no secret in the store', async () => {
    const { session, token } = await login()
    const { token: passToken } = await sessions.issuePass(session, 'press-3')
    const nonce = newToken()
    const code = await sessions.issueHandoverCode(handover(session.id, nonce))
    const content = await everything()
    for (const secret of [token, passToken, nonce, code, idToken]) expect(content).not.toContain(secret)
    expect(content).toContain(fingerprint(token))
  })

  it('keeps the id token sealed, and for its own session only', async () => {
    const one = await login()
    const two = await login({ idToken: null })
    expect(await sessions.idTokenOf(one.session.id)).toBe(idToken)
    expect(await sessions.idTokenOf(two.session.id)).toBeNull()
    const sealed = await store.run((connection) =>
      connection.hget(store.key('session', one.session.id), 'idToken'),
    )
    await store.run((connection) =>
      connection.hset(store.key('session', two.session.id), 'idToken', sealed ?? ''),
    )
    expect(await sessions.idTokenOf(two.session.id)).toBeNull()
  })

  it.each(['', 'x', '*', `${'a'.repeat(42)}\n`, '\0'.repeat(43), '{gatehouse}:session', 'a'.repeat(100_000)])(
    'is not forged by %j',
    async (token) => {
      const { session } = await login()
      expect(await sessions.byToken(token)).toBeNull()
      expect(await sessions.byToken(session.id)).toBeNull()
      expect(await sessions.byId(token)).toBeNull()
    },
  )
})

describe('a login by break-glass', () => {
  const breakGlass = { sessionId: 's-0123456789abcdef', lengthMs: hour }

  it('gives the very session that was announced, marked and short', async () => {
    const { session, token } = await login({ breakGlass, providerSessionId: null, idToken: null })
    expect(session).toMatchObject({
      id: breakGlass.sessionId,
      origin: 'break-glass',
      assurance: { secondFactorAt: null },
      endsAt: clock.now() + hour,
    })
    expect(await sessions.byToken(token)).toEqual(session)
    const raised = await sessions.raise(session, { secondFactorAt: clock.now() })
    expect((await sessions.byToken(raised.token))?.origin).toBe('break-glass')
  })

  it('is never longer than any other', async () => {
    const { session } = await login({ breakGlass: { ...breakGlass, lengthMs: 24 * hour } })
    expect(session.endsAt).toBe(clock.now() + 12 * hour)
  })

  it('gives no session that has been ended before, and records none', async () => {
    const { session } = await login({ breakGlass })
    await sessions.end(session.id, 'session-killed', admin)
    const before = events.length
    await expect(login({ breakGlass })).rejects.toMatchObject({ code: 'not-signed-in' })
    expect(events).toHaveLength(before)
    expect(await sessions.byId(session.id)).toBeNull()
  })

  it('is reached by a sign-out of that person at the provider, not by one of a session there', async () => {
    const { session } = await login({ breakGlass, providerSessionId: null })
    const { issuer, subject } = ana
    expect(await sessions.endByProvider({ issuer, subject: null, providerSessionId: 'sid-1' })).toBe(0)
    expect(await sessions.byId(session.id)).not.toBeNull()
    expect(await sessions.endByProvider({ issuer, subject, providerSessionId: null })).toBe(1)
    expect(await sessions.byId(session.id)).toBeNull()
  })
})

describe('a session', () => {
  it('of a build that knew of no break-glass is one of the provider, and so are ours to it', async () => {
    const { session, token } = await login()
    const key = store.key('session', session.id)
    expect(await store.run((connection) => connection.hget(key, 'record'))).not.toContain('origin')
    expect((await sessions.byToken(token))?.origin).toBe('provider')
  })

  it('ends by the clock, whatever Redis still holds', async () => {
    const { session, token } = await login()
    const pass = await sessions.issuePass(session, 'press-3')
    await clock.advance({ hours: 12, ms: -1 })
    expect(await sessions.byToken(token)).not.toBeNull()
    expect(await sessions.byPassToken(pass.token, 'press-3')).not.toBeNull()
    await clock.advance({ ms: 1 })
    expect(await sessions.byToken(token)).toBeNull()
    expect(await sessions.byId(session.id)).toBeNull()
    expect(await sessions.byPassToken(pass.token, 'press-3')).toBeNull()
    expect(await sessions.list()).toEqual([])
    await expect(sessions.raise(session, { secondFactorAt: clock.now() })).rejects.toMatchObject({
      code: 'not-signed-in',
    })
    // The clock by which it has ended may be wrong: stopping it is never refused for that.
    expect(await sessions.end(session.id, 'session-killed', admin)).toBe(true)
  })

  it('is tidied away by Redis, but only long after it has ended', async () => {
    await login()
    for (const key of await keys()) {
      const left = await store.run((connection) => connection.pttl(key))
      expect(left).toBeGreaterThan(13 * hour)
      expect(left).toBeLessThan(48 * hour)
    }
  })

  it('is listed while it lives, newest first', async () => {
    const one = await login()
    await clock.advance({ minutes: 1 })
    const two = await login({ principal: bob })
    await clock.advance({ minutes: 1 })
    const three = await login()
    await sessions.end(two.session.id, 'session-killed', admin)
    expect(await sessions.list()).toEqual([three.session, one.session])
  })

  it('is listed among a thousand at most', async () => {
    for (let portion = 0; portion < 11; portion += 1)
      await Promise.all(Array.from({ length: 91 }, () => login()))
    expect(await sessions.list()).toHaveLength(1_000)
  })

  it.each([
    ['no JSON', () => '{'],
    ['another shape', () => '[]'],
    ['an unknown role', (record: string) => record.replace('approver', 'root')],
    ['an end that is no instant', (record: string) => record.replace(/"endsAt":\d+/, '"endsAt":"never"')],
    ['a field nobody knows', (record: string) => record.replace('{', '{"superuser":true,')],
    ['the id of another session', (record: string) => record.replace(/"id":"s-/, '"id":"s-0')],
  ])('is no session once its record holds %s, and can still be ended', async (_, damage) => {
    const { session, token } = await login()
    const pass = await sessions.issuePass(session, 'press-3')
    const key = store.key('session', session.id)
    const place = `session ${session.id} record`
    const kept = (await store.run((connection) => connection.hget(key, 'record'))) ?? ''
    // Vouched for, as by a newer version.
    const damaged = trust.vouching.vouch(place, damage(trust.vouching.verify(place, kept) ?? ''))
    await store.run((connection) => connection.hset(key, 'record', damaged))
    expect(await sessions.byToken(token)).toBeNull()
    expect(await sessions.byId(session.id)).toBeNull()
    expect(await sessions.byPassToken(pass.token, 'press-3')).toBeNull()
    expect(await sessions.list()).toEqual([])
    expect(await sessions.end(session.id, 'session-killed', admin)).toBe(true)
    expect(events.at(-1)).toMatchObject({ event: 'session.ended', principalId: 'unknown' })
    expect(await keys()).not.toContain(key)
    expect(await sessions.end(session.id, 'session-killed', admin)).toBe(false)
  })
})

describe('a session that somebody else wrote to', () => {
  const alter = async (id: string, field: string, change: (kept: string) => string): Promise<void> => {
    const key = store.key('session', id)
    const kept = (await store.run((connection) => connection.hget(key, field))) ?? ''
    await store.run((connection) => connection.hset(key, field, change(kept)))
  }

  it('is none with another role, and that is reported', async () => {
    const { session, token } = await login()
    await alter(session.id, 'record', (kept) => kept.replace('approver', 'admin'))
    expect(await sessions.byToken(token)).toBeNull()
    expect(await sessions.byId(session.id)).toBeNull()
    expect(new Set(trust.altered)).toEqual(new Set([`session ${session.id} record`]))
  })

  it('does not open to a token of their own', async () => {
    const { session } = await login()
    const theirs = newToken()
    await alter(session.id, 'token', () => fingerprint(theirs))
    await store.run((connection) => connection.set(store.key('session-key', fingerprint(theirs)), session.id))
    expect(await sessions.byToken(theirs)).toBeNull()
    expect(trust.altered).toEqual([`session ${session.id} token`])
  })

  it('does not open to the token of another session', async () => {
    const [mine, theirs] = await Promise.all([login(), login({ principal: bob })])
    const token = await store.run((connection) =>
      connection.hget(store.key('session', mine.session.id), 'token'),
    )
    await alter(theirs.session.id, 'token', () => token ?? '')
    await store.run((connection) =>
      connection.set(store.key('session-key', fingerprint(mine.token)), theirs.session.id),
    )
    expect(await sessions.byToken(mine.token)).toBeNull()
    expect(trust.altered).toEqual([`session ${theirs.session.id} token`])
  })

  it('does not open through a pass for another endpoint', async () => {
    const { session } = await login()
    const { token } = await sessions.issuePass(session, 'press-3')
    const field = `pass:${fingerprint(token)}`
    await alter(session.id, field, (kept) => kept.replace('press-3', 'press-4'))
    expect(await sessions.byPassToken(token, 'press-4')).toBeNull()
    expect(await sessions.byPassToken(token, 'press-3')).toBeNull()
    expect(new Set(trust.altered)).toEqual(new Set([`session ${session.id} ${field}`]))
  })

  it('cannot be entered by a hand-over code of theirs', async () => {
    const { session } = await login()
    const nonce = newToken()
    const code = await sessions.issueHandoverCode(handover(session.id, nonce))
    const theirs = newToken()
    const content = await store.run((connection) => connection.get(store.key('handover', fingerprint(code))))
    await store.run((connection) => connection.set(store.key('handover', fingerprint(theirs)), content ?? ''))
    expect(await sessions.redeemHandoverCode(theirs, { endpointId: 'press-3', nonce })).toBeNull()
    expect(trust.altered).toEqual([`handover ${fingerprint(theirs)}`])
    expect(await sessions.redeemHandoverCode(code, { endpointId: 'press-3', nonce })).not.toBeNull()
  })
})

describe('a rise of privilege', () => {
  it('changes the token and keeps the session', async () => {
    const { session, token } = await login()
    await clock.advance({ minutes: 1 })
    const raised = await sessions.raise(session, { secondFactorAt: clock.now() })
    expect(raised.session).toEqual({
      ...session,
      assurance: { loginAt: session.startedAt, secondFactorAt: clock.now(), oneTimeCodeAt: clock.now() },
    })
    expect(await sessions.byToken(token)).toBeNull()
    expect(await sessions.byToken(raised.token)).toEqual(raised.session)
    expect(await sessions.byId(session.id)).toEqual(raised.session)
  })

  it('by a recovery code is no fresh one-time code', async () => {
    const { session } = await login()
    const { session: raised } = await sessions.raise(session, {
      secondFactorAt: clock.now(),
      isRecovery: true,
    })
    expect(raised.assurance).toEqual({ loginAt: session.startedAt, secondFactorAt: clock.now() })
  })

  it('keeps passes and the id token', async () => {
    const { session } = await login()
    const pass = await sessions.issuePass(session, 'press-3')
    const raised = await sessions.raise(session, { secondFactorAt: clock.now() })
    expect(await sessions.byPassToken(pass.token, 'press-3')).toEqual({
      pass: pass.pass,
      session: raised.session,
    })
    expect(await sessions.idTokenOf(session.id)).toBe(idToken)
  })

  it('leaves one valid token when it happens many times at once', async () => {
    const { session } = await login()
    const raised = await Promise.all(
      Array.from({ length: 20 }, (_, index) =>
        sessions.raise(session, { secondFactorAt: clock.now() + index }),
      ),
    )
    const alive = await Promise.all(raised.map(({ token }) => sessions.byToken(token)))
    expect(alive.filter((found) => found !== null)).toHaveLength(1)
  })

  it('does not bring back a session that ends meanwhile', async () => {
    for (let round = 0; round < 50; round += 1) {
      const { session } = await login()
      const [raised] = await Promise.allSettled([
        sessions.raise(session, { secondFactorAt: clock.now() }),
        sessions.end(session.id, 'session-killed', admin),
      ])
      expect(await sessions.byId(session.id)).toBeNull()
      if (raised.status === 'fulfilled') expect(await sessions.byToken(raised.value.token)).toBeNull()
    }
  })

  it('is refused once the session has ended', async () => {
    const { session } = await login()
    await sessions.end(session.id, 'signed-out', admin)
    await expect(sessions.raise(session, { secondFactorAt: clock.now() })).rejects.toMatchObject({
      code: 'not-signed-in',
    })
  })
})

describe('ending a session', () => {
  it('takes token, passes and id token with it, and tells every instance', async () => {
    const { session, token } = await login()
    const press = await sessions.issuePass(session, 'press-3')
    const historian = await sessions.issuePass(session, 'historian')
    const told = await follow()
    expect(await sessions.end(session.id, 'session-killed', admin)).toBe(true)
    expect(await sessions.byToken(token)).toBeNull()
    expect(await sessions.byPassToken(press.token, 'press-3')).toBeNull()
    expect(await sessions.byPassToken(historian.token, 'historian')).toBeNull()
    expect(await sessions.idTokenOf(session.id)).toBeNull()
    expect(await keys()).toEqual([store.key('changes')])
    await until(() => told.changes.length > 0)
    await told.close()
    expect(told.changes).toEqual([{ kind: 'session-ended', sessionId: session.id, cause: 'session-killed' }])
  })

  it('is recorded before it takes effect', async () => {
    const { session, token } = await login()
    const seen: boolean[] = []
    whileRecording = async () => {
      seen.push((await sessions.byToken(token)) !== null)
    }
    await sessions.end(session.id, 'session-killed', admin)
    expect(seen).toEqual([true])
    expect(events.at(-1)).toEqual({
      event: 'session.ended',
      sessionId: session.id,
      principalId: ana.id,
      cause: 'session-killed',
      actor: admin,
    })
  })

  it('twice is harmless, and recorded once', async () => {
    const { session } = await login()
    expect(await sessions.end(session.id, 'signed-out', admin)).toBe(true)
    expect(await sessions.end(session.id, 'session-killed', admin)).toBe(false)
    expect(events.filter(({ event }) => event === 'session.ended')).toHaveLength(1)
  })

  it('at the same moment on two instances is reported by one', async () => {
    const { session } = await login()
    const ended = await Promise.all([
      sessions.end(session.id, 'signed-out', admin),
      open(store).end(session.id, 'session-killed', admin),
    ])
    expect(ended.sort()).toEqual([false, true])
  })

  it('does not come from an unknown id', async () => {
    for (const id of ['', 's-0000000000000000', '__proto__', 'a:b', '*', '\r\n']) {
      expect(await sessions.end(id, 'session-killed', admin)).toBe(false)
    }
    expect(events).toEqual([])
  })

  it('reaches all of one person and nobody else', async () => {
    const tokens = await Promise.all([login(), login(), login()])
    const other = await login({ principal: bob })
    expect(await sessions.endAllOf(ana.id, 'second-factor-reset', admin)).toBe(3)
    for (const { token } of tokens) expect(await sessions.byToken(token)).toBeNull()
    expect(await sessions.byToken(other.token)).not.toBeNull()
    expect(await sessions.endAllOf(ana.id, 'second-factor-reset', admin)).toBe(0)
  })

  it('goes on past a session that cannot be ended, and then says so', async () => {
    const [first, second] = await Promise.all([login(), login()])
    whileRecording = (event) =>
      'sessionId' in event && event.sessionId === first.session.id
        ? Promise.reject(new Error('disk full'))
        : Promise.resolve()
    await expect(sessions.endAllOf(ana.id, 'session-killed', admin)).rejects.toThrow('disk full')
    expect(await sessions.byToken(second.token)).toBeNull()
  })
})

describe('the identity provider ends', () => {
  const { issuer } = ana

  it('the session it names', async () => {
    const named = await login({ providerSessionId: 'sid-1' })
    const other = await login({ providerSessionId: 'sid-2' })
    const logout = { issuer, subject: null, providerSessionId: 'sid-1' }
    expect(await sessions.endByProvider(logout)).toBe(1)
    expect(await sessions.byToken(named.token)).toBeNull()
    expect(await sessions.byToken(other.token)).not.toBeNull()
    expect(events.at(-1)).toMatchObject({ cause: 'signed-out', actor: { kind: 'gateway' } })
  })

  it('all sessions of the person it names', async () => {
    await Promise.all([login({ providerSessionId: 'sid-1' }), login({ providerSessionId: null })])
    const other = await login({ principal: bob })
    expect(await sessions.endByProvider({ issuer, subject: 'ana', providerSessionId: null })).toBe(2)
    expect(await sessions.byToken(other.token)).not.toBeNull()
  })

  it('with both names, that session and those of the person that no name can tell apart', async () => {
    await login({ providerSessionId: 'sid-1' })
    await login({ providerSessionId: null })
    const other = await login({ providerSessionId: 'sid-2' })
    const foreign = await login({ principal: bob, providerSessionId: 'sid-1' })
    expect(await sessions.endByProvider({ issuer, subject: 'ana', providerSessionId: 'sid-1' })).toBe(2)
    expect(await sessions.byToken(other.token)).not.toBeNull()
    expect(await sessions.byToken(foreign.token)).not.toBeNull()
  })

  it.each([
    { issuer: 'https://evil.example', subject: 'ana', providerSessionId: 'sid-1' },
    { issuer, subject: 'eve', providerSessionId: null },
    { issuer, subject: null, providerSessionId: 'sid-9' },
    { issuer, subject: null, providerSessionId: null },
  ])('nothing by names that do not match: %j', async (logout) => {
    const { token } = await login()
    expect(await sessions.endByProvider(logout)).toBe(0)
    expect(await sessions.byToken(token)).not.toBeNull()
  })
})

describe('a hand-over code', () => {
  it('carries a session to one endpoint, once', async () => {
    const nonce = newToken()
    const code = await sessions.issueHandoverCode(handover('s-1', nonce))
    const expected = { sessionId: 's-1', to: '/trend?x=1' }
    expect(await sessions.redeemHandoverCode(code, { endpointId: 'press-3', nonce })).toEqual(expected)
    expect(await sessions.redeemHandoverCode(code, { endpointId: 'press-3', nonce })).toBeNull()
  })

  it('is redeemed by one of many who try at once', async () => {
    const nonce = newToken()
    const code = await sessions.issueHandoverCode(handover('s-1', nonce))
    const tries = await Promise.all(
      Array.from({ length: 50 }, () => sessions.redeemHandoverCode(code, { endpointId: 'press-3', nonce })),
    )
    expect(tries.filter((found) => found !== null)).toHaveLength(1)
  })

  it.each([
    ['another endpoint', { endpointId: 'press-4' }],
    ['the nonce of another browser', { nonce: newToken() }],
    ['no nonce', { nonce: '' }],
  ])('is burned when it is tried with %s', async (_, wrong) => {
    const right = { endpointId: 'press-3', nonce: newToken() }
    const code = await sessions.issueHandoverCode(handover('s-1', right.nonce))
    expect(await sessions.redeemHandoverCode(code, { ...right, ...wrong })).toBeNull()
    expect(await sessions.redeemHandoverCode(code, right)).toBeNull()
    expect(await keys()).toEqual([])
  })

  it('is not redeemed with the hash of the nonce, which travelled in a URL', async () => {
    const nonce = newToken()
    const code = await sessions.issueHandoverCode(handover('s-1', nonce))
    const found = await sessions.redeemHandoverCode(code, {
      endpointId: 'press-3',
      nonce: fingerprint(nonce),
    })
    expect(found).toBeNull()
  })

  it('lives 30 seconds', async () => {
    const nonce = newToken()
    const [early, late] = await Promise.all([
      sessions.issueHandoverCode(handover('s-1', nonce)),
      sessions.issueHandoverCode(handover('s-1', nonce)),
    ])
    await clock.advance({ seconds: 29, ms: 999 })
    expect(await sessions.redeemHandoverCode(early, { endpointId: 'press-3', nonce })).not.toBeNull()
    await clock.advance({ ms: 1 })
    expect(await sessions.redeemHandoverCode(late, { endpointId: 'press-3', nonce })).toBeNull()
  })

  it('is nothing when it is made up or damaged', async () => {
    const nonce = newToken()
    const presented = { endpointId: 'press-3', nonce }
    for (const code of ['', '*', newToken(), 'a'.repeat(10_000)]) {
      expect(await sessions.redeemHandoverCode(code, presented)).toBeNull()
    }
    const code = await sessions.issueHandoverCode(handover('s-1', nonce))
    const [key = ''] = await keys()
    await store.run((connection) => connection.set(key, '{"sessionId":"s-1"}'))
    expect(await sessions.redeemHandoverCode(code, presented)).toBeNull()
  })
})

describe('a pass', () => {
  it('opens its endpoint for its session, and is recorded first', async () => {
    const { session } = await login()
    const before = await keys()
    const seen: string[][] = []
    whileRecording = async () => {
      seen.push(await keys())
    }
    const { pass, token } = await sessions.issuePass(session, 'press-3')
    expect(seen).toEqual([before])
    expect(pass).toMatchObject({ sessionId: session.id, principalId: ana.id, endpointId: 'press-3' })
    expect(events.at(-1)).toEqual({
      event: 'pass.issued',
      passId: pass.id,
      sessionId: session.id,
      principalId: ana.id,
      endpointId: 'press-3',
    })
    expect(await sessions.byPassToken(token, 'press-3')).toEqual({ pass, session })
  })

  it('opens nothing else', async () => {
    const { session, token } = await login()
    const pass = await sessions.issuePass(session, 'press-3')
    expect(await sessions.byPassToken(pass.token, 'press-4')).toBeNull()
    expect(await sessions.byPassToken(pass.token, '')).toBeNull()
    expect(await sessions.byToken(pass.token)).toBeNull()
    expect(await sessions.byPassToken(token, 'press-3')).toBeNull()
    expect(await sessions.byPassToken(newToken(), 'press-3')).toBeNull()
  })

  it('stands beside others at the same endpoint, as two tabs may ask at once', async () => {
    const { session } = await login()
    const passes = await Promise.all([
      sessions.issuePass(session, 'press-3'),
      sessions.issuePass(session, 'press-3'),
    ])
    for (const { token } of passes) expect(await sessions.byPassToken(token, 'press-3')).not.toBeNull()
  })

  it('makes the oldest give way when a session collects too many', async () => {
    const { session } = await login()
    const tokens: string[] = []
    for (let index = 0; index < 70; index += 1) {
      tokens.push((await sessions.issuePass(session, 'press-3')).token)
      await clock.advance({ ms: 1 })
    }
    const alive = await Promise.all(tokens.map((token) => sessions.byPassToken(token, 'press-3')))
    expect(alive.map((found) => found !== null)).toEqual(tokens.map((_, index) => index >= 6))
    // The passes and their token pointers, the session with its own, two indexes, the log of changes.
    expect(await keys()).toHaveLength(64 + 7)
  })

  it('is not issued into a session that has ended, and does not bring it back', async () => {
    const { session } = await login()
    whileRecording = async ({ event }) => {
      if (event === 'pass.issued') await sessions.end(session.id, 'session-killed', admin)
    }
    await expect(sessions.issuePass(session, 'press-3')).rejects.toMatchObject({ code: 'not-signed-in' })
    expect(await keys()).toEqual([store.key('changes')])
  })

  it('opens nothing when a pointer to a live session is planted', async () => {
    const { session } = await login()
    const planted = newToken()
    await store.run((connection) =>
      connection.set(store.key('session-key', fingerprint(planted)), session.id),
    )
    expect(await sessions.byToken(planted)).toBeNull()
    expect(await sessions.byPassToken(planted, 'press-3')).toBeNull()
  })

  it('opens nothing when it was moved to another session', async () => {
    const [mine, theirs] = await Promise.all([login(), login({ principal: bob })])
    const { token } = await sessions.issuePass(mine.session, 'press-3')
    const field = `pass:${fingerprint(token)}`
    const from = store.key('session', mine.session.id)
    const content = (await store.run((connection) => connection.hget(from, field))) ?? ''
    await store.run((connection) => connection.hset(store.key('session', theirs.session.id), field, content))
    await store.run((connection) =>
      connection.set(store.key('session-key', fingerprint(token)), theirs.session.id),
    )
    expect(await sessions.byPassToken(token, 'press-3')).toBeNull()
  })
})

describe('with Redis', () => {
  it('killed and restarted, sessions are there and ended ones stay ended', async () => {
    const [kept, ended] = await Promise.all([login(), login()])
    await sessions.end(ended.session.id, 'session-killed', admin)
    await redis.restart()
    await until(() => store.isReady())
    expect(await sessions.byToken(kept.token)).toEqual(kept.session)
    expect(await sessions.byToken(ended.token)).toBeNull()
  })

  it('put back to an earlier state, sessions that had ended stay ended and are ended again', async () => {
    const { session, token } = await login()
    const kept = await login()
    const { token: passToken } = await sessions.issuePass(session, 'press-3')
    const restore = await snapshot(store)
    await sessions.end(session.id, 'session-killed', admin)
    await restore()
    await clock.advance({ minutes: 1 })
    expect(await sessions.byToken(token)).toBeNull()
    expect(await sessions.byId(session.id)).toBeNull()
    expect(await sessions.byPassToken(passToken, 'press-3')).toBeNull()
    expect(await sessions.list()).toEqual([kept.session])
    expect(trust.revived).toEqual([`session ${session.id}`])

    await sessions.endRevived()
    expect(await keys()).not.toContain(store.key('session', session.id))
    expect(await sessions.byToken(kept.token)).toEqual(kept.session)
  })

  it('put back to an earlier state, it can still be ended by hand', async () => {
    const { session } = await login()
    const restore = await snapshot(store)
    await sessions.end(session.id, 'session-killed', admin)
    await restore()
    expect(await sessions.end(session.id, 'session-killed', admin)).toBe(true)
    expect(await sessions.end(session.id, 'session-killed', admin)).toBe(false)
  })

  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    'down by %s, every question fails in under 500 ms',
    async (signal) => {
      const { session, token } = await login()
      const { pid } = redis.process
      redis.process.kill(signal)
      const started = performance.now()
      const results = await Promise.allSettled([
        sessions.byToken(token),
        sessions.byId(session.id),
        sessions.byPassToken(token, 'press-3'),
        sessions.redeemHandoverCode(newToken(), { endpointId: 'press-3', nonce: '' }),
        sessions.end(session.id, 'session-killed', admin),
        sessions.list(),
        login(),
      ])
      expect(performance.now() - started).toBeLessThan(500)
      for (const result of results) {
        expect(result).toMatchObject({
          status: 'rejected',
          reason: { code: expect.stringMatching(/^(store-unavailable|stopped-here-only)$/), status: 503 },
        })
      }
      expect(redis.process.pid).toBe(pid)
      if (signal === 'SIGSTOP') redis.process.kill('SIGCONT')
      else await redis.restart()
      await until(() => store.isReady())
    },
  )
})

function open(own: Store): Sessions {
  return createSessions({
    store: own,
    clock,
    ...changesOf(own),
    ...trust,
    keyring,
    logger: silentLogger,
    record: async (event) => {
      await whileRecording(event)
      events.push(event)
    },
    maxLengthMs: 12 * hour,
  })
}

function login(over: Partial<Parameters<Sessions['start']>[0]> = {}) {
  return sessions.start({
    principal: ana,
    roles: ['approver'],
    providerSessionId: 'sid-1',
    idToken,
    source: '192.0.2.7',
    ...over,
  })
}

function handover(sessionId: string, nonce: string) {
  return { sessionId, endpointId: 'press-3', nonceHash: fingerprint(nonce), to: '/trend?x=1' }
}

/** Without what the follower of a test leaves behind while it follows. */
async function keys(): Promise<string[]> {
  const all = await store.run((connection) => connection.keys('*'))
  return all.filter((key) => !key.includes(':follower')).sort()
}

/** Every key and every value, as text. */
async function everything(): Promise<string> {
  const parts: string[] = []
  for (const key of await keys()) {
    const type = await store.run((connection) => connection.type(key))
    const value = await store.run<unknown>((connection) => {
      if (type === 'hash') return connection.hgetall(key)
      if (type === 'zset') return connection.zrange(key, 0, -1)
      return connection.get(key)
    })
    parts.push(key, JSON.stringify(value))
  }
  return parts.join('\n')
}

async function follow(): Promise<{ changes: Change[]; close(): Promise<void> }> {
  const changes: Change[] = []
  const follower = await changesOf(store).changes.follow({
    onChange: async (change) => {
      changes.push(change)
    },
    onDoubt: async () => {},
  })
  return { changes, close: () => follower.close() }
}

async function until(condition: () => boolean): Promise<void> {
  const deadline = performance.now() + 5_000
  while (!condition()) {
    if (performance.now() > deadline) throw new Error('waited 5 s in vain')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
