import type { VNode } from 'preact'
import { GatehouseError, type Language } from '../lib/index.js'
import {
  askFirst,
  Cell,
  ConfirmForm,
  Field,
  FormToken,
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
} from '../lib/page/index.js'
import type { Company } from '../model.js'
import {
  endCompany,
  findCompany,
  holderUnknown,
  holdingsOf,
  isNothing,
  type CompanyEnd,
  type CompanyServices,
  type Holdings,
} from './companies.js'
import type { AdminOptions } from './options.js'
import { machineNames } from './words.js'
import { companiesWords, type CompaniesWords } from './words/companies.js'

/** What became of what was just sent. */
interface Outcome {
  readonly reason: string
  readonly error: string | null
  readonly left: CompanyEnd['left']
}

const nothingSent: Outcome = { reason: '', error: null, left: [] }

/** The companies, one of them, and the end of all that it holds. */
export function companyRoutes(options: AdminOptions): Route[] {
  const { config, clock, pages } = options
  const { companies } = config
  const services: CompanyServices = { ...options, endings: config.grants.endings }

  async function showAll({ viewer }: PersonalCall): Promise<Answer> {
    const words = companiesWords[viewer.language]
    const held = await holdingsOf(services, companies, await shown())
    const html = pages.render({
      title: words.title,
      language: viewer.language,
      section: 'people',
      width: 'wide',
      viewer,
      now: clock.now(),
      body: (
        <>
          <h1>{words.title}</h1>
          {companies.length === 0 ? <p>{words.none}</p> : <p class="soft">{words.intro}</p>}
          {companies.length > 0 && (
            <Table caption={words.title} kind="people" columns={[...words.columns]}>
              {[...held].map(([company, holdings]) => (
                <CompanyRow company={company} held={holdings} words={words} />
              ))}
            </Table>
          )}
        </>
      ),
    })
    return { kind: 'page', html }
  }

  async function showOne(call: PersonalCall): Promise<Answer> {
    return render(call, findCompany(call.params.one('id'), companies), nothingSent)
  }

  async function render(call: PersonalCall, company: Company, outcome: Outcome): Promise<Answer> {
    const { viewer, query } = call
    const words = companiesWords[viewer.language]
    const { reason, error, left } = outcome
    const isAfterEnd = query.one('done') === 'ended' || left.length > 0
    const held = await heldBy(company, isAfterEnd ? undefined : await shown())
    const failed = left.filter(({ why }) => why !== holderUnknown)
    const hasFailed = error !== null || left.length > 0
    const html = pages.render({
      title: hasFailed ? words.failed(company.name) : company.name,
      language: viewer.language,
      section: 'people',
      width: 'form',
      viewer,
      now: clock.now(),
      body: (
        <>
          {query.one('done') === 'ended' &&
            isNothing(held) &&
            held.unknown.length === 0 &&
            held.unread.length === 0 && <Notice>{words.done}</Notice>}
          {failed.length > 0 && (
            <Notice kind="alarm">
              <strong>{words.inPart}</strong> {words.inPartNext}{' '}
              <Said>{failed.map(({ id, why }) => `${id} (${why})`).join(', ')}</Said>
            </Notice>
          )}
          {held.unread.length > 0 && failed.length === 0 && <Notice kind="alarm">{words.unread}</Notice>}
          {held.unknown.length > 0 && (
            <Notice kind="alarm">
              <strong>{words.unknown(held.unknown.length)}</strong> {words.unknownNext}{' '}
              <Said>{held.unknown.map(({ id }) => id).join(', ')}</Said>
            </Notice>
          )}
          <div class="panel">
            <h1>
              <Said>{company.name}</Said>
            </h1>
            <dl class="facts">
              {company.emailDomains.length > 0 && (
                <>
                  <dt>{words.domains}</dt>
                  <dd>{company.emailDomains.join(', ')}</dd>
                </>
              )}
              {company.claimValues.length > 0 && (
                <>
                  <dt>{words.claims}</dt>
                  <dd>
                    <Said>{company.claimValues.join(', ')}</Said>
                  </dd>
                </>
              )}
              {company.requestable !== null && (
                <>
                  <dt>{words.mayAskFor}</dt>
                  <dd>
                    {company.requestable.length === 0
                      ? words.onlyInvited
                      : machineNames(company.requestable, config.endpoints)}
                  </dd>
                </>
              )}
              <dt>{words.held}</dt>
              <dd>{inWords(held, words)}</dd>
            </dl>
            <p>
              <a href={`/admin?${new URLSearchParams({ company: company.id }).toString()}`}>
                {words.allGrants}
              </a>
            </p>
          </div>
          {!isNothing(held) && (
            <form
              class="panel"
              method="post"
              action={endPath(company)}
              aria-labelledby="leave"
              {...askFirst(confirmation(company, held, viewer.language))}
            >
              <h2 id="leave">{words.leave}</h2>
              <FormToken viewer={viewer} />
              <Field
                name="reason"
                label={words.reason}
                hint={words.reasonHint}
                error={error}
                value={reason}
                input={{ maxLength: 500 }}
              />
              <div class="actions">
                <button class="danger">{words.button}</button>
              </div>
            </form>
          )}
          <p>
            <a href="/admin/companies">{words.all}</a>
          </p>
        </>
      ),
    })
    return { kind: 'page', html, status: error !== null ? 422 : left.length > 0 ? 503 : 200 }
  }

  async function end(call: PersonalCall): Promise<Answer> {
    const { params, body, actor, viewer } = call
    const company = findCompany(params.one('id'), companies)
    const reason = body.one('reason').trim()
    if (body.one('sure') !== 'yes' && reason !== '') {
      const asked = confirmation(company, await heldBy(company, await shown()), viewer.language)
      const html = pages.render({
        title: asked.title,
        language: viewer.language,
        section: 'people',
        width: 'form',
        viewer,
        now: clock.now(),
        body: (
          <ConfirmForm
            confirmation={asked}
            viewer={viewer}
            action={endPath(company)}
            back={pathOf(company)}
            fields={{ reason }}
          />
        ),
      })
      return { kind: 'page', html }
    }
    try {
      const { left } = await endCompany(services, company, { reason, actor })
      if (left.length > 0) return await render(call, company, { reason, error: null, left })
    } catch (error) {
      if (!(error instanceof GatehouseError) || error.code !== 'input-invalid') throw error
      const { reasonMissing } = companiesWords[viewer.language]
      return render(call, company, { reason, error: reasonMissing, left: [] })
    }
    return { kind: 'redirect', to: `${pathOf(company)}?done=ended` }
  }

  /** By lists that follow the changes, a moment late; what follows an end is read from Redis instead, to say truly what is left. */
  async function shown(): Promise<Pick<Holdings, 'grants' | 'requests'>> {
    const [grants, requests] = await Promise.all([services.grants.list(), services.requests.shownOpen()])
    return { grants, requests }
  }

  async function heldBy(company: Company, among?: Pick<Holdings, 'grants' | 'requests'>): Promise<Holdings> {
    const held = (await holdingsOf(services, [company], among)).get(company)
    if (held === undefined) throw new Error('a company that was asked for is answered')
    return held
  }

  return [
    personal('GET', '/admin/companies', 'admin', showAll),
    personal('GET', '/admin/companies/:id', 'admin', showOne),
    personal('POST', '/admin/companies/:id/end', 'admin', end),
  ]
}

