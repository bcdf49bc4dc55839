import type { Clock, Timer } from '../lib/index.js'
import type { Ledger } from '../audit/index.js'

/** What was not even a question. */
export interface Refused {
  readonly requestId: string
  /** The client's address. */
  readonly source: string
  /** The rule that was broken, by name. */
  readonly detail: string
}

/** Writes down what was turned away, so that nobody who floods us floods the ledger as well. */
export interface Refusals {
  /** @throws GatehouseError `ledger-unavailable` */
  record(refused: Refused): Promise<void>
  /** Writes down what was only counted so far. */
  close(): void
}

/** Lines of their own, for one source and rule; how many more there were is said once, at the end of the minute. */
const singlyAtMost = 20
const spanMs = 60_000
/** Pairs of source and rule that are told apart within a minute. */
const rememberedAtMost = 2_000
const others = 'others'

export function createRefusals({ clock, ledger }: { clock: Clock; ledger: Ledger }): Refusals {
  const counts = new Map<string, { source: string; detail: string; requests: number }>()
  let since = 0
  let timer: Timer | null = null

  const countOf = (source: string, detail: string): { requests: number } => {
    const key = `${source} ${detail}`
    const known = counts.get(key)
    if (known !== undefined) return known
    if (counts.size >= rememberedAtMost && source !== others) return countOf(others, others)
    const count = { source, detail, requests: 0 }
    counts.set(key, count)
    return count
  }
  const summarise = (): void => {
    timer?.cancel()
    timer = null
    for (const { source, detail, requests } of counts.values()) {
      const more = requests - singlyAtMost
      if (more > 0) ledger.note({ event: 'request.refusals', source, detail, requests: more, since })
    }
    counts.clear()
  }

  return {
    async record({ requestId, source, detail }) {
      if (timer === null) {
        since = clock.now()
        timer = clock.after(spanMs, summarise)
      }
      const count = countOf(source, detail)
      count.requests += 1
      if (count.requests <= singlyAtMost)
        await ledger.request({ event: 'request.refused', requestId, source, detail })
    },
    close: summarise,
  }
}
