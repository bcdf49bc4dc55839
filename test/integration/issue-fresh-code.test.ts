import type { Grant } from '../../src/model.js'
import { createClient, type Answer, type Client } from '../support/client.js'
import { visibleText } from '../support/html.js'
import { startPlant, type Plant } from '../support/plant.js'

describe('the form that gives access', () => {
  let plant: Plant
  let client: Client
  beforeEach(async () => {
    plant = await startPlant({ enrolled: ['vendor', 'admin'] })
    client = await plant.signIn('admin')
  }, 30_000)
  afterEach(async () => {
    client.close()
    await plant.close()
  })

  const terms = (): Record<string, string> => ({
    to: 'vendor@vendor.example',
    endpoints: 'press-3',
    access: 'operate',
    start: 'now',
    end: '3600000',
    ending: 'cut',
    reason: 'belt of press 3',
  })
  const form = (): Promise<Answer> => client.navigate(`${plant.portal}/admin/grants/new`)
  const issued = async (): Promise<number> => (await plant.gatehouse.services.grants.list()).length
  const asksForCode = (answer: Answer): boolean => answer.text.includes('name="code"')
  const cookie = (): string =>
    client.cookies.header(new URL(plant.portal), { isForeign: false, navigation: 'safe' })

  it('asks for nothing more of somebody who has just signed in', async () => {
    const page = await form()
    expect(asksForCode(page)).toBe(false)
    expect((await client.submit(page, terms())).status).toBe(200)
    expect(await issued()).toBe(1)
  })

  it('asks for a code where that of the session is old, and gives nothing without', async () => {
    const open = await form()
    await plant.clock.advance({ minutes: 5 })
    // Also where the page was opened while it was fresh.
    const refused = await client.submit(open, terms())
    expect(refused.status).toBe(403)
    expect(visibleText(refused)).toContain('Nothing was issued. Enter a one-time code.')
    expect(refused.text).toContain('value="belt of press 3"')
    expect(asksForCode(refused)).toBe(true)
    expect(await issued()).toBe(0)

    const wrong = await client.submit(refused, { ...terms(), code: '000000' })
    expect(wrong.status).toBe(422)
    expect(visibleText(wrong)).toContain('That code is not right.')
    expect(await issued()).toBe(0)

    const right = await client.submit(wrong, { ...terms(), code: await plant.code('admin') })
    expect(visibleText(right)).toContain('Grant issued')
    expect(await issued()).toBe(1)
    expect(asksForCode(await form())).toBe(false)
  })

  it('takes a code once, and remembers it where something else has to be mended', async () => {
    await plant.clock.advance({ minutes: 6 })
    const code = await plant.code('admin')
    const before = cookie()
    const refused = await client.submit(await form(), { ...terms(), reason: '', code })
    expect(refused.status).toBe(422)
    expect(asksForCode(refused)).toBe(false)
    expect(await issued()).toBe(0)
    expect((await client.submit(refused, terms())).status).toBe(200)
    expect(await issued()).toBe(1)

    const thief = createClient({ clock: plant.clock })
    const stolen = await thief.fetch(`${plant.portal}/admin`, { headers: { Cookie: before } })
    expect(stolen.status).toBe(401)
    thief.close()
    await plant.clock.advance({ minutes: 5 })
    const replayed = await client.submit(await form(), { ...terms(), code })
    expect(replayed.status).toBe(422)
    expect(await issued()).toBe(1)
  })

  it('says in German what is missing', async () => {
    client.cookies.plant(plant.portal, '__Host-gatehouse-language', 'de')
    await plant.clock.advance({ minutes: 6 })
    const refused = await client.submit(await form(), terms())
    expect(visibleText(refused)).toContain('Einmalcode')
    expect(visibleText(refused)).not.toContain('Enter')
  })

  // More time for a grant that had not begun gave access as a new one does, and took a cookie alone.
  it('and more time for what is not open yet ask for a code; more time for what is open does not', async () => {
    const later = await plant.issue({ from: '+4h', until: '+6h' })
    const open = await plant.issue({ endpoints: ['press-4'], until: '+2h' })
    await plant.clock.advance({ minutes: 6 })
    const extend = async ({ id, until }: Grant): Promise<Answer> => {
      const page = await client.navigate(`${plant.portal}/admin/grants/${id}`)
      const fields = { until: new Date(until + 3_600_000).toISOString(), why: 'work goes on' }
      return client.submit(page, fields, { action: `/admin/grants/${id}/extend` })
    }
    const endOf = async ({ id }: Grant) => (await plant.gatehouse.services.grants.get(id))?.until

    expect(visibleText(await extend(open))).toContain('The grant was extended.')
    const asked = await extend(later)
    expect(asked.url.pathname).toBe('/second-factor/again')
    expect(await endOf(later)).toBe(later.until)
    await client.submit(asked, { code: await plant.code('admin') })
    expect(visibleText(await extend(later))).toContain('The grant was extended.')
    expect(await endOf(later)).toBe(later.until + 3_600_000)
  })
})
