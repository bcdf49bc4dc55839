import type { VNode } from 'preact'
import type { Enrolment } from '../identity/index.js'
import { errorSentence, GatehouseError } from '../lib/index.js'
import {
  Copyable,
  Field,
  FormToken,
  Hidden,
  Instant,
  Notice,
  personal,
  TimeUntil,
  useWords,
  type Answer,
  type PersonalCall,
  type Route,
} from '../lib/page/index.js'
import { withTarget, type PortalContext } from './context.js'
import { enrolmentWords } from './words/enrolment.js'

interface Attempt {
  readonly error: GatehouseError
}

/** Setting up the second factor: an invitation, a secret for the phone, ten codes for the safe. */
export function enrolmentRoutes(context: PortalContext): Route[] {
  const { config, clock, pages, sessions, secondFactor } = context
  const needsInvitation = config.totp.enrolment === 'invite'

  /** The step the person has reached. */
  async function show(call: PersonalCall, to: string, attempt: Attempt | null): Promise<Answer> {
    const { session, viewer } = call
    const status = await secondFactor.status(session.principal.id)
    if (status.isEnrolled) return { kind: 'redirect', to: withTarget('/second-factor', to) }
    const pending = await secondFactor.pendingEnrolment({
      principal: session.principal,
      sessionId: session.id,
    })
    const now = clock.now()
    const error = attempt?.error ?? null
    // A wait is said once, at the top, and not again beside the field.
    const isLocked = error?.code === 'code-locked' || status.lockedUntil !== null
    const { language } = viewer
    const words = enrolmentWords[language]
    const fieldError = isLocked || error === null ? null : errorSentence(error, language)
    const html = pages.render({
      title: error === null ? words.title : words.failed(words.title),
      language,
      width: 'form',
      viewer,
      now,
      body: (
        <>
          {status.resetAt !== null && (
            <Notice kind="attention">
              <strong>{words.resetTitle}</strong> <span>{words.reset(<Instant at={status.resetAt} />)}</span>
            </Notice>
          )}
          {status.lockedUntil !== null && (
            <Notice kind="alarm">
              <strong>{words.lockedTitle}</strong>{' '}
              <span>{words.locked(<TimeUntil at={status.lockedUntil} now={now} thenReload />)}</span>
            </Notice>
          )}
          <Steps current={pending === null ? 0 : 1} needsInvitation={needsInvitation} />
          <form
            class="panel"
            method="post"
            action={pending === null ? '/second-factor/enrol' : '/second-factor/enrol/confirm'}
          >
            <FormToken viewer={viewer} />
            <Hidden name="to" value={to} />
            {pending === null ? (
              <Begin needsInvitation={needsInvitation} error={fieldError} />
            ) : (
              <Connect enrolment={pending} error={fieldError} />
            )}
          </form>
        </>
      ),
    })
    return { kind: 'page', html, status: error?.status ?? 200 }
  }

  async function begin(call: PersonalCall): Promise<Answer> {
    const { session, body } = call
    const to = context.returnTarget(body.one('to'))
    const invitation = body.one('invitation').trim()
    return attemptTo(call, to, async () => {
      await secondFactor.beginEnrolment({
        principal: session.principal,
        sessionId: session.id,
        invitation: needsInvitation && invitation !== '' ? invitation : null,
      })
      return { kind: 'redirect', to: withTarget('/second-factor/enrol', to) }
    })
  }

  async function confirm(call: PersonalCall): Promise<Answer> {
    const { session, body, viewer } = call
    const to = context.returnTarget(body.one('to'))
    return attemptTo(call, to, async () => {
      const { recoveryCodes } = await secondFactor.confirmEnrolment({
        principal: session.principal,
        sessionId: session.id,
        code: body.one('code').trim(),
      })
      // Told by the notice above the steps just taken.
      await secondFactor.acknowledgeReset(session.principal.id)
      const { token } = await sessions.raise(session, { secondFactorAt: clock.now() })
      const html = pages.render({
        title: enrolmentWords[viewer.language].codesTitle,
        language: viewer.language,
        width: 'form',
        viewer,
        now: clock.now(),
        body: <RecoveryCodes codes={recoveryCodes} to={to} needsInvitation={needsInvitation} />,
      })
      return { kind: 'page', html, cookies: [context.sessionCookie(token)] }
    })
  }

  async function attemptTo(call: PersonalCall, to: string, act: () => Promise<Answer>): Promise<Answer> {
    try {
      return await act()
    } catch (error) {
      if (!(error instanceof GatehouseError) || !mendable.has(error.code)) throw error
      return show(call, to, { error })
    }
  }

  const enter = (call: PersonalCall): Promise<Answer> =>
    show(call, context.returnTarget(call.query.one('to')), null)

  /** A break-glass code leans on the second factor that there was: whoever holds it must not set up another. */
  const unlessBreakGlass =
    (handle: (call: PersonalCall) => Promise<Answer>) =>
    (call: PersonalCall): Promise<Answer> => {
      if (call.session.origin === 'provider') return handle(call)
      throw new GatehouseError(
        'not-enrolled',
        'You signed in with a break-glass code, which goes with the second factor you had. You can set up another once the company’s sign-in works again.',
      )
    }

  return [
    personal('GET', '/second-factor/enrol', 'signed-in', unlessBreakGlass(enter)),
    personal('POST', '/second-factor/enrol', 'signed-in', unlessBreakGlass(begin)),
    // Where a reload of the confirmed form ends up in browsers that turn it into a GET.
    personal('GET', '/second-factor/enrol/confirm', 'signed-in', unlessBreakGlass(enter)),
    personal('POST', '/second-factor/enrol/confirm', 'signed-in', unlessBreakGlass(confirm)),
  ]
}

