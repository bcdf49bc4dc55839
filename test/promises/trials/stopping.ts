// R1: whatever ends a right ends what is open by it, everywhere, within a second; and nothing is let through
// that was asked for after the call had returned.
import { allEnded, askOn, letThroughAfter, openEach, openStream, type OpenStream } from '../door.js'
import type { Claim, Measured, Trial } from '../claims.js'
import { openSite, operator, type Person, type Site } from '../site.js'

/** What each act is given: somebody who is inside, and their grant. */
interface Target {
  readonly site: Site
  readonly person: Person
  readonly grantId: string
}

interface Act {
  readonly name: string
  readonly what: string
  /** Resolves when the end is acknowledged. @returns the instant from which it must count */
  end(target: Target): Promise<number>
  /** As it was before, for the next. */
  undo?(target: Target): Promise<unknown>
}

const reason = 'a promise is measured'
/** So that what is open is open well before its end. */
const shortGrantMs = 1_500

/** From the call, which is harder to keep than from its return. */
async function timed(work: Promise<unknown>): Promise<number> {
  const calledAt = performance.now()
  await work
  return calledAt
}

const lockdown = (name: string, what: string, scopeOf: (target: Target) => string): Act => ({
  name,
  what,
  end: (target) => timed(target.site.services.lockdowns.on(scopeOf(target), reason, operator)),
  undo: (target) => target.site.services.lockdowns.off(scopeOf(target), reason, operator),
})

const acts: readonly Act[] = [
  {
    name: 'revoke',
    what: 'a grant is revoked',
    end: ({ site, grantId }) => timed(site.services.grants.revoke(grantId, reason, operator)),
  },
  {
    name: 'logout',
    what: 'somebody signs out',
    end: ({ site, person: { sessionId, principalId, email } }) =>
      timed(site.services.sessions.end(sessionId, 'signed-out', { kind: 'principal', principalId, email })),
  },
  {
    name: 'kill',
    what: 'a session is killed',
    end: ({ site, person }) =>
      timed(site.services.sessions.end(person.sessionId, 'session-killed', operator)),
  },
  {
    name: 'factor-reset',
    what: 'a second factor is reset',
    end: async ({ site, person }) => {
      await site.enrol(person)
      const reset = async (): Promise<void> => {
        await site.services.secondFactor.reset(person.principalId, operator)
        await site.services.sessions.endAllOf(person.principalId, 'second-factor-reset', operator)
      }
      return timed(reset())
    },
  },
  lockdown('lockdown-all', 'lockdown of everything', () => 'all'),
  lockdown('lockdown-endpoint', 'lockdown of one machine', () => 'endpoint:press-3'),
  lockdown('lockdown-principal', 'lockdown of one person', ({ person }) => `principal:${person.email}`),
]

const within = (fault: string): Claim => ({ promise: 'R1', fault, atMost: 1_000, unit: 'ms' })

export const stopping: Trial = {
  name: 'stopping',
  claims: {
    ...Object.fromEntries(
      acts.map(({ name, what }) => [name, within(`${what}: WebSocket, download, event stream, upload cut`)]),
    ),
    expiry: within('a grant ends: WebSocket, download, event stream, upload cut'),
    late: {
      promise: 'R1',
      fault: 'any of these: let through though asked for after it was acknowledged',
      atMost: 0,
      unit: 'requests',
    },
  },
  prepare: async () => {
    const site = await openSite()
    return { round: () => round(site), close: () => site.close() }
  },
}

async function round(site: Site): Promise<Measured> {
  const measured: Record<string, number> = {}
  let late = 0
  for (const act of acts) {
    const person = await site.signIn()
    const target = { site, person, grantId: await person.grant() }
    const found = await watch(site, person, () => act.end(target))
    await act.undo?.(target)
    measured[act.name] = found.tookMs
    late += found.late
  }
  const person = await site.signIn()
  const endsAt = Date.now() + shortGrantMs
  await person.grant({ until: new Date(endsAt).toISOString() })
  const expired = await watch(site, person, async () => {
    const leftMs = endsAt - Date.now()
    const endedAt = performance.now() + leftMs
    await new Promise((resolve) => setTimeout(resolve, leftMs + 5))
    return endedAt
  })
  return { ...measured, expiry: expired.tookMs, late: late + expired.late }
}

/** Streams of each kind and somebody who asks without a pause, on every instance, and what the end does to them. */
async function watch(
  site: Site,
  person: Person,
  end: () => Promise<number>,
): Promise<{ tookMs: number; late: number }> {
  const doors = site.instances.map(({ door }) => door)
  const cookie = await person.cookie()
  const streams = await openEach(site.machine, doors, cookie)
  const askers = doors.flatMap((door) => [0, 1].map((pauseMs) => askOn(door, cookie, { pauseMs })))
  const from = await end()
  const acknowledgedAt = performance.now()
  const endedAt = await allEnded(streams)
  await Promise.all(askers.map((asker) => asker.stop()))
  const late = askers.map(({ asked }) => letThroughAfter(asked, acknowledgedAt))
  return { tookMs: endedAt - from, late: late.reduce((sum, count) => sum + count, 0) }
}

const crowdSize = 5_000
const openedAtOnce = 100
/** Of this process: a socket to an instance and one of the machine for each, and some for the rest. */
const neededDescriptors = 2 * crowdSize + 500

export const crowd: Trial = {
  name: 'crowd',
  claims: {
    cut: within(`lockdown of everything: ${crowdSize.toLocaleString('en')} WebSockets on two instances cut`),
  },
  missing: () => {
    const limit = descriptorLimit()
    if (limit >= neededDescriptors) return {}
    return { cut: `needs ${neededDescriptors} open files a process (ulimit -n), may have ${limit}` }
  },
  prepare: async () => {
    const site = await openSite()
    const { lockdowns } = site.services
    const cookies: string[] = []
    for (let number = 0; number < 50; number += 1) {
      const person = await site.signIn()
      await person.grant()
      cookies.push(await person.cookie())
    }
    return {
      round: async () => {
        const streams = await openCrowd(site, cookies)
        const calledAt = performance.now()
        const [endedAt] = await Promise.all([allEnded(streams), lockdowns.on('all', reason, operator)])
        await lockdowns.off('all', reason, operator)
        return { cut: endedAt - calledAt }
      },
      close: () => site.close(),
    }
  },
}

async function openCrowd({ machine, instances }: Site, cookies: readonly string[]): Promise<OpenStream[]> {
  const streams: OpenStream[] = []
  const open = async (number: number): Promise<void> => {
    const instance = instances[number % instances.length]
    const cookie = cookies[number % cookies.length]
    if (instance === undefined || cookie === undefined) throw new Error('nobody is there')
    streams.push(await openStream(machine, instance.door, 'still', cookie))
  }
  for (let first = 0; first < crowdSize; first += openedAtOnce)
    await Promise.all(Array.from({ length: openedAtOnce }, (_, at) => open(first + at)))
  return streams
}

/** Node raises its own to the hard limit as it starts. */
function descriptorLimit(): number {
  const { userLimits } = process.report.getReport() as unknown as {
    userLimits: { open_files: { soft: number | 'unlimited' } }
  }
  const { soft } = userLimits.open_files
  return soft === 'unlimited' ? Infinity : soft
}
