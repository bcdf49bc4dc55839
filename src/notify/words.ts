import type { InEach } from '../lib/index.js'
import type { Access } from '../model.js'
import type { AccessKind, GrantKind, ResetNotice } from './notice.js'

/** What mails say. Plain, for people who read them at three in the morning on a telephone. */
export interface MailWords {
  readonly subjects: Readonly<Record<GrantKind, (machines: string) => string>>
  readonly says: Readonly<Record<GrantKind, string>>
  readonly saysIssuedForLater: string
  readonly accessSubjects: Readonly<Record<AccessKind, (machines: string, who: string) => string>>
  readonly accessSays: Readonly<Record<AccessKind, string>>
  readonly resetSubjects: Readonly<Record<ResetNotice['kind'], (whose: string) => string>>
  readonly resetSays: Readonly<Record<ResetNotice['kind'], string>>
  readonly agreed: (agreed: number, needed: number) => string
  readonly fromApproval: (length: string) => string
  readonly fromFirstUse: (length: string) => string
  readonly sessionsAtMost: (count: number) => string
  readonly needsRelease: string
  readonly lockdownOn: (scope: string) => string
  readonly lockdownOff: (scope: string) => string
  readonly saysLockdownOn: string
  readonly saysLockdownOff: string
  readonly allMachines: string
  readonly machine: (name: string) => string
  readonly person: (email: string) => string
  readonly breakGlassIssued: string
  readonly breakGlassUsed: string
  readonly saysBreakGlassIssued: string
  readonly saysBreakGlassUsed: string
  readonly test: string
  readonly saysTest: string
  readonly andMore: (count: number) => string
  readonly labels: {
    readonly machines: string
    readonly from: string
    readonly until: string
    /** Of what somebody may, asked for and was not given, and could until it ended. */
    readonly access: string
    readonly asked: string
    readonly could: string
    readonly reason: string
    readonly ticket: string
    readonly at: string
    readonly by: string
    readonly who: string
    readonly whose: string
    readonly answeredBy: string
    readonly validUntil: string
    readonly source: string
    readonly revokedAt: string
    readonly revokedBecause: string
    readonly hours: string
    readonly lasts: string
    readonly toBegin: string
    readonly sources: string
    readonly sessions: string
    readonly release: string
    readonly wants: string
    readonly lapses: string
    readonly deniedBecause: string
    readonly agreed: string
  }
  readonly access: Readonly<Record<Access, string>>
  readonly open: string
  readonly footer: (host: string) => string
}

