import type { VNode } from 'preact'
import { longestFor } from '../grants/index.js'
import { GatehouseError, zoneOf } from '../lib/index.js'
import {
  askFirst,
  Cell,
  ConfirmForm,
  Field,
  FormToken,
  Hidden,
  dateFieldValue,
  Instant,
  PlantTime,
  readDateField,
  Notice,
  personal,
  Row,
  RowHead,
  Said,
  Table,
  TimeUntil,
  Window,
  type Answer,
  type Confirmation,
  type PersonalCall,
  type Route,
  type Viewer,
} from '../lib/page/index.js'
import type { EndingLimits, EpochMs, Grant } from '../model.js'
import { grantState, isDraining, nextStart, phasesOf, spanAt } from '../policy/index.js'
import { ConditionFacts } from './conditions.js'
import { csvText } from './csv.js'
import { grantGroups, grantTable, isOver, selectGrants, type GrantGroup } from './grant-selection.js'
import {
  Download,
  FilterForm,
  FilterNote,
  isFiltered,
  NothingFits,
  Pager,
  partOf,
  readFilter,
} from './listing.js'
import type { AdminOptions } from './options.js'
import {
  actorName,
  endingNames,
  endingSentence,
  fieldMessage,
  GrantSentence,
  machineNames,
  stateName,
  StopNotice,
} from './words.js'

const shownAtOnce = 40
const hourMs = 3_600_000

const groupNames: Readonly<Record<GrantGroup, string>> = {
  running: 'Running',
  coming: 'Starts later',
  ended: 'Ended',
  revoked: 'Revoked',
}
const sections: readonly { title: string; groups: readonly GrantGroup[] }[] = [
  { title: 'Running', groups: ['running'] },
  { title: 'Starts later', groups: ['coming'] },
  { title: 'Ended', groups: ['ended', 'revoked'] },
]

/** What was just done, by the name it has in the address; anything else there says nothing. */
const doneNotices: Readonly<Record<string, string>> = {
  extended: 'The grant was extended. Connections that are open stay open until the new end.',
  revoked: 'The grant was revoked. Everything opened with it has been cut.',
}

/** What the person entered and why it was not taken. */
interface Refusal {
  readonly form: 'extend' | 'revoke'
  readonly error: GatehouseError
  readonly value: string
}

