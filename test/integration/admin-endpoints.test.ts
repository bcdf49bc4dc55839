import { lockDown } from '../../src/admin/index.js'
import type { Client } from '../support/client.js'
import { visibleText } from '../support/html.js'
import { operator, startPlant, type Plant } from '../support/plant.js'
import { startMachine, type Machine } from '../support/machine.js'
import { until } from '../support/until.js'

let plant: Plant
let alive: Machine
let approver: Client

beforeAll(async () => {
  alive = await startMachine()
  const gone = await startMachine()
  await gone.close()
  const probe = 'probe: { path: /, intervalSeconds: 30 }'
  plant = await startPlant({
    enrolled: ['approver', 'vendor'],
    endpoints: [
      { id: 'press-3', upstream: alive.url, more: probe },
      { id: 'press-4', upstream: gone.url, more: probe },
      { id: 'oven-1', upstream: alive.url },
    ],
    granted: ['press-3'],
  })
  approver = await plant.signIn('approver')
}, 60_000)
afterAll(async () => {
  approver.close()
  await plant.close()
  await alive.close()
})

const read = async (query = ''): Promise<string> =>
  visibleText(await approver.navigate(`${plant.portal}/admin/endpoints${query}`))

describe('the page of machines', () => {
  it('says which answer, which do not, and which are not asked', async () => {
    await until('both were asked', async () => {
      await plant.clock.advance({ seconds: 10 })
      return plant.gatehouse.health().length === 2
    })
    const text = await read()
    expect(text).toMatch(/press-3 panel Hall B, press-3 answers \(\d\d\d\) since/)
    expect(text).toMatch(/press-4 panel Hall B, press-4 does not answer since .*upstream-/)
    expect(text).toMatch(/oven-1 panel Hall B, oven-1 not asked nobody nothing/)
    const silent = await read('?state=unreachable')
    expect(silent).toContain('press-4 panel')
    expect(silent).not.toContain('press-3 panel')
  })

  it('names who may open a machine now, and what is open', async () => {
    const page = await approver.navigate(`${plant.portal}/admin/endpoints?state=granted`)
    expect(visibleText(page)).toContain('ana@machines.example')
    expect(visibleText(page)).not.toContain('oven-1')
    expect((await approver.click(page, 'ana@machines.example')).url.pathname).toMatch(/^\/admin\/grants\/g-/)
    const vendor = await plant.signIn('vendor')
    await vendor.navigate(plant.origin('press-3'))
    const live = await vendor.openWebSocket(`${plant.origin('press-3')}/live`)
    await live.next()
    expect(await read('?state=open')).toContain('1 connection')
    vendor.close()
  })

  it('marks what is stopped, and finds machines by name', async () => {
    const { people, lockdowns } = plant.gatehouse.services
    await lockDown({ people, lockdowns }, { scope: 'endpoint:oven-1', reason: 'maintenance' }, operator)
    expect(await read('?state=stopped')).toMatch(/oven-1 panel Hall B, oven-1 stopped See what is closed/)
    expect(await read('?q=OVEN')).not.toContain('press-3')
    expect(await read('?q=nothing')).toContain('Nothing fits')
  })
})
