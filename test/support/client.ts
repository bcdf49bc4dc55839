import { once } from 'node:events'
import http from 'node:http'
import https from 'node:https'
import type { IncomingHttpHeaders, IncomingMessage, RequestOptions } from 'node:http'
import { connect, type LookupFunction } from 'node:net'
import { connect as connectTls } from 'node:tls'
import { WebSocket, type ClientOptions } from 'ws'
import { CookieJar, isTrustworthy } from './cookies.js'
import { fillForm, findLink, type FormChoice } from './html.js'

/**
 * A browser without a screen: cookies, redirects, forms, links and the headers by which a server tells a
 * navigation from a script's call, all as Chromium does them. Every host name leads to 127.0.0.1.
 */
export interface Client {
  readonly cookies: CookieJar
  /** As if the address were typed, or with `from` as if a link on that page were clicked. Follows redirects. */
  navigate(url: string | URL, options?: NavigateOptions): Promise<Answer>
  /** Clicks the link with this text. */
  click(page: Answer, text: string, options?: Omit<NavigateOptions, 'from'>): Promise<Answer>
  /**
   * Fills and sends a form of the page, hidden fields included. The form is the one that has all these
   * fields; `choice` decides between several. A field that no form has is an error.
   */
  submit(page: Answer, fields?: Record<string, string>, choice?: SubmitOptions): Promise<Answer>
  /** What `fetch` in a script would do; the script runs on the same origin, or on `from`. */
  fetch(url: string | URL, init?: FetchInit): Promise<Answer>
  /** Like `fetch`, but gives the answer while its body is still coming. */
  stream(url: string | URL, init?: FetchInit): Promise<StreamedAnswer>
  /** @throws UpgradeRefused when the server answers with anything but 101 */
  openWebSocket(url: string | URL, options?: WebSocketOptions): Promise<ClientSocket>
  /** Closes everything that is still open. */
  close(): void
}

export interface ClientSettings {
  /** PEM of the authority behind the server's certificate. */
  readonly ca?: string
  /** By which cookies expire; the test's own clock, usually. */
  readonly clock?: { now(): number }
}

export interface NavigateOptions {
  readonly from?: Answer
  /** False gives the first answer as it is. Default true. */
  readonly follow?: boolean
  readonly headers?: Record<string, string>
}

export interface SubmitOptions extends FormChoice {
  readonly follow?: boolean
  readonly headers?: Record<string, string>
}

export interface FetchInit {
  readonly method?: string
  readonly headers?: Record<string, string>
  readonly body?: string | Buffer
  /** URL of the page whose script calls. Default: a page on the same origin. */
  readonly from?: string | URL
  /** `include` takes cookies to other origins too, as far as SameSite lets them. Default `same-origin`. */
  readonly credentials?: 'same-origin' | 'include'
}

export interface WebSocketOptions {
  /** Default: the origin of the URL, as a page of that host would send it. */
  readonly origin?: string
  readonly protocols?: string[]
  readonly headers?: Record<string, string>
}

export interface Redirect {
  readonly status: number
  readonly from: URL
  readonly to: URL
}

export interface Answer {
  /** Where the redirects ended. */
  readonly url: URL
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly rawHeaders: readonly string[]
  readonly body: Buffer
  readonly text: string
  readonly redirects: readonly Redirect[]
  header(name: string): string | null
  json(): unknown
}

export interface StreamedAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  /** Bytes of the body so far. */
  received(): number
  /** The body so far. Keep it for short streams. */
  text(): string
  /** Resolves once `text()` holds what is sought; rejects when the stream ends before, or after `withinMs`. */
  until(isThere: (text: string) => boolean, withinMs?: number): Promise<string>
  /** `complete` only when the framing says so (RFC 9112 §8): a cut stream must never look whole. */
  readonly ended: Promise<'complete' | 'broken'>
  pause(): void
  resume(): void
  abort(): void
}

export interface ClientSocket {
  readonly socket: WebSocket
  readonly protocol: string
  send(message: string | Buffer): void
  /** The next message not yet taken, in order. Rejects when the socket closes first, or after `withinMs`. */
  next(withinMs?: number): Promise<string>
  readonly closed: Promise<{ code: number; reason: string }>
  close(code?: number): void
}

/** The server answered an upgrade with an ordinary response. */
export class UpgradeRefused extends Error {
  readonly answer: Answer

