import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { residentBytesOf } from '../../bench/kernel.js'
import { GatehouseError } from '../../src/lib/index.js'
import type { Actor } from '../../src/model.js'
import { faultKinds, files, type Act, type Fault, type FaultKind } from './evidence.js'
import { breakagesOf, stepsOf, type Breakage, type PlanOptions, type Step } from './plan.js'
import { CommandFailed, endpointIds, peopleCount, type Instance, type Site } from './site.js'

export interface DayOptions {
  readonly folder: string
  readonly seed: number
  /** The day is over when so many were answered and each kind of fault has come, */
  readonly requests: number
  /** or after so long. */
  readonly limitMs: number
  readonly faultGapMs: PlanOptions['faultGapMs']
  /** Instances are killed and stopped until then, so that what follows shows their memory. */
  readonly restartsUntilMs: number
  readonly say: (text: string) => void
}

export interface MemorySample {
  readonly atMs: number
  readonly instance: string
  readonly processId: number
  readonly residentBytes: number
}

export interface Day {
  readonly lastedMs: number
  readonly answered: number
  readonly statuses: Readonly<Record<string, number>>
  readonly faults: Readonly<Partial<Record<FaultKind, number>>>
  readonly acts: Readonly<Record<string, number>>
  readonly samples: readonly MemorySample[]
  /** What went wrong before anybody looked at the evidence. */
  readonly problems: readonly string[]
}

const operator: Actor = { kind: 'operator', account: 'soak' }
const connections = 40
const websockets = 24
/** Who is told that it is in force on one host only tries again, as people would. */
const askAgainMs = 300
const sampleEveryMs = 1_000
const lookEveryMs = 20
const lateMs = 100

/** Lives through a day and leaves its evidence in the folder. */
export async function liveDay(site: Site, options: DayOptions): Promise<Day> {
  const { seed, say } = options
  const plan: PlanOptions = {
    ...{ seed, people: peopleCount, endpoints: endpointIds.length },
    faultGapMs: options.faultGapMs,
  }
  const began = performance.now()
  const elapsed = (): number => performance.now() - began
  const samples: MemorySample[] = []
  const problems: string[] = []
  const keepFault = (fault: Fault): void => {
    appendFileSync(join(options.folder, files.faults), `${JSON.stringify(fault)}\n`)
  }
  const stopLooking = watchHost(keepFault)
  const offices = openOffices(site, options.folder)
  const workshop = openWorkshop(site, offices, keepFault, problems)

  await site.clients.ask('start', {
    ...{ seed, connections, websockets },
    ports: site.instances.map(({ port }) => port),
  })
  let isOver = false
  const isSo = (): boolean => isOver
  const administrate = async (): Promise<void> => {
    for (const step of stepsOf(plan)) {
      while (!isSo() && elapsed() < step.atMs) await pause(Math.min(100, step.atMs - elapsed()))
      if (isSo()) return
      offices.take(step)
    }
  }
  const breakThings = async (): Promise<void> => {
    for (const breakage of breakagesOf(plan)) {
      const due = elapsed() + breakage.gapMs
      while (!isSo() && elapsed() < due) await pause(Math.min(100, due - elapsed()))
      if (isSo()) return
      const isRestart = breakage.kind === 'instance-killed' || breakage.kind === 'instance-stopped'
      if (!isRestart || elapsed() < options.restartsUntilMs) await workshop.breakOnce(breakage)
    }
  }
  const running = Promise.all([administrate(), breakThings()])
  running.catch(() => undefined) // told below
  let failure: unknown = null
  running.catch((error: unknown) => (failure = error))
  while (failure === null && elapsed() < options.limitMs) {
    await pause(sampleEveryMs)
    const counts = await site.clients.ask('counts', null)
    for (const { name, processId } of site.instances) {
      const residentBytes = processId === 0 ? NaN : residentOrNone(processId)
      if (!Number.isNaN(residentBytes))
        samples.push({ atMs: elapsed(), instance: name, processId, residentBytes })
    }
    if (samples.length % 20 < 2) say(`${counts.answered} answered, ${workshop.summary()}`)
    if (counts.answered >= options.requests && workshop.hasHadEach()) break
  }
  isOver = true
  await running
  await offices.close()
  const lastedMs = elapsed()
  await site.clients.ask('stop', null, 30_000)
  for (const instance of site.instances) {
    const status = await instance.stop('SIGTERM')
    if (status !== 0) problems.push(`${instance.name} ended with ${String(status)} when it was stopped`)
  }
  stopLooking()
  await site.machine.ask('close', null)
  await site.services.close()
  const counts = await site.clients.ask('counts', null)
  return {
    ...{ lastedMs, answered: counts.answered, statuses: counts.statuses, samples, problems },
    faults: workshop.tally(),
    acts: offices.tally(),
  }
}

