import { createHmac } from 'node:crypto'
import { createGrants, createLockdowns, type Grants, type Lockdowns } from '../../src/grants/index.js'
import { connectStore, type Change, type Store } from '../../src/lib/index.js'
import { noticeKinds, type Actor, type Grant } from '../../src/model.js'
import { startNotifications, type Notifications } from '../../src/notify/index.js'
import { openQueue } from '../../src/notify/queue.js'
import { TestClock } from '../support/clock.js'
import { goodRequest } from '../support/grant-requests.js'
import { silentLogger } from '../support/logger.js'
import { startReceiver, type Received, type Receiver } from '../support/receiver.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { changesOf, ready } from '../support/store.js'
import { openTrust, type Trust } from '../support/trust.js'
import { until } from '../support/until.js'

const minute = 60_000
const hour = 60 * minute
const admin: Actor = { kind: 'principal', principalId: 'p-admin', email: 'admin@plant.example' }
const secret = Buffer.alloc(32, 7)

let redis: TestRedis
let store: Store
let clock: TestClock
let trust: Trust
let grants: Grants
let lockdowns: Lockdowns
let receiver: Receiver
/** Each stands for one instance of Gatehouse. */
const instances: Notifications[] = []

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(async () => {
  await redis.close()
})

beforeEach(async () => {
  // A busy host exceeds the product's own limit at times, which is no matter here.
  store = connectStore({ url: redis.url, limitMs: 5_000 }, silentLogger)
  await ready(store)
  await store.run((connection) => connection.flushall())
  clock = new TestClock()
  trust = await openTrust(clock)
  const followed = changesOf(store, { vouching: trust.vouching })
  const shared = { store, clock, logger: silentLogger, ...followed, ...trust, record: async () => {} }
  const endpointIds = new Set(['press-3', 'historian'])
  grants = createGrants({
    ...shared,
    assertFit: async () => {},
    maxLengthMs: 12 * hour,
    endings: { drainMs: 2 * minute, readOnlyMs: 10 * minute },
    endpointIds,
  })
  lockdowns = createLockdowns({ ...shared, endpointIds })
  receiver = await startReceiver()
})
afterEach(async () => {
  for (const instance of instances.splice(0)) await instance.close()
  await receiver.close()
  await store.close()
  await trust.close()
})

function startInstance(
  webhooks: readonly { url: string; events?: (typeof noticeKinds)[number][] }[] = [{ url: receiver.url }],
): Notifications {
  const instance = startNotifications({
    ...{ store, clock, logger: silentLogger, vouching: trust.vouching, grants },
    timeoutMs: 5_000,
    smtp: null,
    plant: {
      language: 'en',
      publicUrl: new URL('https://portal.plant.example'),
      endpoints: [],
      timeZone: 'UTC',
    },
    webhooks: webhooks.map(({ url, events = [...noticeKinds] }) => ({ url: new URL(url), secret, events })),
    requests: noRequests,
    resets: { list: async () => [], confirmersOf: async () => [] },
    lastWords: () => lockdowns.lastWords(),
    breakGlass: async () => [],
  })
  instances.push(instance)
  return instance
}

const noRequests = {
  get: async () => null,
  list: async () => [],
  standingOf: async () => ({ agreed: 0, needed: 1 }),
  approversOf: async () => [],
}

const issue = (over = {}): Promise<Grant> =>
  grants.issue({ ...goodRequest, ...over }, admin, { principalId: null })
const contents = ({ body }: Received) => JSON.parse(body) as { type: string; data: Record<string, unknown> }
const types = (at: Receiver = receiver): string[] => at.received.map((one) => contents(one).type)
const idsOf = (): (string | string[] | undefined)[] =>
  receiver.received.map(({ headers }) => headers['webhook-id'])
