import type { VNode } from 'preact'
import {
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
import { GatehouseError } from '../lib/index.js'
import type { Endpoint, EpochMs, Grant } from '../model.js'
import { grantState } from '../policy/index.js'
import type { PortalContext } from './context.js'

/** A machine one may open, with the grant that counts. */
interface Opening {
  readonly endpoint: Endpoint
  readonly grant: Grant
}

const shownEndedMs = 14 * 24 * 3_600_000
/** From here on the time left is what a person should look at. */
const soonMs = 15 * 60_000

/** What the person may open now, later, and could until recently. */
export function homeRoutes(context: PortalContext): Route[] {
  const { config, clock, pages, grants, mayOpen } = context

  async function showHome({ session, viewer }: PersonalCall): Promise<Answer> {
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
      const grant = decision.outcome === 'permit' ? held.find(({ id }) => id === decision.grantId) : undefined
      if (grant) open.push({ endpoint, grant })
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
    const html = pages.render({
      title: 'What you may open',
      section: 'home',
      isLive: true,
      viewer,
      now,
      body: (
        <>
          <h1>What you may open</h1>
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
                  sessionEndsAt={session.endsAt}
                  now={now}
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

  return [personal('GET', '/', 'verified', showHome)]
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

function OpenCard(props: Opening & { sessionEndsAt: EpochMs; now: EpochMs; origin: string }): VNode {
  const { endpoint, grant, sessionEndsAt, now, origin } = props
  const isSoon = grant.until - now < soonMs
  return (
    <article class="card open" data-soon={isSoon ? 'yes' : 'no'}>
      <div class="what">
        <div class="title">
          <h3>{endpoint.name}</h3>
          {grant.access === 'view' && <span class="tag">View only</span>}
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
            <TimeUntil at={grant.until} now={now} thenReload /> left
          </span>{' '}
          <span class="soft">
            until <Instant at={grant.until} />
          </span>
        </p>
        <progress
          aria-label="Time used"
          max={grant.until - grant.from}
          value={Math.max(0, now - grant.from)}
          data-start={grant.from}
          data-end={grant.until}
        />
        <p class="if-soon">
          At the end the connection is cut. Leave the machine in a safe state, or ask the plant for more time
          now.
        </p>
        {sessionEndsAt < grant.until && (
          <p class="soft">
            You will have to sign in again at <Instant at={sessionEndsAt} />.
          </p>
        )}
      </div>
      <WhyFacts grant={grant} />
    </article>
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
            Ended as agreed on <Instant at={grant.until} />
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
