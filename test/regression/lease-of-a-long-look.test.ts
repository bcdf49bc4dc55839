import { connectStore } from '../../src/lib/index.js'
import { noticeKinds, type Grant } from '../../src/model.js'
import { unconditional } from '../../src/grants/index.js'
import { startNotifications, type Notifications } from '../../src/notify/index.js'
import { TestClock } from '../support/clock.js'
import { silentLogger } from '../support/logger.js'
import { startReceiver, type Receiver } from '../support/receiver.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { ready } from '../support/store.js'
import { openTrust, type Trust } from '../support/trust.js'
import { until } from '../support/until.js'

/*
 * The instance that sends notifications took its lease of 15 s anew each second, but not while it looked at the grants. The first
 * look at ten thousand of them may take longer than that on a busy host: then a second instance began to send too, and
 * people had two mails about everything, one of them perhaps after the other said that it was over.
 */

let redis: TestRedis
let store: ReturnType<typeof connectStore>
let trust: Trust
let clock: TestClock
let receiver: Receiver
let instance: Notifications | null = null
let isLooking = false
let finishLook: (found: Grant[]) => void = () => undefined

beforeEach(async () => {
  redis = await startRedis()
  store = connectStore({ url: redis.url, limitMs: 5_000 }, silentLogger)
  await ready(store)
  clock = new TestClock()
  trust = await openTrust(clock)
  receiver = await startReceiver()
  isLooking = false
  instance = startNotifications({
    ...{ store, clock, logger: silentLogger, vouching: trust.vouching, timeoutMs: 5_000, smtp: null },
    plant: { language: 'en', publicUrl: new URL('https://p.example'), endpoints: [], timeZone: 'UTC' },
    webhooks: [{ url: new URL(receiver.url), secret: Buffer.alloc(32, 7), events: noticeKinds }],
    grants: {
      get: async () => null,
      endingAfter: () =>
        new Promise((resolve) => {
          isLooking = true
          finishLook = resolve
        }),
    },
    requests: {
      get: async () => null,
      list: async () => [],
      standingOf: async () => ({ agreed: 0, needed: 1 }),
      approversOf: async () => [],
    },
    resets: { list: async () => [], confirmersOf: async () => [] },
    lastWords: async () => [],
    breakGlass: async () => [],
  })
  await until('the look', async () => {
    await clock.advance({ seconds: 1 })
    return isLooking
  })
})
afterEach(async () => {
  finishLook([])
  await instance?.close()
  await receiver.close()
  await store.close()
  await redis.close()
  await trust.close()
})

const lease = (): string => store.key('notifications', 'sender')
const grant = (): Grant => ({
  ...{ id: 'g-1', to: { email: 'ana@vendor.example', principalId: null }, endpoints: ['press-3'] },
  ...{ access: 'operate', from: clock.now(), until: clock.now() + 3_600_000, reason: 'belt', ticket: null },
  ...{ ending: 'cut', conditions: unconditional, requestId: null, issuedBy: { kind: 'gateway' } },
  ...{ issuedAt: clock.now(), revocation: null },
})

describe('a look that takes longer than the lease', () => {
  it('keeps the lease', async () => {
    await store.run((connection) => connection.pexpire(lease(), 60_000))
    await until('the lease taken anew', async () => {
      await clock.advance({ seconds: 1 })
      const left = await store.run((connection) => connection.pttl(lease()))
      return left > 0 && left <= 15_000
    })
  })

  it('tells nothing when another instance has it by then', async () => {
    await store.run((connection) => connection.set(lease(), 'another'))
    // A tick each: the first finds out, those after it change nothing.
    for (let second = 0; second < 5; second += 1) {
      await clock.advance({ seconds: 1 })
      await new Promise((resolve) => setTimeout(resolve, 50))
    }
    finishLook([grant()])
    // Long enough for a look that goes on: it would queue this within milliseconds.
    await new Promise((resolve) => setTimeout(resolve, 500))
    expect(await store.run((connection) => connection.exists(store.key('notifications', 'entries')))).toBe(0)
  })
})
