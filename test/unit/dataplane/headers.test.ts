import { normaliseRequest, type NormalisedRequest } from '../../../src/dataplane/index.js'
import { requestHeaders, withoutOwnCookies } from '../../../src/dataplane/request-headers.js'
import {
  mayBeSet,
  readResponse,
  type ResponseContext,
  type ResponseHead,
} from '../../../src/dataplane/response-headers.js'
import type { Endpoint } from '../../../src/model.js'
import { readAnswer } from '../../support/reader.js'

const origin = 'https://press-3.plant-access.example'
const upstream = new URL('http://10.20.3.10:8080')
const secret = 'A'.repeat(43)

function request(
  headers: string[],
  more: { method?: string; url?: string; isUpgrade?: boolean } = {},
): NormalisedRequest {
  const { method = 'GET', url = '/page?q=1', isUpgrade = false } = more
  const rawHeaders = ['Host', 'press-3.plant-access.example', ...headers]
  const result = normaliseRequest({ method, url, httpVersion: '1.1', rawHeaders }, { isUpgrade })
  if ('refused' in result) throw new Error(result.refused)
  return result.request
}

function sent(
  headers: string[],
  more: Parameters<typeof request>[1] & { user?: string; hostHeader?: Endpoint['hostHeader'] } = {},
): [string, string][] {
  const flat = requestHeaders({
    request: request(headers, more),
    endpoint: { hostHeader: more.hostHeader ?? 'upstream' },
    upstream,
    endpointOrigin: origin,
    client: { address: '203.0.113.9', proto: 'https' },
    identity: { user: more.user ?? 'ana@vendor.example', assertion: 'the.signed.assertion' },
  })
  return flat.flatMap((name, i): [string, string][] => (i % 2 === 0 ? [[name, flat[i + 1] ?? '']] : []))
}

const valuesOf = (headers: [string, string][], name: string): string[] =>
  headers.filter(([key]) => key.toLowerCase() === name.toLowerCase()).map(([, value]) => value)

const ours = [
  ['Host', '10.20.3.10:8080'],
  ['X-Forwarded-For', '203.0.113.9'],
  ['X-Forwarded-Proto', 'https'],
  ['X-Forwarded-Host', 'press-3.plant-access.example'],
  ['X-Gatehouse-User', 'ana@vendor.example'],
  ['X-Gatehouse-Assertion', 'the.signed.assertion'],
] as const

