import type { VNode } from 'preact'
import {
  durationWords,
  Instant,
  mayAct,
  Notice,
  personal,
  Said,
  TimeUntil,
  useLanguage,
  useWords,
  Window,
  type Answer,
  type PersonalCall,
  type Route,
} from '../lib/page/index.js'
import {
  dueWarning,
  endWarnings,
  fingerprint,
  GatehouseError,
  timeLeftPath,
  type Warning,
} from '../lib/index.js'
import { requestState } from '../grants/index.js'
import type { AccessRequest, EndingLimits, Endpoint, EpochMs, Grant, Session } from '../model.js'
import { endsAt, grantState, isUnused, nextStart, phasesOf, spanAt } from '../policy/index.js'
import type { PortalContext } from './context.js'
import { AskedFor, recentRequests } from './request.js'
import { unmetReason, UnmetSection, type Unmet } from './unmet.js'
import { homeWords } from './words/home.js'

/** A machine one may open, with the grant that counts. */
interface Opening {
  readonly endpoint: Endpoint
  readonly grant: Grant
  /** When access ends: with the grant, or with the session before it. */
  readonly endsAt: EpochMs
}

/** What the front page is made of. */
interface Holdings {
  readonly now: EpochMs
  readonly open: readonly Opening[]
  readonly stopped: readonly Endpoint[]
  readonly unmet: readonly Unmet[]
  readonly coming: readonly Grant[]
  readonly ended: readonly Grant[]
  readonly asked: readonly AccessRequest[]
}

const shownEndedMs = 14 * 24 * 3_600_000

/** What the person may open now, later, and could until recently. */
export function homeRoutes(context: PortalContext): Route[] {
  const { config, clock, pages, grants, requests, mayOpen } = context

  async function holdingsOf(session: Session, source: string): Promise<Holdings> {
    const held = await grants.heldBy(session.principal.id)
    const now = clock.now()
    const granted = new Set(
      held.filter((grant) => grantState(grant, now) === 'grant-active').flatMap((g) => g.endpoints),
    )
    const open: Opening[] = []
    const stopped: Endpoint[] = []
    const unmet: Unmet[] = []
    for (const endpoint of config.endpoints.filter(({ id }) => granted.has(id))) {
      // Asked and not worked out here, so that the page never promises what the gate refuses.
      const decision = await mayOpen(session, endpoint.id, source)
      if (decision.reasons.includes('view-unproved') || decision.reasons.includes('clock-untrusted'))
        throw new GatehouseError('store-unavailable', 'Access cannot be checked right now.')
      if (decision.reasons.includes('lockdown')) stopped.push(endpoint)
      if (decision.outcome === 'challenge') continue
      const grant = held.find(({ id }) => id === decision.grantId)
      const reason = unmetReason(decision.reasons)
      if (grant && reason !== null) unmet.push({ endpoint, grant, reason })
      if (decision.outcome !== 'permit') continue
      if (grant) {
        const endsAt = Math.min(spanAt(grant, now).until, session.endsAt)
        open.push({ endpoint, grant: inSpan(grant, now), endsAt })
      }
    }
    const coming = held
      .flatMap((grant) => {
        const start = nextStart(grant, now)
        return start === null ? [] : [inSpan(grant, start)]
      })
      .sort((a, b) => a.from - b.from)
    const ended = held
      .filter(
        (grant) =>
          ['grant-ended', 'grant-revoked'].includes(grantState(grant, now)) &&
          now - endOf(grant) < shownEndedMs,
      )
      .sort((a, b) => endOf(b) - endOf(a))
    const asked = recentRequests(await requests.of(session.principal.id), now)
    return { now, open, stopped, unmet, coming, ended, asked }
  }

  /** For the open page, which loads again when something else would be shown. */
  async function tellWhatIsShown({ session, visit }: PersonalCall): Promise<Answer> {
    const holdings = await holdingsOf(session, visit.source)
    return { kind: 'json', body: { now: holdings.now, shown: markOf(holdings) } }
  }

  async function showHome({ session, viewer, visit }: PersonalCall): Promise<Answer> {
    const holdings = await holdingsOf(session, visit.source)
    const { now, open, stopped, unmet, coming, ended, asked } = holdings
    const requestable = await requests.requestable(session.principal.id)
    const mayAsk = requestable.length > 0
    const againOf = ({ id, endpoints }: Grant): string | null =>
      endpoints.some((endpoint) => requestable.includes(endpoint))
        ? `/request?again=${encodeURIComponent(id)}`
        : null
    const { language } = viewer
    const words = homeWords[language]
    const html = pages.render({
      title: words.title,
      language,
      section: 'home',
      isLive: true,
      viewer,
      now,
      body: (
        <>
          <h1>{words.title}</h1>
          <p
            class="visually-hidden"
            role="status"
            data-said
            data-ask={timeLeftPath}
            data-shown={markOf(holdings)}
          />
          {stopped.length > 0 && <StoppedNotice names={stopped.map(({ name }) => name).join(', ')} />}
          {open.length + coming.length + stopped.length + unmet.length === 0 && (
            <NothingYet
              hadSome={ended.length > 0}
              email={session.principal.email}
              isStaff={mayAct(viewer) || viewer.isAuditor === true}
            />
          )}
          {open.length > 0 && (
            <section aria-labelledby="open">
              <h2 id="open">{words.openNow}</h2>
              {open.map((opening) => (
                <OpenCard
                  {...opening}
                  now={now}
                  limits={config.grants.endings}
                  origin={context.originOf(opening.endpoint.id)}
                  again={againOf(opening.grant)}
                />
              ))}
            </section>
          )}
          <UnmetSection unmet={unmet} source={visit.source} />
          {coming.length > 0 && (
            <section aria-labelledby="coming">
              <h2 id="coming">{words.startsLater}</h2>
              {coming.map((grant) => (
                <ComingCard grant={grant} now={now} names={namesOf(grant)} />
              ))}
            </section>
          )}
          <AskedFor requests={asked} {...{ mayAsk, viewer, now, namesOf }} />
          {ended.length > 0 && (
            <section aria-labelledby="ended">
              <h2 id="ended">{words.endedRecently}</h2>
              {ended.slice(0, 20).map((grant) => (
                <EndedCard grant={grant} names={namesOf(grant)} again={againOf(grant)} />
              ))}
            </section>
          )}
        </>
      ),
    })
    return { kind: 'page', html }
  }

  function namesOf({ endpoints }: { readonly endpoints: readonly string[] }): string {
    return endpoints
      .map((id) => config.endpoints.find((endpoint) => endpoint.id === id)?.name ?? id)
      .join(', ')
  }

  return [
    personal('GET', '/', 'verified', showHome),
    personal('GET', timeLeftPath, 'verified', tellWhatIsShown),
  ]
}

