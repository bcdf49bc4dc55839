import type { ComponentChildren, VNode } from 'preact'
import type { InEach } from '../../lib/index.js'
import type { EndpointKind } from '../../model.js'

/** The front page: what one may open. */
export interface HomeWords {
  readonly title: string
  readonly kinds: Readonly<Record<EndpointKind, string>>
  readonly stoppedTitle: string
  readonly stopped: (names: VNode) => ComponentChildren
  readonly nothingNow: string
  readonly nothingYet: string
  readonly howToAsk: string
  readonly noEmail: string
  readonly yourEmail: (email: VNode) => ComponentChildren
  readonly forStaff: ComponentChildren
  readonly open: string
  readonly openInNewTab: (name: string) => string
  readonly openNow: string
  readonly viewOnly: string
  readonly timeLeft: (time: VNode) => ComponentChildren
  readonly until: (at: VNode) => ComponentChildren
  readonly askMore: string
  readonly askAgain: string
  readonly fromFirstUse: (length: string, until: VNode) => ComponentChildren
  readonly over: string
  readonly signInThen: (until: VNode) => ComponentChildren
  readonly drains: (duration: string) => string
  readonly viewOnlyFrom: (at: VNode) => ComponentChildren
  readonly startsLater: string
  readonly startsIn: (time: VNode) => ComponentChildren
  readonly endedRecently: string
  readonly endedAsAgreed: (at: VNode) => ComponentChildren
  readonly endedByPlant: (at: VNode) => ComponentChildren
  readonly reason: string
  readonly ticket: string
}

export const homeWords: InEach<HomeWords> = {
  en: {
    title: 'What you may open',
    kinds: { hmi: 'Operator panel', historian: 'Historian' },
    stoppedTitle: 'Remote access is stopped.',
    stopped: (names) => (
      <>
        The plant has closed {names} for now. Your grant stays as it is: call your contact at the plant, and
        come back when they have lifted the stop.
      </>
    ),
    nothingNow: 'Nothing is open to you now',
    nothingYet: 'Nothing has been opened for you yet',
    howToAsk:
      'Access is given for one machine and a limited time. Ask the person at the plant who ordered your work, and tell them which machine, from when, and until when.',
    noEmail:
      'Your identity provider has not confirmed an e-mail address for you. Access is given to an e-mail address, so tell the plant about this.',
    yourEmail: (email) => (
      <>
        They need the e-mail address you sign in with: {email}. This page shows the machine as soon as it is
        yours to open.
      </>
    ),
    forStaff: (
      <>
        What others may open is under <a href="/admin">Grants</a>; who is signed in now, under{' '}
        <a href="/admin/sessions">Who is in</a>.
      </>
    ),
    open: 'Open',
    openInNewTab: (name) => `Open ${name} in a new tab`,
    openNow: 'Open now',
    viewOnly: 'View only',
    timeLeft: (time) => <>{time} left</>,
    until: (at) => <>until {at}</>,
    askMore: 'Ask for more time',
    askAgain: 'Ask again',
    fromFirstUse: (length, until) => (
      <>
        {length} from when you first open it, until {until} at the latest
      </>
    ),
    over: 'Your access has ended. If your work is not finished, ask your contact at the plant for more time.',
    signInThen: (until) => <>You will have to sign in again then: your grant runs until {until}.</>,
    drains: (duration) => `What is uploading at the end may go on for ${duration}.`,
    viewOnlyFrom: (at) => <>View only from {at}.</>,
    startsLater: 'Starts later',
    startsIn: (time) => <>Starts in {time}</>,
    endedRecently: 'Ended recently',
    endedAsAgreed: (at) => (
      <>Ended as agreed on {at}. If your work is not finished, ask your contact at the plant for more time.</>
    ),
    endedByPlant: (at) => <>The plant ended this access on {at}:</>,
    reason: 'For',
    ticket: 'Ticket',
  },
  de: {
    title: 'Was Sie öffnen dürfen',
    kinds: { hmi: 'Bedienpanel', historian: 'Messdaten-Archiv' },
    stoppedTitle: 'Der Fernzugang ist gesperrt.',
    stopped: (names) => (
      <>
        Das Werk hat {names} vorerst geschlossen. Ihre Freigabe bleibt bestehen: Rufen Sie Ihren
        Ansprechpartner im Werk an, und kommen Sie wieder, wenn die Sperre aufgehoben ist.
      </>
    ),
    nothingNow: 'Zurzeit ist nichts für Sie offen',
    nothingYet: 'Für Sie wurde noch nichts geöffnet',
    howToAsk:
      'Zugang wird für eine Maschine und eine begrenzte Zeit gegeben. Wenden Sie sich an die Person im Werk, die Ihre Arbeit bestellt hat, und nennen Sie die Maschine und von wann bis wann Sie sie brauchen.',
    noEmail:
      'Ihr Anmeldedienst hat für Sie keine E-Mail-Adresse bestätigt. Zugang wird an eine E-Mail-Adresse gegeben; sagen Sie dem Werk deshalb Bescheid.',
    yourEmail: (email) => (
      <>
        Dort wird die E-Mail-Adresse gebraucht, mit der Sie sich anmelden: {email}. Diese Seite zeigt die
        Maschine, sobald Sie sie öffnen dürfen.
      </>
    ),
    forStaff: (
      <>
        Was andere öffnen dürfen, steht unter <a href="/admin">Freigaben</a>; wer gerade angemeldet ist, unter{' '}
        <a href="/admin/sessions">Wer ist da</a>.
      </>
    ),
    open: 'Öffnen',
    openInNewTab: (name) => `${name} in neuem Tab öffnen`,
    openNow: 'Jetzt offen',
    viewOnly: 'Nur ansehen',
    timeLeft: (time) => <>noch {time}</>,
    until: (at) => <>bis {at}</>,
    askMore: 'Mehr Zeit beantragen',
    askAgain: 'Erneut beantragen',
    fromFirstUse: (length, until) => (
      <>
        {length} ab dem ersten Öffnen, längstens bis {until}
      </>
    ),
    over: 'Ihr Zugang ist beendet. Wenn Ihre Arbeit nicht fertig ist, bitten Sie Ihren Ansprechpartner im Werk um mehr Zeit.',
    signInThen: (until) => <>Dann müssen Sie sich neu anmelden: Ihre Freigabe läuft bis {until}.</>,
    drains: (duration) => `Was am Ende noch hochgeladen wird, darf ${duration} weiterlaufen.`,
    viewOnlyFrom: (at) => <>Nur ansehen ab {at}.</>,
    startsLater: 'Beginnt später',
    startsIn: (time) => <>Noch {time} bis zum Beginn</>,
    endedRecently: 'Vor Kurzem beendet',
    endedAsAgreed: (at) => (
      <>
        Wie vereinbart beendet: {at}. Wenn Ihre Arbeit nicht fertig ist, bitten Sie Ihren Ansprechpartner im
        Werk um mehr Zeit.
      </>
    ),
    endedByPlant: (at) => <>Das Werk hat diesen Zugang beendet, {at}:</>,
    reason: 'Wofür',
    ticket: 'Auftrag',
  },
}
