// Redis had been back for a quarter of a second when the end of a session was acknowledged. A host that did not follow the
// changes again yet, and so was not waited for, had read the session a moment before: it read the grants after it, and
// decided that two requests may pass, 75 and 118 ms after somebody had been told that nothing passes.
// Found by the day of a million requests (`npm run test:soak -- --seed 7`).
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { readLedger } from '../../src/audit/index.js'
import { openServices, type Services } from '../../src/main.js'
import type { Client } from '../support/client.js'
import { silentLogger } from '../support/logger.js'
import { operator, startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

let plant: Plant
let vendor: Client
let directory: string
/** A host of its own, with a journal of its own. */
let elsewhere: Services
let goOn = (): void => undefined

beforeEach(async () => {
  plant = await startPlant()
  await plant.issue()
  vendor = await plant.signIn('vendor')
  expect((await vendor.navigate(plant.origin('press-3'))).status).toBe(200)
  directory = await mkdtemp(join(tmpdir(), 'gatehouse-elsewhere-'))
  const config = { ...plant.config, audit: { ...plant.config.audit, directory, writer: 'elsewhere' } }
  elsewhere = await openServices(config, { clock: plant.clock, logger: silentLogger })
}, 60_000)
afterEach(async () => {
  goOn()
  vendor.close()
  await elsewhere.close()
  await plant.close()
  await rm(directory, { recursive: true })
})

/** Something happens right before, the next time that is called. */
function beforeNext<K extends string>(
  target: Record<K, (...parameters: never[]) => Promise<unknown>>,
  method: K,
  happen: () => Promise<unknown>,
): void {
  const original = target[method].bind(target)
  target[method] = async (...parameters) => {
    target[method] = original
    await happen()
    return original(...parameters)
  }
}

/** Redis is back and answers, and changes are not followed until the right behind all that is open has been looked at. */
async function followNoMore(): Promise<void> {
  const { sessions, changes } = plant.gatehouse.services
  const live = await vendor.openWebSocket(`${plant.origin('press-3')}/live`)
  await live.next()
  const gate = new Promise<void>((resolve) => (goOn = resolve))
  beforeNext(sessions, 'byIds', () => gate)
  await plant.redis.restart()
  await until(
    'it does not count on it that somebody waits',
    () => !changes.proof.isAwaited && changes.proof.blindMs > 1_500,
  )
  const { store } = elsewhere
  await store.run((redis) => redis.del(store.key('followers'))) // as a second later by itself
}

/** For a moment: it comes back by itself. */
async function stopFollowing(): Promise<void> {
  const { store } = elsewhere
  const clients = await store.run((redis) => redis.client('LIST') as Promise<string>)
  const id = /^id=(\d+) .*name=gatehouse-follow /m.exec(clients)?.[1] ?? ''
  await store.run((redis) => redis.client('KILL', 'ID', id))
}

const set = (): ReturnType<Client['fetch']> =>
  vendor.fetch(`${plant.origin('press-3')}/setpoint`, { method: 'POST', body: 'x' })

async function lastOutcome(): Promise<unknown> {
  let last: unknown = null
  const { directory } = plant.config.audit
  for await (const { fields } of readLedger({ directory, event: 'request.decided' })) last = fields.outcome
  return last
}

const endSession = async (): Promise<void> => {
  const [session] = await elsewhere.sessions.list()
  await elsewhere.sessions.end(session?.id ?? '', 'session-killed', operator, 'a test')
}
const posts = (): number => plant.machine.received.filter(({ method }) => method === 'POST').length

describe('a session that ends between its reading and the decision', () => {
  it('lets nothing pass at a host that does not follow', async () => {
    await followNoMore()
    beforeNext(plant.gatehouse.services.grants, 'heldBy', endSession)
    expect((await set()).status).toBe(401)
    expect(posts()).toBe(0)
    await until('that is on record', async () => (await lastOutcome()) === 'challenge')
  })

  it('nor at one that begins to follow in that very moment', async () => {
    await followNoMore()
    const { changes, releases } = plant.gatehouse.services
    // After all that is read for it.
    beforeNext(releases, 'heldBy', async () => {
      await endSession() // nobody waits
      goOn()
      while (!changes.proof.isAwaited) await new Promise((resolve) => setImmediate(resolve))
    })
    expect([401, 503]).toContain((await set()).status)
    expect(posts()).toBe(0)
    await until('that is on record', async () => (await lastOutcome()) !== 'permit')
  })

  it('is not recorded as decided after everybody was told at one that does', async () => {
    await plant.redis.restart() // so that nothing is read from the copy
    const { proof } = plant.gatehouse.services.changes
    await until('changes are followed', () => performance.now() - proof.provedAt < 500)
    beforeNext(plant.gatehouse.services.grants, 'heldBy', endSession)
    expect((await set()).status).toBe(401)
    expect(posts()).toBe(0)
    await until('that is on record', async () => (await lastOutcome()) === 'challenge')
  })
})

// It said that it had followed what came while it was still looking at what was open.
it('who revokes something waits for a host that is in doubt', async () => {
  const live = await vendor.openWebSocket(`${plant.origin('press-3')}/live`)
  await live.next()
  const gate = new Promise<void>((resolve) => (goOn = resolve))
  const looks = new Promise<void>((resolve) => {
    beforeNext(plant.gatehouse.services.sessions, 'byIds', () => {
      resolve()
      return gate
    })
  })
  await stopFollowing()
  const order: string[] = []
  const closed = live.closed.then((why) => order.push(why.reason))
  const [grant] = await elsewhere.grants.list()
  const revoked = elsewhere.grants.revoke(grant?.id ?? '', 'a test', operator).then(() => order.push('told'))
  await looks
  setTimeout(() => {
    goOn()
  }, 200)
  await Promise.all([closed, revoked])
  expect(order).toEqual(['grant-revoked', 'told'])
})

// It had been permitted while others waited for its host, waited for its record, and was used when nobody did any more.
it('a permit is not used at a host that has lost the others meanwhile', async () => {
  const { ledger, changes } = plant.gatehouse.services
  const request = ledger.request.bind(ledger)
  Object.assign(ledger, {
    request: async (...written: Parameters<typeof request>) => {
      Object.assign(ledger, { request })
      await request(...written)
      await stopFollowing()
      while (changes.proof.isAwaited) await new Promise((resolve) => setImmediate(resolve))
    },
  })
  expect((await set()).json()).toMatchObject({ status: 503, code: 'state-stale' })
  expect(posts()).toBe(0)
  await until('it passes', async () => (await set()).status === 200)
})

// It waited for itself to follow, for a second, and let nobody in meanwhile.
it('a host in doubt ends what it owes without waiting for itself', async () => {
  const { sessions, changes } = plant.gatehouse.services
  const [session] = await sessions.list()
  const id = session?.id ?? ''
  let waits = 0
  const settle = changes.settle.bind(changes)
  Object.assign(changes, {
    settle: () => {
      waits += 1
      return settle()
    },
  })
  await sessions.noteOwed([id])
  await stopFollowing()
  await until('it has ended everywhere', async () => (await elsewhere.sessions.byId(id)) === null)
  expect(waits).toBe(0)
})

describe('whoever has every right', () => {
  it('waits for a host that begins to follow, and passes', async () => {
    await followNoMore()
    const asked = set()
    const first = await Promise.race([asked, new Promise((resolve) => setTimeout(resolve, 50, 'waits'))])
    expect(first).toBe('waits')
    goOn()
    await asked
    await until('it passes', async () => (await set()).status === 200)
  })

  it('is told to come again where it does not', async () => {
    await followNoMore()
    expect((await set()).json()).toMatchObject({ status: 503, code: 'view-unproved' })
    expect(posts()).toBe(0)
    goOn()
    await until('it passes', async () => (await set()).status === 200)
  })

  it('passes though somebody else loses theirs at that very moment', async () => {
    const other = await plant.signIn('admin')
    const { grants } = plant.gatehouse.services
    const before = plant.gatehouse.services.changes.proof.generation
    beforeNext(grants, 'heldBy', async () => {
      const session = (await elsewhere.sessions.list()).find(({ roles }) => roles.includes('admin'))
      await elsewhere.sessions.end(session?.id ?? '', 'session-killed', operator, 'a test')
    })
    expect((await set()).status).toBe(200)
    expect(plant.gatehouse.services.changes.proof.generation).toBeGreaterThan(before)
    other.close()
  })
})
