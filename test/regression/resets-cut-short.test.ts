import { readLedger } from '../../src/audit/index.js'
import {
  createSecondFactor,
  endingSessions,
  principalId,
  type Administrator,
} from '../../src/identity/index.js'
import { GatehouseError, type Store } from '../../src/lib/index.js'
import type { Client } from '../support/client.js'
import { silentLogger } from '../support/logger.js'
import { accounts, operator, startPlant, type AccountName, type Plant } from '../support/plant.js'
import { changesOf } from '../support/store.js'
import { openTrust } from '../support/trust.js'
import { until } from '../support/until.js'

/*
 * A reset of a second factor is two things: the factor goes, and the sessions that it proved end. Who asked for it did the
 * second after the first. An instance that died in between, or that Redis answered too late, left whoever had stolen the
 * phone with their session and whatever it had open; and the ledger said that the reset had failed, though the next look
 * of that host removed the factor.
 */
const why = 'lost the phone, known by voice'

let plant: Plant
let client: Client
beforeEach(async () => {
  plant = await startPlant({ extra: 'totp: { secondAdministrator: true }' })
  for (const name of ['admin', 'secondAdmin'] as const) (await plant.signIn(name)).close()
  client = await plant.signIn('vendor')
}, 60_000)
afterEach(async () => {
  client.close()
  await plant.close()
})

const idOf = (name: AccountName): string => principalId(plant.provider.issuer, accounts[name].subject)
const administrator = (name: AccountName): Administrator => ({
  actor: { kind: 'principal', principalId: idOf(name), email: accounts[name].email },
  ...{ roles: ['admin'], hasFreshCode: true },
})
const recorded = async (): Promise<Record<string, unknown>[]> => {
  const found = []
  const { directory } = plant.config.audit
  for await (const { event, fields } of readLedger({ directory })) found.push({ ...fields, event })
  return found
}
const isIn = async (): Promise<boolean> => (await client.fetch(`${plant.portal}/`)).status === 200
const propose = async (): Promise<string> =>
  (await plant.gatehouse.services.resets.propose(idOf('vendor'), why, administrator('admin'))).id
const keptSessions = async (): Promise<string[]> => plant.gatehouse.services.sessions.openedBy(idOf('vendor'))

/** The next so many transactions go through, the one after them is not answered: `reaches` Redis all the same, or not. */
function failTransaction(store: Store, after: number, reaches: boolean): void {
  const { transaction } = store
  let count = 0
  Object.assign(store, {
    transaction: async (...args: Parameters<Store['transaction']>) => {
      count += 1
      if (count <= after) return transaction(...args)
      Object.assign(store, { transaction })
      if (reaches) await transaction(...args)
      throw new GatehouseError('store-unavailable', 'Redis did not answer in time.')
    },
  })
}

describe('a confirmed reset whose instance dies before it has ended the sessions', () => {
  it('ends them all the same, everywhere and on record', async () => {
    const { resets } = plant.gatehouse.services
    expect(await isIn()).toBe(true)
    const [sessionId] = await keptSessions()
    // Nobody comes to `endAllOf` any more.
    await resets.confirm(await propose(), why, administrator('secondAdmin'))
    expect(await isIn()).toBe(false)
    await until('Redis has forgotten it', async () => (await keptSessions()).length === 0, 20_000)
    await until(
      'it is on record',
      async () =>
        (await recorded()).some((one) => one.event === 'session.ended' && one.sessionId === sessionId),
      20_000,
    )
  })

  it('ends them also on the instances that share no journal with it', async () => {
    const { clock, keyring, ledger, people, sessions, store } = plant.gatehouse.services
    const trust = await openTrust(plant.clock, keyring)
    const elsewhere = createSecondFactor({
      ...{ store, clock, keyring, people, journal: trust.journal, logger: silentLogger },
      changes: changesOf(store, { vouching: trust.vouching }).changes,
      record: (event) => ledger.append(event),
      ...{ enrolment: 'invite', label: 'Plant', invitationLifetimeMs: 60_000 },
      sessionsOf: (id) => sessions.openedBy(id),
    })
    expect(await isIn()).toBe(true)
    await elsewhere.reset(idOf('vendor'), operator, why)
    await until('it is over here', async () => !(await isIn()), 20_000)
    await until('Redis has forgotten it', async () => (await keptSessions()).length === 0, 20_000)
    await trust.close()
  })

  it.each([true, false])('is void where Redis did not answer in time (it took it: %s)', async (reaches) => {
    const { resets, secondFactor, sessions, store } = plant.gatehouse.services
    const id = await propose()
    failTransaction(store, 1, reaches)
    const confirming = endingSessions(
      () => resets.confirm(id, why, administrator('secondAdmin')),
      () => sessions.endAllOf(idOf('vendor'), 'second-factor-reset', operator, why),
    )
    await expect(confirming).rejects.toMatchObject({ code: 'stopped-here-only' })
    expect(await isIn()).toBe(false)
    expect((await keptSessions()).length).toBe(0)
    await until(
      'Redis has been told',
      async () =>
        (await store.run((redis) => redis.hget(store.key('second-factor', idOf('vendor')), 'secret'))) ===
        null,
      20_000,
    )
    expect((await secondFactor.status(idOf('vendor'))).isEnrolled).toBe(false)
    const events = (await recorded()).flatMap((one) => (one.proposalId === id ? [one.event] : []))
    expect(events).toEqual([
      'second-factor.reset-proposed',
      'second-factor.reset-confirmed',
      'second-factor.reset',
    ])
  })
})
