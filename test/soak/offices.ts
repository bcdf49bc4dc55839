import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { GatehouseError } from '../../src/lib/index.js'
import type { Actor } from '../../src/model.js'
import { files, type Act } from './evidence.js'
import type { Step } from './plan.js'
import { CommandFailed, endpointIds, type Instance, type Site } from './site.js'

const operator: Actor = { kind: 'operator', account: 'soak' }
/** Who is told that it is in force on one host only tries again, as people would. */
const askAgainMs = 300

export interface Offices {
  /** Begins a step, and all that follows from it. */
  take(step: Step): void
  /** Signs everybody in again whose session is younger. */
  signInAgain(since: number): Promise<void>
  tally(): Record<string, number>
  close(): Promise<void>
}

/** Administrators, each of whom writes down what they asked for and what they were told. */
export function openOffices(site: Site, folder: string): Offices {
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
      const outcome = code === 'stopped-here-only' || code === 'stopped-until-restart' ? 'here' : 'failed'
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
      ...{ to: person.email, from, until, access: step.access, ending: step.ending },
      reason: 'a day of the soak',
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
        services.grants.extend(grant.id, until + extended.byMs, 'work goes on', operator),
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
