import type { VNode } from 'preact'
import { groupChoice, parseInstant, readChoices } from '../grants/index.js'
import { errorSentence, GatehouseError } from '../lib/index.js'
import { endings } from '../model.js'
import {
  Choice,
  Choices,
  durationWords,
  dateFieldValue,
  Field,
  FormToken,
  PlantTime,
  readDateField,
  Notice,
  personal,
  type Answer,
  type Fields,
  type PersonalCall,
  type Route,
} from '../lib/page/index.js'
import {
  askedConditions,
  MoreConditions,
  noConditions,
  readConditions,
  type ConditionsInput,
} from './conditions.js'
import { CodeField, createFreshCode } from './fresh-code.js'
import { InvitationPanel } from './invitation.js'
import { issueGrant } from './issue-grant.js'
import type { AdminOptions } from './options.js'
import { Picks } from './picks.js'
import { endingSentence, fieldMessage, GrantSentence, machineNames } from './words.js'
import { grantsWords } from './words/grants.js'
import { issueWords } from './words/issue.js'

const hourMs = 3_600_000
const usualLengthsMs = [1, 2, 4, 8].map((hours) => hours * hourMs)

/** The form as it was sent, to be shown again when something in it was not right. */
interface Input {
  readonly to: string
  /** Of groups, too; see `groupChoice`. */
  readonly endpoints: readonly string[]
  readonly access: string
  readonly start: string
  readonly from: string
  readonly end: string
  readonly until: string
  readonly ending: string
  readonly reason: string
  readonly ticket: string
  readonly conditions: ConditionsInput
}

