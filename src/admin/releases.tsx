import type { VNode } from 'preact'
import { fingerprint, GatehouseError } from '../lib/index.js'
import {
  askFirst,
  ConfirmForm,
  FormToken,
  Instant,
  Notice,
  personal,
  Said,
  TimeUntil,
  useWords,
  type Answer,
  type Confirmation,
  type PersonalCall,
  type Route,
  type Viewer,
} from '../lib/page/index.js'
import type { Endpoint, EpochMs, Grant } from '../model.js'
import { grantState, spanAt } from '../policy/index.js'
import type { AdminOptions } from './options.js'
import { atTheGate, release, type AtTheGate } from './release.js'
import { actorName, BrowserSaid, machineNames } from './words.js'
import { releasesWords, type ReleasesWords } from './words/releases.js'

const home = '/admin/releases'
const shownPath = `${home}/shown`
const goneCodes: readonly string[] = ['grant-unknown', 'session-unknown']
const refusedCodes: readonly string[] = ['release-refused', 'release-conflict']

/** Who waits for the control room, and the two buttons it needs. */
export function releaseRoutes(options: AdminOptions): Route[] {
  const { config, clock, grants, pages, releases } = options
  const services = { ...options, endings: config.grants.endings }

  async function show({ viewer, session, query }: PersonalCall): Promise<Answer> {
    const all = await atTheGate(services)
    const now = clock.now()
    const words = releasesWords[viewer.language]
    const waiting = all.filter((one) => one.release === null)
    const html = pages.render({
      title: `${words.title} (${String(waiting.length)})`,
      language: viewer.language,
      section: 'releases',
      isLive: true,
      viewer,
      now,
      body: (
        <ControlRoom
          {...{ all, viewer, now, done: query.one('done'), ownId: session.principal.id }}
          endpoints={config.endpoints}
        />
      ),
    })
    return { kind: 'page', html }
  }

  /** For the open page, which loads again when somebody else waits or was let in. */
  async function tellWhatIsShown(): Promise<Answer> {
    const all = await atTheGate(services)
    return { kind: 'json', body: { now: clock.now(), shown: markOf(all) } }
  }

  async function give({ params, actor }: PersonalCall): Promise<Answer> {
    const wanted = { grantId: params.one('grant'), sessionId: params.one('session'), reason: null }
    try {
      await release(options, wanted, actor)
    } catch (error) {
      const code = error instanceof GatehouseError ? error.code : ''
      if (goneCodes.includes(code)) return back('gone')
      if (refusedCodes.includes(code)) return back('refused')
      throw error
    }
    return back('released')
  }

  async function withdraw({ params, body, viewer, actor }: PersonalCall): Promise<Answer> {
    const [grantId, sessionId] = [params.one('grant'), params.one('session')]
    if (body.one('sure') !== 'yes') {
      const words = releasesWords[viewer.language]
      // From the ids alone: what is open may be so after the list shows it no more, and is to be cut all the same.
      const grant = await grants.get(grantId).catch(() => null)
      const confirmation = confirmWithdraw(grant, words, config.endpoints, clock.now())
      const action = pathOf(grantId, sessionId, 'withdraw')
      const html = pages.render({
        title: words.sure,
        language: viewer.language,
        section: 'releases',
        width: 'form',
        viewer,
        now: clock.now(),
        body: <ConfirmForm {...{ confirmation, viewer, action }} back={home} />,
      })
      return { kind: 'page', html }
    }
    const wasReleased = await releases.withdraw(grantId, sessionId, null, actor)
    return back(wasReleased ? 'withdrawn' : 'nothing')
  }

  return [
    personal('GET', home, 'approver', show),
    personal('GET', shownPath, 'approver', tellWhatIsShown),
    personal('POST', `${home}/:grant/:session/release`, 'approver', give),
    personal('POST', `${home}/:grant/:session/withdraw`, 'approver', withdraw),
  ]
}

function back(done: keyof ReleasesWords['done']): Answer {
  return { kind: 'redirect', to: `${home}?done=${done}` }
}

function pathOf(grantId: string, sessionId: string, what: 'release' | 'withdraw'): string {
  return `${home}/${encodeURIComponent(grantId)}/${encodeURIComponent(sessionId)}/${what}`
}

/** The same as long as the page would show the same, but for the time that passes. */
function markOf(all: readonly AtTheGate[]): string {
  const parts = all.map((one) => [
    ...[one.grant.id, one.grant.until, one.session.id],
    ...[one.release?.at ?? null, one.drainsUntil],
  ])
  return fingerprint(JSON.stringify(parts))
}

