import type { VNode } from 'preact'
import { GatehouseError } from '../lib/index.js'
import {
  Field,
  FormToken,
  Hidden,
  Notice,
  personal,
  stepUpPath,
  TimeUntil,
  useWords,
  type Answer,
  type PersonalCall,
  type Route,
  type Viewer,
} from '../lib/page/index.js'
import type { EpochMs } from '../model.js'
import { withTarget, type PortalContext } from './context.js'
import { stepUpWords } from './step-up-words.js'

type Refusal = keyof (typeof stepUpWords)['en']['errors']

/**
 * A one-time code in a session that is proved already, for what asks for a fresh one; see `hasFreshCode`. No recovery
 * code in its place: it lets people in who have lost their phone, and answers for nobody.
 */
export function stepUpRoutes(context: PortalContext): Route[] {
  const { clock, pages, sessions, secondFactor } = context

  async function show(call: PersonalCall, to: string, refusal: Refusal | null): Promise<Answer> {
    const { session, viewer } = call
    const { language } = viewer
    const { isEnrolled, lockedUntil } = await secondFactor.status(session.principal.id)
    if (!isEnrolled) return { kind: 'redirect', to: withTarget('/second-factor/enrol', to) }
    const words = stepUpWords[language]
    const now = clock.now()
    const html = pages.render({
      title: refusal === null ? words.title : words.failed(words.title),
      width: 'form',
      language,
      viewer,
      now,
      body: <StepUpForm viewer={viewer} to={to} refusal={refusal} lockedUntil={lockedUntil} now={now} />,
    })
    if (refusal === null) return { kind: 'page', html }
    const { status } = new GatehouseError(refusal, '')
    return status === 429 && lockedUntil !== null
      ? { kind: 'page', html, status, retryAfterSeconds: Math.max(1, Math.ceil((lockedUntil - now) / 1_000)) }
      : { kind: 'page', html, status }
  }

  async function prove(call: PersonalCall): Promise<Answer> {
    const { session, body } = call
    const to = context.returnTarget(body.one('to'))
    try {
      await secondFactor.verify({
        principalId: session.principal.id,
        sessionId: session.id,
        code: body.one('code').trim(),
      })
    } catch (error) {
      const refusal = error instanceof GatehouseError ? refusalOf(error) : null
      if (refusal === null) throw error
      return show(call, to, refusal)
    }
    const { token } = await sessions.raise(session, { secondFactorAt: clock.now() })
    return { kind: 'redirect', to, cookies: [context.sessionCookie(token)] }
  }

  return [
    personal('GET', stepUpPath, 'verified', (call) =>
      show(call, context.returnTarget(call.query.one('to')), null),
    ),
    personal('POST', stepUpPath, 'verified', prove),
  ]
}

/** What the person can mend. */
function refusalOf({ code }: GatehouseError): Refusal | null {
  return code === 'code-wrong' || code === 'code-replayed' || code === 'code-locked' ? code : null
}

function StepUpForm(props: {
  viewer: Viewer
  to: string
  refusal: Refusal | null
  lockedUntil: EpochMs | null
  now: EpochMs
}): VNode {
  const { viewer, to, refusal, lockedUntil, now } = props
  const words = useWords(stepUpWords)
  const isLocked = lockedUntil !== null
  return (
    <>
      {isLocked && (
        <Notice kind="alarm">
          <strong>{words.lockedTitle}</strong>{' '}
          <span>
            {words.lockedBefore}
            <TimeUntil at={lockedUntil} now={now} thenReload />
            {words.lockedAfter}
          </span>
        </Notice>
      )}
      <form class="panel" method="post" action={stepUpPath}>
        <h1>{words.title}</h1>
        <p>{words.why}</p>
        <FormToken viewer={viewer} />
        <Hidden name="to" value={to} />
        <Field
          name="code"
          label={words.label}
          hint={words.hint}
          error={isLocked || refusal === null ? null : words.errors[refusal]}
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
          <a class="button quiet big" href={to}>
            {words.back}
          </a>
        </div>
        <p class="soft">{words.noPhone}</p>
      </form>
    </>
  )
}
