import type { VNode } from 'preact'
import { groupChoice, groupsWithin, readChoices, requestState } from '../grants/index.js'
import { GatehouseError } from '../lib/index.js'
import {
  Choice,
  Choices,
  dateFieldValue,
  durationWords,
  Field,
  FormToken,
  Instant,
  Notice,
  personal,
  PlantTime,
  readDateField,
  Said,
  useWords,
  useZone,
  type Answer,
  type Fields,
  type PersonalCall,
  type Route,
  type Viewer,
} from '../lib/page/index.js'
import type { AccessRequest, Endpoint, EndpointGroup, EpochMs, RequestTerms } from '../model.js'
import type { PortalContext } from './context.js'
import { requestWords, type RequestWords } from './words/request.js'

const hourMs = 3_600_000
const lengthsMs = [hourMs / 4, hourMs / 2, hourMs, 2 * hourMs, 4 * hourMs, 8 * hourMs, 12 * hourMs]
const usualMs = 2 * hourMs
const dayMs = 24 * hourMs
/** For how long access may wait for its first use. */
const waitsMs = [dayMs, 3 * dayMs, 7 * dayMs, 14 * dayMs, 28 * dayMs]
const usualWaitMs = 7 * dayMs
/** For so long what was answered stays on the front page. */
const answeredShownMs = 3 * 24 * hourMs

interface Input {
  readonly endpoints: readonly string[]
  readonly access: string
  readonly start: string
  readonly from: string
  readonly length: string
  /** `start`, or `first-use`. */
  readonly counts: string
  readonly within: string
  readonly reason: string
  readonly ticket: string
}

/** Asking for access, and taking it back. */
export function requestRoutes(context: PortalContext): Route[] {
  const { config, clock, pages, grants, requests } = context
  const longestMs = config.grants.maxLengthMs
  const lengths = [...new Set([...lengthsMs.filter((length) => length < longestMs), longestMs])]
  const waits = waitsMs.filter((wait) => wait <= config.grants.maxRecurrenceMs)

  async function showForm(call: PersonalCall): Promise<Answer> {
    return render(call, await inputFor(call), null)
  }

  /** As before, where the person wants the same again; never of what is not theirs. */
  async function inputFor({ session, query }: PersonalCall): Promise<Input> {
    const again = query.one('again')
    const empty = {
      access: 'operate',
      start: 'approved',
      from: '',
      length: String(Math.min(usualMs, longestMs)),
      ...asCounted(null),
    }
    const { id } = session.principal
    const grant = again.startsWith('g-') ? await grants.get(again) : null
    if (grant?.to.principalId === id)
      return {
        ...empty,
        endpoints: grant.endpoints,
        access: grant.access,
        reason: grant.reason,
        ticket: grant.ticket ?? '',
        ...asCounted(grant.conditions.lastsFromFirstUseMs),
      }
    const request = again.startsWith('q-') ? await requests.get(again) : null
    if (request?.by.principalId === id) {
      const { terms, reason, ticket } = request
      return {
        ...{ ...empty, endpoints: terms.endpoints, access: terms.access, reason, ticket: ticket ?? '' },
        ...asCounted(terms.lastsFromFirstUseMs),
      }
    }
    return { ...empty, endpoints: [], reason: '', ticket: '' }
  }

  function asCounted(lastsMs: number | null): Pick<Input, 'counts' | 'within'> & { length?: string } {
    const within = String(Math.min(usualWaitMs, ...waits.slice(-1)))
    if (lastsMs === null) return { counts: 'start', within }
    return {
      ...{ counts: 'first-use', within },
      ...(lengths.includes(lastsMs) ? { length: String(lastsMs) } : {}),
    }
  }

  async function render(call: PersonalCall, input: Input, refusal: GatehouseError | null): Promise<Answer> {
    const { session, viewer } = call
    const ids = new Set(await requests.requestable(session.principal.id))
    const machines = config.endpoints.filter(({ id }) => ids.has(id))
    const groups = groupsWithin(config.groups, ids)
    const words = requestWords[viewer.language]
    const html = pages.render({
      title: refusal === null ? words.title : words.failed(words.title),
      language: viewer.language,
      width: 'form',
      viewer,
      now: clock.now(),
      body: <RequestForm {...{ viewer, input, refusal, machines, groups, lengths, waits }} />,
    })
    return { kind: 'page', html, status: refusal?.status ?? 200 }
  }

  async function ask(call: PersonalCall): Promise<Answer> {
    const input = readInput(call.body)
    const { endpoints, access, reason, ticket } = input
    const lengthMs = lengths.find((length) => String(length) === input.length)
    const isFromUse = input.counts === 'first-use'
    const waitMs = waits.find((wait) => String(wait) === input.within)
    try {
      const from = input.start === 'at' ? readStart(input.from) : null
      if (lengthMs === undefined) throw new GatehouseError('input-invalid', 'length', { field: 'length' })
      if (!['', 'start', 'first-use'].includes(input.counts) || (isFromUse && waitMs === undefined))
        throw new GatehouseError('input-invalid', 'counts', { field: 'counts' })
      const time = isFromUse ? { lengthMs: waitMs, lasts: lengthMs } : { lengthMs }
      await requests.ask(
        { ...readChoices(endpoints), access, from, ...time, reason, ticket },
        call.session.principal,
      )
    } catch (error) {
      if (!(error instanceof GatehouseError) || !['input-invalid', 'request-limit'].includes(error.code))
        throw error
      return render(call, input, error)
    }
    return { kind: 'redirect', to: '/' }
  }

  function readStart(text: string): EpochMs {
    const read = readDateField('from', text, config.plant.timeZone)
    const at = typeof read === 'number' ? read : Date.parse(read)
    if (Number.isNaN(at)) throw new GatehouseError('input-invalid', 'from', { field: 'from' })
    return at
  }

  async function withdraw({ params, session }: PersonalCall): Promise<Answer> {
    await requests.withdraw(params.one('id'), session.principal)
    return { kind: 'redirect', to: '/' }
  }

  return [
    personal('GET', '/request', 'verified', showForm),
    personal('POST', '/request', 'verified', ask),
    personal('POST', '/request/:id/withdraw', 'verified', withdraw),
  ]
}

