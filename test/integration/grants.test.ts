import {
  createGrants,
  unconditional,
  type GrantEvent,
  type GrantRequest,
  type Grants,
} from '../../src/grants/index.js'
import type { EndpointTerms } from '../../src/grants/request.js'
import { GatehouseError, type Change, type Store } from '../../src/lib/index.js'
import type { Actor, Grant, Principal } from '../../src/model.js'
import { TestClock } from '../support/clock.js'
import { badRequests, goodRequest } from '../support/grant-requests.js'
import { silentLogger } from '../support/logger.js'
import { changesOf, connectedStore, snapshot } from '../support/store.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { openTrust, type Trust } from '../support/trust.js'
import { until } from '../support/until.js'

const minute = 60_000
const hour = 60 * minute
const admin: Actor = { kind: 'principal', principalId: 'p-admin', email: 'admin@plant.example' }
const operator: Actor = { kind: 'operator', account: 'root' }
const ana: Principal = {
  id: 'p-ana',
  issuer: 'https://login.plant.example',
  subject: 'ana',
  email: 'ana@vendor.example',
  name: 'Ana Silva',
}
/** The same address, verified by the same provider, for another account. */
const otherAna: Principal = { ...ana, id: 'p-other', subject: 'ana-2' }

let redis: TestRedis
let store: Store
let clock: TestClock
let trust: Trust
let events: GrantEvent[]
/** Runs while an event is being recorded, before it is durable. */
let whileRecording: (event: GrantEvent) => Promise<void>
let assertFit: () => Promise<void>
let grants: Grants

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
  assertFit = async () => {}
  grants = open(store)
})
afterEach(async () => {
  await store.close()
  await trust.close()
})

describe('issuing a grant', () => {
  it('gives it to a principal who is known', async () => {
    const grant = await issue({ ticket: 'CHG-1', access: 'view' })
    expect(grant).toEqual({
      id: expect.stringMatching(/^g-[0-9a-z]{16}$/),
      to: { email: 'ana@vendor.example', principalId: ana.id },
      endpoints: ['press-3'],
      access: 'view',
      from: clock.now(),
      until: clock.now() + 2 * hour,
      reason: 'Replace the valve',
      ticket: 'CHG-1',
      ending: 'cut',
      conditions: unconditional,
      requestId: null,
      issuedBy: admin,
      issuedAt: clock.now(),
      revocation: null,
    })
    expect(await grants.get(grant.id)).toEqual(grant)
    expect(await grants.heldBy(ana.id)).toEqual([grant])
    expect(await grants.list()).toEqual([grant])
    expect(await grants.heldBy('p-somebody')).toEqual([])
  })

  it('is recorded before it is stored, and announced with it', async () => {
    const told = await follow()
    const seen: string[][] = []
    whileRecording = async () => {
      seen.push(await keys())
    }
    const grant = await issue()
    expect(seen).toEqual([[]])
    expect(events).toEqual([{ event: 'grant.issued', grant, actor: admin }])
    expect(await told.first()).toEqual({ kind: 'grant-issued', grantId: grant.id })
  })

  it('is neither recorded nor stored while nothing new may be given', async () => {
    assertFit = async () => {
      throw new GatehouseError('clock-untrusted', 'Not now.')
    }
    await expect(issue()).rejects.toMatchObject({ code: 'clock-untrusted', status: 503 })
    expect(events).toEqual([])
    expect(await keys()).toEqual([])
  })

  it('stores nothing when it cannot be recorded', async () => {
    whileRecording = () => Promise.reject(new Error('disk full'))
    await expect(issue()).rejects.toThrow('disk full')
    expect(await keys()).toEqual([])
  })

  it('stores and records nothing of a bad request', async () => {
    await issue()
    const before = await dump()
    for (const { field, request } of badRequests) {
      const refused = grants.issue(request as GrantRequest, admin, { principalId: ana.id })
      await expect(refused).rejects.toMatchObject({ code: 'input-invalid', field })
    }
    expect(await dump()).toEqual(before)
    expect(events).toHaveLength(1)
  })

  it('knows the endpoints that a reload brought', async () => {
    let known = new Set(['press-3'])
    const reloadable = open(store, () => known)
    const request = { ...goodRequest, endpoints: ['press-4'] }
    await expect(reloadable.issue(request, admin, { principalId: null })).rejects.toMatchObject({
      field: 'endpoints',
    })
    known = new Set(['press-3', 'press-4'])
    await reloadable.issue(request, admin, { principalId: null })
  })

  it('a thousand times, by many hands at once, leaves a thousand grants', async () => {
    const hands = Array.from({ length: 20 }, async (_, hand) => {
      const issued: string[] = []
      for (let count = 0; count < 50; count += 1) {
        issued.push((await issue({ to: `vendor-${hand}@vendor.example` }, `p-${hand}`)).id)
      }
      return issued
    })
    const issued = (await Promise.all(hands)).flat()
    expect(new Set(issued).size).toBe(1_000)
    expect(new Set((await grants.list()).map(({ id }) => id))).toEqual(new Set(issued))
    expect(await grants.heldBy('p-7')).toHaveLength(50)
  })
})

