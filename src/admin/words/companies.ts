import type { InEach } from '../../lib/index.js'

export interface CompaniesWords {
  readonly title: string
  /** To the list of them. */
  readonly link: string
  readonly intro: string
  readonly none: string
  readonly columns: readonly string[]
  readonly company: string
  readonly domains: string
  readonly claims: string
  readonly mayAskFor: string
  readonly onlyInvited: string
  readonly grants: (count: number) => string
  readonly requests: (count: number) => string
  readonly sessions: (count: number) => string
  readonly codes: (count: number) => string
  readonly nothing: string
  readonly look: string
  readonly lookOf: (name: string) => string
  readonly held: string
  readonly allGrants: string
  readonly leave: string
  readonly reason: string
  readonly reasonHint: string
  readonly reasonMissing: string
  readonly button: string
  readonly confirmTitle: (name: string) => string
  /** @param what the counts of what ends, in words */
  readonly confirm: (name: string, what: string) => string
  readonly waiting: (count: number) => string
  readonly and: string
  readonly done: string
  readonly inPart: string
  readonly inPartNext: string
  /** What may be the company's, and nobody can say. */
  readonly unread: string
  readonly unknown: (count: number) => string
  readonly unknownNext: string
  /** In the list of the company's grants, before those. */
  readonly perhapsTheirs: string
  readonly all: string
  readonly failed: (title: string) => string
}

