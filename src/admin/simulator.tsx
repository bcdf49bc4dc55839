import type { VNode } from 'preact'
import { parseInstant, scopeText } from '../grants/index.js'
import { GatehouseError } from '../lib/index.js'
import {
  Cell,
  dateFieldValue,
  Field,
  Instant,
  Notice,
  personal,
  PlantTime,
  readDateField,
  Row,
  RowHead,
  Said,
  Table,
  useWords,
  Window,
  type Answer,
  type Fields,
  type PersonalCall,
  type Route,
} from '../lib/page/index.js'
import { methods, type EpochMs, type Lockdown } from '../model.js'
import type { Answered, Explanation } from './explain.js'
import { answerOf, becauseOf, explainWords } from './explain-words.js'
import type { AdminOptions } from './options.js'
import { actorName, machineNames } from './words.js'

const shownAnswers = 200

/** The question as it came in the address. */
interface Input {
  readonly person: string
  readonly endpoint: string
  readonly at: string
  readonly method: string
  readonly path: string
  readonly source: string
}

/** Who could open what at which moment, and why or why not. It only reads. */
export function simulatorRoutes(options: AdminOptions): Route[] {
  const { config, clock, pages, people, explain } = options

  async function show({ viewer, query }: PersonalCall): Promise<Answer> {
    const input = readInput(query)
    const outcome = input.person === '' && input.endpoint === '' ? null : await answer(input)
    const refusal = outcome instanceof GatehouseError ? outcome : null
    // Who has ever signed in is for administrators alone, here as on the page about them.
    const known = viewer.isAdmin
      ? (await people.list()).flatMap(({ principal }) => principal.email ?? [])
      : (await options.grants.list()).map(({ to }) => to.email)
    const html = pages.render({
      title: explainWords[viewer.language].title,
      language: viewer.language,
      section: 'grants',
      width: 'wide',
      viewer,
      now: clock.now(),
      body: (
        <>
          <Head />
          <QuestionForm input={input} refusal={refusal} known={[...new Set(known)].slice(0, 500)} />
          {outcome !== null && !(outcome instanceof GatehouseError) && (
            <Answers input={input} answered={outcome} />
          )}
        </>
      ),
    })
    return { kind: 'page', html, status: refusal?.status ?? 200 }
  }

  function readMoment(input: Input): EpochMs | null {
    const at = readDateField('at', input.at, config.plant.timeZone)
    return typeof at === 'number' ? at : parseInstant(at, clock)
  }

  async function answer(input: Input): Promise<Answered | GatehouseError> {
    try {
      const at = input.at === '' ? null : readMoment(input)
      if (at === null && input.at !== '')
        throw new GatehouseError('input-invalid', 'at: must be an instant', { field: 'at' })
      return await explain({
        who: input.person === '' ? null : input.person,
        endpointId: input.endpoint === '' ? null : input.endpoint,
        at,
        method: input.method,
        path: input.path === '' ? null : input.path,
        source: input.source === '' ? null : input.source,
      })
    } catch (error) {
      const isMendable =
        error instanceof GatehouseError && ['input-invalid', 'person-ambiguous'].includes(error.code)
      if (!isMendable) throw error
      return error
    }
  }

  function Head(): VNode {
    const words = useWords(explainWords)
    return (
      <>
        <h1>{words.title}</h1>
        <p>{words.lead}</p>
      </>
    )
  }

  function QuestionForm(props: {
    input: Input
    refusal: GatehouseError | null
    known: readonly string[]
  }): VNode {
    const words = useWords(explainWords)
    const { input, refusal, known } = props
    const errorOf = (field: keyof typeof words.refused): string | null => {
      if (refusal?.field !== field) return null
      return words.refused[refusal.code === 'person-ambiguous' ? 'ambiguous' : field]
    }
    return (
      <form class="panel" method="get" action="/admin/simulator">
        {refusal !== null && <Notice kind="alarm">{words.failed}</Notice>}
        <Field
          name="person"
          label={words.person}
          hint={words.personHint}
          error={errorOf('person')}
          value={input.person}
          isOptional
          input={{ list: 'known-people', spellcheck: false, maxLength: 254 }}
        />
        <datalist id="known-people">
          {known.map((email) => (
            <option value={email} />
          ))}
        </datalist>
        <Select name="endpoint" label={words.machine} error={errorOf('endpoint')} chosen={input.endpoint}>
          {[
            { value: '', text: words.allMachines },
            ...config.endpoints.map(({ id, name }) => ({ value: id, text: name })),
          ]}
        </Select>
        <Field
          name="at"
          label={
            <>
              {words.when} (<PlantTime />)
            </>
          }
          hint={words.whenHint}
          error={errorOf('at')}
          value={dateFieldValue(input.at, config.plant.timeZone)}
          isOptional
          input={{ type: 'datetime-local' }}
        />
        <Select name="method" label={words.method} error={errorOf('method')} chosen={input.method}>
          {methods.map((method) => ({ value: method, text: method }))}
        </Select>
        <Field
          name="path"
          label={words.path}
          hint={words.pathHint}
          error={errorOf('path')}
          value={input.path}
          isOptional
          input={{ spellcheck: false, maxLength: 2_000 }}
        />
        <Field
          name="source"
          label={words.source}
          hint={words.sourceHint}
          error={errorOf('source')}
          value={input.source}
          isOptional
          input={{ spellcheck: false, maxLength: 45 }}
        />
        <div class="actions">
          <button>{words.ask}</button>
        </div>
      </form>
    )
  }

  function Answers({ input, answered }: { input: Input; answered: Answered }): VNode {
    const words = useWords(explainWords)
    const { explanations } = answered
    const [first] = explanations
    const isNarrow = input.person !== '' && input.endpoint !== ''
    return (
      <section aria-labelledby="answer">
        <h2 id="answer">{input.at === '' ? words.now : <Instant at={answered.at} />}</h2>
        <p class="soft">{answered.isPast ? `${words.assumed} ${words.past}` : words.assumed}</p>
        {isNarrow && first !== undefined && <OneAnswer explanation={first} />}
        {!isNarrow && first === undefined && <p>{input.person === '' ? words.nobody : words.nothing}</p>}
        {!isNarrow && first !== undefined && <AnswerTable explanations={explanations} />}
      </section>
    )
  }

  function OneAnswer({ explanation }: { explanation: Explanation }): VNode {
    const words = useWords(explainWords)
    const { decision, endpointId } = explanation
    const { why, instead } = becauseOf(words, decision)
    return (
      <div class="panel">
        <h3>{answerOf(words, decision)}</h3>
        <p class="lead">
          <PersonName explanation={explanation} />,{' '}
          <Said>{machineNames([endpointId], config.endpoints)}</Said>: {why}
        </p>
        <dl class="facts">
          <GrantFacts explanation={explanation} />
          {explanation.lockdowns.map((lockdown) => (
            <StopFact lockdown={lockdown} />
          ))}
          {instead !== null && (
            <>
              <dt>{words.instead}</dt>
              <dd>{instead}</dd>
            </>
          )}
          {explanation.remarks.map((remark) => (
            <>
              <dt>{words.before}</dt>
              <dd>{words.remarks[remark]}</dd>
            </>
          ))}
        </dl>
      </div>
    )
  }

  function AnswerTable({ explanations }: { explanations: readonly Explanation[] }): VNode {
    const words = useWords(explainWords)
    const shown = explanations.slice(0, shownAnswers)
    return (
      <>
        <Table
          kind="answers"
          caption={words.title}
          columns={[words.who, words.machine, words.answer, words.why, words.time]}
        >
          {shown.map((explanation) => (
            <AnswerRow explanation={explanation} />
          ))}
        </Table>
        {explanations.length > shown.length && (
          <p class="soft">{words.more(explanations.length - shown.length)}</p>
        )}
      </>
    )
  }

  function AnswerRow({ explanation }: { explanation: Explanation }): VNode {
    const words = useWords(explainWords)
    const { decision, grant, endpointId, remarks } = explanation
    const { why, instead } = becauseOf(words, decision)
    return (
      <Row>
        <RowHead>
          <PersonName explanation={explanation} />
        </RowHead>
        <Cell label={words.machine}>
          <Said>{machineNames([endpointId], config.endpoints)}</Said>
        </Cell>
        <Cell label={words.answer}>{answerOf(words, decision)}</Cell>
        <Cell label={words.why}>
          {why}
          {instead !== null && <div class="soft small">{instead}</div>}
          {remarks.map((remark) => (
            <div class="soft small">{words.remarks[remark]}</div>
          ))}
        </Cell>
        <Cell label={words.time}>
          {grant !== null && (
            <a href={`/admin/grants/${encodeURIComponent(grant.id)}`}>
              <Window from={grant.from} until={grant.until} of={grant.endpoints} />
            </a>
          )}
        </Cell>
      </Row>
    )
  }

  return [personal('GET', '/admin/simulator', 'auditor', show)]
}

