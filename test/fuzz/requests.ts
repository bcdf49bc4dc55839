import { isPathOpen, normaliseRequest, type NormalisedRequest } from '../../src/dataplane/index.js'
import { hopByHop, reservedInRequests, rewrittenInRequests } from '../../src/dataplane/names.js'
import { bodyFraming, requestHeaders } from '../../src/dataplane/request-headers.js'
import { requestText } from '../../src/dataplane/wire-client.js'
import { lenientRequests, type LenientRequest } from '../../src/model.js'
import { naiveServers } from '../support/naive-servers.js'
import { shorter, type Subject } from './campaign.js'
import { chunks, readByNode } from './node-parser.js'
import { mutated, type Random } from './random.js'

/** What Node's parser tells of a request. */
export interface Asked {
  readonly method: string
  readonly url: string
  readonly httpVersion: string
  readonly rawHeaders: string[]
  readonly isUpgrade: boolean
  /** Latin-1, without its framing. */
  readonly body: string
}

export interface Sample extends Asked {
  readonly lenient: readonly LenientRequest[]
  readonly hostHeader: 'upstream' | 'original'
}

/** What is known besides the request where it is forwarded. */
export interface Context {
  readonly endpoint: { readonly hostHeader: 'upstream' | 'original' }
  readonly upstream: URL
  readonly endpointOrigin: string
  readonly client: { readonly address: string; readonly proto: 'http' | 'https' }
  readonly identity: { readonly user: string; readonly assertion: string }
}

const surroundings = {
  upstream: new URL('http://machine.invalid:8080'),
  endpointOrigin: 'https://press-3.plant-access.example',
  client: { address: '192.0.2.7', proto: 'https' as const },
  identity: { user: 'ana@vendor.example', assertion: 'assertion' },
}

const openPaths = ['/hmi/', '/api/values']

/**
 * Holds what goes upstream to what was authorised and recorded: the same method and target, byte for byte, and
 * just the headers that docs/reference/headers.md says; to Node's parser it is that one request and nothing
 * more. Where a rule on paths lets it pass, it lies within the rule however a server reads it.
 */
export const requests: Subject<Sample> = {
  generate: (random) =>
    request(
      random,
      surroundings.endpointOrigin,
      random.once(2) ? [] : lenientRequests.filter(() => random.once(2)),
    ),

  judge(sample) {
    const { isUpgrade, lenient } = sample
    const openings = new Set(lenient)
    const normalised = normaliseRequest(sample, { isUpgrade, openingsOf: () => openings })
    if ('refused' in normalised) return { outcome: 'refused' }
    const context = { ...surroundings, endpoint: sample }
    const authorised = normalised.request
    const asked = { ...sample, body: announced(authorised, sample.body) }
    const sent = forwarded(authorised, asked.body, context)
    const wrong =
      unlike(authorised, asked) ??
      misread(sent, asked, context) ??
      outOfBounds(authorised.path) ??
      climbing(authorised.path)
    if (wrong !== null) return { wrong }
    if (openings.size === 0 || !('refused' in normaliseRequest(sample, { isUpgrade })))
      return { outcome: 'forwarded' }
    return { outcome: 'forwarded through an opening' }
  },

  *simpler(sample) {
    for (const url of shorter(sample.url)) yield { ...sample, url }
    for (let i = 0; i < sample.rawHeaders.length; i += 2)
      yield { ...sample, rawHeaders: sample.rawHeaders.toSpliced(i, 2) }
    for (const [i, text] of sample.rawHeaders.entries())
      for (const less of shorter(text)) yield { ...sample, rawHeaders: sample.rawHeaders.with(i, less) }
  },

  show: (sample) => JSON.stringify(sample, null, 1),
}

// ── judging ──────────────────────────────────────────────────────────────────────────────────────

/** As much of a body as Node's parser would have found. */
function announced(request: NormalisedRequest, body: string): string {
  const framing = bodyFraming(request)
  if (framing !== 'length') return framing === 'none' ? '' : body
  const length = Number(request.header('content-length'))
  return body.padEnd(length, 'x').slice(0, length)
}

