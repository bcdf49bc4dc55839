import {
  createStreams,
  type LiveStream,
  type StreamInfo,
  type Streams,
} from '../../../src/dataplane/index.js'
import { TestClock } from '../../support/clock.js'

const start = Date.UTC(2026, 10, 23, 8)
const hour = 3_600_000

interface World {
  readonly clock: TestClock
  readonly streams: Streams
  info(changes?: Partial<StreamInfo>): StreamInfo
  open(changes?: Partial<StreamInfo>): LiveStream & { readonly cuts: string[] }
}

let ids = 0

function newWorld(): World {
  const clock = new TestClock(start)
  const streams = createStreams({ clock })
  const info = (changes: Partial<StreamInfo> = {}): StreamInfo => ({
    id: `r-${ids++}`,
    kind: 'request',
    sessionId: 's-1',
    passId: 'pass-1',
    principalId: 'p-1',

    email: null,
    grantId: 'g-1',
    endpointId: 'press-3',
    path: '/',
    startedAt: clock.now(),
    closeAt: start + hour,
    sessionEndsAt: start + 8 * hour,
    viewOnlyFrom: null,
    ...changes,
  })
  return {
    clock,
    streams,
    info,
    open: (changes) => {
      const stream = streams.expect().open(info(changes))
      const cuts: string[] = []
      stream.onCut((cause) => cuts.push(cause))
      return Object.assign(stream, { cuts })
    },
  }
}

describe('a live stream', () => {
  it('is listed until it ends', () => {
    const { streams, open } = newWorld()
    const stream = open({ path: '/live' })
    expect(streams.list()).toEqual([stream.info])
    stream.end()
    stream.end()
    expect(streams.list()).toEqual([])
  })

  it('is cut at its deadline, not a moment before', async () => {
    const { clock, open } = newWorld()
    const stream = open()
    await clock.advance({ ms: hour - 1 })
    expect(stream.cause).toBeNull()
    await clock.advance({ ms: 1 })
    expect(stream.cuts).toEqual(['grant-ended'])
    expect(stream.cause).toBe('grant-ended')
  })

  it('is told that its session ended where that came first', async () => {
    const { clock, open } = newWorld()
    const stream = open({ closeAt: start + hour, sessionEndsAt: start + hour })
    await clock.advance({ hours: 1 })
    expect(stream.cuts).toEqual(['session-ended'])
  })

  it('is cut at once when its deadline has already passed', () => {
    const { open } = newWorld()
    expect(open({ closeAt: start }).cuts).toEqual(['grant-ended'])
  })

  it('is cut on time when somebody sets the wall clock back', async () => {
    const { clock, open } = newWorld()
    const stream = open()
    clock.step(-10 * hour)
    await clock.advance({ hours: 1 })
    expect(stream.cuts).toEqual(['grant-ended'])
  })

  it('is cut by the sooner reckoning when the wall clock was set forward', async () => {
    const { clock, open } = newWorld()
    open()
    clock.step(hour / 2)
    const stream = open()
    await clock.advance({ minutes: 30 })
    expect(stream.cuts).toEqual(['grant-ended'])
  })

  it('is cut once, however many reasons there are', async () => {
    const { clock, streams, open } = newWorld()
    const stream = open()
    expect(streams.cut(() => true, 'grant-revoked')).toBe(1)
    expect(streams.cut(() => true, 'session-killed')).toBe(0)
    await clock.advance({ hours: 9 })
    expect(stream.cuts).toEqual(['grant-revoked'])
  })

  it('tells whoever asks later', () => {
    const { streams, open } = newWorld()
    const stream = open()
    streams.cut(() => true, 'signed-out')
    const late: string[] = []
    stream.onCut((cause) => late.push(cause))
    expect(late).toEqual(['signed-out'])
  })

  it('tells nobody who stopped listening, nor anyone after it ended', () => {
    const { streams, open } = newWorld()
    const stream = open()
    const heard: string[] = []
    stream.onCut((cause) => heard.push(cause))()
    stream.end()
    streams.cut(() => true, 'grant-revoked')
    expect([...heard, ...stream.cuts]).toEqual([])
  })

  it('is cut alone when only it matches', () => {
    const { streams, open } = newWorld()
    const mine = open({ grantId: 'g-mine' })
    const other = open({ grantId: 'g-other' })
    expect(streams.cut((stream) => stream.grantId === 'g-mine', 'grant-revoked')).toBe(1)
    expect([mine.cause, other.cause]).toEqual(['grant-revoked', null])
  })

  it('is cut even if closing another one fails', () => {
    const { streams, open } = newWorld()
    open().onCut(() => {
      throw new Error('bug')
    })
    const next = open()
    expect(() => streams.cut(() => true, 'grant-revoked')).toThrow(AggregateError)
    expect(next.cause).toBe('grant-revoked')
  })
})

