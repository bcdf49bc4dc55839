import fc from 'fast-check'
import { unconditional } from '../../src/grants/index.js'
import {
  decide,
  freshCodeMs,
  grantState,
  hasFreshCode,
  isDraining,
  phasesOf,
} from '../../src/policy/index.js'
import {
  endings,
  reasons,
  type Decision,
  type EndingLimits,
  type Facts,
  type Initiator,
  type Grant,
  type Lockdown,
  type LockdownScope,
  type OwnAccess,
  type Role,
  type ServiceAccess,
} from '../../src/model.js'

const noon = Date.UTC(2026, 10, 23, 12)
const minute = 60_000
const hour = 60 * minute
const limits: EndingLimits = { drainMs: 2 * minute, readOnlyMs: 10 * minute }

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
    conditions: unconditional,
    requestId: null,
    issuedBy: { kind: 'operator', account: 'root' },
    issuedAt: noon - 2 * hour,
    revocation: null,
    ...over,
  }
}

const sourced = (over: Partial<Grant> = {}): Grant =>
  grant({ conditions: { ...unconditional, sources: ['192.0.2.0/24'] }, ...over })

const released = (over: Partial<Grant> = {}): Grant =>
  grant({ conditions: { ...unconditional, needsRelease: true }, ...over })

const seated = (over: Partial<Grant> = {}): Grant =>
  grant({ conditions: { ...unconditional, maxSessions: 1 }, ...over })

const lasting = (over: Partial<Grant> = {}): Grant =>
  grant({ conditions: { ...unconditional, lastsFromFirstUseMs: hour }, until: noon + 9 * hour, ...over })

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

const nothing: Facts['fulfilled'] = { source: new Set(), release: new Set(), seat: new Set() }

function facts(over: Partial<Facts> = {}): Facts {
  return {
    at: noon,
    viewAgeMs: 200,
    isClockTrusted: true,
    resource: press3,
    request: { isSafe: true, isUpgrade: false, initiator: 'own' },
    session,
    grants: [grant()],
    fulfilled: nothing,
    endings: limits,
    lockdowns: [],
    ...over,
  }
}

