// Other processes that the benchmark starts.
import { fork, spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { fileURLToPath } from 'node:url'
import { closeLater } from '../test/support/closing.js'
import type { Answers, Reply } from './questions.js'

/** Another process, which answers questions. */
export interface Child<Known extends Answers> {
  readonly id: number
  /** @param patienceMs on top of the usual, for what is known to take long */
  ask<Name extends keyof Known & string>(
    name: Name,
    argument: Parameters<Known[Name]>[0],
    patienceMs?: number,
  ): Promise<Awaited<ReturnType<Known[Name]>>>
  close(): Promise<void>
}

const usualPatienceMs = 30_000

/** Starts a module of the benchmark in a process of its own, the way this one was started. */
export async function startChild<Known extends Answers>(
  file: string,
  argv: readonly string[] = [],
  nodeOptions: readonly string[] = [],
): Promise<Child<Known>> {
  const process_ = fork(fileURLToPath(new URL(file, import.meta.url)), argv, {
    env: { ...process.env, NODE_ENV: 'production' },
    execArgv: [...process.execArgv, ...nodeOptions],
    // What it prints must not get into our figures.
    stdio: ['ignore', 2, 2, 'ipc'],
  })
  const name = [file, ...argv].join(' ')
  const waiting = new Map<number, (reply: Reply) => void>()
  const failAll = (problem: string): void => {
    for (const [number, settle] of waiting) settle({ number, problem })
  }
  process_.on('message', (reply: Reply) => waiting.get(reply.number)?.(reply))
  process_.on('exit', () => {
    failAll('it ended')
  })
  const close = closeLater(() => end(process_, () => process_.connected && process_.disconnect()))
  await once(process_, 'spawn')

  let asked = 0
  return {
    id: process_.pid ?? 0,
    close,
    ask: async (question, argument, patienceMs = 0) => {
      const number = (asked += 1)
      const reply = await new Promise<Reply>((resolve) => {
        const overdue = setTimeout(() => {
          resolve({ number, problem: 'no answer' })
        }, patienceMs + usualPatienceMs)
        waiting.set(number, (answer) => {
          clearTimeout(overdue)
          waiting.delete(number)
          resolve(answer)
        })
        if (process_.connected) process_.send({ number, name: question, argument })
        else waiting.get(number)?.({ number, problem: 'it has ended' })
      })
      if (reply.problem !== undefined) throw new Error(`${name}, asked for ${question}: ${reply.problem}`)
      return reply.result as never
    },
  }
}

/** A program that is not ours. Ends with us. */
export async function startProgram(
  command: string,
  argv: readonly string[],
): Promise<{ id: number; close(): Promise<void> }> {
  const child = spawn(command, argv, { stdio: ['ignore', 2, 2] })
  await once(child, 'spawn')
  return { id: child.pid ?? 0, close: closeLater(() => end(child, () => child.kill('SIGTERM'))) }
}

async function end(child: ChildProcess, tell: () => unknown): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return
  const gone = once(child, 'exit')
  tell()
  const lastResort = setTimeout(() => child.kill('SIGKILL'), 5_000)
  await gone
  clearTimeout(lastResort)
}
