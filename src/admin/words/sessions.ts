import type { InEach } from '../../lib/index.js'

/** Who is signed in, and what they have open. */
export interface SessionsWords {
  readonly title: string
  readonly ended: string
  readonly gone: string
  readonly count: (signedIn: number, open: number) => string
  readonly hint: string
  readonly open: string
  readonly idle: string
  readonly caption: string
  readonly who: string
  readonly openNow: string
  readonly signedIn: string
  readonly secondFactor: string
  readonly ends: string
  readonly actions: string
  readonly you: string
  readonly nothing: string
  readonly from: string
  readonly byBreakGlass: string
  readonly end: string
  readonly endOf: (name: string) => string
  readonly since: (count: number) => string
  readonly notYet: string
  readonly endTitle: string
  readonly endText: (name: string, machines: string | null) => string
}

export const sessionsWords: InEach<SessionsWords> = {
  en: {
    title: 'Who is in',
    ended: 'The session was ended. Everything opened with it has been cut.',
    gone: 'That session had ended already.',
    count: (signedIn, open) =>
      `${String(signedIn)} signed in, ${String(open)} ${open === 1 ? 'connection' : 'connections'} to machines through this gateway.`,
    hint: 'Person, machine that is open, or the address they came from.',
    open: 'Something is open',
    idle: 'Nothing is open',
    caption: 'Sessions',
    who: 'Who',
    openNow: 'Open now',
    signedIn: 'Signed in',
    secondFactor: 'Second factor',
    ends: 'Ends',
    actions: 'Actions',
    you: '(you)',
    nothing: 'nothing',
    from: 'from',
    byBreakGlass: 'by break-glass',
    end: 'End session',
    endOf: (name) => ` of ${name}`,
    since: (count) => (count === 1 ? 'since' : `${String(count)} connections since`),
    notYet: 'not yet',
    endTitle: 'End this session?',
    endText: (name, machines) =>
      `${name} is signed out. ${machines === null ? 'Nothing is open through this gateway now.' : `These are cut at once: ${machines}.`} Their grants stay: they can sign in again. To keep them out, revoke the grant.`,
  },
  de: {
    title: 'Wer ist da',
    ended: 'Die Sitzung ist beendet. Alles, was mit ihr offen war, ist getrennt.',
    gone: 'Diese Sitzung war schon zu Ende.',
    count: (signedIn, open) =>
      `${String(signedIn)} angemeldet, ${String(open)} ${open === 1 ? 'Verbindung' : 'Verbindungen'} zu Maschinen über dieses Gateway.`,
    hint: 'Person, Maschine, die offen ist, oder Adresse, von der sie kommt.',
    open: 'Etwas ist offen',
    idle: 'Nichts ist offen',
    caption: 'Sitzungen',
    who: 'Wer',
    openNow: 'Jetzt offen',
    signedIn: 'Angemeldet',
    secondFactor: 'Zweiter Faktor',
    ends: 'Endet',
    actions: 'Handlungen',
    you: '(Sie)',
    nothing: 'nichts',
    from: 'von',
    byBreakGlass: 'mit Notfallcode',
    end: 'Sitzung beenden',
    endOf: (name) => ` von ${name}`,
    since: (count) => (count === 1 ? 'seit' : `${String(count)} Verbindungen seit`),
    notYet: 'noch nicht',
    endTitle: 'Diese Sitzung beenden?',
    endText: (name, machines) =>
      `${name} wird abgemeldet. ${machines === null ? 'Über dieses Gateway ist gerade nichts offen.' : `Sofort getrennt wird: ${machines}.`} Die Freigaben bleiben, eine neue Anmeldung ist möglich. Um das zu verhindern, nehmen Sie die Freigabe zurück.`,
  },
}
