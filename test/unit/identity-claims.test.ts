import {
  companyClaimsFrom,
  groupsFrom,
  needsUserInfo,
  normaliseEmail,
  principalFrom,
  providerSessionIdFrom,
  rolesFrom,
  type Claims,
} from '../../src/identity/claims.js'
import { principalId } from '../../src/identity/index.js'

const settings = {
  claim: 'groups',
  admin: ['plant-it'],
  approver: ['line-leads'],
  auditor: ['audit', 'plant-it'],
}
const base: Claims = { iss: 'https://login.plant.example', sub: 'ana' }
const principalOf = (claims: Claims, userInfo: Claims = {}) => principalFrom({ ...base, ...claims }, userInfo)

describe('the id of a principal', () => {
  it('stays the same for one subject of one issuer', () => {
    expect(principalId('https://login.plant.example', 'ana')).toBe(
      principalId('https://login.plant.example', 'ana'),
    )
    expect(principalId('https://login.plant.example', 'ana')).toMatch(/^p-[0-9a-f]{32}$/)
  })

  it.each([
    ['https://login.other.example', 'ana'],
    ['https://login.plant.example', 'Ana'],
    ['https://login.plant.example/', 'ana'],
    ['https://login.plant.examplea', 'na'],
    ['https://login.plant.example","a', 'na'],
  ])('differs for subject and issuer %s %s', (issuer, subject) => {
    expect(principalId(issuer, subject)).not.toBe(principalId('https://login.plant.example', 'ana'))
  })

  it('does not depend on e-mail or name', () => {
    const first = principalOf({ email: 'ana@vendor.example', email_verified: true, name: 'Ana' })
    const second = principalOf({ email: 'bo@vendor.example', email_verified: true, name: 'Bo' })
    expect(second.id).toBe(first.id)
  })
})

describe('a principal from claims', () => {
  it('carries the verified e-mail in lower case', () => {
    expect(principalOf({ email: 'Ana.B@Vendor.Example', email_verified: true }).email).toBe(
      'ana.b@vendor.example',
    )
  })

  it.each<[string, Claims]>([
    ['without a mark', { email: 'ana@vendor.example' }],
    ['marked false', { email: 'ana@vendor.example', email_verified: false }],
    ['marked by the text "true"', { email: 'ana@vendor.example', email_verified: 'true' }],
    ['marked 1', { email: 'ana@vendor.example', email_verified: 1 }],
    ['that is an array', { email: ['ana@vendor.example'], email_verified: true }],
    ['that is an object', { email: { toString: 'ana@vendor.example' }, email_verified: true }],
    ['with a line break', { email: 'ana@vendor.example\r\nbcc: x', email_verified: true }],
    ['with two at signs', { email: 'ana@vendor.example@evil.example', email_verified: true }],
    ['with a colon', { email: 'a:na@vendor.example', email_verified: true }],
    ['with a quoted local part', { email: '"ana"@vendor.example', email_verified: true }],
    ['with a Cyrillic letter', { email: 'аna@vendor.example', email_verified: true }],
    ['with a Kelvin sign', { email: 'an\u212A@vendor.example', email_verified: true }],
    ['that is too long', { email: `${'a'.repeat(64)}@${'b'.repeat(200)}.example`, email_verified: true }],
    ['that is empty', { email: '', email_verified: true }],
  ])('has no e-mail from an address %s', (_title, claims) => {
    expect(principalOf(claims).email).toBeNull()
  })

  it('never pairs the address of one source with the mark of another', () => {
    const mixed = principalOf(
      { email: 'admin@plant.example' },
      { email: 'ana@vendor.example', email_verified: true },
    )
    expect(mixed.email).toBe('ana@vendor.example')
    const unmarked = principalOf({ email: 'admin@plant.example' }, { email_verified: true })
    expect(unmarked.email).toBeNull()
  })

  it('believes the ID token over UserInfo when both speak', () => {
    const claims = { email: 'ana@vendor.example', email_verified: false }
    expect(principalOf(claims, { email: 'ana@vendor.example', email_verified: true }).email).toBeNull()
  })

  it.each([undefined, '', 17, null, 'a\nb', 'a\u202eb', 'x'.repeat(256), { sub: 'ana' }])(
    'is refused with subject %j',
    (sub) => {
      expect(() => principalFrom({ iss: 'https://login.plant.example', sub }, {})).toThrow(
        expect.objectContaining({ code: 'login-failed' }),
      )
    },
  )

  it.each<[string, Claims, string]>([
    ['takes the name', { name: 'Ana Bell' }, 'Ana Bell'],
    ['removes control characters', { name: 'Ana\u0000\u001b[31m Bell' }, 'Ana[31m Bell'],
    ['removes what turns text around', { name: 'Ana\u202e lleB\u2066\u200f' }, 'Ana lleB'],
    ['makes line breaks spaces', { name: 'Ana\r\nBell\u2028X' }, 'Ana Bell X'],
    ['removes invisible characters', { name: 'A\u200bn\u2060a' }, 'Ana'],
    ['falls back on the user name', { name: '\u202e', preferred_username: 'ana.b' }, 'ana.b'],
    ['falls back on the e-mail', { email: 'ana@vendor.example', email_verified: true }, 'ana@vendor.example'],
    ['falls back on the subject', { name: { toString: 'x' } }, 'ana'],
    ['counts characters, not halves of them', { name: '😀'.repeat(150) }, '😀'.repeat(100)],
    ['bounds the name', { name: 'a'.repeat(1_000_000) }, 'a'.repeat(100)],
  ])('%s', (_title, claims, name) => {
    expect(principalOf(claims).name).toBe(name)
  })

  it('has a name from UserInfo when the ID token has none', () => {
    expect(principalOf({}, { name: 'Ana Bell' }).name).toBe('Ana Bell')
  })
})

