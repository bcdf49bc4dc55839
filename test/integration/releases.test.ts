import { readLedger } from '../../src/audit/index.js'
import { createReleases, unconditional, type Releases } from '../../src/grants/index.js'
import { principalId } from '../../src/identity/index.js'
import type { Store } from '../../src/lib/index.js'
import type { Actor, Grant, Session } from '../../src/model.js'
import type { Client } from '../support/client.js'
import { TestClock } from '../support/clock.js'
import { visibleText } from '../support/html.js'
import { silentLogger } from '../support/logger.js'
import { accounts, startPlant, type Plant } from '../support/plant.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { changesOf, connectedStore, ready, snapshot } from '../support/store.js'
import { openTrust, sharedVouching, type Trust } from '../support/trust.js'
import { until } from '../support/until.js'

describe('a grant that the control room releases', () => {
  let plant: Plant
  const clients: Client[] = []

  beforeAll(async () => {
    plant = await startPlant({ enrolled: ['vendor', 'admin', 'approver'] })
  }, 30_000)
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close()
    const { grants, sessions } = plant.gatehouse.services
    for (const grant of await grants.list()) if (grant.revocation === null) await plant.revoke(grant)
    for (const { id } of await sessions.list())
      await sessions.end(id, 'session-killed', { kind: 'operator', account: 'test' })
  })
  afterAll(async () => {
    await plant.close()
  })

  const machineAt = (path = '/'): string => plant.origin('press-3') + path
  const signIn = async (name: 'vendor' | 'approver' | 'admin' = 'vendor'): Promise<Client> => {
    const client = await plant.signIn(name)
    clients.push(client)
    return client
  }
  interface Listed {
    readonly grantId: string
    readonly sessionId: string
    readonly state: string
    readonly who: string
  }
  const listed = async (): Promise<Listed[]> =>
    JSON.parse((await plant.command('releases', 'list', '--json')).out) as Listed[]
  /** Of whoever signed in last. */
  const atTheGate = async (): Promise<Listed> => {
    const one = (await listed()).at(-1)
    if (one === undefined) throw new Error('nobody is at the gate')
    return one
  }
  const say = (what: 'release' | 'withdraw', { grantId, sessionId }: Listed, ...more: string[]) =>
    plant.command('releases', what, grantId, sessionId, ...more)
  const statusOf = async (client: Client): Promise<number> => (await client.navigate(machineAt())).status

  it('sleeps until it is released, and again when that is withdrawn, which cuts what is open', async () => {
    await plant.issue({ needsRelease: true })
    const client = await signIn()
    const refused = await client.navigate(machineAt())
    expect(refused.status).toBe(403)
    expect(visibleText(refused)).toContain('release-awaited')
    expect(visibleText(await client.navigate(plant.portal))).toContain(
      'The control room has to release this for you',
    )
    const waiting = await atTheGate()
    expect(waiting).toMatchObject({ state: 'waiting', who: 'ana@machines.example' })

    expect(await say('release', waiting, '--reason', 'maintenance has begun')).toMatchObject({ status: 0 })
    expect(await statusOf(client)).toBe(200)
    expect(await atTheGate()).toMatchObject({ state: 'released' })
    const live = await client.openWebSocket(machineAt('/live'))
    await live.next()

    expect(await say('withdraw', waiting, '--reason', 'the line starts')).toMatchObject({ status: 0 })
    expect(await live.closed).toEqual({ code: 1008, reason: 'release-withdrawn' })
    expect((await client.fetch(machineAt())).json()).toMatchObject({ code: 'release-awaited' })
    expect(await say('withdraw', waiting)).toMatchObject({ status: 1 })

    expect(await say('release', waiting)).toMatchObject({ status: 0 })
    expect(await statusOf(client)).toBe(200)
    const told: unknown[] = []
    for (const event of ['release.given', 'release.withdrawn'])
      for await (const { fields } of readLedger({ directory: plant.config.audit.directory, event }))
        told.push(fields)
    const { grantId, sessionId } = waiting
    expect(told).toMatchObject([
      { grantId, sessionId, reason: 'maintenance has begun', actor: { kind: 'operator' } },
      { grantId, sessionId, reason: null },
      { grantId, sessionId, reason: 'the line starts' },
    ])
  })

  it('is released for one session, and for no other of the same person', async () => {
    await plant.issue({ needsRelease: true })
    const one = await signIn()
    const first = await atTheGate()
    const other = await signIn()
    await say('release', first)
    expect(await statusOf(one)).toBe(200)
    expect(await statusOf(other)).toBe(403)
    await plant.command('sessions', 'kill', first.sessionId)
    expect((await listed()).map(({ state }) => state)).toEqual(['waiting'])
  })

  it('stands aside for a grant that needs no release', async () => {
    await plant.issue({ needsRelease: true })
    await plant.issue({ access: 'view' })
    expect(await statusOf(await signIn())).toBe(200)
  })

  it('is issued at the command line, which says so', async () => {
    const argv = ['grants', 'issue', '--to', 'ana@machines.example', '--endpoint', 'press-3', '--from', 'now']
    const { out } = await plant.command(
      ...argv,
      '--until',
      '+1h',
      '--reason',
      'test of the gate',
      '--release',
    )
    expect(out).toContain('\n  once the control room has released it, for each sign-in\n')
  })

  it('is let in and shut out again on the page of the control room', async () => {
    const { id } = await plant.issue({ needsRelease: true })
    const client = await signIn()
    const approver = await signIn('approver')
    const page = `${plant.portal}/admin/releases`
    const waiting = await approver.navigate(page)
    expect(visibleText(waiting)).toMatch(
      /Waiting \(1\).*ana@machines\.example.*wants to operate press-3.*Let in/s,
    )
    const { sessionId } = await atTheGate()
    const shown = async (): Promise<unknown> => (await approver.fetch(`${page}/shown`)).json()
    const before = await shown()
    const inside = await approver.submit(
      waiting,
      {},
      { action: `/admin/releases/${id}/${sessionId}/release` },
    )
    expect(visibleText(inside)).toMatch(
      /They are in.*Nobody waits.*Let in \(1\).*Let in by ben@plant\.example/s,
    )
    expect(await shown()).not.toEqual(before)
    expect(await statusOf(client)).toBe(200)
    const live = await client.openWebSocket(machineAt('/live'))
    await live.next()
    const asked = await approver.submit(inside, {}, { action: `/admin/releases/${id}/${sessionId}/withdraw` })
    expect(visibleText(asked)).toContain('Withdraw this release?')
    expect(visibleText(asked)).toContain('You can let them in again.')
    const out = await approver.submit(asked, {}, { press: 'Withdraw' })
    expect(visibleText(out)).toMatch(/The release was withdrawn.*Waiting \(1\)/s)
    expect(await live.closed).toEqual({ code: 1008, reason: 'release-withdrawn' })
  })

  it('is not let in by its holder, whatever their role', async () => {
    const { email, subject } = accounts.approver
    const to = { principalId: principalId(plant.provider.issuer, subject) }
    const grant = await plant.gatehouse.services.grants.issue(
      {
        ...{ to: email, endpoints: ['press-3'], from: 'now', until: '+1h' },
        ...{ reason: 'test of the gate', needsRelease: true },
      },
      { kind: 'operator', account: 'test' },
      to,
    )
    const approver = await signIn('approver')
    const page = await approver.navigate(`${plant.portal}/admin/releases`)
    expect(visibleText(page)).toContain('somebody else has to let you in')
    const { sessionId } = await atTheGate()
    const form = /name="form" value="([^"]+)"/.exec(page.text)?.[1] ?? ''
    const refused = await approver.fetch(`${plant.portal}/admin/releases/${grant.id}/${sessionId}/release`, {
      method: 'POST',
      headers: { 'content-type': 'application/x-www-form-urlencoded', origin: plant.portal },
      body: new URLSearchParams({ form }).toString(),
    })
    expect(refused.headers.location).toBe('/admin/releases?done=refused')
    expect(await atTheGate()).toMatchObject({ state: 'waiting' })
  })

  it('is issued on the page', async () => {
    const admin = await signIn('admin')
    const form = await admin.navigate(`${plant.portal}/admin/grants/new`)
    const fields = { to: 'ana@machines.example', endpoints: 'press-3', reason: 'test of the gate' }
    const issued = await admin.submit(form, { ...fields, release: 'yes' })
    expect(visibleText(issued)).toContain('once the control room has released it.')
    expect(visibleText(await admin.navigate(`${plant.portal}/admin`))).toContain(
      'released by the control room',
    )
  })

  it('keeps a stream that is released when everything is looked at afresh, and cuts one that is not', async () => {
    await plant.issue({ needsRelease: true, endpoints: ['press-3', 'press-4'] })
    const stays = await signIn()
    const first = await atTheGate()
    await say('release', first)
    const goes = await signIn()
    const second = (await listed()).find(({ sessionId }) => sessionId !== first.sessionId)
    if (second === undefined) throw new Error('nobody else')
    await say('release', second)
    for (const client of [stays, goes]) await client.navigate(machineAt())
    const open = await stays.openWebSocket(machineAt('/live'))
    const cut = await goes.openWebSocket(machineAt('/live'))
    await Promise.all([open.next(), cut.next()])
    const { store } = plant.gatehouse.services
    // Gone behind its back, and then a log of changes that does not lead on.
    await store.run((redis) => redis.hdel(store.key('releases', second.grantId), second.sessionId))
    await store.run((redis) => redis.del(store.key('changes')))
    expect(await cut.closed).toEqual({ code: 1008, reason: 'release-withdrawn' })
    open.send('still here')
    await until('an echo', () => plant.machine.messages.includes('still here'))
  })
})

