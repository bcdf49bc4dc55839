import { principalId } from '../../src/identity/index.js'
import { germanRules } from '../../src/lib/rule-words.js'
import type { AccessRequest, Actor } from '../../src/model.js'
import { createClient, type Answer, type Client } from '../support/client.js'
import { visibleText } from '../support/html.js'
import { accounts, operator, startPlant, type AccountName, type Plant } from '../support/plant.js'
import { routesOf } from '../support/routes.js'
import { textsOf, wordsTables } from '../support/words.js'

const tables = await wordsTables()
let plant: Plant
const clients: Client[] = []

beforeAll(async () => {
  plant = await startPlant({
    enrolled: ['vendor', 'approver', 'admin'],
    extra: `
portal: { requestable: all }
companies:
  - { id: machines, name: Machines GmbH, emailDomains: [machines.example] }`,
  })
}, 30_000)
afterAll(async () => {
  for (const client of clients) client.close()
  await plant.close()
})

const at = (path: string): string => plant.portal + path
const german = { 'Accept-Language': 'de-DE,de;q=0.9,en;q=0.5' }
const signedIn = async (name: AccountName = 'vendor'): Promise<Client> => {
  const client = await plant.signIn(name)
  clients.push(client)
  return client
}
const stranger = (): Client => {
  const client = createClient({ clock: plant.clock })
  clients.push(client)
  return client
}
const langOf = (page: Pick<Answer, 'text'>): string | undefined => /<html lang="([^"]*)"/.exec(page.text)?.[1]
const switchTo = (client: Client, to: string, headers: Record<string, string> = {}): Promise<Answer> =>
  client.fetch(at('/language'), {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Origin: plant.portal, ...headers },
    body: new URLSearchParams({ to }).toString(),
  })

describe('the front page', () => {
  it('speaks the language of the browser, and says so', async () => {
    await plant.issue({ until: '+2h', ticket: 'CHG-1', access: 'view' })
    await plant.issue({ endpoints: ['press-4'], from: '+20h', until: '+22h' })
    const client = await signedIn()
    const page = await client.navigate(plant.portal, { headers: german })
    expect(langOf(page)).toBe('de')
    const text = visibleText(page)
    for (const part of ['Was Sie öffnen dürfen', 'Jetzt offen', 'Beginnt später', 'Abmelden', 'Nur ansehen'])
      expect(text).toContain(part)
    expect(text).toMatch(/bis \d\d\.\d\d\.\d{4} \d\d:\d\d UTC/)
    expect(text.replaceAll('test of the gate', '')).not.toMatch(/\b(?:the|until|left|Open|Sign)\b/)
    expect(langOf(await client.navigate(plant.portal))).toBe('en')
  })
})

