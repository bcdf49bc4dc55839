import { createClient, type Answer, type Client } from '../support/client.js'
import { visibleText } from '../support/html.js'
import { accounts, startPlant, type Plant } from '../support/plant.js'

let plant: Plant
let admin: Client
let approver: Client

beforeAll(async () => {
  plant = await startPlant({ enrolled: ['vendor', 'approver', 'admin'] })
  admin = await plant.signIn('admin')
  approver = await plant.signIn('approver')
}, 60_000)
afterEach(async () => {
  const { store } = plant.gatehouse.services
  for (const { id } of await plant.gatehouse.services.grants.list())
    await store.run((redis) => redis.zrem(store.key('grants', 'all'), id))
})
afterAll(async () => {
  admin.close()
  approver.close()
  await plant.close()
})

const at = (path: string): string => plant.portal + path
const open = (path: string, client = admin): Promise<Answer> => client.navigate(at(path))
const read = async (path: string, client = admin): Promise<string> => visibleText(await open(path, client))

/** What people could write into a grant, and what must come of it: nothing. */
const hostile = [
  `<script>alert(1)</script><img src=x onerror=alert(2)>"'`,
  '=HYPERLINK("https://evil.example";"here")',
  '+1+1 -2 @SUM(A1) \u0301',
  'שלום فني repair',
  '👷🏽‍♀️ repair of the 🏭',
  `${'long '.repeat(99)}x`,
]

describe('the list of grants', () => {
  it('shows what fits, and says so in an address that can be kept', async () => {
    await plant.issue({ to: 'lucia@vendor.example', reason: 'Change the García valve', ticket: 'CHG-7' })
    await plant.issue({ to: 'ben@other.example', endpoints: ['press-4'], reason: 'oil' })
    const list = await open('/admin')
    const found = await admin.submit(
      list,
      { q: 'garcia chg-7', state: 'running', machine: 'press-3' },
      { action: '/admin' },
    )
    expect(found.url.search).toBe('?q=garcia+chg-7&state=running&machine=press-3')
    expect(visibleText(found)).toContain('1 found.')
    expect(visibleText(found)).toContain('lucia@vendor.example')
    expect(visibleText(found)).not.toContain('ben@other.example')
    expect(visibleText(found)).toContain(at('/admin?q=garcia+chg-7&state=running&machine=press-3'))
    expect(found.text).toMatch(/value="garcia chg-7"/)
    expect(found.text).toMatch(/<option value="running" selected/)
    expect(await read('/admin?machine=press-4')).not.toContain('lucia@vendor.example')
  })

  it('says what to do when nothing fits, and passes over what it does not know', async () => {
    await plant.issue()
    const nothing = await open('/admin?q=nobody&state=coming')
    expect(visibleText(nothing)).toContain('Nothing fits Leave out a word')
    expect(nothing.text).toContain('href="/admin"')
    expect(nothing.text).toContain('href="/admin/search?q=nobody"')
    for (const query of ['state=x', 'page=0', 'page=-1', 'page=9e9', 'q=a&q=b', 'q', 'page=99'])
      expect(await read(`/admin?${query}`)).toContain('Running (1)')
    const odd = await open('/admin?machine=%3Cscript%3E')
    expect(visibleText(odd)).toContain('Nothing fits')
    expect(odd.text).not.toContain('<script>')
  })

  it('is shown in parts', async () => {
    for (let count = 0; count < 41; count += 1) await plant.issue({ until: `+${100 + count}m` })
    const first = await open('/admin?state=running')
    expect(visibleText(first)).toContain('Running (41)')
    expect(visibleText(first)).toContain('Page 1 of 2')
    const second = await admin.click(first, 'Next')
    expect(second.url.search).toBe('?state=running&page=2')
    expect(second.text.match(/role="row"/g)).toHaveLength(2)
    expect(visibleText(second)).toContain('Running (41)')
    expect((await admin.click(second, 'Previous')).url.search).toBe('?state=running')
  })
})

