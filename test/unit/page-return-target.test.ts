import fc from 'fast-check'
import { isLocalPath, parseReturnTarget } from '../../src/lib/page/index.js'

const endpointOrigins = ['https://press-3.access.example', 'https://historian.access.example']
const sites = {
  portalOrigin: 'https://portal.plant.example',
  isEndpointOrigin: (origin: string) => endpointOrigins.includes(origin),
}
const parse = (text: string | null | undefined): string => parseReturnTarget(text, sites)

describe('the place to return to after sign-in', () => {
  it.each([
    [null, '/'],
    [undefined, '/'],
    ['', '/'],
    ['/', '/'],
    ['/admin/grants/g-1?done=extended', '/admin/grants/g-1?done=extended'],
    ['/a%20b/%C3%A9?q=%2Fetc&n=%0A', '/a%20b/%C3%A9?q=%2Fetc&n=%0A'],
    ['/handover?endpoint=press-3&nonce=x&to=%2F', '/handover?endpoint=press-3&nonce=x&to=%2F'],
    ['https://portal.plant.example', '/'],
    ['https://portal.plant.example/admin?x=1', '/admin?x=1'],
    ['https://press-3.access.example', 'https://press-3.access.example/.gatehouse/start?to=%2F'],
    [
      'https://press-3.access.example/trend?tag=P1&from=0',
      'https://press-3.access.example/.gatehouse/start?to=%2Ftrend%3Ftag%3DP1%26from%3D0',
    ],
  ])('%j leads to %s', (text, target) => {
    expect(parse(text)).toBe(target)
  })

  it.each([
    '//evil.example',
    '///evil.example',
    '/\\evil.example',
    '\\\\evil.example',
    '/%2f/evil.example',
    '/%5cevil.example',
    '/..//evil.example',
    '/a/../b',
    '/./a',
    '/%2e%2e/a',
    'https:evil.example',
    'https:/evil.example',
    'https:///evil.example',
    'https:\\\\portal.plant.example',
    'HTTPS://portal.plant.example/',
    'https://PORTAL.plant.example/',
    'https://evil.example/',
    'https://portal.plant.example.evil.example/',
    'https://portal.plant.example:444/',
    'http://portal.plant.example/',
    'https://ana@portal.plant.example/',
    'https://portal.plant.example@evil.example/',
    'https://evil.example\\@portal.plant.example/',
    'https://portal.plant.example//evil.example',
    'https://portal.plant.example/%2f/evil.example',
    'https://press-4.access.example/',
    'https://press-3.access.example/.gatehouse/enter?code=x',
    'https://press-3.access.example//evil.example',
    'javascript:alert(1)',
    'data:text/html,x',
    'ftp://portal.plant.example/',
    'evil.example',
    'admin',
    '?to=/',
    '#top',
    '/admin#top',
    '/a\r\nSet-Cookie: x=y',
    '/a%0d%0aSet-Cookie:%20x=y',
    '/a%00',
    '/a b',
    ' /a',
    '/a\t',
    '/\t/evil.example',
    '/é',
    '/\u202e',
    `/${'a'.repeat(2_000)}`,
  ])('%j is refused', (text) => {
    expect(() => parse(text)).toThrow(expect.objectContaining({ code: 'return-target-invalid', status: 400 }))
  })

  it('means the same when it is parsed again, as it is on its way through forms', () => {
    for (const text of ['/a?b=c', 'https://press-3.access.example/x?y=1', 'https://portal.plant.example/z']) {
      expect(parse(parse(text))).toBe(parse(text))
    }
  })

  it('is on one of our hosts, whatever anybody sends', () => {
    const pieces = fc.constantFrom(
      ...['/', '\\', '//', 'https:', '@', '.', '..', '%2f', '%0d%0a', '?', '#', ':', '\t', 'evil.example'],
      ...['portal.plant.example', 'press-3.access.example', 'a'],
    )
    const hostile = fc.oneof(
      fc.string(),
      fc.array(pieces).map((parts) => parts.join('')),
    )
    fc.assert(
      fc.property(hostile, (text) => {
        let target: string
        try {
          target = parse(text)
        } catch {
          return
        }
        const seen = new URL(target, 'https://portal.plant.example/sign-in')
        expect([sites.portalOrigin, ...endpointOrigins]).toContain(seen.origin)
        expect(target).toMatch(/^[\x21-\x7e]+$/)
      }),
      { numRuns: 3_000 },
    )
  })
})

describe('a path on the same host', () => {
  it.each(['/', '/a', '/a?b=//c', '/a//b', '/a%2fb', "/a;b=1,2/(c)'"])('may be %s', (text) => {
    expect(isLocalPath(text)).toBe(true)
  })
  it.each(['', 'a', '//a', '/\\a', '/a#b', 'https://here.invalid/a', '/a/../b'])('may not be %j', (text) => {
    expect(isLocalPath(text)).toBe(false)
  })
})
