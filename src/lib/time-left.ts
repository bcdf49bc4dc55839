import type { Ending, Grant } from '../model.js'

/** Where open pages ask how long access lasts: on the portal's origin, and on each endpoint's that shows it. */
export const timeLeftPath = '/.gatehouse/time-left'

/** What a person is told from `withinMs` before the end of access on, until the next takes its place. */
export interface Warning {
  readonly withinMs: number
  readonly text: string
}

const minuteMs = 60_000

/** In order, the earliest first; from here the portal and the notice in machines' pages take their words. */
export function endWarnings(end: {
  readonly grant: Pick<Grant, 'until' | 'ending'>
  readonly at: number
}): Warning[] {
  const isSession = end.at < end.grant.until
  const then = isSession ? endOfSession : endOfGrant[end.grant.ending]
  const more = isSession
    ? 'then sign in again on the portal'
    : 'or ask your contact at the plant for more time'
  return [
    { withinMs: 15 * minuteMs, text: `${then} Bring your work to where the machine can be left, ${more}.` },
    { withinMs: 5 * minuteMs, text: `${then} Leave the machine in a safe state now, ${more}.` },
    { withinMs: minuteMs, text: `${then} Start nothing new, and let go of the machine.` },
  ]
}

const endOfSession = 'At the end you are signed out, and the connection is cut.'

/** What a grant's ending does to what is under way. */
const endOfGrant: Readonly<Record<Ending, string>> = {
  cut: 'At the end the connection is cut.',
  drain: 'At the end nothing new starts, and live connections are closed.',
  'read-only': 'Towards the end you may only look, and at the end the connection is cut.',
}

/** The warning that is due; null while there is none, and once access has ended. */
export function dueWarning(warnings: readonly Warning[], leftMs: number): Warning | null {
  if (leftMs <= 0) return null
  return warnings.findLast(({ withinMs }) => leftMs <= withinMs) ?? null
}
