import { randomUUID } from 'node:crypto'
import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { cp, mkdtemp, rm } from 'node:fs/promises'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** As in redis.conf, in place of those of `launch`. */
export type RedisSettings = Readonly<Record<string, string>>

/** A real redis-server of the test's own, on a private socket, with every write kept (AOF). */
export interface TestRedis {
  readonly url: string
  readonly process: ChildProcess
  /** SIGKILL, as a crash would. */
  kill(): Promise<void>
  /** Starts it again on the same socket and data, with other settings from then on where some are given. */
  restart(settings?: RedisSettings): Promise<void>
  /** Kills it and starts it again with nothing in it. */
  empty(): Promise<void>
  /** Copies its files; the result kills it and starts it again from that copy, as a restored backup would. */
  backUp(): Promise<() => Promise<void>>
  close(): Promise<void>
}

export async function startRedis(settings: RedisSettings = {}): Promise<TestRedis> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-redis-'))
  const socket = join(folder, 'redis.sock')
  const files = join(folder, 'appendonlydir')
  let own = settings
  let child = await launch(folder, socket, own)
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return {
    url: `unix:${socket}`,
    get process() {
      return child
    },
    kill,
    restart: async (other = own) => {
      await kill()
      own = other
      child = await launch(folder, socket, own)
    },
    empty: async () => {
      await kill()
      await rm(files, { recursive: true })
      child = await launch(folder, socket, own)
    },
    backUp: async () => {
      const copy = join(folder, `copy-${randomUUID()}`)
      await cp(files, copy, { recursive: true })
      return async () => {
        await kill()
        await rm(files, { recursive: true })
        await cp(copy, files, { recursive: true })
        child = await launch(folder, socket, own)
      }
    },
    close: async () => {
      await kill()
      await rm(folder, { recursive: true, force: true })
    },
  }
}

async function launch(folder: string, socket: string, own: RedisSettings): Promise<ChildProcess> {
  await rm(socket, { force: true })
  const settings = {
    port: '0',
    unixsocket: socket,
    dir: folder,
    appendonly: 'yes',
    // Written before the answer, so that a kill loses nothing; only a loss of power would tell, and fsync is
    // slow on a busy machine. Not `everysec`: while its fsync runs, answers come before the write.
    appendfsync: 'no',
    save: '',
    'maxmemory-policy': 'noeviction',
    ...own,
  }
  const child = spawn(
    'redis-server',
    Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value]),
    {
      stdio: 'ignore',
    },
  )
  const failed = once(child, 'error').then(([error]) => {
    throw new Error('redis-server is needed for this test: apt-get install redis-server', { cause: error })
  })
  await Promise.race([failed, untilAccepts(socket)])
  return child
}

async function untilAccepts(path: string): Promise<void> {
  const deadline = performance.now() + 10_000
  while (performance.now() < deadline) {
    const answered = await new Promise<boolean>((resolve) => {
      const probe = createConnection(path)
      probe.setTimeout(500, () => probe.destroy())
      probe.on('connect', () => probe.write('PING\r\n'))
      probe.on('data', (data) => {
        resolve(data.toString().startsWith('+PONG'))
        probe.destroy()
      })
      probe.on('error', () => {
        resolve(false)
      })
      probe.on('close', () => {
        resolve(false)
      })
    })
    if (answered) return
    await new Promise((resolve) => setTimeout(resolve, 20))
  }
  throw new Error('redis-server did not answer within 10 s')
}
