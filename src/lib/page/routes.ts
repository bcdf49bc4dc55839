import type { IncomingMessage, ServerResponse } from 'node:http'
import type { ComponentChildren } from 'preact'
import type { Actor, OwnAccess, Reason, ServiceAccess, Session } from '../../model.js'
import { assert, GatehouseError } from '../errors.js'
import { equalSecrets } from '../ids.js'
import type { AnswerDenied, AnswerError, OwnSurface, Visit } from '../surface.js'
import type { Viewer } from './model.js'
import type { Pages } from './pages.js'

/** One page or action. Its table says everything about it: where it is, who may, and what it does. */
export interface Route {
  readonly method: 'GET' | 'POST'
  /** Fixed segments, and `:name` for one of any value. */
  readonly path: string
  readonly access: OwnAccess
  readonly handle: (call: Call) => Answer | Promise<Answer>
}

export interface Call {
  readonly visit: Visit
  /** Path and query as they came, for what must see the whole address. */
  readonly target: string
  readonly params: Fields
  readonly query: Fields
  readonly body: Fields
  /** What the person should read first, whatever the page is about. */
  readonly notice: ComponentChildren
  /** How many requests for access wait, for those who may answer them. */
  readonly waiting: number
}

/** A call by someone who is signed in; the form token of an unsafe one has been checked. */
export interface PersonalCall extends Call {
  readonly session: Session
  readonly viewer: Viewer
  readonly actor: Actor
}

/** What a route answers, as a value; cookies are whole `Set-Cookie` lines. */
export type Answer =
  | {
      readonly kind: 'page'
      readonly html: string
      readonly status?: number
      readonly retryAfterSeconds?: number
      readonly cookies?: readonly string[]
    }
  | { readonly kind: 'redirect'; readonly to: string; readonly cookies?: readonly string[] }
  | {
      readonly kind: 'json'
      readonly body: unknown
      readonly status?: number
      readonly maxAgeSeconds?: number
    }
  | {
      /** To be kept, not shown. */
      readonly kind: 'file'
      /** Letters, digits, dots and hyphens: it stands in a header as it is. */
      readonly name: string
      readonly type: string
      readonly body: string
    }
  | { readonly kind: 'empty' }
  | { readonly kind: 'denied'; readonly reasons: readonly Reason[] }

/** Named text values of a query, a form or a path; a value nobody sent is empty. */
export interface Fields {
  /** The value of a field that was sent exactly once; '' otherwise. */
  one(name: string): string
  all(name: string): readonly string[]
}

/** A route for people who are signed in, and maybe more. Unsafe ones need the form token. */
export function personal(
  method: Route['method'],
  path: string,
  access: Exclude<OwnAccess, 'public' | 'machine' | ServiceAccess>,
  handle: (call: PersonalCall) => Answer | Promise<Answer>,
): Route {
  return {
    method,
    path,
    access,
    handle: (call) => {
      const { session, formToken } = call.visit
      if (session === null || formToken === null)
        throw new GatehouseError('not-signed-in', 'Please sign in first.')
      if (method === 'POST' && !equalSecrets(call.body.one('form'), formToken)) {
        throw new GatehouseError(
          'form-expired',
          'This page belonged to an earlier sign-in, so nothing was done. Open it again and repeat.',
        )
      }
      const { principal, roles } = session
      const viewer = {
        name: principal.name,
        isApprover: roles.includes('approver'),
        isAuditor: roles.includes('auditor'),
        isAdmin: roles.includes('admin'),
        formToken,
        language: call.visit.language,
        isAnswerToForm: method === 'POST',
        notice: call.notice,
        waiting: call.waiting,
      }
      const actor: Actor = { kind: 'principal', principalId: principal.id, email: principal.email }
      return handle({ ...call, session, viewer, actor })
    },
  }
}

/** As much of Express as is needed here; the package itself stays with the modules that serve. */
export interface ExpressLike {
  (): Router
  urlencoded(options: { extended: boolean; limit: string; inflate: boolean }): Handler
}
interface Router {
  (req: IncomingMessage, res: ServerResponse): void
  disable(setting: string): unknown
  set(setting: string, value: unknown): unknown
  get(path: string, handler: Handler): unknown
  post(path: string, handler: Handler): unknown
  use(handler: Handler | ErrorHandler): unknown
}
interface ParsedRequest extends IncomingMessage {
  readonly params: unknown
  readonly query: unknown
  readonly body?: unknown
}
type Next = (error?: unknown) => void
type Handler = (req: ParsedRequest, res: ServerResponse, next: Next) => unknown
type ErrorHandler = (error: unknown, req: ParsedRequest, res: ServerResponse, next: Next) => unknown

export interface SurfaceOptions {
  readonly pages: Pages
  readonly answerError: AnswerError
  readonly answerDenied: AnswerDenied
  /** What stands at the head of the pages of whoever is signed in; null for nothing. */
  readonly noticeFor: (visit: Visit) => Promise<ComponentChildren>
  /** How many requests for access wait for an answer that this visitor may give; never fails. */
  readonly waitingFor: (visit: Visit) => Promise<number>
}

/**
 * A surface that serves `routes` through Express.
 *
 * The router is generous: it takes `/ADMIN`, `/admin/` and `/admin#x` for `/admin`. The gateway asked
 * `accessOf` about the address as it came, so each route serves only what its own pattern matches too;
 * else a page would be served under whatever access another spelling has.
 */
