// A page can have a browser fetch another origin ahead of a click that never comes (speculation rules). To a
// sibling host the browser sends cookies with that, and calls it a navigation: a hostile machine could so make
// requests to the others, which on old panels is enough to change things, and nobody saw a page open.
import { startPlant, type Plant } from '../support/plant.js'

describe('a request that a browser makes ahead of time', () => {
  let plant: Plant

  beforeAll(async () => {
    plant = await startPlant()
    await plant.issue()
  }, 30_000)
  afterAll(() => plant.close())

  it.each(['prefetch', 'prefetch;prerender'])(
    'for the page of another machine is refused: %s',
    async (purpose) => {
      const client = await plant.signIn('vendor')
      const press = plant.origin('press-3')
      const from = await client.navigate(press)
      const before = plant.machine.received.length
      const sibling = { ...from, url: new URL(plant.origin('press-4')) }
      const ahead = await client.navigate(`${press}/start-motor`, {
        from: sibling,
        headers: { 'Sec-Purpose': purpose },
      })
      expect([ahead.status, plant.machine.received.length]).toEqual([403, before])
      const own = await client.navigate(`${press}/trend`, { from, headers: { 'Sec-Purpose': purpose } })
      const clicked = await client.navigate(`${press}/trend`, { from: sibling })
      expect([own.status, clicked.status]).toEqual([200, 200])
      client.close()
    },
  )
})