describe('every page', () => {
  /** What is said in English only: where it stands on a German page, somebody forgot a word. */
  const german = new Set(tables.flatMap(({ table }) => textsOf(table.de)))
  // Of a rule as much as comes before its first value.
  const rules = Object.keys(germanRules).map((rule) => rule.split('{}')[0] ?? '')
  const english = [...tables.flatMap(({ table }) => textsOf(table.en)), ...rules].filter(
    (text) => !german.has(text) && /\w \w/.test(text),
  )
  const leftovers = (page: Answer): string[] => {
    const text = visibleText(page)
    return english.filter((words) => text.includes(words))
  }
  const inGerman = async (client: Client, path: string): Promise<void> => {
    const page = await client.navigate(at(path), { headers: { 'Accept-Language': 'de' } })
    expect([path, page.url.pathname, page.status, langOf(page), leftovers(page)]).toEqual([
      path,
      path.split('?')[0],
      200,
      'de',
      [],
    ])
  }

  it('is judged by words that an English one has', async () => {
    expect(leftovers(await stranger().navigate(at('/sign-in')))).toContain('Sign in to the plant')
  })

  /** What is asked for by scripts, programs or the provider, or leads on elsewhere. */
  const noPages = [
    ...['/.gatehouse/time-left', '/admin/grants.csv', '/admin/releases/shown', '/.well-known/jwks.json'],
    ...['/sign-in/start', '/oidc/callback', '/handover'],
  ]
  /** Of somebody who has signed in halfway; another test visits them. */
  const halfway = [
    '/second-factor',
    '/second-factor/recovery',
    '/second-factor/enrol',
    '/second-factor/enrol/confirm',
  ]
  const all = [...routesOf('portal'), ...routesOf('admin')].filter(({ method }) => method === 'GET')
  const pages = all.filter(({ path }) => !noPages.includes(path))

  /** How to see a page with something on it, by its path; one that is not named here is visited as it is. */
  type Visit = string | (() => Promise<string>)
  const visits: Readonly<Record<string, readonly Visit[]>> = {
    '/admin': ['/admin', '/admin?q=press&state=coming&machine=press-3', '/admin?q=fits-nothing'],
    '/admin/grants/:id': [
      async () => `/admin/grants/${(await plant.issue({ until: '+2h', ending: 'read-only' })).id}`,
      async () =>
        `/admin/grants/${(await plant.issue({ until: '+9h', lasts: '2h', needsRelease: true })).id}`,
      async () => {
        const grant = await plant.issue({ until: '+2h', sources: ['192.0.2.7'], maxSessions: 1 })
        await plant.revoke(grant)
        return `/admin/grants/${grant.id}`
      },
    ],
    '/admin/requests/:id': [
      async () => `/admin/requests/${(await ask()).id}`,
      async () => {
        const { id } = await ask()
        await plant.gatehouse.services.requests.deny(id, approver, 'nicht heute')
        return `/admin/requests/${id}`
      },
    ],
    '/admin/sessions/:id/kill': [
      async () => {
        const [session] = await plant.gatehouse.services.sessions.list()
        return `/admin/sessions/${session?.id ?? ''}/kill`
      },
    ],
    '/admin/people/:id/reset-totp': [() => Promise.resolve(`/admin/people/${vendorId()}/reset-totp`)],
    '/admin/companies/:id': ['/admin/companies/machines'],
    '/admin/tokens/:id/revoke': [
      async () => {
        const lifetimeMs = 3_600_000
        const wanted = { name: 'desk', owner: accounts.admin.email, scopes: ['grants:read'], sources: [] }
        const { token } = await plant.gatehouse.services.tokens.create(
          { ...wanted, lifetimeMs },
          'a program needs it',
          operator,
        )
        return `/admin/tokens/${token.id}/revoke`
      },
    ],
    '/admin/resets/:id/confirm': [async () => `/admin/resets/${await proposed()}/confirm`],
    '/admin/resets/:id/decline': [async () => `/admin/resets/${await proposed()}/decline`],
    '/admin/lockdowns/lift': [
      async () => {
        await plant.gatehouse.services.lockdowns.on('endpoint:press-4', 'fertig', operator)
        return '/admin/lockdowns/lift?scope=endpoint:press-4'
      },
    ],
    '/admin/search': ['/admin/search', '/admin/search?q=press', '/admin/search?q=fits-nothing'],
    '/admin/timeline': ['/admin/timeline', '/admin/timeline?span=week'],
    '/admin/simulator': ['/admin/simulator', '/admin/simulator?endpoint=press-3'],
  }
  const vendorId = (): string => principalId(plant.provider.issuer, accounts.vendor.subject)
  const approver = { actor: operator, roles: ['admin' as const], hasFreshCode: true }
  const ask = (): Promise<AccessRequest> => {
    const { email, subject, name } = accounts.vendor
    const { issuer } = plant.provider
    const asked = { endpoints: ['press-4'], from: null, lengthMs: 7_200_000, reason: 'Riemen' }
    return plant.gatehouse.services.requests.ask(asked, { id: vendorId(), issuer, subject, email, name })
  }

  /** By another administrator. */
  const proposed = async (): Promise<string> => {
    const { resets } = plant.gatehouse.services
    const other = accounts.secondAdmin
    const principalIdOfOther = principalId(plant.provider.issuer, other.subject)
    const waiting = await resets.waiting()
    if (waiting[0] !== undefined) return waiting[0].id
    const actor: Actor = { kind: 'principal', principalId: principalIdOfOther, email: other.email }
    const who = { actor, roles: ['admin' as const], hasFreshCode: true }
    return (await resets.propose(vendorId(), 'Handy verloren', who)).id
  }

  it('that there is has an address to visit, and each address a page', () => {
    const paths = all.map(({ path }) => path)
    expect(paths.filter((path) => path.includes('?'))).toEqual([])
    expect([...noPages, ...halfway, ...Object.keys(visits)].filter((path) => !paths.includes(path))).toEqual(
      [],
    )
    expect(pages.filter(({ path }) => path.includes(':') && !Object.hasOwn(visits, path))).toEqual([])
  })

  describe('with something on it', () => {
    let clients: Record<'nobody' | 'vendor' | 'admin', Client>
    beforeAll(async () => {
      clients = { nobody: stranger(), vendor: await signedIn('vendor'), admin: await signedIn('admin') }
      await plant.issue({ until: '+2h', ending: 'drain' })
      await plant.issue({ until: '+2h', needsRelease: true })
      await ask()
    }, 30_000)

    it.each(pages.filter(({ path }) => !halfway.includes(path)))('is in German: $path', async (page) => {
      const client =
        page.access === 'public'
          ? clients.nobody
          : ['verified', 'signed-in'].includes(page.access)
            ? clients.vendor
            : clients.admin
      for (const visit of visits[page.path] ?? [page.path])
        await inGerman(client, typeof visit === 'string' ? visit : await visit())
    })
  })

  it('of the second factor is in German, of the code and of setting one up', async () => {
    const enrolled = stranger()
    await plant.signInWithPassword(enrolled, 'vendor')
    for (const path of ['/second-factor', '/second-factor/recovery']) await inGerman(enrolled, path)
    const newcomer = stranger()
    await plant.signInWithPassword(newcomer, 'stranger')
    for (const path of ['/second-factor/enrol', '/second-factor/enrol/confirm'])
      await inGerman(newcomer, path)
  })

  it('that asks before a grant is revoked is in German', async () => {
    const grant = await plant.issue({ until: '+2h', ending: 'read-only' })
    const client = await signedIn('admin')
    const page = await client.navigate(at(`/admin/grants/${grant.id}`), {
      headers: { 'Accept-Language': 'de' },
    })
    const asked = await client.submit(
      page,
      { reason: 'fertig' },
      { press: 'Freigabe zurücknehmen', headers: { 'Accept-Language': 'de' } },
    )
    expect([langOf(asked), leftovers(asked)]).toEqual(['de', []])
    expect(visibleText(asked)).toContain('Diese Freigabe zurücknehmen?')
  })

  /** Forms with something wrong in them: where, what is entered, the button, and what has to be said of it. */
  const wrong: [string, Record<string, string>, string, string][] = [
    ['/admin/grants/new', { to: 'ana' }, 'Freigabe erteilen', 'Wählen Sie mindestens eine Maschine.'],
    [
      '/admin/grants/new',
      { to: 'ana', endpoints: 'press-3', reason: 'Riemen' },
      'Freigabe erteilen',
      'Die E-Mail-Adresse muss eine E-Mail-Adresse sein',
    ],
    [
      '/admin/grants/new',
      { to: 'ana@vendor.example', endpoints: 'press-3', reason: '...' },
      'Freigabe erteilen',
      'Der Grund muss in Worten sagen, warum.',
    ],
    [
      '/admin/grants/new',
      { to: 'ana@vendor.example', endpoints: 'press-3', reason: 'Riemen', sources: '10.0.0.7/8' },
      'Freigabe erteilen',
      'Die Angabe der Netze muss Adressen oder Netze nennen',
    ],
    [
      '/admin/grants/new',
      { to: 'ana@vendor.example', endpoints: 'press-3', reason: 'Riemen', days: 'mon' },
      'Freigabe erteilen',
      'Die Angabe der Stunden muss mit einer Uhrzeit beginnen',
    ],
    ['/admin/lockdowns', { scope: 'all', reason: '' }, '', 'Der Grund muss in Worten sagen, warum.'],
    ['/admin/tokens/new', { name: '', reason: 'Leitstand' }, '', 'Sagen Sie, wofür es ist'],
    ['/admin/tokens/new', { name: 'Leitstand' }, '', 'Sagen Sie in Worten, warum'],
    ['/request', { reason: '' }, '', ''],
  ]
  it.each(wrong)('says in German what is wrong: %s %j', async (path, fields, press, said) => {
    const client = await signedIn(path.startsWith('/admin') ? 'admin' : 'vendor')
    const headers = { 'Accept-Language': 'de' }
    const form = await client.navigate(at(path), { headers })
    const asked = await client.submit(form, fields, { ...(press === '' ? {} : { press }), headers })
    // Where something hurts it is asked first.
    const answer =
      asked.text.includes('name="sure"') && asked.status === 200
        ? await client.submit(asked, {}, { headers })
        : asked
    expect([answer.status, langOf(answer), leftovers(answer)]).toEqual([422, 'de', []])
    expect(visibleText(answer)).toContain(said)
  })
})

