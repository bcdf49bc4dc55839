// What somebody was told about their answer to a request for access, and what the ledger said, was not always what
// came of it. A yes whose write Redis did not confirm in time was recorded as failed, and led to its grant two seconds
// later. A Redis that was put back to before a no had the request open again, so that the next could say yes; one that
// was put back to before a yes gave a second grant, beside the first. Who had agreed counted although they had lost the
// role since, and a rule that had become stricter was not asked before a grant that was late. One request that could
// not be tidied up kept all others from it, and that a request had lapsed was recorded after it was closed.
import { createGrants, createRequests, type Approver, type GrantEvent } from '../../src/grants/index.js'
import type { AccessEvent } from '../../src/grants/model.js'
import { GatehouseError, generateKeys, openKeyring, type Store } from '../../src/lib/index.js'
import type { AccessRequest, Principal } from '../../src/model.js'
import { TestClock } from '../support/clock.js'
import { silentLogger } from '../support/logger.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { changesOf, connectedStore, ready, snapshot } from '../support/store.js'
import { openTrust, type Trust } from '../support/trust.js'
import { until } from '../support/until.js'

const hour = 3_600_000
const keyring = openKeyring(generateKeys())
const ana: Principal = {
  ...{ id: 'p-ana', issuer: 'https://login.plant.example', subject: 'ana' },
  ...{ email: 'ana@vendor.example', name: 'Ana Silva' },
}
const approver = (name: string): Approver => ({
  actor: { kind: 'principal', principalId: `p-${name}`, email: `${name}@plant.example` },
  roles: ['approver'],
  hasFreshCode: true,
})
const [ben, cara, dora] = [approver('ben'), approver('cara'), approver('dora')]
const rule = { by: ['approver'], count: 1, lapsesAfterMs: 8 * hour }
const endpoints = [
  { id: 'press-3', requestable: 'all' as const, approval: rule },
  { id: 'crane', requestable: 'all' as const, approval: { ...rule, count: 2 } },
]

let redis: TestRedis
let store: Store
let clock: TestClock
let trust: Trust
let demoted: Set<string>
let events: (AccessEvent | GrantEvent)[]
let whileRecording: (event: AccessEvent | GrantEvent) => Promise<void>

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
  trust = await openTrust(clock, keyring)
  demoted = new Set()
  events = []
  whileRecording = async () => {}
})
afterEach(async () => {
  redis.process.kill('SIGCONT')
  await store.close()
  await trust.close()
})

/** One instance on this host. */
function open(known: readonly (typeof endpoints)[number][] = endpoints) {
  const shared = {
    ...{ store, clock, ...changesOf(store, { vouching: trust.vouching }) },
    ...{ journal: trust.journal, vouching: trust.vouching, logger: silentLogger },
    assertFit: async () => {},
    record: async (event: AccessEvent | GrantEvent) => {
      await whileRecording(event)
      events.push(event)
    },
    maxLengthMs: 12 * hour,
  }
  const grants = createGrants({
    ...shared,
    endings: { drainMs: hour, readOnlyMs: hour },
    endpointIds: new Set(known.map(({ id }) => id)),
  })
  const standingOf = async (id: string): Promise<Pick<Approver, 'roles' | 'groups'>> =>
    demoted.has(id) ? { roles: [] } : { roles: ['approver'], groups: ['line-3'] }
  const requests = createRequests({ ...shared, grants, endpoints: known, keyring, standingOf })
  const ask = (endpoint = 'press-3'): Promise<AccessRequest> =>
    requests.ask({ endpoints: [endpoint], from: null, lengthMs: 2 * hour, reason: 'Replace the valve' }, ana)
  return { grants, requests, ask, held: () => grants.heldBy(ana.id) }
}
const names = (): string[] => events.map(({ event }) => event)
const conflict = expect.objectContaining({ code: 'request-conflict' }) as Error
const unavailable = expect.objectContaining({ code: 'store-unavailable' }) as Error

/** Redis stops to answer when this is recorded. */
function freezeAt(name: string): void {
  whileRecording = async ({ event }) => {
    if (event === name) redis.process.kill('SIGSTOP')
    await Promise.resolve()
  }
}