/** The same as long as the page would show the same, but for the time that passes. */
function markOf({ now, open, stopped, unmet, coming, ended, asked }: Holdings): string {
  return fingerprint(
    JSON.stringify([
      open.map(({ endpoint, grant, endsAt }) => [endpoint.id, grant.id, endsAt]),
      stopped.map(({ id }) => id),
      unmet.map(({ endpoint, reason }) => [endpoint.id, reason]),
      [...coming, ...ended].map((grant) => [grant.id, grant.from, endOf(grant), grant.revocation !== null]),
      asked.map((request) => [request.id, requestState(request, now)]),
    ]),
  )
}

/** A grant as of its window: from when until when it may be used the next time. */
function inSpan(grant: Grant, at: EpochMs): Grant {
  return { ...grant, ...spanAt(grant, at) }
}

function endOf(grant: Grant): EpochMs {
  return Math.min(endsAt(grant), grant.revocation?.at ?? Infinity)
}

function StoppedNotice({ names }: { names: string }): VNode {
  const words = useWords(homeWords)
  return (
    <Notice kind="attention">
      <strong>{words.stoppedTitle}</strong> <span>{words.stopped(<Said>{names}</Said>)}</span>
    </Notice>
  )
}

function NothingYet(props: { hadSome: boolean; email: string | null; isStaff: boolean }): VNode {
  const words = useWords(homeWords)
  const email = props.email !== null && (
    <strong>
      <Said>{props.email}</Said>
    </strong>
  )
  return (
    <div class="panel">
      <h2>{props.hadSome ? words.nothingNow : words.nothingYet}</h2>
      <p>{words.howToAsk}</p>
      <p>{email === false ? words.noEmail : words.yourEmail(email)}</p>
      {props.isStaff && <p>{words.forStaff}</p>}
    </div>
  )
}

function OpenCard(
  props: Opening & { now: EpochMs; limits: EndingLimits; origin: string; again: string | null },
): VNode {
  const { endpoint, grant, endsAt, now, limits, origin, again } = props
  const words = useWords(homeWords)
  const warnings = endWarnings({ grant, at: endsAt, language: useLanguage() })
  const due = dueWarning(warnings, endsAt - now)
  return (
    <article class="card open" data-warning={due === null ? 'none' : levelOf(due)}>
      <div class="what">
        <div class="title">
          <h3>{endpoint.name}</h3>
          {isViewOnly(grant, now, limits) && <span class="tag">{words.viewOnly}</span>}
        </div>
        <p class="soft">
          {[endpoint.zone, words.kinds[endpoint.kind]].filter((text) => text !== null).join(' · ')}
        </p>
      </div>
      <a
        class="button big"
        href={`${origin}/.gatehouse/start?to=${encodeURIComponent(endpoint.landingPath)}`}
        target="_blank"
        rel="noopener"
        aria-label={words.openInNewTab(endpoint.name)}
      >
        {words.open}
      </a>
      {isUnused(grant) ? (
        <FirstUseNote grant={grant} />
      ) : (
        <>
          <Ring from={grant.firstUsedAt ?? grant.from} until={endsAt} now={now} />
          <div class="time">
            <p>
              <span class="left">{words.timeLeft(<TimeUntil at={endsAt} now={now} thenReload />)}</span>{' '}
              <span class="soft">{words.until(<Instant at={endsAt} of={[endpoint.id]} />)}</span>
            </p>
            {warnings.map((warning) => (
              <p
                class="warning"
                data-within={warning.withinMs}
                data-level={levelOf(warning)}
                hidden={warning !== due}
              >
                {warning.text}
              </p>
            ))}
            <p class="warning" data-within={0} data-level="0" hidden>
              {words.over}
            </p>
            <EndingNote grant={grant} limits={limits} />
            {endsAt < grant.until && (
              <p class="soft">{words.signInThen(<Instant at={grant.until} of={[endpoint.id]} />)}</p>
            )}
          </div>
        </>
      )}
      <WhyFacts grant={grant} />
      <AskLink again={again} text={words.askMore} names={endpoint.name} />
    </article>
  )
}

