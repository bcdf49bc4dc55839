import type { InEach } from '../lib/index.js'

/** Why a running grant does not open its machine, in the words of whoever holds it. */
export interface UnmetWords {
  readonly title: string
  readonly awaitsRelease: string
  readonly taken: string
  readonly fromElsewhere: (from: { readonly sources: string; readonly here: string }) => string
}

export const unmetWords: InEach<UnmetWords> = {
  en: {
    title: 'Not open to you at the moment',
    awaitsRelease:
      'The control room has to release this for you, each time you sign in. Call them or your contact at the plant, and stay signed in: this page shows when they have.',
    taken:
      'You use it in another browser, and as many at a time as were agreed. Sign out there, or ask your contact at the plant to end that session.',
    fromElsewhere: ({ sources, here }) =>
      `The plant has opened it for ${sources} only, and you come from ${here}. Connect from there, or tell your contact at the plant where you are.`,
  },
  de: {
    title: 'Zurzeit nicht für Sie offen',
    awaitsRelease:
      'Die Leitwarte muss das für Sie öffnen, bei jeder Anmeldung. Rufen Sie dort oder bei Ihrer Kontaktperson im Werk an, und bleiben Sie angemeldet: Diese Seite zeigt, wenn es so weit ist.',
    taken:
      'Sie benutzen ihn in einem anderen Browser, und mehr zur gleichen Zeit ist nicht vereinbart. Melden Sie sich dort ab, oder bitten Sie Ihre Kontaktperson im Werk, die andere Sitzung zu beenden.',
    fromElsewhere: ({ sources, here }) =>
      `Das Werk hat den Zugang nur für ${sources} geöffnet, und Sie kommen von ${here}. Verbinden Sie sich von dort, oder sagen Sie Ihrer Kontaktperson im Werk, wo Sie sind.`,
  },
}
