import { principalId } from '../../src/identity/index.js'
import { visibleText } from '../support/html.js'
import { accounts, startPlant, type Plant } from '../support/plant.js'

let plant: Plant
beforeAll(async () => {
  plant = await startPlant({
    extra: 'portal: { requestable: all }',
    endpoints: [
      ...[
        { id: 'press-3', group: 'line-leads' },
        { id: 'press-4', group: 'press-leads' },
      ].map(({ id, group }) => ({
        ...{ id, upstream: 'http://127.0.0.1:9' },
        more: `approval: { by: ['group:${group}'] }`,
      })),
    ],
    granted: [],
  })
}, 60_000)
afterAll(async () => {
  await plant.close()
})

const ask = async (...endpoints: string[]): Promise<string> => {
  const { email, subject } = accounts.vendor
  const { issuer } = plant.provider
  const principal = { id: principalId(issuer, subject), issuer, subject, email, name: 'Ana' }
  const asked = { endpoints, from: null, lengthMs: 3_600_000, reason: 'worn belt' }
  return (await plant.gatehouse.services.requests.ask(asked, principal)).id
}

describe('a machine whose requests a group of the provider answers', () => {
  it('is opened by an approver whom the provider has named in that group, and no other', async () => {
    const client = await plant.signIn('approver')
    const own = await ask('press-3')
    const page = await client.navigate(`${plant.portal}/admin/requests/${own}`)
    const answered = await client.submit(page, {}, { action: `/admin/requests/${own}/approve` })
    expect(visibleText(answered)).toContain('Approved')
    for (const other of [await ask('press-4'), await ask('press-3', 'press-4')]) {
      const foreign = await client.navigate(`${plant.portal}/admin/requests/${other}`)
      expect(foreign.text).not.toContain('/approve"')
      expect(visibleText(foreign)).toContain('others answer for these machines')
    }
    client.close()
  })

  it('is opened by an administrator all the same', async () => {
    const client = await plant.signIn('admin')
    const id = await ask('press-4')
    const page = await client.navigate(`${plant.portal}/admin/requests/${id}`)
    const answered = await client.submit(page, {}, { action: `/admin/requests/${id}/approve` })
    expect(visibleText(answered)).toContain('Approved')
    client.close()
  })
})
