import type { VNode } from 'preact'
import { errorSentence, GatehouseError } from '../lib/index.js'
import {
  Field,
  FormToken,
  Hidden,
  Notice,
  personal,
  TimeUntil,
  useWords,
  type Answer,
  type PersonalCall,
  type Route,
} from '../lib/page/index.js'
import { withTarget, type PortalContext } from './context.js'
import { secondFactorWords } from './words/second-factor.js'

/** What a form shows of the attempt before. */
interface Attempt {
  readonly error: string
  readonly status: number
}

/** The one-time code after sign-in, or a recovery code in its place. */
export function secondFactorRoutes(context: PortalContext): Route[] {
  const { clock, pages, sessions, secondFactor } = context

  async function show(call: PersonalCall, to: string, attempt: Attempt | null): Promise<Answer> {
    const status = await secondFactor.status(call.session.principal.id)
    if (!status.isEnrolled) return { kind: 'redirect', to: withTarget('/second-factor/enrol', to) }
    const isLocked = status.lockedUntil !== null
    const words = secondFactorWords[call.viewer.language]
    return form(call, {
      title: words.title,
      attempt,
      lockedUntil: status.lockedUntil,
      body: (
        <form class="panel" method="post" action="/second-factor">
          <h1>{words.heading}</h1>
          <FormToken viewer={call.viewer} />
          <Hidden name="to" value={to} />
          <Field
            name="code"
            label={words.label}
            hint={words.hint}
            error={isLocked ? null : attempt?.error}
            input={{
              inputmode: 'numeric',
              autocomplete: 'one-time-code',
              maxLength: 11,
              autofocus: true,
              class: 'one-time-code',
              disabled: isLocked,
            }}
          />
          <div class="actions">
            <button class="big" disabled={isLocked}>
              {words.submit}
            </button>
          </div>
          <p>
            <a href={withTarget('/second-factor/recovery', to)}>{words.noPhone}</a>
          </p>
        </form>
      ),
    })
  }

  async function showRecovery(call: PersonalCall, to: string, attempt: Attempt | null): Promise<Answer> {
    const status = await secondFactor.status(call.session.principal.id)
    if (!status.isEnrolled) return { kind: 'redirect', to: withTarget('/second-factor/enrol', to) }
    const isLocked = status.lockedUntil !== null
    const words = secondFactorWords[call.viewer.language]
    return form(call, {
      title: words.recoveryTitle,
      attempt,
      lockedUntil: status.lockedUntil,
      body: (
        <form class="panel" method="post" action="/second-factor/recovery">
          <h1>{words.recoveryHeading}</h1>
          <p>{words.recoveryLead}</p>
          <FormToken viewer={call.viewer} />
          <Hidden name="to" value={to} />
          <Field
            name="code"
            label={words.recoveryLabel}
            hint={words.recoveryHint}
            error={isLocked ? null : attempt?.error}
            input={{
              autofocus: true,
              class: 'typed-code',
              spellcheck: false,
              maxLength: 64,
              disabled: isLocked,
            }}
          />
          <div class="actions">
            <button class="big" disabled={isLocked}>
              {words.submit}
            </button>
          </div>
          <p>
            <a href={withTarget('/second-factor', to)}>{words.appInstead}</a>
          </p>
        </form>
      ),
    })
  }

  function form(
    { viewer }: PersonalCall,
    page: { title: string; body: VNode; attempt: Attempt | null; lockedUntil: number | null },
  ): Answer {
    const now = clock.now()
    const { lockedUntil, attempt } = page
    const words = secondFactorWords[viewer.language]
    const html = pages.render({
      title: attempt === null ? page.title : words.failed(page.title),
      language: viewer.language,
      width: 'form',
      viewer,
      now,
      body: (
        <>
          {lockedUntil !== null && (
            <Notice kind="alarm">
              <strong>{words.lockedTitle}</strong>{' '}
              <span>{words.locked(<TimeUntil at={lockedUntil} now={now} thenReload />)}</span>
            </Notice>
          )}
          {page.body}
        </>
      ),
    })
    const status = attempt?.status ?? 200
    return lockedUntil !== null && status === 429
      ? { kind: 'page', html, status, retryAfterSeconds: Math.max(1, Math.ceil((lockedUntil - now) / 1000)) }
      : { kind: 'page', html, status }
  }

  /** Runs `prove`; what the person can mend is shown in the form again, the rest is a failure. */
  async function attempt(
    call: PersonalCall,
    prove: () => Promise<Answer>,
    showAgain: (attempt: Attempt) => Promise<Answer>,
  ): Promise<Answer> {
    try {
      return await prove()
    } catch (error) {
      if (!(error instanceof GatehouseError)) throw error
      if (error.code === 'not-enrolled') {
        return {
          kind: 'redirect',
          to: withTarget('/second-factor/enrol', context.returnTarget(call.body.one('to'))),
        }
      }
      if (!['code-wrong', 'code-replayed', 'code-locked'].includes(error.code)) throw error
      return showAgain({ error: errorSentence(error, call.viewer.language), status: error.status })
    }
  }

  function verify(call: PersonalCall): Promise<Answer> {
    const { session, body } = call
    const to = context.returnTarget(body.one('to'))
    const prove = async (): Promise<Answer> => {
      await secondFactor.verify({
        principalId: session.principal.id,
        sessionId: session.id,
        code: body.one('code').trim(),
      })
      const { token } = await sessions.raise(session, { secondFactorAt: clock.now() })
      return { kind: 'redirect', to, cookies: [context.sessionCookie(token)] }
    }
    return attempt(call, prove, (failure) => show(call, to, failure))
  }

  function useRecoveryCode(call: PersonalCall): Promise<Answer> {
    const { session, body, viewer } = call
    const to = context.returnTarget(body.one('to'))
    const prove = async (): Promise<Answer> => {
      const { left } = await secondFactor.useRecoveryCode({
        principalId: session.principal.id,
        sessionId: session.id,
        code: body.one('code').trim(),
      })
      const { token } = await sessions.raise(session, { secondFactorAt: clock.now(), isRecovery: true })
      const html = pages.render({
        title: secondFactorWords[viewer.language].accepted,
        language: viewer.language,
        width: 'form',
        viewer,
        now: clock.now(),
        body: <RecoveryUsed left={left} to={to} />,
      })
      return { kind: 'page', html, cookies: [context.sessionCookie(token)] }
    }
    return attempt(call, prove, (failure) => showRecovery(call, to, failure))
  }

  const enter =
    (page: typeof show) =>
    (call: PersonalCall): Answer | Promise<Answer> => {
      const to = context.returnTarget(call.query.one('to'))
      // A second look at a page that has done its work; the code in the app may be used up by now.
      if (call.session.assurance.secondFactorAt !== null) return { kind: 'redirect', to }
      return page(call, to, null)
    }

  return [
    personal('GET', '/second-factor', 'signed-in', enter(show)),
    personal('POST', '/second-factor', 'signed-in', verify),
    personal('GET', '/second-factor/recovery', 'signed-in', enter(showRecovery)),
    personal('POST', '/second-factor/recovery', 'signed-in', useRecoveryCode),
  ]
}

function RecoveryUsed(props: { left: number; to: string }): VNode {
  const { left, to } = props
  const words = useWords(secondFactorWords)
  return (
    <div class="panel">
      <h1>{words.accepted}</h1>
      <p class="lead">{words.left(left)}</p>
      {left <= 3 && <Notice kind="attention">{words.fewLeft}</Notice>}
      <div class="actions">
        <a class="button big" href={to}>
          {words.submit}
        </a>
      </div>
    </div>
  )
}