/** Giving access, on one screen, with a sentence that says what it comes to. */
export function issueRoutes(options: AdminOptions): Route[] {
  const { config, clock, pages, grants, people, secondFactor } = options
  const freshCode = createFreshCode(options)
  // Before machines are chosen nobody knows whose time it would be, if not that of the plant.
  const { timeZone } = config.plant
  const lengthsMs = [
    ...usualLengthsMs.filter((length) => length < config.grants.maxLengthMs),
    config.grants.maxLengthMs,
  ]
  const usual = lengthsMs.includes(4 * hourMs) ? 4 * hourMs : (lengthsMs[0] ?? hourMs)

  async function showForm(call: PersonalCall): Promise<Answer> {
    const { query } = call
    const input: Input = {
      to: query.one('to'),
      endpoints: query.all('endpoint'),
      access: 'operate',
      start: 'now',
      from: '',
      end: String(usual),
      until: '',
      ending: 'cut',
      reason: '',
      ticket: '',
      conditions: noConditions,
    }
    return renderForm(call, input)
  }

  /** @param cookies of the session, where a code was taken */
  async function renderForm(
    call: PersonalCall,
    input: Input,
    refusal: GatehouseError | null = null,
    cookies: readonly string[] = [],
  ): Promise<Answer> {
    const { viewer } = call
    const known = (await people.list()).flatMap(({ principal }) =>
      principal.email === null ? [] : [principal.email],
    )
    const { language } = viewer
    const words = issueWords[language]
    const ofGrants = grantsWords[language]
    const errorOf = (field: string): string | null =>
      refusal?.field === field ? fieldMessage(refusal, language) : null
    const now = clock.now()
    const html = pages.render({
      title: refusal === null ? words.title : words.failed(words.title),
      language,
      section: 'grants',
      viewer,
      now,
      body: (
        <>
          <h1>{words.title}</h1>
          {refusal !== null && (
            <Notice kind="alarm">
              <strong>{words.nothingIssued}</strong>{' '}
              {refusal.field === null ? (
                <span>{errorSentence(refusal, language)}</span>
              ) : (
                <a href={`#${fieldIds[refusal.field] ?? 'to'}`} autofocus>
                  {fieldMessage(refusal, language)}
                </a>
              )}
            </Notice>
          )}
          <form class="panel" method="post" action="/admin/grants">
            <FormToken viewer={viewer} />
            <Field
              name="to"
              label={words.who}
              hint={words.whoHint}
              error={errorOf('to')}
              value={input.to}
              input={{
                type: 'email',
                list: 'known-people',
                spellcheck: false,
                maxLength: 254,
                autofocus: refusal === null,
              }}
            />
            <datalist id="known-people">
              {[...new Set(known)].slice(0, 500).map((email) => (
                <option value={email} />
              ))}
            </datalist>
            <Choices
              name="endpoints"
              legend={words.machines}
              error={errorOf('endpoints') ?? errorOf('groups')}
            >
              <Picks
                type="checkbox"
                name="endpoints"
                label={words.machines}
                picks={[
                  ...config.groups.map((group) => ({
                    value: groupChoice(group),
                    text: `${group.name} (${machineNames(group.endpoints, config.endpoints)})`,
                  })),
                  ...config.endpoints.map(({ id, name, zone }) => ({ value: id, text: name, more: zone })),
                ]}
                chosen={input.endpoints}
              />
            </Choices>
            <Choices name="access" legend={words.access} error={errorOf('access')}>
              <Choice
                type="radio"
                name="access"
                value="operate"
                isChosen={input.access !== 'view'}
                say={words.sayOperate}
              >
                {words.operate}
              </Choice>
              <Choice
                type="radio"
                name="access"
                value="view"
                isChosen={input.access === 'view'}
                say={words.sayView}
              >
                {words.view}
              </Choice>
            </Choices>
            <Choices name="start" legend={words.start} error={errorOf('from')}>
              <Choice
                type="radio"
                name="start"
                value="now"
                isChosen={input.start !== 'at'}
                say={words.sayNow}
              >
                {words.now}
              </Choice>
              <div class="choice dated">
                <Choice
                  type="radio"
                  name="start"
                  value="at"
                  isChosen={input.start === 'at'}
                  say={words.sayLater}
                >
                  {words.later}
                </Choice>
                <DateField
                  name="from"
                  label={words.start}
                  value={dateFieldValue(input.from, timeZone)}
                  choice="start-at"
                />
              </div>
            </Choices>
            <Choices name="end" legend={words.end} error={errorOf('until')}>
              {lengthsMs.map((length) => (
                <Choice
                  type="radio"
                  name="end"
                  value={String(length)}
                  isChosen={input.end === String(length)}
                  say={words.sayAfter(durationWords(length))}
                >
                  {words.after(durationWords(length))}
                </Choice>
              ))}
              <div class="choice dated">
                <Choice
                  type="radio"
                  name="end"
                  value="at"
                  isChosen={input.end === 'at'}
                  say={words.sayAtATime}
                >
                  {words.atATime}
                </Choice>
                <DateField
                  name="until"
                  label={words.end}
                  value={dateFieldValue(input.until, timeZone)}
                  choice="end-at"
                />
              </div>
            </Choices>
            <Choices name="ending" legend={words.atTheEnd} error={errorOf('ending')}>
              {endings.map((ending) => (
                <Choice
                  type="radio"
                  name="ending"
                  value={ending}
                  isChosen={input.ending === ending}
                  say={words.sayEndings[ending]}
                >
                  {ofGrants.endings[ending]}
                  <span class="soft small">{` ${endingSentence(ofGrants, ending, config.grants.endings)}`}</span>
                </Choice>
              ))}
            </Choices>
            <Field
              name="reason"
              label={words.reason}
              hint={words.reasonHint}
              error={errorOf('reason')}
              value={input.reason}
              input={{ maxLength: 500 }}
            />
            <Field
              name="ticket"
              label={words.ticket}
              isOptional
              error={errorOf('ticket')}
              value={input.ticket}
              input={{ maxLength: 64 }}
            />
            <MoreConditions input={input.conditions} errorOf={errorOf} />
            {cookies.length === 0 && freshCode.isMissing(call) && <CodeField error={errorOf('code')} />}
            <p class="readback" data-readback hidden aria-live="polite" />
            <div class="actions">
              <button class="big">{words.submit}</button>
              <a class="button quiet big" href="/admin">
                {words.cancel}
              </a>
            </div>
          </form>
        </>
      ),
    })
    return { kind: 'page', html, status: refusal?.status ?? 200, cookies }
  }

  async function issue(call: PersonalCall): Promise<Answer> {
    const { body, actor, viewer } = call
    const input = readInput(body)
    const { language } = viewer
    const words = issueWords[language]
    let cookies: readonly string[] = []
    try {
      cookies = await freshCode.take(call)
      if (input.endpoints.length === 0) {
        throw new GatehouseError('input-invalid', 'Choose at least one machine.', { field: 'endpoints' })
      }
      const issued = await issueGrant(
        { people, grants, secondFactor, enrolment: config.totp.enrolment },
        {
          to: input.to,
          ...readChoices(input.endpoints),
          access: input.access,
          ending: input.ending === '' ? undefined : input.ending,
          reason: input.reason,
          ticket: input.ticket === '' ? null : input.ticket,
          ...windowOf(input),
          ...askedConditions(input.conditions),
        },
        actor,
      )
      const { grant, enrolmentCode } = issued
      const html = pages.render({
        title: words.issued,
        language,
        section: 'grants',
        viewer,
        now: clock.now(),
        body: (
          <>
            <div class="panel">
              <h1>{words.issued}</h1>
              <p class="lead">
                <GrantSentence grant={grant} endpoints={config.endpoints} now={clock.now()} />
              </p>
              <p class="soft">{endingSentence(grantsWords[language], grant.ending, config.grants.endings)}</p>
              <div class="actions">
                <a class="button quiet" href={`/admin/grants/${encodeURIComponent(grant.id)}`}>
                  {words.change}
                </a>
                <a class="button quiet" href="/admin">
                  {words.all}
                </a>
                <a class="button quiet" href="/admin/grants/new">
                  {words.another}
                </a>
              </div>
            </div>
            {enrolmentCode !== null && (
              <InvitationPanel email={grant.to.email} code={enrolmentCode} config={config} />
            )}
          </>
        ),
      })
      return { kind: 'page', html, cookies }
    } catch (error) {
      if (!(error instanceof GatehouseError) || !isMendable(error)) throw error
      return renderForm(call, input, error, cookies)
    }
  }

  /** A length counts from the chosen start. */
  function windowOf(input: Input): { from: unknown; until: unknown } {
    const chosen = input.start === 'at' ? readDateField('from', input.from, timeZone) : 'now'
    if (chosen === '') throw missing('from')
    // Read once: "now" for the start and "now" for the length must be the same instant.
    const start = typeof chosen === 'number' ? chosen : parseInstant(chosen, clock)
    const from = start ?? chosen
    if (input.end === 'at' && input.until === '') throw missing('until')
    if (input.end === 'at') return { from, until: readDateField('until', input.until, timeZone) }
    const length = lengthsMs.find((candidate) => String(candidate) === input.end)
    // A start that cannot be read is the one thing to tell; the end then only has to be well-formed.
    return { from, until: length === undefined ? '' : (start ?? clock.now()) + length }
  }

  return [
    personal('GET', '/admin/grants/new', 'admin', showForm),
    personal('POST', '/admin/grants', 'admin', issue),
  ]
}

