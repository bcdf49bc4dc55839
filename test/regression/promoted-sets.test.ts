// Requests that were over stayed in memory until the next full collection, and cost a fifth of the CPU of each
// by then. What is open was kept in a `Set`, which moves to a new table every few dozen changes; the table left
// behind leads to the new one, and to all that stood in it. Once a single such table has become old, the
// collection of the young, which takes the old for alive, carries along all requests from there on: half of
// all memory was copied, promoted, and marked once more. A trace of the collector showed it.
import { EventEmitter } from 'node:events'
import type { Duplex } from 'node:stream'
import { onceClosed } from '../../src/dataplane/sockets.js'
import { createStreams, type StreamInfo } from '../../src/dataplane/streams.js'
import { TestClock } from '../support/clock.js'
import { collect } from '../support/collect.js'

/** Mebibytes more in use after the young were collected, and nothing else. */
function leftBehind(comeAndGo: (load: object) => () => void): number {
  const run = (rounds: number): void => {
    for (let round = 0; round < rounds; round += 1) {
      // Some leave while others stay, so that there is always somebody in it.
      const leave: (() => void)[] = []
      for (let number = 0; number < 40; number += 1) {
        leave.push(comeAndGo({ load: new Array(500).fill(number) }))
        if (leave.length > 5) leave.shift()?.()
      }
      for (const one of leave) one()
      if (round % 5 === 0) collect({ type: 'minor' })
    }
  }
  run(50)
  collect()
  collect()
  run(50)
  collect({ type: 'minor' })
  const before = process.memoryUsage().heapUsed
  run(500)
  collect({ type: 'minor' })
  collect({ type: 'minor' })
  return (process.memoryUsage().heapUsed - before) / 2 ** 20
}

describe('what comes and goes with each request', () => {
  // Of the 80 MB that pass through.
  const bound = 8

  it('is gone with the next young collection: open streams', () => {
    const clock = new TestClock()
    const streams = createStreams({ clock })
    const hour = clock.now() + 3_600_000
    const left = leftBehind((load) => {
      const info = { id: 'r-1', closeAt: hour, sessionEndsAt: hour } as StreamInfo
      const stream = streams.expect().open({ ...info, ...load })
      return () => {
        stream.end()
      }
    })
    expect(left).toBeLessThan(bound)
    expect(streams.list()).toEqual([])
  })

  it('is gone with the next young collection: who waits for a socket to close', () => {
    const socket = Object.assign(new EventEmitter(), { destroyed: false }) as unknown as Duplex
    const left = leftBehind((load) => onceClosed(socket, () => load))
    expect(left).toBeLessThan(bound)
  })
})
