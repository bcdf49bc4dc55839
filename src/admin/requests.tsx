import type { VNode } from 'preact'
import { hasAgreed, requestState, type Approver, type Narrower } from '../grants/index.js'
import { GatehouseError } from '../lib/index.js'
import {
  Choice,
  Choices,
  durationWords,
  Field,
  FormToken,
  Instant,
  mayAct,
  Notice,
  personal,
  Said,
  stepUpAddress,
  TimeUntil,
  useWords,
  Window,
  type Answer,
  type PersonalCall,
  type Route,
  type Viewer,
} from '../lib/page/index.js'
import type { AccessRequest, Endpoint, EpochMs, Grant } from '../model.js'
import { hasFreshCode } from '../policy/index.js'
import { Pager, readFilter } from './listing.js'
import type { AdminOptions } from './options.js'
import { conditionsWords } from './conditions-words.js'
import { machineNames } from './words.js'
import { requestsWords } from './words/requests.js'

const hourMs = 3_600_000
const lengthsMs = [hourMs / 2, hourMs, 2 * hourMs, 4 * hourMs, 8 * hourMs]
/** Of the time in which access may be begun. */
const waitsMs = [...lengthsMs, 24 * hourMs, 3 * 24 * hourMs, 7 * 24 * hourMs]
/** Of a length: no less than was asked. */
const asAsked = 'asked'
const pastShown = 5
const home = '/admin/requests'
/** With one thumb nobody scrolls through more; the next to lapse come first. */
const shownAtOnce = 25

/** What may be done about one request by who looks at it. */
interface Standing {
  readonly isFresh: boolean
  readonly mayAnswer: boolean
  readonly hasAgreed: boolean
  /** Of those who have agreed, who count. */
  readonly counted: number
  readonly needed: number
}

/** Who asks for access, and yes, less, or no. */
export function requestRoutes(options: AdminOptions): Route[] {
  const { config, clock, pages, grants, requests } = options

  async function showInbox({ viewer, query }: PersonalCall): Promise<Answer> {
    const count = await requests.countOpen()
    const filter = readFilter(home, query, [])
    const pageCount = Math.max(1, Math.ceil(count / shownAtOnce))
    const page = Math.min(filter.page, pageCount)
    const open = await requests.open({ skip: (page - 1) * shownAtOnce, count: shownAtOnce })
    const now = clock.now()
    const words = requestsWords[viewer.language]
    const html = pages.render({
      title: `${words.title} (${String(count)})`,
      language: viewer.language,
      section: 'requests',
      isLive: true,
      viewer,
      now,
      body: (
        <>
          <Inbox {...{ open, count, viewer, now }} endpoints={config.endpoints} />
          <Pager filter={filter} part={{ shown: open, page, pages: pageCount }} />
        </>
      ),
    })
    return { kind: 'page', html }
  }

  const approverOf = ({ actor, session }: PersonalCall): Approver => ({
    actor,
    roles: session.roles,
    groups: session.groups,
    hasFreshCode: hasFreshCode(session.assurance, clock.now()),
  })

  async function find({ params }: PersonalCall): Promise<AccessRequest> {
    const request = await requests.get(params.one('id'))
    if (request === null) throw new GatehouseError('request-unknown', 'There is no request with this id.')
    return request
  }

  async function render(
    call: PersonalCall,
    request: AccessRequest,
    refusal: GatehouseError | null,
  ): Promise<Answer> {
    const { viewer } = call
    const approver = approverOf(call)
    const now = clock.now()
    const isOpen = requestState(request, now) === 'open'
    const standing = {
      isFresh: approver.hasFreshCode,
      mayAnswer: isOpen && requests.mayAnswer(request, approver),
      hasAgreed: hasAgreed(request, approver.actor),
      counted: isOpen ? await requests.counted(request) : 0,
      needed: isOpen ? requests.needed(request) : 0,
    }
    const past = (await grants.heldBy(request.by.principalId))
      .filter(({ endpoints }) => endpoints.some((id) => request.terms.endpoints.includes(id)))
      .sort((a, b) => b.from - a.from)
      .slice(0, pastShown)
    const words = requestsWords[viewer.language]
    const html = pages.render({
      title: refusal === null ? words.one : words.failed(words.one),
      language: viewer.language,
      section: 'requests',
      width: 'form',
      viewer,
      now,
      body: (
        <OneRequest
          {...{ request, standing, past, refusal, viewer, now }}
          denial={call.body.one('reason')}
          endpoints={config.endpoints}
        />
      ),
    })
    return { kind: 'page', html, status: refusal?.status ?? 200 }
  }

  async function approve(call: PersonalCall): Promise<Answer> {
    const request = await find(call)
    try {
      await requests.approve(request.id, approverOf(call), readLess(call))
    } catch (error) {
      if (!(error instanceof GatehouseError)) throw error
      if (error.code === 'fresh-code-required')
        return { kind: 'redirect', to: stepUpAddress(pathOf(request)) }
      return renderRefused(call, error)
    }
    return { kind: 'redirect', to: pathOf(request) }
  }

  async function deny(call: PersonalCall): Promise<Answer> {
    const request = await find(call)
    try {
      await requests.deny(request.id, approverOf(call), call.body.one('reason').trim())
    } catch (error) {
      if (!(error instanceof GatehouseError)) throw error
      return renderRefused(call, error)
    }
    return { kind: 'redirect', to: pathOf(request) }
  }

  /** With the request as it is by now: somebody else may have answered it. */
  async function renderRefused(call: PersonalCall, error: GatehouseError): Promise<Answer> {
    if (!['input-invalid', 'approval-refused', 'request-conflict'].includes(error.code)) throw error
    return render(call, await find(call), error)
  }

  return [
    personal('GET', home, 'auditor', showInbox),
    personal('GET', '/admin/requests/:id', 'auditor', async (call) => render(call, await find(call), null)),
    personal('POST', '/admin/requests/:id/approve', 'approver', approve),
    personal('POST', '/admin/requests/:id/deny', 'approver', deny),
  ]
}

