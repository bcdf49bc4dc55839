import { createPeople, createSecondFactor, principalId } from '../../src/identity/index.js'
import type { SecondFactor, SecondFactorEvent } from '../../src/identity/index.js'
import { generateKeys, GatehouseError, openKeyring, type Change, type Store } from '../../src/lib/index.js'
import type { Actor, Principal } from '../../src/model.js'
import { TestClock } from '../support/clock.js'
import { silentLogger } from '../support/logger.js'
import { oneTimeCode, wrongCode } from '../support/one-time-code.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { changesOf, connectedStore, ready, snapshot } from '../support/store.js'
import { openTrust, type Trust } from '../support/trust.js'
import { until } from '../support/until.js'

const operator: Actor = { kind: 'operator', account: 'root' }
const keyring = openKeyring(generateKeys())
let redis: TestRedis
let count = 0

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(async () => {
  await redis.close()
})

/** Two instances of one installation, a ledger that can be full, and a person nobody has used yet. */
async function setUp(options: { enrolment?: 'invite' | 'first-login' } = {}) {
  count += 1
  const clock = new TestClock(1_800_000_000_000)
  const events: SecondFactorEvent[] = []
  const ledger = { isFull: false, onEvent: (_event: SecondFactorEvent): Promise<void> => Promise.resolve() }
  const stores = await Promise.all([connected(), connected()])
  const { journal, revived, vouching } = await trusted(clock)
  const people = createPeople({ store: stores[0], clock, logger: silentLogger, vouching })
  const [first, second] = stores.map((store) =>
    createSecondFactor({
      store,
      clock,
      changes: changesOf(store).changes,
      journal,
      keyring,
      record: async (event) => {
        await ledger.onEvent(event)
        if (ledger.isFull) throw new GatehouseError('ledger-unavailable', 'full')
        events.push(event)
      },
      enrolment: options.enrolment ?? 'invite',
      label: 'Plant',
      invitationLifetimeMs: 7 * 24 * 3_600_000,
      logger: silentLogger,
      people,
      sessionsOf: () => Promise.resolve([]),
    }),
  ) as [SecondFactor, SecondFactor]
  const ana = person(`ana-${String(count)}`)

  const enrol = async (principal: Principal = ana) => {
    const { code } = await first.invite(principal.email ?? '', 'first day at the plant', operator)
    const { secret } = await first.beginEnrolment({ principal, sessionId: 's-1', invitation: code })
    const { recoveryCodes } = await first.confirmEnrolment({
      principal,
      sessionId: 's-1',
      code: oneTimeCode(secret, clock.now()),
    })
    await clock.advance({ seconds: 30 })
    events.length = 0
    return { secret, recoveryCodes }
  }
  const verify = (code: unknown, instance = first) =>
    instance.verify({ principalId: ana.id, sessionId: 's-1', code: code as string })
  const failTimes = async (secret: string, times: number) => {
    for (let i = 0; i < times; i += 1)
      expect(await codeOf(verify(wrongCode(secret, clock.now())))).toBe('code-wrong')
  }
  return {
    clock,
    events,
    ledger,
    journal,
    revived,
    store: stores[0],
    people,
    first,
    second,
    ana,
    enrol,
    verify,
    failTimes,
  }
}

const trusts: Trust[] = []
/** What both know besides Redis, as two instances on one host do. */
async function trusted(clock: TestClock): Promise<Trust> {
  const trust = await openTrust(clock, keyring)
  trusts.push(trust)
  return trust
}

const opened: Store[] = []
async function connected(): Promise<Store> {
  const store = await connectedStore(redis.url)
  opened.push(store)
  return store
}
afterEach(async () => {
  await Promise.all([...opened.splice(0), ...trusts.splice(0)].map((held) => held.close()))
})

function person(subject: string): Principal {
  const issuer = 'https://login.plant.example'
  return {
    id: principalId(issuer, subject),
    issuer,
    subject,
    email: `${subject}@vendor.example`,
    name: subject,
  }
}

/** The code with which it was refused, or "accepted". */
async function codeOf(attempt: Promise<unknown>): Promise<string> {
  return attempt.then(
    () => 'accepted',
    (error: unknown) => (error instanceof GatehouseError ? error.code : `not ours: ${String(error)}`),
  )
}

/**
 * How often each outcome occurred. On a busy machine some of hundreds of simultaneous commands pass the
 * limit of 300 ms; those people are refused, which is all that is asked, and counted apart.
 */
function tally(outcomes: string[]): { counts: Record<string, number>; unanswered: number } {
  const counts: Record<string, number> = {}
  for (const outcome of outcomes) counts[outcome] = (counts[outcome] ?? 0) + 1
  const { 'store-unavailable': unanswered = 0, ...answered } = counts
  return { counts: answered, unanswered }
}

