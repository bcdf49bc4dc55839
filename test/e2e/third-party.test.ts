import { launchBrowser, type TestBrowser } from '../support/browser.js'
import { startNoVnc, type NoVnc } from '../support/no-vnc.js'
import { startNodeRed, type NodeRed } from '../support/node-red.js'
import {
  deployFromEditor,
  operateScreen,
  queryPrometheus,
  watchDashboard,
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
      endpoints: [
        { id: 'node-red', kind: 'hmi', upstream: nodeRed.url },
        { id: 'trends', kind: 'historian', upstream: prometheus.url },
        { id: 'panel-pc', kind: 'hmi', upstream: noVnc.url },
      ],
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
  const throughGatehouse = (name: string, id: string): Visit => ({
    browser,
    origin: plant.origin(id),
    name: `${name}-through`,
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
    const through = await deployFromEditor(throughGatehouse('editor', 'node-red'), 'set through the gate')
    expectNothingNew(through, direct)
    const names = (await nodeRed.deployedFlows()).map((node) => node.name)
    expect(names).toEqual(expect.arrayContaining(['set by hand', 'set through the gate']))
  }, 90_000)

  it('shows values that change on a Node-RED dashboard, and takes one from it', async () => {
    const direct = await watchDashboard(directly('dashboard', nodeRed.url), nodeRed.dashboardPath)
    expect(direct.webSockets).toContain('/dashboard/socket.io/')
    expect(direct.serviceWorkers).toEqual(['/dashboard/'])
    const through = await watchDashboard(throughGatehouse('dashboard', 'node-red'), nodeRed.dashboardPath)
    expectNothingNew(through, direct)
  }, 90_000)

  it('answers a query in the Prometheus pages', async () => {
    const direct = await queryPrometheus(directly('prometheus', prometheus.url))
    expect(direct.assets).toContain('/classic/graph')
    const through = await queryPrometheus(throughGatehouse('prometheus', 'trends'))
    expectNothingNew(through, direct)
  }, 90_000)

  it('shows the screen of a panel PC over noVNC, and takes pointer and keys to it', async () => {
    const operate = (visit: Visit, line: string): Promise<Sighting> =>
      operateScreen(visit, noVnc.screenPath, line, noVnc.entered)
    const direct = await operate(directly('screen', noVnc.url), 'entered by hand')
    expect(direct.webSockets).toEqual(['/websockify'])
    const through = await operate(throughGatehouse('screen', 'panel-pc'), 'entered through the gate')
    expectNothingNew(through, direct)
  }, 90_000)
})
