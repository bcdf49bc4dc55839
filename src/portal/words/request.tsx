import type { InEach } from '../../lib/index.js'

export interface RequestWords {
  readonly title: string
  readonly failed: (title: string) => string
  readonly intro: string
  readonly machines: string
  readonly access: string
  readonly operate: string
  readonly view: string
  readonly start: string
  readonly startHint: string
  readonly onceApproved: string
  readonly atATime: string
  readonly startField: string
  readonly length: string
  readonly lengthHint: string
  readonly counts: string
  readonly countsFromStart: string
  readonly countsFromUse: string
  readonly within: string
  readonly withinDays: (days: number) => string
  readonly reason: string
  readonly reasonHint: string
  readonly ticket: string
  readonly submit: string
  readonly back: string
  readonly nothing: string
  readonly asked: string
  readonly askLink: string
  readonly askAgain: string
  readonly withdraw: string
  readonly withdrawOf: (names: string) => string
  readonly waiting: string
  readonly lapsesAt: string
  readonly approved: string
  readonly denied: string
  readonly lapsed: string
  readonly withdrawn: string
  readonly closed: string
  readonly why: string
  readonly lasts: (length: string, isOpenStart: boolean) => string
  readonly lastsFromUse: (length: string, within: string, isOpenStart: boolean) => string
  readonly fields: Readonly<Record<string, string>>
  readonly limit: string
}

