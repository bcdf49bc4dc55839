/*
 * What a host knew of a reset, and Redis or another host did not, stayed unknown there: a second factor that a command had
 * voided let its thief in elsewhere, a proposal that somebody had declined could be confirmed elsewhere, and a recovery code
 * still counted for a factor that was void. A look at the person in the middle of a reset made it fail on record. And an old
 * change, written to the log once more, cut sessions that the next second factor had proved.
 */
import {
  createResets,
  createSecondFactor,
  principalId,
  type Administrator,
} from '../../src/identity/index.js'
import { GatehouseError, type Journal, type Store } from '../../src/lib/index.js'
import type { Client } from '../support/client.js'
import { silentLogger } from '../support/logger.js'
import { accounts, operator, startPlant, type AccountName, type Plant } from '../support/plant.js'
import { changesOf } from '../support/store.js'
import { openTrust } from '../support/trust.js'
import { until } from '../support/until.js'

const why = 'lost the phone, known by voice'
const minute = 60_000

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
const isIn = async (): Promise<boolean> => (await client.fetch(`${plant.portal}/`)).status === 200
const keptSecret = async (): Promise<string | null> => {
  const { store } = plant.gatehouse.services
  return store.run((redis) => redis.hget(store.key('second-factor', idOf('vendor')), 'secret'))
}
const elsewhere = (journal: Journal) => {
  const { clock, keyring, ledger, people, sessions, store, vouching } = plant.gatehouse.services
  return createSecondFactor({
    ...{ store, clock, keyring, people, journal, logger: silentLogger },
    changes: changesOf(store, { vouching }).changes,
    record: (event) => ledger.append(event),
    ...{ enrolment: 'invite', label: 'Plant', invitationLifetimeMs: minute },
    sessionsOf: (id) => sessions.openedBy(id),
  })
}
function failNext(store: Store): void {
  const { transaction } = store
  Object.assign(store, {
    transaction: () => {
      Object.assign(store, { transaction })
      return Promise.reject(new GatehouseError('store-unavailable', 'Redis did not answer in time.'))
    },
  })
}

it('tells Redis of a reset that another process of this host could not tell it', async () => {
  const { journal, store } = plant.gatehouse.services
  // The command has its own memory, and the same journal.
  const command = elsewhere(journal)
  failNext(store)
  await expect(command.reset(idOf('vendor'), operator, why)).rejects.toMatchObject({
    code: 'stopped-here-only',
  })
  expect(await keptSecret()).not.toBeNull()
  await until('Redis has been told', async () => (await keptSecret()) === null, 20_000)
})

it('takes a reset for done that somebody else’s look has finished', async () => {
  const { keyring } = plant.gatehouse.services
  const trust = await openTrust(plant.clock, keyring)
  const busy: Journal = {
    ...trust.journal,
    add: async (kind, id, at) => {
      const isDurable = await trust.journal.add(kind, id, at)
      if (kind === 'second-factor') await factor.status(idOf('vendor'))
      return isDurable
    },
  }
  const factor = elsewhere(busy)
  await expect(factor.reset(idOf('vendor'), operator, why)).resolves.toBeUndefined()
  expect(await keptSecret()).toBeNull()
  await trust.close()
})

it('takes no recovery code for a second factor that is void on this host', async () => {
  const { keyring } = plant.gatehouse.services
  const trust = await openTrust(plant.clock, keyring)
  const factor = elsewhere(trust.journal)
  const use = () =>
    factor.useRecoveryCode({ principalId: idOf('vendor'), sessionId: 's-1', code: 'ABCD-EFGH-JKMN-PQRS' })
  await expect(use()).rejects.toMatchObject({ code: 'code-wrong' })
  await trust.journal.add('second-factor', (await factor.enrolment(idOf('vendor'))) ?? '')
  await expect(use()).rejects.toMatchObject({ code: 'not-enrolled' })
  await trust.close()
})

it('takes a no that Redis did not hear to Redis, so that nobody confirms it elsewhere', async () => {
  const services = plant.gatehouse.services
  const { resets, store, keyring } = services
  const { id } = await resets.propose(idOf('vendor'), why, administrator('admin'))
  failNext(store)
  await expect(resets.decline(id, why, operator)).rejects.toMatchObject({ code: 'store-unavailable' })
  const trust = await openTrust(plant.clock, keyring)
  const { clock, people, secondFactor, ledger, vouching } = services
  const other = createResets({
    ...{ store, clock, people, secondFactor, vouching, journal: trust.journal, logger: silentLogger },
    changes: changesOf(store, { vouching }).changes,
    record: (event) => ledger.append(event),
    assertFit: async () => undefined,
    lapsesAfterMs: 30 * minute,
  })
  await until('it waits nowhere', async () => (await other.waiting()).length === 0, 20_000)
  await expect(other.confirm(id, why, administrator('secondAdmin'))).rejects.toMatchObject({
    code: 'reset-unknown',
  })
  expect(await keptSecret()).not.toBeNull()
  await trust.close()
})

it('cuts nothing that was proved after the reset of which a change tells', async () => {
  const { changes, store } = plant.gatehouse.services
  const tell = async (at: number): Promise<void> => {
    await store.transaction((multi) =>
      changes.addTo(multi, {
        kind: 'second-factor-reset',
        print: 'of-before',
        principalId: idOf('vendor'),
        at,
      }),
    )
    await changes.settle()
  }
  await tell(plant.clock.now() - minute)
  expect(await isIn()).toBe(true)
  await tell(plant.clock.now())
  await until('it is over', async () => !(await isIn()), 20_000)
})
