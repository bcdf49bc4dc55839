/**
 * What the rules for input say, in German, by the English that the rules themselves carry. `{}` stands for a value, in
 * the same order in both.
 *
 * Each follows the name of what it is about: `Das Ende muss in der Zukunft liegen`. One that begins with a capital letter is a
 * sentence of its own.
 */
export const germanRules: Readonly<Record<string, string>> = {
  'must be filled in': 'muss ausgefüllt sein',
  'must be chosen': 'muss gewählt sein',
  'must be text': 'muss Text sein',
  'must be true or false': 'muss wahr oder falsch sein',
  'must be a whole number': 'muss eine ganze Zahl sein',
  'must be 1 or more': 'muss 1 oder mehr sein',
  'must not be more than {}': 'darf nicht mehr als {} sein',
  'must not be longer than {} characters': 'darf nicht länger als {} Zeichen sein',
  'must say why, in words': 'muss in Worten sagen, warum',
  'holds control or text-direction characters':
    'enthält Steuerzeichen oder Zeichen, die die Schreibrichtung ändern',
  'may hold printable ASCII characters only': 'darf nur druckbare ASCII-Zeichen enthalten',
  'is invalid': 'ist nicht gültig',
  'is not valid': 'ist nicht gültig',
  'is not a field of a grant': 'ist kein Feld einer Freigabe',
  'must be an object with the fields of a grant': 'muss ein Objekt mit den Feldern einer Freigabe sein',
  'must be an e-mail address': 'muss eine E-Mail-Adresse sein',
  'must be an e-mail address, like ana@vendor.example':
    'muss eine E-Mail-Adresse sein, zum Beispiel ana@vendor.example',
  'your identity provider has not confirmed an e-mail address for you':
    'Ihr Anmeldedienst hat keine E-Mail-Adresse von Ihnen bestätigt.',

  'Choose at least one machine.': 'Wählen Sie mindestens eine Maschine.',
  'must hold endpoint ids': 'muss Namen von Maschinen enthalten',
  'must hold ids of groups': 'muss Namen von Gruppen enthalten',
  'must hold ids of configured groups': 'muss Gruppen nennen, die es in der Konfiguration gibt',
  'must be a list of endpoint ids': 'muss eine Liste von Maschinen sein',
  'must be a list of ids of groups': 'muss eine Liste von Gruppen sein',
  'must name at least one endpoint': 'muss mindestens eine Maschine nennen',
  'must not name more than {} endpoints': 'darf nicht mehr als {} Maschinen nennen',
  'must not name more than {} groups': 'darf nicht mehr als {} Gruppen nennen',
  'must not name an endpoint twice': 'darf keine Maschine zweimal nennen',
  'must not name a group twice': 'darf keine Gruppe zweimal nennen',
  'must not come to more than {} endpoints': 'darf zusammen nicht mehr als {} Maschinen ergeben',
  'must not name a machine that was not asked for': 'darf keine Maschine nennen, um die es nicht ging',
  '{} is not a configured endpoint': 'nennt eine Maschine, die es hier nicht gibt: {}',
  'one of them is not a configured endpoint': 'nennt eine Maschine, die es hier nicht gibt',
  'must be "view" or "operate"': 'muss „view“ oder „operate“ sein',
  'must be "view", or as was asked': 'muss „nur ansehen“ sein, oder wie beantragt',
  'must be "cut", "drain" or "read-only"': 'muss „cut“, „drain“ oder „read-only“ sein',
  'must be "all", "endpoint:ID" or "principal:EMAIL"': 'muss alles, eine Maschine oder eine Person nennen',

  'must be an instant, like {}, "now" or "+2h"': 'muss ein Zeitpunkt sein, zum Beispiel {}, „now“ oder „+2h“',
  'must be a date and a time, like {}': 'muss ein Datum mit Uhrzeit sein, zum Beispiel {}',
  'does not exist: in {} the clocks are put forward past {}. Choose a time before or after that':
    'existiert nicht: In {} springen die Uhren über {} hinweg. Wählen Sie eine Zeit davor oder danach',
  'is not clear: in {} the clocks are put back, and show {} twice. Choose a time before or after that':
    'ist nicht eindeutig: In {} werden die Uhren zurückgestellt und zeigen {} zweimal. Wählen Sie eine Zeit davor oder danach',
  'must not lie in the past': 'darf nicht in der Vergangenheit liegen',
  'must lie in the future': 'muss in der Zukunft liegen',
  'must not lie more than {} days ahead': 'darf nicht mehr als {} Tage voraus liegen',
  'must lie after the start': 'muss nach dem Beginn liegen',
  'must not lie more than {} after the start': 'darf nicht mehr als {} nach dem Beginn liegen',
  'must be later than the end the grant has': 'muss später sein als das Ende, das die Freigabe hat',
  'must not be earlier than was asked': 'darf nicht früher sein als beantragt',
  'must not be later than was asked': 'darf nicht später sein als beantragt',
  'must be left as it is: it begins when the last approver agrees':
    'muss bleiben, wie er ist: Es beginnt, wenn die letzte Zustimmung da ist',
  'must be longer than nothing': 'muss länger als nichts sein',
  'must not be longer than was asked': 'darf nicht länger sein als beantragt',

  'must be a length, like 90m or 2h': 'muss eine Dauer sein, zum Beispiel 90m oder 2h',
  'must be a minute or more': 'muss eine Minute oder mehr sein',
  'must be left out where there are weekly windows': 'muss leer bleiben, wo Stunden der Woche gewählt sind',
  'must not be longer than {}': 'darf nicht länger als {} sein',
  'must fit between the start and the end': 'muss zwischen Beginn und Ende passen',

  'must be weekly windows, like "mon-fri 06:00-14:00"':
    'muss Tage und Zeiten nennen, zum Beispiel Mo bis Fr von 06:00 bis 14:00',
  'must begin at a time of day, like {}': 'muss mit einer Uhrzeit beginnen, zum Beispiel {}',
  'must end at a time of day, like {}, or at {}':
    'muss mit einer Uhrzeit enden, zum Beispiel {}, oder mit {}',
  'must name a window at least, or be left out': 'muss mindestens ein Zeitfenster nennen oder leer bleiben',
  'must not name more than {} windows a week': 'darf nicht mehr als {} Zeitfenster in der Woche nennen',
  'must not come to more than {} windows': 'darf zusammen nicht mehr als {} Zeitfenster ergeben',
  'must have a window between the start and the end':
    'muss mindestens ein Zeitfenster zwischen Beginn und Ende ergeben',
  'must not have a window that lasts more than {}': 'darf kein Zeitfenster haben, das länger als {} dauert',
  'must be issued for each time zone by itself: these machines stand in several':
    'gilt für eine Zeitzone: Diese Maschinen stehen in mehreren. Erteilen Sie für jede eine eigene Freigabe',

  'must hold addresses': 'muss Adressen enthalten',
  'must be a list of addresses and CIDR blocks': 'muss eine Liste von Adressen und Netzen sein',
  'must not name more than {} addresses or blocks': 'darf nicht mehr als {} Adressen oder Netze nennen',
  'must not name an address or block twice': 'darf keine Adresse und kein Netz zweimal nennen',
  'must be addresses or CIDR blocks that begin at their own address, like {} or {}':
    'muss Adressen oder Netze nennen, die an ihrer eigenen Adresse beginnen, zum Beispiel {} oder {}',
}

const patterns = Object.entries(germanRules)
  .filter(([english]) => english.includes('{}'))
  .map(([english, german]) => {
    const parts = english.split('{}').map((part) => part.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'))
    return { pattern: new RegExp(`^${parts.join('(.+?)')}$`, 'u'), german }
  })

/** What a rule says in German; null for one that has no German here. */
export function germanRule(english: string): string | null {
  if (Object.hasOwn(germanRules, english)) return germanRules[english] ?? null
  for (const { pattern, german } of patterns) {
    const [whole, ...values] = pattern.exec(english) ?? []
    if (whole !== undefined) return german.replaceAll('{}', () => values.shift() ?? '')
  }
  return null
}