function pathOf({ id }: AccessRequest): string {
  return `/admin/requests/${encodeURIComponent(id)}`
}

/** A field that was left out is as was asked; one that is there and cannot be read must not count as that. */
function readLess({ body }: PersonalCall): Narrower {
  const has = (name: string): boolean => body.all(name).length > 0
  const length = body.one('length')
  const lasts = body.one('lasts')
  return {
    endpoints: body.all('endpoints'),
    ...(has('access') ? { access: body.one('access') } : {}),
    ...(has('length') ? { lengthMs: /^\d{1,12}$/.test(length) ? Number(length) : NaN } : {}),
    ...(has('lasts') && lasts !== asAsked ? { lasts: /^\d{1,12}$/.test(lasts) ? Number(lasts) : NaN } : {}),
    ...(has('release') ? { needsRelease: true } : {}),
  }
}

function Inbox(props: {
  open: readonly AccessRequest[]
  /** Of all pages together. */
  count: number
  viewer: Viewer
  now: EpochMs
  endpoints: readonly Endpoint[]
}): VNode {
  const { open, count, viewer, now, endpoints } = props
  const words = useWords(requestsWords)
  // An auditor answers nothing.
  const label = mayAct(viewer) ? words.answer : words.details
  return (
    <>
      <h1>{`${words.title} (${String(count)})`}</h1>
      {open.length === 0 && (
        <div class="panel">
          <h2>{words.empty}</h2>
          <p>{words.emptyHint}</p>
        </div>
      )}
      {open.map((request) => {
        const names = machineNames(request.terms.endpoints, endpoints)
        return (
          <article class="card">
            <div class="what">
              <h2>
                <Said>{request.by.email}</Said>
              </h2>
              <p>
                {words.wants(request.terms.access)} <strong>{names}</strong>
              </p>
              <p>
                <Said>{request.reason}</Said>
              </p>
              <p class="soft">
                {words.lapses} <TimeUntil at={request.lapsesAt} now={now} thenReload />
              </p>
            </div>
            <a class="button big" href={pathOf(request)}>
              {label}
              <span class="visually-hidden">{words.answerOf(request.by.email, names)}</span>
            </a>
          </article>
        )
      })}
    </>
  )
}

