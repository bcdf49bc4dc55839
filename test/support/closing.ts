// Whatever a program of ours starts, and its end: last opened, first closed, on a signal as well.

const closers = new Set<() => Promise<unknown>>()
let closing: Promise<void> | null = null

/** @returns the same, to be called sooner */
export function closeLater(close: () => Promise<unknown>): () => Promise<void> {
  closers.add(close)
  return async () => {
    if (closers.delete(close)) await close()
  }
}

/** Once for all who ask: a signal must not leave while the rest is being closed. */
export function closeAll(): Promise<void> {
  const closeEach = async (): Promise<void> => {
    for (const close of [...closers].reverse())
      await close().catch((error: unknown) => process.stderr.write(`left open: ${String(error)}\n`))
  }
  closing ??= closeEach()
  return closing
}

/** Runs to its end, or to a signal, and leaves nothing behind. */
export async function runAndClose(run: () => Promise<void>): Promise<void> {
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => void closeAll().finally(() => process.exit(130)))
  try {
    await run()
  } finally {
    await closeAll()
  }
}
