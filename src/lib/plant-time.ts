import { Temporal } from 'temporal-polyfill'
import type { EpochMs, TimeWindow } from '../model.js'
import type { Language } from './language.js'

/**
 * Time as the clocks on the wall of a plant show it. Zones are IANA names, with the rules that Node.js brings; where
 * those change later, what was worked out before stays the instant that it was.
 */

const namePattern = /^[A-Za-z][A-Za-z0-9_+-]*(?:\/[A-Za-z0-9_+-]+)*$/

/** An IANA time zone as it is usually written; null for what is none, an offset such as `+01:00` among it. */
export function parseTimeZone(name: string): string | null {
  if (!namePattern.test(name)) return null
  try {
    return new Temporal.ZonedDateTime(0n, name).timeZoneId
  } catch {
    return null
  }
}

/** A local time that is not one instant, and why. */
export interface LocalTimeProblem {
  readonly problem: 'malformed' | 'skipped' | 'doubled'
  /** Follows the name of a field: `does not exist in Europe/Berlin: …`. */
  readonly message: string
}

const localPattern = /^\d{4}-\d\d-\d\d[T ]\d\d:\d\d$/

/**
 * The instant of a date and time of day, to the minute, as a date field of a form gives it.
 *
 * A time that clocks skip or show twice when they are changed is refused: to pick one of two instants would be to
 * give an hour that nobody meant, or to take one.
 *
 * @example parseLocalTime('2026-11-23T14:00', 'Europe/Berlin') // 2026-11-23T13:00:00Z, as a number
 */
export function parseLocalTime(text: string, timeZone: string): EpochMs | LocalTimeProblem {
  const local = localPattern.test(text) ? readLocal(text.replace(' ', 'T')) : null
  if (local === null)
    return { problem: 'malformed', message: 'must be a date and a time, like 2026-11-23 14:00' }
  const earlier = local.toZonedDateTime(timeZone, { disambiguation: 'earlier' })
  const later = local.toZonedDateTime(timeZone, { disambiguation: 'later' })
  if (earlier.epochMilliseconds === later.epochMilliseconds) return earlier.epochMilliseconds
  const shown = text.replace('T', ' ')
  if (!earlier.toPlainDateTime().equals(local))
    return {
      problem: 'skipped',
      message: `does not exist: in ${timeZone} the clocks are put forward past ${shown}. Choose a time before or after that`,
    }
  return {
    problem: 'doubled',
    message: `is not clear: in ${timeZone} the clocks are put back, and show ${shown} twice. Choose a time before or after that`,
  }
}

function readLocal(text: string): Temporal.PlainDateTime | null {
  try {
    return Temporal.PlainDateTime.from(text, { overflow: 'reject' })
  } catch {
    return null
  }
}

const formats = new Map<string, Intl.DateTimeFormat>()

const minuteMs = 60_000
/** Since then all clocks differ by whole minutes and are changed at whole ones, so that within one they show the same. */
const wholeMinutesSince = Date.UTC(1973, 0)
const minutesKept = 10_000

/** Remembers, for each minute, what is written of it: that costs more than all else on a page of instants. */
function rememberByMinute(write: (at: EpochMs, how: string) => string): (at: EpochMs, how: string) => string {
  const known = new Map<string, string>()
  return (at, how) => {
    if (!(at >= wholeMinutesSince)) return write(at, how)
    const key = `${String(Math.floor(at / minuteMs))} ${how}`
    let text = known.get(key)
    if (text === undefined) {
      text = write(at, how)
      if (known.size >= minutesKept) known.clear()
      known.set(key, text)
    }
    return text
  }
}

/** `2026-11-23T14:00`: date and time of day on the clocks of a zone, as date fields of forms take it. */
export const localTimeText: (at: EpochMs, timeZone: string) => string = rememberByMinute((at, timeZone) => {
  let format = formats.get(timeZone)
  if (format === undefined) {
    format = new Intl.DateTimeFormat('en-GB', {
      timeZone,
      ...{ year: 'numeric', month: '2-digit', day: '2-digit', hour: '2-digit', minute: '2-digit' },
    })
    formats.set(timeZone, format)
  }
  const parts = new Map(format.formatToParts(at).map(({ type, value }) => [type, value]))
  const part = (type: Intl.DateTimeFormatPartTypes): string => parts.get(type) ?? ''
  const date = `${part('year').padStart(4, '0')}-${part('month')}-${part('day')}`
  return `${date}T${part('hour')}:${part('minute')}`
})

