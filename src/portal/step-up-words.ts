import type { InEach } from '../lib/index.js'

interface StepUpWords {
  readonly title: string
  readonly failed: (title: string) => string
  readonly why: string
  readonly label: string
  readonly hint: string
  readonly submit: string
  readonly back: string
  readonly noPhone: string
  readonly lockedTitle: string
  readonly lockedBefore: string
  readonly lockedAfter: string
  readonly errors: {
    readonly 'code-wrong': string
    readonly 'code-replayed': string
    readonly 'code-locked': string
  }
}

/** The words of the page that asks for a fresh one-time code. */
export const stepUpWords: InEach<StepUpWords> = {
  en: {
    title: 'Is it you?',
    failed: (title) => `Error: ${title}`,
    why: 'What you are about to do needs a one-time code that is not older than five minutes. Enter one, and you go on where you were.',
    label: 'Code from your authenticator app',
    hint: 'Six digits. A code works once: if you have just signed in, wait for the next one, half a minute at most.',
    submit: 'Continue',
    back: 'Not now',
    noPhone:
      'A recovery code does not count here. Without your authenticator app, let a colleague do it, or call the plant.',
    lockedTitle: 'Too many wrong codes.',
    lockedBefore: 'Codes are taken again in ',
    lockedAfter: '. Machines you have open stay open. If it was not you who tried, call the plant now.',
    errors: {
      'code-wrong': 'That code is not right.',
      'code-replayed':
        'That code has been used, most likely when you signed in. Your app shows a new one within half a minute: enter that one.',
      'code-locked': 'Too many wrong codes.',
    },
  },
  de: {
    title: 'Sind Sie es?',
    failed: (title) => `Fehler: ${title}`,
    why: 'Was Sie vorhaben, braucht einen Einmalcode, der nicht älter als fünf Minuten ist. Geben Sie einen ein, und Sie machen weiter, wo Sie waren.',
    label: 'Code aus Ihrer Authenticator-App',
    hint: 'Sechs Ziffern. Jeder Code gilt einmal: Wenn Sie sich eben angemeldet haben, warten Sie auf den nächsten, höchstens eine halbe Minute.',
    submit: 'Weiter',
    back: 'Jetzt nicht',
    noPhone:
      'Ein Wiederherstellungscode zählt hier nicht. Ohne Ihre Authenticator-App lassen Sie es jemand anderen tun, oder rufen Sie im Werk an.',
    lockedTitle: 'Zu viele falsche Codes.',
    lockedBefore: 'Codes werden wieder angenommen in ',
    lockedAfter:
      '. Geöffnete Maschinen bleiben offen. Wenn nicht Sie es versucht haben, rufen Sie jetzt im Werk an.',
    errors: {
      'code-wrong': 'Dieser Code stimmt nicht.',
      'code-replayed':
        'Dieser Code ist verbraucht, wahrscheinlich bei Ihrer Anmeldung. Ihre App zeigt innerhalb einer halben Minute einen neuen: Geben Sie den ein.',
      'code-locked': 'Zu viele falsche Codes.',
    },
  },
}