/** Writes down when not even this process got its turn: who is late then is late through no fault of its own. */
function watchHost(keep: (fault: Fault) => void): () => void {
  let lookedAt = Date.now()
  const timer = setInterval(() => {
    const now = Date.now()
    if (now - lookedAt > lookEveryMs + lateMs)
      keep({ kind: 'host-stalled', instance: '', from: lookedAt, until: now })
    lookedAt = now
  }, lookEveryMs)
  return () => {
    clearInterval(timer)
  }
}

function residentOrNone(processId: number): number {
  try {
    return residentBytesOf(processId)
  } catch {
    return NaN // it has just ended
  }
}

interface Offices {
  /** Begins a step, and all that follows from it. */
  take(step: Step): void
  /** Signs everybody in again whose session is younger. */
  signInAgain(since: number): Promise<void>
  tally(): Record<string, number>
  close(): Promise<void>
}

/** Administrators, each of whom writes down what they asked for and what they were told. */
function openOffices(site: Site, folder: string): Offices {
  const { services, instances, people } = site
  const [firstHost] = instances
  const counts: Record<string, number> = {}
  const under = new Set<Promise<void>>()
  let isClosing = false
  const isSo = (): boolean => isClosing
  let steps = 0

  const keep = (act: Act): void => {
    appendFileSync(join(folder, files.acts), `${JSON.stringify(act)}\n`)
    const name = `${act.kind} ${act.outcome}`
    counts[name] = (counts[name] ?? 0) + 1
  }
  /** @returns what it came to, or null where it failed */
  const note = async <T>(
    kind: Act['kind'],
    id: string | null,
    ask: () => Promise<T>,
    idOf: (result: T) => string | null = () => id,
    instance = firstHost.name,
  ): Promise<{ outcome: Act['outcome']; result: T | null }> => {
    const askedAt = Date.now()
    try {
      const result = await ask()
      keep({ kind, id: idOf(result), askedAt, answeredAt: Date.now(), outcome: 'done', instance, code: null })
      return { outcome: 'done', result }
    } catch (error) {
      const code = codeOf(error)
      const outcome = code === 'stopped-here-only' ? 'here' : 'failed'
      keep({ kind, id, askedAt, answeredAt: Date.now(), outcome, instance, code })
      return { outcome, result: null }
    }
  }
  const waitFor = async (ms: number): Promise<void> => {
    const due = performance.now() + ms
    while (!isSo() && performance.now() < due)
      await pause(Math.min(200, Math.max(1, due - performance.now())))
  }
  /** Until it is done everywhere, as far as anybody can. */
  const insist = async (ask: () => Promise<{ outcome: Act['outcome'] }>): Promise<void> => {
    while ((await ask()).outcome === 'here' && !isSo()) await waitFor(askAgainMs)
  }

  const giveGrant = async (step: Extract<Step, { step: 'grant' }>): Promise<void> => {
    const person = people[step.person]
    if (person === undefined) return
    const from = Date.now() + step.startsInMs
    const until = from + step.lastsMs
    const terms = {
      ...{ to: person.email, from, until, access: step.access, reason: 'a day of the soak' },
      endpoints: step.endpoints.map((number) => endpointIds[number]),
    }
    const { result: grant } = await note(
      'grant.issued',
      null,
      () => services.grants.issue(terms, operator, { principalId: person.principalId }),
      ({ id }) => id,
    )
    if (grant === null) return
    const { extended, revokedAfterMs } = step
    if (extended !== null) {
      await waitFor(extended.afterMs)
      await note('grant.extended', grant.id, () =>
        services.grants.extend(grant.id, until + extended.byMs, operator),
      )
    } else if (revokedAfterMs !== null) {
      await waitFor(revokedAfterMs)
      await insist(() =>
        note('grant.revoked', grant.id, () =>
          services.grants.revoke(grant.id, 'a day of the soak', operator),
        ),
      )
    }
  }

  const changeSession = async (step: Extract<Step, { step: 'session' }>): Promise<void> => {
    const old = people[step.person]?.session
    if (step.isOldEnded && old !== undefined)
      await insist(() =>
        note(
          'session.ended',
          old.id,
          () => services.sessions.end(old.id, 'session-killed', operator),
          (isEnded) => (isEnded ? old.id : null), // there was none any more
        ),
      )
    await site.signIn(step.person).catch(() => undefined) // while Redis is away, nobody signs in
  }

  const lockDown = async (step: Extract<Step, { step: 'lockdown' }>, instance: Instance): Promise<void> => {
    const scope = scopeOf(step, people)
    const reason = ['--scope', scope, '--reason', 'a day of the soak']
    await insist(() =>
      step.byCommand
        ? note(
            'lockdown.on',
            scope,
            () => site.command(instance, 'lockdown', 'on', ...reason),
            undefined,
            instance.name,
          )
        : note('lockdown.on', scope, () => services.lockdowns.on(scope, 'a day of the soak', operator)),
    )
    await waitFor(step.lastsMs)
    // A plant that stays closed for the rest of the day would prove nothing.
    for (let attempt = 0; attempt < 50; attempt += 1) {
      const { outcome } = await note(
        'lockdown.off',
        scope,
        () => services.lockdowns.off(scope, 'a day of the soak', operator),
        (isLifted) => (isLifted ? scope : null), // there was none any more
      )
      if (outcome === 'done') break
      await waitFor(askAgainMs)
    }
  }

  const doStep = async (step: Step): Promise<void> => {
    if (step.step === 'grant') await giveGrant(step)
    else if (step.step === 'session') await changeSession(step)
    else await lockDown(step, instances[steps % 2 === 0 ? 0 : 1])
  }

  return {
    take(step) {
      steps += 1
      const work = doStep(step).finally(() => under.delete(work))
      under.add(work)
    },
    async signInAgain(since) {
      const young = people.filter(({ signedInAt }) => signedInAt >= since)
      for (const { number } of young) await site.signIn(number).catch(() => undefined)
    },
    tally: () => counts,
    async close() {
      isClosing = true
      await Promise.all(under)
    },
  }
}