/** The list of grants, one grant, and what can be done to it. */
export function grantRoutes(options: AdminOptions): Route[] {
  const { config, clock, pages, grants, lockdowns, secondFactor } = options
  const limits = config.grants.endings
  const zoneFor = zoneOf(config)
  const endpointTerms = new Map(config.endpoints.map((endpoint) => [endpoint.id, endpoint]))

  async function showList({ viewer, query }: PersonalCall): Promise<Answer> {
    const all = await grants.list()
    const inForce = await lockdowns.inForce()
    const now = clock.now()
    const filter = readFilter('/admin', query, grantGroups)
    const { grants: fitting, groupOf } = selectGrants(all, filter, {
      now,
      limits,
      endpoints: config.endpoints,
    })
    const part = partOf(fitting, filter.page, shownAtOnce)
    const html = pages.render({
      title: 'Grants',
      section: 'grants',
      width: 'wide',
      isLive: true,
      viewer,
      now,
      body: (
        <>
          <div class="head">
            <h1>Grants</h1>
            <div class="actions">
              <a class="button quiet" href="/admin/timeline">
                Timeline
              </a>
              {viewer.isAdmin && (
                <a class="button" href="/admin/grants/new">
                  Issue a grant
                </a>
              )}
            </div>
          </div>
          <StopNotice inForce={inForce} />
          <p>
            <a href="/admin/simulator">Who could open what, and why not</a>
          </p>
          {all.length === 0 ? (
            <div class="panel">
              <h2>No grant has been issued yet</h2>
              <p>
                Nobody from outside can open a machine now. An administrator issues a grant to one person, for
                some machines and a limited time.
              </p>
            </div>
          ) : (
            <>
              <FilterForm
                filter={filter}
                hint="Person, machine, reason, ticket or id. All words must occur."
                states={grantGroups.map((group) => [group, groupNames[group]])}
                endpoints={config.endpoints}
              />
              {isFiltered(filter) && fitting.length > 0 && (
                <FilterNote filter={filter} count={fitting.length} publicUrl={config.server.publicUrl} />
              )}
              {isFiltered(filter) && fitting.length === 0 && <NothingFits filter={filter} />}
              {sections
                .map(({ title, groups }) => {
                  const isOfIt = (grant: Grant): boolean => groups.includes(groupOf(grant))
                  return { title, shown: part.shown.filter(isOfIt), count: fitting.filter(isOfIt).length }
                })
                .filter(({ shown, count }) => shown.length > 0 || (count === 0 && !isFiltered(filter)))
                .map(({ title, shown, count }) => (
                  <GrantList title={title} shown={shown} count={count} now={now} viewer={viewer} />
                ))}
              <Pager filter={filter} part={part} />
              {fitting.length > 0 && <Download filter={filter} count={fitting.length} />}
            </>
          )}
        </>
      ),
    })
    return { kind: 'page', html }
  }

  async function download({ query }: PersonalCall): Promise<Answer> {
    const now = clock.now()
    const filter = readFilter('/admin', query, grantGroups)
    const site = { now, limits, endpoints: config.endpoints }
    const selection = selectGrants(await grants.list(), filter, site)
    return {
      kind: 'file',
      name: `grants-${new Date(now).toISOString().slice(0, 10)}.csv`,
      type: 'text/csv; charset=utf-8',
      body: csvText(grantTable(selection, config.endpoints)),
    }
  }

  function GrantList(props: {
    title: string
    shown: readonly Grant[]
    /** Of all pages together. */
    count: number
    now: EpochMs
    viewer: Viewer
  }): VNode {
    const { title, shown, count, now, viewer } = props
    return (
      <section>
        <h2>{`${title} (${String(count)})`}</h2>
        {shown.length === 0 ? (
          <p class="soft">None.</p>
        ) : (
          <Table caption={title} kind="grants" columns={['Who', 'Machine', 'Time', 'Reason', 'Actions']}>
            {shown.map((grant) => (
              <GrantRow grant={grant} now={now} viewer={viewer} />
            ))}
          </Table>
        )}
      </section>
    )
  }

  function GrantRow({ grant, now, viewer }: { grant: Grant; now: EpochMs; viewer: Viewer }): VNode {
    const hasClosed = isOver(grant, now, limits)
    return (
      <Row>
        <RowHead>
          <Said>{grant.to.email}</Said>
          {grant.to.principalId === null && <div class="soft small">has not signed in yet</div>}
        </RowHead>
        <Cell label="Machine">
          <Said>{machineNames(grant.endpoints, config.endpoints)}</Said>
          {grant.access === 'view' && <div class="soft small">view only</div>}
        </Cell>
        <Cell label="Time">
          <StateText grant={grant} now={now} limits={limits} />
          <div class="soft small">
            <Window from={grant.from} until={grant.until} of={grant.endpoints} />
          </div>
          {grant.ending !== 'cut' && !hasClosed && (
            <div class="soft small">{endingNames[grant.ending].toLowerCase()}</div>
          )}
        </Cell>
        <Cell label="Reason">
          <div class="clamp">
            <Said>{grant.reason}</Said>
          </div>
          {grant.ticket !== null && (
            <div class="soft small">
              <Said>{grant.ticket}</Said>
            </div>
          )}
        </Cell>
        <Cell>
          <div class="actions">
            {viewer.isAdmin &&
              !hasClosed &&
              [1, 4]
                .filter((hours) => canExtend(grant, hours))
                .map((hours) => <QuickExtend grant={grant} hours={hours} viewer={viewer} />)}
            <a class="button quiet" href={`/admin/grants/${encodeURIComponent(grant.id)}`}>
              {hasClosed ? 'Details' : 'End'}
              <span class="visually-hidden">
                {hasClosed
                  ? ` of the grant of ${grant.to.email}`
                  : ` or change the grant of ${grant.to.email}`}
              </span>
            </a>
          </div>
        </Cell>
      </Row>
    )
  }

  function longest({ endpoints }: Grant): number {
    return longestFor(endpoints, config.grants.maxLengthMs, endpointTerms)
  }

  function canExtend(grant: Grant, hours: number): boolean {
    if (grant.conditions.windows.length > 0) return false
    return grant.until + hours * hourMs - grant.from <= longest(grant)
  }

  async function showOne(call: PersonalCall): Promise<Answer> {
    return renderOne(call, await find(call), null)
  }

  async function find({ params }: PersonalCall): Promise<Grant> {
    const grant = await grants.get(params.one('id'))
    if (grant === null) throw new GatehouseError('grant-unknown', 'There is no grant with this id.')
    return grant
  }

  async function renderOne(call: PersonalCall, grant: Grant, refusal: Refusal | null): Promise<Answer> {
    const { viewer, query } = call
    const { principalId } = grant.to
    const needsInvitation =
      viewer.isAdmin &&
      config.totp.enrolment === 'invite' &&
      !(principalId !== null && (await secondFactor.status(principalId)).isEnrolled)
    const now = clock.now()
    const done = doneNotices[query.one('done')]
    const hasClosed = isOver(grant, now, limits)
    const openCount = options.streams().filter((stream) => stream.grantId === grant.id).length
    const html = pages.render({
      title: refusal === null ? 'Grant' : 'Error: Grant',
      section: 'grants',
      viewer,
      now,
      body: (
        <>
          {done !== undefined && <Notice>{done}</Notice>}
          <div class="panel">
            <div class="title head">
              <h1>Grant</h1>
              <StateText grant={grant} now={now} limits={limits} />
            </div>
            <p class="lead">
              <GrantSentence grant={grant} endpoints={config.endpoints} now={now} />
            </p>
            <GrantFacts grant={grant} openCount={openCount} limits={limits} now={now} />
            {needsInvitation && !hasClosed && (
              <form method="post" action="/admin/invitations">
                <FormToken viewer={viewer} />
                <Hidden name="email" value={grant.to.email} />
                <p class="hint">
                  <Said>{grant.to.email}</Said> has no second factor yet and needs an invitation code to set
                  one up.
                </p>
                <div class="actions">
                  <button class="quiet">New invitation code</button>
                </div>
              </form>
            )}
          </div>
          {!hasClosed && viewer.isAdmin && grant.conditions.windows.length === 0 && (
            <Extend grant={grant} viewer={viewer} refusal={refusal} />
          )}
          {!hasClosed && <Revoke grant={grant} viewer={viewer} refusal={refusal} openCount={openCount} />}
          <p>
            <a href="/admin">All grants</a>
          </p>
        </>
      ),
    })
    return { kind: 'page', html, status: refusal?.error.status ?? 200 }
  }

  function Extend(props: { grant: Grant; viewer: Viewer; refusal: Refusal | null }): VNode {
    const { grant, viewer } = props
    const refusal = props.refusal?.form === 'extend' ? props.refusal : null
    const value = refusal?.value ?? ''
    const zone = zoneFor(grant.endpoints)
    return (
      <section class="panel" aria-labelledby="extend">
        <h2 id="extend">Give more time</h2>
        {[1, 4].some((hours) => canExtend(grant, hours)) && (
          <div class="actions">
            {[1, 4]
              .filter((hours) => canExtend(grant, hours))
              .map((hours) => (
                <QuickExtend grant={grant} hours={hours} viewer={viewer} />
              ))}
          </div>
        )}
        <form class="stack" method="post" action={actionOf(grant, 'extend')}>
          <FormToken viewer={viewer} />
          <Field
            name="until"
            label={
              <>
                New end (<PlantTime of={grant.endpoints} />)
              </>
            }
            hint={
              <>
                At the latest <Instant at={grant.from + longest(grant)} of={grant.endpoints} />, the longest
                this grant may last.
              </>
            }
            error={refusal && fieldMessage(refusal.error)}
            value={dateFieldValue(value, zone) || dateFieldValue(grant.until, zone)}
            input={{ type: 'datetime-local' }}
          />
          <div class="actions">
            <button class="quiet">Extend</button>
          </div>
        </form>
      </section>
    )
  }

  function Revoke(props: {
    grant: Grant
    viewer: Viewer
    refusal: Refusal | null
    openCount: number
  }): VNode {
    const { grant, viewer, openCount } = props
    const refusal = props.refusal?.form === 'revoke' ? props.refusal : null
    return (
      <form
        class="panel"
        method="post"
        action={actionOf(grant, 'revoke')}
        aria-labelledby="revoke"
        {...askFirst(confirmRevoke(grant, openCount))}
      >
        <h2 id="revoke">End it now</h2>
        <FormToken viewer={viewer} />
        <Field
          name="reason"
          label="Reason"
          hint="The vendor reads it in the portal, and it stays on record."
          error={refusal && fieldMessage(refusal.error)}
          value={refusal?.value ?? ''}
          input={{ maxLength: 500 }}
        />
        <div class="actions">
          <button class="danger">Revoke this grant</button>
        </div>
      </form>
    )
  }

  function confirmRevoke(grant: Grant, openCount: number): Confirmation {
    const machines = machineNames(grant.endpoints, config.endpoints)
    const open = openCount === 0 ? '' : ` Open through this gateway now: ${String(openCount)}.`
    return {
      title: 'Revoke this grant?',
      text: `${grant.to.email} loses ${machines} at once. Open connections are cut, also in the middle of an upload.${open} This cannot be undone; a new grant can be issued.`,
      button: 'Revoke',
    }
  }

  async function extend(call: PersonalCall): Promise<Answer> {
    const { params, body, actor } = call
    const by = body.one('by')
    const grant = await find(call)
    try {
      let until: EpochMs | string = readDateField('until', body.one('until').trim(), zoneFor(grant.endpoints))
      if (by !== '') {
        // Two people who press the button at once mean one hour, not two.
        if (body.one('was') !== String(grant.until)) {
          throw new GatehouseError('grant-conflict', 'Somebody else has just changed the end of this grant.')
        }
        until = grant.until + (by === '4' ? 4 : 1) * hourMs
      }
      await grants.extend(params.one('id'), until, actor)
    } catch (error) {
      if (!isMendable(error)) throw error
      return renderOne(call, grant, { form: 'extend', error, value: body.one('until') })
    }
    return { kind: 'redirect', to: `/admin/grants/${encodeURIComponent(grant.id)}?done=extended` }
  }

  async function revoke(call: PersonalCall): Promise<Answer> {
    const { body, actor, viewer } = call
    const grant = await find(call)
    const reason = body.one('reason').trim()
    if (body.one('sure') !== 'yes' && reason !== '') {
      const back = `/admin/grants/${encodeURIComponent(grant.id)}`
      const openCount = options.streams().filter((stream) => stream.grantId === grant.id).length
      const html = pages.render({
        title: 'Revoke this grant?',
        section: 'grants',
        width: 'form',
        viewer,
        now: clock.now(),
        body: (
          <ConfirmForm
            confirmation={confirmRevoke(grant, openCount)}
            viewer={viewer}
            action={actionOf(grant, 'revoke')}
            back={back}
            fields={{ reason }}
          />
        ),
      })
      return { kind: 'page', html }
    }
    try {
      await grants.revoke(grant.id, reason, actor)
    } catch (error) {
      if (!isMendable(error)) throw error
      return renderOne(call, grant, { form: 'revoke', error, value: reason })
    }
    return { kind: 'redirect', to: `/admin/grants/${encodeURIComponent(grant.id)}?done=revoked` }
  }

  return [
    personal('GET', '/admin', 'approver', showList),
    personal('GET', '/admin/grants.csv', 'approver', download),
    personal('GET', '/admin/grants/:id', 'approver', showOne),
    personal('POST', '/admin/grants/:id/extend', 'admin', extend),
    personal('POST', '/admin/grants/:id/revoke', 'approver', revoke),
  ]
}