function CompanyRow(props: { company: Company; held: Holdings; words: CompaniesWords }): VNode {
  const { company, held, words } = props
  const [, grants = '', requests = '', signedIn = ''] = words.columns
  return (
    <Row>
      <RowHead>
        <Said>{company.name}</Said>
        <div class="soft small">{[...company.emailDomains, ...company.claimValues].join(', ')}</div>
      </RowHead>
      <Cell label={grants}>{String(held.grants.length)}</Cell>
      <Cell label={requests}>{String(held.requests.length)}</Cell>
      <Cell label={signedIn}>{String(peopleIn(held))}</Cell>
      <Cell>
        <a class="button quiet" href={pathOf(company)}>
          {words.look}
          <span class="visually-hidden">{words.lookOf(company.name)}</span>
        </a>
      </Cell>
    </Row>
  )
}

function confirmation(company: Company, held: Holdings, language: Language): Confirmation {
  const words = companiesWords[language]
  return {
    title: words.confirmTitle(company.name),
    text: words.confirm(company.name, inWords(held, words)),
    button: words.button,
  }
}

/** `3 grants (1 of them …), 1 open request and 2 people signed in` */
function inWords(held: Holdings, words: CompaniesWords): string {
  const waiting = held.grants.filter(({ to }) => to.principalId === null).length
  const parts = [
    held.grants.length === 0
      ? ''
      : words.grants(held.grants.length) + (waiting === 0 ? '' : words.waiting(waiting)),
    held.requests.length === 0 ? '' : words.requests(held.requests.length),
    held.sessions.length === 0 ? '' : words.sessions(peopleIn(held)),
    held.codes.length === 0 ? '' : words.codes(held.codes.length),
  ].filter((part) => part !== '')
  const last = parts.pop()
  if (last === undefined) return words.nothing
  return parts.length === 0 ? last : parts.join(', ') + words.and + last
}

function peopleIn({ sessions }: Holdings): number {
  return new Set(sessions.map(({ principal }) => principal.id)).size
}

function pathOf({ id }: Company): string {
  return `/admin/companies/${encodeURIComponent(id)}`
}

function endPath(company: Company): string {
  return `${pathOf(company)}/end`
}
