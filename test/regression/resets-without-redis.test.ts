import { mkdir } from 'node:fs/promises'
import { join } from 'node:path'
import { readLedger } from '../../src/audit/index.js'
import { createSecondFactor, endingSessions, principalId } from '../../src/identity/index.js'
import type { Store } from '../../src/lib/index.js'
import { startGatehouse, type Gatehouse } from '../../src/main.js'
import { createClient, type Client } from '../support/client.js'
import { silentLogger } from '../support/logger.js'
import { accounts, operator, startPlant, type Plant } from '../support/plant.js'
import { freePorts } from '../support/ports.js'
import { changesOf } from '../support/store.js'
import { openTrust } from '../support/trust.js'
import { until } from '../support/until.js'

/*
 * A second factor is reset because somebody else may have the phone, or the password. Where Redis went away in that very
 * moment, the sessions that had not come to proving the factor lived on, for what would have ended them failed without a
 * word; and those that had proved it ended off the record, so that the ledger showed them as running for good. With
 * several instances, each of them put the end of the same session on record.
 */
const why = 'lost the phone, known by voice'

let plant: Plant
let clients: Client[]
let vendorId: string
beforeEach(async () => {
  plant = await startPlant()
  vendorId = principalId(plant.provider.issuer, accounts.vendor.subject)
  const halfway = createClient({ clock: plant.clock })
  await plant.signInWithPassword(halfway, 'vendor')
  clients = [halfway, await plant.signIn('vendor')]
}, 60_000)
afterEach(async () => {
  for (const client of clients) client.close()
  await plant.close()
})

const open = (): Promise<string[]> => plant.gatehouse.services.sessions.openedBy(vendorId)
const endings = async (directory = plant.config.audit.directory): Promise<Record<string, unknown>[]> => {
  const found = []
  for await (const { fields } of readLedger({ directory, event: 'session.ended' })) found.push({ ...fields })
  return found
}
const keptSecret = async (): Promise<string | null> => {
  const { store } = plant.gatehouse.services
  return store.run((redis) => redis.hget(store.key('second-factor', vendorId), 'secret'))
}

/** Redis is stopped when it is to be told next. */
function stopAtNext(store: Store): void {
  const { transaction } = store
  Object.assign(store, {
    transaction: async (...args: Parameters<Store['transaction']>) => {
      Object.assign(store, { transaction })
      await plant.redis.kill()
      return transaction(...args)
    },
  })
}

describe('a second factor that is reset while Redis goes away', () => {
  it.each(['goes on', 'is started again'])(
    'takes every session with it, each on record once, where the instance %s',
    async (what) => {
      const { secondFactor, sessions, store } = plant.gatehouse.services
      const ids = await open()
      expect(ids.length).toBe(2)
      stopAtNext(store)
      const resetting = endingSessions(
        () => secondFactor.reset(vendorId, operator, why),
        () => sessions.endAllOf(vendorId, 'second-factor-reset', operator, why),
      )
      await expect(resetting).rejects.toMatchObject({ code: 'stopped-here-only' })
      expect(await endings()).toEqual([])
      if (what === 'is started again') await plant.gatehouse.close()
      await plant.redis.restart()
      if (what === 'is started again') await plant.restart()
      await plant.gatehouse.services.store.untilReady(10_000)
      expect(await plant.gatehouse.services.sessions.byIds(ids)).toEqual([null, null])
      await until('Redis has forgotten them', async () => (await open()).length === 0, 30_000)
      await until('Redis knows of the reset', async () => (await keptSecret()) === null, 30_000)
      expect(await plant.gatehouse.services.sessions.endRevived()).toBe(true)
      const known = ids.map((sessionId) => ({ sessionId, principalId: vendorId }))
      const ended = await endings()
      expect(ended.length).toBe(2)
      for (const one of known)
        expect(ended).toContainEqual(
          expect.objectContaining({ ...one, cause: 'second-factor-reset', actor: { kind: 'gateway' } }),
        )
    },
    90_000,
  )
})

describe('a reset that nobody has come to the end of, with two instances', () => {
  let second: Gatehouse
  let directory: string
  beforeEach(async () => {
    const { config } = plant
    directory = join(config.audit.directory, '..', 'second-ledger')
    await mkdir(directory)
    const port = await freePorts()
    const elsewhere = {
      ...config,
      server: { ...config.server, listen: { ...config.server.listen, port }, operations: null },
      audit: { ...config.audit, directory, writer: 'second' },
    }
    second = await startGatehouse(elsewhere, {
      clock: plant.clock,
      logger: silentLogger,
      storeLimitMs: 5_000,
    })
    await second.services.store.untilReady(5_000)
  }, 60_000)
  afterEach(() => second.close())

  it('puts the end of each session on record once', async () => {
    const { clock, keyring, ledger, people, sessions, store } = plant.gatehouse.services
    const trust = await openTrust(plant.clock, keyring)
    const ids = await open()
    // On a third host, which dies when it has told Redis.
    const dying = createSecondFactor({
      ...{ store, clock, keyring, people, journal: trust.journal, logger: silentLogger },
      changes: changesOf(store, { vouching: trust.vouching }).changes,
      record: (event) => ledger.append(event),
      ...{ enrolment: 'invite', label: 'Plant', invitationLifetimeMs: 60_000 },
      sessionsOf: (id) => sessions.openedBy(id),
    })
    await dying.reset(vendorId, operator, why)
    await until(
      'they are over on both',
      async () =>
        (await Promise.all([plant.gatehouse, second].map((one) => one.services.sessions.byIds(ids))))
          .flat()
          .every((session) => session === null),
      20_000,
    )
    await until('Redis has forgotten them', async () => (await open()).length === 0, 30_000)
    // Whoever was not first looks again.
    await until(
      'neither has anything left to do',
      async () =>
        (await Promise.all([plant.gatehouse, second].map((one) => one.services.sessions.endRevived()))).every(
          (isDone) => isDone,
        ),
      30_000,
    )
    const ended = [...(await endings()), ...(await endings(directory))].map(({ sessionId }) => sessionId)
    expect([...ended].sort()).toEqual([...ids].sort())
    await trust.close()
  }, 90_000)
})
