import fc from 'fast-check'
import { createSteadyClock, type SteadyClock } from '../../src/lib/index.js'
import { TestClock } from '../support/clock.js'

const hour = 3_600_000
const noon = Date.UTC(2026, 10, 23, 12)

let outside: TestClock
let clock: SteadyClock

beforeEach(() => {
  outside = new TestClock(noon)
  clock = createSteadyClock(outside)
})

/** The witness says `time`, after a round trip of `tripMs` that ends now. */
function compare(time: number, tripMs = 0) {
  const answeredAt = outside.monotonic()
  return clock.compare({ time, askedAt: answeredAt - tripMs, answeredAt })
}

describe('the steady clock', () => {
  it('goes as the wall clock goes while nobody touches that', async () => {
    compare(noon)
    await outside.advance({ hours: 7 })
    expect(clock.now()).toBe(outside.now())
    expect(compare(outside.now())).toEqual({ standing: 'agreed', skewMs: 0 })
    expect(clock.now()).toBe(outside.now())
  })

  it.each([
    ['back', -hour],
    ['forward', hour],
  ])('is not moved when the wall clock alone is set %s an hour, and says that it was', async (_, step) => {
    compare(noon)
    outside.step(step)
    expect(clock.now()).toBe(noon)
    expect(compare(noon)).toEqual({ standing: 'skewed', skewMs: step })
    await outside.advance({ hours: 2 })
    expect(compare(noon + 2 * hour).standing).toBe('skewed')
    expect(clock.now()).toBe(noon + 2 * hour)
    outside.step(-step)
    expect(compare(noon + 2 * hour)).toEqual({ standing: 'agreed', skewMs: 0 })
    expect(clock.now()).toBe(noon + 2 * hour)
  })

  it('never goes back an hour, even where wall clock and witness both say so', () => {
    compare(noon)
    outside.step(-hour)
    expect(compare(noon - hour).standing).toBe('set-back')
    expect(clock.now()).toBe(noon)
  })

  it('goes on with both after a suspension, also where they have long disagreed a little too much', () => {
    compare(noon)
    outside.step(hour)
    expect(compare(noon + hour - 2_100).standing).toBe('skewed')
    expect(clock.now()).toBe(noon + hour - 2_100)
  })

  it('tells of small steps as soon as they add up', () => {
    let leaps = 0
    clock.onLeap(() => (leaps += 1))
    compare(noon)
    for (let step = 1; step <= 4; step += 1) {
      outside.step(100)
      compare(noon + 100 * step)
    }
    expect(leaps).toBe(1)
    expect(clock.now()).toBe(noon + 400)
  })

  it('goes on with wall clock and witness after the host was suspended, and tells of it', () => {
    let leaps = 0
    clock.onLeap(() => (leaps += 1))
    compare(noon)
    expect(leaps).toBe(0)
    outside.step(hour)
    expect(compare(noon + hour).standing).toBe('agreed')
    expect(clock.now()).toBe(noon + hour)
    expect(leaps).toBe(1)
  })

  it('follows a small correction forwards at once, and backwards a thousandth as fast as time passes', async () => {
    compare(noon)
    outside.step(1_000)
    compare(noon + 1_000)
    expect(clock.now()).toBe(noon + 1_000)
    outside.step(-1_000)
    compare(noon)
    expect(clock.now()).toBe(noon + 1_000)
    await outside.advance({ seconds: 100 })
    compare(outside.now())
    expect(clock.now()).toBe(outside.now() + 900)
  })

  it('is not believed before the wall clock has agreed with the witness once', () => {
    expect(clock.isTrusted).toBe(false)
    expect(compare(noon + hour).standing).toBe('skewed')
    expect(clock.isTrusted).toBe(false)
    // The time server has set what was wrong since the start.
    outside.step(hour)
    expect(compare(noon + hour).standing).toBe('agreed')
    expect(clock.isTrusted).toBe(true)
    expect(clock.now()).toBe(noon + hour)
  })

  it('takes back what it believed from a wrong wall clock before it was confirmed', () => {
    outside.step(-hour)
    expect(compare(noon - hour).standing).toBe('agreed')
    expect(clock.now()).toBe(noon - hour)
  })

  it('stays believed once it was, whatever is said later', () => {
    compare(noon)
    compare(noon + hour)
    expect(clock.isTrusted).toBe(true)
  })

  it('keeps the time of the start where there is no witness', () => {
    expect(clock.compare(null)).toEqual({ standing: 'agreed', skewMs: 0 })
    expect(clock.isTrusted).toBe(true)
    outside.step(-hour)
    clock.compare(null)
    expect(clock.now()).toBe(noon)
  })

  it.each([
    ['at the edge, ahead', noon - 2_000, 0, 'agreed'],
    ['beyond it, ahead', noon - 2_001, 0, 'skewed'],
    ['at the edge, behind', noon + 2_000, 0, 'agreed'],
    ['beyond it, behind', noon + 2_001, 0, 'skewed'],
    ['beyond it, by what the round trip may have taken', noon - 2_250, 250, 'agreed'],
    ['beyond it, by more than that', noon - 2_251, 250, 'skewed'],
    ['behind, which no round trip explains', noon + 2_001, 250, 'skewed'],
  ])('takes the round trip into account: %s', (_, time, tripMs, standing) => {
    expect(compare(time, tripMs).standing).toBe(standing)
  })

  it('whatever is done to the wall clock alone, differs from true time by no more than the tolerance', () => {
    const step = fc.oneof(fc.integer({ min: -hour, max: hour }), fc.integer({ min: -2_000, max: 2_000 }))
    fc.assert(
      fc.property(
        fc.array(fc.tuple(step, fc.integer({ min: 0, max: 60_000 })), { maxLength: 50 }),
        (steps) => {
          let monotonic = 0
          let skew = 0
          const bare = {
            now: () => noon + monotonic + skew,
            monotonic: () => monotonic,
            after: () => ({ cancel: () => undefined }),
          }
          const tested = createSteadyClock(bare)
          const ask = (): void => {
            tested.compare({ time: noon + monotonic, askedAt: monotonic, answeredAt: monotonic })
          }
          ask()
          for (const [byMs, passed] of steps) {
            skew += byMs
            ask()
            monotonic += passed
            expect(Math.abs(tested.now() - (noon + monotonic))).toBeLessThanOrEqual(2_000)
          }
        },
      ),
    )
  })
})
