import type { InEach } from '../../lib/index.js'

/** Stopping one or all, and letting them go on. */
export interface LockdownsWords {
  readonly title: string
  readonly failed: (title: string) => string
  readonly on: string
  readonly off: string
  readonly gone: string
  readonly none: string
  readonly caption: string
  readonly what: string
  readonly since: string
  readonly reason: string
  readonly actions: string
  readonly by: string
  readonly lift: string
  readonly liftOf: (name: string) => string
  readonly adminLifts: string
  readonly all: string
  readonly person: string
  readonly stopHeading: string
  readonly stopLead: string
  readonly toWhat: string
  readonly email: string
  readonly emailHint: string
  readonly reasonHint: string
  readonly stop: string
  readonly stopTitle: string
  readonly stopText: (open: number) => string
  readonly liftTitle: string
  readonly liftText: (name: string) => string
  readonly liftButton: string
  /** On pages where nothing else would tell why nobody is in. */
  readonly inForce: (count: number) => string
  readonly see: string
}

export const lockdownsWords: InEach<LockdownsWords> = {
  en: {
    title: 'Stop access',
    failed: (title) => `Error: ${title}`,
    on: 'Remote access is stopped. What was open there has been cut.',
    off: 'The stop was lifted. Whoever holds a grant may open machines again.',
    gone: 'That stop had been lifted already.',
    none: 'Nothing is stopped now. Whoever holds a running grant may open its machines.',
    caption: 'Stopped now',
    what: 'What',
    since: 'Since',
    reason: 'Reason',
    actions: 'Actions',
    by: 'by',
    lift: 'Lift',
    liftOf: (name) => ` the stop of ${name}`,
    adminLifts: 'An administrator can lift it.',
    all: 'All machines',
    person: 'All machines, to one person',
    stopHeading: 'Stop remote access',
    stopLead:
      'Nobody opens a machine until it is lifted, and what is open is cut, also in the middle of an upload. Grants stay as they are.',
    toWhat: 'To what',
    email: 'Their e-mail address',
    emailHint: 'Only for one person.',
    reasonHint: 'It stays on record.',
    stop: 'Stop access',
    stopTitle: 'Stop remote access?',
    stopText: (open) =>
      `What you chose is closed at once, on every gateway. Open through this one now: ${String(open)}. A machine that is cut in the middle of a change may be left half-programmed.`,
    liftTitle: 'Let them go on?',
    liftText: (name) => `${name}: whoever holds a running grant may open machines again.`,
    liftButton: 'Lift the stop',
    inForce: (count) => `${count === 1 ? 'A stop is' : `${String(count)} stops are`} in force.`,
    see: 'See what is closed',
  },
  de: {
    title: 'Zugang sperren',
    failed: (title) => `Fehler: ${title}`,
    on: 'Der Fernzugang ist gesperrt. Was dort offen war, ist getrennt.',
    off: 'Die Sperre ist aufgehoben. Wer eine Freigabe hat, darf Maschinen wieder öffnen.',
    gone: 'Diese Sperre war schon aufgehoben.',
    none: 'Zurzeit ist nichts gesperrt. Wer eine laufende Freigabe hat, darf die Maschinen darin öffnen.',
    caption: 'Zurzeit gesperrt',
    what: 'Was',
    since: 'Seit',
    reason: 'Grund',
    actions: 'Handlungen',
    by: 'von',
    lift: 'Aufheben',
    liftOf: (name) => `: die Sperre von ${name}`,
    adminLifts: 'Die Administration kann sie aufheben.',
    all: 'Alle Maschinen',
    person: 'Alle Maschinen, für eine Person',
    stopHeading: 'Fernzugang sperren',
    stopLead:
      'Niemand öffnet eine Maschine, bis die Sperre aufgehoben ist, und was offen ist, wird getrennt, auch mitten in einer Übertragung. Freigaben bleiben, wie sie sind.',
    toWhat: 'Was gesperrt wird',
    email: 'E-Mail-Adresse der Person',
    emailHint: 'Nur für eine Person.',
    reasonHint: 'Er wird aufgezeichnet.',
    stop: 'Zugang sperren',
    stopTitle: 'Fernzugang sperren?',
    stopText: (open) =>
      `Was Sie gewählt haben, wird auf allen Gateways sofort geschlossen. Über dieses offen: ${String(open)}. Eine Maschine, die mitten in einer Änderung getrennt wird, kann halb programmiert stehen bleiben.`,
    liftTitle: 'Wieder zulassen?',
    liftText: (name) => `${name}: Wer eine laufende Freigabe hat, darf Maschinen wieder öffnen.`,
    liftButton: 'Sperre aufheben',
    inForce: (count) => (count === 1 ? 'Eine Sperre gilt.' : `${String(count)} Sperren gelten.`),
    see: 'Was gesperrt ist',
  },
}
