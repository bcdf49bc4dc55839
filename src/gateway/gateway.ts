import {
  createServer as createHttpServer,
  ServerResponse,
  type IncomingMessage,
  type Server,
} from 'node:http'
import { createServer as createHttpsServer } from 'node:https'
import type { Socket } from 'node:net'
import { endpointOrigin, type Config } from '../config/index.js'
import type { OwnAccess } from '../model.js'
import {
  assert,
  describeError,
  GatehouseError,
  type Clock,
  type Keyring,
  type Logger,
  type OwnSurface,
  type Pages,
  type Visit,
} from '../lib/index.js'
import type { Ledger } from '../audit/index.js'
import type { Streams, Upstreams } from '../dataplane/index.js'
import type { Grants } from '../grants/index.js'
import type { Assertions } from '../identity/index.js'
import type { Sessions } from '../sessions/index.js'
import { assetPathPrefix, createAdmission, ownPathPrefix, type Admission, type Refusal } from './admission.js'
import type { Answers } from './answers.js'
import { asksToClear, clearCookies, clearCookiesPath } from './cookie-clearing.js'
import { createEndpointServer, permitted } from './endpoint.js'
import { createHandover } from './handover.js'
import type { MayOpen } from './opening.js'
import { createLocator, isNavigation, type Place } from './origins.js'
import { createSourceReader } from './source.js'

export interface GatewayOptions {
  readonly config: Config
  readonly answers: Answers
  readonly mayOpen: MayOpen
  readonly clock: Clock
  readonly logger: Logger
  readonly keyring: Keyring
  readonly ledger: Ledger
  readonly sessions: Sessions
  readonly grants: Grants
  readonly streams: Streams
  readonly upstreams: Upstreams
  readonly assertions: Assertions
  readonly pages: Pages
  /** Portal and administration, in the order in which they are asked for a path. */
  readonly surfaces: readonly OwnSurface[]
}

/** What one request needs to be answered, whichever way it came. */
interface Exchange {
  readonly req: IncomingMessage
  readonly res: ServerResponse
  /** Set for upgrades: the socket and what arrived with the header. */
  readonly upgrade: { readonly socket: Socket; readonly head: Buffer } | null
}

/**
 * The policy enforcement point (NIST SP 800-207 §2.2): every request and every upgrade, to whatever
 * origin of ours, goes through `admit` and from there to one of four answers.
 */
