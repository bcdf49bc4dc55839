import { launchBrowser, screenshot, type TestBrowser } from '../support/browser.js'
import { recordsOf } from '../support/ledger.js'
import { startNodeRed, type NodeRed } from '../support/node-red.js'
import { startNoVnc, type NoVnc } from '../support/no-vnc.js'
import {
  hostHeaders,
  screens,
  sitDown,
  type HostHeader,
  type ScreenName,
  type Sitting,
  type Visit,
} from '../support/plant-software.js'
import { startPlant, type Plant } from '../support/plant.js'
import { startPrometheus, type Prometheus } from '../support/prometheus.js'

/** Five minutes are what is promised; less is for working on this file. */
const seconds = Number(process.env.GATEHOUSE_SOAK_SECONDS ?? 300)

const screenNames = Object.keys(screens) as ScreenName[]
const megabyte = 1024 * 1024

/** One screen, as it was seen during the first and the second half of the time. */
interface Watched {
  readonly screen: ScreenName
  readonly by: 'itself' | HostHeader
  readonly sitting: Sitting
  readonly glances: readonly [Set<string>, Set<string>]
  readonly frames: readonly [number, number]
}

/**
 * Everything at once and through one Gatehouse, each screen under both host headers, and beside them the
 * same screens at their own addresses: what those suffer as well is not ours.
 */
describe(`plant software that is left open for ${seconds} seconds`, () => {
  let nodeRed: NodeRed
  let prometheus: Prometheus
  let noVnc: NoVnc
  let browser: TestBrowser
  let plant: Plant
  let watched: Watched[]
  let residentBytes: number[]
  let stopClock: () => void

  beforeAll(
    async () => {
      ;[nodeRed, prometheus, noVnc, browser] = await Promise.all([
        startNodeRed(),
        startPrometheus(),
        startNoVnc(),
        launchBrowser(),
      ])
      const addresses: Record<ScreenName, string> = {
        editor: nodeRed.url,
        dashboard: nodeRed.url,
        trends: prometheus.url,
        screen: noVnc.url,
      }
      plant = await startPlant({
        endpoints: hostHeaders.flatMap((hostHeader) =>
          screenNames.map((screen) => ({
            id: `${screen}-${hostHeader}`,
            upstream: addresses[screen],
            hostHeader,
          })),
        ),
      })
      stopClock = plant.clock.keepPace()
      watched = []
      for (const by of ['itself', ...hostHeaders] as const)
        for (const screen of screenNames) {
          const isDirect = by === 'itself'
          const visit: Visit = {
            browser,
            name: `soak/${screen}-${by}`,
            origin: isDirect ? addresses[screen] : plant.origin(`${screen}-${by}`),
            enter: (page) => (isDirect ? Promise.resolve() : plant.signInPage(page, 'vendor')),
          }
          const sitting = await sitDown(visit, screen)
          watched.push({ screen, by, sitting, glances: [new Set(), new Set()], frames: [0, 0] })
        }
      residentBytes = []
      await watchHalf(0)
      await watchHalf(1)
      for (const { sitting } of watched) await screenshot(sitting.window.page, sitting.name)
    },
    (seconds + 420) * 1000,
  )
  afterAll(async () => {
    stopClock()
    await browser.close()
    await Promise.all([plant.close(), nodeRed.close(), prometheus.close(), noVnc.close()])
  }, 60_000)

  async function watchHalf(half: 0 | 1): Promise<void> {
    const framesOf = ({ sitting }: Watched): number =>
      sitting.window.webSockets.reduce((sum, socket) => sum + socket.framesReceived, 0)
    const before = watched.map(framesOf)
    const end = performance.now() + (seconds / 2) * 1000
    while (performance.now() < end) {
      for (const { sitting, glances } of watched) glances[half].add(await sitting.glance())
      residentBytes.push(process.memoryUsage.rss())
      await new Promise((resolve) => setTimeout(resolve, 1_000))
    }
    watched = watched.map((one, index) => {
      const during = framesOf(one) - (before[index] ?? 0)
      return { ...one, frames: half === 0 ? [during, 0] : [one.frames[0], during] }
    })
  }

  describe.each(hostHeaders)('with the host header of %s', (by) => {
    describe.each(screenNames)('on the %s', (screen) => {
      const find = (wanted: Watched['by']): Watched => {
        const found = watched.find((one) => one.screen === screen && one.by === wanted)
        if (found === undefined) throw new Error(`nobody watched ${screen} by ${wanted}`)
        return found
      }
      const socketsOf = ({ sitting }: Watched): { path: string; isClosed: boolean }[] =>
        sitting.window.webSockets.map(({ url, isClosed }) => ({ path: new URL(url).pathname, isClosed }))

      it('keeps its first WebSocket, which never falls silent', () => {
        const sockets = socketsOf(find(by))
        expect(sockets).toEqual(screen === 'trends' ? [] : [{ path: expect.any(String), isClosed: false }])
        expect(sockets).toEqual(socketsOf(find('itself')))
        const least = screen === 'trends' ? 0 : seconds / 10
        for (const frames of find(by).frames) expect(frames).toBeGreaterThanOrEqual(least)
      })

      it('shows values that change, to the end', () => {
        for (const seen of find(by).glances) expect(seen.size).toBeGreaterThan(2)
      })

      it('meets no error, failed request or refusal that is not there without Gatehouse', () => {
        const own = find('itself').sitting.problems()
        const added = find(by)
          .sitting.problems()
          .filter((problem) => !own.includes(problem))
        expect(added).toEqual([])
      })
    })
  })

  it('has no stream cut or failed on record, and its WebSockets are those of the beginning', async () => {
    const completed = await recordsOf(plant.config.audit.directory, 'request.completed')
    expect(completed.length).toBeGreaterThan(0)
    expect(completed.filter(({ end }) => end === 'cut' || end === 'upstream-failed')).toEqual([])
    const live = plant.gatehouse.streams().filter(({ kind }) => kind === 'websocket')
    const oldest = plant.clock.now() - seconds * 1000
    expect(live.filter(({ startedAt }) => startedAt <= oldest)).toHaveLength(hostHeaders.length * 3)
  })

  it('costs no more memory at the end than in the middle', () => {
    const quarter = Math.floor(residentBytes.length / 4)
    const second = median(residentBytes.slice(quarter, 2 * quarter))
    const last = median(residentBytes.slice(-quarter))
    expect((last - second) / megabyte).toBeLessThan(100)
  })
})

function median(numbers: readonly number[]): number {
  return numbers.toSorted((a, b) => a - b)[Math.floor(numbers.length / 2)] ?? Number.NaN
}
