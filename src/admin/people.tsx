import type { VNode } from 'preact'
import type { Person, SecondFactorStatus } from '../identity/index.js'
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
import { askReason, codeFirst, readAnswer, type Question } from './answer-for.js'
import { invite } from './invitation.js'
import { FilterForm, FilterNote, isFiltered, NothingFits, Pager, partOf, readFilter } from './listing.js'
import { SavedFilters } from './saved-filter-pages.js'
import { listStates } from './saved-filters.js'
import { createMatcher } from './matching.js'
import type { Principal } from '../model.js'
import type { AdminOptions } from './options.js'
import { resetPath, WaitingResets } from './resets.js'
import { companiesWords } from './words/companies.js'
import { peopleWords } from './words/people.js'
import { resetsWords } from './words/resets.js'
import { rolesText, roleWords, textsOfRoles } from './words/roles.js'
import { tokensWords } from './words/tokens.js'

const shownAtOnce = 100

/** Who has signed in here, their second factor, and the ways to do something about it. */
export function peopleRoutes(options: AdminOptions): Route[] {
  const { config, clock, pages, people, secondFactor, resets, savedFilters } = options
  const { secondAdministrator } = config.totp
  const canInvite = config.totp.enrolment === 'invite'

  async function showPeople({ viewer, query, session }: PersonalCall): Promise<Answer> {
    const filter = readFilter('/admin/people', query, listStates['/admin/people'])
    const saved = await savedFilters.of(session.principal.id, '/admin/people')
    const fits = createMatcher(filter.text)
    const all = await people.list()
    const fitting = all.filter((person) => fits(textsOfPerson(person)))
    // Null where they cannot be read: who is to be helped stands below, and must not go with them.
    const waiting = secondAdministrator ? await resets.waiting().catch(() => null) : []
    const part = partOf(fitting, filter.page, shownAtOnce)
    const shown = await Promise.all(
      part.shown.map(async (person) => ({
        person,
        status: await secondFactor.status(person.principal.id),
      })),
    )
    const { language } = viewer
    const words = peopleWords[language]
    const { wasProposed, wasDeclined, unreadable } = resetsWords[language]
    const done = new Map([
      ['proposed', wasProposed],
      ['declined', wasDeclined],
    ]).get(query.one('done'))
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
          {done !== undefined && <Notice>{done}</Notice>}
          {waiting === null ? (
            <Notice kind="attention">{unreadable}</Notice>
          ) : (
            <WaitingResets {...{ waiting }} people={all} ownId={session.principal.id} />
          )}
          <FilterForm filter={filter} hint={words.hint} states={[]} endpoints={[]} />
          <SavedFilters {...{ filter, saved, viewer }} outcome={query.one('kept')} />
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
                  <PersonRow
                    {...{ person, status, viewer }}
                    own={session.principal}
                    isWaiting={
                      waiting?.some(({ principalId }) => principalId === person.principal.id) ?? false
                    }
                  />
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

  function PersonRow(props: {
    person: Person
    status: SecondFactorStatus
    viewer: Viewer
    isWaiting: boolean
    /** Of the session that looks at it. */
    own: Principal
  }): VNode {
    const { person, status, viewer, isWaiting, own } = props
    const { id, name, email } = person.principal
    const words = useWords(peopleWords)
    // As it would be refused: by account, and by e-mail for who has two of them.
    const isOwn = id === own.id || (email !== null && email === own.email)
    const isBeyondThem = secondAdministrator && isOwn && status.isEnrolled
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
          {person.roles.length === 0 ? (
            <span class="soft">{roleWords[viewer.language].none}</span>
          ) : (
            rolesText(person.roles, viewer.language)
          )}
        </Cell>
        <Cell label={words.lastLogin}>
          <Instant at={person.lastLoginAt} />
        </Cell>
        <Cell label={words.secondFactor}>
          <FactorText status={status} />
          {isWaiting && (
            <div class="small">
              <a href="#resets">{resetsWords[viewer.language].waits}</a>
            </div>
          )}
        </Cell>
        <Cell>
          {isWaiting ? null : isBeyondThem ? (
            <span class="soft small">{resetsWords[viewer.language].notOwn}</span>
          ) : status.isEnrolled ? (
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

  return [
    personal('GET', '/admin/people', 'admin', showPeople),
    ...(canInvite
      ? [
          personal('GET', '/admin/invitations', 'admin', (call) => {
            const question = invitationOf(call, call.query.one('email'))
            return codeFirst(call, clock, addressOf(question)) ?? askReason(options, call, question)
          }),
          personal('POST', '/admin/invitations', 'admin', (call) => {
            const email = call.body.one('email')
            const question = invitationOf(call, email)
            const code = codeFirst(call, clock, addressOf(question))
            if (code !== null) return code
            const given = readAnswer(options, call, question)
            return 'again' in given ? given.again : invite(options, call, { email, ...given }, null)
          }),
        ]
      : []),
  ]
}

function invitationOf({ viewer }: PersonalCall, email: string): Question {
  const words = peopleWords[viewer.language]
  return {
    confirmation: { title: words.inviteTitle, text: words.inviteText(email), button: words.inviteButton },
    section: 'people',
    action: '/admin/invitations',
    back: '/admin/people',
    fields: { email },
    isHarmless: true,
  }
}

/** Where the question stands by itself, to come back to with a one-time code. */
function addressOf({ action, fields }: Question): string {
  return `${action}?${new URLSearchParams(fields).toString()}`
}

/** What a search for a person looks at. */
export function textsOfPerson({ principal, roles }: Person): (string | null)[] {
  return [principal.name, principal.email, principal.id, ...textsOfRoles(roles)]
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
