import { mkdir, rmdir } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { createGrants, type GrantEvent, type Grants } from '../../src/grants/index.js'
import { createView, createVouching, type Store } from '../../src/lib/index.js'
import type { Principal } from '../../src/model.js'
import type { Client } from '../support/client.js'
import { oneTimeCode } from '../support/one-time-code.js'
import { readiness } from '../support/operations.js'
import { operator, startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

const hour = 3_600_000

interface Fault {
  begin(plant: Plant): Promise<unknown>
  end(plant: Plant): Promise<unknown>
  /** What `/readyz` says. */
  readonly shown: string
}

const tell = (plant: Plant, ...words: string[]): Promise<unknown> =>
  plant.gatehouse.services.store.run((redis) => redis.call(words[0] ?? '', ...words.slice(1)))
const snapshotFails = (plant: Plant, isSo: boolean): Promise<void> =>
  until('the snapshot is done', async () => {
    // One that is under way refuses another.
    await tell(plant, 'BGSAVE').catch(() => undefined)
    return String(await tell(plant, 'INFO', 'persistence')).includes(
      `rdb_last_bgsave_status:${isSo ? 'err' : 'ok'}`,
    )
  })
/** Something that no file can take the place of, whoever Redis runs as. */
const inTheWay = ({ redis }: Plant): string => join(dirname(redis.url.slice('unix:'.length)), 'dump.rdb')

const faults: readonly (readonly [string, Fault])[] = [
  [
    'is full (OOM)',
    {
      begin: (plant) => tell(plant, 'CONFIG', 'SET', 'maxmemory', '1'),
      end: (plant) => tell(plant, 'CONFIG', 'SET', 'maxmemory', '0'),
      shown: 'its memory is full',
    },
  ],
  [
    'has become a replica (READONLY)',
    {
      begin: (plant) => tell(plant, 'REPLICAOF', '127.0.0.1', '1'),
      end: (plant) => tell(plant, 'REPLICAOF', 'NO', 'ONE'),
      shown: 'is a replica',
    },
  ],
  [
    'cannot save (MISCONF)',
    {
      begin: async (plant) => {
        await mkdir(inTheWay(plant))
        await snapshotFails(plant, true)
      },
      end: async (plant) => {
        await rmdir(inTheWay(plant))
        await snapshotFails(plant, false)
      },
      shown: 'could not write its last snapshot',
    },
  ],
]

const newcomer: Principal = {
  id: 'p-newcomer',
  issuer: 'https://login.plant.example',
  subject: 'newcomer',
  email: 'newcomer@machines.example',
  name: 'Newcomer',
}
const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => 'done',
    (error: unknown) => (error as { code?: string }).code ?? error,
  )

/** All that Redis holds, but for where followers stand. Not DUMP: that of a hash changes with the order inside it. */
async function contents(store: Store): Promise<Record<string, unknown>> {
  const keys = (await store.run((redis) => redis.keys('*'))).filter((key) => !key.includes(':follower'))
  const held: Record<string, unknown> = {}
  for (const key of keys) held[key] = await store.run((redis) => readKey(redis, key))
  return held
}

async function readKey(redis: Parameters<Parameters<Store['run']>[0]>[0], key: string): Promise<unknown> {
  switch (await redis.type(key)) {
    case 'hash':
      return redis.hgetall(key)
    case 'set':
      return (await redis.smembers(key)).sort()
    case 'zset':
      return redis.zrange(key, 0, -1, 'WITHSCORES')
    case 'stream':
      return redis.xrange(key, '-', '+')
    default:
      return redis.get(key)
  }
}

