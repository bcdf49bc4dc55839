import { readLedger } from '../../src/audit/index.js'
import { principalId } from '../../src/identity/index.js'
import type { Grant } from '../../src/model.js'
import { createClient, type Answer, type Client } from '../support/client.js'
import { formsOf, visibleText } from '../support/html.js'
import { accounts, startPlant, type AccountName, type Plant } from '../support/plant.js'

const hourMs = 3_600_000

let plant: Plant
const clients = new Map<AccountName, Client>()

beforeAll(async () => {
  plant = await startPlant({ enrolled: ['vendor', 'approver', 'admin'] })
}, 30_000)
afterEach(async () => {
  for (const grant of await plant.gatehouse.services.grants.list()) {
    if (grant.revocation === null && grant.until > plant.clock.now()) await plant.revoke(grant)
  }
})
afterAll(async () => {
  for (const client of clients.values()) client.close()
  await plant.close()
})

/** Signed in once for the whole file, and again when a test has ended that. */
const as = async (name: AccountName): Promise<Client> => {
  const known = clients.get(name)
  if (known && (await known.fetch(at('/'))).status === 200) return known
  known?.close()
  const client = await plant.signIn(name)
  clients.set(name, client)
  return client
}
const at = (path: string): string => plant.portal + path
const post = (client: Client, path: string, fields: Record<string, string> | string[][]): Promise<Answer> =>
  client.fetch(at(path), {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'text/html' },
    body: new URLSearchParams(fields).toString(),
  })
const codeOf = (answer: Answer): unknown => (answer.json() as { code: unknown }).code
const tokenOf = async (client: Client): Promise<string> =>
  /name="form" value="([^"]+)"/.exec((await client.navigate(at('/'))).text)?.[1] ?? ''
const idOf = (name: AccountName): string => principalId(plant.provider.issuer, accounts[name].subject)
const grantNow = async ({ id }: Pick<Grant, 'id'>): Promise<Grant> => {
  const grant = await plant.gatehouse.services.grants.get(id)
  if (grant === null) throw new Error('the grant is gone')
  return grant
}
const actorsOf = async (event: 'grant.issued' | 'grant.extended' | 'grant.revoked'): Promise<unknown[]> => {
  const actors: unknown[] = []
  const { directory } = plant.config.audit
  for await (const record of readLedger({ directory, event })) actors.push(record.fields.actor)
  return actors
}

