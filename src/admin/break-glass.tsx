import type { ComponentChildren, VNode } from 'preact'
import { breakGlassStates, type BreakGlass, type BreakGlassEntry } from '../identity/index.js'
import type { Clock, Visit } from '../lib/index.js'
import {
  Cell,
  durationWords,
  Hidden,
  Instant,
  Notice,
  personal,
  Row,
  RowHead,
  Said,
  Table,
  type Answer,
  type PersonalCall,
  type Route,
} from '../lib/page/index.js'
import type { EpochMs } from '../model.js'
import type { AdminOptions } from './options.js'
import { actorName } from './words.js'

const noticesAtOnce = 3
const listPath = '/admin/break-glass'

/** The sign-ins without the identity provider of the last 30 days. */
export function breakGlassRoutes(options: AdminOptions): Route[] {
  const { clock, pages, breakGlass } = options

  async function showAll({ viewer, session }: PersonalCall): Promise<Answer> {
    const entries = await breakGlass.list(session.principal.id)
    const now = clock.now()
    const html = pages.render({
      title: 'Break-glass sign-ins',
      section: 'people',
      width: 'wide',
      viewer,
      now,
      body: (
        <>
          <h1>Break-glass sign-ins</h1>
          <p class="soft">
            Made on the command line of a gateway while the identity provider was down, in the last 30 days.
            The ledger holds them for good.
          </p>
          {entries.length === 0 ? (
            <p class="soft">None.</p>
          ) : (
            <Table
              caption="Break-glass sign-ins"
              kind="break-glass"
              columns={['Who', 'Made', 'Reason', 'Rights', 'Used']}
            >
              {entries.map((entry) => (
                <EntryRow entry={entry} now={now} />
              ))}
            </Table>
          )}
        </>
      ),
    })
    return { kind: 'page', html }
  }

  async function acknowledge({ body, session }: PersonalCall): Promise<Answer> {
    const { id: principalId, email } = session.principal
    const state = breakGlassStates.find((known) => known === body.one('state'))
    const actor = { kind: 'principal', principalId, email } as const
    if (state !== undefined) await breakGlass.acknowledge(body.one('session'), state, actor)
    return { kind: 'redirect', to: listPath }
  }

  return [
    personal('GET', listPath, 'admin', showAll),
    personal('POST', `${listPath}/acknowledge`, 'admin', acknowledge),
  ]
}

/** For the head of every page of an administrator, until they confirm to have seen it. */
export function createBreakGlassNotice({ breakGlass, clock }: { breakGlass: BreakGlass; clock: Clock }) {
  return async ({ session, formToken }: Visit): Promise<ComponentChildren> => {
    if (session === null || formToken === null || session.assurance.secondFactorAt === null) return null
    if (!session.roles.includes('admin')) return null
    const entries = await breakGlass.list(session.principal.id).catch(() => null)
    // Whoever spoils what Redis holds must not take every page away from those who could stop them.
    if (entries === null)
      return <Notice kind="alarm">Break-glass sign-ins cannot be read right now. The ledger has them.</Notice>
    const news = entries.filter((entry) => entry.seenAs !== entry.state)
    const more = news.length - noticesAtOnce
    return (
      <>
        {news.slice(0, noticesAtOnce).map((entry) => (
          <BreakGlassNotice entry={entry} formToken={formToken} now={clock.now()} />
        ))}
        {more > 0 && (
          <Notice kind="alarm">
            <a href={listPath}>{`${String(more)} more break-glass ${more === 1 ? 'sign-in' : 'sign-ins'}`}</a>
          </Notice>
        )}
      </>
    )
  }
}

function BreakGlassNotice(props: { entry: BreakGlassEntry; formToken: string; now: EpochMs }): VNode {
  const { entry, formToken, now } = props
  const { to, issuedBy, issuedAt, reason } = entry
  return (
    <Notice kind="alarm">
      <strong>
        {entry.used === null
          ? 'Break-glass: a sign-in without the identity provider was made possible.'
          : 'Break-glass: somebody signed in without the identity provider.'}
      </strong>
      <span>
        <Said>{nameOf(to)}</Said>, <RightsText entry={entry} />. Made by <Said>{actorName(issuedBy)}</Said> on{' '}
        <Instant at={issuedAt} />, because: <Said>{reason}</Said>
      </span>
      <span>
        <UsedText entry={entry} now={now} />. <ProviderText entry={entry} />{' '}
        <a href="/admin/sessions">Who is in</a> <a href={listPath}>All of them</a>
      </span>
      <form method="post" action={`${listPath}/acknowledge`}>
        <Hidden name="form" value={formToken} />
        <Hidden name="session" value={entry.sessionId} />
        <Hidden name="state" value={entry.state} />
        <button class="quiet">I have seen this</button>
      </form>
    </Notice>
  )
}

function EntryRow({ entry, now }: { entry: BreakGlassEntry; now: EpochMs }): VNode {
  const { to, issuedBy, issuedAt, reason, sessionId } = entry
  return (
    <Row>
      <RowHead>
        <Said>{nameOf(to)}</Said>
        <div class="soft small">{sessionId}</div>
      </RowHead>
      <Cell label="Made">
        <Instant at={issuedAt} />
        <div class="soft small">
          by <Said>{actorName(issuedBy)}</Said>
        </div>
      </Cell>
      <Cell label="Reason">
        <div class="clamp">
          <Said>{reason}</Said>
        </div>
        <div class="soft small">
          <ProviderText entry={entry} />
        </div>
      </Cell>
      <Cell label="Rights">
        <RightsText entry={entry} />
      </Cell>
      <Cell label="Used">
        <UsedText entry={entry} now={now} />
      </Cell>
    </Row>
  )
}

function RightsText({ entry: { roles, sessionLengthMs } }: { entry: BreakGlassEntry }): VNode {
  const rights = roles.length === 0 ? 'without a role' : `as ${roles.join(', ')}`
  return <>{`${rights}, for ${durationWords(sessionLengthMs)}`}</>
}

function UsedText({ entry: { used, expiresAt }, now }: { entry: BreakGlassEntry; now: EpochMs }): VNode {
  if (used === null) return <>{now < expiresAt ? 'Not used yet' : 'Never used, and no longer valid'}</>
  return (
    <>
      Used on <Instant at={used.at} /> from <Said>{used.source}</Said>
    </>
  )
}

function ProviderText({ entry }: { entry: BreakGlassEntry }): VNode {
  return (
    <>
      {entry.didProviderAnswer
        ? 'The identity provider did answer at that time.'
        : 'The identity provider did not answer at that time.'}
    </>
  )
}

function nameOf({ name, email }: BreakGlassEntry['to']): string {
  return email === null || email === name ? name : `${name} (${email})`
}
