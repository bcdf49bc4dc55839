import fc from 'fast-check'
import { isPathOpen } from '../../../src/dataplane/index.js'
import { readTarget } from '../../../src/dataplane/target.js'
import { lenientRequests } from '../../../src/model.js'
import { naiveServers } from '../../support/naive-servers.js'

const allowed = ['/hmi/', '/api/values']

describe('an allow-list of paths', () => {
  it.each([
    '/hmi/',
    '/hmi/start.html',
    '/hmi/a%20b/%C3%BC',
    '/hmi//images/valve.gif',
    '/hmi/page;v=1/x',
    '/hmi/a%2Fb',
    '/hmi/%252F',
    '/hmi/.hidden',
    '/api/values',
  ])('lets %s pass', (path) => {
    expect(isPathOpen(allowed, path)).toBe(true)
  })

  it.each([
    '/',
    '/hmi',
    '/HMI/',
    '/hmi2/',
    '/admin',
    '/api/values/',
    '/api/values/raw',
    '/api/values;x',
    '/api/value',
    '/api%2Fvalues',
    // Below an allowed prefix to one reader, and elsewhere to another.
    '//hmi/admin',
    '//hmi/../admin',
    '///hmi/admin',
    '/%2Fhmi/admin',
    '/hmi;x/admin',
    '/hmi%2Fadmin',
    '/%68mi/',
    '/hmi/../admin',
    '/hmi/..;x/admin',
    '/hmi/%2e%2e/admin',
    '/hmi/..%2fadmin',
    '/hmi/..%5cadmin',
    '/hmi/%252e%252e%252fadmin',
    '/hmi/..\\admin',
    '/hmi/.. /admin',
    '/;x/hmi/admin',
  ])('keeps %s closed', (path) => {
    expect(isPathOpen(allowed, path)).toBe(false)
  })

  it('of everything still lets nothing climb', () => {
    expect(isPathOpen(['/'], '//anything;x/%2F')).toBe(true)
    expect(isPathOpen(['/'], '/a/..%2fb')).toBe(false)
  })

  it('that is none lets all pass', () => {
    expect(isPathOpen(null, '/anything//at;all')).toBe(true)
  })

  it('judges the longest and most devious path in a moment', () => {
    const paths = ['/hmi/' + '%25'.repeat(2_700), '/hmi/' + '//;a'.repeat(2_000), '//a'.repeat(2_700)]
    const began = performance.now()
    for (const path of paths) isPathOpen(['/'], path)
    expect(performance.now() - began).toBeLessThan(500)
  })
})

const fragment = fc.constantFrom(
  ...[
    '/',
    '//',
    '\\',
    '.',
    '..',
    '...',
    ';',
    ';x=1',
    ';/',
    '%2e',
    '%2E%2e',
    '%2f',
    '%5c',
    '%3b',
    '%20',
    '%25',
  ],
  ...[
    '%252e',
    '%252f',
    '%25252f',
    'hmi',
    '/hmi/',
    '/hmi',
    'hmi/',
    'admin',
    'api',
    '/api/values',
    'h',
    'mi',
    '%68',
    ' ',
  ],
)
const anyPath = fc
  .tuple(
    fc.constantFrom('/', '/hmi/', '//', '/hmi', '/api/values', ''),
    fc.array(fc.oneof({ weight: 5, arbitrary: fragment }, fc.string({ maxLength: 2 })), { maxLength: 8 }),
  )
  .map(([start, rest]) => start + rest.join(''))

describe('whatever is opened and sent', () => {
  const openings = fc.subarray([...lenientRequests]).map((names) => new Set(names))

  it('a path that passes lies in the allow-list to every naive server', () => {
    let passed = 0
    fc.assert(
      fc.property(anyPath, openings, (path, opened) => {
        const target = readTarget(path, opened)
        if (typeof target === 'string' || !isPathOpen(allowed, target.path)) return
        passed++
        for (const [name, reads] of Object.entries(naiveServers)) {
          const seen = reads(target.path)
          const lies = seen === '/hmi' || seen.startsWith('/hmi/') || seen === '/api/values'
          if (!lies) throw new Error(`${name}: ${seen}`)
        }
      }),
      { numRuns: 50_000 },
    )
    expect(passed).toBeGreaterThan(1_000)
  })
})
