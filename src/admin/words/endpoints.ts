import type { InEach } from '../../lib/index.js'

export interface EndpointsWords {
  readonly title: string
  readonly about: string
  readonly hint: string
  readonly states: {
    readonly unreachable: string
    readonly granted: string
    readonly open: string
    readonly stopped: string
  }
  readonly machine: string
  readonly health: string
  readonly access: string
  readonly open: string
  readonly answers: (status: number) => string
  readonly silent: string
  readonly since: string
  readonly unasked: string
  readonly notYet: string
  readonly nobody: string
  readonly more: (count: number) => string
  readonly stopped: string
  readonly seeStops: string
  readonly nothing: string
  readonly connections: (count: number) => string
}

/** The machines and how they are. */
export const endpointsWords: InEach<EndpointsWords> = {
  en: {
    title: 'Machines',
    about:
      'How they answer and what is open, as this gateway knows it. Who may open them is the same on all gateways.',
    hint: 'Name, zone or id of a machine.',
    states: {
      unreachable: 'Does not answer',
      granted: 'Somebody may open it now',
      open: 'Open now',
      stopped: 'Stopped',
    },
    machine: 'Machine',
    health: 'Health',
    access: 'May open it now',
    open: 'Open now',
    answers: (status) => `answers (${String(status)})`,
    silent: 'does not answer',
    since: 'since',
    unasked: 'not asked',
    notYet: 'not asked yet',
    nobody: 'nobody',
    more: (count) => `${String(count)} more`,
    stopped: 'stopped',
    seeStops: 'See what is closed',
    nothing: 'nothing',
    connections: (count) => `${String(count)} ${count === 1 ? 'connection' : 'connections'}`,
  },
  de: {
    title: 'Maschinen',
    about:
      'Wie sie antworten und was offen ist, soweit dieses Gateway es weiß. Wer sie öffnen darf, ist auf allen Gateways gleich.',
    hint: 'Name, Bereich oder Kennung einer Maschine.',
    states: {
      unreachable: 'Antwortet nicht',
      granted: 'Jemand darf sie jetzt öffnen',
      open: 'Jetzt offen',
      stopped: 'Gesperrt',
    },
    machine: 'Maschine',
    health: 'Befinden',
    access: 'Darf sie jetzt öffnen',
    open: 'Jetzt offen',
    answers: (status) => `antwortet (${String(status)})`,
    silent: 'antwortet nicht',
    since: 'seit',
    unasked: 'wird nicht gefragt',
    notYet: 'noch nicht gefragt',
    nobody: 'niemand',
    more: (count) => `${String(count)} weitere`,
    stopped: 'gesperrt',
    seeStops: 'Sehen, was gesperrt ist',
    nothing: 'nichts',
    connections: (count) => `${String(count)} ${count === 1 ? 'Verbindung' : 'Verbindungen'}`,
  },
}