function confirmWithdraw(
  grant: Grant | null,
  words: ReleasesWords,
  endpoints: readonly Endpoint[],
  now: EpochMs,
): Confirmation {
  const sureText =
    grant !== null && grantState(grant, now) === 'grant-active' ? words.sureText : words.sureTextOver
  return {
    title: words.sure,
    text:
      grant === null
        ? words.sureTextUnknown
        : sureText(grant.to.email, machineNames(grant.endpoints, endpoints)),
    button: words.withdraw,
  }
}

interface ControlRoomProps {
  readonly all: readonly AtTheGate[]
  readonly viewer: Viewer
  readonly ownId: string
  readonly done: string
  readonly endpoints: readonly Endpoint[]
  readonly now: EpochMs
}

function ControlRoom(props: ControlRoomProps): VNode {
  const { all, done } = props
  const words = useWords(releasesWords)
  const isDone = (name: string): name is keyof ReleasesWords['done'] => Object.hasOwn(words.done, name)
  const waiting = all.filter((one) => one.release === null)
  const inside = all.filter((one) => one.release !== null)
  return (
    <>
      <h1>{words.title}</h1>
      <p class="visually-hidden" role="status" data-ask={shownPath} data-shown={markOf(all)} />
      {isDone(done) && <Notice kind={done === 'refused' ? 'alarm' : 'plain'}>{words.done[done]}</Notice>}
      <p class="soft">{words.lead}</p>
      <section aria-labelledby="waiting">
        <h2 id="waiting">{words.waits(waiting.length)}</h2>
        {waiting.length === 0 && (
          <div class="panel">
            <h3>{words.nobody}</h3>
            <p>{words.nobodyHint}</p>
          </div>
        )}
        {waiting.map((one) => (
          <Card {...props} one={one} />
        ))}
      </section>
      {inside.length > 0 && (
        <section aria-labelledby="inside">
          <h2 id="inside">{words.inside(inside.length)}</h2>
          {inside.map((one) => (
            <Card {...props} one={one} />
          ))}
        </section>
      )}
    </>
  )
}

function Card({ one, viewer, ownId, endpoints, now }: ControlRoomProps & { one: AtTheGate }): VNode {
  const { grant, session, release: given, drainsUntil } = one
  const end = Math.min(drainsUntil ?? spanAt(grant, now).until, session.endsAt)
  const words = useWords(releasesWords)
  const machines = machineNames(grant.endpoints, endpoints)
  return (
    <article class="card">
      <div class="what">
        <h3>
          <Said>{grant.to.email}</Said>
        </h3>
        <p>
          {words.wants(grant.access)} <strong>{machines}</strong>
        </p>
        <p>
          <Said>{grant.reason}</Said>
        </p>
        <p class="soft">
          {words.signedIn} <Instant at={session.startedAt} of={grant.endpoints} /> {words.from}{' '}
          <Said>{session.source}</Said>
          <BrowserSaid session={session} />
        </p>
        <p class="soft">
          {drainsUntil === null ? words.ends : words.drains} <Instant at={end} of={grant.endpoints} /> (
          <TimeUntil at={end} now={now} thenReload />)
        </p>
        {given !== null && (
          <p class="soft">
            {words.by} <Said>{actorName(given.by)}</Said>, <Instant at={given.at} of={grant.endpoints} />
          </p>
        )}
      </div>
      {given === null && session.principal.id === ownId ? (
        <p>{words.own}</p>
      ) : (
        <Decide {...{ one, viewer, endpoints, now }} of={words.of(grant.to.email, machines)} />
      )}
    </article>
  )
}

function Decide(props: {
  one: AtTheGate
  viewer: Viewer
  endpoints: readonly Endpoint[]
  now: EpochMs
  of: string
}): VNode {
  const { one, viewer, endpoints, now, of } = props
  const words = useWords(releasesWords)
  const isIn = one.release !== null
  return (
    <form
      method="post"
      action={pathOf(one.grant.id, one.session.id, isIn ? 'withdraw' : 'release')}
      {...(isIn ? askFirst(confirmWithdraw(one.grant, words, endpoints, now)) : {})}
    >
      <FormToken viewer={viewer} />
      <button class={isIn ? 'danger big' : 'big'}>
        {isIn ? words.withdraw : words.release}
        <span class="visually-hidden">{of}</span>
      </button>
    </form>
  )
}