/** What the person can do something about on the same page. */
const mendable: ReadonlySet<string> = new Set([
  'invitation-invalid',
  'code-wrong',
  'code-replayed',
  'code-locked',
  'form-expired',
  'already-enrolled',
])

function Steps(props: { current: number; needsInvitation: boolean }): VNode {
  const words = useWords(enrolmentWords)
  const names = [
    props.needsInvitation ? words.stepInvitation : words.stepStart,
    words.stepApp,
    words.stepCodes,
  ]
  return (
    <ol class="steps" aria-label={words.steps}>
      {names.map((name, index) => (
        <li aria-current={index === props.current ? 'step' : undefined}>{`${String(index + 1)}. ${name}`}</li>
      ))}
    </ol>
  )
}

function Begin(props: { needsInvitation: boolean; error: string | null }): VNode {
  const words = useWords(enrolmentWords)
  return (
    <>
      <h1>{words.title}</h1>
      <p>{words.lead}</p>
      {props.needsInvitation ? (
        <Field
          name="invitation"
          label={words.invitation}
          hint={words.invitationHint}
          error={props.error}
          input={{ autofocus: true, class: 'typed-code', spellcheck: false, maxLength: 64 }}
        />
      ) : (
        props.error !== null && <Notice kind="alarm">{props.error}</Notice>
      )}
      <div class="actions">
        <button class="big">{words.submit}</button>
      </div>
    </>
  )
}

function Connect(props: { enrolment: Enrolment; error: string | null }): VNode {
  const { secret, uri, qrSvg } = props.enrolment
  const words = useWords(enrolmentWords)
  // As an image it can neither run scripts nor reach our styles, whatever drew it.
  const picture = `data:image/svg+xml;base64,${Buffer.from(qrSvg).toString('base64')}`
  return (
    <>
      <h1>{words.connect}</h1>
      <p>
        <strong>1.</strong> {words.scan}
      </p>
      <img class="qr" src={picture} alt={words.picture} width="240" height="240" />
      <div class="field">
        <p id="secret-label">{words.cannotScan}</p>
        <Copyable id="secret" label={words.copy}>
          {(secret.match(/.{1,4}/g) ?? []).join(' ')}
        </Copyable>
        {uri.startsWith('otpauth://totp/') && (
          <p>
            <a href={uri}>{words.onThisDevice}</a>
          </p>
        )}
      </div>
      <Field
        name="code"
        label={
          <>
            <strong>2.</strong> {words.enter}
          </>
        }
        hint={words.enterHint}
        error={props.error}
        input={{ inputmode: 'numeric', autocomplete: 'one-time-code', maxLength: 11, class: 'one-time-code' }}
      />
      <div class="actions">
        <button class="big">{words.confirm}</button>
      </div>
    </>
  )
}

function RecoveryCodes(props: { codes: readonly string[]; to: string; needsInvitation: boolean }): VNode {
  const words = useWords(enrolmentWords)
  return (
    <>
      <Steps current={2} needsInvitation={props.needsInvitation} />
      <div class="panel">
        <h1>{words.codesHeading}</h1>
        <p>{words.codesLead}</p>
        <ol class="codes" id="recovery-codes">
          {props.codes.map((code) => (
            <li>
              <code>{code}</code>
            </li>
          ))}
        </ol>
        <div class="actions">
          <button type="button" class="quiet" data-copy="recovery-codes" hidden>
            {words.copyAll}
          </button>
          <button type="button" class="quiet" data-print hidden>
            {words.print}
          </button>
        </div>
        <div class="actions">
          <a class="button big" href={props.to}>
            {words.stored}
          </a>
        </div>
      </div>
    </>
  )
}
