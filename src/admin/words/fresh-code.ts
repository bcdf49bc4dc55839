import type { InEach } from '../../lib/index.js'

export interface FreshCodeWords {
  readonly label: string
  readonly hint: string
}

export const freshCodeWords: InEach<FreshCodeWords> = {
  en: {
    label: 'One-time code',
    hint: 'From your authenticator app. Yours is older than five minutes, and giving access asks for a fresh one.',
  },
  de: {
    label: 'Einmalcode',
    hint: 'Aus Ihrer Authenticator-App. Ihrer ist älter als fünf Minuten, und wer Zugang gibt, braucht einen frischen.',
  },
}
