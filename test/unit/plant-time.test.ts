import fc from 'fast-check'
import {
  expandWeekly,
  localTimeText,
  parseLocalTime,
  parseTimeZone,
  weekdays,
  type WeeklyWindow,
} from '../../src/lib/index.js'

const berlin = 'Europe/Berlin'
const newYork = 'America/New_York'
const minute = 60_000
const hour = 60 * minute
const utc = (text: string): number => Date.parse(`${text}Z`)

describe('a time zone', () => {
  it.each([
    ['Europe/Berlin', 'Europe/Berlin'],
    ['europe/berlin', 'Europe/Berlin'],
    ['UTC', 'UTC'],
    ['America/Argentina/Buenos_Aires', 'America/Argentina/Buenos_Aires'],
    ['+01:00', null],
    ['Europe/Atlantis', null],
    ['Europe', null],
    ['', null],
    ['Europe/Berlin ', null],
  ])('%p is read as %p', (name, read) => {
    expect(parseTimeZone(name)).toBe(read)
  })
})

describe('a local time', () => {
  it.each([
    ['2026-11-23T14:00', berlin, '2026-11-23T13:00:00'],
    ['2026-07-23 14:00', berlin, '2026-07-23T12:00:00'],
    ['2026-11-23T14:00', newYork, '2026-11-23T19:00:00'],
    ['2026-11-23T14:00', 'UTC', '2026-11-23T14:00:00'],
    ['2026-03-29T01:59', berlin, '2026-03-29T00:59:00'],
    ['2026-03-29T03:00', berlin, '2026-03-29T01:00:00'],
    ['2026-10-25T01:59', berlin, '2026-10-24T23:59:00'],
    ['2026-10-25T03:00', berlin, '2026-10-25T02:00:00'],
    ['2026-03-08T03:00', newYork, '2026-03-08T07:00:00'],
    ['2026-11-01T02:00', newYork, '2026-11-01T07:00:00'],
  ])('%s in %s is %sZ, and back', (text, zone, at) => {
    expect(parseLocalTime(text, zone)).toBe(utc(at))
    expect(localTimeText(utc(at), zone)).toBe(text.replace(' ', 'T'))
  })

  it.each([
    ['2026-03-29T02:00', berlin, 'skipped'],
    ['2026-03-29T02:59', berlin, 'skipped'],
    ['2026-10-25T02:00', berlin, 'doubled'],
    ['2026-10-25T02:59', berlin, 'doubled'],
    ['2026-03-08T02:30', newYork, 'skipped'],
    ['2026-11-01T01:30', newYork, 'doubled'],
  ])('%s in %s is refused, because it is %s when clocks change', (text, zone, problem) => {
    const read = parseLocalTime(text, zone)
    expect(read).toMatchObject({ problem })
    expect(JSON.stringify(read)).toContain(zone)
    expect(JSON.stringify(read)).toContain(text.replace('T', ' '))
  })

  it.each([
    '',
    'now',
    '2026-11-23',
    '2026-02-30T10:00',
    '2026-11-23T24:00',
    '2026-11-23T14:00Z',
    '2026-1-3T4:00',
  ])('%p is none', (text) => {
    expect(parseLocalTime(text, berlin)).toMatchObject({ problem: 'malformed' })
  })

  it('comes back from every instant that it is not refused for', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: utc('2020-01-01T00:00') / minute, max: utc('2035-01-01T00:00') / minute }),
        fc.constantFrom(berlin, newYork, 'Asia/Kathmandu', 'Australia/Lord_Howe', 'UTC'),
        (minutes, zone) => {
          const read = parseLocalTime(localTimeText(minutes * minute, zone), zone)
          if (typeof read === 'number') expect(read).toBe(minutes * minute)
          else expect(read.problem).toBe('doubled')
        },
      ),
    )
  })
})

const early: WeeklyWindow = { days: ['mon', 'tue', 'wed', 'thu', 'fri'], from: '06:00', until: '14:00' }

function expanded(weekly: readonly WeeklyWindow[], zone: string, from: string, until: string): string[] {
  const windows = expandWeekly(weekly, zone, { from: utc(from), until: utc(until) }, 400)
  return (windows ?? []).map((window) =>
    [window.from, window.until].map((at) => new Date(at).toISOString().slice(0, 16)).join(' '),
  )
}

