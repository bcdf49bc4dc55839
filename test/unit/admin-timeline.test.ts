import { addTo, drawnOf, emptyRow, partsOf, piecesOf, spanOf } from '../../src/admin/timeline.js'
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

type Bar = Parameters<typeof drawnOf>[0][number]
const bar = (id: string, group: Bar['group'], from: number, until: number, pieces = 1): Bar => ({
  grant: grant(from, until, { id }),
  group,
  pieces: Array.from({ length: pieces }, () => hours([from, until])),
})
const bars = (count: number, group: Bar['group'], from: number): Bar[] =>
  Array.from({ length: count }, (_, number) =>
    bar(`g-${group}-${String(number)}`, group, from + number / 10, 24),
  )

describe('what is drawn of a machine with more than fits', () => {
  it('is what runs or is next, and of what is over the latest, in the order in which it begins', () => {
    const over = Array.from({ length: 20 }, (_, at) =>
      bar(`g-over-${String(at)}`, 'ended', at / 10, 2 + at / 10),
    )
    const all = [...over, ...bars(6, 'coming', 12), ...bars(4, 'running', 8)]
    const drawn = drawnOf(all).map(({ grant: { id } }) => id)
    expect(drawn).toEqual([
      ...['g-over-18', 'g-over-19'],
      ...['g-running-0', 'g-running-1', 'g-running-2', 'g-running-3'],
      ...['g-coming-0', 'g-coming-1', 'g-coming-2', 'g-coming-3', 'g-coming-4', 'g-coming-5'],
    ])
  })
})

describe('the pages of a timeline', () => {
  const row = (id: string, ...all: Bar[]) => {
    const made = emptyRow({ id, name: id })
    for (const { grant, group, pieces } of all) {
      const rank = group === 'running' ? 0 : group === 'coming' ? 1 : 2
      addTo(made, grant, { rank, begin: pieces[0]?.from ?? 0, pieces: pieces.length })
    }
    return made
  }
  const ids = (parts: { id: string }[][]): string[][] => parts.map((part) => part.map(({ id }) => id))

  it('are one, in the order of the configuration, while it holds all', () => {
    const rows = [row('a', bar('g-1', 'ended', 1, 2)), row('b', bar('g-2', 'running', 8, 9))]
    expect(ids(partsOf(rows))).toEqual([['a', 'b']])
    expect(partsOf([])).toEqual([])
  })

  it('begin with the machines that are in use, and go on with those that will be next', () => {
    const rows = [
      ...Array.from({ length: 60 }, (_, at) => row(`over-${String(at)}`, bar('g-1', 'ended', 1, 2))),
      row('later', bar('g-2', 'coming', 14, 15)),
      row('soon', bar('g-3', 'ended', 1, 2), bar('g-4', 'coming', 12, 13)),
      row('now', bar('g-5', 'coming', 9, 10), bar('g-6', 'running', 8, 9)),
    ]
    const parts = ids(partsOf(rows))
    expect(parts[0]?.slice(0, 4)).toEqual(['now', 'soon', 'later', 'over-0'])
    expect(parts.map((part) => part.length)).toEqual([50, 13])
    expect(parts.flat().sort()).toEqual(rows.map(({ id }) => id).sort())
  })

  it('hold no more than a browser should load at once, whatever is drawn of one machine', () => {
    const weekly = Array.from({ length: 9 }, (_, at) =>
      row(`weekly-${String(at)}`, bar('g-1', 'running', 8, 9, 40)),
    )
    expect(partsOf(weekly).map((part) => part.length)).toEqual([3, 3, 3])
    const busy = Array.from({ length: 25 }, (_, at) => row(`busy-${String(at)}`, ...bars(300, 'running', 8)))
    expect(partsOf(busy).map((part) => part.length)).toEqual([12, 12, 1])
    expect(partsOf([row('a', bar('g-1', 'running', 8, 9, 500))]).map((part) => part.length)).toEqual([1])
  })
})
