import { createTally, type Clock } from '../lib/index.js'
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

export function createRefusals({ clock, ledger }: { clock: Clock; ledger: Ledger }): Refusals {
  const tally = createTally({
    clock,
    tell: ({ source, kind, count, since }) => {
      ledger.note({ event: 'request.refusals', source, detail: kind, requests: count, since })
    },
  })
  return {
    async record({ requestId, source, detail }) {
      if (tally.count(source, detail))
        await ledger.request({ event: 'request.refused', requestId, source, detail })
    },
    close: () => {
      tally.close()
    },
  }
}
