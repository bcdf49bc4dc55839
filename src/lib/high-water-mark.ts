import { open, readFile, rename } from 'node:fs/promises'
import { z } from 'zod'
import { describeError, type Logger } from './logger.js'
import { readStored } from './stored.js'

/** How far the log of changes had come: the id of its newest entry, and the fingerprint of what that said. */
export interface Mark {
  readonly position: string
  readonly print: string
}

/**
 * How far this instance has followed the log of changes, kept beside the ledger and not in Redis. A log that does
 * not hold that entry is of a Redis in an older state, or of another one.
 */
export interface HighWaterMark {
  /** Null where nothing was followed yet, or the log was empty. */
  get(): Mark | null
  /** On disk a moment later: of what is said many times a second, the last counts. */
  set(mark: Mark | null): void
  close(): Promise<void>
}

const fileSchema = z.strictObject({
  mark: z.strictObject({ position: z.string().regex(/^\d+-\d+$/), print: z.string() }).nullable(),
})
const writeEveryMs = 500

/** For who follows nothing from one run to the next. */
export function forgetfulMark(): HighWaterMark {
  let mark: Mark | null = null
  return {
    get: () => mark,
    set: (next) => {
      mark = next
    },
    close: () => Promise.resolve(),
  }
}

/**
 * Never rejects: without it a rollback while this instance is down is not found, which is no reason to keep
 * everybody out.
 */
export async function openHighWaterMark(file: string, logger: Logger): Promise<HighWaterMark> {
  let mark = await readMark(file, logger)
  let isWritten = true
  let timer: NodeJS.Timeout | null = null
  let writing = Promise.resolve()

  const write = async (): Promise<void> => {
    if (isWritten) return
    isWritten = true
    try {
      await replaceFile(file, JSON.stringify({ mark }))
    } catch (error) {
      isWritten = false
      logger.error('high-water mark: cannot be written', { file, problem: describeError(error) })
    }
  }
  const writeNow = (): Promise<void> => {
    if (timer !== null) clearTimeout(timer)
    timer = null
    writing = writing.then(write)
    return writing
  }

  return {
    get: () => mark,
    set: (next) => {
      mark = next
      isWritten = false
      timer ??= setTimeout(() => void writeNow(), writeEveryMs).unref()
    },
    close: writeNow,
  }
}

async function readMark(file: string, logger: Logger): Promise<Mark | null> {
  try {
    const read = readStored(fileSchema, await readFile(file, 'utf8'))
    if (read === null) logger.error('high-water mark: cannot be read', { file })
    return read?.mark ?? null
  } catch (error) {
    if (!isAbsent(error))
      logger.error('high-water mark: cannot be read', { file, problem: describeError(error) })
    return null
  }
}

function isAbsent(error: unknown): boolean {
  return error instanceof Error && 'code' in error && error.code === 'ENOENT'
}

/** Whole, or not at all: after a loss of power too. */
async function replaceFile(file: string, text: string): Promise<void> {
  const draft = `${file}.draft`
  const handle = await open(draft, 'w', 0o600)
  try {
    await handle.writeFile(text)
    await handle.datasync()
  } finally {
    await handle.close()
  }
  await rename(draft, file)
}
