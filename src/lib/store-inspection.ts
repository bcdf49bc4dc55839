import { systemClock } from './clock.js'
import { GatehouseError } from './errors.js'
import { describeError, type Logger } from './logger.js'
import type { Store } from './redis.js'
import { clockToleranceMs, type SteadyClock, type Witness } from './steady-clock.js'
import {
  blocking,
  judgeStore,
  settingNames,
  warning,
  type Finding,
  type StoreFacts,
} from './store-demands.js'

/** Whether Redis and the clock are as Gatehouse needs them: see `store-demands.ts` and `steady-clock.ts`. */
export interface Inspection {
  /**
   * Looks now.
   * @throws GatehouseError `store-unavailable`
   */
  look(): Promise<readonly Finding[]>
  /** As of the last look that succeeded. */
  found(): readonly Finding[]
  /** Whether a look has found nothing blocking, now or before. */
  wasFit(): boolean
  /**
   * Before anything new is given.
   * @throws GatehouseError `clock-untrusted`, `store-unfit`, `store-unavailable`
   */
  assertFit(): Promise<void>
  /** Looks once a second: Redis may be restarted with another configuration. Resolves after the first try. */
  begin(): Promise<() => void>
}

export interface InspectionOptions {
  readonly store: Store
  readonly clock: SteadyClock
  readonly logger: Logger
  /** What Redis says the time is where time is a test's; null where nothing can be compared. */
  readonly storeTime?: (() => number) | null | undefined
}

const everyMs = 1_000
/** After a look that failed: nobody is let in before the clock has been compared. */
const againMs = 100

export function createInspection({ store, clock, logger, storeTime }: InspectionOptions): Inspection {
  let last: readonly Finding[] = []
  let wasFit = false

  /** Says what is new, and what is over: not once a second. */
  const report = (findings: readonly Finding[]): void => {
    const isIn = (list: readonly Finding[], { code }: Finding): boolean =>
      list.some((other) => other.code === code)
    for (const finding of findings.filter((each) => !isIn(last, each)))
      logger[finding.isBlocking ? 'error' : 'warn'](finding.text, { code: finding.code })
    for (const { code } of last.filter((each) => !isIn(findings, each)))
      logger.info('is as it should be again', { code })
    last = findings
  }
  const look = async (): Promise<readonly Finding[]> => {
    const { witness, facts } = await readStore(store, clock)
    const findings = [...judgeClock(clock, storeTime, witness), ...judgeStore(facts)]
    report(findings)
    wasFit ||= !findings.some(({ isBlocking }) => isBlocking)
    return findings
  }

  return {
    look,
    found: () => last,
    wasFit: () => wasFit,
    assertFit: async () => {
      const first = (await look()).find(({ isBlocking }) => isBlocking)
      if (first === undefined) return
      const isClock = first.code.startsWith('clock-')
      throw new GatehouseError(
        isClock ? 'clock-untrusted' : 'store-unfit',
        isClock
          ? 'Nothing new can be given: the clock of this host cannot be trusted right now. The log says why.'
          : 'Nothing new can be given: Redis is not as Gatehouse needs it. The log says why.',
        { cause: new Error(first.text) },
      )
    },
    begin: async () => {
      let isStopped = false
      let timer = { cancel: (): void => undefined }
      const round = async (): Promise<void> => {
        const delayMs = await look().then(
          () => everyMs,
          (error: unknown) => {
            logger.debug('redis cannot be inspected', { problem: describeError(error) })
            return againMs
          },
        )
        if (!isStopped) timer = systemClock.after(delayMs, () => void round())
      }
      await round()
      return () => {
        isStopped = true
        timer.cancel()
      }
    },
  }
}

async function readStore(
  store: Store,
  clock: SteadyClock,
): Promise<{ witness: Witness | null; facts: StoreFacts }> {
  return store.run(async (redis) => {
    const askedAt = clock.monotonic()
    // All at once and the time first: what else is asked must not lengthen its round trip.
    const [witness, info, ...settings] = await Promise.all([
      unlessRefused(redis.time().then((reply) => readTime(reply, askedAt, clock.monotonic()))),
      unlessRefused(redis.info()),
      ...settingNames.map((name) => unlessRefused(redis.config('GET', name))),
    ])
    const values = settings.map((reply) =>
      Array.isArray(reply) && typeof reply[1] === 'string' ? reply[1] : null,
    )
    const named = Object.fromEntries(settingNames.map((name, at) => [name, values[at] ?? null]))
    return { witness, facts: { info, settings: named as StoreFacts['settings'] } }
  })
}

/** Seconds, and the microseconds beyond them. */
function readTime(reply: readonly (number | string)[], askedAt: number, answeredAt: number): Witness {
  return { time: Number(reply[0]) * 1_000 + Math.floor(Number(reply[1]) / 1_000), askedAt, answeredAt }
}

/** Null for what this Redis, or its list of rights, does not allow; a Redis that is gone still fails. */
async function unlessRefused<T>(reply: Promise<T>): Promise<T | null> {
  try {
    return await reply
  } catch (error) {
    if (error instanceof Error && error.name === 'ReplyError') return null
    throw error
  }
}

function judgeClock(
  clock: SteadyClock,
  storeTime: InspectionOptions['storeTime'],
  read: Witness | null,
): Finding[] {
  const at = clock.monotonic()
  const isFake = storeTime !== undefined
  const faked = storeTime == null ? null : { time: storeTime(), askedAt: at, answeredAt: at }
  const witness = isFake ? faked : read
  const { standing, skewMs } = clock.compare(witness)
  const seconds = (Math.abs(skewMs) / 1_000).toFixed(1)
  if (standing === 'skewed')
    return [
      blocking(
        'clock-skewed',
        `The clock of this host is ${seconds} s ${skewMs > 0 ? 'ahead of' : 'behind'} that of Redis, over ${clockToleranceMs / 1_000} s apart: grants could begin and end at a wrong time. See which is wrong, and have both hosts ask the same time server (chronyc tracking, timedatectl).`,
      ),
    ]
  if (standing === 'set-back')
    return [
      blocking(
        'clock-set-back',
        'The clocks of this host and of Redis were both set back while Gatehouse ran; it goes on by the time from before, so that nobody gets more of it. When you are sure that the clocks are right now, restart Gatehouse.',
      ),
    ]
  if (witness === null && !isFake)
    return [
      warning(
        'clock-unseen',
        'TIME is not open to Gatehouse, so its clock cannot be compared with that of Redis. Allow it: ACL SETUSER <user> +time',
      ),
    ]
  return []
}
