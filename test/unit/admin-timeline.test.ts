import { piecesOf, spanOf } from '../../src/admin/timeline.js'
import { unconditional } from '../../src/grants/conditions.js'
import { dayOn, shiftDate } from '../../src/lib/index.js'
import type { Grant, TimeWindow } from '../../src/model.js'

const hour = 3_600_000
const start = Date.UTC(2026, 10, 23)
const span = { from: start, until: start + 24 * hour }
const hours = ([from, until]: readonly [number, number]): TimeWindow => ({
  from: start + from * hour,
  until: start + until * hour,
})
const shape = (windows: readonly TimeWindow[]): [number, number][] =>
  windows.map(({ from, until }) => [(from - start) / hour, (until - start) / hour])
const grant = (from: number, until: number, over: Partial<Grant> = {}): Grant => ({
  id: 'g-1',
  to: { email: 'ana@vendor.example', principalId: null },
  endpoints: ['press-3'],
  access: 'operate',
  ...hours([from, until]),
  reason: 'valve',
  ticket: null,
  ending: 'cut',
  conditions: unconditional,
  requestId: null,
  issuedBy: { kind: 'gateway' },
  issuedAt: start,
  revocation: null,
  ...over,
})
const taken = (at: number): Partial<Grant> => ({
  revocation: { at: start + at * hour, by: { kind: 'gateway' }, reason: 'wrong' },
})
const weekly = (...windows: [number, number][]): Partial<Grant> => ({
  conditions: { ...unconditional, windows: windows.map(hours) },
})

describe('what is drawn of a grant', () => {
  it.each([
    ['all of it', grant(8, 12), [[8, 12]]],
    ['what lies within the day', grant(-5, 40), [[0, 24]]],
    ['nothing of another day', grant(24, 30), []],
    ['nothing of the day before', grant(-5, 0), []],
    ['what there was until it was taken back', grant(8, 12, taken(9)), [[8, 9]]],
    ['nothing of what was taken back before it began', grant(8, 12, taken(7)), []],
    [
      'its windows alone',
      grant(0, 60, weekly([6, 8], [20, 30], [48, 50])),
      [
        [6, 8],
        [20, 24],
      ],
    ],
  ] as [string, Grant, [number, number][]][])('is %s', (_, given, expected) => {
    expect(shape(piecesOf(given, span))).toEqual(expected)
  })
})

describe('a day of plant time', () => {
  it.each([
    ['2026-11-23', 'UTC', 24],
    ['2026-03-29', 'Europe/Berlin', 23],
    ['2026-10-25', 'Europe/Berlin', 25],
    ['2026-03-08', 'America/New_York', 23],
    ['2026-11-01', 'America/New_York', 25],
    // Clocks are put forward at midnight: the day begins at one.
    ['2026-03-29', 'Asia/Beirut', 23],
  ])('%s in %s has %d hours', (date, zone, length) => {
    const day = dayOn(date, zone)
    expect(((day?.until ?? 0) - (day?.from ?? 0)) / hour).toBe(length)
    expect(spanOf('day', date, zone)).toEqual({ kind: 'day', date, ...day })
  })

  it('stands in a week that begins on a Monday, also where clocks are changed', () => {
    const week = spanOf('week', '2026-10-25', 'Europe/Berlin')
    expect(week?.date).toBe('2026-10-19')
    expect(((week?.until ?? 0) - (week?.from ?? 0)) / hour).toBe(7 * 24 + 1)
  })

  it.each(['', 'x', '2026-02-30', '2026-2-3', '0000-00-00', '9999-12-31', '1969-12-31', '2026-11-23T00:00'])(
    'is none: %j',
    (date) => {
      expect(dayOn(date, 'UTC')).toBeNull()
      expect(shiftDate(date, 1)).toBeNull()
      expect(spanOf('week', date, 'UTC')).toBeNull()
    },
  )
})