describe('an extended grant', () => {
  it('moves the deadline of its streams', async () => {
    const { clock, streams, open } = newWorld()
    const stream = open()
    const other = open({ grantId: 'g-2' })
    streams.moveDeadline(({ grantId }) => grantId === 'g-1', start + 2 * hour)
    expect(stream.info.closeAt).toBe(start + 2 * hour)
    await clock.advance({ hours: 1 })
    expect([stream.cause, other.cause]).toEqual([null, 'grant-ended'])
    await clock.advance({ hours: 1 })
    expect(stream.cause).toBe('grant-ended')
  })

  it('never outlives the session', async () => {
    const { clock, streams, open } = newWorld()
    const stream = open({ sessionEndsAt: start + 90 * 60_000 })
    streams.moveDeadline(() => true, start + 5 * hour)
    await clock.advance({ minutes: 90 })
    expect(stream.cuts).toEqual(['session-ended'])
  })

  it('does not bring back what was cut', () => {
    const { streams, open } = newWorld()
    const stream = open()
    streams.cut(() => true, 'grant-revoked')
    streams.moveDeadline(() => true, start + 5 * hour)
    expect(stream.info.closeAt).toBe(start + hour)
  })
})

describe('a stream that may only look', () => {
  const minute = 60_000

  it('may do so from the instant it was told, not a moment before', async () => {
    const { clock, open } = newWorld()
    const stream = open({ viewOnlyFrom: start + 50 * minute })
    await clock.advance({ ms: 50 * minute - 1 })
    expect(stream.isViewOnly).toBe(false)
    await clock.advance({ ms: 1 })
    expect([stream.isViewOnly, stream.cause]).toEqual([true, null])
  })

  it('never may where it was not told, and always where it was told since ever', async () => {
    const { clock, open } = newWorld()
    const [worker, viewer] = [open(), open({ viewOnlyFrom: 0 })]
    expect([worker.isViewOnly, viewer.isViewOnly]).toEqual([false, true])
    await clock.advance({ minutes: 59 })
    clock.step(-10 * hour)
    expect([worker.isViewOnly, viewer.isViewOnly]).toEqual([false, true])
  })

  it('does so on time when somebody sets the wall clock back, and tells it again what it knows', async () => {
    const { clock, streams, open } = newWorld()
    const stream = open({ viewOnlyFrom: start + 50 * minute })
    clock.step(-hour)
    streams.moveViewOnly(() => true, start + 50 * minute)
    await clock.advance({ minutes: 50 })
    expect(stream.isViewOnly).toBe(true)
  })

  it('does so on time when the host was suspended meanwhile', () => {
    const { clock, streams, open } = newWorld()
    const stream = open({ viewOnlyFrom: start + 50 * minute })
    clock.step(55 * minute)
    streams.reviewDeadlines()
    expect([stream.isViewOnly, stream.cause]).toEqual([true, null])
  })

  it('may do more again when its grant was extended, until it turns read-only once more', async () => {
    const { clock, streams, open } = newWorld()
    const stream = open({ viewOnlyFrom: start + 50 * minute })
    const other = open({ viewOnlyFrom: start + 50 * minute, grantId: 'g-2' })
    await clock.advance({ minutes: 55 })
    streams.moveDeadline(({ grantId }) => grantId === 'g-1', start + 2 * hour)
    streams.moveViewOnly(({ grantId }) => grantId === 'g-1', start + 110 * minute)
    expect([stream.isViewOnly, other.isViewOnly]).toEqual([false, true])
    await clock.advance({ minutes: 55 })
    expect([stream.isViewOnly, stream.cause]).toEqual([true, null])
  })

  it('may do more when its grant was extended while it was being admitted', () => {
    const { streams, info } = newWorld()
    const admission = streams.expect()
    streams.moveViewOnly(() => true, start + hour)
    expect(admission.open(info({ viewOnlyFrom: start - 1 })).isViewOnly).toBe(false)
  })
})

describe('a stream whose admission is under way', () => {
  it('opens already cut when its grant was revoked meanwhile', () => {
    const { streams, info } = newWorld()
    const admission = streams.expect()
    expect(streams.cut(({ grantId }) => grantId === 'g-1', 'grant-revoked')).toBe(0)
    const stream = admission.open(info())
    expect(stream.cause).toBe('grant-revoked')
    expect(streams.list()).toHaveLength(1)
    stream.end()
    expect(streams.list()).toHaveLength(0)
  })

  it('opens whole when somebody else was cut meanwhile, or it was expected afterwards', () => {
    const { streams, info } = newWorld()
    const admission = streams.expect()
    streams.cut(({ grantId }) => grantId === 'g-other', 'grant-revoked')
    expect(admission.open(info()).cause).toBeNull()
    streams.cut(() => true, 'grant-revoked')
    expect(streams.expect().open(info()).cause).toBeNull()
  })

  it('gets the deadline that was moved meanwhile, the last one if several', () => {
    const { streams, info } = newWorld()
    const admission = streams.expect()
    streams.moveDeadline(() => true, start + 2 * hour)
    streams.moveDeadline(() => true, start + 3 * hour)
    expect(admission.open(info()).info.closeAt).toBe(start + 3 * hour)
  })

  it('leaves nothing behind when it is abandoned', () => {
    const { streams } = newWorld()
    streams.expect().abandon()
    expect(streams.list()).toEqual([])
  })
})

describe('five thousand streams', () => {
  it('are cut together, within milliseconds', async () => {
    const { clock, open, streams } = newWorld()
    const all = Array.from({ length: 5_000 }, (_, i) => open({ grantId: `g-${i % 50}` }))
    const started = performance.now()
    expect(streams.cut(({ grantId }) => grantId === 'g-7', 'grant-revoked')).toBe(100)
    expect(performance.now() - started).toBeLessThan(100)
    await clock.advance({ hours: 1 })
    expect(all.filter(({ cause }) => cause === 'grant-ended')).toHaveLength(4_900)
  })
})
