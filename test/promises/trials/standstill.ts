// R1 and R3 while an instance itself stands still, or its wall clock is wrong.
import { setTimeout as pause } from 'node:timers/promises'
import { loadConfig } from '../../../src/config/index.js'
import { systemClock, type Clock } from '../../../src/lib/index.js'
import { startGatehouse } from '../../../src/main.js'
import { closeLater } from '../../support/closing.js'
import { silentLogger } from '../../support/logger.js'
import { allEnded, ask, askOn, letThroughAfter, openEach, type Door } from '../door.js'
import type { Claim, Measured, Trial } from '../claims.js'
import { openSite, operator, type Instance, type Person, type Site } from '../site.js'

const stills = [
  { name: 'two', seconds: 2 },
  { name: 'six', seconds: 6 },
] as const

export const standstill: Trial = {
  name: 'standstill',
  claims: Object.fromEntries(
    stills.flatMap(({ name, seconds }): [string, Claim][] => {
      const what = `event loop blocked for ${seconds} s`
      return [
        [
          `${name}-expiry`,
          {
            promise: 'R3',
            fault: `${what}, a grant ends meanwhile: all cut after it`,
            atMost: 1_000,
            unit: 'ms',
          },
        ],
        [
          `${name}-revoke`,
          {
            promise: 'R1',
            fault: `${what}, a grant is revoked: all cut after it`,
            atMost: 1_000,
            unit: 'ms',
          },
        ],
        [
          `${name}-late`,
          {
            promise: 'R1',
            fault: `${what}, and requests wait of people whose grants have ended: let through`,
            atMost: 0,
            unit: 'requests',
          },
        ],
      ]
    }),
  ),
  prepare: async () => {
    const site = await openSite()
    return {
      round: async () => {
        const measured = await Promise.all(
          site.instances.map((instance, at) => standStill(site, instance, stills[at])),
        )
        return Object.assign({}, ...measured) as Measured
      },
      close: () => site.close(),
    }
  },
}

/** Stopped by the kernel, which is to the event loop what a computation is that takes as long. */
async function standStill(
  site: Site,
  { process, door }: Instance,
  still: (typeof stills)[number] | undefined,
): Promise<Measured> {
  if (still === undefined) return {}
  const { machine, services } = site
  const [ending, revoked] = await Promise.all([site.signIn(), site.signIn()])
  const [endingCookie, revokedCookie] = await Promise.all([ending.cookie(), revoked.cookie()])
  const grantId = await revoked.grant()
  const revokedStreams = await openEach(machine, [door], revokedCookie)
  await ending.grant({ until: new Date(Date.now() + 1_500).toISOString() })
  const endingStreams = await openEach(machine, [door], endingCookie)

  const stoppedAt = performance.now()
  process.kill('SIGSTOP')
  const left = (): number => stoppedAt + still.seconds * 1_000 - performance.now()
  await pause(200)
  await services.grants.revoke(grantId, 'a promise is measured', operator)
  await pause(Math.max(0, left() - 300))
  const waiting = [endingCookie, revokedCookie, endingCookie, revokedCookie].map((cookie) =>
    ask(door, { cookie }),
  )
  await pause(Math.max(0, left()))
  const wokeAt = performance.now()
  process.kill('SIGCONT')
  const [endingAt, revokedAt] = await Promise.all([allEnded(endingStreams), allEnded(revokedStreams)])
  return {
    [`${still.name}-expiry`]: endingAt - wokeAt,
    [`${still.name}-revoke`]: revokedAt - wokeAt,
    [`${still.name}-late`]: letThroughAfter(await Promise.all(waiting), 0),
  }
}

/** Further back, the grant would not have begun: none may begin longer before it is issued. */
const backMs = 4 * 60_000
const begunMs = 5 * 60_000 - 1_000

const steps = [
  { name: 'back', what: 'wall clock set back 4 min', ms: -backMs },
  { name: 'ahead', what: 'wall clock set 1 h ahead', ms: 3_600_000 },
] as const

/** Everything open through it must be gone this long after the grant's true end. */
const afterEndMs = 1_000

export const steppedClock: Trial = {
  name: 'clock',
  claims: Object.fromEntries(
    steps.flatMap(({ name, what }): [string, Claim][] => [
      [
        `${name}-cut`,
        {
          promise: 'R3',
          fault: `${what}: what is open cut after the true end`,
          atMost: afterEndMs,
          unit: 'ms',
        },
      ],
      [
        `${name}-late`,
        { promise: 'R3', fault: `${what}: let through after the true end`, atMost: 0, unit: 'requests' },
      ],
    ]),
  ),
  prepare: async () => {
    const site = await openSite({ instances: [{ name: 'a' }] })
    return {
      round: async () => {
        const measured: Measured[] = []
        for (const step of steps) measured.push(await stepOnce(site, step))
        return Object.assign({}, ...measured) as Measured
      },
      close: () => site.close(),
    }
  },
}

/**
 * No process can be given a wall clock of its own, so this instance runs in ours, and is the one the
 * configuration of a process describes that has made way for it.
 */
async function stepOnce(site: Site, step: (typeof steps)[number]): Promise<Measured> {
  const [instance] = site.instances
  if (instance === undefined) throw new Error('there is no instance')
  await instance.kill()
  let ahead = 0
  const clock: Clock = { ...systemClock, now: () => Date.now() + ahead }
  const gatehouse = await startGatehouse(loadConfig(instance.configFile), {
    clock,
    // Redis keeps the time that the host has left.
    storeTime: () => Date.now(),
    logger: silentLogger,
  })
  const close = closeLater(() => gatehouse.close())
  await gatehouse.services.store.untilReady(5_000)
  const person = await site.signIn()
  try {
    return await expire(site, instance.door, person, () => {
      ahead = step.ms
    }).then(({ tookMs, late }) => ({ [`${step.name}-cut`]: tookMs, [`${step.name}-late`]: late }))
  } finally {
    await close()
  }
}

async function expire(
  { machine }: Site,
  door: Door,
  person: Person,
  stepClock: () => void,
): Promise<{ tookMs: number; late: number }> {
  const leftMs = 2_500
  const endsAt = Date.now() + leftMs
  await person.grant({
    from: new Date(Date.now() - begunMs).toISOString(),
    until: new Date(endsAt).toISOString(),
  })
  const cookie = await person.cookie()
  const streams = await openEach(machine, [door], cookie)
  const asker = askOn(door, cookie)
  stepClock()
  const endedAt = performance.now() + endsAt - Date.now()
  const lastAt = await allEnded(streams, leftMs + 5_000)
  // As long again, so that somebody has asked after the end.
  await pause(Math.max(0, endedAt + 500 - performance.now()))
  await asker.stop()
  return { tookMs: lastAt - endedAt, late: letThroughAfter(asker.asked, endedAt) }
}