describe('an answer that Redis does not confirm in time', () => {
  it.each([
    ['a yes', 'access.approved', 'approved'],
    ['a no', 'access.denied', 'denied'],
    ['a withdrawal', 'access.withdrawn', 'withdrawn'],
  ])('is what it came to in the end: %s', async (_name, event, kind) => {
    const { requests, ask } = open()
    const { id } = await ask()
    freezeAt(event)
    setTimeout(() => redis.process.kill('SIGCONT'), 800)
    const answer =
      kind === 'approved'
        ? requests.approve(id, ben, {})
        : kind === 'denied'
          ? requests.deny(id, ben, 'not today')
          : requests.withdraw(id, ana)
    // Either it came about and is told so, or it never does; never the one in the ledger and the other in Redis.
    const isDone = await answer.then(
      () => true,
      () => false,
    )
    await ready(store)
    await requests.tidy()
    const outcome = (await requests.get(id))?.outcome?.kind ?? null
    expect(outcome).toBe(isDone ? kind : null)
    expect(names().includes('access.failed')).toBe(!isDone)
    expect(names()).not.toContain('access.unconfirmed')
  })

  it('and does not come back for longer than anybody waits is recorded as no more than that', async () => {
    const { requests, ask, held } = open()
    const { id } = await ask()
    freezeAt('access.approved')
    await expect(requests.approve(id, ben, {})).rejects.toEqual(unavailable)
    redis.process.kill('SIGCONT')
    await ready(store)
    expect(names()).toContain('access.unconfirmed')
    expect(names()).not.toContain('access.failed')
    await requests.tidy()
    const outcome = (await requests.get(id))?.outcome ?? null
    expect(await held()).toHaveLength(outcome === null ? 0 : 1)
  }, 20_000)

  it('and its grant neither: there is one in the end, and no record that it failed', async () => {
    const { requests, ask, held } = open()
    const { id } = await ask()
    freezeAt('grant.issued')
    setTimeout(() => redis.process.kill('SIGCONT'), 800)
    await requests.approve(id, ben, {}).catch(() => undefined)
    await ready(store)
    whileRecording = async () => {}
    await requests.tidy()
    expect(await held()).toHaveLength(1)
    expect(names().filter((name) => name.startsWith('grant.'))).toEqual(['grant.issued'])
  })
})

describe('a Redis that is put back to before an answer', () => {
  it.each<[string, (id: string, requests: ReturnType<typeof open>['requests']) => Promise<unknown>]>([
    ['no', (id, requests) => requests.deny(id, ben, 'not today')],
    ['withdrawal', (id, requests) => requests.withdraw(id, ana)],
    ['yes', (id, requests) => requests.approve(id, ben, {})],
  ])('does not open the request again after a %s', async (_name, answer) => {
    const { requests, ask, held } = open()
    const { id } = await ask()
    const putBack = await snapshot(store)
    await answer(id, requests)
    await putBack()
    expect(await requests.open()).toEqual([])
    await expect(requests.approve(id, cara, {})).rejects.toEqual(conflict)
    await expect(requests.deny(id, cara, 'not today')).rejects.toEqual(conflict)
    expect((await requests.get(id))?.outcome?.kind).toBe('closed')
    expect(await held()).toEqual([])
    await requests.closeRevived()
    // Whoever does not know it by themselves reads it there.
    const kept = await store.run((connection) => connection.hexists(store.key('request', id), 'outcome'))
    expect(kept).toBe(1)
  })

  it('is found out by an instance that has only been told of the answer', async () => {
    const here = open()
    const { id } = await here.ask()
    const putBack = await snapshot(store)
    await here.requests.deny(id, ben, 'not today')
    const elsewhere = await openTrust(clock, keyring)
    const mine = trust
    trust = elsewhere
    const there = open()
    await there.requests.noteClosed(id)
    await putBack()
    await expect(there.requests.approve(id, cara, {})).rejects.toEqual(conflict)
    await mine.close()
  })

  it('leads to no second grant, also where nobody knows of the first answer', async () => {
    const { requests, ask } = open()
    const { id } = await ask()
    const putBack = await snapshot(store)
    const first = await requests.approve(id, ben, {})
    await putBack()
    await trust.close()
    trust = await openTrust(clock, keyring)
    const again = open()
    const second = await again.requests.approve(id, cara, {})
    const idOf = ({ outcome }: AccessRequest) => (outcome?.kind === 'approved' ? outcome.grantId : null)
    expect(idOf(first)).toMatch(/^g-[0-9a-z]{16}$/)
    expect(idOf(second)).toBe(idOf(first))
  })
})

