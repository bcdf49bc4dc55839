// Whoever could write to Redis kept a copy of a session's token, waited for its owner to enter a one-time code, which gives the
// session a new token, and put the old one back beside the new record: a copied cookie was alive again, and fresh. A cookie that
// was given up for a new one must open nothing.
import { createClient, type Client } from '../support/client.js'
import { startPlant, type Plant } from '../support/plant.js'

describe('a session token that was given up and is put back in Redis', () => {
  let plant: Plant
  const clients: Client[] = []
  beforeAll(async () => {
    plant = await startPlant({ enrolled: ['admin'] })
  }, 30_000)
  afterAll(async () => {
    for (const client of clients) client.close()
    await plant.close()
  })

  it('opens nothing', async () => {
    const { store, sessions } = plant.gatehouse.services
    const owner = await plant.signIn('admin')
    const thief = createClient({ clock: plant.clock })
    clients.push(owner, thief)
    const cookie = (): string =>
      owner.cookies.header(new URL(plant.portal), { isForeign: false, navigation: 'safe' })
    const asThief = async (stolen: string): Promise<number> =>
      (await thief.fetch(`${plant.portal}/admin`, { headers: { Cookie: stolen } })).status
    const [session] = await sessions.list()
    const key = store.key('session', session?.id ?? '')
    const stolen = cookie()
    expect(await asThief(stolen)).toBe(200)
    const kept = await store.run((redis) => redis.hget(key, 'token'))

    await plant.clock.advance({ minutes: 6 })
    const form = await owner.navigate(`${plant.portal}/second-factor/again`)
    await owner.submit(form, { code: await plant.code('admin') })
    expect(await asThief(stolen)).toBe(401)
    await store.run((redis) => redis.hset(key, 'token', kept ?? ''))
    expect(await asThief(stolen)).toBe(401)
  })
})