describe.each(faults)('while Redis %s', (_, fault) => {
  let plant: Plant
  let client: Client
  let events: GrantEvent[]
  /** The same, and nobody asks whether Redis is fit before it is asked to write. */
  let grants: Grants

  beforeAll(async () => {
    plant = await startPlant({
      enrolled: ['vendor'],
      storeLimitMs: null,
      redisSettings: { appendfsync: 'always', save: '3600 1000' },
    })
    const { services } = plant.gatehouse
    events = []
    grants = createGrants({
      ...services,
      view: createView(services.changes.proof),
      vouching: createVouching(services.keyring, () => undefined),
      record: async (event) => void events.push(event),
      assertFit: async () => {},
      endings: { drainMs: 120_000, readOnlyMs: 600_000 },
      maxLengthMs: 12 * hour,
      endpointIds: new Set(['press-3', 'press-4']),
    })
    client = await plant.signIn('vendor')
  }, 30_000)
  afterAll(async () => {
    client.close()
    await plant.close()
  })

  it('no write is done by half, no code is accepted, stopping works, and all is well afterwards', async () => {
    const { store, secondFactor, sessions, lockdowns } = plant.gatehouse.services
    const kept = await plant.issue({ until: '+1h' })
    const doomed = await plant.issue({ endpoints: ['press-4'] })
    const waiting = await plant.issue({ to: newcomer.email ?? '' })
    expect((await client.navigate(`${plant.origin('press-3')}/`)).status).toBe(200)
    expect((await client.navigate(`${plant.origin('press-4')}/`)).status).toBe(200)
    const to = { principal: newcomer, sessionId: 's-newcomer' }
    const { code: spent } = await secondFactor.invite(
      newcomer.email ?? '',
      'first day at the plant',
      operator,
    )
    const { secret } = await secondFactor.beginEnrolment({ ...to, invitation: spent })
    const { recoveryCodes } = await secondFactor.confirmEnrolment({
      ...to,
      code: oneTimeCode(secret, plant.clock.now()),
    })
    const other = { ...newcomer, id: 'p-other', email: 'other@machines.example' }
    const { code: invitation } = await secondFactor.invite(other.email, 'first day at the plant', operator)
    await plant.clock.advance({ seconds: 30 })
    const right = oneTimeCode(secret, plant.clock.now())
    const entry = { principalId: newcomer.id, sessionId: 's-newcomer' }
    const recovery = { ...entry, code: recoveryCodes[0] ?? '' }
    const enrolment = { principal: other, sessionId: 's-other', invitation }
    const before = await contents(store)

    await fault.begin(plant)
    // Asked whether it is fit, before anything is on record.
    expect(await codeOf(plant.issue())).toBe('store-unfit')
    expect(
      await codeOf(plant.gatehouse.services.grants.extend(kept.id, '+2h', 'work goes on', operator)),
    ).toBe('store-unfit')
    // Not asked.
    const request = { to: newcomer.email, endpoints: ['press-3'], from: 'now', until: '+1h', reason: 'test' }
    for (const principalId of [newcomer.id, null])
      expect(await codeOf(grants.issue(request, operator, { principalId }))).toBe('store-unavailable')
    expect(await codeOf(grants.extend(kept.id, '+2h', 'work goes on', operator))).toBe('store-unavailable')
    expect(events.map(({ event }) => event)).toEqual([
      ...['grant.issued', 'grant.failed', 'grant.issued', 'grant.failed'],
      ...['grant.extended', 'grant.failed'],
    ])
    expect(await codeOf(grants.bindPending(newcomer))).toBe('store-unavailable')
    const login = { principal: newcomer, roles: [], providerSessionId: null, idToken: null, source: '::1' }
    expect(await codeOf(sessions.start(login))).toBe('store-unavailable')
    // Neither a right code nor a wrong one is judged where it cannot be counted.
    for (const code of [right, '000000'])
      expect(await codeOf(secondFactor.verify({ ...entry, code }))).toBe('store-unavailable')
    for (const code of [recovery.code, 'AAAA-AAAA-AAAA-AAAA'])
      expect(await codeOf(secondFactor.useRecoveryCode({ ...recovery, code }))).toBe('store-unavailable')
    for (const code of [invitation, 'AAAA-AAAA-AAAA-AAAA'])
      expect(await codeOf(secondFactor.beginEnrolment({ ...enrolment, invitation: code }))).toBe(
        'store-unavailable',
      )
    expect(await contents(store)).toEqual(before)

    // Stopping has effect here at once.
    expect(await codeOf(plant.revoke(doomed))).toBe('stopped-here-only')
    expect(await codeOf(lockdowns.on('endpoint:press-4', 'test', operator))).toBe('stopped-here-only')
    expect((await client.fetch(`${plant.origin('press-4')}/`)).status).toBeGreaterThanOrEqual(403)
    expect(await contents(store)).toEqual(before)
    await until(
      'nobody is let in, and it is said why',
      async () => {
        const { http, problems, warnings } = await readiness(plant)
        const { status } = await client.fetch(`${plant.origin('press-3')}/`)
        return http === 503 && problems.length > 0 && status === 503 && warnings.join().includes(fault.shown)
      },
      5_000,
    )
    const refused = (await client.fetch(`${plant.origin('press-3')}/`)).json()
    expect(refused).toMatchObject({
      status: 503,
      code: expect.stringMatching(/^(view-unproved|store-unavailable)$/),
    })

    await fault.end(plant)
    await until(
      'it goes on',
      async () => (await client.fetch(`${plant.origin('press-3')}/`)).status === 200,
      2_000,
    )
    await until('it is ready', async () => (await readiness(plant)).http === 200, 2_000)
    // What was refused was not used up.
    await secondFactor.verify({ ...entry, code: right })
    expect(await secondFactor.useRecoveryCode(recovery)).toEqual({ left: recoveryCodes.length - 1 })
    await secondFactor.beginEnrolment(enrolment)
    expect((await plant.gatehouse.services.grants.bindPending(newcomer)).map(({ id }) => id)).toEqual([
      waiting.id,
    ])
    await plant.issue()
    await until('Redis is told what was stopped', () =>
      store.run(async (redis) => (await redis.hexists(store.key('grant', doomed.id), 'revocation')) === 1),
    )
    expect((await lockdowns.inForce()).map(({ scope }) => scope)).toEqual([
      { kind: 'endpoint', endpointId: 'press-4' },
    ])
  }, 60_000)
})
