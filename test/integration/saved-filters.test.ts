import { createSavedFilters, type SavedFilters } from '../../src/admin/saved-filters.js'
import { principalId } from '../../src/identity/index.js'
import type { Client } from '../support/client.js'
import { visibleText } from '../support/html.js'
import { accounts, startPlant, type Plant } from '../support/plant.js'

let plant: Plant
let admin: Client
let filters: SavedFilters

beforeAll(async () => {
  plant = await startPlant({ enrolled: ['vendor', 'approver', 'admin', 'auditor'] })
  admin = await plant.signIn('admin')
  await plant.issue({ reason: 'Replace the valve' })
  const { store, vouching } = plant.gatehouse.services
  filters = createSavedFilters({ store, vouching })
}, 60_000)
afterAll(async () => {
  admin.close()
  await plant.close()
})

const at = (path: string): string => plant.portal + path
const idOf = (name: 'admin' | 'approver'): string =>
  principalId(plant.provider.issuer, accounts[name].subject)
const own = () => filters.of(idOf('admin'), '/admin')
const filter = { path: '/admin', text: 'valve', state: 'running', machine: '', company: '', page: 3 }
const keep = async (address: string, filterName: string, client = admin) =>
  client.submit(await client.navigate(at(address)), { filterName }, { action: '/admin/filters' })
afterEach(async () => {
  const { store } = plant.gatehouse.services
  await store.run((redis) => redis.del(store.key('filters', idOf('admin'))))
})

describe('a filter that somebody keeps', () => {
  it('stands above its list under its name, leads to what it shows, and is removed with a press', async () => {
    const page = await keep('/admin?q=valve&state=running&machine=press-3', 'Valves now')
    expect(visibleText(page)).toContain('Kept. It stands above this list')
    const list = await admin.navigate(at('/admin'))
    const shown = await admin.click(list, 'Valves now')
    expect(shown.url.search).toBe('?q=valve&state=running&machine=press-3')
    expect(visibleText(shown)).toContain('1 found.')
    expect(visibleText(await admin.navigate(at('/admin/sessions')))).not.toContain('Valves now')
    const [kept] = await own()
    const removed = await admin.submit(list, {}, { action: `/admin/filters/${kept?.id ?? ''}/remove` })
    expect(visibleText(removed)).toContain('Removed.')
    expect(visibleText(removed)).not.toContain('Valves now')
    expect(await own()).toEqual([])
  })

  it('of the timeline keeps the words and the week, and begins with today', async () => {
    const kept = await keep('/admin/timeline?span=week&day=2026-01-05&q=valve', 'Valves this week')
    expect(visibleText(kept)).toContain('Kept.')
    const saved = await filters.of(idOf('admin'), '/admin/timeline')
    expect(saved.map(({ address }) => address)).toEqual(['/admin/timeline?q=valve&state=week'])
    const timeline = await admin.navigate(at('/admin/timeline'))
    const shown = await admin.click(timeline, 'Valves this week')
    expect(shown.status).toBe(200)
    expect(shown.text).toMatch(/aria-current="true"[^>]*>\s*Week/)
    expect(shown.text).not.toContain('2026-01-05')
    expect(visibleText(shown)).toContain(accounts.vendor.email)
    expect(visibleText(await admin.navigate(at('/admin')))).not.toContain('Valves this week')
    const [one] = saved
    const removed = await admin.submit(timeline, {}, { action: `/admin/filters/${one?.id ?? ''}/remove` })
    expect(removed.url.pathname).toBe('/admin/timeline')
    expect(await filters.of(idOf('admin'), '/admin/timeline')).toEqual([])
    const nothing = await admin.navigate(at('/admin/timeline?span=day&machine=press-3&company=x'))
    expect(nothing.text).not.toContain('/admin/filters')
  })

  it('of the search asks the same again', async () => {
    await keep('/admin/search?q=valve', 'Valves anywhere')
    const found = await admin.click(await admin.navigate(at('/admin/search')), 'Valves anywhere')
    expect(found.url.search).toBe('?q=valve')
    expect(visibleText(found)).toContain('Replace the valve')
  })

  it('is nobody else’s: neither shown to them nor removed by them', async () => {
    await keep('/admin?q=valve', 'Mine')
    const approver = await plant.signIn('approver')
    const list = await approver.navigate(at('/admin?q=valve'))
    expect(visibleText(list)).not.toContain('Mine')
    const [kept] = await own()
    expect(await filters.remove(idOf('approver'), kept?.id ?? '')).toBeNull()
    expect(await own()).toHaveLength(1)
    approver.close()
  })

  it('is not offered to an auditor, who changes nothing', async () => {
    const auditor = await plant.signIn('auditor')
    const list = await auditor.navigate(at('/admin?q=valve'))
    expect(visibleText(list)).toContain('1 found.')
    expect(list.text).not.toContain('/admin/filters')
    const timeline = await auditor.navigate(at('/admin/timeline?span=week&q=valve'))
    expect(timeline.status).toBe(200)
    expect(timeline.text).not.toContain('/admin/filters')
    auditor.close()
  })

  it('is replaced by another of the same name, for the same list alone', async () => {
    await keep('/admin?q=valve', 'Daily')
    await keep('/admin?q=belt', 'Daily')
    await keep('/admin/people?q=plant', 'Daily')
    expect((await own()).map(({ address }) => address)).toEqual(['/admin?q=belt'])
    const people = await filters.of(idOf('admin'), '/admin/people')
    expect(people.map(({ address }) => address)).toEqual(['/admin/people?q=plant'])
  })

  it.each([
    `<script>alert(1)</script>"'`,
    'javascript:alert(1)',
    '=HYPERLINK("x")',
    'שלום filter',
    '👷🏽‍♀️ night',
  ])('keeps its name, and what it searches for, inert: %s', async (hostile) => {
    const page = await keep(`/admin?q=${encodeURIComponent(hostile)}`, hostile)
    expect(page.text).not.toContain('<script>alert')
    expect(page.text).not.toContain('href="javascript:')
    const [kept] = await own()
    expect(kept).toMatchObject({ name: hostile })
    expect(new URL(kept?.address ?? '', plant.portal).searchParams.get('q')).toBe(hostile)
    expect(kept?.address).toMatch(/^\/admin\?q=/)
  })

  it.each([
    ['name', { name: '', filter }],
    ['name', { name: '   ', filter }],
    ['name', { name: 'x'.repeat(61), filter }],
    ['name', { name: 'turn \u202e around', filter }],
    ['name', { name: 'two\nlines', filter }],
    ['filter', { name: 'x', filter: { ...filter, path: 'https://evil.example/' } }],
    ['filter', { name: 'x', filter: { ...filter, path: '/admin/grants/new' } }],
    ['filter', { name: 'x', filter: { ...filter, text: '', state: '' } }],
  ])('is not kept without a %s: %j', async (why, asked) => {
    expect(await filters.save(idOf('admin'), asked)).toBe(why)
    expect(await own()).toEqual([])
  })

  it('says on the page what is wrong with the name, and lets nobody out of the portal', async () => {
    const page = await keep('/admin?q=valve', ' ')
    expect(visibleText(page)).toContain('Give it a name of up to 60 characters')
    expect(page.url.search).toBe('?q=valve&kept=name')
    const form = /name="form" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
    const send = (list: string) =>
      admin.fetch(at('/admin/filters'), {
        method: 'POST',
        headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'text/html' },
        body: new URLSearchParams({ form, list, q: 'valve', filterName: 'out' }).toString(),
      })
    for (const list of ['//evil.example', 'https://evil.example/', '__proto__', ''])
      expect((await send(list)).header('location')).toBe('/admin')
    expect(await own()).toEqual([])
  })

  it('is one of 20; to keep another, one has to go', async () => {
    for (let count = 0; count < 20; count += 1)
      expect(await filters.save(idOf('admin'), { name: `filter ${String(count)}`, filter })).toBe('saved')
    expect(await filters.save(idOf('admin'), { name: 'one more', filter })).toBe('full')
    expect(await filters.save(idOf('admin'), { name: 'filter 7', filter })).toBe('saved')
    expect(visibleText(await keep('/admin?q=valve', 'one more'))).toContain(
      'You have kept 20 filters already',
    )
    const both = await Promise.all(
      (await own()).slice(0, 1).map(async ({ id }) => {
        await filters.remove(idOf('admin'), id)
        return Promise.all(['a', 'b'].map((name) => filters.save(idOf('admin'), { name, filter })))
      }),
    )
    expect(both.flat().sort()).toEqual(['full', 'saved'])
    expect(await own()).toHaveLength(20)
  })
})

