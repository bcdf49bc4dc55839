import { execFile } from 'node:child_process'
import { join } from 'node:path'
import type { Report } from '../soak/run.js'

const root = join(import.meta.dirname, '../..')
/** Gives way on a slow machine: what is found matters, not how much it was. */
const requests = 25_000
const minutes = 0.6

/** The short form of `npm run test:soak`: two instances as processes, one Redis, and all that can fail. */
describe('a day of traffic and faults in half a minute', () => {
  let report: Report

  beforeAll(async () => {
    report = await liveShortDay('--seed', '20261127')
  }, 240_000)

  it('forwards nothing without a grant, and loses nothing', () => {
    expect(report.violations).toEqual([])
    expect(report.problems).toEqual([])
  })

  it('had something to find: requests of each kind, and acts and faults of most', () => {
    const { requests: arrived, changing, websockets, messages } = report.verdict.arrived
    for (const count of [arrived, changing, websockets, messages]) expect(count).toBeGreaterThan(20)
    expect(report.verdict.grants).toBeGreaterThan(10)
    expect(Object.keys(report.day.faults).length).toBeGreaterThanOrEqual(4)
  })
})

function liveShortDay(...more: string[]): Promise<Report> {
  const argv = [
    ...['--import', join(root, 'test/support/typescript.mjs'), join(root, 'test/soak/run.ts')],
    ...['--source', '--json', '--requests', String(requests), '--minutes', String(minutes), '--gap', '0.7'],
    ...more,
  ]
  return new Promise((resolve, reject) => {
    execFile(process.execPath, argv, { cwd: root, maxBuffer: 2 ** 24 }, (error, stdout, stderr) => {
      // Status 1 is for what was found, or for a machine too slow for all of it; there is a report then, too.
      if (stdout.startsWith('{')) resolve(JSON.parse(stdout) as Report)
      else reject(new Error(`no report:\n${stderr.slice(-5_000)}`, { cause: error }))
    })
  })
}