export const requestWords: InEach<RequestWords> = {
  en: {
    title: 'Ask for access',
    failed: (title) => `Error: ${title}`,
    intro: 'Somebody at the plant reads this and answers. The front page shows what they said.',
    machines: 'Machines',
    access: 'What you need to do',
    operate: 'Operate',
    view: 'View only',
    start: 'Start',
    startHint: 'Nothing is open to you before.',
    onceApproved: 'As soon as it is approved',
    atATime: 'At a set time',
    startField: 'Start, date and time',
    length: 'For how long',
    lengthHint: 'Less may be given.',
    counts: 'When the time counts',
    countsFromStart: 'From the start on',
    countsFromUse: 'From when I first open a machine',
    within: 'Within how many days of the start',
    withinDays: (days) =>
      days === 1 ? 'within a day of the start' : `within ${String(days)} days of the start`,
    reason: 'Reason',
    reasonHint: 'What the work is. Whoever answers reads it first.',
    ticket: 'Ticket',
    submit: 'Ask',
    back: 'Back',
    nothing:
      'There is no machine that you can ask for here. Call the person at the plant who ordered your work.',
    asked: 'What you asked for',
    askLink: 'Ask for access',
    askAgain: 'Ask again',
    withdraw: 'Take it back',
    withdrawOf: (names) => ` what you asked for: ${names}`,
    waiting: 'Waits for an answer',
    lapsesAt: 'It lapses on ',
    approved: 'Approved',
    denied: 'Denied',
    lapsed: 'Nobody answered in time. If it is urgent, call the plant.',
    withdrawn: 'You took it back.',
    closed: 'It is closed. If you still need it, ask again.',
    why: 'For',
    lasts: (length, isOpenStart) => (isOpenStart ? `${length} from the approval on` : `for ${length}`),
    lastsFromUse: (length, within, isOpenStart) =>
      `${length} from the first use, within ${within} of the ${isOpenStart ? 'approval' : 'start'}`,
    fields: {
      endpoints: 'Choose at least one machine that you may ask for.',
      groups: 'Choose groups of machines that you may ask for.',
      access: 'Choose what you need to do.',
      from: 'Give a start that is not in the past, not more than a year ahead, and not in an hour in which clocks are changed.',
      until: 'Choose a length that a grant for these machines may have.',
      length: 'Choose for how long.',
      counts: 'Choose when the time counts.',
      lasts: 'Choose a length that a grant for these machines may have, and that fits into the days.',
      reason: 'Say in a few words, on one line, what the work is.',
      ticket: 'A ticket number has at most 64 plain letters, digits and signs.',
      to: 'Your identity provider has not confirmed an e-mail address for you, so nobody can give you access. Tell the plant.',
    },
    limit: 'Too many requests wait for an answer already. Take one of yours back, or call the plant.',
  },
  de: {
    title: 'Zugang beantragen',
    failed: (title) => `Fehler: ${title}`,
    intro: 'Jemand im Werk liest das und antwortet. Die Antwort steht dann auf der Startseite.',
    machines: 'Maschinen',
    access: 'Was Sie tun müssen',
    operate: 'Bedienen',
    view: 'Nur ansehen',
    start: 'Beginn',
    startHint: 'Vorher ist nichts für Sie offen.',
    onceApproved: 'Sobald zugestimmt ist',
    atATime: 'Zu einer bestimmten Zeit',
    startField: 'Beginn, Tag und Uhrzeit',
    length: 'Für wie lange',
    lengthHint: 'Es kann auch weniger gegeben werden.',
    counts: 'Ab wann die Zeit läuft',
    countsFromStart: 'Ab dem Beginn',
    countsFromUse: 'Ab dem Moment, in dem ich zum ersten Mal eine Maschine öffne',
    within: 'Innerhalb von wie vielen Tagen ab dem Beginn',
    withinDays: (days) =>
      days === 1
        ? 'innerhalb eines Tages ab dem Beginn'
        : `innerhalb von ${String(days)} Tagen ab dem Beginn`,
    reason: 'Grund',
    reasonHint: 'Worin die Arbeit besteht. Wer antwortet, liest es zuerst.',
    ticket: 'Ticket',
    submit: 'Beantragen',
    back: 'Zurück',
    nothing:
      'Hier gibt es keine Maschine, die Sie beantragen können. Rufen Sie die Person im Werk an, die Ihre Arbeit bestellt hat.',
    asked: 'Ihre Anträge',
    askLink: 'Zugang beantragen',
    askAgain: 'Erneut beantragen',
    withdraw: 'Zurückziehen',
    withdrawOf: (names) => `: Ihren Antrag für ${names}`,
    waiting: 'Wartet auf Antwort',
    lapsesAt: 'Er verfällt am ',
    approved: 'Zugestimmt',
    denied: 'Abgelehnt',
    lapsed: 'Niemand hat rechtzeitig geantwortet. Wenn es eilt, rufen Sie im Werk an.',
    withdrawn: 'Sie haben ihn zurückgezogen.',
    closed: 'Er ist geschlossen. Wenn Sie den Zugang noch brauchen, beantragen Sie ihn neu.',
    why: 'Für',
    lasts: (length, isOpenStart) => (isOpenStart ? `${length} ab der Zustimmung` : `für ${length}`),
    lastsFromUse: (length, within, isOpenStart) =>
      `${length} ab der ersten Nutzung, innerhalb von ${within} ab ${isOpenStart ? 'der Zustimmung' : 'dem Beginn'}`,
    fields: {
      endpoints: 'Wählen Sie mindestens eine Maschine, die Sie beantragen dürfen.',
      groups: 'Wählen Sie Gruppen von Maschinen, die Sie beantragen dürfen.',
      access: 'Wählen Sie, was Sie tun müssen.',
      from: 'Geben Sie einen Beginn an, der nicht vorbei und höchstens ein Jahr entfernt ist, und nicht in einer Stunde, in der die Uhren umgestellt werden.',
      until: 'Wählen Sie eine Dauer, die für diese Maschinen erlaubt ist.',
      length: 'Wählen Sie, für wie lange.',
      counts: 'Wählen Sie, ab wann die Zeit läuft.',
      lasts: 'Wählen Sie eine Dauer, die für diese Maschinen erlaubt ist und in die Tage passt.',
      reason: 'Sagen Sie in wenigen Worten, in einer Zeile, worin die Arbeit besteht.',
      ticket: 'Eine Ticketnummer hat höchstens 64 einfache Buchstaben, Ziffern und Zeichen.',
      to: 'Ihr Anmeldedienst hat keine E-Mail-Adresse für Sie bestätigt, also kann Ihnen niemand Zugang geben. Sagen Sie es dem Werk.',
    },
    limit:
      'Zu viele Anträge warten schon auf Antwort. Ziehen Sie einen davon zurück, oder rufen Sie im Werk an.',
  },
}