describe('who may do what', () => {
  const routes: [string, string, AccountName[]][] = [
    ['GET', '/admin', ['approver', 'admin']],
    ['GET', '/admin/grants/g-none', ['approver', 'admin']],
    ['GET', '/admin/requests', ['approver', 'admin']],
    ['GET', '/admin/requests/q-none', ['approver', 'admin']],
    ['POST', '/admin/requests/q-none/approve', ['approver', 'admin']],
    ['POST', '/admin/requests/q-none/deny', ['approver', 'admin']],
    ['GET', '/admin/releases', ['approver', 'admin']],
    ['GET', '/admin/releases/shown', ['approver', 'admin']],
    ['POST', '/admin/releases/g-none/s-none/release', ['approver', 'admin']],
    ['POST', '/admin/releases/g-none/s-none/withdraw', ['approver', 'admin']],
    ['GET', '/admin/sessions', ['approver', 'admin']],
    ['GET', '/admin/search', ['approver', 'admin']],
    ['GET', '/admin/grants.csv', ['approver', 'admin']],
    ['POST', '/admin/filters', ['approver', 'admin']],
    ['POST', '/admin/filters/f-none/remove', ['approver', 'admin']],
    ['GET', '/admin/timeline', ['approver', 'admin']],
    ['GET', '/admin/endpoints', ['approver', 'admin']],
    ['GET', '/admin/simulator', ['approver', 'admin']],
    ['POST', '/admin/grants/g-none/revoke', ['approver', 'admin']],
    ['GET', '/admin/sessions/s-none/kill', ['approver', 'admin']],
    ['POST', '/admin/sessions/s-none/kill', ['approver', 'admin']],
    ['GET', '/admin/lockdowns/lift', ['admin']],
    ['POST', '/admin/lockdowns/lift', ['admin']],
    ['GET', '/admin/people/p-none/reset-totp', ['admin']],
    ['GET', '/admin/grants/new', ['admin']],
    ['POST', '/admin/grants', ['admin']],
    ['POST', '/admin/grants/g-none/extend', ['admin']],
    ['GET', '/admin/people', ['admin']],
    ['POST', '/admin/people/p-none/reset-totp', ['admin']],
    ['GET', '/admin/resets/r-none/confirm', ['admin']],
    ['POST', '/admin/resets/r-none/confirm', ['admin']],
    ['POST', '/admin/resets/r-none/decline', ['admin']],
    ['GET', '/admin/invitations', ['admin']],
    ['POST', '/admin/invitations', ['admin']],
  ]
  it.each(routes)('%s %s is for %j', async (method, path, allowed) => {
    const nobody = createClient({ clock: plant.clock })
    const anonymous = await nobody.fetch(at(path), { method })
    nobody.close()
    expect([anonymous.status, codeOf(anonymous)]).toEqual([401, 'not-signed-in'])
    for (const name of ['vendor', 'approver', 'admin'] as const) {
      // Without a form token: whoever gets as far as the form had the role, and nothing is done.
      const answer = await (await as(name)).fetch(at(path), { method })
      const refusedForRole = answer.status === 403 && codeOf(answer) === 'role-missing'
      expect([name, refusedForRole]).toEqual([name, !allowed.includes(name)])
      if (!refusedForRole && method === 'POST') expect(codeOf(answer)).toBe('form-expired')
    }
  })

  it('shows on the pages too: an approver finds nothing that would be refused', async () => {
    const grant = await plant.issue()
    const client = await as('approver')
    const list = await client.navigate(at('/admin'))
    expect(list.text).not.toMatch(/\/extend|\/admin\/grants\/new|\/admin\/people/)
    const page = await client.click(list, `End or change the grant of ${grant.to.email}`)
    expect(page.text).toContain(`/admin/grants/${grant.id}/revoke`)
    expect(page.text).not.toMatch(/\/extend|\/admin\/invitations/)
  })
})

