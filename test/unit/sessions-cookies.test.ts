import fc from 'fast-check'
import { clearCookie, cookieNames, readCookies, setCookie } from '../../src/sessions/index.js'

const { session, pass, handover, loginPrefix } = cookieNames

function read(header: string | null): Record<string, string> {
  return Object.fromEntries(readCookies(header))
}

describe('reading cookies', () => {
  it('finds our own among those of an HMI', () => {
    const header = `theme=dark; ${session}=abc_DEF-123; JSESSIONID="a b"; ${pass}=xyz; ${handover}=n; ${loginPrefix}s1=k-1.a~b`
    expect(read(header)).toEqual({
      [session]: 'abc_DEF-123',
      [pass]: 'xyz',
      [handover]: 'n',
      [`${loginPrefix}s1`]: 'k-1.a~b',
    })
  })

  it('takes blanks and tabs around names and values for nothing', () => {
    expect(read(` ${session} = abc\t;${pass}=xyz`)).toEqual({ [session]: 'abc', [pass]: 'xyz' })
  })

  it.each([
    ['two that differ', `${session}=mine; ${session}=planted`],
    ['two that are the same', `${session}=mine; ${session}=mine`],
    ['three', `${session}=a; ${session}=b; ${session}=c`],
    ['a good one after a malformed one', `${session}="planted"; ${session}=mine`],
    ['a malformed one after a good one', `${session}=mine; ${session}=pla nted`],
    ['two with blanks in between', `${session} =mine; x=y; \t${session}= planted`],
  ])('takes a name that comes twice for absent: %s', (_, header) => {
    expect(read(header)).toEqual({})
  })

  it('keeps the others when one name comes twice', () => {
    expect(read(`${session}=a; ${pass}=p; ${session}=b`)).toEqual({ [pass]: 'p' })
  })

  it.each([
    ['nothing', null],
    ['an empty header', ''],
    ['a name without a value', session],
    ['an empty value', `${session}=`],
    ['a quoted value', `${session}="abc"`],
    ['a value with a blank', `${session}=a b`],
    ['a value with a second sign of equality', `${session}=a=b`],
    ['an escaped value', `${session}=a%20b`],
    ['a value beyond all bounds', `${session}=${'a'.repeat(4_097)}`],
    ['a header beyond all bounds', `${session}=abc; x=${'a'.repeat(17_000)}`],
    ['another case of the name', '__host-gatehouse=abc'],
    ['a name that only begins like ours', '__Host-gatehouseX=abc'],
    ['a nameless cookie that looks like ours inside', `=${session}=abc`],
    ['a name behind a no-break space, which a browser sets from anywhere', `\u00a0${session}=abc`],
    ['a name before a no-break space', `${session}\u00a0=abc`],
    ['a name behind a line separator', `\u2028${session}=abc`],
    ['__proto__', '__proto__=abc'],
  ])('finds nothing in %s', (_, header) => {
    expect(read(header)).toEqual({})
  })

  it('gives back what was set, among anything else', () => {
    const value = fc.stringMatching(/^[A-Za-z0-9._~-]{1,100}$/)
    const foreign = fc.array(fc.stringMatching(/^[a-z]{1,8}=[!-:<-~]{0,20}$/), { maxLength: 5 })
    fc.assert(
      fc.property(value, foreign, foreign, (text, before, after) => {
        const pair = setCookie(session, text, null).split(';')[0] ?? ''
        expect(read([...before, pair, ...after].join('; '))).toEqual({ [session]: text })
      }),
    )
  })
})

describe('setting cookies', () => {
  it('ties them to one host, to TLS, and away from scripts', () => {
    expect(setCookie(pass, 'abc', null)).toBe(`${pass}=abc; Path=/; Secure; HttpOnly; SameSite=Lax`)
    expect(setCookie(handover, 'abc', 600)).toBe(
      `${handover}=abc; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=600`,
    )
  })

  it('clears them with the same attributes, or a browser would keep them', () => {
    expect(clearCookie(pass)).toBe(`${pass}=; Path=/; Secure; HttpOnly; SameSite=Lax; Max-Age=0`)
  })

  it.each([
    ['a foreign name', 'theme', 'abc', null],
    ['a name that ends the pair', `${session}=x;`, 'abc', null],
    ['a value that adds an attribute', session, 'abc; Domain=plant.example', null],
    ['a value that adds a header', session, 'abc\r\nX: y', null],
    ['an empty value', session, '', null],
    ['a fraction of a second', session, 'abc', 0.5],
    ['no number', session, 'abc', NaN],
  ])('never writes %s', (_, name, value, maxAge) => {
    expect(() => setCookie(name, value, maxAge)).toThrow('assertion failed')
  })

  it('never clears a foreign cookie', () => {
    expect(() => clearCookie('JSESSIONID')).toThrow('assertion failed')
  })
})