interface OneProps {
  readonly request: AccessRequest
  readonly standing: Standing
  readonly past: readonly Grant[]
  readonly refusal: GatehouseError | null
  /** What was entered as the reason of a no that was not taken. */
  readonly denial: string
  readonly viewer: Viewer
  readonly endpoints: readonly Endpoint[]
  readonly now: EpochMs
}

function OneRequest(props: OneProps): VNode {
  const { request, standing, past, refusal, denial, viewer, endpoints, now } = props
  const words = useWords(requestsWords)
  const state = requestState(request, now)
  return (
    <>
      {refusal !== null && (
        <Notice kind="alarm">
          {words.refused[refusal.field ?? refusal.code] ?? words.refused['request-conflict']}
        </Notice>
      )}
      <div class="panel">
        <h1>{words.one}</h1>
        <p class="lead">
          <strong>
            <Said>{request.by.email}</Said>
          </strong>{' '}
          {words.wants(request.terms.access)}{' '}
          <strong>{machineNames(request.terms.endpoints, endpoints)}</strong>
        </p>
        <RequestFacts request={request} now={now} />
        {state === 'open' && standing.needed > 1 && <p>{words.agreed(standing.counted, standing.needed)}</p>}
        {request.outcome?.kind === 'approved' && (
          <p>
            <a href={`/admin/grants/${encodeURIComponent(request.outcome.grantId)}`}>{words.grant}</a>
          </p>
        )}
        {request.outcome?.kind === 'denied' && (
          <p>
            <Said>{request.outcome.reason}</Said>
          </p>
        )}
      </div>
      {state === 'open' && !standing.mayAnswer && <Notice>{words.notYours}</Notice>}
      {standing.mayAnswer && (
        <>
          {standing.hasAgreed ? (
            <Notice>{words.notAgain}</Notice>
          ) : standing.isFresh ? (
            <Yes {...{ request, viewer, endpoints }} isLast={standing.counted + 1 >= standing.needed} />
          ) : (
            <div class="panel">
              <a class="button big" href={stepUpAddress(pathOf(request))}>
                {words.codeFirst}
              </a>
              <p class="hint">{words.codeFirstWhy}</p>
            </div>
          )}
          <form class="panel" method="post" action={`${pathOf(request)}/deny`}>
            <FormToken viewer={viewer} />
            <Field
              name="reason"
              label={words.reason}
              hint={words.reasonHint}
              error={refusal?.field === 'reason' ? (words.refused.reason ?? null) : null}
              value={denial}
              input={{ maxLength: 500 }}
            />
            <div class="actions">
              <button class="quiet big">{words.no}</button>
            </div>
          </form>
        </>
      )}
      <Past past={past} endpoints={endpoints} />
      <p>
        <a href="/admin/requests">{words.back}</a>
      </p>
    </>
  )
}

function RequestFacts({ request, now }: { request: AccessRequest; now: EpochMs }): VNode {
  const words = useWords(requestsWords)
  const conditions = useWords(conditionsWords)
  const { terms, reason, ticket, lapsesAt } = request
  const { lastsFromFirstUseMs: lastsMs } = terms
  const state = requestState(request, now)
  return (
    <dl class="facts">
      <dt>{words.why}</dt>
      <dd>
        <Said>{reason}</Said>
      </dd>
      {ticket !== null && (
        <>
          <dt>{words.ticket}</dt>
          <dd>
            <Said>{ticket}</Said>
          </dd>
        </>
      )}
      <dt>{words.when}</dt>
      <dd>
        {terms.from === null ? (
          words.fromApproval(durationWords(terms.lengthMs))
        ) : (
          <Window from={terms.from} until={terms.from + terms.lengthMs} of={terms.endpoints} />
        )}
        {lastsMs !== null && `, ${conditions.sayLasts.replace('{}', durationWords(lastsMs))}`}
      </dd>
      <dt>{words.states[state]}</dt>
      <dd>
        {state === 'open' ? (
          <>
            {words.lapses} <TimeUntil at={lapsesAt} now={now} thenReload />
          </>
        ) : (
          <Instant at={request.outcome?.at ?? lapsesAt} of={terms.endpoints} />
        )}
      </dd>
    </dl>
  )
}