describe('issuing a grant', () => {
  const input = {
    to: 'new.person@vendor.example',
    endpoints: 'press-3',
    access: 'operate',
    start: 'now',
    end: String(2 * hourMs),
    reason: 'replace the sensor',
    ticket: 'CHG-7',
  }
  const issue = async (over: Record<string, string> = {}): Promise<Answer> => {
    const client = await as('admin')
    return post(client, '/admin/grants', { ...input, ...over, form: await tokenOf(client) })
  }
  const stored = async (email: string): Promise<Grant[]> =>
    (await plant.gatehouse.services.grants.list()).filter((grant) => grant.to.email === email)

  it('stores it, says it back, and shows someone new their invitation code once', async () => {
    const page = await issue()
    expect(page.status).toBe(200)
    const text = visibleText(page)
    expect(text).toContain('new.person@vendor.example may operate press-3 panel from')
    expect(text).toContain('2 h.')
    const code = /<code id="invitation-code">([^<]+)</.exec(page.text)?.[1]
    expect(code).toMatch(/^[0-9A-Z]{4}(-[0-9A-Z]{4}){3}$/)
    const [grant] = await stored(input.to)
    expect(grant).toMatchObject({
      endpoints: ['press-3'],
      access: 'operate',
      reason: 'replace the sensor',
      ticket: 'CHG-7',
      issuedBy: { kind: 'principal', principalId: idOf('admin'), email: accounts.admin.email },
      to: { principalId: null },
    })
    expect((grant?.until ?? 0) - (grant?.from ?? 0)).toBe(2 * hourMs)
    const shown = await (await as('admin')).navigate(at(`/admin/grants/${grant?.id ?? ''}`))
    expect(shown.text).not.toContain(code ?? 'none')
    expect((await actorsOf('grant.issued')).at(-1)).toEqual(grant?.issuedBy)
  })

  it('asks how it is to end, with a sentence each, and cuts if nobody says otherwise', async () => {
    const client = await as('admin')
    const form = visibleText(await client.navigate(at('/admin/grants/new')))
    expect(form).toContain('may finish within 2 min')
    expect(form).toContain('For the last 10 min')
    await issue({ to: 'cut@vendor.example' })
    expect(await stored('cut@vendor.example')).toMatchObject([{ ending: 'cut' }])
    const page = await issue({ to: 'drain@vendor.example', ending: 'drain' })
    expect(visibleText(page)).toContain('Nothing new starts after the end.')
    const [grant] = await stored('drain@vendor.example')
    expect(grant).toMatchObject({ ending: 'drain' })
    expect(visibleText(await client.navigate(at('/admin')))).toContain('Let running requests finish')
    const refused = await issue({ to: 'never@vendor.example', ending: 'never' })
    expect(refused.status).toBe(422)
    expect(visibleText(refused)).toContain('What happens at the end must be "cut", "drain" or "read-only".')
    expect(await stored('never@vendor.example')).toEqual([])
  })

  it('needs no invitation for someone who has a second factor', async () => {
    await as('vendor')
    const page = await issue({ to: accounts.vendor.email.toUpperCase() })
    expect(page.status).toBe(200)
    expect(page.text).not.toContain('invitation-code')
    const [grant] = await stored(accounts.vendor.email)
    expect(grant?.to.principalId).toBe(idOf('vendor'))
  })

  it('takes a start and an end as the browser sends them, with and without scripts', async () => {
    const from = new Date(plant.clock.now() + 24 * hourMs).toISOString().slice(0, 16)
    const until = new Date(plant.clock.now() + 26 * hourMs).toISOString()
    await issue({ to: 'later@vendor.example', start: 'at', from, end: 'at', until, access: 'view' })
    const [grant] = await stored('later@vendor.example')
    expect(grant).toMatchObject({ from: Date.parse(`${from}:00Z`), until: Date.parse(until), access: 'view' })
  })

  it('takes hours of the week, says them back, and refuses half of them', async () => {
    const until = new Date(plant.clock.now() + 8 * 24 * hourMs).toISOString()
    const week = { to: 'weekly@vendor.example', end: 'at', until, days: 'mon' }
    const page = await issue({ ...week, dayFrom: '06:00', dayUntil: '14:00' })
    expect(visibleText(page)).toMatch(/at [12] set times? only/)
    const [grant] = await stored('weekly@vendor.example')
    const windows = grant?.conditions.windows ?? []
    expect(windows.length).toBeGreaterThan(0)
    for (const { from, until: end } of windows) {
      expect(new Date(from).getUTCDay()).toBe(1)
      expect(end - from).toBeLessThanOrEqual(8 * hourMs)
    }
    const refused = await issue({ ...week, to: 'half@vendor.example', dayFrom: '06:00' })
    expect(refused.status).toBe(422)
    expect(visibleText(refused)).toContain('The hours of the week must end at a time of day')
    expect(refused.text).toMatch(/<details class="more" open/)
    expect(refused.text).toMatch(/id="days-mon"[^>]*checked/)
    expect(await stored('half@vendor.example')).toEqual([])
  })

  it('takes several times of the week, and keeps what was entered in each where one is refused', async () => {
    const until = new Date(plant.clock.now() + 8 * 24 * hourMs).toISOString()
    const week = { end: 'at', until, days: 'mon', dayFrom: '06:00', dayUntil: '14:00' }
    const two = { ...week, 'days-2': 'sat', 'dayFrom-2': '22:00', 'dayUntil-2': '02:00' }
    await issue({ ...two, to: 'two-times@vendor.example' })
    const [grant] = await stored('two-times@vendor.example')
    const starts = (grant?.conditions.windows ?? []).map(({ from }) => new Date(from))
    expect(starts.some((at) => at.getUTCDay() === 1)).toBe(true)
    // One that runs over midnight may have begun on Saturday or, cut by the start of the grant, on Sunday.
    expect(starts.some((at) => [6, 0].includes(at.getUTCDay()))).toBe(true)

    const refused = await issue({ ...two, to: 'third@vendor.example', 'days-3': 'wed' })
    expect(refused.status).toBe(422)
    for (const [name, value] of Object.entries({ 'dayFrom-2': '22:00', 'dayUntil-2': '02:00' }))
      expect(formsOf(refused).flatMap(({ fields }) => fields)).toContainEqual(
        expect.objectContaining({ name, value }),
      )
    expect(refused.text).toMatch(/id="days-3-wed"[^>]*checked/)
    // The first three are unfolded, the fourth is not.
    expect(refused.text.match(/<details open/g)).toHaveLength(2)
    expect(await stored('third@vendor.example')).toEqual([])
  })

  it('counts a length from the start, not from now', async () => {
    const from = new Date(plant.clock.now() + 24 * hourMs).toISOString()
    await issue({ to: 'length@vendor.example', start: 'at', from })
    const [grant] = await stored('length@vendor.example')
    expect(grant).toMatchObject({ from: Date.parse(from), until: Date.parse(from) + 2 * hourMs })
  })

  it.each([
    ['to', { to: 'not an address' }, 'The e-mail address must be an e-mail address'],
    ['to', { to: '' }, 'The e-mail address'],
    ['endpoints', { endpoints: 'press-99' }, 'is not a configured endpoint'],
    ['endpoints', { endpoints: '__proto__' }, 'is not a configured endpoint'],
    ['access', { access: 'root' }, 'The access must be'],
    ['from', { start: 'at', from: '' }, 'The start must be filled in.'],
    ['from', { start: 'at', from: 'tomorrow' }, 'The start must be an instant'],
    ['from', { start: 'at', from: '2020-01-01T00:00' }, 'The start must not lie in the past.'],
    ['until', { end: 'at', until: '' }, 'The end must be filled in.'],
    ['until', { end: '315360000000' }, 'The end must be an instant'],
    ['until', { end: 'at', until: '+10d' }, 'The end must not lie more than 12 h after the start.'],
    ['until', { end: 'at', until: '2020-01-01T00:00' }, 'The end must lie in the future.'],
    ['reason', { reason: ' ' }, 'The reason must say why, in words.'],
    ['reason', { reason: 'sensor\u202Eback' }, 'The reason holds control or text-direction characters.'],
    ['reason', { reason: 'x'.repeat(10_240) }, 'The reason must not be longer than 500 characters.'],
    ['ticket', { ticket: '\u0007CHG' }, 'The ticket may hold printable ASCII characters only.'],
  ])('says what is wrong beside the field "%s" and keeps the input: %j', async (field, over, message) => {
    const reason = 'kept "as it was" <b>'
    const before = (await plant.gatehouse.services.grants.list()).length
    const page = await issue({ reason, ticket: 'CHG-8', ...over })
    expect(page.status).toBe(422)
    expect(visibleText(page)).toContain('Nothing was issued.')
    const id = { from: 'start', until: 'end' }[field] ?? field
    const error = new RegExp(`id="${id}-error"[^>]*>([^<]*)<`).exec(page.text)?.[1] ?? 'no error there'
    expect(visibleText({ text: error })).toContain(message)
    expect(page.text).toContain(`href="#${id}"`)
    if (field !== 'reason') expect(page.text).toContain('value="kept &quot;as it was&quot; &lt;b>"')
    if (field !== 'endpoints') expect(page.text).toMatch(/value="press-3" checked/)
    expect((await plant.gatehouse.services.grants.list()).length).toBe(before)
  })

  it('takes several machines, and none is an error', async () => {
    const client = await as('admin')
    const form = await tokenOf(client)
    const fields = Object.entries({ ...input, form }).filter(([name]) => name !== 'endpoints')
    const none = await post(client, '/admin/grants', fields)
    expect(none.status).toBe(422)
    const both = [...fields, ['endpoints', 'press-3'], ['endpoints', 'press-4']]
    expect(visibleText(await post(client, '/admin/grants', both))).toContain('press-3 panel, press-4 panel')
  })
})

