import type { Config } from '../src/config/index.js'
import { principalId } from '../src/identity/index.js'
import { systemClock, type Clock, type Logger } from '../src/lib/index.js'
import { openServices } from '../src/main.js'
import type { Approver } from '../src/grants/index.js'
import type { Actor, Principal } from '../src/model.js'
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

const minuteMs = 60_000
const hourMs = 60 * minuteMs
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

/** What was asked for, and what came of it. */
interface Asked {
  readonly hoursAgo: number
  readonly hours: number
  readonly endpoints: readonly string[]
  readonly reason: string
  readonly ticket: string | null
  readonly access: 'view' | 'operate'
  readonly answer: 'yes' | 'none' | { readonly no: string }
}

const asked: readonly Asked[] = [
  {
    ...{ hoursAgo: 28 * 24, hours: 2, endpoints: ['labeller-1'], ticket: 'DEMO-0919', access: 'operate' },
    reason: 'Label offset after the change of bottles',
    answer: 'none',
  },
  {
    ...{ hoursAgo: 8 * 24, hours: 3, endpoints: ['filler-1'], ticket: 'DEMO-1002', access: 'operate' },
    reason: 'New recipe for the half-litre bottle',
    answer: { no: 'The line runs an order until Friday. Ask again for Saturday.' },
  },
  {
    ...{ hoursAgo: 5 * 24, hours: 2, endpoints: ['labeller-1'], ticket: 'DEMO-1019', access: 'operate' },
    reason: 'Recipe of the new bottle on the labeller',
    answer: 'yes',
  },
  {
    ...{ hoursAgo: 0.2, hours: 2, endpoints: ['labeller-1'], ticket: 'DEMO-1044', access: 'operate' },
    reason: 'The labeller loses its sensor now and then',
    answer: 'none',
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
  { vendor, approver }: Readonly<Record<'vendor' | 'approver', ProviderAccount>>,
): Promise<void> {
  let at = systemClock.now()
  const clock: Clock = { ...systemClock, now: () => at, monotonic: () => at }
  const services = await openServices(config, { clock, logger, writer: 'history' })
  const operator: Actor = { kind: 'operator', account: 'demo' }
  try {
    const { grants, requests, store } = services
    await store.untilReady(5_000)
    if ((await grants.list()).length > 0) return
    const now = at
    for (const { daysAgo, hours, revokedFor, ...terms } of visits) {
      at = now - daysAgo * dayMs
      const request = { ...terms, to: vendor.email, from: at, until: at + hours * hourMs }
      const recipient = { principalId: principalId(issuer, vendor.subject) }
      const { id } = await grants.issue(request, operator, recipient)
      at += (hours * hourMs) / 2
      if (revokedFor !== undefined) await grants.revoke(id, revokedFor, operator)
    }
    for (const { hoursAgo, hours, answer, ...wanted } of asked) {
      at = now - hoursAgo * hourMs
      const terms = { ...wanted, groups: [], from: null, lengthMs: hours * hourMs }
      const { id } = await requests.ask(terms, personOf(issuer, vendor))
      at += minuteMs
      const { id: principal, email } = personOf(issuer, approver)
      const by: Approver = {
        actor: { kind: 'principal', principalId: principal, email },
        roles: ['approver'],
        hasFreshCode: true,
      }
      if (answer === 'yes') await requests.approve(id, by, {})
      else if (answer !== 'none') await requests.deny(id, by, answer.no)
    }
    at = now
    await requests.tidy()
  } finally {
    await services.close()
  }
}

function personOf(issuer: string, { subject, email, name }: ProviderAccount): Principal {
  return { id: principalId(issuer, subject), issuer, subject, email, name }
}
