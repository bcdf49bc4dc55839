import { createGrants, unconditional, type GrantEvent, type Grants } from '../../src/grants/index.js'
import { readLedger } from '../../src/audit/index.js'
import { GatehouseError } from '../../src/lib/index.js'
import { openServices, type Services } from '../../src/main.js'
import type { Grant } from '../../src/model.js'
import type { Client } from '../support/client.js'
import { visibleText } from '../support/html.js'
import { silentLogger } from '../support/logger.js'
import { operator, startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

const minute = 60_000
const hour = 60 * minute

describe('a grant that lasts from its first use', () => {
  let plant: Plant
  let client: Client
  beforeEach(async () => {
    plant = await startPlant({ enrolled: ['vendor', 'admin'] })
    client = await plant.signIn('vendor')
  }, 30_000)
  afterEach(async () => {
    client.close()
    await plant.close()
  })

  const press = (path = '/'): string => plant.origin('press-3') + path
  const issue = (over = {}): Promise<Grant> => plant.issue({ lasts: '2h', until: '+10h', ...over })
  const now = async ({ id }: Grant): Promise<Grant> => {
    const found = await plant.gatehouse.services.grants.get(id)
    if (found === null) throw new Error('the grant is gone')
    return found
  }
  const recorded = async (event: string): Promise<Record<string, unknown>[]> => {
    const found = []
    const { directory } = plant.config.audit
    for await (const { fields } of readLedger({ directory, event })) found.push(fields)
    return found
  }
  const uses = (): Promise<Record<string, unknown>[]> => recorded('grant.first-used')
  const fieldOf = (grant: Grant): Promise<string | null> => {
    const { store } = plant.gatehouse.services
    return store.run((redis) => redis.hget(store.key('grant', grant.id), 'firstUse'))
  }
  /** Redis as it was before. */
  const forget = async (grant: Grant): Promise<void> => {
    const { store } = plant.gatehouse.services
    await store.run((redis) => redis.hdel(store.key('grant', grant.id), 'firstUse'))
  }

  it('begins with the first request that is let through, and ends that long after', async () => {
    const grant = await issue()
    await plant.clock.advance({ hours: 1 })
    // Neither looking at the portal nor being refused is use.
    expect(visibleText(await client.navigate(plant.portal))).toContain('2 h from when you first open it')
    expect((await client.fetch(plant.origin('press-4'))).status).not.toBe(200)
    expect(await fieldOf(grant)).toBeNull()
    expect(await uses()).toEqual([])

    expect((await client.navigate(press())).status).toBe(200)
    const usedAt = plant.clock.now()
    expect(await now(grant)).toMatchObject({ firstUsedAt: usedAt, until: usedAt + 2 * hour })
    expect(await uses()).toMatchObject([{ grantId: grant.id }])
    expect(visibleText(await client.navigate(plant.portal))).not.toContain('first open it')

    const live = await client.openWebSocket(press('/live'), { origin: new URL(press()).origin })
    await plant.clock.advance({ minutes: 119 })
    expect((await client.navigate(press())).status).toBe(200)
    expect(await now(grant)).toMatchObject({ firstUsedAt: usedAt })
    await plant.clock.advance({ minutes: 2 })
    await until('the WebSocket is closed', () => plant.gatehouse.streams().length === 0)
    live.close()
    expect((await client.navigate(press())).status).toBe(403)
    expect(await uses()).toHaveLength(1)
  })

  it('never lasts beyond its end, and does not begin after it', async () => {
    const grant = await issue({ until: '+2h' })
    await plant.clock.advance({ minutes: 90 })
    expect((await client.navigate(press())).status).toBe(200)
    expect((await now(grant)).until).toBe(grant.until)
    const unused = await issue({ until: '+2h' })
    await plant.clock.advance({ hours: 2 })
    expect((await client.navigate(press())).status).toBe(403)
    expect((await now(unused)).firstUsedAt).toBeUndefined()
  })

  it('waits while another grant opens the machine anyway', async () => {
    const grant = await issue()
    await plant.issue({ until: '+1h' })
    expect((await client.navigate(press())).status).toBe(200)
    expect((await now(grant)).firstUsedAt).toBeUndefined()
    await plant.clock.advance({ minutes: 61 })
    expect((await client.navigate(press())).status).toBe(200)
    expect((await now(grant)).firstUsedAt).toBe(plant.clock.now())
  })

  it('has one first use, and one record of it that is not void, however many instances see one at once', async () => {
    const other: Services = await openServices(plant.config, {
      clock: plant.clock,
      logger: silentLogger,
      writer: 'gateway-2',
      storeLimitMs: 5_000,
    })
    try {
      await other.store.untilReady(5_000)
      for (let round = 1; round <= 5; round += 1) {
        const grant = await issue()
        const begun = await Promise.all(
          [plant.gatehouse.services, other, other, plant.gatehouse.services].map(({ grants }) =>
            grants.beginUse(grant),
          ),
        )
        expect(new Set(begun.map(({ firstUsedAt }) => firstUsedAt)).size).toBe(1)
        const ofGrant = async (event: string) =>
          (await recorded(event)).filter(({ grantId }) => grantId === grant.id).length
        const written = await ofGrant('grant.first-used')
        expect(written - (await ofGrant('grant.first-use-void'))).toBe(1)
        expect(written).toBeLessThanOrEqual(2)
      }
    } finally {
      await other.close()
    }
  })

  it('is not lengthened by a Redis that was put back, and tells Redis again', async () => {
    const grant = await issue()
    expect((await client.navigate(press())).status).toBe(200)
    const used = await now(grant)
    await forget(grant)
    await plant.clock.advance({ hours: 1 })
    const { grants } = plant.gatehouse.services
    expect(await now(grant)).toMatchObject({ firstUsedAt: used.firstUsedAt, until: used.until })
    // Used anew by an instance that had not heard of it.
    const { until: _, firstUsedAt: __, ...asIssued } = used
    await grants.beginUse({ ...asIssued, until: grant.until })
    expect(await now(grant)).toMatchObject({ firstUsedAt: used.firstUsedAt, until: used.until })
    await grants.restoreUses()
    expect(await fieldOf(grant)).toMatch(new RegExp(`^${String(used.firstUsedAt)} ${String(used.until)}\\.`))
    await plant.restart()
    await forget(grant)
    expect(await now(grant)).toMatchObject({ until: used.until })
    await plant.clock.advance({ minutes: 61 })
    expect((await client.navigate(press())).status).toBe(403)
  })

  it('permits nothing with a first use that is not ours', async () => {
    const grant = await issue()
    const { store, grants } = plant.gatehouse.services
    const far = String(plant.clock.now() + 9 * hour)
    await store.run((redis) =>
      redis.hset(store.key('grant', grant.id), 'firstUse', `${far} ${far}.${'a'.repeat(43)}`),
    )
    expect(await grants.get(grant.id)).toBeNull()
  })

  it('can be given more time: before its use, to begin; after it, to end', async () => {
    const grant = await issue()
    const { grants } = plant.gatehouse.services
    await grants.extend(grant.id, '+20h', 'work goes on', operator)
    await plant.clock.advance({ hours: 11 })
    client.close()
    client = await plant.signIn('vendor')
    expect((await client.navigate(press())).status).toBe(200)
    const usedAt = (await now(grant)).firstUsedAt ?? 0
    expect((await now(grant)).until).toBe(usedAt + 2 * hour)
    await grants.extend(grant.id, usedAt + 3 * hour, 'work goes on', operator)
    expect(await now(grant)).toMatchObject({ firstUsedAt: usedAt, until: usedAt + 3 * hour })
    // No longer than a grant may last, counted from its first use.
    await expect(grants.extend(grant.id, usedAt + 13 * hour, 'work goes on', operator)).rejects.toMatchObject(
      {
        field: 'until',
      },
    )
    expect((await grants.revoke(grant.id, 'work is done', operator)).revocation).not.toBeNull()
    expect((await client.navigate(press())).status).toBe(403)
  })

  it('is on record before the request goes through: without a ledger nothing does, and nothing is forgotten', async () => {
    const { services } = plant.gatehouse
    const events: GrantEvent[] = []
    let isFull = true
    const grants: Grants = createGrants({
      ...services,
      view: { read: (_, read) => read(), follow: (_, read) => read() },
      record: (event) => {
        if (isFull) return Promise.reject(new GatehouseError('ledger-unavailable', 'The disk is full.'))
        events.push(event)
        return Promise.resolve()
      },
      assertFit: () => Promise.resolve(),
      maxLengthMs: 12 * hour,
      endings: plant.config.grants.endings,
      endpointIds: new Set(['press-3']),
    })
    const grant = await issue()
    await expect(grants.beginUse(grant)).rejects.toMatchObject({ code: 'ledger-unavailable' })
    // Nothing takes effect that is not on record (R4): the time does not run.
    expect((await now(grant)).firstUsedAt).toBeUndefined()
    expect(await fieldOf(grant)).toBeNull()
    await plant.clock.advance({ minutes: 5 })
    isFull = false
    const [used, same] = await Promise.all([grants.beginUse(grant), grants.beginUse(grant)])
    await grants.beginUse(used)
    expect([used.firstUsedAt, same.firstUsedAt]).toEqual([plant.clock.now(), plant.clock.now()])
    expect(events).toMatchObject([
      { event: 'grant.first-used', grantId: grant.id, firstUsedAt: used.firstUsedAt },
    ])
  })

  it('is issued at the command line and on the page, and told by both', async () => {
    const time = ['--from', 'now', '--until', '+4d', '--lasts', '2h', '--reason', 'Replace the valve']
    const told = await plant.command(
      'grants',
      'issue',
      '--to',
      'new@vendor.example',
      '--endpoint',
      'press-3',
      ...time,
    )
    expect(told.out).toContain('for 120 min from its first use')
    for (const [lasts, ...more] of [
      ['13h'],
      ['0m'],
      ['2 hours'],
      ['2h', '--weekly', 'mon-fri 06:00-14:00'],
    ]) {
      const argv = time.map((word) => (word === '2h' ? (lasts ?? '') : word))
      const refused = await plant.command(
        ...[
          'grants',
          'issue',
          '--to',
          'new@vendor.example',
          '--endpoint',
          'press-3',
          '--json',
          ...argv,
          ...more,
        ],
      )
      expect([refused.status, JSON.parse(refused.out)]).toMatchObject([1, { error: { field: 'lasts' } }])
    }
    const admin = await plant.signIn('admin')
    const form = await admin.navigate(`${plant.portal}/admin/grants/new`)
    const fields = {
      to: 'new@vendor.example',
      endpoints: 'press-3',
      reason: 'Replace the valve',
      lasts: '90m',
    }
    const issued = visibleText(await admin.submit(form, fields, { action: '/admin/grants' }))
    expect(issued).toContain('for 1 h 30 min from the first use')
    admin.close()
  })

  it('is what no grant asks for by itself', () => {
    expect(unconditional.lastsFromFirstUseMs).toBeNull()
  })
})
