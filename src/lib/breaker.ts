/**
 * Stands before somebody who may stop answering. Each question has a limit; once one has been left unanswered for
 * that long, no other is asked, since all that wait would hold memory and be asked at once later. A probe finds
 * out when it is over.
 */
export interface Breaker {
  /** Fails at once while it is open. */
  run<T>(work: () => Promise<T>): Promise<T>
  isOpen(): boolean
  /** For good. */
  stop(): void
}

export interface BreakerOptions {
  readonly limitMs: number
  /** One small question. */
  readonly probe: () => Promise<unknown>
  /** The connection may be dead without knowing it: behind a cut line nothing ever arrives, not even an end. */
  readonly reconnect: () => void
}

const probeLimitMs = 1_000
const betweenProbesMs = 50

export function createBreaker({ limitMs, probe, reconnect }: BreakerOptions): Breaker {
  let isOpen = false
  let isStopped = false

  const open = async (): Promise<void> => {
    if (isOpen) return
    isOpen = true
    let triedSince = performance.now()
    while (!isStopped) {
      try {
        await withinLimit(probe(), probeLimitMs)
        break
      } catch (error) {
        if (isAnswer(error)) break
        // Also where nothing can be asked: whoever took the connection may leave it at that for ever.
        if (error instanceof Unanswered || performance.now() - triedSince > probeLimitMs) {
          reconnect()
          triedSince = performance.now()
        }
        await new Promise((resolve) => setTimeout(resolve, betweenProbesMs))
      }
    }
    isOpen = false
  }

  return {
    run: async (work) => {
      if (isOpen) throw new Error('Redis does not answer')
      try {
        return await withinLimit(work(), limitMs)
      } catch (error) {
        if (error instanceof Unanswered) void open()
        throw error
      }
    },
    isOpen: () => isOpen,
    stop: () => {
      isStopped = true
    },
  }
}

class Unanswered extends Error {
  constructor(limitMs: number) {
    super(`Redis did not answer within ${limitMs} ms`)
  }
}

/** A refusal is one: whoever refuses is there. */
function isAnswer(error: unknown): boolean {
  return error instanceof Error && error.name === 'ReplyError'
}

/**
 * Not ioredis's own limit: a timer that is late because we were busy would fire before the answer is read
 * that has long arrived, and a busy moment of ours would look like an outage of Redis. So what has arrived
 * is read first.
 */
function withinLimit<T>(work: Promise<T>, limitMs: number): Promise<T> {
  return new Promise((resolve, reject) => {
    const timer = setTimeout(() => {
      setImmediate(reject, new Unanswered(limitMs))
    }, limitMs)
    work.then(resolve, reject).finally(() => {
      clearTimeout(timer)
    })
  })
}
