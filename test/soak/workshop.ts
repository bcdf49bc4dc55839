import { setTimeout as pause } from 'node:timers/promises'
import { faultKinds, type Fault, type FaultKind } from './evidence.js'
import type { Offices } from './offices.js'
import type { Breakage } from './plan.js'
import type { Instance, Site } from './site.js'

export interface Workshop {
  breakOnce(breakage: Breakage): Promise<void>
  hasHadEach(): boolean
  tally(): Partial<Record<FaultKind, number>>
  summary(): string
}

/** Breaks one thing at a time, and puts it right. */
export function openWorkshop(
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
