import fc from 'fast-check'
import { normaliseRequest, type NormalisedRequest, type RawRequest } from '../../../src/dataplane/index.js'
import { lenientRequests, type LenientRequest } from '../../../src/model.js'

const host = 'press-3.plant-access.example'

function message(changes: Partial<RawRequest> & { headers?: string[] } = {}): RawRequest {
  const { headers = [], ...rest } = changes
  return { method: 'GET', url: '/', httpVersion: '1.1', rawHeaders: ['Host', host, ...headers], ...rest }
}

function verdict(changes: Parameters<typeof message>[0], isUpgrade = false): string {
  const result = normaliseRequest(message(changes), { isUpgrade })
  return 'refused' in result ? result.refused : 'accepted'
}

function accepted(changes: Parameters<typeof message>[0]): NormalisedRequest {
  const result = normaliseRequest(message(changes), { isUpgrade: false })
  if ('refused' in result) throw new Error(result.refused)
  return result.request
}

const atTarget = (url: string): string => verdict({ url })
const withHeaders = (...headers: string[]): string => verdict({ headers })

describe('a request target that real software sends', () => {
  it.each([
    '/',
    '/index.html',
    '/api/v1/query?query=up%7Bjob%3D%22press%22%7D%5B5m%5D&time=1.5',
    '/graph?g0.expr=sum(rate(http_requests_total%5B5m%5D))%20by%20(job)&g0.tab=0',
    '/q?next=https://elsewhere.example//a/../b;c=d&path=%2F%2e%2e%2Fetc',
    '/q?',
    '/q?a?b',
    '/search?q=[a]|{b}`^\\',
    '/files/100%25',
    '/files/a%20b%C3%A9.csv',
    '/node-red/comms',
    "/~user/-._!$&'()*+,=:@[x]|^",
    '/.well-known/x',
    '/a..b/.hidden/c.',
    '/long/' + 'x'.repeat(8000),
  ])('is accepted as it is: %s', (url) => {
    expect(accepted({ url }).target).toBe(url)
  })

  it('is split at the first question mark only', () => {
    expect(accepted({ url: '/a?b?c' })).toMatchObject({ path: '/a', query: 'b?c', target: '/a?b?c' })
    expect(accepted({ url: '/a?' })).toMatchObject({ path: '/a', query: '' })
    expect(accepted({ url: '/a' })).toMatchObject({ path: '/a', query: null })
  })
})

