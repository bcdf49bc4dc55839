import type { InEach } from '../../lib/index.js'
import type { Scope } from '../../model.js'

interface TokensWords {
  readonly title: string
  readonly lead: string
  readonly none: string
  readonly make: string
  readonly all: string
  readonly columns: Readonly<Record<'name' | 'scopes' | 'sources' | 'until' | 'actions', string>>
  readonly ownedBy: (email: string) => string
  readonly anywhere: string
  readonly ended: string
  readonly revoked: string
  readonly revoke: string
  readonly revokeOf: (name: string) => string
  readonly question: string
  readonly consequence: (name: string) => string
  readonly done: Readonly<Record<string, string>>
  readonly failed: (title: string) => string
  readonly newTitle: string
  readonly name: string
  readonly nameHint: string
  readonly owner: string
  readonly ownerHint: string
  readonly scope: string
  readonly scopes: Readonly<Record<Scope, string>>
  readonly source: string
  readonly sourceHint: string
  readonly expires: string
  readonly days: (days: number) => string
  readonly create: string
  readonly refused: Readonly<Record<string, string>>
  readonly made: (name: string) => string
  readonly copy: string
  readonly once: string
}

/** The tokens of programs. */
export const tokensWords: InEach<TokensWords> = {
  en: {
    title: 'Tokens of programs',
    lead: 'By each of them a program may use the API, as far as its rights go. The token itself is kept nowhere.',
    none: 'There are no tokens.',
    make: 'Make a token',
    all: 'All tokens',
    columns: { name: 'What for', scopes: 'May', sources: 'From', until: 'Until', actions: 'Actions' },
    ownedBy: (email) => `answered for by ${email}`,
    anywhere: 'anywhere',
    ended: 'ended',
    revoked: 'revoked:',
    revoke: 'Revoke',
    revokeOf: (name) => ` ${name}`,
    question: 'Revoke this token?',
    consequence: (name) =>
      `Whatever calls with ${name} is refused at once, on every gateway, and for good. What it has given stays.`,
    done: { revoked: 'The token is revoked. Nothing is let in by it any more.' },
    failed: (title) => `Error: ${title}`,
    newTitle: 'Make a token',
    name: 'What it is for',
    nameHint: 'The ledger and the pages call it so.',
    owner: 'Who answers for it',
    ownerHint: 'E-mail address of somebody who has signed in.',
    scope: 'What it may do',
    scopes: {
      'grants:read': 'Look at grants',
      'grants:write': 'Give, extend and revoke grants',
      'grants:invite': 'Get enrolment codes for people without a second factor',
      'requests:read': 'Look at requests for access',
      'sessions:read': 'Look at who is signed in',
      'sessions:end': 'Sign people out',
      'lockdowns:read': 'Look at what is stopped',
      'lockdowns:write': 'Stop access',
      'lockdowns:lift': 'Lift what is stopped',
      'people:read': 'Look at people',
      'resets:decline': 'Decline the reset of a second factor that waits',
      'releases:read': 'Look at what waits for the control room',
      'releases:write': 'Release access in the name of the control room, and withdraw it',
      'endpoints:read': 'Look at machines',
      'companies:read': 'Look at companies',
      'companies:end': 'End all that a company holds',
    },
    source: 'From where',
    sourceHint:
      'Addresses or networks such as 10.20.0.0/16, with blanks between them. From anywhere when left out.',
    expires: 'For how long',
    days: (days) => `${String(days)} days`,
    create: 'Make the token',
    refused: {
      name: 'Say what it is for, in 64 characters at most.',
      scope: 'Choose at least one.',
      source:
        'These must be addresses or networks that begin at their own address, 20 at most, and not all addresses.',
      expires: 'Choose for how long.',
      owner: 'Nobody, or more than one account, has signed in with this e-mail address.',
    },
    made: (name) => `The token for ${name}`,
    copy: 'Copy',
    once: 'It is shown only now. Put it where the program reads it, and nowhere else.',
  },
  de: {
    title: 'Tokens von Programmen',
    lead: 'Mit jedem darf ein Programm die Schnittstelle benutzen, so weit seine Rechte reichen. Das Token selbst wird nirgends aufgehoben.',
    none: 'Es gibt keine Tokens.',
    make: 'Token ausstellen',
    all: 'Alle Tokens',
    columns: { name: 'Wofür', scopes: 'Darf', sources: 'Von', until: 'Bis', actions: 'Aktionen' },
    ownedBy: (email) => `dafür steht ein: ${email}`,
    anywhere: 'überall',
    ended: 'abgelaufen',
    revoked: 'entzogen:',
    revoke: 'Entziehen',
    revokeOf: (name) => `: ${name}`,
    question: 'Dieses Token entziehen?',
    consequence: (name) =>
      `Was mit ${name} aufruft, wird sofort abgewiesen, an jedem Gateway und für immer. Was es gegeben hat, bleibt.`,
    done: { revoked: 'Das Token ist entzogen. Damit wird nichts mehr eingelassen.' },
    failed: (title) => `Fehler: ${title}`,
    newTitle: 'Token ausstellen',
    name: 'Wofür es ist',
    nameHint: 'So heißt es im Protokollbuch und auf den Seiten.',
    owner: 'Wer dafür einsteht',
    ownerHint: 'E-Mail-Adresse von jemandem, der sich schon angemeldet hat.',
    scope: 'Was es darf',
    scopes: {
      'grants:read': 'Freigaben ansehen',
      'grants:write': 'Freigaben geben, verlängern und entziehen',
      'grants:invite': 'Einladungscodes für Personen ohne zweiten Faktor bekommen',
      'requests:read': 'Anträge auf Zugang ansehen',
      'sessions:read': 'Ansehen, wer angemeldet ist',
      'sessions:end': 'Personen abmelden',
      'lockdowns:read': 'Sperren ansehen',
      'lockdowns:write': 'Zugang sperren',
      'lockdowns:lift': 'Sperren aufheben',
      'people:read': 'Personen ansehen',
      'resets:decline': 'Das Zurücksetzen eines zweiten Faktors ablehnen, das wartet',
      'releases:read': 'Ansehen, was auf die Leitwarte wartet',
      'releases:write': 'Zugang für die Leitwarte freigeben und zurücknehmen',
      'endpoints:read': 'Maschinen ansehen',
      'companies:read': 'Firmen ansehen',
      'companies:end': 'Alles beenden, was eine Firma hat',
    },
    source: 'Von wo',
    sourceHint: 'Adressen oder Netze wie 10.20.0.0/16, mit Leerzeichen getrennt. Ohne Angabe von überall.',
    expires: 'Für wie lange',
    days: (days) => `${String(days)} Tage`,
    create: 'Token ausstellen',
    refused: {
      name: 'Sagen Sie, wofür es ist, in höchstens 64 Zeichen.',
      scope: 'Wählen Sie mindestens eines.',
      source:
        'Das müssen Adressen oder Netze sein, die an ihrer eigenen Adresse beginnen, höchstens 20 und nicht alle Adressen.',
      expires: 'Wählen Sie, für wie lange.',
      owner: 'Mit dieser E-Mail-Adresse hat sich niemand angemeldet, oder mehr als ein Konto.',
    },
    made: (name) => `Das Token für ${name}`,
    copy: 'Kopieren',
    once: 'Es wird nur jetzt gezeigt. Legen Sie es dorthin, wo das Programm es liest, und nirgends sonst.',
  },
}
