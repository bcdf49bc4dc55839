// One server in a process of its own, so that its CPU time is its own: main.ts <role> <argument>.
import { once } from 'node:events'
import type { Server } from 'node:http'
import { Session, type Profiler } from 'node:inspector/promises'
import type { AddressInfo } from 'node:net'
import { monitorEventLoopDelay } from 'node:perf_hooks'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { loadConfig } from '../../src/config/index.js'
import { startGatehouse } from '../../src/main.js'
import { answerParent } from '../questions.js'
import { createMachine } from './machine.js'

/** Each is given, in this order: nothing, a configuration file, a module of bench/peers and its options as JSON. */
export type Role = 'machine' | 'gatehouse' | 'peer'

export interface Delays {
  readonly p50Ms: number
  readonly p99Ms: number
  readonly worstMs: number
}

export type ServerAnswers = typeof serverAnswers

interface Running {
  readonly port: number
  close(): Promise<void>
}

const start: Readonly<Record<Role, (...given: string[]) => Promise<Running>>> = {
  machine: () => listen(createMachine()),

  gatehouse: async (configFile = '') => {
    const gatehouse = await startGatehouse(loadConfig(configFile))
    await gatehouse.services.store.untilReady(5_000)
    return { port: gatehouse.address.port, close: () => gatehouse.close() }
  },

  peer: async (module = '', options = '{}') => {
    const { create } = (await import(new URL(`../peers/${module}.mjs`, import.meta.url).href)) as {
      create(options: unknown): Server
    }
    return listen(create(JSON.parse(options)))
  },
}

async function listen(server: Server): Promise<Running> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: () => Promise.resolve() }
}

let profiler: Session | null = null
// Each value is the time between two ticks of this timer, so that 1 ms of it is no delay.
const delays = monitorEventLoopDelay({ resolution: 1 })

const serverAnswers = {
  port: async (_: null) => (await started).port,

  /** Frees what can be freed. @returns the memory that objects and their buffers still use */
  collect: (_: null): number => {
    const collect = runInNewContext('gc') as () => void
    collect()
    collect()
    const { heapUsed, external } = process.memoryUsage()
    return heapUsed + external
  },

  beginDelays: (_: null): void => {
    delays.reset()
    delays.enable()
  },

  endDelays: (_: null): Delays => {
    delays.disable()
    const millis = (nanos: number): number => nanos / 1_000_000
    return {
      p50Ms: millis(delays.percentile(50)),
      p99Ms: millis(delays.percentile(99)),
      worstMs: millis(delays.max),
    }
  },

  beginProfile: async ({ everyMicros }: { everyMicros: number }): Promise<void> => {
    profiler = new Session()
    profiler.connect()
    await profiler.post('Profiler.enable')
    await profiler.post('Profiler.setSamplingInterval', { interval: everyMicros })
    await profiler.post('Profiler.start')
  },

  endProfile: async (_: null): Promise<Profiler.Profile> => {
    if (profiler === null) throw new Error('no profile was begun')
    const { profile } = await profiler.post('Profiler.stop')
    profiler.disconnect()
    return profile
  },
}

setFlagsFromString('--expose-gc')
const [role, ...given] = process.argv.slice(2)
const started = start[role as Role](...given)
started.catch(() => undefined) // told to whoever asks for the port
answerParent(serverAnswers, async () => {
  await (await started).close()
})
