import type { ComponentChildren } from 'preact'
import type { InEach } from '../../lib/index.js'

/** The pages around signing in and out, before anybody is known. */
export interface SignInWords {
  readonly title: string
  readonly heading: string
  readonly lead: string
  readonly with: (provider: string) => string
  readonly afterwards: string
  readonly cannot: string
  readonly whomToCall: string
  /** @param link to the page for such a code, around the words it is given */
  readonly breakGlass: (link: (text: string) => ComponentChildren) => ComponentChildren
  readonly outTitle: string
  readonly outHeading: string
  readonly outLead: string
  readonly again: string
}

export const signInWords: InEach<SignInWords> = {
  en: {
    title: 'Sign in',
    heading: 'Sign in to the plant',
    lead: 'Open the machines you have been given access to, from this browser.',
    with: (provider) => `Sign in with ${provider}`,
    afterwards:
      'After that you are asked for a one-time code from your authenticator app. What you do on a machine is recorded.',
    cannot: 'You cannot sign in?',
    whomToCall:
      'Call the person at the plant who ordered your work. They arrange accounts, access and new invitation codes. Gatehouse never asks for your password itself.',
    breakGlass: (link) => (
      <>
        Is the company’s sign-in down, and your work cannot wait? An administrator can let you in with a{' '}
        {link('break-glass code')}.
      </>
    ),
    outTitle: 'Signed out',
    outHeading: 'You are signed out',
    outLead: 'Every machine you had open through this browser has been closed.',
    again: 'Sign in again',
  },
  de: {
    title: 'Anmelden',
    heading: 'Anmeldung im Werk',
    lead: 'Öffnen Sie in diesem Browser die Maschinen, zu denen Sie Zugang bekommen haben.',
    with: (provider) => `Anmelden mit ${provider}`,
    afterwards:
      'Danach werden Sie nach einem Einmalcode aus Ihrer Authenticator-App gefragt. Was Sie an einer Maschine tun, wird aufgezeichnet.',
    cannot: 'Die Anmeldung gelingt nicht?',
    whomToCall:
      'Rufen Sie die Person im Werk an, die Ihre Arbeit bestellt hat. Sie kümmert sich um Konten, Zugang und neue Einladungscodes. Gatehouse selbst fragt nie nach Ihrem Passwort.',
    breakGlass: (link) => (
      <>
        Der Anmeldedienst des Unternehmens ist ausgefallen, und Ihre Arbeit kann nicht warten? Die
        Administration kann Sie mit einem {link('Notfallcode')} einlassen.
      </>
    ),
    outTitle: 'Abgemeldet',
    outHeading: 'Sie sind abgemeldet',
    outLead: 'Alle Maschinen, die Sie über diesen Browser geöffnet hatten, sind geschlossen.',
    again: 'Neu anmelden',
  },
}