describe('weekly windows', () => {
  it('are instants of plant time, cut off where the grant begins and ends', () => {
    // Friday to Tuesday.
    expect(expanded([early], berlin, '2026-11-20T08:00', '2026-11-24T10:00')).toEqual([
      '2026-11-20T08:00 2026-11-20T13:00',
      '2026-11-23T05:00 2026-11-23T13:00',
      '2026-11-24T05:00 2026-11-24T10:00',
    ])
  })

  it('keep their time of day when clocks are put forward', () => {
    const daily = [{ days: weekdays, from: '06:00', until: '14:00' }]
    expect(expanded(daily, berlin, '2026-03-28T00:00', '2026-03-30T00:00')).toEqual([
      '2026-03-28T05:00 2026-03-28T13:00',
      '2026-03-29T04:00 2026-03-29T12:00',
    ])
    expect(expanded(daily, newYork, '2026-03-07T06:00', '2026-03-09T00:00')).toEqual([
      '2026-03-07T11:00 2026-03-07T19:00',
      '2026-03-08T10:00 2026-03-08T18:00',
    ])
  })

  it('keep their time of day when clocks are put back', () => {
    const daily = [{ days: weekdays, from: '06:00', until: '14:00' }]
    expect(expanded(daily, berlin, '2026-10-24T00:00', '2026-10-26T00:00')).toEqual([
      '2026-10-24T04:00 2026-10-24T12:00',
      '2026-10-25T05:00 2026-10-25T13:00',
    ])
    expect(expanded(daily, newYork, '2026-10-31T06:00', '2026-11-02T00:00')).toEqual([
      '2026-10-31T10:00 2026-10-31T18:00',
      '2026-11-01T11:00 2026-11-01T19:00',
    ])
  })

  it('of a night in which clocks change are an hour shorter or longer', () => {
    const night = [{ days: ['sat'] as const, from: '22:00', until: '06:00' }]
    expect(expanded(night, berlin, '2026-03-28T00:00', '2026-03-30T00:00')).toEqual([
      '2026-03-28T21:00 2026-03-29T04:00',
    ])
    expect(expanded(night, berlin, '2026-10-24T00:00', '2026-10-26T00:00')).toEqual([
      '2026-10-24T20:00 2026-10-25T05:00',
    ])
    expect(expanded(night, newYork, '2026-03-07T06:00', '2026-03-09T00:00')).toEqual([
      '2026-03-08T03:00 2026-03-08T10:00',
    ])
    expect(expanded(night, newYork, '2026-10-31T06:00', '2026-11-02T00:00')).toEqual([
      '2026-11-01T02:00 2026-11-01T11:00',
    ])
  })

  it('through an hour that is skipped begin or end when clocks are put forward', () => {
    const on = (from: string, until: string) => [{ days: ['sun'] as const, from, until }]
    const around = ['2026-03-28T12:00', '2026-03-30T00:00'] as const
    expect(expanded(on('02:00', '04:00'), berlin, ...around)).toEqual(['2026-03-29T01:00 2026-03-29T02:00'])
    expect(expanded(on('01:00', '02:30'), berlin, ...around)).toEqual(['2026-03-29T00:00 2026-03-29T01:00'])
    // Nothing of it is on the clocks of that day.
    expect(expanded(on('02:10', '02:50'), berlin, ...around)).toEqual([])
  })

  it('never take from an hour that comes twice more than their time of day says', () => {
    const on = (from: string, until: string) => [{ days: ['sun'] as const, from, until }]
    const around = ['2026-10-24T12:00', '2026-10-26T00:00'] as const
    expect(expanded(on('02:30', '06:00'), berlin, ...around)).toEqual(['2026-10-25T01:30 2026-10-25T05:00'])
    expect(expanded(on('00:00', '02:30'), berlin, ...around)).toEqual(['2026-10-24T22:00 2026-10-25T00:30'])
    expect(expanded(on('02:15', '02:45'), berlin, ...around)).toEqual(['2026-10-25T01:15 2026-10-25T01:45'])
  })

  it('that touch or overlap are one', () => {
    const weekly: WeeklyWindow[] = [
      { days: ['mon'], from: '06:00', until: '14:00' },
      { days: ['mon'], from: '14:00', until: '24:00' },
      { days: ['tue'], from: '00:00', until: '02:00' },
      { days: ['tue'], from: '01:00', until: '03:00' },
    ]
    expect(expanded(weekly, 'UTC', '2026-11-23T00:00', '2026-11-25T00:00')).toEqual([
      '2026-11-23T06:00 2026-11-24T03:00',
    ])
  })

  it('that began the evening before count', () => {
    const night = [{ days: ['sun'] as const, from: '22:00', until: '06:00' }]
    expect(expanded(night, 'UTC', '2026-11-23T02:00', '2026-11-23T23:00')).toEqual([
      '2026-11-23T02:00 2026-11-23T06:00',
    ])
  })

  it('are counted, and too many are none', () => {
    const daily = [{ days: weekdays, from: '06:00', until: '14:00' }]
    const within = { from: utc('2026-01-01T00:00'), until: utc('2026-01-01T00:00') + 20 * 24 * hour }
    expect(expandWeekly(daily, berlin, within, 20)).toHaveLength(20)
    expect(expandWeekly(daily, berlin, within, 19)).toBeNull()
    expect(expandWeekly(daily, berlin, { ...within, until: Date.parse('2126-01-01') }, 400)).toBeNull()
  })

  it('are in order, apart, inside what they were asked for, and hold no time of day of another', () => {
    const timeOfDay = fc
      .tuple(fc.integer({ min: 0, max: 23 }), fc.integer({ min: 0, max: 59 }))
      .map((parts) => parts.map((part) => String(part).padStart(2, '0')).join(':'))
    fc.assert(
      fc.property(
        fc.constantFrom(berlin, newYork, 'Australia/Lord_Howe'),
        fc.integer({ min: 0, max: 350 }),
        fc.subarray([...weekdays], { minLength: 1 }),
        timeOfDay,
        timeOfDay,
        (zone, day, days, from, until) => {
          const start = utc('2026-01-01T00:00') + day * 24 * hour
          const within = { from: start, until: start + 10 * 24 * hour }
          const windows = expandWeekly([{ days, from, until }], zone, within, 400) ?? []
          let last = within.from - 1
          for (const window of windows) {
            expect(window.from).toBeGreaterThan(last)
            expect(window.until).toBeGreaterThan(window.from)
            last = window.until
            const middle = window.from + Math.floor((window.until - window.from) / 2 / minute) * minute
            const shown = localTimeText(middle, zone).slice(11)
            if (from < until) expect(shown >= from && shown <= until).toBe(true)
            else if (until < from) expect(shown >= from || shown <= until).toBe(true)
          }
          expect(last).toBeLessThanOrEqual(within.until)
        },
      ),
    )
  })
})