describe('a grant', () => {
  const change = async (grant: Grant, action: string, fields: Record<string, string>): Promise<Answer> => {
    const client = await as('admin')
    const path = `/admin/grants/${grant.id}/${action}`
    return post(client, path, { ...fields, form: await tokenOf(client) })
  }

  it('is extended by an hour at the press of a button, and once when two people press it', async () => {
    const grant = await plant.issue({ until: '+2h' })
    const client = await as('admin')
    const list = await client.navigate(at('/admin'))
    const action = `/admin/grants/${grant.id}/extend`
    const asked = await client.submit(list, {}, { action, press: `+1 h for ${grant.to.email}` })
    expect([asked.status, visibleText(asked)]).toEqual([200, expect.stringContaining('Give an hour more?')])
    const unsaid = await client.submit(asked, { reason: '' }, { action })
    expect([unsaid.status, visibleText(unsaid)]).toEqual([422, expect.stringContaining('Say why, in words')])
    expect((await grantNow(grant)).until).toBe(grant.until)
    const done = await client.submit(asked, { reason: 'belt still off' }, { action })
    expect(visibleText(done)).toContain('The grant was extended.')
    expect((await grantNow(grant)).until).toBe(grant.until + hourMs)
    const late = await change(grant, 'extend', {
      ...{ by: '1', was: String(grant.until), reason: 'belt still off' },
    })
    expect(late.status).toBe(409)
    expect(visibleText(late)).toContain('Somebody else has just changed the end of this grant.')
    expect((await grantNow(grant)).until).toBe(grant.until + hourMs)
    expect((await actorsOf('grant.extended')).at(-1)).toMatchObject({ principalId: idOf('admin') })
  })

  it('is extended to a set time, and never beyond what is allowed', async () => {
    const grant = await plant.issue({ until: '+2h' })
    const until = new Date(grant.until + 30 * 60_000).toISOString()
    const unsaid = await change(grant, 'extend', { until })
    expect([unsaid.status, visibleText(unsaid)]).toEqual([422, expect.stringContaining('Say why, in words')])
    expect((await grantNow(grant)).until).toBe(grant.until)
    const reason = 'belt still off'
    await change(grant, 'extend', { until, why: reason })
    expect((await grantNow(grant)).until).toBe(Date.parse(until))
    const tooLong = await change(grant, 'extend', { until: '+13h', why: reason })
    expect(tooLong.status).toBe(422)
    expect(visibleText(tooLong)).toContain('The end must not lie more than 12 h after the start.')
    expect((await grantNow(grant)).until).toBe(Date.parse(until))
  })

  it('offers no hour that would go beyond what is allowed', async () => {
    const grant = await plant.issue({ until: '+10h' })
    const list = await (await as('admin')).navigate(at('/admin'))
    expect(list.text).toContain(`+1 h<span class="visually-hidden"> for ${grant.to.email}`)
    expect(list.text).not.toContain(`+4 h<span class="visually-hidden"> for ${grant.to.email}`)
  })

  it('is revoked for a reason, after a question, by an approver too', async () => {
    const grant = await plant.issue()
    const client = await as('approver')
    const page = await client.navigate(at(`/admin/grants/${grant.id}`))
    const asked = await client.submit(page, { reason: 'line is back' })
    expect(visibleText(asked)).toContain('Revoke this grant?')
    expect(visibleText(asked)).toContain('loses press-3 panel at once')
    expect((await grantNow(grant)).revocation).toBeNull()
    const done = await client.submit(asked, {}, { press: 'Revoke' })
    expect(visibleText(done)).toContain('The grant was revoked.')
    expect((await grantNow(grant)).revocation).toMatchObject({
      reason: 'line is back',
      by: { principalId: idOf('approver') },
    })
    expect((await actorsOf('grant.revoked')).at(-1)).toMatchObject({ principalId: idOf('approver') })
  })

  it.each(['', '   ', '...', 'a\u202Eb c'])('is not revoked for no reason: %j', async (reason) => {
    const grant = await plant.issue()
    const page = await change(grant, 'revoke', { reason, sure: 'yes' })
    expect(page.status).toBe(422)
    expect(visibleText(page)).toMatch(/The reason (must say why, in words|holds control)/)
    expect((await grantNow(grant)).revocation).toBeNull()
  })

  it('nobody knows is not found', async () => {
    for (const id of ['g-none', '__proto__', 'a%2fb', '..%5c', '%00']) {
      const answer = await (await as('admin')).fetch(at(`/admin/grants/${id}`))
      expect([400, 404]).toContain(answer.status)
    }
  })

  it('keeps what people wrote as text', async () => {
    const reason = `<script>alert(1)</script> "'><img src=x onerror=alert(1)>`
    const grant = await plant.issue({ reason, ticket: '<b>=1+1</b>' })
    for (const path of ['/admin', `/admin/grants/${grant.id}`]) {
      const page = await (await as('admin')).navigate(at(path))
      expect(visibleText(page)).toContain(reason)
      expect(page.text).not.toMatch(/<script>|<img src=x|<b>/)
    }
  })
})

