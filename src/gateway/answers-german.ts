/** What an answer says to a person, in whatever language. */
export interface Explanation {
  readonly title: string
  readonly text: string
  readonly next: string
  readonly link?: { readonly label: string; readonly href: string }
}

const askForAccess =
  'Bitten Sie die Person im Werk, die Ihre Arbeit bestellt hat, um Zugang, und versuchen Sie es dann noch einmal.'
const askAdministrator =
  'Wenn es so bleibt, rufen Sie die IT des Werks an, und lesen Sie die Vorgangsnummer vor.'
const askForTime =
  'Wenn Ihre Arbeit nicht fertig ist, bitten Sie das Werk um mehr Zeit. Das braucht einen Augenblick und kein Formular.'
const loadAgain = 'Laden Sie die Seite neu.'
const oneMoment = 'Einen Augenblick'

const askLink = { label: 'Zugang beantragen', href: '/request' }

const noAccess: Explanation = {
  title: 'Hier haben Sie keinen Zugang',
  text: 'An dieser Adresse ist nichts für Sie offen.',
  next: askForAccess,
}

const invalidToken: Explanation = {
  title: 'Dieses Token gilt nicht',
  text: 'Es ist unbekannt, abgelaufen, widerrufen, oder es gilt nicht von dieser Adresse.',
  next: 'Die Administration sieht, wie es um das Token steht, und stellt ein neues aus.',
}

const slow: Explanation = {
  title: 'Die Verbindung wurde geschlossen',
  text: 'Eine Zeit lang ging nichts mehr hindurch.',
  next: loadAgain,
}

const restarting: Explanation = {
  title: oneMoment,
  text: 'Das Gateway wird gerade neu gestartet.',
  next: 'Warten Sie eine Minute, und laden Sie die Seite neu.',
}

const uncheckable: Explanation = {
  title: 'Der Zugang kann gerade nicht geprüft werden',
  text: 'Niemand wird eingelassen, solange das Gateway nicht sehen kann, wer hineindarf.',
  next: 'Warten Sie eine Minute, und laden Sie die Seite neu. ' + askAdministrator,
}

