import {
  createGrants,
  createRequests,
  type Approver,
  type AskedAccess,
  type GrantEvent,
  type Grants,
  type Requests,
} from '../../src/grants/index.js'
import type { AccessEvent } from '../../src/grants/model.js'
import { generateKeys, GatehouseError, openKeyring, type ChangeLog, type Store } from '../../src/lib/index.js'
import type { AccessRequest, Actor, Grant, Principal } from '../../src/model.js'
import { TestClock } from '../support/clock.js'
import { silentLogger } from '../support/logger.js'
import { changesOf, connectedStore } from '../support/store.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { openTrust, type Trust } from '../support/trust.js'
import { until } from '../support/until.js'

const minute = 60_000
const hour = 60 * minute
const ana: Principal = {
  id: 'p-ana',
  issuer: 'https://login.plant.example',
  subject: 'ana',
  email: 'ana@vendor.example',
  name: 'Ana Silva',
}
const eve: Principal = { ...ana, id: 'p-eve', subject: 'eve', email: 'eve@vendor.example' }
const approver = (name: string): Approver => ({
  actor: { kind: 'principal', principalId: `p-${name}`, email: `${name}@plant.example` },
  roles: ['approver'],
  hasFreshCode: true,
})
const ben = approver('ben')
const cara = approver('cara')
const operator: Actor = { kind: 'operator', account: 'root' }
const rule = { by: ['approver'], count: 1, lapsesAfterMs: 8 * hour } as const
const endpoints = [
  { id: 'press-3', requestable: 'all', approval: rule },
  { id: 'press-4', requestable: 'invited', approval: { ...rule, lapsesAfterMs: hour } },
  { id: 'oven', requestable: 'none', approval: rule },
  { id: 'crane', requestable: 'all', approval: { ...rule, count: 2 } },
] as const
const good: AskedAccess = {
  endpoints: ['press-3'],
  from: null,
  lengthMs: 2 * hour,
  reason: 'Replace the valve',
}

const keyring = openKeyring(generateKeys())

let redis: TestRedis
let store: Store
let clock: TestClock
let trust: Trust
let events: (AccessEvent | GrantEvent)[]
let whileRecording: (event: AccessEvent | GrantEvent) => Promise<void>
let grants: Grants
let requests: Requests
let changes: ChangeLog

beforeAll(async () => {
  redis = await startRedis()
})
afterAll(async () => {
  await redis.close()
})
beforeEach(async () => {
  store = await connectedStore(redis.url)
  await store.run((connection) => connection.flushall())
  clock = new TestClock()
  trust = await openTrust(clock)
  events = []
  whileRecording = async () => {}
  const followed = changesOf(store, { vouching: trust.vouching })
  changes = followed.changes
  const shared = {
    ...{ store, clock, ...followed },
    ...{ journal: trust.journal, vouching: trust.vouching, logger: silentLogger },
    assertFit: async () => {},
    record: async (event: AccessEvent | GrantEvent) => {
      await whileRecording(event)
      events.push(event)
    },
    maxLengthMs: 12 * hour,
  }
  grants = createGrants({
    ...shared,
    endings: { drainMs: 2 * minute, readOnlyMs: 10 * minute },
    endpointIds: new Set(endpoints.map(({ id }) => id)),
  })
  requests = createRequests({
    ...shared,
    grants,
    endpoints,
    keyring,
    standingOf: async () => ({ roles: ['approver'] }),
  })
})
afterEach(async () => {
  await store.close()
  await trust.close()
})

const ask = (over: Partial<AskedAccess> = {}, who = ana): Promise<AccessRequest> =>
  requests.ask({ ...good, ...over }, who)
const named = (name: string): unknown[] => events.filter(({ event }) => event === name)
const refused = (code: string, field?: string) =>
  expect.objectContaining({ code, ...(field === undefined ? {} : { field }) }) as Error
const held = async (who = ana): Promise<Grant[]> => grants.heldBy(who.id)

