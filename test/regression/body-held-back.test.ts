// What is asked of us was judged when its head had come, and done when its body had: up to ten seconds later. A program whose
// token had leaked, or somebody whose session had been ended, held back the last byte; the administrator revoked, was told
// that nothing passes any more, and then a grant was given in their name.
import { readLedger } from '../../src/audit/index.js'
import { cookieNames } from '../../src/sessions/index.js'
import { accounts, operator, startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'
import { dial } from '../support/wire.js'

let plant: Plant
beforeEach(async () => {
  plant = await startPlant({ enrolled: ['vendor', 'admin'] })
  ;(await plant.signIn('admin')).close()
}, 30_000)
afterEach(() => plant.close())

/** Sends all but the last byte, and that once something has happened. */
async function hold(path: string, headers: readonly string[], body: string, happen: () => Promise<unknown>) {
  const raw = dial(plant.gatehouse.address.port)
  const { host } = new URL(plant.portal)
  const before = await decided()
  raw.send(
    [
      `POST ${path} HTTP/1.1`,
      `Host: ${host}`,
      'Connection: close',
      `Content-Length: ${body.length}`,
      ...headers,
    ]
      .concat('', body.slice(0, -1))
      .join('\r\n'),
  )
  await until('it is permitted', async () => (await decided()) > before)
  await happen()
  raw.send(body.slice(-1))
  await raw.ended
  return raw.text()
}

async function decided(): Promise<number> {
  const { directory } = plant.config.audit
  const found = []
  for await (const record of readLedger({ directory, event: 'request.decided' })) found.push(record)
  return found.length
}

const nothing = async (): Promise<void> => undefined

describe('a call of a program', () => {
  async function call(
    path: string,
    sent: object,
    happen: (tokenId: string) => Promise<unknown>,
  ): Promise<string> {
    const { tokens } = plant.gatehouse.services
    const lifetimeMs = 3_600_000
    const request = {
      name: 'Desk',
      owner: accounts.admin.email,
      scopes: ['grants:write' as const],
      sources: [],
      lifetimeMs,
    }
    const { token, secret } = await tokens.create(request, 'a test', operator)
    const body = JSON.stringify(sent)
    const headers = [`Authorization: Bearer ${secret}`, 'Content-Type: application/json']
    return hold(`/api/v1${path}`, headers, body, () => happen(token.id))
  }

  const issue = (happen: (tokenId: string) => Promise<unknown>): Promise<string> => {
    const until = '+2h'
    const wanted = {
      to: accounts.vendor.email,
      endpoints: ['press-3'],
      from: 'now',
      until,
      reason: 'Held back',
    }
    return call('/grants', wanted, happen)
  }

  it('whose token is revoked before its body has come stops nothing either', async () => {
    const { tokens, grants } = plant.gatehouse.services
    const { id } = await plant.issue()
    const answer = await call(`/grants/${id}/revoke`, { reason: 'Held back' }, (tokenId) =>
      tokens.revoke(tokenId, 'it has leaked', operator),
    )
    expect(answer).toMatch(/^HTTP\/1\.1 401 /)
    expect(await grants.get(id)).toMatchObject({ revocation: null })
  })

  it('whose token is revoked before its body has come does nothing', async () => {
    const { tokens, grants } = plant.gatehouse.services
    const answer = await issue((id) => tokens.revoke(id, 'it has leaked', operator))
    expect(answer).toMatch(/^HTTP\/1\.1 401 /)
    expect(answer).toContain('token-invalid')
    expect(await grants.list()).toEqual([])
  })

  it('that only takes its time is done', async () => {
    expect(await issue(nothing)).toMatch(/^HTTP\/1\.1 201 /)
    expect(await plant.gatehouse.services.grants.list()).toHaveLength(1)
  })
})

describe('a form', () => {
  async function lockDown(happen: (sessionId: string) => Promise<unknown>): Promise<string> {
    const { sessions, keyring } = plant.gatehouse.services
    const [admin] = await sessions.list()
    if (admin === undefined) throw new Error('nobody is signed in')
    const { session, token } = await sessions.raise(admin, { secondFactorAt: plant.clock.now() })
    const form = keyring.mac('form', session.id)
    const body = new URLSearchParams({ form, scope: 'all', reason: 'Held back', sure: 'yes' }).toString()
    const headers = [
      `Origin: ${plant.portal}`,
      `Cookie: ${cookieNames.session}=${token}`,
      'Content-Type: application/x-www-form-urlencoded',
    ]
    return hold('/admin/lockdowns', headers, body, () => happen(session.id))
  }

  it('of somebody whose session is ended before it has come does nothing', async () => {
    const { sessions, lockdowns } = plant.gatehouse.services
    const answer = await lockDown((id) => sessions.end(id, 'session-killed', operator, 'a test'))
    expect(answer).toMatch(/^HTTP\/1\.1 401 /)
    expect(await lockdowns.inForce()).toEqual([])
  })

  it('that only takes its time is done', async () => {
    expect(await lockDown(nothing)).toMatch(/^HTTP\/1\.1 303 /)
    expect(await plant.gatehouse.services.lockdowns.inForce()).toHaveLength(1)
  })
})