describe('enrolment by invitation', () => {
  it('ends with a second factor that verifies, and ten recovery codes', async () => {
    const { first, ana, clock, events, verify } = await setUp()
    const { code, expiresAt } = await first.invite(
      'Ana-Nobody-Else@Vendor.example'.replace(/Ana.*Else/, ana.subject),
      'first day at the plant',
      operator,
    )
    expect(expiresAt).toBe(clock.now() + 7 * 24 * 3_600_000)
    const enrolment = await first.beginEnrolment({ principal: ana, sessionId: 's-1', invitation: code })
    expect(enrolment.uri).toContain(enrolment.secret)
    expect(enrolment.qrSvg).toContain('<svg')
    const { recoveryCodes } = await first.confirmEnrolment({
      principal: ana,
      sessionId: 's-1',
      code: oneTimeCode(enrolment.secret, clock.now()),
    })
    expect(new Set(recoveryCodes).size).toBe(10)
    expect(await first.status(ana.id)).toEqual({
      isEnrolled: true,
      resetAt: null,
      recoveryCodesLeft: 10,
      lockedUntil: null,
    })
    await clock.advance({ seconds: 30 })
    await verify(oneTimeCode(enrolment.secret, clock.now()))
    expect(events).toEqual([
      {
        ...{ event: 'invitation.issued', email: ana.email, actor: operator, expiresAt },
        reason: 'first day at the plant',
      },
      { event: 'second-factor.enrolled', principalId: ana.id, sessionId: 's-1' },
      { event: 'second-factor.verified', principalId: ana.id, sessionId: 's-1' },
    ])
  })

  it('shows the same secret however often, and however parallel, the page is loaded', async () => {
    const { first, second, ana } = await setUp()
    const { code } = await first.invite(ana.email ?? '', 'first day at the plant', operator)
    const begin = (instance: SecondFactor) =>
      instance.beginEnrolment({ principal: ana, sessionId: 's-1', invitation: code })
    const shown = await Promise.all([...Array(8).keys()].map((i) => begin(i % 2 ? first : second)))
    shown.push(await first.beginEnrolment({ principal: ana, sessionId: 's-1', invitation: null }))
    const pending = await second.pendingEnrolment({ principal: ana, sessionId: 's-1' })
    if (pending) shown.push(pending)
    expect(shown).toHaveLength(10)
    expect(new Set(shown.map((enrolment) => enrolment.secret)).size).toBe(1)
  })

  it('is not shown to another session', async () => {
    const { first, ana } = await setUp()
    const { code } = await first.invite(ana.email ?? '', 'first day at the plant', operator)
    await first.beginEnrolment({ principal: ana, sessionId: 's-1', invitation: code })
    expect(await first.pendingEnrolment({ principal: ana, sessionId: 's-2' })).toBeNull()
    expect(await codeOf(first.beginEnrolment({ principal: ana, sessionId: 's-2', invitation: null }))).toBe(
      'invitation-invalid',
    )
  })

  it('is given up after ten minutes; the invitation is still good', async () => {
    const { first, ana, clock } = await setUp()
    const { code } = await first.invite(ana.email ?? '', 'first day at the plant', operator)
    const { secret } = await first.beginEnrolment({ principal: ana, sessionId: 's-1', invitation: code })
    await clock.advance({ minutes: 10 })
    expect(await first.pendingEnrolment({ principal: ana, sessionId: 's-1' })).toBeNull()
    const late = first.confirmEnrolment({
      principal: ana,
      sessionId: 's-1',
      code: oneTimeCode(secret, clock.now()),
    })
    expect(await codeOf(late)).toBe('form-expired')
    const again = await first.beginEnrolment({ principal: ana, sessionId: 's-1', invitation: code })
    expect(again.secret).not.toBe(secret)
  })

  it('takes the invitation in any spelling', async () => {
    const { first, ana } = await setUp()
    const { code } = await first.invite(ana.email ?? '', 'first day at the plant', operator)
    const spelled = ` ${code.toLowerCase().replaceAll('-', ' ').replaceAll('0', 'o').replaceAll('1', 'l')} `
    await first.beginEnrolment({ principal: ana, sessionId: 's-1', invitation: spelled })
  })

  it.each<[string, (code: string) => unknown]>([
    ['wrong', () => '0000-0000-0000-0000'],
    ['empty', () => ''],
    ['too long', () => '0'.repeat(10_240)],
    ['an object', () => ({ code: '0000' })],
    ['in an array', (code) => [code]],
    ['followed by a NUL', (code) => `${code}\u0000`],
  ])('is refused with an invitation that is %s, and that is counted', async (_what, alter) => {
    const { first, ana, events } = await setUp()
    const { code } = await first.invite(ana.email ?? '', 'first day at the plant', operator)
    events.length = 0
    const begin = () =>
      codeOf(first.beginEnrolment({ principal: ana, sessionId: 's-1', invitation: alter(code) as string }))
    expect(await begin()).toBe('invitation-invalid')
    expect(events).toEqual([
      { event: 'second-factor.failed', principalId: ana.id, code: 'invitation-invalid' },
    ])
    for (let i = 0; i < 4; i += 1) expect(await begin()).toBe('invitation-invalid')
    expect(await begin()).toBe('code-locked')
    // Nor does the right one pass now, on whichever instance.
    expect(await codeOf(first.beginEnrolment({ principal: ana, sessionId: 's-1', invitation: code }))).toBe(
      'code-locked',
    )
  })

  it('is refused with an invitation that was addressed to someone else', async () => {
    const { first, ana } = await setUp()
    const { code } = await first.invite('someone.else@vendor.example', 'first day at the plant', operator)
    expect(await codeOf(first.beginEnrolment({ principal: ana, sessionId: 's-1', invitation: code }))).toBe(
      'invitation-invalid',
    )
  })

  it('is refused to a person without a verified e-mail', async () => {
    const { first, ana } = await setUp()
    const { code } = await first.invite(ana.email ?? '', 'first day at the plant', operator)
    const begin = first.beginEnrolment({
      principal: { ...ana, email: null },
      sessionId: 's-1',
      invitation: code,
    })
    expect(await codeOf(begin)).toBe('invitation-invalid')
  })

  it('is refused once the invitation has run out, not a millisecond before', async () => {
    const { first, ana, clock } = await setUp()
    const { code, expiresAt } = await first.invite(ana.email ?? '', 'first day at the plant', operator)
    await clock.advance({ ms: expiresAt - clock.now() })
    const begin = (sessionId: string) => first.beginEnrolment({ principal: ana, sessionId, invitation: code })
    expect(await codeOf(begin('s-1'))).toBe('invitation-invalid')
    clock.step(-1)
    expect(await codeOf(begin('s-1'))).toBe('accepted')
  })

  it('uses up every outstanding invitation of the person', async () => {
    const { first, ana, clock } = await setUp()
    const one = await first.invite(ana.email ?? '', 'first day at the plant', operator)
    const other = await first.invite(ana.email ?? '', 'first day at the plant', operator)
    const { secret } = await first.beginEnrolment({ principal: ana, sessionId: 's-1', invitation: one.code })
    await first.confirmEnrolment({ principal: ana, sessionId: 's-1', code: oneTimeCode(secret, clock.now()) })
    await first.reset(ana.id, operator)
    for (const { code } of [one, other]) {
      expect(await codeOf(first.beginEnrolment({ principal: ana, sessionId: 's-2', invitation: code }))).toBe(
        'invitation-invalid',
      )
    }
  })

  it('happens once when two sessions race for one invitation', async () => {
    const { first, second, ana, clock, events } = await setUp()
    const { code } = await first.invite(ana.email ?? '', 'first day at the plant', operator)
    const contenders = await Promise.all(
      [first, second, first, second].map(async (instance, index) => {
        const sessionId = `s-${String(index)}`
        const { secret } = await instance.beginEnrolment({ principal: ana, sessionId, invitation: code })
        return { instance, sessionId, secret }
      }),
    )
    events.length = 0
    const outcomes = await Promise.all(
      contenders.map(({ instance, sessionId, secret }) =>
        codeOf(
          instance.confirmEnrolment({ principal: ana, sessionId, code: oneTimeCode(secret, clock.now()) }),
        ),
      ),
    )
    expect(outcomes.filter((outcome) => outcome === 'accepted')).toHaveLength(1)
    const winner = contenders[outcomes.indexOf('accepted')]
    await clock.advance({ seconds: 30 })
    await first.verify({
      principalId: ana.id,
      sessionId: 's',
      code: oneTimeCode(winner?.secret ?? '', clock.now()),
    })
    // Whoever is recorded as enrolled without being so is recorded as refused as well.
    const enrolled = events.filter(({ event }) => event === 'second-factor.enrolled').length
    const refusedAfter = events.filter(
      (event) => event.event === 'second-factor.failed' && event.code !== 'code-replayed',
    )
    expect(enrolled - 1).toBeLessThanOrEqual(refusedAfter.length)
  })

  it('is refused, and that is recorded, when another session is quicker while the ledger writes', async () => {
    const { first, second, ana, clock, events, ledger, store } = await setUp({ enrolment: 'first-login' })
    const slow = await first.beginEnrolment({ principal: ana, sessionId: 's-slow', invitation: null })
    const quick = await second.beginEnrolment({ principal: ana, sessionId: 's-quick', invitation: null })
    const pendingKey = store.key('second-factor', ana.id, 'pending')
    const pending = await store.run((client) => client.hget(pendingKey, 's-slow'))
    await clock.advance({ seconds: 30 })
    ledger.onEvent = async (event) => {
      if (event.event !== 'second-factor.enrolled' || event.sessionId !== 's-slow') return
      ledger.onEvent = () => Promise.resolve()
      const code = oneTimeCode(quick.secret, clock.now() + 30_000)
      await second.confirmEnrolment({ principal: ana, sessionId: 's-quick', code })
      // Even if the slow one were still pending.
      await store.run((client) => client.hset(pendingKey, 's-slow', pending ?? ''))
    }
    const code = oneTimeCode(slow.secret, clock.now())
    expect(await codeOf(first.confirmEnrolment({ principal: ana, sessionId: 's-slow', code }))).toBe(
      'already-enrolled',
    )
    expect(events.map(({ event }) => event)).toEqual([
      'second-factor.enrolled',
      'second-factor.enrolled',
      'second-factor.failed',
    ])
    await clock.advance({ minutes: 1 })
    await first.verify({ principalId: ana.id, sessionId: 's', code: oneTimeCode(quick.secret, clock.now()) })
  })

  it('is refused with the invitation of someone else, even copied to one’s own place in Redis', async () => {
    const { first, ana, store } = await setUp()
    const { code } = await first.invite('someone.else@vendor.example', 'first day at the plant', operator)
    await store.run((client) =>
      client.copy(
        store.key('invitations', 'someone.else@vendor.example'),
        store.key('invitations', ana.email ?? ''),
      ),
    )
    expect(await codeOf(first.beginEnrolment({ principal: ana, sessionId: 's-1', invitation: code }))).toBe(
      'invitation-invalid',
    )
  })

  it('is refused to someone who has a second factor already, in another session too', async () => {
    const { first, ana, clock, enrol } = await setUp()
    const { code } = await first.invite(ana.email ?? '', 'first day at the plant', operator)
    const pending = await first.beginEnrolment({ principal: ana, sessionId: 's-9', invitation: code })
    await enrol()
    expect(await codeOf(first.beginEnrolment({ principal: ana, sessionId: 's-2', invitation: code }))).toBe(
      'already-enrolled',
    )
    const confirm = first.confirmEnrolment({
      principal: ana,
      sessionId: 's-9',
      code: oneTimeCode(pending.secret, clock.now()),
    })
    expect(['form-expired', 'already-enrolled', 'invitation-invalid']).toContain(await codeOf(confirm))
  })

  it('counts wrong codes, and does not happen on them', async () => {
    const { first, ana, clock } = await setUp()
    const { code } = await first.invite(ana.email ?? '', 'first day at the plant', operator)
    const { secret } = await first.beginEnrolment({ principal: ana, sessionId: 's-1', invitation: code })
    const confirm = (entered: string) =>
      codeOf(first.confirmEnrolment({ principal: ana, sessionId: 's-1', code: entered }))
    for (let i = 0; i < 5; i += 1) expect(await confirm(wrongCode(secret, clock.now()))).toBe('code-wrong')
    expect(await confirm(oneTimeCode(secret, clock.now()))).toBe('code-locked')
    expect((await first.status(ana.id)).isEnrolled).toBe(false)
    await clock.advance({ minutes: 1 })
    expect(await confirm(oneTimeCode(secret, clock.now()))).toBe('accepted')
  })

  it('marks the step it was confirmed with: that code does not sign in as well', async () => {
    const { first, ana, clock, verify } = await setUp()
    const { code } = await first.invite(ana.email ?? '', 'first day at the plant', operator)
    const { secret } = await first.beginEnrolment({ principal: ana, sessionId: 's-1', invitation: code })
    const shown = oneTimeCode(secret, clock.now())
    await first.confirmEnrolment({ principal: ana, sessionId: 's-1', code: shown })
    expect(await codeOf(verify(shown))).toBe('code-replayed')
  })

  it('does not take effect while the ledger cannot be written, and works afterwards', async () => {
    const { first, ana, clock, ledger } = await setUp()
    const { code } = await first.invite(ana.email ?? '', 'first day at the plant', operator)
    const { secret } = await first.beginEnrolment({ principal: ana, sessionId: 's-1', invitation: code })
    ledger.isFull = true
    const confirm = () =>
      codeOf(
        first.confirmEnrolment({ principal: ana, sessionId: 's-1', code: oneTimeCode(secret, clock.now()) }),
      )
    expect(await confirm()).toBe('ledger-unavailable')
    expect((await first.status(ana.id)).isEnrolled).toBe(false)
    expect(await codeOf(first.invite(ana.email ?? '', 'first day at the plant', operator))).toBe(
      'ledger-unavailable',
    )
    ledger.isFull = false
    await clock.advance({ seconds: 30 })
    expect(await confirm()).toBe('accepted')
  })

  it.each(['', 'ana', 'ana@vendor.example\r\nx', 'a:na@vendor.example', '__proto__'])(
    'cannot be offered to %j',
    async (email) => {
      const { first, events } = await setUp()
      await expect(first.invite(email, 'first day at the plant', operator)).rejects.toMatchObject({
        code: 'input-invalid',
        field: 'email',
      })
      expect(events).toEqual([])
    },
  )
})