describe('the other lists', () => {
  it('find people by name, address and role', async () => {
    expect(await read('/admin/people?q=ADMIN+plant.example')).toContain(accounts.admin.email)
    expect(await read('/admin/people?q=ADMIN+plant.example')).not.toContain(accounts.approver.email)
    expect(await read('/admin/people?q=nobody')).toContain('Nothing fits')
  })

  it('call the roles of people by their names, and find them by these and by their ids', async () => {
    const address = '/admin/people?q=cara@plant.example'
    expect(await read(address)).toMatch(/cara@plant\.example administrator \d/)
    const german = await admin.navigate(plant.portal + address, { headers: { 'Accept-Language': 'de' } })
    expect(visibleText(german)).toMatch(/cara@plant\.example Administration \d/)
    for (const typed of ['administrator', 'Administration', 'admin'])
      expect(await read(`/admin/people?q=${typed}+cara@plant.example`)).toContain('1 found')
  })

  it('find who is in by what they have open', async () => {
    await plant.issue()
    const vendor = await plant.signIn('vendor')
    await vendor.navigate(plant.origin('press-3'))
    const live = await vendor.openWebSocket(`${plant.origin('press-3')}/live`)
    await live.next()
    for (const query of ['machine=press-3', 'state=open', 'q=press-3', 'q=ana%40machines']) {
      const text = await read(`/admin/sessions?${query}`, approver)
      expect([query, text.includes(accounts.vendor.email)]).toEqual([query, true])
      expect(text).not.toContain('cara@plant.example')
    }
    expect(await read('/admin/sessions?state=idle')).not.toContain(accounts.vendor.email)
    expect(await read('/admin/sessions?machine=press-4')).toContain('Nothing fits')
    vendor.close()
  })
})

describe('the search over everything', () => {
  it('finds machines, grants, people and sessions, each with the way there', async () => {
    const grant = await plant.issue({ reason: 'see admin about the press-3 valve' })
    const begin = await open('/admin/search')
    expect(visibleText(begin)).toContain('searched together')
    const found = await admin.submit(begin, { q: 'press-3' }, { action: '/admin/search' })
    expect(visibleText(found)).toMatch(/Machines \(1\) press-3 panel Hall B .*Grants \(1\)/)
    expect(found.text).toContain(`href="/admin/grants/${grant.id}"`)
    expect(visibleText(await admin.click(found, 'Grants for it'))).toContain('Running (1)')
    const person = await open('/admin/search?q=admin')
    expect(visibleText(person)).toMatch(/Grants \(1\).*People \(1\).*Signed in now \(1\)/)
    expect(visibleText(await open('/admin/search?q=nobody+at+all'))).toContain('Nothing fits.')
  })

  it('shows people to administrators alone', async () => {
    const text = await read('/admin/search?q=plant.example', approver)
    expect(text).toContain('Signed in now (2)')
    expect(text).not.toContain('People (')
  })
})