describe('a request target that two servers could read differently', () => {
  it.each([
    ['', 'target-form'],
    ['*', 'target-form'],
    ['a', 'target-form'],
    ['?a', 'target-form'],
    ['http://press-3.plant-access.example/', 'target-form'],
    ['press-3.plant-access.example:443', 'target-form'],
    ['/' + 'a'.repeat(8192), 'target-length'],
    ['/a#b', 'fragment'],
    ['/a?b#c', 'fragment'],
    ['//', 'double-slash'],
    ['//evil.example/', 'double-slash'],
    ['/a//b', 'double-slash'],
    ['/a//', 'double-slash'],
    ['/.', 'dot-segment'],
    ['/..', 'dot-segment'],
    ['/a/./b', 'dot-segment'],
    ['/a/../b', 'dot-segment'],
    ['/a/..', 'dot-segment'],
    ['/a/..?q', 'dot-segment'],
    ['/a/.../b', 'dot-segment'],
    ['/a/..%20/b', 'dot-segment'],
    ['/%2e', 'dot-segment'],
    ['/%2E%2E/b', 'dot-segment'],
    ['/.%2e/b', 'dot-segment'],
    ['/%252e%252e/b', 'dot-segment'],
    ['/%25%32%65./b', 'dot-segment'],
    ['/%2525252e%2e', 'escape-nested'],
    ['/%25252e./b', 'dot-segment'],
    ['/%25252525', 'escape-nested'],
    ['/a\\b', 'backslash'],
    ['/\\evil.example', 'backslash'],
    ['/a%5cb', 'backslash'],
    ['/a%255Cb', 'backslash'],
    ['/a%2fb', 'encoded-slash'],
    ['/a%2Fb', 'encoded-slash'],
    ['/a%252fb', 'encoded-slash'],
    ['/a%25252fb', 'encoded-slash'],
    ['/a;b', 'matrix-params'],
    ['/..;/manager', 'matrix-params'],
    ['/a%3bb', 'matrix-params'],
    ['/a%00', 'encoded-control'],
    ['/a%2500', 'encoded-control'],
    ['/a%0d%0ab', 'encoded-control'],
    ['/a%7f', 'encoded-control'],
    ['/a%C2%85', 'encoded-control'],
    ['/a?b=%00', 'encoded-control'],
    ['/a%', 'escape-malformed'],
    ['/a%2', 'escape-malformed'],
    ['/a%zz', 'escape-malformed'],
    ['/%u002e%u002e/', 'escape-malformed'],
    ['/%%32%65', 'escape-malformed'],
    ['/a?b=%', 'escape-malformed'],
    ['/a?b=%g0', 'escape-malformed'],
    ['/%c0%ae%c0%ae/', 'utf8-invalid'],
    ['/%e0%80%af', 'utf8-invalid'],
    ['/%ff', 'utf8-invalid'],
    ['/%ed%a0%80', 'utf8-invalid'],
    ['/%25c0%25ae', 'utf8-invalid'],
    ['/caf\u00e9', 'target-characters'],
    ['/a b', 'target-characters'],
    ['/a\tb', 'target-characters'],
    ['/a\u0000', 'target-characters'],
    ['/a"b', 'target-characters'],
    ['/<a>', 'target-characters'],
    ['/{a}', 'target-characters'],
    ['/a?\u00e9', 'target-characters'],
    ['/a?b c', 'target-characters'],
    ['/a?"', 'target-characters'],
    ['/a?<', 'target-characters'],
    ['/a?\u007f', 'target-characters'],
  ])('is refused: %j (%s)', (url, refused) => {
    expect(atTarget(url)).toBe(refused)
  })

  it('is refused in time that does not grow with its shape', () => {
    const started = performance.now()
    for (const piece of ['.', '%2e', '%25', '/.x', ' ', '%20.', '..%20', '/']) {
      atTarget('/' + piece.repeat(Math.floor(8000 / piece.length)) + 'x')
    }
    expect(performance.now() - started).toBeLessThan(250)
  })
})

const awkward = fc.constantFrom(
  ...[
    '/',
    '.',
    '..',
    '%2e',
    '%2f',
    '%25',
    '%5c',
    '\\',
    ';',
    '%00',
    '%',
    '2',
    'e',
    'a',
    '%C3%A9',
    '%c0',
    '?',
    '#',
    '//',
    ' ',
    '@',
    ':',
    '%3f',
    '%23',
  ],
)

describe('any path that is accepted', () => {
  const paths = fc.array(awkward, { maxLength: 12 }).map((pieces) => '/' + pieces.join(''))
  const read = (url: string): NormalisedRequest | null => {
    const result = normaliseRequest(message({ url }), { isUpgrade: false })
    return 'refused' in result ? null : result.request
  }

  it('means the same to a URL parser, which repairs nothing in it', () => {
    let count = 0
    const isFixedPoint = (url: string): boolean => {
      const request = read(url)
      if (request === null) return true
      count += 1
      const parsed = new URL(url, 'http://upstream.example')
      const search = request.query === null || request.query === '' ? '' : `?${request.query}`
      return (
        parsed.host === 'upstream.example' && parsed.pathname === request.path && parsed.search === search
      )
    }
    fc.assert(fc.property(paths, isFixedPoint), { numRuns: 20_000 })
    expect(count).toBeGreaterThan(1_000)
  })

  it('climbs nowhere and splits nowhere else, however often it is decoded', () => {
    const isPlain = (url: string): boolean => {
      const path = read(url)?.path ?? '/'
      const layers = [path]
      for (let times = 0; times < 5; times++) layers.push(decodeLoosely(layers.at(-1) ?? ''))
      return layers.every(
        (text) =>
          text.split('/').length === path.split('/').length &&
          !/(^|\/)\.\.?(\/|$)/.test(text) &&
          !/[\\;\x00]/.test(text),
      )
    }
    fc.assert(fc.property(paths, isPlain), { numRuns: 20_000 })
  })
})

