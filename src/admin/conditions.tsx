import type { VNode } from 'preact'
import type { GrantRequest } from '../grants/index.js'
import { Field, useWords, Window, type Fields } from '../lib/page/index.js'
import type { Conditions, EpochMs } from '../model.js'
import { conditionsWords } from './conditions-words.js'

/** The conditions as they were entered. */
export interface ConditionsInput {
  readonly sources: string
}

/** Of those to come. */
const windowsShown = 7

export const noConditions: ConditionsInput = { sources: '' }

export function readConditions(body: Fields): ConditionsInput {
  return { sources: body.one('sources').trim() }
}

/** As fields of a request for a grant. */
export function askedConditions({ sources }: ConditionsInput): Pick<GrantRequest, 'sources'> {
  return { sources: sources.split(/[\s,;]+/).filter((source) => source !== '') }
}

/** What most grants need nothing of, folded away until somebody has filled in some of it. */
export function MoreConditions(props: {
  input: ConditionsInput
  errorOf: (field: string) => string | null
}): VNode {
  const { input, errorOf } = props
  const words = useWords(conditionsWords)
  const isOpen = input.sources !== '' || errorOf('sources') !== null
  return (
    <details class="more" open={isOpen}>
      <summary>{words.more}</summary>
      <div data-say-also={words.saySources}>
        <Field
          name="sources"
          label={words.sources}
          hint={words.sourcesHint}
          isOptional
          isLong
          error={errorOf('sources')}
          value={input.sources}
        />
      </div>
    </details>
  )
}

/** The rest of the sentence that says what a grant means. */
export function ConditionsSaid({ conditions }: { conditions: Conditions }): VNode {
  const words = useWords(conditionsWords)
  const { sources, windows } = conditions
  return (
    <>
      {windows.length > 0 && `, ${words.sayHours(windows.length)}`}
      {sources.length > 0 && `, ${words.saySources.replace('{}', sources.join(', '))}`}
    </>
  )
}

/** Rows of a list of facts about a grant. */
export function ConditionFacts(props: {
  conditions: Conditions
  endpoints: readonly string[]
  now: EpochMs
}): VNode {
  const { conditions, endpoints, now } = props
  const words = useWords(conditionsWords)
  const { sources, windows } = conditions
  const coming = windows.filter(({ until }) => until > now)
  return (
    <>
      {windows.length > 0 && (
        <>
          <dt>{words.hours}</dt>
          <dd class="number">
            {coming.slice(0, windowsShown).map(({ from, until }) => (
              <div>
                <Window from={from} until={until} of={endpoints} />
              </div>
            ))}
            {coming.length > windowsShown && (
              <div class="soft">{words.moreHours(coming.length - windowsShown)}</div>
            )}
          </dd>
        </>
      )}
      {sources.length > 0 && (
        <>
          <dt>{words.onlyFrom}</dt>
          <dd class="number">{sources.join(', ')}</dd>
        </>
      )}
    </>
  )
}