describe('a rule that is stricter by now, or an approver who has lost the role', () => {
  it('is asked of those who have agreed before', async () => {
    const { requests, ask, held } = open()
    const { id } = await ask('crane')
    await requests.approve(id, ben, {})
    demoted.add('p-ben')
    const request = await requests.approve(id, cara, {})
    expect(request.outcome).toBeNull()
    expect(await requests.counted(request)).toBe(1)
    expect(await held()).toEqual([])
    await requests.approve(id, dora, {})
    expect(await held()).toHaveLength(1)
  })

  it('still counts who may by a group of the provider', async () => {
    const approval = { ...rule, by: ['group:line-3'], count: 2 }
    const { requests, ask, held } = open([{ id: 'press-3', requestable: 'all', approval }])
    const { id } = await ask()
    await requests.approve(id, { ...ben, groups: ['line-3'] }, {})
    await requests.approve(id, { ...cara, groups: ['line-3'] }, {})
    expect(await held()).toHaveLength(1)
  })

  it('keeps no request open for good whose machine is gone: an administrator may say no, nobody yes', async () => {
    const { id } = await open().ask()
    const { requests } = open([])
    const cleo: Approver = { ...cara, roles: ['admin'] }
    const request = await requests.get(id)
    expect(request && requests.mayAnswer(request, cleo)).toBe(true)
    expect(request && requests.mayAnswer(request, ben)).toBe(false)
    await expect(requests.approve(id, cleo, {})).rejects.toEqual(conflict)
    const refused = expect.objectContaining({ code: 'approval-refused' }) as Error
    await expect(requests.deny(id, ben, 'not today')).rejects.toEqual(refused)
    expect((await requests.deny(id, cleo, 'not today')).outcome?.kind).toBe('denied')
  })

  it('keeps back a grant that a crash had left out', async () => {
    const before = open()
    const { id } = await before.ask()
    whileRecording = async ({ event }) => {
      if (event === 'grant.issued') throw new GatehouseError('ledger-unavailable', 'Gone.')
      await Promise.resolve()
    }
    await expect(before.requests.approve(id, ben, {})).rejects.toThrow('Gone.')
    whileRecording = async () => {}
    const after = open(endpoints.map((one) => ({ ...one, approval: { ...rule, count: 2 } })))
    await after.requests.tidy()
    await after.requests.tidy()
    expect(await after.held()).toEqual([])
    expect(events.at(-1)).toEqual({ event: 'access.failed', requestId: id, attempt: 'granted' })
    expect(names().filter((name) => name === 'access.failed')).toHaveLength(1)
  })
})

describe('tidying up', () => {
  it('goes on with the others where it fails for one', async () => {
    const { requests, ask, held } = open()
    const ids: string[] = []
    whileRecording = async ({ event }) => {
      if (event === 'grant.issued') throw new GatehouseError('ledger-unavailable', 'Gone.')
      await Promise.resolve()
    }
    for (let number = 0; number < 3; number += 1) {
      const { id } = await ask()
      ids.push(id)
      await expect(requests.approve(id, ben, {})).rejects.toThrow('Gone.')
    }
    let isFirst = true
    whileRecording = async ({ event }) => {
      if (event === 'grant.issued' && isFirst) {
        isFirst = false
        throw new GatehouseError('ledger-unavailable', 'Gone.')
      }
      await Promise.resolve()
    }
    await requests.tidy()
    expect(await held()).toHaveLength(2)
    await requests.tidy()
    expect(await held()).toHaveLength(3)
  })

  it('records that a request has lapsed before it is closed, once among several instances', async () => {
    const first = open()
    const instances = [first, open(), open()]
    const { id } = await first.ask()
    await clock.advance({ hours: 9 })
    let closedBefore: unknown = null
    whileRecording = async ({ event }) => {
      if (event === 'access.lapsed')
        closedBefore = await store.run((connection) =>
          connection.hexists(store.key('request', id), 'outcome'),
        )
    }
    await Promise.all(instances.map(({ requests }) => requests.tidy()))
    await until('it is closed', async () => (await first.requests.get(id))?.outcome?.kind === 'lapsed')
    expect(closedBefore).toBe(0)
    expect(names().filter((name) => name === 'access.lapsed')).toHaveLength(1)
  })
})
