import type { VNode } from 'preact'
import { latestEnd } from '../grants/index.js'
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
  mayAct,
  PlantTime,
  readDateField,
  Notice,
  personal,
  Row,
  RowHead,
  Said,
  Table,
  TimeUntil,
  useLanguage,
  useWords,
  Window,
  type Answer,
  type Confirmation,
  type PersonalCall,
  type Route,
  type Viewer,
} from '../lib/page/index.js'
import type { EndingLimits, EpochMs, Grant } from '../model.js'
import { grantState, isDraining, isUnused, nextStart, phasesOf, spanAt } from '../policy/index.js'
import { codeFirst, readAnswer, type Question } from './answer-for.js'
import { ConditionFacts } from './conditions.js'
import { conditionsWords } from './conditions-words.js'
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
  type Filter,
} from './listing.js'
import { SavedFilters } from './saved-filter-pages.js'
import { readMembership, type IsTheirs } from './membership.js'
import type { AdminOptions } from './options.js'
import { actorName, endingSentence, fieldMessage, GrantSentence, machineNames, StopNotice } from './words.js'
import { answerForWords } from './words/answer-for.js'
import { companiesWords } from './words/companies.js'
import { grantsWords, type GrantsWords } from './words/grants.js'

const shownAtOnce = 40
const perhapsTheirsNamed = 20
const hourMs = 3_600_000

const sections: readonly (readonly GrantGroup[])[] = [['running'], ['coming'], ['ended', 'revoked']]

/** What the person entered and why it was not taken. */
interface Refusal {
  readonly form: 'extend' | 'revoke'
  readonly error: GatehouseError
  readonly value: string
  /** Beside a new end. */
  readonly reason?: string
}

