import { open, readFile, type FileHandle } from 'node:fs/promises'
import { z } from 'zod'
import type { Clock } from './clock.js'
import { GatehouseError, type Reach } from './errors.js'
import { describeError, type Logger } from './logger.js'
import { readStored } from './stored.js'

const kinds = [
  'grant',
  'session',
  'session-owed',
  'lockdown',
  'second-factor',
  'token',
  'release',
  'first-use',
  'request',
  'reset',
] as const
/**
 * What can end before its time, by its id. A session that is owed is over, and its end is still to be put on record and told
 * to Redis. A lockdown, by its scope, ends access to what it names until it is
 * lifted; a second factor goes by the fingerprint of its sealed secret; the release of a grant for a session, by the
 * two ids with a space between them, ends whatever of it was given before, and may be given again. A first use, by its
 * grant, ends that there is time left to begin; a request ends by its answer, and so does the
 * proposal to reset a second factor.
 */
export type Endable = (typeof kinds)[number]

/**
 * What this host knows to have ended before its time, kept beside the ledger and not in Redis: a Redis that
 * comes back in an older state, or that somebody has put back, revives none of it (promise R6), and one that
 * is away keeps nobody from stopping something here (R7).
 */
export interface Journal {
  /**
   * Known at once. Never rejects: a full disk must not keep anything running.
   * @param at default: now
   * @returns how far it is known, also of what was known before
   */
  add(kind: Endable, id: string, at?: number): Promise<Reach>
  /** Has what was added here acted on like what others add: Redis, which would have told, could not be told. */
  announce(kind: Endable, id: string): void
  /** Takes back a lockdown that began before. */
  lift(scope: string, at: number): Promise<boolean>
  /** To be asked of what Redis calls running. A yes that comes too late to be on its way is reported, once. */
  hasEnded(kind: Endable, id: string): boolean
  /** When it ended; null when that is not known. */
  since(kind: Endable, id: string): number | null
  list(kind: Endable): string[]
  /**
   * Tells of what other processes of this host add from now on; a moment later, so that where Redis answers, what
   * it tells comes first, and with its cause.
   */
  follow(onAdded: (kind: Endable, id: string) => void): () => void
  close(): Promise<void>
}

export interface JournalOptions {
  readonly file: string
  /** For who only looks: what is added is not kept. */
  readonly isReadOnly: boolean
  readonly clock: Clock
  readonly logger: Logger
  /** How long the end of a session, or of its release, matters: afterwards it would have ended by itself. So do requests, first uses and proposals of resets, after times of their own; the others matter for good. */
  readonly sessionsKeptMs: number
  /** Redis calls running what has ended. */
  readonly onRevived: (kind: Endable, id: string) => void
}

const lineSchema = z.strictObject({
  kind: z.enum(kinds),
  id: z.string(),
  at: z.int().nonnegative(),
  lifted: z.literal(true).optional(),
})
type Line = z.infer<typeof lineSchema>

interface Ending {
  readonly at: number
  /** Monotonic; `-Infinity` for one of an earlier run. */
  readonly knownAt: number
  isReported: boolean
}

const diesWithSession: readonly Endable[] = ['session', 'session-owed', 'release']
/** What may have happened at another time than is known. */
const comesBack: readonly Endable[] = ['lockdown', 'release', 'first-use']
/** The longest that one may wait for its answer; it is over by itself afterwards. */
const requestsKeptMs = 31 * 24 * 3_600_000
/** The longest that a grant may run on from its first use, had that been forgotten (`grants.maxRecurrence`), and a day more. */
const firstUsesKeptMs = 367 * 24 * 3_600_000
/** The longest that a proposal may wait (`totp.resetLapsesAfter`), and a day more. */
const resetsKeptMs = 2 * 24 * 3_600_000
/** Between the journal and Redis lies one command, and another instance follows within moments. */
const onItsWayMs = 5_000
const lookMs = 100
const longestReading = 2 ** 20

