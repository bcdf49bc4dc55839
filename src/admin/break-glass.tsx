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
  useLanguage,
  useWords,
  type Answer,
  type PersonalCall,
  type Route,
} from '../lib/page/index.js'
import type { EpochMs } from '../model.js'
import { readAnswer } from './answer-for.js'
import type { AdminOptions } from './options.js'
import { actorName } from './words.js'
import { breakGlassWords } from './words/break-glass.js'
import { rolesText } from './words/roles.js'

const noticesAtOnce = 3
const listPath = '/admin/break-glass'

/** The sign-ins without the identity provider of the last 30 days. */
export function breakGlassRoutes(options: AdminOptions): Route[] {
  const { clock, pages, breakGlass } = options

  async function showAll({ viewer, session }: PersonalCall): Promise<Answer> {
    const entries = await breakGlass.list(session.principal.id)
    const now = clock.now()
    const { language } = viewer
    const words = breakGlassWords[language]
    const html = pages.render({
      title: words.title,
      language,
      section: 'people',
      width: 'wide',
      viewer,
      now,
      body: (
        <>
          <h1>{words.title}</h1>
          <p class="soft">{words.lead}</p>
          {entries.length === 0 ? (
            <p class="soft">{words.none}</p>
          ) : (
            <Table
              caption={words.title}
              kind="break-glass"
              columns={[words.who, words.made, words.reason, words.rights, words.used]}
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

  async function acknowledge(call: PersonalCall): Promise<Answer> {
    const { body, session, viewer } = call
    const { id: principalId, email } = session.principal
    const state = breakGlassStates.find((known) => known === body.one('state'))
    const actor = { kind: 'principal', principalId, email } as const
    if (state === undefined) return { kind: 'redirect', to: listPath }
    const words = breakGlassWords[viewer.language]
    const sessionId = body.one('session')
    const entry = (await breakGlass.list(principalId)).find((one) => one.sessionId === sessionId)
    const given = readAnswer(options, call, {
      confirmation: {
        title: words.seenTitle,
        text: words.seenText(entry === undefined ? sessionId : nameOf(entry.to)),
        button: words.seen,
      },
      section: 'people',
      action: `${listPath}/acknowledge`,
      back: listPath,
      fields: { session: sessionId, state },
      isHarmless: true,
    })
    if ('again' in given) return given.again
    await breakGlass.acknowledge(sessionId, state, given.reason, actor)
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
    if (entries === null) return <Unreadable />
    const news = entries.filter((entry) => entry.seenAs !== entry.state)
    const more = news.length - noticesAtOnce
    return (
      <>
        {news.slice(0, noticesAtOnce).map((entry) => (
          <BreakGlassNotice entry={entry} formToken={formToken} now={clock.now()} />
        ))}
        {more > 0 && <More count={more} />}
      </>
    )
  }
}

function Unreadable(): VNode {
  return <Notice kind="alarm">{useWords(breakGlassWords).unreadable}</Notice>
}

function More({ count }: { count: number }): VNode {
  return (
    <Notice kind="alarm">
      <a href={listPath}>{useWords(breakGlassWords).more(count)}</a>
    </Notice>
  )
}

function BreakGlassNotice(props: { entry: BreakGlassEntry; formToken: string; now: EpochMs }): VNode {
  const { entry, formToken, now } = props
  const { to, issuedBy, issuedAt, reason } = entry
  const words = useWords(breakGlassWords)
  const language = useLanguage()
  return (
    <Notice kind="alarm">
      <strong>{entry.used === null ? words.possible : words.happened}</strong>
      <span>
        <Said>{nameOf(to)}</Said>, <RightsText entry={entry} />.{' '}
        {words.madeBy(
          <Said>{actorName(issuedBy, language)}</Said>,
          <Instant at={issuedAt} />,
          <Said>{reason}</Said>,
        )}
      </span>
      <span>
        <UsedText entry={entry} now={now} />. <ProviderText entry={entry} />{' '}
        <a href="/admin/sessions">{words.sessions}</a> <a href={listPath}>{words.all}</a>
      </span>
      <form method="post" action={`${listPath}/acknowledge`}>
        <Hidden name="form" value={formToken} />
        <Hidden name="session" value={entry.sessionId} />
        <Hidden name="state" value={entry.state} />
        <button class="quiet">{words.seen}</button>
      </form>
    </Notice>
  )
}

function EntryRow({ entry, now }: { entry: BreakGlassEntry; now: EpochMs }): VNode {
  const { to, issuedBy, issuedAt, reason, sessionId } = entry
  const words = useWords(breakGlassWords)
  const language = useLanguage()
  return (
    <Row>
      <RowHead>
        <Said>{nameOf(to)}</Said>
        <div class="soft small">{sessionId}</div>
      </RowHead>
      <Cell label={words.made}>
        <Instant at={issuedAt} />
        <div class="soft small">
          {words.by} <Said>{actorName(issuedBy, language)}</Said>
        </div>
      </Cell>
      <Cell label={words.reason}>
        <div class="clamp">
          <Said>{reason}</Said>
        </div>
        <div class="soft small">
          <ProviderText entry={entry} />
        </div>
      </Cell>
      <Cell label={words.rights}>
        <RightsText entry={entry} />
      </Cell>
      <Cell label={words.used}>
        <UsedText entry={entry} now={now} />
      </Cell>
    </Row>
  )
}

function RightsText({ entry: { roles, sessionLengthMs } }: { entry: BreakGlassEntry }): VNode {
  const words = useWords(breakGlassWords)
  return <>{words.rightsFor(rolesText(roles, useLanguage()), durationWords(sessionLengthMs))}</>
}

function UsedText({
  entry: { used, isWithdrawn, expiresAt },
  now,
}: {
  entry: BreakGlassEntry
  now: EpochMs
}): VNode {
  const words = useWords(breakGlassWords)
  if (isWithdrawn) return <>{words.withdrawn}</>
  if (used === null) return <>{now < expiresAt ? words.notUsed : words.neverUsed}</>
  return <>{words.usedOn(<Instant at={used.at} />, <Said>{used.source}</Said>)}</>
}

function ProviderText({ entry }: { entry: BreakGlassEntry }): VNode {
  const words = useWords(breakGlassWords)
  return <>{entry.didProviderAnswer ? words.didAnswer : words.didNotAnswer}</>
}

function nameOf({ name, email }: BreakGlassEntry['to']): string {
  return email === null || email === name ? name : `${name} (${email})`
}
