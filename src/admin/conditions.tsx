import type { VNode } from 'preact'
import type { GrantRequest } from '../grants/index.js'
import { durationWords, Field, Instant, useWords, Window, type Fields } from '../lib/page/index.js'
import type { EpochMs, Grant } from '../model.js'
import { conditionsWords } from './conditions-words.js'

/** The conditions as they were entered. */
export interface ConditionsInput {
  readonly sources: string
  readonly lasts: string
}

/** Of those to come. */
const windowsShown = 7

export const noConditions: ConditionsInput = { sources: '', lasts: '' }

export function readConditions(body: Fields): ConditionsInput {
  return { sources: body.one('sources').trim(), lasts: body.one('lasts').trim() }
}

/** As fields of a request for a grant. */
export function askedConditions({
  sources,
  lasts,
}: ConditionsInput): Pick<GrantRequest, 'sources' | 'lasts'> {
  return {
    ...(lasts === '' ? {} : { lasts }),
    sources: sources.split(/[\s,;]+/).filter((source) => source !== ''),
  }
}

/** What most grants need nothing of, folded away until somebody has filled in some of it. */
export function MoreConditions(props: {
  input: ConditionsInput
  errorOf: (field: string) => string | null
}): VNode {
  const { input, errorOf } = props
  const words = useWords(conditionsWords)
  const isOpen =
    input.sources !== '' || input.lasts !== '' || errorOf('lasts') !== null || errorOf('sources') !== null
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
      <div data-say-also={words.sayLasts}>
        <Field
          name="lasts"
          label={words.lasts}
          hint={words.lastsHint}
          isOptional
          error={errorOf('lasts')}
          value={input.lasts}
          input={{ maxLength: 10 }}
        />
      </div>
    </details>
  )
}

/** The rest of the sentence that says what a grant means. */
export function ConditionsSaid({ grant }: { grant: Grant }): VNode {
  const words = useWords(conditionsWords)
  const { sources, windows, lastsFromFirstUseMs: lastsMs } = grant.conditions
  return (
    <>
      {windows.length > 0 && `, ${words.sayHours(windows.length)}`}
      {lastsMs !== null && `, ${words.sayLasts.replace('{}', durationWords(lastsMs))}`}
      {sources.length > 0 && `, ${words.saySources.replace('{}', sources.join(', '))}`}
    </>
  )
}

/** Rows of a list of facts about a grant. */
export function ConditionFacts(props: { grant: Grant; now: EpochMs }): VNode {
  const { grant, now } = props
  const { conditions, endpoints, firstUsedAt } = grant
  const words = useWords(conditionsWords)
  const { sources, windows, lastsFromFirstUseMs: lastsMs } = conditions
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
      {lastsMs !== null && (
        <>
          <dt>{words.time}</dt>
          <dd>
            {firstUsedAt === undefined ? (
              words.notUsed(durationWords(lastsMs))
            ) : (
              <>
                {words.used(durationWords(lastsMs))} <Instant at={firstUsedAt} of={endpoints} />
              </>
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
