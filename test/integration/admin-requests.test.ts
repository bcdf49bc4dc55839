import type { Grant } from '../../src/model.js'
import { principalId } from '../../src/identity/index.js'
import type { Answer, Client } from '../support/client.js'
import { visibleText } from '../support/html.js'
import { accounts, startPlant, type AccountName, type Plant } from '../support/plant.js'

const hour = 3_600_000
const clients: Client[] = []
let plant: Plant

beforeAll(async () => {
  const upstream = 'http://127.0.0.1:9'
  plant = await startPlant({
    extra: 'portal: { requestable: all }',
    endpoints: [
      { id: 'press-3', upstream },
      { id: 'press-4', upstream },
      { id: 'press-5', upstream, more: 'approval: { count: 2 }' },
    ],
    granted: [],
  })
}, 30_000)
afterAll(async () => {
  for (const client of clients) client.close()
  await plant.close()
})

/** Signed in this moment: the one-time code of the sign-in is fresh. */
const as = async (name: AccountName): Promise<Client> => {
  const client = await plant.signIn(name)
  clients.push(client)
  return client
}
const at = (path: string): string => plant.portal + path
const ask = async (over = {}, name: AccountName = 'vendor'): Promise<string> => {
  const { email, subject } = accounts[name]
  const { issuer } = plant.provider
  const principal = { id: principalId(issuer, subject), issuer, subject, email, name }
  const asked = {
    endpoints: ['press-3', 'press-4'],
    from: null,
    lengthMs: 2 * hour,
    reason: 'Replace <b>it</b>',
  }
  return (await plant.gatehouse.services.requests.ask({ ...asked, ...over }, principal)).id
}
const grantOf = async (id: string): Promise<Grant | undefined> =>
  (await plant.gatehouse.services.grants.list()).find(({ requestId }) => requestId === id)
const page = (client: Client, id: string): Promise<Answer> => client.navigate(at(`/admin/requests/${id}`))
const action = (id: string, what: string) => ({ action: `/admin/requests/${id}/${what}` })

describe('the inbox of requests', () => {
  it('is shown in parts, the next to lapse first, and read no further than that', async () => {
    const { requests } = plant.gatehouse.services
    const client = await as('approver')
    const ids: string[] = []
    for (let count = 0; count < 28; count += 1) {
      ids.push(await ask({}, count < 14 ? 'vendor' : 'admin'))
      await plant.clock.advance({ ms: 10 })
    }
    const first = await client.navigate(at('/admin/requests'))
    expect(visibleText(first)).toMatch(/Requests \(28\).*Page 1 of 2/)
    for (const [position, id] of ids.entries())
      expect(first.text.includes(`href="/admin/requests/${id}"`)).toBe(position < 25)
    const second = await client.click(first, 'Next')
    expect(second.url.search).toBe('?page=2')
    for (const id of ids.slice(25)) expect(second.text).toContain(`href="/admin/requests/${id}"`)
    expect(visibleText(await client.navigate(at('/admin/requests?page=99')))).toContain('Page 2 of 2')
    const open = await requests.open({ skip: 26, count: 1 })
    expect(open.map(({ id }) => id)).toEqual([ids[26]])
    const cara = {
      actor: { kind: 'operator', account: 'root' },
      roles: ['admin'],
      hasFreshCode: true,
    } as const
    for (const id of ids) await requests.deny(id, cara, 'tidy up')
    expect(await requests.open()).toEqual([])
  })

  it('says when nobody asks, and else who asks for what and why', async () => {
    const client = await as('approver')
    expect(visibleText(await client.navigate(at('/admin/requests')))).toContain('Nobody is asking for access')
    const id = await ask()
    const inbox = await client.navigate(at('/admin/requests'))
    for (const part of [
      accounts.vendor.email,
      'wants to operate press-3 panel, press-4 panel',
      'Replace <b>it</b>',
    ])
      expect(visibleText(inbox)).toContain(part)
    expect(inbox.text).not.toContain('<b>')
    const denied = await client.submit(await page(client, id), { reason: 'Line runs' }, action(id, 'deny'))
    expect(visibleText(denied)).toContain('Denied')
    expect(await grantOf(id)).toBeUndefined()
  })
})

