import type { Grant } from '../../src/model.js'
import type { Client } from '../support/client.js'
import { visibleText } from '../support/html.js'
import { startPlant, type Plant } from '../support/plant.js'

const minute = 60_000
const hour = 60 * minute

let plant: Plant
let client: Client

beforeEach(async () => {
  plant = await startPlant({ enrolled: ['vendor', 'admin'] })
  client = await plant.signIn('vendor')
}, 30_000)
afterEach(async () => {
  client.close()
  await plant.close()
})

const press = (path = '/'): string => plant.origin('press-3') + path
const timeOfDay = (at: number): string => new Date(at).toISOString().slice(11, 16)
const advanceTo = (instant: number): Promise<void> => plant.clock.advance({ ms: instant - plant.clock.now() })

/** From now for two days, every day for half an hour and again three hours later; the plant's time is UTC. */
async function begin(): Promise<Grant> {
  const now = plant.clock.now()
  return plant.issue({
    until: '+2d',
    weekly: [0, 3 * hour].map(
      (after) => `mon-sun ${timeOfDay(now + after)}-${timeOfDay(now + after + 30 * minute)}`,
    ),
  })
}

describe('a grant with weekly windows', () => {
  it('cuts what is open when its window ends, lets nobody in until the next, and then does', async () => {
    const grant = await begin()
    const [first, second] = grant.conditions.windows
    if (first === undefined || second === undefined) throw new Error('there are several windows')
    expect((await client.navigate(press())).status).toBe(200)
    const live = await client.openWebSocket(press('/live'))
    await live.next()
    expect(plant.gatehouse.streams().map(({ closeAt }) => closeAt)).toEqual([first.until])
    await advanceTo(first.until)
    expect(await live.closed).toEqual({ code: 1008, reason: 'grant-ended' })
    const denied = await client.fetch(press())
    expect([denied.status, (denied.json() as { code: unknown }).code]).toEqual([403, 'grant-outside-window'])
    expect(visibleText(await client.navigate(press()))).toContain('Your access is paused')
    await advanceTo(second.from)
    expect((await client.fetch(press())).status).toBe(200)
  })

  it('is shown with the window that comes next', async () => {
    const grant = await begin()
    const [first, second] = grant.conditions.windows
    if (first === undefined || second === undefined) throw new Error('there are several windows')
    const portal = async (): Promise<string> => visibleText(await client.navigate(plant.portal))
    expect(await portal()).toMatch(/Open now.*min left/s)
    await advanceTo(first.until)
    const paused = await portal()
    expect(paused).not.toContain('Open now')
    expect(paused).toMatch(/Starts in 2 h/)
    expect(paused).toContain(timeOfDay(second.from))
    const admin = await plant.signIn('admin')
    const list = visibleText(await admin.navigate(`${plant.portal}/admin`))
    expect(list).toMatch(/Paused, goes on in 2 h/)
    const page = visibleText(await admin.navigate(`${plant.portal}/admin/grants/${grant.id}`))
    expect(page).not.toContain('Give more time')
    admin.close()
  })
})
