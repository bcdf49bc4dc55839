import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { endpointOrigin, type Config } from '../config/index.js'
import type { OwnAccess } from '../model.js'
import {
  assert,
  browserOf,
  describeError,
  chooseLanguage,
  GatehouseError,
  newId,
  systemClock,
  timeLeftPath,
  type Change,
  type SteadyClock,
  type Keyring,
  type Logger,
  type ChangeLog,
  type OwnSurface,
  type Pages,
  type Visit,
} from '../lib/index.js'
import { isLocalPath } from '../lib/page/index.js'
import type { Ledger } from '../audit/index.js'
import {
  createPace,
  inviteBody,
  type PendingStream,
  type Streams,
  type Switched,
  type Upstreams,
} from '../dataplane/index.js'
import type { Assertions, ServiceTokens } from '../identity/index.js'
import { cookieNames, readCookies, type Sessions } from '../sessions/index.js'
import type { Grants, Requests, Seats } from '../grants/index.js'
import {
  assetPathPrefix,
  createAdmission,
  asksHints,
  hintsPath,
  ownPathPrefix,
  type Admission,
  type Refusal,
} from './admission.js'
import type { Answers, Asker } from './answers.js'
import { createConnections } from './connections.js'
import { asksToClear, clearCookies, clearCookiesPath, clearingWords } from './cookie-clearing.js'
import { createEndpointServer, permitted } from './endpoint.js'
import type { GatherFacts } from './facts.js'
import { createHandover } from './handover.js'
import { createHints } from './hints.js'
import type { MayOpen } from './opening.js'
import { createLocator, isNavigation, type Place } from './origins.js'
import { createRefusals } from './refusals.js'
import { createServer, type Exchange } from './server.js'
import { createSourceReader, createTrust } from './source.js'
import { answerTimeLeft } from './time-left.js'
import { createTurnstile, type Full, type Slot } from './turnstile.js'

export interface GatewayOptions {
  readonly config: Config
  readonly answers: Answers
  readonly gather: GatherFacts
  readonly changes: Pick<ChangeLog, 'proof'>
  readonly seats: Pick<Seats, 'take'>
  readonly beginUse: Grants['beginUse']
  readonly grants: Pick<Grants, 'byIds'>
  readonly requests: Pick<Requests, 'get'>
  readonly mayOpen: MayOpen
  readonly clock: SteadyClock
  readonly logger: Logger
  readonly keyring: Keyring
  readonly ledger: Ledger
  readonly sessions: Sessions
  readonly tokens: ServiceTokens
  readonly streams: Streams
  readonly upstreams: Upstreams
  readonly assertions: Assertions
  readonly pages: Pages
  /** Portal and administration, in the order in which they are asked for a path. */
  readonly surfaces: readonly OwnSurface[]
}

/**
 * The policy enforcement point (NIST SP 800-207 §2.2): every request and every upgrade, to whatever
 * origin of ours, goes through `admit` and from there to one of four answers.
 */
