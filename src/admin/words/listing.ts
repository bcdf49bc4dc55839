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
    found: (count) => `${String(count)} found. Keep this filter`,
    keep: 'The address holds the filter. Keep it as a bookmark, or send it to a colleague.',
    copy: 'Copy address',
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
    found: (count) => `${String(count)} gefunden. Diesen Filter behalten`,
    keep: 'Die Adresse enthält den Filter. Speichern Sie sie als Lesezeichen, oder schicken Sie sie jemandem im Werk.',
    copy: 'Adresse kopieren',
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