describe('asking for access', () => {
  it('permits nothing, is on record first, and waits for an answer', async () => {
    whileRecording = async () => {
      expect(await requests.list()).toEqual([])
    }
    const request = await ask({ ticket: 'CHG-1', access: 'view' })
    expect(request).toEqual({
      id: expect.stringMatching(/^q-[0-9a-z]{16}$/) as string,
      by: { principalId: ana.id, email: ana.email, name: ana.name },
      terms: {
        ...{ endpoints: ['press-3'], access: 'view', from: null, lengthMs: 2 * hour },
        ...{ lastsFromFirstUseMs: null, needsRelease: false },
      },
      reason: 'Replace the valve',
      ticket: 'CHG-1',
      askedAt: clock.now(),
      lapsesAt: clock.now() + 8 * hour,
      approvals: [],
      outcome: null,
    })
    expect(events).toMatchObject([{ event: 'access.requested', request: { id: request.id } }])
    expect(await requests.get(request.id)).toEqual(request)
    expect(await requests.open()).toEqual([request])
    expect(await requests.of(ana.id)).toEqual([request])
    expect(await requests.of(eve.id)).toEqual([])
    expect(await held()).toEqual([])
  })

  it('is for machines whose names the person may see; the others look as if there were none', async () => {
    expect(await requests.requestable(ana.id)).toEqual(['press-3', 'crane'])
    const texts = await Promise.all(
      ['press-4', 'oven', 'nowhere'].map((id) =>
        ask({ endpoints: [id] }).catch((error: unknown) => String(error).replace(id, 'X')),
      ),
    )
    expect(new Set(texts).size).toBe(1)
    const grant = {
      endpoints: ['press-4', 'oven'],
      from: 'now',
      until: '+1h',
      to: ana.email,
      reason: 'invited once',
    }
    await grants.issue(grant, operator, { principalId: ana.id })
    await clock.advance({ hours: 2 })
    expect(await requests.requestable(ana.id)).toEqual(['press-3', 'press-4', 'crane'])
    expect((await ask({ endpoints: ['press-3', 'press-4'] })).lapsesAt).toBe(clock.now() + hour)
  })

  it.each<[string, Partial<AskedAccess>]>([
    ['endpoints', { endpoints: [] }],
    ['endpoints', { endpoints: 'press-3' }],
    ['reason', { reason: '...' }],
    ['reason', { reason: 'x'.repeat(501) }],
    ['reason', { reason: 'turn \u202e around' }],
    ['ticket', { ticket: 'ünï' }],
    ['access', { access: 'own' }],
    ['length', { lengthMs: '2h' }],
    ['until', { lengthMs: 13 * hour }],
    ['until', { lengthMs: 0 }],
    ['from', { from: 'yesterday', lengthMs: undefined, until: '+2h' }],
    ['until', { from: 'now', lengthMs: undefined, until: '+13h' }],
    ['lasts', { lengthMs: 24 * hour, lasts: '13h' }],
    ['lasts', { lengthMs: hour, lasts: '2h' }],
    ['lasts', { lengthMs: 24 * hour, lasts: 'soon' }],
    ['until', { lengthMs: 93 * 24 * hour, lasts: '2h' }],
  ])('is refused with the field at fault: %s (%#)', async (field, over) => {
    await expect(ask(over)).rejects.toEqual(refused('input-invalid', field))
    expect(events).toEqual([])
  })

  it('is refused to somebody whose e-mail nobody has verified', async () => {
    await expect(ask({}, { ...ana, email: null })).rejects.toEqual(refused('input-invalid', 'to'))
  })

  it('has a limit for each person, which requests that are over do not fill', async () => {
    const all = await Promise.allSettled(Array.from({ length: 30 }, () => ask()))
    expect(all.filter(({ status }) => status === 'fulfilled')).toHaveLength(20)
    await expect(ask()).rejects.toEqual(refused('request-limit'))
    expect(named('access.failed')).toHaveLength(11)
    await ask({}, eve)
    await clock.advance({ hours: 8 })
    await ask()
    expect(await requests.open()).toHaveLength(1)
  })

  it('may be made so often a day, and is forgotten in the end: whoever asks and takes back must not fill Redis', async () => {
    for (let count = 0; count < 100; count += 1) await requests.withdraw((await ask()).id, ana)
    await expect(ask()).rejects.toEqual(refused('request-limit'))
    await ask({}, eve)
    await clock.advance({ hours: 24 })
    const { id } = await ask()
    const key = store.key('request', id)
    const keptMs = await store.run((connection) => connection.pttl(key))
    expect(keptMs).toBeGreaterThan(90 * 24 * hour)
    expect(keptMs).toBeLessThan(92 * 24 * hour)
    await clock.advance({ hours: 91 * 24 })
    await ask()
    expect(await store.run((connection) => connection.zcard(store.key('requests', 'all')))).toBe(1)
  })

  it('that cannot be read is named once and closes by itself', async () => {
    const { id } = await ask()
    await store.run((connection) => connection.hset(store.key('request', id), 'terms', 'garbage'))
    await clock.advance({ hours: 8 })
    await requests.tidy()
    expect(await store.run((connection) => connection.zcard(store.key('requests', 'open')))).toBe(0)
  })
})