describe('a list of grants', () => {
  it('begins with the one that ends last, as extended', async () => {
    const short = await issue({ until: '+1h' })
    const long = await issue({ until: '+3h' })
    const medium = await issue({ until: '+2h' })
    expect((await grants.list()).map(({ id }) => id)).toEqual([long.id, medium.id, short.id])
    const extended = await grants.extend(short.id, '+4h', 'work goes on', admin)
    expect(await grants.list()).toEqual([extended, long, medium])
    expect(await grants.heldBy(ana.id)).toEqual([extended, long, medium])
  })

  it('keeps what has ended, for auditors; a decision gets 30 days of it', async () => {
    const old = await issue()
    await clock.advance({ hours: 2 + 30 * 24 })
    expect(await grants.heldBy(ana.id)).toEqual([old])
    await clock.advance({ ms: 1 })
    expect(await grants.heldBy(ana.id)).toEqual([])
    const fresh = await issue()
    expect(await grants.list()).toEqual([fresh, old])
    expect(await grants.get(old.id)).toEqual(old)
    const index = store.key('grants', 'of', ana.id)
    expect(await store.run((connection) => connection.zrange(index, 0, -1))).toEqual([fresh.id])
  })
})

describe('extending a grant', () => {
  it('with weekly windows is refused: they stay as they were issued', async () => {
    const grant = await issue({ from: 'now', until: '+7d', weekly: ['mon-sun 06:00-14:00'] })
    expect(grant.conditions.windows.length).toBeGreaterThan(6)
    expect((await grants.heldBy(ana.id))[0]).toEqual(grant)
    await expect(grants.extend(grant.id, '+8d', 'work goes on', admin)).rejects.toMatchObject({
      code: 'grant-conflict',
    })
    await untouched(grant)
  })

  it('stays within what the strictest of its machines allows', async () => {
    const own = new Map([['press-3', { timeZone: 'UTC', maxLengthMs: 3 * hour }]])
    grants = open(store, undefined, trust, own)
    const grant = await issue({ endpoints: ['press-3', 'historian'], from: 'now', until: '+2h' })
    await expect(
      grants.extend(grant.id, grant.from + 3 * hour + 1, 'work goes on', admin),
    ).rejects.toMatchObject({
      ...{ code: 'input-invalid', field: 'until' },
      message: 'until: must not lie more than 3 h after the start',
    })
    await untouched(grant)
    expect(await grants.extend(grant.id, grant.from + 3 * hour, 'work goes on', admin)).toMatchObject({
      until: grant.from + 3 * hour,
    })
  })

  it('moves its end, once that is recorded, and tells every instance', async () => {
    const grant = await issue()
    const told = await follow()
    const seen: unknown[] = []
    whileRecording = async () => {
      seen.push(await grants.get(grant.id))
    }
    const later = clock.now() + 5 * hour
    expect(await grants.extend(grant.id, later, 'work goes on', operator)).toEqual({ ...grant, until: later })
    expect(seen).toEqual([grant])
    expect(await grants.heldBy(ana.id)).toEqual([{ ...grant, until: later }])
    const { id: grantId, until: from } = grant
    expect(events.at(-1)).toEqual({
      ...{ event: 'grant.extended', grantId, from, until: later, actor: operator },
      reason: 'work goes on',
    })
    expect(await told.first()).toEqual({ kind: 'grant-extended', grantId })
  })

  it('reaches to the longest length and not beyond, counted from the start', async () => {
    const grant = await issue({ from: '+1h', until: '+3h' })
    await expect(
      grants.extend(grant.id, grant.from + 12 * hour + 1, 'work goes on', admin),
    ).rejects.toMatchObject({
      code: 'input-invalid',
      field: 'until',
    })
    expect(await grants.extend(grant.id, grant.from + 12 * hour, 'work goes on', admin)).toMatchObject({
      until: grant.from + 12 * hour,
    })
  })

  it.each([
    ['earlier', '+1h'],
    ['the end it has', '+2h'],
    ['not an instant', 'later'],
    ['not a number', NaN],
    ['in ten years', '+3650d'],
    ['text of a number', '1795435200000'],
  ])('is refused when the new end is %s', async (_, until) => {
    const grant = await issue()
    await expect(grants.extend(grant.id, until, 'work goes on', admin)).rejects.toMatchObject({
      code: 'input-invalid',
      field: 'until',
    })
    await untouched(grant)
  })

  it('is refused once the grant has ended', async () => {
    const grant = await issue()
    await clock.advance({ hours: 2 })
    await expect(grants.extend(grant.id, '+1h', 'work goes on', admin)).rejects.toMatchObject({
      code: 'grant-conflict',
    })
    await untouched(grant)
  })

  it('is refused once the grant is revoked', async () => {
    const grant = await issue()
    const revoked = await grants.revoke(grant.id, 'Wrong machine', admin)
    await expect(grants.extend(grant.id, '+3h', 'work goes on', admin)).rejects.toMatchObject({
      code: 'grant-conflict',
    })
    expect(await grants.get(grant.id)).toEqual(revoked)
    expect(events.map(({ event }) => event)).toEqual(['grant.issued', 'grant.revoked'])
  })

  it('many times at once ends at the latest of the ends', async () => {
    const grant = await issue()
    const minutes = Array.from({ length: 40 }, (_, index) => 121 + ((index * 7) % 40))
    const results = await Promise.allSettled(
      minutes.map((end) => grants.extend(grant.id, `+${end}m`, 'work goes on', admin)),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).not.toHaveLength(0)
    expect(await grants.get(grant.id)).toEqual({ ...grant, until: clock.now() + 160 * minute })
  })
})

