import { createInspection, createSteadyClock, systemClock, type Store } from '../../src/lib/index.js'
import type { Client } from '../support/client.js'
import { readiness } from '../support/operations.js'
import { startPlant, type Plant } from '../support/plant.js'
import { startRedis, type RedisSettings, type TestRedis } from '../support/redis.js'
import { connectedStore } from '../support/store.js'
import { until } from '../support/until.js'

const good = { appendfsync: 'always' }
const evicting = { ...good, 'maxmemory-policy': 'allkeys-lru', maxmemory: '200mb' }

describe('a gateway whose Redis is not as it should be', () => {
  let plant: Plant
  const clients: Client[] = []

  const start = async (redisSettings: RedisSettings): Promise<void> => {
    plant = await startPlant({ redisSettings, enrolled: ['vendor'] })
  }
  const inside = async (): Promise<Client> => {
    const client = await plant.signIn('vendor')
    clients.push(client)
    expect((await client.navigate(`${plant.origin('press-3')}/`)).status).toBe(200)
    return client
  }
  const untilFound = (what: string, isSo: boolean): Promise<void> =>
    until(
      `${what}: ${String(isSo)}`,
      async () => {
        const { problems, warnings } = await readiness(plant)
        return [...problems, ...warnings].some((text) => text.includes(what)) === isSo
      },
      2_500,
    )
  afterEach(async () => {
    for (const client of clients.splice(0)) client.close()
    await plant.close()
  })

  it('is ready without a word when all is well', async () => {
    await start(good)
    expect(await readiness(plant)).toEqual({ http: 200, problems: [], warnings: [] })
  })

  it('is not ready before Redis has been right once, and gives nothing meanwhile', async () => {
    await start(evicting)
    const { http, problems } = await readiness(plant)
    expect(http).toBe(503)
    expect(problems).toEqual([expect.stringContaining('In redis.conf: maxmemory-policy noeviction')])
    await expect(plant.issue()).rejects.toMatchObject({ code: 'store-unfit', status: 503 })
    expect(await plant.gatehouse.services.grants.list()).toEqual([])
    await plant.redis.restart(good)
    await until('it is ready', async () => (await readiness(plant)).http === 200, 2_000)
    await plant.issue()
  })

  it('takes nobody off a machine when it comes back with another configuration, gives nothing new, still revokes', async () => {
    await start(good)
    const grant = await plant.issue()
    const client = await inside()
    await plant.redis.restart(evicting)
    await untilFound('maxmemory-policy is allkeys-lru', true)
    expect(await readiness(plant)).toMatchObject({ http: 200, problems: [] })
    await until('it goes on', async () => {
      const { status } = await client.fetch(`${plant.origin('press-3')}/`)
      return status === 200
    })
    await expect(plant.issue()).rejects.toMatchObject({ code: 'store-unfit' })
    const { grants } = plant.gatehouse.services
    await expect(grants.extend(grant.id, '+9h', 'work goes on', { kind: 'gateway' })).rejects.toMatchObject({
      code: 'store-unfit',
    })
    expect((await grants.get(grant.id))?.until).toBe(grant.until)
    await plant.revoke(grant)
    expect((await client.fetch(`${plant.origin('press-3')}/`)).status).toBe(403)
    await plant.redis.restart(good)
    await untilFound('maxmemory-policy', false)
    await plant.issue()
  })

  it('serves with a warning where a crash may lose something', async () => {
    await start({ appendonly: 'no', save: '3600 1' })
    expect(await readiness(plant)).toEqual({
      http: 200,
      problems: [],
      warnings: [expect.stringContaining('In redis.conf: appendonly yes')],
    })
    await plant.issue()
  })

  it('says what it cannot see where commands are forbidden, and serves', async () => {
    await start(good)
    const { store } = plant.gatehouse.services
    await store.run((redis) => redis.call('ACL', 'SETUSER', 'default', '-config'))
    await untilFound('CONFIG is not open to Gatehouse', true)
    await store.run((redis) => redis.call('ACL', 'SETUSER', 'default', '-info'))
    await untilFound('INFO is not open to Gatehouse', true)
    expect((await readiness(plant)).http).toBe(200)
    await plant.issue()
    await store.run((redis) => redis.call('ACL', 'SETUSER', 'default', '+@all'))
    await untilFound('is not open to Gatehouse', false)
  })

  it('can be asked for by `check --redis`, before anything is started', async () => {
    await start(good)
    expect(await plant.command('check', '--redis')).toMatchObject({ status: 0, err: '' })
    expect(JSON.parse((await plant.command('check', '--json')).out)).not.toHaveProperty('redis')
    await plant.redis.restart(evicting)
    const text = await plant.command('check', '--redis')
    expect(text.status).toBe(1)
    expect(text.out).toContain('Problem: When its memory is full, Redis throws away what it holds')
    const json = await plant.command('check', '--redis', '--json')
    expect(JSON.parse(json.out)).toMatchObject({
      ok: false,
      redis: [{ code: 'redis-evicts', isBlocking: true }],
    })
    await plant.redis.kill()
    const gone = await plant.command('check', '--redis', '--json')
    expect(gone.status).toBe(1)
    expect(JSON.parse(gone.out)).toMatchObject({ error: { code: 'store-unavailable' } })
  }, 15_000)
})

describe('an inspection', () => {
  let redis: TestRedis
  let store: Store
  const lines: string[] = []
  const log =
    (level: string) =>
    (message: string): void => {
      lines.push(`${level} ${message}`)
    }
  const logger = { debug: log('debug'), info: log('info'), warn: log('warn'), error: log('error') }

  beforeAll(async () => {
    redis = await startRedis(good)
    store = await connectedStore(redis.url)
  })
  afterAll(async () => {
    await store.close()
    await redis.close()
  })

  it('says once what is wrong, and once that it is over', async () => {
    const inspection = createInspection({ store, clock: createSteadyClock(systemClock), logger })
    await inspection.look()
    expect(lines).toEqual([])
    await store.run((connection) =>
      connection.config('SET', 'maxmemory-policy', 'volatile-ttl', 'maxmemory', '1gb'),
    )
    await inspection.look()
    await inspection.look()
    expect(lines).toEqual([expect.stringContaining('error When its memory is full')])
    await store.run((connection) => connection.config('SET', 'maxmemory-policy', 'noeviction'))
    await inspection.look()
    expect(lines.slice(1)).toEqual(['info is as it should be again'])
  })

  it('compares the clock of this host with that of Redis', async () => {
    const wrong = { ...systemClock, now: () => systemClock.now() + 5_000 }
    const inspection = createInspection({ store, clock: createSteadyClock(wrong), logger })
    expect(await inspection.look()).toEqual([
      {
        code: 'clock-skewed',
        isBlocking: true,
        text: expect.stringMatching(/ (4\.9|5\.0) s ahead of that of Redis/) as string,
      },
    ])
    expect(inspection.wasFit()).toBe(false)
    await expect(inspection.assertFit()).rejects.toMatchObject({ code: 'clock-untrusted', status: 503 })
  })

  it('fails as every question to a Redis that is gone, and breaks nothing', async () => {
    const inspection = createInspection({ store, clock: createSteadyClock(systemClock), logger })
    await redis.kill()
    for (let round = 0; round < 10; round += 1)
      await expect(inspection.look()).rejects.toMatchObject({ code: 'store-unavailable' })
    expect(inspection.found()).toEqual([])
  })
})
