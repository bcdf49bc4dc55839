import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { freePorts } from './ports.js'

/** Software we did not write, running for one test file. */
export interface RunningProgram {
  readonly process: ChildProcess
  /** What it printed, for the message of a test that failed. */
  output(): string
  /** Ends it and waits until it is gone. */
  close(): Promise<void>
}

export interface Command {
  readonly file: string
  readonly args: readonly string[]
  readonly cwd: string
  readonly env?: Record<string, string>
}

export interface ProgramRecipe extends Command {
  /** For messages. */
  readonly name: string
  /** Asked again and again until it says so; it is given what the program has printed. */
  isReady(output: string): boolean | Promise<boolean>
  readonly withinMs: number
}

/** @throws Error when it ends, or is not ready in time; with what it printed */
export async function startProgram(recipe: ProgramRecipe): Promise<RunningProgram> {
  const { name, file, args, cwd, env, isReady, withinMs } = recipe
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

  const deadline = performance.now() + withinMs
  while (!isGone() && performance.now() < deadline) {
    if (await isReady(output)) return { process: child, output: () => output, close }
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  const why = isGone() ? 'ended at once' : `was not ready within ${withinMs} ms`
  await close()
  throw new Error(`${name} ${why}:\n${output}`, { cause: spawnError })
}

export interface RunningServer extends RunningProgram {
  readonly url: string
}

export interface ServerRecipe {
  /** For messages. */
  readonly name: string
  command(port: number): Command
  /** Writes what the server reads at start. */
  prepare?(port: number): Promise<void>
  /** Path that answers 200 once it is ready. */
  readonly readyPath: string
  readonly withinMs: number
}

/**
 * Starts a server on a free loopback port and waits until it answers. Its port cannot be left to itself:
 * none of these can be told to take any and say which, so one that was free a moment ago is tried, and
 * another when someone was quicker.
 */
export async function startServer(recipe: ServerRecipe): Promise<RunningServer> {
  const { name, command, prepare, readyPath, withinMs } = recipe
  for (let attempt = 1; ; attempt += 1) {
    const port = await freePorts()
    await prepare?.(port)
    const url = `http://127.0.0.1:${port}`
    try {
      const isReady = (): Promise<boolean> => answers(url + readyPath)
      return { ...(await startProgram({ name, ...command(port), isReady, withinMs })), url }
    } catch (error) {
      if (attempt === 3 || !/EADDRINUSE|address already in use|port in use/i.test(String(error))) throw error
    }
  }
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
