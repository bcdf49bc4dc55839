import type { VNode } from 'preact'
import {
  durationWords,
  Instant,
  Notice,
  personal,
  Said,
  TimeUntil,
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
import type { EndingLimits, Endpoint, EpochMs, Grant, Session } from '../model.js'
import { grantState, phasesOf } from '../policy/index.js'
import type { PortalContext } from './context.js'

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
  readonly coming: readonly Grant[]
  readonly ended: readonly Grant[]
}

const shownEndedMs = 14 * 24 * 3_600_000

/** What the person may open now, later, and could until recently. */
export function homeRoutes(context: PortalContext): Route[] {
  const { config, clock, pages, grants, mayOpen } = context

  async function holdingsOf(session: Session): Promise<Holdings> {
    const held = await grants.heldBy(session.principal.id)
    const now = clock.now()
    const granted = new Set(
      held.filter((grant) => grantState(grant, now) === 'grant-active').flatMap((g) => g.endpoints),
    )
    const open: Opening[] = []
    const stopped: Endpoint[] = []
    for (const endpoint of config.endpoints.filter(({ id }) => granted.has(id))) {
      // Asked and not worked out here, so that the page never promises what the gate refuses.
      const decision = await mayOpen(session, endpoint.id)
      if (decision.reasons.includes('view-unproved') || decision.reasons.includes('clock-untrusted'))
        throw new GatehouseError('store-unavailable', 'Access cannot be checked right now.')
      if (decision.reasons.includes('lockdown')) stopped.push(endpoint)
      if (decision.outcome !== 'permit') continue
      const grant = held.find(({ id }) => id === decision.grantId)
      if (grant) open.push({ endpoint, grant, endsAt: Math.min(grant.until, session.endsAt) })
    }
    const coming = held
      .filter((grant) => grantState(grant, now) === 'grant-not-started')
      .sort((a, b) => a.from - b.from)
    const ended = held
      .filter(
        (grant) =>
          ['grant-ended', 'grant-revoked'].includes(grantState(grant, now)) &&
          now - endOf(grant) < shownEndedMs,
      )
      .sort((a, b) => endOf(b) - endOf(a))
    return { now, open, stopped, coming, ended }
  }

  /** For the open page, which loads again when something else would be shown. */
  async function tellWhatIsShown({ session }: PersonalCall): Promise<Answer> {
    const holdings = await holdingsOf(session)
    return { kind: 'json', body: { now: holdings.now, shown: markOf(holdings) } }
  }

  async function showHome({ session, viewer }: PersonalCall): Promise<Answer> {
    const holdings = await holdingsOf(session)
    const { now, open, stopped, coming, ended } = holdings
    const html = pages.render({
      title: 'What you may open',
      section: 'home',
      isLive: true,
      viewer,
      now,
      body: (
        <>
          <h1>What you may open</h1>
          <p
            class="visually-hidden"
            role="status"
            data-said
            data-ask={timeLeftPath}
            data-shown={markOf(holdings)}
          />
          {stopped.length > 0 && <StoppedNotice names={stopped.map(({ name }) => name).join(', ')} />}
          {open.length + coming.length + stopped.length === 0 && (
            <NothingYet
              hadSome={ended.length > 0}
              email={session.principal.email}
              isStaff={viewer.isApprover || viewer.isAdmin}
            />
          )}
          {open.length > 0 && (
            <section aria-labelledby="open">
              <h2 id="open">Open now</h2>
              {open.map((opening) => (
                <OpenCard
                  {...opening}
                  now={now}
                  limits={config.grants.endings}
                  origin={context.originOf(opening.endpoint.id)}
                />
              ))}
            </section>
          )}
          {coming.length > 0 && (
            <section aria-labelledby="coming">
              <h2 id="coming">Starts later</h2>
              {coming.map((grant) => (
                <ComingCard grant={grant} now={now} names={namesOf(grant)} />
              ))}
            </section>
          )}
          {ended.length > 0 && (
            <section aria-labelledby="ended">
              <h2 id="ended">Ended recently</h2>
              {ended.slice(0, 20).map((grant) => (
                <EndedCard grant={grant} names={namesOf(grant)} />
              ))}
            </section>
          )}
        </>
      ),
    })
    return { kind: 'page', html }
  }

  function namesOf(grant: Grant): string {
    return grant.endpoints
      .map((id) => config.endpoints.find((endpoint) => endpoint.id === id)?.name ?? id)
      .join(', ')
  }

  return [
    personal('GET', '/', 'verified', showHome),
    personal('GET', timeLeftPath, 'verified', tellWhatIsShown),
  ]
}

/** The same as long as the page would show the same, but for the time that passes. */
function markOf({ open, stopped, coming, ended }: Holdings): string {
  return fingerprint(
    JSON.stringify([
      open.map(({ endpoint, grant, endsAt }) => [endpoint.id, grant.id, endsAt]),
      stopped.map(({ id }) => id),
      [...coming, ...ended].map((grant) => [grant.id, grant.from, endOf(grant), grant.revocation !== null]),
    ]),
  )
}

function endOf(grant: Grant): EpochMs {
  return grant.revocation === null ? grant.until : Math.min(grant.until, grant.revocation.at)
}

function StoppedNotice({ names }: { names: string }): VNode {
  return (
    <Notice kind="attention">
      <strong>Remote access is stopped.</strong>{' '}
      <span>
        The plant has closed <Said>{names}</Said> for now. Your grant stays as it is: call your contact at the
        plant, and come back when they have lifted the stop.
      </span>
    </Notice>
  )
}