/** As the gateway and the exchange do it. */
function forwarded(request: NormalisedRequest, body: string, context: Context): string {
  const { method, target } = request
  const framing = bodyFraming(request)
  const head = requestText({
    method,
    target,
    headers: requestHeaders({ ...context, request }),
    body: framing,
  })
  if (framing === 'none') return head
  return head + (framing === 'length' ? body : chunks(body))
}

/** Whether what is decided on and recorded is what was asked for. */
export function unlike(authorised: NormalisedRequest, { method, url }: Asked): string | null {
  const { path, query, target } = authorised
  const isAsked =
    authorised.method === method && target === url && (query === null ? path : `${path}?${query}`) === url
  const isFixed =
    Object.isFrozen(authorised) &&
    Object.isFrozen(authorised.headers) &&
    authorised.headers.every((header) => Object.isFrozen(header))
  if (isAsked && isFixed) return null
  return `authorised ${isFixed ? '' : 'and changeable '}${JSON.stringify(authorised)}`
}

/** Whether a machine that received this received what was asked for. */
export function misread(received: string, asked: Asked, context: Context): string | null {
  const expected = expectedHead(asked, context)
  const last = Math.max(0, received.length - 1)
  const bytes = Buffer.from(received, 'latin1')
  const { messages, problem } = readByNode([bytes.subarray(0, last), bytes.subarray(last)], {
    type: 'REQUEST',
  })
  const read = messages[0]
  const isSame =
    received.startsWith(expected) &&
    problem === null &&
    messages.length === 1 &&
    read?.endedIn === 2 &&
    read.method === asked.method &&
    read.target === asked.url &&
    read.body === asked.body
  if (isSame) return null
  return `sent ${JSON.stringify(received)}, not ${JSON.stringify(expected)}, read as ${JSON.stringify({ ...read, problem })}`
}

/** Whether a rule on paths would let it pass to where, to some server, the rule does not reach. */
function outOfBounds(path: string): string | null {
  if (!isPathOpen(openPaths, path)) return null
  for (const [server, reads] of Object.entries(naiveServers)) {
    const seen = reads(path)
    if (seen !== '/hmi' && !seen.startsWith('/hmi/') && seen !== '/api/values')
      return `open, though a server that ${server} sees ${seen}`
  }
  return null
}

/** Whether some server finds a dot segment, however often it decodes and whatever is opened. */
function climbing(path: string): string | null {
  let text = path
  for (let layer = 0; layer < 4; layer += 1) {
    if (/(?:^|[/\\])\.\.?(?:;[^/]*)?(?:[/\\]|$)/.test(text)) return `climbs once decoded ${layer} times`
    text = text.replace(/%([0-9a-f]{2})/gi, (_, hex: string) => String.fromCharCode(parseInt(hex, 16)))
  }
  return null
}

