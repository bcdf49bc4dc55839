import { randomInt } from 'node:crypto'
import type { Clock, Logger } from '../lib/index.js'
import type { Channel, Delivery } from './notice.js'
import type { Queue } from './queue.js'

/** Carries what is queued to where it belongs, and knows when to stop trying. */
export interface Courier {
  /** Sends what is due, a few at a time, until nothing is or `mayGoOn` says no. Never throws. */
  carry(): Promise<void>
  /** Breaks off what is under way: it is sent again later. */
  close(): Promise<void>
}

const firstPauseMs = 30_000
const longestPauseMs = 4 * 3_600_000
/** By then what it says is no news any more. */
const triedForMs = 24 * 3_600_000

/**
 * How long to wait after an attempt failed: twice as long each time, from half a minute to four hours, and a fifth
 * more or less, so that a server that comes back is not met by everything at once.
 *
 * @param attempts how many have failed, 1 or more
 */
export function pauseAfter(attempts: number): number {
  const pause = Math.min(firstPauseMs * 2 ** Math.min(attempts - 1, 20), longestPauseMs)
  return Math.round(pause * (0.8 + randomInt(401) / 1_000))
}

export function createCourier(options: {
  queue: Queue
  channels: readonly Channel[]
  clock: Clock
  logger: Logger
  mayGoOn: () => boolean
  onFailure: (error: unknown) => void
}): Courier {
  const { queue, channels, clock, logger, mayGoOn, onFailure } = options
  const underWay = new Set<string>()
  const workers = new Map<Channel, Set<Promise<void>>>()
  const closing = new AbortController()

  const settle = async (delivery: Delivery): Promise<void> => {
    const channel = channels.find(({ name }) => name === delivery.channel)
    if (channel === undefined) return
    const outcome = await channel.send(delivery, closing.signal)
    if (closing.signal.aborted && outcome.kind !== 'sent') return
    const { id } = delivery
    const about = { id, kind: delivery.notice.kind, channel: channel.name }
    if (outcome.kind === 'sent') {
      await queue.sent(delivery)
      logger.info('notifications: sent', about)
      return
    }
    const { problem } = outcome
    const attempts = delivery.attempts + 1
    const tried = { ...delivery, attempts, problem }
    const next = clock.now() + pauseAfter(attempts)
    // From the retry on: else one that was given up for its age would be given up again at once.
    const triedSince = delivery.retriedAt ?? delivery.madeAt
    if (outcome.kind === 'refused' || next > triedSince + triedForMs) {
      await queue.giveUp(tried)
      logger.error('notifications: given up', { ...about, attempts, problem })
    } else {
      await queue.postpone(tried, next)
      logger.warn('notifications: not sent, will be tried again', { ...about, attempts, problem })
    }
  }

  const takeOne = async (channel: Channel): Promise<boolean> => {
    // As many more as are under way: those are still listed as due.
    const due = await queue.due(channel.name, 2 * channel.parallel)
    const next = due.find(({ id }) => !underWay.has(id))
    if (next === undefined) return false
    underWay.add(next.id)
    try {
      await settle(next)
    } finally {
      underWay.delete(next.id)
    }
    return true
  }
  const work = async (channel: Channel): Promise<void> => {
    try {
      while (!closing.signal.aborted && mayGoOn() && (await takeOne(channel)));
    } catch (error) {
      onFailure(error)
    }
  }

  return {
    async carry() {
      for (const channel of channels) {
        const running = workers.get(channel) ?? new Set()
        workers.set(channel, running)
        while (running.size < channel.parallel) {
          const worker: Promise<void> = work(channel).finally(() => running.delete(worker))
          running.add(worker)
        }
      }
      await Promise.all([...workers.values()].flatMap((running) => [...running]))
    },
    async close() {
      closing.abort()
      await Promise.all([...workers.values()].flatMap((running) => [...running]))
    },
  }
}