describe('revoking a grant', () => {
  it('ends it for good, once that is recorded, and tells every instance', async () => {
    const grant = await issue()
    const told = await follow()
    const seen: unknown[] = []
    whileRecording = async () => {
      seen.push(await grants.get(grant.id))
    }
    await clock.advance({ minutes: 5 })
    const revocation = { at: clock.now(), by: operator, reason: 'Wrong machine' }
    const revoked = await grants.revoke(grant.id, ' Wrong machine ', operator)
    expect(revoked).toEqual({ ...grant, revocation })
    expect(seen).toEqual([grant])
    expect(await grants.heldBy(ana.id)).toEqual([revoked])
    expect(await grants.list()).toEqual([revoked])
    const { id: grantId } = grant
    expect(events.at(-1)).toEqual({
      event: 'grant.revoked',
      grantId,
      actor: operator,
      reason: 'Wrong machine',
    })
    expect(await told.first()).toEqual({ kind: 'grant-revoked', grantId })
  })

  it('again changes nothing and records nothing', async () => {
    const grant = await issue()
    const revoked = await grants.revoke(grant.id, 'Wrong machine', admin)
    await clock.advance({ minutes: 1 })
    expect(await grants.revoke(grant.id, 'Another reason', operator)).toEqual(revoked)
    expect(events.filter(({ event }) => event === 'grant.revoked')).toHaveLength(1)
  })

  // Asked again, because the first answer failed them, people were told at once that it was done, while another
  // instance could still let requests through.
  it('again is answered only when every instance has followed', async () => {
    const grant = await issue()
    let release = (): void => undefined
    const followed = new Promise<void>((resolve) => (release = resolve))
    const slow = await changesOf(store).changes.follow({ onChange: () => followed, onDoubt: async () => {} })
    const first = grants.revoke(grant.id, 'Wrong machine', admin)
    await until('it is revoked', async () => (await grants.get(grant.id))?.revocation != null)
    let isAnswered = false
    const again = grants.revoke(grant.id, 'Wrong machine', admin).then(() => (isAnswered = true))
    for (let trip = 0; trip < 20; trip += 1) await grants.get(grant.id)
    expect(isAnswered).toBe(false)
    release()
    await Promise.all([first, again])
    await slow.close()
  })

  it('by two at once keeps one of the two, the same for both', async () => {
    const grant = await issue()
    const results = await Promise.all([
      grants.revoke(grant.id, 'Wrong machine', admin),
      open(store).revoke(grant.id, 'Wrong person', operator),
    ])
    const kept = await grants.get(grant.id)
    expect(kept?.revocation).not.toBeNull()
    expect(results).toEqual([kept, kept])
  })

  it('that was overtaken by another revocation keeps that one', async () => {
    const grant = await issue()
    whileRecording = async (event) => {
      if (event.event !== 'grant.revoked' || event.actor !== admin) return
      await grants.revoke(grant.id, 'Wrong person', operator)
    }
    const revoked = await grants.revoke(grant.id, 'Wrong machine', admin)
    expect(revoked.revocation).toMatchObject({ by: operator, reason: 'Wrong person' })
    expect(await grants.get(grant.id)).toEqual(revoked)
  })

  it('before it has begun is possible', async () => {
    const grant = await issue({ from: '+1d', until: '+25h' })
    expect(await grants.revoke(grant.id, 'Not needed', admin)).toMatchObject({
      revocation: { reason: 'Not needed' },
    })
  })

  // A command judged by the wall clock of a host that was an hour ahead: it said that the grant had ended, and the
  // vendor stayed at the machine, as the gateway knew the right time.
  it('is never refused because of the time, which may be wrong', async () => {
    const grant = await issue()
    await clock.advance({ hours: 2 })
    const revoked = await grants.revoke(grant.id, 'Surely over', admin)
    expect(revoked.revocation).toMatchObject({ reason: 'Surely over' })
  })

  it.each([
    ['empty', ''],
    ['blank', '   '],
    ['no words', '...'],
    ['two lines', 'Wrong\r\nmachine'],
    ['turned around', 'Wrong \u202emachine'],
    ['endless', 'a'.repeat(501)],
  ])('is refused when the reason is %s', async (_, reason) => {
    const grant = await issue()
    await expect(grants.revoke(grant.id, reason, admin)).rejects.toMatchObject({
      code: 'input-invalid',
      field: 'reason',
    })
    await untouched(grant)
  })

  it('wins against an extension at the same moment, whichever comes first', async () => {
    for (let round = 0; round < 100; round += 1) {
      const grant = await issue()
      const extend = (): Promise<Grant> => grants.extend(grant.id, '+5h', 'work goes on', admin)
      const revoke = (): Promise<Grant> => open(store).revoke(grant.id, 'Wrong machine', operator)
      const both = round % 2 === 0 ? [extend(), revoke()] : [revoke(), extend()]
      const results = await Promise.allSettled(both)
      expect((await grants.get(grant.id))?.revocation).toMatchObject({ reason: 'Wrong machine' })
      for (const result of results) {
        if (result.status === 'rejected') expect(result.reason).toMatchObject({ code: 'grant-conflict' })
      }
    }
  })

  it('wins against an extension that was already recorded', async () => {
    const grant = await issue()
    whileRecording = async ({ event }) => {
      if (event === 'grant.extended') await grants.revoke(grant.id, 'Wrong machine', operator)
    }
    await expect(grants.extend(grant.id, '+5h', 'work goes on', admin)).rejects.toMatchObject({
      code: 'grant-conflict',
    })
    expect(await grants.get(grant.id)).toMatchObject({ until: grant.until, revocation: { by: operator } })
  })
})