describe('a filter in Redis that is not ours', () => {
  it('is not shown, and takes up no room: one of another person, or that somebody has written', async () => {
    const { store, vouching } = plant.gatehouse.services
    const key = store.key('filters', idOf('admin'))
    await filters.save(idOf('approver'), { name: 'theirs', filter })
    const theirs = await store.run((redis) => redis.hgetall(store.key('filters', idOf('approver'))))
    const parts = { text: 'valve', state: '', machine: '', company: '' }
    const made = JSON.stringify({ name: 'made', path: '/admin', parts })
    const odd = JSON.stringify({ name: 'odd', path: '//evil.example', parts })
    const fields = {
      ...theirs,
      'f-0000000000000000': made,
      'f-1111111111111111': `${made}.${'A'.repeat(43)}`,
      'f-2222222222222222': vouching.vouch(`filter ${idOf('admin')} f-2222222222222222`, odd),
    }
    await store.run((redis) => redis.hset(key, fields))
    for (let count = 0; count < 16; count += 1)
      await store.run((redis) => redis.hset(key, `f-${String(count)}`, made))
    expect(await own()).toEqual([])
    expect((await admin.navigate(at('/admin'))).status).toBe(200)
    expect(await filters.save(idOf('admin'), { name: 'mine', filter })).toBe('saved')
    expect((await own()).map(({ name }) => name)).toEqual(['mine'])
    expect(await store.run((redis) => redis.hlen(key))).toBe(1)
  })

  // One key of another kind took the list of grants from an administrator, with all that is to be stopped on it.
  it('takes nothing from the list, where their key holds something else altogether', async () => {
    const { store } = plant.gatehouse.services
    await store.run((redis) => redis.set(store.key('filters', idOf('admin')), 'x'))
    for (const path of [
      '/admin',
      '/admin/sessions',
      '/admin/people',
      '/admin/endpoints',
      '/admin/timeline',
      '/admin/search',
    ])
      expect((await admin.navigate(at(path))).status).toBe(200)
  })

  it('shows a state that the list does not offer any more as none', async () => {
    const { store, vouching } = plant.gatehouse.services
    const id = 'f-3333333333333333'
    const parts = { text: 'valve', state: 'gone', machine: '', company: '' }
    const text = JSON.stringify({ name: 'old', path: '/admin', parts })
    const kept = vouching.vouch(`filter ${idOf('admin')} ${id}`, text)
    await store.run((redis) => redis.hset(store.key('filters', idOf('admin')), id, kept))
    expect((await own()).map(({ address }) => address)).toEqual(['/admin?q=valve'])
  })
})