function isMendable(error: unknown): error is GatehouseError {
  return (
    error instanceof GatehouseError && (error.code === 'input-invalid' || error.code === 'grant-conflict')
  )
}

function actionOf(grant: Grant, action: 'extend' | 'revoke'): string {
  return `/admin/grants/${encodeURIComponent(grant.id)}/${action}`
}

function QuickExtend(props: { grant: Grant; hours: number; viewer: Viewer }): VNode {
  const { grant, hours, viewer } = props
  return (
    <form method="post" action={actionOf(grant, 'extend')}>
      <FormToken viewer={viewer} />
      <Hidden name="was" value={String(grant.until)} />
      <Hidden name="by" value={String(hours)} />
      <button class="quiet">
        {`+${String(hours)} h`}
        <span class="visually-hidden">{` for ${grant.to.email}`}</span>
      </button>
    </form>
  )
}

function StateText(props: { grant: Grant; now: EpochMs; limits: EndingLimits }): VNode {
  const { grant, now, limits } = props
  const name = stateName(grant, now)
  const { viewOnlyFrom, drainsUntil } = phasesOf(grant, limits, now)
  if (name === 'Running') {
    const isReadOnly = grant.ending === 'read-only' && viewOnlyFrom !== null && now >= viewOnlyFrom
    return (
      <span>
        {isReadOnly ? 'Running, view only now' : 'Running'},{' '}
        <TimeUntil at={spanAt(grant, now).until} now={now} thenReload /> left
      </span>
    )
  }
  if (isDraining(grant, now, limits)) {
    return (
      <span>
        Ended; what runs may finish, <TimeUntil at={drainsUntil} now={now} thenReload /> left
      </span>
    )
  }
  const start = nextStart(grant, now)
  if (start !== null) {
    return (
      <span>
        {grantState(grant, now) === 'grant-outside-window' ? 'Paused, goes on in' : 'Starts in'}{' '}
        <TimeUntil at={start} now={now} thenReload />
      </span>
    )
  }
  return (
    <div>
      {name}
      {grant.revocation !== null && (
        <div class="soft small clamp">
          <Said>{grant.revocation.reason}</Said>
        </div>
      )}
    </div>
  )
}

