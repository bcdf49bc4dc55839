import { linkSync, readFileSync, renameSync, unlinkSync, writeFileSync } from 'node:fs'
import { z } from 'zod'
import { describeError, GatehouseError, newId } from '../lib/index.js'
import { isCode } from './format.js'

const pauseMs = 50

const holderSchema = z.object({
  pid: z.int().positive(),
  /** Tells a process from a later one with the same number; in containers that is the rule, not chance. */
  started: z.string().nullable(),
})

/**
 * Makes this process the only writer of a chain, or waits up to `waitMs` for the one before. The lock of
 * a process that died is taken over.
 *
 * Process numbers mean nothing across containers that share a volume: there the writer's own check of
 * the file before each batch is what stops two writers.
 *
 * @returns the function that gives the lock back
 * @throws GatehouseError `ledger-unavailable` when another process keeps it
 */
export async function takeLock(path: string, waitMs: number): Promise<() => void> {
  const own = JSON.stringify({ pid: process.pid, started: startOf(process.pid), nonce: newId('lock') })
  for (let waitedMs = 0; ; waitedMs += pauseMs) {
    const holder = tryLock(path, own)
    if (holder === null) break
    if (waitedMs >= waitMs) {
      throw new GatehouseError(
        'ledger-unavailable',
        `The ledger is being written by process ${holder} (${path}).`,
      )
    }
    // eslint-disable-next-line no-restricted-globals -- waits for another process, which knows no injected clock
    await new Promise((resolve) => setTimeout(resolve, pauseMs))
  }
  return () => {
    if (readText(path) === own) unlinkSync(path)
  }
}

/** Null when the lock is ours now, else the process that holds it. */
function tryLock(path: string, own: string): number | null {
  if (linkWith(path, own)) return null
  const found = readText(path)
  if (found === null) return linkWith(path, own) ? null : process.pid
  const holder = parseHolder(found)
  if (holder !== null && isAlive(holder)) return holder.pid
  // Two processes may find the same dead lock. Renaming takes it away from under both but once, and
  // whoever took away more than the dead lock puts it back.
  const aside = `${path}.${newId('dead')}`
  try {
    renameSync(path, aside)
    if (readText(aside) !== found) linkSync(aside, path)
    unlinkSync(aside)
  } catch (error) {
    if (!isCode(error, 'ENOENT') && !isCode(error, 'EEXIST')) throw error
  }
  return linkWith(path, own) ? null : (parseHolder(readText(path) ?? '')?.pid ?? process.pid)
}

/** Creates `path` with its content in one step, or not at all: nobody ever sees a lock without a holder. */
function linkWith(path: string, content: string): boolean {
  const draft = `${path}.${newId('draft')}`
  writeFileSync(draft, content, { mode: 0o600, flag: 'wx' })
  try {
    linkSync(draft, path)
    return true
  } catch (error) {
    if (isCode(error, 'EEXIST')) return false
    throw error
  } finally {
    unlinkSync(draft)
  }
}

function parseHolder(text: string): z.infer<typeof holderSchema> | null {
  try {
    return holderSchema.parse(JSON.parse(text))
  } catch {
    return null // a lock is created whole, so this one was half lost in a power cut: its holder is gone
  }
}

function isAlive(holder: { pid: number; started: string | null }): boolean {
  try {
    process.kill(holder.pid, 0)
  } catch (error) {
    if (isCode(error, 'ESRCH')) return false
  }
  const started = startOf(holder.pid)
  return started === null || holder.started === null || started === holder.started
}

/** When a process started, in ticks of this boot; null where the system does not say. */
function startOf(pid: number): string | null {
  const stat = readText(`/proc/${pid}/stat`)
  // proc(5): the second field is the name in brackets, which may hold spaces; the start is the 22nd.
  const ticks = stat?.slice(stat.lastIndexOf(')') + 2).split(' ')[19]
  const boot = readText('/proc/sys/kernel/random/boot_id')?.trim()
  return ticks === undefined || boot === undefined ? null : `${boot}:${ticks}`
}

function readText(path: string): string | null {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (isCode(error, 'ENOENT') || path.startsWith('/proc/')) return null
    throw new GatehouseError('ledger-unavailable', `The lock ${path} cannot be read.`, {
      cause: describeError(error),
    })
  }
}