describe('a grant for somebody who has not signed in yet', () => {
  it('is bound at the first login with that e-mail, once that is recorded', async () => {
    const grant = await issue({ to: 'Ana@Vendor.example' }, null)
    expect(grant.to).toEqual({ email: 'ana@vendor.example', principalId: null })
    const told = await follow()
    const seen: unknown[] = []
    whileRecording = async () => {
      seen.push(await grants.heldBy(ana.id), await grants.get(grant.id))
    }
    const bound = { ...grant, to: { email: 'ana@vendor.example', principalId: ana.id } }
    expect(await grants.bindPending(ana)).toEqual([bound])
    expect(seen).toEqual([[], grant])
    expect(await grants.heldBy(ana.id)).toEqual([bound])
    expect(await grants.get(grant.id)).toEqual(bound)
    expect(events.at(-1)).toEqual({ event: 'grant.bound', grantId: grant.id, principalId: ana.id })
    expect(await told.first()).toEqual({ kind: 'grant-issued', grantId: grant.id })
  })

  it('is bound once and never handed on', async () => {
    await issue({}, null)
    await issue({}, null)
    expect(await grants.bindPending(ana)).toHaveLength(2)
    expect(await grants.bindPending(ana)).toEqual([])
    expect(await grants.bindPending(otherAna)).toEqual([])
    expect(await grants.heldBy(otherAna.id)).toEqual([])
    expect(await grants.heldBy(ana.id)).toHaveLength(2)
  })

  it.each([
    ['an e-mail that is not verified', { email: null }],
    ['another e-mail', { email: 'eve@vendor.example' }],
    ['a longer e-mail', { email: 'ana@vendor.example.evil.example' }],
  ])('is not bound by %s', async (_, differing) => {
    const grant = await issue({}, null)
    expect(await grants.bindPending({ ...ana, ...differing })).toEqual([])
    expect(await grants.get(grant.id)).toEqual(grant)
    expect(events).toHaveLength(1)
  })

  it('goes to one of two accounts that sign in at the same moment, on two instances', async () => {
    for (let round = 0; round < 50; round += 1) {
      const grant = await issue({}, null)
      events = []
      const [first, second] = await Promise.all([
        grants.bindPending(ana),
        open(store).bindPending({ ...otherAna, id: `p-other-${round}` }),
      ])
      expect([...first, ...second]).toHaveLength(1)
      const holder = (await grants.get(grant.id))?.to.principalId
      expect(first.length === 1 ? ana.id : `p-other-${round}`).toBe(holder)
      expect(events).toEqual([{ event: 'grant.bound', grantId: grant.id, principalId: holder }])
    }
  })

  it('stays with whoever claimed it when their login breaks off, and is bound at their next', async () => {
    const grant = await issue({}, null)
    whileRecording = () => Promise.reject(new Error('disk full'))
    await expect(grants.bindPending(ana)).rejects.toThrow('disk full')
    expect(await grants.heldBy(ana.id)).toEqual([])
    whileRecording = async () => {}
    expect(await grants.bindPending(otherAna)).toEqual([])
    expect(await grants.bindPending(ana)).toMatchObject([{ id: grant.id }])
  })

  it('is not bound once it has ended or is revoked', async () => {
    const revoked = await issue({}, null)
    await issue({ until: '+1h' }, null)
    await grants.revoke(revoked.id, 'Not needed', admin)
    await clock.advance({ hours: 1 })
    expect(await grants.bindPending(ana)).toEqual([])
    expect(events.filter(({ event }) => event === 'grant.bound')).toEqual([])
    expect((await keys()).filter((key) => key.includes('waiting'))).toEqual([])
  })

  it('can be extended before it is bound', async () => {
    const grant = await issue({}, null)
    const extended = await grants.extend(grant.id, '+6h', 'work goes on', admin)
    expect(await grants.bindPending(ana)).toMatchObject([{ id: grant.id, until: extended.until }])
  })
})

