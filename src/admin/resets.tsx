import type { ComponentChildren, VNode } from 'preact'
import { endingSessions, type Person, type ResetProposal, type Resets } from '../identity/index.js'
import { GatehouseError, type Visit } from '../lib/index.js'
import {
  Cell,
  durationWords,
  Instant,
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
} from '../lib/page/index.js'
import { hasFreshCode } from '../policy/index.js'
import { askReason, codeFirst, readAnswer, type Question } from './answer-for.js'
import { invite, showResult } from './invitation.js'
import type { AdminOptions } from './options.js'
import { actorName } from './words.js'
import { resetsWords } from './words/resets.js'

const peoplePath = '/admin/people'
const listPath = `${peoplePath}#resets`

/**
 * Resets of second factors. Where the configuration asks for a second administrator, the first only proposes. A no never
 * asks for a code.
 */
export function resetRoutes(options: AdminOptions): Route[] {
  const { config, clock, people, sessions, secondFactor, resets } = options
  const { secondAdministrator, resetLapsesAfterMs } = config.totp

  async function find(id: string): Promise<Person> {
    const person = await people.get(id)
    if (person === null) throw new GatehouseError('person-unknown', 'Nobody with this id has signed in here.')
    return person
  }

  function questionOf({ viewer }: PersonalCall, { principal }: Person): Question {
    const words = resetsWords[viewer.language]
    const { name } = principal
    const confirmation = secondAdministrator
      ? {
          title: words.proposeTitle,
          text: words.proposeText(name, durationWords(resetLapsesAfterMs)),
          button: words.proposeButton,
        }
      : { title: words.resetTitle, text: words.resetText(name), button: words.resetButton }
    return { confirmation, section: 'people', action: resetPath(principal.id), back: peoplePath }
  }

  async function ask(call: PersonalCall): Promise<Answer> {
    const question = questionOf(call, await find(call.params.one('id')))
    return codeFirst(call, clock, question.action) ?? askReason(options, call, question)
  }

  async function reset(call: PersonalCall): Promise<Answer> {
    const person = await find(call.params.one('id'))
    const question = questionOf(call, person)
    const code = codeFirst(call, clock, question.action)
    if (code !== null) return code
    const given = readAnswer(options, call, question)
    if ('again' in given) return given.again
    const { id, email } = person.principal
    if (secondAdministrator) {
      await resets.propose(id, given.reason, administratorOf(call))
      return { kind: 'redirect', to: `${peoplePath}?done=proposed` }
    }
    await endingSessions(
      () => secondFactor.reset(id, call.actor, given.reason),
      () => endSessions(call, id, given.reason),
    )
    const said = <WasReset person={person} />
    return config.totp.enrolment === 'invite' && email !== null
      ? invite(options, call, { email, reason: given.reason }, said)
      : showResult(options, call, said)
  }

  const endSessions = ({ actor }: PersonalCall, id: string, reason: string): Promise<unknown> =>
    sessions.endAllOf(id, 'second-factor-reset', actor, reason)

  const administratorOf = ({ actor, session }: PersonalCall) => ({
    actor,
    roles: session.roles,
    hasFreshCode: hasFreshCode(session.assurance, clock.now()),
  })

  async function questionAbout(
    call: PersonalCall,
    answer: 'confirm' | 'decline',
  ): Promise<{ principalId: string; question: Question }> {
    const { params, viewer } = call
    const proposal = (await resets.waiting()).find(({ id }) => id === params.one('id'))
    if (proposal === undefined)
      throw new GatehouseError(
        'reset-unknown',
        'This proposal does not wait any more: it was answered, has lapsed, or the second factor is another by now.',
      )
    const person = await people.get(proposal.principalId)
    const name = person?.principal.name ?? proposal.principalId
    const by = actorName(proposal.by, viewer.language)
    const words = resetsWords[viewer.language]
    const confirmation: Confirmation =
      answer === 'confirm'
        ? {
            title: words.confirmTitle,
            text: words.confirmText(name, by, proposal.reason),
            button: words.confirm,
          }
        : {
            title: words.declineTitle,
            text: words.declineText(name, by, proposal.reason),
            button: words.decline,
          }
    const action = answerPath(proposal.id, answer)
    return {
      principalId: proposal.principalId,
      question: { confirmation, section: 'people', action, back: listPath },
    }
  }

  async function confirm(call: PersonalCall): Promise<Answer> {
    const { principalId, question } = await questionAbout(call, 'confirm')
    const code = codeFirst(call, clock, question.action)
    if (code !== null) return code
    const given = readAnswer(options, call, question)
    if ('again' in given) return given.again
    await endingSessions(
      () => resets.confirm(call.params.one('id'), given.reason, administratorOf(call)),
      () => endSessions(call, principalId, given.reason),
    )
    const person = await find(principalId)
    return showResult(
      options,
      call,
      <WasReset person={person} mayInvite={config.totp.enrolment === 'invite'} />,
    )
  }

  async function decline(call: PersonalCall): Promise<Answer> {
    const { question } = await questionAbout(call, 'decline')
    const given = readAnswer(options, call, question)
    if ('again' in given) return given.again
    await resets.decline(call.params.one('id'), given.reason, call.actor)
    return { kind: 'redirect', to: `${peoplePath}?done=declined` }
  }

  return [
    personal('GET', '/admin/people/:id/reset-totp', 'admin', ask),
    personal('POST', '/admin/people/:id/reset-totp', 'admin', reset),
    personal('GET', '/admin/resets/:id/confirm', 'admin', async (call) => {
      const { question } = await questionAbout(call, 'confirm')
      return codeFirst(call, clock, question.action) ?? askReason(options, call, question)
    }),
    personal('POST', '/admin/resets/:id/confirm', 'admin', confirm),
    personal('GET', '/admin/resets/:id/decline', 'admin', async (call) =>
      askReason(options, call, (await questionAbout(call, 'decline')).question),
    ),
    personal('POST', '/admin/resets/:id/decline', 'admin', decline),
  ]
}