const queue = () => openQueue({ store, clock, logger: silentLogger, vouching: trust.vouching })
/** Lets an instance do what it does within so many seconds. */
const pass = (seconds: number) => async (): Promise<void> => {
  for (let second = 0; second < seconds; second += 1) {
    await clock.advance({ seconds: 1 })
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
/** Time passes until it holds. */
const comesTo = (what: string, holds: () => unknown): Promise<void> =>
  until(what, async () => {
    await pass(1)()
    return holds()
  })
/** As in a running plant, where nothing is told of what was before. */
const begin = async (webhooks?: Parameters<typeof startInstance>[0]): Promise<Notifications> => {
  const instance = startInstance(webhooks)
  await comesTo('the first look', () =>
    store.run((connection) => connection.exists(store.key('notifications', 'since'))),
  )
  return instance
}

describe('a system that is told by webhook', () => {
  it('is told of a grant within a moment of its change, with all that it needs', async () => {
    const instance = await begin()
    const grant = await issue({ ticket: 'CHG-7' })
    instance.noteChange({ kind: 'grant-issued', grantId: grant.id })
    await until('the message', () => receiver.received.length === 1)
    const [message] = receiver.received
    expect(message).toMatchObject({ method: 'POST', path: '/hooks/gate?team=press' })
    expect(message?.headers['content-type']).toBe('application/json')
    expect(JSON.parse(message?.body ?? '')).toEqual({
      type: 'grant.issued',
      timestamp: expect.stringMatching(/^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ$/),
      data: {
        grantId: grant.id,
        to: 'ana@vendor.example',
        endpoints: ['press-3'],
        access: 'operate',
        from: new Date(grant.from).toISOString().replace(/\.\d+/, ''),
        until: new Date(grant.until).toISOString().replace(/\.\d+/, ''),
        reason: grant.reason,
        ticket: 'CHG-7',
        conditions: {
          ...{ windows: [], moreWindows: 0, lastsFromFirstUseMs: null },
          ...{ sources: [], maxSessions: null, needsRelease: false },
        },
        isOpen: true,
        requestId: null,
        revocation: null,
      },
    })
  })

  it('can prove that we sent it, and when', async () => {
    await begin()
    await issue()
    await comesTo('the message', () => receiver.received.length === 1)
    const [{ headers, body }] = receiver.received as [Received]
    const id = String(headers['webhook-id'])
    const timestamp = String(headers['webhook-timestamp'])
    expect(id).toMatch(/^n-[\w-]{22}$/)
    expect(Math.abs(Number(timestamp) * 1_000 - clock.now())).toBeLessThan(2 * minute)
    const expected = createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')
    expect(headers['webhook-signature']).toBe(`v1,${expected}`)
  })

  it('is told of each turn of a grant once, in order, whether or not anybody noted a change', async () => {
    await begin()
    const grant = await issue({ from: '+10m', until: '+2h' })
    await comesTo('issued', () => types().includes('grant.issued'))
    await clock.advance({ minutes: 10 })
    await comesTo('started', () => types().includes('grant.started'))
    await grants.extend(grant.id, clock.now() + 3 * hour, 'work goes on', admin)
    await comesTo('extended', () => types().includes('grant.extended'))
    await clock.advance({ minutes: 170 })
    await comesTo('ends soon', () => types().includes('grant.ends-soon'))
    await clock.advance({ minutes: 15 })
    await comesTo('ended', () => types().includes('grant.ended'))
    await pass(130)()
    expect(types()).toEqual([
      'grant.issued',
      'grant.started',
      'grant.extended',
      'grant.ends-soon',
      'grant.ended',
    ])
    expect(new Set(idsOf()).size).toBe(5)
  })

  it('is told of a revocation with its reason, and of nothing after it', async () => {
    await begin()
    const grant = await issue({ from: '+10m', until: '+2h' })
    await comesTo('issued', () => types().length === 1)
    await grants.revoke(grant.id, 'wrong machine', admin)
    await comesTo('revoked', () => types().length === 2)
    expect(receiver.received.map(contents)[1]).toMatchObject({
      type: 'grant.revoked',
      data: { grantId: grant.id, revocation: { reason: 'wrong machine' } },
    })
    await clock.advance({ hours: 3 })
    await pass(70)()
    expect(types()).toEqual(['grant.issued', 'grant.revoked'])
  })

  it('is told of a lockdown and of its end', async () => {
    const instance = await begin()
    await lockdowns.on('endpoint:press-3', 'moves by itself', admin)
    const change: Change = { kind: 'lockdown-changed', scope: 'endpoint:press-3' }
    instance.noteChange(change)
    await until('on', () => types().length === 1)
    await lockdowns.off('endpoint:press-3', 'mended', admin)
    instance.noteChange(change)
    await until('off', () => types().length === 2)
    expect(receiver.received.map(contents)).toMatchObject([
      {
        type: 'lockdown.on',
        data: { scope: 'endpoint:press-3', by: 'admin@plant.example', reason: 'moves by itself' },
      },
      { type: 'lockdown.off', data: { reason: 'mended' } },
    ])
  })

  it('is told only of what it asked for', async () => {
    await begin([{ url: receiver.url, events: ['grant.revoked'] }])
    const grant = await issue()
    await grants.revoke(grant.id, 'wrong machine', admin)
    await comesTo('revoked', () => types().includes('grant.revoked'))
    expect(types()).toEqual(['grant.revoked'])
  })

  it('is told nothing of what was before notifications were switched on', async () => {
    await issue()
    await clock.advance({ minutes: 1 })
    await begin()
    await pass(65)()
    expect(types()).toEqual([])
    await issue({ reason: 'Another valve' })
    await comesTo('the new one', () => types().length === 1)
  })

  it('is told once by two instances, and by the other when one is gone', async () => {
    const first = await begin()
    startInstance()
    await issue()
    await comesTo('issued', () => types().length === 1)
    await pass(65)()
    expect(types()).toEqual(['grant.issued'])
    instances.splice(instances.indexOf(first), 1)
    await first.close()
    const grant = await issue({ reason: 'Another valve' })
    await comesTo('issued by the other', () => types().length === 2)
    expect(receiver.received.map(contents)[1]?.data.grantId).toBe(grant.id)
  })

  it('can know a message again that is sent twice because it was forgotten to be told', async () => {
    await begin()
    const grant = await issue()
    await comesTo('issued', () => types().length === 1)
    for (const instance of instances.splice(0)) await instance.close()
    await store.run((connection) => connection.del(store.key('notifications', 'told', `grant ${grant.id}`)))
    startInstance()
    await comesTo('issued again', () => types().length === 2)
    expect(new Set(idsOf()).size).toBe(1)
  })
})

describe('a receiver that is not well', () => {
  it('is asked again, later each time, with the same id', async () => {
    receiver.answer = (res, nth) => res.writeHead(nth < 3 ? 500 : 200).end()
    await begin()
    await issue()
    await comesTo('the first attempt', () => receiver.received.length === 1)
    const [waiting] = await queue().list()
    expect(waiting).toMatchObject({ state: 'waiting', attempts: 1, problem: 'answered 500' })
    await pass(20)()
    expect(receiver.received).toHaveLength(1)
    await comesTo('the second attempt', () => receiver.received.length === 2)
    await clock.advance({ seconds: 45 })
    await comesTo('the third attempt', () => receiver.received.length === 3)
    await until('an empty queue', async () => (await queue().list()).length === 0)
    expect(new Set(idsOf()).size).toBe(1)
  })

  it('is given up after a day, kept for whoever asks, and tried again when they say so', async () => {
    receiver.answer = (res) => res.writeHead(503).end()
    await begin()
    await issue({ until: '+30m' })
    await comesTo('the first attempt', () => receiver.received.length === 1)
    for (let hours = 0; hours < 30; hours += 1) {
      await clock.advance({ hours: 1 })
      await pass(2)()
    }
    const left = await queue().list()
    expect(left.map(({ state, notice }) => `${notice.kind} ${state}`)).toContain('grant.issued given-up')
    const issued = left.find(({ notice }) => notice.kind === 'grant.issued')
    receiver.answer = (res) => res.writeHead(204).end()
    receiver.received.length = 0
    expect(await queue().retry(issued?.id ?? '')).toBe(true)
    await comesTo('the message', () => idsOf().includes(issued?.id))
    // What it tells of has not become newer by that.
    const again = receiver.received.find(({ headers }) => headers['webhook-id'] === issued?.id)
    const { timestamp } = JSON.parse(again?.body ?? '') as { timestamp: string }
    expect(timestamp).toBe(new Date(issued?.madeAt ?? 0).toISOString().replace(/\.\d+/, ''))
    expect(await queue().retry('n-unknown')).toBe(false)
  })

  it('that never answers is left after its time, and keeps no other waiting', async () => {
    const other = await startReceiver()
    receiver.answer = () => undefined
    const instance = await begin([{ url: receiver.url }, { url: other.url }])
    const grant = await issue()
    instance.noteChange({ kind: 'grant-issued', grantId: grant.id })
    await until('both asked', () => receiver.received.length === 1 && other.received.length === 1)
    const second = await issue({ reason: 'Another valve' })
    instance.noteChange({ kind: 'grant-issued', grantId: second.id })
    await until('the other told', () => other.received.length === 2)
    expect(receiver.received).toHaveLength(1)
    await clock.advance({ seconds: 6 })
    await until('the connection closed, the next asked', () => receiver.received.length === 2)
    await until('a problem noted', async () =>
      (await queue().list()).some(({ problem }) => problem === 'no answer within 5 s'),
    )
    await other.close()
  })

  it('that answers without end is not listened to', async () => {
    receiver.answer = (res) => {
      res.writeHead(200)
      const feed = (): void => {
        while (res.writable && res.write(Buffer.alloc(65_536)));
      }
      res.on('drain', feed)
      feed()
    }
    await begin()
    await issue()
    await comesTo('the message', () => receiver.received.length === 1)
    await until('an empty queue', async () => (await queue().list()).length === 0)
    await until('no connection', () => receiver.openConnections() === 0)
  })

  it('that sends us elsewhere is not followed', async () => {
    const elsewhere = await startReceiver()
    receiver.answer = (res) => res.writeHead(307, { location: elsewhere.url }).end()
    await begin()
    await issue()
    await comesTo('the message', () => receiver.received.length === 1)
    await until('a problem noted', async () =>
      (await queue().list()).some(({ problem }) => problem === 'answered 307: redirects are not followed'),
    )
    expect(elsewhere.received).toEqual([])
    await elsewhere.close()
  })

  it('that wants no more is not asked again', async () => {
    receiver.answer = (res) => res.writeHead(410).end()
    await begin()
    await issue()
    await comesTo('the message', () => receiver.received.length === 1)
    await until('given up', async () => (await queue().list()).some(({ state }) => state === 'given-up'))
  })

  it('keeps no instance from stopping', async () => {
    receiver.answer = () => undefined
    const instance = await begin()
    await issue()
    await comesTo('the message', () => receiver.received.length === 1)
    instances.splice(0)
    await instance.close()
    expect(await queue().list()).toMatchObject([{ state: 'waiting', attempts: 0 }])
  })
})

describe('the queue', () => {
  it('sends nothing that somebody else wrote into Redis', async () => {
    receiver.answer = (res) => res.writeHead(500).end()
    await begin()
    await issue()
    await comesTo('the first attempt', () => receiver.received.length === 1)
    const entries = store.key('notifications', 'entries')
    const [id = ''] = await store.run((connection) => connection.hkeys(entries))
    const kept = (await store.run((connection) => connection.hget(entries, id))) ?? ''
    await store.run((connection) => connection.hset(entries, id, kept.replace('ana@', 'eve@')))
    await pass(60)()
    expect(receiver.received).toHaveLength(1)
    expect(trust.altered).toContain(`notification ${id}`)
    expect(await queue().list()).toEqual([])
  })

  it('holds no more than ten thousand, and counts what it dropped', async () => {
    const own = queue()
    const notice = {
      kind: 'lockdown.on' as const,
      scope: 'all',
      at: 1,
      by: 'Gatehouse',
      reason: 'load',
    }
    const deliveries = Array.from({ length: 10_005 }, (_, nth) => ({
      id: `n-${nth}`,
      channel: 'webhook-x',
      to: '',
      notice,
      madeAt: nth,
      retriedAt: null,
      attempts: 0,
      problem: null,
    }))
    for (let start = 0; start < deliveries.length; start += 667)
      await own.tell(
        { subject: 'load', mark: String(start), alsoMarks: [], keepUntil: clock.now() + hour, notice },
        deliveries.slice(start, start + 667),
      )
    expect(await own.counts()).toEqual({ waiting: 10_000, givenUp: 0, dropped: 5 })
    expect((await own.due('webhook-x', 1)).map(({ id }) => id)).toEqual(['n-5'])
  })

  it('gives up what waits for a way that is not configured any more', async () => {
    receiver.answer = (res) => res.writeHead(500).end()
    await begin()
    await issue()
    await comesTo('the first attempt', () => receiver.received.length === 1)
    for (const instance of instances.splice(0)) await instance.close()
    const other = await startReceiver()
    startInstance([{ url: other.url }])
    await comesTo('given up', async () =>
      (await queue().list()).some(
        ({ state, problem }) => state === 'given-up' && problem === 'This way is not configured any more.',
      ),
    )
    await other.close()
  })
})