describe('enrolment at first login', () => {
  it('needs no invitation, yet a confirmed code', async () => {
    const { first, ana, clock } = await setUp({ enrolment: 'first-login' })
    const { secret } = await first.beginEnrolment({ principal: ana, sessionId: 's-1', invitation: null })
    const confirm = (code: string) =>
      codeOf(first.confirmEnrolment({ principal: ana, sessionId: 's-1', code }))
    expect(await confirm(wrongCode(secret, clock.now()))).toBe('code-wrong')
    expect(await confirm(oneTimeCode(secret, clock.now()))).toBe('accepted')
  })

  it('leaves no way in once invitations are asked for', async () => {
    const open = await setUp({ enrolment: 'first-login' })
    await open.first.beginEnrolment({ principal: open.ana, sessionId: 's-1', invitation: null })
    const strict = await setUp()
    expect(await strict.first.pendingEnrolment({ principal: open.ana, sessionId: 's-1' })).toBeNull()
  })
})

describe('a one-time code', () => {
  it('is accepted one step early or late, never two', async () => {
    const { clock, enrol, verify } = await setUp()
    const { secret } = await enrol()
    await clock.advance({ minutes: 5 })
    expect(await codeOf(verify(oneTimeCode(secret, clock.now() - 60_000)))).toBe('code-wrong')
    expect(await codeOf(verify(oneTimeCode(secret, clock.now() + 60_000)))).toBe('code-wrong')
    expect(await codeOf(verify(oneTimeCode(secret, clock.now() - 30_000)))).toBe('accepted')
    expect(await codeOf(verify(oneTimeCode(secret, clock.now())))).toBe('accepted')
    expect(await codeOf(verify(oneTimeCode(secret, clock.now() + 30_000)))).toBe('accepted')
  })

  it('of an earlier step is used up by a later one', async () => {
    const { clock, enrol, verify } = await setUp()
    const { secret } = await enrol()
    await clock.advance({ minutes: 5 })
    await verify(oneTimeCode(secret, clock.now()))
    expect(await codeOf(verify(oneTimeCode(secret, clock.now() - 30_000)))).toBe('code-replayed')
  })

  it('of a step that was used stays used when the clock is set back', async () => {
    const { clock, enrol, verify } = await setUp()
    const { secret } = await enrol()
    const code = oneTimeCode(secret, clock.now())
    await verify(code)
    clock.step(-30_000)
    expect(await codeOf(verify(code))).toBe('code-replayed')
  })

  it('lets exactly one of 200 simultaneous entries in, over two instances', async () => {
    const { clock, enrol, verify, first, second, events } = await setUp()
    const { secret } = await enrol()
    const code = oneTimeCode(secret, clock.now())
    const outcomes = await Promise.all(
      [...Array(200).keys()].map((i) => codeOf(verify(code, i % 2 ? first : second))),
    )
    const { counts, unanswered } = tally(outcomes)
    expect(counts.accepted ?? 0).toBeLessThanOrEqual(1)
    expect((counts.accepted ?? 0) + unanswered).toBeGreaterThanOrEqual(1)
    expect((counts.accepted ?? 0) + (counts['code-replayed'] ?? 0) + unanswered).toBe(200)
    expect(events.filter(({ event }) => event === 'second-factor.verified')).toHaveLength(
      counts.accepted ?? 0,
    )
    expect(await codeOf(verify(code))).toBe('code-replayed')
  })

  it('of someone else is wrong', async () => {
    const { clock, enrol, verify } = await setUp()
    await enrol()
    const { secret: theirs } = await enrol(person(`bo-${String(count)}`))
    expect(await codeOf(verify(oneTimeCode(theirs, clock.now())))).toBe('code-wrong')
  })

  it('is refused to someone without a second factor', async () => {
    const { verify, first, ana } = await setUp()
    expect(await codeOf(verify('123456'))).toBe('not-enrolled')
    const code = '0000-0000-0000-0000'
    expect(await codeOf(first.useRecoveryCode({ principalId: ana.id, sessionId: 's-1', code }))).toBe(
      'not-enrolled',
    )
    expect(await codeOf(first.reset(ana.id, operator))).toBe('not-enrolled')
  })

  it.each<[string, unknown]>([
    ['empty', ''],
    ['a space', ' '],
    ['too short', '12345'],
    ['too long', '1234567'],
    ['of letters', 'abcdef'],
    ['of Arabic digits', '١٢٣٤٥٦'],
    ['ended by a NUL', '12345\u0000'],
    ['a riddle for a database', "1' OR '1"],
    ['of 10 KB', '9'.repeat(10_240)],
    ['an object', {}],
    ['an array', []],
    ['null', null],
    ['undefined', undefined],
    ['a number', 123456],
    ['a symbol', Symbol('code')],
  ])('that is %s is wrong and counted', async (_what, code) => {
    const { enrol, verify, events } = await setUp()
    await enrol()
    expect(await codeOf(verify(code))).toBe('code-wrong')
    expect(events.map(({ event }) => event)).toEqual(['second-factor.failed'])
    for (let i = 0; i < 4; i += 1) await codeOf(verify(code))
    expect(await codeOf(verify(code))).toBe('code-locked')
  })

  it('lets nobody in while the ledger cannot be written, and is used up', async () => {
    const { clock, enrol, verify, ledger } = await setUp()
    const { secret } = await enrol()
    const code = oneTimeCode(secret, clock.now())
    ledger.isFull = true
    expect(await codeOf(verify(code))).toBe('ledger-unavailable')
    ledger.isFull = false
    expect(await codeOf(verify(code))).toBe('code-replayed')
  })
})

