import { grantTable, groupOf, selectGrants } from '../../src/admin/grant-selection.js'
import { createMachineFilter } from '../../src/admin/machines.js'
import { unconditional } from '../../src/grants/conditions.js'
import type { Endpoint, Grant } from '../../src/model.js'

const hour = 3_600_000
const now = Date.UTC(2026, 10, 23, 9)
const limits = { drainMs: 120_000, readOnlyMs: 600_000 }
const endpoints = [
  { id: 'press-3', name: 'Presse Süd' },
  { id: 'oven-1', name: 'Oven' },
] as Endpoint[]

const grant = (id: string, over: Partial<Grant> = {}): Grant => ({
  id,
  to: { email: 'ana@vendor.example', principalId: null },
  endpoints: ['press-3'],
  access: 'operate',
  from: now - hour,
  until: now + hour,
  reason: 'replace the valve',
  ticket: null,
  ending: 'cut',
  conditions: unconditional,
  requestId: null,
  issuedBy: { kind: 'operator', account: 'root' },
  issuedAt: now - hour,
  revocation: null,
  ...over,
})
const taken = (at: number): Partial<Grant> => ({
  revocation: { at, by: { kind: 'operator', account: 'root' }, reason: 'wrong person' },
})
const all = [
  grant('g-late', { until: now + 3 * hour }),
  grant('g-soon', { until: now + 2 * hour, endpoints: ['oven-1'], ticket: 'CHG-7' }),
  grant('g-next', {
    from: now + 5 * hour,
    until: now + 6 * hour,
    to: { email: 'eve@x.example', principalId: null },
  }),
  grant('g-old', { until: now - 3 * hour }),
  grant('g-draining', { until: now - 60_000, ending: 'drain' }),
  grant('g-taken', { until: now + 9 * hour, ...taken(now - 2 * hour) }),
]
const select = (filter: { text?: string; state?: string; machine?: string } = {}): string[] =>
  selectGrants(all, { text: '', state: '', machine: '', ...filter }, { now, limits, endpoints }).grants.map(
    ({ id }) => id,
  )

describe('the grants that are shown', () => {
  it('are those that run, the next to end first; those to come; and the others, the latest first', () => {
    expect(select()).toEqual(['g-draining', 'g-soon', 'g-late', 'g-next', 'g-taken', 'g-old'])
  })

  it.each([
    [{ state: 'running' }, ['g-draining', 'g-soon', 'g-late']],
    [{ state: 'coming' }, ['g-next']],
    [{ state: 'ended' }, ['g-old']],
    [{ state: 'revoked' }, ['g-taken']],
    [{ machine: 'oven-1' }, ['g-soon']],
    [{ machine: 'nothing' }, []],
    [{ text: 'EVE' }, ['g-next']],
    [{ text: 'sud valve g-late' }, ['g-late']],
    [{ text: 'chg-7' }, ['g-soon']],
    [{ text: 'wrong person' }, ['g-taken']],
    [{ text: 'root', state: 'coming' }, ['g-next']],
    [{ text: 'valve', state: 'coming', machine: 'oven-1' }, []],
  ])('with %j are %j', (filter, expected) => {
    expect(select(filter)).toEqual(expected)
  })

  it('are counted by their state, as far as they fit', () => {
    const site = { now, limits, endpoints }
    expect(selectGrants(all, { text: '', state: '', machine: '' }, site).counts).toEqual({
      ...{ running: 3, coming: 1, ended: 1, revoked: 1 },
    })
    expect(selectGrants(all, { text: 'eve', state: '', machine: '' }, site).counts).toEqual({
      ...{ running: 0, coming: 1, ended: 0, revoked: 0 },
    })
  })

  it('are searched by what they are now, also where the same search was made before', () => {
    const site = { now, limits, endpoints }
    const before = grant('g-1', { reason: 'oil' })
    const search = (one: Grant): number =>
      selectGrants([one], { text: 'wrong', state: '', machine: '' }, site).grants.length
    expect([search(before), search({ ...before, ...taken(now) }), search(before)]).toEqual([0, 1, 0])
  })

  it('are over once they are taken back, also by a clock that was ahead', () => {
    expect(groupOf(grant('g-ahead', taken(now + hour)), now, limits)).toBe('revoked')
  })
})

describe('the machine of a filter', () => {
  const plant = (count: number): Endpoint[] =>
    Array.from({ length: count }, (_, at) => ({
      ...{ id: `press-${String(at)}`, name: `Presse ${String(at)} Süd`, zone: null, kind: 'hmi' },
    })) as Endpoint[]
  it.each([
    ['', ['anything'], true],
    ['press-3', ['oven-1', 'press-3'], true],
    ['press-3', ['press-30'], false],
    ['presse sud', ['press-30'], true],
    ['presse 30', ['press-30'], true],
    ['presse 30', ['press-31'], false],
    ['gone-1', ['gone-1'], true],
    ['gone', ['gone-1'], false],
  ])('%j means one of %j in a large plant: %s', (wanted, ids, expected) => {
    expect(createMachineFilter(wanted, plant(500))(ids)).toBe(expected)
  })

  it('is an id where machines are chosen from a list', () => {
    expect(createMachineFilter('presse sud', plant(9))(['press-3'])).toBe(false)
    expect(createMachineFilter('press-3', plant(9))(['press-3'])).toBe(true)
  })
})

describe('the table of grants', () => {
  it('says for how long one lasts from its first use, when that was, and whether it is released each time', () => {
    const conditions = { ...unconditional, lastsFromFirstUseMs: 1.5 * hour, needsRelease: true }
    const some = [
      grant('g-used', { conditions, firstUsedAt: now - hour / 2, until: now + hour }),
      grant('g-unused', { conditions, until: now + 2 * hour }),
      grant('g-plain', { until: now + 3 * hour }),
    ]
    const selection = selectGrants(some, { text: '', state: '', machine: '' }, { now, limits, endpoints })
    const [head = [], ...rows] = grantTable(selection, endpoints)
    const column = (name: string): (string | undefined)[] => rows.map((row) => row[head.indexOf(name)])
    expect(column('id')).toEqual(['g-used', 'g-unused', 'g-plain'])
    expect(column('lasts_minutes')).toEqual(['90', '90', ''])
    expect(column('first_used_at')).toEqual(['2026-11-23T08:30:00.000Z', '', ''])
    expect(column('needs_release')).toEqual(['yes', 'yes', 'no'])
    for (const row of rows) expect(row).toHaveLength(head.length)
  })
})
