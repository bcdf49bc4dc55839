import type { InEach } from '../../lib/index.js'

interface RequestsWords {
  readonly title: string
  readonly one: string
  readonly failed: (title: string) => string
  readonly empty: string
  readonly emptyHint: string
  readonly answer: string
  readonly details: string
  readonly answerOf: (who: string, names: string) => string
  readonly wants: (access: 'view' | 'operate') => string
  readonly from: string
  readonly fromApproval: (length: string) => string
  readonly why: string
  readonly ticket: string
  readonly when: string
  readonly lapses: string
  readonly agreed: (count: number, needed: number) => string
  readonly last: string
  readonly never: string
  readonly revoked: string
  readonly codeFirst: string
  readonly codeFirstWhy: string
  readonly yes: string
  readonly yesHint: string
  readonly yesHintFirst: string
  readonly less: string
  readonly machines: string
  readonly access: string
  readonly view: string
  readonly operate: string
  readonly length: string
  readonly toBegin: string
  readonly allOfTheTime: string
  readonly asAsked: (length: string) => string
  readonly no: string
  readonly reason: string
  readonly reasonHint: string
  readonly notYours: string
  readonly notAgain: string
  readonly states: Readonly<
    Record<'open' | 'approved' | 'denied' | 'lapsed' | 'withdrawn' | 'closed', string>
  >
  readonly grant: string
  readonly back: string
  readonly refused: Readonly<Record<string, string>>
}

export const requestsWords: InEach<RequestsWords> = {
  en: {
    title: 'Requests',
    one: 'Request for access',
    failed: (title) => `Error: ${title}`,
    empty: 'Nobody is asking for access',
    emptyHint: 'When somebody does, they stand here, the most urgent first.',
    answer: 'Answer',
    details: 'Details',
    answerOf: (who, names) => ` ${who}, who asks for ${names}`,
    wants: (access) => (access === 'view' ? 'wants to view' : 'wants to operate'),
    from: 'from',
    fromApproval: (length) => `${length} from the approval on`,
    why: 'Why',
    ticket: 'Ticket',
    when: 'When',
    lapses: 'Lapses in',
    agreed: (count, needed) => `${String(count)} of ${String(needed)} have said yes.`,
    last: 'What they had here before',
    never: 'They have had no access to these machines in the last 30 days.',
    revoked: 'taken back:',
    codeFirst: 'Enter a one-time code to say yes',
    codeFirstWhy: 'Yours is older than five minutes. A no needs none.',
    yes: 'Yes',
    yesHint: 'They get it at once, or at the start that was asked for. It can be ended at any time.',
    yesHintFirst: 'They get nothing yet: others have to say yes too. Then what all of you agree to is given.',
    less: 'Less than that',
    machines: 'Machines',
    access: 'Access',
    view: 'View only',
    operate: 'Operate',
    length: 'For how long',
    toBegin: 'To be begun within',
    allOfTheTime: 'No, for all of the time',
    asAsked: (length) => `${length}, as asked`,
    no: 'No',
    reason: 'Reason',
    reasonHint: 'Who asked reads it.',
    notYours: 'You cannot answer this one: it is your own, or others answer for these machines.',
    notAgain: 'You have said yes. Somebody else has to say yes too.',
    states: {
      open: 'Waits for an answer',
      approved: 'Approved',
      denied: 'Denied',
      lapsed: 'Lapsed: nobody answered in time',
      withdrawn: 'Taken back by who asked',
      closed: 'Answered before; the ledger has the answer',
    },
    grant: 'The grant',
    back: 'All requests',
    refused: {
      'approval-refused': 'You cannot answer this one, or have done so already.',
      'request-conflict': 'It was answered or is over meanwhile, or what all of you agree to leaves nothing.',
      endpoints: 'Leave at least one machine.',
      length: 'Choose a length that is not longer than was asked.',
      access: 'Choose to view or to operate, and not more than was asked.',
      lasts: 'Choose a time from the first use that fits into the rest, and is not longer than was asked.',
      until: 'This is longer than a grant for these machines may be.',
      reason: 'Say why, in words.',
    },
  },
  de: {
    title: 'Anträge',
    one: 'Antrag',
    failed: (title) => `Fehler: ${title}`,
    empty: 'Niemand fragt nach Zugang',
    emptyHint: 'Wenn es jemand tut, steht es hier, das Dringendste zuerst.',
    answer: 'Antworten',
    details: 'Einzelheiten',
    answerOf: (who, names) => `: ${who} fragt nach ${names}`,
    wants: (access) => (access === 'view' ? 'möchte ansehen:' : 'möchte bedienen:'),
    from: 'ab',
    fromApproval: (length) => `${length} ab der Zustimmung`,
    why: 'Warum',
    ticket: 'Ticket',
    when: 'Wann',
    lapses: 'Verfällt in',
    agreed: (count, needed) => `${String(count)} von ${String(needed)} haben zugestimmt.`,
    last: 'Was diese Person hier vorher hatte',
    never: 'Sie hatte in den letzten 30 Tagen keinen Zugang zu diesen Maschinen.',
    revoked: 'zurückgenommen:',
    codeFirst: 'Einmalcode eingeben, um Ja zu sagen',
    codeFirstWhy: 'Ihrer ist älter als fünf Minuten. Ein Nein braucht keinen.',
    yes: 'Ja',
    yesHint:
      'Der Zugang gilt sofort, oder ab dem Beginn, der beantragt ist. Er kann jederzeit beendet werden.',
    yesHintFirst:
      'Es gibt noch keinen Zugang: Andere müssen auch zustimmen. Dann gilt, was Sie alle gemeinsam erlauben.',
    less: 'Weniger als das',
    machines: 'Maschinen',
    access: 'Zugang',
    view: 'Nur ansehen',
    operate: 'Bedienen',
    length: 'Für wie lange',
    toBegin: 'Zu beginnen innerhalb von',
    allOfTheTime: 'Nein, für die ganze Zeit',
    asAsked: (length) => `${length}, wie beantragt`,
    no: 'Nein',
    reason: 'Grund',
    reasonHint: 'Wer den Antrag gestellt hat, liest ihn.',
    notYours:
      'Diesen Antrag können Sie nicht beantworten: Es ist Ihr eigener, oder für diese Maschinen antworten andere.',
    notAgain: 'Sie haben zugestimmt. Noch jemand muss zustimmen.',
    states: {
      open: 'Wartet auf Antwort',
      approved: 'Zugestimmt',
      denied: 'Abgelehnt',
      lapsed: 'Verfallen: Niemand hat rechtzeitig geantwortet',
      withdrawn: 'Zurückgezogen',
      closed: 'Früher beantwortet; die Antwort steht im Protokollbuch',
    },
    grant: 'Die Freigabe',
    back: 'Alle Anträge',
    refused: {
      'approval-refused': 'Diesen Antrag können Sie nicht beantworten, oder Sie haben es schon getan.',
      'request-conflict':
        'Er ist inzwischen beantwortet oder vorbei, oder von dem, was alle erlauben, bleibt nichts.',
      endpoints: 'Lassen Sie mindestens eine Maschine stehen.',
      length: 'Wählen Sie eine Dauer, die nicht länger ist als beantragt.',
      access: 'Wählen Sie Ansehen oder Bedienen, und nicht mehr als beantragt.',
      lasts:
        'Wählen Sie eine Zeit ab der ersten Nutzung, die in die übrige passt und nicht länger ist als beantragt.',
      until: 'Das ist länger, als eine Freigabe für diese Maschinen sein darf.',
      reason: 'Sagen Sie in Worten, warum.',
    },
  },
}