function decodeLoosely(text: string): string {
  return Buffer.from(
    text.replace(/%([0-9a-f]{2})/gi, (_, digits: string) => String.fromCharCode(parseInt(digits, 16))),
    'latin1',
  ).toString('latin1')
}

describe('a method', () => {
  it.each(['GET', 'HEAD', 'OPTIONS'])('%s is safe', (method) => {
    expect(accepted({ method }).isSafe).toBe(true)
  })

  it.each(['POST', 'PUT', 'PATCH', 'DELETE'])('%s is not safe', (method) => {
    expect(accepted({ method }).isSafe).toBe(false)
  })

  it.each(['CONNECT', 'TRACE', 'PROPFIND', 'get', 'BREW', '', 'TRACK'])('%j is unknown', (method) => {
    expect(verdict({ method })).toBe('method-unknown')
  })

  it.each(['X-HTTP-Method-Override', 'x-http-method', 'X-Method-Override'])(
    'cannot be overridden by %s',
    (name) => {
      expect(withHeaders(name, 'DELETE')).toBe('method-override')
    },
  )
})

describe('a Host field', () => {
  it.each([
    [host, host, host],
    ['PRESS-3.Plant-Access.Example:8443', host, `${host}:8443`],
    ['localhost:8080', 'localhost', 'localhost:8080'],
    ['127.0.0.1', '127.0.0.1', '127.0.0.1'],
    ['[::1]:8080', '[::1]', '[::1]:8080'],
  ])('%s is read', (field, name, authority) => {
    expect(accepted({ rawHeaders: ['Host', field] })).toMatchObject({ host: name, authority })
  })

  it.each([
    '',
    'a b',
    'a,b',
    `${host}, evil.example`,
    'user@host.example',
    'user:pw@host.example:80',
    'host.example:',
    'host.example:0',
    'host.example:080',
    'host.example:65536',
    'host.example:80:80',
    'host.example.',
    '.host.example',
    'host..example',
    '-host.example',
    'host_1.example',
    'host.example/path',
    'host.example?q',
    'host.example#f',
    'http://host.example',
    'höst.example',
    '%68ost.example',
    '[::1',
    '[::1]x',
    `${'a'.repeat(250)}.example`,
  ])('%j is refused', (field) => {
    expect(verdict({ rawHeaders: ['Host', field] })).toMatch(/^host-(invalid|missing)$/)
  })

  it('must be there, once', () => {
    expect(verdict({ rawHeaders: [] })).toBe('host-missing')
    expect(verdict({ rawHeaders: [], httpVersion: '1.0' })).toBe('host-missing')
    expect(withHeaders('host', host)).toBe('header-repeated')
  })
})

describe('the framing of a body', () => {
  const post = (...headers: string[]): string => verdict({ method: 'POST', headers })

  it('is a length or chunks', () => {
    expect(post('Content-Length', '5')).toBe('accepted')
    expect(post('Content-Length', '0')).toBe('accepted')
    expect(post('Transfer-Encoding', 'chunked')).toBe('accepted')
    expect(post()).toBe('accepted')
  })

  it('is refused with both', () => {
    expect(post('Content-Length', '5', 'Transfer-Encoding', 'chunked')).toBe('length-with-coding')
    expect(post('Transfer-Encoding', 'chunked', 'content-length', '0')).toBe('length-with-coding')
  })

  it.each(['', '-1', '+5', ' 5', '5 ', '05', '0x5', '5,5', '5, 5', '1e3', '5.0', '9'.repeat(16)])(
    'is refused with the length %j',
    (length) => {
      expect(post('Content-Length', length)).toBe('length-invalid')
    },
  )

  it('is refused with a repeated length, equal or not', () => {
    expect(post('Content-Length', '5', 'Content-Length', '5')).toBe('header-repeated')
    expect(post('Content-Length', '5', 'content-length', '6')).toBe('header-repeated')
  })

  it.each([
    '',
    'identity',
    'gzip',
    'gzip, chunked',
    'chunked, chunked',
    'Chunked',
    'xchunked',
    'chunked;q=1',
    ' chunked',
  ])('is refused with the coding %j', (coding) => {
    expect(post('Transfer-Encoding', coding)).toBe('coding-unknown')
  })

  it('is refused with a repeated coding, and with one in HTTP/1.0', () => {
    expect(post('Transfer-Encoding', 'chunked', 'Transfer-Encoding', 'chunked')).toBe('header-repeated')
    expect(verdict({ method: 'POST', httpVersion: '1.0', headers: ['Transfer-Encoding', 'chunked'] })).toBe(
      'coding-on-http10',
    )
  })

  it.each(['GET', 'HEAD', 'OPTIONS', 'DELETE'])(
    'is refused on %s, where old servers leave it for the next request',
    (method) => {
      expect(verdict({ method, headers: ['Content-Length', '5'] })).toBe('body-unexpected')
      expect(verdict({ method, headers: ['Transfer-Encoding', 'chunked'] })).toBe('body-unexpected')
      expect(verdict({ method, headers: ['Content-Length', '0'] })).toBe('accepted')
    },
  )
})

