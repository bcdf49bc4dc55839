import type { InEach } from '../../lib/index.js'

interface AnswerForWords {
  readonly failed: (title: string) => string
  readonly reason: string
  readonly hint: string
  readonly missing: string
  readonly back: string
}

/** The question before what somebody has to answer for. */
export const answerForWords: InEach<AnswerForWords> = {
  en: {
    failed: (title) => `Error: ${title}`,
    reason: 'Reason',
    hint: 'It stays on record, with your name.',
    missing: 'Say why, in words: one line, 500 characters at most.',
    back: 'Do nothing',
  },
  de: {
    failed: (title) => `Fehler: ${title}`,
    reason: 'Grund',
    hint: 'Er bleibt im Protokollbuch, mit Ihrem Namen.',
    missing: 'Sagen Sie in Worten, warum: eine Zeile, höchstens 500 Zeichen.',
    back: 'Nichts tun',
  },
}