/** In place of the time that is left, while it has not begun. */
function FirstUseNote({ grant }: { grant: Grant }): VNode {
  const words = useWords(homeWords)
  return (
    <div class="time">
      <p>
        {words.fromFirstUse(
          durationWords(grant.conditions.lastsFromFirstUseMs ?? 0),
          <Instant at={grant.until} of={grant.endpoints} />,
        )}
      </p>
    </div>
  )
}

/** How much of the time is left, for the eye alone: the words beside it say it to everybody. */
function Ring({ from, until, now }: { from: EpochMs; until: EpochMs; now: EpochMs }): VNode {
  const left = Math.min(1, Math.max(0, (until - now) / Math.max(1, until - from)))
  const circle = { cx: 20, cy: 20, r: 17, pathLength: 100 }
  return (
    <svg class="ring" viewBox="0 0 40 40" aria-hidden="true" focusable="false">
      <circle {...circle} />
      <circle
        {...circle}
        class="rest"
        transform="rotate(-90 20 20)"
        stroke-dasharray={`${(left * 100).toFixed(1)} 100`}
        data-start={from}
        data-end={until}
      />
    </svg>
  )
}

/** The form for asking, filled in as this one was. */
function AskLink({
  again,
  text,
  names,
}: {
  again: string | null
  text: string
  names: string
}): VNode | null {
  if (again === null) return null
  return (
    <a class="button quiet" href={again}>
      {text}
      <span class="visually-hidden">{`: ${names}`}</span>
    </a>
  )
}

/** In minutes, for the stylesheet. */
function levelOf({ withinMs }: Warning): string {
  return String(withinMs / 60_000)
}

function isViewOnly(grant: Grant, now: EpochMs, limits: EndingLimits): boolean {
  const { viewOnlyFrom } = phasesOf(grant, limits, now)
  return viewOnlyFrom !== null && now >= viewOnlyFrom
}

/** Where the end is not simply the end. */
function EndingNote({ grant, limits }: { grant: Grant; limits: EndingLimits }): VNode | null {
  const { viewOnlyFrom } = phasesOf(grant, limits, grant.from)
  const words = useWords(homeWords)
  if (grant.ending === 'drain') return <p class="soft">{words.drains(durationWords(limits.drainMs))}</p>
  if (grant.access !== 'operate' || viewOnlyFrom === null) return null
  return <p class="soft">{words.viewOnlyFrom(<Instant at={viewOnlyFrom} of={grant.endpoints} />)}</p>
}

function ComingCard(props: { grant: Grant; now: EpochMs; names: string }): VNode {
  const { grant, now, names } = props
  const words = useWords(homeWords)
  return (
    <article class="card">
      <div class="what">
        <div class="title">
          <h3>{names}</h3>
          {grant.access === 'view' && <span class="tag">{words.viewOnly}</span>}
        </div>
        <p>
          <strong>{words.startsIn(<TimeUntil at={grant.from} now={now} thenReload />)}</strong>{' '}
          <span class="soft">
            <Window from={grant.from} until={grant.until} of={grant.endpoints} />
          </span>
        </p>
      </div>
      <WhyFacts grant={grant} />
    </article>
  )
}

function EndedCard(props: { grant: Grant; names: string; again: string | null }): VNode {
  const { grant, names, again } = props
  const words = useWords(homeWords)
  return (
    <article class="card over">
      <div class="what">
        <h3>{names}</h3>
        {grant.revocation === null ? (
          <p class="soft">{words.endedAsAgreed(<Instant at={endsAt(grant)} of={grant.endpoints} />)}</p>
        ) : (
          <p>
            {words.endedByPlant(<Instant at={grant.revocation.at} of={grant.endpoints} />)}{' '}
            <strong>
              <Said>{grant.revocation.reason}</Said>
            </strong>
          </p>
        )}
      </div>
      <AskLink again={again} text={words.askAgain} names={names} />
      <WhyFacts grant={grant} />
    </article>
  )
}

function WhyFacts(props: { grant: Grant }): VNode {
  const { reason, ticket } = props.grant
  const words = useWords(homeWords)
  return (
    <dl class="facts why">
      <dt>{words.reason}</dt>
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
    </dl>
  )
}
