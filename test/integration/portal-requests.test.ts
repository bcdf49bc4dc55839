import type { AccessRequest } from '../../src/model.js'
import { createClient, type Answer, type Client } from '../support/client.js'
import { visibleText } from '../support/html.js'
import { accounts, operator, startPlant, type AccountName, type Plant } from '../support/plant.js'
import { principalId } from '../../src/identity/index.js'

const hour = 3_600_000
const clients = new Map<AccountName, Client>()
let plant: Plant

beforeAll(async () => {
  plant = await startPlant({ enrolled: ['vendor', 'stranger', 'approver', 'admin'] })
  await plant.issue({ endpoints: ['press-3'], until: '+1h' })
}, 30_000)
afterAll(async () => {
  for (const client of clients.values()) client.close()
  await plant.close()
})

const as = async (name: AccountName): Promise<Client> => {
  const known = clients.get(name)
  if (known && (await known.fetch(at('/'))).status === 200) return known
  known?.close()
  const client = await plant.signIn(name)
  clients.set(name, client)
  return client
}
const at = (path: string): string => plant.portal + path
const idOf = (name: AccountName): string => principalId(plant.provider.issuer, accounts[name].subject)
const good = {
  endpoints: 'press-3',
  access: 'view',
  start: 'approved',
  length: String(2 * hour),
  reason: 'Replace the valve',
  ticket: 'CHG-9',
}
const ask = async (name: AccountName, over: Record<string, string> = {}): Promise<Answer> => {
  const client = await as(name)
  return client.submit(await client.navigate(at('/request')), { ...good, ...over }, { action: '/request' })
}
const open = (): Promise<AccessRequest[]> => plant.gatehouse.services.requests.open()
const answerer = { actor: operator, roles: [], hasFreshCode: true }

afterEach(async () => {
  for (const { id } of await open())
    await plant.gatehouse.services.requests.deny(id, answerer, 'end of the test')
})

