import fc from 'fast-check'
import { parseInstant } from '../../src/grants/index.js'
import { TestClock } from '../support/clock.js'

const now = Date.UTC(2026, 10, 23, 12)
const clock = new TestClock(now)
const hour = 3_600_000

describe('an instant typed by a person', () => {
  it.each([
    ['now', now],
    ['+0m', now],
    ['+90m', now + 1.5 * hour],
    ['+2h', now + 2 * hour],
    ['+1d', now + 24 * hour],
    ['2026-11-23T14:00Z', now + 2 * hour],
    ['2026-11-23T14:00:30Z', now + 2 * hour + 30_000],
    ['2026-11-23T14:00:30.5Z', now + 2 * hour + 30_500],
    ['2026-11-23T14:00:30.007Z', now + 2 * hour + 30_007],
    ['2026-11-23T14:00+01:00', now + hour],
    ['2026-11-23T14:00-05:30', now + 7.5 * hour],
    ['2026-11-24T01:00+14:00', now - hour],
    ['2028-02-29T00:00Z', Date.UTC(2028, 1, 29)],
  ])('is read exactly: %s', (text, expected) => {
    expect(parseInstant(text, clock)).toBe(expected)
  })

  it.each([
    ['', 'nothing'],
    ['2026-11-23T14:00', 'a local time'],
    ['2026-11-23', 'a day'],
    ['2026-11-23 14:00Z', 'a blank for the T'],
    ['2026-11-23t14:00z', 'lower case'],
    ['2026-11-23T14:00Z\n', 'a line break behind'],
    [' now', 'a blank before'],
    ['NOW', 'another case'],
    ['2026-02-30T12:00Z', 'a day that does not exist'],
    ['2027-02-29T12:00Z', 'a leap day of no leap year'],
    ['2026-13-01T12:00Z', 'a thirteenth month'],
    ['2026-00-10T12:00Z', 'month zero'],
    ['2026-04-31T12:00Z', 'the 31st of April'],
    ['2026-11-23T24:00Z', 'hour 24'],
    ['2026-11-23T12:60Z', 'minute 60'],
    ['2026-11-23T12:00:60Z', 'a leap second'],
    ['2026-11-23T12:00+15:00', 'an offset of no place'],
    ['2026-11-23T12:00+01:60', 'an offset with 60 minutes'],
    ['2026-11-23T12:00+0100', 'an offset without colon'],
    ['0026-11-23T12:00Z', 'a year that JavaScript moves to 1926'],
    ['+2026-11-23T12:00Z', 'an expanded year'],
    ['23.11.2026 14:00', 'a local notation'],
    ['11/23/2026', 'another local notation'],
    ['tomorrow', 'a word'],
    ['1795435200000', 'milliseconds as text'],
    ['1e12', 'a number'],
    ['+2', 'no unit'],
    ['+2w', 'an unknown unit'],
    ['-2h', 'the past'],
    ['+-2h', 'two signs'],
    ['+2.5h', 'a fraction'],
    ['+1h30m', 'two units'],
    ['+999999d', 'more digits than anyone needs'],
    ['+٢h', 'digits of another script'],
  ])('is refused when it is %j: %s', (text) => {
    expect(parseInstant(text, clock)).toBeNull()
  })

  it('comes back as it was written, whatever its offset', () => {
    const instants = fc.date({ min: new Date(0), max: new Date('9998-12-31T00:00:00Z'), noInvalidDate: true })
    const offsets = fc.integer({ min: -14 * 60 + 1, max: 14 * 60 - 1 })
    fc.assert(
      fc.property(instants, offsets, (instant, offsetMinutes) => {
        const local = new Date(instant.getTime() + offsetMinutes * 60_000)
        fc.pre(local.getTime() >= 0)
        const size = Math.abs(offsetMinutes)
        const digits = (value: number): string => String(value).padStart(2, '0')
        const offset = `${offsetMinutes < 0 ? '-' : '+'}${digits(Math.floor(size / 60))}:${digits(size % 60)}`
        expect(parseInstant(local.toISOString().replace('Z', offset), clock)).toBe(instant.getTime())
      }),
    )
  })

  it('never throws and never guesses, whatever is typed', () => {
    const near = fc.stringMatching(/^[+-]?[0-9T:.Z+-]{0,30}$/)
    fc.assert(
      fc.property(fc.oneof(fc.string(), near), (text) => {
        const instant = parseInstant(text, clock)
        expect(instant === null || Number.isSafeInteger(instant)).toBe(true)
      }),
      { numRuns: 2_000 },
    )
  })
})