describe('header fields', () => {
  it('keep their number, order and case', () => {
    const headers = ['X-B', '1', 'x-a', '2', 'X-b', '3']
    expect(accepted({ headers }).headers.slice(1)).toEqual([
      ['X-B', '1'],
      ['x-a', '2'],
      ['X-b', '3'],
    ])
    expect(accepted({ headers }).header('X-B')).toBe('1, 3')
    expect(accepted({ headers }).header('absent')).toBeNull()
  })

  it.each(['X_Forwarded_For', 'X.Real.IP', 'a b', 'a:', '', 'é', 'a\u0000', '__proto__'])(
    'are refused with the name %j',
    (name) => {
      expect(withHeaders(name, 'x')).toBe('header-name')
    },
  )

  it.each(['a\u0000b', 'a\rb', 'a\nb', 'a\u001fb', 'a\u007fb', 'a\u0100b'])(
    'are refused with the value %j',
    (value) => {
      expect(withHeaders('X-A', value)).toBe('header-value')
    },
  )

  it('may hold tabs and bytes above ASCII, as browsers send them', () => {
    expect(withHeaders('X-A', 'a\tb\u00e9\u00ff')).toBe('accepted')
  })

  it('number a hundred at most', () => {
    const fields = (count: number): string[] =>
      Array.from({ length: count }, (_, i) => [`X-${i}`, 'a']).flat()
    expect(verdict({ headers: fields(99) })).toBe('accepted')
    expect(verdict({ headers: fields(100) })).toBe('headers-too-many')
  })

  it.each([
    'Cookie',
    'Authorization',
    'Origin',
    'Referer',
    'Content-Type',
    'Expect',
    'Range',
    'Sec-Fetch-Site',
  ])('are refused with a second %s', (name) => {
    expect(withHeaders(name, '100-continue', name.toLowerCase(), '100-continue')).toBe('header-repeated')
  })

  it('are found without confusing inherited names', () => {
    expect(accepted({}).header('constructor')).toBeNull()
    expect(withHeaders('constructor', 'x')).toBe('accepted')
  })
})

describe('an expectation', () => {
  it('is 100-continue or refused', () => {
    expect(withHeaders('Expect', '100-continue')).toBe('accepted')
    expect(withHeaders('Expect', '100-Continue')).toBe('accepted')
    expect(withHeaders('Expect', '200-ok')).toBe('expect-unknown')
    expect(withHeaders('Expect', '')).toBe('expect-unknown')
  })
})

describe('an HTTP version', () => {
  it.each(['0.9', '2.0', '1.2', ''])('%j is refused', (httpVersion) => {
    expect(verdict({ httpVersion })).toBe('http-version')
  })

  it('1.0 is accepted', () => {
    expect(verdict({ httpVersion: '1.0' })).toBe('accepted')
  })
})