describe('the headers a machine receives', () => {
  it('say once who asks, from where and for what', () => {
    const headers = sent([])
    expect(headers).toEqual([...ours, ['Connection', 'keep-alive']])
  })

  it('are the client’s own, with number, order and case, where no rule claims them', () => {
    const own = [
      'accept',
      '*/*',
      'X-Custom',
      'a',
      'Accept-Language',
      'de',
      'x-custom',
      'b\u00e9',
      'Range',
      'bytes=0-',
    ]
    const passed = sent(own).slice(1, 6)
    expect(passed.flat()).toEqual(own)
  })

  it.each([
    'Forwarded',
    'X-Forwarded-For',
    'x-forwarded-host',
    'X-FORWARDED-PROTO',
    'X-Forwarded-User',
    'X-Forwarded-Prefix',
    'X-Real-IP',
    'X-Gatehouse-User',
    'x-gatehouse-assertion',
    'X-Gatehouse-Anything',
    'Via',
    'True-Client-IP',
    'CF-Connecting-IP',
    'X-Original-URL',
    'X-Original-Host',
    'X-Rewrite-URL',
    'X-Remote-User',
    'Remote-User',
    'Remote-Groups',
    'X-Auth-Request-Email',
    'X-Auth-User',
    'X-WebAuth-User',
    'X-Authenticated-User',
    'X-Client-Cert',
    'SSL-Client-Verify',
    'X-SSL-Client-DN',
    'Proxy-Authorization',
    'Proxy-Connection',
    'Proxy',
    'Keep-Alive',
    'TE',
    'Trailer',
    'HTTP2-Settings',
    'Expect',
  ])('never hold a forged %s', (name) => {
    const forged = name === 'Expect' ? '100-continue' : 'forged-value'
    const values = sent([name, forged, 'X-Kept', '1'])
    expect(values.some(([, value]) => value === forged)).toBe(false)
    expect(valuesOf(values, 'x-kept')).toEqual(['1'])
  })

  it('lose what Connection names, but never what Gatehouse or the framing says', () => {
    const names = [
      'x-custom',
      'Host',
      'X-Forwarded-For',
      'x-gatehouse-user',
      'content-length',
      'Cookie',
    ].join(' , ')
    const headers = sent(
      [
        'Connection',
        'keep-alive',
        'X-Custom',
        'a',
        'Connection',
        names,
        'Cookie',
        'a=b',
        'Content-Length',
        '5',
      ],
      { method: 'POST' },
    )
    for (const [name, value] of ours) expect(valuesOf(headers, name)).toEqual([value])
    expect(valuesOf(headers, 'content-length')).toEqual(['5'])
    expect(valuesOf(headers, 'connection')).toEqual(['keep-alive'])
    expect(valuesOf(headers, 'x-custom')).toEqual([])
    expect(valuesOf(headers, 'cookie')).toEqual([])
  })

  it('announce each body exactly, and none where there is none', () => {
    const framing = (method: string, ...headers: string[]): [string, string][] =>
      sent(headers, { method }).filter(([name]) => /^(content-length|transfer-encoding)$/i.test(name))
    expect(framing('GET')).toEqual([])
    expect(framing('DELETE', 'Content-Length', '0')).toEqual([])
    expect(framing('POST')).toEqual([['Content-Length', '0']])
    expect(framing('PUT', 'content-length', '0')).toEqual([['Content-Length', '0']])
    expect(framing('POST', 'content-length', '12')).toEqual([['Content-Length', '12']])
    expect(framing('PATCH', 'transfer-encoding', 'chunked')).toEqual([['Transfer-Encoding', 'chunked']])
  })

  it('speak of the machine where the browser spoke of the endpoint', () => {
    const headers = sent(['Origin', origin, 'Referer', `${origin}/page?x=1`])
    expect(valuesOf(headers, 'origin')).toEqual(['http://10.20.3.10:8080'])
    expect(valuesOf(headers, 'referer')).toEqual(['http://10.20.3.10:8080/page?x=1'])
    expect(valuesOf(sent(['Referer', origin]), 'referer')).toEqual(['http://10.20.3.10:8080'])
  })

  it('keep a foreign Origin and Referer foreign', () => {
    for (const foreign of ['https://evil.example', 'null', `${origin}.evil.example`]) {
      expect(valuesOf(sent(['Origin', foreign, 'Referer', foreign]), 'origin')).toEqual([foreign])
      expect(valuesOf(sent(['Origin', foreign, 'Referer', foreign]), 'referer')).toEqual([foreign])
    }
  })

  it('do not tell the machine the addresses of our own pages', () => {
    expect(valuesOf(sent(['Referer', `${origin}/.gatehouse/enter?code=x`]), 'referer')).toEqual([])
  })

  describe('under the host header of the original', () => {
    const seen = (headers: string[], name: string): string[] =>
      valuesOf(sent(headers, { hostHeader: 'original' }), name)

    it('name the endpoint as the browser knows it', () => {
      const own = ['Origin', origin, 'Referer', `${origin}/page?x=1`]
      expect(seen(own, 'host')).toEqual(['press-3.plant-access.example'])
      expect(seen(own, 'x-forwarded-host')).toEqual(['press-3.plant-access.example'])
      expect(seen(own, 'origin')).toEqual([origin])
      expect(seen(own, 'referer')).toEqual([`${origin}/page?x=1`])
      expect(seen(['Referer', origin], 'referer')).toEqual([origin])
    })

    it('keep a foreign Origin and Referer foreign', () => {
      const foreign = ['Origin', 'https://evil.example', 'Referer', 'https://evil.example/.gatehouse/']
      expect(seen(foreign, 'origin')).toEqual(['https://evil.example'])
      expect(seen(foreign, 'referer')).toEqual(['https://evil.example/.gatehouse/'])
    })

    it('do not tell the machine the addresses of our own pages', () => {
      expect(seen(['Referer', `${origin}/.gatehouse/enter?code=x`], 'referer')).toEqual([])
    })
  })

  it('ask for a WebSocket with the client’s own key', () => {
    const headers = sent(
      [
        ...['Connection', 'keep-alive, Upgrade', 'Upgrade', 'WebSocket'],
        ...['Sec-WebSocket-Key', 'dGhlIHNhbXBsZSBub25jZQ==', 'Sec-WebSocket-Version', '13'],
        ...['Sec-WebSocket-Protocol', 'mqtt', 'Sec-WebSocket-Extensions', 'permessage-deflate'],
      ],
      { isUpgrade: true },
    )
    expect(valuesOf(headers, 'connection')).toEqual(['Upgrade'])
    expect(valuesOf(headers, 'upgrade')).toEqual(['websocket'])
    expect(valuesOf(headers, 'sec-websocket-key')).toEqual(['dGhlIHNhbXBsZSBub25jZQ=='])
    expect(valuesOf(headers, 'sec-websocket-protocol')).toEqual(['mqtt'])
    expect(valuesOf(headers, 'sec-websocket-extensions')).toEqual(['permessage-deflate'])
  })

  it('hold no name that could end a header line', () => {
    const [user] = valuesOf(sent([], { user: 'jörg 100%\r\nX-Admin: 1' }), 'x-gatehouse-user')
    expect(user).toBe('j%C3%B6rg%20100%25%0D%0AX-Admin:%201')
  })
})

