import { createClient, type Answer, type Client } from '../support/client.js'
import { visibleText } from '../support/html.js'
import { oneTimeCode, wrongCode } from '../support/one-time-code.js'
import { accounts, startPlant, type Plant } from '../support/plant.js'

/** From the administrator's decision to the vendor at the machine, for someone who has never been here. */
describe('a newcomer', () => {
  let plant: Plant
  let client: Client

  beforeEach(async () => {
    plant = await startPlant({ enrolled: ['admin', 'approver'] })
    client = createClient({ clock: plant.clock })
  }, 30_000)
  afterEach(async () => {
    client.close()
    await plant.close()
  })

  const press = (): string => `${plant.origin('press-3')}/`
  const secretOn = (page: Answer): string => {
    const [, secret = ''] = /secret=([A-Z2-7]+)/.exec(page.text) ?? []
    const shown = /(?:[A-Z2-7]{4} ){7}[A-Z2-7]{4}/.exec(visibleText(page))?.[0].replaceAll(' ', '')
    const found = secret === '' ? (shown ?? '') : secret
    expect(found.length).toBeGreaterThanOrEqual(32)
    return found
  }
  const issueOnPage = async (): Promise<string> => {
    const admin = await plant.signIn('admin')
    const form = await admin.click(await admin.navigate(`${plant.portal}/admin`), 'Issue a grant')
    const done = await admin.submit(form, {
      to: accounts.vendor.email,
      endpoints: 'press-3',
      reason: 'replace the recipe module',
    })
    admin.close()
    expect(done.status).toBeLessThan(300)
    const [code = ''] = /[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3,}/.exec(visibleText(done)) ?? []
    expect(code).not.toBe('')
    return code
  }

  it('is given access on a page, sets up a second factor with the code they were told, and arrives', async () => {
    const invitation = await issueOnPage()
    const begin = await plant.signInWithPassword(client, 'vendor', press())
    expect(begin.url.pathname).toBe('/second-factor/enrol')
    const connect = await client.submit(begin, { invitation: invitation.toLowerCase().replaceAll('-', ' ') })
    expect(connect.text).toContain('<svg')
    const code = oneTimeCode(secretOn(connect), plant.clock.now())
    const recovery = await client.submit(connect, { code })
    const codes = visibleText(recovery).match(/[0-9A-Z]{4}(?:-[0-9A-Z]{4}){3,}/g) ?? []
    expect(new Set(codes).size).toBe(10)
    const machine = await client.navigate(press(), { from: recovery })
    expect(machine.text).toContain('<h1>Machine</h1>')

    const lost = createClient({ clock: plant.clock })
    const form = await lost.click(await plant.signInWithPassword(lost, 'vendor'), 'recovery')
    expect((await lost.submit(form, { code: codes[0] ?? '' })).status).toBe(200)
    expect((await lost.navigate(plant.portal)).url.href).toBe(`${plant.portal}/`)
    const again = createClient({ clock: plant.clock })
    const sameForm = await again.click(await plant.signInWithPassword(again, 'vendor'), 'recovery')
    expect((await again.submit(sameForm, { code: codes[0] ?? '' })).status).toBe(422)
    lost.close()
    again.close()
  })

  it('cannot enrol with a stolen password and no invitation, or with somebody else’s', async () => {
    await plant.issue()
    const begin = await plant.signInWithPassword(client, 'vendor')
    expect((await client.submit(begin, { invitation: '0000-0000-0000-0000' })).status).toBe(422)
    const { out } = await plant.command(
      'users',
      'invite',
      accounts.stranger.email,
      '--reason',
      'first day',
      '--json',
    )
    const { enrolmentCode } = JSON.parse(out) as { enrolmentCode: string }
    const refused = await client.submit(begin, { invitation: enrolmentCode })
    expect(refused.status).toBe(422)
    expect((await client.navigate(press())).url.pathname).toBe('/second-factor/enrol')
  })

  it('who guesses codes is locked out for longer and longer, in every browser, while machines stay open', async () => {
    const { enrolmentCode } = JSON.parse(
      (await plant.command('users', 'invite', accounts.vendor.email, '--reason', 'first day', '--json')).out,
    ) as { enrolmentCode: string }
    await plant.issue()
    const begin = await plant.signInWithPassword(client, 'vendor')
    const connect = await client.submit(begin, { invitation: enrolmentCode })
    const secret = secretOn(connect)
    await client.submit(connect, { code: oneTimeCode(secret, plant.clock.now()) })
    await client.navigate(press())
    const live = await client.openWebSocket(`${press()}live`)

    const guesser = createClient({ clock: plant.clock })
    const form = await plant.signInWithPassword(guesser, 'vendor')
    const answers = []
    for (let guess = 0; guess < 6; guess += 1) {
      answers.push((await guesser.submit(form, { code: wrongCode(secret, plant.clock.now()) })).status)
    }
    expect(answers).toEqual([422, 422, 422, 422, 422, 429])
    await plant.clock.advance({ seconds: 30 })
    const right = oneTimeCode(secret, plant.clock.now())
    expect((await guesser.submit(form, { code: right })).status).toBe(429)
    expect(await live.next()).toMatch(/^\d+$/)
    await plant.clock.advance({ minutes: 1 })
    const late = await guesser.submit(form, { code: oneTimeCode(secret, plant.clock.now()) })
    expect(late.url.href).toBe(`${plant.portal}/`)
    guesser.close()
  })

  it.each([
    ['nothing', ''],
    ['too little', '12345'],
    ['too much', '1234567'],
    ['digits of another script', '١٢٣٤٥٦'],
    ['a novel', 'x'.repeat(10_000)],
    ['more than a form holds', 'x'.repeat(100_000)],
    ['control characters', '\u0000\r\n'],
    ['a query', '{"$gt":""}'],
  ])('who types %s for a code is told so, and nothing breaks', async (_what, code) => {
    const form = await plant.signInWithPassword(client, 'admin')
    const answer = await client.submit(form, { code })
    expect([413, 422]).toContain(answer.status)
    expect((await client.navigate(plant.portal)).url.pathname).toBe('/second-factor')
  })

  it('is told at the next sign-in when an administrator has reset their second factor', async () => {
    const before = await plant.signIn('approver')
    const reset = await plant.command(
      ...['users', 'reset-totp', accounts.approver.email, '--reason', 'phone lost'],
    )
    expect(reset.status).toBe(0)
    expect((await before.navigate(plant.portal)).url.pathname).toBe('/sign-in')
    const page = await plant.signInWithPassword(client, 'approver')
    expect(page.url.pathname).toBe('/second-factor/enrol')
    expect(visibleText(page)).toContain('Your second factor was reset')
    before.close()
  })
})

