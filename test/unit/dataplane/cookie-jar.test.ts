import { CookieJar } from '../../../src/dataplane/cookie-jar.js'

const now = Date.UTC(2026, 0, 1)

function jarOf(...fields: string[]): CookieJar {
  const jar = new CookieJar()
  for (const field of fields) expect(jar.take(field, now)).toBeNull()
  return jar
}

describe('the cookies by which a machine knows a pass', () => {
  it.each([
    ['nothing but them', null, 'SID=1; lang=de'],
    ['beside those of the browser', 'theme=dark; zoom=2', 'theme=dark; zoom=2; SID=1; lang=de'],
    ['in place of those that a browser plants', 'SID=x; lang = y; SID', 'SID=1; lang=de'],
    [
      'apart from others that look alike',
      'sid=x; SID2=y; ;; XSID=z',
      'sid=x; SID2=y; XSID=z; SID=1; lang=de',
    ],
  ])('are sent: %s', (_what, field, sent) => {
    expect(jarOf('SID=1; Path=/; HttpOnly', 'lang=de').join(field)).toBe(sent)
  })

  it.each([
    'SID=; Max-Age=0',
    'SID=gone; max-age=-1',
    'SID=; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
    'SID=; Max-Age=0; Expires=Thu, 01 Jan 2037 00:00:00 GMT',
  ])('end when the machine takes them back by %s, and a browser may still not plant one', (field) => {
    const jar = jarOf('SID=1')
    expect(jar.takesBack(field, now)).toBe(true)
    expect(jar.take(field, now)).toBeNull()
    expect(jar.isEmpty).toBe(true)
    expect(jar.join('SID=planted')).toBeNull()
  })

  it.each([
    'SID=2; Expires=Thu, 01 Jan 2037 00:00:00 GMT',
    'SID=2; Max-Age=60; Expires=Thu, 01 Jan 1970 00:00:00 GMT',
    'SID=2; Expires=soon',
  ])('go on where %s says so', (field) => {
    const jar = jarOf('SID=1')
    expect(jar.takesBack(field, now)).toBe(false)
    expect(jar.take(field, now)).toBeNull()
    expect(jar.join(null)).toBe('SID=2')
  })

  it('keep their value whole, with every sign in it', () => {
    expect(jarOf('SID=a=b==; Path=/').join(null)).toBe('SID=a=b==')
  })

  it.each(['=nameless', 'nameless', ' ; Path=/', 'a b=1'])('are not what %j sets', (field) => {
    const jar = jarOf(field)
    expect(jar.isEmpty).toBe(true)
    expect(jar.owns(field)).toBe(false)
  })

  it('are few and short, whatever the machine sends', () => {
    const jar = jarOf(...Array.from({ length: 50 }, (_, i) => `c${i}=1`))
    expect(jar.take('one-more=1', now)).toBe('too many cookies')
    expect(jar.take('c7=2', now)).toBeNull()
    expect(jar.take(`c7=${'x'.repeat(5_000)}`, now)).toBe('a cookie that is too long')
    expect(jar.join(null)).toContain('c7=2;')
    expect(jar.owns('one-more=1')).toBe(false)
  })
})