/** Written from docs/reference/headers.md and the tables that it explains. */
export function expectedHead({ method, url, rawHeaders, isUpgrade }: Asked, context: Context): string {
  const { upstream, endpointOrigin, endpoint, client, identity } = context
  const isOriginal = endpoint.hostHeader === 'original'
  const fields = Array.from({ length: rawHeaders.length / 2 }, (_, i) => ({
    name: rawHeaders[2 * i] ?? '',
    key: (rawHeaders[2 * i] ?? '').toLowerCase(),
    value: rawHeaders[2 * i + 1] ?? '',
  }))
  const valueOf = (sought: string): string | undefined => fields.find(({ key }) => key === sought)?.value
  const ofConnection = fields
    .filter(({ key }) => key === 'connection')
    .flatMap(({ value }) => value.toLowerCase().split(/\s*,\s*/))
    .map((name) => name.trim())
  let text = `${method} ${url} HTTP/1.1\r\n`
  const add = (name: string, value: string): void => void (text += `${name}: ${value}\r\n`)
  add('Host', isOriginal ? new URL(endpointOrigin).host : upstream.host)
  for (const { name, key, value } of fields) {
    const isTaken =
      hopByHop.has(key) ||
      rewrittenInRequests.has(key) ||
      reservedInRequests.names.has(key) ||
      reservedInRequests.prefixes.some((prefix) => key.startsWith(prefix)) ||
      ofConnection.includes(key)
    if (isTaken) continue
    const own = new RegExp(`^${endpointOrigin.replaceAll('.', '\\.')}(?=${key === 'origin' ? '' : '/|'}$)`)
    const seenFrom = isOriginal ? value : value.replace(own, upstream.origin)
    if (key === 'cookie') {
      const kept = value.split(';').filter((pair) => !/^\s*__(?:host|secure)-gatehouse/i.test(pair))
      if (/[^\t ]/.test(kept.join(';'))) add(name, kept.join(';').replace(/^[\t ]+/, ''))
    } else if (key === 'origin') add(name, seenFrom)
    else if (key !== 'referer') add(name, value)
    else if (!value.startsWith(`${endpointOrigin}/.gatehouse/`)) add(name, seenFrom)
  }
  const length = valueOf('content-length') ?? '0'
  if (valueOf('transfer-encoding') !== undefined) add('Transfer-Encoding', 'chunked')
  else if (length !== '0' || ['POST', 'PUT', 'PATCH'].includes(method)) add('Content-Length', length)
  if (isUpgrade) {
    add('Connection', 'Upgrade')
    add('Upgrade', 'websocket')
  }
  add('X-Forwarded-For', client.address)
  add('X-Forwarded-Proto', client.proto)
  add('X-Forwarded-Host', valueOf('host')?.toLowerCase() ?? '')
  add('X-Gatehouse-User', identity.user)
  add('X-Gatehouse-Assertion', identity.assertion)
  if (!isUpgrade) add('Connection', 'keep-alive')
  return `${text}\r\n`
}

// ── making ───────────────────────────────────────────────────────────────────────────────────────

/** How seldom one part of a request is odd. Half of all requests are right but for the mutations. */
const seldom = 12
const never = 2 ** 31

/** @param endpointOrigin what its Origin and Referer may name */
export function request(random: Random, endpointOrigin: string, lenient: readonly LenientRequest[]): Sample {
  const odd = random.once(2) ? seldom : never
  const isUpgrade = random.once(10)
  const method = isUpgrade ? 'GET' : random.oddly(odd, methods, oddMethods)
  const takesBody = ['POST', 'PUT', 'PATCH', ...(lenient.includes('delete-body') ? ['DELETE'] : [])]
  const framing = random.oddly(odd, takesBody.includes(method) ? framings : ['none'], [...framings, 'both'])
  const body = framing === 'none' ? '' : random.pick(bodies)
  const fields = someFields(random, odd, endpointOrigin, lenient)
  fields.push(...random.oddly(odd, [[['Host', random.oddly(odd, hosts, oddHosts)]]], oddHostFields))
  if (framing === 'length' || framing === 'both')
    fields.push(['Content-Length', random.oddly(odd, [String(body.length)], oddLengths)])
  if (framing === 'chunked' || framing === 'both')
    fields.push([random.pick(codingNames), random.oddly(odd, ['chunked'], oddCodings)])
  if (isUpgrade) for (const part of handshake) if (!random.once(odd)) fields.push(part)
  if (random.once(odd * 4)) fields.push(...Array.from({ length: 120 }, () => ['X-A', 'b'] as const))
  const url = target(random, odd, lenient.length > 0 ? 6 : 60)
  return {
    method,
    url: random.once(10) ? mutated(random, url) : url,
    httpVersion: random.oddly(odd * 2, ['1.1'], ['1.0', '2.0', '0.9', '1.2']),
    rawHeaders: shuffled(random, fields).flatMap(([name, value]) => [name, trimmed(value)]),
    isUpgrade,
    body,
    lenient,
    hostHeader: random.pick(['upstream', 'original']),
  }
}

