import type { ComponentChildren, VNode } from 'preact'
import type { InEach } from '../../lib/index.js'

/** Setting up the second factor. */
export interface EnrolmentWords {
  readonly title: string
  readonly failed: (title: string) => string
  readonly resetTitle: string
  readonly reset: (at: VNode) => ComponentChildren
  readonly lockedTitle: string
  readonly locked: (time: VNode) => ComponentChildren
  readonly steps: string
  readonly stepInvitation: string
  readonly stepStart: string
  readonly stepApp: string
  readonly stepCodes: string
  readonly lead: string
  readonly invitation: string
  readonly invitationHint: string
  readonly submit: string
  readonly connect: string
  readonly scan: string
  readonly picture: string
  readonly cannotScan: string
  readonly copy: string
  readonly onThisDevice: string
  readonly enter: string
  readonly enterHint: string
  readonly confirm: string
  readonly codesTitle: string
  readonly codesHeading: string
  readonly codesLead: ComponentChildren
  readonly copyAll: string
  readonly print: string
  readonly stored: string
}

export const enrolmentWords: InEach<EnrolmentWords> = {
  en: {
    title: 'Set up your second factor',
    failed: (title) => `Error: ${title}`,
    resetTitle: 'Your second factor was reset.',
    reset: (at) => (
      <>
        An administrator of the plant removed it on {at}, so you set it up anew. The old authenticator entry
        and the old recovery codes no longer work. If you did not ask for this, call the plant before you go
        on.
      </>
    ),
    lockedTitle: 'Too many wrong codes.',
    locked: (time) => <>Codes are taken again in {time}.</>,
    steps: 'Steps',
    stepInvitation: 'Invitation',
    stepStart: 'Start',
    stepApp: 'Authenticator app',
    stepCodes: 'Recovery codes',
    lead: 'Besides your password, the plant asks for a one-time code from an authenticator app on your phone. Any app for time-based codes will do. Setting it up takes two minutes and is needed once.',
    invitation: 'Invitation code',
    invitationHint:
      'You get it from the person at the plant who arranged your access, by phone or in person. It proves that it is you who sets this up, and not somebody who has your password.',
    submit: 'Continue',
    connect: 'Connect your authenticator app',
    scan: 'In the app, add an account and scan this code.',
    picture: 'QR code with the secret for your authenticator app',
    cannotScan: 'Cannot scan? Type this secret into the app instead:',
    copy: 'Copy',
    onThisDevice: 'The app is on this device: open it',
    enter: 'Enter the code the app shows now',
    enterHint: 'Six digits; a new code every 30 seconds.',
    confirm: 'Confirm',
    codesTitle: 'Your recovery codes',
    codesHeading: 'Keep these recovery codes',
    codesLead: (
      <>
        They let you in when your phone is lost or broken. Each works once. Print them or store them in a
        password manager, <strong>not on the same phone</strong>. They are shown only now.
      </>
    ),
    copyAll: 'Copy all',
    print: 'Print',
    stored: 'I have stored them, continue',
  },
  de: {
    title: 'Zweiten Faktor einrichten',
    failed: (title) => `Fehler: ${title}`,
    resetTitle: 'Ihr zweiter Faktor wurde zurückgesetzt.',
    reset: (at) => (
      <>
        Die Administration des Werks hat ihn am {at} entfernt, darum richten Sie ihn neu ein. Der alte Eintrag
        in der Authenticator-App und die alten Wiederherstellungscodes gelten nicht mehr. Wenn Sie nicht darum
        gebeten haben, rufen Sie im Werk an, bevor Sie weitermachen.
      </>
    ),
    lockedTitle: 'Zu viele falsche Codes.',
    locked: (time) => <>Codes werden wieder angenommen in {time}.</>,
    steps: 'Schritte',
    stepInvitation: 'Einladung',
    stepStart: 'Beginn',
    stepApp: 'Authenticator-App',
    stepCodes: 'Wiederherstellungscodes',
    lead: 'Neben Ihrem Passwort verlangt das Werk einen Einmalcode aus einer Authenticator-App auf Ihrem Telefon. Jede App für zeitbasierte Codes ist recht. Das Einrichten dauert zwei Minuten und ist einmal nötig.',
    invitation: 'Einladungscode',
    invitationHint:
      'Sie bekommen ihn von der Person im Werk, die Ihren Zugang besorgt hat, am Telefon oder persönlich. Er beweist, dass Sie es sind, und nicht jemand, der Ihr Passwort hat.',
    submit: 'Weiter',
    connect: 'Authenticator-App verbinden',
    scan: 'Fügen Sie in der App ein Konto hinzu, und scannen Sie diesen Code.',
    picture: 'QR-Code mit dem Geheimnis für Ihre Authenticator-App',
    cannotScan: 'Scannen geht nicht? Geben Sie dieses Geheimnis in die App ein:',
    copy: 'Kopieren',
    onThisDevice: 'Die App ist auf diesem Gerät: öffnen',
    enter: 'Geben Sie den Code ein, den die App jetzt zeigt',
    enterHint: 'Sechs Ziffern; alle 30 Sekunden ein neuer.',
    confirm: 'Bestätigen',
    codesTitle: 'Ihre Wiederherstellungscodes',
    codesHeading: 'Bewahren Sie diese Wiederherstellungscodes auf',
    codesLead: (
      <>
        Mit ihnen kommen Sie herein, wenn Ihr Telefon verloren oder kaputt ist. Jeder gilt einmal. Drucken Sie
        sie aus, oder legen Sie sie in einen Passwortspeicher, <strong>nicht auf dasselbe Telefon</strong>.
        Sie werden nur jetzt gezeigt.
      </>
    ),
    copyAll: 'Alle kopieren',
    print: 'Drucken',
    stored: 'Ich habe sie aufbewahrt, weiter',
  },
}