function scopeOf({ scope }: Extract<Step, { step: 'lockdown' }>, people: Site['people']): string {
  if (scope === 'all') return 'all'
  if ('endpoint' in scope) return `endpoint:${endpointIds[scope.endpoint] ?? ''}`
  return `principal:${people[scope.person]?.email ?? ''}`
}

/** Of an error of ours, or of what a command printed. */
function codeOf(error: unknown): string {
  if (error instanceof GatehouseError) return error.code
  const code = error instanceof CommandFailed ? /"code": *"([a-z-]+)"/.exec(error.output)?.[1] : undefined
  return code ?? `unknown: ${String(error).slice(0, 200)}`
}

interface Workshop {
  breakOnce(breakage: Breakage): Promise<void>
  hasHadEach(): boolean
  tally(): Partial<Record<FaultKind, number>>
  summary(): string
}

/** Breaks one thing at a time, and puts it right. */
function openWorkshop(
  site: Site,
  offices: Offices,
  keep: (fault: Fault) => void,
  problems: string[],
): Workshop {
  const { redis, machine } = site
  const counts: Partial<Record<FaultKind, number>> = {}
  const restart = async (
    instance: Instance,
    signal: 'SIGTERM' | 'SIGKILL',
    afterMs: number,
  ): Promise<void> => {
    const status = await instance.stop(signal)
    if (signal === 'SIGTERM' && status !== 0)
      problems.push(`${instance.name} ended with ${String(status)} when it was stopped`)
    await pause(afterMs)
    await instance.start()
  }
  const kinds: Readonly<Record<FaultKind, (breakage: Breakage, instance: Instance) => Promise<void>>> = {
    'redis-frozen': async ({ lastsMs }) => {
      const { process: frozen } = redis
      frozen.kill('SIGSTOP')
      await pause(lastsMs)
      frozen.kill('SIGCONT')
    },
    'redis-killed': async ({ lastsMs }) => {
      await redis.kill()
      await pause(lastsMs)
      await redis.restart()
    },
    'redis-rolled-back': async ({ backupAgeMs }) => {
      const copiedAt = Date.now()
      const restore = await redis.backUp()
      await pause(backupAgeMs)
      await restore()
      await offices.signInAgain(copiedAt)
    },
    'instance-frozen': async ({ lastsMs }, instance) => {
      instance.signal('SIGSTOP')
      await pause(lastsMs)
      instance.signal('SIGCONT')
    },
    'instance-killed': ({ lastsMs }, instance) => restart(instance, 'SIGKILL', lastsMs),
    'instance-stopped': ({ lastsMs }, instance) => restart(instance, 'SIGTERM', lastsMs),
    'machine-dead': async ({ lastsMs }) => {
      await machine.ask('become', 'dead')
      await pause(lastsMs)
      await machine.ask('become', 'well')
    },
    'machine-silent': async ({ lastsMs }) => {
      await machine.ask('become', 'silent')
      await pause(lastsMs)
      await machine.ask('become', 'well')
    },
  }
  return {
    async breakOnce(breakage) {
      const { kind } = breakage
      const instance = site.instances[breakage.instance]
      const isAboutOne = kind.startsWith('instance-')
      const from = Date.now()
      await kinds[kind](breakage, instance)
      keep({ kind, instance: isAboutOne ? instance.name : '', from, until: Date.now() })
      counts[kind] = (counts[kind] ?? 0) + 1
    },
    hasHadEach: () => faultKinds.every((kind) => (counts[kind] ?? 0) > 0),
    tally: () => counts,
    summary: () =>
      faultKinds
        .filter((kind) => counts[kind] !== undefined)
        .map((kind) => `${counts[kind] ?? 0} ${kind}`)
        .join(', '),
  }
}