describe('a grant that cannot be read', () => {
  // Each vouched for, as by a newer version or after a mistake of our own.
  it.each([
    ['its terms are no JSON', (id: string) => rewrite(id, 'terms', () => '{')],
    ['its terms are gone', (id: string) => remove(id, 'terms')],
    [
      'its terms allow what nobody knows',
      (id: string) => rewrite(id, 'terms', replacing('"operate"', '"root"')),
    ],
    [
      'its terms say something unknown',
      (id: string) => rewrite(id, 'terms', replacing('{"id"', '{"onlyOnSundays":true,"id"')),
    ],
    ['it is the copy of another', (id: string) => rewrite(id, 'terms', replacing('"id":"g-', '"id":"g-0'))],
    ['its end is gone', (id: string) => remove(id, 'until')],
    ['its end is for ever', (id: string) => rewrite(id, 'until', () => 'Infinity')],
    ['its end is hidden in notation', (id: string) => rewrite(id, 'until', () => '9e99')],
    ['its revocation is damaged', (id: string) => rewrite(id, 'revocation', () => '{}')],
    ['its revocation is empty', (id: string) => rewrite(id, 'revocation', () => '')],
  ])('permits nothing and hides no other: %s', async (_, damage) => {
    await permitsNothingAfter(damage)
    expect(trust.altered).toEqual([])
  })

  it.each([
    ['its end was moved', (id: string) => alter(id, 'until', (kept) => kept.replace(/^\d/, '9'))],
    ['its terms were widened', (id: string) => alter(id, 'terms', replacing('press-3', 'press-4'))],
    ['its terms carry no MAC', (id: string) => alter(id, 'terms', (kept) => kept.slice(0, -44))],
    ['its end carries no MAC', (id: string) => alter(id, 'until', (kept) => kept.slice(0, -44))],
    ['its end is empty', (id: string) => alter(id, 'until', () => '')],
    ['it was given to another person', (id: string) => alter(id, 'principalId', replacing('p-ana', 'p-eve'))],
    ['its revocation was made up', (id: string) => alter(id, 'revocation', () => '{}')],
  ])('permits nothing, and is reported, when somebody else wrote it: %s', async (_, damage) => {
    const { id, field } = await permitsNothingAfter(damage)
    expect(new Set(trust.altered)).toEqual(new Set([`grant ${id} ${field}`]))
  })

  it.each(['terms', 'until', 'principalId', 'revocation'])(
    'permits nothing, and is reported, with the %s of another grant',
    async (field) => {
      const other = await issue({ until: '+5h' })
      await grants.revoke(other.id, 'Not needed', admin)
      const copied = (await store.run((c) => c.hget(store.key('grant', other.id), field))) ?? ''
      const { id } = await permitsNothingAfter((grantId) => alter(grantId, field, () => copied))
      expect(new Set(trust.altered)).toEqual(new Set([`grant ${id} ${field}`]))
    },
  )

  it('is revoked all the same, and stays so when it can be read again', async () => {
    const { id } = await issue()
    const key = store.key('grant', id)
    const terms = (await store.run((c) => c.hget(key, 'terms'))) ?? ''
    await store.run((c) => c.hset(key, 'terms', '{'))
    const told = await follow()
    await expect(grants.revoke(id, 'Wrong person', admin)).rejects.toMatchObject({ code: 'store-corrupt' })
    expect(await told.first()).toEqual({ kind: 'grant-revoked', grantId: id })
    await store.run((c) => c.hset(key, 'terms', terms))
    await store.run((c) => c.hdel(key, 'revocation'))
    expect(await grants.get(id)).toMatchObject({ revocation: { by: { kind: 'gateway' } } })
  })

  it('permits nothing when it is listed under somebody else', async () => {
    const { id, until } = await issue()
    await store.run((connection) => connection.zadd(store.key('grants', 'of', 'p-eve'), until, id))
    expect(await grants.heldBy('p-eve')).toEqual([])
  })

  it('is not bound through the list of another e-mail', async () => {
    const theirs = await issue({ to: 'eve@vendor.example' }, null)
    const mine = await issue({}, null)
    const waiting = (await keys()).filter((key) => key.includes('waiting'))
    for (const key of waiting) await store.run((c) => c.hset(key, { [theirs.id]: '', [mine.id]: '' }))
    expect(await grants.bindPending(ana)).toMatchObject([{ id: mine.id }])
    expect((await grants.get(theirs.id))?.to.principalId).toBeNull()
  })
})