describe('the list of what waits, for pages', () => {
  const idle = { onChange: async () => {}, onDoubt: async () => {} }
  const reads = async (): Promise<number> => {
    const said = await store.run((connection) => connection.info('commandstats'))
    return Number(/cmdstat_hgetall:calls=(\d+)/.exec(said)?.[1] ?? 0)
  }
  /** What the list has, once all changes so far are followed; it has what Redis has. */
  const shown = async (): Promise<string[]> => {
    await changes.settle()
    const listed = await requests.shownOpen()
    expect(listed).toEqual(await requests.open())
    return listed.map(({ id }) => id)
  }

  it('follows whatever happens to a request, and reads no others for it', async () => {
    const follower = await changes.follow(idle)
    await until('changes are followed', () => performance.now() - changes.proof.provedAt < 500)
    const others = []
    for (let count = 0; count < 10; count += 1) others.push((await ask({}, eve)).id)
    expect((await shown()).toSorted()).toEqual(others.toSorted())
    const asked = await ask()
    expect(await shown()).toContain(asked.id)
    await requests.approve(asked.id, ben, {})
    expect(await shown()).not.toContain(asked.id)
    const halfway = await ask({ endpoints: ['crane'] })
    await requests.approve(halfway.id, ben, {})
    expect(await shown()).toContain(halfway.id)
    await requests.deny(halfway.id, cara, 'Not today')
    const takenBack = await ask()
    expect(await shown()).toContain(takenBack.id)
    await requests.withdraw(takenBack.id, ana)
    expect((await shown()).toSorted()).toEqual(others.toSorted())
    const last = await ask()
    await changes.settle()
    const before = await reads()
    expect((await requests.shownOpen()).map(({ id }) => id)).toContain(last.id)
    expect((await reads()) - before).toBe(1)
    await clock.advance({ hours: 9 })
    expect(await shown()).toEqual([])
    await requests.tidy()
    expect(await shown()).toEqual([])
    await follower.close()
  })

  it('is read whole again where one is gone that no change has named', async () => {
    const follower = await changes.follow(idle)
    await until('changes are followed', () => performance.now() - changes.proof.provedAt < 500)
    const gone = await ask()
    expect(await shown()).toEqual([gone.id])
    await store.run((connection) => connection.zrem(store.key('requests', 'open'), gone.id))
    expect((await requests.shownOpen()).map(({ id }) => id)).toEqual([gone.id])
    const { id } = await ask()
    expect(await shown()).toEqual([id])
    await follower.close()
  })
})

