import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { freePorts } from './ports.js'

/** Software we did not write, running for one test file. */
export interface RunningChild {
  readonly url: string
  readonly process: ChildProcess
  /** What it printed, for the message of a test that failed. */
  output(): string
  /** Ends it and waits until it is gone. */
  close(): Promise<void>
}

export interface ChildRecipe {
  /** For messages. */
  readonly name: string
  command(port: number): { file: string; args: readonly string[]; cwd: string; env?: Record<string, string> }
  /** Writes what the server reads at start. */
  prepare?(port: number): Promise<void>
  /** Path that answers 200 once it is ready. */
  readonly readyPath: string
  readonly withinMs: number
}

/**
 * Starts a server on a free loopback port and waits until it answers. Its port cannot be left to itself:
 * neither Node-RED nor Prometheus can be told to take any, so one that was free a moment ago is tried,
 * and another when someone was quicker.
 */
export async function startChild(recipe: ChildRecipe): Promise<RunningChild> {
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePorts()
    await recipe.prepare?.(port)
    try {
      return await launch(recipe, port)
    } catch (error) {
      if (attempt === 3 || !/EADDRINUSE|address already in use|port in use/i.test(String(error))) throw error
    }
  }
}

async function launch(
  { name, command, readyPath, withinMs }: ChildRecipe,
  port: number,
): Promise<RunningChild> {
  const { file, args, cwd, env } = command(port)
  const child = spawn(file, args, { cwd, env: { ...process.env, ...env }, stdio: ['ignore', 'pipe', 'pipe'] })
  let output = ''
  const keep = (chunk: Buffer): void => void (output = (output + chunk.toString()).slice(-20_000))
  child.stdout.on('data', keep)
  child.stderr.on('data', keep)
  let spawnError: Error | null = null
  child.on('error', (error) => (spawnError = error))
  const isGone = (): boolean => spawnError !== null || child.exitCode !== null || child.signalCode !== null
  const close = async (): Promise<void> => {
    if (isGone()) return
    const gone = once(child, 'exit')
    child.kill('SIGTERM')
    const lastResort = setTimeout(() => child.kill('SIGKILL'), 5_000)
    await gone
    clearTimeout(lastResort)
  }

  const url = `http://127.0.0.1:${port}`
  const deadline = performance.now() + withinMs
  while (!isGone() && performance.now() < deadline) {
    if (await answers(url + readyPath)) return { url, process: child, output: () => output, close }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const why = isGone() ? 'ended at once' : `did not answer within ${withinMs} ms`
  await close()
  throw new Error(`${name} ${why}:\n${output}`, { cause: spawnError })
}

async function answers(url: string): Promise<boolean> {
  try {
    const response = await fetch(url, { signal: AbortSignal.timeout(2_000) })
    await response.arrayBuffer()
    return response.ok
  } catch {
    return false
  }
}
