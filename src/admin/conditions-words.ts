import type { InEach } from '../lib/index.js'

/** What a grant asks for besides its time, in the words of whoever gives it. */
export interface ConditionsWords {
  readonly more: string
  readonly sources: string
  readonly sourcesHint: string
  /** In the sentence that reads the form back; `{}` stands for what was entered. */
  readonly saySources: string
  readonly onlyFrom: string
  readonly sayHours: (count: number) => string
  readonly hours: string
  readonly moreHours: (count: number) => string
}

export const conditionsWords: InEach<ConditionsWords> = {
  en: {
    more: 'More conditions',
    sources: 'Only from these networks',
    sourcesHint: 'Addresses or blocks like 192.0.2.7 or 198.51.100.0/24, one a line. Empty: from anywhere.',
    saySources: 'only from {}',
    onlyFrom: 'Only from',
    sayHours: (count) => `at ${String(count)} set ${count === 1 ? 'time' : 'times'} only`,
    hours: 'Only at',
    moreHours: (count) => `and ${String(count)} more`,
  },
  de: {
    more: 'Weitere Bedingungen',
    sources: 'Nur aus diesen Netzen',
    sourcesHint: 'Adressen oder Netze wie 192.0.2.7 oder 198.51.100.0/24, je Zeile eines. Leer: von überall.',
    saySources: 'nur aus {}',
    onlyFrom: 'Nur aus',
    sayHours: (count) => `nur zu ${String(count)} festen ${count === 1 ? 'Zeit' : 'Zeiten'}`,
    hours: 'Nur zu',
    moreHours: (count) => `und ${String(count)} weitere`,
  },
}
