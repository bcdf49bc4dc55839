// R2, R3 and R7: what becomes of Redis. Each of these waits for seconds and works little, so all of them
// happen at once, each at a site of its own.
import { spawnSync } from 'node:child_process'
import { setTimeout as pause } from 'node:timers/promises'
import { until } from '../../support/until.js'
import { startLink, type Link } from '../../support/link.js'
import { closeLater } from '../../support/closing.js'
import type { TestRedis } from '../../support/redis.js'
import {
  allEnded,
  ask,
  askOn,
  lastLetThrough,
  openEach,
  type Asked,
  type Door,
  type OpenStream,
} from '../door.js'
import type { Claim, Measured, Trial } from '../claims.js'
import { openNamespace, whyNoNamespace, type Namespace } from '../namespace.js'
import { openSite, type Instance, type Site } from '../site.js'

interface Outage {
  readonly name: string
  readonly what: string
  readonly missing?: () => string | null
  /** Claims beside those of every outage. */
  readonly claims?: Readonly<Record<string, Claim>>
  open(): Promise<Scene>
}

interface Scene {
  readonly site: Site
  prepare?(): Promise<unknown>
  /** What can be done a moment before only. */
  approach?(): Promise<unknown>
  begin(): Promise<unknown>
  /** Something to measure in the first seconds of it. */
  meanwhile?(): Promise<Measured>
  end(): Promise<unknown>
}

interface Inside {
  readonly doors: readonly Door[]
  readonly cookie: string
  /** Each used once, so that nothing about it can be known yet. */
  readonly fresh: readonly string[]
  readonly streams: readonly OpenStream[]
}

/** What the design bounds, and nothing is added to it. */
const denyMs = 3_000
const cutMs = 5_000
const answerMs = 500
const backMs = 2_000
const askEveryMs = 20

const stops = {
  revoke: 'grant revoked on this host',
  kill: 'session killed on this host',
  lockdown: 'lockdown of a person on this host',
} as const
type Stop = keyof typeof stops

const outages: readonly Outage[] = [
  { name: 'killed', what: 'Redis killed', claims: stopClaims(), open: openKilled },
  { name: 'frozen', what: 'Redis frozen', claims: expiryClaims(), open: openFrozen },
  { name: 'slowed', what: 'Redis slowed by 3 s', open: () => openLinked((link) => link.delay(1_500)) },
  {
    name: 'partitioned',
    what: 'one instance cut off from Redis',
    open: () => openLinked((link) => link.sever()),
  },
  {
    name: 'namespace',
    what: 'one instance cut off from Redis (network namespace)',
    missing: whyNoNamespace,
    open: openNamespaced,
  },
  {
    name: 'full',
    what: 'Redis full',
    open: () => openConfigured(['config', 'set', 'maxmemory', '1'], ['config', 'set', 'maxmemory', '0']),
  },
  {
    name: 'read-only',
    what: 'Redis read-only',
    open: () => openConfigured(['replicaof', '127.0.0.1', '1'], ['replicaof', 'no', 'one']),
  },
]

function claimsOf({ name, what, claims = {} }: Outage): Record<string, Claim> {
  const claim = (measured: string, atMost: number): Claim => ({
    promise: 'R2',
    fault: `${what}: ${measured}`,
    atMost,
    unit: 'ms',
  })
  return {
    [`${name}-deny`]: claim('last request let through', denyMs),
    [`${name}-cut`]: claim('WebSocket, download, event stream, upload cut', cutMs),
    [`${name}-answer`]: claim('slowest answer to new access, 503', answerMs),
    [`${name}-back`]: claim('serves again after its return', backMs),
    ...claims,
  }
}

export const outage: Trial = {
  name: 'outage',
  claims: Object.assign({}, ...outages.map(claimsOf)) as Record<string, Claim>,
  missing: () =>
    Object.fromEntries(
      outages.flatMap((one) => {
        const why = one.missing?.() ?? null
        return why === null ? [] : Object.keys(claimsOf(one)).map((key) => [key, why])
      }),
    ),
  prepare: async () => {
    const possible = outages.filter(({ missing }) => (missing?.() ?? null) === null)
    const scenes: (readonly [string, Scene])[] = []
    // One after the other, or on a busy computer none is ready in time.
    for (const { name, open } of possible) scenes.push([name, await open()])
    return {
      round: async () => {
        const entered: (() => Promise<Measured>)[] = []
        // One after the other: nothing is broken yet, and nobody need hurry.
        for (const [name, scene] of scenes) entered.push(await enter(name, scene))
        const all = await Promise.all(entered.map((suffer) => suffer()))
        return Object.assign({}, ...all) as Measured
      },
      close: async () => {
        for (const [, { site }] of scenes) await site.close()
      },
    }
  },
}

