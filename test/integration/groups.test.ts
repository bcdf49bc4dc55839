import { principalId } from '../../src/identity/index.js'
import { scopes } from '../../src/model.js'
import { rawRequest } from '../support/api.js'
import type { Answer, Client } from '../support/client.js'
import { visibleText } from '../support/html.js'
import { accounts, operator, startPlant, type Plant } from '../support/plant.js'

const hour = 3_600_000

describe('groups of machines', () => {
  let plant: Plant
  beforeAll(async () => {
    const upstream = 'http://127.0.0.1:9'
    plant = await startPlant({
      enrolled: ['vendor', 'admin'],
      granted: ['press-3'],
      endpoints: [
        { id: 'press-3', upstream },
        { id: 'press-4', upstream },
        { id: 'oven-1', upstream, more: 'requestable: none' },
      ],
      extra: `
portal: { requestable: all }
groups:
  - { id: line-4, name: Line 4, endpoints: [press-4, oven-1] }
  - { id: ovens, name: Ovens, endpoints: [oven-1] }`,
    })
  }, 30_000)
  afterAll(() => plant.close())

  const issue = (...more: string[]): ReturnType<Plant['command']> => {
    const { email } = accounts.vendor
    const time = ['--from', 'now', '--until', '+2h', '--reason', 'Replace the valve']
    return plant.command('grants', 'issue', '--to', email, ...time, '--json', ...more)
  }

  /** What a form does not offer can be sent all the same. */
  const post = (client: Client, form: Answer, path: string, fields: Record<string, string>) =>
    client.fetch(plant.portal + path, {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'text/html' },
      body: new URLSearchParams({
        form: /name="form" value="([^"]+)"/.exec(form.text)?.[1] ?? '',
        ...fields,
      }).toString(),
    })

  it('are given at the command line as the machines they have now', async () => {
    const { status, out } = await issue('--endpoint', 'press-3', '--group', 'line-4', 'ovens')
    expect(status).toBe(0)
    expect(JSON.parse(out)).toMatchObject({ endpoints: ['press-3', 'press-4', 'oven-1'] })
    const unknown = await issue('--group', 'line-5')
    expect([unknown.status, JSON.parse(unknown.out)]).toMatchObject([1, { error: { code: 'input-invalid' } }])
    expect((await issue()).status).toBe(2)
  })

  it('are given by the API, and named there with each machine', async () => {
    const request = { name: 'Desk', owner: accounts.admin.email, sources: [], lifetimeMs: 24 * hour }
    ;(await plant.signIn('admin')).close()
    const { secret } = await plant.gatehouse.services.tokens.create(
      { ...request, scopes },
      'a program needs it',
      operator,
    )
    const call = (method: string, path: string, body?: object) =>
      rawRequest(`${plant.portal}/api/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${secret}`,
          ...(body === undefined ? {} : { 'content-type': 'application/json' }),
        },
        ...(body === undefined ? {} : { body: JSON.stringify(body) }),
      })
    const wanted = { to: accounts.vendor.email, from: 'now', until: '+2h', reason: 'Replace the valve' }
    const issued = await call('POST', '/grants', { ...wanted, groups: ['line-4'] })
    expect(issued.json).toMatchObject({ grant: { endpoints: ['press-4', 'oven-1'] } })
    expect((await call('POST', '/grants', wanted)).json).toMatchObject({ code: 'input-invalid' })
    const { items } = (await call('GET', '/endpoints')).json as { items: { id: string; groups: string[] }[] }
    expect(items.map(({ id, groups }) => [id, groups])).toEqual([
      ['press-3', []],
      ['press-4', ['line-4']],
      ['oven-1', ['line-4', 'ovens']],
    ])
  })

  it('are picked on the page for a grant, which shows what is in them', async () => {
    const admin = await plant.signIn('admin')
    const form = await admin.navigate(`${plant.portal}/admin/grants/new`)
    expect(visibleText(form)).toContain('Line 4 (press-4 panel, oven-1 panel)')
    const fields = {
      to: accounts.vendor.email,
      endpoints: 'group:line-4',
      reason: 'Replace the valve',
    }
    const issued = await admin.submit(form, fields, { action: '/admin/grants' })
    expect(visibleText(issued)).toContain('press-4 panel, oven-1 panel')
    const more = { access: 'operate', start: 'now', end: String(hour), ending: 'cut' }
    const wrong = await post(admin, form, '/admin/grants', { ...fields, ...more, endpoints: 'group:line-5' })
    expect([wrong.status, visibleText(wrong)]).toEqual([
      422,
      expect.stringContaining('Must hold ids of configured groups.'),
    ])
    admin.close()
  })

  it('are to somebody who asks what they may ask for of them, and else do not exist', async () => {
    const vendor = await plant.signIn('vendor')
    const form = await vendor.navigate(`${plant.portal}/request`)
    const text = visibleText(form)
    expect(text).toContain('Line 4 press-4 panel')
    expect(text).not.toContain('oven-1')
    expect(text).not.toContain('Ovens')
    const fields = { access: 'view', start: 'approved', length: String(hour), reason: 'Replace the valve' }
    const ask = (endpoints: string) => post(vendor, form, '/request', { ...fields, endpoints })
    expect((await ask('group:line-4')).status).toBe(303)
    const id = principalId(plant.provider.issuer, accounts.vendor.subject)
    const [request] = await plant.gatehouse.services.requests.of(id)
    expect(request?.terms.endpoints).toEqual(['press-4'])
    const refusals = [await ask('group:ovens'), await ask('group:nothing')]
    expect(refusals.map(({ status }) => status)).toEqual([422, 422])
    const [hidden, unknown] = refusals.map((answer) => visibleText(answer))
    expect(hidden).toBe(unknown)
    vendor.close()
  })
})
