// How long something that is due waits for the event loop of a Gatehouse that has all it can do.
import { askAsEach } from '../site.js'
import { beginLoad, connections, endLoad, measureLoad, warmUpSeconds } from '../load.js'
import { atMost, type Measure } from '../measure.js'

export const delay: Measure = {
  name: 'delay',
  about: 'event-loop delay at full load',
  needsNginx: false,
  async run({ site, clients, isQuick, say }) {
    const seconds = isQuick ? 2 : 15
    const gate = await site.startGatehouse()
    await beginLoad(clients, askAsEach(site, gate))
    say('warming up')
    await measureLoad(clients, warmUpSeconds(isQuick))
    say(`watching for ${seconds} s`)
    await gate.ask('beginDelays', null)
    const load = await measureLoad(clients, seconds, [gate.id])
    const delays = await gate.ask('endDelays', null)
    await endLoad(clients)
    await gate.close()
    const { p50Ms, p99Ms, worstMs } = delays
    return {
      title: 'Event-loop delay at full load',
      text: `Over ${seconds} s under the load of ${connections} connections, in the process itself (\`perf_hooks.monitorEventLoopDelay\` with a timer of 1 ms, which is part of each figure).`,
      table: {
        head: ['', 'requests/s', 'p50 ms', 'p99 ms', 'worst ms'],
        rows: [
          [
            '**Gatehouse**',
            (load.answered / load.seconds).toFixed(0),
            ...[p50Ms, p99Ms, worstMs].map((ms) => ms.toFixed(1)),
          ],
        ],
      },
      verdicts: [atMost('Event-loop delay at full load, p99', 20, p99Ms, ' ms')],
      figures: delays,
    }
  },
}
