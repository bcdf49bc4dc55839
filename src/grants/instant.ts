import type { Clock } from '../lib/index.js'
import type { EpochMs } from '../model.js'

const relative = /^\+(\d{1,5})([mhd])$/
const unitMs = { m: 60_000, h: 3_600_000, d: 86_400_000 } as const

const absolute = /^(\d{4})-(\d\d)-(\d\d)T(\d\d):(\d\d)(?::(\d\d)(?:\.(\d{1,3}))?)?(?:Z|([+-])(\d\d):(\d\d))$/

/**
 * Reads an instant as people type it: `now`, `+90m`, `+2h`, `+1d`, or ISO 8601 with `Z` or an offset.
 *
 * Null for everything else, a local time among it: two people in two time zones would mean two instants.
 * `Date.parse` is not used, because it guesses, and turns 30 February into 2 March.
 *
 * @example parseInstant('2026-11-23T14:00+01:00', clock) // 2026-11-23T13:00:00.000Z
 */
export function parseInstant(text: string, clock: Pick<Clock, 'now'>): EpochMs | null {
  if (text === 'now') return clock.now()
  const [, amount, unit] = relative.exec(text) ?? []
  if (unit !== undefined) return clock.now() + Number(amount) * unitMs[unit as keyof typeof unitMs]
  return parseAbsolute(text)
}

function parseAbsolute(text: string): EpochMs | null {
  const match = absolute.exec(text)
  if (!match) return null
  const [year, month, day, hour, minute, second] = match
    .slice(1, 7)
    .map((digits: string | undefined) => Number(digits ?? 0)) as Six
  const milliseconds = Number((match[7] ?? '').padEnd(3, '0'))
  const offsetHours = Number(match[9] ?? 0)
  const offsetMinutes = Number(match[10] ?? 0)
  if (hour > 23 || minute > 59 || second > 59 || offsetHours > 14 || offsetMinutes > 59) return null

  const local = Date.UTC(year, month - 1, day, hour, minute, second, milliseconds)
  // Date.UTC carries over: what it made of the date must be the date that was written.
  if (new Date(local).toISOString().slice(0, 10) !== text.slice(0, 10)) return null
  const offset = offsetHours * unitMs.h + offsetMinutes * unitMs.m
  return match[8] === '-' ? local + offset : local - offset
}

type Six = [number, number, number, number, number, number]
