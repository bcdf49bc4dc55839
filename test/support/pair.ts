import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { startProgram, type RunningProgram } from './child.js'
import type { Plant } from './plant.js'
import { freePorts } from './ports.js'

/** One Gatehouse as a process of its own. */
export interface Instance {
  readonly writer: string
  readonly port: number
  readonly operationsPort: number
  start(): Promise<void>
  signal(signal: NodeJS.Signals): void
  /** Its exit status, or the signal that ended it. */
  ended(): Promise<number | NodeJS.Signals>
  output(): string
}

/** Two instances behind HAProxy, in place of the one of a plant; who has signed in there stays signed in. */
export interface Pair {
  readonly instances: readonly [Instance, Instance]
  /** Waits until HAProxy sends requests to just these. */
  untilServing(...writers: string[]): Promise<void>
  close(): Promise<void>
}

const root = join(import.meta.dirname, '../..')

/** HAProxy looks each 200 ms and believes the second look: an announcement has to be longer than that. */
const stop = { announceSeconds: 3, shutdownSeconds: 12 }

/** @throws Error when HAProxy is not installed: `node scripts/setup-test.mjs` does that */
export async function startPair(plant: Plant): Promise<Pair> {
  await plant.gatehouse.close()
  const first = await freePorts(5)
  const template = await readFile(plant.configFile, 'utf8')
  const instances = [
    await prepare(plant, template, { writer: 'gateway-1', port: first, operationsPort: first + 1 }),
    await prepare(plant, template, { writer: 'gateway-2', port: first + 2, operationsPort: first + 3 }),
  ] as const
  await Promise.all(instances.map((instance) => instance.start()))
  const statistics = `http://127.0.0.1:${first + 4}/;csv`
  const file = join(dirname(plant.configFile), 'haproxy.cfg')
  await writeFile(file, describeBalancer(Number(new URL(plant.portal).port), first + 4, instances))
  const serving = async (): Promise<string[]> => {
    const rows = (await (await fetch(statistics)).text()).split('\n').map((line) => line.split(','))
    const status = rows[0]?.indexOf('status') ?? -1
    return rows.filter((row) => row[0] === 'gatehouse' && row[status] === 'UP').map((row) => row[1] ?? '')
  }
  const untilServing = async (...writers: string[]): Promise<void> => {
    for (
      const deadline = performance.now() + 15_000;
      ;
      await new Promise((resolve) => setTimeout(resolve, 20))
    ) {
      const found = (await serving()).filter((name) => name !== 'BACKEND')
      if (found.join() === writers.join()) return
      if (performance.now() > deadline)
        throw new Error(`HAProxy sends requests to ${found.join() || 'nobody'}`)
    }
  }
  const balancer = await startProgram({
    ...{ name: 'HAProxy', file: 'haproxy', args: ['-db', '-f', file], cwd: dirname(file), withinMs: 10_000 },
    isReady: () =>
      fetch(statistics).then(
        () => true,
        () => false,
      ),
  })
  return {
    instances,
    untilServing,
    async close() {
      await balancer.close()
      for (const instance of instances) {
        instance.signal('SIGKILL')
        await instance.ended()
      }
    },
  }
}

async function prepare(
  { configFile }: Plant,
  template: string,
  { writer, port, operationsPort }: Pick<Instance, 'writer' | 'port' | 'operationsPort'>,
): Promise<Instance> {
  const file = join(dirname(configFile), `${writer}.yml`)
  const own = template
    .replace(/listen: .*/, `listen: 127.0.0.1:${port}\n  trustedProxies: [127.0.0.1]`)
    .replace(/operations: .*/, `operations: 127.0.0.1:${operationsPort}`)
    .replace(/announceSeconds: .*/, `announceSeconds: ${stop.announceSeconds}`)
    .replace(/shutdownSeconds: .*/, `shutdownSeconds: ${stop.shutdownSeconds}`)
    .replace('{ directory: ledger }', `{ directory: ledger, writer: ${writer} }`)
  await writeFile(file, own)
  let program: RunningProgram | null = null
  const running = (): RunningProgram => {
    if (program === null) throw new Error(`${writer} was never started`)
    return program
  }
  return {
    writer,
    port,
    operationsPort,
    async start() {
      program = await startProgram({
        name: writer,
        file: process.execPath,
        args: [
          ...['--import', join(root, 'test/support/typescript.mjs')],
          ...[join(root, 'src/cli/main.ts'), 'serve', '--config', file],
        ],
        cwd: root,
        isReady: (output) => output.includes('gateway serving'),
        withinMs: 30_000,
      })
    },
    signal: (signal) => void running().process.kill(signal),
    async ended() {
      const child = running().process
      if (child.exitCode === null && child.signalCode === null) await once(child, 'exit')
      return child.exitCode ?? child.signalCode ?? -1
    },
    output: () => running().output(),
  }
}

/** As docs/rolling-restart.md has it, on other ports and in shorter times. */
function describeBalancer(port: number, statisticsPort: number, instances: readonly Instance[]): string {
  const servers = instances.map(
    (instance) =>
      `  server ${instance.writer} 127.0.0.1:${instance.port} check port ${instance.operationsPort}`,
  )
  return `
defaults
  mode http
  timeout connect 2s
  timeout client 60s
  timeout server 60s
  timeout tunnel 1h
  timeout check 2s
  option redispatch 1
  retries 3
frontend clients
  bind 127.0.0.1:${port}
  http-request set-header X-Forwarded-Proto http
  option forwardfor
  default_backend gatehouse
backend gatehouse
  balance roundrobin
  option httpchk GET /readyz
  default-server inter 200ms fall 2 rise 2
${servers.join('\n')}
frontend statistics
  bind 127.0.0.1:${statisticsPort}
  stats enable
  stats uri /
`
}