export function createGateway(options: GatewayOptions) {
  const { config, answers, clock, ledger, sessions, streams, upstreams, pages, surfaces, logger } = options
  const endpoints = createEndpointServer({
    clock,
    ledger,
    upstreams,
    pace: createPace(config.server.limits),
    assertions: options.assertions,
    answers,
    noticePath: pages.assetPath('notice.js'),
    registeredOrigins: new Set([
      config.server.publicUrl.origin,
      ...config.endpoints.map(({ id }) => endpointOrigin(config, id)),
    ]),
  })
  const handover = createHandover({
    portalUrl: config.server.publicUrl,
    sessions,
    answers,
    mayOpen: options.mayOpen,
  })
  const locate = createLocator(config)
  const isProxy = createTrust(config.server.trustedProxies)
  const readSource = createSourceReader(isProxy)
  const turnstile = createTurnstile(config.server.limits)
  const refusals = createRefusals({ clock, ledger })
  const hints = createHints({ pages, grants: options.grants, requests: options.requests })
  const connections = createConnections()
  /** What is taken: everything; nothing that would have to be cut in a moment; nothing. */
  let taken: 'all' | 'requests' | 'nothing' = 'all'
  let underWay = 0
  let onIdle: (() => void) | null = null
  const admit = createAdmission({
    clock,
    ledger,
    refusals,
    sessions,
    tokens: options.tokens,
    gather: options.gather,
    changes: options.changes,
    seats: options.seats,
    beginUse: options.beginUse,
    locate,
    readSource,
    accessOf,
  })

  async function handle(exchange: Exchange): Promise<void> {
    const slot = turnstile.enter(readSource(exchange.req).address)
    if (typeof slot === 'string') {
      await turnBack(slot, askerOf(exchange.req, newId('r')), exchange)
      return
    }
    let switched: Switched | null = null
    underWay += 1
    try {
      switched = await serve(exchange, slot)
    } finally {
      if (switched === null) leave(slot)
      else leaveAfter(switched, slot)
    }
  }

  function leave(slot: Slot): void {
    turnstile.leave(slot)
    underWay -= 1
    if (underWay === 0) onIdle?.()
  }

  /** On its own, so that it holds nothing else for as long as a WebSocket may stay open. */
  function leaveAfter({ ended }: Switched, slot: Slot): void {
    void ended.finally(() => {
      leave(slot)
    })
  }

  async function serve(exchange: Exchange, slot: Slot): Promise<Switched | null> {
    // Before any state is read: a revocation that arrives from here on finds this request.
    const pending = streams.expect()
    let admission: Admission | null = null
    try {
      const isTaken = taken === 'all' || (taken === 'requests' && exchange.upgrade === null)
      if (!isTaken) throw new GatehouseError('stopping', '')
      const judged = await admit(exchange.req, exchange.upgrade !== null)
      if ('refused' in judged) {
        refuse(judged, exchange)
        return null
      }
      admission = judged
      const { turn } = exchange
      if (turn !== null) turn.isCommitted = true
      if (turn?.broken != null) {
        endpoints.turnedBack(judged)
        await recordRefusal(judged.source.address, judged.id, turn.broken)
        throw new GatehouseError('request-unreadable', '')
      }
      const { decision, place } = admission
      const full = identify(slot, admission)
      if (full !== null) {
        endpoints.turnedBack(admission)
        await turnBack(full, admission, exchange)
        return null
      }
      if (decision.outcome === 'challenge') challenge(admission, exchange.res)
      else if (decision.outcome === 'deny') answers.denied(admission, exchange.res, decision.reasons)
      else if (isOwnPage(admission)) await serveOwn(admission, place, exchange, pending)
      else return await forward(admission, pending, exchange)
    } catch (error) {
      answers.failed(admission ?? askerOf(exchange.req, 'r-unknown'), exchange.res, error)
    } finally {
      pending.abandon()
    }
    return null
  }

  function identify(slot: Slot, { session, place, decision }: Admission): Full | null {
    if (session === null || decision.outcome !== 'permit') return null
    const isPrivileged = session.roles.some((role) => role === 'admin' || role === 'approver')
    const endpointId = place.kind === 'endpoint' ? place.endpointId : null
    return turnstile.identify(slot, { sessionId: session.id, endpointId, isPrivileged })
  }

  async function turnBack(full: Full, asker: Asker, { req, res }: Exchange): Promise<void> {
    await recordRefusal(readSource(req).address, asker.id, full)
    answers.failed(asker, res, new GatehouseError('busy', ''))
  }

  /** A machine's own cookies may be what makes a request too large; who is locked out by them is shown the way. */
  function refuse({ id, refused }: Refusal, { req, res, upgrade }: Exchange): void {
    const place = refused === 'headers-too-large' ? locate(req.headers.host?.toLowerCase() ?? '') : null
    const asker = askerOf(req, id)
    const isLockedOut = place?.kind === 'endpoint' && upgrade === null
    if (isLockedOut && asksToClear(req, place.origin)) {
      clearCookies(asker, place.origin, { req, res, pages })
      return
    }
    // The page that shows the way needs its stylesheet, which the browser asks for with the same cookies.
    if (isLockedOut && req.method === 'GET' && servedAsset(req.url ?? '', res)) return
    const label = clearingWords[asker.language].clear
    const button = isLockedOut ? { label, action: clearCookiesPath } : undefined
    answers.failed({ ...asker, button }, res, new GatehouseError(refused, ''))
  }

  /** Sends a person to where they can prove themselves, and back; tells a program what is missing. */
  function challenge(admission: Admission, res: ServerResponse): void {
    const { decision, place, request, isNavigation } = admission
    if (!isNavigation || !request.isSafe || decision.outcome !== 'challenge') {
      answers.denied(admission, res, decision.reasons)
    } else if (place.kind === 'endpoint') {
      handover.start(admission, place, request.target, res)
    } else {
      const page = decision.challenge === 'login' ? '/sign-in' : '/second-factor'
      answers.redirect(res, `${page}?${new URLSearchParams({ to: request.target }).toString()}`)
    }
  }

  /** False when there is no such one. */
  function servedAsset(path: string, res: ServerResponse): boolean {
    if (!path.startsWith(assetPathPrefix)) return false
    const asset = pages.assets().get(path.slice(assetPathPrefix.length))
    if (asset === undefined) return false
    pages.applyHeaders(res)
    res.writeHead(200, {
      'content-type': asset.type,
      'content-length': asset.body.length,
      'cache-control': 'public, max-age=300',
    })
    res.end(res.req.method === 'HEAD' ? undefined : asset.body)
    return true
  }

  async function serveOwn(
    admission: Admission,
    place: Place,
    { req, res, upgrade }: Exchange,
    pending: PendingStream,
  ): Promise<void> {
    const { request } = admission
    if (upgrade !== null) throw new GatehouseError('not-found', '')
    if (request.isSafe && servedAsset(request.path, res)) return
    if (place.kind === 'endpoint') {
      if (asksToClear(req, place.origin)) {
        clearCookies(admission, place.origin, { req, res, pages })
        return
      }
      if (request.method !== 'GET') {
        res.setHeader('allow', 'GET') // RFC 9110 §15.5.6
        throw new GatehouseError('method-not-allowed', '')
      }
      const query = new URLSearchParams(request.query ?? '')
      if (request.path === '/.gatehouse/start') handover.start(admission, place, query.get('to') ?? '', res)
      else if (request.path === '/.gatehouse/enter') await handover.enter(admission, place, res)
      else if (request.path === timeLeftPath)
        answerTimeLeft(admission, res, { clock, pages, portal: config.server.publicUrl })
      else throw new GatehouseError('not-found', '')
    } else if (asksHints(place, request)) {
      hints.open(admission, pending, res)
    } else {
      const surface = surfaces.find((candidate) => candidate.accessOf(request.method, request.path) !== null)
      if (surface === undefined) throw new GatehouseError('not-found', '')
      boundBody(req)
      inviteBody(req, res)
      surface.handle(visitOf(admission), req, res)
    }
  }

  /** Some of our forms take a body from anyone: nobody may hold a connection with one that never ends. */
  function boundBody(req: IncomingMessage): void {
    if (req.complete) return
    const limit = clock.after(ownBodyMs, () => {
      if (!req.complete) req.socket.destroy()
    })
    req.once('close', () => {
      limit.cancel()
    })
  }

  async function forward(
    admission: Admission,
    pending: PendingStream,
    { req, res, upgrade }: Exchange,
  ): Promise<Switched | null> {
    const permit = permitted(admission)
    assert(permit !== null, 'a permit without a pass or an endpoint')
    if (upgrade !== null) return endpoints.upgrade(permit, pending, req, res, upgrade)
    await endpoints.request(permit, pending, req, res)
    return null
  }

  function accessOf(place: Place, method: string, path: string): OwnAccess | null {
    if (place.kind === 'portal' && path === hintsPath) return 'verified'
    const asked = place.kind === 'portal' ? surfaces : []
    for (const surface of asked) {
      const access = surface.accessOf(method, path)
      if (access !== null) return access
    }
    return path.startsWith(ownPathPrefix) ? 'public' : null
  }

  function visitOf(admission: Admission): Visit {
    const { id, source, session, token, cookies, language, request, place, confirm } = admission
    const formToken = session === null ? null : options.keyring.mac('form', session.id)
    const cameFrom = pageBefore(request.header('referer') ?? '', place.origin)
    const browser = browserOf(request.header('user-agent'))
    return {
      ...{ requestId: id, source: source.address, browser, session, token, cookies },
      ...{ language, formToken, cameFrom, confirm },
    }
  }

  /** What a form answered may have no address of its own: whoever asks for it would find nothing. */
  function pageBefore(referer: string, origin: string): string {
    const target = referer.startsWith(`${origin}/`) ? referer.slice(origin.length) : '/'
    const [path = ''] = target.split('?', 1)
    const isPage = isLocalPath(target) && surfaces.some((surface) => surface.accessOf('GET', path) !== null)
    return isPage ? target : '/'
  }

  async function recordRefusal(source: string, requestId: string, detail: string): Promise<void> {
    try {
      await refusals.record({ requestId, source, detail })
    } catch (problem) {
      logger.warn('refusal not recorded', { requestId, problem: describeError(problem) })
    }
  }

  return {
    listen: () =>
      createServer({
        tls: config.server.tls,
        limits: config.server.limits,
        connections,
        isProxy,
        onExchange: (exchange) => void handle(exchange),
        recordRefusal,
        answerUnread: (requestId, code) => answers.unread(requestId, code),
      }),
    /**
     * Ends serving in the order in which it can be done without loss: for a while everything goes on, so that a load
     * balancer notices; then nobody new comes in, WebSockets end, and what runs may finish; then the rest is cut.
     * Resolves when nothing is under way any more, and all of it written down.
     *
     * @param hurried aborts the waiting, and nothing else
     */
    stop: async (
      server: Server,
      { announceMs, finishMs }: StopTimes,
      hurried: AbortSignal,
    ): Promise<void> => {
      connections.lastAnswers()
      if (server.listening) await waited(announceMs, hurried)
      const closed = once(server, 'close')
      taken = 'requests'
      connections.closeQuiet()
      streams.cut(({ kind }) => kind !== 'request', 'gateway-stopping')
      await Promise.race([closed, waited(finishMs, hurried)])
      taken = 'nothing'
      streams.cut(() => true, 'gateway-stopping')
      // Whoever was answered a moment ago may still be reading; a client that never does must not hold us.
      const force = systemClock.after(closingMs, () => {
        connections.destroyAll()
      })
      await closed
      if (underWay > 0)
        await Promise.race([new Promise<void>((resolve) => (onIdle = resolve)), waited(closingMs)])
      force.cancel()
    },
    /** Open pages of the portal are told that something has changed. */
    hint: (change: Change): void => {
      hints.note(change)
    },
    /** To be called when nothing is served any more. */
    close: () => {
      refusals.close()
      hints.close()
    },
  }
}

/** Real time, as everything here that bounds input and output. */
export interface StopTimes {
  /** How long everything is still served. */
  readonly announceMs: number
  /** How long, after that, what runs may take to finish. */
  readonly finishMs: number
}

/** How long a stopping instance waits for answers on their way out. */
const closingMs = 2_000

function waited(ms: number, hurried?: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    if (ms === 0 || hurried?.aborted === true) resolve()
    const timer = systemClock.after(ms, resolve)
    hurried?.addEventListener('abort', () => {
      timer.cancel()
      resolve()
    })
  })
}

/** A form is small; who needs longer than this for it is not sending one. */
const ownBodyMs = 10_000

/** Of a request that was not even looked at. */
function askerOf(req: IncomingMessage, id: string): Asker {
  const chosen = readCookies(req.headers.cookie ?? null).get(cookieNames.language)
  const language = chooseLanguage(chosen, req.headers['accept-language'])
  return { id, isNavigation: isNavigation(req.headers), language }
}

function isOwnPage({ place, request }: Admission): boolean {
  return place.kind === 'portal' || request.path.startsWith(ownPathPrefix)
}
