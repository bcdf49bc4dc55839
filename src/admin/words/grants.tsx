import type { ComponentChildren, VNode } from 'preact'
import type { InEach } from '../../lib/index.js'
import type { Ending } from '../../model.js'

/** The list of grants, one grant, what can be done to it, and how one is issued. */
export interface GrantsWords {
  readonly title: string
  readonly failed: (title: string) => string
  readonly timeline: string
  readonly issue: string
  readonly simulator: string
  readonly noneTitle: string
  readonly none: string
  readonly hint: string
  readonly groups: Readonly<Record<'running' | 'coming' | 'ended' | 'revoked', string>>
  readonly empty: string
  readonly who: string
  readonly machine: string
  readonly time: string
  readonly reason: string
  readonly actions: string
  readonly notSignedIn: string
  readonly viewOnly: string
  readonly byControlRoom: string
  readonly details: string
  readonly detailsOf: (email: string) => string
  readonly end: string
  readonly endOf: (email: string) => string
  readonly grant: string
  readonly extended: string
  readonly revoked: string
  readonly needsInvitation: (email: VNode) => ComponentChildren
  readonly invite: string
  readonly all: string
  readonly more: string
  readonly newEnd: string
  readonly atTheLatest: (at: VNode) => ComponentChildren
  readonly extend: string
  readonly hoursMore: (hours: number) => string
  readonly whyMore: string
  readonly moreTitle: (hours: number) => string
  readonly moreText: (more: { email: string; machines: string; hours: number }) => string
  readonly hoursMoreFor: (email: string) => string
  readonly endNow: string
  readonly revokeHint: string
  readonly revoke: string
  readonly revokeTitle: string
  readonly revokeText: (who: { email: string; machines: string; open: number }) => string
  readonly revokeButton: string
  readonly running: (left: VNode) => ComponentChildren
  readonly viewOnlyNow: (left: VNode) => ComponentChildren
  readonly draining: (left: VNode) => ComponentChildren
  readonly startsIn: (time: VNode) => ComponentChildren
  readonly goesOnIn: (time: VNode) => ComponentChildren
  readonly ticket: string
  readonly atTheEnd: string
  readonly issued: string
  readonly by: string
  readonly openNow: string
  readonly connections: (count: number) => string
  readonly id: string
  readonly endings: Readonly<Record<Ending, string>>
  readonly endingSentence: (ending: Ending, drain: string, readOnly: string) => string
  /** What a grant means, in a sentence that conditions may follow. */
  readonly sentence: (grant: {
    who: VNode
    isOver: boolean
    isOperate: boolean
    machines: VNode
    time: VNode
    length: string
  }) => ComponentChildren
}