  constructor(answer: Answer) {
    super(`the upgrade was answered with ${answer.status}: ${answer.text.slice(0, 200)}`)
    this.name = 'UpgradeRefused'
    this.answer = answer
  }
}

interface Outgoing {
  readonly method: string
  readonly url: URL
  readonly headers: Record<string, string>
  readonly body: Buffer | null
}

const redirectLimit = 20
const accept = {
  page: 'text/html,application/xhtml+xml,application/xml;q=0.9,image/avif,image/webp,image/apng,*/*;q=0.8',
  any: '*/*',
}
const userAgent =
  'Mozilla/5.0 (X11; Linux x86_64) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/156.0.0.0 Safari/537.36'

const toLoopback: LookupFunction = (_hostname, options, callback) => {
  if (options.all === true) callback(null, [{ address: '127.0.0.1', family: 4 }])
  else callback(null, '127.0.0.1', 4)
}

export function createClient(options: ClientSettings = {}): Client {
  const cookies = new CookieJar(options.clock ?? Date)
  const trust = options.ca === undefined ? {} : { ca: options.ca }
  const agents = {
    'http:': new http.Agent({ keepAlive: true }),
    'https:': new https.Agent({ keepAlive: true, ...trust }),
  }
  const sockets = new Set<WebSocket>()
  const streams = new Set<StreamedAnswer>()

  const send = async ({ method, url, headers, body }: Outgoing): Promise<IncomingMessage> => {
    const isTls = url.protocol === 'https:'
    const settings: RequestOptions = {
      method,
      hostname: url.hostname,
      path: url.pathname + url.search,
      port: url.port === '' ? (isTls ? 443 : 80) : url.port,
      lookup: toLoopback,
      agent: agents[isTls ? 'https:' : 'http:'],
      headers: {
        Host: url.host,
        'User-Agent': userAgent,
        ...headers,
        ...(body === null ? {} : { 'Content-Length': String(body.length) }),
      },
    }
    const request = isTls ? https.request(settings) : http.request(settings)
    request.end(body ?? undefined)
    const [response] = (await once(request, 'response')) as [IncomingMessage]
    request.on('error', () => undefined) // a cut stream is told by `ended`
    cookies.store(url, response.headers['set-cookie'] ?? [])
    return response
  }

  /** One navigation through all its redirects, with the headers of Fetch Metadata for the whole chain. */
  const travel = async (
    first: { method: string; url: URL; body: Buffer | null },
    { from, follow = true, headers = {} }: NavigateOptions,
  ): Promise<Answer> => {
    const redirects: Redirect[] = []
    const chain = [first.url]
    let { method, url, body } = first
    for (;;) {
      const site = from === undefined ? 'none' : siteOf(from.url, chain)
      const carried = cookies.header(url, {
        isForeign: site === 'cross-site',
        navigation: isSafe(method) ? 'safe' : 'unsafe',
      })
      const response = await send({
        method,
        url,
        body,
        headers: {
          ...fetchMetadata(url, { site, mode: 'navigate', dest: 'document', user: '?1' }),
          Accept: accept.page,
          'Accept-Language': 'en-GB,en;q=0.9',
          'Upgrade-Insecure-Requests': '1',
          ...(body === null ? {} : { 'Content-Type': 'application/x-www-form-urlencoded' }),
          ...originOf(method, from, chain),
          ...refererOf(from, url),
          ...(carried === '' ? {} : { Cookie: carried }),
          ...headers,
        },
      })
      const location = response.headers.location
      const { statusCode: status = 0 } = response
      if (!follow || location === undefined || ![301, 302, 303, 307, 308].includes(status)) {
        return answerOf(url, response, redirects)
      }
      response.resume()
      const to = new URL(location, url)
      if (to.hash === '') to.hash = url.hash
      redirects.push({ status, from: url, to })
      if (redirects.length > redirectLimit)
        throw new Error(`over ${redirectLimit} redirects:\n${told(redirects)}`)
      if (to.protocol !== 'http:' && to.protocol !== 'https:') throw new Error(`redirected to ${to.href}`)
      if (status === 303 || (status < 303 && method === 'POST')) {
        method = 'GET'
        body = null
      }
      url = to
      chain.push(to)
    }
  }

  const call = async (
    target: string | URL,
    init: FetchInit,
  ): Promise<{ url: URL; response: IncomingMessage }> => {
    const url = new URL(target)
    const caller = new URL(init.from ?? url)
    const method = init.method ?? 'GET'
    const site = siteOf(caller, [url])
    const takesCookies = site === 'same-origin' || init.credentials === 'include'
    const use = { isForeign: site === 'cross-site', navigation: null }
    const carried = takesCookies ? cookies.header(url, use) : ''
    const response = await send({
      method,
      url,
      body: init.body === undefined ? null : Buffer.from(init.body),
      headers: {
        ...fetchMetadata(url, { site, mode: 'cors', dest: 'empty' }),
        Accept: accept.any,
        ...(site === 'same-origin' && isSafe(method) ? {} : { Origin: caller.origin }),
        Referer: site === 'same-origin' ? withoutHash(caller) : `${caller.origin}/`,
        ...(typeof init.body === 'string' ? { 'Content-Type': 'text/plain;charset=UTF-8' } : {}),
        ...(carried === '' ? {} : { Cookie: carried }),
        ...init.headers,
      },
    })
    return { url, response }
  }

  const navigate: Client['navigate'] = (target, navigation = {}) =>
    travel({ method: 'GET', url: new URL(target, navigation.from?.url), body: null }, navigation)

  return {
    cookies,
    navigate,
    click: async (page, text, navigation) => navigate(findLink(page, text), { ...navigation, from: page }),
    async submit(page, fields = {}, choice = {}) {
      const { method, action, body } = fillForm(page, fields, choice)
      if (method === 'GET') action.search = body
      const first = { method, url: action, body: method === 'GET' ? null : Buffer.from(body) }
      return travel(first, { ...choice, from: page })
    },
    async fetch(target, init = {}) {
      const { url, response } = await call(target, init)
      return answerOf(url, response, [])
    },
    async stream(target, init = {}) {
      const { response } = await call(target, init)
      const streamed = streamedAnswer(response)
      streams.add(streamed)
      return streamed
    },
    async openWebSocket(target, { origin, protocols = [], headers = {} } = {}) {
      const url = new URL(target)
      url.protocol = url.protocol.replace('http', 'ws')
      const asPage = new URL(url)
      asPage.protocol = url.protocol.replace('ws', 'http')
      const pageOrigin = origin ?? asPage.origin
      const isForeign = pageOrigin === 'null' || siteOf(new URL(pageOrigin), [asPage]) === 'cross-site'
      const carried = cookies.header(asPage, { isForeign, navigation: null })
      // ws hands these to node:http as they are; its types leave `lookup` out.
      const settings: ClientOptions & { lookup: LookupFunction } = {
        ...trust,
        lookup: toLoopback,
        origin: pageOrigin,
        handshakeTimeout: 10_000,
        headers: { 'User-Agent': userAgent, ...(carried === '' ? {} : { Cookie: carried }), ...headers },
      }
      const socket = new WebSocket(url, protocols, settings)
      sockets.add(socket)
      return opened(socket, asPage, (response) => {
        cookies.store(asPage, response.headers['set-cookie'] ?? [])
      })
    },
    close() {
      for (const socket of sockets) socket.terminate()
      for (const stream of streams) stream.abort()
      for (const agent of Object.values(agents)) agent.destroy()
    },
  }
}

