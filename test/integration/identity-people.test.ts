import { createPeople, principalId } from '../../src/identity/index.js'
import type { Store } from '../../src/lib/index.js'
import type { Principal } from '../../src/model.js'
import { TestClock } from '../support/clock.js'
import { silentLogger } from '../support/logger.js'
import { startRedis, type TestRedis } from '../support/redis.js'
import { connectedStore } from '../support/store.js'
import { openTrust, type Trust } from '../support/trust.js'

let redis: TestRedis
let store: Store
let trust: Trust

beforeAll(async () => {
  redis = await startRedis()
  store = await connectedStore(redis.url)
  trust = await openTrust(new TestClock())
})
afterAll(async () => {
  await trust.close()
  await store.close()
  await redis.close()
})

function person(subject: string): Principal {
  const issuer = 'https://login.plant.example'
  return {
    id: principalId(issuer, subject),
    issuer,
    subject,
    email: `${subject}@vendor.example`,
    name: subject,
  }
}

describe('the directory of people', () => {
  async function setUpPeople() {
    const clock = new TestClock()
    await store.run((client) => client.flushall())
    return { clock, people: createPeople({ store, clock, logger: silentLogger, ...trust }) }
  }
  const ana = person('ana')
  const bo = person('bo')

  it('finds who has signed in, by id and by e-mail in any case', async () => {
    const { people, clock } = await setUpPeople()
    await people.remember(ana, ['admin'])
    const entry = {
      principal: ana,
      roles: ['admin'],
      groups: [],
      companyClaims: [],
      soughtClaims: null,
      lastLoginAt: clock.now(),
    }
    expect(await people.get(ana.id)).toEqual(entry)
    expect(await people.byEmail('ANA@Vendor.Example')).toEqual([entry])
    expect(await people.get(bo.id)).toBeNull()
    expect(await people.byEmail('bo@vendor.example')).toEqual([])
  })

  it('lists everyone, the last to sign in first', async () => {
    const { people, clock } = await setUpPeople()
    await people.remember(ana, [])
    await clock.advance({ seconds: 1 })
    await people.remember(bo, [])
    expect((await people.list()).map(({ principal }) => principal.subject)).toEqual(['bo', 'ana'])
  })

  it('follows a person to a new address, and forgets the old one', async () => {
    const { people } = await setUpPeople()
    await people.remember(ana, [])
    await people.remember({ ...ana, email: 'new@vendor.example' }, [])
    expect(await people.byEmail('ana@vendor.example')).toEqual([])
    expect(await people.byEmail('new@vendor.example')).toHaveLength(1)
    await people.remember({ ...ana, email: null }, [])
    expect(await people.byEmail('new@vendor.example')).toEqual([])
  })

  it('finds nobody by an address that the index alone still gives them', async () => {
    const { people } = await setUpPeople()
    await people.remember(ana, [])
    await store.run((client) => client.sadd(store.key('people', 'email', 'old@vendor.example'), ana.id))
    expect(await people.byEmail('old@vendor.example')).toEqual([])
  })

  it('tells two people with one address apart', async () => {
    const { people } = await setUpPeople()
    await people.remember(ana, [])
    await people.remember({ ...bo, email: ana.email }, [])
    expect(await people.byEmail(ana.email ?? '')).toHaveLength(2)
  })

  it.each(['', '*', 'ana', '__proto__', 'a:b@c', 'ana@vendor.example\r\n'])(
    'finds nobody by %j',
    async (email) => {
      const { people } = await setUpPeople()
      await people.remember(ana, [])
      expect(await people.byEmail(email)).toEqual([])
    },
  )

  it('leaves out what it cannot read, and what lies under another person’s id', async () => {
    const { people } = await setUpPeople()
    await people.remember(ana, [])
    await people.remember(bo, [])
    for (const garbage of [
      '{',
      'null',
      '[]',
      JSON.stringify({ principal: ana, roles: [], lastLoginAt: 1 }),
    ]) {
      await store.run((client) => client.set(store.key('person', bo.id), garbage))
      expect(await people.get(bo.id)).toBeNull()
      expect((await people.list()).map(({ principal }) => principal.id)).toEqual([ana.id])
    }
    await people.remember(bo, [])
    expect(await people.list()).toHaveLength(2)
  })

  it('names nobody by an address that somebody else wrote to their entry', async () => {
    const { people } = await setUpPeople()
    await people.remember(ana, [])
    await people.remember(bo, [])
    const key = store.key('person', bo.id)
    const kept = (await store.run((client) => client.get(key))) ?? ''
    await store.run((client) => client.set(key, kept.replace('bo@vendor', 'ana@vendor')))
    await store.run((client) => client.sadd(store.key('people', 'email', 'ana@vendor.example'), bo.id))
    expect((await people.byEmail('ana@vendor.example')).map(({ principal }) => principal.id)).toEqual([
      ana.id,
    ])
    expect(trust.altered).toContain(`person ${bo.id}`)
  })
})
