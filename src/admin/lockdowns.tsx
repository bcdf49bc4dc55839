import type { VNode } from 'preact'
import { scopeText } from '../grants/index.js'
import { GatehouseError } from '../lib/index.js'
import {
  askFirst,
  Cell,
  Choices,
  ConfirmForm,
  Field,
  FormToken,
  Instant,
  mayAct,
  Notice,
  personal,
  Row,
  RowHead,
  Said,
  Table,
  useLanguage,
  useWords,
  type Answer,
  type Confirmation,
  type PersonalCall,
  type Route,
  type Viewer,
} from '../lib/page/index.js'
import type { Lockdown, LockdownScope } from '../model.js'
import { askReason, codeFirst, readAnswer, type Question } from './answer-for.js'
import { lockDown } from './lock-down.js'
import type { AdminOptions } from './options.js'
import { Picks, type Pick } from './picks.js'
import { actorName, fieldMessage, machineNames } from './words.js'
import { lockdownsWords, type LockdownsWords } from './words/lockdowns.js'

/** What the person entered, and why it was not taken. */
interface Input {
  readonly scope: string
  readonly email: string
  readonly reason: string
  readonly error: GatehouseError | null
}

const liftPath = '/admin/lockdowns/lift'

function liftAddress(scope: string): string {
  return `${liftPath}?${new URLSearchParams({ scope }).toString()}`
}

const nothingEntered: Input = { scope: 'all', email: '', reason: '', error: null }
const ofPerson = 'principal'