describe('the table of grants', () => {
  it('holds what the filter shows, as a file with a name of its own', async () => {
    const grant = await plant.issue({ reason: 'Größe; "prüfen"', ticket: 'CHG-7' })
    await plant.issue({ endpoints: ['press-4'] })
    const list = await open('/admin?machine=press-3')
    const file = await admin.click(list, 'Download 1 as a table (CSV)')
    expect(file.status).toBe(200)
    expect(file.header('content-type')).toBe('text/csv; charset=utf-8')
    expect(file.header('content-disposition')).toMatch(/^attachment; filename="grants-\d{4}-\d\d-\d\d\.csv"$/)
    expect(file.header('x-content-type-options')).toBe('nosniff')
    expect(file.header('cache-control')).toBe('no-store')
    const [head = '', row = '', ...more] = file.text.replace(/^\ufeff/, '').split('\r\n')
    expect(head).toMatch(/^"id","state","person","machines",/)
    expect(row).toContain(
      `"${grant.id}","running","ana@machines.example","press-3","press-3 panel","operate"`,
    )
    expect(row).toContain('"Größe; ""prüfen""","CHG-7"')
    expect(more).toEqual([''])
  })

  it.each(hostile)('makes a spreadsheet calculate nothing: %j', async (reason) => {
    const grant = await plant.issue({ reason })
    const { text } = await open(`/admin/grants.csv?q=${grant.id}`)
    expect(text).not.toMatch(/(?:^|,)"[=+\-@\t\r]/m)
    expect(text).toContain(reason.replaceAll('"', '""').trim())
  })
})

describe('the timeline', () => {
  it('draws each machine with its grants, tells them in words too, and leads to them', async () => {
    const running = await plant.issue({ until: '+1m' })
    const taken = await plant.issue({ endpoints: ['press-4'], until: '+2h' })
    await plant.clock.advance({ seconds: 10 })
    await plant.revoke(taken)
    const list = await open('/admin')
    const page = await admin.click(list, 'Timeline')
    const text = visibleText(page)
    expect(text).toMatch(/press-3 panel .*\d\d:\d\d–\d\d:\d\d ana@machines\.example Running/)
    expect(text).toMatch(/press-4 panel .*ana@machines\.example Revoked/)
    expect(text).toContain('Plant time (UTC)')
    expect(page.text).toContain(`href="/admin/grants/${running.id}"`)
    expect(page.text).toMatch(/<rect class="bar running"/)
    expect(page.text).toMatch(/<line class="now"/)
    expect(page.text).not.toContain('style=')
    const week = await admin.click(page, 'Week')
    expect(week.url.search).toMatch(/^\?span=week&day=/)
    expect(visibleText(week)).toContain('ana@machines.example Running')
  })

  it('is searched by machine, person and reason, and keeps that when the time changes', async () => {
    await plant.issue({ to: 'lucia@vendor.example', reason: 'Change the García valve' })
    await plant.issue({ to: 'ben@other.example', endpoints: ['press-4'] })
    const page = await open('/admin/timeline')
    const found = await admin.submit(page, { q: 'garcia' }, { action: '/admin/timeline' })
    expect(visibleText(found)).toContain('lucia@vendor.example Running')
    expect(visibleText(found)).not.toContain('ben@other.example')
    expect(found.text).toContain('<line class="now"')
    const week = await admin.click(found, 'Week')
    expect(week.url.searchParams.get('q')).toBe('garcia')
    expect(visibleText(week)).toContain('lucia@vendor.example Running')
    expect(visibleText(await open('/admin/timeline?q=press-4'))).toContain('ben@other.example Running')
    const nothing = await open('/admin/timeline?q=nobody')
    expect(visibleText(nothing)).toContain(
      'No grant lies here Choose another time, or search for something else.',
    )
    expect(visibleText(await admin.click(nothing, 'Show all'))).toContain('ben@other.example Running')
  })

  it('goes to other days and weeks, and shows today for what is no day', async () => {
    const dayMs = 24 * 3_600_000
    const ahead = plant.clock.now() + 100 * dayMs
    const wednesday = ahead + ((10 - new Date(ahead).getUTCDay()) % 7) * dayMs
    const date = (days: number): string => new Date(wednesday + days * dayMs).toISOString().slice(0, 10)
    await plant.issue({ from: `${date(0)}T10:00:00Z`, until: `${date(0)}T12:00:00Z` })
    const day = await open(`/admin/timeline?day=${date(-1)}`)
    expect(visibleText(day)).toContain('No grant lies here')
    expect(day.text).not.toContain('class="now"')
    const later = await admin.click(day, 'Later')
    expect(visibleText(later)).toContain('10:00–12:00 ana@machines.example Starts later')
    expect(visibleText(later)).toContain('For one other machine there is no grant here.')
    const week = await admin.click(later, 'Week')
    expect(visibleText(week)).toContain(`${date(-2)} – ${date(4)}`)
    expect(visibleText(week)).toContain(`${date(0).slice(5)} 10:00–${date(0).slice(5)} 12:00`)
    expect((await admin.click(week, 'Earlier')).url.search).toBe(`?span=week&day=${date(-9)}`)
    for (const day of ['2026-02-30', 'x', '9999-12-31', '<script>', '-271821-04-20']) {
      const odd = await open(`/admin/timeline?${new URLSearchParams({ day }).toString()}`)
      expect([day, odd.status]).toEqual([day, 200])
      expect(visibleText(odd)).toContain('There is no such day.')
    }
  })

  it('speaks German to whoever wants that', async () => {
    await plant.issue()
    const page = await admin.fetch(at('/admin/timeline'), {
      headers: { Accept: 'text/html', 'Accept-Language': 'de' },
    })
    expect(page.text).toContain('<html lang="de"')
    expect(visibleText(page)).toContain('Freigaben im Zeitverlauf')
    expect(visibleText(page)).toContain('ana@machines.example Läuft')
    const search = await admin.fetch(at('/admin/search?q=press'), {
      headers: { Accept: 'text/html', 'Accept-Language': 'de' },
    })
    expect(visibleText(search)).toContain('Maschinen (2)')
  })
})

describe('what a stranger wrote', () => {
  it.each(hostile)('stays text on every page it is on: %j', async (reason) => {
    const grant = await plant.issue({ reason })
    const query = new URLSearchParams({ q: reason.slice(0, 60) }).toString()
    for (const path of [
      '/admin',
      '/admin/timeline',
      `/admin?${query}`,
      `/admin/search?${query}`,
      `/admin/people?${query}`,
    ]) {
      const page = await open(path)
      expect(page.status).toBe(200)
      expect(page.text).not.toMatch(/<script>|<img src=x/)
    }
    expect(await read(`/admin?q=${grant.id}`)).toContain(reason.replace(/\s+/g, ' ').trim())
  })
})

it('nobody reads a list without having signed in', async () => {
  const nobody = createClient({ clock: plant.clock })
  for (const path of ['/admin?q=a', '/admin/search?q=a'])
    expect((await nobody.fetch(at(path))).status).toBe(401)
  nobody.close()
})
