import type { VNode } from 'preact'
import type { GrantRequest } from '../grants/index.js'
import { weekdays } from '../lib/index.js'
import {
  Choice,
  Choices,
  durationWords,
  Field,
  Instant,
  useWords,
  Window,
  type Fields,
} from '../lib/page/index.js'
import type { EpochMs, Grant } from '../model.js'
import { conditionsWords } from './conditions-words.js'

/** The conditions as they were entered. */
export interface ConditionsInput {
  readonly sources: string
  readonly needsRelease: boolean
  /** Empty for any number. */
  readonly sessions: string
  readonly lasts: string
  /** As many as the form has, whatever was entered in each. */
  readonly weekly: readonly WindowInput[]
}

/** On which days, from when until when, in plant time. */
interface WindowInput {
  readonly days: readonly string[]
  readonly from: string
  readonly until: string
}

/** In the form; who needs more has the command line and the API. */
const windowsInForm = 4

/** Of those to come. */
const windowsShown = 7

export const noConditions: ConditionsInput = {
  sources: '',
  lasts: '',
  needsRelease: false,
  sessions: '',
  weekly: Array.from({ length: windowsInForm }, () => ({ days: [], from: '', until: '' })),
}

/** Of the fields of one window, the first of which has no number. */
function namesOf(position: number): { days: string; from: string; until: string } {
  const suffix = position === 0 ? '' : `-${String(position + 1)}`
  return { days: `days${suffix}`, from: `dayFrom${suffix}`, until: `dayUntil${suffix}` }
}

/** Where the script puts what was entered in a field, in the sentence that reads the form back. */
function slot(field: string): string {
  return `{${field}}`
}

export function readConditions(body: Fields): ConditionsInput {
  return {
    sources: body.one('sources').trim(),
    lasts: body.one('lasts').trim(),
    needsRelease: body.one('release') === 'yes',
    sessions: body.one('maxSessions').trim(),
    weekly: noConditions.weekly.map((_, position) => {
      const names = namesOf(position)
      return { days: body.all(names.days), from: body.one(names.from), until: body.one(names.until) }
    }),
  }
}

/** As fields of a request for a grant. */
export function askedConditions(
  input: ConditionsInput,
): Pick<GrantRequest, 'sources' | 'lasts' | 'needsRelease' | 'maxSessions' | 'weekly'> {
  const { sources, lasts, needsRelease, sessions } = input
  const weekly = input.weekly.filter(hasHours)
  return {
    ...(lasts === '' ? {} : { lasts }),
    sources: sources.split(/[\s,;]+/).filter((source) => source !== ''),
    needsRelease,
    maxSessions: sessions === '' ? null : Number(sessions),
    // Half of it is refused with what is missing: whoever chose a day did not mean all of them.
    weekly: weekly.length > 0 ? weekly : null,
  }
}

function hasHours({ days, from, until }: WindowInput): boolean {
  return days.length > 0 || from !== '' || until !== ''
}

/** What most grants need nothing of, folded away until somebody has filled in some of it. */
export function MoreConditions(props: {
  input: ConditionsInput
  errorOf: (field: string) => string | null
}): VNode {
  const { input, errorOf } = props
  const words = useWords(conditionsWords)
  const isOpen =
    input.sources !== '' ||
    input.lasts !== '' ||
    input.needsRelease ||
    input.sessions !== '' ||
    input.weekly.some(hasHours) ||
    ['sources', 'lasts', 'maxSessions', 'weekly'].some((field) => errorOf(field) !== null)
  return (
    <details class="more" open={isOpen}>
      <summary>{words.more}</summary>
      <WeeklyWindows weekly={input.weekly} position={0} error={errorOf('weekly')} />
      <div data-say-also={words.saySources.replace('{}', slot('sources'))}>
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
      <div data-say-also={words.sayLasts.replace('{}', slot('lasts'))}>
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
      <div data-say-also={words.saySessions.replace('{}', slot('maxSessions'))}>
        <Field
          name="maxSessions"
          label={words.sessions}
          hint={words.sessionsHint}
          isOptional
          error={errorOf('maxSessions')}
          value={input.sessions}
          input={{ inputMode: 'numeric', maxLength: 2 }}
        />
      </div>
      <div data-say-also={words.sayRelease}>
        <Choice type="checkbox" name="release" value="yes" isChosen={input.needsRelease}>
          {words.release}
          <span class="soft small">{` ${words.releaseHint}`}</span>
        </Choice>
      </div>
    </details>
  )
}