describe('the lock', () => {
  it('falls after five wrong codes, for 1, 5, 15, then 60 minutes', async () => {
    const { clock, enrol, verify, failTimes, first, ana, events } = await setUp()
    const { secret } = await enrol()
    for (const minutes of [1, 5, 15, 60, 60]) {
      events.length = 0
      await failTimes(secret, 5)
      const until = clock.now() + minutes * 60_000
      expect((await first.status(ana.id)).lockedUntil).toBe(until)
      expect(events.at(-1)).toEqual({ event: 'second-factor.locked', principalId: ana.id, until })
      await clock.advance({ ms: minutes * 60_000 - 1 })
      expect(await codeOf(verify(oneTimeCode(secret, clock.now())))).toBe('code-locked')
      await clock.advance({ ms: 1 })
      expect((await first.status(ana.id)).lockedUntil).toBeNull()
    }
    expect(await codeOf(verify(oneTimeCode(secret, clock.now())))).toBe('accepted')
  })

  it('tells nothing about the code, is not lengthened by trying, and is not recorded each time', async () => {
    const { clock, enrol, verify, failTimes, events } = await setUp()
    const { secret } = await enrol()
    await failTimes(secret, 5)
    events.length = 0
    const refusal = async (code: string) => verify(code).catch((error: unknown) => error as GatehouseError)
    const right = await refusal(oneTimeCode(secret, clock.now()))
    const wrong = await refusal(wrongCode(secret, clock.now()))
    expect(right).toMatchObject({
      code: 'code-locked',
      message: 'Too many wrong codes. Try again in a minute.',
    })
    expect(wrong).toEqual(right)
    expect(events).toEqual([])
    for (let i = 0; i < 20; i += 1) await codeOf(verify('000000'))
    await clock.advance({ minutes: 1 })
    expect(await codeOf(verify(oneTimeCode(secret, clock.now())))).toBe('accepted')
  })

  it('holds at every instance, after a restart of Redis as well', async () => {
    const { clock, enrol, verify, failTimes, second, store } = await setUp()
    const { secret } = await enrol()
    await failTimes(secret, 5)
    expect(await codeOf(verify(oneTimeCode(secret, clock.now()), second))).toBe('code-locked')
    await redis.restart()
    await ready(store)
    expect(await codeOf(verify(oneTimeCode(secret, clock.now())))).toBe('code-locked')
  })

  it('lets at most five of 500 simultaneous guesses be judged, over two instances', async () => {
    const { clock, enrol, verify, first, second, ana, store } = await setUp()
    const { secret } = await enrol()
    const right = oneTimeCode(secret, clock.now())
    const guesses = [...Array(500).keys()]
      .map((i) => String(i).padStart(6, '0'))
      .filter((guess) => guess !== right)
    const outcomes = await Promise.all(
      guesses.map((guess, i) => codeOf(verify(guess, i % 2 ? first : second))),
    )
    const { counts, unanswered } = tally(outcomes)
    expect(counts['code-wrong'] ?? 0).toBeLessThanOrEqual(5)
    expect((counts['code-wrong'] ?? 0) + unanswered).toBeGreaterThanOrEqual(5)
    expect((counts['code-wrong'] ?? 0) + (counts['code-locked'] ?? 0) + unanswered).toBe(guesses.length)
    // One round of five and no more was judged, answered in time or not.
    expect((await first.status(ana.id)).lockedUntil).toBe(clock.now() + 60_000)
    expect(
      await store.run((client) => client.hmget(store.key('second-factor', ana.id), 'rounds', 'failures')),
    ).toEqual(['1', '0'])
  })

  it('counts what was wrong since the last success only', async () => {
    const { clock, enrol, verify, failTimes } = await setUp()
    const { secret } = await enrol()
    for (let round = 0; round < 3; round += 1) {
      await failTimes(secret, 4)
      await verify(oneTimeCode(secret, clock.now()))
      await clock.advance({ seconds: 30 })
    }
  })

  it('adds up one-time codes, recovery codes and both instances', async () => {
    const { clock, enrol, verify, failTimes, second, first, ana } = await setUp()
    const { secret, recoveryCodes } = await enrol()
    await failTimes(secret, 2)
    const recover = (code: unknown) =>
      codeOf(second.useRecoveryCode({ principalId: ana.id, sessionId: 's-1', code: code as string }))
    for (const entry of ['0000-0000-0000-0000', {}, '']) expect(await recover(entry)).toBe('code-wrong')
    expect(await recover(recoveryCodes[0])).toBe('code-locked')
    expect(await codeOf(verify(oneTimeCode(secret, clock.now())))).toBe('code-locked')
    expect((await first.status(ana.id)).recoveryCodesLeft).toBe(10)
  })

  it('of one person is nobody else’s', async () => {
    const { clock, enrol, failTimes, first } = await setUp()
    const { secret } = await enrol()
    const bo = person(`bo-${String(count)}`)
    const theirs = await enrol(bo)
    await failTimes(secret, 5)
    await first.verify({
      principalId: bo.id,
      sessionId: 's-2',
      code: oneTimeCode(theirs.secret, clock.now()),
    })
  })
})

