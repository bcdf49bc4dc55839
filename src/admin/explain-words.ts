import { assert, type InEach } from '../lib/index.js'
import type { Decision, Reason } from '../model.js'
import type { Remark } from './explain.js'

/** The reasons that a decision about a machine can have, once somebody is signed in with both factors. */
export type MachineReason = Exclude<
  Reason,
  | 'public'
  | 'session-valid'
  | 'role-held'
  | 'login-required'
  | 'session-ended'
  | 'second-factor-required'
  | 'origin-foreign'
  | 'role-missing'
  | ServiceReason
>

/** Of calls of the JSON API, which reach no machine. */
type ServiceReason = Extract<Reason, `token-${string}` | 'browser-refused' | 'scope-missing'>

/** Why it was decided so, and what would have to be different. */
interface Because {
  readonly why: string
  /** Null where nothing stands in the way. */
  readonly instead: string | null
}

export interface ExplainWords {
  readonly title: string
  readonly lead: string
  readonly person: string
  readonly personHint: string
  readonly machine: string
  readonly allMachines: string
  readonly when: string
  readonly whenHint: string
  readonly method: string
  readonly path: string
  readonly pathHint: string
  readonly source: string
  readonly sourceHint: string
  readonly ask: string
  readonly now: string
  readonly past: string
  readonly assumed: string
  readonly yes: string
  readonly no: string
  readonly viewOnly: string
  readonly grant: string
  readonly of: (reason: string) => string
  readonly time: string
  readonly closes: string
  readonly looksFrom: string
  readonly stopped: string
  readonly by: (who: string) => string
  readonly instead: string
  readonly before: string
  readonly who: string
  readonly answer: string
  readonly why: string
  readonly nobody: string
  readonly nothing: string
  readonly more: (count: number) => string
  readonly failed: string
  readonly refused: Readonly<
    Record<'at' | 'endpoint' | 'person' | 'ambiguous' | 'method' | 'path' | 'source', string>
  >
  readonly reasons: Readonly<Record<MachineReason, Because>>
  readonly remarks: Readonly<Record<Remark, string>>
}