describe('roles from the configured claim', () => {
  it.each<[unknown, string[]]>([
    [['plant-it'], ['admin', 'auditor']],
    ['line-leads', ['approver']],
    [
      ['audit', 'line-leads', 'plant-it', 'plant-it'],
      ['admin', 'approver', 'auditor'],
    ],
    [['vendors'], []],
    [[], []],
    ['', []],
    [undefined, []],
    [null, []],
    [true, []],
    [{ 'plant-it': true }, []],
    [[['plant-it']], []],
    [[{ name: 'plant-it' }, 7, null, 'line-leads'], ['approver']],
    ['plant-it line-leads', []],
    ['plant-it,line-leads', []],
    ['PLANT-IT', []],
    [' plant-it', []],
  ])('%j gives %j', (groups, expected) => {
    expect(rolesFrom({ ...base, ...(groups === undefined ? {} : { groups }) }, {}, settings)).toEqual(
      expected,
    )
  })

  it.each<[unknown, string[]]>([
    [['line-leads', 'vendors'], ['line-leads']],
    ['line-leads', ['line-leads']],
    [['plant-it', 'Line-leads', { name: 'line-leads' }], []],
    [undefined, []],
  ])('keep, of %j, the groups %j that make an approver', (groups, expected) => {
    expect(groupsFrom({ ...base, ...(groups === undefined ? {} : { groups }) }, {}, settings)).toEqual(
      expected,
    )
  })

  it.each<[unknown, string[]]>([
    ['huber', ['huber']],
    [
      ['else', 'meier', 'huber', 'meier'],
      ['huber', 'meier', 'else'],
    ],
    ['huber,meier', ['huber,meier']],
    ['Huber', ['Huber']],
    [['a\u202eb', 'x'.repeat(256), '', 'else'], ['else']],
    [[['huber']], []],
    [{ huber: true }, []],
    [[{ name: 'huber' }, 7, null, true], []],
    [undefined, []],
  ])('keep, of %j, what may name a company: %j', (company, expected) => {
    const settings = { claim: 'company', known: ['huber', 'meier', '7', 'true', 'null', 'undefined'] }
    const claims = { ...base, ...(company === undefined ? {} : { company }) }
    expect(companyClaimsFrom(claims, {}, settings).companyClaims).toEqual(expected)
    expect(companyClaimsFrom(base, claims, settings).companyClaims).toEqual(expected)
  })

  it('lose none that names a company to how many others there are', () => {
    const company = [...Array.from({ length: 500 }, (_, number) => `group-${String(number)}`), 'huber']
    const kept = companyClaimsFrom({ ...base, company }, {}, { claim: 'company', known: ['huber'] })
    expect(kept).toEqual({ companyClaims: ['huber', ...company.slice(0, 100)], soughtClaims: ['huber'] })
  })

  it('are said to be all where all of them are kept', () => {
    const company = Array.from({ length: 100 }, (_, number) => `group-${String(number)}`)
    const keep = (held: string[]) =>
      companyClaimsFrom(
        { ...base, company: held },
        {},
        { claim: 'company', known: ['huber', 'huber', 'crew'] },
      )
    expect(keep([...company, 'crew', company[0] ?? ''])).toEqual({
      companyClaims: ['crew', ...company],
      soughtClaims: null,
    })
    expect(keep([...company, 'one more']).soughtClaims).toEqual(['huber', 'crew'])
  })

  it('come from UserInfo only when the ID token does not have the claim', () => {
    expect(rolesFrom(base, { groups: ['plant-it'] }, settings)).toEqual(['admin', 'auditor'])
    expect(rolesFrom({ ...base, groups: [] }, { groups: ['plant-it'] }, settings)).toEqual([])
  })

  it.each(['constructor', '__proto__', 'toString', 'hasOwnProperty'])(
    'finds nothing inherited under %s',
    (claim) => {
      expect(rolesFrom(base, {}, { ...settings, claim })).toEqual([])
      expect(needsUserInfo({ ...base, email: 'a@b', email_verified: true }, claim)).toBe(true)
    },
  )

  it('takes the name of the claim literally, dots and URLs included', () => {
    const claims = { ...base, 'https://plant.example/roles': ['plant-it'], a: { b: ['plant-it'] } }
    expect(rolesFrom(claims, {}, { ...settings, claim: 'https://plant.example/roles' })).toEqual([
      'admin',
      'auditor',
    ])
    expect(rolesFrom(claims, {}, { ...settings, claim: 'a.b' })).toEqual([])
  })
})

