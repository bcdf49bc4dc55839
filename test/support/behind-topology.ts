import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openServices, type Services } from '../../src/main.js'
import type { Client } from './client.js'
import { silentLogger } from './logger.js'
import { operator, startPlant, type Plant } from './plant.js'
import type { Topology } from './redis-topologies.js'
import { until } from './until.js'

/** A plant whose state is kept by several servers, and the vendor, signed in. */
export interface BehindTopology {
  readonly plant: Plant
  readonly vendor: Client
  press(path?: string): string
  statusAt(url?: string): Promise<number>
  /** A host of its own: it has another journal, so what it knows of endings it has from Redis. */
  elsewhere(): Promise<Services>
  close(): Promise<void>
}

export async function startBehind(topology: Topology): Promise<BehindTopology> {
  const plant = await startPlant({ redisSection: topology.section, storeLimitMs: null })
  const vendor = await plant.signIn('vendor')
  const opened: Services[] = []
  const folders: string[] = []
  const press = (path = '/'): string => plant.origin('press-3') + path
  return {
    plant,
    vendor,
    press,
    statusAt: async (url = press()) => (await vendor.fetch(url)).status,
    elsewhere: async () => {
      const directory = await mkdtemp(join(tmpdir(), 'gatehouse-elsewhere-'))
      folders.push(directory)
      const config = { ...plant.config, audit: { ...plant.config.audit, directory } }
      const services = await openServices(config, { clock: plant.clock, logger: silentLogger })
      opened.push(services)
      await services.store.untilReady(5_000)
      return services
    },
    close: async () => {
      vendor.close()
      await plant.close()
      for (const services of opened) await services.close()
      for (const folder of folders) await rm(folder, { recursive: true, force: true })
    },
  }
}

/**
 * The master fails; nobody is let in until the replica has taken over, and everything goes on soon after. What
 * is open stays, unless it took so long that nobody could vouch for it any more. What was revoked stays so.
 */
export async function checkFailover(
  { plant, vendor, press, statusAt, elsewhere }: BehindTopology,
  topology: Topology,
  fail: () => Promise<void> | void,
): Promise<void> {
  const grant = await plant.issue()
  const revoked = await plant.issue({ endpoints: ['press-4'] })
  await plant.revoke(revoked)
  expect((await vendor.navigate(press())).status).toBe(200)
  const live = await vendor.openWebSocket(press('/live'))
  await topology.replicated()

  const failedAt = performance.now()
  await fail()
  await until('nobody is let in', async () => (await statusAt()) === 503, 1_500)
  const askedAt = performance.now()
  expect((await vendor.fetch(press())).json()).toMatchObject({ status: 503, code: 'store-unavailable' })
  expect(performance.now() - askedAt).toBeLessThan(500)
  await topology.promoted()
  await until('it goes on', async () => (await statusAt()) === 200, 4_000)

  live.send('still here')
  const end = await Promise.race([
    live.closed,
    until('an echo', () => plant.machine.messages.includes('still here')),
  ])
  if (end !== undefined) {
    expect(end).toEqual({ code: 1008, reason: 'state-stale' })
    expect(performance.now() - failedAt).toBeGreaterThan(3_500)
  }
  expect((await vendor.navigate(plant.origin('press-4'))).text).toContain('Your access was withdrawn')
  // What opens while all that is open is looked at afresh is asked to come again.
  const { proof } = plant.gatehouse.services.changes
  await until('changes are followed again', () => performance.now() - proof.provedAt < 500)
  const again = await vendor.openWebSocket(press('/live'))
  await (await elsewhere()).grants.revoke(grant.id, 'test of the gate', operator)
  expect(await again.closed).toEqual({ code: 1008, reason: 'grant-revoked' })
  expect(await statusAt()).toBe(403)
}

/** The replica that takes over has never heard of a revocation that was acknowledged. */
export async function checkLostRevocation(
  { plant, vendor, press, statusAt, elsewhere }: BehindTopology,
  topology: Topology,
): Promise<void> {
  const revoked = await plant.issue({ endpoints: ['press-4'] })
  await plant.issue()
  expect(await statusAt(plant.origin('press-4'))).toBe(401)
  expect((await vendor.navigate(plant.origin('press-4'))).status).toBe(200)
  expect((await vendor.navigate(press())).status).toBe(200)
  await topology.replicated()
  await topology.cutReplication()
  await plant.revoke(revoked)
  await topology.master.kill()
  await topology.promoted()
  const key = `{gatehouse}:grant:${revoked.id}`
  const opened: string[] = []
  await until(
    'it goes on',
    async () => {
      if ((await vendor.fetch(plant.origin('press-4'))).status === 200) opened.push('press-4')
      return (await statusAt()) === 200
    },
    6_000,
  )
  await until(
    'Redis is told anew',
    async () => (await topology.replica.call('HEXISTS', key, 'revocation')) === 1,
  )
  expect((await vendor.navigate(plant.origin('press-4'))).text).toContain('Your access was withdrawn')
  expect(opened).toEqual([])
  expect(await (await elsewhere()).grants.get(revoked.id)).toMatchObject({ revocation: expect.anything() })
}
