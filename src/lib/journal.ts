import { open, readFile, type FileHandle } from 'node:fs/promises'
import { z } from 'zod'
import type { Clock } from './clock.js'
import { GatehouseError } from './errors.js'
import { describeError, type Logger } from './logger.js'
import { readStored } from './stored.js'

const kinds = ['grant', 'session'] as const
/** What can end before its time, and must not come back. */
export type Endable = (typeof kinds)[number]

/**
 * What this instance knows to have ended before its time, kept on the host and not in Redis: a Redis that
 * comes back in an older state, or that somebody has put back, revives none of it (promise R6).
 */
export interface Journal {
  /** Known at once, and durable when it resolves. Never rejects: a full disk must not keep anything running. */
  add(kind: Endable, id: string): Promise<void>
  /** To be asked of what Redis calls running. A yes that comes too late to be on its way is reported, once. */
  hasEnded(kind: Endable, id: string): boolean
  list(kind: Endable): string[]
  close(): Promise<void>
}

export interface JournalOptions {
  readonly file: string
  /** For who only looks: what is added is not kept. */
  readonly isReadOnly: boolean
  readonly clock: Clock
  readonly logger: Logger
  /** How long an ending matters: afterwards what has ended would have ended by itself. */
  readonly keptMs: Readonly<Record<Endable, number>>
  /** Redis calls running what has ended. */
  readonly onRevived: (kind: Endable, id: string) => void
}

const lineSchema = z.strictObject({ kind: z.enum(kinds), id: z.string(), at: z.int().nonnegative() })
type Line = z.infer<typeof lineSchema>

interface Ending extends Line {
  /** Monotonic; `-Infinity` for one of an earlier run. */
  readonly knownAt: number
  isReported: boolean
}

/** Between the journal and Redis lies one command, and another instance follows within moments. */
const onItsWayMs = 5_000

/** @throws GatehouseError `ledger-unavailable` when the file can be neither read nor made */
export async function openJournal(options: JournalOptions): Promise<Journal> {
  const { file, isReadOnly, clock, logger, keptMs, onRevived } = options
  // In the order in which they were added, so the oldest come first.
  const endings: Record<Endable, Map<string, Ending>> = { grant: new Map(), session: new Map() }
  const isOver = ({ kind, at }: Line): boolean => clock.now() - at > keptMs[kind]
  const { content, handle } = await openFile(file, isReadOnly)
  let unreadable = 0
  for (const text of content.split('\n').filter((line) => line !== '')) {
    const line = readStored(lineSchema, text)
    if (line === null) unreadable += 1
    else if (!isOver(line))
      endings[line.kind].set(line.id, { ...line, knownAt: -Infinity, isReported: false })
  }
  if (unreadable > 0) logger.warn('journal: lines cannot be read', { file, lines: unreadable })
  const write = handle === null ? () => Promise.resolve() : createAppender(handle, logger)
  // A crash cuts a line off; the next must not be taken for its rest.
  if (content !== '' && !content.endsWith('\n')) await write('\n')

  return {
    add: async (kind, id) => {
      const known = endings[kind]
      if (known.has(id)) return
      const line: Line = { kind, id, at: clock.now() }
      known.set(id, { ...line, knownAt: clock.monotonic(), isReported: false })
      for (const [oldest, ending] of known) {
        if (!isOver(ending)) break
        known.delete(oldest)
      }
      await write(`${JSON.stringify(line)}\n`)
    },
    hasEnded: (kind, id) => {
      const ending = endings[kind].get(id)
      if (ending === undefined) return false
      if (!ending.isReported && clock.monotonic() - ending.knownAt > onItsWayMs) {
        ending.isReported = true
        onRevived(kind, id)
      }
      return true
    },
    list: (kind) => [...endings[kind].keys()],
    close: async () => {
      await write('')
      await handle?.close()
    },
  }
}

async function openFile(
  file: string,
  isReadOnly: boolean,
): Promise<{ content: string; handle: FileHandle | null }> {
  try {
    const handle = isReadOnly ? null : await open(file, 'a', 0o600)
    return { content: await readFile(file, 'utf8'), handle }
  } catch (cause) {
    // Looking must not depend on it; before anything has ended, there is none.
    if (isReadOnly) return { content: '', handle: null }
    const message = `The journal ${file} cannot be opened: ${describeError(cause)}.`
    throw new GatehouseError('ledger-unavailable', message, { cause })
  }
}

/** Writes in order, together what waits together. What cannot be written is tried again with the next. */
function createAppender(handle: FileHandle, logger: Logger): (text: string) => Promise<void> {
  let waiting = ''
  let written = Promise.resolve()
  const writeWaiting = async (): Promise<void> => {
    const text = waiting
    waiting = ''
    if (text === '') return
    try {
      await handle.appendFile(text)
      await handle.datasync()
    } catch (error) {
      // Part of it may be there: on a line of its own, the rest is readable all the same.
      waiting = `\n${text}${waiting}`
      logger.error('journal: cannot be written', { problem: describeError(error) })
    }
  }
  return (text) => {
    waiting += text
    written = written.then(writeWaiting)
    return written
  }
}