describe('a Redis that was put back to an earlier state', () => {
  it('does not give back what was revoked, and is put right', async () => {
    const { id } = await issue()
    const sound = await issue()
    const restore = await snapshot(store)
    await grants.revoke(id, 'Wrong person', admin)
    await restore()
    await clock.advance({ minutes: 1 })
    const isRevoked = async (): Promise<void> => {
      const revocation = {
        at: clock.now(),
        by: { kind: 'gateway' },
        reason: expect.stringContaining('Revoked'),
      }
      expect(await grants.get(id)).toMatchObject({ revocation })
      const held = await grants.heldBy(ana.id)
      expect(held.find((grant) => grant.id === id)).toMatchObject({ revocation })
      expect(held.find((grant) => grant.id === sound.id)).toEqual(sound)
    }
    await isRevoked()
    await expect(grants.extend(id, '+5h', 'work goes on', admin)).rejects.toMatchObject({
      code: 'grant-conflict',
    })
    expect(trust.revived).toEqual([`grant ${id}`])

    const told = await follow()
    await grants.revokeRevived()
    expect(await told.first()).toEqual({ kind: 'grant-revoked', grantId: id })
    await grants.revokeRevived()
    await isRevoked()
    expect(trust.revived).toEqual([`grant ${id}`])
    // An instance that never knew.
    const fresh = await openTrust(clock)
    expect(await open(store, undefined, { ...trust, journal: fresh.journal }).get(id)).toMatchObject({
      revocation: { by: { kind: 'gateway' } },
    })
    await fresh.close()
  })

  it('does not let a waiting grant be bound that was revoked', async () => {
    const { id } = await issue({}, null)
    const restore = await snapshot(store)
    await grants.revoke(id, 'Wrong person', admin)
    await restore()
    expect(await grants.bindPending(ana)).toEqual([])
    expect(await grants.heldBy(ana.id)).toEqual([])
  })

  it('or went away during a revocation, holds it in the end; here it has effect at once', async () => {
    const { id } = await issue()
    whileRecording = async ({ event }) => {
      if (event === 'grant.revoked') await redis.kill()
    }
    await expect(grants.revoke(id, 'Wrong person', admin)).rejects.toMatchObject({
      code: 'stopped-here-only',
    })
    await redis.restart()
    await until('Redis is back', () => store.isReady())
    expect(await grants.get(id)).toMatchObject({ revocation: { by: { kind: 'gateway' } } })
    whileRecording = async () => {}
    // Asked again, it is not taken for done.
    expect(await grants.revoke(id, 'Wrong person', admin)).toMatchObject({
      revocation: { by: admin, reason: 'Wrong person' },
    })
  })

  it('takes no revocation for a sign of it that is still on its way', async () => {
    const { id } = await issue()
    await grants.noteRevoked(id)
    expect(await grants.get(id)).toMatchObject({ revocation: { by: { kind: 'gateway' } } })
    expect(trust.revived).toEqual([])
  })
})

