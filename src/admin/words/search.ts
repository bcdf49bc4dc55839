import type { InEach } from '../../lib/index.js'

export interface SearchWords {
  readonly title: string
  readonly hint: string
  readonly begin: string
  readonly nothing: string
  readonly machines: (count: number) => string
  readonly grants: (count: number) => string
  readonly people: (count: number) => string
  readonly sessions: (count: number) => string
  readonly allOf: (count: number) => string
  readonly grantsThere: string
  readonly signedIn: string
}

/** The search over everything. */
export const searchWords: InEach<SearchWords> = {
  en: {
    title: 'Search',
    hint: 'A person, a machine, a reason, a ticket, an address or an id. All words must occur.',
    begin: 'Machines, grants, people and sessions are searched together.',
    nothing: 'Nothing fits. Leave out a word, or check how it is spelt.',
    machines: (count) => `Machines (${String(count)})`,
    grants: (count) => `Grants (${String(count)})`,
    people: (count) => `People (${String(count)})`,
    sessions: (count) => `Signed in now (${String(count)})`,
    allOf: (count) => `Show all ${String(count)}`,
    grantsThere: 'Grants for it',
    signedIn: 'signed in',
  },
  de: {
    title: 'Suche',
    hint: 'Eine Person, eine Maschine, ein Grund, ein Ticket, eine Adresse oder eine Kennung. Alle Wörter müssen vorkommen.',
    begin: 'Gesucht wird in Maschinen, Freigaben, Personen und Sitzungen zugleich.',
    nothing: 'Nichts passt. Lassen Sie ein Wort weg, oder prüfen Sie die Schreibweise.',
    machines: (count) => `Maschinen (${String(count)})`,
    grants: (count) => `Freigaben (${String(count)})`,
    people: (count) => `Personen (${String(count)})`,
    sessions: (count) => `Jetzt angemeldet (${String(count)})`,
    allOf: (count) => `Alle ${String(count)} zeigen`,
    grantsThere: 'Freigaben dafür',
    signedIn: 'angemeldet',
  },
}
