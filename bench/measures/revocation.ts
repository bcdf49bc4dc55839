// How long somebody whose grant is revoked still gets through.
import { setTimeout as pause } from 'node:timers/promises'
import { startChild, type Child } from '../children.js'
import type { ClientAnswers } from '../clients/main.js'
import { monotonicMs } from '../kernel.js'
import { beginLoad, connections, endLoad, measureLoad, warmUpSeconds } from '../load.js'
import { atMost, type Findings, type Measure } from '../measure.js'
import { percentile } from '../numbers.js'
import { askAsEach, cookieOf, endpointIds, wordRequest, type RunningServer, type Site } from '../site.js'

/** Milliseconds. */
interface Revocation {
  /** From the call to its return: durable in the ledger, written in Redis, confirmed by the gateway. */
  readonly call: number
  readonly writtenToRefused: number
  readonly returnedToRefused: number
  /** Whether a request that was sent after the return was let through. */
  readonly isLate: boolean
}

/** So that one of them is always on its way. */
const askers = 4

export const revocation: Measure = {
  name: 'revocation',
  about: 'from revoking a grant to the first refusal, idle and at full load',
  needsNginx: false,
  async run({ site, clients, isQuick, say }) {
    const count = isQuick ? 20 : 300
    const gate = await site.startGatehouse()
    const asker = await startChild<ClientAnswers>('clients/main.ts')
    const revoke = await prepare(site, gate, asker)
    const repeat = async (): Promise<Revocation[]> => {
      const found: Revocation[] = []
      while (found.length < count) found.push(await revoke())
      return found
    }
    await beginLoad(clients, askAsEach(site, gate))
    say('warming up')
    await measureLoad(clients, warmUpSeconds(isQuick))
    say(`${count} at full load`)
    const saturated = await repeat()
    await endLoad(clients)
    say(`${count} idle`)
    const idle = await repeat()
    await asker.close()
    await gate.close()
    return report({ idle, saturated })
  },
}

/** @returns one revocation by another process than the gateway's, as the command line does it */
async function prepare(site: Site, { port }: RunningServer, asker: Child<ClientAnswers>) {
  const [, endpointId = ''] = endpointIds
  const visitor = await site.signIn('cleo')
  const request = wordRequest(cookieOf(await visitor.pass(endpointId)), { endpointId })
  const asked = { port, request, authority: null }
  return async (): Promise<Revocation> => {
    const grantId = await visitor.grant(endpointId)
    await asker.ask('askOn', { asked, connections: askers })
    // At any moment of whatever the gateway does at intervals.
    await pause(Math.random() * 50)
    const redisAhead = await redisAheadMs(site)
    const calledAt = monotonicMs()
    await site.revoke(grantId)
    const returnedAt = monotonicMs()
    const { firstRefusedAt, lastPermittedSentAt } = await asker.ask('refusal', null)
    return {
      call: returnedAt - calledAt,
      writtenToRefused: firstRefusedAt - ((await lastChangeAt(site)) - redisAhead),
      returnedToRefused: firstRefusedAt - returnedAt,
      isLate: lastPermittedSentAt > returnedAt,
    }
  }
}

/** How far the clock of Redis is ahead of ours: of several questions, by the one that took the least time. */
async function redisAheadMs({ store }: Site): Promise<number> {
  const guesses: { readonly took: number; readonly ahead: number }[] = []
  for (let number = 0; number < 5; number += 1) {
    const before = monotonicMs()
    const [seconds, micros] = await store.run((redis) => redis.time())
    const after = monotonicMs()
    const ahead = Number(seconds) * 1000 + Number(micros) / 1000 - (before + after) / 2
    guesses.push({ took: after - before, ahead })
  }
  guesses.sort((a, b) => a.took - b.took)
  return guesses[0]?.ahead ?? NaN
}

/** By the clock of Redis, whole milliseconds: up to one too early, so what is measured from it is no less. */
async function lastChangeAt({ store }: Site): Promise<number> {
  const [last] = await store.run((redis) => redis.xrevrange(store.key('changes'), '+', '-', 'COUNT', 1))
  return Number(last?.[0].split('-')[0])
}

function report(found: Readonly<Record<'idle' | 'saturated', readonly Revocation[]>>): Findings {
  const of = (load: 'idle' | 'saturated', field: 'call' | 'writtenToRefused' | 'returnedToRefused') => {
    const sorted = found[load].map((one) => one[field]).sort((a, b) => a - b)
    return { p50: percentile(sorted, 0.5), p99: percentile(sorted, 0.99), worst: percentile(sorted, 1) }
  }
  const row = (label: string, load: 'idle' | 'saturated'): string[] => {
    const [call, written, returned] = [
      of(load, 'call'),
      of(load, 'writtenToRefused'),
      of(load, 'returnedToRefused'),
    ]
    const figures = [written.p50, written.p99, written.worst, returned.p99, call.p50, call.p99]
    return [label, ...figures.map((ms) => ms.toFixed(1))]
  }
  const late = [...found.idle, ...found.saturated].filter(({ isLate }) => isLate).length
  return {
    title: 'From revocation to refusal',
    text: `${found.idle.length} revocations each, by another process than the gateway's, as the command line makes them, of a grant whose holder asks without a pause over ${askers} connections; idle, and beside the load of ${connections} connections of others. *Written* runs from the write in Redis to the first 403 at the client, and is up to 1 ms too long, because Redis notes whole milliseconds. *Returned* runs from the return of the call to the first 403 and is negative where the refusal came first: the call waits until every instance has followed. *Call* is the whole call, with its durable record in the ledger. Requests let through that were sent after the return: ${late}.`,
    table: {
      head: ['', 'written: p50 ms', 'p99', 'worst', 'returned: p99 ms', 'call: p50 ms', 'p99'],
      rows: [row('idle', 'idle'), row('full load', 'saturated')],
    },
    verdicts: [
      atMost('Revocation to first refusal, idle, p99', 5, of('idle', 'writtenToRefused').p99, ' ms'),
      atMost(
        'Revocation to first refusal, full load, p99',
        20,
        of('saturated', 'writtenToRefused').p99,
        ' ms',
      ),
      atMost('Let through after the revocation had returned', 0, late, '', 0),
    ],
    figures: found,
  }
}
