import type { ErrorCode, GatehouseError } from './errors.js'
import type { Language } from './language.js'
import { germanRule } from './rule-words.js'

/**
 * What a failure says to a person on a page. In English it is the error's own sentence, which the module that found
 * it has written. In other languages it is one for each code: shorter, and never about more than the code says.
 *
 * What was wrong with a field stands behind the sentence: in German too, where the rule has any.
 */
export function errorSentence(error: GatehouseError, language: Language): string {
  if (language === 'en') return error.message
  const sentence = sentences[language][error.code]
  if (error.code !== 'input-invalid' || error.message === '') return sentence
  const rule = germanRule(brokenRule(error))
  const place = error.field === null ? '' : `${error.field}: `
  return `${sentence} (${rule === null ? error.message : `${place}${rule}`})`
}

/** What is wrong, without the name of the field it is wrong with: `must lie in the future`. */
export function brokenRule({ field, message }: GatehouseError): string {
  const prefix = `${field ?? ''}: `
  return message.startsWith(prefix) ? message.slice(prefix.length) : message
}

const notCheckable = 'Der Zugang kann gerade nicht geprüft werden.'
const machine = 'Die Maschine konnte darauf nicht antworten.'

/** A new code needs a sentence in each language here. */
const sentences: Readonly<Record<Exclude<Language, 'en'>, Readonly<Record<ErrorCode, string>>>> = {
  de: {
    'request-ambiguous': 'Was gesendet wurde, lässt sich auf mehr als eine Art lesen.',
    'request-unreadable': 'Was gesendet wurde, konnte nicht gelesen werden.',
    'request-timeout': 'Es ist nicht rechtzeitig angekommen.',
    'headers-too-large': 'Der Browser hat zu viele Cookies mitgeschickt.',
    'host-unknown': 'Unter diesem Namen gibt es hier nichts.',
    'host-not-sni': 'Diese Verbindung gehört zu einer anderen Adresse.',
    'method-not-allowed': 'Das geht an dieser Adresse nicht.',
    'not-acceptable': 'Die Schnittstelle antwortet nur in JSON.',
    'content-type-unsupported': 'Die Schnittstelle nimmt nur application/json.',
    'token-missing': 'Ein Dienst-Token fehlt.',
    'token-invalid': 'Dieses Token gilt nicht, oder nicht von hier.',
    'body-too-large': 'Es wurde mehr gesendet, als diese Seite annimmt.',
    'input-invalid': 'Diese Angabe wird so nicht angenommen.',
    'return-target-invalid': 'Die Adresse, zu der es zurückgehen soll, gehört nicht zu diesem Werk.',
    'form-expired':
      'Diese Seite stammt aus einer früheren Anmeldung oder ist zu alt; es ist nichts geschehen. Öffnen Sie sie neu, und wiederholen Sie die Eingabe.',
    'not-found': 'Diese Seite gibt es nicht.',
    'not-signed-in': 'Bitte melden Sie sich an.',
    'second-factor-required': 'Ihr Einmalcode fehlt noch.',
    denied: 'Dafür haben Sie keine Freigabe.',
    'handover-invalid': 'Dieser Link ist verbraucht oder zu alt.',
    'login-failed': 'Der Anmeldedienst hat nicht bestätigt, wer Sie sind.',
    'login-expired':
      'Diese Anmeldung hat zu lange gedauert oder wurde in einem anderen Browser begonnen. Bitte melden Sie sich neu an.',
    'logout-token-invalid': 'Die Abmeldung wurde nicht angenommen.',
    'identity-provider-unavailable': 'Der Anmeldedienst ist gerade nicht erreichbar.',
    'code-wrong': 'Dieser Code stimmt nicht.',
    'code-replayed': 'Dieser Code wurde schon benutzt. Warten Sie auf den nächsten.',
    'code-locked': 'Zu viele falsche Codes. Bitte versuchen Sie es später noch einmal.',
    'invitation-invalid': 'Dieser Einladungscode gilt nicht für Sie, ist verbraucht oder abgelaufen.',
    'break-glass-invalid': 'Dieser Code gilt nicht oder nicht mehr.',
    'identity-provider-answers': 'Der Anmeldedienst antwortet; ein Notfallcode wird nicht gebraucht.',
    'already-enrolled': 'Sie haben schon einen zweiten Faktor.',
    'invitee-enrolled':
      'Diese Person hat einen zweiten Faktor. Um einen anderen einzurichten, wird ihrer zuerst zurückgesetzt.',
    'not-enrolled': 'Es ist kein zweiter Faktor eingerichtet.',
    'grant-unknown': 'Diese Freigabe gibt es nicht.',
    'grant-conflict': 'Diese Freigabe wurde inzwischen beendet.',
    'request-unknown': 'Diesen Antrag gibt es nicht.',
    'request-conflict': 'Dieser Antrag wurde inzwischen beantwortet oder zurückgezogen.',
    'request-limit': 'Es sind zu viele Anträge offen. Warten Sie, bis einige beantwortet sind.',
    'approval-refused': 'Diesen Antrag dürfen Sie nicht beantworten.',
    'fresh-code-required': 'Dafür wird ein frischer Einmalcode gebraucht.',
    'session-unknown': 'Diese Sitzung gibt es nicht oder nicht mehr.',
    'lockdown-unknown': 'Diese Sperre gibt es nicht oder nicht mehr.',
    'lockdown-conflict': 'Das hat inzwischen jemand anderes gesperrt.',
    'person-unknown': 'Diese Person hat sich hier noch nie angemeldet.',
    'person-ambiguous': 'Mit dieser E-Mail-Adresse hat sich mehr als ein Konto angemeldet.',
    'notification-unknown': 'Diese Nachricht gibt es nicht oder nicht mehr.',
    'token-unknown': 'Dieses Dienst-Token gibt es nicht.',
    'idempotency-mismatch': 'Dieser Idempotency-Key kam schon mit einem anderen Aufruf.',
    'idempotency-unfinished':
      'Der erste Aufruf mit diesem Idempotency-Key läuft noch oder wurde nie fertig. Sehen Sie nach, was geschehen ist.',
    'rate-limited': 'Dieses Token ruft öfter auf, als es darf. Warten Sie.',
    'reset-unknown': 'Diesen Vorschlag gibt es nicht oder nicht mehr.',
    'reset-refused':
      'Das dürfen Sie hier nicht bestätigen oder vorschlagen: Es braucht zwei Administratoren, beide andere als die betroffene Person.',
    'reset-conflict':
      'Dieser Vorschlag wurde inzwischen beantwortet, ist abgelaufen, oder es wartet schon einer.',
    'reset-limit':
      'Von Ihnen warten schon so viele Vorschläge, wie es auf einmal sein dürfen. Nehmen Sie einen zurück, oder warten Sie auf die Antwort.',
    'release-refused': 'Den eigenen Zugang gibt niemand selbst frei.',
    'release-conflict':
      'Das ist so nicht möglich: Der Zugang läuft nicht, braucht das nicht, oder jemand anderes hat gerade entschieden.',
    'release-unknown': 'Hier ist nichts freigegeben; vielleicht wurde es schon zurückgenommen.',
    'company-unknown': 'Diese Firma gibt es hier nicht.',
    'ended-in-part': 'Es ist nicht alles beendet. Wiederholen Sie es; was beendet ist, bleibt beendet.',
    'store-unavailable': notCheckable,
    'store-corrupt': notCheckable,
    'index-too-long':
      'Redis führt mehr auf, als auf einmal gelesen wird. Was gefunden wurde, ist erledigt; das Protokoll nennt die Liste.',
    'ledger-unavailable':
      'Es kann gerade nichts aufgezeichnet werden; was nicht aufgezeichnet ist, geschieht nicht.',
    'store-unfit':
      'Zurzeit kann nichts Neues vergeben werden: Der Speicher genügt nicht. Das Protokoll sagt, warum.',
    'clock-untrusted':
      'Zurzeit kann nichts Neues vergeben werden: Der Uhr dieses Rechners ist nicht zu trauen. Das Protokoll sagt, warum.',
    'stopped-here-only':
      'Auf diesem Rechner ist es beendet; auf den anderen erst, wenn der gemeinsame Speicher wieder antwortet.',
    'stopped-until-restart':
      'Nur hier ist es beendet, und nur bis zum nächsten Neustart: Weder der gemeinsame Speicher noch die Platte dieses Rechners nimmt etwas an. Schaffen Sie Platz, und wiederholen Sie es.',
    stopping: 'Das Gateway wird gerade neu gestartet.',
    busy: 'Hier ist gerade zu viel los.',
    'upstream-unreachable': machine,
    'upstream-busy': machine,
    'upstream-invalid': machine,
    'upstream-timeout': machine,
    'upstream-login-failed': machine,
    'config-invalid': 'Die Konfiguration ist nicht gültig.',
    'keys-invalid': 'Die Schlüsseldatei ist nicht gültig.',
    'ledger-invalid': 'Das Protokollbuch ist nicht gültig.',
    internal: 'Hier ist etwas schiefgegangen.',
  },
}
