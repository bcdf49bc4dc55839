import type { Client } from '../support/client.js'
import { visibleText } from '../support/html.js'
import { startPlant, type Plant } from '../support/plant.js'

let plant: Plant
const clients: Client[] = []

beforeAll(async () => {
  plant = await startPlant({ enrolled: ['vendor', 'admin'] })
}, 30_000)
afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  for (const grant of await plant.gatehouse.services.grants.list())
    if (grant.revocation === null) await plant.revoke(grant)
})
afterAll(async () => {
  await plant.close()
})

const asVendor = async (): Promise<Client> => {
  const client = await plant.signIn('vendor')
  clients.push(client)
  return client
}
const machineAt = (path = '/'): string => plant.origin('press-3') + path
const portalText = async (client: Client): Promise<string> => visibleText(await client.navigate(plant.portal))

describe('a grant for some networks', () => {
  const here = ['127.0.0.0/8', '::1']

  it('opens the machine from there', async () => {
    await plant.issue({ sources: here })
    const client = await asVendor()
    expect((await client.navigate(machineAt())).status).toBe(200)
    expect(await portalText(client)).toContain('Open now')
  })

  it('opens nothing from elsewhere, and says where it is for', async () => {
    const { id } = await plant.issue({ sources: ['192.0.2.0/24', '2001:db8::1'] })
    const client = await asVendor()
    const refused = await client.navigate(machineAt())
    expect(refused.status).toBe(403)
    expect(visibleText(refused)).toContain('source-closed')
    const portal = await portalText(client)
    expect(portal).toContain('Not open to you at the moment')
    expect(portal).toMatch(/for 192\.0\.2\.0\/24, 2001:db8::1 only, and you come from (127\.0\.0\.1|::1)/)
    expect(portal).not.toContain('Open now')
    const { out } = await plant.command('grants', 'list', '--json')
    const listed = JSON.parse(out) as { id: string; sources: string[] }[]
    expect(listed.find((grant) => grant.id === id)?.sources).toEqual(['192.0.2.0/24', '2001:db8::1'])
  })

  it('stands aside for one that is for anywhere', async () => {
    await plant.issue({ sources: ['192.0.2.0/24'] })
    await plant.issue({ access: 'view' })
    const client = await asVendor()
    expect((await client.navigate(machineAt())).status).toBe(200)
    const change = await client.fetch(machineAt('/'), { method: 'POST', headers: { origin: machineAt('') } })
    expect(change.status).toBe(403)
  })

  it('is issued at the command line and said back in one spelling', async () => {
    const argv = ['grants', 'issue', '--to', 'ana@machines.example', '--endpoint', 'press-3', '--from', 'now']
    const rest = ['--until', '+1h', '--reason', 'test of the gate']
    const issued = await plant.command(...argv, ...rest, '--source', '2001:DB8::0:1', '10.20.3.0/24')
    expect(issued).toMatchObject({ status: 0, err: '' })
    expect(issued.out).toContain('\n  only from 2001:db8::1, 10.20.3.0/24\n')
    const refused = await plant.command(...argv, ...rest, '--source', '10.20.3.7/24')
    expect(refused.status).toBe(1)
    expect(refused.err).toContain('sources: must be addresses or CIDR blocks')
  })

  it('is issued on the page, which keeps open what was entered and not taken', async () => {
    const admin = await plant.signIn('admin')
    clients.push(admin)
    const form = await admin.navigate(`${plant.portal}/admin/grants/new`)
    const fields = { to: 'ana@machines.example', endpoints: 'press-3', reason: 'test of the gate' }
    const refused = await admin.submit(form, { ...fields, sources: '10.20.3.7/24' })
    expect(refused.status).toBe(422)
    expect(refused.text).toMatch(/<details[^>]* open/)
    expect(visibleText(refused)).toContain('The networks must be addresses or CIDR blocks')
    const issued = await admin.submit(refused, { ...fields, sources: '10.20.3.0/24,\r\n 192.0.2.7 ' })
    expect(visibleText(issued)).toContain('only from 10.20.3.0/24, 192.0.2.7.')
    const running = (await plant.gatehouse.services.grants.list()).filter(
      (grant) => grant.revocation === null,
    )
    expect(running.map(({ conditions }) => conditions.sources)).toEqual([['10.20.3.0/24', '192.0.2.7']])
  })
})
