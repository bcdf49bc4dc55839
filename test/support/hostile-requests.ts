/** How a client words requests that would be let in if nothing were wrong with them. */
export interface Words {
  readonly host: string
  request(line: string, ...fields: string[]): string
  /** A GET of it. */
  target(text: string): string
  /** A GET with these fields besides. */
  field(...fields: string[]): string
  /** A GET with these in place of the Host. */
  hosts(...fields: string[]): string
  post(body: string, ...fields: string[]): string
}

/** @param cookie with a pass for `host` */
export function wordsOf(host: string, cookie: string): Words {
  const request = (line: string, ...fields: string[]): string =>
    [line, `Host: ${host}`, `Cookie: ${cookie}`, ...fields, '', ''].join('\r\n')
  return {
    host,
    request,
    target: (text) => request(`GET ${text} HTTP/1.1`),
    field: (...fields) => request('GET / HTTP/1.1', ...fields),
    hosts: (...fields) => ['GET / HTTP/1.1', ...fields, `Cookie: ${cookie}`, '', ''].join('\r\n'),
    post: (body, ...fields) => request('POST /set HTTP/1.1', ...fields) + body,
  }
}

export const chunked = 'Transfer-Encoding: chunked'

/** What must be refused, whoever asks: what is wrong with it, and its bytes, in latin1. */
export const hostileRequests: readonly [string, (words: Words) => string][] = [
  ['an absolute-form target', (words) => words.target(`http://${words.host}/`)],
  ['an absolute-form target of somebody else', (words) => words.target('http://evil.example/')],
  ['an authority-form target', (words) => words.target(words.host)],
  ['an asterisk', (words) => words.target('*')],
  ['a target without a slash', (words) => words.target('index.html')],
  ['no target', (words) => words.request('GET  HTTP/1.1')],
  ['a dot segment', (words) => words.target('/a/../b')],
  ['a single dot', (words) => words.target('/a/./b')],
  ['a dot segment at the end', (words) => words.target('/a/..')],
  ['an encoded dot segment', (words) => words.target('/a/%2e%2e/b')],
  ['a half-encoded dot segment', (words) => words.target('/a/.%2E/b')],
  ['a dot segment encoded twice', (words) => words.target('/a/%252e%252e/b')],
  ['a dot segment encoded three times', (words) => words.target('/a/%25252e%25252e/b')],
  ['a dot segment with a parameter', (words) => words.target('/a/..;x=1/b')],
  ['a double slash', (words) => words.target('/a//b')],
  ['a target that names a host', (words) => words.target('//evil.example/')],
  ['a backslash', (words) => words.target('/a\\b')],
  ['an encoded backslash', (words) => words.target('/a%5cb')],
  ['an encoded slash', (words) => words.target('/a%2fb')],
  ['a slash encoded twice', (words) => words.target('/a%252fb')],
  ['an encoded NUL', (words) => words.target('/a%00')],
  ['an encoded line feed', (words) => words.target('/a%0ab')],
  ['an overlong slash', (words) => words.target('/a%c0%afb')],
  ['an overlong dot', (words) => words.target('/%c0%ae%c0%ae/b')],
  ['half a percent sign', (words) => words.target('/a%2')],
  ['a percent sign with letters', (words) => words.target('/a%zz')],
  ['a raw 8-bit byte', (words) => words.target('/caf\xe9')],
  ['a control byte in the target', (words) => words.target('/a\x01b')],
  ['a DEL in the target', (words) => words.target('/a\x7fb')],
  ['a tab in the target', (words) => words.target('/a\tb')],
  ['a fragment', (words) => words.target('/a#b')],
  ['a target of 9,000 bytes', (words) => words.target(`/${'a'.repeat(9_000)}`)],
  ['no Host', (words) => words.hosts()],
  ['an empty Host', (words) => words.hosts('Host: ')],
  ['two Hosts', (words) => words.hosts(`Host: ${words.host}`, `Host: ${words.host}`)],
  ['two different Hosts', (words) => words.hosts(`Host: ${words.host}`, 'Host: evil.example')],
  ['a list of Hosts', (words) => words.hosts(`Host: ${words.host}, ${words.host}`)],
  ['a Host with another port', (words) => words.hosts(`Host: ${words.host.replace(/\d+$/, '1')}`)],
  ['a Host without its port', (words) => words.hosts(`Host: ${words.host.replace(/:\d+$/, '')}`)],
  ['a Host with a user', (words) => words.hosts(`Host: me@${words.host}`)],
  ['a Host with a path', (words) => words.hosts(`Host: ${words.host}/a`)],
  ['a Host with a dot behind it', (words) => words.hosts(`Host: ${words.host.replace(':', '.:')}`)],
  ['a Host of somebody else', (words) => words.hosts('Host: evil.example')],
  ['a header name with an underscore', (words) => words.field('X_Forwarded_For: 1')],
  ['a header name with a dot', (words) => words.field('X.Forwarded.For: 1')],
  ['a header name with a blank', (words) => words.field('X Header: 1')],
  ['an empty header name', (words) => words.field(': 1')],
  ['a blank before the colon', (words) => words.field('X-Header : 1')],
  ['a folded header', (words) => words.field('X-Header: a\r\n b')],
  ['a bare line feed', (words) => words.field('X-Header: a\nX-Other: b')],
  ['a bare carriage return', (words) => words.field('X-Header: a\rX-Other: b')],
  ['a NUL in a header', (words) => words.field('X-Header: a\x00b')],
  ['a control byte in a header', (words) => words.field('X-Header: a\x01b')],
  ['a header line without a colon', (words) => words.field('X-Header')],
  ['a blank before the first header', (words) => words.request('GET / HTTP/1.1\r\n X: 1')],
  ['101 headers', (words) => words.field(...Array.from({ length: 101 }, (_, index) => `X-${index}: 1`))],
  ['17 KB of headers', (words) => words.field(`X-Header: ${'a'.repeat(17_000)}`)],
  ['100 KB of headers', (words) => words.field(`X-Header: ${'a'.repeat(100_000)}`)],
  ['a length and a coding', (words) => words.post('0\r\n\r\n', 'Content-Length: 5', chunked)],
  ['a coding and a length', (words) => words.post('0\r\n\r\n', chunked, 'Content-Length: 5')],
  ['two lengths', (words) => words.post('abc', 'Content-Length: 3', 'Content-Length: 4')],
  ['two equal lengths', (words) => words.post('abc', 'Content-Length: 3', 'Content-Length: 3')],
  ['a list of lengths', (words) => words.post('abc', 'Content-Length: 3, 3')],
  ['a length with a sign', (words) => words.post('abc', 'Content-Length: +3')],
  ['a negative length', (words) => words.post('abc', 'Content-Length: -3')],
  ['a length in hexadecimal', (words) => words.post('abc', 'Content-Length: 0x3')],
  ['a length with a zero before it', (words) => words.post('abc', 'Content-Length: 03')],
  ['an endless length', (words) => words.post('abc', 'Content-Length: 99999999999999999999')],
  ['no length at all', (words) => words.post('abc', 'Content-Length: ')],
  ['the coding gzip', (words) => words.post('abc', 'Transfer-Encoding: gzip')],
  ['a coding before chunked', (words) => words.post('0\r\n\r\n', 'Transfer-Encoding: gzip, chunked')],
  ['chunked twice', (words) => words.post('0\r\n\r\n', 'Transfer-Encoding: chunked, chunked')],
  ['two codings', (words) => words.post('0\r\n\r\n', chunked, 'Transfer-Encoding: identity')],
  ['chunked in capitals', (words) => words.post('0\r\n\r\n', 'Transfer-Encoding: Chunked')],
  ['chunked in quotes', (words) => words.post('0\r\n\r\n', 'Transfer-Encoding: "chunked"')],
  ['chunked with a tab', (words) => words.post('0\r\n\r\n', 'Transfer-Encoding: \x0bchunked')],
  ['a coding in HTTP/1.0', (words) => words.request('POST /set HTTP/1.0', chunked) + '0\r\n\r\n'],
  ['HTTP/0.9', () => 'GET /\r\n\r\n'],
  ['HTTP/1.2', (words) => words.request('GET / HTTP/1.2')],
  ['HTTP/2 with prior knowledge', () => 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n'],
  ['another protocol', (words) => words.request('GET / HTCPCP/1.0')],
  [
    'a trailer that is announced and identifies',
    (words) => words.post('0\r\n\r\n', chunked, 'Trailer: Cookie'),
  ],
  [
    'a trailer that is announced and frames',
    (words) => words.post('0\r\n\r\n', chunked, 'Trailer: Content-Length'),
  ],
  ['an unknown method', (words) => words.request('BREW / HTTP/1.1')],
  ['a method in small letters', (words) => words.request('get / HTTP/1.1')],
  ['TRACE', (words) => words.request('TRACE / HTTP/1.1')],
  ['a tunnel', (words) => words.request('CONNECT 127.0.0.1:80 HTTP/1.1')],
  ['a tunnel to the host itself', (words) => words.request(`CONNECT ${words.host} HTTP/1.1`)],
  ['a method of WebDAV', (words) => words.request('PROPFIND / HTTP/1.1')],
  [
    'another method in a header',
    (words) => words.post('', 'X-HTTP-Method-Override: DELETE', 'Content-Length: 0'),
  ],
  ['an Expect that nobody knows', (words) => words.post('abc', 'Expect: 200-ok', 'Content-Length: 3')],
  ['a body of GET', (words) => words.request('GET / HTTP/1.1', 'Content-Length: 3') + 'abc'],
  ['a chunked body of GET', (words) => words.request('GET / HTTP/1.1', chunked) + '3\r\nabc\r\n0\r\n\r\n'],
  ['a body of DELETE', (words) => words.request('DELETE /a HTTP/1.1', 'Content-Length: 3') + 'abc'],
  [
    'a chunked body of DELETE',
    (words) => words.request('DELETE /a HTTP/1.1', chunked) + '3\r\nabc\r\n0\r\n\r\n',
  ],
  ['a body of OPTIONS', (words) => words.request('OPTIONS /a HTTP/1.1', chunked) + '3\r\nabc\r\n0\r\n\r\n'],
  ['a body of HEAD', (words) => words.request('HEAD / HTTP/1.1', 'Content-Length: 3') + 'abc'],
  [
    'an upgrade to HTTP/2',
    (words) =>
      words.field('Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAMAAABkAAQAAP__'),
  ],
  ['an upgrade to something else', (words) => words.field('Connection: Upgrade', 'Upgrade: TLS/1.0')],
  [
    'an upgrade to two things',
    (words) => words.field('Connection: Upgrade', 'Upgrade: websocket, h2c', 'Sec-WebSocket-Version: 13'),
  ],
  [
    'a WebSocket without a key',
    (words) => words.field('Connection: Upgrade', 'Upgrade: websocket', 'Sec-WebSocket-Version: 13'),
  ],
  ['bytes of TLS', () => '\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03\r\n\r\n'],
]
