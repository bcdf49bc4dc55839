import { launchBrowser, type TestBrowser } from '../support/browser.js'
import { startNoVnc, type NoVnc } from '../support/no-vnc.js'
import { startNodeRed, type NodeRed } from '../support/node-red.js'
import {
  deployFromEditor,
  hostHeaders,
  operateScreen,
  queryPrometheus,
  watchDashboard,
  type HostHeader,
  type Sighting,
  type Visit,
} from '../support/plant-software.js'
import { startPlant, type Plant } from '../support/plant.js'
import { startPrometheus, type Prometheus } from '../support/prometheus.js'

/**
 * Each piece of work is done twice with the same software, first at its own address and then through
 * Gatehouse. Software has faults of its own; what must not happen is that ours come on top.
 */
describe('plant software that we did not write', () => {
  let nodeRed: NodeRed
  let prometheus: Prometheus
  let noVnc: NoVnc
  let browser: TestBrowser
  let plant: Plant

  beforeAll(async () => {
    ;[nodeRed, prometheus, noVnc, browser] = await Promise.all([
      startNodeRed(),
      startPrometheus(),
      startNoVnc(),
      launchBrowser(),
    ])
    plant = await startPlant({
      endpoints: hostHeaders.flatMap((hostHeader) => [
        { id: `node-red-${hostHeader}`, upstream: nodeRed.url, hostHeader },
        { id: `trends-${hostHeader}`, kind: 'historian' as const, upstream: prometheus.url, hostHeader },
        { id: `panel-pc-${hostHeader}`, upstream: noVnc.url, hostHeader },
      ]),
    })
  }, 90_000)
  afterAll(async () => {
    await browser.close()
    await Promise.all([plant.close(), nodeRed.close(), prometheus.close(), noVnc.close()])
  })

  const directly = (name: string, origin: string): Visit => ({
    browser,
    origin,
    name: `${name}-direct`,
    enter: async () => undefined,
  })
  const throughGatehouse = (
    name: string,
    machine: string,
    hostHeader: HostHeader,
    direct: Sighting,
  ): Visit => ({
    browser,
    awaits: direct.assets,
    origin: plant.origin(`${machine}-${hostHeader}`),
    name: `${name}-through-${hostHeader}`,
    enter: (page) => plant.signInPage(page, 'vendor'),
  })
  const expectNothingNew = (through: Sighting, direct: Sighting): void => {
    expect(through.problems.filter((problem) => !direct.problems.includes(problem))).toEqual([])
    expect(direct.assets.filter((asset) => !through.assets.includes(asset))).toEqual([])
    expect(through.webSockets).toEqual(direct.webSockets)
    expect(through.serviceWorkers).toEqual(direct.serviceWorkers)
  }

  it('lets an engineer deploy a flow in the Node-RED editor', async () => {
    const direct = await deployFromEditor(directly('editor', nodeRed.url), 'set by hand')
    expect(direct.webSockets).toContain('/comms')
    for (const by of hostHeaders) {
      const through = await deployFromEditor(
        throughGatehouse('editor', 'node-red', by, direct),
        `set through ${by}`,
      )
      expectNothingNew(through, direct)
    }
    const names = (await nodeRed.deployedFlows()).map((node) => node.name)
    const wanted = ['set by hand', ...hostHeaders.map((by) => `set through ${by}`)]
    expect(names).toEqual(expect.arrayContaining(wanted))
  }, 120_000)

  it('shows values that change on a Node-RED dashboard, and takes one from it', async () => {
    const direct = await watchDashboard(directly('dashboard', nodeRed.url), nodeRed.dashboardPath)
    expect(direct.webSockets).toContain('/dashboard/socket.io/')
    expect(direct.serviceWorkers).toEqual(['/dashboard/'])
    for (const by of hostHeaders) {
      const visit = throughGatehouse('dashboard', 'node-red', by, direct)
      expectNothingNew(await watchDashboard(visit, nodeRed.dashboardPath), direct)
    }
  }, 120_000)

  it('answers a query in the Prometheus pages', async () => {
    const direct = await queryPrometheus(directly('prometheus', prometheus.url))
    expect(direct.assets).toContain('/classic/graph')
    for (const by of hostHeaders) {
      const through = await queryPrometheus(throughGatehouse('prometheus', 'trends', by, direct))
      expectNothingNew(through, direct)
    }
  }, 120_000)

  it('shows the screen of a panel PC over noVNC, and takes pointer and keys to it', async () => {
    const operate = (visit: Visit, line: string): Promise<Sighting> =>
      operateScreen(visit, noVnc.screenPath, line, noVnc.entered)
    const direct = await operate(directly('screen', noVnc.url), 'entered by hand')
    expect(direct.webSockets).toEqual(['/websockify'])
    for (const by of hostHeaders) {
      const through = await operate(
        throughGatehouse('screen', 'panel-pc', by, direct),
        `entered through ${by}`,
      )
      expectNothingNew(through, direct)
    }
  }, 120_000)
})