/** Stopping one or all, and letting them go on. */
export function lockdownRoutes(options: AdminOptions): Route[] {
  const { config, clock, pages, people, lockdowns } = options
  const scopesIn = (words: LockdownsWords): Pick[] => [
    { value: 'all', text: words.all },
    ...config.endpoints.map(({ id, name }) => ({ value: `endpoint:${id}`, text: name })),
    { value: ofPerson, text: words.person },
  ]

  async function showAll(call: PersonalCall): Promise<Answer> {
    return render(call, nothingEntered)
  }

  async function render({ viewer, query }: PersonalCall, input: Input): Promise<Answer> {
    const inForce = await lockdowns.inForce()
    const { language } = viewer
    const words = lockdownsWords[language]
    const done = doneNotice(words, query.one('done'))
    const html = pages.render({
      title: input.error === null ? words.title : words.failed(words.title),
      language,
      section: 'lockdowns',
      viewer,
      now: clock.now(),
      body: (
        <>
          <h1>{words.title}</h1>
          {done !== null && <Notice>{done}</Notice>}
          {inForce.length === 0 ? (
            <p class="soft">{words.none}</p>
          ) : (
            <Table
              caption={words.caption}
              kind="lockdowns"
              columns={[words.what, words.since, words.reason, words.actions]}
            >
              {inForce.map((lockdown) => (
                <LockdownRow lockdown={lockdown} viewer={viewer} />
              ))}
            </Table>
          )}
          {mayAct(viewer) && <StopForm input={input} viewer={viewer} />}
        </>
      ),
    })
    return { kind: 'page', html, status: input.error?.status ?? 200 }
  }

  function LockdownRow({ lockdown, viewer }: { lockdown: Lockdown; viewer: Viewer }): VNode {
    const { scope, at, by, reason } = lockdown
    const words = useWords(lockdownsWords)
    const name = nameOf(words, scope)
    return (
      <Row>
        <RowHead>
          <Said>{name}</Said>
        </RowHead>
        <Cell label={words.since}>
          <Instant at={at} />
          <div class="soft small">
            {words.by} <Said>{actorName(by, useLanguage())}</Said>
          </div>
        </Cell>
        <Cell label={words.reason}>
          <div class="clamp">
            <Said>{reason}</Said>
          </div>
        </Cell>
        <Cell>
          {viewer.isAdmin ? (
            <a class="button quiet" href={liftAddress(scopeText(scope))}>
              {words.lift}
              <span class="visually-hidden">{words.liftOf(name)}</span>
            </a>
          ) : (
            <span class="soft small">{words.adminLifts}</span>
          )}
        </Cell>
      </Row>
    )
  }

  function StopForm({ input, viewer }: { input: Input; viewer: Viewer }): VNode {
    const { error } = input
    const words = useWords(lockdownsWords)
    const language = useLanguage()
    const errorOf = (field: string): string | null =>
      error?.field === field ? fieldMessage(error, language) : null
    return (
      <form
        class="panel"
        method="post"
        action="/admin/lockdowns"
        aria-labelledby="stop"
        {...askFirst(confirmStop(words))}
      >
        <h2 id="stop">{words.stopHeading}</h2>
        <p>{words.stopLead}</p>
        <FormToken viewer={viewer} />
        <Choices name="scope" legend={words.toWhat} error={errorOf('scope')}>
          <Picks
            type="radio"
            name="scope"
            label={words.toWhat}
            picks={scopesIn(words)}
            chosen={[input.scope]}
          />
        </Choices>
        <Field
          name="email"
          label={words.email}
          hint={words.emailHint}
          isOptional
          value={input.email}
          input={{ type: 'email', spellcheck: false, maxLength: 254 }}
        />
        <Field
          name="reason"
          label={words.reason}
          hint={words.reasonHint}
          error={errorOf('reason')}
          value={input.reason}
          input={{ maxLength: 500 }}
        />
        <div class="actions">
          <button class="danger">{words.stop}</button>
        </div>
      </form>
    )
  }

  function nameOf(words: LockdownsWords, scope: LockdownScope): string {
    switch (scope.kind) {
      case 'all':
        return words.all
      case 'endpoint':
        return machineNames([scope.endpointId], config.endpoints)
      case 'principal':
        return scope.email
    }
  }

  function confirmStop(words: LockdownsWords): Confirmation {
    const { length } = options.streams()
    return {
      title: words.stopTitle,
      text: words.stopText(length),
      button: words.stop,
    }
  }

  function questionOf(words: LockdownsWords, scope: LockdownScope): Question {
    const confirmation = {
      title: words.liftTitle,
      text: words.liftText(nameOf(words, scope)),
      button: words.liftButton,
    }
    const fields = { scope: scopeText(scope) }
    return { confirmation, section: 'lockdowns', action: liftPath, back: '/admin/lockdowns', fields }
  }

  function ask(
    { viewer }: PersonalCall,
    confirmation: Confirmation,
    action: string,
    fields: Readonly<Record<string, string>>,
  ): Answer {
    const form = { confirmation, viewer, action, fields, back: '/admin/lockdowns' }
    const html = pages.render({
      title: confirmation.title,
      language: viewer.language,
      section: 'lockdowns',
      width: 'form',
      viewer,
      now: clock.now(),
      body: <ConfirmForm {...form} />,
    })
    return { kind: 'page', html }
  }

  async function begin(call: PersonalCall): Promise<Answer> {
    const { body, actor, viewer } = call
    const chosen = body.one('scope')
    const email = body.one('email').trim()
    const reason = body.one('reason').trim()
    if (body.one('sure') !== 'yes' && reason !== '') {
      return ask(call, confirmStop(lockdownsWords[viewer.language]), '/admin/lockdowns', {
        scope: chosen,
        email,
        reason,
      })
    }
    try {
      const scope = chosen === ofPerson ? `principal:${email}` : chosen
      await lockDown({ people, lockdowns }, { scope, reason }, actor)
    } catch (error) {
      if (!(error instanceof GatehouseError) || error.code !== 'input-invalid') throw error
      return render(call, { scope: chosen, email, reason, error })
    }
    return { kind: 'redirect', to: '/admin/lockdowns?done=on' }
  }

  /** What is to be lifted, with a code that is fresh; else where to go instead. */
  async function beforeLift(call: PersonalCall, scope: string): Promise<Question | Answer> {
    const held = (await lockdowns.inForce()).find((lockdown) => scopeText(lockdown.scope) === scope)
    if (held === undefined) return { kind: 'redirect', to: '/admin/lockdowns?done=gone' }
    const words = lockdownsWords[call.viewer.language]
    return codeFirst(call, clock, liftAddress(scope)) ?? questionOf(words, held.scope)
  }

  async function askLift(call: PersonalCall): Promise<Answer> {
    const question = await beforeLift(call, call.query.one('scope'))
    return 'kind' in question ? question : askReason(options, call, question)
  }

  async function lift(call: PersonalCall): Promise<Answer> {
    const scope = call.body.one('scope')
    const question = await beforeLift(call, scope)
    if ('kind' in question) return question
    const given = readAnswer(options, call, question)
    if ('again' in given) return given.again
    const isLifted = await lockdowns.off(scope, given.reason, call.actor)
    return { kind: 'redirect', to: `/admin/lockdowns?done=${isLifted ? 'off' : 'gone'}` }
  }

  return [
    personal('GET', '/admin/lockdowns', 'auditor', showAll),
    personal('POST', '/admin/lockdowns', 'approver', begin),
    personal('GET', liftPath, 'admin', askLift),
    personal('POST', liftPath, 'admin', lift),
  ]
}

/** What was just done, by the name it has in the address; anything else there says nothing. */
function doneNotice(words: LockdownsWords, done: string): string | null {
  return done === 'on' || done === 'off' || done === 'gone' ? words[done] : null
}
