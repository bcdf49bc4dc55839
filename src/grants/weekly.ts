import { z } from 'zod'
import { expandWeekly, timeOfDayPattern, weekdays, type Weekday, type WeeklyWindow } from '../lib/index.js'
import type { TimeWindow } from '../model.js'
import { describeLength, refusal } from './refusal.js'

const example = 'must be weekly windows, like "mon-fri 06:00-14:00"'
const windowsAtMost = 400

const day = `(?:${weekdays.join('|')})`
const textPattern = new RegExp(`^(${day}(?:[-,]${day})*) (\\d\\d:\\d\\d)-(\\d\\d:\\d\\d)$`)

const windowSchema = z.strictObject(
  {
    days: z.array(z.enum(weekdays, example), example).min(1, example).max(weekdays.length, example),
    from: z.string(example).regex(timeOfDayPattern, 'must begin at a time of day, like 06:00'),
    until: z
      .string(example)
      .refine(
        (text) => text === '24:00' || timeOfDayPattern.test(text),
        'must end at a time of day, like 14:00, or at 24:00',
      ),
  },
  example,
)

/** What a request says of them: texts, or objects as they are written out. Null for none. */
export const weeklySchema = z
  .array(
    z.preprocess((value) => (typeof value === 'string' ? parseText(value) : value), windowSchema),
    example,
  )
  .min(1, 'must name a window at least, or be left out')
  .max(14, 'must not name more than 14 windows a week')
  .nullish()
  .transform((weekly) => weekly ?? null)

/** `mon-fri 06:00-14:00`, `sat,sun 22:00-06:00`; undefined for anything else. */
function parseText(text: string): WeeklyWindow | undefined {
  const [, days, from, until] = textPattern.exec(text.trim().toLowerCase()) ?? []
  if (days === undefined || from === undefined || until === undefined) return undefined
  return { days: [...new Set(days.split(',').flatMap(daysOf))], from, until }
}

/** `fri-mon` goes over the weekend. */
function daysOf(part: string): Weekday[] {
  const [first, last = first] = part.split('-').map((name) => weekdays.indexOf(name as Weekday))
  if (first === undefined || last === undefined) return []
  const count = ((last - first + weekdays.length) % weekdays.length) + 1
  return [...weekdays, ...weekdays].slice(first, first + count)
}

/**
 * The windows of a grant, as instants.
 *
 * @throws GatehouseError `input-invalid` about `weekly`
 */
export function readWindows(
  weekly: readonly WeeklyWindow[],
  timeZone: string,
  within: TimeWindow,
  longestMs: number,
): TimeWindow[] {
  const windows = expandWeekly(weekly, timeZone, within, windowsAtMost)
  if (windows === null) throw refusal('weekly', `must not come to more than ${windowsAtMost} windows`)
  if (windows.length === 0) throw refusal('weekly', 'must have a window between the start and the end')
  if (windows.some(({ from, until }) => until - from > longestMs))
    throw refusal('weekly', `must not have a window that lasts more than ${describeLength(longestMs)}`)
  return windows
}