function readInput(body: Fields): Input {
  return {
    endpoints: body.all('endpoints'),
    access: body.one('access'),
    start: body.one('start'),
    from: body.one('from').trim(),
    length: body.one('length'),
    counts: body.one('counts'),
    within: body.one('within'),
    reason: body.one('reason').trim(),
    ticket: body.one('ticket').trim(),
  }
}

function RequestForm(props: {
  viewer: Viewer
  input: Input
  refusal: GatehouseError | null
  machines: readonly Endpoint[]
  /** As far as the person may ask for their machines. */
  groups: readonly EndpointGroup[]
  lengths: readonly number[]
  waits: readonly number[]
}): VNode {
  const { viewer, input, refusal, machines, groups, lengths, waits } = props
  const words = useWords(requestWords)
  const timeZone = useZone()
  if (machines.length === 0)
    return (
      <div class="panel">
        <h1>{words.title}</h1>
        <p>{words.nothing}</p>
        <p>
          <a href="/">{words.back}</a>
        </p>
      </div>
    )
  const errorOf = (...fields: string[]): string | null => {
    const field = refusal?.field ?? ''
    return fields.includes(field) ? (words.fields[field] ?? null) : null
  }
  return (
    <form class="panel" method="post" action="/request">
      <h1>{words.title}</h1>
      <p>{words.intro}</p>
      {refusal !== null && (
        <Notice kind="alarm">
          {refusal.code === 'request-limit'
            ? words.limit
            : (words.fields[refusal.field ?? ''] ?? words.failed(words.title))}
        </Notice>
      )}
      <FormToken viewer={viewer} />
      <Choices name="endpoints" legend={words.machines} error={errorOf('endpoints', 'groups')}>
        {groups.map((group) => (
          <Choice
            type="checkbox"
            name="endpoints"
            value={groupChoice(group)}
            isChosen={input.endpoints.includes(groupChoice(group))}
          >
            {group.name}
            <span class="soft">
              {` ${machines
                .filter(({ id }) => group.endpoints.includes(id))
                .map(({ name }) => name)
                .join(', ')}`}
            </span>
          </Choice>
        ))}
        {machines.map(({ id, name, zone }) => (
          <Choice type="checkbox" name="endpoints" value={id} isChosen={input.endpoints.includes(id)}>
            {name}
            {zone !== null && <span class="soft"> {zone}</span>}
          </Choice>
        ))}
      </Choices>
      <Choices name="access" legend={words.access} error={errorOf('access')}>
        {(['operate', 'view'] as const).map((access) => (
          <Choice type="radio" name="access" value={access} isChosen={input.access === access}>
            {words[access]}
          </Choice>
        ))}
      </Choices>
      <Choices name="start" legend={words.start} hint={words.startHint} error={errorOf('from')}>
        <Choice type="radio" name="start" value="approved" isChosen={input.start !== 'at'}>
          {words.onceApproved}
        </Choice>
        <div class="choice dated">
          <Choice type="radio" name="start" value="at" isChosen={input.start === 'at'}>
            {words.atATime}
          </Choice>
          <StartField value={input.from} label={words.startField} timeZone={timeZone} />
        </div>
      </Choices>
      <Choices
        name="length"
        legend={words.length}
        hint={words.lengthHint}
        error={errorOf('length', 'until', 'lasts')}
      >
        {lengths.map((length) => (
          <Choice
            type="radio"
            name="length"
            value={String(length)}
            isChosen={input.length === String(length)}
          >
            {durationWords(length)}
          </Choice>
        ))}
      </Choices>
      <Choices name="counts" legend={words.counts} error={errorOf('counts')}>
        <Choice type="radio" name="counts" value="start" isChosen={input.counts !== 'first-use'}>
          {words.countsFromStart}
        </Choice>
        <div class="choice dated">
          <Choice type="radio" name="counts" value="first-use" isChosen={input.counts === 'first-use'}>
            {words.countsFromUse}
          </Choice>
          <div class="choice">
            <select name="within" aria-label={words.within} data-choice="counts-first-use">
              {waits.map((wait) => (
                <option value={String(wait)} selected={input.within === String(wait)}>
                  {words.withinDays(wait / dayMs)}
                </option>
              ))}
            </select>
          </div>
        </div>
      </Choices>
      <Field
        name="reason"
        label={words.reason}
        hint={words.reasonHint}
        error={errorOf('reason')}
        value={input.reason}
        input={{ maxLength: 500 }}
      />
      <Field
        name="ticket"
        label={words.ticket}
        isOptional
        error={errorOf('ticket')}
        value={input.ticket}
        input={{ maxLength: 64 }}
      />
      <div class="actions">
        <button class="big">{words.submit}</button>
        <a class="button quiet big" href="/">
          {words.back}
        </a>
      </div>
    </form>
  )
}

