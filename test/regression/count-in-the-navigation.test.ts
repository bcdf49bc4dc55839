// Each page of each approver and administrator read every open request, up to 1,020 of them, and proved each field, for one
// number in the navigation: with the hints that tell all pages of a change, one vendor who asks kept Redis busy.
import type { Client } from '../support/client.js'
import { visibleText } from '../support/html.js'
import { operator, startPlant, type Plant } from '../support/plant.js'

const hour = 3_600_000
const answerer = { actor: operator, roles: [], hasFreshCode: true }

describe('the number of open requests in the navigation', () => {
  let plant: Plant
  let clients: Client[]
  beforeEach(async () => {
    plant = await startPlant({ enrolled: ['vendor', 'approver'] })
    clients = []
  }, 30_000)
  afterEach(async () => {
    for (const client of clients) client.close()
    await plant.close()
  })

  const requestsRead = async (): Promise<number> => {
    const { store } = plant.gatehouse.services
    const info = await store.run((redis) => redis.info('commandstats'))
    return Number(/cmdstat_hgetall:calls=(\d+)/.exec(info)?.[1] ?? 0)
  }

  it('is right, without one of them being read', async () => {
    const { requests } = plant.gatehouse.services
    await plant.issue({ endpoints: ['press-3'] })
    const vendor = await plant.signIn('vendor')
    const approver = await plant.signIn('approver')
    clients.push(vendor, approver)
    for (const reason of ['the valve', 'the pump', 'the belt']) {
      const form = await vendor.navigate(`${plant.portal}/request`)
      const asked = {
        endpoints: 'press-3',
        access: 'view',
        start: 'approved',
        length: String(2 * hour),
        reason,
      }
      await vendor.submit(form, asked, { action: '/request' })
    }
    const [first] = await requests.open()
    const page = visibleText(await approver.navigate(`${plant.portal}/admin/lockdowns`))
    expect(page).toMatch(/Requests\W*3\b/)

    const before = await requestsRead()
    expect(before).toBeGreaterThan(0)
    expect(await requests.countOpen()).toBe(3)
    await approver.navigate(`${plant.portal}/admin/lockdowns`)
    expect((await requestsRead()) - before).toBeLessThan(3)

    await requests.deny(first?.id ?? '', answerer, 'not today')
    expect(await requests.countOpen()).toBe(2)
    await plant.clock.advance({ hours: 24 * 31 })
    expect(await requests.countOpen()).toBe(0)
  })
})
