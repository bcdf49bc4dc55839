import type { VNode } from 'preact'
import type { Person, SecondFactorStatus } from '../identity/index.js'
import { GatehouseError } from '../lib/index.js'
import {
  askFirst,
  Cell,
  ConfirmForm,
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
import type { Actor } from '../model.js'
import { InvitationPanel } from './invitation.js'
import { FilterForm, FilterNote, isFiltered, NothingFits, Pager, partOf, readFilter } from './listing.js'
import { createMatcher } from './matching.js'
import type { AdminOptions } from './options.js'

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
    const html = pages.render({
      title: 'People',
      section: 'people',
      width: 'wide',
      viewer,
      now: clock.now(),
      body: (
        <>
          <h1>People</h1>
          <p class="soft">
            Everyone who has signed in, latest first. Accounts themselves live with the identity provider;{' '}
            <a href="/admin/break-glass">break-glass sign-ins</a> go without it.
          </p>
          <FilterForm filter={filter} hint="Name, e-mail address, role or id." states={[]} endpoints={[]} />
          {fitting.length === 0 ? (
            <NothingFits filter={filter} />
          ) : (
            <>
              {isFiltered(filter) && (
                <FilterNote filter={filter} count={fitting.length} publicUrl={config.server.publicUrl} />
              )}
              <Table
                kind="people"
                caption="People"
                columns={['Who', 'Roles', 'Last sign-in', 'Second factor', 'Actions']}
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
    return (
      <Row>
        <RowHead>
          <Said>{name}</Said>
          {email !== null && email !== name && (
            <div class="soft small">
              <Said>{email}</Said>
            </div>
          )}
          {email === null && <div class="soft small">no verified e-mail</div>}
        </RowHead>
        <Cell label="Roles">
          {person.roles.length === 0 ? <span class="soft">vendor</span> : person.roles.join(', ')}
        </Cell>
        <Cell label="Last sign-in">
          <Instant at={person.lastLoginAt} />
        </Cell>
        <Cell label="Second factor">
          <FactorText status={status} />
        </Cell>
        <Cell>
          {status.isEnrolled ? (
            <form method="post" action={resetPath(id)} {...askFirst(confirmReset(person))}>
              <FormToken viewer={viewer} />
              <button class="quiet">
                Reset second factor
                <span class="visually-hidden">{` of ${name}`}</span>
              </button>
            </form>
          ) : (
            canInvite &&
            email !== null && (
              <form method="post" action="/admin/invitations">
                <FormToken viewer={viewer} />
                <Hidden name="email" value={email} />
                <button class="quiet">
                  New invitation code
                  <span class="visually-hidden">{` for ${name}`}</span>
                </button>
              </form>
            )
          )}
        </Cell>
      </Row>
    )
  }

  async function reset(call: PersonalCall): Promise<Answer> {
    const { params, body, actor, viewer } = call
    const person = await people.get(params.one('id'))
    if (person === null) throw new GatehouseError('person-unknown', 'Nobody with this id has signed in here.')
    const { id, email, name } = person.principal
    if (body.one('sure') !== 'yes') {
      const html = pages.render({
        title: 'Reset the second factor?',
        section: 'people',
        width: 'form',
        viewer,
        now: clock.now(),
        body: (
          <ConfirmForm
            confirmation={confirmReset(person)}
            viewer={viewer}
            action={resetPath(id)}
            back="/admin/people"
          />
        ),
      })
      return { kind: 'page', html }
    }
    await secondFactor.reset(id, actor)
    // What was opened with the old factor does not outlive it.
    await sessions.endAllOf(id, 'second-factor-reset', actor)
    const said = (
      <Notice>
        <span>
          The second factor of <Said>{name}</Said> was reset, and all their sessions were ended.
        </span>
      </Notice>
    )
    return canInvite && email !== null ? showInvitation(viewer, actor, email, said) : showDone(viewer, said)
  }

  function showDone(viewer: Viewer, said: VNode | null): Answer {
    const html = pages.render({
      title: 'Done',
      section: 'people',
      viewer,
      now: clock.now(),
      body: (
        <>
          <h1>People</h1>
          {said}
          <p>
            <a href="/admin/people">All people</a>
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
    const html = pages.render({
      title: 'Invitation code',
      section: 'people',
      viewer,
      now: clock.now(),
      body: (
        <>
          <h1>Invitation code</h1>
          {said}
          <InvitationPanel email={email} code={code} config={config} />
          <p>
            <a href="/admin/people">All people</a>
          </p>
        </>
      ),
    })
    return { kind: 'page', html }
  }

  return [
    personal('GET', '/admin/people', 'admin', showPeople),
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
  return (
    <>
      {isEnrolled ? 'set up' : 'not set up'}
      {isEnrolled && (
        <div class="soft small">{`${String(recoveryCodesLeft)} recovery ${recoveryCodesLeft === 1 ? 'code' : 'codes'} left`}</div>
      )}
      {!isEnrolled && resetAt !== null && (
        <div class="soft small">
          reset <Instant at={resetAt} />
        </div>
      )}
      {lockedUntil !== null && (
        <div>
          <span class="tag attention">
            locked until <Instant at={lockedUntil} />
          </span>
        </div>
      )}
    </>
  )
}

function confirmReset({ principal }: Person): Confirmation {
  return {
    title: 'Reset the second factor?',
    text: `${principal.name} is signed out everywhere and loses every open connection. Their authenticator entry and recovery codes stop working. Make sure that you are talking to the right person: whoever gets the new invitation code sets up the next second factor.`,
    button: 'Reset',
  }
}

function resetPath(principalId: string): string {
  return `/admin/people/${encodeURIComponent(principalId)}/reset-totp`
}
