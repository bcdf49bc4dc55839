import { spawn, type ChildProcess } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { accessSync, chmodSync, constants, existsSync, lstatSync, mkdirSync, rmSync } from 'node:fs'
import { createConnection } from 'node:net'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { createRedisMock } from 'js-redis-server'

export interface DemoRedis {
  /** For `redis.url` of the configuration: `unix:/…` or `redis://127.0.0.1:…`. */
  readonly url: string
  /** What runs, in words. */
  readonly kind: string
  /** False: everything is forgotten when it stops. */
  readonly isKept: boolean
  close(): Promise<void>
}

/** sockaddr_un holds 108 bytes on Linux and 104 on macOS, the closing NUL included. */
const longestSocketPath = 103

/**
 * A Redis of the demo's own: `redis-server` or `valkey-server` where one is on PATH, with its data in
 * `folder`; otherwise one written in JavaScript, which keeps nothing.
 *
 * @param choice `embedded` takes the latter in any case
 */
export async function startDemoRedis(
  folder: string,
  choice = process.env.GATEHOUSE_DEMO_REDIS,
): Promise<DemoRedis> {
  const program = choice === 'embedded' ? null : (onPath('redis-server') ?? onPath('valkey-server'))
  return program === null ? startEmbedded() : startServer(program, folder)
}

async function startEmbedded(): Promise<DemoRedis> {
  // 7.0 is what the tests of Gatehouse run against; nothing newer may creep in unseen.
  const server = await createRedisMock({ compatibility: 'redis-7.0' })
  return {
    url: `redis://${server.host}:${server.port}`,
    kind: 'embedded, keeps nothing',
    isKept: false,
    close: () => server.close(),
  }
}

async function startServer(program: string, folder: string): Promise<DemoRedis> {
  mkdirSync(folder, { recursive: true, mode: 0o700 })
  chmodSync(folder, 0o700)
  const socket = placeSocket(folder)
  if (existsSync(socket)) {
    await stopLeftOver(socket)
    rmSync(socket, { force: true })
  }
  const settings = {
    port: '0',
    unixsocket: socket,
    unixsocketperm: '700',
    dir: folder,
    appendonly: 'yes',
    // A revoked grant must not come back after a power cut, in a demo either.
    appendfsync: 'always',
    save: '',
    'maxmemory-policy': 'noeviction',
    loglevel: 'warning',
    // Its lines say nothing a newcomer could use; how it failed, they do say.
    logfile: join(folder, 'redis.log'),
  }
  const words = Object.entries(settings).flatMap(([key, value]) => [`--${key}`, value])
  // In a process group of its own, so that Ctrl-C ends it after Gatehouse has written its last word.
  const child = spawn(program, words, { stdio: 'ignore', detached: true })
  const failed = Promise.race([
    once(child, 'error').then(([error]) => String(error)),
    once(child, 'exit').then(([status]) => `exit ${String(status)}`),
  ])
  const outcome = await Promise.race([failed, untilAnswered(socket)])
  if (outcome !== null) {
    await stop(child)
    throw new Error(`${program} did not start (${outcome}); see ${join(folder, 'redis.log')}`)
  }
  return {
    url: `unix:${socket}`,
    kind: program.endsWith('valkey-server') ? 'valkey-server' : 'redis-server',
    isKept: true,
    close: () => stop(child),
  }
}

/**
 * In `folder` where the path is short enough for a socket, else in a private temporary folder whose name
 * follows from it: a server left over by an earlier run must be found again.
 */
function placeSocket(folder: string): string {
  const near = join(folder, 'redis.sock')
  if (Buffer.byteLength(near) <= longestSocketPath) return near
  const name = createHash('sha256').update(folder).digest('hex').slice(0, 12)
  const temporary = join(tmpdir(), `gatehouse-demo-${name}`)
  mkdirSync(temporary, { recursive: true, mode: 0o700 })
  const { uid, mode } = lstatSync(temporary)
  // Anyone may create names in a temporary folder: whoever was first there could listen in.
  if (uid !== process.getuid?.() || (mode & 0o77) !== 0) {
    throw new Error(`${temporary} belongs to someone else; remove it and start again.`)
  }
  return join(temporary, 'redis.sock')
}

/** A server whose demo was killed still holds the data; it is asked to stop, never killed blindly. */
async function stopLeftOver(socket: string): Promise<void> {
  const clients = await ask(socket, 'CLIENT LIST')
  if (clients === null) return
  if (clients.includes('name=gatehouse')) throw new Error('Another demo is running on the same state.')
  await ask(socket, 'SHUTDOWN NOSAVE')
  const deadline = performance.now() + 3_000
  while (performance.now() < deadline && (await ask(socket, 'PING')) !== null) await pause(50)
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null || child.pid === undefined) return
  const gone = once(child, 'exit')
  child.kill('SIGTERM')
  const isGone = await Promise.race([gone.then(() => true), pause(1_500).then(() => false)])
  if (isGone) return
  child.kill('SIGKILL')
  await gone
}

/** Null once it answers, a reason when it does not within 5 s. */
async function untilAnswered(socket: string): Promise<string | null> {
  const deadline = performance.now() + 5_000
  while (performance.now() < deadline) {
    // While it loads its data it answers -LOADING.
    if ((await ask(socket, 'PING'))?.startsWith('+PONG')) return null
    await pause(20)
  }
  return 'no answer within 5 s'
}

/** The first bytes of the answer; null when nobody listens. */
function ask(socket: string, command: string): Promise<string | null> {
  return new Promise((resolve) => {
    const connection = createConnection(socket)
    const answer = (text: string | null): void => {
      connection.destroy()
      resolve(text)
    }
    connection.setTimeout(500, () => {
      answer(null)
    })
    connection.on('connect', () => connection.write(`${command}\r\n`))
    connection.on('data', (data) => {
      answer(data.toString('latin1'))
    })
    connection.on('error', () => {
      answer(null)
    })
    connection.on('close', () => {
      answer(null)
    })
  })
}

const pause = (ms: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, ms))

function onPath(name: string): string | null {
  for (const folder of (process.env.PATH ?? '').split(delimiter)) {
    const file = join(folder, name)
    try {
      accessSync(file, constants.X_OK)
      return file
    } catch {
      // not in this folder
    }
  }
  return null
}