describe('a yes', () => {
  it('is one press, and leads to a grant', async () => {
    const id = await ask()
    const client = await as('approver')
    const answered = await client.submit(await page(client, id), {}, action(id, 'approve'))
    expect(visibleText(answered)).toContain('Approved')
    expect(await grantOf(id)).toMatchObject({ endpoints: ['press-3', 'press-4'], access: 'operate' })
  })

  it('can be to less', async () => {
    const id = await ask()
    const client = await as('approver')
    const less = { access: 'view', length: String(hour) }
    await client.submit(await page(client, id), less, action(id, 'approve'))
    const grant = await grantOf(id)
    expect(grant).toMatchObject({ access: 'view' })
    expect((grant?.until ?? 0) - (grant?.from ?? 0)).toBe(hour)
    expect(visibleText(await page(client, await ask()))).toMatch(/had here before .*Replace/)
  })

  it('can be to what the control room releases, for so long from the first use', async () => {
    const id = await ask()
    const client = await as('approver')
    const less = { release: 'yes', lasts: String(hour) }
    await client.submit(await page(client, id), less, action(id, 'approve'))
    const conditions = { needsRelease: true, lastsFromFirstUseMs: hour }
    expect(await grantOf(id)).toMatchObject({ conditions })
  })

  it('to time from the first use says so, and is as asked where nothing is chosen', async () => {
    const id = await ask({ lengthMs: 7 * 24 * hour, lasts: '2h' })
    const client = await as('approver')
    const form = await page(client, id)
    expect(visibleText(form)).toContain('7 d from the approval on, for 2 h from the first use')
    await client.submit(form, {}, action(id, 'approve'))
    const grant = await grantOf(id)
    expect(grant).toMatchObject({ conditions: { needsRelease: false, lastsFromFirstUseMs: 2 * hour } })
    expect((grant?.until ?? 0) - (grant?.from ?? 0)).toBe(7 * 24 * hour)
  })

  it('asks for a one-time code first where that of the session is old, and a no does not', async () => {
    const id = await ask()
    const client = await as('approver')
    const stale = await page(client, id)
    await plant.clock.advance({ minutes: 5 })
    const sent = await client.submit(stale, {}, action(id, 'approve'))
    expect(sent.url.pathname).toBe('/second-factor/again')
    expect(await grantOf(id)).toBeUndefined()
    expect(visibleText(await page(client, id))).toContain('Enter a one-time code to say yes')
    const back = await client.submit(sent, { code: await plant.code('approver') })
    expect(back.url.pathname).toBe(`/admin/requests/${id}`)
    await client.submit(back, {}, action(id, 'approve'))
    expect(await grantOf(id)).toBeDefined()
  })

  it('is not offered to who asked, nor taken from them', async () => {
    const id = await ask({}, 'admin')
    const client = await as('admin')
    const own = await page(client, id)
    expect(visibleText(own)).toContain('You cannot answer this one')
    expect(own.text).not.toContain('/approve')
    const form = /name="form" value="([^"]+)"/.exec(own.text)?.[1] ?? ''
    const answer = await client.fetch(at(`/admin/requests/${id}/approve`), {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'text/html' },
      body: new URLSearchParams({ form, endpoints: 'press-3' }).toString(),
    })
    expect(answer.status).toBe(403)
    expect(await grantOf(id)).toBeUndefined()
  })

  it('that comes second is told so', async () => {
    const id = await ask()
    const client = await as('approver')
    const form = await page(client, id)
    await plant.command('requests', 'deny', id, '--reason', 'The line runs')
    const late = await client.submit(form, {}, action(id, 'approve'))
    expect(late.status).toBe(409)
    expect(visibleText(late)).toContain('It was answered or is over meanwhile')
  })

  it('to what cannot be read is none: no less that was meant counts as all', async () => {
    const client = await as('approver')
    const id = await ask()
    const form = /name="form" value="([^"]+)"/.exec((await page(client, id)).text)?.[1] ?? ''
    const whole = [
      ['form', form],
      ['endpoints', 'press-3'],
    ]
    for (const [wrong, said] of [
      [[['access', 'View']], 'Choose to view or to operate'],
      [[['access', '']], 'Choose to view or to operate'],
      [
        [
          ['access', 'view'],
          ['access', 'view'],
        ],
        'Choose to view or to operate',
      ],
      [[['length', '1h']], 'Choose a length'],
      [[['lasts', '1h']], 'Choose a time from the first use'],
      [[['lasts', '']], 'Choose a time from the first use'],
      [[['lasts', String(3 * hour)]], 'Choose a time from the first use'],
      [
        [
          ['length', '60000'],
          ['length', '60000'],
        ],
        'Choose a length',
      ],
    ] as [string[][], string][]) {
      const answer = await client.fetch(at(`/admin/requests/${id}/approve`), {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'text/html' },
        body: new URLSearchParams([...whole, ...wrong]).toString(),
      })
      expect(answer.status).toBe(422)
      expect(visibleText(answer)).toContain(said)
    }
    expect(await grantOf(id)).toBeUndefined()
    const viewOnly = await ask({ access: 'view' })
    await client.submit(await page(client, viewOnly), {}, action(viewOnly, 'approve'))
    expect(await grantOf(viewOnly)).toMatchObject({ access: 'view' })
  })

  it('says that others have to agree too, where they have to', async () => {
    const client = await as('approver')
    expect(visibleText(await page(client, await ask()))).toContain('They get it at once')
    const text = visibleText(await page(client, await ask({ endpoints: ['press-5'] })))
    expect(text).toContain('others have to say yes too')
    expect(text).not.toContain('They get it at once')
  })
})

describe('a no', () => {
  it('that is refused keeps what was written, and says what is wrong with it', async () => {
    const client = await as('approver')
    const id = await ask()
    const long = `The line runs${' and runs'.repeat(80)}`
    const refused = await client.submit(await page(client, id), { reason: long }, action(id, 'deny'))
    expect(refused.status).toBe(422)
    expect(refused.text).toContain(`value="${long}"`)
    expect(visibleText(refused)).toContain('Say why, in words')
  })
})
