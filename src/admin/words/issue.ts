import type { InEach } from '../../lib/index.js'
import type { Ending } from '../../model.js'

/** The form that gives access, and the sentence that reads it back. */
export interface IssueWords {
  readonly title: string
  readonly failed: (title: string) => string
  readonly nothingIssued: string
  readonly who: string
  readonly whoHint: string
  readonly machines: string
  readonly access: string
  readonly operate: string
  readonly sayOperate: string
  readonly view: string
  readonly sayView: string
  readonly start: string
  readonly now: string
  readonly sayNow: string
  readonly later: string
  readonly sayLater: string
  readonly end: string
  readonly after: (length: string) => string
  readonly sayAfter: (length: string) => string
  readonly atATime: string
  readonly sayAtATime: string
  readonly atTheEnd: string
  readonly sayEndings: Readonly<Record<Ending, string>>
  readonly reason: string
  readonly reasonHint: string
  readonly ticket: string
  readonly submit: string
  readonly cancel: string
  readonly issued: string
  readonly change: string
  readonly all: string
  readonly another: string
}

export const issueWords: InEach<IssueWords> = {
  en: {
    title: 'Issue a grant',
    failed: (title) => `Error: ${title}`,
    nothingIssued: 'Nothing was issued.',
    who: 'Who',
    whoHint: 'The e-mail address they sign in with.',
    machines: 'Machines',
    access: 'Access',
    operate: 'Operate',
    sayOperate: 'may operate',
    view: 'View only',
    sayView: 'may only view',
    start: 'Start',
    now: 'Now',
    sayNow: 'from now',
    later: 'Later',
    sayLater: 'from',
    end: 'End',
    after: (length) => `After ${length}`,
    sayAfter: (length) => `for ${length}`,
    atATime: 'At a set time',
    sayAtATime: 'until',
    atTheEnd: 'At the end',
    sayEndings: {
      cut: 'then cut',
      drain: 'then finishing what runs',
      'read-only': 'view only towards the end',
    },
    reason: 'Reason',
    reasonHint: 'What the work is; the vendor sees it too.',
    ticket: 'Ticket',
    submit: 'Issue grant',
    cancel: 'Cancel',
    issued: 'Grant issued',
    change: 'Change or end',
    all: 'All grants',
    another: 'Issue another',
  },
  de: {
    title: 'Freigabe erteilen',
    failed: (title) => `Fehler: ${title}`,
    nothingIssued: 'Es wurde nichts erteilt.',
    who: 'Wer',
    whoHint: 'Die E-Mail-Adresse, mit der die Person sich anmeldet.',
    machines: 'Maschinen',
    access: 'Zugang',
    operate: 'Bedienen',
    sayOperate: 'darf bedienen:',
    view: 'Nur ansehen',
    sayView: 'darf nur ansehen:',
    start: 'Beginn',
    now: 'Jetzt',
    sayNow: 'ab jetzt',
    later: 'Später',
    sayLater: 'ab',
    end: 'Ende',
    after: (length) => `Nach ${length}`,
    sayAfter: (length) => `für ${length}`,
    atATime: 'Zu einer bestimmten Zeit',
    sayAtATime: 'bis',
    atTheEnd: 'Am Ende',
    sayEndings: {
      cut: 'dann wird getrennt',
      drain: 'dann wird Laufendes fertig',
      'read-only': 'gegen Ende nur ansehen',
    },
    reason: 'Grund',
    reasonHint: 'Worin die Arbeit besteht; wer die Freigabe bekommt, liest ihn auch.',
    ticket: 'Ticket',
    submit: 'Freigabe erteilen',
    cancel: 'Abbrechen',
    issued: 'Freigabe erteilt',
    change: 'Ändern oder beenden',
    all: 'Alle Freigaben',
    another: 'Noch eine erteilen',
  },
}
