import type { IncomingMessage, ServerResponse } from 'node:http'
import type { z } from 'zod'
import {
  assert,
  GatehouseError,
  fingerprint,
  type AnswerDenied,
  type AnswerError,
  type Logger,
  type OwnSurface,
  type Pages,
  type Store,
  type Visit,
} from '../../lib/index.js'
import type { Actor, OwnAccess } from '../../model.js'
import { createOnce, type Answered } from './once.js'
import { createPace } from './pace.js'
import type { ApiRoute } from './route.js'
import { apiPrefix, apiRoutes, type ApiServices } from './routes.js'
import { readStrictJson } from './strict-json.js'

const largestBody = 64 * 1024

export interface ApiOptions extends ApiServices {
  readonly store: Store
  readonly logger: Logger
  readonly pages: Pages
  readonly answerError: AnswerError
  readonly answerDenied: AnswerDenied
}

/** A route, and the values of the named segments of a path that is its. */
interface Found {
  readonly route: ApiRoute
  readonly params: Readonly<Record<string, string>>
}

/**
 * The JSON API, for programs with a service token and for nobody else. Whatever lies below its prefix asks for a
 * valid token first, so that nobody without one can map it; then for the scope of the route.
 */
export function createApi(options: ApiOptions): OwnSurface {
  const routes = apiRoutes(options)
  const once = createOnce(options)
  const { apiCallsPerMinute: callsPerMinute } = options.config.server.limits
  const pace = createPace({ clock: options.clock, callsPerMinute })

  const find = (path: string): Found[] =>
    routes.flatMap((route) => {
      const params = match(apiPrefix + route.path, path)
      return params === null ? [] : [{ route, params }]
    })
  const accessOf = (method: string, path: string): OwnAccess | null => {
    if (!path.startsWith(`${apiPrefix}/`)) return null
    const found = find(path).find(({ route }) => route.method === method)
    if (found === undefined) return 'service'
    const { isStop, scope } = found.route
    if (scope === null) return 'service'
    return isStop ? `stop:${scope}` : `service:${scope}`
  }

  async function serve(visit: Visit, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const { token } = visit
    assert(token !== null, 'every call of the API comes with its token')
    const [path, query] = splitTarget(req.url ?? '/')
    const here = find(path)
    const found = here.find(({ route }) => route.method === req.method)
    if (found === undefined) {
      if (here.length === 0) throw new GatehouseError('not-found', '')
      res.setHeader('allow', here.map(({ route }) => route.method).join(', ')) // RFC 9110 §15.5.6
      throw new GatehouseError('method-not-allowed', '')
    }
    const { route, params } = found
    // What stops something is never too much.
    const waitSeconds = route.isStop ? null : pace.waitSeconds(token.id)
    if (waitSeconds !== null) {
      res.setHeader('retry-after', String(waitSeconds))
      throw new GatehouseError('rate-limited', 'This token calls more often than it may. Wait, then go on.')
    }
    if (!takesJson(req.headers.accept))
      throw new GatehouseError('not-acceptable', 'The answer is application/json.')
    const { email: owner, principalId: ownerId } = token.owner
    const actor: Actor = { kind: 'service', tokenId: token.id, name: token.name, owner, ownerId }
    const call = {
      ...{ params, token, actor },
      query: read(route.query, queryFields(query)),
      body: await readBody(route, req),
    }
    const lost = route.method === 'GET' ? null : await confirm(visit, route)
    if (lost !== null) {
      options.answerDenied(visit, req, res, lost)
      return
    }
    const work = async (): Promise<Answered> => ({
      status: route.status,
      body: JSON.stringify(await route.run(call)),
    })
    const isOnce = route.method === 'POST' && !route.isStop
    const key = isOnce ? readKey(req.headers['idempotency-key']) : null
    const print = fingerprint(JSON.stringify([path, call.query, call.body]))
    send(res, key === null ? await work() : await once.run({ tokenId: token.id, key, print }, work))
  }

  /** Where it cannot be known, what stops something is done all the same. */
  async function confirm(visit: Visit, { isStop }: ApiRoute): ReturnType<Visit['confirm']> {
    try {
      return await visit.confirm()
    } catch (error) {
      if (isStop) return null
      throw error
    }
  }

  function send(res: ServerResponse, { status, body }: Answered): void {
    options.pages.applyHeaders(res)
    res.writeHead(status, { 'Content-Type': 'application/json', 'Content-Length': Buffer.byteLength(body) })
    res.end(body)
  }

  return {
    accessOf,
    handle: (visit, req, res) => {
      serve(visit, req, res).catch((error: unknown) => {
        options.answerError(visit, req, res, error)
      })
    },
  }
}