function Yes(props: {
  request: AccessRequest
  viewer: Viewer
  endpoints: readonly Endpoint[]
  isLast: boolean
}): VNode {
  const { request, viewer, endpoints, isLast } = props
  const { terms } = request
  const { lengthMs, lastsFromFirstUseMs: lastsMs } = terms
  const words = useWords(requestsWords)
  const conditions = useWords(conditionsWords)
  return (
    <form class="panel" method="post" action={`${pathOf(request)}/approve`}>
      <FormToken viewer={viewer} />
      <div class="actions">
        <button class="big">{words.yes}</button>
      </div>
      <p class="hint">{isLast ? words.yesHint : words.yesHintFirst}</p>
      <details>
        <summary>{words.less}</summary>
        <Choices name="endpoints" legend={words.machines}>
          {terms.endpoints.map((id) => (
            <Choice type="checkbox" name="endpoints" value={id} isChosen>
              {machineNames([id], endpoints)}
            </Choice>
          ))}
        </Choices>
        {terms.access === 'operate' && (
          <Choices name="access" legend={words.access}>
            {(['operate', 'view'] as const).map((access) => (
              <Choice type="radio" name="access" value={access} isChosen={access === 'operate'}>
                {words[access]}
              </Choice>
            ))}
          </Choices>
        )}
        <Choices name="length" legend={lastsMs === null ? words.length : words.toBegin}>
          {(lastsMs === null ? lengthsMs : waitsMs)
            .filter((length) => length < lengthMs)
            .map((length) => (
              <Choice type="radio" name="length" value={String(length)} isChosen={false}>
                {durationWords(length)}
              </Choice>
            ))}
          <Choice type="radio" name="length" value={String(lengthMs)} isChosen>
            {words.asAsked(durationWords(lengthMs))}
          </Choice>
        </Choices>
        <Choices name="lasts" legend={conditions.lasts}>
          {lengthsMs
            .filter((length) => length < (lastsMs ?? lengthMs))
            .map((length) => (
              <Choice type="radio" name="lasts" value={String(length)} isChosen={false}>
                {durationWords(length)}
              </Choice>
            ))}
          <Choice type="radio" name="lasts" value={asAsked} isChosen>
            {lastsMs === null ? words.allOfTheTime : words.asAsked(durationWords(lastsMs))}
          </Choice>
        </Choices>
        {!terms.needsRelease && (
          <Choice type="checkbox" name="release" value="yes" isChosen={false}>
            {conditions.release}
            <span class="soft small">{` ${conditions.releaseHint}`}</span>
          </Choice>
        )}
      </details>
    </form>
  )
}

/** What this person did last time. */
function Past({ past, endpoints }: { past: readonly Grant[]; endpoints: readonly Endpoint[] }): VNode {
  const words = useWords(requestsWords)
  return (
    <section class="panel" aria-labelledby="past">
      <h2 id="past">{words.last}</h2>
      {past.length === 0 && <p class="soft">{words.never}</p>}
      {past.map((grant) => (
        <p>
          <a href={`/admin/grants/${encodeURIComponent(grant.id)}`}>
            {machineNames(grant.endpoints, endpoints)}
          </a>
          {', '}
          <Window from={grant.from} until={grant.until} of={grant.endpoints} />
          {': '}
          <Said>{grant.reason}</Said>
          {grant.revocation !== null && (
            <>
              {'; '}
              <strong>{words.revoked}</strong> <Said>{grant.revocation.reason}</Said>
            </>
          )}
        </p>
      ))}
    </section>
  )
}
