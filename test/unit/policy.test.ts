import fc from 'fast-check'
import { decide, grantState } from '../../src/policy/index.js'
import {
  reasons,
  type Facts,
  type Initiator,
  type Grant,
  type Lockdown,
  type LockdownScope,
  type OwnAccess,
  type Role,
} from '../../src/model.js'

const noon = Date.UTC(2026, 10, 23, 12)
const hour = 3_600_000

function grant(over: Partial<Grant> = {}): Grant {
  return {
    id: 'g-1',
    to: { email: 'ana@machines.example', principalId: 'p-ana' },
    endpoints: ['press-3'],
    access: 'operate',
    from: noon - hour,
    until: noon + hour,
    reason: 'replace the recipe',
    ticket: null,
    ending: 'cut',
    issuedBy: { kind: 'operator', account: 'root' },
    issuedAt: noon - 2 * hour,
    revocation: null,
    ...over,
  }
}

const revocation = { at: noon - 1, by: { kind: 'gateway' } as const, reason: 'left the company' }
const session = {
  endsAt: noon + 8 * hour,
  assurance: { loginAt: noon - hour, secondFactorAt: noon - hour },
  roles: [],
  principal: { id: 'p-ana', email: 'ana@machines.example' },
}

const locked = (scope: LockdownScope): Lockdown => ({
  scope,
  at: noon - 1,
  by: { kind: 'gateway' },
  reason: 'leak',
})

const press3 = {
  kind: 'endpoint',
  endpointId: 'press-3',
  isKnown: true,
  isMethodOpen: true,
  isPathOpen: true,
} as const

function facts(over: Partial<Facts> = {}): Facts {
  return {
    at: noon,
    viewAgeMs: 200,
    isClockTrusted: true,
    resource: press3,
    request: { isSafe: true, isUpgrade: false, initiator: 'own' },
    session,
    grants: [grant()],
    lockdowns: [],
    ...over,
  }
}

