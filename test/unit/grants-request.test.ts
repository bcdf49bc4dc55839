import fc from 'fast-check'
import { unconditional, type GrantRequest } from '../../src/grants/index.js'
import { readReason, readRequest } from '../../src/grants/request.js'
import { GatehouseError } from '../../src/lib/index.js'
import { endings } from '../../src/model.js'
import { TestClock } from '../support/clock.js'
import { badRequests, goodRequest } from '../support/grant-requests.js'

const now = Date.UTC(2026, 10, 23, 12)
const clock = new TestClock(now)
const minute = 60_000
const hour = 60 * minute
const limits = { clock, maxLengthMs: 12 * hour, endpointIds: new Set(['press-3', 'historian']) }

describe('a request for a grant', () => {
  it('comes to terms when every field holds', () => {
    const request: GrantRequest = {
      to: 'Ana.Silva+press@Vendor.example',
      endpoints: ['press-3', 'historian'],
      from: now + hour,
      until: '2026-11-23T15:00+01:00',
      reason: '  Replace the valve, Ventil tauschen 🔧 ',
      ticket: ' CHG-1234 ',
      access: 'view',
      ending: 'cut',
      sources: ['198.51.100.0/24', '2001:DB8:0:0::1'],
    }
    expect(readRequest(request, limits)).toEqual({
      to: 'ana.silva+press@vendor.example',
      endpoints: ['press-3', 'historian'],
      from: now + hour,
      until: now + 2 * hour,
      reason: 'Replace the valve, Ventil tauschen 🔧',
      ticket: 'CHG-1234',
      access: 'view',
      ending: 'cut',
      conditions: { ...unconditional, sources: ['198.51.100.0/24', '2001:db8::1'] },
    })
  })

  it('needs no ticket, access, ending or condition', () => {
    const terms = { ticket: null, access: 'operate', ending: 'cut', conditions: unconditional }
    expect(readRequest(goodRequest, limits)).toMatchObject(terms)
    const empty = { ...goodRequest, ticket: '', access: undefined, ending: undefined }
    expect(readRequest(empty, limits)).toMatchObject(terms)
    expect(readRequest({ ...goodRequest, ticket: null }, limits)).toMatchObject(terms)
  })

  it('may be written in any script, from right to left too', () => {
    expect(readReason('להחליף את השסתום')).toBe('להחליף את השסתום')
    expect(readReason('更换阀门')).toBe('更换阀门')
    expect(readReason('<script>alert(1)</script>')).toBe('<script>alert(1)</script>')
  })

  it('may name groups, which come to the machines they have now', () => {
    const groups = [
      { id: 'line-4', name: 'Line 4', endpoints: ['press-3', 'historian'] },
      { id: 'hall-b', name: 'Hall B', endpoints: ['historian'] },
    ]
    const withGroups = { ...limits, endpointGroups: groups }
    const { endpoints: _, ...rest } = goodRequest
    const endpointsOf = (over: object): readonly string[] =>
      readRequest({ ...rest, ...over }, withGroups).endpoints
    expect(endpointsOf({ groups: ['line-4', 'hall-b'] })).toEqual(['press-3', 'historian'])
    expect(endpointsOf({ endpoints: ['historian'], groups: ['line-4'] })).toEqual(['historian', 'press-3'])
    expect(readRequest({ ...rest, groups: ['line-4'] }, withGroups)).not.toHaveProperty('groups')
    for (const [over, field] of [
      [{ groups: ['line-5'] }, 'groups'],
      [{ groups: 'line-4' }, 'groups'],
      [{ groups: ['line-4', 'line-4'] }, 'groups'],
      [{ groups: [] }, 'endpoints'],
      [{}, 'endpoints'],
    ] as const)
      expect(failureOf(() => endpointsOf(over))).toMatchObject({ code: 'input-invalid', field })
  })

  it('may last from its first use, for as long as a grant may, and wait for longer', () => {
    const week = { ...goodRequest, until: '+7d' }
    for (const lasts of ['2h', '120m', 2 * hour])
      expect(readRequest({ ...week, lasts }, limits).conditions).toEqual({
        ...unconditional,
        lastsFromFirstUseMs: 2 * hour,
      })
    for (const lasts of ['13h', '0m', 0, -1, 1.5, '2', 'two hours', '2 h', [], {}, true])
      expect(failureOf(() => readRequest({ ...week, lasts }, limits))).toMatchObject({ field: 'lasts' })
    expect(failureOf(() => readRequest({ ...goodRequest, lasts: '3h' }, limits))).toMatchObject({
      field: 'lasts',
    })
    expect(failureOf(() => readRequest({ ...week, until: '+93d', lasts: '2h' }, limits))).toMatchObject({
      field: 'until',
    })
    const weekly = ['mon-fri 06:00-14:00']
    expect(failureOf(() => readRequest({ ...week, weekly, lasts: '2h' }, limits))).toMatchObject({
      field: 'lasts',
    })
    expect(failureOf(() => readRequest(week, limits))).toMatchObject({ field: 'until' })
  })

  it('may not come to more than 50 machines by the groups it names', () => {
    const ids = Array.from({ length: 51 }, (_, index) => `m-${index}`)
    const known = {
      ...limits,
      endpointIds: new Set(ids),
      endpointGroups: [{ id: 'all', name: 'All', endpoints: ids }],
    }
    const asked = { ...goodRequest, endpoints: undefined, groups: ['all'] }
    expect(failureOf(() => readRequest(asked, known))).toMatchObject({ field: 'endpoints' })
  })

  it.each(badRequests)('is refused by the field $field when $why', ({ field, request }) => {
    const error = failureOf(() => readRequest(request, limits))
    expect(error).toMatchObject({ code: 'input-invalid', field })
    expect(error.message).toMatch(new RegExp(`^${field}: \\S`))
    expect(error.message).toMatch(/^[\x20-\x7e]{1,200}$/)
  })

  it('lasts no longer than the strictest of its machines allows', () => {
    const endpointTerms = new Map([
      ['press-3', { timeZone: 'UTC', maxLengthMs: 2 * hour }],
      ['historian', { timeZone: 'UTC', maxLengthMs: null }],
    ])
    const read = (endpoints: string[], until: string) =>
      readRequest({ ...goodRequest, from: 'now', endpoints, until }, { ...limits, endpointTerms })
    expect(read(['press-3', 'historian'], '+2h')).toMatchObject({ until: now + 2 * hour })
    expect(read(['historian'], '+12h')).toMatchObject({ until: now + 12 * hour })
    const error = failureOf(() => read(['historian', 'press-3'], '+121m'))
    expect(error).toMatchObject({ code: 'input-invalid', field: 'until' })
    expect(error.message).toBe('until: must not lie more than 2 h after the start')
  })

  describe('with weekly windows', () => {
    // A Monday noon in UTC, 13:00 in Berlin.
    const endpointTerms = new Map([
      ['press-3', { timeZone: 'Europe/Berlin', maxLengthMs: 8 * hour }],
      ['historian', { timeZone: 'UTC', maxLengthMs: null }],
    ])
    const read = (weekly: unknown, over: Partial<GrantRequest> = {}) =>
      readRequest(
        { ...goodRequest, from: 'now', until: '+14d', weekly, ...over },
        { ...limits, endpointTerms },
      ).conditions

    it('has them as instants, in the time of its machines', () => {
      const { windows } = read(['mon,wed-thu 06:00-14:00'])
      expect(windows).toHaveLength(7)
      expect(windows[0]).toEqual({ from: now, until: now + hour })
      expect(windows[1]).toEqual({ from: now + 41 * hour, until: now + 49 * hour })
      expect(read([{ days: ['mon', 'wed', 'thu'], from: '06:00', until: '14:00' }]).windows).toEqual(windows)
    })

    it('may name days over the weekend, and a night', () => {
      expect(read(['sat-mon 22:00-02:00'], { until: '+7d' }).windows.map(({ from }) => from)).toEqual([
        now + 9 * hour,
        now + (5 * 24 + 9) * hour,
        now + (6 * 24 + 9) * hour,
      ])
    })

    it.each<[string, unknown, string, Partial<GrantRequest>]>([
      ['they are text', 'mon 06:00-14:00', 'weekly', {}],
      ['they are empty', [], 'weekly', {}],
      ['one is no day', ['mun 06:00-14:00'], 'weekly', {}],
      ['one has no such time', ['mon 06:00-25:00'], 'weekly', {}],
      ['one names more', [{ days: ['mon'], from: '06:00', until: '14:00', zone: 'UTC' }], 'zone', {}],
      ['there are too many', new Array(15).fill('mon 06:00-14:00'), 'weekly', {}],
      ['one is longer than a machine allows', ['mon 06:00-15:00'], 'weekly', {}],
      ['none lies between start and end', ['tue 06:00-14:00'], 'weekly', { until: '+2h' }],
      [
        'the machines stand in several zones',
        ['mon 06:00-14:00'],
        'weekly',
        { endpoints: ['press-3', 'historian'] },
      ],
      ['they go on for longer than 92 days', ['mon 06:00-14:00'], 'until', { until: '+93d' }],
    ])('is refused when %s', (_why, weekly, field, over) => {
      const error = failureOf(() => read(weekly, over))
      expect(error).toMatchObject({ code: 'input-invalid', field })
      expect(error.message).toMatch(/^[\x20-\x7e]{1,200}$/)
    })
  })

  it.each(endings)('may end like this: %s', (ending) => {
    expect(readRequest({ ...goodRequest, ending }, limits)).toMatchObject({ ending })
  })

  it('holds exactly when its window is within the rules', () => {
    const offset = fc.oneof(
      fc.integer({ min: -30 * minute, max: 13 * hour }),
      fc.constantFrom(-5 * minute, -5 * minute - 1, -1, 0, 1, 12 * hour, 12 * hour + 1),
      fc.constantFrom(365 * 24 * hour, 365 * 24 * hour + 1, Number.MAX_SAFE_INTEGER - now, -now),
    )
    const length = fc.oneof(
      fc.integer({ min: -hour, max: 13 * hour }),
      fc.constantFrom(0, 1, 12 * hour, 12 * hour + 1),
    )
    fc.assert(
      fc.property(offset, length, (start, lasts) => {
        const [from, until] = [now + start, now + start + lasts]
        const isRight =
          start >= -5 * minute && start <= 365 * 24 * hour && lasts > 0 && lasts <= 12 * hour && until > now
        const outcome = outcomeOf(() => readRequest({ ...goodRequest, from, until }, limits))
        expect(outcome).toEqual(
          isRight ? { from, until } : { refused: expect.stringMatching(/^(from|until)$/) },
        )
      }),
      { numRuns: 2_000 },
    )
  })

  it('is refused or comes to terms, whatever it is', () => {
    const fields = fc.record(
      Object.fromEntries(Object.keys(goodRequest).map((name) => [name, fc.anything()])),
      { requiredKeys: [] },
    )
    const oneOff = fc
      .tuple(fc.constantFrom(...Object.keys(goodRequest), '__proto__', 'constructor'), fc.anything())
      .map(([name, value]) => Object.defineProperty({ ...goodRequest }, name, { value, enumerable: true }))
    fc.assert(
      fc.property(fc.oneof(fc.anything(), fields, oneOff), (request) => {
        outcomeOf(() => readRequest(request, limits))
      }),
      { numRuns: 2_000 },
    )
  })
})

/** Lets only the one kind of failure pass that a request may cause. */
function outcomeOf(work: () => { from: number; until: number }): unknown {
  try {
    const { from, until } = work()
    return { from, until }
  } catch (error) {
    if (error instanceof GatehouseError && error.code === 'input-invalid') return { refused: error.field }
    throw error
  }
}

function failureOf(work: () => unknown): GatehouseError {
  try {
    work()
  } catch (error) {
    if (error instanceof GatehouseError) return error
    throw error
  }
  throw new Error('nothing was refused')
}