describe('a grant that drains', () => {
  it('can be given more time, that lies ahead, and be revoked, until it has drained', async () => {
    const grant = await issue({ until: '+1h', ending: 'drain' })
    await clock.advance({ minutes: 61 })
    await expect(
      grants.extend(grant.id, grant.until + minute - 1, 'work goes on', admin),
    ).rejects.toMatchObject({
      code: 'input-invalid',
      field: 'until',
    })
    await grants.extend(grant.id, '+1h', 'work goes on', admin)
    await clock.advance({ ms: hour + 2 * minute - 1 })
    expect(await grants.revoke(grant.id, 'Wrong recipe', admin)).toMatchObject({
      until: grant.until + 61 * minute,
      revocation: { reason: 'Wrong recipe' },
    })
  })

  it('is over once it has', async () => {
    const grant = await issue({ until: '+1h', ending: 'drain' })
    await clock.advance({ minutes: 62 })
    await expect(grants.extend(grant.id, '+1h', 'work goes on', admin)).rejects.toMatchObject({
      code: 'grant-conflict',
    })
    await untouched(grant)
  })
})

it('a grant that was issued without an ending is cut', async () => {
  const grant = await issue({ ending: 'drain' })
  await rewrite(grant.id, 'terms', replacing('"ending":"drain",', ''))
  expect(await grants.get(grant.id)).toEqual({ ...grant, ending: 'cut' })
})

describe('a grant nobody knows', () => {
  it.each([
    '',
    'g-',
    'g-0000000000000000',
    'g-0000000000000000\n',
    '*',
    '__proto__',
    'a:b',
    'x'.repeat(10_000),
  ])('is not found by %j, and none is made', async (id) => {
    expect(await grants.get(id)).toBeNull()
    await expect(grants.extend(id, '+1h', 'work goes on', admin)).rejects.toMatchObject({
      code: 'grant-unknown',
    })
    await expect(grants.revoke(id, 'No reason', admin)).rejects.toMatchObject({ code: 'grant-unknown' })
    expect(await keys()).toEqual([])
    expect(events).toEqual([])
  })
})

describe('with Redis', () => {
  it('killed and restarted, a revoked grant stays revoked and an extended one extended', async () => {
    const [revoked, extended] = [await issue(), await issue()]
    await grants.revoke(revoked.id, 'Wrong machine', admin)
    await grants.extend(extended.id, '+5h', 'work goes on', admin)
    await redis.restart()
    await until('Redis is back', () => store.isReady())
    expect(await grants.get(revoked.id)).toMatchObject({ revocation: { reason: 'Wrong machine' } })
    expect(await grants.get(extended.id)).toMatchObject({ until: clock.now() + 5 * hour })
    expect(await grants.heldBy(ana.id)).toHaveLength(2)
  })

  it.each(['SIGKILL', 'SIGSTOP'] as const)(
    'down by %s, every question fails in under 500 ms',
    async (signal) => {
      const { id } = await issue()
      redis.process.kill(signal)
      const started = performance.now()
      const results = await Promise.allSettled([
        grants.heldBy(ana.id),
        grants.get(id),
        grants.list(),
        issue(),
        grants.extend(id, '+5h', 'work goes on', admin),
        grants.revoke(id, 'Wrong machine', admin),
        grants.bindPending(ana),
      ])
      expect(performance.now() - started).toBeLessThan(500)
      for (const result of results) {
        expect(result).toMatchObject({
          status: 'rejected',
          reason: { code: expect.stringMatching(/^(store-unavailable|stopped-here-only)$/), status: 503 },
        })
      }
      if (signal === 'SIGSTOP') redis.process.kill('SIGCONT')
      else await redis.restart()
      await until('Redis is back', () => store.isReady())
    },
  )
})

