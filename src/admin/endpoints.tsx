import type { VNode } from 'preact'
import type { Health } from '../dataplane/index.js'
import {
  Cell,
  Instant,
  personal,
  Row,
  RowHead,
  Said,
  Table,
  useWords,
  type Answer,
  type PersonalCall,
  type Route,
} from '../lib/page/index.js'
import type { Endpoint, Grant } from '../model.js'
import { grantState } from '../policy/index.js'
import { FilterForm, FilterNote, isFiltered, NothingFits, Pager, partOf, readFilter } from './listing.js'
import { SavedFilters } from './saved-filter-pages.js'
import { listStates } from './saved-filters.js'
import { textsOfEndpoint } from './machines.js'
import { createMatcher } from './matching.js'
import type { AdminOptions } from './options.js'
import { endpointsWords } from './words/endpoints.js'

const shownAtOnce = 100
const peopleAtOnce = 3
const states = listStates['/admin/endpoints']

/** A machine and what is known of it now. */
interface Known {
  readonly endpoint: Endpoint
  readonly health: Health | null
  /** The grants under which it may be opened now. */
  readonly running: readonly Grant[]
  readonly openCount: number
  readonly isStopped: boolean
}

/** Every configured machine: whether it answers, who may open it, what is open, and whether it is stopped. */
export function endpointRoutes(options: AdminOptions): Route[] {
  const { config, clock, pages, grants, lockdowns, savedFilters } = options

  async function gather(): Promise<Known[]> {
    const all = await grants.list()
    const inForce = await lockdowns.inForce()
    const now = clock.now()
    const running = new Map<string, Grant[]>(config.endpoints.map(({ id }) => [id, []]))
    for (const grant of all) {
      if (grantState(grant, now) !== 'grant-active') continue
      for (const id of grant.endpoints) running.get(id)?.push(grant)
    }
    const health = new Map(options.health().map((known) => [known.endpointId, known]))
    const open = new Map<string, number>()
    for (const { endpointId } of options.streams()) open.set(endpointId, (open.get(endpointId) ?? 0) + 1)
    return config.endpoints.map((endpoint) => ({
      endpoint,
      health: health.get(endpoint.id) ?? null,
      running: running.get(endpoint.id) ?? [],
      openCount: open.get(endpoint.id) ?? 0,
      isStopped: inForce.some(
        ({ scope }) =>
          scope.kind === 'all' || (scope.kind === 'endpoint' && scope.endpointId === endpoint.id),
      ),
    }))
  }

  async function show({ viewer, session, query }: PersonalCall): Promise<Answer> {
    const words = endpointsWords[viewer.language]
    const filter = readFilter('/admin/endpoints', query, states)
    const saved = await savedFilters.of(session.principal.id, '/admin/endpoints')
    const fits = createMatcher(filter.text)
    const fitting = (await gather()).filter(
      (known) => isInState(known, filter.state) && fits(textsOfEndpoint(known.endpoint)),
    )
    const part = partOf(fitting, filter.page, shownAtOnce)
    const html = pages.render({
      title: words.title,
      section: 'endpoints',
      width: 'wide',
      isLive: true,
      viewer,
      language: viewer.language,
      now: clock.now(),
      body: (
        <>
          <h1>{words.title}</h1>
          <p class="soft">{words.about}</p>
          <FilterForm
            filter={filter}
            hint={words.hint}
            states={states.map((state) => [state, words.states[state]])}
            endpoints={[]}
          />
          <SavedFilters {...{ filter, saved, viewer }} outcome={query.one('kept')} />
          {isFiltered(filter) && fitting.length > 0 && (
            <FilterNote filter={filter} count={fitting.length} publicUrl={config.server.publicUrl} />
          )}
          {fitting.length === 0 ? (
            <NothingFits filter={filter} />
          ) : (
            <Table
              caption={words.title}
              kind="endpoints"
              columns={[words.machine, words.health, words.access, words.open]}
            >
              {part.shown.map((known) => (
                <EndpointRow known={known} />
              ))}
            </Table>
          )}
          <Pager filter={filter} part={part} />
        </>
      ),
    })
    return { kind: 'page', html }
  }

  return [personal('GET', '/admin/endpoints', 'approver', show)]
}

function isInState({ health, running, openCount, isStopped }: Known, state: string): boolean {
  switch (state) {
    case 'unreachable':
      return health?.state === 'unreachable'
    case 'granted':
      return running.length > 0
    case 'open':
      return openCount > 0
    case 'stopped':
      return isStopped
    default:
      return true
  }
}

function EndpointRow({ known }: { known: Known }): VNode {
  const words = useWords(endpointsWords)
  const { endpoint, openCount, isStopped } = known
  const { id, name, zone } = endpoint
  return (
    <Row>
      <RowHead>
        <Said>{name}</Said>
        <div class="soft small">
          <Said>{zone === null ? id : `${zone}, ${id}`}</Said>
        </div>
        {isStopped && (
          <div>
            <span class="tag attention">{words.stopped}</span>{' '}
            <a href="/admin/lockdowns">
              {words.seeStops}
              <span class="visually-hidden">{`: ${name}`}</span>
            </a>
          </div>
        )}
      </RowHead>
      <Cell label={words.health}>
        <HealthText known={known} />
      </Cell>
      <Cell label={words.access}>
        <People known={known} />
      </Cell>
      <Cell label={words.open}>
        {openCount === 0 ? (
          <span class="soft">{words.nothing}</span>
        ) : (
          <a href={`/admin/sessions?${new URLSearchParams({ machine: id }).toString()}`}>
            {words.connections(openCount)}
            <span class="visually-hidden">{`: ${name}`}</span>
          </a>
        )}
      </Cell>
    </Row>
  )
}

function HealthText({ known: { endpoint, health } }: { known: Known }): VNode {
  const words = useWords(endpointsWords)
  if (health === null)
    return <span class="soft">{endpoint.probe === null ? words.unasked : words.notYet}</span>
  return (
    <>
      {health.status !== null ? (
        words.answers(health.status)
      ) : (
        <span class="tag attention">{words.silent}</span>
      )}
      <div class="soft small">
        {words.since} <Instant at={health.since} of={[endpoint.id]} />
        {health.problem !== null && (
          <>
            {' '}
            <code>{health.problem}</code>
          </>
        )}
      </div>
    </>
  )
}

function People({ known: { endpoint, running } }: { known: Known }): VNode {
  const words = useWords(endpointsWords)
  if (running.length === 0) return <span class="soft">{words.nobody}</span>
  const hidden = running.length - peopleAtOnce
  return (
    <ul class="bare">
      {running.slice(0, peopleAtOnce).map((grant) => (
        <li>
          <a href={`/admin/grants/${encodeURIComponent(grant.id)}`}>
            <Said>{grant.to.email}</Said>
          </a>
        </li>
      ))}
      {hidden > 0 && (
        <li>
          <a href={`/admin?${new URLSearchParams({ state: 'running', machine: endpoint.id }).toString()}`}>
            {words.more(hidden)}
            <span class="visually-hidden">{`: ${endpoint.name}`}</span>
          </a>
        </li>
      )}
    </ul>
  )
}
