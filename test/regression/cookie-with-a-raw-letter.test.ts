// The cookies that go on to a machine lost a byte where they ended with a raw UTF-8 `à` (0xc3 0xa0), or any
// other letter with 0xa0 for its last byte: `String.prototype.trim` takes that byte, read as Latin-1, for a blank.
// The machine received another value than it had set, and half a letter.
import { withoutOwnCookies } from '../../src/dataplane/request-headers.js'

const raw = (text: string): string => Buffer.from(text).toString('latin1')

describe('a cookie that ends with a letter above ASCII', () => {
  it.each(['place=voilà', 'a=b; place=voilà', 'à', '\u00a0=\u00a0'])('is passed on whole: %s', (field) => {
    expect(withoutOwnCookies(raw(field))).toBe(raw(field))
  })

  it('is passed on whole from between ours', () => {
    const field = raw('__Host-gatehouse-pass=t; place=voilà; __Host-gatehouse=u')
    expect(withoutOwnCookies(field)).toBe(raw('place=voilà'))
  })

  it('is none where there is nothing but ours and blanks', () => {
    expect(withoutOwnCookies('__Host-gatehouse=t ; ')).toBeNull()
    expect(withoutOwnCookies(' \t')).toBeNull()
  })
})
