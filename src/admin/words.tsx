import type { VNode } from 'preact'
import {
  brokenRule,
  errorSentence,
  germanRule,
  languages,
  type GatehouseError,
  type InEach,
  type Language,
} from '../lib/index.js'
import { durationWords, Notice, Said, useWords, Window } from '../lib/page/index.js'
import { ConditionsSaid } from './conditions.js'
import { nameIndex } from './machines.js'
import { browserWords } from './words/browser.js'
import { grantsWords, type GrantsWords } from './words/grants.js'
import { lockdownsWords } from './words/lockdowns.js'
import type { Actor, Ending, EndingLimits, Endpoint, EpochMs, Grant, Lockdown, Session } from '../model.js'
import { grantState } from '../policy/index.js'

/** Names of machines, as people at the plant call them; the id where one is no longer configured. */
export function machineNames(ids: readonly string[], endpoints: readonly Endpoint[]): string {
  const names = nameIndex(endpoints)
  return ids.map((id) => names.get(id) ?? id).join(', ')
}

/** What a grant means, in a sentence. */
export function GrantSentence(props: { grant: Grant; endpoints: readonly Endpoint[]; now: EpochMs }): VNode {
  const { grant, endpoints, now } = props
  const words = useWords(grantsWords)
  return (
    <>
      {words.sentence({
        who: (
          <strong>
            <Said>{grant.to.email}</Said>
          </strong>
        ),
        isOver: ['grant-ended', 'grant-revoked'].includes(grantState(grant, now)),
        isOperate: grant.access === 'operate',
        machines: (
          <strong>
            <Said>{machineNames(grant.endpoints, endpoints)}</Said>
          </strong>
        ),
        time: <Window from={grant.from} until={grant.until} of={grant.endpoints} />,
        length: durationWords(grant.until - grant.from),
      })}
      <ConditionsSaid grant={grant} />.
    </>
  )
}

/** `Firefox on Windows`, after the address they came from; nothing where the session does not say. */
export function BrowserSaid({ session }: { session: Session }): VNode {
  const words = useWords(browserWords)
  return <>{session.browser !== undefined && `, ${words.says(session.browser)}`}</>
}

/** What an ending comes to. */
export function endingSentence(
  words: GrantsWords,
  ending: Ending,
  { drainMs, readOnlyMs }: EndingLimits,
): string {
  return words.endingSentence(ending, durationWords(drainMs), durationWords(readOnlyMs))
}

/** On pages where nothing else would tell why nobody is in. */
export function StopNotice({ inForce }: { inForce: readonly Lockdown[] }): VNode | null {
  const words = useWords(lockdownsWords)
  if (inForce.length === 0) return null
  return (
    <Notice kind="attention">
      <strong>{words.inForce(inForce.length)}</strong> <a href="/admin/lockdowns">{words.see}</a>
    </Notice>
  )
}

export function actorName(actor: Actor, language: Language = languages[0]): string {
  switch (actor.kind) {
    case 'principal':
      return actor.email ?? actor.principalId
    case 'operator':
      return `${actor.account} (${language === 'de' ? 'Kommandozeile' : 'command line'})`
    case 'service':
      return `${actor.name} (${language === 'de' ? 'Programm von' : 'program of'} ${actor.owner})`
    case 'gateway':
      return 'Gatehouse'
  }
}

const fieldNames: InEach<Readonly<Record<string, string>>> = {
  en: {
    to: 'The e-mail address',
    endpoints: 'The choice of machines',
    access: 'The access',
    ending: 'What happens at the end',
    from: 'The start',
    until: 'The end',
    reason: 'The reason',
    ticket: 'The ticket',
    sources: 'The networks',
    maxSessions: 'The number of sign-ins',
    lasts: 'The length',
    weekly: 'The hours of the week',
    scope: 'The choice of what to stop',
    length: 'The length',
  },
  de: {
    to: 'Die E-Mail-Adresse',
    endpoints: 'Die Auswahl der Maschinen',
    access: 'Der Zugang',
    ending: 'Was am Ende geschieht',
    from: 'Der Beginn',
    until: 'Das Ende',
    reason: 'Der Grund',
    ticket: 'Das Ticket',
    sources: 'Die Angabe der Netze',
    maxSessions: 'Die Zahl der Anmeldungen',
    lasts: 'Die Dauer',
    weekly: 'Die Angabe der Stunden',
    scope: 'Die Auswahl, was gesperrt wird',
    length: 'Die Dauer',
  },
}

/** `reason: must say why, in words`, as it reads beside a field: `The reason must say why, in words.` */
export function fieldMessage(error: GatehouseError, language: Language = languages[0]): string {
  const rule = brokenRule(error)
  const name = fieldNames[language][error.field ?? '']
  if (language === 'de') return germanMessage(error, rule, name)
  const isAboutField = /^(?:must|may|can|holds|is|does)\b/.test(rule)
  const sentence =
    isAboutField && name !== undefined ? `${name} ${rule}` : rule.charAt(0).toUpperCase() + rule.slice(1)
  return endedSentence(sentence)
}

function germanMessage(error: GatehouseError, rule: string, name = 'Diese Angabe'): string {
  const german = error.code === 'input-invalid' ? germanRule(rule) : null
  if (german === null) return errorSentence(error, 'de')
  return endedSentence(/^\p{Lu}/u.test(german) ? german : `${name} ${german}`)
}

function endedSentence(text: string): string {
  return text.endsWith('.') ? text : `${text}.`
}