function NothingYet(props: { hadSome: boolean; email: string | null; isStaff: boolean }): VNode {
  return (
    <div class="panel">
      <h2>{props.hadSome ? 'Nothing is open to you now' : 'Nothing has been opened for you yet'}</h2>
      <p>
        Access is given for one machine and a limited time. Ask the person at the plant who ordered your work,
        and tell them which machine, from when, and until when.
      </p>
      {props.email === null ? (
        <p>
          Your identity provider has not confirmed an e-mail address for you. Access is given to an e-mail
          address, so tell the plant about this.
        </p>
      ) : (
        <p>
          They need the e-mail address you sign in with:{' '}
          <strong>
            <Said>{props.email}</Said>
          </strong>
          . This page shows the machine as soon as it is yours to open.
        </p>
      )}
      {props.isStaff && (
        <p>
          What others may open is under <a href="/admin">Grants</a>; who is signed in now, under{' '}
          <a href="/admin/sessions">Who is in</a>.
        </p>
      )}
    </div>
  )
}

function OpenCard(props: Opening & { now: EpochMs; limits: EndingLimits; origin: string }): VNode {
  const { endpoint, grant, endsAt, now, limits, origin } = props
  const warnings = endWarnings({ grant, at: endsAt })
  const due = dueWarning(warnings, endsAt - now)
  return (
    <article class="card open" data-warning={due === null ? 'none' : levelOf(due)}>
      <div class="what">
        <div class="title">
          <h3>{endpoint.name}</h3>
          {isViewOnly(grant, now, limits) && <span class="tag">View only</span>}
        </div>
        <p class="soft">
          {[endpoint.zone, kindNames[endpoint.kind]].filter((text) => text !== null).join(' · ')}
        </p>
      </div>
      <a
        class="button big"
        href={`${origin}/.gatehouse/start?to=${encodeURIComponent(endpoint.landingPath)}`}
        target="_blank"
        rel="noopener"
        aria-label={`Open ${endpoint.name} in a new tab`}
      >
        Open
      </a>
      <div class="time">
        <p>
          <span class="left">
            <TimeUntil at={endsAt} now={now} thenReload /> left
          </span>{' '}
          <span class="soft">
            until <Instant at={endsAt} />
          </span>
        </p>
        <progress
          aria-label="Time used"
          max={endsAt - grant.from}
          value={Math.max(0, now - grant.from)}
          data-start={grant.from}
          data-end={endsAt}
        />
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
          Your access has ended. If your work is not finished, ask your contact at the plant for more time.
        </p>
        <EndingNote grant={grant} limits={limits} />
        {endsAt < grant.until && (
          <p class="soft">
            You will have to sign in again then: your grant runs until <Instant at={grant.until} />.
          </p>
        )}
      </div>
      <WhyFacts grant={grant} />
    </article>
  )
}

/** In minutes, for the stylesheet. */
function levelOf({ withinMs }: Warning): string {
  return String(withinMs / 60_000)
}

function isViewOnly(grant: Grant, now: EpochMs, limits: EndingLimits): boolean {
  const { viewOnlyFrom } = phasesOf(grant, limits)
  return viewOnlyFrom !== null && now >= viewOnlyFrom
}

/** Where the end is not simply the end. */
function EndingNote({ grant, limits }: { grant: Grant; limits: EndingLimits }): VNode | null {
  const { viewOnlyFrom } = phasesOf(grant, limits)
  if (grant.ending === 'drain')
    return (
      <p class="soft">{`What is uploading at the end may go on for ${durationWords(limits.drainMs)}.`}</p>
    )
  if (grant.access !== 'operate' || viewOnlyFrom === null) return null
  return (
    <p class="soft">
      View only from <Instant at={viewOnlyFrom} />.
    </p>
  )
}

function ComingCard(props: { grant: Grant; now: EpochMs; names: string }): VNode {
  const { grant, now, names } = props
  return (
    <article class="card">
      <div class="what">
        <div class="title">
          <h3>{names}</h3>
          {grant.access === 'view' && <span class="tag">View only</span>}
        </div>
        <p>
          <strong>
            Starts in <TimeUntil at={grant.from} now={now} thenReload />
          </strong>{' '}
          <span class="soft">
            <Window from={grant.from} until={grant.until} />
          </span>
        </p>
      </div>
      <WhyFacts grant={grant} />
    </article>
  )
}

function EndedCard(props: { grant: Grant; names: string }): VNode {
  const { grant, names } = props
  return (
    <article class="card over">
      <div class="what">
        <h3>{names}</h3>
        {grant.revocation === null ? (
          <p class="soft">
            Ended as agreed on <Instant at={grant.until} />. If your work is not finished, ask your contact at
            the plant for more time.
          </p>
        ) : (
          <p>
            The plant ended this access on <Instant at={grant.revocation.at} />:{' '}
            <strong>
              <Said>{grant.revocation.reason}</Said>
            </strong>
          </p>
        )}
      </div>
      <WhyFacts grant={grant} />
    </article>
  )
}

function WhyFacts(props: { grant: Grant }): VNode {
  const { reason, ticket } = props.grant
  return (
    <dl class="facts why">
      <dt>For</dt>
      <dd>
        <Said>{reason}</Said>
      </dd>
      {ticket !== null && (
        <>
          <dt>Ticket</dt>
          <dd>
            <Said>{ticket}</Said>
          </dd>
        </>
      )}
    </dl>
  )
}

const kindNames = { hmi: 'Operator panel', historian: 'Historian' } as const