describe('a request to an endpoint', () => {
  const table: [string, Partial<Facts>, string, string][] = [
    ['with a running grant', {}, 'permit', 'grant-active'],
    ['without a session', { session: null }, 'challenge', 'login-required'],
    ['with a session that ended', { session: { ...session, endsAt: noon } }, 'challenge', 'session-ended'],
    [
      'without the second factor',
      { session: { ...session, assurance: { loginAt: noon, secondFactorAt: null } } },
      'challenge',
      'second-factor-required',
    ],
    ['without any grant', { grants: [] }, 'deny', 'grant-missing'],
    [
      'with a grant for another endpoint',
      { grants: [grant({ endpoints: ['press-4'] })] },
      'deny',
      'grant-missing',
    ],
    ['with a grant that starts later', { grants: [grant({ from: noon + 1 })] }, 'deny', 'grant-not-started'],
    ['with a grant that has just ended', { grants: [grant({ until: noon })] }, 'deny', 'grant-ended'],
    ['with a revoked grant', { grants: [grant({ revocation })] }, 'deny', 'grant-revoked'],
    [
      'with a revoked and a running grant',
      { grants: [grant({ revocation }), grant({ id: 'g-2' })] },
      'permit',
      'grant-active',
    ],
    [
      'with an ended and a coming grant',
      { grants: [grant({ until: noon }), grant({ id: 'g-2', from: noon + 1 })] },
      'deny',
      'grant-not-started',
    ],
    ['with a view that is just proved enough', { viewAgeMs: 3_000 }, 'permit', 'grant-active'],
    ['with a view of long ago', { viewAgeMs: 3_001 }, 'deny', 'view-unproved'],
    ['with a view that was never proved', { viewAgeMs: Infinity }, 'deny', 'view-unproved'],
    ['by a clock that no other has confirmed', { isClockTrusted: false }, 'deny', 'clock-untrusted'],
    [
      'with a view of long ago, without a session',
      { viewAgeMs: 3_001, session: null },
      'challenge',
      'login-required',
    ],
    ['while all is locked down', { lockdowns: [locked({ kind: 'all' })] }, 'deny', 'lockdown'],
    [
      'while it is locked down',
      { lockdowns: [locked({ kind: 'endpoint', endpointId: 'press-3' })] },
      'deny',
      'lockdown',
    ],
    [
      'while another is locked down',
      { lockdowns: [locked({ kind: 'endpoint', endpointId: 'press-4' })] },
      'permit',
      'grant-active',
    ],
    [
      'by someone who is locked out, by e-mail',
      { lockdowns: [locked({ kind: 'principal', email: 'ana@machines.example', principalIds: [] })] },
      'deny',
      'lockdown',
    ],
    [
      'by someone who is locked out, and has another e-mail now',
      { lockdowns: [locked({ kind: 'principal', email: 'old@machines.example', principalIds: ['p-ana'] })] },
      'deny',
      'lockdown',
    ],
    [
      'while somebody else is locked out',
      { lockdowns: [locked({ kind: 'principal', email: 'eve@machines.example', principalIds: ['p-eve'] })] },
      'permit',
      'grant-active',
    ],
    [
      'while all is locked down, without any grant',
      { lockdowns: [locked({ kind: 'all' })], grants: [] },
      'deny',
      'grant-missing',
    ],
    ['that no configuration knows', { resource: { ...press3, isKnown: false } }, 'deny', 'endpoint-unknown'],
    ['by a closed method', { resource: { ...press3, isMethodOpen: false } }, 'deny', 'method-closed'],
    ['for a closed path', { resource: { ...press3, isPathOpen: false } }, 'deny', 'path-closed'],
    [
      'for a closed path, by a closed method',
      { resource: { ...press3, isMethodOpen: false, isPathOpen: false } },
      'deny',
      'method-closed',
    ],
    [
      'for a closed path, without any grant',
      { resource: { ...press3, isPathOpen: false }, grants: [] },
      'deny',
      'grant-missing',
    ],
    [
      'for a closed path, with a grant that has ended',
      { resource: { ...press3, isPathOpen: false }, grants: [grant({ until: noon })] },
      'deny',
      'grant-ended',
    ],
    [
      'for a closed path, without a session',
      { resource: { ...press3, isPathOpen: false }, session: null },
      'challenge',
      'login-required',
    ],
    [
      'that writes, view only',
      {
        grants: [grant({ access: 'view' })],
        request: { isSafe: false, isUpgrade: false, initiator: 'own' },
      },
      'deny',
      'view-only',
    ],
    [
      'that writes from a foreign page',
      { request: { isSafe: false, isUpgrade: false, initiator: 'foreign' } },
      'deny',
      'origin-foreign',
    ],
    [
      'that opens a WebSocket from a foreign page',
      { request: { isSafe: true, isUpgrade: true, initiator: 'foreign' } },
      'deny',
      'origin-foreign',
    ],
    [
      'that follows a link from a foreign page',
      { request: { isSafe: true, isUpgrade: false, initiator: 'link' } },
      'permit',
      'grant-active',
    ],
    ['with times that are no numbers', { grants: [grant({ from: NaN, until: NaN })] }, 'deny', 'grant-ended'],
  ]

  it.each(table)('%s', (_name, over, outcome, reason) => {
    const decision = decide(facts(over))
    expect(decision.outcome).toBe(outcome)
    expect(decision.reasons).toEqual([reason])
  })

  it('is to be closed when the grant ends, or the session, whichever is first', () => {
    expect(decide(facts())).toMatchObject({ closeAt: noon + hour, grantId: 'g-1' })
    expect(decide(facts({ session: { ...session, endsAt: noon + 5 } }))).toMatchObject({ closeAt: noon + 5 })
  })

  it('uses the grant that allows most, then the one that lasts longest', () => {
    const held = [
      grant({ id: 'a', access: 'view', until: noon + 9 * hour }),
      grant({ id: 'b' }),
      grant({ id: 'c', until: noon + 2 * hour }),
    ]
    expect(decide(facts({ grants: held }))).toMatchObject({ grantId: 'c', obligations: [] })
  })

  it('under a view grant carries the obligation to let nothing through but looking', () => {
    expect(decide(facts({ grants: [grant({ access: 'view' })] }))).toMatchObject({
      obligations: ['view-only'],
    })
  })
})