/**
 * Any printable ASCII without blanks; a header that was sent twice holds one.
 * @throws GatehouseError `input-invalid`
 */
function readKey(sent: string | string[] | undefined): string | null {
  if (sent === undefined) return null
  if (typeof sent === 'string' && /^[\x21-\x7e]{1,255}$/.test(sent)) return sent
  throw new GatehouseError(
    'input-invalid',
    'Idempotency-Key: must be there once, 1 to 255 printable ASCII characters without blanks',
  )
}

function splitTarget(target: string): [path: string, query: string] {
  const mark = target.indexOf('?')
  return mark === -1 ? [target, ''] : [target.slice(0, mark), target.slice(mark + 1)]
}

/** The values of `{named}` segments; null where the path is another, or does not decode. */
function match(pattern: string, path: string): Record<string, string> | null {
  const [wanted, given] = [pattern.split('/'), path.split('/')]
  if (wanted.length !== given.length) return null
  const params: Record<string, string> = {}
  for (const [position, segment] of wanted.entries()) {
    const value = given[position] ?? ''
    if (!segment.startsWith('{')) {
      if (segment !== value) return null
      continue
    }
    const decoded = decode(value)
    if (decoded === null || decoded === '') return null
    params[segment.slice(1, -1)] = decoded
  }
  return params
}

function decode(text: string): string | null {
  try {
    return decodeURIComponent(text)
  } catch {
    return null
  }
}

/** @throws GatehouseError `input-invalid` for a field that is there twice: nobody can tell which was meant */
function queryFields(query: string): Record<string, string> {
  const params = new URLSearchParams(query)
  const names = [...params.keys()]
  const twice = names.find((name, position) => names.indexOf(name) !== position || name === '__proto__')
  if (twice !== undefined) throw invalid(twice, 'must be there once at most')
  return Object.fromEntries(params)
}

async function readBody({ body: schema }: ApiRoute, req: IncomingMessage): Promise<unknown> {
  const bytes = await bytesOf(req)
  if (schema === null) {
    if (bytes.length > 0) throw new GatehouseError('input-invalid', 'This call takes no body.')
    return null
  }
  if (!isJson(req.headers['content-type']))
    throw new GatehouseError('content-type-unsupported', 'The body must be application/json.')
  return read(schema, readStrictJson(bytes))
}

async function bytesOf(req: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    // Left open where more comes than is taken: the answer goes out on the same connection.
    const parts = req.iterator({ destroyOnReturn: false }) as AsyncIterable<Buffer>
    for await (const chunk of parts) {
      length += chunk.length
      if (length > largestBody) throw new GatehouseError('body-too-large', 'A body may have 64 KiB at most.')
      chunks.push(chunk)
    }
  } catch (error) {
    if (error instanceof GatehouseError) throw error
    throw new GatehouseError('input-invalid', 'The body was not sent to its end.', { cause: error })
  }
  return Buffer.concat(chunks)
}

/** With no coding and no other character set. */
function isJson(contentType: string | undefined): boolean {
  return /^application\/json(?:\s*;\s*charset="?utf-8"?)?$/i.test(contentType?.trim() ?? '')
}

/** RFC 9110 §12.5.1, as far as it matters where there is one form of answer. */
function takesJson(accept: string | undefined): boolean {
  if (accept === undefined || accept.trim() === '') return true
  return accept.split(',').some((range) => {
    const [type = '', ...params] = range.split(';').map((part) => part.trim().toLowerCase())
    const isRefused = params.some((param) => /^q=0(?:\.0*)?$/.test(param))
    return (
      !isRefused && ['application/json', 'application/problem+json', 'application/*', '*/*'].includes(type)
    )
  })
}

/** @throws GatehouseError `input-invalid` about one field */
function read(schema: z.ZodType, value: unknown): unknown {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  if (issue?.code === 'unrecognized_keys') throw invalid(issue.keys[0] ?? '', 'is not a field of this call')
  const [field] = issue?.path ?? []
  if (field === undefined) throw new GatehouseError('input-invalid', 'The body must be an object of JSON.')
  const isMissing = issue?.code === 'invalid_type' && issue.input === undefined
  throw invalid(String(field), isMissing ? 'must be there' : (issue?.message ?? 'is not valid'))
}

/** What a message may repeat of an input. */
const harmless = /^[\w-]{1,63}$/

function invalid(field: string, problem: string): GatehouseError {
  const name = harmless.test(field) ? field : 'field'
  return new GatehouseError('input-invalid', `${name}: ${problem}`, { field: name })
}