describe('a recovery code', () => {
  it('is accepted once, in any spelling, and the rest stay good', async () => {
    const { enrol, first, second, ana, events } = await setUp()
    const { recoveryCodes } = await enrol()
    const spelled = (recoveryCodes[0] ?? '').toLowerCase().replaceAll('-', '')
    const use = (instance: SecondFactor, code: string) =>
      instance.useRecoveryCode({ principalId: ana.id, sessionId: 's-1', code })
    expect(await use(first, spelled)).toEqual({ left: 9 })
    expect(await codeOf(use(second, spelled))).toBe('code-wrong')
    expect(await use(second, recoveryCodes[1] ?? '')).toEqual({ left: 8 })
    expect((await first.status(ana.id)).recoveryCodesLeft).toBe(8)
    expect(events).toContainEqual({ event: 'second-factor.recovery-used', principalId: ana.id, left: 9 })
  })

  it('lets exactly one of 100 simultaneous entries in', async () => {
    const { enrol, first, second, ana } = await setUp()
    const code = (await enrol()).recoveryCodes[0] ?? ''
    const outcomes = await Promise.all(
      [...Array(100).keys()].map((i) =>
        codeOf((i % 2 ? first : second).useRecoveryCode({ principalId: ana.id, sessionId: 's-1', code })),
      ),
    )
    const { counts, unanswered } = tally(outcomes)
    expect(counts.accepted ?? 0).toBeLessThanOrEqual(1)
    expect((counts.accepted ?? 0) + unanswered).toBeGreaterThanOrEqual(1)
    expect((await first.status(ana.id)).recoveryCodesLeft).toBe(9)
  })

  it('of someone else is wrong, even copied to one’s own place in Redis', async () => {
    const { enrol, first, ana, store } = await setUp()
    await enrol()
    const bo = person(`bo-${String(count)}`)
    const code = (await enrol(bo)).recoveryCodes[0] ?? ''
    await store.run((client) =>
      client.sunionstore(
        store.key('second-factor', ana.id, 'recovery'),
        store.key('second-factor', bo.id, 'recovery'),
      ),
    )
    expect(await codeOf(first.useRecoveryCode({ principalId: ana.id, sessionId: 's-1', code }))).toBe(
      'code-wrong',
    )
  })

  it('is used up and lets nobody in while the ledger cannot be written', async () => {
    const { enrol, first, ana, ledger } = await setUp()
    const code = (await enrol()).recoveryCodes[0] ?? ''
    ledger.isFull = true
    const use = () => codeOf(first.useRecoveryCode({ principalId: ana.id, sessionId: 's-1', code }))
    expect(await use()).toBe('ledger-unavailable')
    ledger.isFull = false
    expect(await use()).toBe('code-wrong')
  })
})