function PersonName({ explanation: { person } }: { explanation: Explanation }): VNode {
  return (
    <strong>
      <Said>{person.email ?? person.name ?? person.principalId ?? ''}</Said>
    </strong>
  )
}

/** Which grant it is, from when until when, and from when on it is for viewing only. */
function GrantFacts({ explanation: { grant, decision } }: { explanation: Explanation }): VNode | null {
  const words = useWords(explainWords)
  if (grant === null) return null
  const { closeAt, viewOnlyFrom } =
    decision.outcome === 'permit' ? decision : { closeAt: null, viewOnlyFrom: null }
  return (
    <>
      <dt>{words.grant}</dt>
      <dd>
        <a href={`/admin/grants/${encodeURIComponent(grant.id)}`}>{grant.id}</a>,{' '}
        <Said>{words.of(grant.reason)}</Said>
      </dd>
      <dt>{words.time}</dt>
      <dd>
        <Window from={grant.from} until={grant.until} of={grant.endpoints} />
      </dd>
      {closeAt !== null && (
        <>
          <dt>{words.closes}</dt>
          <dd>
            <Instant at={closeAt} of={grant.endpoints} />
          </dd>
        </>
      )}
      {viewOnlyFrom !== null && grant.access === 'operate' && (
        <>
          <dt>{words.looksFrom}</dt>
          <dd>
            <Instant at={viewOnlyFrom} of={grant.endpoints} />
          </dd>
        </>
      )}
    </>
  )
}

