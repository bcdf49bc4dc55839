// Before anyone signed in, the portal told which machines exist: a return address at a configured endpoint
// was accepted, one at any other name refused. An outsider could list a plant's machines by asking.
//
// And each start of a login left a cookie of up to 3 KB for ten minutes. A page that started five of them in a
// tab of its own filled the header limit, after which the victim's browser got a bare 400 from the portal.
import { createClient, type Client } from '../support/client.js'
import { startPlant, type Plant } from '../support/plant.js'

describe('the portal, before anyone has signed in', () => {
  let plant: Plant
  let client: Client

  beforeAll(async () => {
    plant = await startPlant()
  }, 30_000)
  beforeEach(() => {
    client = createClient({ clock: plant.clock })
  })
  afterEach(() => {
    client.close()
  })
  afterAll(() => plant.close())

  const at = (path: string, to: string): string =>
    `${plant.portal}${path}?${new URLSearchParams({ to }).toString()}`

  it('does not tell a machine that exists from one that does not', async () => {
    const ask = async (id: string) =>
      (await client.navigate(at('/sign-in', `${plant.origin(id)}/trend`))).status
    expect(await ask('press-3')).toBe(200)
    expect(await ask('press-77')).toBe(200)
  })

  it('still refuses hosts that no endpoint can have', async () => {
    const port = new URL(plant.portal).port
    for (const host of ['a.b.plant.localhost', '-x.plant.localhost', 'plant.localhost', 'xplant.localhost']) {
      expect((await client.navigate(at('/sign-in', `http://${host}:${port}/`))).status).toBe(400)
    }
  })

  it('lets a browser sign in that has started many logins before', async () => {
    for (let login = 0; login < 9; login += 1) {
      const start = at('/sign-in/start', `/${'x'.repeat(1_900)}`)
      expect((await client.navigate(start, { follow: false })).status).toBe(303)
    }
    const form = await plant.signInWithPassword(client, 'vendor')
    expect(form.url.pathname).toBe('/second-factor')
  })
})