const methods = ['GET', 'GET', 'GET', 'HEAD', 'OPTIONS', 'POST', 'PUT', 'PATCH', 'DELETE']
const oddMethods = ['TRACE', 'CONNECT', 'get', 'PROPFIND', 'BREW', 'G ET', '', 'GET\t', 'PRI', 'GET\r\n']
const framings = ['none', 'length', 'chunked']
const bodies = ['', 'a', 'hello', '0\r\n\r\n', 'GET /admin HTTP/1.1\r\nHost: a\r\n\r\n', '\0\xff\r\n']
const oddLengths = ['+5', '-1', '05', '5, 5', '5 ', '0x5', '', '99999999999999999999', '5\t', '5;']
const codingNames = ['Transfer-Encoding', 'transfer-encoding']
const oddCodings = [
  'Chunked',
  'gzip, chunked',
  'chunked, chunked',
  'identity',
  'chunked;a',
  '',
  'x',
  'chunked\x0b',
]

const starts = ['/', '/', '/', '/hmi/', '/hmi/', '/api/values']
const oddStarts = [
  '',
  '*',
  '//',
  'http://machine.invalid/',
  'machine.invalid:80',
  '/.gatehouse/',
  '/.GateHouse/',
  '\\',
  ' /',
  '/%2egatehouse/',
  '//.gatehouse/',
]
const plain = [
  'a',
  'hmi',
  '/',
  '/x.html',
  '~',
  '%20',
  '%C3%BC',
  '-',
  '/.hidden',
  '/api',
  'values',
  '=',
  '@',
  ':',
  ',',
  '!',
  "'",
  '(',
  ')',
  '[',
  ']',
  '|',
  '^',
  '%41',
  '$',
  '&',
  '+',
  '*',
]
const opened = ['//', ';', '%2F', '%2f', ';x=y', '%252F', '/;/', '%3B', ';/', '///']
const odd = [
  '..',
  '/../',
  '/./',
  '%2e',
  '%2e%2e',
  '\\',
  '%5c',
  '%00',
  '%0a',
  '%',
  '%zz',
  '#',
  '%c0%af',
  '%ff',
  '\0',
  '\r\n',
  '\n',
  ' ',
  '\t',
  '\x7f',
  '\xe9',
  '%25252f',
  '/.',
  '/.. /',
  '%80',
  '"',
  '<',
  '`',
  '{',
  '/.gatehouse/',
  '%2F..',
  '..;',
  '%253b',
  '..%2f',
  '%20..',
  '/...',
  '%7f',
  '%u002f',
  '\u0100',
  '\u2028',
]
const inQueries = [
  'a',
  '=',
  '&',
  'b=c',
  '%20',
  '/',
  '..',
  ';',
  '?',
  '%2F',
  '//',
  '[',
  "'",
  '{',
  '|',
  '\\',
  '%0d%0a',
  'http://x/',
]

function target(random: Random, oddness: number, seldomOpened: number): string {
  const piece = (): string =>
    random.once(seldomOpened) ? random.pick(opened) : random.oddly(oddness, plain, odd)
  const path = random.oddly(oddness, starts, oddStarts) + random.many(6, piece).join('')
  if (!random.once(3)) return path
  return `${path}?${random.many(4, () => random.oddly(oddness, inQueries, odd)).join('')}`
}

type Field = readonly [name: string, value: string]

