import type { ComponentChildren, VNode } from 'preact'
import type { InEach } from '../../lib/index.js'

/** Resets of second factors, and those that wait for a second administrator. */
export interface ResetsWords {
  readonly title: string
  readonly lead: string
  readonly columns: Readonly<Record<'whose' | 'reason' | 'by' | 'until' | 'actions', string>>
  readonly waits: string
  readonly confirm: string
  readonly decline: string
  readonly takeBack: string
  /** For who does not see which row the button is in. */
  readonly of: (name: string) => string
  readonly own: string
  readonly ofYou: string
  readonly notOwn: string
  readonly resetTitle: string
  readonly resetText: (name: string) => string
  readonly resetButton: string
  readonly proposeTitle: string
  readonly proposeText: (name: string, lifetime: string) => string
  readonly proposeButton: string
  readonly confirmTitle: string
  readonly confirmText: (name: string, by: string, reason: string) => string
  readonly declineTitle: string
  readonly declineText: (name: string, by: string, reason: string) => string
  readonly wasProposed: string
  readonly wasDeclined: string
  readonly unreadable: string
  readonly wasReset: (name: VNode) => ComponentChildren
  readonly invited: string
  readonly notice: (count: number) => string
  readonly see: string
}

export const resetsWords: InEach<ResetsWords> = {
  en: {
    title: 'Resets that wait for a second administrator',
    lead: 'Nothing is reset until another administrator confirms it; unconfirmed, it lapses by itself.',
    columns: {
      whose: 'Second factor of',
      reason: 'Why',
      by: 'Proposed by',
      until: 'Until',
      actions: 'Actions',
    },
    waits: 'a reset waits for a second administrator',
    confirm: 'Confirm',
    decline: 'Decline',
    takeBack: 'Take back',
    of: (name) => `: second factor of ${name}`,
    own: 'Another administrator has to confirm it.',
    ofYou: 'This is your own second factor. If you did not ask for this, decline it.',
    notOwn: 'Your own. Two other administrators have to agree to reset it.',
    resetTitle: 'Reset the second factor?',
    resetText: (name) =>
      `${name} is signed out everywhere and loses every open connection. Their authenticator entry and recovery codes stop working. Make sure that you are talking to the right person: whoever gets the new invitation code sets up the next second factor.`,
    resetButton: 'Reset',
    proposeTitle: 'Propose to reset the second factor?',
    proposeText: (name, lifetime) =>
      `Nothing is reset yet. Another administrator, not you and not ${name}, has ${lifetime} to confirm it. Then ${name} is signed out everywhere and loses every open connection, and their authenticator entry and recovery codes stop working. Make sure that you are talking to the right person.`,
    proposeButton: 'Propose',
    confirmTitle: 'Confirm the reset of a second factor?',
    confirmText: (name, by, reason) =>
      `${by} wants to reset the second factor of ${name}, because: ${reason} — Ask ${by} by phone or in person whether it was really them, and how they know who they talked to. With your yes ${name} is signed out everywhere at once and loses every open connection, also in the middle of an upload; their authenticator entry and recovery codes stop working.`,
    declineTitle: 'Decline the reset of a second factor?',
    declineText: (name, by, reason) =>
      `${by} wants to reset the second factor of ${name}, because: ${reason} — With your no it stays as it is. It can be proposed again.`,
    wasProposed: 'Proposed. Tell another administrator: nothing is reset until they confirm it.',
    wasDeclined: 'Declined. The second factor stays as it is.',
    unreadable: 'Which resets wait for a second administrator cannot be read at the moment.',
    wasReset: (name) => <>The second factor of {name} was reset, and all their sessions were ended.</>,
    invited: 'They need a new invitation code: it is made in the list of people, by whoever talks to them.',
    notice: (count) =>
      count === 1
        ? 'A reset of a second factor waits for a second administrator.'
        : `${String(count)} resets of second factors wait for a second administrator.`,
    see: 'See who and why',
  },
  de: {
    title: 'Zurücksetzen, das auf eine zweite Person wartet',
    lead: 'Zurückgesetzt wird erst, wenn jemand anderes aus der Administration bestätigt; unbestätigt läuft es von selbst ab.',
    columns: {
      whose: 'Zweiter Faktor von',
      reason: 'Warum',
      by: 'Vorgeschlagen von',
      until: 'Bis',
      actions: 'Handlungen',
    },
    waits: 'Zurücksetzen wartet auf eine zweite Person',
    confirm: 'Bestätigen',
    decline: 'Ablehnen',
    takeBack: 'Zurückziehen',
    of: (name) => `: zweiter Faktor von ${name}`,
    own: 'Jemand anderes aus der Administration muss bestätigen.',
    ofYou: 'Das ist Ihr eigener zweiter Faktor. Wenn Sie nicht darum gebeten haben, lehnen Sie ab.',
    notOwn: 'Ihr eigener. Zum Zurücksetzen müssen zwei andere Administratoren zustimmen.',
    resetTitle: 'Zweiten Faktor zurücksetzen?',
    resetText: (name) =>
      `${name} wird überall abgemeldet und verliert jede offene Verbindung. Der Eintrag in der Authenticator-App und die Wiederherstellungscodes gelten nicht mehr. Vergewissern Sie sich, dass Sie mit der richtigen Person sprechen: Wer den neuen Einladungscode bekommt, richtet den nächsten zweiten Faktor ein.`,
    resetButton: 'Zurücksetzen',
    proposeTitle: 'Zurücksetzen des zweiten Faktors vorschlagen?',
    proposeText: (name, lifetime) =>
      `Noch wird nichts zurückgesetzt. Jemand anderes aus der Administration, nicht Sie und nicht ${name}, hat ${lifetime} Zeit zu bestätigen. Dann wird ${name} überall abgemeldet und verliert jede offene Verbindung; der Eintrag in der Authenticator-App und die Wiederherstellungscodes gelten nicht mehr. Vergewissern Sie sich, dass Sie mit der richtigen Person sprechen.`,
    proposeButton: 'Vorschlagen',
    confirmTitle: 'Zurücksetzen eines zweiten Faktors bestätigen?',
    confirmText: (name, by, reason) =>
      `${by} will den zweiten Faktor von ${name} zurücksetzen, weil: ${reason} — Fragen Sie ${by} am Telefon oder persönlich, ob das wirklich so ist und mit wem gesprochen wurde. Mit Ihrem Ja wird ${name} sofort überall abgemeldet und verliert jede offene Verbindung, auch mitten in einer Übertragung; der Eintrag in der Authenticator-App und die Wiederherstellungscodes gelten nicht mehr.`,
    declineTitle: 'Zurücksetzen eines zweiten Faktors ablehnen?',
    declineText: (name, by, reason) =>
      `${by} will den zweiten Faktor von ${name} zurücksetzen, weil: ${reason} — Mit Ihrem Nein bleibt er, wie er ist. Es kann neu vorgeschlagen werden.`,
    wasProposed:
      'Vorgeschlagen. Sagen Sie jemand anderem aus der Administration Bescheid: Zurückgesetzt wird erst mit der Bestätigung.',
    wasDeclined: 'Abgelehnt. Der zweite Faktor bleibt, wie er ist.',
    unreadable: 'Welches Zurücksetzen auf eine zweite Person wartet, lässt sich gerade nicht lesen.',
    wasReset: (name) => (
      <>Der zweite Faktor von {name} ist zurückgesetzt, alle Sitzungen dieser Person sind beendet.</>
    ),
    invited:
      'Nötig ist jetzt ein neuer Einladungscode: Den macht in der Liste der Personen, wer mit der Person spricht.',
    notice: (count) =>
      count === 1
        ? 'Das Zurücksetzen eines zweiten Faktors wartet auf eine zweite Person.'
        : `${String(count)}-mal wartet das Zurücksetzen eines zweiten Faktors auf eine zweite Person.`,
    see: 'Wer und warum',
  },
}
