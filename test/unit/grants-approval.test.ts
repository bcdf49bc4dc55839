import fc from 'fast-check'
import {
  agreed,
  checkApprover,
  narrow,
  requestState,
  strictest,
  whyNotAnswer,
  type Approver,
} from '../../src/grants/approval.js'
import type { AccessRequest, Actor, Approval, RequestTerms } from '../../src/model.js'

const noon = Date.UTC(2026, 10, 23, 12)
const hour = 3_600_000
const rule = { by: ['approver'], count: 1, lapsesAfterMs: 8 * hour } as const
const asked: RequestTerms = {
  endpoints: ['press-3', 'press-4'],
  access: 'operate',
  from: noon,
  lengthMs: 4 * hour,
  lastsFromFirstUseMs: null,
  needsRelease: false,
}
const request: AccessRequest = {
  id: 'q-1',
  by: { principalId: 'p-ana', email: 'ana@vendor.example', name: 'Ana' },
  terms: asked,
  reason: 'replace the recipe',
  ticket: null,
  askedAt: noon - hour,
  lapsesAt: noon + hour,
  approvals: [],
  outcome: null,
}
const person = (principalId: string, email: string | null): Actor => ({
  kind: 'principal',
  principalId,
  email,
})
const ben: Approver = { actor: person('p-ben', 'ben@plant.example'), roles: ['approver'], hasFreshCode: true }
const yes = (by: Actor, terms: Partial<RequestTerms> = {}): Approval => ({
  by,
  at: noon,
  terms: { ...asked, ...terms },
})

describe('who may answer a request', () => {
  it.each<[string, Approver, 'own' | 'role' | null]>([
    ['an approver', ben, null],
    ['an administrator', { ...ben, roles: ['admin'] }, null],
    ['an operator of the host', { ...ben, actor: { kind: 'operator', account: 'root' }, roles: [] }, null],
    ['somebody without a role', { ...ben, roles: [] }, 'role'],
    ['an auditor', { ...ben, roles: ['auditor'] }, 'role'],
    ['who asked', { ...ben, actor: person('p-ana', 'other@x.example') }, 'own'],
    ['who asked, with another account', { ...ben, actor: person('p-2', 'ana@vendor.example') }, 'own'],
    ['who asked, as an administrator', { ...ben, actor: person('p-ana', null), roles: ['admin'] }, 'own'],
    ['an account without an e-mail', { ...ben, actor: person('p-3', null) }, null],
  ])('%s', (_name, approver, why) => {
    expect(whyNotAnswer(request, approver, rule)).toBe(why)
  })

  it('are administrators alone where the machine says so', () => {
    const strict = { ...rule, by: ['admin'] } as const
    expect(whyNotAnswer(request, ben, strict)).toBe('role')
    expect(whyNotAnswer(request, { ...ben, roles: ['admin'] }, strict)).toBeNull()
  })

  it.each<[string, Partial<Approver>, 'role' | null]>([
    ['who is in it', { groups: ['line-3'] }, null],
    ['an approver of another', { groups: ['line-4'] }, 'role'],
    ['an approver without any', {}, 'role'],
    ['who is in it and is no approver any more', { groups: ['line-3'], roles: [] }, 'role'],
    ['an auditor in it', { groups: ['line-3'], roles: ['auditor'] }, 'role'],
    ['an administrator', { roles: ['admin'] }, null],
    ['who is in a group called as the entry is', { groups: ['group:line-3'] }, 'role'],
  ])('of a group answers %s', (_name, over, why) => {
    expect(whyNotAnswer(request, { ...ben, ...over }, { ...rule, by: ['group:line-3'] })).toBe(why)
  })

  it('is no group that is called as a role is', () => {
    const named = { ...ben, roles: ['approver'], groups: ['admin'] } as const
    expect(whyNotAnswer(request, named, { ...rule, by: ['admin'] })).toBe('role')
  })

  it.each<[string[], string[], string[]]>([
    [['approver'], ['group:line-3'], ['group:line-3']],
    [['group:line-3', 'approver'], ['group:line-4'], ['group:line-4']],
    [['group:line-3', 'group:line-4'], ['group:line-4', 'group:line-5'], ['group:line-4']],
    [['group:line-3'], ['group:line-4'], ['admin']],
    [['group:line-3'], ['admin'], ['admin']],
    [['approver'], ['admin'], ['admin']],
  ])('of machines of %j and of %j are %j', (one, other, both) => {
    for (const [first, second] of [
      [one, other],
      [other, one],
    ])
      expect(
        strictest([
          { ...rule, by: first ?? [] },
          { ...rule, by: second ?? [] },
        ]).by,
      ).toEqual(both)
  })

  it('is nobody twice, by account or by e-mail', () => {
    for (const before of [person('p-ben', null), person('p-ben-2', 'ben@plant.example')]) {
      const once = { ...request, approvals: [yes(before)] }
      expect(() => checkApprover(once, ben, rule)).toThrow(
        expect.objectContaining({ code: 'approval-refused' }),
      )
    }
    const operator: Actor = { kind: 'operator', account: 'root' }
    expect(() =>
      checkApprover({ ...request, approvals: [yes(operator)] }, { ...ben, actor: operator }, rule),
    ).toThrow()
  })

  it('is nobody whose one-time code is old', () => {
    expect(() => checkApprover(request, { ...ben, hasFreshCode: false }, rule)).toThrow(
      expect.objectContaining({ code: 'fresh-code-required' }),
    )
  })
})

