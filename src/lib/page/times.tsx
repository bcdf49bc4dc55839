import { createContext, type VNode } from 'preact'
import { useContext } from 'preact/hooks'
import type { EpochMs } from '../../model.js'
import { languages, type Language } from '../language.js'
import { isoTextOn, localTimeText, zoneName } from '../plant-time.js'
import { pageWords } from './page-words.js'
import { useLanguage } from './words.js'

/** What `zoneOf` makes of the plant that the page is about. */
export const PlantZone = createContext<(ids: readonly string[]) => string>(() => 'UTC')

/** For components, while they render: the time zone to show for some endpoints, or for the plant. */
export function useZone(endpoints: readonly string[] = []): string {
  return useContext(PlantZone)(endpoints)
}

/**
 * `2026-11-23 17:30 CET`, in German `23.11.2026 17:30 MEZ`: plant time. The script adds the viewer's own beside it
 * where their clock shows another.
 *
 * @param props.of the endpoints it is about; without them it is the time of the plant
 */
export function Instant(props: { at: EpochMs; of?: readonly string[] }): VNode {
  const zone = useZone(props.of)
  return (
    <span data-local>
      <time datetime={isoText(props.at, zone)}>{formatInstant(props.at, useLanguage(), zone)}</time>
    </span>
  )
}

/** `2026-11-23 08:23 to 11:37 CET`, likewise. */
export function Window(props: { from: EpochMs; until: EpochMs; of?: readonly string[] }): VNode {
  const language = useLanguage()
  const zone = useZone(props.of)
  const from = written(props.from, language, zone)
  const until = written(props.until, language, zone)
  const isSameDay = from.day === until.day
  return (
    <span data-local>
      <time datetime={isoText(props.from, zone)}>
        {joined(from.zone === until.zone ? { ...from, zone: '' } : from)}
      </time>{' '}
      {pageWords[language].script.to}{' '}
      <time datetime={isoText(props.until, zone)}>{joined(isSameDay ? { ...until, day: '' } : until)}</time>
    </span>
  )
}

/** To the second, ISO 8601, with the offset of the zone; `unknown` for instants no calendar holds. */
export function isoText(at: EpochMs, timeZone: string): string {
  return isKnown(at) ? isoTextOn(at, timeZone) : 'unknown'
}

export function formatInstant(at: EpochMs, language: Language = languages[0], timeZone = 'UTC'): string {
  return joined(written(at, language, timeZone))
}

interface Written {
  readonly day: string
  readonly time: string
  readonly zone: string
}

function written(at: EpochMs, language: Language, timeZone: string): Written {
  if (!isKnown(at)) return { day: '', time: pageWords[language].unknownTime, zone: '' }
  const [day = '', time = ''] = localTimeText(at, timeZone).split('T')
  return {
    day: language === 'de' ? day.split('-').reverse().join('.') : day,
    time,
    zone: zoneName(at, timeZone, language),
  }
}

function joined({ day, time, zone }: Written): string {
  return [day, time, zone].filter((part) => part !== '').join(' ')
}

/** Calendars reach as far as `Date`, less a day for the offset of a zone. */
function isKnown(at: EpochMs): boolean {
  return Math.abs(at) < 8.64e15 - 86_400_000
}

/**
 * `2 d 3 h`, `2 h 14 min`, `2 h`, `14 min`, `40 s`: never more than is left, and the same in every language
 * (ISO 80000-3). The script counts down alike.
 */
export function durationWords(ms: number): string {
  const seconds = Math.max(0, Math.floor(ms / 1000))
  const minutes = Math.floor(seconds / 60)
  const hours = Math.floor(minutes / 60)
  if (hours >= 48) return withoutNothing(`${String(Math.floor(hours / 24))} d ${String(hours % 24)} h`)
  if (hours >= 1) return withoutNothing(`${String(hours)} h ${String(minutes % 60)} min`)
  return minutes >= 2 ? `${String(minutes)} min` : `${String(seconds)} s`
}

/** `2 h 0 min` is `2 h`. */
function withoutNothing(words: string): string {
  return words.replace(/ 0 .+/, '')
}

/**
 * Time until an instant, counting down where scripts run. `role="timer"` keeps screen readers from
 * reading every change.
 *
 * @param props.thenReload asks the server again once the time has come
 */
export function TimeUntil(props: { at: EpochMs; now: EpochMs; thenReload?: boolean }): VNode {
  return (
    <span role="timer" class="number" data-until={props.at} data-reload={props.thenReload ? '' : undefined}>
      {durationWords(props.at - props.now)}
    </span>
  )
}