describe('a Cookie field', () => {
  it.each([
    [`__Host-gatehouse-pass=${secret}`, null],
    [`a=1; __Host-gatehouse-pass=${secret}; b=2`, 'a=1; b=2'],
    [`__Host-gatehouse=${secret}; a=1`, 'a=1'],
    [`a=1;__host-GATEHOUSE-pass=${secret}`, 'a=1'],
    [`a=1; __Secure-Gatehouse-x=${secret};b=2`, 'a=1;b=2'],
    [`a=1; \t__Host-gatehouse-pass \t=${secret}`, 'a=1'],
    ['__Host-gatehouse', null],
    [`__Host-gatehouse-login-abcd1234=${secret}`, null],
    ['', null],
    ['a=1; b="2;3"', 'a=1; b="2;3"'],
    ['__Host-other=1; x__Host-gatehouse=2', '__Host-other=1; x__Host-gatehouse=2'],
  ])('%j goes up as %j', (field, expected) => {
    expect(withoutOwnCookies(field)).toBe(expected)
    const up = sent(['Cookie', field])
    expect(valuesOf(up, 'cookie')).toEqual(expected === null ? [] : [expected])
    expect(JSON.stringify(up)).not.toContain(secret)
  })
})

const context: ResponseContext = {
  method: 'GET',
  target: '/menu/page?q=1',
  upstream,
  endpointOrigin: origin,
  isRegisteredOrigin: (url) => url === 'https://portal.plant.example',
}
const head = (status: number, headers: string[], method = 'GET'): ResponseHead => {
  const fields = headers.map((text, at) => text + (at % 2 === 0 ? ': ' : '\r\n')).join('')
  const { head: found, problem } = readAnswer([`HTTP/1.1 ${status} OK\r\n${fields}\r\n`], { method })
  if (found === null) throw new Error(problem ?? 'no head')
  return found
}
const read = (headers: string[], status = 200): string[] | string => {
  const answer = readResponse(head(status, headers), context)
  return typeof answer === 'string' ? answer : answer.headers
}