export const grantsWords: InEach<GrantsWords> = {
  en: {
    title: 'Grants',
    failed: (title) => `Error: ${title}`,
    timeline: 'Timeline',
    issue: 'Issue a grant',
    simulator: 'Who could open what, and why not',
    noneTitle: 'No grant has been issued yet',
    none: 'Nobody from outside can open a machine now. An administrator issues a grant to one person, for some machines and a limited time.',
    hint: 'Person, machine, reason, ticket or id. All words must occur.',
    groups: { running: 'Running', coming: 'Starts later', ended: 'Ended', revoked: 'Revoked' },
    empty: 'None.',
    who: 'Who',
    machine: 'Machine',
    time: 'Time',
    reason: 'Reason',
    actions: 'Actions',
    notSignedIn: 'has not signed in yet',
    viewOnly: 'view only',
    byControlRoom: 'released by the control room',
    details: 'Details',
    detailsOf: (email) => ` of the grant of ${email}`,
    end: 'End',
    endOf: (email) => ` or change the grant of ${email}`,
    grant: 'Grant',
    extended: 'The grant was extended. Connections that are open stay open until the new end.',
    revoked: 'The grant was revoked. Everything opened with it has been cut.',
    needsInvitation: (email) => (
      <>{email} has no second factor yet and needs an invitation code to set one up.</>
    ),
    invite: 'New invitation code',
    all: 'All grants',
    more: 'Give more time',
    newEnd: 'New end',
    atTheLatest: (at) => <>At the latest {at}, the longest this grant may last.</>,
    extend: 'Extend',
    hoursMore: (hours) => `+${String(hours)} h`,
    hoursMoreFor: (email) => ` for ${email}`,
    whyMore: 'Why more time',
    moreTitle: (hours) => `Give ${hours === 1 ? 'an hour' : `${String(hours)} hours`} more?`,
    moreText: ({ email, machines, hours }) =>
      `${email} keeps ${machines} for ${hours === 1 ? 'an hour' : `${String(hours)} hours`} longer. What is open stays open until the new end.`,
    endNow: 'End it now',
    revokeHint: 'The vendor reads it in the portal, and it stays on record.',
    revoke: 'Revoke this grant',
    revokeTitle: 'Revoke this grant?',
    revokeText: ({ email, machines, open }) =>
      `${email} loses ${machines} at once. Open connections are cut, also in the middle of an upload.${open === 0 ? '' : ` Open through this gateway now: ${String(open)}.`} This cannot be undone; a new grant can be issued.`,
    revokeButton: 'Revoke',
    running: (left) => <>Running, {left} left</>,
    viewOnlyNow: (left) => <>Running, view only now, {left} left</>,
    draining: (left) => <>Ended; what runs may finish, {left} left</>,
    startsIn: (time) => <>Starts in {time}</>,
    goesOnIn: (time) => <>Paused, goes on in {time}</>,
    ticket: 'Ticket',
    atTheEnd: 'At the end',
    issued: 'Issued',
    by: 'by',
    openNow: 'Open now',
    connections: (count) =>
      `${String(count)} ${count === 1 ? 'connection' : 'connections'} through this gateway`,
    id: 'Id',
    endings: {
      cut: 'Cut everything',
      drain: 'Let running requests finish',
      'read-only': 'View only towards the end',
    },
    endingSentence: (ending, drain, readOnly) =>
      ({
        cut: 'Everything that is open is closed at the end, also in the middle of an upload.',
        drain: `Nothing new starts after the end. Uploads and other requests that run may finish within ${drain}; live connections (WebSockets) are closed at the end.`,
        'read-only': `For the last ${readOnly}, or half of a shorter time, they may look and begin no change. Then everything is closed.`,
      })[ending],
    sentence: ({ who, isOver, isOperate, machines, time, length }) => (
      <>
        {who} {isOver ? 'could' : 'may'} {isOperate ? 'operate' : 'view'} {machines} from {time}, {length}
      </>
    ),
  },
  de: {
    title: 'Freigaben',
    failed: (title) => `Fehler: ${title}`,
    timeline: 'Zeitleiste',
    issue: 'Freigabe erteilen',
    simulator: 'Wer könnte was öffnen, und warum nicht',
    noneTitle: 'Noch keine Freigabe erteilt',
    none: 'Zurzeit kann niemand von außen eine Maschine öffnen. Die Administration erteilt einer Person eine Freigabe, für bestimmte Maschinen und begrenzte Zeit.',
    hint: 'Person, Maschine, Grund, Ticket oder Kennung. Alle Wörter müssen vorkommen.',
    groups: { running: 'Läuft', coming: 'Beginnt später', ended: 'Beendet', revoked: 'Zurückgenommen' },
    empty: 'Keine.',
    who: 'Wer',
    machine: 'Maschine',
    time: 'Zeit',
    reason: 'Grund',
    actions: 'Handlungen',
    notSignedIn: 'hat sich noch nicht angemeldet',
    viewOnly: 'nur ansehen',
    byControlRoom: 'die Leitwarte öffnet',
    details: 'Einzelheiten',
    detailsOf: (email) => ` der Freigabe für ${email}`,
    end: 'Beenden',
    endOf: (email) => ` oder ändern: die Freigabe für ${email}`,
    grant: 'Freigabe',
    extended: 'Die Freigabe ist verlängert. Offene Verbindungen bleiben bis zum neuen Ende offen.',
    revoked: 'Die Freigabe ist zurückgenommen. Alles, was mit ihr offen war, ist getrennt.',
    needsInvitation: (email) => (
      <>{email} hat noch keinen zweiten Faktor und braucht einen Einladungscode, um einen einzurichten.</>
    ),
    invite: 'Neuer Einladungscode',
    all: 'Alle Freigaben',
    more: 'Mehr Zeit geben',
    newEnd: 'Neues Ende',
    atTheLatest: (at) => <>Spätestens {at}: So lange darf diese Freigabe höchstens dauern.</>,
    extend: 'Verlängern',
    hoursMore: (hours) => `+${String(hours)} h`,
    hoursMoreFor: (email) => ` für ${email}`,
    whyMore: 'Warum mehr Zeit',
    moreTitle: (hours) => `${hours === 1 ? 'Eine Stunde' : `${String(hours)} Stunden`} mehr geben?`,
    moreText: ({ email, machines, hours }) =>
      `${email} behält ${hours === 1 ? 'eine Stunde' : `${String(hours)} Stunden`} länger: ${machines}. Was offen ist, bleibt bis zum neuen Ende offen.`,
    endNow: 'Jetzt beenden',
    revokeHint: 'Wer die Freigabe hat, liest ihn im Portal, und er wird aufgezeichnet.',
    revoke: 'Freigabe zurücknehmen',
    revokeTitle: 'Diese Freigabe zurücknehmen?',
    revokeText: ({ email, machines, open }) =>
      `${email} verliert sofort ${machines}. Offene Verbindungen werden getrennt, auch mitten in einer Übertragung.${open === 0 ? '' : ` Über dieses Gateway offen: ${String(open)}.`} Das lässt sich nicht rückgängig machen; eine neue Freigabe kann erteilt werden.`,
    revokeButton: 'Zurücknehmen',
    running: (left) => <>Läuft, noch {left}</>,
    viewOnlyNow: (left) => <>Läuft, jetzt nur ansehen, noch {left}</>,
    draining: (left) => <>Beendet; was läuft, darf fertig werden, noch {left}</>,
    startsIn: (time) => <>Beginnt in {time}</>,
    goesOnIn: (time) => <>Unterbrochen, geht weiter in {time}</>,
    ticket: 'Ticket',
    atTheEnd: 'Am Ende',
    issued: 'Erteilt',
    by: 'von',
    openNow: 'Jetzt offen',
    connections: (count) =>
      `${String(count)} ${count === 1 ? 'Verbindung' : 'Verbindungen'} über dieses Gateway`,
    id: 'Kennung',
    endings: {
      cut: 'Alles trennen',
      drain: 'Laufendes fertig werden lassen',
      'read-only': 'Gegen Ende nur ansehen',
    },
    endingSentence: (ending, drain, readOnly) =>
      ({
        cut: 'Alles, was offen ist, wird am Ende geschlossen, auch mitten in einer Übertragung.',
        drain: `Nach dem Ende beginnt nichts Neues. Übertragungen und anderes, was läuft, dürfen innerhalb von ${drain} fertig werden; dauernde Verbindungen (WebSockets) werden am Ende geschlossen.`,
        'read-only': `In den letzten ${readOnly}, oder der halben Zeit einer kürzeren Freigabe, ist nur Ansehen möglich, keine Änderung. Dann wird alles geschlossen.`,
      })[ending],
    sentence: ({ who, isOver, isOperate, machines, time, length }) => (
      <>
        {who} {isOver ? 'durfte' : 'darf'} {machines} {isOperate ? 'bedienen' : 'ansehen'}, von {time},{' '}
        {length}
      </>
    ),
  },
}