describe('an answer', () => {
  it('that is yes makes one grant, whose time counts from the answer', async () => {
    const request = await ask()
    await clock.advance({ hours: 3 })
    const answered = await requests.approve(request.id, ben, {})
    const [grant, ...more] = await held()
    expect(more).toEqual([])
    expect(grant).toMatchObject({
      to: { email: ana.email, principalId: ana.id },
      endpoints: ['press-3'],
      access: 'operate',
      from: clock.now(),
      until: clock.now() + 2 * hour,
      requestId: request.id,
      issuedBy: ben.actor,
    })
    expect(answered.outcome).toMatchObject({ kind: 'approved', grantId: grant?.id })
    expect(events.map(({ event }) => event)).toEqual(['access.requested', 'access.approved', 'grant.issued'])
    expect(named('access.approved')).toMatchObject([{ grantId: grant?.id, requestId: request.id }])
    expect(await requests.get(request.id)).toEqual(answered)
    expect(await requests.open()).toEqual([])
  })

  it('may be narrower and never wider', async () => {
    const { id } = await ask({
      from: '+1h',
      until: '+5h',
      lengthMs: undefined,
      endpoints: ['press-3', 'crane'],
    })
    await expect(requests.approve(id, ben, { endpoints: ['press-4'] })).rejects.toEqual(
      refused('input-invalid'),
    )
    await expect(requests.approve(id, ben, { until: clock.now() + 6 * hour })).rejects.toEqual(
      refused('input-invalid'),
    )
    await requests.approve(id, ben, { endpoints: ['press-3'], from: clock.now() + 2 * hour })
    expect(await held()).toEqual([])
    await requests.approve(id, cara, { access: 'view', until: clock.now() + 3 * hour })
    expect(await held()).toMatchObject([
      { endpoints: ['press-3'], access: 'view', from: clock.now() + 2 * hour, until: clock.now() + 3 * hour },
    ])
  })

  it('to time from the first use is a grant whose time begins with that, days later', async () => {
    const { id, terms } = await ask({ lengthMs: 7 * 24 * hour, lasts: '2h' })
    expect(terms).toMatchObject({ from: null, lengthMs: 7 * 24 * hour, lastsFromFirstUseMs: 2 * hour })
    await requests.approve(id, ben, {})
    const [grant] = await held()
    expect(grant).toMatchObject({
      ...{ from: clock.now(), until: clock.now() + 7 * 24 * hour },
      conditions: { lastsFromFirstUseMs: 2 * hour, needsRelease: false },
    })
    await clock.advance({ hours: 72 })
    if (grant) expect(await grants.beginUse(grant)).toMatchObject({ until: clock.now() + 2 * hour })
  })

  it('may ask for more than was asked for: a release, and time that counts from the first use', async () => {
    const { id } = await ask({ endpoints: ['crane'] })
    await requests.approve(id, ben, { needsRelease: true })
    await requests.approve(id, cara, { lasts: '30m' })
    expect(named('access.approved')).toMatchObject([
      { terms: { needsRelease: true, lastsFromFirstUseMs: null } },
      { terms: { needsRelease: false, lastsFromFirstUseMs: hour / 2 } },
    ])
    expect(await held()).toMatchObject([
      {
        until: clock.now() + 2 * hour,
        conditions: { needsRelease: true, lastsFromFirstUseMs: hour / 2 },
      },
    ])
  })

  it('from before there were conditions still counts, and asks for none', async () => {
    const { id } = await ask({ endpoints: ['crane'] })
    await requests.approve(id, ben, {})
    const key = store.key('request', id)
    const asIfOld = async (field: string): Promise<void> => {
      const text = await store.run((connection) => connection.hget(key, field))
      const stored = JSON.parse(trust.vouching.verify(`request ${id} ${field}`, text ?? '') ?? '') as {
        terms: Record<string, unknown>
      }
      delete stored.terms.lastsFromFirstUseMs
      delete stored.terms.needsRelease
      const old = trust.vouching.vouch(`request ${id} ${field}`, JSON.stringify(stored))
      await store.run((connection) => connection.hset(key, field, old))
    }
    await asIfOld('terms')
    await asIfOld('approval:p-ben')
    await requests.approve(id, cara, {})
    expect(await held()).toMatchObject([{ conditions: { needsRelease: false, lastsFromFirstUseMs: null } }])
  })

  it('by two who agree to nothing in common is refused, and the request stays open', async () => {
    const { id } = await ask({ endpoints: ['press-3', 'crane'] })
    await requests.approve(id, ben, { endpoints: ['press-3'] })
    await expect(requests.approve(id, cara, { endpoints: ['crane'] })).rejects.toEqual(
      refused('request-conflict'),
    )
    expect(await requests.open()).toHaveLength(1)
  })

  it.each<[string, Approver, string]>([
    [
      'who asked',
      { ...ben, actor: { kind: 'principal', principalId: ana.id, email: null } },
      'approval-refused',
    ],
    [
      'who asked, with another account',
      { ...ben, actor: { ...ben.actor, email: ana.email } as Actor },
      'approval-refused',
    ],
    ['somebody without the role', { ...ben, roles: [] }, 'approval-refused'],
    ['somebody whose one-time code is old', { ...ben, hasFreshCode: false }, 'fresh-code-required'],
  ])('is not taken from %s', async (_name, by, code) => {
    const { id } = await ask()
    await expect(
      requests.approve(id, { ...by, roles: by.roles.length > 0 ? ['admin'] : [] }, {}),
    ).rejects.toEqual(refused(code))
    expect(await held()).toEqual([])
    expect(named('access.approved')).toEqual([])
  })

  it('by the same person twice counts once', async () => {
    const { id } = await ask({ endpoints: ['crane'] })
    await requests.approve(id, ben, {})
    await expect(requests.approve(id, ben, {})).rejects.toEqual(refused('approval-refused'))
    const twin: Approver = { ...ben, actor: { ...ben.actor, principalId: 'p-twin' } as Actor }
    await expect(requests.approve(id, twin, {})).rejects.toEqual(refused('approval-refused'))
    expect(await held()).toEqual([])
    await requests.approve(id, { ...ben, actor: operator, roles: [] }, {})
    expect(await held()).toHaveLength(1)
  })

  it('that is no ends it, with a reason, and needs no fresh code', async () => {
    const { id } = await ask()
    await expect(requests.deny(id, ben, '..')).rejects.toEqual(refused('input-invalid', 'reason'))
    await expect(requests.deny(id, { ...ben, roles: [] }, 'not today')).rejects.toEqual(
      refused('approval-refused'),
    )
    const denied = await requests.deny(id, { ...ben, hasFreshCode: false }, 'not today')
    expect(denied.outcome).toMatchObject({ kind: 'denied', reason: 'not today', by: ben.actor })
    await expect(requests.approve(id, cara, {})).rejects.toEqual(refused('request-conflict'))
    expect(await held()).toEqual([])
  })

  it('comes too late for what has lapsed, whether or not anybody has noticed', async () => {
    const { id } = await ask()
    await clock.advance({ hours: 8 })
    await expect(requests.approve(id, ben, {})).rejects.toEqual(refused('request-conflict'))
    await requests.tidy()
    await requests.tidy()
    expect(named('access.lapsed')).toEqual([{ event: 'access.lapsed', requestId: id }])
    expect((await requests.get(id))?.outcome).toMatchObject({ kind: 'lapsed' })
    expect(await held()).toEqual([])
  })

  it('is not needed any more once it was withdrawn, by who asked and by nobody else', async () => {
    const { id } = await ask()
    await expect(requests.withdraw(id, eve)).rejects.toEqual(refused('request-unknown'))
    await requests.withdraw(id, ana)
    await expect(requests.approve(id, ben, {})).rejects.toEqual(refused('request-conflict'))
    await expect(requests.withdraw(id, ana)).rejects.toEqual(refused('request-conflict'))
    await expect(requests.deny('q-0000000000000000', ben, 'no such')).rejects.toEqual(
      refused('request-unknown'),
    )
  })

  it('that cannot be recorded has no effect', async () => {
    const { id } = await ask()
    whileRecording = async () => {
      throw new GatehouseError('ledger-unavailable', 'Full.')
    }
    for (const attempt of [
      requests.approve(id, ben, {}),
      requests.deny(id, ben, 'not today'),
      requests.withdraw(id, ana),
    ])
      await expect(attempt).rejects.toEqual(refused('ledger-unavailable'))
    expect((await requests.get(id))?.outcome).toBeNull()
    expect(await held()).toEqual([])
  })
})