describe('the headers a browser receives', () => {
  it('are the machine’s own, with number, order and case, where no rule claims them', () => {
    const own = [
      'content-type',
      'text/html',
      'X-B',
      '1',
      'x-b',
      '2',
      'Set-Cookie',
      'a=1',
      'Set-Cookie',
      'b=2',
      'ETag',
      '"x"',
    ]
    expect(read(own)).toEqual(own)
  })

  it.each([
    ...['Connection', 'Keep-Alive', 'Proxy-Connection', 'TE', 'Trailer', 'Upgrade'],
    ...['Clear-Site-Data', 'Strict-Transport-Security', 'Alt-Svc', 'Service-Worker-Allowed'],
    ...['Proxy-Authenticate', 'X-Gatehouse-User', 'Public-Key-Pins', 'Public-Key-Pins-Report-Only'],
    ...[
      'Expect-CT',
      'NEL',
      'Report-To',
      'Reporting-Endpoints',
      'Set-Cookie2',
      'X-Accel-Redirect',
      'X-Sendfile',
    ],
  ])('never hold %s', (name) => {
    expect(read([name, 'x', name.toLowerCase(), 'y', 'ETag', 'z'])).toEqual(['ETag', 'z'])
  })

  it('lose what the machine’s Connection names', () => {
    expect(read(['Connection', 'X-A, close', 'x-a', '1', 'X-B', '2'])).toEqual(['X-B', '2'])
  })

  it('put the length last, where Node re-encodes nothing', () => {
    expect(read(['Content-Length', '5', 'Content-Disposition', 'x'])).toEqual([
      ...['Content-Disposition', 'x'],
      ...['Content-Length', '5'],
    ])
  })
})

describe('the body of an answer', () => {
  const framing = (status: number, headers: string[], method = 'GET'): unknown => {
    const answer = readResponse(head(status, headers, method), { ...context, method })
    return typeof answer === 'string' ? answer : [answer.hasBody, answer.length]
  }

  it('follows its length or its chunks', () => {
    expect(framing(200, ['Content-Length', '5'])).toEqual([true, 5])
    expect(framing(200, ['Transfer-Encoding', 'chunked'])).toEqual([true, null])
    expect(framing(404, [])).toEqual([true, null])
    expect(framing(206, ['Content-Length', '5', 'Content-Range', 'bytes 0-4/9'])).toEqual([true, 5])
  })

  it('is absent, with its length kept, after HEAD and in a 304', () => {
    expect(framing(200, ['Content-Length', '5'], 'HEAD')).toEqual([false, 5])
    expect(framing(200, ['Transfer-Encoding', 'chunked'], 'HEAD')).toEqual([false, null])
    expect(framing(304, ['Content-Length', '5'])).toEqual([false, 5])
  })

  it('is absent from 204 and 205', () => {
    expect(framing(204, ['Content-Length', '5'])).toEqual([false, null])
    expect(framing(205, ['Content-Length', '5'])).toEqual([false, 0])
    expect(framing(205, ['Transfer-Encoding', 'chunked'])).toEqual([false, 0])
  })
})

describe('a cookie that a machine sets', () => {
  it.each([
    'a=b',
    'HMISESSION=abc; Path=/; HttpOnly; SameSite=Lax',
    'a=b; Expires=Wed, 21 Oct 2026 07:28:00 GMT; Max-Age=5',
    'a=',
    'a=b; Comment=domain',
    'domain=x; Path=/',
    'host-gatehouse=x',
  ])('%j passes', (field) => {
    expect(mayBeSet(field)).toBe(true)
    expect(read(['Set-Cookie', field])).toEqual(['Set-Cookie', field])
  })

  it.each([
    '__Host-gatehouse=x; Secure; Path=/',
    '__host-GateHouse-pass=x',
    ' __Host-gatehouse-pass=x',
    '__Secure-gatehouse=x',
    '__Host-anything=x',
    '__SECURE-anything=x',
    '__Http-x=1',
    '__Host-Http-x=1',
    'a=b; Domain=plant-access.example',
    'a=b; domain = .plant-access.example',
    'a=b;DOMAIN',
    '=b',
    '=__Host-gatehouse-pass=x',
    '__Host-gatehouse-pass',
    '; Path=/',
    '',
    'a=b\u0000',
    'a=b; Path=/\u0009',
    'a\u0001=b',
  ])('%j is dropped, and the others stay', (field) => {
    expect(mayBeSet(field)).toBe(false)
    // A blank at the end is no part of the field, and the reader refuses the others.
    if (!/[\x00-\x09]/.test(field))
      expect(read(['Set-Cookie', field, 'Set-Cookie', 'ok=1'])).toEqual(['Set-Cookie', 'ok=1'])
  })
})

