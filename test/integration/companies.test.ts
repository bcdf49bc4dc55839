import { endCompany, holdingsOf } from '../../src/admin/index.js'
import { readLedger } from '../../src/audit/index.js'
import { principalId } from '../../src/identity/index.js'
import { GatehouseError } from '../../src/lib/index.js'
import type { Company } from '../../src/model.js'
import { rawRequest } from '../support/api.js'
import { visibleText } from '../support/html.js'
import { accounts, operator, startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

const hour = 3_600_000
const approver = { actor: operator, roles: ['admin'] as const, hasFreshCode: true }

describe('a company that leaves', () => {
  let plant: Plant
  let machines: Company
  beforeAll(async () => {
    plant = await startPlant({
      enrolled: ['vendor', 'stranger', 'admin'],
      extra: `
portal: { requestable: all }
companies:
  - { id: machines, name: Machines GmbH, emailDomains: [machines.example] }
  - { id: others, name: Others, emailDomains: [others.example, sub.machines.example] }`,
    })
    const [first] = plant.config.companies
    if (first === undefined) throw new Error('configured')
    machines = first
  }, 30_000)
  afterAll(() => plant.close())

  const services = (): Parameters<typeof endCompany>[0] => {
    const { services: all } = plant.gatehouse
    return {
      ...all,
      endings: plant.config.grants.endings,
      record: (event) => all.ledger.append(event),
    }
  }
  const principal = () => {
    const { email, subject, name } = accounts.vendor
    const { issuer } = plant.provider
    return { id: principalId(issuer, subject), issuer, subject, email, name }
  }
  const ask = async (): Promise<string> => {
    const asked = { endpoints: ['press-4'], from: null, lengthMs: 2 * hour, reason: 'Replace the valve' }
    return (await plant.gatehouse.services.requests.ask(asked, principal())).id
  }
  const recorded = async (event: string): Promise<Record<string, unknown>[]> => {
    const found = []
    for await (const { fields } of readLedger({ directory: plant.config.audit.directory, event }))
      found.push(fields)
    return found
  }
  const end = (over: Partial<Parameters<typeof endCompany>[0]> = {}) =>
    endCompany({ ...services(), ...over }, machines, { reason: 'Contract ended', actor: operator })

  it('loses grants of now and of later, of people who never came, requests and sessions; nobody else does', async () => {
    const client = await plant.signIn('vendor')
    const now = await plant.issue()
    const later = await plant.issue({ from: '+1d', until: '+26h' })
    const invited = await plant.issue({ to: 'New@Machines.example' })
    const below = await plant.issue({ to: 'x@sub.machines.example' })
    const like = await plant.issue({ to: 'x@notmachines.example' })
    // Given to a private address, held by somebody of the company.
    const held = await plant.gatehouse.services.grants.issue(
      {
        to: 'ana@home.example',
        endpoints: ['press-3'],
        from: 'now',
        until: '+2h',
        reason: 'Replace the valve',
      },
      operator,
      { principalId: principal().id },
    )
    const request = await ask()

    const { ended, left } = await end()
    expect(left).toEqual([])
    expect(ended).toEqual({ requests: 1, grants: 4, sessions: 1, codes: 0 })
    const { grants, requests, sessions } = plant.gatehouse.services
    const isRevoked = async (id: string): Promise<boolean> => (await grants.get(id))?.revocation != null
    for (const { id } of [now, later, invited, held]) expect(await isRevoked(id)).toBe(true)
    for (const { id } of [below, like]) expect(await isRevoked(id)).toBe(false)
    expect((await requests.get(request))?.outcome).toMatchObject({ kind: 'denied', reason: 'Contract ended' })
    expect((await sessions.list()).map(({ principal: { email } }) => email)).not.toContain(
      accounts.vendor.email,
    )
    expect(visibleText(await client.navigate(plant.portal))).toContain('Sign in')
    client.close()

    expect(await recorded('company.ended')).toMatchObject([
      {
        ...{ companyId: 'machines', emailDomains: ['machines.example'], claimValues: [] },
        reason: 'Contract ended',
      },
    ])
    expect(await recorded('grant.revoked')).toHaveLength(4)
    // Again, it changes nothing and says nothing new.
    expect((await end()).ended).toEqual({ requests: 0, grants: 0, sessions: 0, codes: 0 })
    expect(await recorded('company.ended')).toHaveLength(1)
  })

  it('is recorded before anything of it ends, and not at all without a ledger', async () => {
    const grant = await plant.issue()
    const refused = end({
      record: () => Promise.reject(new GatehouseError('ledger-unavailable', 'The disk is full.')),
    })
    await expect(refused).rejects.toMatchObject({ code: 'ledger-unavailable' })
    expect((await plant.gatehouse.services.grants.get(grant.id))?.revocation).toBeNull()
    await expect(endCompany(services(), machines, { reason: ' . ', actor: operator })).rejects.toMatchObject({
      code: 'input-invalid',
      field: 'reason',
    })
    await end()
  })

  // What had ended on a host alone was told to Redis by this very call, and "all has ended" was said before others had heard of it.
  it('is told that all has ended when every instance has followed, also where nothing was left to end', async () => {
    const { changes } = plant.gatehouse.services
    await end()
    let waits = 0
    const settle = async (): Promise<void> => {
      waits += 1
      await changes.settle()
    }
    expect((await end({ changes: { settle } })).left).toEqual([])
    expect(waits).toBe(1)
  })

  it('keeps nothing for one thing that cannot be ended; that is tried again, then named', async () => {
    const [stubborn, other] = [await plant.issue(), await plant.issue()]
    const { grants } = plant.gatehouse.services
    let tries = 0
    const failing = (times: number): typeof grants => ({
      ...grants,
      revoke: async (id, ...rest) => {
        if (id === stubborn.id && (tries += 1) <= times)
          throw new GatehouseError('store-unavailable', 'Redis is away.')
        return grants.revoke(id, ...rest)
      },
    })
    const inPart = await end({ grants: failing(99) })
    expect(inPart.left).toEqual([{ kind: 'grants', id: stubborn.id, why: 'store-unavailable' }])
    expect((await grants.get(other.id))?.revocation).not.toBeNull()
    tries = 0
    const again = await end({ grants: failing(1) })
    expect([again.left, again.ended.grants]).toEqual([[], 1])
  })

  it('also loses what is given at the very moment: the grant ends too, or is named as left', async () => {
    const id = await ask()
    const { requests, grants } = plant.gatehouse.services
    const given = plant.issue()
    const [outcome] = await Promise.all([
      end(),
      requests.approve(id, approver, {}).catch((error: unknown) => error),
      given,
    ])
    const running = (await grants.endingAfter(plant.clock.now())).filter(
      ({ to, revocation }) => revocation === null && to.email === accounts.vendor.email,
    )
    // Given after the last look: it stands, and the next look finds it.
    const held = (await holdingsOf(services(), [machines])).get(machines)
    expect(held?.grants.map((grant) => grant.id).sort()).toEqual(running.map((grant) => grant.id).sort())
    expect(outcome.ended.grants + outcome.left.length + running.length).toBeGreaterThan(0)
    expect((await end()).left).toEqual([])
    expect((await requests.get(id))?.outcome).not.toBeNull()
  })

  it('is listed and ended at the command line', async () => {
    await plant.issue()
    const list = await plant.command('companies', 'list')
    expect(list.out).toMatch(/machines +Machines GmbH +machines\.example +1 +0 +0 +0/)
    const done = await plant.command('companies', 'end', 'machines', '--reason', 'Contract ended')
    expect([done.status, done.out]).toEqual([
      0,
      'Ended of machines: 1 grants, 0 requests, 0 sessions, 0 break-glass codes.\n',
    ])
    const unknown = await plant.command('companies', 'end', 'nobody', '--reason', 'Contract ended', '--json')
    expect([unknown.status, JSON.parse(unknown.out)]).toMatchObject([
      1,
      { error: { code: 'company-unknown' } },
    ])
  })

  it('is ended by a program with the scope for it', async () => {
    ;(await plant.signIn('admin')).close()
    const request = { name: 'HR', owner: accounts.admin.email, sources: [], lifetimeMs: 24 * hour }
    const { tokens } = plant.gatehouse.services
    const call = async (scopes: ('companies:read' | 'companies:end')[], method: string, path: string) => {
      const { secret } = await tokens.create({ ...request, scopes }, 'a program needs it', operator)
      return rawRequest(`${plant.portal}/api/v1${path}`, {
        method,
        headers: {
          authorization: `Bearer ${secret}`,
          ...(method === 'POST' ? { 'content-type': 'application/json' } : {}),
        },
        ...(method === 'POST' ? { body: JSON.stringify({ reason: 'Contract ended' }) } : {}),
      })
    }
    await plant.issue()
    const list = await call(['companies:read'], 'GET', '/companies')
    expect(list.json).toMatchObject({
      items: [
        { id: 'machines', grants: 1 },
        { id: 'others', grants: 1 },
      ],
    })
    const path = '/companies/machines/end'
    expect((await call(['companies:read'], 'POST', path)).json).toMatchObject({ code: 'scope-missing' })
    expect((await call(['companies:end'], 'POST', path)).json).toMatchObject({
      id: 'machines',
      ended: { grants: 1 },
    })
    expect((await call(['companies:end'], 'POST', path)).json).toMatchObject({ ended: { grants: 0 } })
  })

  it('is ended on a page that first says what that comes to, and filters the list of grants', async () => {
    const vendor = await plant.signIn('vendor')
    const admin = await plant.signIn('admin')
    await plant.issue()
    await plant.issue({ to: 'second@machines.example' })
    const list = visibleText(await admin.navigate(`${plant.portal}/admin?company=others`))
    expect(list).toContain('x@sub.machines.example')
    expect(list).not.toContain(accounts.vendor.email)
    // The filter by claim had once taken the choice of companies off the page: nobody could find what one of them holds.
    const form = await admin.navigate(`${plant.portal}/admin?company=others`)
    expect(form.text).toMatch(/<option value="machines">.*<option value="others" selected/)
    expect(visibleText(await admin.navigate(`${plant.portal}/admin/companies`))).toContain('Machines GmbH')
    const page = await admin.navigate(`${plant.portal}/admin/companies/machines`)
    const action = '/admin/companies/machines/end'
    const empty = await admin.submit(page, { reason: '' }, { action })
    expect([empty.status, visibleText(empty)]).toEqual([422, expect.stringContaining('must say why')])
    const question = await admin.submit(page, { reason: 'Contract ended' }, { action })
    expect(visibleText(question)).toContain(
      'Machines GmbH loses at once: 2 grants (1 of them for people who have not signed in yet) and 1 person signed in.',
    )
    const ended = await admin.submit(question, {}, { action })
    expect(visibleText(ended)).toContain('The company holds nothing any more.')
    await until('the vendor is signed out', async () =>
      visibleText(await vendor.navigate(plant.portal)).includes('Sign in with'),
    )
    const forVendor = await plant.signIn('stranger')
    expect((await forVendor.navigate(`${plant.portal}/admin/companies`)).status).toBe(403)
    for (const client of [vendor, admin, forVendor]) client.close()
  })

  it('loses what opens a machine first, and what only asks for it last', async () => {
    await end()
    const client = await plant.signIn('vendor')
    await plant.issue()
    await plant.issue({ to: 'newcomer@machines.example' })
    const code = await plant.command(
      ...['users', 'break-glass', accounts.vendor.email, '--reason', 'provider is down', '--anyway'],
    )
    expect(code.status).toBe(0)
    await ask()
    const { requests, sessions, breakGlass } = plant.gatehouse.services
    /** What was still held when something of each kind was to end. */
    const heldAt: Record<string, unknown[]> = { sessions: [], codes: [], requests: [] }
    const look = async (kind: string): Promise<void> => {
      const held = (await holdingsOf(services(), [machines])).get(machines)
      const counts = [held?.grants, held?.sessions, held?.codes, held?.requests].map(
        (all) => all?.length ?? -1,
      )
      heldAt[kind]?.push(counts)
    }
    const { ended, left } = await end({
      sessions: {
        ...sessions,
        end: async (...all) => (await look('sessions'), sessions.end(...all)),
      },
      breakGlass: {
        ...breakGlass,
        withdraw: async (...all) => (await look('codes'), breakGlass.withdraw(...all)),
      },
      requests: {
        ...requests,
        deny: async (...all) => (await look('requests'), requests.deny(...all)),
      },
    })
    expect([left, ended]).toEqual([[], { requests: 1, grants: 2, sessions: 1, codes: 1 }])
    // Grants, sessions, codes, requests: a session that ends first would only sign in again under its grant, and a
    // hundred requests that are denied first would keep a machine open for as long as that takes.
    expect(heldAt).toEqual({ sessions: [[0, 1, 1, 1]], codes: [[0, 0, 1, 1]], requests: [[0, 0, 0, 1]] })
    client.close()
  })
})

describe('a company of which the identity provider says who its people are', () => {
  let plant: Plant
  let crew: Company
  beforeAll(async () => {
    plant = await startPlant({
      enrolled: ['vendor', 'admin'],
      extra: `
companies:
  - { id: crew, name: Crew, claimValues: [vendors] }
  - { id: others, name: Others, emailDomains: [others.example] }`,
    })
    const [first] = plant.config.companies
    if (first === undefined) throw new Error('configured')
    crew = first
  }, 30_000)
  afterAll(() => plant.close())

  const services = (): Parameters<typeof endCompany>[0] => {
    const { services: all } = plant.gatehouse
    return { ...all, endings: plant.config.grants.endings, record: (event) => all.ledger.append(event) }
  }
  const held = async (): Promise<string[]> =>
    ((await holdingsOf(services(), [crew])).get(crew)?.grants ?? []).map(({ id }) => id)

  it('is told from others by their last sign-in, whatever their address; who never came is not known', async () => {
    const { id } = await plant.issue()
    const colleague = await plant.issue({ to: 'second@machines.example' })
    expect(await held()).toEqual([])
    const vendor = await plant.signIn('vendor')
    const admin = await plant.signIn('admin')
    expect(await held()).toEqual([id])
    const page = visibleText(await admin.navigate(`${plant.portal}/admin?company=crew`))
    expect(page).toContain(accounts.vendor.email)
    expect(page).not.toContain('second@machines.example')
    const about = visibleText(await admin.navigate(`${plant.portal}/admin/companies/crew`))
    expect(about).toContain('As the provider says vendors')
    const { ended } = await endCompany(services(), crew, { reason: 'Contract ended', actor: operator })
    expect(ended).toMatchObject({ grants: 1, sessions: 1 })
    const { grants } = plant.gatehouse.services
    expect((await grants.get(colleague.id))?.revocation).toBeNull()
    expect(visibleText(await vendor.navigate(plant.portal))).toContain('Sign in')
    for (const client of [vendor, admin]) client.close()
  })

  it('is left by whoever signs in without the claim', async () => {
    ;(await plant.signIn('vendor')).close()
    const { id } = await plant.issue()
    expect(await held()).toEqual([id])
    const { people } = plant.gatehouse.services
    const [person] = await people.byEmail(accounts.vendor.email)
    if (person === undefined) throw new Error('has signed in')
    expect(person.companyClaims).toEqual(['vendors'])
    await people.remember(person.principal, person.roles, person.groups)
    expect(await held()).toEqual([])
    await people.remember(person.principal, person.roles, person.groups, {
      ...{ companyClaims: ['vendors'], soughtClaims: null },
    })
    expect(await held()).toEqual([id])
  })
})

describe('a company that may ask for the machines of one line', () => {
  let plant: Plant
  beforeAll(async () => {
    const upstream = 'http://127.0.0.1:9'
    plant = await startPlant({
      enrolled: ['vendor', 'admin'],
      granted: [],
      endpoints: [
        { id: 'press-3', upstream },
        { id: 'press-4', upstream, more: 'requestable: invited' },
        { id: 'oven', upstream, more: 'requestable: none' },
        { id: 'crane', upstream },
      ],
      extra: `
portal: { requestable: all }
groups:
  - { id: line-4, name: Line 4, endpoints: [press-4, oven] }
companies:
  - { id: crew, name: Crew, claimValues: [vendors], requestable: ['group:line-4'] }`,
    })
  }, 30_000)
  afterAll(() => plant.close())

  it('is shown the names of those, and of what it was invited to; the others look as if there were none', async () => {
    const vendor = await plant.signIn('vendor')
    const form = await vendor.navigate(`${plant.portal}/request`)
    expect(form.text).toMatch(/id="endpoints-press-4"/)
    expect(form.text).not.toMatch(/press-3|oven|crane/)
    const { people, requests } = plant.gatehouse.services
    const [person] = await people.byEmail(accounts.vendor.email)
    if (person === undefined) throw new Error('has signed in')
    const answers = await Promise.all(
      ['press-3', 'oven', 'nowhere'].map((id) => {
        const asked = { endpoints: [id], from: null, lengthMs: hour, reason: 'Replace the valve' }
        return requests.ask(asked, person.principal).catch((error: unknown) => String(error).replace(id, 'X'))
      }),
    )
    expect(answers[0]).toContain('is not a configured endpoint')
    expect(new Set(answers).size).toBe(1)
    await plant.issue({ endpoints: ['crane'] })
    const invited = await vendor.navigate(`${plant.portal}/request`)
    expect(invited.text).toMatch(/id="endpoints-crane"/)
    expect(invited.text).not.toMatch(/press-3|oven/)
    vendor.close()
  })

  it('is like everybody else once somebody has left it; who has never signed in is shown nothing', async () => {
    const { people, requests } = plant.gatehouse.services
    const [person] = await people.byEmail(accounts.vendor.email)
    if (person === undefined) throw new Error('has signed in')
    await people.remember(person.principal, person.roles, person.groups)
    expect(await requests.requestable(person.principal.id)).toEqual(['press-3', 'crane'])
    expect(await requests.requestable('p-nobody')).toEqual([])
  })

  it('is described on its page', async () => {
    const admin = await plant.signIn('admin')
    const page = visibleText(await admin.navigate(`${plant.portal}/admin/companies/crew`))
    expect(page).toContain('May ask for press-4 panel, oven panel')
    admin.close()
  })
})
