import type { Ending, Grant } from '../model.js'
import type { InEach, Language } from './language.js'

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
  readonly language: Language
}): Warning[] {
  const { endOfSession, endOfGrant, signInAgain, askForMore, wrapUp, makeSafe, letGo } =
    warningWords[end.language]
  const isSession = end.at < end.grant.until
  const then = isSession ? endOfSession : endOfGrant[end.grant.ending]
  const more = isSession ? signInAgain : askForMore
  return [
    { withinMs: 15 * minuteMs, text: `${then} ${wrapUp(more)}` },
    { withinMs: 5 * minuteMs, text: `${then} ${makeSafe(more)}` },
    { withinMs: minuteMs, text: `${then} ${letGo}` },
  ]
}

interface WarningWords {
  readonly endOfSession: string
  /** What a grant's ending does to what is under way. */
  readonly endOfGrant: Readonly<Record<Ending, string>>
  readonly signInAgain: string
  readonly askForMore: string
  readonly wrapUp: (more: string) => string
  readonly makeSafe: (more: string) => string
  readonly letGo: string
}

export const warningWords: InEach<WarningWords> = {
  en: {
    endOfSession: 'At the end you are signed out, and the connection is cut.',
    endOfGrant: {
      cut: 'At the end the connection is cut.',
      drain: 'At the end nothing new starts, and live connections are closed.',
      'read-only': 'Towards the end you may only look, and at the end the connection is cut.',
    },
    signInAgain: 'then sign in again on the portal',
    askForMore: 'or ask your contact at the plant for more time',
    wrapUp: (more) => `Bring your work to where the machine can be left, ${more}.`,
    makeSafe: (more) => `Leave the machine in a safe state now, ${more}.`,
    letGo: 'Start nothing new, and let go of the machine.',
  },
  de: {
    endOfSession: 'Am Ende werden Sie abgemeldet, und die Verbindung wird getrennt.',
    endOfGrant: {
      cut: 'Am Ende wird die Verbindung getrennt.',
      drain: 'Am Ende beginnt nichts Neues mehr, und stehende Verbindungen werden getrennt.',
      'read-only': 'Gegen Ende dürfen Sie nur noch zusehen, und am Ende wird die Verbindung getrennt.',
    },
    signInAgain: 'und melden Sie sich dann am Portal neu an',
    askForMore: 'oder bitten Sie Ihren Ansprechpartner im Werk um mehr Zeit',
    wrapUp: (more) => `Bringen Sie die Arbeit so weit, dass Sie die Maschine verlassen können, ${more}.`,
    makeSafe: (more) => `Hinterlassen Sie die Maschine jetzt in einem sicheren Zustand, ${more}.`,
    letGo: 'Beginnen Sie nichts Neues, und lassen Sie die Maschine in Ruhe.',
  },
}

/** The warning that is due; null while there is none, and once access has ended. */
export function dueWarning(warnings: readonly Warning[], leftMs: number): Warning | null {
  if (leftMs <= 0) return null
  return warnings.findLast(({ withinMs }) => leftMs <= withinMs) ?? null
}