describe('a redirect', () => {
  it.each([
    ['/login', '/login'],
    ['next', 'next'],
    ['?a=b', '?a=b'],
    ['../up', '../up'],
    ['#top', '#top'],
    // One slash and the page's own scheme: to browsers a relative reference.
    ['https:/login', 'https:/login'],
    ['', ''],
    ['http://10.20.3.10:8080/login?a=b#c', `${origin}/login?a=b#c`],
    ['HTTP://10.20.3.10:8080', `${origin}/`],
    ['https://10.20.3.10:8080/x', `${origin}/x`],
    ['//10.20.3.10:8080/x', `${origin}/x`],
    ['http://admin:secret@10.20.3.10:8080/x', `${origin}/x`],
    ['http://10.20.3.10:8080//evil.example/', `${origin}//evil.example/`],
    [`${origin}/x`, `${origin}/x`],
    ['http://press-3.plant-access.example/x', `${origin}/x`],
    [`${origin}:443/x`, `${origin}:443/x`],
    ['http://press-3.plant-access.example:8080/x', `${origin}/x`],
    ['//Press-3.plant-access.example:8080', `${origin}/`],
    ['https://portal.plant.example/', 'https://portal.plant.example/'],
    ['http://10.20.3.10:8080/\u00c3\u00bc', `${origin}/%C3%BC`],
  ])('to %j reaches the browser as %j', (location, expected) => {
    expect(read(['Location', location], 302)).toEqual(['Location', expected])
  })

  it.each([
    'http://evil.example/',
    '//evil.example/',
    '/\\evil.example/',
    '\\\\evil.example/',
    '/\t/evil.example/',
    ' //evil.example/',
    'http:/evil.example',
    'http://10.20.3.10/',
    'http://10.20.3.10:8081/',
    'http://10.20.3.11:8080/',
    'http://10.20.3.10:8080@evil.example/',
    'http://press-3.plant-access.example.evil.example/',
    'http://press-4.plant-access.example/',
    'http://plant-access.example/',
    'javascript:alert(1)',
    'data:text/html,x',
    'file:///etc/passwd',
    'ftp://10.20.3.10:8080/',
    'http://',
    'http://[::1/',
  ])('to %j is blocked', (location) => {
    expect(read(['Location', location], 302)).toMatch(/redirect/)
    expect(read(['Location', location], 201)).toEqual([])
    expect(read(['Content-Location', location])).toEqual([])
  })
})

describe('a Refresh field', () => {
  it.each([
    ['5', '5'],
    ['5; url=/login', '5; url=/login'],
    ['0;URL="next"', '0;URL="next"'],
    ['0; url=http://10.20.3.10:8080/a', `0; url=${origin}/a`],
    ["3,url='http://10.20.3.10:8080/a'", `3; url=${origin}/a`],
  ])('%j reaches the browser as %j', (value, expected) => {
    expect(read(['Refresh', value])).toEqual(['Refresh', expected])
  })

  it.each([
    '0; url=http://evil.example',
    '0;//evil.example',
    '0 http://evil.example',
    '0,URL="//evil.example',
    "0;url = 'javascript:alert(1)'",
  ])('%j is dropped', (value) => {
    expect(read(['Refresh', value, 'ETag', 'x'])).toEqual(['ETag', 'x'])
  })
})