export function serveRoutes(
  express: ExpressLike,
  routes: readonly Route[],
  options: SurfaceOptions,
): OwnSurface {
  const app = express()
  app.disable('x-powered-by')
  app.disable('etag')
  app.set('query parser', 'simple')
  app.use(express.urlencoded({ extended: false, limit: '16kb', inflate: false }))
  const visits = new WeakMap<IncomingMessage, Visit>()
  const visitOf = (req: IncomingMessage): Visit => {
    const visit = visits.get(req)
    assert(visit !== undefined, 'every request comes with its visit')
    return visit
  }
  const table = routes.map((route) => ({ route, pattern: patternOf(route.path) }))
  for (const { route, pattern } of table) {
    const serve: Handler = async (req, res, next) => {
      const visit = visitOf(req)
      const target = req.url ?? '/'
      if (!pattern.test(target.split('?', 1)[0] ?? '')) {
        next()
        return
      }
      const lost = route.method === 'GET' ? null : await visit.confirm()
      if (lost !== null) {
        options.answerDenied(visit, req, res, lost)
        return
      }
      const isShown = route.method === 'GET' && visit.session !== null
      const answer = await route.handle({
        visit,
        target,
        params: fieldsOf(req.params),
        query: fieldsOf(req.query),
        body: fieldsOf(req.body),
        // Nothing that a person does need wait for what they are to be shown.
        notice: isShown ? await options.noticeFor(visit) : null,
        waiting: isShown ? await options.waitingFor(visit) : 0,
      })
      if (answer.kind === 'denied') options.answerDenied(visit, req, res, answer.reasons)
      else send(answer, options.pages, res)
    }
    if (route.method === 'GET') app.get(route.path, serve)
    else app.post(route.path, serve)
  }
  app.use((req: ParsedRequest, res: ServerResponse) => {
    options.answerError(visitOf(req), req, res, new GatehouseError('not-found', 'There is no such page.'))
  })
  // Express knows an error handler by its four parameters.
  app.use((error: unknown, req: ParsedRequest, res: ServerResponse, _next: Next) => {
    options.answerError(visitOf(req), req, res, understand(error))
  })

  return {
    accessOf: (method, path) => {
      const wanted = method === 'HEAD' ? 'GET' : method
      return (
        table.find(({ route, pattern }) => route.method === wanted && pattern.test(path))?.route.access ??
        null
      )
    },
    handle: (visit, req, res) => {
      visits.set(req, visit)
      app(req, res)
    },
  }
}

function send(answer: Exclude<Answer, { kind: 'denied' }>, pages: Pages, res: ServerResponse): void {
  if ('cookies' in answer && answer.cookies.length > 0) res.setHeader('Set-Cookie', [...answer.cookies])
  switch (answer.kind) {
    case 'page':
      if (answer.retryAfterSeconds !== undefined)
        res.setHeader('Retry-After', String(answer.retryAfterSeconds))
      pages.send(res, answer.status ?? 200, answer.html)
      return
    case 'redirect':
      pages.applyHeaders(res)
      // 303 and not 302: whatever was posted, the next request is a GET (RFC 9110 §15.4.4).
      res.writeHead(303, { Location: answer.to, 'Content-Length': 0 })
      res.end()
      return
    case 'json': {
      pages.applyHeaders(res)
      if (answer.maxAgeSeconds !== undefined) {
        res.setHeader('Cache-Control', `public, max-age=${String(answer.maxAgeSeconds)}`)
      }
      const body = JSON.stringify(answer.body)
      res.writeHead(answer.status ?? 200, {
        'Content-Type': 'application/json',
        'Content-Length': Buffer.byteLength(body),
      })
      res.end(res.req.method === 'HEAD' ? undefined : body)
      return
    }
    case 'file': {
      assert(/^[\w.-]+$/.test(answer.name), 'the name of a file needs no quoting')
      pages.applyHeaders(res)
      const body = Buffer.from(answer.body)
      res.writeHead(200, {
        'Content-Type': answer.type,
        'Content-Disposition': `attachment; filename="${answer.name}"`,
        'Content-Length': body.length,
      })
      res.end(res.req.method === 'HEAD' ? undefined : body)
      return
    }
    case 'empty':
      pages.applyHeaders(res)
      res.writeHead(200, { 'Content-Length': 0 })
      res.end()
  }
}

/** The same language as the router's: one or more characters but no slash for a parameter. */
function patternOf(path: string): RegExp {
  const source = path
    .split('/')
    .map((segment) => (segment.startsWith(':') ? '[^/]+' : segment.replace(/[.*+?^${}()|[\]\\]/g, '\\$&')))
    .join('/')
  return new RegExp(`^${source}$`)
}

function fieldsOf(values: unknown): Fields {
  const all = (name: string): readonly string[] => {
    if (typeof values !== 'object' || values === null || !Object.hasOwn(values, name)) return []
    const value: unknown = Reflect.get(values, name)
    return (Array.isArray(value) ? value : [value]).filter((item) => typeof item === 'string')
  }
  return {
    all,
    one: (name) => {
      const [first = '', ...more] = all(name)
      // Sent twice, nobody can tell which was meant.
      return more.length === 0 ? first : ''
    },
  }
}

/** Failures of Express and its body parser, in our words; the rest as it is. */
function understand(error: unknown): unknown {
  if (error instanceof GatehouseError || !(error instanceof Error) || !('status' in error)) return error
  if (error.status === 413) {
    return new GatehouseError('body-too-large', 'More was sent than this page takes.', { cause: error })
  }
  // A path that does not decode, a body in an unknown coding, a form that was cut short.
  if (typeof error.status === 'number' && error.status >= 400 && error.status < 500) {
    return new GatehouseError('input-invalid', 'What was sent could not be read.', { cause: error })
  }
  return error
}
