import type { VNode } from 'preact'
import { readReason } from '../grants/index.js'
import { GatehouseError, type Clock, type Pages } from '../lib/index.js'
import {
  Field,
  FormToken,
  Hidden,
  Said,
  stepUpAddress,
  useWords,
  type Answer,
  type Confirmation,
  type PersonalCall,
  type Section,
  type Viewer,
} from '../lib/page/index.js'
import { hasFreshCode } from '../policy/index.js'
import { answerForWords } from './words/answer-for.js'

/** What somebody is asked before it happens, and where. */
export interface Question {
  readonly confirmation: Confirmation
  readonly section: Section
  /** Where the question stands, and where its answer goes. */
  readonly action: string
  readonly back: string
  readonly fields?: Readonly<Record<string, string>>
  /** Nothing is taken away by it. */
  readonly isHarmless?: boolean
}

/**
 * Where to enter a one-time code first; null where that of the session is fresh. For what removes a safeguard, and
 * never for what stops somebody: at three in the morning the telephone lies elsewhere.
 *
 * @param here the page of the question, with its query
 */
export function codeFirst({ session }: PersonalCall, clock: Clock, here: string): Answer | null {
  return hasFreshCode(session.assurance, clock.now()) ? null : { kind: 'redirect', to: stepUpAddress(here) }
}

/** The question, on a page of its own. With `refused`, again: the reason that was given is none. */
export function askReason(
  { pages, clock }: { readonly pages: Pages; readonly clock: Clock },
  { viewer, body }: PersonalCall,
  question: Question,
  refused: GatehouseError | null = null,
): Answer {
  const { title } = question.confirmation
  const html = pages.render({
    title: refused === null ? title : answerForWords[viewer.language].failed(title),
    language: viewer.language,
    section: question.section,
    width: 'form',
    viewer,
    now: clock.now(),
    body: <ReasonForm {...{ question, viewer }} isRefused={refused !== null} reason={body.one('reason')} />,
  })
  return { kind: 'page', html, status: refused?.status ?? 200 }
}

/** The reason that was given, or the page that asks for it: again, or where the button that was pressed had no room to. */
export function readAnswer(
  options: { readonly pages: Pages; readonly clock: Clock },
  call: PersonalCall,
  question: Question,
): { readonly reason: string } | { readonly again: Answer } {
  if (call.body.all('reason').length === 0) return { again: askReason(options, call, question) }
  try {
    return { reason: readReason(call.body.one('reason')) }
  } catch (error) {
    if (!(error instanceof GatehouseError) || error.code !== 'input-invalid') throw error
    return { again: askReason(options, call, question, error) }
  }
}

function ReasonForm(props: {
  question: Question
  viewer: Viewer
  isRefused: boolean
  reason: string
}): VNode {
  const { question, viewer, isRefused, reason } = props
  const { confirmation, action, back, fields = {}, isHarmless = false } = question
  const words = useWords(answerForWords)
  return (
    <form class="panel" method="post" action={action}>
      <h1>{confirmation.title}</h1>
      <p class="lead">
        <Said>{confirmation.text}</Said>
      </p>
      <FormToken viewer={viewer} />
      {Object.entries(fields).map(([name, value]) => (
        <Hidden name={name} value={value} />
      ))}
      <Field
        name="reason"
        label={words.reason}
        hint={words.hint}
        error={isRefused ? words.missing : null}
        value={reason}
        input={{ maxLength: 500 }}
      />
      <div class="actions">
        <button class={isHarmless ? 'big' : 'danger'}>{confirmation.button}</button>
        <a class="button quiet" href={back}>
          {words.back}
        </a>
      </div>
    </form>
  )
}
