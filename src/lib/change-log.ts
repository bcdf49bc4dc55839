import type { ChainableCommander, Store } from './redis.js'
import type { Logger } from './logger.js'
import { describeError } from './logger.js'

/** Something that may end or lengthen what is already open. */
export type Change =
  | { readonly kind: 'grant-issued'; readonly grantId: string }
  | { readonly kind: 'grant-extended'; readonly grantId: string }
  | { readonly kind: 'grant-revoked'; readonly grantId: string }
  | { readonly kind: 'session-ended'; readonly sessionId: string; readonly cause: string }

/**
 * The ordered log of changes in Redis that every instance follows. A stream and not pub/sub: a short
 * disconnect loses published messages without a word, while a stream is read on from where one stood.
 */
export interface ChangeLog {
  /** Adds the change to a transaction, so that the state and the log about it never disagree. */
  addTo(commands: ChainableCommander, change: Change): void
  /**
   * Calls `onChange` for each change from now on, in order, and `onDoubt` whenever changes may have
   * been missed (the connection broke, the log was cut or emptied): re-check everything then. A handler
   * that fails is doubt again: it is tried until it succeeds. Resolves once following has begun.
   */
  follow(handlers: ChangeHandlers): Promise<Follower>
}

export interface ChangeHandlers {
  onChange(change: Change): Promise<void>
  onDoubt(): Promise<void>
}

export interface Follower {
  close(): Promise<void>
}

/** Enough for hours of administration; a follower that is further behind re-checks everything. */
const keptEntries = 10_000
const blockMs = 500
const pauseAfterFailureMs = 200

export function openChangeLog(store: Store, logger: Logger): ChangeLog {
  const key = store.key('changes')
  return {
    addTo: (commands, change) => {
      commands.xadd(key, 'MAXLEN', '~', keptEntries, '*', 'change', JSON.stringify(change))
    },
    follow: async (handlers) => {
      const connection = store.dedicated(blockMs + 2_000)
      let closed = false
      const isClosed = (): boolean => closed
      let position: string | null = null

      const locate = async (): Promise<string> => {
        const [newest] = await connection.xrevrange(key, '+', '-', 'COUNT', 1)
        return newest?.[0] ?? '0-0'
      }
      const readOn = async (from: string): Promise<string> => {
        const reply = await connection.xread('COUNT', 500, 'BLOCK', blockMs, 'STREAMS', key, from)
        let last = from
        for (const [id, fields] of reply?.[0]?.[1] ?? []) {
          last = id
          const change = parseChange(fields[1])
          if (change) await handlers.onChange(change)
          else {
            logger.error('change log: entry unreadable, re-checking everything', { id })
            await handlers.onDoubt()
          }
        }
        return last
      }
      let isLost = false
      const loop = async (): Promise<void> => {
        while (!isClosed()) {
          try {
            if (position === null) {
              // Position first, re-check after: a change between the two is then seen twice, not never.
              position = await locate()
              await handlers.onDoubt()
            }
            position = await readOn(position)
            isLost = false
          } catch (error) {
            if (isClosed()) return
            position = null
            // Five times a second: said once an outage, or it would bury what else happens meanwhile.
            if (!isLost)
              logger.warn('change log: cannot follow, trying again', { problem: describeError(error) })
            isLost = true
            await new Promise((resolve) => setTimeout(resolve, pauseAfterFailureMs))
          }
        }
      }
      position = await waitReady(connection).then(locate, () => null)
      const running = loop()
      return {
        close: async () => {
          closed = true
          connection.disconnect()
          await running
        },
      }
    },
  }
}

async function waitReady(connection: ReturnType<Store['dedicated']>): Promise<void> {
  if (connection.status === 'ready') return
  await new Promise<void>((resolve, reject) => {
    connection.once('ready', resolve)
    connection.once('close', () => {
      reject(new Error('not reachable'))
    })
  })
}

function parseChange(text: string | undefined): Change | null {
  try {
    const value: unknown = JSON.parse(text ?? '')
    if (typeof value !== 'object' || value === null || !('kind' in value)) return null
    const change = value as Record<string, unknown>
    if (change.kind === 'session-ended') {
      return typeof change.sessionId === 'string' && typeof change.cause === 'string'
        ? (value as Change)
        : null
    }
    const isGrantChange =
      change.kind === 'grant-issued' || change.kind === 'grant-extended' || change.kind === 'grant-revoked'
    return isGrantChange && typeof change.grantId === 'string' ? (value as Change) : null
  } catch {
    return null
  }
}
