import { readLedger } from '../../src/audit/index.js'
import { principalId } from '../../src/identity/index.js'
import { startPlant, accounts, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

const { admin } = accounts

let plant: Plant

beforeAll(async () => {
  plant = await startPlant({ enrolled: [] })
  const { issuer } = plant.provider
  const { subject, email, name } = admin
  const principal = { id: principalId(issuer, subject), issuer, subject, email, name }
  await plant.gatehouse.services.people.remember(principal, ['admin'])
}, 30_000)
afterAll(async () => {
  await plant.close()
})

interface Described {
  readonly id: string
  readonly state: string
  readonly token?: string
  readonly [more: string]: unknown
}

const usual = [
  ...['--name', 'Service desk', '--owner', admin.email, '--scope', 'grants:read', '--expires', '90d'],
  ...['--reason', 'change CHG-1042'],
]
const create = async (...argv: string[]): Promise<Described> => {
  const { status, out, err } = await plant.command('tokens', 'create', ...usual, ...argv, '--json')
  expect([status, err]).toEqual([0, ''])
  return JSON.parse(out) as Described
}
const list = async (): Promise<Described[]> =>
  JSON.parse((await plant.command('tokens', 'list', '--json')).out) as Described[]
const revoke = (id: string): ReturnType<Plant['command']> =>
  plant.command('tokens', 'revoke', id, '--reason', 'left in a repository', '--json')
const stateOf = async (id: string): Promise<string | undefined> =>
  (await list()).find((token) => token.id === id)?.state
const recorded = async (event: string): Promise<Record<string, unknown>[]> => {
  const found = []
  for await (const { fields } of readLedger({ directory: plant.config.audit.directory, event }))
    found.push(fields)
  return found
}

describe('making a service token', () => {
  it('prints it once, with what it may do, from where and until when', async () => {
    const made = await create('--scope', 'grants:write', '--source', '10.20.0.0/16', '2001:db8::/32')
    expect(made).toMatchObject({
      state: 'active',
      name: 'Service desk',
      owner: admin.email,
      scopes: ['grants:read', 'grants:write'],
      sources: ['10.20.0.0/16', '2001:db8::/32'],
      until: new Date(plant.clock.now() + 90 * 24 * 3_600_000).toISOString(),
      revocation: null,
    })
    expect(made.token).toMatch(/^gatehouse_[\w-]{49}$/)
    const [listed] = (await list()).filter(({ id }) => id === made.id)
    const { token: _, ...described } = made
    expect(listed).toEqual(described)
  })

  it('is on record first, and its secret is neither there nor in Redis', async () => {
    const { id, token = '' } = await create()
    const [record] = (await recorded('token.created')).filter(({ tokenId }) => tokenId === id)
    expect(record).toMatchObject({
      name: 'Service desk',
      owner: admin.email,
      scopes: ['grants:read'],
      sources: [],
      actor: { kind: 'operator' },
    })
    const { store } = plant.gatehouse.services
    const kept = JSON.stringify(await store.run((redis) => redis.hgetall(store.key('tokens'))))
    expect(kept).toContain(id)
    for (const where of [kept, JSON.stringify(record)]) {
      expect(where).not.toContain(token)
      expect(where).not.toContain(token.slice('gatehouse_'.length, 40))
    }
  })

  it.each([
    ['scope', ['--scope', 'grants:everything'], 2, 'usage'],
    ['expires', ['--expires', '366d'], 1, 'input-invalid'],
    ['expires', ['--expires', '5m'], 1, 'input-invalid'],
    ['expires', ['--expires', 'soon'], 1, 'input-invalid'],
    ['source', ['--source', '0.0.0.0/0'], 1, 'input-invalid'],
    ['source', ['--source', '10.20.0.0/33'], 1, 'input-invalid'],
    ['source', ['--source', 'desk.plant.example'], 1, 'input-invalid'],
    ['name', ['--name', ' '], 1, 'input-invalid'],
    ['reason', ['--reason', '...'], 1, 'input-invalid'],
    ['name', ['--name', 'a\u202eb'], 1, 'input-invalid'],
    ['owner', ['--owner', 'nobody@plant.example'], 1, 'person-unknown'],
  ])('refuses a %s that does not hold: %j', async (field, argv, status, code) => {
    const before = (await list()).length
    const answer = await plant.command('tokens', 'create', ...usual, ...argv, '--json')
    const { error } = JSON.parse(answer.out) as { error: { code: string; field: string | null } }
    expect([answer.status, error.code]).toEqual([status, code])
    if (status === 1) expect(error.field).toBe(field)
    expect(await list()).toHaveLength(before)
  })
})

describe('revoking a service token', () => {
  it('ends it, is on record, and done again changes nothing', async () => {
    const { id } = await create()
    expect((await revoke(id)).status).toBe(0)
    const again = await revoke(id)
    expect(again.status).toBe(0)
    expect(JSON.parse(again.out)).toMatchObject({
      state: 'revoked',
      revocation: { reason: 'left in a repository' },
    })
    const records = (await recorded('token.revoked')).filter(({ tokenId }) => tokenId === id)
    expect(records).toMatchObject([{ reason: 'left in a repository', actor: { kind: 'operator' } }])
  })

  it('needs one that exists, and a reason', async () => {
    for (const id of ['t-0000000000000000', 'nonsense'])
      expect(JSON.parse((await revoke(id)).out)).toMatchObject({ error: { code: 'token-unknown' } })
    const { id } = await create()
    expect((await plant.command('tokens', 'revoke', id, '--reason', '..')).status).toBe(1)
    expect(await stateOf(id)).toBe('active')
  })

  it('is not undone by a Redis that comes back in a state from before it', async () => {
    const { id } = await create()
    const restore = await plant.redis.backUp()
    await revoke(id)
    await plant.clock.advance({ seconds: 10 })
    await restore()
    await until('Redis is told again', async () => {
      const { store } = plant.gatehouse.services
      const kept = await store
        .run((redis) => redis.hexists(store.key('tokens'), `${id} revocation`))
        .catch(() => 0)
      return kept === 1
    })
    expect(await stateOf(id)).toBe('revoked')
    expect((await recorded('store.rolled-back')).some((event) => event.id === id)).toBe(true)
  }, 30_000)

  it('has effect on this host while Redis is away, and everywhere once it is back', async () => {
    const { id } = await create()
    await plant.redis.kill()
    const answer = await revoke(id)
    expect(answer.status).toBe(1)
    expect(JSON.parse(answer.out)).toMatchObject({ error: { code: 'stopped-here-only' } })
    await plant.redis.restart()
    await until('Redis is told', async () => (await stateOf(id).catch(() => undefined)) === 'revoked')
  }, 30_000)
})

describe('what Redis holds of a token', () => {
  it('opens nothing when somebody else has written it, and stays revoked when the revocation is not ours', async () => {
    const { store } = plant.gatehouse.services
    const [forged, spoiled] = [await create(), await create()]
    const key = store.key('tokens')
    const text = await store.run((redis) => redis.hget(key, forged.id))
    await store.run((redis) => redis.hset(key, forged.id, String(text).replace('grants:read', 'grants:writ')))
    await store.run((redis) => redis.hset(key, `${spoiled.id} revocation`, 'nonsense'))
    expect(await stateOf(forged.id)).toBeUndefined()
    expect(await stateOf(spoiled.id)).toBe('revoked')
  })
})
