import type { Config } from '../src/config/index.js'
import { principalId } from '../src/identity/index.js'
import { systemClock, type Clock, type Logger } from '../src/lib/index.js'
import { openServices } from '../src/main.js'
import type { Actor } from '../src/model.js'
import type { ProviderAccount } from './identity-provider.js'

/** Work that was done before the newcomer came. */
interface Visit {
  readonly daysAgo: number
  readonly hours: number
  readonly endpoints: readonly string[]
  readonly reason: string
  readonly ticket: string | null
  readonly access?: 'view' | 'operate'
  /** Why somebody ended it half-way. */
  readonly revokedFor?: string
}

const hourMs = 3_600_000
const dayMs = 24 * hourMs

const visits: readonly Visit[] = [
  {
    ...{ daysAgo: 41, hours: 3, endpoints: ['filler-1'], ticket: 'DEMO-0871' },
    reason: 'Commissioning of the new dosing valve',
  },
  {
    ...{ daysAgo: 27, hours: 2, endpoints: ['filler-1', 'labeller-1'], ticket: 'DEMO-0923' },
    reason: 'Label offset after the change of bottles',
  },
  {
    ...{ daysAgo: 12, hours: 4, endpoints: ['historian'], ticket: null, access: 'view' },
    reason: 'Trend of the tank level for the trip report',
  },
  {
    ...{ daysAgo: 6, hours: 2, endpoints: ['labeller-1'], ticket: 'DEMO-1017' },
    reason: 'Sensor of the labeller reads too low',
    revokedFor: 'The line was started for an order, work goes on next week',
  },
  {
    ...{ daysAgo: 1, hours: 1, endpoints: ['filler-1'], ticket: 'DEMO-1038', access: 'view' },
    reason: 'A first look at the low level trips',
  },
]

/**
 * Gives a fresh demo a past, so that no page is empty: through the same calls as ever, only at another time.
 * To be called before Gatehouse runs, since two ledgers of one writer would get into each other’s way.
 */
export async function seedHistory(
  config: Config,
  logger: Logger,
  issuer: string,
  holder: ProviderAccount,
): Promise<void> {
  let at = systemClock.now()
  const clock: Clock = { ...systemClock, now: () => at, monotonic: () => at }
  const services = await openServices(config, { clock, logger, writer: 'history' })
  const operator: Actor = { kind: 'operator', account: 'demo' }
  try {
    const { grants, store } = services
    await store.untilReady(5_000)
    if ((await grants.list()).length > 0) return
    const now = at
    for (const { daysAgo, hours, revokedFor, ...terms } of visits) {
      at = now - daysAgo * dayMs
      const request = { ...terms, to: holder.email, from: at, until: at + hours * hourMs }
      const recipient = { principalId: principalId(issuer, holder.subject) }
      const { id } = await grants.issue(request, operator, recipient)
      at += (hours * hourMs) / 2
      if (revokedFor !== undefined) await grants.revoke(id, revokedFor, operator)
    }
  } finally {
    await services.close()
  }
}