describe('a request for several machines', () => {
  it('obeys the strictest rule of each kind', () => {
    const loose = { by: ['approver', 'admin'], count: 1, lapsesAfterMs: hour } as const
    const strict = { by: ['admin'], count: 2, lapsesAfterMs: 8 * hour } as const
    const both = { by: ['admin'], count: 2, lapsesAfterMs: hour }
    expect(strictest([loose, strict])).toEqual(both)
    expect(strictest([strict, loose])).toEqual(both)
    expect(strictest([rule, rule])).toEqual(rule)
  })
})

describe('an approver', () => {
  it.each([
    ['all of it', {}, asked],
    ['fewer machines', { endpoints: ['press-4'] }, { ...asked, endpoints: ['press-4'] }],
    ['to view only', { access: 'view' as const }, { ...asked, access: 'view' }],
    ['a later start', { from: noon + hour }, { ...asked, from: noon + hour, lengthMs: 3 * hour }],
    ['an earlier end', { until: noon + hour }, { ...asked, lengthMs: hour }],
    ['a shorter time', { lengthMs: hour }, { ...asked, lengthMs: hour }],
    ['so long from the first use', { lasts: hour }, { ...asked, lastsFromFirstUseMs: hour }],
    ['that, as text', { lasts: '90m' }, { ...asked, lastsFromFirstUseMs: 1.5 * hour }],
    ['what the control room releases', { needsRelease: true }, { ...asked, needsRelease: true }],
  ])('may agree to %s', (_name, less, terms) => {
    expect(narrow(asked, less)).toEqual(terms)
  })

  it.each([
    ['endpoints', { endpoints: [] }],
    ['endpoints', { endpoints: ['press-3', 'press-9'] }],
    ['from', { from: noon - 1 }],
    ['until', { until: noon + 4 * hour + 1 }],
    ['until', { from: noon + 2 * hour, until: noon + hour }],
    ['length', { lengthMs: 4 * hour + 1 }],
    ['length', { lengthMs: 0 }],
    ['length', { lengthMs: NaN }],
    ['lasts', { lasts: 4 * hour + 1 }],
    ['lasts', { lengthMs: hour, lasts: 2 * hour }],
    ['lasts', { lasts: 0 }],
    ['lasts', { lasts: hour + 0.5 }],
    ['lasts', { lasts: NaN }],
    ['lasts', { lasts: null }],
    ['lasts', { lasts: 'for ever' }],
  ])('may not agree to more than was asked, or to nothing: %s', (field, less) => {
    expect(() => narrow(asked, less)).toThrow(expect.objectContaining({ code: 'input-invalid', field }))
  })

  it('may shorten what begins with its approval, and give it no other start', () => {
    const floating = { ...asked, from: null }
    expect(narrow(floating, { lengthMs: hour })).toEqual({ ...floating, lengthMs: hour })
    expect(() => narrow(floating, { from: noon + hour })).toThrow(expect.objectContaining({ field: 'from' }))
    expect(() => narrow(floating, { until: noon + hour })).toThrow(expect.objectContaining({ field: 'from' }))
  })
})

describe('a request for time from the first use', () => {
  const fromUse: RequestTerms = { ...asked, lengthMs: 96 * hour, lastsFromFirstUseMs: 2 * hour }

  it('may be agreed to with less of it, and never with more or with all of the time', () => {
    expect(narrow(fromUse, {})).toEqual(fromUse)
    expect(narrow(fromUse, { lasts: '30m' })).toMatchObject({ lastsFromFirstUseMs: hour / 2 })
    for (const lasts of [2 * hour + 1, null, ''])
      expect(() => narrow(fromUse, { lasts })).toThrow(expect.objectContaining({ field: 'lasts' }))
  })

  it('that must be begun in less time than it would last, lasts for that', () => {
    expect(narrow(fromUse, { lengthMs: hour })).toMatchObject({ lengthMs: hour, lastsFromFirstUseMs: hour })
    const [first, second] = [yes(ben.actor, fromUse), yes(ben.actor, { ...fromUse, lengthMs: 3 * hour })]
    expect(agreed([first, second], noon + 2 * hour)).toMatchObject({
      lengthMs: hour,
      lastsFromFirstUseMs: hour,
    })
  })

  it('keeps the release that was asked for, whatever an approver leaves out', () => {
    const released = { ...asked, needsRelease: true }
    for (const needsRelease of [undefined, false] as const)
      expect(narrow(released, needsRelease === undefined ? {} : { needsRelease }).needsRelease).toBe(true)
  })
})