/** Minutes from noon. */
function windows(...parts: [from: number, until: number][]): Grant['conditions'] {
  return {
    ...unconditional,
    windows: parts.map(([from, end]) => ({ from: noon + from * minute, until: noon + end * minute })),
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
    ['with a grant to be begun', { grants: [lasting()] }, 'permit', 'grant-active'],
    [
      'with one that has lasted',
      { grants: [lasting({ firstUsedAt: noon - hour, until: noon })] },
      'deny',
      'grant-ended',
    ],
    ['inside a window', { grants: [grant({ conditions: windows([-1, 1]) })] }, 'permit', 'grant-active'],
    ['as a window begins', { grants: [grant({ conditions: windows([0, 1]) })] }, 'permit', 'grant-active'],
    [
      'before the first window',
      { grants: [grant({ conditions: windows([1, 2]) })] },
      'deny',
      'grant-not-started',
    ],
    [
      'between two windows',
      { grants: [grant({ conditions: windows([-2, -1], [1, 2]) })] },
      'deny',
      'grant-outside-window',
    ],
    [
      'as a window ends, with another to come',
      { grants: [grant({ conditions: windows([-2, 0], [1, 2]) })] },
      'deny',
      'grant-outside-window',
    ],
    ['after the last window', { grants: [grant({ conditions: windows([-2, 0]) })] }, 'deny', 'grant-ended'],
    [
      'between two windows that were taken back',
      { grants: [grant({ conditions: windows([-2, -1], [1, 2]), revocation })] },
      'deny',
      'grant-revoked',
    ],
    [
      'between two windows of one grant, inside another',
      { grants: [grant({ conditions: windows([-2, -1], [1, 2]) }), grant({ id: 'g-2' })] },
      'permit',
      'grant-active',
    ],
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
    ['from elsewhere than the grant is for', { grants: [sourced()] }, 'deny', 'source-closed'],
    [
      'from where the grant is for',
      { grants: [sourced()], fulfilled: { ...nothing, source: new Set(['g-1']) } },
      'permit',
      'grant-active',
    ],
    [
      'from where another grant is for',
      { grants: [sourced()], fulfilled: { ...nothing, source: new Set(['g-2']) } },
      'deny',
      'source-closed',
    ],
    [
      'from elsewhere than one grant is for, with another for anywhere',
      { grants: [sourced(), grant({ id: 'g-2', access: 'view' })] },
      'permit',
      'grant-active',
    ],
    [
      'from elsewhere than the grant is for, which has ended',
      { grants: [sourced({ until: noon })] },
      'deny',
      'grant-ended',
    ],
    [
      'from elsewhere than one grant is for, with another to come',
      { grants: [sourced(), grant({ id: 'g-2', from: noon + 1 })] },
      'deny',
      'source-closed',
    ],
    [
      'from elsewhere than the grant is for, while all is locked down',
      { grants: [sourced()], lockdowns: [locked({ kind: 'all' })] },
      'deny',
      'source-closed',
    ],
    ['with a grant that waits for its release', { grants: [released()] }, 'deny', 'release-awaited'],
    [
      'with a grant that is released',
      { grants: [released()], fulfilled: { ...nothing, release: new Set(['g-1']) } },
      'permit',
      'grant-active',
    ],
    [
      'with a grant that waits, and another that is released',
      { grants: [released()], fulfilled: { ...nothing, release: new Set(['g-2']) } },
      'deny',
      'release-awaited',
    ],
    [
      'with a grant that waits, and another that needs no release',
      { grants: [released(), grant({ id: 'g-2', access: 'view' })] },
      'permit',
      'grant-active',
    ],
    [
      'with a grant that is released, from elsewhere than it is for',
      {
        grants: [grant({ conditions: { ...unconditional, needsRelease: true, sources: ['192.0.2.7'] } })],
        fulfilled: { ...nothing, release: new Set(['g-1']) },
      },
      'deny',
      'source-closed',
    ],
    ['with a grant whose seats are taken', { grants: [seated()] }, 'deny', 'sessions-taken'],
    [
      'with a grant that has a seat for this session',
      { grants: [seated()], fulfilled: { ...nothing, seat: new Set(['g-1']) } },
      'permit',
      'grant-active',
    ],
    [
      'with a grant whose seats are taken, and another without a limit',
      { grants: [seated(), grant({ id: 'g-2', access: 'view' })] },
      'permit',
      'grant-active',
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
      'that writes, just before a grant turns read-only',
      {
        grants: [grant({ ending: 'read-only', until: noon + 10 * minute + 1 })],
        request: { isSafe: false, isUpgrade: false, initiator: 'own' },
      },
      'permit',
      'grant-active',
    ],
    [
      'that writes, when a grant has turned read-only',
      {
        grants: [grant({ ending: 'read-only', until: noon + 10 * minute })],
        request: { isSafe: false, isUpgrade: false, initiator: 'own' },
      },
      'deny',
      'grant-read-only',
    ],
    [
      'that reads, when a grant has turned read-only',
      { grants: [grant({ ending: 'read-only', until: noon + 1 })] },
      'permit',
      'grant-active',
    ],
    [
      'that writes, with a grant to view that has turned read-only',
      {
        grants: [grant({ access: 'view', ending: 'read-only', until: noon + 1 })],
        request: { isSafe: false, isUpgrade: false, initiator: 'own' },
      },
      'deny',
      'view-only',
    ],
    [
      'that writes, when one grant has turned read-only and another has not',
      {
        grants: [
          grant({ id: 'a', ending: 'read-only', until: noon + 5 * minute }),
          grant({ id: 'b', until: noon + minute }),
        ],
        request: { isSafe: false, isUpgrade: false, initiator: 'own' },
      },
      'permit',
      'grant-active',
    ],
    [
      'that reads, when a grant drains',
      { grants: [grant({ ending: 'drain', until: noon })] },
      'deny',
      'grant-ended',
    ],
    [
      'that reads, when a grant that has turned read-only is revoked',
      { grants: [grant({ ending: 'read-only', until: noon + 1, revocation })] },
      'deny',
      'grant-revoked',
    ],
    [
      'with a read-only grant whose times are no numbers',
      { grants: [grant({ ending: 'read-only', from: NaN, until: NaN })] },
      'deny',
      'grant-ended',
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

  it('is to be closed when the window ends, and endings count from there', () => {
    const conditions = windows([-60, 20], [40, 60])
    const decided = (over: Partial<Grant>, request: Facts['request'] = facts().request) =>
      decide(facts({ grants: [grant({ conditions, ...over })], request }))
    const end = noon + 20 * minute
    expect(decided({})).toMatchObject({ closeAt: end, viewOnlyFrom: null })
    expect(decided({ ending: 'drain' })).toMatchObject({ closeAt: end + limits.drainMs })
    const upgrade = { isSafe: true, isUpgrade: true, initiator: 'own' } as const
    expect(decided({ ending: 'drain' }, upgrade)).toMatchObject({ closeAt: end })
    expect(decided({ ending: 'read-only' })).toMatchObject({ viewOnlyFrom: end - limits.readOnlyMs })
    const draining = grant({ conditions, ending: 'drain' })
    expect(isDraining(draining, end, limits)).toBe(true)
    expect(isDraining(draining, end + limits.drainMs, limits)).toBe(false)
  })

  it('is told which of several comes next', () => {
    const later = grant({ id: 'g-2', from: noon + 5 * minute })
    const paused = grant({ conditions: windows([-2, -1], [4, 6]) })
    expect(decide(facts({ grants: [later, paused] }))).toMatchObject({
      ...{ reasons: ['grant-outside-window'], grantId: 'g-1' },
    })
    const pausedLonger = grant({ conditions: windows([-2, -1], [6, 7]) })
    expect(decide(facts({ grants: [later, pausedLonger] }))).toMatchObject({
      ...{ reasons: ['grant-not-started'], grantId: 'g-2' },
    })
  })

  it('begins the time of a grant only where none whose time runs lets them do the same', () => {
    const unused = lasting({ id: 'a' })
    const running = grant({ id: 'b' })
    const decisionOn = (grants: Grant[]): Decision => decide(facts({ grants }))
    expect(decisionOn([unused])).toMatchObject({
      ...{ grantId: 'a', obligations: ['begin-use'], closeAt: noon + hour },
    })
    expect(decisionOn([unused, running])).toMatchObject({ grantId: 'b', obligations: [] })
    expect(decisionOn([unused, grant({ id: 'b', access: 'view' })])).toMatchObject({ grantId: 'a' })
    const used = lasting({ id: 'a', firstUsedAt: noon - minute, until: noon + 59 * minute })
    expect(decisionOn([used, lasting({ id: 'b' })])).toMatchObject({ grantId: 'a', obligations: [] })
  })

  it('leaves time to work in a grant that is short once it is used', () => {
    const short = lasting({
      conditions: { ...unconditional, lastsFromFirstUseMs: 10 * minute },
      ending: 'read-only',
    })
    expect(decide(facts({ grants: [short] }))).toMatchObject({ viewOnlyFrom: noon + 5 * minute })
  })

  it('uses the grant that allows most, then the one that lasts longest', () => {
    const held = [
      grant({ id: 'a', access: 'view', until: noon + 9 * hour }),
      grant({ id: 'b' }),
      grant({ id: 'c', until: noon + 2 * hour }),
    ]
    expect(decide(facts({ grants: held }))).toMatchObject({ grantId: 'c', obligations: [] })
  })

  const upgrade = { isSafe: true, isUpgrade: true, initiator: 'own' } as const
  it('may outlive a grant that drains, by the bound, unless it opens a WebSocket or the session ends', () => {
    const grants = [grant({ ending: 'drain' })]
    expect(decide(facts({ grants }))).toMatchObject({ closeAt: noon + hour + 2 * minute, viewOnlyFrom: null })
    expect(decide(facts({ grants, request: upgrade }))).toMatchObject({ closeAt: noon + hour })
    const ending = { ...session, endsAt: noon + hour + minute }
    expect(decide(facts({ grants, session: ending }))).toMatchObject({ closeAt: noon + hour + minute })
  })

  it('is told from when on it may only look', () => {
    const viewOnlyFromOf = (over: Partial<Grant>): unknown =>
      decide(facts({ grants: [grant(over)], request: upgrade }))
    expect(viewOnlyFromOf({})).toMatchObject({ viewOnlyFrom: null, obligations: [] })
    expect(viewOnlyFromOf({ ending: 'read-only' })).toMatchObject({
      closeAt: noon + hour,
      viewOnlyFrom: noon + 50 * minute,
      obligations: [],
    })
    expect(viewOnlyFromOf({ ending: 'read-only', until: noon + minute })).toMatchObject({
      viewOnlyFrom: noon - 9 * minute,
      obligations: ['view-only'],
    })
    expect(viewOnlyFromOf({ access: 'view' })).toMatchObject({ viewOnlyFrom: 0, obligations: ['view-only'] })
  })

  it('under a short grant may do more than look for at least half of it', () => {
    const short = grant({ ending: 'read-only', from: noon, until: noon + 8 * minute })
    expect(phasesOf(short, limits, noon).viewOnlyFrom).toBe(noon + 4 * minute)
  })

  it('takes the grant under which a WebSocket may say something for longest', () => {
    const grants = [
      grant({ id: 'looks-last', ending: 'read-only', until: noon + hour }),
      grant({ id: 'cut', until: noon + 55 * minute }),
    ]
    expect(decide(facts({ grants, request: upgrade }))).toMatchObject({ grantId: 'cut' })
    expect(decide(facts({ grants }))).toMatchObject({ grantId: 'looks-last', closeAt: noon + hour })
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
  const table: [Exclude<OwnAccess, ServiceAccess>, Facts['session'], string][] = [
    ['public', visitor('nobody'), 'public'],
    ['machine', visitor('nobody'), 'public'],
    ['signed-in', visitor('nobody'), 'login-required'],
    ['signed-in', visitor('half'), 'session-valid'],
    ['verified', visitor('half'), 'second-factor-required'],
    ['verified', visitor('full'), 'session-valid'],
    ['auditor', visitor('full'), 'role-missing'],
    ['auditor', visitor('full', ['auditor']), 'role-held'],
    ['auditor', visitor('full', ['approver']), 'role-held'],
    ['auditor', visitor('full', ['admin']), 'role-held'],
    ['auditor', visitor('half', ['auditor']), 'second-factor-required'],
    ['approver', visitor('full', ['auditor']), 'role-missing'],
    ['admin', visitor('full', ['auditor']), 'role-missing'],
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

describe('a call of the JSON API', () => {
  type Call = Extract<Facts['resource'], { kind: 'service' }>
  const token = { scopes: ['grants:read'], until: noon + 1, revocation: null, isSourceOpen: true } as const
  const call: Call = { kind: 'service', scope: 'grants:read', isOfBrowser: false, isTokenSent: true, token }
  const table: [string, Partial<Call>, string][] = [
    ['with a token that has the scope', {}, 'token-valid'],
    ['for which any token will do', { scope: null }, 'token-valid'],
    ['without a token', { token: null, isTokenSent: false }, 'token-missing'],
    ['with a token of somebody else', { token: null }, 'token-unknown'],
    ['with a revoked token', { token: { ...token, revocation } }, 'token-revoked'],
    ['with a token that has just ended', { token: { ...token, until: noon } }, 'token-ended'],
    ['with a token of no known end', { token: { ...token, until: NaN } }, 'token-ended'],
    [
      'from an address the token is not for',
      { token: { ...token, isSourceOpen: false } },
      'token-source-closed',
    ],
    ['with a token for something else', { scope: 'grants:write' }, 'scope-missing'],
    ['from a browser, with a good token', { isOfBrowser: true }, 'browser-refused'],
  ]

  it.each(table)('%s: %j is decided as %s', (_, over, reason) => {
    const { outcome, reasons: given } = decide(facts({ resource: { ...call, ...over }, session: null }))
    expect([outcome, given]).toEqual([reason === 'token-valid' ? 'permit' : 'deny', [reason]])
  })

  it('is never an upgrade', () => {
    const request = { isSafe: true, isUpgrade: true, initiator: 'own' as const }
    expect(decide(facts({ resource: call, request })).reasons).toEqual(['browser-refused'])
  })
})

const instant = fc.integer({ min: noon - 4 * hour, max: noon + 4 * hour })
/** Windows between every other pair of instants, and the grant around them. */
function windowed(cuts: readonly number[]): Pick<Grant, 'from' | 'until' | 'conditions'> {
  const sorted = [...cuts].sort((a, b) => a - b)
  const windows = sorted.flatMap((from, at) => {
    const end = sorted[at + 1]
    return at % 2 === 0 && end !== undefined ? [{ from, until: end }] : []
  })
  const [first = noon, last = noon] = [sorted[0], sorted.at(-1)]
  return { from: first - 1, until: last + 1, conditions: { ...unconditional, windows } }
}

const anyGrant = fc
  .record({
    id: fc.constantFrom('g-1', 'g-2', 'g-3'),
    endpoints: fc.subarray(['press-3', 'press-4', 'historian']),
    access: fc.constantFrom('view' as const, 'operate' as const),
    ending: fc.constantFrom(...endings),
    from: instant,
    until: instant,
    isRevoked: fc.boolean(),
    sources: fc.subarray(['192.0.2.0/24']),
    needsRelease: fc.boolean(),
    maxSessions: fc.constantFrom(null, 1),
    cuts: fc.option(fc.uniqueArray(instant, { minLength: 2, maxLength: 6 }), { freq: 1 }),
  })
  .map(({ isRevoked, sources, needsRelease, maxSessions, cuts, ...over }) => {
    const times = cuts === null ? {} : windowed(cuts)
    const { conditions = unconditional } = times as Partial<Grant>
    return grant({
      ...over,
      ...times,
      conditions: { ...conditions, sources, needsRelease, maxSessions },
      revocation: isRevoked ? revocation : null,
    })
  })
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
  fulfilled: fc.record({
    source: fc.subarray(['g-1', 'g-2', 'g-3']).map((ids) => new Set(ids)),
    release: fc.subarray(['g-1', 'g-2', 'g-3']).map((ids) => new Set(ids)),
    seat: fc.subarray(['g-1', 'g-2', 'g-3']).map((ids) => new Set(ids)),
  }),
  endings: fc.record({
    drainMs: fc.integer({ min: 0, max: 2 * hour }),
    readOnlyMs: fc.integer({ min: 0, max: 4 * hour }),
  }),
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
        if (decision.reasons[0] === 'lockdown')
          expect(without.reasons[0]).not.toMatch(/^grant-(?!active|read-only)/)
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
        const drainMs = any.request.isUpgrade ? 0 : any.endings.drainMs
        const ends = basis.map((g) => g.until + (g.ending === 'drain' ? drainMs : 0))
        expect(decision.closeAt).toBeLessThanOrEqual(Math.max(...ends))
        expect(decision.closeAt).toBeLessThanOrEqual(any.session?.endsAt ?? 0)
      }),
      runs,
    )
  })

  it('nothing is changed by who may only look, nor looked at for longer than half of what was to be work', () => {
    fc.assert(
      fc.property(anyFacts, (any) => {
        const decision = decide(any)
        if (decision.outcome !== 'permit') return
        const { viewOnlyFrom, obligations, grantId } = decision
        const isViewOnly = viewOnlyFrom !== null && viewOnlyFrom <= any.at
        expect(obligations).toEqual(isViewOnly ? ['view-only'] : [])
        if (isViewOnly) expect(any.request.isSafe).toBe(true)
        const held = any.grants.filter((g) => g.id === grantId && g.access === 'operate')
        const isLate = ({ from, until }: Grant): boolean => any.at >= from + (until - from) / 2 - 1
        if (isViewOnly && viewOnlyFrom > 0) expect(held.some(isLate)).toBe(true)
      }),
      runs,
    )
  })

  it('of several grants the most favourable one counts: each alone would allow no more, and one as much', () => {
    fc.assert(
      fc.property(anyFacts, (any) => {
        const together = favour(decide(any), any.request)
        const alone = any.grants.map((g) => favour(decide({ ...any, grants: [g] }), any.request))
        for (const other of alone) expect(compare(together, other)).toBeGreaterThanOrEqual(0)
        if (together.length > 0) expect(alone).toContainEqual(together)
      }),
      runs,
    )
  })

  it('an extension never takes anything away', () => {
    fc.assert(
      fc.property(anyFacts, fc.nat(4), fc.integer({ min: 1, max: hour }), (any, at, byMs) => {
        const grants = any.grants.map((g, i) => (i === at ? { ...g, until: g.until + byMs } : g))
        const before = favour(decide(any), any.request)
        expect(compare(favour(decide({ ...any, grants }), any.request), before)).toBeGreaterThanOrEqual(0)
      }),
      runs,
    )
  })

  it('a permit rests on a grant whose conditions are met', () => {
    fc.assert(
      fc.property(anyFacts, (any) => {
        const decision = decide(any)
        const { source, release, seat } = any.fulfilled
        const isMet = ({ id, conditions }: Grant): boolean =>
          (conditions.sources.length === 0 || source.has(id)) &&
          (!conditions.needsRelease || release.has(id)) &&
          (conditions.maxSessions === null || seat.has(id))
        if (decision.outcome === 'permit')
          expect(any.grants.some((g) => g.id === decision.grantId && isMet(g))).toBe(true)
        const unmet = any.grants.filter((g) => !isMet(g))
        expect(decide({ ...any, grants: unmet }).outcome).not.toBe('permit')
      }),
      runs,
    )
  })

  it('a grant drains from its end for the bound at most, and never once it is revoked', () => {
    fc.assert(
      fc.property(anyGrant, anyFacts, instant, (g, { endings: bounds }, at) => {
        const isWithin = g.until <= at && at < g.until + bounds.drainMs
        expect(isDraining(g, at, bounds)).toBe(g.ending === 'drain' && g.revocation === null && isWithin)
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
        const isTold = decision.reasons.some((reason) => /^(method|path)-closed$/.test(reason))
        const opened = { ...any, resource: { ...any.resource, isMethodOpen: true, isPathOpen: true } }
        const otherwise = decide(opened)
        if (isTold) expect(['grant-active', 'view-only', 'grant-read-only']).toContain(otherwise.reasons[0])
        else expect(otherwise).toEqual(decision)
      }),
      runs,
    )
  })

  it('the window is half-open', () => {
    fc.assert(
      fc.property(instant, fc.integer({ min: 1, max: hour }), (from, length) => {
        const window = grant({ from, until: from + length })
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
                // A shorter one that ends read-only also turns so later: half of its length is to work.
                from: g.from + (g.ending === 'read-only' ? 0 : cut.later),
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

describe('a one-time code', () => {
  it.each([
    ['just now', noon, true],
    ['a moment before it is too old', noon - freshCodeMs + 1, true],
    ['five minutes ago', noon - freshCodeMs, false],
    ['never', undefined, false],
    ['at no time', NaN, false],
    ['by a clock that was ahead', noon + 1, false],
  ])('that was entered %s is judged by its age', (_name, oneTimeCodeAt, isFresh) => {
    const assurance = { loginAt: noon, secondFactorAt: noon, oneTimeCodeAt }
    expect(hasFreshCode(assurance, noon)).toBe(isFresh)
  })
})

/** How long it may change something, then how long it may stay; empty where it may do neither. */
function favour(decision: Decision, { isUpgrade }: Facts['request']): number[] {
  if (decision.outcome !== 'permit') return []
  const { closeAt, viewOnlyFrom, obligations } = decision
  const end = closeAt ?? 0
  if (obligations.includes('view-only')) return [0, end]
  return [isUpgrade ? Math.min(viewOnlyFrom ?? end, end) : end, end]
}

/** Positive where `a` is more favourable. */
function compare(a: readonly number[], b: readonly number[]): number {
  const [first = -1, second = -1] = a
  const [otherFirst = -1, otherSecond = -1] = b
  return first - otherFirst || second - otherSecond
}
