import type { InEach } from '../../lib/index.js'

export interface ListingWords {
  readonly search: string
  readonly state: string
  readonly machine: string
  readonly machineHint: string
  readonly company: string
  readonly any: string
  readonly show: string
  readonly found: (count: number) => string
  readonly keep: string
  readonly copy: string
  readonly save: string
  readonly name: string
  readonly nameHint: string
  readonly saveNow: string
  /** Of the person who looks. */
  readonly yours: string
  readonly remove: string
  readonly kept: Readonly<Record<'saved' | 'removed' | 'name' | 'filter' | 'full', string>>
  readonly nothing: string
  readonly nothingNext: string
  readonly showAll: string
  readonly searchAll: string
  readonly pages: string
  readonly previous: string
  readonly next: string
  readonly download: (count: number) => string
  readonly pageOf: (page: number, pages: number) => string
}

/** Around every list that can be searched. */
export const listingWords: InEach<ListingWords> = {
  en: {
    search: 'Search',
    state: 'State',
    machine: 'Machine',
    machineHint: 'Name or id, or part of it.',
    company: 'Company',
    any: 'All',
    show: 'Show',
    found: (count) => `${String(count)} found. Share this filter`,
    keep: 'The address holds the filter. Keep it as a bookmark, or send it to a colleague.',
    copy: 'Copy address',
    save: 'Keep this filter under a name',
    name: 'Name',
    nameHint: 'Only you see it. The same name again replaces what it stood for.',
    saveNow: 'Keep',
    yours: 'Filters you have kept',
    remove: 'Remove',
    kept: {
      saved: 'Kept. It stands above this list whenever you open it.',
      removed: 'Removed.',
      name: 'Give it a name of up to 60 characters, on one line.',
      filter: 'There is no filter to keep: search for something or choose something first.',
      full: 'You have kept 20 filters already. Remove one first.',
    },
    nothing: 'Nothing fits',
    nothingNext: 'Leave out a word, choose less, or look elsewhere.',
    showAll: 'Show all',
    searchAll: 'Search everything',
    pages: 'Pages',
    previous: 'Previous',
    next: 'Next',
    download: (count) => `Download ${String(count)} as a table (CSV)`,
    pageOf: (page, pages) => `Page ${String(page)} of ${String(pages)}`,
  },
  de: {
    search: 'Suchen',
    state: 'Zustand',
    machine: 'Maschine',
    machineHint: 'Name oder Kennung, auch ein Teil davon.',
    company: 'Firma',
    any: 'Alle',
    show: 'Anzeigen',
    found: (count) => `${String(count)} gefunden. Diesen Filter weitergeben`,
    keep: 'Die Adresse enthält den Filter. Speichern Sie sie als Lesezeichen, oder schicken Sie sie jemandem im Werk.',
    copy: 'Adresse kopieren',
    save: 'Diesen Filter unter einem Namen behalten',
    name: 'Name',
    nameHint: 'Nur Sie sehen ihn. Derselbe Name noch einmal ersetzt, wofür er stand.',
    saveNow: 'Behalten',
    yours: 'Ihre Filter',
    remove: 'Entfernen',
    kept: {
      saved: 'Behalten. Er steht über dieser Liste, sooft Sie sie öffnen.',
      removed: 'Entfernt.',
      name: 'Geben Sie ihm einen Namen mit bis zu 60 Zeichen, in einer Zeile.',
      filter: 'Es gibt keinen Filter, der zu behalten wäre: Suchen oder wählen Sie zuerst etwas.',
      full: 'Sie haben schon 20 Filter. Entfernen Sie zuerst einen.',
    },
    nothing: 'Nichts passt',
    nothingNext: 'Lassen Sie ein Wort weg, wählen Sie weniger aus, oder suchen Sie woanders.',
    showAll: 'Alle zeigen',
    searchAll: 'Überall suchen',
    pages: 'Seiten',
    previous: 'Zurück',
    next: 'Weiter',
    download: (count) => `${String(count)} als Tabelle herunterladen (CSV)`,
    pageOf: (page, pages) => `Seite ${String(page)} von ${String(pages)}`,
  },
}