describe('what several approvers agree to', () => {
  it('is what all of them allow', () => {
    const first = yes(ben.actor, { from: noon + hour, lengthMs: 3 * hour })
    const second = yes(ben.actor, { endpoints: ['press-4'], access: 'view', lengthMs: 2 * hour })
    expect(agreed([first, second], noon)).toEqual({
      endpoints: ['press-4'],
      access: 'view',
      from: noon + hour,
      lengthMs: hour,
      lastsFromFirstUseMs: null,
      needsRelease: false,
    })
  })

  it('is the release that one of them asks for, and the shortest time from the first use', () => {
    const all = [
      yes(ben.actor, { needsRelease: true }),
      yes(ben.actor, { lastsFromFirstUseMs: 2 * hour }),
      yes(ben.actor, { lastsFromFirstUseMs: hour }),
    ]
    for (const some of [all, [...all].reverse()])
      expect(agreed(some, noon)).toMatchObject({
        ...{ from: noon, lengthMs: 4 * hour },
        ...{ needsRelease: true, lastsFromFirstUseMs: hour },
      })
  })

  it('counts from the last yes, where it begins with its approval, and never from the past', () => {
    const floating = yes(ben.actor, { from: null, lengthMs: 2 * hour })
    expect(agreed([floating, yes(ben.actor, { from: null, lengthMs: hour })], noon + hour)).toMatchObject({
      from: noon + hour,
      lengthMs: hour,
    })
    expect(agreed([yes(ben.actor)], noon + hour)).toMatchObject({ from: noon + hour, lengthMs: 3 * hour })
  })

  it.each([
    [
      'no machine',
      [yes(ben.actor, { endpoints: ['press-3'] }), yes(ben.actor, { endpoints: ['press-4'] })],
      noon,
    ],
    [
      'no time',
      [yes(ben.actor, { lengthMs: hour }), yes(ben.actor, { from: noon + hour, lengthMs: hour })],
      noon,
    ],
    ['a time that is over', [yes(ben.actor)], noon + 4 * hour],
  ])('is no grant where it is %s', (_name, approvals, at) => {
    expect(() => agreed(approvals, at)).toThrow(expect.objectContaining({ code: 'request-conflict' }))
  })

  it('is never more than any of them allows', () => {
    const terms = fc.record({
      endpoints: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1 }),
      access: fc.constantFrom('view' as const, 'operate' as const),
      from: fc.integer({ min: noon - 9, max: noon + 9 }),
      lengthMs: fc.integer({ min: 1, max: 20 }),
      lastsFromFirstUseMs: fc.option(fc.integer({ min: 1, max: 20 })),
      needsRelease: fc.boolean(),
    })
    fc.assert(
      fc.property(
        fc.array(terms, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: noon, max: noon + 9 }),
        (all, at) => {
          let common
          try {
            common = agreed(
              all.map((each) => ({ terms: each })),
              at,
            )
          } catch {
            return
          }
          expect(common.from).toBeGreaterThanOrEqual(at)
          for (const each of all) {
            expect(each.endpoints).toEqual(expect.arrayContaining([...common.endpoints]))
            expect(common.from).toBeGreaterThanOrEqual(each.from)
            expect(common.from + common.lengthMs).toBeLessThanOrEqual(each.from + each.lengthMs)
            if (each.access === 'view') expect(common.access).toBe('view')
            if (each.needsRelease) expect(common.needsRelease).toBe(true)
            if (each.lastsFromFirstUseMs !== null)
              expect(common.lastsFromFirstUseMs ?? Infinity).toBeLessThanOrEqual(each.lastsFromFirstUseMs)
          }
        },
      ),
    )
  })
})

describe('the state of a request', () => {
  it.each([
    ['open', null, noon],
    ['lapsed', null, noon + hour],
    ['lapsed', null, NaN],
    ['withdrawn', { kind: 'withdrawn' as const, at: noon }, noon + 2 * hour],
  ])('is %s', (state, outcome, at) => {
    expect(requestState({ outcome, lapsesAt: noon + hour }, at)).toBe(state)
  })
})
