import type { VNode } from 'preact'
import type { EpochMs } from '../../model.js'
import { GatehouseError } from '../errors.js'
import { localTimeText, parseLocalTime } from '../plant-time.js'
import { pageWords } from './page-words.js'
import { useZone } from './times.js'
import { useWords } from './words.js'

/** As a date field sends it. */
const sentPattern = /^\d{4}-\d\d-\d\dT\d\d:\d\d$/

/**
 * What was entered in a date field, which takes plant time; other text as it is, for `parseInstant`.
 *
 * @throws GatehouseError `input-invalid` about `field` for a time that clocks skip or show twice, or that is none
 */
export function readDateField(field: string, text: string, timeZone: string): EpochMs | string {
  if (!sentPattern.test(text)) return text
  const read = parseLocalTime(text, timeZone)
  if (typeof read === 'number') return read
  throw new GatehouseError('input-invalid', `${field}: ${read.message}`, { field })
}

/** What a date field shows: an instant to the minute; text as it was entered, where a date field can show it. */
export function dateFieldValue(value: EpochMs | string, timeZone: string): string {
  if (typeof value === 'string' && sentPattern.test(value)) return value
  const at = typeof value === 'string' ? Date.parse(value) : value
  return Number.isNaN(at) ? '' : localTimeText(at, timeZone)
}

/** `plant time, Europe/Berlin`: what a date field takes. */
export function PlantTime(props: { of?: readonly string[] }): VNode {
  return <>{`${useWords(pageWords).plantTime}, ${useZone(props.of)}`}</>
}