/** Opens everything. @returns what then begins the outage */
async function enter(name: string, scene: Scene): Promise<() => Promise<Measured>> {
  const { site } = scene
  const doors = site.instances.map(({ door }) => door)
  const person = await site.signIn()
  await person.grant()
  const cookie = await person.cookie()
  const fresh = await Promise.all(Array.from({ length: 40 }, () => person.cookie()))
  const streams = await openEach(site.machine, doors, cookie)
  await scene.prepare?.()
  return () => suffer(name, scene, { doors, cookie, fresh, streams })
}

async function suffer(
  name: string,
  scene: Scene,
  { doors, cookie, fresh, streams }: Inside,
): Promise<Measured> {
  const { site } = scene
  const askers = doors.map((door) => askOn(door, cookie, { pauseMs: askEveryMs }))
  await scene.approach?.()
  const beganAt = performance.now()
  await scene.begin()
  const newcomers = fresh.map(async (other, at): Promise<Asked | null> => {
    await pause(100 + at * 120)
    const door = doors[at % doors.length]
    return door === undefined ? null : ask(door, { cookie: other })
  })
  const [found, endedAt, answers] = await Promise.all([
    scene.meanwhile?.(),
    allEnded(streams, 12_000),
    Promise.all(newcomers),
  ])
  const returnedAt = performance.now()
  await scene.end()
  const backAt = await eachServes(site, cookie)
  await Promise.all(askers.map((asker) => asker.stop()))
  await site.services.store.untilReady(5_000)
  return {
    ...found,
    [`${name}-deny`]: Math.max(
      0,
      ...askers.map(
        // What was still under way at its return may have been let through by it.
        ({ asked }) => lastLetThrough(asked.filter(({ answeredAt }) => answeredAt < returnedAt)) - beganAt,
      ),
    ),
    [`${name}-cut`]: endedAt - beganAt,
    [`${name}-answer`]: slowest(answers, beganAt),
    [`${name}-back`]: backAt - returnedAt,
  }
}

/**
 * Infinite for one that got anything but 503; a Redis that can still be read may let people in for as long as
 * what was read is proved.
 */
function slowest(answers: readonly (Asked | null)[], beganAt: number): number {
  const took = answers.map((asked) => {
    if (asked === null) return Infinity
    const isProved = asked.status === 200 && asked.sentAt - beganAt < denyMs
    return asked.status === 503 || isProved ? asked.answeredAt - asked.sentAt : Infinity
  })
  return Math.max(...took)
}

async function eachServes({ instances }: Site, cookie: string): Promise<number> {
  const back = instances.map(async ({ door }) => {
    let at = Infinity
    const serves = async (): Promise<boolean> => {
      const { status, answeredAt } = await ask(door, { cookie })
      at = answeredAt
      return status === 200
    }
    await until('it serves again', serves, 20_000)
    return at
  })
  return Math.max(...(await Promise.all(back)))
}

function stopClaims(): Record<string, Claim> {
  const claims = Object.entries(stops).map(([name, what]) => [
    `away-${name}`,
    {
      promise: 'R7',
      fault: `Redis killed, ${what}: WebSocket, download, event stream, upload cut`,
      atMost: 1_000,
      unit: 'ms',
    },
  ])
  return Object.fromEntries(claims) as Record<string, Claim>
}

/** Redis gone, and meanwhile commands on the host of the first instance that end what is open there. */
async function openKilled(): Promise<Scene> {
  const site = await openSite()
  const [here] = site.instances
  if (here === undefined) throw new Error('there is no instance')
  let prepared: Record<Stop, { streams: OpenStream[]; argv: string[] }> | null = null
  return {
    site,
    prepare: async () => {
      prepared = await inside(site, here)
    },
    begin: () => site.redis.kill(),
    meanwhile: async () => {
      const measured: Record<string, number> = {}
      for (const [name, { streams, argv }] of Object.entries(prepared ?? {})) {
        const calledAt = performance.now()
        const [endedAt] = await Promise.all([allEnded(streams, 3_000), site.command(here, ...argv)])
        measured[`away-${name}`] = endedAt - calledAt
      }
      return measured
    },
    end: () => site.redis.restart(),
  }
}

