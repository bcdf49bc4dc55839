import type { VNode } from 'preact'
import type { StreamInfo } from '../dataplane/index.js'
import {
  Cell,
  Instant,
  Notice,
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
import type { Endpoint, EpochMs, Session } from '../model.js'
import { askReason, readAnswer, type Question } from './answer-for.js'
import { FilterForm, FilterNote, isFiltered, NothingFits, Pager, partOf, readFilter } from './listing.js'
import { SavedFilters } from './saved-filter-pages.js'
import { listStates } from './saved-filters.js'
import { createMachineFilter } from './machines.js'
import { createMatcher } from './matching.js'
import type { AdminOptions } from './options.js'
import { BrowserSaid, machineNames, StopNotice } from './words.js'
import { sessionsWords, type SessionsWords } from './words/sessions.js'

const shownAtOnce = 100

/** Who is signed in, what they have open, and the way to end it. */
export function sessionRoutes(options: AdminOptions): Route[] {
  const { config, clock, pages, sessions, lockdowns, breakGlass, savedFilters } = options

  async function showSessions({ viewer, session: own, query }: PersonalCall): Promise<Answer> {
    const all = await sessions.list()
    const inForce = await lockdowns.inForce()
    const streams = options.streams()
    const now = clock.now()
    const filter = readFilter('/admin/sessions', query, listStates['/admin/sessions'])
    const saved = await savedFilters.of(own.principal.id, '/admin/sessions')
    const opened = streamsBySession(streams)
    const openOf = (session: Session): readonly StreamInfo[] => opened.get(session.id) ?? []
    const fits = createMatcher(filter.text)
    const isThere = createMachineFilter(filter.machine, config.endpoints)
    // Who is at a machine first; among equals, who came last.
    const fitting = all
      .filter((session) => {
        const open = openOf(session)
        return (
          (filter.state === '' || (filter.state === 'open') === open.length > 0) &&
          isThere(open.map(({ endpointId }) => endpointId)) &&
          fits(textsOfSession(session, open, config.endpoints))
        )
      })
      .sort((a, b) => openOf(b).length - openOf(a).length)
    const part = partOf(fitting, filter.page, shownAtOnce)
    const { language } = viewer
    const words = sessionsWords[language]
    const done = doneNotice(words, query.one('done'))
    const html = pages.render({
      title: words.title,
      language,
      section: 'sessions',
      width: 'wide',
      isLive: true,
      viewer,
      now,
      body: (
        <>
          <h1>{words.title}</h1>
          {done !== null && <Notice>{done}</Notice>}
          <StopNotice inForce={inForce} />
          <p class="soft">{words.count(all.length, streams.length)}</p>
          <FilterForm
            filter={filter}
            hint={words.hint}
            states={[
              ['open', words.open],
              ['idle', words.idle],
            ]}
            endpoints={config.endpoints}
          />
          <SavedFilters {...{ filter, saved, viewer }} outcome={query.one('kept')} />
          {fitting.length === 0 ? (
            <NothingFits filter={filter} />
          ) : (
            <>
              {isFiltered(filter) && (
                <FilterNote filter={filter} count={fitting.length} publicUrl={config.server.publicUrl} />
              )}
              <Table
                caption={words.caption}
                kind="sessions"
                columns={[
                  words.who,
                  words.openNow,
                  words.signedIn,
                  words.secondFactor,
                  words.ends,
                  words.actions,
                ]}
              >
                {part.shown.map((session) => (
                  <SessionRow session={session} isOwn={session.id === own.id} open={openOf(session)} />
                ))}
              </Table>
            </>
          )}
          <Pager filter={filter} part={part} />
        </>
      ),
    })
    return { kind: 'page', html }
  }

  function SessionRow(props: { session: Session; isOwn: boolean; open: readonly StreamInfo[] }): VNode {
    const { session, isOwn, open } = props
    const words = useWords(sessionsWords)
    const { name, email } = session.principal
    return (
      <Row>
        <RowHead>
          <Said>{name}</Said>
          {isOwn && <span class="soft"> {words.you}</span>}
          {email !== null && email !== name && (
            <div class="soft small">
              <Said>{email}</Said>
            </div>
          )}
        </RowHead>
        <Cell label={words.openNow}>
          {open.length === 0 ? <span class="soft">{words.nothing}</span> : <OpenMachines open={open} />}
        </Cell>
        <Cell label={words.signedIn}>
          <Instant at={session.startedAt} />
          <div class="soft small">
            {words.from} <Said>{session.source}</Said>
            <BrowserSaid session={session} />
          </div>
          {session.origin === 'break-glass' && <span class="tag attention">{words.byBreakGlass}</span>}
        </Cell>
        <Cell label={words.secondFactor}>
          <Proved at={session.assurance.secondFactorAt} />
        </Cell>
        <Cell label={words.ends}>
          <Instant at={session.endsAt} />
        </Cell>
        <Cell>
          <a class="button quiet" href={killPath(session.id)}>
            {words.end}
            <span class="visually-hidden">{words.endOf(name)}</span>
          </a>
        </Cell>
      </Row>
    )
  }

  function OpenMachines({ open }: { open: readonly StreamInfo[] }): VNode {
    const words = useWords(sessionsWords)
    return (
      <ul class="bare">
        {[...new Set(open.map((stream) => stream.endpointId))].map((endpointId) => {
          const here = open.filter((stream) => stream.endpointId === endpointId)
          return (
            <li>
              <strong>
                <Said>{machineNames([endpointId], config.endpoints)}</Said>
              </strong>
              <div class="soft small">
                {words.since(here.length)}{' '}
                <Instant at={Math.min(...here.map((stream) => stream.startedAt))} of={[endpointId]} />
              </div>
            </li>
          )
        })}
      </ul>
    )
  }

  function questionOf(words: SessionsWords, id: string, session: Session | null): Question {
    const open = options.streams().filter((stream) => stream.sessionId === id)
    const machines = machineNames([...new Set(open.map((stream) => stream.endpointId))], config.endpoints)
    const confirmation = {
      title: words.endTitle,
      text: words.endText(session?.principal.name ?? id, open.length === 0 ? null : machines),
      button: words.end,
    }
    return { confirmation, section: 'sessions', action: killPath(id), back: '/admin/sessions' }
  }

  async function askKill(call: PersonalCall): Promise<Answer> {
    const id = call.params.one('id')
    const session = await sessions.byId(id)
    if (session === null) return { kind: 'redirect', to: '/admin/sessions?done=gone' }
    return askReason(options, call, questionOf(sessionsWords[call.viewer.language], id, session))
  }

  /** Ends it also where Redis cannot say whose it is; and asks for no code. */
  async function kill(call: PersonalCall): Promise<Answer> {
    const { params, actor, session: own } = call
    const id = params.one('id')
    const given = readAnswer(options, call, questionOf(sessionsWords[call.viewer.language], id, null))
    if ('again' in given) return given.again
    const { reason } = given
    const wasAlive =
      (await sessions.end(id, 'session-killed', actor, reason)) ||
      (await breakGlass.withdraw(id, actor, reason))
    if (id === own.id) return { kind: 'redirect', to: '/signed-out' }
    return { kind: 'redirect', to: `/admin/sessions?done=${wasAlive ? 'ended' : 'gone'}` }
  }

  return [
    personal('GET', '/admin/sessions', 'approver', showSessions),
    personal('GET', '/admin/sessions/:id/kill', 'approver', askKill),
    personal('POST', '/admin/sessions/:id/kill', 'approver', kill),
  ]
}

export function streamsBySession(streams: readonly StreamInfo[]): ReadonlyMap<string, readonly StreamInfo[]> {
  const opened = new Map<string, StreamInfo[]>()
  for (const stream of streams) {
    const others = opened.get(stream.sessionId)
    if (others === undefined) opened.set(stream.sessionId, [stream])
    else others.push(stream)
  }
  return opened
}

/** What a search for a session looks at. */
export function textsOfSession(
  { id, principal, source }: Session,
  open: readonly StreamInfo[],
  endpoints: readonly Endpoint[],
): (string | null)[] {
  const machines = [...new Set(open.map(({ endpointId }) => endpointId))]
  return [principal.name, principal.email, id, source, ...machines, machineNames(machines, endpoints)]
}

function killPath(sessionId: string): string {
  return `/admin/sessions/${encodeURIComponent(sessionId)}/kill`
}

/** What was just done, by the name it has in the address; anything else there says nothing. */
function doneNotice(words: SessionsWords, done: string): string | null {
  if (done === 'ended') return words.ended
  return done === 'gone' ? words.gone : null
}

function Proved(props: { at: EpochMs | null }): VNode {
  const words = useWords(sessionsWords)
  return props.at === null ? <span class="soft">{words.notYet}</span> : <Instant at={props.at} />
}