describe('a page of Gatehouse itself', () => {
  const visitor = (kind: 'nobody' | 'half' | 'full', held: Role[] = []): Facts['session'] =>
    kind === 'nobody'
      ? null
      : {
          ...session,
          roles: held,
          assurance: { loginAt: noon, secondFactorAt: kind === 'full' ? noon : null },
        }
  const table: [OwnAccess, Facts['session'], string][] = [
    ['public', visitor('nobody'), 'public'],
    ['machine', visitor('nobody'), 'public'],
    ['signed-in', visitor('nobody'), 'login-required'],
    ['signed-in', visitor('half'), 'session-valid'],
    ['verified', visitor('half'), 'second-factor-required'],
    ['verified', visitor('full'), 'session-valid'],
    ['approver', visitor('full'), 'role-missing'],
    ['approver', visitor('full', ['approver']), 'role-held'],
    ['approver', visitor('full', ['admin']), 'role-held'],
    ['approver', visitor('half', ['admin']), 'second-factor-required'],
    ['admin', visitor('full', ['approver', 'auditor']), 'role-missing'],
    ['admin', visitor('full', ['admin']), 'role-held'],
  ]

  it.each(table)('%s, seen by %j: %s', (access, who, reason) => {
    expect(decide(facts({ resource: { kind: 'own', access }, session: who })).reasons).toEqual([reason])
  })

  it('takes no form that another origin sent, public pages included', () => {
    const request = { isSafe: false, isUpgrade: false, initiator: 'link' as const }
    const decision = decide(facts({ resource: { kind: 'own', access: 'public' }, request }))
    expect(decision.reasons).toEqual(['origin-foreign'])
  })
})

const instant = fc.integer({ min: noon - 4 * hour, max: noon + 4 * hour })
const anyGrant = fc
  .record({
    id: fc.constantFrom('g-1', 'g-2', 'g-3'),
    endpoints: fc.subarray(['press-3', 'press-4', 'historian']),
    access: fc.constantFrom('view' as const, 'operate' as const),
    from: instant,
    until: instant,
    isRevoked: fc.boolean(),
  })
  .map(({ isRevoked, ...over }) => grant({ ...over, revocation: isRevoked ? revocation : null }))
const anyLockdown = fc.record({
  scope: fc.oneof(
    fc.constant({ kind: 'all' as const }),
    fc.record({ kind: fc.constant('endpoint' as const), endpointId: fc.constantFrom('press-3', 'press-4') }),
    fc.record({
      kind: fc.constant('principal' as const),
      email: fc.constantFrom('ana@machines.example', 'eve@machines.example'),
      principalIds: fc.subarray(['p-ana', 'p-eve']),
    }),
  ),
  at: instant,
  by: fc.constant({ kind: 'gateway' as const }),
  reason: fc.constant('leak'),
})

const anyFacts = fc.record({
  at: instant,
  viewAgeMs: fc.oneof(fc.integer({ min: 0, max: 6_000 }), fc.constantFrom(Infinity, NaN)),
  isClockTrusted: fc.boolean(),
  resource: fc.record({
    kind: fc.constant('endpoint' as const),
    endpointId: fc.constantFrom('press-3', 'press-4', 'unknown'),
    isKnown: fc.boolean(),
    isMethodOpen: fc.boolean(),
    isPathOpen: fc.boolean(),
  }),
  request: fc.record({
    isSafe: fc.boolean(),
    isUpgrade: fc.boolean(),
    initiator: fc.constantFrom<Initiator>('own', 'link', 'foreign'),
  }),
  session: fc.option(
    fc.record({
      principal: fc.record({
        id: fc.constantFrom('p-ana', 'p-eve'),
        email: fc.option(fc.constant('ana@machines.example')),
      }),
      endsAt: instant,
      roles: fc.subarray<Role>(['admin', 'approver', 'auditor']),
      assurance: fc.record({ loginAt: instant, secondFactorAt: fc.option(instant) }),
    }),
  ),
  grants: fc.array(anyGrant, { maxLength: 5 }),
  lockdowns: fc.array(anyLockdown, { maxLength: 2 }),
})