function StopFact({ lockdown: { scope, at, by, reason } }: { lockdown: Lockdown }): VNode {
  const words = useWords(explainWords)
  return (
    <>
      <dt>{words.stopped}</dt>
      <dd>
        <Said>{scopeText(scope)}</Said>, <Instant at={at} /> <Said>{words.by(actorName(by))}</Said>:{' '}
        <Said>{reason}</Said>
      </dd>
    </>
  )
}

function Select(props: {
  name: string
  label: string
  error: string | null
  chosen: string
  children: readonly { readonly value: string; readonly text: string }[]
}): VNode {
  const { name, label, error, chosen, children } = props
  return (
    <div class="field">
      <label for={name}>{label}</label>
      {error !== null && (
        <p class="error" id={`${name}-error`}>
          {error}
        </p>
      )}
      <select
        id={name}
        name={name}
        aria-invalid={error === null ? undefined : 'true'}
        aria-describedby={error === null ? undefined : `${name}-error`}
      >
        {children.map(({ value, text }) => (
          <option value={value} selected={value === chosen}>
            {text}
          </option>
        ))}
      </select>
    </div>
  )
}

function readInput(query: Fields): Input {
  const method = query.one('method')
  return {
    person: query.one('person').trim(),
    endpoint: query.one('endpoint'),
    at: query.one('at').trim(),
    method: method === '' ? 'GET' : method,
    path: query.one('path').trim(),
    source: query.one('source').trim(),
  }
}
