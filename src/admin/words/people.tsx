import type { ComponentChildren, VNode } from 'preact'
import type { InEach } from '../../lib/index.js'

/** Who has signed in, their second factor, and how a first one is invited. */
export interface PeopleWords {
  readonly title: string
  readonly lead: string
  readonly breakGlass: (link: (text: string) => VNode) => ComponentChildren
  readonly hint: string
  readonly who: string
  readonly roles: string
  readonly lastLogin: string
  readonly secondFactor: string
  readonly actions: string
  readonly noEmail: string
  readonly reset: string
  readonly resetOf: (name: string) => string
  readonly invite: string
  readonly inviteOf: (name: string) => string
  readonly inviteTitle: string
  readonly inviteText: (email: string) => string
  readonly inviteButton: string
  readonly isSetUp: string
  readonly isNotSetUp: string
  readonly codesLeft: (count: number) => string
  readonly resetAt: (at: VNode) => ComponentChildren
  readonly lockedUntil: (at: VNode) => ComponentChildren
  readonly done: string
  readonly all: string
  readonly invitation: string
  readonly invitationFor: (email: VNode) => ComponentChildren
  readonly copy: string
  readonly shownOnce: string
  readonly invitationNote: (lifetime: string) => string
  readonly tellThem: string
  readonly open: (address: VNode) => ComponentChildren
  readonly signIn: (provider: string) => string
  readonly enter: string
}

export const peopleWords: InEach<PeopleWords> = {
  en: {
    title: 'People',
    lead: 'Everyone who has signed in, latest first. Accounts themselves live with the identity provider; ',
    breakGlass: (link) => <>{link('break-glass sign-ins')} go without it.</>,
    hint: 'Name, e-mail address, role or id.',
    who: 'Who',
    roles: 'Roles',
    lastLogin: 'Last sign-in',
    secondFactor: 'Second factor',
    actions: 'Actions',
    noEmail: 'no verified e-mail',
    reset: 'Reset second factor',
    resetOf: (name) => ` of ${name}`,
    invite: 'New invitation code',
    inviteOf: (name) => ` for ${name}`,
    inviteTitle: 'Make an invitation code?',
    inviteText: (email) =>
      `Whoever has it and signs in as ${email} sets up the second factor of that account. Make sure that you are talking to the right person.`,
    inviteButton: 'Make the code',
    isSetUp: 'set up',
    isNotSetUp: 'not set up',
    codesLeft: (count) => `${String(count)} recovery ${count === 1 ? 'code' : 'codes'} left`,
    resetAt: (at) => <>reset {at}</>,
    lockedUntil: (at) => <>locked until {at}</>,
    done: 'Done',
    all: 'All people',
    invitation: 'Invitation code',
    invitationFor: (email) => <>Invitation code for {email}</>,
    copy: 'Copy',
    shownOnce: 'It is shown only now.',
    invitationNote: (lifetime) =>
      `It works once, within ${lifetime}. Give it by phone or in person, not in the same e-mail as the link: it proves that the person who sets up the second factor is the one you meant.`,
    tellThem: 'What to tell them:',
    open: (address) => <>Open {address}</>,
    signIn: (provider) => `Sign in with ${provider}`,
    enter: 'Enter this code when asked, and follow the steps with an authenticator app on your phone',
  },
  de: {
    title: 'Personen',
    lead: 'Alle, die sich je angemeldet haben, die letzten zuerst. Die Konten selbst liegen beim Anmeldedienst; ',
    breakGlass: (link) => <>{link('Anmeldungen mit Notfallcode')} gehen ohne ihn.</>,
    hint: 'Name, E-Mail-Adresse, Rolle oder Kennung.',
    who: 'Wer',
    roles: 'Rollen',
    lastLogin: 'Letzte Anmeldung',
    secondFactor: 'Zweiter Faktor',
    actions: 'Handlungen',
    noEmail: 'keine bestätigte E-Mail-Adresse',
    reset: 'Zweiten Faktor zurücksetzen',
    resetOf: (name) => `: ${name}`,
    invite: 'Neuer Einladungscode',
    inviteOf: (name) => ` für ${name}`,
    inviteTitle: 'Einladungscode erstellen?',
    inviteText: (email) =>
      `Wer ihn hat und sich als ${email} anmeldet, richtet den zweiten Faktor dieses Kontos ein. Vergewissern Sie sich, dass Sie mit der richtigen Person sprechen.`,
    inviteButton: 'Code erstellen',
    isSetUp: 'eingerichtet',
    isNotSetUp: 'nicht eingerichtet',
    codesLeft: (count) =>
      `noch ${String(count)} ${count === 1 ? 'Wiederherstellungscode' : 'Wiederherstellungscodes'}`,
    resetAt: (at) => <>zurückgesetzt {at}</>,
    lockedUntil: (at) => <>gesperrt bis {at}</>,
    done: 'Erledigt',
    all: 'Alle Personen',
    invitation: 'Einladungscode',
    invitationFor: (email) => <>Einladungscode für {email}</>,
    copy: 'Kopieren',
    shownOnce: 'Er wird nur jetzt gezeigt.',
    invitationNote: (lifetime) =>
      `Er gilt einmal, innerhalb von ${lifetime}. Geben Sie ihn am Telefon oder persönlich weiter, nicht in derselben E-Mail wie den Link: Er beweist, dass die Person, die den zweiten Faktor einrichtet, die gemeinte ist.`,
    tellThem: 'Was Sie ihr sagen:',
    open: (address) => <>{address} öffnen</>,
    signIn: (provider) => `Mit ${provider} anmelden`,
    enter:
      'Diesen Code eingeben, wenn danach gefragt wird, und den Schritten mit einer Authenticator-App auf dem Telefon folgen',
  },
}