/** What stands in `answers.ts` in English; what is missing here does not compile there. */
export const answersInGerman = {
  noAccess,
  uncheckable,
  unforeseen: {
    title: 'Hier ist etwas schiefgegangen',
    text: 'Der Fehler liegt bei uns und wurde aufgezeichnet.',
    next: askAdministrator,
  },
  plain: {
    title: 'Das hat nicht geklappt',
    next: 'Gehen Sie zurück, berichtigen Sie es, und versuchen Sie es noch einmal.',
  },
  denials: {
    'grant-not-started': {
      title: 'Ihr Zugang hat noch nicht begonnen',
      text: 'Sie haben für diese Maschine eine Freigabe für später.',
      next: 'Das Portal zeigt, wann sie beginnt. Kommen Sie dann wieder, oder bitten Sie das Werk um einen früheren Beginn.',
    },
    'grant-ended': {
      title: 'Ihr Zugang ist beendet',
      text: 'Die Zeit, die Sie für diese Maschine hatten, ist vorbei, und die Verbindung wurde getrennt.',
      next: askForTime,
      link: askLink,
    },
    'grant-revoked': {
      title: 'Ihr Zugang wurde zurückgenommen',
      text: 'Jemand im Werk hat Ihren Zugang zu dieser Maschine beendet, und die Verbindung wurde getrennt.',
      next: 'Rufen Sie Ihren Ansprechpartner im Werk an, bevor Sie weitermachen, auch um zu klären, in welchem Zustand die Maschine bleibt.',
    },
    'endpoint-unknown': noAccess,
    'grant-outside-window': {
      title: 'Ihr Zugang macht eine Pause',
      text: 'Diese Maschine ist für Sie zu bestimmten Stunden offen, und jetzt ist keine davon.',
      next: 'Das Portal zeigt, wann sie wieder offen ist. Kommen Sie dann wieder, oder bitten Sie das Werk um mehr Zeit.',
    },
    'source-closed': {
      title: 'Ihr Zugang gilt nicht von hier',
      text: 'Das Werk hat diese Maschine nur für bestimmte Netze geöffnet, und Sie kommen aus einem anderen.',
      next: 'Verbinden Sie sich aus dem Netz, das Sie mit dem Werk vereinbart haben, oder sagen Sie dort, wo Sie sind.',
    },
    'release-awaited': {
      title: 'Die Leitwarte muss Sie einlassen',
      text: 'Sie haben Zugang zu dieser Maschine, und jemand im Werk gibt ihn jedes Mal frei, wenn Sie kommen. Für diese Anmeldung ist das noch nicht geschehen, oder es wurde zurückgenommen.',
      next: 'Rufen Sie die Leitwarte oder Ihren Ansprechpartner im Werk an. Laden Sie diese Seite neu, wenn der Zugang freigegeben ist.',
    },
    'sessions-taken': {
      title: 'Sie sind schon da, in einem anderen Browser',
      text: 'So viele Anmeldungen, wie dieser Zugang zur gleichen Zeit erlaubt, benutzen ihn gerade.',
      next: 'Melden Sie sich dort ab, wo Sie ihn nicht brauchen, und laden Sie diese Seite neu. Wenn Sie den anderen Browser nicht erreichen, bitten Sie das Werk, dessen Sitzung zu beenden.',
    },
    'release-withdrawn': {
      title: 'Die Leitwarte hat das zurückgenommen',
      text: 'Jemand im Werk hat Ihren Zugang zu dieser Maschine wieder geschlossen, und die Verbindung wurde getrennt.',
      next: 'Rufen Sie dort an, bevor Sie weitermachen, auch um zu klären, in welchem Zustand die Maschine bleibt. Der Zugang kann wieder freigegeben werden.',
    },
    'browser-refused': {
      title: 'Das ist nur für Programme',
      text: 'Was mit diesem Aufruf kam, senden nur Browser. Die Schnittstelle nimmt ein Dienst-Token und kein Cookie von uns.',
      next: 'Rufen Sie sie aus einem Programm auf. Für Menschen gibt es die Seiten des Portals.',
    },
    'token-missing': {
      title: 'Ein Dienst-Token fehlt',
      text: 'Senden Sie es als „Authorization: Bearer ...“.',
      next: 'Die Administration stellt eines aus.',
    },
    'token-unknown': invalidToken,
    'token-revoked': invalidToken,
    'token-ended': invalidToken,
    'token-source-closed': invalidToken,
    'scope-missing': {
      title: 'Dieses Token darf das nicht',
      text: 'Ihm fehlt das Recht, das dieser Aufruf braucht.',
      next: 'Die Administration stellt ein Token mit diesem Recht aus.',
    },
    'grant-missing': noAccess,
    'role-missing': {
      title: 'Diese Seite ist nicht für Ihr Konto',
      text: 'Sie ist für die Personen im Werk, die Zugang geben und beenden.',
      next: 'Wenn Sie dazugehören sollten, bitten Sie die IT des Werks, Sie in die richtige Gruppe aufzunehmen, und melden Sie sich dann neu an.',
    },
    'method-closed': {
      title: 'Das ist hier nicht offen',
      text: 'Sie haben Zugang zu dieser Maschine, aber was Sie gerade getan haben, ist auf diesem Weg für niemanden offen.',
      next: 'Wenn Ihre Arbeit es braucht, bitten Sie die IT des Werks, es für diese Maschine zu öffnen.',
    },
    'path-closed': {
      title: 'Dieser Teil der Maschine ist nicht offen',
      text: 'Sie haben Zugang zu dieser Maschine, aber nur zu Teilen davon, und diese Seite gehört nicht dazu.',
      next: 'Beginnen Sie wieder am Portal. Wenn Ihre Arbeit diese Seite braucht, bitten Sie die IT des Werks, sie zu öffnen.',
    },
    'view-only': {
      title: 'Sie dürfen ansehen, nicht ändern',
      text: 'Ihr Zugang zu dieser Maschine ist zum Ansehen. Was Sie gerade getan haben, hätte etwas geändert.',
      next: 'Wenn Ihre Arbeit es braucht, bitten Sie das Werk um Zugang zum Bedienen.',
    },
    'grant-read-only': {
      title: 'Ihre Zeit zum Ändern ist vorbei',
      text: 'Ihr Zugang zu dieser Maschine endet bald; bis dahin dürfen Sie ansehen, nicht ändern. Was Sie gerade getan haben, wurde nicht weitergegeben.',
      next: askForTime,
      link: askLink,
    },
    'grant-extended': {
      title: 'Sie haben mehr Zeit bekommen',
      text: 'Was diese Seite der Maschine kurz davor gesagt hat, ist nicht angekommen.',
      next: 'Laden Sie die Seite neu, und prüfen Sie an der Maschine, was übernommen wurde.',
    },
    'origin-foreign': {
      title: 'Das kam von einer anderen Seite',
      text: 'Eine Seite einer anderen Adresse wollte das in Ihrem Namen tun; deshalb wurde es nicht getan.',
      next: 'Öffnen Sie die Maschine vom Portal aus, und tun Sie es dort.',
    },
    'login-required': {
      title: 'Bitte melden Sie sich an',
      text: 'Sie sind nicht angemeldet.',
      next: 'Melden Sie sich am Portal an, und versuchen Sie es noch einmal.',
    },
    'session-ended': {
      title: 'Sie wurden abgemeldet',
      text: 'Ihre Sitzung ist beendet.',
      next: 'Melden Sie sich am Portal neu an.',
    },
    'session-killed': {
      title: 'Sie wurden abgemeldet',
      text: 'Jemand im Werk hat Ihre Sitzung beendet.',
      next: 'Rufen Sie Ihren Ansprechpartner im Werk an, bevor Sie sich wieder anmelden.',
    },
    'signed-out': {
      title: 'Sie haben sich abgemeldet',
      text: 'Ihre Sitzung ist beendet.',
      next: 'Melden Sie sich am Portal neu an.',
    },
    'second-factor-required': {
      title: 'Ihr Einmalcode fehlt',
      text: 'Sie sind angemeldet, haben aber Ihren Einmalcode noch nicht eingegeben.',
      next: 'Geben Sie ihn am Portal ein, und versuchen Sie es noch einmal.',
    },
    'second-factor-reset': {
      title: 'Sie wurden abgemeldet',
      text: 'Die IT des Werks hat Ihren zweiten Faktor zurückgesetzt.',
      next: 'Melden Sie sich neu an. Sie brauchen dafür den neuen Einladungscode, den Sie von dort bekommen.',
    },
    lockdown: {
      title: 'Der Fernzugang ist gesperrt',
      text: 'Das Werk hat den Fernzugang vorerst gesperrt, zu dieser Maschine oder ganz.',
      next: 'Ihre Freigabe bleibt bestehen. Rufen Sie Ihren Ansprechpartner im Werk an, und versuchen Sie es wieder, wenn die Sperre aufgehoben ist.',
    },
    'state-stale': {
      title: oneMoment,
      text: 'Ihr Zugang musste neu geprüft werden, und was gerade lief, wurde beendet.',
      next: 'Laden Sie die Seite neu. Wenn Sie gerade etwas geändert haben, prüfen Sie zuerst an der Maschine, ob es übernommen wurde.',
    },
    'gateway-stopping': restarting,
    idle: slow,
    'client-stalled': slow,
  },
  failures: {
    'request-ambiguous': {
      title: 'Das Gesendete ist nicht eindeutig',
      text: 'Es lässt sich auf mehr als eine Art lesen; deshalb wurde es nicht weitergegeben.',
      next: 'Wenn Sie einem Link gefolgt sind, geben Sie die Adresse von Hand ein. ' + askAdministrator,
    },
    'headers-too-large': {
      title: 'Das Gesendete ist zu groß',
      text: 'Ihr Browser hat mehr Cookies und andere Kopfzeilen geschickt, als die Maschinen hinter diesem Gateway annehmen.',
      next: 'Löschen Sie die Cookies dieser Adresse, und laden Sie die Seite neu. ' + askAdministrator,
    },
    'request-unreadable': {
      title: 'Das Gesendete kann nicht gelesen werden',
      text: 'Was ankam, gehört nicht zum Web oder verletzt dessen Regeln.',
      next: `${loadAgain} ${askAdministrator}`,
    },
    'request-timeout': {
      title: 'Das hat zu lange gedauert',
      text: 'Es kam nicht rechtzeitig vollständig an.',
      next: loadAgain,
    },
    'host-not-sni': {
      title: 'Diese Verbindung gehört zu einer anderen Adresse',
      text: 'Sie wurde für einen Namen geöffnet und dann nach einem anderen gefragt.',
      next: `${loadAgain} ${askAdministrator}`,
    },
    'host-unknown': {
      title: 'Unter diesem Namen gibt es hier nichts',
      text: 'Die Adresse, über die Sie kamen, gehört nicht zu diesem Gateway.',
      next: 'Prüfen Sie die Adresse. Das Portal zeigt, was Sie öffnen dürfen.',
    },
    'method-not-allowed': {
      title: 'Das geht hier nicht',
      text: 'Die Adresse gibt es, aber nicht für diese Art, sie aufzurufen.',
      next: 'Beginnen Sie wieder am Portal.',
    },
    'not-found': {
      title: 'Diese Seite gibt es nicht',
      text: 'Die Adresse ist vielleicht vertippt oder veraltet.',
      next: 'Beginnen Sie wieder am Portal.',
    },
    'store-unavailable': uncheckable,
    'store-corrupt': uncheckable,
    'ledger-unavailable': {
      title: 'Der Zugang kann gerade nicht aufgezeichnet werden',
      text: 'Niemand wird eingelassen, solange das Gateway nicht aufschreiben kann, wer hineinging.',
      next: 'Warten Sie eine Minute, und laden Sie die Seite neu. ' + askAdministrator,
    },
    'identity-provider-unavailable': {
      title: 'Anmelden ist gerade nicht möglich',
      text: 'Der Anmeldedienst antwortet nicht. Wer angemeldet ist, kann weiterarbeiten.',
      next: 'Warten Sie eine Minute, und versuchen Sie es noch einmal. Wenn es eilt, rufen Sie die IT des Werks an: Von dort können Sie einen Notfallcode bekommen, mit dem Sie sich ohne ihn anmelden.',
      link: { label: 'Ich habe einen Notfallcode', href: '/break-glass' },
    },
    'upstream-unreachable': {
      title: 'Die Maschine antwortet nicht',
      text: 'Sie dürfen hinein, aber die Maschine ist nicht erreichbar. Vielleicht ist sie ausgeschaltet oder startet gerade neu.',
      next: 'Fragen Sie jemanden im Werk, ob sie läuft, und laden Sie dann die Seite neu.',
    },
    'upstream-busy': {
      title: 'Die Maschine ist beschäftigt',
      text: 'Sie dürfen hinein, aber die Maschine nimmt wenige Verbindungen an, und alle sind in Gebrauch.',
      next: 'Schließen Sie, was Sie von ihr nicht brauchen, warten Sie einen Augenblick, und laden Sie die Seite neu.',
    },
    'upstream-timeout': {
      title: 'Die Maschine braucht zu lange',
      text: 'Sie dürfen hinein, aber die Maschine hat nicht rechtzeitig geantwortet.',
      next: 'Laden Sie die Seite neu. Wenn Sie gerade etwas geändert haben, prüfen Sie zuerst an der Maschine, ob es übernommen wurde.',
    },
    'upstream-invalid': {
      title: 'Die Maschine hat etwas Unsicheres geschickt',
      text: 'Sie dürfen hinein, aber die Antwort der Maschine verletzt die Regeln des Webs und wurde nicht weitergegeben.',
      next: askAdministrator,
    },
    'upstream-login-failed': {
      title: 'Die Maschine hat das Gateway nicht eingelassen',
      text: 'Sie dürfen hinein, aber die Maschine verlangt eine eigene Anmeldung, die das Gateway für Sie übernimmt. Was Sie getan haben, wurde nicht übernommen.',
      next: 'Warten Sie eine Minute, laden Sie die Seite neu, und wiederholen Sie es. ' + askAdministrator,
    },
    'handover-invalid': {
      title: 'Dieser Link ist verbraucht oder zu alt',
      text: 'Der Weg vom Portal zur Maschine gilt einmal, eine halbe Minute lang, in einem Browser.',
      next: 'Öffnen Sie die Maschine noch einmal vom Portal aus.',
    },
    stopping: restarting,
    busy: {
      title: 'Hier ist zu viel los',
      text: 'Es läuft mehr, als das Gateway auf einmal bedient: von Ihrer Adresse, für Sie oder für alle.',
      next:
        'Schließen Sie Tabs, die Sie nicht brauchen, warten Sie eine Minute, und laden Sie die Seite neu. ' +
        askAdministrator,
    },
    'body-too-large': {
      title: 'Das ist zu groß zum Senden',
      text: 'Es ist größer als das, was hier auf einmal gesendet werden darf.',
      next: 'Wenn Ihre Arbeit es braucht, bitten Sie die IT des Werks, für diese Maschine mehr zu erlauben.',
    },
  },
}
