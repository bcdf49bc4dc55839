// Each request has a deadline, the end of its grant, hours away. It was cancelled when the request was over,
// and yet something of it stayed until that hour: Node keeps a list for each length of delay in whole
// milliseconds, and forgets an empty list of timers that were unref'ed only when it would have been due. A
// million requests in five minutes left 30 MB behind, and a busy day would have filled the memory. The
// benchmark found it: heap that rose by 32 bytes a request.
import { systemClock } from '../../src/lib/index.js'
import { collect } from '../support/collect.js'

const hoursMs = 8 * 3_600_000

function heapBytes(): number {
  collect()
  collect()
  return process.memoryUsage().heapUsed
}

describe('a deadline that was cancelled', () => {
  it('leaves nothing behind until the hour at which it would have been due', () => {
    const setAndCancel = (count: number): void => {
      for (let number = 0; number < count; number += 1)
        systemClock.after(hoursMs + number, () => undefined).cancel()
    }
    setAndCancel(1_000)
    const before = heapBytes()
    setAndCancel(100_000)
    // Each of them left some 150 bytes.
    expect((heapBytes() - before) / 100_000).toBeLessThan(15)
  })

  it('is not called, however late it is cancelled, and cancelling twice does no harm', async () => {
    let calls = 0
    const deadline = systemClock.after(20, () => (calls += 1))
    const other = systemClock.after(20, () => (calls += 10))
    await new Promise((resolve) => setTimeout(resolve, 5))
    deadline.cancel()
    deadline.cancel()
    await new Promise((resolve) => setTimeout(resolve, 60))
    other.cancel()
    expect(calls).toBe(10)
  })
})