describe('asking for access', () => {
  it('takes one page, and the front page says where it stands', async () => {
    const home = await ask('vendor')
    expect(home.url.pathname).toBe('/')
    const text = visibleText(home)
    for (const part of [
      'What you asked for',
      'press-3 panel',
      'Waits for an answer',
      '2 h from the approval on',
      'Replace the valve',
    ])
      expect(text).toContain(part)
    const [request] = await open()
    expect(request).toMatchObject({
      by: { principalId: idOf('vendor'), email: accounts.vendor.email },
      terms: { endpoints: ['press-3'], access: 'view', from: null, lengthMs: 2 * hour },
      ticket: 'CHG-9',
    })
    await plant.gatehouse.services.requests.deny(request?.id ?? '', answerer, 'line <i>runs</i>')
    const denied = await (await as('vendor')).navigate(at('/'))
    expect(visibleText(denied)).toContain('Denied: line <i>runs</i>')
    expect(denied.text).not.toContain('<i>')
  })

  it('can be taken back, and again with one click', async () => {
    const client = await as('vendor')
    const home = await ask('vendor', { reason: 'Check the oil' })
    const [request] = await open()
    const back = await client.submit(home, {}, { action: `/request/${request?.id ?? ''}/withdraw` })
    expect(visibleText(back)).toContain('You took it back.')
    expect(await open()).toEqual([])
    const form = await client.navigate(at(`/request?again=${request?.id ?? ''}`))
    expect(form.text).toContain('value="Check the oil"')
    expect(form.text).toMatch(/id="endpoints-press-3"[^>]*checked/)
  })

  it('is offered on the front page for what runs and what has ended, filled in as that was', async () => {
    const ended = await plant.issue({ until: '+2h', access: 'view', reason: 'Change the belt' })
    await plant.revoke(ended)
    const client = await as('vendor')
    const home = await client.navigate(at('/'))
    expect(home.text).toContain(`href="/request?again=${ended.id}"`)
    const same = await client.navigate(at(`/request?again=${ended.id}`))
    expect(same.text).toContain('value="Change the belt"')
    expect(same.text).toMatch(/id="access-view"[^>]*checked/)
    const more = await client.click(home, 'Ask for more time: press-3 panel')
    expect(more.text).toMatch(/id="endpoints-press-3"[^>]*checked/)
    expect(more.text).toContain('value="test of the gate"')
  })

  it('for a set time keeps that time', async () => {
    const start = Math.ceil((plant.clock.now() + hour) / 60_000) * 60_000
    await ask('vendor', { start: 'at', from: new Date(start).toISOString().slice(0, 16) })
    expect(await open()).toMatchObject([{ terms: { from: start, lengthMs: 2 * hour } }])
  })

  it('for time from the first use says within which days, and is asked for again likewise', async () => {
    const home = await ask('vendor', { counts: 'first-use', within: String(72 * hour) })
    expect(visibleText(home)).toContain('2 h from the first use, within 3 d of the approval')
    const [request] = await open()
    expect(request).toMatchObject({
      terms: { from: null, lengthMs: 72 * hour, lastsFromFirstUseMs: 2 * hour },
    })
    const client = await as('vendor')
    const again = await client.navigate(at(`/request?again=${request?.id ?? ''}`))
    expect(again.text).toMatch(/id="counts-first-use"[^>]*checked/)
    expect(again.text).toMatch(/id="length-7200000"[^>]*checked/)
  })

  it.each([
    [{ counts: 'never' }, 'Choose when the time counts'],
    [{ counts: 'first-use', within: '1' }, 'Choose when the time counts'],
    [{ reason: '..' }, 'Say in a few words'],
    [{ length: '' }, 'Choose for how long'],
    [{ length: String(99 * hour) }, 'Choose for how long'],
    [{ start: 'at', from: '' }, 'Give a start'],
    [{ start: 'at', from: '2020-01-01T10:00' }, 'Give a start'],
    [{ endpoints: 'press-4' }, 'Choose at least one machine'],
    [{ endpoints: 'nowhere' }, 'Choose at least one machine'],
  ])('with a field that does not hold shows the form again: %j', async (over, says) => {
    const client = await as('vendor')
    const form = /name="form" value="([^"]+)"/.exec((await client.navigate(at('/request'))).text)?.[1] ?? ''
    const page = await client.fetch(at('/request'), {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'text/html' },
      body: new URLSearchParams({ form, ...good, ...over }).toString(),
    })
    expect(page.status).toBe(422)
    expect(visibleText(page)).toContain(says)
    expect(await open()).toEqual([])
  })

  it('shows nobody a machine that is not theirs to ask for, nor what others asked for', async () => {
    await ask('vendor')
    const [request] = await open()
    const client = await as('stranger')
    const page = await client.navigate(at(`/request?again=${request?.id ?? ''}`))
    expect(visibleText(page)).toContain('There is no machine that you can ask for here.')
    expect(page.text).not.toMatch(/press-3|valve/)
    const home = await client.navigate(at('/'))
    expect(home.text).not.toContain('/request')
    const token = /name="form" value="([^"]+)"/.exec(home.text)?.[1] ?? ''
    const answer = await client.fetch(at(`/request/${request?.id ?? ''}/withdraw`), {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ form: token }).toString(),
    })
    expect(answer.status).toBe(404)
    expect(await open()).toHaveLength(1)
  })

  it('is for whoever is signed in, and nothing happens without the token of the form', async () => {
    const nobody = createClient({ clock: plant.clock })
    expect((await nobody.fetch(at('/request'))).status).toBe(401)
    nobody.close()
    for (const path of ['/request', '/request/q-0000000000000000/withdraw'])
      expect((await (await as('vendor')).fetch(at(path), { method: 'POST' })).status).toBe(403)
  })

  it('speaks German to who wants that', async () => {
    const client = await as('vendor')
    const page = await client.fetch(at('/request'), {
      headers: { Accept: 'text/html', 'Accept-Language': 'de' },
    })
    expect(page.text).toContain('<html lang="de"')
    expect(page.text).toContain('Zugang beantragen')
  })
})