describe('an upgrade', () => {
  const handshake = {
    Connection: 'Upgrade',
    Upgrade: 'websocket',
    'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZQ==',
    'Sec-WebSocket-Version': '13',
  }
  const upgrading = (changes: Record<string, string | null>, more: Partial<RawRequest> = {}): string => {
    const fields = Object.entries<string | null>({ ...handshake, ...changes })
    const headers = fields.flatMap(([name, value]) => (value === null ? [] : [name, value]))
    return verdict({ headers, ...more }, true)
  }

  it('to websocket is accepted, in any case', () => {
    expect(upgrading({})).toBe('accepted')
    expect(upgrading({ Upgrade: 'WebSocket' })).toBe('accepted')
  })

  it.each([
    [{ Upgrade: 'h2c' }, 'upgrade-unknown'],
    [{ Upgrade: 'websocket, h2c' }, 'upgrade-unknown'],
    [{ Upgrade: null }, 'upgrade-unknown'],
    [{ 'Sec-WebSocket-Key': null }, 'websocket-handshake'],
    [{ 'Sec-WebSocket-Key': '' }, 'websocket-handshake'],
    [{ 'Sec-WebSocket-Key': 'c2hvcnQ=' }, 'websocket-handshake'],
    [{ 'Sec-WebSocket-Key': 'dGhlIHNhbXBsZSBub25jZR==' }, 'websocket-handshake'],
    [{ 'Sec-WebSocket-Version': '8' }, 'websocket-handshake'],
    [{ 'Sec-WebSocket-Version': '13, 8' }, 'websocket-handshake'],
    [{ 'Sec-WebSocket-Version': null }, 'websocket-handshake'],
    [{ 'Content-Length': '0' }, 'websocket-handshake'],
    [{ 'Content-Length': '5' }, 'body-unexpected'],
    [{ 'Transfer-Encoding': 'chunked' }, 'body-unexpected'],
    [{ 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' }, 'header-repeated'],
  ])('is refused with %j', (changes, refused) => {
    expect(upgrading(changes)).toBe(refused)
  })

  it('is refused unless it is a GET in HTTP/1.1', () => {
    expect(upgrading({}, { method: 'POST' })).toBe('websocket-handshake')
    expect(upgrading({}, { httpVersion: '1.0' })).toBe('websocket-handshake')
  })

  it('is refused when Upgrade comes without Connection, so that nobody else upgrades it', () => {
    expect(withHeaders('Upgrade', 'websocket')).toBe('upgrade-unknown')
    expect(withHeaders('Upgrade', 'h2c')).toBe('upgrade-unknown')
  })
})

describe('an accepted request', () => {
  it('cannot be changed between decision and forwarding', () => {
    const request = accepted({ headers: ['X-A', '1'] })
    const loose = request as unknown as { path: string; headers: [string, string][] }
    expect(() => (loose.path = '/other')).toThrow(TypeError)
    expect(() => loose.headers.push(['X-Remote-User', 'admin'])).toThrow(TypeError)
    expect(() => {
      const first = loose.headers[0]
      if (first) first[1] = 'evil.example'
    }).toThrow(TypeError)
  })
})

describe('an opening of an endpoint', () => {
  const opened = (
    openings: readonly LenientRequest[],
    { isUpgrade = false, ...changes }: Parameters<typeof message>[0] & { isUpgrade?: boolean },
  ): string => {
    const openingsOf = (authority: string): ReadonlySet<LenientRequest> =>
      new Set(authority === host ? openings : [])
    const result = normaliseRequest(message(changes), { isUpgrade, openingsOf })
    return 'refused' in result ? result.refused : 'accepted'
  }

  it.each<[LenientRequest, string, string]>([
    ['double-slash', '/a//b', 'accepted'],
    ['double-slash', '//evil.example/x', 'accepted'],
    ['double-slash', '/a//../b', 'dot-segment'],
    ['double-slash', '/a%2f/b', 'encoded-slash'],
    ['double-slash', '//.gatehouse/enter', 'own-path-disguised'],
    ['double-slash', '/.gatehouse//enter', 'double-slash'],
    ['matrix-params', '/a;v=1/b', 'accepted'],
    ['matrix-params', '/a%3bv=1/b', 'accepted'],
    ['matrix-params', '/..;x/b', 'dot-segment'],
    ['matrix-params', '/%2e%2e;x/b', 'dot-segment'],
    ['matrix-params', '/..%3bx/b', 'dot-segment'],
    ['matrix-params', '/a/;x/b', 'double-slash'],
    ['matrix-params', '/.gatehouse;x/enter', 'own-path-disguised'],
    ['matrix-params', '/.gatehouse/enter;x', 'matrix-params'],
    ['encoded-slash', '/a%2fb', 'accepted'],
    ['encoded-slash', '/a%252Fb', 'accepted'],
    ['encoded-slash', '/%2e%2e%2fb', 'dot-segment'],
    ['encoded-slash', '/a%2f..%2fb', 'dot-segment'],
    ['encoded-slash', '/a%2f%2fb', 'double-slash'],
    ['encoded-slash', '/a%5cb', 'backslash'],
    ['encoded-slash', '/.gatehouse%2fenter', 'own-path-disguised'],
  ])('%s judges %s: %s', (opening, url, expected) => {
    expect(opened([opening], { url })).toBe(expected)
  })

  it.each(['/..;x/', '/%2e%2e%2f', '/a;x%2f..%2fb', '/%2f..;/b', '/a//..', '/%252e%252e;x/'])(
    'leaves %s climbing and refused, with all of them on',
    (url) => {
      expect(opened(lenientRequests, { url })).toBe('dot-segment')
    },
  )

  it.each(['//.gatehouse/', '/;x/.gatehouse/', '/%2egatehouse/', '/%2f.gatehouse%2f', '/.GateHouse;x/'])(
    'leaves our own path unimitated by %s, with all of them on and with none',
    (url) => {
      expect(opened(lenientRequests, { url })).toBe('own-path-disguised')
      expect(opened([], { url })).not.toBe('accepted')
    },
  )

  it('underscore-headers lets underscores in, and no dots', () => {
    expect(opened(['underscore-headers'], { headers: ['X_Machine_Id', '1'] })).toBe('accepted')
    expect(opened(['underscore-headers'], { headers: ['X.Machine', '1'] })).toBe('header-name')
    expect(opened([], { headers: ['X_Machine_Id', '1'] })).toBe('header-name')
  })

  it.each([
    'X_Forwarded_For',
    'X-Forwarded_For',
    'X_Gatehouse_User',
    'Content_Length',
    'Transfer_Encoding',
    'Host_',
    '_Host',
    'Cookie_',
    'X_HTTP_Method_Override',
    'Remote_User',
  ])('underscore-headers lets nobody write %s', (name) => {
    expect(opened(['underscore-headers'], { headers: [name, 'x'] })).toBe('header-name')
  })

  it('delete-body opens a body on DELETE, framed in one way, and on nothing else', () => {
    const headers = ['Content-Length', '3']
    expect(opened(['delete-body'], { method: 'DELETE', headers })).toBe('accepted')
    expect(opened(['delete-body'], { method: 'GET', headers })).toBe('body-unexpected')
    expect(opened([], { method: 'DELETE', headers })).toBe('body-unexpected')
    const twice = [...headers, 'Transfer-Encoding', 'chunked']
    expect(opened(['delete-body'], { method: 'DELETE', headers: twice })).toBe('length-with-coding')
  })

  it('counts for its own authority only', () => {
    const rawHeaders = ['Host', 'other.plant-access.example']
    expect(opened(lenientRequests, { url: '/a//b', rawHeaders })).toBe('double-slash')
  })
})

describe('a header section', () => {
  it('of more than 16 KB with its request line is refused, to the byte', () => {
    const room = 16 * 1024 - 'GET / HTTP/1.1\r\n'.length - `Host: ${host}\r\n`.length - 'X-A: \r\n'.length
    expect(withHeaders('X-A', 'x'.repeat(room))).toBe('accepted')
    expect(withHeaders('X-A', 'x'.repeat(room + 1))).toBe('headers-too-large')
  })
})

describe('an announced trailer', () => {
  it.each([
    'X-Forwarded-For',
    'Content-Length',
    'x-checksum, Cookie',
    'Transfer-Encoding',
    'Host',
    'Authorization',
  ])('is refused as %s', (trailer) => {
    expect(withHeaders('Trailer', trailer)).toBe('trailer-forbidden')
  })

  it('is accepted where it is harmless', () => {
    expect(withHeaders('Trailer', 'X-Checksum, Server-Timing')).toBe('accepted')
  })
})