describe('the switch of the language', () => {
  it('keeps the page, is remembered, and counts more than the browser', async () => {
    const client = await signedIn()
    const page = await client.navigate(at('/?from=mail'))
    const switched = await client.submit(page, {}, { press: 'Deutsch' })
    expect(switched.url.href).toBe(at('/?from=mail'))
    expect(langOf(switched)).toBe('de')
    const back = await client.submit(switched, {}, { press: 'English' })
    expect(langOf(back)).toBe('en')
    expect(langOf(await client.navigate(plant.portal, { headers: german }))).toBe('en')
  })

  it('takes no language but ours, and then changes nothing', async () => {
    const client = await signedIn()
    for (const to of ['', 'fr', '__proto__', 'DE', 'de; Path=/x', 'de\r\nSet-Cookie: a=b']) {
      const answer = await switchTo(client, to)
      expect([to, answer.status, answer.header('set-cookie')]).toEqual([to, 422, null])
    }
    expect(langOf(await client.navigate(plant.portal))).toBe('en')
  })

  it('is refused to a form of another origin, also of a machine', async () => {
    const client = await signedIn()
    for (const origin of ['https://evil.example', plant.origin('press-3'), 'null']) {
      const answer = await switchTo(client, 'de', { Origin: origin, 'Sec-Fetch-Site': 'same-site' })
      expect([origin, answer.status, answer.header('set-cookie')]).toEqual([origin, 403, null])
    }
  })

  it.each([
    ['nothing', undefined],
    ['another site', 'https://evil.example/'],
    ['a site that begins like ours', 'PORTAL.evil.example/'],
    ['a page that only a form shows', 'PORTAL/sign-out'],
    ['a page there is none of', 'PORTAL/nowhere'],
    ['an address that is no page', 'PORTAL//evil.example/'],
    ['the address of a machine', 'https://press-3.plant.localhost/'],
  ])('leads to the front page where it was asked from %s', async (_, referer) => {
    const from = referer?.replace('PORTAL', plant.portal)
    const answer = await switchTo(stranger(), 'de', from === undefined ? {} : { Referer: from })
    expect([answer.status, answer.header('location')]).toEqual([303, '/'])
    expect(answer.header('set-cookie')).toMatch(
      /^__Host-gatehouse-language=de; Path=\/; Secure; HttpOnly; SameSite=Lax; Max-Age=31536000$/,
    )
  })
})