/** Companies, and the end of all that one of them holds. */
export const companiesWords: InEach<CompaniesWords> = {
  en: {
    title: 'Companies',
    link: 'Companies, and what to do when one leaves',
    intro:
      'By the e-mail addresses of their people, or what the identity provider says of them, as the configuration has it. When one of them leaves, all that it holds is ended here.',
    none: 'The configuration names no company (`companies`).',
    columns: ['Company', 'Grants', 'Requests', 'Signed in', 'Actions'],
    company: 'Company',
    domains: 'E-mail',
    claims: 'As the provider says',
    mayAskFor: 'May ask for',
    onlyInvited: 'only what they have or had a grant for',
    grants: (count) => `${String(count)} ${count === 1 ? 'grant' : 'grants'}`,
    requests: (count) => `${String(count)} open ${count === 1 ? 'request' : 'requests'}`,
    sessions: (count) => `${String(count)} ${count === 1 ? 'person' : 'people'} signed in`,
    codes: (count) => `${String(count)} break-glass ${count === 1 ? 'code' : 'codes'}`,
    nothing: 'nothing',
    look: 'Open',
    lookOf: (name) => ` ${name}`,
    held: 'Holds now',
    allGrants: 'All its grants',
    leave: 'The company leaves',
    reason: 'Reason',
    reasonHint: 'Its people read it in the portal, and it stays on record.',
    reasonMissing: 'The reason must say why, in words, on one line.',
    button: 'End all of it',
    confirmTitle: (name) => `End all that ${name} holds?`,
    confirm: (name, what) =>
      `${name} loses at once: ${what}. Grants end for good, those to come too; open connections are cut, also in the middle of an upload; requests are denied; people are signed out. None of this can be undone. People of the company may be given new grants afterwards.`,
    waiting: (count) => ` (${String(count)} of them for people who have not signed in yet)`,
    and: ' and ',
    done: 'The company holds nothing any more. Everything it had open has been cut.',
    inPart: 'Not all of it has ended.',
    inPartNext: 'What is still there stands below. What has ended stays so; end the rest again.',
    unread:
      'Redis lists more than is read of it at once, so there may be more than is shown here. The log names the list.',
    unknown: (count) =>
      count === 1 ? 'Whose one more is cannot be read.' : `Whose ${String(count)} more are cannot be read.`,
    unknownNext:
      'The directory has no readable entry of who holds them, or not all that the identity provider said of them, so they may be this company’s, and are not ended with it. Look at each of them, and end it by itself:',
    perhapsTheirs:
      'The directory has no readable entry of who holds them, or not all that the identity provider said of them, so these grants may be this company’s, too:',
    all: 'All companies',
    failed: (title) => `Error: ${title}`,
  },
  de: {
    title: 'Firmen',
    link: 'Firmen, und was zu tun ist, wenn eine geht',
    intro:
      'Nach den E-Mail-Adressen ihrer Leute oder dem, was der Anmeldedienst von ihnen sagt, wie die Konfiguration es nennt. Geht eine Firma, wird hier alles beendet, was sie hat.',
    none: 'Die Konfiguration nennt keine Firma (`companies`).',
    columns: ['Firma', 'Freigaben', 'Anfragen', 'Angemeldet', 'Aktionen'],
    company: 'Firma',
    domains: 'E-Mail',
    claims: 'Laut Anmeldedienst',
    mayAskFor: 'Darf beantragen',
    onlyInvited: 'nur, wofür sie eine Freigabe haben oder hatten',
    grants: (count) => `${String(count)} ${count === 1 ? 'Freigabe' : 'Freigaben'}`,
    requests: (count) => `${String(count)} offene ${count === 1 ? 'Anfrage' : 'Anfragen'}`,
    sessions: (count) => `${String(count)} ${count === 1 ? 'angemeldete Person' : 'angemeldete Personen'}`,
    codes: (count) => `${String(count)} ${count === 1 ? 'Notfallcode' : 'Notfallcodes'}`,
    nothing: 'nichts',
    look: 'Öffnen',
    lookOf: (name) => ` ${name}`,
    held: 'Hat jetzt',
    allGrants: 'Alle ihre Freigaben',
    leave: 'Die Firma geht',
    reason: 'Grund',
    reasonHint: 'Ihre Leute lesen ihn im Portal, und er bleibt im Protokoll.',
    reasonMissing: 'Der Grund muss in Worten sagen, warum, in einer Zeile.',
    button: 'Alles beenden',
    confirmTitle: (name) => `Alles beenden, was ${name} hat?`,
    confirm: (name, what) =>
      `${name} verliert sofort: ${what}. Freigaben enden endgültig, auch künftige; offene Verbindungen werden getrennt, auch mitten in einer Übertragung; Anfragen werden abgelehnt; Personen werden abgemeldet. Nichts davon lässt sich rückgängig machen. Leute der Firma können danach neue Freigaben bekommen.`,
    waiting: (count) => ` (davon ${String(count)} für Personen, die sich noch nicht angemeldet haben)`,
    and: ' und ',
    done: 'Die Firma hat nichts mehr. Alles, was sie offen hatte, wurde getrennt.',
    inPart: 'Es ist nicht alles beendet.',
    inPartNext: 'Was noch da ist, steht unten. Was beendet ist, bleibt es; beenden Sie den Rest noch einmal.',
    unread:
      'Redis führt mehr auf, als auf einmal gelesen wird; es kann mehr geben, als hier steht. Das Protokoll nennt die Liste.',
    unknown: (count) =>
      count === 1
        ? 'Von einem weiteren Eintrag ist nicht zu lesen, wem er gehört.'
        : `Von ${String(count)} weiteren Einträgen ist nicht zu lesen, wem sie gehören.`,
    unknownNext:
      'Im Verzeichnis steht zu ihren Inhabern nichts Lesbares oder nicht alles, was der Anmeldedienst gesagt hat; sie können dieser Firma gehören und enden nicht mit ihr. Sehen Sie sich jeden an und beenden Sie ihn einzeln:',
    perhapsTheirs:
      'Im Verzeichnis steht zu ihren Inhabern nichts Lesbares oder nicht alles, was der Anmeldedienst gesagt hat; auch diese Berechtigungen können dieser Firma gehören:',
    all: 'Alle Firmen',
    failed: (title) => `Fehler: ${title}`,
  },
}
