import type { InEach, Weekday } from '../lib/index.js'

/** What a grant asks for besides its time, in the words of whoever gives it. */
export interface ConditionsWords {
  readonly more: string
  readonly weekly: string
  readonly weeklyHint: string
  readonly days: Readonly<Record<Weekday, string>>
  /** As they stand in a sentence. */
  readonly onDays: Readonly<Record<Weekday, string>>
  readonly dayFrom: string
  readonly dayUntil: string
  /** As `saySources`, of the hours. */
  readonly sayOnly: (days: string, from: string, until: string) => string
  /** Of the second window and those after it. */
  readonly sayAndOnly: (days: string, from: string, until: string) => string
  readonly weeklyAlso: (number: number) => string
  readonly another: string
  readonly sources: string
  readonly sourcesHint: string
  /** In the sentence that reads the form back; `{}` stands for what was entered. */
  readonly saySources: string
  readonly onlyFrom: string
  readonly sessions: string
  readonly sessionsHint: string
  /** `{}` stands for how many. */
  readonly saySessions: string
  readonly release: string
  readonly releaseHint: string
  readonly sayRelease: string
  readonly released: string
  readonly lasts: string
  readonly lastsHint: string
  readonly sayLasts: string
  readonly time: string
  readonly extendUnused: string
  readonly notUsed: (length: string) => string
  readonly used: (length: string) => string
  readonly sayHours: (count: number) => string
  readonly hours: string
  readonly moreHours: (count: number) => string
}

export const conditionsWords: InEach<ConditionsWords> = {
  en: {
    more: 'More conditions',
    weekly: 'Only at these hours of the week',
    weeklyHint:
      'In plant time, every week between the start and the end. An end that is not later than the beginning is on the next day. Nothing chosen: at all hours.',
    days: { mon: 'Mon', tue: 'Tue', wed: 'Wed', thu: 'Thu', fri: 'Fri', sat: 'Sat', sun: 'Sun' },
    onDays: {
      ...{ mon: 'Mondays', tue: 'Tuesdays', wed: 'Wednesdays', thu: 'Thursdays' },
      ...{ fri: 'Fridays', sat: 'Saturdays', sun: 'Sundays' },
    },
    dayFrom: 'from',
    dayUntil: 'until',
    sayOnly: (days, from, until) => `only ${days} ${from} to ${until}`,
    sayAndOnly: (days, from, until) => `and ${days} ${from} to ${until}`,
    weeklyAlso: (number) => `And at these, time ${String(number)}`,
    another: 'Another time of the week',
    sources: 'Only from these networks',
    sourcesHint: 'Addresses or blocks like 192.0.2.7 or 198.51.100.0/24, one a line. Empty: from anywhere.',
    saySources: 'only from {}',
    onlyFrom: 'Only from',
    sessions: 'Sign-ins at a time',
    sessionsHint: 'How many of their browsers may use it at once, such as 1. Empty: any number.',
    saySessions: 'by {} of their sign-ins at a time',
    release: 'The control room releases it each time',
    releaseHint: 'Whenever they sign in, it stays shut until somebody at the plant lets them in.',
    sayRelease: 'once the control room has released it',
    released: 'Release',
    lasts: 'Only for so long from the first use',
    lastsHint:
      'A length like 2h or 90m. The time begins when they first open a machine, and ends at the set end at the latest. Empty: all of the time.',
    sayLasts: 'for {} from the first use',
    time: 'From first use',
    extendUnused: 'It has not been used: this moves until when it can be, not for how long from then on.',
    notUsed: (length) => `${length}, not used yet`,
    used: (length) => `${length}, first used at`,
    sayHours: (count) => `at ${String(count)} set ${count === 1 ? 'time' : 'times'} only`,
    hours: 'Only at',
    moreHours: (count) => `and ${String(count)} more`,
  },
  de: {
    more: 'Weitere Bedingungen',
    weekly: 'Nur zu diesen Stunden der Woche',
    weeklyHint:
      'In Werkszeit, jede Woche zwischen Beginn und Ende. Ein Ende, das nicht nach dem Anfang liegt, ist am nächsten Tag. Nichts gewählt: zu jeder Stunde.',
    days: { mon: 'Mo', tue: 'Di', wed: 'Mi', thu: 'Do', fri: 'Fr', sat: 'Sa', sun: 'So' },
    onDays: {
      ...{ mon: 'montags', tue: 'dienstags', wed: 'mittwochs', thu: 'donnerstags' },
      ...{ fri: 'freitags', sat: 'samstags', sun: 'sonntags' },
    },
    dayFrom: 'von',
    dayUntil: 'bis',
    sayOnly: (days, from, until) => `nur ${days} ${from} bis ${until}`,
    sayAndOnly: (days, from, until) => `und ${days} ${from} bis ${until}`,
    weeklyAlso: (number) => `Und zu diesen, Zeit ${String(number)}`,
    another: 'Noch eine Zeit der Woche',
    sources: 'Nur aus diesen Netzen',
    sourcesHint: 'Adressen oder Netze wie 192.0.2.7 oder 198.51.100.0/24, je Zeile eines. Leer: von überall.',
    saySources: 'nur aus {}',
    onlyFrom: 'Nur aus',
    sessions: 'Anmeldungen zur gleichen Zeit',
    sessionsHint:
      'Wie viele ihrer Browser es zugleich benutzen dürfen, zum Beispiel 1. Leer: beliebig viele.',
    saySessions: 'durch {} ihrer Anmeldungen zur gleichen Zeit',
    release: 'Die Leitwarte öffnet jedes Mal',
    releaseHint: 'Nach jeder Anmeldung bleibt zu, bis jemand im Werk die Person einlässt.',
    sayRelease: 'sobald die Leitwarte geöffnet hat',
    released: 'Öffnung',
    lasts: 'Nur so lange ab der ersten Nutzung',
    lastsHint:
      'Eine Dauer wie 2h oder 90m. Die Zeit beginnt, wenn sie zum ersten Mal eine Maschine öffnen, und endet spätestens zum festen Ende. Leer: die ganze Zeit.',
    sayLasts: '{} ab der ersten Nutzung',
    time: 'Ab erster Nutzung',
    extendUnused:
      'Sie ist noch nicht genutzt: Das verschiebt, bis wann das geht, nicht für wie lange von da an.',
    notUsed: (length) => `${length}, noch nicht genutzt`,
    used: (length) => `${length}, zuerst genutzt am`,
    sayHours: (count) => `nur zu ${String(count)} festen ${count === 1 ? 'Zeit' : 'Zeiten'}`,
    hours: 'Nur zu',
    moreHours: (count) => `und ${String(count)} weitere`,
  },
}
