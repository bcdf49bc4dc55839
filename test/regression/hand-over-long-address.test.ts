// The address a person came for travels through the hand-over and the sign-in, encoded anew at each step. A
// long one, as historians' dashboards have, became an address that our own portal refused: the person read
// "this request cannot be understood safely" and could not get in by their link at all.
import { createClient, type Client } from '../support/client.js'
import { startPlant, type Plant } from '../support/plant.js'

describe('a vendor who follows a link to a machine', () => {
  let plant: Plant
  let clients: Client[] = []

  beforeAll(async () => {
    plant = await startPlant()
    await plant.issue()
  }, 30_000)
  afterEach(() => {
    for (const client of clients) client.close()
    clients = []
  })
  afterAll(() => plant.close())

  const arriveAt = async (path: string): Promise<string> => {
    const client = createClient({ clock: plant.clock })
    clients.push(client)
    const form = await plant.signInWithPassword(client, 'vendor', plant.origin('press-3') + path)
    const page = await client.submit(form, { code: await plant.code('vendor') })
    expect(page.status).toBe(200)
    expect(page.url.origin).toBe(plant.origin('press-3'))
    return page.url.pathname + page.url.search
  }

  it.each([120, 480, 960])('arrives where it leads, %d characters away', async (length) => {
    const path = `/graph?expr=${'rate(x[5m])+'.repeat(length / 12)}`
    expect(await arriveAt(path)).toBe(path)
  })

  it.each([2_000, 4_000, 8_000])(
    'arrives at the machine, when %d characters are too many',
    async (length) => {
      expect(await arriveAt(`/graph?expr=${'%22'.repeat(length / 3)}`)).toBe('/')
    },
  )
})
