// R6: nothing that has ended comes back, whatever Redis comes back with.
import { until } from '../../support/until.js'
import { ask, askOn, letThroughAfter, type Door } from '../door.js'
import type { Claim, Trial } from '../claims.js'
import { openSite, operator, type Person, type Site } from '../site.js'

interface Comeback {
  readonly name: string
  readonly what: string
  /** Does the worst; resolves once Redis, and whoever else was away, is back. */
  befall(site: Site, restore: () => Promise<void>): Promise<unknown>
}

const comebacks: readonly Comeback[] = [
  { name: 'killed', what: 'Redis killed and started again', befall: ({ redis }) => redis.restart() },
  { name: 'older', what: 'Redis started again from an older AOF', befall: (_, restore) => restore() },
  {
    name: 'both',
    what: 'Redis started again from an older AOF, and both instances killed meanwhile',
    befall: async ({ instances }, restore) => {
      await Promise.all(instances.map((instance) => instance.kill()))
      await restore()
      await Promise.all(instances.map((instance) => instance.start()))
    },
  },
  { name: 'empty', what: 'Redis started again empty', befall: ({ redis }) => redis.empty() },
]

export const comeback: Trial = {
  name: 'comeback',
  claims: Object.fromEntries(
    comebacks.map(({ name, what }): [string, Claim] => [
      name,
      {
        promise: 'R6',
        fault: `${what}: let through by a revoked grant, an ended grant or a killed session`,
        atMost: 0,
        unit: 'requests',
      },
    ]),
  ),
  prepare: async () => {
    const site = await openSite()
    return {
      round: async () => {
        const measured: Record<string, number> = {}
        for (const one of comebacks) measured[one.name] = await comeBack(site, one)
        return measured
      },
      close: () => site.close(),
    }
  },
}

async function comeBack(site: Site, { befall }: Comeback): Promise<number> {
  const { services, redis, instances } = site
  const doors = instances.map(({ door }) => door)
  const [revoked, killed, ended] = await Promise.all([site.signIn(), site.signIn(), site.signIn()])
  const grantId = await revoked.grant()
  await killed.grant()
  const endsAt = Date.now() + 1_500
  await ended.grant({ until: new Date(endsAt).toISOString() })
  const gone = [revoked, killed, ended]
  const cookies = await Promise.all(gone.map((person) => person.cookie()))
  for (const door of doors) for (const cookie of cookies) await served(door, cookie)
  await allFollow(site)

  const restore = await redis.backUp()
  await services.grants.revoke(grantId, 'a promise is measured', operator)
  await services.sessions.end(killed.sessionId, 'session-killed', operator)
  await new Promise((resolve) => setTimeout(resolve, Math.max(0, endsAt - Date.now() + 5)))
  const endedAt = performance.now()
  const askers = doors.flatMap((door) => cookies.map((cookie) => askOn(door, cookie)))
  await befall(site, restore)
  await services.store.untilReady(10_000)
  await eachServesSomebody(site, doors)
  await Promise.all(askers.map((asker) => asker.stop()))
  return askers.reduce((sum, { asked }) => sum + letThroughAfter(asked, endedAt), 0)
}

/** Else nothing would be shown by a refusal. What befell it in the round before may keep an instance for a moment. */
async function served(door: Door, cookie: string): Promise<void> {
  await until('it serves who has a grant', async () => (await ask(door, { cookie })).status === 200, 5_000)
}

/**
 * An instance can serve by asking Redis each time before it follows the changes again. What ends then is on the record of
 * its host a moment later than on others, and nothing could tell a host that died in that moment.
 */
async function allFollow({ services: { store }, instances }: Site): Promise<void> {
  await until(
    'all instances follow the changes',
    async () => {
      const ids = await store.run((redis) => redis.smembers(store.key('followers')))
      const keys = ids.map((id) => store.key('follower', id))
      const positions = keys.length === 0 ? [] : await store.run((redis) => redis.mget(keys))
      return positions.filter((position) => position !== null).length === instances.length
    },
    5_000,
  )
}

/** Until then everybody is refused, and that would prove nothing. */
async function eachServesSomebody(site: Site, doors: readonly Door[]): Promise<void> {
  let newcomer: Person | null = null
  await until(
    'a newcomer is signed in',
    async () => {
      newcomer = await site.signIn().catch(() => null)
      return newcomer !== null
    },
    10_000,
    50,
  )
  const person = newcomer as Person | null
  if (person === null) return
  await person.grant()
  const cookie = await person.cookie()
  for (const door of doors)
    await until('it serves again', async () => (await ask(door, { cookie })).status === 200, 10_000)
}
