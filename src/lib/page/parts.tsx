import type { VNode } from 'preact'
import type { EpochMs } from '../../model.js'

/** `2026-11-23 16:30 UTC`; the script adds the viewer's own time beside it. */
export function Instant(props: { at: EpochMs }): VNode {
  return <time datetime={isoText(props.at)}>{formatInstant(props.at)}</time>
}

/** To the second, ISO 8601; text that says so for instants no calendar holds. */
export function isoText(at: EpochMs): string {
  const date = new Date(at)
  return Number.isNaN(date.getTime()) ? 'unknown' : date.toISOString().replace(/\.\d+Z$/, 'Z')
}

export function formatInstant(at: EpochMs): string {
  const iso = isoText(at)
  return iso === 'unknown' ? 'unknown time' : `${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC`
}
