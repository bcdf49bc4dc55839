import type { Answer, Client } from '../support/client.js'
import { rawRequest } from '../support/api.js'
import { visibleText } from '../support/html.js'
import { accounts, startPlant, type AccountName, type Plant } from '../support/plant.js'

const clients: Client[] = []
let plant: Plant

beforeAll(async () => {
  plant = await startPlant()
}, 30_000)
afterAll(async () => {
  for (const client of clients) client.close()
  await plant.close()
})

const as = async (name: AccountName): Promise<Client> => {
  const client = await plant.signIn(name)
  clients.push(client)
  return client
}
const at = (path: string): string => plant.portal + path
const post = async (client: Client, path: string, fields: [string, string][]): Promise<Answer> => {
  const form = /name="form" value="([^"]+)"/.exec((await client.navigate(at('/'))).text)?.[1] ?? ''
  return client.fetch(at(path), {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'text/html' },
    body: new URLSearchParams([['form', form], ...fields]).toString(),
  })
}
const wanted = (over: Record<string, string> = {}): [string, string][] => [
  ...Object.entries({
    name: 'Service desk',
    owner: accounts.admin.email,
    source: '',
    expires: '90',
    reason: 'change CHG-1042',
    ...over,
  }),
  ['scope', 'endpoints:read'],
  ['scope', 'lockdowns:write'],
]
const statusOf = async (secret: string): Promise<number> =>
  (
    await rawRequest(at('/api/v1/endpoints'), {
      method: 'GET',
      headers: { authorization: `Bearer ${secret}` },
    })
  ).status

describe('the page of tokens', () => {
  it.each([
    ['GET', '/admin/tokens'],
    ['GET', '/admin/tokens/new'],
    ['POST', '/admin/tokens'],
    ['GET', '/admin/tokens/t-0000000000000000/revoke'],
    ['POST', '/admin/tokens/t-0000000000000000/revoke'],
  ])('%s %s is for administrators alone', async (method, path) => {
    expect((await (await as('approver')).fetch(at(path), { method })).status).toBe(403)
    expect((await (await as('vendor')).fetch(at(path), { method })).status).toBe(403)
    const allowed = await (await as('admin')).fetch(at(path), { method })
    expect(allowed.text).not.toContain('role-missing')
  })

  it('makes one that works, shows it this once, and revokes it, each with who did it', async () => {
    const client = await as('admin')
    expect(visibleText(await client.navigate(at('/admin/tokens')))).toContain('There are no tokens.')
    const form = await client.navigate(at('/admin/tokens/new'))
    expect(form.text).toContain(`value="${accounts.admin.email}"`)
    const made = await post(client, '/admin/tokens', wanted())
    const secret = /<code id="token">(gatehouse_[\w-]{49})</.exec(made.text)?.[1] ?? ''
    expect(made.header('cache-control')).toContain('no-store')
    expect(await statusOf(secret)).toBe(200)
    const list = await client.navigate(at('/admin/tokens'))
    expect(list.text).not.toContain(secret)
    expect(visibleText(list)).toContain('Service desk answered for by')
    expect(visibleText(list)).toContain('Look at machines')
    const [token] = await plant.gatehouse.services.tokens.list()
    expect(token).toMatchObject({ name: 'Service desk', scopes: ['lockdowns:write', 'endpoints:read'] })
    expect(token?.createdBy).toMatchObject({ email: accounts.admin.email })

    const path = `/admin/tokens/${token?.id ?? ''}/revoke`
    expect(visibleText(await client.navigate(at(path)))).toContain('Whatever calls with Service desk')
    expect((await post(client, path, [['reason', '']])).status).toBe(422)
    expect(await statusOf(secret)).toBe(200)
    // A leaked token is revoked at once, whoever has their phone at hand.
    await plant.clock.advance({ minutes: 6 })
    const done = await post(client, path, [['reason', 'found in a chat']])
    expect(done.header('location')).toBe('/admin/tokens?done=revoked')
    expect(await statusOf(secret)).toBe(401)
    const after = visibleText(await client.navigate(at('/admin/tokens?done=revoked')))
    expect(after).toContain('revoked: found in a chat')
  })

  it('makes none without a fresh one-time code', async () => {
    const client = await as('admin')
    await plant.clock.advance({ minutes: 6 })
    const before = (await plant.gatehouse.services.tokens.list()).length
    const sent = await post(client, '/admin/tokens', wanted())
    expect(sent.header('location')).toMatch(/^\/second-factor\/again\?/)
    expect((await client.navigate(at('/admin/tokens/new'))).url.pathname).toBe('/second-factor/again')
    expect(await plant.gatehouse.services.tokens.list()).toHaveLength(before)
  })

  it.each([
    ['name', { name: '' }, 'Say what it is for'],
    ['owner', { owner: 'nobody@plant.example' }, 'Nobody, or more than one account'],
    ['source', { source: '0.0.0.0/0' }, 'These must be addresses or networks'],
    ['expires', { expires: '366' }, 'Choose for how long'],
    ['reason', { reason: ' ' }, 'Say why, in words'],
  ])('says what is wrong with the %s, and keeps the rest', async (_field, over, said) => {
    const client = await as('admin')
    const before = (await plant.gatehouse.services.tokens.list()).length
    const answer = await post(client, '/admin/tokens', wanted({ source: '10.20.0.0/16', ...over }))
    expect(answer.status).toBeGreaterThanOrEqual(400)
    expect(visibleText(answer)).toContain(said)
    expect(answer.text).toMatch(/id="scope-endpoints:read"[^>]* checked/)
    expect(await plant.gatehouse.services.tokens.list()).toHaveLength(before)
  })
})