describe('whatever the facts', () => {
  const runs = { numRuns: 5_000 }

  it('no grant, no permit', () => {
    fc.assert(
      fc.property(anyFacts, (any) => decide({ ...any, grants: [] }).outcome !== 'permit'),
      runs,
    )
  })

  it('whoever has a clock that no other has confirmed lets nobody in', () => {
    fc.assert(
      fc.property(anyFacts, (any) => decide({ ...any, isClockTrusted: false }).outcome !== 'permit'),
      runs,
    )
  })

  it('whoever may have missed changes for three seconds lets nobody in', () => {
    fc.assert(
      fc.property(anyFacts, (any) => {
        if (!(any.viewAgeMs <= 3_000)) expect(decide(any).outcome).not.toBe('permit')
        const { outcome } = decide({ ...any, viewAgeMs: 0 })
        if (decide(any).outcome === 'permit') expect(outcome).toBe('permit')
      }),
      runs,
    )
  })

  it('under a lockdown of all nobody passes, and lifting one gives nothing that was not there before', () => {
    const ofAll = { scope: { kind: 'all' }, at: noon, by: { kind: 'gateway' }, reason: 'leak' } as const
    fc.assert(
      fc.property(anyFacts, (any) => {
        expect(decide({ ...any, lockdowns: [...any.lockdowns, ofAll] }).outcome).not.toBe('permit')
        const decision = decide(any)
        const without = decide({ ...any, lockdowns: [] })
        if (decision.reasons[0] === 'lockdown') expect(without.reasons[0]).not.toMatch(/^grant-(?!active)/)
        else expect(without).toEqual(decision)
      }),
      runs,
    )
  })

  it('a permit rests on one grant that is running, unrevoked and for that endpoint, and on both factors', () => {
    fc.assert(
      fc.property(anyFacts, (any) => {
        const decision = decide(any)
        if (decision.outcome !== 'permit') return
        const basis = any.grants.filter(
          (g) =>
            g.id === decision.grantId &&
            g.endpoints.includes(any.resource.endpointId) &&
            g.revocation === null &&
            g.from <= any.at &&
            any.at < g.until,
        )
        expect(basis).not.toHaveLength(0)
        expect(any.session?.assurance.secondFactorAt).not.toBeNull()
        expect(decision.closeAt).toBeGreaterThan(any.at)
        expect(decision.closeAt).toBeLessThanOrEqual(Math.max(...basis.map((g) => g.until)))
      }),
      runs,
    )
  })

  it('nothing closed is permitted, nor told to someone without a running grant', () => {
    fc.assert(
      fc.property(anyFacts, (any) => {
        const decision = decide(any)
        const { isMethodOpen, isPathOpen } = any.resource
        if (decision.outcome === 'permit') expect([isMethodOpen, isPathOpen]).toEqual([true, true])
        const isTold = decision.reasons.some((reason) => reason.endsWith('-closed'))
        const opened = { ...any, resource: { ...any.resource, isMethodOpen: true, isPathOpen: true } }
        const otherwise = decide(opened)
        if (isTold) expect(['grant-active', 'view-only']).toContain(otherwise.reasons[0])
        else expect(otherwise).toEqual(decision)
      }),
      runs,
    )
  })

  it('the window is half-open', () => {
    fc.assert(
      fc.property(instant, fc.integer({ min: 1, max: hour }), (from, length) => {
        const window = { from, until: from + length, revocation: null }
        expect(grantState(window, from - 1)).toBe('grant-not-started')
        expect(grantState(window, from)).toBe('grant-active')
        expect(grantState(window, from + length - 1)).toBe('grant-active')
        expect(grantState(window, from + length)).toBe('grant-ended')
      }),
    )
  })

  it('a narrower grant never permits more', () => {
    const narrowing = fc.record({
      later: fc.nat(hour),
      earlier: fc.nat(hour),
      dropsOperate: fc.boolean(),
      revokes: fc.boolean(),
    })
    fc.assert(
      fc.property(anyFacts, fc.nat(4), narrowing, (any, at, cut) => {
        const narrowed = any.grants.map((g, index) =>
          index !== at % Math.max(1, any.grants.length)
            ? g
            : {
                ...g,
                from: g.from + cut.later,
                until: g.until - cut.earlier,
                access: cut.dropsOperate ? ('view' as const) : g.access,
                revocation: cut.revokes ? revocation : g.revocation,
              },
        )
        const before = decide(any)
        const after = decide({ ...any, grants: narrowed })
        if (after.outcome === 'permit') {
          expect(before.outcome).toBe('permit')
          if (before.outcome === 'permit') {
            expect(after.obligations).toEqual(expect.arrayContaining([...before.obligations]))
          }
        }
      }),
      runs,
    )
  })

  it('every reason comes from the closed list, and the same facts give the same decision', () => {
    fc.assert(
      fc.property(anyFacts, (any) => {
        const decision = decide(any)
        expect(reasons).toEqual(expect.arrayContaining([...decision.reasons]))
        expect(decide({ ...any, grants: [...any.grants].reverse() }).outcome).toBe(decision.outcome)
      }),
      runs,
    )
  })
})
