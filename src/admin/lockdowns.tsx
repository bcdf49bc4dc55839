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
  Hidden,
  Instant,
  Notice,
  personal,
  Row,
  RowHead,
  Said,
  Table,
  type Answer,
  type Confirmation,
  type PersonalCall,
  type Route,
  type Viewer,
} from '../lib/page/index.js'
import type { Lockdown, LockdownScope } from '../model.js'
import { lockDown } from './lock-down.js'
import type { AdminOptions } from './options.js'
import { Picks, type Pick } from './picks.js'
import { actorName, fieldMessage, machineNames } from './words.js'

const doneNotices: Readonly<Record<string, string>> = {
  on: 'Remote access is stopped. What was open there has been cut.',
  off: 'The stop was lifted. Whoever holds a grant may open machines again.',
  gone: 'That stop had been lifted already.',
}

/** What the person entered, and why it was not taken. */
interface Input {
  readonly scope: string
  readonly email: string
  readonly reason: string
  readonly error: GatehouseError | null
}

const nothingEntered: Input = { scope: 'all', email: '', reason: '', error: null }
const ofPerson = 'principal'

/** Stopping one or all, and letting them go on. */
export function lockdownRoutes(options: AdminOptions): Route[] {
  const { config, clock, pages, people, lockdowns } = options
  const scopes: Pick[] = [
    { value: 'all', text: 'All machines' },
    ...config.endpoints.map(({ id, name }) => ({ value: `endpoint:${id}`, text: name })),
    { value: ofPerson, text: 'All machines, to one person' },
  ]

  async function showAll(call: PersonalCall): Promise<Answer> {
    return render(call, nothingEntered)
  }

  async function render({ viewer, query }: PersonalCall, input: Input): Promise<Answer> {
    const inForce = await lockdowns.inForce()
    const done = doneNotices[query.one('done')]
    const html = pages.render({
      title: input.error === null ? 'Stop access' : 'Error: Stop access',
      section: 'lockdowns',
      viewer,
      now: clock.now(),
      body: (
        <>
          <h1>Stop access</h1>
          {done !== undefined && <Notice>{done}</Notice>}
          {inForce.length === 0 ? (
            <p class="soft">Nothing is stopped now. Whoever holds a running grant may open its machines.</p>
          ) : (
            <Table caption="Stopped now" kind="lockdowns" columns={['What', 'Since', 'Reason', 'Actions']}>
              {inForce.map((lockdown) => (
                <LockdownRow lockdown={lockdown} viewer={viewer} />
              ))}
            </Table>
          )}
          <StopForm input={input} viewer={viewer} />
        </>
      ),
    })
    return { kind: 'page', html, status: input.error?.status ?? 200 }
  }

  function LockdownRow({ lockdown, viewer }: { lockdown: Lockdown; viewer: Viewer }): VNode {
    const { scope, at, by, reason } = lockdown
    return (
      <Row>
        <RowHead>
          <Said>{nameOf(scope)}</Said>
        </RowHead>
        <Cell label="Since">
          <Instant at={at} />
          <div class="soft small">
            by <Said>{actorName(by)}</Said>
          </div>
        </Cell>
        <Cell label="Reason">
          <div class="clamp">
            <Said>{reason}</Said>
          </div>
        </Cell>
        <Cell>
          {viewer.isAdmin ? (
            <form method="post" action="/admin/lockdowns/lift" {...askFirst(confirmLift(scope))}>
              <FormToken viewer={viewer} />
              <Hidden name="scope" value={scopeText(scope)} />
              <button class="quiet">
                Lift
                <span class="visually-hidden">{` the stop of ${nameOf(scope)}`}</span>
              </button>
            </form>
          ) : (
            <span class="soft small">An administrator can lift it.</span>
          )}
        </Cell>
      </Row>
    )
  }

  function StopForm({ input, viewer }: { input: Input; viewer: Viewer }): VNode {
    const { error } = input
    return (
      <form
        class="panel"
        method="post"
        action="/admin/lockdowns"
        aria-labelledby="stop"
        {...askFirst(confirmStop())}
      >
        <h2 id="stop">Stop remote access</h2>
        <p>
          Nobody opens a machine until it is lifted, and what is open is cut, also in the middle of an upload.
          Grants stay as they are.
        </p>
        <FormToken viewer={viewer} />
        <Choices name="scope" legend="To what" error={error?.field === 'scope' ? fieldMessage(error) : null}>
          <Picks type="radio" name="scope" label="To what" picks={scopes} chosen={[input.scope]} />
        </Choices>
        <Field
          name="email"
          label="Their e-mail address"
          hint="Only for one person."
          isOptional
          value={input.email}
          input={{ type: 'email', spellcheck: false, maxLength: 254 }}
        />
        <Field
          name="reason"
          label="Reason"
          hint="It stays on record."
          error={error?.field === 'reason' ? fieldMessage(error) : null}
          value={input.reason}
          input={{ maxLength: 500 }}
        />
        <div class="actions">
          <button class="danger">Stop access</button>
        </div>
      </form>
    )
  }

  function nameOf(scope: LockdownScope): string {
    switch (scope.kind) {
      case 'all':
        return 'All machines'
      case 'endpoint':
        return machineNames([scope.endpointId], config.endpoints)
      case 'principal':
        return scope.email
    }
  }

  function confirmStop(): Confirmation {
    const { length } = options.streams()
    return {
      title: 'Stop remote access?',
      text: `What you chose is closed at once, on every gateway. Open through this one now: ${String(length)}. A machine that is cut in the middle of a change may be left half-programmed.`,
      button: 'Stop access',
    }
  }

  function confirmLift(scope: LockdownScope): Confirmation {
    return {
      title: 'Let them go on?',
      text: `${nameOf(scope)}: whoever holds a running grant may open machines again.`,
      button: 'Lift the stop',
    }
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
      section: 'lockdowns',
      width: 'form',
      viewer,
      now: clock.now(),
      body: <ConfirmForm {...form} />,
    })
    return { kind: 'page', html }
  }

  async function begin(call: PersonalCall): Promise<Answer> {
    const { body, actor } = call
    const chosen = body.one('scope')
    const email = body.one('email').trim()
    const reason = body.one('reason').trim()
    if (body.one('sure') !== 'yes' && reason !== '') {
      return ask(call, confirmStop(), '/admin/lockdowns', { scope: chosen, email, reason })
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

  async function lift(call: PersonalCall): Promise<Answer> {
    const { body, actor } = call
    const scope = body.one('scope')
    if (body.one('sure') !== 'yes') {
      const held = (await lockdowns.inForce()).find((lockdown) => scopeText(lockdown.scope) === scope)
      if (held === undefined) return { kind: 'redirect', to: '/admin/lockdowns?done=gone' }
      return ask(call, confirmLift(held.scope), '/admin/lockdowns/lift', { scope })
    }
    const isLifted = await lockdowns.off(scope, 'Lifted on the administrator’s page', actor)
    return { kind: 'redirect', to: `/admin/lockdowns?done=${isLifted ? 'off' : 'gone'}` }
  }

  return [
    personal('GET', '/admin/lockdowns', 'approver', showAll),
    personal('POST', '/admin/lockdowns', 'approver', begin),
    personal('POST', '/admin/lockdowns/lift', 'admin', lift),
  ]
}