/** @throws GatehouseError `ledger-unavailable` when the file can be neither read nor made */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { file, isReadOnly, clock, logger, sessionsKeptMs, onRevived } = options
  // In the order in which they were added, so the oldest come first.
  const endings: Record<Endable, Map<string, Ending>> = {
    grant: new Map(),
    session: new Map(),
    'session-owed': new Map(),
    lockdown: new Map(),
    'second-factor': new Map(),
    token: new Map(),
    'first-use': new Map(),
    release: new Map(),
    request: new Map(),
    reset: new Map(),
  }
  const { bytes, handle } = await openFile(file, isReadOnly)
  const write = handle === null ? () => Promise.resolve(true) : createAppender(handle, logger)
  const listeners = new Set<(kind: Endable, id: string) => void>()

  const keptMsOf = (kind: Endable): number => {
    if (kind === 'request') return requestsKeptMs
    if (kind === 'first-use') return firstUsesKeptMs
    if (kind === 'reset') return resetsKeptMs
    return diesWithSession.includes(kind) ? sessionsKeptMs : Infinity
  }
  const isOld = (kind: Endable, at: number): boolean => clock.now() - at > keptMsOf(kind)
  /** False when that was known. */
  const learn = ({ kind, id, at, lifted }: Line, knownAt: number): boolean => {
    const known = endings[kind]
    const held = known.get(id)
    if (lifted === true) return held !== undefined && held.at <= at && known.delete(id)
    if (isOld(kind, at)) return false
    // Of two first uses the earlier leaves less time.
    if (held !== undefined && (kind === 'first-use' ? at >= held.at : at <= held.at)) return false
    // Anew, to stand at the end: what can come back can end twice.
    known.delete(id)
    known.set(id, { at, knownAt, isReported: false })
    return true
  }
  const forgetOld = (kind: Endable): void => {
    for (const [id, { at }] of endings[kind]) {
      if (!isOld(kind, at)) break
      endings[kind].delete(id)
    }
  }
  const readLines = (text: string): Line[] => {
    const lines = text.split('\n').filter((line) => line !== '')
    const read = lines.map((line) => readStored(lineSchema, line))
    const unreadable = read.filter((line) => line === null).length
    if (unreadable > 0) logger.warn('journal: lines cannot be read', { file, lines: unreadable })
    return read.filter((line) => line !== null)
  }
  const addLine = async (line: Line): Promise<boolean> => {
    if (!learn(line, clock.monotonic())) return write('')
    forgetOld(line.kind)
    return write(`${JSON.stringify(line)}\n`)
  }
  const announce = (kind: Endable, id: string): void => {
    for (const onAdded of listeners) {
      try {
        onAdded(kind, id)
      } catch (error) {
        logger.error('journal: not acted on', { kind, id, problem: describeError(error) })
      }
    }
  }

  for (const line of readLines(bytes.toString())) learn(line, -Infinity)

  return {
    add: async (kind, id, at = clock.now()) => {
      const isForGood = !comesBack.includes(kind) && endings[kind].has(id)
      // What could not be written when it became known is tried again.
      const isDurable = await (isForGood ? write('') : addLine({ kind, id, at }))
      if (isDurable) return 'host'
      return listeners.size > 0 ? 'instance' : 'nowhere'
    },
    announce,
    lift: (scope, at) => addLine({ kind: 'lockdown', id: scope, at, lifted: true }),
    hasEnded: (kind, id) => {
      const ending = endings[kind].get(id)
      if (ending === undefined) return false
      if (!ending.isReported && clock.monotonic() - ending.knownAt > onItsWayMs) {
        ending.isReported = true
        onRevived(kind, id)
      }
      return true
    },
    since: (kind, id) => endings[kind].get(id)?.at ?? null,
    list: (kind) => [...endings[kind].keys()],
    follow: (onAdded) => {
      listeners.add(onAdded)
      let offset = bytes.length
      let isLooking = false
      let untold: Line[] = []
      const look = async (): Promise<void> => {
        if (handle === null || isLooking) return
        isLooking = true
        const due = untold
        untold = []
        try {
          for (const { kind, id } of due) if (endings[kind].has(id)) announce(kind, id)
          const { size } = await handle.stat()
          if (size <= offset) return
          const room = Buffer.alloc(Math.min(size - offset, longestReading))
          const { bytesRead, buffer } = await handle.read(room, 0, room.length, offset)
          // Up to the end of the last line; the rest of another may be on its way.
          const end = buffer.subarray(0, bytesRead).lastIndexOf('\n') + 1
          offset += end === 0 && bytesRead === longestReading ? bytesRead : end
          const news = readLines(buffer.toString('utf8', 0, end))
          untold = news.filter((line) => learn(line, clock.monotonic()))
        } catch (error) {
          logger.error('journal: cannot be read', { problem: describeError(error) })
        } finally {
          isLooking = false
        }
      }
      const timer = setInterval(() => void look(), lookMs)
      timer.unref()
      return () => {
        clearInterval(timer)
        listeners.delete(onAdded)
      }
    },
    close: async () => {
      await write('')
      await handle?.close()
    },
  }
}

async function openFile(
  file: string,
  isReadOnly: boolean,
): Promise<{ bytes: Buffer; handle: FileHandle | null }> {
  try {
    const handle = isReadOnly ? null : await open(file, 'a+', 0o600)
    return { bytes: await readFile(file), handle }
  } catch (cause) {
    // Looking must not depend on it; before anything has ended, there is none.
    if (isReadOnly) return { bytes: Buffer.alloc(0), handle: null }
    const message = `The journal ${file} cannot be opened: ${describeError(cause)}.`
    throw new GatehouseError('ledger-unavailable', message, { cause })
  }
}

/** Writes in order, together what waits together. What cannot be written is tried again with the next. */
function createAppender(handle: FileHandle, logger: Logger): (text: string) => Promise<boolean> {
  let waiting = ''
  let written = Promise.resolve(true)
  const writeWaiting = async (): Promise<boolean> => {
    const text = waiting
    waiting = ''
    if (text === '') return true
    try {
      // A crash or a full disk may have cut off a line, of ours or of another process: never to be its rest.
      await handle.appendFile(`\n${text}`)
      await handle.datasync()
      return true
    } catch (error) {
      waiting = text + waiting
      logger.error('journal: cannot be written', { problem: describeError(error) })
      return false
    }
  }
  return (text) => {
    waiting += text
    // What was taken along by an earlier writing is as durable as that.
    written = written.then((before) => (waiting === '' ? before : writeWaiting()))
    return written
  }
}
