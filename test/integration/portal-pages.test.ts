import { readLedger } from '../../src/audit/index.js'
import { principalId } from '../../src/identity/index.js'
import { fingerprint, newToken } from '../../src/lib/index.js'
import { createClient, type Answer, type Client } from '../support/client.js'
import { visibleText } from '../support/html.js'
import { oneTimeCode } from '../support/one-time-code.js'
import { accounts, operator, startPlant, type AccountName, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

let plant: Plant
const clients: Client[] = []

beforeAll(async () => {
  plant = await startPlant({ enrolled: ['vendor', 'approver', 'admin', 'unverified'] })
}, 30_000)
afterAll(async () => {
  for (const client of clients) client.close()
  await plant.close()
})

const stranger = (): Client => {
  const client = createClient({ clock: plant.clock })
  clients.push(client)
  return client
}
const signedIn = async (name: AccountName = 'vendor'): Promise<Client> => {
  const client = await plant.signIn(name)
  clients.push(client)
  return client
}
const at = (path: string): string => plant.portal + path
const post = (client: Client, path: string, fields: Record<string, string>): Promise<Answer> =>
  client.fetch(at(path), {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
    body: new URLSearchParams(fields).toString(),
  })
const codeOf = (answer: Answer): unknown => (answer.json() as { code: unknown }).code
const cookieOf = (client: Client): string =>
  client.cookies.header(new URL(plant.portal), { isForeign: false, navigation: 'safe' })
const formToken = (page: Answer): string => /name="form" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
const idOf = (name: AccountName): string => principalId(plant.provider.issuer, accounts[name].subject)
const inviteTo = async (email: string): Promise<string> =>
  (await plant.gatehouse.services.secondFactor.invite(email, 'first day at the plant', operator)).code
const invite = (name: AccountName): Promise<string> => inviteTo(accounts[name].email)
const secretOn = (page: Answer): string =>
  (/<code id="secret">([^<]+)</.exec(page.text)?.[1] ?? '').replaceAll(' ', '')
const recoveryCodesOn = (page: Answer): string[] =>
  [...page.text.matchAll(/<li><code>([^<]+)<\/code>/g)].map((match) => match[1] ?? '')

// First of all: later tests set our clock hours ahead of the provider's, and its tokens would be stale.
describe('a session', () => {
  it('ends when the provider says so from behind', async () => {
    const client = await signedIn()
    expect(await plant.provider.signOutEverywhere(accounts.vendor.subject)).toBeGreaterThan(0)
    await until('the session is over', async () => (await client.fetch(at('/'))).status === 401)
  })
})

describe('the sign-in page', () => {
  it('has one way in, and says what comes next and whom to call', async () => {
    const page = await stranger().navigate(plant.portal)
    expect([page.status, page.url.pathname]).toEqual([200, '/sign-in'])
    const text = visibleText(page)
    for (const part of ['Sign in with Plant account', 'one-time code', 'Call the person at the plant']) {
      expect(text).toContain(part)
    }
    expect(page.text.match(/class="button/g)).toHaveLength(1)
  })

  it.each(['//evil.example', '/\\evil.example', 'https:evil.example', 'javascript:alert(1)', '/a%0d%0ab'])(
    'refuses to return to %s, and so does every step behind it',
    async (to) => {
      const client = await signedIn()
      const query = new URLSearchParams({ to }).toString()
      for (const path of ['/sign-in', '/sign-in/start', '/second-factor', '/second-factor/enrol']) {
        const page = await client.navigate(at(`${path}?${query}`), { follow: false })
        expect([path, page.status]).toEqual([path, 400])
        expect(visibleText(page)).toContain('return-target-invalid')
      }
    },
  )

  it('is not shown to someone who is signed in', async () => {
    const client = await signedIn()
    const page = await client.navigate(at('/sign-in?to=%2F%3Fx%3D1'))
    expect(page.url.href).toBe(at('/?x=1'))
  })

  it('puts a failed sign-in on record', async () => {
    const answer = await stranger().navigate(at('/oidc/callback?state=x&code=y'))
    expect(answer.status).toBeGreaterThanOrEqual(400)
    const codes: unknown[] = []
    const { directory } = plant.config.audit
    for await (const record of readLedger({ directory, event: 'login.failed' }))
      codes.push(record.fields.code)
    expect(codes).toContain('login-expired')
  })
})

describe('a session', () => {
  it('has a new cookie after sign-in and after the second factor, and the old ones are dead', async () => {
    const client = stranger()
    const form = await plant.signInWithPassword(client, 'vendor')
    const first = cookieOf(client)
    await client.submit(form, { code: await plant.code('vendor') })
    const second = cookieOf(client)
    expect(first).toMatch(/^__Host-gatehouse=[\w-]{43}$/)
    expect(second).toMatch(/^__Host-gatehouse=[\w-]{43}$/)
    expect(second).not.toBe(first)
    const old = await stranger().fetch(at('/'), { headers: { Cookie: first } })
    expect(old.status).toBe(401)
  })

  it('ends when another sign-in begins in the same browser', async () => {
    const client = await signedIn()
    const first = cookieOf(client)
    const form = await client.navigate(at('/sign-in/start'))
    expect(form.url.pathname).toBe('/second-factor')
    const old = await stranger().fetch(at('/'), { headers: { Cookie: first } })
    expect(old.status).toBe(401)
  })

  it('ends with sign-out, here and at the provider', async () => {
    const client = await signedIn()
    const home = await client.navigate(plant.portal)
    const cookie = cookieOf(client)
    const left = await client.submit(home, {}, { action: '/sign-out', follow: false })
    expect(left.status).toBe(303)
    expect(new URL(left.header('location') ?? '').origin).toBe(plant.provider.issuer)
    expect(cookieOf(client)).toBe('')
    expect((await stranger().fetch(at('/'), { headers: { Cookie: cookie } })).status).toBe(401)
  })
})

describe('a back-channel logout that is not one', () => {
  it.each([
    ['nothing', ''],
    ['no token', 'logout_token='],
    ['garbage', 'logout_token=a.b.c'],
    ['two tokens', 'logout_token=a.b.c&logout_token=d.e.f'],
  ])('is refused as the standard says: %s', async (_name, body) => {
    const answer = await stranger().fetch(at('/oidc/backchannel-logout'), {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body,
    })
    expect(answer.status).toBe(400)
    expect(answer.header('cache-control')).toBe('no-store')
    expect(answer.json()).toMatchObject({ error: 'invalid_request' })
  })
})

describe('the one-time code', () => {
  it('is asked for in a way that phones and password managers understand', async () => {
    const page = await plant.signInWithPassword(stranger(), 'vendor')
    const field = /<input[^>]*name="code"[^>]*>/.exec(page.text)?.[0]
    expect(field).toContain('autocomplete="one-time-code"')
    expect(field).toContain('inputmode="numeric"')
  })

  it('may be wrong once, and the person still arrives where they wanted to be', async () => {
    const client = stranger()
    const wanted = at('/?from=mail')
    const form = await plant.signInWithPassword(client, 'vendor', wanted)
    const again = await client.submit(form, { code: '000000' })
    expect(again.status).toBe(422)
    expect(visibleText(again)).toContain('That code is not right.')
    expect(again.text).not.toContain('000000')
    const used = await plant.code('vendor')
    const home = await client.submit(again, { code: used })
    expect(home.url.href).toBe(wanted)

    const other = stranger()
    const second = await plant.signInWithPassword(other, 'vendor')
    const replayed = await other.submit(second, { code: used })
    expect(replayed.status).toBe(422)
    expect(visibleText(replayed)).toContain('Wait for the next one')
  })

  it.each(['', ' ', '12345', '1234567', 'abcdef', '１２３４５６', '0'.repeat(4_000)])(
    'that is malformed gets the form again (%#)',
    async (code) => {
      const client = stranger()
      const form = await plant.signInWithPassword(client, 'approver')
      const answer = await client.submit(form, { code })
      expect([422, 429]).toContain(answer.status)
      await plant.clock.advance({ hours: 2 })
    },
  )

  it('is not taken while the person is locked out, and the page says for how long', async () => {
    const client = stranger()
    let page = await plant.signInWithPassword(client, 'unverified')
    for (let tries = 0; page.status !== 429; tries += 1) {
      expect(tries).toBeLessThan(20)
      const form = page.text.includes('disabled') ? await client.navigate(at('/second-factor')) : page
      page = await post(client, '/second-factor', { form: formToken(form), to: '/', code: '000000' })
      if (page.header('content-type')?.includes('html') !== true) throw new Error(page.text)
    }
    expect(Number(page.header('retry-after'))).toBeGreaterThan(0)
    expect(visibleText(page)).toMatch(/Codes are taken again in \d+ (s|min)/)
    const shown = await client.navigate(at('/second-factor'))
    expect(visibleText(shown)).toContain('Too many wrong codes')

    await plant.clock.advance({ seconds: Number(page.header('retry-after')) })
    const form = await client.navigate(at('/second-factor'))
    const home = await client.submit(form, { code: await plant.code('unverified') })
    expect(home.url.href).toBe(at('/'))
  })
})

describe('setting up a second factor', () => {
  it('takes an invitation, a code, and ends where the person wanted to be', async () => {
    const client = stranger()
    const wanted = at('/?first=visit')
    const start = await plant.signInWithPassword(client, 'stranger', wanted)
    expect(start.url.pathname).toBe('/second-factor/enrol')
    expect(secretOn(start)).toBe('')

    for (const invitation of ['', '0000-0000-0000-0000', await inviteTo('new@machines.example')]) {
      const refused = await client.submit(start, { invitation })
      expect(refused.status).toBe(422)
      expect(visibleText(refused)).toContain('That invitation code is not valid for you')
      expect(secretOn(refused)).toBe('')
    }

    const connect = await client.submit(start, { invitation: await invite('stranger') })
    const secret = secretOn(connect)
    expect(secret).toMatch(/^[A-Z2-7]{32,}$/)
    expect(connect.text).toContain('<img class="qr" src="data:image/svg+xml;base64,')
    expect(secretOn(await client.navigate(at('/second-factor/enrol')))).toBe(secret)

    const wrong = await client.submit(connect, { code: '000000' })
    expect(wrong.status).toBe(422)
    expect(secretOn(wrong)).toBe(secret)

    const before = cookieOf(client)
    const codes = await client.submit(wrong, { code: oneTimeCode(secret, plant.clock.now()) })
    expect(recoveryCodesOn(codes)).toHaveLength(10)
    expect(new Set(recoveryCodesOn(codes)).size).toBe(10)
    expect(cookieOf(client)).not.toBe(before)

    const again = await client.navigate(at('/second-factor/enrol'))
    expect(recoveryCodesOn(again)).toEqual([])
    expect(secretOn(again)).toBe('')
    const home = await client.click(codes, 'I have stored them, continue')
    expect(home.url.href).toBe(wanted)

    await useRecoveryCode(recoveryCodesOn(codes)[0] ?? '')
    await resetAndReturn()
  })

  async function useRecoveryCode(code: string): Promise<void> {
    const client = stranger()
    const form = await plant.signInWithPassword(client, 'stranger', at('/?phone=lost'))
    const recovery = await client.click(form, 'Phone lost or not at hand? Use a recovery code')
    const wrong = await client.submit(recovery, { code: '0000-0000-0000-0000' })
    expect(wrong.status).toBe(422)
    const done = await client.submit(wrong, { code: code.toLowerCase().replaceAll('-', ' ') })
    expect(visibleText(done)).toContain('You have 9 recovery codes left')
    const home = await client.click(done, 'Continue')
    expect(home.url.href).toBe(at('/?phone=lost'))

    const other = stranger()
    const second = await plant.signInWithPassword(other, 'stranger')
    const page = await other.click(second, 'Phone lost or not at hand? Use a recovery code')
    expect((await other.submit(page, { code })).status).toBe(422)
  }

  async function resetAndReturn(): Promise<void> {
    await plant.gatehouse.services.secondFactor.reset(idOf('stranger'), operator)
    const client = stranger()
    const start = await plant.signInWithPassword(client, 'stranger')
    expect(visibleText(start)).toContain('Your second factor was reset')
    const connect = await client.submit(start, { invitation: await invite('stranger') })
    expect(visibleText(connect)).toContain('Your second factor was reset')
    await plant.clock.advance({ seconds: 30 })
    const codes = await client.submit(connect, { code: oneTimeCode(secretOn(connect), plant.clock.now()) })
    expect(recoveryCodesOn(codes)).toHaveLength(10)
    const status = await plant.gatehouse.services.secondFactor.status(idOf('stranger'))
    expect(status).toMatchObject({ isEnrolled: true, resetAt: null })
  }
})

describe('what one may open', () => {
  it('is empty at first, and says what to do', async () => {
    const home = await (await signedIn('approver')).navigate(plant.portal)
    const text = visibleText(home)
    expect(text).toContain('Nothing has been opened for you yet')
    expect(text).toContain(accounts.approver.email)
  })

  it('shows what is open, what starts later and what has ended, with the reason', async () => {
    const reason = '<b>Replace</b> "sensor" & calibrate'
    const running = await plant.issue({ until: '+2h', reason, ticket: 'CHG-1', access: 'view' })
    const later = await plant.issue({ endpoints: ['press-4'], from: '+20h', until: '+22h' })
    const revoked = await plant.issue({ endpoints: ['press-4'], until: '+3h' })
    await plant.gatehouse.services.grants.revoke(revoked.id, 'line <i>restarted</i>', operator)
    const client = await signedIn()
    const home = await client.navigate(plant.portal)
    const text = visibleText(home)
    expect(text).toMatch(
      /Open now press-3 panel View only Hall B · Operator panel Open 1 h 59 min left until/,
    )
    expect(text).toContain(`For ${reason} Ticket CHG-1`)
    expect(text).toMatch(/Starts later press-4 panel Starts in 19 h 59 min/)
    expect(text).toMatch(
      /Ended recently press-4 panel The plant ended this access on .* line <i>restarted<\/i>/,
    )
    expect(home.text).not.toMatch(/<b>|<i>/)
    expect(home.text).toContain(
      `<a class="button big" href="${plant.origin('press-3')}/.gatehouse/start?to=%2F" target="_blank" rel="noopener"`,
    )

    const ring = async (): Promise<number> => {
      const { text } = await client.navigate(plant.portal)
      expect(text).toMatch(/<svg class="ring"[^>]*aria-hidden="true"/)
      return Number(/stroke-dasharray="([\d.]+) 100"/.exec(text)?.[1])
    }
    expect(await ring()).toBeGreaterThan(95)
    await plant.clock.advance({ hours: 1, minutes: 50 })
    expect((await client.navigate(plant.portal)).text).toContain('data-warning="15"')
    expect(await ring()).toBeLessThan(10)
    await plant.revoke(running)
    await plant.revoke(later)
    expect(visibleText(await client.navigate(plant.portal))).toContain('Nothing is open to you now')
  })
})

describe('the way to a machine', () => {
  it('begins at the machine when the browser brings no nonce', async () => {
    const grant = await plant.issue()
    const client = await signedIn()
    const page = await client.navigate(at('/handover?endpoint=press-3&nonce=&to=%2Fx'), { follow: false })
    expect(page.header('location')).toBe(`${plant.origin('press-3')}/.gatehouse/start`)
    await plant.revoke(grant)
  })

  it('never leads off the machine, whatever is asked', async () => {
    const grant = await plant.issue()
    const client = await signedIn()
    const nonce = newToken()
    const targetOf = async (to: string): Promise<unknown> => {
      const query = new URLSearchParams({ endpoint: 'press-3', nonce: fingerprint(nonce), to }).toString()
      const page = await client.navigate(at(`/handover?${query}`), { follow: false })
      const way = new URL(page.header('location') ?? '')
      expect(way.origin + way.pathname).toBe(`${plant.origin('press-3')}/.gatehouse/enter`)
      const { sessions } = plant.gatehouse.services
      const code = way.searchParams.get('code') ?? ''
      return (await sessions.redeemHandoverCode(code, { endpointId: 'press-3', nonce }))?.to
    }
    expect(await targetOf('/trend?tag=1')).toBe('/trend?tag=1')
    for (const to of ['//evil.example', 'https://evil.example/', '/\\evil.example', '/a\r\nX: y', '']) {
      expect([to, await targetOf(to)]).toEqual([to, '/'])
    }
    await plant.revoke(grant)
  })

  it.each(['press-4', 'press-99', '', 'evil.example#', '../press-3', 'PRESS-3', '__proto__'])(
    'is closed to %j, the same for unknown and not granted',
    async (endpoint) => {
      const client = await signedIn('approver')
      const query = new URLSearchParams({ endpoint, nonce: 'n'.repeat(43), to: '/' }).toString()
      const answer = await client.fetch(at(`/handover?${query}`))
      expect(answer.status).toBe(403)
      expect(codeOf(answer)).toBe('denied')
    },
  )
})

describe('forms', () => {
  it('without the token of the session do nothing', async () => {
    const client = await signedIn()
    const other = await signedIn('approver')
    const foreign = formToken(await other.navigate(plant.portal))
    for (const path of [
      '/sign-out',
      '/second-factor',
      '/second-factor/recovery',
      '/second-factor/enrol/confirm',
    ]) {
      for (const form of ['', 'x', foreign]) {
        const answer = await post(client, path, { form, to: '/', code: '000000' })
        expect([path, answer.status, codeOf(answer)]).toEqual([path, 403, 'form-expired'])
      }
    }
    expect((await client.fetch(at('/'))).status).toBe(200)
  })

  it.each([
    ['too large', 'application/x-www-form-urlencoded', `form=${'x'.repeat(17_000)}`, 413, 'body-too-large'],
    ['of another type', 'application/json', '{"form":"x"}', 403, 'form-expired'],
    [
      'in a strange charset',
      'application/x-www-form-urlencoded; charset=utf-7',
      'form=x',
      422,
      'input-invalid',
    ],
    [
      'with the token twice',
      'application/x-www-form-urlencoded',
      'form=TOKEN&form=TOKEN',
      403,
      'form-expired',
    ],
    [
      'with fields of objects',
      'application/x-www-form-urlencoded',
      'form[__proto__]=x&__proto__=y',
      403,
      'form-expired',
    ],
  ])('that are %s are refused', async (_name, type, body, status, code) => {
    const client = await signedIn()
    const token = formToken(await client.navigate(plant.portal))
    const answer = await client.fetch(at('/sign-out'), {
      method: 'POST',
      headers: { 'Content-Type': type },
      body: body.replaceAll('TOKEN', token),
    })
    expect([answer.status, codeOf(answer)]).toEqual([status, code])
  })
})

describe('every own page', () => {
  it('comes with the strict headers and an empty cache', async () => {
    const client = await signedIn('admin')
    for (const path of [
      '/',
      '/admin',
      '/admin/grants/new',
      '/admin/sessions',
      '/admin/people',
      '/signed-out',
      '/none',
    ]) {
      const page = await client.navigate(at(path))
      expect(page.header('content-security-policy')).toContain("default-src 'none'")
      expect([path, page.header('cache-control')]).toEqual([path, 'no-store'])
      expect(page.header('x-powered-by')).toBeNull()
      expect(page.header('etag')).toBeNull()
    }
  })

  it('answers HEAD like GET, without the body', async () => {
    const client = await signedIn()
    const head = await client.fetch(at('/'), { method: 'HEAD' })
    expect([head.status, head.body.length]).toEqual([200, 0])
    expect(Number(head.header('content-length'))).toBeGreaterThan(1_000)
  })

  it('finds its stylesheet and script on every host', async () => {
    const client = await signedIn()
    const page = await client.navigate(plant.portal)
    const files = [...page.text.matchAll(/"(\/\.gatehouse\/static\/[^"]+)"/g)].map((match) => match[1] ?? '')
    expect(files).toHaveLength(3)
    for (const origin of [plant.portal, plant.origin('press-3'), plant.origin('press-99')]) {
      for (const file of files) expect((await stranger().fetch(origin + file)).status).toBe(200)
    }
  })

  // A spelling that the router takes for a page and `accessOf` does not would be served under the
  // access of an unknown page.
  it.each([
    ...['/ADMIN', '/admin/', '/Admin/People', '/admin/people/', '/sign-out/', '/SIGN-IN', '/signed-out/'],
    ...['/admin/grants/', '/admin%20', '/%61dmin', '/second-factor/enrol/'],
  ])('is served under one spelling only: %s is not found', async (path) => {
    const answer = await (await signedIn('admin')).fetch(at(path))
    expect([answer.status, codeOf(answer)]).toEqual([404, 'not-found'])
  })

  it('publishes the key for assertions', async () => {
    const answer = await stranger().fetch(at('/.well-known/jwks.json'))
    const { keys } = answer.json() as { keys: Record<string, unknown>[] }
    expect(keys[0]).toMatchObject({ kty: 'EC', crv: 'P-256', alg: 'ES256', use: 'sig' })
    expect(keys[0]).not.toHaveProperty('d')
  })
})
