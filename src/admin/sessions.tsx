import type { VNode } from 'preact'
import type { StreamInfo } from '../dataplane/index.js'
import {
  askFirst,
  Cell,
  ConfirmForm,
  FormToken,
  Instant,
  Notice,
  personal,
  Row,
  RowHead,
  Said,
  Table,
  type Answer,
  type Confirmation,
  type PersonalCall,
  type Route,
  type Viewer,
} from '../lib/page/index.js'
import type { Endpoint, EpochMs, Session } from '../model.js'
import { FilterForm, FilterNote, isFiltered, NothingFits, Pager, partOf, readFilter } from './listing.js'
import { createMatcher } from './matching.js'
import type { AdminOptions } from './options.js'
import { machineNames, StopNotice } from './words.js'

const shownAtOnce = 100

const doneNotices: Readonly<Record<string, string>> = {
  ended: 'The session was ended. Everything opened with it has been cut.',
  gone: 'That session had ended already.',
}

/** Who is signed in, what they have open, and the way to end it. */
export function sessionRoutes(options: AdminOptions): Route[] {
  const { config, clock, pages, sessions, lockdowns, breakGlass } = options

  async function showSessions({ viewer, session: own, query }: PersonalCall): Promise<Answer> {
    const all = await sessions.list()
    const inForce = await lockdowns.inForce()
    const streams = options.streams()
    const now = clock.now()
    const filter = readFilter('/admin/sessions', query, ['open', 'idle'])
    const opened = streamsBySession(streams)
    const openOf = (session: Session): readonly StreamInfo[] => opened.get(session.id) ?? []
    const fits = createMatcher(filter.text)
    // Who is at a machine first; among equals, who came last.
    const fitting = all
      .filter((session) => {
        const open = openOf(session)
        return (
          (filter.state === '' || (filter.state === 'open') === open.length > 0) &&
          (filter.machine === '' || open.some(({ endpointId }) => endpointId === filter.machine)) &&
          fits(textsOfSession(session, open, config.endpoints))
        )
      })
      .sort((a, b) => openOf(b).length - openOf(a).length)
    const part = partOf(fitting, filter.page, shownAtOnce)
    const done = doneNotices[query.one('done')]
    const html = pages.render({
      title: 'Who is in',
      section: 'sessions',
      width: 'wide',
      isLive: true,
      viewer,
      now,
      body: (
        <>
          <h1>Who is in</h1>
          {done !== undefined && <Notice>{done}</Notice>}
          <StopNotice inForce={inForce} />
          <p class="soft">
            {`${String(all.length)} signed in, ${String(streams.length)} ${streams.length === 1 ? 'connection' : 'connections'} to machines through this gateway.`}
          </p>
          <FilterForm
            filter={filter}
            hint="Person, machine that is open, or the address they came from."
            states={[
              ['open', 'Something is open'],
              ['idle', 'Nothing is open'],
            ]}
            endpoints={config.endpoints}
          />
          {fitting.length === 0 ? (
            <NothingFits filter={filter} />
          ) : (
            <>
              {isFiltered(filter) && (
                <FilterNote filter={filter} count={fitting.length} publicUrl={config.server.publicUrl} />
              )}
              <Table
                caption="Sessions"
                kind="sessions"
                columns={['Who', 'Open now', 'Signed in', 'Second factor', 'Ends', 'Actions']}
              >
                {part.shown.map((session) => (
                  <SessionRow
                    session={session}
                    isOwn={session.id === own.id}
                    open={openOf(session)}
                    viewer={viewer}
                  />
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

  function SessionRow(props: {
    session: Session
    isOwn: boolean
    open: readonly StreamInfo[]
    viewer: Viewer
  }): VNode {
    const { session, isOwn, open, viewer } = props
    const { name, email } = session.principal
    return (
      <Row>
        <RowHead>
          <Said>{name}</Said>
          {isOwn && <span class="soft"> (you)</span>}
          {email !== null && email !== name && (
            <div class="soft small">
              <Said>{email}</Said>
            </div>
          )}
        </RowHead>
        <Cell label="Open now">
          {open.length === 0 ? <span class="soft">nothing</span> : <OpenMachines open={open} />}
        </Cell>
        <Cell label="Signed in">
          <Instant at={session.startedAt} />
          <div class="soft small">
            from <Said>{session.source}</Said>
          </div>
          {session.origin === 'break-glass' && <span class="tag attention">by break-glass</span>}
        </Cell>
        <Cell label="Second factor">
          <Proved at={session.assurance.secondFactorAt} />
        </Cell>
        <Cell label="Ends">
          <Instant at={session.endsAt} />
        </Cell>
        <Cell>
          <form method="post" action={killPath(session.id)} {...askFirst(confirmKill(session, open))}>
            <FormToken viewer={viewer} />
            <button class="quiet">
              End session
              <span class="visually-hidden">{` of ${name}`}</span>
            </button>
          </form>
        </Cell>
      </Row>
    )
  }

  function OpenMachines({ open }: { open: readonly StreamInfo[] }): VNode {
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
                {here.length === 1 ? 'since ' : `${String(here.length)} connections since `}
                <Instant at={Math.min(...here.map((stream) => stream.startedAt))} of={[endpointId]} />
              </div>
            </li>
          )
        })}
      </ul>
    )
  }

  function confirmKill(session: Session, open: readonly StreamInfo[]): Confirmation {
    const machines = machineNames([...new Set(open.map((stream) => stream.endpointId))], config.endpoints)
    const cut =
      open.length === 0 ? 'Nothing is open through this gateway now.' : `These are cut at once: ${machines}.`
    return {
      title: 'End this session?',
      text: `${session.principal.name} is signed out. ${cut} Their grants stay: they can sign in again. To keep them out, revoke the grant.`,
      button: 'End session',
    }
  }

  async function kill({ params, body, viewer, actor, session: own }: PersonalCall): Promise<Answer> {
    const id = params.one('id')
    if (body.one('sure') !== 'yes') {
      const session = await sessions.byId(id)
      if (session === null) return { kind: 'redirect', to: '/admin/sessions?done=gone' }
      const open = options.streams().filter((stream) => stream.sessionId === id)
      const html = pages.render({
        title: 'End this session?',
        section: 'sessions',
        width: 'form',
        viewer,
        now: clock.now(),
        body: (
          <ConfirmForm
            confirmation={confirmKill(session, open)}
            viewer={viewer}
            action={killPath(id)}
            back="/admin/sessions"
          />
        ),
      })
      return { kind: 'page', html }
    }
    const wasAlive =
      (await sessions.end(id, 'session-killed', actor)) || (await breakGlass.withdraw(id, actor))
    if (id === own.id) return { kind: 'redirect', to: '/signed-out' }
    return { kind: 'redirect', to: `/admin/sessions?done=${wasAlive ? 'ended' : 'gone'}` }
  }

  return [
    personal('GET', '/admin/sessions', 'approver', showSessions),
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

function Proved(props: { at: EpochMs | null }): VNode {
  return props.at === null ? <span class="soft">not yet</span> : <Instant at={props.at} />
}