describe('who is in', () => {
  it('is listed with what they have open, and is signed out after a question', async () => {
    await plant.issue()
    const vendor = await as('vendor')
    await vendor.navigate(plant.origin('press-3'))
    const live = await vendor.openWebSocket(`${plant.origin('press-3')}/live`)
    await live.next()
    const client = await as('approver')
    const list = await client.navigate(at('/admin/sessions'))
    expect(visibleText(list)).toMatch(/vendor ana@machines\.example press-3 panel since/)
    const [session] = (await plant.gatehouse.services.sessions.list()).filter(
      ({ principal }) => principal.id === idOf('vendor'),
    )
    const kill = { action: `/admin/sessions/${session?.id ?? ''}/kill` }
    expect(list.text).toContain(`href="${kill.action}"`)
    const asked = await client.navigate(at(kill.action))
    expect(visibleText(asked)).toContain('These are cut at once: press-3 panel.')
    const refused = await client.submit(asked, { reason: '..' }, kill)
    expect([refused.status, visibleText(refused)]).toEqual([
      422,
      expect.stringContaining('Say why, in words'),
    ])
    expect((await vendor.fetch(at('/'))).status).toBe(200)
    // Stopping asks for no fresh code, whatever the hour.
    await plant.clock.advance({ minutes: 6 })
    const done = await client.submit(asked, { reason: 'left the desk' }, kill)
    expect(visibleText(done)).toContain('The session was ended.')
    expect(await live.closed).toMatchObject({ reason: 'session-killed' })
    expect((await vendor.fetch(at('/'))).status).toBe(401)
    const gone = await client.submit(asked, { reason: 'left the desk' }, kill)
    expect(visibleText(gone)).toContain('That session had ended already.')
  })
})