function StartField(props: { value: string; label: string; timeZone: string }): VNode {
  return (
    <div class="choice">
      <input
        type="datetime-local"
        name="from"
        aria-label={props.label}
        value={dateFieldValue(props.value, props.timeZone)}
        data-choice="start-at"
      />
      <span class="soft">
        <PlantTime />
      </span>
    </div>
  )
}

/** What still waits, and what was answered lately. */
export function recentRequests(all: readonly AccessRequest[], now: EpochMs): AccessRequest[] {
  return all.filter((request) => {
    const over = request.outcome?.at ?? request.lapsesAt
    return requestState(request, now) === 'open' || now - over < answeredShownMs
  })
}

/** For the front page: what was asked and where it stands. */
export function AskedFor(props: {
  requests: readonly AccessRequest[]
  mayAsk: boolean
  viewer: Viewer
  now: EpochMs
  namesOf: (of: { readonly endpoints: readonly string[] }) => string
}): VNode | null {
  const { requests, mayAsk, viewer, now, namesOf } = props
  const words = useWords(requestWords)
  if (requests.length === 0 && !mayAsk) return null
  return (
    <section aria-labelledby="asked">
      {requests.length > 0 && <h2 id="asked">{words.asked}</h2>}
      {requests.map((request) => (
        <AskedCard request={request} names={namesOf(request.terms)} viewer={viewer} now={now} />
      ))}
      {mayAsk && (
        <p>
          <a class="button quiet" id={requests.length > 0 ? undefined : 'asked'} href="/request">
            {words.askLink}
          </a>
        </p>
      )}
    </section>
  )
}

function AskedCard(props: { request: AccessRequest; names: string; viewer: Viewer; now: EpochMs }): VNode {
  const { request, names, viewer, now } = props
  const words = useWords(requestWords)
  const { terms, reason } = request
  const isOpen = requestState(request, now) === 'open'
  return (
    <article class={isOpen ? 'card' : 'card over'}>
      <div class="what">
        <div class="title">
          <h3>{names}</h3>
          {terms.access === 'view' && <span class="tag">{words.view}</span>}
        </div>
        <StandingLine request={request} now={now} />
        <p class="soft">
          {timeWords(terms, words)}
          {terms.from !== null && (
            <>
              {', '}
              <Instant at={terms.from} of={terms.endpoints} />
            </>
          )}
        </p>
      </div>
      {isOpen ? (
        <form method="post" action={`/request/${encodeURIComponent(request.id)}/withdraw`}>
          <FormToken viewer={viewer} />
          <button class="quiet">
            {words.withdraw}
            <span class="visually-hidden">{words.withdrawOf(names)}</span>
          </button>
        </form>
      ) : (
        <a class="button quiet" href={`/request?again=${encodeURIComponent(request.id)}`}>
          {words.askAgain}
          <span class="visually-hidden">{`: ${names}`}</span>
        </a>
      )}
      <dl class="facts why">
        <dt>{words.why}</dt>
        <dd>
          <Said>{reason}</Said>
        </dd>
      </dl>
    </article>
  )
}

function timeWords(
  { lengthMs, from, lastsFromFirstUseMs: lastsMs }: RequestTerms,
  words: RequestWords,
): string {
  const length = durationWords(lengthMs)
  return lastsMs === null
    ? words.lasts(length, from === null)
    : words.lastsFromUse(durationWords(lastsMs), length, from === null)
}

function StandingLine({ request, now }: { request: AccessRequest; now: EpochMs }): VNode {
  const words = useWords(requestWords)
  const { outcome, lapsesAt } = request
  const state = requestState(request, now)
  if (state === 'open')
    return (
      <p>
        <strong>{words.waiting}.</strong>{' '}
        <span class="soft">
          {words.lapsesAt}
          <Instant at={lapsesAt} of={request.terms.endpoints} />
        </span>
      </p>
    )
  if (outcome?.kind === 'denied')
    return (
      <p>
        <strong>{words.denied}:</strong> <Said>{outcome.reason}</Said>
      </p>
    )
  return <p>{words[state === 'denied' ? 'closed' : state]}</p>
}
