import type { ComponentChildren, VNode } from 'preact'
import type { InEach } from '../../lib/index.js'

/** The one-time code after sign-in, and a recovery code in its place. */
export interface SecondFactorWords {
  readonly failed: (title: string) => string
  readonly title: string
  readonly heading: string
  readonly label: string
  readonly hint: string
  readonly submit: string
  readonly noPhone: string
  readonly recoveryTitle: string
  readonly recoveryHeading: string
  readonly recoveryLead: string
  readonly recoveryLabel: string
  readonly recoveryHint: string
  readonly appInstead: string
  readonly lockedTitle: string
  readonly locked: (time: VNode) => ComponentChildren
  readonly accepted: string
  readonly left: (count: number) => string
  readonly fewLeft: string
}

export const secondFactorWords: InEach<SecondFactorWords> = {
  en: {
    failed: (title) => `Error: ${title}`,
    title: 'One-time code',
    heading: 'Your one-time code',
    label: 'Code from your authenticator app',
    hint: 'Six digits; a new code every 30 seconds.',
    submit: 'Continue',
    noPhone: 'Phone lost or not at hand? Use a recovery code',
    recoveryTitle: 'Recovery code',
    recoveryHeading: 'Use a recovery code',
    recoveryLead:
      'It is one of the ten codes you were shown when you set up your authenticator app. Each works once. No codes left? Ask your contact at the plant to reset your second factor.',
    recoveryLabel: 'Recovery code',
    recoveryHint: 'Capitals, spaces and dashes do not matter.',
    appInstead: 'Use the authenticator app instead',
    lockedTitle: 'Too many wrong codes.',
    locked: (time) => (
      <>
        Codes are taken again in {time}. Machines you have open stay open. If it was not you who tried, call
        the plant now.
      </>
    ),
    accepted: 'Recovery code accepted',
    left: (count) =>
      count === 0
        ? 'It was your last one.'
        : `You have ${String(count)} recovery ${count === 1 ? 'code' : 'codes'} left. Cross out the one you used.`,
    fewLeft:
      'Ask your contact at the plant to reset your second factor soon. You then set it up afresh and get ten new codes. With no phone and no code, nobody can let you in.',
  },
  de: {
    failed: (title) => `Fehler: ${title}`,
    title: 'Einmalcode',
    heading: 'Ihr Einmalcode',
    label: 'Code aus Ihrer Authenticator-App',
    hint: 'Sechs Ziffern; alle 30 Sekunden ein neuer.',
    submit: 'Weiter',
    noPhone: 'Telefon verloren oder nicht zur Hand? Nehmen Sie einen Wiederherstellungscode',
    recoveryTitle: 'Wiederherstellungscode',
    recoveryHeading: 'Mit einem Wiederherstellungscode',
    recoveryLead:
      'Das ist einer der zehn Codes, die Ihnen beim Einrichten der Authenticator-App gezeigt wurden. Jeder gilt einmal. Keiner mehr übrig? Bitten Sie Ihre Kontaktperson im Werk, Ihren zweiten Faktor zurückzusetzen.',
    recoveryLabel: 'Wiederherstellungscode',
    recoveryHint: 'Großbuchstaben, Leerzeichen und Striche spielen keine Rolle.',
    appInstead: 'Doch die Authenticator-App nehmen',
    lockedTitle: 'Zu viele falsche Codes.',
    locked: (time) => (
      <>
        Codes werden wieder angenommen in {time}. Geöffnete Maschinen bleiben offen. Wenn nicht Sie es
        versucht haben, rufen Sie jetzt im Werk an.
      </>
    ),
    accepted: 'Wiederherstellungscode angenommen',
    left: (count) =>
      count === 0
        ? 'Es war Ihr letzter.'
        : `Sie haben noch ${String(count)} ${count === 1 ? 'Wiederherstellungscode' : 'Wiederherstellungscodes'}. Streichen Sie den benutzten durch.`,
    fewLeft:
      'Bitten Sie Ihre Kontaktperson im Werk bald, Ihren zweiten Faktor zurückzusetzen. Dann richten Sie ihn neu ein und bekommen zehn neue Codes. Ohne Telefon und ohne Code kann Sie niemand einlassen.',
  },
}