/** `2026-11-23T14:00:05+01:00`, or with `Z` where that is the same: ISO 8601, for programs. */
export function isoTextOn(at: EpochMs, timeZone: string): string {
  const minute = Math.floor(at / minuteMs) * minuteMs
  const offset = (Date.parse(`${localTimeText(at, timeZone)}Z`) - minute) / minuteMs
  const text = new Date(at + offset * minuteMs).toISOString().replace(/\.\d+Z$/, '')
  if (offset === 0) return `${text}Z`
  const [hours, minutes] = [Math.floor(Math.abs(offset) / 60), Math.abs(offset) % 60].map((part) =>
    String(part).padStart(2, '0'),
  )
  return `${text}${offset < 0 ? '-' : '+'}${hours ?? ''}:${minutes ?? ''}`
}

/** The endpoints that instants are about, and the zone of the plant for those that are about none. */
export interface PlantTimes {
  readonly plant: { readonly timeZone: string }
  readonly endpoints: readonly { readonly id: string; readonly timeZone: string }[]
}

/**
 * What time to show for some endpoints: that of their walls where they share it, else that of the plant, as for none
 * and for those that are no longer configured.
 */
export function zoneOf({ plant, endpoints }: PlantTimes): (ids: readonly string[]) => string {
  const zones = new Map(endpoints.map(({ id, timeZone }) => [id, timeZone]))
  return (ids) => {
    const [zone = plant.timeZone, ...others] = new Set(ids.map((id) => zones.get(id) ?? plant.timeZone))
    return others.length === 0 ? zone : plant.timeZone
  }
}

const zoneNames = new Map<string, Intl.DateTimeFormat>()

/** What clocks of a zone are said to show at an instant: `CET`, in German `MEZ`; `UTC-5` where there is no short name. */
export function zoneName(at: EpochMs, timeZone: string, language: Language): string {
  return nameZone(at, `${language} ${timeZone}`)
}

/** @param how language and zone, with a space between them */
const nameZone = rememberByMinute((at, how) => {
  const [language = '', timeZone = ''] = how.split(' ')
  let format = zoneNames.get(how)
  if (format === undefined) {
    const locale = language === 'de' ? 'de-DE' : 'en-GB'
    format = new Intl.DateTimeFormat(locale, { timeZone, timeZoneName: 'short' })
    zoneNames.set(how, format)
  }
  const name = format.formatToParts(at).find(({ type }) => type === 'timeZoneName')?.value ?? timeZone
  return name.replace(/^GMT(?=[+-])/, 'UTC')
})

const datePattern = /^\d{4}-\d\d-\d\d$/

/** From midnight to midnight on the clocks of a zone: 23 or 25 hours where they are changed. Null for what is no date. */
export function dayOn(date: string, timeZone: string): TimeWindow | null {
  const day = readDate(date)
  if (day === null) return null
  const startOf = (of: Temporal.PlainDate): EpochMs => of.toZonedDateTime(timeZone).epochMilliseconds
  return { from: startOf(day), until: startOf(day.add({ days: 1 })) }
}

/**
 * Some days later, or the Monday of its week. Null for what is no date of the years 1970 to 9998, in which all
 * arithmetic with days goes well.
 */
export function shiftDate(date: string, by: number | 'monday'): string | null {
  const day = readDate(date)
  if (day === null) return null
  return day.add({ days: by === 'monday' ? 1 - day.dayOfWeek : by }).toString()
}

function readDate(text: string): Temporal.PlainDate | null {
  if (!datePattern.test(text)) return null
  try {
    const date = Temporal.PlainDate.from(text, { overflow: 'reject' })
    return date.year >= 1970 && date.year <= 9998 ? date : null
  } catch {
    return null
  }
}