describe('a crash between the answer and its grant', () => {
  const approveAndCrash = async (): Promise<AccessRequest> => {
    const { id } = await ask()
    whileRecording = async ({ event }) => {
      if (event === 'grant.issued') throw new GatehouseError('ledger-unavailable', 'Gone.')
    }
    await expect(requests.approve(id, ben, {})).rejects.toEqual(refused('ledger-unavailable'))
    whileRecording = async () => {}
    const request = await requests.get(id)
    if (request === null) throw new Error('it is there')
    return request
  }

  it('leaves a grant to be issued by whoever looks next, once, with the time that was agreed', async () => {
    const { outcome } = await approveAndCrash()
    expect(await held()).toEqual([])
    await clock.advance({ minutes: 5 })
    await requests.tidy()
    await Promise.all([requests.tidy(), requests.tidy()])
    const grantId = outcome?.kind === 'approved' ? outcome.grantId : ''
    expect(await held()).toMatchObject([{ id: grantId, until: clock.now() - 5 * minute + 2 * hour }])
    expect(named('grant.issued')).toHaveLength(1)
  })

  it('never revives a grant that has been revoked since', async () => {
    const { outcome } = await approveAndCrash()
    const grantId = outcome?.kind === 'approved' ? outcome.grantId : ''
    await trust.journal.add('grant', grantId)
    await requests.tidy()
    expect(await held()).toEqual([])
  })

  it('leaves nothing where the time is over meanwhile', async () => {
    await approveAndCrash()
    await clock.advance({ hours: 3 })
    await requests.tidy()
    expect(await held()).toEqual([])
  })
})

