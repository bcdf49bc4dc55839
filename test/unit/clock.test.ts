import { neverBack } from '../../src/lib/index.js'
import { TestClock } from '../support/clock.js'

const hourMs = 3_600_000

describe('wall time that is never set back', () => {
  let host: TestClock
  let setBack: number[]
  let held: ReturnType<typeof neverBack>

  beforeEach(() => {
    host = new TestClock(1_800_000_000_000)
    setBack = []
    held = neverBack(host, (byMs) => setBack.push(byMs))
  })

  it('is that of the host while nobody touches it', async () => {
    await host.advance({ hours: 5 })
    expect(held.now()).toBe(host.now())
    host.step(hourMs)
    expect(held.now()).toBe(host.now())
  })

  it('goes on as before when the host’s is set back, and says so once', async () => {
    const before = held.now()
    host.step(-hourMs)
    expect(held.now()).toBe(before)
    await host.advance({ minutes: 30 })
    expect(held.now()).toBe(before + hourMs / 2)
    expect(setBack).toEqual([hourMs])
  })

  it('goes on also when nobody asked between the last step and this one', async () => {
    const before = held.now()
    await host.advance({ minutes: 30 })
    host.step(-hourMs)
    expect(held.now()).toBe(before + hourMs / 2)
  })

  it('is that of the host again once that has caught up', () => {
    const before = held.now()
    host.step(-hourMs)
    held.now()
    host.step(2 * hourMs)
    expect(held.now()).toBe(before + hourMs)
    expect(held.now()).toBe(host.now())
    host.step(-hourMs)
    held.now()
    expect(setBack).toEqual([hourMs, hourMs])
  })

  it('says nothing of the small steps of a time server', () => {
    const before = held.now()
    host.step(-500)
    expect(held.now()).toBe(before)
    expect(setBack).toEqual([])
  })

  it('counts whole milliseconds', () => {
    const fraction = neverBack({ ...held, now: () => 7, monotonic: () => performance.now() }, () => undefined)
    for (let count = 0; count < 1_000; count += 1) expect(Number.isInteger(fraction.now())).toBe(true)
  })
})
