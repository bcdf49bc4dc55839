import { createClient, type Client } from '../support/client.js'
import { startPlant, type Plant } from '../support/plant.js'
import { routesOf } from '../support/routes.js'

/* Every page and every form of administration against everybody who could ask for it. */

const readers = ['nobody', 'vendor', 'auditor', 'approver', 'admin'] as const
type Reader = (typeof readers)[number]

/** They read, and change nothing. */
const forAuditors = [
  ...['GET /admin', 'GET /admin/grants.csv', 'GET /admin/grants/:id', 'GET /admin/timeline'],
  ...['GET /admin/requests', 'GET /admin/requests/:id', 'GET /admin/lockdowns', 'GET /admin/simulator'],
]
const forApprovers = [
  ...['POST /admin/grants/:id/revoke', 'POST /admin/requests/:id/approve', 'POST /admin/requests/:id/deny'],
  ...['GET /admin/sessions', 'POST /admin/sessions/:id/kill', 'GET /admin/search', 'GET /admin/endpoints'],
  ...['POST /admin/lockdowns', 'GET /admin/releases'],
  ...['POST /admin/filters', 'POST /admin/filters/:id/remove'],
]
const forAdministrators = [
  ...['GET /admin/grants/new', 'POST /admin/grants', 'POST /admin/grants/:id/extend'],
  ...['GET /admin/people', 'POST /admin/people/:id/reset-totp', 'POST /admin/invitations'],
  ...['POST /admin/lockdowns/lift', 'GET /admin/break-glass', 'POST /admin/break-glass/acknowledge'],
]

const routes = routesOf('admin').map(({ method, path, access }) => ({ route: `${method} ${path}`, access }))
const table = routes.map(({ route, access }) => ({
  route,
  may: readers.slice(readers.indexOf(access as Reader)),
}))

let plant: Plant
let clients: Record<Reader, Client>
beforeAll(async () => {
  plant = await startPlant({ enrolled: ['vendor', 'auditor', 'approver', 'admin'] })
  const nobody = createClient({ clock: plant.clock })
  clients = {
    nobody,
    vendor: await plant.signIn('vendor'),
    auditor: await plant.signIn('auditor'),
    approver: await plant.signIn('approver'),
    admin: await plant.signIn('admin'),
  }
}, 60_000)
afterAll(async () => {
  for (const client of Object.values(clients)) client.close()
  await plant.close()
})

async function ask(reader: Reader, route: string): Promise<{ status: number; text: string }> {
  const [method = '', path = ''] = route.split(' ')
  const url = plant.portal + path.replace(/:\w+/g, 'g-0123456789abcdef')
  return clients[reader].fetch(url, { method })
}

const roleMissing: unknown = expect.stringContaining('role-missing')

describe('administration', () => {
  it.each(table)('lets in to $route only $may', async ({ route, may }) => {
    for (const reader of readers) {
      const { status, text } = await ask(reader, route)
      const isLetIn = may.includes(reader)
      if (reader === 'nobody') expect([route, reader, status]).toEqual([route, reader, 401])
      // A form without its token is refused to everybody; to them it is for their role.
      else if (!isLetIn) expect([route, reader, status, text]).toEqual([route, reader, 403, roleMissing])
      // Nothing of that id is there, and a form without its token is refused: but not for the role.
      else expect([route, reader, text]).not.toEqual([route, reader, roleMissing])
    }
  })

  it('states for each page whom it is for, for these whom, and for auditors none that changes anything', () => {
    const stated = new Map(routes.map(({ route, access }) => [route, access]))
    for (const [route, access] of stated) {
      expect(route).not.toContain('?')
      expect([route, ['auditor', 'approver', 'admin'].includes(access)]).toEqual([route, true])
      if (access === 'auditor') expect([...forAuditors]).toContain(route)
    }
    for (const route of forAuditors) expect([route, stated.get(route)]).toEqual([route, 'auditor'])
    for (const route of forApprovers) expect([route, stated.get(route)]).toEqual([route, 'approver'])
    for (const route of forAdministrators) expect([route, stated.get(route)]).toEqual([route, 'admin'])
  })
})