/** One window, and the next folded away below it: to unfold it takes no script, and nothing that was entered is lost. */
function WeeklyWindows(props: {
  weekly: readonly WindowInput[]
  position: number
  error: string | null
}): VNode | null {
  const { weekly, position, error } = props
  const words = useWords(conditionsWords)
  const shown = weekly[position]
  if (shown === undefined) return null
  const names = namesOf(position)
  const isFirst = position === 0
  const say = isFirst ? words.sayOnly : words.sayAndOnly
  const hasNext = position + 1 < weekly.length
  return (
    <>
      <div data-say-also={say(slot(names.days), slot(names.from), slot(names.until))}>
        <Choices
          name={isFirst ? 'weekly' : `weekly-${String(position + 1)}`}
          legend={isFirst ? words.weekly : words.weeklyAlso(position + 1)}
          {...(isFirst ? { hint: words.weeklyHint } : {})}
          error={error}
        >
          {weekdays.map((day) => (
            <Choice
              type="checkbox"
              name={names.days}
              value={day}
              isChosen={shown.days.includes(day)}
              say={words.onDays[day]}
            >
              {words.days[day]}
            </Choice>
          ))}
          <TimeField name={names.from} label={words.dayFrom} value={shown.from} />
          <TimeField name={names.until} label={words.dayUntil} value={shown.until} />
        </Choices>
      </div>
      {hasNext && (
        <details open={weekly.slice(position + 1).some(hasHours)}>
          <summary>{words.another}</summary>
          <WeeklyWindows weekly={weekly} position={position + 1} error={null} />
        </details>
      )}
    </>
  )
}

function TimeField({ name, label, value }: { name: string; label: string; value: string }): VNode {
  return (
    <div class="choice">
      <label for={name}>{label}</label>
      <input type="time" id={name} name={name} value={value} />
    </div>
  )
}

/** The rest of the sentence that says what a grant means. */
export function ConditionsSaid({ grant }: { grant: Grant }): VNode {
  const words = useWords(conditionsWords)
  const { sources, windows, needsRelease, maxSessions, lastsFromFirstUseMs: lastsMs } = grant.conditions
  return (
    <>
      {windows.length > 0 && `, ${words.sayHours(windows.length)}`}
      {lastsMs !== null && `, ${words.sayLasts.replace('{}', durationWords(lastsMs))}`}
      {sources.length > 0 && `, ${words.saySources.replace('{}', sources.join(', '))}`}
      {maxSessions !== null && `, ${words.saySessions.replace('{}', String(maxSessions))}`}
      {needsRelease && `, ${words.sayRelease}`}
    </>
  )
}

/** Rows of a list of facts about a grant. */
export function ConditionFacts(props: { grant: Grant; now: EpochMs }): VNode {
  const { grant, now } = props
  const { conditions, endpoints, firstUsedAt } = grant
  const words = useWords(conditionsWords)
  const { sources, windows, needsRelease, maxSessions, lastsFromFirstUseMs: lastsMs } = conditions
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
      {maxSessions !== null && (
        <>
          <dt>{words.sessions}</dt>
          <dd>{String(maxSessions)}</dd>
        </>
      )}
      {needsRelease && (
        <>
          <dt>{words.released}</dt>
          <dd>{words.release}</dd>
        </>
      )}
    </>
  )
}