describe('a reset by an administrator', () => {
  const admin: Actor = { kind: 'principal', principalId: 'p-admin', email: 'it@plant.example' }

  it('removes secret, recovery codes, lock and pending enrolment, and is told until acknowledged', async () => {
    const { enrol, first, second, ana, clock, verify, failTimes, events } = await setUp()
    const { secret, recoveryCodes } = await enrol()
    await failTimes(secret, 5)
    events.length = 0
    await first.reset(ana.id, admin)
    const resetAt = clock.now()
    expect(events).toEqual([{ event: 'second-factor.reset', principalId: ana.id, actor: admin }])
    expect(await second.status(ana.id)).toEqual({
      isEnrolled: false,
      resetAt,
      recoveryCodesLeft: 0,
      lockedUntil: null,
    })
    expect(await codeOf(verify(oneTimeCode(secret, clock.now())))).toBe('not-enrolled')
    const code = recoveryCodes[0] ?? ''
    expect(await codeOf(first.useRecoveryCode({ principalId: ana.id, sessionId: 's-1', code }))).toBe(
      'not-enrolled',
    )
    await second.acknowledgeReset(ana.id)
    expect((await first.status(ana.id)).resetAt).toBeNull()
  })

  it('is not undone by a Redis that comes back in an older state, on either instance', async () => {
    const { enrol, store, first, second, ana, clock, revived } = await setUp()
    const { secret } = await enrol()
    const putBack = await snapshot(store)
    await first.reset(ana.id, admin)
    await clock.advance({ seconds: 30 })
    for (const instance of [second, first]) {
      await putBack()
      const code = oneTimeCode(secret, clock.now())
      const verify = instance.verify({ principalId: ana.id, sessionId: 's-1', code })
      expect(await codeOf(verify)).toBe('not-enrolled')
      expect((await instance.status(ana.id)).isEnrolled).toBe(false)
    }
    expect(revived).toHaveLength(1)
    expect(revived[0]).toContain('second-factor ')
    await enrol()
    expect((await first.status(ana.id)).isEnrolled).toBe(true)
  })

  it('is told to instances that do not share its journal', async () => {
    const { enrol, store, first, ana } = await setUp()
    await enrol()
    const told: Change[] = []
    const follower = await changesOf(store).changes.follow({
      onChange: async (change) => {
        told.push(change)
      },
      onDoubt: async () => {},
    })
    await first.reset(ana.id, admin)
    await until('it is told', () => told.length > 0)
    expect(told[0]).toEqual({
      ...{ kind: 'second-factor-reset', principalId: ana.id },
      print: expect.stringMatching(/^[\w-]{43}$/) as string,
      at: expect.any(Number) as number,
    })
    await follower.close()
  })

  it('needs a new invitation, and the notice survives the new enrolment', async () => {
    const { enrol, first, ana } = await setUp()
    const old = await first.invite(ana.email ?? '', 'first day at the plant', operator)
    await enrol()
    await first.reset(ana.id, admin)
    expect(
      await codeOf(first.beginEnrolment({ principal: ana, sessionId: 's-2', invitation: old.code })),
    ).toBe('invitation-invalid')
    await enrol()
    expect((await first.status(ana.id)).resetAt).not.toBeNull()
  })

  /**
   * Somebody with a copied cookie invited a person who was enrolled, kept the code, and waited for the reset: it was good for
   * seven days, so they and not the person set up the next second factor.
   */
  it('voids the invitations there are, and nobody who has a second factor gets one', async () => {
    const { enrol, first, second, people, ana } = await setUp()
    const email = ana.email ?? ''
    await enrol()
    // While it was not known yet whose address it is.
    const kept = await second.invite(email, 'first day at the plant', operator)
    await people.remember(ana, [])
    expect(await codeOf(first.invite(email, 'first day at the plant', admin))).toBe('invitee-enrolled')
    await first.reset(ana.id, admin)
    const begin = (invitation: string) =>
      second.beginEnrolment({ principal: ana, sessionId: 's-2', invitation })
    expect(await codeOf(begin(kept.code))).toBe('invitation-invalid')
    const { code } = await first.invite(email, 'has a new phone', admin)
    expect(await codeOf(begin(code))).toBe('accepted')
  })

  it('invites who shares an address with somebody who has a second factor', async () => {
    const { enrol, first, people, ana } = await setUp()
    await enrol()
    await people.remember(ana, [])
    await people.remember({ ...ana, id: principalId(ana.issuer, 'twin'), subject: 'twin' }, [])
    expect(await codeOf(first.invite(ana.email ?? '', 'first day at the plant', admin))).toBe('accepted')
  })

  /** It looked first and removed after its record was on disk: what had been set up in between went instead. */
  it('removes the second factor that it is for, and not one that was set up while it was recorded', async () => {
    const { enrol, first, second, ana, clock, ledger, events } = await setUp()
    await enrol()
    ledger.onEvent = async (event) => {
      if (event.event !== 'second-factor.reset') return
      ledger.onEvent = () => Promise.resolve()
      await second.reset(ana.id, operator)
      await clock.advance({ seconds: 60 })
      await enrol()
    }
    expect(await codeOf(first.reset(ana.id, admin))).toBe('reset-conflict')
    expect((await first.status(ana.id)).isEnrolled).toBe(true)
    expect(events.map(({ event }) => event)).toEqual(['second-factor.reset', 'second-factor.reset-failed'])
  })

  it('ends an enrolment that was about to be confirmed', async () => {
    const { first, second, ana, clock, ledger } = await setUp({ enrolment: 'first-login' })
    const slow = await first.beginEnrolment({ principal: ana, sessionId: 's-slow', invitation: null })
    const quick = await second.beginEnrolment({ principal: ana, sessionId: 's-quick', invitation: null })
    ledger.onEvent = async (event) => {
      if (event.event !== 'second-factor.enrolled') return
      ledger.onEvent = () => Promise.resolve()
      const code = oneTimeCode(quick.secret, clock.now() + 30_000)
      await second.confirmEnrolment({ principal: ana, sessionId: 's-quick', code })
      await second.reset(ana.id, admin)
    }
    const code = oneTimeCode(slow.secret, clock.now())
    const confirm = first.confirmEnrolment({ principal: ana, sessionId: 's-slow', code })
    expect(await codeOf(confirm)).toBe('form-expired')
    expect((await first.status(ana.id)).isEnrolled).toBe(false)
  })

  it('does not make a used time step usable again', async () => {
    const { enrol, first, ana, clock, verify } = await setUp()
    const { secret } = await enrol()
    await verify(oneTimeCode(secret, clock.now()))
    await first.reset(ana.id, admin)
    const { code } = await first.invite(ana.email ?? '', 'first day at the plant', operator)
    const next = await first.beginEnrolment({ principal: ana, sessionId: 's-1', invitation: code })
    const confirm = () =>
      codeOf(
        first.confirmEnrolment({
          principal: ana,
          sessionId: 's-1',
          code: oneTimeCode(next.secret, clock.now()),
        }),
      )
    expect(await confirm()).toBe('code-replayed')
    await clock.advance({ seconds: 30 })
    expect(await confirm()).toBe('accepted')
  })

  it('helps someone whose last step was marked by a clock that ran ahead', async () => {
    const { enrol, first, ana, clock, verify } = await setUp()
    const { secret } = await enrol()
    clock.step(24 * 3_600_000)
    await verify(oneTimeCode(secret, clock.now()))
    clock.step(-24 * 3_600_000)
    expect(await codeOf(verify(oneTimeCode(secret, clock.now())))).toBe('code-replayed')
    await first.reset(ana.id, admin)
    await clock.advance({ minutes: 1 })
    await enrol()
  })

  it('does not happen while the ledger cannot be written', async () => {
    const { enrol, first, ana, clock, verify, ledger } = await setUp()
    const { secret } = await enrol()
    ledger.isFull = true
    expect(await codeOf(first.reset(ana.id, admin))).toBe('ledger-unavailable')
    ledger.isFull = false
    await verify(oneTimeCode(secret, clock.now()))
  })
})