export function createGateway(options: GatewayOptions) {
  const { config, answers, clock, ledger, sessions, grants, streams, upstreams, pages, surfaces, logger } =
    options
  const endpoints = createEndpointServer({
    clock,
    ledger,
    upstreams,
    assertions: options.assertions,
    answers,
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
  const admit = createAdmission({
    clock,
    ledger,
    sessions,
    grants,
    locate,
    readSource: createSourceReader(config.server.trustedProxies),
    accessOf,
  })

  async function handle(exchange: Exchange, server: Server): Promise<void> {
    // Before any state is read: a revocation that arrives from here on finds this request.
    const pending = streams.expect()
    let admission: Admission | null = null
    try {
      // A connection may outlive the order to stop; what would open on it then, nobody would close.
      if (!server.listening) throw new GatehouseError('stopping', '')
      const judged = await admit(exchange.req, exchange.upgrade !== null)
      if ('refused' in judged) {
        refuse(judged, exchange)
        return
      }
      admission = judged
      const { decision, place } = admission
      if (decision.outcome === 'permit') inviteBody(exchange)
      if (decision.outcome === 'challenge') challenge(admission, exchange.res)
      else if (decision.outcome === 'deny') answers.denied(admission, exchange.res, decision.reasons)
      else if (isOwnPage(admission)) await serveOwn(admission, place, exchange)
      else await forward(admission, pending, exchange)
    } catch (error) {
      answers.failed(admission ?? askerOf(exchange.req, 'r-unknown'), exchange.res, error)
    } finally {
      pending.abandon()
    }
  }

  /** A machine's own cookies may be what makes a request too large; who is locked out by them is shown the way. */
  function refuse({ id, refused }: Refusal, { req, res, upgrade }: Exchange): void {
    const place = refused === 'headers-too-large' ? locate(req.headers.host?.toLowerCase() ?? '') : null
    const isLockedOut = place?.kind === 'endpoint' && upgrade === null
    if (isLockedOut && asksToClear(req, place.origin)) {
      clearCookies({ id }, place.origin, { req, res, pages })
      return
    }
    // The page that shows the way needs its stylesheet, which the browser asks for with the same cookies.
    if (isLockedOut && req.method === 'GET' && servedAsset(req.url ?? '', res)) return
    const button = isLockedOut ? { label: 'Clear the cookies', action: clearCookiesPath } : undefined
    answers.failed({ ...askerOf(req, id), button }, res, new GatehouseError(refused, ''))
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
      else throw new GatehouseError('not-found', '')
    } else {
      const surface = surfaces.find((candidate) => candidate.accessOf(request.method, request.path) !== null)
      if (surface === undefined) throw new GatehouseError('not-found', '')
      boundBody(req)
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
    pending: ReturnType<Streams['expect']>,
    { req, res, upgrade }: Exchange,
  ): Promise<void> {
    const permit = permitted(admission)
    assert(permit !== null, 'a permit without a pass or an endpoint')
    if (upgrade === null) await endpoints.request(permit, pending, req, res)
    else await endpoints.upgrade(permit, pending, req, res, upgrade)
  }

  function accessOf(place: Place, method: string, path: string): OwnAccess | null {
    if (path.startsWith(ownPathPrefix)) return 'public'
    if (place.kind !== 'portal') return null
    for (const surface of surfaces) {
      const access = surface.accessOf(method, path)
      if (access !== null) return access
    }
    return null
  }

  function visitOf({ id, source, session, cookies }: Admission): Visit {
    const formToken = session === null ? null : options.keyring.mac('form', session.id)
    return { requestId: id, source: source.address, session, cookies, formToken }
  }

  function listen(): Server {
    const { tls } = config.server
    const limits = {
      // More than is accepted, so that who brings too many cookies is told so and not just cut off.
      maxHeaderSize: 64 * 1024,
      headersTimeout: 10_000,
      // Uploads of firmware take as long as they take; the header is what a slow client holds us up with.
      requestTimeout: 0,
      keepAliveTimeout: 30_000,
      requireHostHeader: false,
    }
    const server =
      tls === null
        ? createHttpServer(limits)
        : createHttpsServer({ ...limits, cert: tls.certificate, key: tls.key, minVersion: 'TLSv1.2' })
    const owesAnswer = trackAnswers(server)
    for (const event of requestEvents) {
      server.on(event, (req: IncomingMessage, res: ServerResponse) => {
        void handle({ req, res, upgrade: null }, server)
      })
    }
    server.on('upgrade', (req: IncomingMessage, socket: Socket, head: Buffer) => {
      // First of all: an attacker's reset during the decision must not end the process.
      socket.on('error', () => socket.destroy())
      // Pipelined behind a request under way, whose answer would get mixed with what is switched to.
      if (owesAnswer(socket)) socket.destroy()
      else void handle({ req, res: answerOn(req, socket), upgrade: { socket, head } }, server)
    })
    server.on('connect', (_req: IncomingMessage, socket: Socket) => {
      socket.destroy()
    })
    server.on('clientError', (error: Error, socket: Socket) => {
      logger.debug('request could not be parsed', { problem: describeError(error) })
      // In the middle of an answer these bytes would be taken for a part of it.
      if (owesAnswer(socket) || !socket.writable) socket.destroy()
      else socket.end(isOverlong(error) ? tooLarge : badRequest, () => socket.destroy())
    })
    return server
  }

  return { listen }
}

/** Node answers a request with `Expect` by itself, before anybody has decided on it, where nobody listens. */
const requestEvents = ['request', 'checkContinue', 'checkExpectation'] as const

/** A form is small; who needs longer than this for it is not sending one. */
const ownBodyMs = 10_000

const badRequest = 'HTTP/1.1 400 Bad Request\r\nConnection: close\r\nContent-Length: 0\r\n\r\n'

/** More than Node takes, so there is no request to answer, but perhaps a person who waits for a page. */
const tooLargePage =
  '<!doctype html><html lang="en"><meta charset="utf-8"><title>This request is too large</title>' +
  '<h1>This request is too large</h1><p>Your browser sends more cookies with it than can be taken. ' +
  'Clear the cookies of this address in the settings of your browser, then open the machine from the portal again.'
const tooLarge =
  'HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nCache-Control: no-store\r\n' +
  "Content-Security-Policy: default-src 'none'\r\nContent-Type: text/html; charset=utf-8\r\n" +
  `Content-Length: ${String(Buffer.byteLength(tooLargePage))}\r\n\r\n${tooLargePage}`

function isOverlong(error: Error): boolean {
  return 'code' in error && error.code === 'HPE_HEADER_OVERFLOW'
}

/** Tells of a connection whether a request on it still waits for the end of its answer. */
function trackAnswers(server: Server): (socket: Socket) => boolean {
  const owed = new WeakMap<Socket, number>()
  const owedOn = (socket: Socket): number => owed.get(socket) ?? 0
  for (const event of requestEvents) {
    server.on(event, ({ socket }: IncomingMessage, res: ServerResponse) => {
      owed.set(socket, owedOn(socket) + 1)
      res.once('close', () => owed.set(socket, owedOn(socket) - 1))
    })
  }
  return (socket) => owedOn(socket) > 0
}

/** RFC 9110 §10.1.1: for a client that waits to be told to send its body. */
function inviteBody({ req, res, upgrade }: Exchange): void {
  if (upgrade === null && req.headers.expect !== undefined && req.httpVersion === '1.1') res.writeContinue()
}

/** Lets an upgrade be answered like a request, as long as nothing has been switched. */
function answerOn(req: IncomingMessage, socket: Socket): ServerResponse {
  const res = new ServerResponse(req)
  res.shouldKeepAlive = false
  res.assignSocket(socket)
  // Not `end`: a client that never closes its side would keep the connection, and our own stop, for ever.
  res.on('finish', () => {
    socket.destroySoon()
  })
  return res
}

function askerOf(req: IncomingMessage, id: string): { id: string; isNavigation: boolean } {
  return { id, isNavigation: isNavigation(req.headers) }
}

function isOwnPage({ place, request }: Admission): boolean {
  return place.kind === 'portal' || request.path.startsWith(ownPathPrefix)
}
