import { rm, symlink } from 'node:fs/promises'
import { join } from 'node:path'
import { readLedger } from '../../src/audit/index.js'
import { principalId } from '../../src/identity/index.js'
import type { Client } from '../support/client.js'
import { accounts, operator, startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

/*
 * Where Redis was away and the journal could not be written, each stop said "Nothing was stopped". That was true of a
 * command, which ends and knows nothing afterwards. It was wrong of a gateway: its streams had been cut, and nobody got in
 * there again, until a restart forgot it without a word. And a second factor that was void there was on record as not reset.
 */
const why = 'wrong machine'
/** A file of the kernel that is read like any other, and takes none of our lines: writing fails as on a full disk. */
const takesNothing = '/proc/self/oom_score_adj'

let plant: Plant
let client: Client
beforeEach(async () => {
  plant = await startPlant()
  const journal = join(plant.config.audit.directory, 'ended.jsonl')
  await plant.gatehouse.close()
  await rm(journal)
  await symlink(takesNothing, journal)
  await plant.restart()
  await plant.gatehouse.services.store.untilReady(10_000)
  client = await plant.signIn('vendor')
}, 60_000)
afterEach(async () => {
  client.close()
  await plant.close()
})

it('says of a page that this instance has stopped it until it is restarted, and tells Redis', async () => {
  const grant = await plant.issue()
  await client.navigate(`${plant.origin('press-3')}/`)
  const live = await client.openWebSocket(`${plant.origin('press-3')}/live`)
  const { grants } = plant.gatehouse.services
  await plant.redis.kill()
  await expect(grants.revoke(grant.id, why, operator)).rejects.toMatchObject({
    code: 'stopped-until-restart',
    message: expect.stringMatching(/by this instance, until it stops/) as string,
  })
  expect(await live.closed).toMatchObject({ reason: 'grant-revoked' })
  await plant.redis.restart()
  await plant.gatehouse.services.store.untilReady(10_000)
  // A command knows what Redis says, and nothing else.
  const listed = async (): Promise<unknown> =>
    JSON.parse((await plant.command('grants', 'list', '--json')).out)
  await until('Redis has been told', async () => JSON.stringify(await listed()).includes('"revoked"'), 30_000)
  await plant.restart()
  await plant.gatehouse.services.store.untilReady(10_000)
  expect((await plant.gatehouse.services.grants.get(grant.id))?.revocation).not.toBeNull()
}, 90_000)

it('says of a command that nothing was stopped, and nothing is', async () => {
  const grant = await plant.issue()
  await plant.redis.kill()
  const { status, out } = await plant.command('grants', 'revoke', grant.id, '--reason', why, '--json')
  expect(status).toBe(1)
  expect(JSON.parse(out)).toMatchObject({
    error: {
      code: 'ledger-unavailable',
      message: expect.stringContaining('Nothing was stopped') as string,
    },
  })
  await plant.redis.restart()
  await plant.gatehouse.services.store.untilReady(10_000)
  expect((await plant.gatehouse.services.grants.get(grant.id))?.revocation).toBeNull()
}, 90_000)

it('has no second factor on record as not reset that is void', async () => {
  const id = principalId(plant.provider.issuer, accounts.vendor.subject)
  const { secondFactor, store } = plant.gatehouse.services
  const { transaction } = store
  Object.assign(store, {
    transaction: async (...args: Parameters<typeof transaction>) => {
      Object.assign(store, { transaction })
      await plant.redis.kill()
      return transaction(...args)
    },
  })
  await expect(secondFactor.reset(id, operator, why)).rejects.toMatchObject({ code: 'stopped-until-restart' })
  await plant.redis.restart()
  await store.untilReady(10_000)
  await until(
    'Redis has been told',
    async () => (await store.run((redis) => redis.hget(store.key('second-factor', id), 'secret'))) === null,
    30_000,
  )
  const events = []
  const { directory } = plant.config.audit
  for await (const { event } of readLedger({ directory })) events.push(event)
  expect(events).toContain('second-factor.reset')
  expect(events).not.toContain('second-factor.reset-failed')
}, 90_000)