function GrantFacts(props: { grant: Grant; openCount: number; limits: EndingLimits; now: EpochMs }): VNode {
  const { grant, openCount, limits, now } = props
  return (
    <dl class="facts">
      <dt>Reason</dt>
      <dd>
        <Said>{grant.reason}</Said>
      </dd>
      {grant.ticket !== null && (
        <>
          <dt>Ticket</dt>
          <dd>
            <Said>{grant.ticket}</Said>
          </dd>
        </>
      )}
      <ConditionFacts conditions={grant.conditions} endpoints={grant.endpoints} now={now} />
      <dt>At the end</dt>
      <dd>{endingSentence(grant.ending, limits)}</dd>
      <dt>Issued</dt>
      <dd>
        <Instant at={grant.issuedAt} of={grant.endpoints} /> by <Said>{actorName(grant.issuedBy)}</Said>
      </dd>
      {grant.revocation !== null && (
        <>
          <dt>Revoked</dt>
          <dd>
            <Instant at={grant.revocation.at} of={grant.endpoints} /> by{' '}
            <Said>{actorName(grant.revocation.by)}</Said>: <Said>{grant.revocation.reason}</Said>
          </dd>
        </>
      )}
      {openCount > 0 && (
        <>
          <dt>Open now</dt>
          <dd>{`${String(openCount)} ${openCount === 1 ? 'connection' : 'connections'} through this gateway`}</dd>
        </>
      )}
      <dt>Id</dt>
      <dd>
        <code>{grant.id}</code>
      </dd>
    </dl>
  )
}
