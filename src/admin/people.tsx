import type { VNode } from 'preact'
import type { Person, SecondFactorStatus } from '../identity/index.js'
import { GatehouseError } from '../lib/index.js'
import {
  Cell,
  FormToken,
  Hidden,
  Instant,
  Notice,
  personal,
  Row,
  RowHead,
  Said,
  Table,
  useWords,
  type Answer,
  type PersonalCall,
  type Route,
  type Viewer,
} from '../lib/page/index.js'
import type { Actor } from '../model.js'
import { askReason, codeFirst, readAnswer, type Question } from './answer-for.js'
import { InvitationPanel } from './invitation.js'
import { FilterForm, FilterNote, isFiltered, NothingFits, Pager, partOf, readFilter } from './listing.js'
import { createMatcher } from './matching.js'
import type { AdminOptions } from './options.js'
import { companiesWords } from './words/companies.js'
import { peopleWords, type PeopleWords } from './words/people.js'
import { tokensWords } from './words/tokens.js'

const shownAtOnce = 100

/** Who has signed in here, their second factor, and the two things that can be done about it. */
export function peopleRoutes(options: AdminOptions): Route[] {
  const { config, clock, pages, people, sessions, secondFactor } = options
  const canInvite = config.totp.enrolment === 'invite'

  async function showPeople({ viewer, query }: PersonalCall): Promise<Answer> {
    const filter = readFilter('/admin/people', query, [])
    const fits = createMatcher(filter.text)
    const fitting = (await people.list()).filter((person) => fits(textsOfPerson(person)))
    const part = partOf(fitting, filter.page, shownAtOnce)
    const shown = await Promise.all(
      part.shown.map(async (person) => ({
        person,
        status: await secondFactor.status(person.principal.id),
      })),
    )
    const { language } = viewer
    const words = peopleWords[language]
    const html = pages.render({
      title: words.title,
      language,
      section: 'people',
      width: 'wide',
      viewer,
      now: clock.now(),
      body: (
        <>
          <h1>{words.title}</h1>
          <p class="soft">
            {words.lead}
            {words.breakGlass((text) => (
              <a href="/admin/break-glass">{text}</a>
            ))}{' '}
            <a href="/admin/tokens">{tokensWords[language].title}</a>.
            {config.companies.length > 0 && (
              <>
                {' '}
                <a href="/admin/companies">{companiesWords[viewer.language].link}</a>
              </>
            )}
          </p>
          <FilterForm filter={filter} hint={words.hint} states={[]} endpoints={[]} />
          {fitting.length === 0 ? (
            <NothingFits filter={filter} />
          ) : (
            <>
              {isFiltered(filter) && (
                <FilterNote filter={filter} count={fitting.length} publicUrl={config.server.publicUrl} />
              )}
              <Table
                kind="people"
                caption={words.title}
                columns={[words.who, words.roles, words.lastLogin, words.secondFactor, words.actions]}
              >
                {shown.map(({ person, status }) => (
                  <PersonRow person={person} status={status} viewer={viewer} />
                ))}
              </Table>
            </>
          )}
          <Pager filter={filter} part={part} />
        </>
      ),
    })
    return { kind: 'page', html }
  }

  function PersonRow(props: { person: Person; status: SecondFactorStatus; viewer: Viewer }): VNode {
    const { person, status, viewer } = props
    const { id, name, email } = person.principal
    const words = useWords(peopleWords)
    return (
      <Row>
        <RowHead>
          <Said>{name}</Said>
          {email !== null && email !== name && (
            <div class="soft small">
              <Said>{email}</Said>
            </div>
          )}
          {email === null && <div class="soft small">{words.noEmail}</div>}
        </RowHead>
        <Cell label={words.roles}>
          {person.roles.length === 0 ? <span class="soft">{words.vendor}</span> : person.roles.join(', ')}
        </Cell>
        <Cell label={words.lastLogin}>
          <Instant at={person.lastLoginAt} />
        </Cell>
        <Cell label={words.secondFactor}>
          <FactorText status={status} />
        </Cell>
        <Cell>
          {status.isEnrolled ? (
            <a class="button quiet" href={resetPath(id)}>
              {words.reset}
              <span class="visually-hidden">{words.resetOf(name)}</span>
            </a>
          ) : (
            canInvite &&
            email !== null && (
              <form method="post" action="/admin/invitations">
                <FormToken viewer={viewer} />
                <Hidden name="email" value={email} />
                <button class="quiet">
                  {words.invite}
                  <span class="visually-hidden">{words.inviteOf(name)}</span>
                </button>
              </form>
            )
          )}
        </Cell>
      </Row>
    )
  }

  async function find({ params }: PersonalCall): Promise<Person> {
    const person = await people.get(params.one('id'))
    if (person === null) throw new GatehouseError('person-unknown', 'Nobody with this id has signed in here.')
    return person
  }

  async function askReset(call: PersonalCall): Promise<Answer> {
    const question = questionOf(peopleWords[call.viewer.language], await find(call))
    return codeFirst(call, clock, question.action) ?? askReason(options, call, question)
  }

  async function reset(call: PersonalCall): Promise<Answer> {
    const { actor, viewer } = call
    const person = await find(call)
    const { id, email, name } = person.principal
    const words = peopleWords[viewer.language]
    const question = questionOf(words, person)
    const code = codeFirst(call, clock, question.action)
    if (code !== null) return code
    const given = readAnswer(options, call, question)
    if ('again' in given) return given.again
    await secondFactor.reset(id, actor, given.reason)
    // What was opened with the old factor does not outlive it.
    await sessions.endAllOf(id, 'second-factor-reset', actor, given.reason)
    const said = (
      <Notice>
        <span>{words.wasReset(<Said>{name}</Said>)}</span>
      </Notice>
    )
    return canInvite && email !== null ? showInvitation(viewer, actor, email, said) : showDone(viewer, said)
  }

  function showDone(viewer: Viewer, said: VNode | null): Answer {
    const { language } = viewer
    const words = peopleWords[language]
    const html = pages.render({
      title: words.done,
      language,
      section: 'people',
      viewer,
      now: clock.now(),
      body: (
        <>
          <h1>{words.title}</h1>
          {said}
          <p>
            <a href="/admin/people">{words.all}</a>
          </p>
        </>
      ),
    })
    return { kind: 'page', html }
  }

  async function showInvitation(
    viewer: Viewer,
    actor: Actor,
    email: string,
    said: VNode | null,
  ): Promise<Answer> {
    const { code } = await secondFactor.invite(email, actor)
    const { language } = viewer
    const words = peopleWords[language]
    const html = pages.render({
      title: words.invitation,
      language,
      section: 'people',
      viewer,
      now: clock.now(),
      body: (
        <>
          <h1>{words.invitation}</h1>
          {said}
          <InvitationPanel email={email} code={code} config={config} />
          <p>
            <a href="/admin/people">{words.all}</a>
          </p>
        </>
      ),
    })
    return { kind: 'page', html }
  }

  return [
    personal('GET', '/admin/people', 'admin', showPeople),
    personal('GET', '/admin/people/:id/reset-totp', 'admin', askReset),
    personal('POST', '/admin/people/:id/reset-totp', 'admin', reset),
    ...(canInvite
      ? [
          personal('POST', '/admin/invitations', 'admin', ({ viewer, actor, body }) =>
            showInvitation(viewer, actor, body.one('email'), null),
          ),
        ]
      : []),
  ]
}