describe('UserInfo', () => {
  const complete = { ...base, email: 'ana@vendor.example', email_verified: true, groups: [] }

  it('is not asked when the ID token says it all', () => {
    expect(needsUserInfo(complete, 'groups')).toBe(false)
  })

  it.each(['email', 'email_verified', 'groups'])('is asked when the ID token lacks %s', (name) => {
    expect(needsUserInfo({ ...complete, [name]: undefined }, 'groups')).toBe(true)
  })

  it('is asked when the ID token does not say for which company somebody works', () => {
    expect(needsUserInfo(complete, 'groups', 'company')).toBe(true)
    expect(needsUserInfo({ ...complete, company: 'huber' }, 'groups', 'company')).toBe(false)
  })
})

describe("the provider's session id", () => {
  it.each([
    ['s-1', 's-1'],
    [undefined, null],
    [7, null],
    ['', null],
    ['a\r\nb', null],
    ['x'.repeat(256), null],
  ])('%j is read as %j', (sid, expected) => {
    expect(providerSessionIdFrom({ ...base, sid })).toBe(expected)
  })
})

describe('an e-mail address', () => {
  it.each(['ana@vendor.example', 'a.b+c@sub.vendor.example', "o'neil@vendor.example", 'a@localhost'])(
    '%s is one',
    (text) => {
      expect(normaliseEmail(text)).toBe(text)
    },
  )

  it.each([
    undefined,
    null,
    5,
    {},
    [],
    '',
    'ana',
    '@x',
    'ana@',
    'ana@-x',
    'ana@x-',
    'a b@x.y',
    'ana@x_y',
    'ana@x.y\n',
  ])('%j is none', (value) => {
    expect(normaliseEmail(value)).toBeNull()
  })
})
