import type { VNode } from 'preact'
import { readReason } from '../grants/index.js'
import { GatehouseError } from '../lib/index.js'
import {
  Cell,
  Choice,
  Choices,
  Copyable,
  Field,
  FormToken,
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
import { scopes, type EpochMs, type ServiceToken } from '../model.js'
import { askReason, codeFirst, readAnswer, type Question } from './answer-for.js'
import type { AdminOptions } from './options.js'
import { answerForWords } from './words/answer-for.js'
import { tokensWords } from './words/tokens.js'

const dayMs = 24 * 3_600_000
const lifetimesDays = [7, 30, 90, 365]
const usualDays = '90'
const listPath = '/admin/tokens'
const newPath = `${listPath}/new`

/** What was entered, and why it was not taken. */
interface Input {
  readonly name: string
  readonly owner: string
  readonly scopes: readonly string[]
  readonly source: string
  readonly days: string
  readonly reason: string
  readonly error: GatehouseError | null
}

/**
 * The tokens of programs. To make one asks for a fresh one-time code, for whoever holds it acts without a second factor;
 * to revoke one does not, for it stops something.
 */
export function tokenRoutes(options: AdminOptions): Route[] {
  const { clock, pages, tokens } = options

  function page(call: PersonalCall, title: string, body: VNode, isForm: boolean, status = 200): Answer {
    const { viewer } = call
    const { language } = viewer
    const width = isForm ? 'form' : 'wide'
    const html = pages.render({ title, language, section: 'people', width, viewer, now: clock.now(), body })
    return { kind: 'page', html, status }
  }

  async function showTokens(call: PersonalCall): Promise<Answer> {
    const all = await tokens.list()
    const words = tokensWords[call.viewer.language]
    const done = words.done[call.query.one('done')]
    return page(call, words.title, <Tokens {...{ all, done }} now={clock.now()} />, false)
  }

  function showForm(call: PersonalCall): Answer {
    const owner = call.session.principal.email ?? ''
    const input: Input = { name: '', owner, scopes: [], source: '', days: usualDays, reason: '', error: null }
    return codeFirst(call, clock, newPath) ?? renderForm(call, input)
  }

  function renderForm(call: PersonalCall, input: Input): Answer {
    const { newTitle, failed } = tokensWords[call.viewer.language]
    const title = input.error === null ? newTitle : failed(newTitle)
    return page(call, title, <TokenForm {...{ input }} viewer={call.viewer} />, true, input.error?.status)
  }

  async function create(call: PersonalCall): Promise<Answer> {
    const { body, actor, viewer } = call
    const code = codeFirst(call, clock, newPath)
    if (code !== null) return code
    const [name, owner] = [body.one('name'), body.one('owner')]
    const [source, days] = [body.one('source'), body.one('expires')]
    const input = { name, owner, source, days, scopes: body.all('scope'), reason: body.one('reason') }
    try {
      const { token, secret } = await tokens.create(
        {
          ...{ name, owner, scopes: input.scopes },
          sources: source.split(/[\s,]+/).filter((text) => text !== ''),
          lifetimeMs: lifetimesDays.map(String).includes(days) ? Number(days) * dayMs : NaN,
        },
        readReason(input.reason),
        actor,
      )
      const title = tokensWords[viewer.language].made(token.name)
      return page(call, title, <Made name={token.name} secret={secret} />, true)
    } catch (error) {
      if (!(error instanceof GatehouseError) || error.field === null) throw error
      return renderForm(call, { ...input, error })
    }
  }

  async function questionOf({ params, viewer }: PersonalCall): Promise<Question> {
    const id = params.one('id')
    // Also one that cannot be looked up is revoked: stopping must not depend on good data.
    const token = (await tokens.list().catch(() => [])).find((one) => one.id === id)
    const words = tokensWords[viewer.language]
    return {
      confirmation: {
        title: words.question,
        text: words.consequence(token?.name ?? id),
        button: words.revoke,
      },
      section: 'people',
      action: revokePath(id),
      back: listPath,
    }
  }

  async function revoke(call: PersonalCall): Promise<Answer> {
    const given = readAnswer(options, call, await questionOf(call))
    if ('again' in given) return given.again
    await tokens.revoke(call.params.one('id'), given.reason, call.actor)
    return { kind: 'redirect', to: `${listPath}?done=revoked` }
  }

  return [
    personal('GET', listPath, 'admin', showTokens),
    personal('GET', newPath, 'admin', showForm),
    personal('POST', listPath, 'admin', create),
    personal('GET', '/admin/tokens/:id/revoke', 'admin', async (call) =>
      askReason(options, call, await questionOf(call)),
    ),
    personal('POST', '/admin/tokens/:id/revoke', 'admin', revoke),
  ]
}

function revokePath(id: string): string {
  return `${listPath}/${encodeURIComponent(id)}/revoke`
}

function Tokens(props: { all: readonly ServiceToken[]; done: string | undefined; now: EpochMs }): VNode {
  const { all, done, now } = props
  const words = useWords(tokensWords)
  const { columns } = words
  return (
    <>
      <h1>{words.title}</h1>
      {done !== undefined && <Notice>{done}</Notice>}
      <p class="soft">{words.lead}</p>
      <p>
        <a class="button" href={newPath}>
          {words.make}
        </a>
      </p>
      {all.length === 0 ? (
        <p>{words.none}</p>
      ) : (
        <Table kind="tokens" caption={words.title} columns={Object.values(columns)}>
          {all.map((token) => (
            <Row>
              <RowHead>
                <Said>{token.name}</Said>
                <div class="soft small">
                  <Said>{words.ownedBy(token.owner.email)}</Said>
                </div>
              </RowHead>
              <Cell label={columns.scopes}>
                {token.scopes.map((scope) => words.scopes[scope]).join(', ')}
              </Cell>
              <Cell label={columns.sources}>
                {token.sources.length === 0 ? words.anywhere : <Said>{token.sources.join(', ')}</Said>}
              </Cell>
              <Cell label={columns.until}>
                <Instant at={token.until} />
              </Cell>
              <Cell>
                <TokenEnd token={token} now={now} />
              </Cell>
            </Row>
          ))}
        </Table>
      )}
    </>
  )
}

/** How it ended, or the way to end it. */
function TokenEnd({ token, now }: { token: ServiceToken; now: EpochMs }): VNode {
  const words = useWords(tokensWords)
  if (token.revocation !== null)
    return (
      <span class="soft">
        {words.revoked} <Said>{token.revocation.reason}</Said>
      </span>
    )
  if (!(now < token.until)) return <span class="soft">{words.ended}</span>
  return (
    <a class="button quiet" href={revokePath(token.id)}>
      {words.revoke}
      <span class="visually-hidden">{words.revokeOf(token.name)}</span>
    </a>
  )
}

function TokenForm({ input, viewer }: { input: Input; viewer: Viewer }): VNode {
  const words = useWords(tokensWords)
  const errorOf = (field: string): string | null =>
    input.error?.field === field ? (words.refused[field] ?? input.error.message) : null
  const answerFor = useWords(answerForWords)
  return (
    <form class="panel" method="post" action={listPath}>
      <h1>{words.newTitle}</h1>
      <FormToken viewer={viewer} />
      <Field
        name="name"
        label={words.name}
        hint={words.nameHint}
        error={errorOf('name')}
        value={input.name}
        input={{ maxLength: 64 }}
      />
      <Field
        name="owner"
        label={words.owner}
        hint={words.ownerHint}
        error={errorOf('owner')}
        value={input.owner}
        input={{ type: 'email', spellcheck: false, maxLength: 254 }}
      />
      <Choices name="scope" legend={words.scope} error={errorOf('scope')}>
        {scopes.map((scope) => (
          <Choice type="checkbox" name="scope" value={scope} isChosen={input.scopes.includes(scope)}>
            {words.scopes[scope]}
          </Choice>
        ))}
      </Choices>
      <Field
        name="source"
        label={words.source}
        hint={words.sourceHint}
        error={errorOf('source')}
        isOptional
        value={input.source}
        input={{ spellcheck: false, maxLength: 1_000 }}
      />
      <Choices name="expires" legend={words.expires} error={errorOf('expires')}>
        {lifetimesDays.map((days) => (
          <Choice type="radio" name="expires" value={String(days)} isChosen={input.days === String(days)}>
            {words.days(days)}
          </Choice>
        ))}
      </Choices>
      <Field
        name="reason"
        label={answerFor.reason}
        hint={answerFor.hint}
        error={errorOf('reason') === null ? null : answerFor.missing}
        value={input.reason}
        input={{ maxLength: 500 }}
      />
      <div class="actions">
        <button class="big">{words.create}</button>
        <a class="button quiet big" href={listPath}>
          {words.all}
        </a>
      </div>
    </form>
  )
}

function Made({ name, secret }: { name: string; secret: string }): VNode {
  const words = useWords(tokensWords)
  return (
    <div class="panel">
      <h1>
        <Said>{words.made(name)}</Said>
      </h1>
      <Copyable id="token" label={words.copy}>
        {secret}
      </Copyable>
      <p>
        <strong>{words.once}</strong>
      </p>
      <p>
        <a href={listPath}>{words.all}</a>
      </p>
    </div>
  )
}