function open(
  own: Store,
  endpointIds: () => ReadonlySet<string> = () => new Set(['press-3', 'historian']),
  known: Pick<Trust, 'journal' | 'vouching'> = trust,
  endpointTerms: EndpointTerms = new Map(),
): Grants {
  return createGrants({
    store: own,
    clock,
    ...changesOf(own),
    ...known,
    logger: silentLogger,
    record: async (event) => {
      await whileRecording(event)
      events.push(event)
    },
    assertFit: () => assertFit(),
    maxLengthMs: 12 * hour,
    endings: { drainMs: 2 * minute, readOnlyMs: 10 * minute },
    endpointIds,
    endpointTerms,
  })
}

function issue(over: Partial<GrantRequest> = {}, principalId: string | null = ana.id): Promise<Grant> {
  return grants.issue({ ...goodRequest, ...over }, admin, { principalId })
}

/** Nothing but the issue was recorded, and the grant is as it was issued. */
async function untouched(grant: Grant): Promise<void> {
  expect(await grants.get(grant.id)).toEqual(grant)
  expect(events.map(({ event }) => event)).toEqual(['grant.issued'])
}

/** After `damage` to one of two grants, it permits nothing and the other is as before. */
async function permitsNothingAfter(
  damage: (id: string) => Promise<string>,
): Promise<{ id: string; field: string }> {
  const damaged = await issue()
  const sound = await issue()
  const others = (await grants.list()).filter(({ id }) => id !== damaged.id)
  const field = await damage(damaged.id)
  expect((await grants.heldBy(ana.id)).filter(({ revocation }) => revocation === null)).toEqual([sound])
  expect(await grants.list()).toEqual(others)
  expect(await grants.get(damaged.id)).toBeNull()
  await expect(grants.extend(damaged.id, '+5h', 'work goes on', admin)).rejects.toMatchObject({
    code: 'store-corrupt',
  })
  await expect(grants.revoke(damaged.id, 'Damaged', admin)).rejects.toMatchObject({ code: 'store-corrupt' })
  return { id: damaged.id, field }
}

/** Changes a field of a grant in Redis as somebody would who can write there, and has no key of ours. */
async function alter(id: string, field: string, change: (kept: string) => string): Promise<string> {
  const key = store.key('grant', id)
  const kept = (await store.run((connection) => connection.hget(key, field))) ?? ''
  await store.run((connection) => connection.hset(key, field, change(kept)))
  return field
}

/** The same, vouched for. */
function rewrite(id: string, field: string, change: (text: string) => string): Promise<string> {
  const place = `grant ${id} ${field}`
  return alter(id, field, (kept) =>
    trust.vouching.vouch(place, change(kept === '' ? '' : (trust.vouching.verify(place, kept) ?? ''))),
  )
}

async function remove(id: string, field: string): Promise<string> {
  await store.run((connection) => connection.hdel(store.key('grant', id), field))
  return field
}

const replacing =
  (from: string, to: string) =>
  (text: string): string => {
    expect(text).toContain(from)
    return text.replace(from, to)
  }

/** Without what the follower of a test leaves behind while it follows. */
async function keys(): Promise<string[]> {
  const all = await store.run((connection) => connection.keys('*'))
  return all.filter((key) => !key.includes(':follower')).sort()
}

async function dump(): Promise<[string, string | undefined][]> {
  const content: [string, string | undefined][] = []
  for (const key of await keys()) {
    const value = await store.run((connection) => connection.dumpBuffer(key))
    content.push([key, value.toString('base64')])
  }
  return content
}

async function follow(): Promise<{ first(): Promise<Change | undefined> }> {
  const changes: Change[] = []
  const follower = await changesOf(store).changes.follow({
    onChange: async (change) => {
      changes.push(change)
    },
    onDoubt: async () => {},
  })
  return {
    first: async () => {
      await until('it is told', () => changes.length > 0)
      await follower.close()
      return changes[0]
    },
  }
}
