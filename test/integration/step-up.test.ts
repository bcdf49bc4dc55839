import { hasFreshCode } from '../../src/policy/index.js'
import { principalId } from '../../src/identity/index.js'
import type { Session } from '../../src/model.js'
import { createClient, type Answer, type Client } from '../support/client.js'
import { visibleText } from '../support/html.js'
import { oneTimeCode } from '../support/one-time-code.js'
import { accounts, operator, startPlant, type Plant } from '../support/plant.js'

let plant: Plant
const clients: Client[] = []
const at = (path: string): string => plant.portal + path

beforeAll(async () => {
  plant = await startPlant()
}, 30_000)
afterAll(async () => {
  for (const client of clients) client.close()
  await plant.close()
})

const signedIn = async (): Promise<Client> => {
  // Sessions of one instant have no newest among them.
  await plant.clock.advance({ seconds: 1 })
  const client = await plant.signIn('approver')
  clients.push(client)
  return client
}
const idOf = (): string => principalId(plant.provider.issuer, accounts.approver.subject)
const newestSession = async (): Promise<Session> => {
  const all = await plant.gatehouse.services.sessions.list()
  const own = all.filter(({ principal }) => principal.id === idOf()).sort((a, b) => b.startedAt - a.startedAt)
  if (own[0] === undefined) throw new Error('no session')
  return own[0]
}
const isFresh = async (): Promise<boolean> =>
  hasFreshCode((await newestSession()).assurance, plant.clock.now())
const cookieOf = (client: Client): string =>
  client.cookies.header(new URL(plant.portal), { isForeign: false, navigation: 'safe' })
const ask = (client: Client, to: string): Promise<Answer> =>
  client.navigate(at(`/second-factor/again?${new URLSearchParams({ to }).toString()}`))

describe('the page that asks for a fresh one-time code', () => {
  it('is for whoever has proved a second factor before, and leads others there first', async () => {
    const client = createClient({ clock: plant.clock })
    clients.push(client)
    expect((await ask(client, '/')).url.pathname).toBe('/sign-in')
    await plant.signInWithPassword(client, 'approver')
    expect((await ask(client, '/')).url.pathname).toBe('/second-factor')
  })

  it('takes a code, returns to where the person was, and the old cookie is dead', async () => {
    const client = await signedIn()
    expect(await isFresh()).toBe(true)
    await plant.clock.advance({ minutes: 5 })
    expect(await isFresh()).toBe(false)

    const form = await ask(client, '/?from=here')
    const before = cookieOf(client)
    const back = await client.submit(form, { code: await plant.code('approver') })
    expect(back.url.href).toBe(at('/?from=here'))
    expect(await isFresh()).toBe(true)
    const old = createClient({ clock: plant.clock })
    clients.push(old)
    expect((await old.fetch(at('/'), { headers: { Cookie: before } })).status).toBe(401)
  })

  it('refuses the code of the sign-in, kindly, and a wrong one', async () => {
    const client = createClient({ clock: plant.clock })
    clients.push(client)
    const login = await plant.signInWithPassword(client, 'approver')
    const used = await plant.code('approver')
    await client.submit(login, { code: used })
    await plant.clock.advance({ seconds: 10 })

    const replayed = await client.submit(await ask(client, '/'), { code: used })
    expect(replayed.status).toBe(422)
    expect(visibleText(replayed)).toContain('has been used, most likely when you signed in')
    const wrong = await client.submit(replayed, { code: '000000' })
    expect(wrong.status).toBe(422)
    expect(visibleText(wrong)).toContain('That code is not right.')
    const taken = await client.submit(wrong, { code: await plant.code('approver') })
    expect(taken.url.href).toBe(at('/'))
  })

  it('takes no recovery code, and one at sign-in is no fresh code either', async () => {
    const { secondFactor } = plant.gatehouse.services
    const principal = { ...accounts.stranger, id: principalId(plant.provider.issuer, 'subject-stranger') }
    await secondFactor.reset(principal.id, operator)
    const client = createClient({ clock: plant.clock })
    clients.push(client)
    const start = await plant.signInWithPassword(client, 'stranger')
    const { code: invitation } = await secondFactor.invite(
      accounts.stranger.email,
      'first day at the plant',
      operator,
    )
    const connect = await client.submit(start, { invitation })
    const secret = (/<code id="secret">([^<]+)</.exec(connect.text)?.[1] ?? '').replaceAll(' ', '')
    await plant.clock.advance({ seconds: 30 })
    const codes = await client.submit(connect, { code: oneTimeCode(secret, plant.clock.now()) })
    const recovery = [...codes.text.matchAll(/<li><code>([^<]+)<\/code>/g)].map((match) => match[1] ?? '')

    const other = createClient({ clock: plant.clock })
    clients.push(other)
    const form = await plant.signInWithPassword(other, 'stranger')
    const page = await other.click(form, 'Phone lost or not at hand? Use a recovery code')
    await other.submit(page, { code: recovery[0] ?? '' })
    const sessions = await plant.gatehouse.services.sessions.list()
    const mine = sessions.filter((session) => session.principal.id === principal.id)
    expect(mine.map(({ assurance }) => hasFreshCode(assurance, plant.clock.now())).sort()).toEqual([
      false,
      true,
    ])
    expect(mine.every(({ assurance }) => assurance.secondFactorAt !== null)).toBe(true)

    const refused = await other.submit(await ask(other, '/'), { code: recovery[1] ?? '' })
    expect(refused.status).toBe(422)
    const status = await secondFactor.status(principal.id)
    expect(status.recoveryCodesLeft).toBe(9)
  })

  it('counts wrong codes together with those of the sign-in, and says how long it takes none', async () => {
    const client = await signedIn()
    let page = await ask(client, '/')
    for (let tries = 0; page.status !== 429; tries += 1) {
      expect(tries).toBeLessThan(10)
      if (page.text.includes('disabled')) break
      page = await client.submit(page, { code: '000000' })
    }
    expect(visibleText(await ask(client, '/'))).toMatch(/Codes are taken again in \d+ (s|min)/)
    expect((await client.fetch(at('/'))).status).toBe(200)
    await plant.clock.advance({ hours: 2 })
  })

  it.each(['//evil.example', '/\\evil.example', 'https://evil.example/'])(
    'does not return to %s',
    async (to) => {
      const client = await signedIn()
      expect((await ask(client, to)).status).toBe(400)
    },
  )

  it('does nothing without the token of the session', async () => {
    const client = await signedIn()
    const answer = await client.fetch(at('/second-factor/again'), {
      method: 'POST',
      headers: { 'Content-Type': 'application/x-www-form-urlencoded' },
      body: new URLSearchParams({ form: 'x', to: '/', code: await plant.code('approver') }).toString(),
    })
    expect(answer.status).toBe(403)
  })
})
