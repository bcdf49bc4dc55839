import type { InEach } from '../../lib/index.js'

/** What the control room reads, with one thumb free. */
export interface ReleasesWords {
  readonly title: string
  readonly lead: string
  readonly waits: (count: number) => string
  readonly inside: (count: number) => string
  readonly nobody: string
  readonly nobodyHint: string
  readonly wants: (access: 'view' | 'operate') => string
  readonly signedIn: string
  readonly from: string
  readonly ends: string
  /** Of what is over and may finish. */
  readonly drains: string
  readonly by: string
  readonly release: string
  readonly withdraw: string
  /** For who does not see which card the button is on. */
  readonly of: (who: string, machines: string) => string
  readonly sure: string
  readonly sureText: (who: string, machines: string) => string
  /** Where it is over, and what is open may only finish. */
  readonly sureTextOver: (who: string, machines: string) => string
  /** Where the grant cannot be read. */
  readonly sureTextUnknown: string
  readonly own: string
  readonly done: Readonly<Record<'released' | 'withdrawn' | 'nothing' | 'gone' | 'refused', string>>
}

export const releasesWords: InEach<ReleasesWords> = {
  en: {
    title: 'Control room',
    lead: 'Who may come in only when you let them. Each sign-in waits anew.',
    waits: (count) => `Waiting (${String(count)})`,
    inside: (count) => `Let in (${String(count)})`,
    nobody: 'Nobody waits',
    nobodyHint:
      'Whoever signs in with a grant that needs a release stands here by themselves, within half a minute.',
    wants: (access) => (access === 'view' ? 'wants to view' : 'wants to operate'),
    signedIn: 'Signed in',
    from: 'from',
    ends: 'Until',
    drains: 'Over; what is open may finish until',
    by: 'Let in by',
    release: 'Let in',
    withdraw: 'Withdraw',
    of: (who, machines) => ` ${who}, ${machines}`,
    sure: 'Withdraw this release?',
    sureText: (who, machines) =>
      `${who} loses ${machines} at once. What is open is cut, also in the middle of an upload. You can let them in again.`,
    sureTextOver: (who, machines) =>
      `The time of ${who} is over, and what is open on ${machines} may only finish. It is cut at once, also in the middle of an upload. You cannot let them in again in this time.`,
    sureTextUnknown: 'What is open under it is cut at once, also in the middle of an upload.',
    own: 'This is yours: somebody else has to let you in.',
    done: {
      released: 'They are in. They need not do anything but open the machine.',
      withdrawn: 'The release was withdrawn. What was open under it has been cut.',
      nothing: 'Nothing was released there any more.',
      gone: 'They have signed out, or their grant is over.',
      refused: 'That was not done: it is your own, or it is over, or somebody else has just decided on it.',
    },
  },
  de: {
    title: 'Leitwarte',
    lead: 'Wer nur hereinkommt, wenn Sie öffnen. Jede Anmeldung wartet neu.',
    waits: (count) => `Warten (${String(count)})`,
    inside: (count) => `Eingelassen (${String(count)})`,
    nobody: 'Niemand wartet',
    nobodyHint:
      'Wer sich mit einer Freigabe anmeldet, die das braucht, steht nach einer halben Minute von selbst hier.',
    wants: (access) => (access === 'view' ? 'möchte ansehen:' : 'möchte bedienen:'),
    signedIn: 'Angemeldet',
    from: 'von',
    ends: 'Bis',
    drains: 'Vorbei; was offen ist, darf noch fertig werden bis',
    by: 'Eingelassen durch',
    release: 'Einlassen',
    withdraw: 'Zurücknehmen',
    of: (who, machines) => `: ${who}, ${machines}`,
    sure: 'Wirklich zurücknehmen?',
    sureText: (who, machines) =>
      `${who} verliert sofort: ${machines}. Was offen ist, wird getrennt, auch mitten in einer Übertragung. Sie können wieder einlassen.`,
    sureTextOver: (who, machines) =>
      `Die Zeit von ${who} ist vorbei; was offen ist, darf nur noch fertig werden: ${machines}. Es wird sofort getrennt, auch mitten in einer Übertragung. Für diese Zeit können Sie nicht wieder einlassen.`,
    sureTextUnknown: 'Was darüber offen ist, wird sofort getrennt, auch mitten in einer Übertragung.',
    own: 'Das ist Ihr eigener Zugang: Einlassen muss Sie jemand anderes.',
    done: {
      released: 'Eingelassen. Die Person muss nur noch die Maschine öffnen.',
      withdrawn: 'Zurückgenommen. Was darüber offen war, wurde getrennt.',
      nothing: 'Hier war nichts mehr geöffnet.',
      gone: 'Die Person hat sich abgemeldet, oder ihre Freigabe ist vorbei.',
      refused:
        'Das ist nicht geschehen: Es ist Ihr eigener Zugang, er ist vorbei, oder jemand anderes hat gerade entschieden.',
    },
  },
}