/** Somebody for each of the stops, with something of each kind open. */
async function inside(
  site: Site,
  here: Instance,
): Promise<Record<Stop, { streams: OpenStream[]; argv: string[] }>> {
  const why = ['--reason', 'a promise is measured']
  const enter = async (
    argvOf: (of: { grantId: string; sessionId: string; email: string }) => string[],
  ): Promise<{ streams: OpenStream[]; argv: string[] }> => {
    const person = await site.signIn()
    const grantId = await person.grant()
    const streams = await openEach(site.machine, [here.door], await person.cookie())
    return { streams, argv: argvOf({ grantId, ...person }) }
  }
  return {
    revoke: await enter(({ grantId }) => ['grants', 'revoke', grantId, ...why]),
    kill: await enter(({ sessionId }) => ['sessions', 'kill', sessionId]),
    lockdown: await enter(({ email }) => ['lockdown', 'on', '--scope', `principal:${email}`, ...why]),
  }
}

function expiryClaims(): Record<string, Claim> {
  return {
    'frozen-expiry': {
      promise: 'R3',
      fault: 'Redis and its change log frozen, a grant ends: WebSocket, download, event stream, upload cut',
      atMost: 1_000,
      unit: 'ms',
    },
  }
}

/** Redis frozen, and meanwhile a grant ends, long before anything is cut for want of Redis. */
async function openFrozen(): Promise<Scene> {
  const site = await openSite()
  let endsAt = 0
  let streams: OpenStream[] = []
  return {
    site,
    approach: async () => {
      const person = await site.signIn()
      endsAt = Date.now() + 2_500
      await person.grant({ until: new Date(endsAt).toISOString() })
      const doors = site.instances.map(({ door }) => door)
      streams = await openEach(site.machine, doors, await person.cookie())
    },
    begin: async () => site.redis.process.kill('SIGSTOP'),
    meanwhile: async () => {
      const endedAt = await allEnded(streams, 12_000)
      return { 'frozen-expiry': endedAt - (performance.now() + endsAt - Date.now()) }
    },
    end: async () => site.redis.process.kill('SIGCONT'),
  }
}

/** One instance that reaches Redis over a link; the other one and the administrator reach it directly. */
async function openLinked(worsen: (link: Link) => void): Promise<Scene> {
  let link: Link | null = null
  const redisUrl = async (redis: TestRedis): Promise<string> => {
    link = await startLink(socketOf(redis))
    closeLater(() => link?.close() ?? Promise.resolve())
    return `redis://127.0.0.1:${link.port}`
  }
  const site = await openSite({ instances: [{ name: 'a', redisUrl }] })
  return {
    site,
    begin: async () => link && worsen(link),
    end: async () => link?.mend(),
  }
}

async function openNamespaced(): Promise<Scene> {
  const namespace: Namespace = await openNamespace()
  const site = await openSite({
    instances: [
      {
        name: 'a',
        host: namespace.innerHost,
        through: namespace.through,
        redisUrl: (redis) => namespace.reach(socketOf(redis), 'store'),
      },
    ],
    upstreams: async (machine) => ({
      'press-3': await namespace.reach(Number(new URL(machine.url).port), 'plant'),
    }),
  })
  return {
    site: {
      ...site,
      close: async () => {
        await site.close()
        await namespace.close()
      },
    },
    begin: async () => namespace.part(),
    end: async () => namespace.join(),
  }
}

/** Settings are changed by a client of Redis's own, as its administrator would. */
async function openConfigured(begin: readonly string[], end: readonly string[]): Promise<Scene> {
  const site = await openSite()
  const tell = async (argv: readonly string[]): Promise<void> => {
    const { status, stdout } = spawnSync('redis-cli', ['-s', socketOf(site.redis), ...argv], {
      encoding: 'utf8',
    })
    if (status !== 0 || !stdout.startsWith('OK')) throw new Error(`redis-cli ${argv.join(' ')}: ${stdout}`)
  }
  return { site, begin: () => tell(begin), end: () => tell(end) }
}

function socketOf(redis: TestRedis): string {
  return redis.url.replace(/^unix:/, '')
}