function isMendable({ code, field }: GatehouseError): boolean {
  return field === 'code' || ['input-invalid', 'person-ambiguous', 'grant-conflict'].includes(code)
}

function missing(field: string): GatehouseError {
  return new GatehouseError('input-invalid', `${field}: must be filled in`, { field })
}

/** Where an error's link leads: by the field's name in a grant request. */
const fieldIds: Readonly<Record<string, string>> = {
  to: 'to',
  endpoints: 'endpoints',
  groups: 'endpoints',
  access: 'access',
  from: 'start',
  until: 'end',
  ending: 'ending',
  reason: 'reason',
  ticket: 'ticket',
  sources: 'sources',
  maxSessions: 'maxSessions',
  lasts: 'lasts',
  weekly: 'weekly',
  code: 'code',
}

function readInput(body: Fields): Input {
  return {
    to: body.one('to').trim(),
    endpoints: body.all('endpoints'),
    access: body.one('access'),
    start: body.one('start'),
    from: body.one('from').trim(),
    end: body.one('end'),
    until: body.one('until').trim(),
    ending: body.one('ending'),
    reason: body.one('reason').trim(),
    ticket: body.one('ticket').trim(),
    conditions: readConditions(body),
  }
}

function DateField(props: { name: string; label: string; value: string; choice: string }): VNode {
  return (
    <div class="choice">
      <input
        type="datetime-local"
        name={props.name}
        aria-label={props.label}
        value={props.value}
        data-choice={props.choice}
      />
      <span class="soft">
        <PlantTime />
      </span>
    </div>
  )
}