describe('while Redis is away', () => {
  it('a release is withdrawn on this host at once, and everywhere when Redis is back', async () => {
    const plant = await startPlant({ enrolled: ['vendor'] })
    try {
      const { id } = await plant.issue({ needsRelease: true })
      const client = await plant.signIn('vendor')
      const { releases, sessions } = plant.gatehouse.services
      const sessionId = (await sessions.list())[0]?.id ?? ''
      await plant.command('releases', 'release', id, sessionId)
      await client.navigate(plant.origin('press-3'))
      const live = await client.openWebSocket(`${plant.origin('press-3')}/live`)
      await live.next()
      await plant.redis.kill()
      const { status, err } = await plant.command('releases', 'withdraw', id, sessionId)
      expect(status).toBe(1)
      expect(err).toContain('The release is withdrawn on this host')
      expect(await live.closed).toEqual({ code: 1008, reason: 'release-withdrawn' })
      await plant.redis.restart()
      await until('Redis is told', async () => {
        const { store } = plant.gatehouse.services
        const kept = await store
          .run((redis) => redis.hget(store.key('releases', id), sessionId))
          .catch(() => null)
        return kept?.includes('"isGiven":false')
      })
      const grant = await plant.gatehouse.services.grants.get(id)
      expect(grant && (await releases.given([grant]))).toEqual([])
      client.close()
    } finally {
      await plant.close()
    }
  }, 60_000)
})