/** What a search for a person looks at. */
export function textsOfPerson({ principal, roles }: Person): (string | null)[] {
  return [principal.name, principal.email, principal.id, ...(roles.length === 0 ? ['vendor'] : roles)]
}

function FactorText({ status }: { status: SecondFactorStatus }): VNode {
  const { isEnrolled, resetAt, recoveryCodesLeft, lockedUntil } = status
  const words = useWords(peopleWords)
  return (
    <>
      {isEnrolled ? words.isSetUp : words.isNotSetUp}
      {isEnrolled && <div class="soft small">{words.codesLeft(recoveryCodesLeft)}</div>}
      {!isEnrolled && resetAt !== null && (
        <div class="soft small">{words.resetAt(<Instant at={resetAt} />)}</div>
      )}
      {lockedUntil !== null && (
        <div>
          <span class="tag attention">{words.lockedUntil(<Instant at={lockedUntil} />)}</span>
        </div>
      )}
    </>
  )
}

function questionOf(words: PeopleWords, { principal }: Person): Question {
  const confirmation = {
    title: words.resetTitle,
    text: words.resetText(principal.name),
    button: words.resetButton,
  }
  return { confirmation, section: 'people', action: resetPath(principal.id), back: '/admin/people' }
}

function resetPath(principalId: string): string {
  return `/admin/people/${encodeURIComponent(principalId)}/reset-totp`
}