export const mailWords: InEach<MailWords> = {
  en: {
    subjects: {
      'grant.issued': (machines) => `Access to ${machines}`,
      'grant.started': (machines) => `Your access to ${machines} has begun`,
      'grant.ends-soon': (machines) => `Your access to ${machines} ends soon`,
      'grant.extended': (machines) => `Your access to ${machines} ends later`,
      'grant.ended': (machines) => `Your access to ${machines} has ended`,
      'grant.revoked': (machines) => `The plant has ended your access to ${machines}`,
    },
    says: {
      'grant.issued': 'The plant has given you access. Sign in at the portal to open the machine.',
      'grant.started': 'Your access has begun. Sign in at the portal to open the machine.',
      'grant.ends-soon':
        'Your access ends soon, and everything you have open ends with it. Finish what must not be interrupted; if you need longer, ask the plant now.',
      'grant.extended': 'The plant has moved the end of your access.',
      'grant.ended': 'Your access has ended. If the work is not done, ask the plant for a new one.',
      'grant.revoked':
        'The plant has ended your access before its time. What you had open is closed. Ask the plant if you do not know why.',
    },
    saysIssuedForLater:
      'The plant has given you access. It is not open yet: the times are below, and you are told when it begins.',
    accessSubjects: {
      'access.requested': (machines, who) => `${who} asks for access to ${machines}`,
      'access.agreed': (machines) => `Not all have agreed yet: access to ${machines}`,
      'access.approved': (machines) => `Approved: access to ${machines}`,
      'access.denied': (machines) => `Denied: access to ${machines}`,
      'access.lapsed': (machines) => `Nobody answered: access to ${machines}`,
      'access.withdrawn': (machines, who) => `${who} no longer asks for access to ${machines}`,
    },
    accessSays: {
      'access.requested':
        'Somebody asks for access and waits for an answer. Sign in to say yes, to less, or no. This message answers nothing by itself.',
      'access.agreed':
        'Somebody at the plant has said yes, and others have to as well. You need do nothing; you are told when all have answered.',
      'access.approved':
        'The plant has said yes, to what is below; it may be less than you asked for. Sign in at the portal to open the machine when its time has come.',
      'access.denied':
        'The plant has said no to your request, so nothing opens for you by it. Talk to your contact there if you do not see why.',
      'access.lapsed':
        'Nobody answered your request in time, so it is over and nothing opens for you by it. Call your contact at the plant, and ask again in the portal.',
      'access.withdrawn':
        'Whoever asked for this has taken it back. There is nothing left to answer, and nothing was given.',
    },
    resetSubjects: {
      'reset.proposed': (whose) => `A second administrator is asked for: second factor of ${whose}`,
      'reset.confirmed': (whose) => `Confirmed: reset of the second factor of ${whose}`,
      'reset.declined': (whose) => `Declined: reset of the second factor of ${whose}`,
    },
    resetSays: {
      'reset.proposed':
        'An administrator proposes to reset somebody’s second factor. Nothing is reset until another one confirms it. Talk to the person, and to who proposes it, by a way that you know; then confirm or decline in the list of people. If you know nothing of it, decline.',
      'reset.confirmed':
        'Another administrator has said yes to what you proposed. Look in the list of people whether the second factor is reset, and make the invitation for the next one there. If you did not propose it, lock the person down and ask at once.',
      'reset.declined':
        'Somebody has said no to what you proposed, and nothing was reset. Talk to them before you propose it again.',
    },
    agreed: (agreed, needed) => `${String(agreed)} of ${String(needed)}`,
    fromApproval: (length) => `${length} from the approval on`,
    fromFirstUse: (length) => `${length} from the first use on`,
    sessionsAtMost: (count) => `${String(count)} at a time`,
    needsRelease: 'The control room lets you in each time. Call it first.',
    lockdownOn: (scope) => `Locked down: ${scope}`,
    lockdownOff: (scope) => `Lockdown lifted: ${scope}`,
    saysLockdownOn: 'What was open is cut, and nobody gets in there until it is lifted.',
    saysLockdownOff: 'Whoever holds a running grant gets in again.',
    allMachines: 'all machines',
    machine: (name) => `the machine ${name}`,
    person: (email) => `all machines, for ${email}`,
    breakGlassIssued: 'Break-glass: a code was made',
    breakGlassUsed: 'Break-glass: the code was used',
    saysBreakGlassIssued:
      'An operator of the host has made a code with which this person can sign in without the identity provider. If you do not know why, end the session on the portal, and ask.',
    saysBreakGlassUsed:
      'This person has signed in without the identity provider. If you do not know why, end the session on the portal, and ask.',
    test: 'Test',
    saysTest: 'Mail from Gatehouse arrives here. Nothing has happened.',
    andMore: (count) => `and ${String(count)} more`,
    labels: {
      machines: 'Machines',
      from: 'From',
      until: 'Until',
      access: 'You may',
      asked: 'You asked to',
      could: 'You could',
      reason: 'Reason',
      ticket: 'Ticket',
      at: 'When',
      by: 'By',
      who: 'Who',
      whose: 'Whose',
      answeredBy: 'Answered by',
      validUntil: 'Code valid until',
      source: 'From address',
      revokedAt: 'Ended at',
      revokedBecause: 'Reason given',
      hours: 'Only in these hours',
      lasts: 'Lasts',
      toBegin: 'To be begun within',
      sources: 'Only from addresses',
      sessions: 'Sessions',
      release: 'Before each use',
      wants: 'Wants to',
      lapses: 'Answer until',
      deniedBecause: 'Reason given',
      agreed: 'Have said yes',
    },
    access: { view: 'look, and change nothing', operate: 'look and operate' },
    open: 'Open the portal',
    footer: (host) =>
      `Sent by Gatehouse at ${host}. This message gives no access by itself: sign in to do anything. Nobody reads answers to it.`,
  },
  de: {
    subjects: {
      'grant.issued': (machines) => `Zugang zu ${machines}`,
      'grant.started': (machines) => `Ihr Zugang zu ${machines} hat begonnen`,
      'grant.ends-soon': (machines) => `Ihr Zugang zu ${machines} endet bald`,
      'grant.extended': (machines) => `Ihr Zugang zu ${machines} endet später`,
      'grant.ended': (machines) => `Ihr Zugang zu ${machines} ist beendet`,
      'grant.revoked': (machines) => `Das Werk hat Ihren Zugang zu ${machines} beendet`,
    },
    says: {
      'grant.issued':
        'Das Werk hat Ihnen eine Freigabe erteilt. Melden Sie sich im Portal an, um die Maschine zu öffnen.',
      'grant.started': 'Ihre Freigabe hat begonnen. Melden Sie sich im Portal an, um die Maschine zu öffnen.',
      'grant.ends-soon':
        'Ihre Freigabe endet bald, und mit ihr alles, was Sie geöffnet haben. Beenden Sie, was nicht unterbrochen werden darf; wenn Sie länger brauchen, fragen Sie jetzt im Werk nach.',
      'grant.extended': 'Das Werk hat das Ende Ihrer Freigabe verschoben.',
      'grant.ended':
        'Ihre Freigabe ist beendet. Wenn die Arbeit nicht fertig ist, bitten Sie das Werk um eine neue.',
      'grant.revoked':
        'Das Werk hat Ihre Freigabe vorzeitig beendet. Was Sie geöffnet hatten, ist geschlossen. Fragen Sie im Werk nach, wenn Sie den Grund nicht kennen.',
    },
    saysIssuedForLater:
      'Das Werk hat Ihnen eine Freigabe erteilt. Sie gilt noch nicht: Die Zeiten stehen unten, und Sie erhalten Nachricht, wenn sie beginnt.',
    accessSubjects: {
      'access.requested': (machines, who) => `${who} bittet um Zugang zu ${machines}`,
      'access.agreed': (machines) => `Noch nicht alle haben zugestimmt: Zugang zu ${machines}`,
      'access.approved': (machines) => `Zugestimmt: Zugang zu ${machines}`,
      'access.denied': (machines) => `Abgelehnt: Zugang zu ${machines}`,
      'access.lapsed': (machines) => `Unbeantwortet: Zugang zu ${machines}`,
      'access.withdrawn': (machines, who) => `${who} bittet nicht mehr um Zugang zu ${machines}`,
    },
    accessSays: {
      'access.requested':
        'Jemand bittet um Zugang und wartet auf eine Antwort. Melden Sie sich an, um zuzustimmen, weniger zu geben oder abzulehnen. Diese Nachricht beantwortet von sich aus nichts.',
      'access.agreed':
        'Jemand im Werk hat zugestimmt, andere müssen es noch. Sie müssen nichts tun; Sie erhalten Nachricht, wenn alle geantwortet haben.',
      'access.approved':
        'Das Werk hat dem zugestimmt, was unten steht; es kann weniger sein, als Sie beantragt haben. Melden Sie sich im Portal an, um die Maschine zu öffnen, sobald die Zeit gekommen ist.',
      'access.denied':
        'Das Werk hat Ihren Antrag abgelehnt; durch ihn öffnet sich Ihnen nichts. Sprechen Sie mit Ihrem Ansprechpartner dort, wenn Sie den Grund nicht verstehen.',
      'access.lapsed':
        'Niemand hat Ihren Antrag rechtzeitig beantwortet, deshalb ist er verfallen; durch ihn öffnet sich Ihnen nichts. Rufen Sie Ihren Ansprechpartner im Werk an, und stellen Sie ihn im Portal neu.',
      'access.withdrawn':
        'Der Antrag wurde zurückgezogen. Es ist nichts mehr zu beantworten, und nichts wurde gegeben.',
    },
    resetSubjects: {
      'reset.proposed': (whose) => `Es braucht einen zweiten Administrator: zweiter Faktor von ${whose}`,
      'reset.confirmed': (whose) => `Bestätigt: Zurücksetzen des zweiten Faktors von ${whose}`,
      'reset.declined': (whose) => `Abgelehnt: Zurücksetzen des zweiten Faktors von ${whose}`,
    },
    resetSays: {
      'reset.proposed':
        'Ein Administrator schlägt vor, den zweiten Faktor einer Person zurückzusetzen. Bis ein anderer das bestätigt, geschieht nichts. Sprechen Sie mit der Person und mit dem, der es vorschlägt, auf einem Weg, den Sie kennen; bestätigen Sie dann in der Liste der Personen, oder lehnen Sie ab. Wenn Sie nichts davon wissen, lehnen Sie ab.',
      'reset.confirmed':
        'Ein anderer Administrator hat Ihrem Vorschlag zugestimmt. Sehen Sie in der Liste der Personen nach, ob der zweite Faktor zurückgesetzt ist, und erzeugen Sie dort die Einladung für den nächsten. Wenn der Vorschlag nicht von Ihnen war, sperren Sie die Person, und fragen Sie sofort nach.',
      'reset.declined':
        'Ihr Vorschlag wurde abgelehnt, und nichts wurde zurückgesetzt. Sprechen Sie darüber, bevor Sie ihn noch einmal machen.',
    },
    agreed: (agreed, needed) => `${String(agreed)} von ${String(needed)}`,
    fromApproval: (length) => `${length} ab der Zustimmung`,
    fromFirstUse: (length) => `${length} ab der ersten Benutzung`,
    sessionsAtMost: (count) => `${String(count)} gleichzeitig`,
    needsRelease: 'Die Leitwarte lässt Sie jedes Mal ein. Rufen Sie dort vorher an.',
    lockdownOn: (scope) => `Gesperrt: ${scope}`,
    lockdownOff: (scope) => `Sperre aufgehoben: ${scope}`,
    saysLockdownOn:
      'Was offen war, ist getrennt, und niemand kommt dort hinein, bis die Sperre aufgehoben ist.',
    saysLockdownOff: 'Wer eine laufende Freigabe hat, kommt wieder hinein.',
    allMachines: 'alle Maschinen',
    machine: (name) => `die Maschine ${name}`,
    person: (email) => `alle Maschinen, für ${email}`,
    breakGlassIssued: 'Notfallcode: erzeugt',
    breakGlassUsed: 'Notfallcode: benutzt',
    saysBreakGlassIssued:
      'Am Server wurde ein Code erzeugt, mit dem sich diese Person ohne den Anmeldedienst anmelden kann. Wenn Sie den Grund nicht kennen, beenden Sie die Sitzung im Portal und fragen Sie nach.',
    saysBreakGlassUsed:
      'Diese Person hat sich ohne den Anmeldedienst angemeldet. Wenn Sie den Grund nicht kennen, beenden Sie die Sitzung im Portal und fragen Sie nach.',
    test: 'Test',
    saysTest: 'E-Mails von Gatehouse kommen hier an. Es ist nichts geschehen.',
    andMore: (count) => `und ${String(count)} weitere`,
    labels: {
      machines: 'Maschinen',
      from: 'Von',
      until: 'Bis',
      access: 'Sie dürfen',
      asked: 'Beantragt war',
      could: 'Sie durften',
      reason: 'Grund',
      ticket: 'Vorgang',
      at: 'Wann',
      by: 'Durch',
      who: 'Wer',
      whose: 'Wessen',
      answeredBy: 'Beantwortet von',
      validUntil: 'Code gültig bis',
      source: 'Von der Adresse',
      revokedAt: 'Beendet am',
      revokedBecause: 'Angegebener Grund',
      hours: 'Nur zu diesen Zeiten',
      lasts: 'Dauer',
      toBegin: 'Zu beginnen innerhalb von',
      sources: 'Nur von den Adressen',
      sessions: 'Sitzungen',
      release: 'Vor jeder Benutzung',
      wants: 'Möchte',
      lapses: 'Antwort bis',
      deniedBecause: 'Angegebener Grund',
      agreed: 'Zugestimmt haben',
    },
    access: { view: 'ansehen, nichts ändern', operate: 'ansehen und bedienen' },
    open: 'Portal öffnen',
    footer: (host) =>
      `Gesendet von Gatehouse auf ${host}. Diese Nachricht gibt von sich aus keinen Zugang: Melden Sie sich an, um etwas zu tun. Antworten darauf liest niemand.`,
  },
}
