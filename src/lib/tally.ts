import type { Clock, Timer } from './clock.js'

/** How often something happened within the last minute, by source and kind, beyond what was told singly. */
export interface More {
  /** The client's address. */
  readonly source: string
  readonly kind: string
  readonly count: number
  readonly since: number
}

/** Keeps who floods us from flooding the ledger as well. */
export interface Tally {
  /** Whether it is to have a line of its own. */
  count(source: string, kind: string): boolean
  /** Tells what was only counted so far. */
  close(): void
}

/** Lines of their own, for one source and kind; how many more there were is told once, at the end of the minute. */
const singlyAtMost = 20
const spanMs = 60_000
/** Pairs of source and kind that are told apart within a minute. */
const rememberedAtMost = 2_000
const others = 'others'

export function createTally({ clock, tell }: { clock: Clock; tell: (more: More) => void }): Tally {
  const counts = new Map<string, { source: string; kind: string; count: number }>()
  let since = 0
  let timer: Timer | null = null

  const entryOf = (source: string, kind: string): { count: number } => {
    const key = `${source} ${kind}`
    const known = counts.get(key)
    if (known !== undefined) return known
    if (counts.size >= rememberedAtMost && source !== others) return entryOf(others, others)
    const entry = { source, kind, count: 0 }
    counts.set(key, entry)
    return entry
  }
  const summarise = (): void => {
    timer?.cancel()
    timer = null
    for (const { source, kind, count } of counts.values())
      if (count > singlyAtMost) tell({ source, kind, count: count - singlyAtMost, since })
    counts.clear()
  }

  return {
    count(source, kind) {
      if (timer === null) {
        since = clock.now()
        timer = clock.after(spanMs, summarise)
      }
      const entry = entryOf(source, kind)
      entry.count += 1
      return entry.count <= singlyAtMost
    },
    close: summarise,
  }
}