describe('a session', () => {
  let plant: Plant

  beforeAll(async () => {
    plant = await startPlant()
  }, 30_000)
  afterAll(() => plant.close())

  const tokenOf = (client: Client): string =>
    client.cookies.header(new URL(plant.portal), { isForeign: false, navigation: 'safe' })

  it('has another id after sign-in and after the second factor, and the old one is dead', async () => {
    const client = createClient({ clock: plant.clock })
    const form = await plant.signInWithPassword(client, 'vendor')
    const half = tokenOf(client)
    await client.submit(form, { code: await plant.code('vendor') })
    const whole = tokenOf(client)
    expect(whole).not.toBe(half)
    const thief = createClient({ clock: plant.clock })
    const answer = await thief.navigate(plant.portal, { headers: { Cookie: half } })
    expect(answer.url.pathname).toBe('/sign-in')
    client.close()
    thief.close()
  })

  it('ends with everything it opened when the provider says so over the back channel', async () => {
    await plant.issue()
    const client = await plant.signIn('vendor')
    await client.navigate(`${plant.origin('press-3')}/`)
    const live = await client.openWebSocket(`${plant.origin('press-3')}/live`)
    await plant.provider.signOutEverywhere(accounts.vendor.subject)
    expect(await live.closed).toEqual({ code: 1008, reason: 'signed-out' })
    expect((await client.navigate(plant.portal)).url.pathname).toBe('/sign-in')
    client.close()
  })

  it('is ended at the provider too when the person signs out', async () => {
    const client = await plant.signIn('vendor')
    const out = await client.submit(await client.navigate(plant.portal), {}, { action: '/sign-out' })
    expect(out.redirects.map(({ to }) => to.origin)).toContain(plant.provider.issuer)
    expect((await client.navigate(plant.portal)).url.pathname).toBe('/sign-in')
    client.close()
  })

  it('takes no form that lacks its token, and none that another page sent', async () => {
    const client = await plant.signIn('admin')
    const page = await client.navigate(`${plant.portal}/admin`)
    const without = await client.fetch(`${plant.portal}/sign-out`, {
      method: 'POST',
      body: 'form=',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded', 'Sec-Fetch-Mode': 'navigate' },
    })
    expect(without.status).toBe(403)
    const foreign = await client.fetch(`${plant.portal}/sign-out`, {
      method: 'POST',
      from: plant.origin('press-3'),
      body: 'form=',
      headers: { Cookie: tokenOf(client) },
    })
    expect(foreign.json()).toMatchObject({ status: 403, code: 'origin-foreign' })
    expect(page.status).toBe(200)
    expect((await client.navigate(`${plant.portal}/admin`)).status).toBe(200)
    client.close()
  })

  it.each(['/admin', '/admin/grants', '/admin/people', '/admin/sessions'])(
    'of a vendor does not open %s',
    async (path) => {
      const client = await plant.signIn('vendor')
      const answer = await client.navigate(plant.portal + path)
      expect([403, 404]).toContain(answer.status)
      expect(answer.text).not.toContain('cara@plant.example')
      client.close()
    },
  )
})