describe('people', () => {
  it('have their second factor reset after a question: they are signed out and get a new code', async () => {
    const vendor = await as('vendor')
    // Signed in this moment: the one-time code of the sign-in is fresh.
    clients.get('admin')?.close()
    clients.delete('admin')
    const client = await as('admin')
    const list = await client.navigate(at('/admin/people'))
    const reset = { action: `/admin/people/${idOf('vendor')}/reset-totp` }
    expect(list.text).toContain(`href="${reset.action}"`)
    const asked = await client.navigate(at(reset.action))
    expect(visibleText(asked)).toContain('Make sure that you are talking to the right person')
    const { secondFactor } = plant.gatehouse.services
    const refused = await client.submit(asked, { reason: '' }, reset)
    expect([refused.status, visibleText(refused)]).toEqual([
      422,
      expect.stringContaining('Say why, in words'),
    ])
    // It removes a safeguard: whoever sits at a browser that was left open does not do so.
    await plant.clock.advance({ minutes: 6 })
    const reason = 'lost the phone, known by voice'
    const stale = await client.submit(asked, { reason }, reset)
    expect(stale.url.pathname).toBe('/second-factor/again')
    expect((await secondFactor.status(idOf('vendor'))).isEnrolled).toBe(true)
    const back = await client.submit(stale, { code: await plant.code('admin') })
    expect(back.url.pathname).toBe(reset.action)
    const done = await client.submit(back, { reason }, reset)
    expect(done.text).toMatch(/<code id="invitation-code">[0-9A-Z-]{19}</)
    expect((await secondFactor.status(idOf('vendor'))).isEnrolled).toBe(false)
    expect((await vendor.fetch(at('/'))).status).toBe(401)

    const after = await client.navigate(at('/admin/people'))
    expect(visibleText(after)).toMatch(/ana@machines\.example vendor .* not set up reset /)
    const again = await client.submit(back, { reason }, reset)
    expect(again.status).toBe(409)
    const invitations = { action: '/admin/invitations' }
    // Whoever has the code sets up the second factor: a cookie that was copied made one without a telephone.
    await plant.clock.advance({ minutes: 6 })
    const first = await client.submit(after, { email: accounts.vendor.email }, invitations)
    expect(first.url.pathname).toBe('/second-factor/again')
    const why = await client.submit(first, { code: await plant.code('admin') })
    expect(why.url.pathname).toBe('/admin/invitations')
    expect(visibleText(why)).toContain('sets up the second factor of that account')
    expect((await client.submit(why, { reason: '' }, invitations)).status).toBe(422)
    const invited = await client.submit(why, { reason: 'first code went astray' }, invitations)
    expect(invited.text).toMatch(/<code id="invitation-code">[0-9A-Z-]{19}</)
    const { email } = accounts.admin
    const form = await tokenOf(client)
    const enrolled = await post(client, '/admin/invitations', { form, email, reason: 'first day' })
    expect([enrolled.status, codeOf(enrolled)]).toEqual([409, 'invitee-enrolled'])
  })

  it('nobody knows cannot be reset or invited', async () => {
    const client = await as('admin')
    const form = await tokenOf(client)
    const reset = await post(client, '/admin/people/p-none/reset-totp', { form, sure: 'yes' })
    expect([reset.status, codeOf(reset)]).toEqual([404, 'person-unknown'])
    const invited = await post(client, '/admin/invitations', { form, email: 'nobody', reason: 'first day' })
    expect([invited.status, codeOf(invited)]).toEqual([422, 'input-invalid'])
  })

  it('that share an e-mail address cannot be given a grant by it', async () => {
    const { people } = plant.gatehouse.services
    for (const id of ['p-twin-1', 'p-twin-2']) {
      const principal = { id, issuer: 'x', subject: id, email: 'twin@vendor.example', name: id }
      await people.remember(principal, [])
    }
    const client = await as('admin')
    const page = await post(client, '/admin/grants', {
      form: await tokenOf(client),
      to: 'twin@vendor.example',
      endpoints: 'press-3',
      access: 'view',
      start: 'now',
      end: String(hourMs),
      reason: 'replace the sensor',
    })
    expect(page.status).toBe(409)
    expect(visibleText(page)).toContain('More than one account has signed in with this e-mail.')
  })
})