const hosts = [
  'press-3.plant-access.example',
  'PRESS-3.plant-access.example:8443',
  'press-3.localhost:8080',
  '[::1]:80',
]
const oddHosts = [
  '',
  'a b',
  'a, b',
  'a@b',
  'a:',
  'a:0',
  'a:99999',
  'a.',
  'a_b',
  'a/b',
  '\xe9',
  'a\r\nX: y',
  'a#',
  '[::1',
]
const oddHostFields: readonly Field[][] = [
  [],
  [
    ['Host', 'a'],
    ['Host', 'a'],
  ],
  [
    ['Host', 'a'],
    ['host', 'b'],
  ],
  [['Host ', 'a']],
]
const handshake: readonly Field[] = [
  ['Connection', 'keep-alive, Upgrade'],
  ['Upgrade', 'websocket'],
  ['Sec-WebSocket-Version', '13'],
  ['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ=='],
]
const names = [
  'Accept',
  'User-Agent',
  'X-Requested-With',
  'accept-LANGUAGE',
  'Authorization',
  'Content-Type',
  'X-A',
  'x-a',
  'X-B',
  'If-None-Match',
  "a!#$%&'*+-^`|~1",
  '__proto__',
  'constructor',
]
const claimed = [...hopByHop, ...reservedInRequests.names, ...reservedInRequests.prefixes].filter(
  (name) =>
    !['te', 'trailer', 'transfer-encoding', 'upgrade', 'connection'].includes(name) &&
    !name.includes('method'),
)
const oddNames = [
  ...hopByHop,
  ...rewrittenInRequests,
  'X_A',
  'X.A',
  '',
  'X A',
  'X:',
  'X\xe9',
  'X\r\n',
  'X\0',
  'X-Forwarded_For',
  'X_Gatehouse_User',
  'Host_',
  '_Host',
  'Content_Length',
  'Transfer_Encoding',
  'X-HTTP-Method-Override',
  'x\u212a',
  '"X"',
  '(X)',
]
const values = [
  '',
  'b',
  'a b',
  'a\tb',
  '"q", W/"r"',
  'text/html;q=0.9, */*',
  '\xfc\xe4',
  'a:b',
  'voil\xc3\xa0',
  '\xa0b\xa0',
  '0',
  'x-a',
  'close, X-B',
]
const oddValues = [
  '\0',
  'a\r\nX-Gatehouse-User: root',
  'a\nb',
  'a\rb',
  '\x7f',
  '\x0b',
  '\u0100',
  '\ud83d\ude00',
  'a\r\n\r\nGET / HTTP/1.1',
  '\x01',
  'x'.repeat(17_000),
]
const cookies = [
  'a=b',
  'c="d e"',
  '__Host-gatehouse=t',
  '__Host-gatehouse-pass=t',
  '__host-GATEHOUSE=t',
  '__Secure-gatehouse-x=1',
  '__Host-other=1',
  'e=voil\xc3\xa0',
  'f',
  '',
  '=__Host-gatehouse',
  'g=\xa0',
]

function someFields(
  random: Random,
  oddness: number,
  endpointOrigin: string,
  lenient: readonly string[],
): Field[] {
  const value = (): string => random.oddly(oddness, values, oddValues)
  const underscored = `X${random.pick(['_', '__', '-'])}${random.pick(['A', 'B', 'Forwarded_For', 'Auth_User'])}`
  const ways: readonly (() => Field)[] = [
    () => [random.pick(names), value()],
    () => [random.pick(names), value()],
    () => [random.pick(claimed) + random.pick(['', '', 'x', 'User']), value()],
    () => ['Cookie', random.many(4, () => random.pick(cookies)).join(random.pick(['; ', ';', ' ; ']))],
    () => ['Origin', random.pick([endpointOrigin, 'https://other.example', 'null', `${endpointOrigin}.x`])],
    () => [
      'Referer',
      endpointOrigin + random.pick(['', '/', '/a?b', '/.gatehouse/enter?code=c', '.x/', ':8443/']),
    ],
    () => [
      'Connection',
      random.pick(['keep-alive', 'close', 'X-A', 'x-b , X-Requested-With', 'cookie', ',', '\xa0accept']),
    ],
    () => [lenient.includes('underscore-headers') ? underscored : random.pick(names), value()],
    () => [random.once(oddness) ? random.pick(oddNames) : random.pick(names), value()],
  ]
  return shuffled(random, ways)
    .slice(0, random.below(ways.length))
    .map((make) => make())
}

/** As Node's parser hands them on. */
function trimmed(value: string): string {
  return value.replace(/^[\t ]+|[\t ]+$/g, '')
}

function shuffled<T>(random: Random, items: readonly T[]): T[] {
  return items
    .map((item) => ({ item, at: random.below(2 ** 20) }))
    .sort((a, b) => a.at - b.at)
    .map(({ item }) => item)
}