export const explainWords: InEach<ExplainWords> = {
  en: {
    title: 'Who could open what',
    lead: 'Ask what Gatehouse would decide, and why. Nothing is opened, changed or recorded as access.',
    person: 'Person',
    personHint: 'Their e-mail address. Leave it empty for everybody with a grant.',
    machine: 'Machine',
    allMachines: 'All machines with a grant',
    when: 'When',
    whenHint: 'Leave it empty for now. At the earliest 30 days ago.',
    method: 'Kind of request',
    path: 'Page of the machine',
    pathHint: 'Such as /recipes/. Leave it empty for the start page.',
    source: 'From the address',
    sourceHint: 'Such as 198.51.100.7. Leave it empty for one that the grant allows.',
    ask: 'Ask',
    now: 'Now',
    past: 'Answered from the records as they are now: an extension given since then counts, a stop lifted since then does not. What was really decided then stands in the ledger.',
    assumed: 'It is taken for granted that the person is signed in with password and one-time code.',
    yes: 'Yes',
    no: 'No',
    viewOnly: 'Yes, view only',
    grant: 'Grant',
    of: (reason) => `for: ${reason}`,
    time: 'Its time',
    closes: 'Closes at the latest',
    looksFrom: 'View only from',
    stopped: 'Stopped',
    by: (who) => `by ${who}`,
    instead: 'What would have to be different',
    before: 'Also needed',
    who: 'Who',
    answer: 'Could open it',
    why: 'Why',
    nobody: 'Nobody has a grant for this machine.',
    nothing: 'This person has no grant for any machine.',
    more: (count) => `${String(count)} more are not shown.`,
    failed: 'This cannot be answered.',
    refused: {
      at: 'The time must be a date and a time, at the earliest 30 days ago. The ledger tells what was before.',
      endpoint: 'There is no such machine.',
      person: 'Enter an e-mail address, or choose a machine; both where more than 500 hold a grant for it.',
      ambiguous:
        'More than one account has this e-mail address. Enter the id of the one you mean; “gatehouse users list --json” shows it.',
      method: 'There is no such kind of request.',
      path: 'Such an address is refused for everybody. It begins with “/” and has no spaces, “..” or “//”.',
      source: 'This must be an IPv4 or IPv6 address.',
    },
    reasons: {
      'grant-active': { why: 'A grant is running.', instead: null },
      'endpoint-unknown': {
        why: 'There is no such machine.',
        instead: 'The machine must stand in the configuration.',
      },
      'grant-missing': {
        why: 'There is no grant for this person and this machine.',
        instead: 'Somebody must give a grant.',
      },
      'grant-not-started': {
        why: 'The grant has not started by then.',
        instead: 'Wait for its start, or give another grant that starts earlier.',
      },
      'grant-outside-window': {
        why: 'The grant is valid at certain hours only, and this is not one of them.',
        instead: 'Wait for its next hours, or give another grant.',
      },
      'source-closed': {
        why: 'The grant is for certain networks, and this address is in none of them.',
        instead: 'Connect from one of them, or give a grant for that address.',
      },
      'release-awaited': {
        why: 'The grant is running, and the control room has to release it for each sign-in.',
        instead: 'Sign in, and have it released there. Whether it is now, the page “Control room” says.',
      },
      'sessions-taken': {
        why: 'As many sessions as the grant allows at a time are using it.',
        instead: 'One of them must sign out, or be ended on the page “Who is in”.',
      },
      'grant-ended': {
        why: 'The grant has ended by then.',
        instead: 'Give a new grant. One that still runs can be extended.',
      },
      'grant-revoked': {
        why: 'The grant was revoked.',
        instead: 'A revoked grant never comes back. If the reason for it is gone, give a new one.',
      },
      'method-closed': {
        why: 'The machine is not open to this kind of request, whoever asks.',
        instead: 'The list “methods” of this machine in the configuration would have to name it.',
      },
      'path-closed': {
        why: 'This page of the machine is not open, whoever asks.',
        instead: 'The list “paths” of this machine in the configuration would have to name it.',
      },
      'view-only': {
        why: 'The grant is for viewing only, and this request may change something.',
        instead: 'A grant to operate the machine.',
      },
      'grant-read-only': {
        why: 'Towards its end this grant is for viewing only, and this request may change something.',
        instead: 'Extend the grant.',
      },
      lockdown: {
        why: 'Access is stopped, whatever grant there is.',
        instead: 'An administrator must lift the stop.',
      },
      'view-unproved': {
        why: 'This gateway cannot tell whether it knows of the latest changes, so it lets nobody in.',
        instead: 'Redis must answer. “/readyz” and the log of the gateway say what is wrong.',
      },
      'clock-untrusted': {
        why: 'This gateway cannot tell whether its clock is right, so it lets nobody in.',
        instead: 'Redis must answer, and the clocks must agree. “/readyz” says what is wrong.',
      },
    },
    remarks: {
      'never-signed-in': 'They have never signed in here.',
      'binds-at-sign-in': 'The grant becomes theirs when they next sign in with this e-mail address.',
      'second-factor-missing': 'They have no second factor yet and must set one up first.',
      'second-factor-locked': 'Their second factor is locked for now, after wrong codes.',
    },
  },
  de: {
    title: 'Wer könnte was öffnen',
    lead: 'Fragen Sie, was Gatehouse entscheiden würde und warum. Nichts wird geöffnet, geändert oder als Zugriff aufgezeichnet.',
    person: 'Person',
    personHint: 'Ihre E-Mail-Adresse. Leer lassen für alle, die eine Freigabe haben.',
    machine: 'Maschine',
    allMachines: 'Alle Maschinen mit einer Freigabe',
    when: 'Wann',
    whenHint: 'Leer lassen für jetzt. Frühestens vor 30 Tagen.',
    method: 'Art der Anforderung',
    path: 'Seite der Maschine',
    pathHint: 'Zum Beispiel /recipes/. Leer lassen für die Startseite.',
    source: 'Von der Adresse',
    sourceHint: 'Zum Beispiel 198.51.100.7. Leer lassen für eine, die die Freigabe erlaubt.',
    ask: 'Fragen',
    now: 'Jetzt',
    past: 'Beantwortet aus den Aufzeichnungen, wie sie jetzt sind: Eine seither gegebene Verlängerung zählt, eine seither aufgehobene Sperre nicht. Was damals wirklich entschieden wurde, steht im Protokoll.',
    assumed: 'Vorausgesetzt ist, dass die Person mit Passwort und Einmalcode angemeldet ist.',
    yes: 'Ja',
    no: 'Nein',
    viewOnly: 'Ja, nur ansehen',
    grant: 'Freigabe',
    of: (reason) => `für: ${reason}`,
    time: 'Ihre Zeit',
    closes: 'Schließt spätestens',
    looksFrom: 'Nur ansehen ab',
    stopped: 'Gesperrt',
    by: (who) => `von ${who}`,
    instead: 'Was anders sein müsste',
    before: 'Außerdem nötig',
    who: 'Wer',
    answer: 'Könnte öffnen',
    why: 'Warum',
    nobody: 'Niemand hat eine Freigabe für diese Maschine.',
    nothing: 'Diese Person hat für keine Maschine eine Freigabe.',
    more: (count) => `${String(count)} weitere sind nicht gezeigt.`,
    failed: 'Das lässt sich nicht beantworten.',
    refused: {
      at: 'Die Zeit muss ein Datum mit Uhrzeit sein, frühestens vor 30 Tagen. Was davor war, sagt das Protokoll.',
      endpoint: 'Diese Maschine gibt es nicht.',
      person:
        'Geben Sie eine E-Mail-Adresse ein oder wählen Sie eine Maschine; beides, wenn mehr als 500 dafür eine Freigabe haben.',
      ambiguous:
        'Mehr als ein Konto hat diese E-Mail-Adresse. Geben Sie die Kennung des gemeinten ein; „gatehouse users list --json“ zeigt sie.',
      method: 'Diese Art der Anforderung gibt es nicht.',
      path: 'Eine solche Adresse wird für alle abgewiesen. Sie beginnt mit „/“ und hat keine Leerzeichen, „..“ oder „//“.',
      source: 'Das muss eine IPv4- oder IPv6-Adresse sein.',
    },
    reasons: {
      'grant-active': { why: 'Eine Freigabe läuft.', instead: null },
      'endpoint-unknown': {
        why: 'Diese Maschine gibt es nicht.',
        instead: 'Die Maschine muss in der Konfiguration stehen.',
      },
      'grant-missing': {
        why: 'Für diese Person und diese Maschine gibt es keine Freigabe.',
        instead: 'Jemand muss eine Freigabe geben.',
      },
      'grant-not-started': {
        why: 'Die Freigabe hat dann noch nicht begonnen.',
        instead: 'Den Beginn abwarten oder eine andere Freigabe geben, die früher beginnt.',
      },
      'grant-outside-window': {
        why: 'Die Freigabe gilt nur zu bestimmten Stunden, und das ist keine davon.',
        instead: 'Auf die nächsten Stunden warten oder eine andere Freigabe geben.',
      },
      'source-closed': {
        why: 'Die Freigabe gilt für bestimmte Netze, und diese Adresse liegt in keinem davon.',
        instead: 'Aus einem davon zugreifen oder eine Freigabe für diese Adresse geben.',
      },
      'release-awaited': {
        why: 'Die Freigabe läuft, und die Leitwarte muss sie bei jeder Anmeldung öffnen.',
        instead: 'Anmelden und dort öffnen lassen. Ob sie es jetzt ist, sagt die Seite „Leitwarte“.',
      },
      'sessions-taken': {
        why: 'So viele Sitzungen, wie die Freigabe zur gleichen Zeit erlaubt, benutzen sie gerade.',
        instead: 'Eine davon muss sich abmelden oder auf der Seite „Wer ist da“ beendet werden.',
      },
      'grant-ended': {
        why: 'Die Freigabe ist dann zu Ende.',
        instead: 'Eine neue Freigabe geben. Eine, die noch läuft, kann verlängert werden.',
      },
      'grant-revoked': {
        why: 'Die Freigabe wurde widerrufen.',
        instead: 'Eine widerrufene Freigabe kommt nie zurück. Ist der Grund dafür weg, geben Sie eine neue.',
      },
      'method-closed': {
        why: 'Die Maschine ist für diese Art der Anforderung nicht offen, wer auch fragt.',
        instead: 'Die Liste „methods“ dieser Maschine in der Konfiguration müsste sie nennen.',
      },
      'path-closed': {
        why: 'Diese Seite der Maschine ist nicht offen, wer auch fragt.',
        instead: 'Die Liste „paths“ dieser Maschine in der Konfiguration müsste sie nennen.',
      },
      'view-only': {
        why: 'Die Freigabe ist nur zum Ansehen, und diese Anforderung kann etwas ändern.',
        instead: 'Eine Freigabe zum Bedienen der Maschine.',
      },
      'grant-read-only': {
        why: 'Gegen Ende ist diese Freigabe nur zum Ansehen, und diese Anforderung kann etwas ändern.',
        instead: 'Die Freigabe verlängern.',
      },
      lockdown: {
        why: 'Der Zugang ist gesperrt, welche Freigabe es auch gibt.',
        instead: 'Eine Administratorin oder ein Administrator muss die Sperre aufheben.',
      },
      'view-unproved': {
        why: 'Dieses Gateway weiß nicht, ob es die letzten Änderungen kennt. Darum lässt es niemanden ein.',
        instead: 'Redis muss antworten. „/readyz“ und das Log des Gateways sagen, was fehlt.',
      },
      'clock-untrusted': {
        why: 'Dieses Gateway weiß nicht, ob seine Uhr stimmt. Darum lässt es niemanden ein.',
        instead: 'Redis muss antworten, und die Uhren müssen übereinstimmen. „/readyz“ sagt, was fehlt.',
      },
    },
    remarks: {
      'never-signed-in': 'Sie hat sich hier noch nie angemeldet.',
      'binds-at-sign-in':
        'Die Freigabe wird ihre, sobald sie sich das nächste Mal mit dieser E-Mail-Adresse anmeldet.',
      'second-factor-missing': 'Sie hat noch keinen zweiten Faktor und muss ihn zuerst einrichten.',
      'second-factor-locked': 'Ihr zweiter Faktor ist nach falschen Codes vorübergehend gesperrt.',
    },
  },
}

/** What a decision about a machine comes to. Other reasons are about Gatehouse's own pages. */
export function becauseOf(words: ExplainWords, { reasons: [reason] }: Decision): Because {
  const known: Readonly<Partial<Record<Reason, Because>>> = words.reasons
  const because = reason === undefined ? undefined : known[reason]
  assert(because !== undefined, 'decisions about machines have these reasons only')
  return because
}

/** `Yes`, `Yes, view only` or `No`. */
export function answerOf(words: ExplainWords, decision: Decision): string {
  if (decision.outcome !== 'permit') return words.no
  return decision.obligations.includes('view-only') ? words.viewOnly : words.yes
}