describe('releases of two hosts', () => {
  const operator: Actor = { kind: 'operator', account: 'root' }
  let redis: TestRedis
  let store: Store
  let clock: TestClock
  let trusts: Trust[]
  let hosts: [Releases, Releases]
  let events: string[]
  let whileRecording: () => Promise<void>
  let grant: Grant

  const session: Pick<Session, 'id' | 'principal' | 'assurance'> = {
    id: 's-0123456789abcdef',
    principal: {
      id: 'p-ana',
      issuer: 'https://idp',
      subject: 'ana',
      email: 'ana@vendor.example',
      name: 'Ana',
    },
    assurance: { loginAt: 0, secondFactorAt: 0 },
  }

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
    trusts = await Promise.all([openTrust(clock), openTrust(clock)])
    events = []
    whileRecording = async () => {}
    hosts = trusts.map((trust) => open(trust)) as [Releases, Releases]
    grant = {
      id: 'g-0123456789abcdef',
      to: { email: 'ana@vendor.example', principalId: 'p-ana' },
      endpoints: ['press-3'],
      access: 'operate',
      from: clock.now(),
      until: clock.now() + 8 * 3_600_000,
      reason: 'test',
      ticket: null,
      ending: 'cut',
      conditions: { ...unconditional, needsRelease: true },
      requestId: null,
      issuedBy: operator,
      issuedAt: clock.now(),
      revocation: null,
    }
  })
  afterEach(async () => {
    await Promise.all(trusts.map((trust) => trust.close()))
    await store.close()
  })

  const open = ({ journal }: Trust): Releases =>
    createReleases({
      ...{ store, clock, journal, vouching: sharedVouching, logger: silentLogger, ...changesOf(store) },
      record: async ({ event }) => {
        events.push(event)
        await whileRecording()
      },
      assertFit: async () => {},
    })
  const held = (host: Releases): Promise<boolean> =>
    host.heldBy(session.id, [grant]).then((ids) => ids.has(grant.id))
  const give = (host: Releases, actor: Actor = operator): Promise<unknown> =>
    host.give(grant, session, null, actor)
  const withdraw = (host: Releases): Promise<boolean> => host.withdraw(grant.id, session.id, null, operator)

  it('come out one way when one releases while the other withdraws', async () => {
    const [one, other] = hosts
    for (let round = 0; round < 30; round += 1) {
      await give(one)
      await withdraw(one)
      await give(one)
      const [withdrawn] = await Promise.allSettled([withdraw(other), give(one)])
      expect(withdrawn.status).toBe('fulfilled')
      const [here, there] = await Promise.all(hosts.map(held))
      expect(here).toBe(there)
      if (here === true) await withdraw(one)
      expect(await Promise.all(hosts.map(held))).toEqual([false, false])
      await clock.advance({ ms: 1 })
    }
  })

  it('do not come back with an older Redis once they were withdrawn', async () => {
    const [one, other] = hosts
    await give(one)
    const putBack = await snapshot(store)
    await withdraw(one)
    await other.noteWithdrawn(grant.id, session.id, clock.now() + 1)
    await clock.advance({ seconds: 10 })
    await putBack()
    expect(await Promise.all(hosts.map(held))).toEqual([false, false])
    expect(trusts[0]?.revived).toEqual([`release ${grant.id} ${session.id}`])
    await one.withdrawRevived()
    // Also a host that was never told believes Redis again.
    const third = await openTrust(clock)
    expect(await held(open(third))).toBe(false)
    await third.close()
    await give(one)
    expect(await held(one)).toBe(true)
  })

  it('that were given and lost with an older Redis are not there', async () => {
    const [one] = hosts
    const putBack = await snapshot(store)
    await give(one)
    await putBack()
    expect(await held(one)).toBe(false)
  })

  it('that Redis did not confirm count as withdrawn, although they reached it', async () => {
    const [one] = hosts
    whileRecording = async () => {
      whileRecording = async () => {}
      await store.run((connection) => connection.client('PAUSE', 1_000, 'ALL'))
    }
    await expect(give(one)).rejects.toMatchObject({ code: 'store-unavailable' })
    expect(events).toEqual(['release.given', 'release.failed'])
    await ready(store)
    await until('it has reached Redis', () =>
      store
        .run((connection) => connection.hexists(store.key('releases', grant.id), session.id))
        .then(Boolean, () => false),
    )
    expect(await held(one)).toBe(false)
    await one.withdrawRevived()
    expect(await Promise.all(hosts.map(held))).toEqual([false, false])
  })

  it('that somebody else wrote, or moved from another session, release nothing', async () => {
    const [one] = hosts
    const key = store.key('releases', grant.id)
    const another = { ...session, id: 's-ffffffffffffffff' }
    await one.give(grant, another, null, operator)
    const moved = await store.run((connection) => connection.hget(key, another.id))
    await store.run((connection) => connection.hset(key, session.id, moved ?? ''))
    expect(await held(one)).toBe(false)
    const forged = `${clock.now()} ${JSON.stringify({ isGiven: true, at: clock.now(), by: operator, reason: null })}`
    await store.run((connection) => connection.hset(key, session.id, forged))
    expect(await held(one)).toBe(false)
  })

  it('end with the weekly window in which they were given', async () => {
    const [one] = hosts
    const from = clock.now()
    const hour = 3_600_000
    const windows = [
      { from, until: from + hour },
      { from: from + 2 * hour, until: from + 3 * hour },
    ]
    grant = { ...grant, conditions: { ...grant.conditions, windows } }
    await give(one)
    expect(await held(one)).toBe(true)
    await clock.advance({ hours: 2 })
    expect(await held(one)).toBe(false)
    await give(one)
    expect(await held(one)).toBe(true)
  })

  it.each<[string, Actor]>([
    ['by its holder', { kind: 'principal', principalId: 'p-ana', email: 'other@vendor.example' }],
    ['by the holder’s other account', { kind: 'principal', principalId: 'p-2', email: 'ana@vendor.example' }],
    [
      'by a program that the holder answers for',
      { kind: 'service', tokenId: 't-1', name: 'bot', owner: 'ana@vendor.example' },
    ],
  ])('are not given %s', async (_, actor) => {
    const [one] = hosts
    await expect(give(one, actor)).rejects.toMatchObject({ code: 'release-refused' })
    expect(events).toEqual([])
    expect(await held(one)).toBe(false)
  })

  it('are not given where there is nothing to release', async () => {
    const [one] = hosts
    const refused = { code: 'release-conflict' }
    const of = (over: Partial<Grant>, who: Partial<Session> = {}): Promise<unknown> =>
      one.give({ ...grant, ...over }, { ...session, ...who }, null, operator)
    await expect(of({ conditions: unconditional })).rejects.toMatchObject(refused)
    await expect(of({ from: clock.now() + 1 })).rejects.toMatchObject(refused)
    await expect(of({ until: clock.now() })).rejects.toMatchObject(refused)
    await expect(of({ to: { email: 'eve@vendor.example', principalId: 'p-eve' } })).rejects.toMatchObject(
      refused,
    )
    await expect(of({}, { assurance: { loginAt: 0, secondFactorAt: null } })).rejects.toMatchObject(refused)
    expect(events).toEqual([])
    expect(await withdraw(one)).toBe(false)
  })
})
