import type { InEach } from '../../lib/index.js'

/** The sign-in with a code of an operator, for when the identity provider is down. */
export interface BreakGlassWords {
  readonly title: string
  readonly failed: (title: string) => string
  readonly heading: string
  readonly lead: string
  readonly hint: string
  readonly submit: string
  readonly afterwards: string
  readonly instead: string
}

export const breakGlassWords: InEach<BreakGlassWords> = {
  en: {
    title: 'Break-glass code',
    failed: (title) => `Error: ${title}`,
    heading: 'Sign in with a break-glass code',
    lead: 'For when the company’s sign-in is down and the work cannot wait. The plant’s IT gives you the code, by phone or in person. It works once, for ten minutes.',
    hint: 'Seven groups of four. Capitals, spaces and dashes do not matter.',
    submit: 'Continue',
    afterwards:
      'After that you are asked for a one-time code from your authenticator app, as always. Every administrator is shown that you signed in this way.',
    instead: 'Sign in as usual instead',
  },
  de: {
    title: 'Notfallcode',
    failed: (title) => `Fehler: ${title}`,
    heading: 'Mit einem Notfallcode anmelden',
    lead: 'Für den Fall, dass der Anmeldedienst des Unternehmens ausgefallen ist und die Arbeit nicht warten kann. Die IT des Werks gibt Ihnen den Code, am Telefon oder persönlich. Er gilt einmal, zehn Minuten lang.',
    hint: 'Sieben Gruppen zu vier Zeichen. Großbuchstaben, Leerzeichen und Striche spielen keine Rolle.',
    submit: 'Weiter',
    afterwards:
      'Danach werden Sie wie immer nach einem Einmalcode aus Ihrer Authenticator-App gefragt. Der gesamten Administration wird gezeigt, dass Sie sich auf diesem Weg angemeldet haben.',
    instead: 'Doch wie üblich anmelden',
  },
}
