import type { ComponentChildren, VNode } from 'preact'
import type { InEach } from '../../lib/index.js'

/** Sign-ins without the identity provider, and what else stands at the head of every page of an administrator. */
export interface BreakGlassWords {
  readonly title: string
  readonly lead: string
  readonly none: string
  readonly who: string
  readonly made: string
  readonly reason: string
  readonly rights: string
  readonly used: string
  readonly by: string
  readonly unreadable: string
  readonly more: (count: number) => string
  readonly possible: string
  readonly happened: string
  readonly madeBy: (by: VNode, at: VNode, reason: VNode) => ComponentChildren
  readonly sessions: string
  readonly all: string
  readonly seen: string
  readonly seenTitle: string
  readonly seenText: (who: string) => string
  readonly rightsFor: (roles: string, length: string) => string
  readonly notUsed: string
  readonly neverUsed: string
  readonly withdrawn: string
  readonly usedOn: (at: VNode, source: VNode) => ComponentChildren
  readonly didAnswer: string
  readonly didNotAnswer: string
  readonly unconfirmedTitle: string
  readonly unconfirmed: (instances: VNode) => ComponentChildren
}

export const breakGlassWords: InEach<BreakGlassWords> = {
  en: {
    title: 'Break-glass sign-ins',
    lead: 'Made on the command line of a gateway while the identity provider was down, in the last 30 days. The ledger holds them for good.',
    none: 'None.',
    who: 'Who',
    made: 'Made',
    reason: 'Reason',
    rights: 'Rights',
    used: 'Used',
    by: 'by',
    unreadable: 'Break-glass sign-ins cannot be read right now. The ledger has them.',
    more: (count) => `${String(count)} more break-glass ${count === 1 ? 'sign-in' : 'sign-ins'}`,
    possible: 'Break-glass: a sign-in without the identity provider was made possible.',
    happened: 'Break-glass: somebody signed in without the identity provider.',
    madeBy: (by, at, reason) => (
      <>
        Made by {by} on {at}, because: {reason}
      </>
    ),
    sessions: 'Who is in',
    all: 'All of them',
    seen: 'I have seen this',
    seenTitle: 'Confirm a break-glass sign-in?',
    seenText: (who) =>
      `The notice about ${who} goes from your pages; other administrators still see it. Say what you know of it: who needed it and what for, or that you are looking into it.`,
    rightsFor: (roles, length) => `${roles === '' ? 'without a role' : `as ${roles}`}, for ${length}`,
    notUsed: 'Not used yet',
    neverUsed: 'Never used, and no longer valid',
    withdrawn: 'Taken back before it was used',
    usedOn: (at, source) => (
      <>
        Used on {at} from {source}
      </>
    ),
    didAnswer: 'The identity provider did answer at that time.',
    didNotAnswer: 'The identity provider did not answer at that time.',
    unconfirmedTitle: 'The last change is not confirmed everywhere.',
    unconfirmed: (instances) => (
      <>
        {instances} has not said that it knows of it. Without news it lets nobody in after 3 seconds, and cuts
        what is open after 5. If this stays, look after that host.
      </>
    ),
  },
  de: {
    title: 'Anmeldungen mit Notfallcode',
    lead: 'In den letzten 30 Tagen auf der Kommandozeile eines Gateways ermöglicht, während der Anmeldedienst ausgefallen war. Das Protokollbuch bewahrt sie dauerhaft.',
    none: 'Keine.',
    who: 'Wer',
    made: 'Ermöglicht',
    reason: 'Grund',
    rights: 'Rechte',
    used: 'Benutzt',
    by: 'von',
    unreadable:
      'Die Anmeldungen mit Notfallcode können gerade nicht gelesen werden. Im Protokollbuch stehen sie.',
    more: (count) =>
      count === 1
        ? 'Noch eine Anmeldung mit Notfallcode'
        : `Noch ${String(count)} Anmeldungen mit Notfallcode`,
    possible: 'Notfallcode: Eine Anmeldung ohne den Anmeldedienst wurde ermöglicht.',
    happened: 'Notfallcode: Jemand hat sich ohne den Anmeldedienst angemeldet.',
    madeBy: (by, at, reason) => (
      <>
        Ermöglicht von {by} am {at}, weil: {reason}
      </>
    ),
    sessions: 'Wer ist da',
    all: 'Alle',
    seen: 'Ich habe das gesehen',
    seenTitle: 'Anmeldung mit Notfallcode bestätigen?',
    seenText: (who) =>
      `Der Hinweis auf ${who} verschwindet von Ihren Seiten; andere aus der Administration sehen ihn weiter. Sagen Sie, was Sie darüber wissen: wer das wofür brauchte, oder dass Sie dem nachgehen.`,
    rightsFor: (roles, length) => `${roles === '' ? 'ohne Rolle' : `Rolle: ${roles}`}, für ${length}`,
    notUsed: 'Noch nicht benutzt',
    neverUsed: 'Nie benutzt, und nicht mehr gültig',
    withdrawn: 'Zurückgenommen, bevor er benutzt wurde',
    usedOn: (at, source) => (
      <>
        Benutzt am {at} von {source}
      </>
    ),
    didAnswer: 'Der Anmeldedienst hat zu dieser Zeit geantwortet.',
    didNotAnswer: 'Der Anmeldedienst hat zu dieser Zeit nicht geantwortet.',
    unconfirmedTitle: 'Die letzte Änderung ist nicht überall bestätigt.',
    unconfirmed: (instances) => (
      <>
        {instances} hat nicht gemeldet, dass es sie kennt. Ohne Nachricht lässt es nach 3 Sekunden niemanden
        mehr ein, und trennt nach 5, was offen ist. Wenn das so bleibt, sehen Sie nach diesem Rechner.
      </>
    ),
  },
}
