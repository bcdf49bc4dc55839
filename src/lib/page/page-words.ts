import type { InEach, Language } from '../language.js'

/** What the script of every page says too; it finds it as JSON on the root of the page. */
export interface ScriptWords {
  /** For `toLocaleString`: how the viewer's own time is written. */
  readonly locale: string
  /** How much is left, `{}` standing for it. */
  readonly left: string
  readonly to: string
  readonly yourTime: string
  readonly copied: string
  readonly changed: string
  readonly doNothing: string
}

/** The frame of every page, and what its parts say by themselves. */
export interface PageWords {
  readonly skip: string
  readonly navigation: string
  readonly home: string
  readonly requests: string
  readonly releases: string
  readonly grants: string
  readonly sessions: string
  readonly endpoints: string
  readonly people: string
  readonly lockdowns: string
  readonly search: string
  /** After how many requests do. */
  readonly wait: string
  readonly signedInAs: string
  readonly signOut: string
  readonly language: string
  readonly optional: string
  readonly unknownTime: string
  readonly plantTime: string
  readonly whatIMayOpen: string
  readonly request: string
  readonly code: string
  readonly time: string
  readonly script: ScriptWords
}

export const pageWords: InEach<PageWords> = {
  en: {
    skip: 'Skip to content',
    navigation: 'Main',
    home: 'My access',
    requests: 'Requests',
    releases: 'Control room',
    grants: 'Grants',
    sessions: 'Who is in',
    endpoints: 'Machines',
    people: 'People',
    lockdowns: 'Stop access',
    search: 'Search',
    wait: 'waiting',
    signedInAs: 'Signed in as',
    signOut: 'Sign out',
    language: 'Language',
    optional: '(optional)',
    unknownTime: 'unknown time',
    plantTime: 'plant time',
    whatIMayOpen: 'What I may open',
    request: 'Request',
    code: 'Code',
    time: 'Time',
    script: {
      locale: 'en-GB',
      left: '{} left',
      to: 'to',
      yourTime: 'your time',
      copied: 'Copied',
      changed: 'Something has changed. Show it',
      doNothing: 'Do nothing',
    },
  },
  de: {
    skip: 'Zum Inhalt',
    navigation: 'Hauptbereiche',
    home: 'Mein Zugang',
    requests: 'Anträge',
    releases: 'Leitwarte',
    grants: 'Freigaben',
    sessions: 'Wer ist da',
    endpoints: 'Maschinen',
    people: 'Personen',
    lockdowns: 'Zugang sperren',
    search: 'Suche',
    wait: 'offen',
    signedInAs: 'Angemeldet als',
    signOut: 'Abmelden',
    language: 'Sprache',
    optional: '(freiwillig)',
    unknownTime: 'Zeit unbekannt',
    plantTime: 'Werkszeit',
    whatIMayOpen: 'Was ich öffnen darf',
    request: 'Vorgangsnr.',
    code: 'Code',
    time: 'Zeit',
    script: {
      locale: 'de-DE',
      left: 'noch {}',
      to: 'bis',
      yourTime: 'Ihre Zeit',
      copied: 'Kopiert',
      changed: 'Etwas hat sich geändert. Anzeigen',
      doNothing: 'Nichts tun',
    },
  },
}

/** Each language by its own name, as whoever cannot read the page finds it. */
export const languageNames: Readonly<Record<Language, string>> = { en: 'English', de: 'Deutsch' }
