import type { MemorySample } from './day.js'

/** What one process used, once it had warmed up: as a median of either half of its time. */
export interface MemoryFinding {
  readonly instance: string
  readonly minutes: number
  readonly firstHalfMiB: number
  readonly secondHalfMiB: number
  readonly isFlat: boolean
}

/** Code, pools and caches come first; so long nothing is counted. */
const warmUpMs = 60_000
/** Less shows nothing. */
const leastMs = 60_000
/** Resident memory follows the heap in steps of many MiB. */
const growthMiB = 24
const growthShare = 0.15

/** Of the longest that lived, one for each instance; none for those that were restarted too late to tell. */
export function judgeMemory(samples: readonly MemorySample[]): MemoryFinding[] {
  const lives = new Map<number, MemorySample[]>()
  for (const sample of samples) lives.set(sample.processId, [...(lives.get(sample.processId) ?? []), sample])
  const longest = new Map<string, MemorySample[]>()
  for (const life of lives.values()) {
    const begin = life[0]?.atMs ?? 0
    const counted = life.filter(({ atMs }) => atMs >= begin + warmUpMs)
    const name = life[0]?.instance ?? ''
    if (spanOf(counted) >= leastMs && spanOf(counted) > spanOf(longest.get(name) ?? []))
      longest.set(name, counted)
  }
  return [...longest].map(([instance, counted]) => judge(instance, counted))
}

function judge(instance: string, counted: readonly MemorySample[]): MemoryFinding {
  const middle = Math.floor(counted.length / 2)
  const firstHalfMiB = medianMiB(counted.slice(0, middle))
  const secondHalfMiB = medianMiB(counted.slice(middle))
  const isFlat = secondHalfMiB - firstHalfMiB <= Math.max(growthMiB, growthShare * firstHalfMiB)
  return { instance, minutes: spanOf(counted) / 60_000, firstHalfMiB, secondHalfMiB, isFlat }
}

const spanOf = (samples: readonly MemorySample[]): number =>
  (samples.at(-1)?.atMs ?? 0) - (samples[0]?.atMs ?? 0)

function medianMiB(samples: readonly MemorySample[]): number {
  const sorted = samples.map(({ residentBytes }) => residentBytes).sort((a, b) => a - b)
  return (sorted[Math.floor(sorted.length / 2)] ?? NaN) / 2 ** 20
}