/** The list of grants, one grant, and what can be done to it. */
export function grantRoutes(options: AdminOptions): Route[] {
  const { config, clock, pages, grants, lockdowns, people, secondFactor, savedFilters } = options
  const limits = config.grants.endings
  const zoneFor = zoneOf(config)
  const site = { endpoints: config.endpoints }
  const { companies } = config

  /** Of a company that is not configured, nothing: a link to one that has left must not show everybody's grants. */
  async function companyFilter(
    { company: wanted }: Filter,
    all: readonly Grant[],
  ): Promise<{ isTheirs?: IsTheirs; perhapsTheirs: readonly Grant[] }> {
    if (wanted === '') return { perhapsTheirs: [] }
    const company = companies.find(({ id }) => id === wanted)
    if (company === undefined) return { isTheirs: () => false, perhapsTheirs: [] }
    const holders = all.map(({ to }) => to)
    const belongingOf = await readMembership(people, [company], holders)
    const now = clock.now()
    return {
      isTheirs: (holder) => belongingOf(holder).theirs.length > 0,
      perhapsTheirs: all.filter(
        (grant) => belongingOf(grant.to).perhaps.length > 0 && !isOver(grant, now, limits),
      ),
    }
  }
  const endpointTerms = new Map(config.endpoints.map((endpoint) => [endpoint.id, endpoint]))

  async function showList({ viewer, session, query }: PersonalCall): Promise<Answer> {
    const all = await grants.list()
    const inForce = await lockdowns.inForce()
    const now = clock.now()
    const filter = readFilter('/admin', query, grantGroups)
    const ofCompany = await companyFilter(filter, all)
    const {
      grants: fitting,
      groupOf,
      counts,
    } = selectGrants(all, filter, { ...{ now, limits, ...site }, ...ofCompany })
    const part = partOf(fitting, filter.page, shownAtOnce)
    const saved = await savedFilters.of(session.principal.id, '/admin')
    const { language } = viewer
    const words = grantsWords[language]
    const html = pages.render({
      title: words.title,
      language,
      section: 'grants',
      width: 'wide',
      isLive: true,
      viewer,
      now,
      body: (
        <>
          <div class="head">
            <h1>{words.title}</h1>
            <div class="actions">
              <a class="button quiet" href="/admin/timeline">
                {words.timeline}
              </a>
              {viewer.isAdmin && (
                <a class="button" href="/admin/grants/new">
                  {words.issue}
                </a>
              )}
            </div>
          </div>
          <StopNotice inForce={inForce} />
          <p>
            <a href="/admin/simulator">{words.simulator}</a>
          </p>
          {all.length === 0 ? (
            <div class="panel">
              <h2>{words.noneTitle}</h2>
              <p>{words.none}</p>
            </div>
          ) : (
            <>
              <FilterForm
                filter={filter}
                hint={words.hint}
                states={grantGroups.map((group) => [group, words.groups[group]])}
                {...{ ...site, companies }}
              />
              <SavedFilters {...{ filter, saved, viewer }} outcome={query.one('kept')} />
              <PerhapsTheirs grants={ofCompany.perhapsTheirs} />
              {isFiltered(filter) && fitting.length > 0 && (
                <FilterNote filter={filter} count={fitting.length} publicUrl={config.server.publicUrl} />
              )}
              {isFiltered(filter) && fitting.length === 0 && (
                <NothingFits filter={filter} maySearch={mayAct(viewer)} />
              )}
              {sections
                .map((groups) => {
                  const title = words.groups[groups[0] ?? 'ended']
                  const shown = part.shown.filter((grant) => groups.includes(groupOf(grant)))
                  return { title, shown, count: groups.reduce((sum, group) => sum + counts[group], 0) }
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
    const all = await grants.list()
    const selection = selectGrants(all, filter, {
      ...{ now, limits, ...site },
      ...(await companyFilter(filter, all)),
    })
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
    const words = useWords(grantsWords)
    return (
      <section>
        <h2>{`${title} (${String(count)})`}</h2>
        {shown.length === 0 ? (
          <p class="soft">{words.empty}</p>
        ) : (
          <Table
            caption={title}
            kind="grants"
            columns={[words.who, words.machine, words.time, words.reason, words.actions]}
          >
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
    const canEnd = !hasClosed && mayAct(viewer)
    const words = useWords(grantsWords)
    const { email } = grant.to
    return (
      <Row>
        <RowHead>
          <Said>{grant.to.email}</Said>
          {grant.to.principalId === null && <div class="soft small">{words.notSignedIn}</div>}
        </RowHead>
        <Cell label={words.machine}>
          <Said>{machineNames(grant.endpoints, config.endpoints)}</Said>
          {grant.access === 'view' && <div class="soft small">{words.viewOnly}</div>}
          {grant.conditions.needsRelease && !hasClosed && mayAct(viewer) && (
            <div class="soft small">
              <a href="/admin/releases">{words.byControlRoom}</a>
            </div>
          )}
        </Cell>
        <Cell label={words.time}>
          <StateText grant={grant} now={now} limits={limits} />
          <div class="soft small">
            <Window from={grant.from} until={grant.until} of={grant.endpoints} />
          </div>
          {grant.ending !== 'cut' && !hasClosed && (
            <div class="soft small">{words.endings[grant.ending]}</div>
          )}
        </Cell>
        <Cell label={words.reason}>
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
              {canEnd ? words.end : words.details}
              <span class="visually-hidden">{canEnd ? words.endOf(email) : words.detailsOf(email)}</span>
            </a>
          </div>
        </Cell>
      </Row>
    )
  }

  function latest(grant: Grant): EpochMs {
    return latestEnd(grant, { ...config.grants, endpointTerms })
  }

  function canExtend(grant: Grant, hours: number): boolean {
    if (grant.conditions.windows.length > 0) return false
    return grant.until + hours * hourMs <= latest(grant)
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
    const { language } = viewer
    const words = grantsWords[language]
    const done = doneNotice(words, query.one('done'))
    const hasClosed = isOver(grant, now, limits)
    const openCount = options.streams().filter((stream) => stream.grantId === grant.id).length
    const html = pages.render({
      title: refusal === null ? words.grant : words.failed(words.grant),
      language,
      section: 'grants',
      viewer,
      now,
      body: (
        <>
          {done !== null && <Notice>{done}</Notice>}
          <div class="panel">
            <div class="title head">
              <h1>{words.grant}</h1>
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
                <p class="hint">{words.needsInvitation(<Said>{grant.to.email}</Said>)}</p>
                <div class="actions">
                  <button class="quiet">{words.invite}</button>
                </div>
              </form>
            )}
          </div>
          {!hasClosed && viewer.isAdmin && grant.conditions.windows.length === 0 && (
            <Extend grant={grant} viewer={viewer} refusal={refusal} />
          )}
          {!hasClosed && mayAct(viewer) && (
            <Revoke grant={grant} viewer={viewer} refusal={refusal} openCount={openCount} />
          )}
          <p>
            <a href="/admin">{words.all}</a>
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
    const words = useWords(grantsWords)
    const language = useLanguage()
    const zone = zoneFor(grant.endpoints)
    return (
      <section class="panel" aria-labelledby="extend">
        <h2 id="extend">{words.more}</h2>
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
                {words.newEnd} (<PlantTime of={grant.endpoints} />)
              </>
            }
            hint={
              <>
                {words.atTheLatest(<Instant at={latest(grant)} of={grant.endpoints} />)}
                {isUnused(grant) && ` ${conditionsWords[language].extendUnused}`}
              </>
            }
            error={refusal && refusal.error.field !== 'reason' ? fieldMessage(refusal.error, language) : null}
            value={dateFieldValue(value, zone) || dateFieldValue(grant.until, zone)}
            input={{ type: 'datetime-local' }}
          />
          <Field
            name="why"
            label={words.whyMore}
            hint={answerForWords[language].hint}
            error={refusal?.error.field === 'reason' ? answerForWords[language].missing : null}
            value={refusal?.reason ?? ''}
            input={{ maxLength: 500 }}
          />
          <div class="actions">
            <button class="quiet">{words.extend}</button>
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
    const words = useWords(grantsWords)
    const language = useLanguage()
    return (
      <form
        class="panel"
        method="post"
        action={actionOf(grant, 'revoke')}
        aria-labelledby="revoke"
        {...askFirst(confirmRevoke(words, grant, openCount))}
      >
        <h2 id="revoke">{words.endNow}</h2>
        <FormToken viewer={viewer} />
        <Field
          name="reason"
          label={words.reason}
          hint={words.revokeHint}
          error={refusal && fieldMessage(refusal.error, language)}
          value={refusal?.value ?? ''}
          input={{ maxLength: 500 }}
        />
        <div class="actions">
          <button class="danger">{words.revoke}</button>
        </div>
      </form>
    )
  }

  function confirmRevoke(words: GrantsWords, grant: Grant, open: number): Confirmation {
    const machines = machineNames(grant.endpoints, config.endpoints)
    return {
      title: words.revokeTitle,
      text: words.revokeText({ email: grant.to.email, machines, open }),
      button: words.revokeButton,
    }
  }

  function moreTime({ body, viewer }: PersonalCall, grant: Grant): Question {
    const words = grantsWords[viewer.language]
    const by = body.one('by') === '4' ? 4 : 1
    const machines = machineNames(grant.endpoints, config.endpoints)
    return {
      confirmation: {
        title: words.moreTitle(by),
        text: words.moreText({ email: grant.to.email, machines, hours: by }),
        button: words.extend,
      },
      section: 'grants',
      action: actionOf(grant, 'extend'),
      back: `/admin/grants/${encodeURIComponent(grant.id)}`,
      fields: { by: body.one('by'), was: body.one('was') },
      isHarmless: true,
    }
  }

  function isOpen(grant: Grant): boolean {
    const now = clock.now()
    const isRunning = grantState(grant, now) === 'grant-active' || isDraining(grant, now, limits)
    return isRunning && !isUnused(grant)
  }

  async function extend(call: PersonalCall): Promise<Answer> {
    const { params, body, actor } = call
    const by = body.one('by')
    const grant = await find(call)
    // One that lets nobody in yet, or no longer, gives access as a new one does.
    const code = isOpen(grant)
      ? null
      : codeFirst(call, clock, `/admin/grants/${encodeURIComponent(grant.id)}`)
    if (code !== null) return code
    // The quick buttons have no room for it.
    const given = by === '' ? null : readAnswer(options, call, moreTime(call, grant))
    if (given !== null && 'again' in given) return given.again
    // By a name of its own: the form that revokes stands on the same page, and a name is an id there.
    const reason = given?.reason ?? body.one('why')
    try {
      let until: EpochMs | string = readDateField('until', body.one('until').trim(), zoneFor(grant.endpoints))
      if (by !== '') {
        // Two people who press the button at once mean one hour, not two.
        if (body.one('was') !== String(grant.until)) {
          throw new GatehouseError('grant-conflict', 'Somebody else has just changed the end of this grant.')
        }
        until = grant.until + (by === '4' ? 4 : 1) * hourMs
      }
      await grants.extend(params.one('id'), until, reason, actor)
    } catch (error) {
      if (!isMendable(error)) throw error
      return renderOne(call, grant, { form: 'extend', error, value: body.one('until'), reason })
    }
    return { kind: 'redirect', to: `/admin/grants/${encodeURIComponent(grant.id)}?done=extended` }
  }

  async function revoke(call: PersonalCall): Promise<Answer> {
    const { body, actor, viewer } = call
    const grant = await find(call)
    const reason = body.one('reason').trim()
    if (body.one('sure') !== 'yes' && reason !== '') {
      const words = grantsWords[viewer.language]
      const back = `/admin/grants/${encodeURIComponent(grant.id)}`
      const openCount = options.streams().filter((stream) => stream.grantId === grant.id).length
      const html = pages.render({
        title: words.revokeTitle,
        language: viewer.language,
        section: 'grants',
        width: 'form',
        viewer,
        now: clock.now(),
        body: (
          <ConfirmForm
            confirmation={confirmRevoke(words, grant, openCount)}
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
    personal('GET', '/admin', 'auditor', showList),
    personal('GET', '/admin/grants.csv', 'auditor', download),
    personal('GET', '/admin/grants/:id', 'auditor', showOne),
    personal('POST', '/admin/grants/:id/extend', 'admin', extend),
    personal('POST', '/admin/grants/:id/revoke', 'approver', revoke),
  ]
}

/** What the list of a company cannot say of itself: there may be more. Beside the filter, whatever else that asks for. */
function PerhapsTheirs({ grants }: { grants: readonly Grant[] }): VNode | null {
  const words = useWords(companiesWords)
  if (grants.length === 0) return null
  return (
    <Notice kind="alarm">
      <strong>{words.unknown(grants.length)}</strong> {words.perhapsTheirs}{' '}
      {grants.slice(0, perhapsTheirsNamed).map(({ id }, position) => (
        <>
          {position > 0 && ', '}
          <a href={`/admin/grants/${id}`}>{id}</a>
        </>
      ))}
      {grants.length > perhapsTheirsNamed && ' …'}
    </Notice>
  )
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
  const words = useWords(grantsWords)
  return (
    <form method="post" action={actionOf(grant, 'extend')}>
      <FormToken viewer={viewer} />
      <Hidden name="was" value={String(grant.until)} />
      <Hidden name="by" value={String(hours)} />
      <button class="quiet">
        {words.hoursMore(hours)}
        <span class="visually-hidden">{words.hoursMoreFor(grant.to.email)}</span>
      </button>
    </form>
  )
}

function StateText(props: { grant: Grant; now: EpochMs; limits: EndingLimits }): VNode {
  const { grant, now, limits } = props
  const words = useWords(grantsWords)
  const { viewOnlyFrom, drainsUntil } = phasesOf(grant, limits, now)
  const timeTo = (at: EpochMs): VNode => <TimeUntil at={at} now={now} thenReload />
  const state = grantState(grant, now)
  if (state === 'grant-active') {
    const isReadOnly = grant.ending === 'read-only' && viewOnlyFrom !== null && now >= viewOnlyFrom
    const left = timeTo(spanAt(grant, now).until)
    return <span>{isReadOnly ? words.viewOnlyNow(left) : words.running(left)}</span>
  }
  if (isDraining(grant, now, limits)) return <span>{words.draining(timeTo(drainsUntil))}</span>
  const start = nextStart(grant, now)
  if (start !== null) {
    const isPaused = state === 'grant-outside-window'
    return <span>{isPaused ? words.goesOnIn(timeTo(start)) : words.startsIn(timeTo(start))}</span>
  }
  return (
    <div>
      {words.groups[grant.revocation === null ? 'ended' : 'revoked']}
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
  const words = useWords(grantsWords)
  const language = useLanguage()
  return (
    <dl class="facts">
      <dt>{words.reason}</dt>
      <dd>
        <Said>{grant.reason}</Said>
      </dd>
      {grant.ticket !== null && (
        <>
          <dt>{words.ticket}</dt>
          <dd>
            <Said>{grant.ticket}</Said>
          </dd>
        </>
      )}
      <ConditionFacts grant={grant} now={now} />
      <dt>{words.atTheEnd}</dt>
      <dd>{endingSentence(words, grant.ending, limits)}</dd>
      <dt>{words.issued}</dt>
      <dd>
        <Instant at={grant.issuedAt} of={grant.endpoints} /> {words.by}{' '}
        <Said>{actorName(grant.issuedBy, language)}</Said>
      </dd>
      {grant.revocation !== null && (
        <>
          <dt>{words.groups.revoked}</dt>
          <dd>
            <Instant at={grant.revocation.at} of={grant.endpoints} /> {words.by}{' '}
            <Said>{actorName(grant.revocation.by, language)}</Said>: <Said>{grant.revocation.reason}</Said>
          </dd>
        </>
      )}
      {openCount > 0 && (
        <>
          <dt>{words.openNow}</dt>
          <dd>{words.connections(openCount)}</dd>
        </>
      )}
      <dt>{words.id}</dt>
      <dd>
        <code>{grant.id}</code>
      </dd>
    </dl>
  )
}

/** What was just done, by the name it has in the address; anything else there says nothing. */
function doneNotice(words: GrantsWords, done: string): string | null {
  return done === 'extended' || done === 'revoked' ? words[done] : null
}