describe('what lies in Redis', () => {
  it('gives away neither secrets nor codes', async () => {
    const { enrol, first, ana, store } = await setUp()
    const { code: outstanding } = await first.invite(
      'later@vendor.example',
      'first day at the plant',
      operator,
    )
    const { secret, recoveryCodes } = await enrol()
    const content = await dump(store)
    expect(content).toContain(ana.id)
    for (const text of [secret, outstanding, ...recoveryCodes]) {
      expect(content).not.toContain(text)
      expect(content).not.toContain(text.replaceAll('-', ''))
    }
  })

  it.each<[string, (store: Store, id: string, other: string) => Promise<unknown>]>([
    ['is no seal', (store, id) => set(store, id, 'secret', 'garbage')],
    ['is empty', (store, id) => set(store, id, 'secret', '')],
    ['is in the clear', (store, id) => set(store, id, 'secret', 'GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ')],
    ['is another person’s', (store, id, other) => copySecret(store, other, id)],
    ['has a count that is no number', (store, id) => set(store, id, 'failures', 'many')],
    ['has a lock that is no time', (store, id) => set(store, id, 'lockedUntil', '{"a":1}')],
    ['has a mark that is no step', (store, id) => set(store, id, 'step', 'x')],
    ['is of another type', (store, id) => store.run((c) => c.set(store.key('second-factor', id), 'x'))],
  ])('lets nobody in when it %s, and never asks for a new enrolment', async (_what, corrupt) => {
    const { enrol, first, ana, clock, verify, store } = await setUp()
    const { secret } = await enrol()
    const bo = person(`bo-${String(count)}`)
    const theirs = await enrol(bo)
    await corrupt(store, ana.id, bo.id)
    for (const code of [oneTimeCode(secret, clock.now()), oneTimeCode(theirs.secret, clock.now())]) {
      expect(await codeOf(verify(code))).toMatch(/^store-(corrupt|unavailable)$/)
    }
    const { code } = await first.invite(ana.email ?? '', 'first day at the plant', operator)
    const begin = first.beginEnrolment({ principal: ana, sessionId: 's-2', invitation: code })
    expect(await codeOf(begin)).toMatch(/^(already-enrolled|store-corrupt|store-unavailable)$/)
  })

  it('lets an unreadable pending enrolment be begun again', async () => {
    const { first, ana, store } = await setUp()
    const { code } = await first.invite(ana.email ?? '', 'first day at the plant', operator)
    const key = store.key('second-factor', ana.id, 'pending')
    for (const garbage of [
      '{',
      '{"secret":1}',
      'null',
      '{"secret":"x","invitation":null,"expiresAt":9e15}',
    ]) {
      await store.run((client) => client.hset(key, 's-1', garbage))
      expect(await first.pendingEnrolment({ principal: ana, sessionId: 's-1' })).toBeNull()
      await first.beginEnrolment({ principal: ana, sessionId: 's-1', invitation: code })
    }
  })

  it('that cannot be reached lets nobody in', async () => {
    const { enrol, clock, verify, store } = await setUp()
    const { secret } = await enrol()
    await store.close()
    expect(await codeOf(verify(oneTimeCode(secret, clock.now())))).toBe('store-unavailable')
  })
})

async function set(store: Store, id: string, field: string, value: string): Promise<unknown> {
  return store.run((client) => client.hset(store.key('second-factor', id), field, value))
}

async function copySecret(store: Store, from: string, to: string): Promise<unknown> {
  const sealed = await store.run((client) => client.hget(store.key('second-factor', from), 'secret'))
  return set(store, to, 'secret', sealed ?? '')
}

/** Every key and value as text. */
async function dump(store: Store): Promise<string> {
  return store.run(async (client) => {
    const parts: string[] = []
    for (const key of await client.keys('*')) {
      const type = await client.type(key)
      const value =
        type === 'hash'
          ? await client.hgetall(key)
          : type === 'set'
            ? await client.smembers(key)
            : type === 'stream'
              ? await client.xrange(key, '-', '+')
              : await client.get(key)
      parts.push(key, JSON.stringify(value))
    }
    return parts.join('\n')
  })
}