export function resetPath(principalId: string): string {
  return `${peoplePath}/${encodeURIComponent(principalId)}/reset-totp`
}

function answerPath(id: string, answer: 'confirm' | 'decline'): string {
  return `/admin/resets/${encodeURIComponent(id)}/${answer}`
}

function WasReset({ person, mayInvite = false }: { person: Person; mayInvite?: boolean }): VNode {
  const words = useWords(resetsWords)
  return (
    <Notice>
      <span>
        {words.wasReset(<Said>{person.principal.name}</Said>)} {mayInvite && words.invited}
      </span>
    </Notice>
  )
}

/** What waits, for the head of the list of people; nothing where nothing does. */
export function WaitingResets(props: {
  waiting: readonly ResetProposal[]
  people: readonly Person[]
  ownId: string
}): VNode | null {
  const { waiting, people, ownId } = props
  const words = useWords(resetsWords)
  if (waiting.length === 0) return null
  return (
    <section aria-labelledby="resets">
      <h2 id="resets">{words.title}</h2>
      <p class="soft">{words.lead}</p>
      <Table kind="resets" caption={words.title} columns={Object.values(words.columns)}>
        {waiting.map((proposal) => (
          <ProposalRow
            {...{ proposal, ownId }}
            person={people.find(({ principal }) => principal.id === proposal.principalId)}
          />
        ))}
      </Table>
    </section>
  )
}

function ProposalRow(props: { proposal: ResetProposal; person: Person | undefined; ownId: string }): VNode {
  const { proposal, person, ownId } = props
  const { id, principalId, by, reason, at, lapsesAt } = proposal
  const words = useWords(resetsWords)
  const language = useLanguage()
  const name = person?.principal.name ?? principalId
  const isOwn = by.kind === 'principal' && by.principalId === ownId
  const isOfOwn = principalId === ownId
  return (
    <Row>
      <RowHead>
        <Said>{name}</Said>
        {person !== undefined && (
          <div class="soft small">
            <Said>{person.principal.email ?? principalId}</Said>
          </div>
        )}
      </RowHead>
      <Cell label={words.columns.reason}>
        <div class="clamp">
          <Said>{reason}</Said>
        </div>
      </Cell>
      <Cell label={words.columns.by}>
        <Said>{actorName(by, language)}</Said>
        <div class="soft small">
          <Instant at={at} />
        </div>
      </Cell>
      <Cell label={words.columns.until}>
        <Instant at={lapsesAt} />
      </Cell>
      <Cell>
        {(isOwn || isOfOwn) && <div class="soft small">{isOfOwn ? words.ofYou : words.own}</div>}
        <div class="actions">
          {!isOwn && !isOfOwn && (
            <a class="button quiet" href={answerPath(id, 'confirm')}>
              {words.confirm}
              <span class="visually-hidden">{words.of(name)}</span>
            </a>
          )}
          <a class="button quiet" href={answerPath(id, 'decline')}>
            {isOwn ? words.takeBack : words.decline}
            <span class="visually-hidden">{words.of(name)}</span>
          </a>
        </div>
      </Cell>
    </Row>
  )
}

/**
 * For the head of every page of an administrator who may say yes or no to one; so somebody whose own second factor is to
 * go learns of it in time. A courtesy: it fails no page.
 */
export function createResetsNotice({ resets }: { readonly resets: Pick<Resets, 'waiting'> | null }) {
  return async ({ session }: Visit): Promise<ComponentChildren> => {
    if (resets === null) return null
    if (session?.roles.includes('admin') !== true || session.assurance.secondFactorAt === null) return null
    const waiting = await resets.waiting().catch(() => [])
    const others = waiting.filter(
      ({ by }) => by.kind !== 'principal' || by.principalId !== session.principal.id,
    )
    return others.length === 0 ? null : <ResetsNotice count={others.length} />
  }
}

function ResetsNotice({ count }: { count: number }): VNode {
  const words = useWords(resetsWords)
  return (
    <Notice kind="attention">
      <strong>{words.notice(count)}</strong> <a href={listPath}>{words.see}</a>
    </Notice>
  )
}