describe('an answer that is no page of ours', () => {
  it('speaks the language of the browser at the machine’s own address', async () => {
    const grant = await plant.issue({ endpoints: ['press-3'], until: '+2h' })
    const client = await signedIn()
    await client.navigate(`${plant.origin('press-3')}/`)
    for (const held of await plant.gatehouse.services.grants.list()) {
      if (held.revocation === null && held.until > plant.clock.now()) await plant.revoke(held)
    }
    expect((await plant.gatehouse.services.grants.get(grant.id))?.revocation).not.toBeNull()
    const page = await client.navigate(`${plant.origin('press-3')}/`, { headers: german })
    expect([page.status, langOf(page), page.header('content-language')]).toEqual([403, 'de', 'de'])
    expect(visibleText(page)).toContain('Ihr Zugang wurde zurückgenommen')
    expect(visibleText(page)).not.toContain('Deutsch English')
    expect(page.text).not.toContain('action="' + at('/language'))
    const script = await client.fetch(`${plant.origin('press-3')}/`, { headers: german })
    expect(script.json()).toMatchObject({ code: 'grant-revoked', title: 'Ihr Zugang wurde zurückgenommen' })
    expect(langOf(await client.navigate(`${plant.origin('press-3')}/`))).toBe('en')
  })

  it('speaks it on the portal too, as it was chosen', async () => {
    const client = await signedIn()
    await switchTo(client, 'de')
    const page = await client.navigate(at('/nowhere'))
    expect([page.status, langOf(page)]).toEqual([404, 'de'])
    expect(visibleText(page)).toContain('Diese Seite gibt es nicht')
    const unsigned = await stranger().navigate(at('/oidc/callback?state=x&code=y'), { headers: german })
    expect(langOf(unsigned)).toBe('de')
    expect(visibleText(unsigned)).toContain('Bitte melden Sie sich neu an.')
  })
})

describe('what a browser says about its language', () => {
  it.each([
    'de;q=2',
    '*',
    'de\u00a0',
    '"de"',
    '../de',
    'de,'.repeat(400),
    '__proto__',
    '<script>alert(1)</script>',
  ])('may be anything, and makes a whole page in one of ours: %j', async (accepted) => {
    const client = await signedIn()
    const page = await client.navigate(plant.portal, { headers: { 'Accept-Language': accepted } })
    expect([page.status, ['en', 'de'].includes(langOf(page) ?? '')]).toEqual([200, true])
    expect(page.text).not.toContain('<script>alert')
  })

  it.each(['fr', 'DE', '', 'de-DE', '__proto__', 'x'.repeat(4_000)])(
    'and the cookie too: %j',
    async (chosen) => {
      const client = await signedIn()
      client.cookies.plant(plant.portal, '__Host-gatehouse-language', chosen)
      const page = await client.navigate(plant.portal, { headers: german })
      expect([page.status, langOf(page)]).toEqual([200, 'de'])
    },
  )
})
