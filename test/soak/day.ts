import { appendFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as pause } from 'node:timers/promises'
import { residentBytesOf } from '../../bench/kernel.js'
import { files, type Fault, type FaultKind } from './evidence.js'
import { openOffices, type Offices } from './offices.js'
import { breakagesOf, stepsOf, type PlanOptions } from './plan.js'
import { endpointIds, peopleCount, type Site } from './site.js'
import { openWorkshop, type Workshop } from './workshop.js'

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

const connections = 96
const websockets = 24
const sampleEveryMs = 1_000
const lookEveryMs = 20
const lateMs = 100

/** Lives through a day and leaves its evidence in the folder. */
export async function liveDay(site: Site, options: DayOptions): Promise<Day> {
  const { folder, seed } = options
  const problems: string[] = []
  const keepFault = (fault: Fault): void => {
    appendFileSync(join(folder, files.faults), `${JSON.stringify(fault)}\n`)
  }
  const stopLooking = watchHost(keepFault)
  const offices = openOffices(site, folder)
  const workshop = openWorkshop(site, offices, keepFault, problems)
  const ports = site.instances.map(({ port }) => port)
  await site.clients.ask('start', { seed, connections, websockets, ports })

  const day: Running = { began: performance.now(), isOver: false }
  const [samples] = await Promise.all([
    watchDay(site, workshop, options, day),
    administrate(offices, options, day),
    breakThings(workshop, options, day),
  ]).finally(() => (day.isOver = true))
  await offices.close()
  const lastedMs = elapsed(day)
  await site.clients.ask('stop', null, 30_000)
  for (const instance of site.instances) {
    const status = await instance.stop('SIGTERM')
    if (status !== 0) problems.push(`${instance.name} ended with ${String(status)} when it was stopped`)
  }
  stopLooking()
  await site.machine.ask('close', null)
  await site.services.close()
  const { answered, statuses } = await site.clients.ask('counts', null)
  const tallies = { faults: workshop.tally(), acts: offices.tally() }
  return { lastedMs, answered, statuses, samples, problems, ...tallies }
}

interface Running {
  readonly began: number
  isOver: boolean
}

const elapsed = ({ began }: Running): number => performance.now() - began

function planOf({ seed, faultGapMs }: DayOptions): PlanOptions {
  return { seed, faultGapMs, people: peopleCount, endpoints: endpointIds.length }
}

/** @returns whether it has come; false when the day is over before */
async function hasCome(atMs: number, day: Running): Promise<boolean> {
  while (!day.isOver && elapsed(day) < atMs) await pause(Math.min(100, Math.max(1, atMs - elapsed(day))))
  return !day.isOver
}

async function administrate(offices: Offices, options: DayOptions, day: Running): Promise<void> {
  for (const step of stepsOf(planOf(options))) {
    if (!(await hasCome(step.atMs, day))) return
    offices.take(step)
  }
}

async function breakThings(workshop: Workshop, options: DayOptions, day: Running): Promise<void> {
  for (const breakage of breakagesOf(planOf(options))) {
    const { kind, gapMs } = breakage
    if (!(await hasCome(elapsed(day) + gapMs, day))) return
    const isRestart = kind === 'instance-killed' || kind === 'instance-stopped'
    const isTooLate = elapsed(day) >= options.restartsUntilMs && workshop.tally()[kind] !== undefined
    if (!isRestart || !isTooLate) await workshop.breakOnce(breakage)
  }
}

/** Ends the day, and says what the instances used until then. */
async function watchDay(
  { clients, instances }: Site,
  workshop: Workshop,
  { requests, limitMs, say }: DayOptions,
  day: Running,
): Promise<MemorySample[]> {
  const samples: MemorySample[] = []
  for (let second = 1; elapsed(day) < limitMs; second += 1) {
    if (!(await hasCome(second * sampleEveryMs, day))) break
    const { answered } = await clients.ask('counts', null)
    for (const { name, processId } of instances) {
      const residentBytes = residentOrNone(processId)
      if (residentBytes !== null)
        samples.push({ atMs: elapsed(day), instance: name, processId, residentBytes })
    }
    if (second % 10 === 0) say(`${answered} answered, ${workshop.summary()}`)
    if (answered >= requests && workshop.hasHadEach()) break
  }
  day.isOver = true
  return samples
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

function residentOrNone(processId: number): number | null {
  try {
    const bytes = residentBytesOf(processId)
    return Number.isNaN(bytes) ? null : bytes
  } catch {
    return null // it has just ended
  }
}