/** Whether a method is safe (RFC 9110 §9.2.1). */
function isSafe(method: string): boolean {
  return ['GET', 'HEAD', 'OPTIONS', 'TRACE'].includes(method)
}

/** Fetch Metadata §2: sent to trustworthy addresses only. */
function fetchMetadata(
  url: URL,
  { site, mode, dest, user }: { site: Site; mode: string; dest: string; user?: string },
): Record<string, string> {
  if (!isTrustworthy(url)) return {}
  return {
    'Sec-Fetch-Site': site,
    'Sec-Fetch-Mode': mode,
    ...(user === undefined ? {} : { 'Sec-Fetch-User': user }),
    'Sec-Fetch-Dest': dest,
  }
}

type Site = 'none' | 'same-origin' | 'same-site' | 'cross-site'

/** Fetch Metadata §2.3: a chain of redirects is as foreign as its most foreign member. */
function siteOf(from: URL, chain: readonly URL[]): Site {
  if (chain.every((url) => url.origin === from.origin)) return 'same-origin'
  return chain.every((url) => siteName(url) === siteName(from)) ? 'same-site' : 'cross-site'
}

/** Scheme and registrable domain. Test hosts end in a public suffix of one label, `localhost` included. */
function siteName(url: URL): string {
  const isAddress = /^[\d.]+$|^\[/.test(url.hostname)
  const domain = isAddress ? url.hostname : url.hostname.split('.').slice(-2).join('.')
  return `${url.protocol}//${domain}`
}

function withoutHash(url: URL): string {
  const copy = new URL(url)
  copy.hash = ''
  return copy.href
}

function policyOf(from: Answer): string {
  return from.header('referrer-policy')?.split(',').at(-1)?.trim() ?? 'strict-origin-when-cross-origin'
}

const isDowngrade = (from: URL, to: URL): boolean => from.protocol === 'https:' && to.protocol === 'http:'

/**
 * `Origin` goes with unsafe methods (Fetch, "append a request Origin header"). It is `null` when the page's
 * Referrer-Policy hides where people come from, even from its own host, and once a redirect crossed origins.
 */
function originOf(method: string, from: Answer | undefined, chain: readonly URL[]): Record<string, string> {
  if (isSafe(method)) return {}
  if (from === undefined) return { Origin: 'null' }
  const { origin } = from.url
  const policy = policyOf(from)
  const isTainted = new Set(chain.map((url) => url.origin)).size > 1
  const isHidden = chain
    .slice(-1)
    .some(
      (url) =>
        policy === 'no-referrer' ||
        (policy === 'same-origin' && url.origin !== origin) ||
        (policy !== 'unsafe-url' && isDowngrade(from.url, url)),
    )
  return { Origin: isTainted || isHidden ? 'null' : origin }
}

/** Referrer Policy §8.3. */
function refererOf(from: Answer | undefined, to: URL): Record<string, string> {
  if (from === undefined) return {}
  const whole = { Referer: withoutHash(from.url) }
  const originOnly = { Referer: `${from.url.origin}/` }
  const isOwn = from.url.origin === to.origin
  switch (policyOf(from)) {
    case 'no-referrer':
      return {}
    case 'unsafe-url':
      return whole
    case 'origin':
      return originOnly
    case 'origin-when-cross-origin':
      return isOwn ? whole : originOnly
    case 'same-origin':
      return isOwn ? whole : {}
    case 'no-referrer-when-downgrade':
      return isDowngrade(from.url, to) ? {} : whole
    case 'strict-origin':
      return isDowngrade(from.url, to) ? {} : originOnly
    default:
      if (isDowngrade(from.url, to)) return {}
      return isOwn ? whole : originOnly
  }
}

function told(redirects: readonly Redirect[]): string {
  return redirects.map(({ status, to }) => `  ${status} ${to.href}`).join('\n')
}

async function answerOf(
  url: URL,
  response: IncomingMessage,
  redirects: readonly Redirect[],
): Promise<Answer> {
  const chunks: Buffer[] = []
  for await (const chunk of response) chunks.push(chunk as Buffer)
  const body = Buffer.concat(chunks)
  const { headers } = response
  return {
    url,
    status: response.statusCode ?? 0,
    headers,
    rawHeaders: response.rawHeaders,
    body,
    text: body.toString('utf8'),
    redirects,
    header(name) {
      const value = headers[name.toLowerCase()]
      return value === undefined ? null : String(value)
    },
    json: () => JSON.parse(body.toString('utf8')) as unknown,
  }
}

function streamedAnswer(response: IncomingMessage): StreamedAnswer {
  const chunks: Buffer[] = []
  let received = 0
  const text = (): string => Buffer.concat(chunks).toString('utf8')
  response.on('data', (chunk: Buffer) => {
    received += chunk.length
    // Enough to look into an event stream; an export of hundreds of MB is only counted.
    if (received < 4 * 1024 * 1024) chunks.push(chunk)
  })
  response.on('error', () => undefined)
  const ended = new Promise<'complete' | 'broken'>((resolve) => {
    response.on('close', () => {
      resolve(response.complete ? 'complete' : 'broken')
    })
  })
  return {
    status: response.statusCode ?? 0,
    headers: response.headers,
    received: () => received,
    text,
    ended,
    until: (isThere, withinMs = 5_000) =>
      new Promise((resolve, reject) => {
        const look = (): void => {
          if (!isThere(text())) return
          stop()
          resolve(text())
        }
        const fail = (why: string): void => {
          stop()
          reject(new Error(`${why}; the stream said: ${text().slice(-500)}`))
        }
        const onClose = (): void => {
          look()
          fail('the stream ended first')
        }
        const timer = setTimeout(fail, withinMs, `not within ${withinMs} ms`)
        const stop = (): void => {
          clearTimeout(timer)
          response.off('data', look).off('close', onClose)
        }
        response.on('data', look).on('close', onClose)
        look()
        if (response.closed) onClose()
      }),
    pause: () => void response.pause(),
    resume: () => void response.resume(),
    abort: () => void response.destroy(),
  }
}

function opened(
  socket: WebSocket,
  url: URL,
  onResponse: (response: IncomingMessage) => void,
): Promise<ClientSocket> {
  const waiting: { resolve: (text: string) => void; reject: (error: Error) => void }[] = []
  const messages: string[] = []
  let end: { code: number; reason: string } | null = null
  socket.on('message', (data) => {
    const text = (data as Buffer).toString('utf8')
    const first = waiting.shift()
    if (first) first.resolve(text)
    else messages.push(text)
  })
  const closed = new Promise<{ code: number; reason: string }>((resolve) => {
    socket.on('close', (code, reason) => {
      end = { code, reason: reason.toString('utf8') }
      for (const { reject } of waiting.splice(0)) reject(closedError(end))
      resolve(end)
    })
  })
  const next = (withinMs = 5_000): Promise<string> =>
    new Promise((resolve, reject) => {
      const ready = messages.shift()
      if (ready !== undefined) {
        resolve(ready)
        return
      }
      if (end) {
        reject(closedError(end))
        return
      }
      const timer = setTimeout(() => {
        waiting.splice(waiting.indexOf(entry), 1)
        reject(new Error(`no message within ${withinMs} ms`))
      }, withinMs)
      const entry = {
        resolve: (text: string) => {
          clearTimeout(timer)
          resolve(text)
        },
        reject: (error: Error) => {
          clearTimeout(timer)
          reject(error)
        },
      }
      waiting.push(entry)
    })
  return new Promise((resolve, reject) => {
    // Stays on for good: a later reset is told by `closed`, as code 1006.
    socket.on('error', reject)
    socket.on('upgrade', onResponse)
    socket.on('unexpected-response', (_request, response) => {
      onResponse(response)
      answerOf(url, response, []).then((answer) => {
        reject(new UpgradeRefused(answer))
      }, reject)
    })
    socket.on('open', () => {
      resolve({
        socket,
        protocol: socket.protocol,
        closed,
        next,
        send: (message) => socket.send(message),
        close: (code = 1000) => socket.close(code),
      })
    })
  })
}

function closedError(end: { code: number; reason: string }): Error {
  return new Error(`the socket closed first: ${end.code} ${end.reason}`)
}

export interface RawOptions {
  readonly tls?: { readonly ca: string; readonly servername: string }
  /** Silence after which nothing more is expected. Default 300 ms. */
  readonly quietMs?: number
  /** Limit for the whole exchange. Default 5 s. */
  readonly withinMs?: number
}

/**
 * Writes exactly these bytes to a loopback port and gives back all that came, until the server closes or
 * falls silent. For what no HTTP library would send.
 */
export async function rawRequest(
  port: number,
  bytes: string | Buffer,
  options?: RawOptions,
): Promise<string> {
  return (await rawExchange(port, bytes, options)).text
}

/** Like `rawRequest`, and says whether the server closed the connection. */
export function rawExchange(
  port: number,
  bytes: string | Buffer,
  { tls, quietMs = 300, withinMs = 5_000 }: RawOptions = {},
): Promise<{ text: string; isClosed: boolean }> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = []
    const write = (): void => void socket.write(bytes)
    const socket = tls
      ? connectTls({ host: '127.0.0.1', port, ...tls }, write)
      : connect({ host: '127.0.0.1', port }, write)
    const finish = (isClosed: boolean): void => {
      clearTimeout(limit)
      socket.destroy()
      resolve({ text: Buffer.concat(chunks).toString('latin1'), isClosed })
    }
    const limit = setTimeout(finish, withinMs, false)
    socket.on('data', (chunk: Buffer) => {
      chunks.push(chunk)
      socket.setTimeout(quietMs, () => finish(false))
    })
    socket.on('close', () => finish(true))
    socket.on('error', (error: NodeJS.ErrnoException) => {
      // A reset is one way for a server to close on nonsense; a refused connection is a broken test.
      if (error.code === 'ECONNREFUSED') reject(error)
    })
  })
}