/** Monday first, as ISO 8601 counts them. */
export const weekdays = ['mon', 'tue', 'wed', 'thu', 'fri', 'sat', 'sun'] as const
export type Weekday = (typeof weekdays)[number]

/** Every week, on each of `days`, from a time of day until another, on the next day where that is not later. */
export interface WeeklyWindow {
  readonly days: readonly Weekday[]
  /** `06:00` */
  readonly from: string
  /** `14:00`; `24:00` for the end of the day. */
  readonly until: string
}

export const timeOfDayPattern = /^(?:[01]\d|2[0-3]):[0-5]\d$/

/**
 * The windows that weekly ones come to between two instants: in order, apart, and cut off at both. Those that touch
 * are one.
 *
 * Where a window begins or ends at a time of day that clocks skip or show twice, it is the narrower of what that can
 * mean: through a time that is skipped it begins and ends when the clocks are put forward; of a time that comes twice
 * the later begins it and the earlier ends it. One that lies in the doubled hour as a whole is had once, the second time.
 *
 * @returns null where there are more than `atMost`
 */
export function expandWeekly(
  weekly: readonly WeeklyWindow[],
  timeZone: string,
  within: TimeWindow,
  atMost: number,
): TimeWindow[] | null {
  const local = (at: EpochMs): Temporal.PlainDate =>
    Temporal.Instant.fromEpochMilliseconds(at).toZonedDateTimeISO(timeZone).toPlainDate()
  const last = local(within.until)
  const found: TimeWindow[] = []
  // One that began on the day before may still be running.
  for (
    let day = local(within.from).subtract({ days: 1 });
    Temporal.PlainDate.compare(day, last) <= 0;
    day = day.add({ days: 1 })
  ) {
    const weekday = weekdays[day.dayOfWeek - 1]
    for (const window of weekly) {
      if (weekday === undefined || !window.days.includes(weekday)) continue
      const { from, until } = windowOn(day, window, timeZone)
      const clipped = { from: Math.max(from, within.from), until: Math.min(until, within.until) }
      if (clipped.from < clipped.until) found.push(clipped)
    }
    // Of the overlapping ones several may be one; many times too many need not be counted to the end.
    if (found.length > atMost * weekdays.length) return null
  }
  const apart = joined(found)
  return apart.length > atMost ? null : apart
}

function windowOn(day: Temporal.PlainDate, { from, until }: WeeklyWindow, timeZone: string): TimeWindow {
  const isNextDay = until === '24:00' || until <= from
  const begins = readings(day, from, timeZone)
  const ends = readings(isNextDay ? day.add({ days: 1 }) : day, until === '24:00' ? '00:00' : until, timeZone)
  const start = begins.later
  return { from: start, until: ends.earlier > start ? ends.earlier : ends.later }
}

/** What a time of day can mean on a day: two instants where it comes twice, the change of clocks where it is skipped. */
function readings(
  day: Temporal.PlainDate,
  timeOfDay: string,
  timeZone: string,
): { earlier: EpochMs; later: EpochMs } {
  const local = day.toPlainDateTime(Temporal.PlainTime.from(timeOfDay))
  const earlier = local.toZonedDateTime(timeZone, { disambiguation: 'earlier' })
  const later = local.toZonedDateTime(timeZone, { disambiguation: 'later' })
  const isThere = earlier.toPlainDateTime().equals(local)
  if (isThere) return { earlier: earlier.epochMilliseconds, later: later.epochMilliseconds }
  const change = earlier.getTimeZoneTransition('next') ?? later
  return { earlier: change.epochMilliseconds, later: change.epochMilliseconds }
}

function joined(windows: readonly TimeWindow[]): TimeWindow[] {
  const result: TimeWindow[] = []
  for (const window of [...windows].sort((a, b) => a.from - b.from)) {
    const before = result.at(-1)
    if (before === undefined || window.from > before.until) result.push(window)
    else result[result.length - 1] = { from: before.from, until: Math.max(before.until, window.until) }
  }
  return result
}