describe('a grant that a request led to', () => {
  it('stays revoked, extended and single, however often it is issued again', async () => {
    const { id } = await ask()
    await requests.approve(id, ben, {})
    const [grant] = await held()
    if (grant === undefined) throw new Error('there is one')
    const again = { ...grant, to: { email: grant.to.email, principalId: ana.id } }
    await grants.extend(grant.id, '+6h', 'work goes on', operator)
    await grants.issueOnce(again)
    expect((await grants.get(grant.id))?.until).toBe(clock.now() + 6 * hour)
    await grants.revoke(grant.id, 'work is done', operator)
    await grants.issueOnce(again)
    expect((await grants.get(grant.id))?.revocation).not.toBeNull()
  })
})

describe('a request in Redis that is not ours', () => {
  it.each([
    ['made up', (id: string) => ['terms', JSON.stringify({ id })]],
    ['with a made-up yes', () => ['approval:p-cara', '{}.x']],
    ['with a made-up outcome', () => ['outcome', '{"kind":"approved"}.x']],
    ['with a field of another name', () => ['note', 'x']],
  ])('%s can neither be read nor approved', async (_name, change) => {
    const { id } = await ask({ endpoints: ['crane'] })
    const [field = '', text = ''] = change(id)
    await store.run((connection) => connection.hset(store.key('request', id), field, text))
    await expect(requests.get(id)).rejects.toEqual(refused('store-corrupt'))
    await expect(requests.approve(id, ben, {})).rejects.toEqual(refused('store-corrupt'))
    expect(await requests.open()).toEqual([])
    expect(await held()).toEqual([])
  })

  it('copied from another request is none', async () => {
    const [mine, other] = [await ask(), await ask({}, eve)]
    const fields = await store.run((connection) => connection.hgetall(store.key('request', other.id)))
    await store.run((connection) => connection.hset(store.key('request', mine.id), fields))
    await expect(requests.get(mine.id)).rejects.toEqual(refused('store-corrupt'))
  })
})

describe('races', () => {
  const rounds = 60
  /** What came of it: the request, its grants, and that the two agree. */
  const truth = async (id: string): Promise<string> => {
    await requests.tidy()
    const request = await requests.get(id)
    const mine = (await held()).filter(({ requestId }) => requestId === id)
    const kind = request?.outcome?.kind ?? 'open'
    expect(mine).toHaveLength(kind === 'approved' ? 1 : 0)
    if (request?.outcome?.kind === 'approved') expect(mine[0]?.id).toBe(request.outcome.grantId)
    return kind
  }

  it.each<[string, (id: string) => Promise<unknown>, string[]]>([
    ['another yes', (id) => requests.approve(id, cara, {}), ['approved']],
    ['the same yes again', (id) => requests.approve(id, ben, {}), ['approved']],
    ['a no', (id) => requests.deny(id, cara, 'not today'), ['approved', 'denied']],
    ['a withdrawal', (id) => requests.withdraw(id, ana), ['approved', 'withdrawn']],
  ])('of a yes with %s leave one truth', async (_name, other, kinds) => {
    for (let round = 0; round < rounds; round += 1) {
      const { id } = await ask()
      const both =
        round % 2 === 0
          ? [requests.approve(id, ben, {}), other(id)]
          : [other(id), requests.approve(id, ben, {})]
      const results = await Promise.allSettled(both)
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
      expect(kinds).toContain(await truth(id))
    }
  })

  it('of a yes with the end of its time leave one truth', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { id } = await ask()
      await clock.advance({ ms: 8 * hour - 1 })
      const [answer] = await Promise.allSettled([
        requests.approve(id, ben, {}),
        clock.advance({ ms: 1 }).then(() => requests.tidy()),
      ])
      const kind = await truth(id)
      expect(kind).toBe(answer.status === 'fulfilled' ? 'approved' : 'lapsed')
    }
  })

  it('of five who have to be two make one grant of what the first two agreed to', async () => {
    for (let round = 0; round < 20; round += 1) {
      const { id } = await ask({ endpoints: ['crane'] })
      const people = ['a', 'b', 'c', 'd', 'e'].map(approver)
      const results = await Promise.allSettled(people.map((one) => requests.approve(id, one, {})))
      expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(2)
      expect(await truth(id)).toBe('approved')
      expect((await requests.get(id))?.approvals).toHaveLength(2)
    }
  })
})
