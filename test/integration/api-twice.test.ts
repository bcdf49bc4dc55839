import { createOnce, type Once, type OnceCall } from '../../src/admin/api/once.js'
import { GatehouseError } from '../../src/lib/index.js'
import { scopes } from '../../src/model.js'
import { rawRequest, type ApiAnswer } from '../support/api.js'
import { accounts, operator, startPlant, type Plant } from '../support/plant.js'

const dayMs = 24 * 3_600_000
let plant: Plant
let secret: string

beforeAll(async () => {
  plant = await startPlant({ limits: '{ apiCallsPerMinute: 20 }' })
  await plant.signIn('admin').then((client) => {
    client.close()
  })
}, 30_000)
afterAll(async () => {
  await plant.close()
})
beforeEach(async () => {
  secret = await newToken()
})

async function newToken(): Promise<string> {
  const request = { name: 'Service desk', owner: accounts.admin.email, sources: [], lifetimeMs: dayMs }
  return (
    await plant.gatehouse.services.tokens.create(
      { ...request, scopes: [...scopes] },
      'a program needs it',
      operator,
    )
  ).secret
}
const call = (path: string, body: object, key?: string, token = secret): Promise<ApiAnswer> =>
  rawRequest(`${plant.portal}/api/v1${path}`, {
    method: 'POST',
    headers: {
      ...{ authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      ...(key === undefined ? {} : { 'idempotency-key': key }),
    },
    body: JSON.stringify(body),
  })
const wanted = (ticket: string, over: object = {}) => ({
  ...{ to: accounts.vendor.email, endpoints: ['press-3'], from: 'now', until: '+2h' },
  ...{ reason: 'Replace the recipe module', ticket, ...over },
})
const grantsFor = async (ticket: string): Promise<number> =>
  (await plant.gatehouse.services.grants.list()).filter((grant) => grant.ticket === ticket).length

describe('a call with an Idempotency-Key', () => {
  it('is done once, and asked again gets the same answer', async () => {
    const first = await call('/grants', wanted('CHG-1'), 'key-1')
    expect(first.status).toBe(201)
    const again = await call('/grants', wanted('CHG-1'), 'key-1')
    expect([again.status, again.text]).toEqual([201, first.text])
    expect(await grantsFor('CHG-1')).toBe(1)
    const other = await call('/grants', wanted('CHG-1'), 'key-2')
    expect(other.status).toBe(201)
    expect(await grantsFor('CHG-1')).toBe(2)
  })

  it('is done once also by those who come at the same moment', async () => {
    const answers = await Promise.all([1, 2, 3, 4].map(() => call('/grants', wanted('CHG-2'), 'key-1')))
    expect(await grantsFor('CHG-2')).toBe(1)
    const codes = answers.map(({ status, json }) => (status === 201 ? 'done' : json.code))
    expect(codes).toContain('done')
    expect(codes.filter((code) => code !== 'done' && code !== 'idempotency-unfinished')).toEqual([])
  })

  it('is refused with another body, and belongs to its token alone', async () => {
    await call('/grants', wanted('CHG-3'), 'key-1')
    const other = await call('/grants', wanted('CHG-3', { until: '+3h' }), 'key-1')
    expect([other.status, other.json.code]).toEqual([422, 'idempotency-mismatch'])
    expect(await grantsFor('CHG-3')).toBe(1)
    expect((await call('/grants', wanted('CHG-3'), 'key-1', await newToken())).status).toBe(201)
    expect(await grantsFor('CHG-3')).toBe(2)
  })

  it('that was refused for what it says may be mended and sent again', async () => {
    const bad = await call('/grants', wanted('CHG-4', { reason: '..' }), 'key-1')
    expect([bad.status, bad.json.code]).toEqual([422, 'input-invalid'])
    expect((await call('/grants', wanted('CHG-4'), 'key-1')).status).toBe(201)
  })

  it.each(['', 'a b', 'k'.repeat(256), 'schlüssel'])('cannot have the key %j', async (key) => {
    const answer = await call('/grants', wanted('CHG-5'), key)
    expect([answer.status, answer.json.code]).toEqual([422, 'input-invalid'])
    expect(await grantsFor('CHG-5')).toBe(0)
  })

  it('leaves nothing readable in Redis, and that for a day', async () => {
    const to = 'new@machines.example'
    const answer = await call('/grants', wanted('CHG-6', { to }), 'a-key-to-look-for')
    expect(answer.json.enrolmentCode).toMatch(/^[0-9A-Z-]{19}$/)
    const { store } = plant.gatehouse.services
    const keys = await store.run((redis) => redis.keys(`${store.key('idempotency')}*`))
    expect(keys.length).toBeGreaterThan(0)
    for (const key of keys) {
      const text = (await store.run((redis) => redis.get(key))) ?? ''
      expect(key + text).not.toMatch(/a-key-to-look-for|enrolmentCode|machines\.example/)
      const left = await store.run((redis) => redis.pttl(key))
      expect(left).toBeGreaterThan(dayMs - 600_000)
      expect(left).toBeLessThanOrEqual(dayMs)
    }
  })
})

// A stop was answered from memory: what a program had withdrawn, and somebody had released again since, stayed open
// though the second withdrawal was answered as done. One key for several stops carried out the first alone.
describe('what stops something', () => {
  it('looks at no key', async () => {
    const ids = (await Promise.all([plant.issue(), plant.issue()])).map(({ id }) => id)
    const reason = { reason: 'a leaked laptop' }
    for (const id of ids) {
      const answer = await call(`/grants/${id}/revoke`, reason, 'incident-7')
      expect([answer.status, answer.json.state]).toEqual([200, 'revoked'])
    }
    const client = await plant.signIn('admin')
    const [session] = await plant.gatehouse.services.sessions.list()
    const end = () => call(`/sessions/${session?.id ?? ''}/end`, reason, 'incident-7')
    expect((await end()).status).toBe(200)
    expect((await end()).json.code).toBe('session-unknown')
    client.close()
  })
})

describe('a first call that was not finished', () => {
  let once: Once
  const asked: OnceCall = { tokenId: 't-1', key: 'k', print: 'p' }
  const failing = (): Promise<never> => Promise.reject(new GatehouseError('store-unavailable', 'Gone.'))
  const working = () => Promise.resolve({ status: 200, body: '{}' })
  const coded = (code: string): Error => expect.objectContaining({ code }) as Error

  beforeEach(() => {
    once = createOnce(plant.gatehouse.services)
  })

  it('is not done again, since nobody knows what came of it', async () => {
    await expect(once.run(asked, failing)).rejects.toEqual(coded('store-unavailable'))
    await expect(once.run(asked, working)).rejects.toEqual(coded('idempotency-unfinished'))
  })
})

describe('a token that calls too often', () => {
  it('is told to wait, may still stop, and goes on afterwards', async () => {
    const read = (token = secret): Promise<ApiAnswer> =>
      rawRequest(`${plant.portal}/api/v1/endpoints`, {
        method: 'GET',
        headers: { authorization: `Bearer ${token}` },
      })
    for (let number = 0; number < 20; number += 1) expect((await read()).status).toBe(200)
    const tooMuch = await read()
    expect([tooMuch.status, tooMuch.json.code]).toEqual([429, 'rate-limited'])
    expect(tooMuch.headers['retry-after']).toBe('3')
    expect((await read(await newToken())).status).toBe(200)
    const { id } = await plant.issue()
    const stopped = await call(`/grants/${id}/revoke`, { reason: 'a leaked laptop' })
    expect([stopped.status, stopped.json.state]).toEqual([200, 'revoked'])
    await plant.clock.advance({ seconds: 3 })
    expect((await read()).status).toBe(200)
    expect((await read()).status).toBe(429)
  })
})
