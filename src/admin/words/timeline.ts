import type { InEach } from '../../lib/index.js'
import type { GrantGroup } from '../grant-selection.js'

export interface TimelineWords {
  readonly title: string
  readonly list: string
  readonly day: string
  readonly week: string
  readonly span: string
  readonly previous: string
  readonly next: string
  readonly today: string
  readonly zone: (name: string) => string
  readonly groups: Readonly<Record<GrantGroup, string>>
  readonly nothing: string
  readonly nothingNext: string
  readonly others: (count: number) => string
  readonly more: (count: number) => string
  readonly moreOf: (machine: string) => string
  readonly hint: string
  readonly nothingFits: string
  readonly order: string
  readonly noTime: string
  readonly keptHint: string
}

/** The drawing of grants over a day or a week. */
export const timelineWords: InEach<TimelineWords> = {
  en: {
    title: 'Timeline of grants',
    list: 'As a list',
    day: 'Day',
    week: 'Week',
    span: 'What is drawn',
    previous: 'Earlier',
    next: 'Later',
    today: 'Today',
    zone: (name) => `Plant time (${name})`,
    groups: { running: 'Running', coming: 'Starts later', ended: 'Ended', revoked: 'Revoked' },
    nothing: 'No grant lies here',
    nothingNext: 'Choose an earlier or later time, or look at the list of all grants.',
    others: (count) =>
      count === 1
        ? 'For one other machine there is no grant here.'
        : `For ${String(count)} other machines there is no grant here.`,
    more: (count) => `${String(count)} more: see the list`,
    moreOf: (machine) => `of ${machine}`,
    hint: 'Machine, person, reason or ticket.',
    nothingFits: 'Choose another time, or search for something else.',
    order: 'Machines that are in use come first, then those that will be next.',
    noTime: 'There is no such day. Today is shown.',
    keptHint: 'The day is not kept: it begins with today.',
  },
  de: {
    title: 'Freigaben im Zeitverlauf',
    list: 'Als Liste',
    day: 'Tag',
    week: 'Woche',
    span: 'Was gezeigt wird',
    previous: 'Früher',
    next: 'Später',
    today: 'Heute',
    zone: (name) => `Werkszeit (${name})`,
    groups: { running: 'Läuft', coming: 'Beginnt später', ended: 'Beendet', revoked: 'Entzogen' },
    nothing: 'Hier liegt keine Freigabe',
    nothingNext: 'Wählen Sie eine frühere oder spätere Zeit, oder sehen Sie in die Liste aller Freigaben.',
    others: (count) =>
      count === 1
        ? 'Für eine weitere Maschine gibt es hier keine Freigabe.'
        : `Für ${String(count)} weitere Maschinen gibt es hier keine Freigabe.`,
    more: (count) => `${String(count)} weitere: siehe Liste`,
    moreOf: (machine) => `von ${machine}`,
    hint: 'Maschine, Person, Grund oder Ticket.',
    nothingFits: 'Wählen Sie eine andere Zeit, oder suchen Sie nach etwas anderem.',
    order: 'Maschinen, die gerade genutzt werden, stehen vorn, dann die nächsten.',
    noTime: 'Diesen Tag gibt es nicht. Gezeigt wird heute.',
    keptHint: 'Der Tag wird nicht behalten: Gezeigt wird der heutige.',
  },
}
