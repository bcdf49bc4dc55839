import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { TestAuthority } from './certificates.js'
import { freePorts } from './ports.js'
import { until } from './until.js'

/** One of several real servers, on a loopback port. */
export interface RedisServer {
  readonly port: number
  /** Sends one command on a connection of its own. */
  call(command: string, ...args: (string | number)[]): Promise<unknown>
  /** SIGKILL, as a crash would. */
  kill(): Promise<void>
  /** Neither answers nor goes away. */
  freeze(): void
  thaw(): void
  restart(): Promise<void>
}

/** Several real servers that keep one state between them. */
export interface Topology {
  /** The `redis` section of a configuration, in braces. */
  readonly section: string
  /** In the beginning, of what Gatehouse keeps. */
  readonly master: RedisServer
  readonly replica: RedisServer
  /** What the master writes from now on does not reach the replica. */
  cutReplication(): Promise<void>
  /** Waits until the replica has what was written before. */
  replicated(): Promise<void>
  /** Waits until the replica has become the master, for those too who decide that. */
  promoted(): Promise<void>
  close(): Promise<void>
}

export interface SentinelTopology extends Topology {
  readonly sentinels: readonly RedisServer[]
  /** The master goes on and answers Gatehouse, and nobody else: neither the sentinels nor the replica. */
  isolate(): Promise<void>
}

export interface ClusterTopology extends Topology {
  readonly others: readonly [RedisServer, RedisServer]
}

/** Where the servers of one topology live, and end. */
interface Site {
  readonly folder: string
  startServer(port: number, ...more: ServerOptions): Promise<RedisServer>
  close(): Promise<void>
}

/** Leaves no server behind, also when they do not come together. */
async function assemble<T>(build: (site: Site) => Promise<T>): Promise<T> {
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-topology-'))
  const servers: RedisServer[] = []
  const close = async (): Promise<void> => {
    await Promise.all(servers.map((server) => server.kill()))
    await rm(folder, { recursive: true, force: true })
  }
  const start: Site['startServer'] = async (port, ...more) => {
    const server = await startServer(folder, port, ...more)
    servers.push(server)
    return server
  }
  return build({ folder, startServer: start, close }).catch(async (error: unknown) => {
    await close()
    throw error
  })
}

const passwords = { server: 'of-the-servers', sentinel: 'of-the-sentinels' }
const gatehouseSlot = 7_783

/** One master, one replica and three sentinels, with passwords and a user for Gatehouse. */
export function startSentinel(authority?: TestAuthority): Promise<SentinelTopology> {
  return assemble((site) => buildSentinel(site, authority))
}

async function buildSentinel(
  { folder, startServer, close }: Site,
  authority: TestAuthority | undefined,
): Promise<SentinelTopology> {
  const tls = await tlsLines(folder, authority)
  await writeFile(join(folder, 'server'), passwords.server)
  await writeFile(join(folder, 'sentinel'), passwords.sentinel)
  const first = await freePorts(5)
  const trust = authority === undefined ? {} : { tls: { ca: authority.ca } }
  const serverLines = (port: number): string[] => [
    ...durable,
    ...tls,
    `requirepass ${passwords.server}`,
    `masteruser replicator`,
    `masterauth ${passwords.server}`,
    `user replicator on >${passwords.server} ~* &* +@all`,
    `user gatehouse on >${passwords.server} ~* &* +@all`,
    ...(port === first ? [] : [`replicaof 127.0.0.1 ${first}`]),
  ]
  const sentinelLines = [
    ...tls,
    `requirepass ${passwords.sentinel}`,
    `sentinel sentinel-pass ${passwords.sentinel}`,
    `sentinel monitor plant 127.0.0.1 ${first} 2`,
    `sentinel auth-pass plant ${passwords.server}`,
    'sentinel down-after-milliseconds plant 1000',
    'sentinel failover-timeout plant 5000',
  ]
  const start = (port: number, lines: string[]) =>
    startServer(port, lines, { username: 'gatehouse', password: passwords.server, ...trust })
  const master = await start(first, serverLines(first))
  const replica = await start(first + 1, serverLines(first + 1))
  const sentinels = await Promise.all(
    [2, 3, 4].map((offset) =>
      startServer(first + offset, sentinelLines, { password: passwords.sentinel, ...trust }, ['--sentinel']),
    ),
  )
  const knowAll = async (sentinel: RedisServer): Promise<boolean> => {
    const fields = (await sentinel.call('SENTINEL', 'MASTER', 'plant')) as string[]
    const field = (name: string): string | undefined => fields[fields.indexOf(name) + 1]
    return field('num-slaves') === '1' && field('num-other-sentinels') === '2'
  }
  for (const sentinel of sentinels) await until('it knows all', () => knowAll(sentinel), 15_000, 100)
  const servers = pair(master, replica)
  await servers.replicated()
  const namesReplica = async (sentinel: RedisServer): Promise<void> => {
    const address = String(await sentinel.call('SENTINEL', 'GET-MASTER-ADDR-BY-NAME', 'plant'))
    if (!address.endsWith(`,${replica.port}`)) throw new Error('not yet')
  }
  const isPromoted = (): Promise<boolean> =>
    Promise.any(sentinels.map(namesReplica)).then(
      () => true,
      () => false,
    )
  const nodes = sentinels.map(({ port }) => `127.0.0.1:${port}`).join(', ')
  return {
    sentinels,
    isolate: async () => {
      await servers.cutReplication()
      // Which the sentinels come as.
      await master.call('ACL', 'SETUSER', 'default', 'off')
      await master.call('CLIENT', 'KILL', 'USER', 'default')
    },
    section:
      `{ username: gatehouse, passwordFile: ${folder}/server, sentinel: ` +
      `{ name: plant, nodes: [${nodes}], passwordFile: ${folder}/sentinel, tls: ${authority !== undefined} } }`,
    ...servers,
    promoted: () => until('it is promoted', isPromoted, 15_000, 50),
    close,
  }
}

/** Three masters, of which one has what Gatehouse keeps, and that one's replica. */
export function startCluster(): Promise<ClusterTopology> {
  return assemble(buildCluster)
}

async function buildCluster({ startServer, close }: Site): Promise<ClusterTopology> {
  // The ports between the nodes too: 10,000 above, where they would be, the system gives ports to anybody.
  const first = await freePorts(8)
  const lines = [
    ...durable,
    'cluster-enabled yes',
    'cluster-node-timeout 1000',
    'masteruser replicator',
    `masterauth ${passwords.server}`,
    `user replicator on >${passwords.server} ~* &* +@all`,
  ]
  const nodes = await Promise.all(
    [0, 1, 2, 3].map((offset) =>
      startServer(first + offset, [...lines, `cluster-port ${first + 4 + offset}`]),
    ),
  )
  const [other, master, another, replica] = nodes as [RedisServer, RedisServer, RedisServer, RedisServer]
  const ranges = [
    [other, 0, 5_460],
    [master, 5_461, 10_922],
    [another, 10_923, 16_383],
  ] as const
  for (const [index, [node, from, to]] of ranges.entries()) {
    await node.call('CLUSTER', 'SET-CONFIG-EPOCH', index + 1)
    await node.call('CLUSTER', 'ADDSLOTSRANGE', from, to)
  }
  for (const node of nodes.slice(1)) await node.call('CLUSTER', 'MEET', '127.0.0.1', first, first + 4)
  const says = async (node: RedisServer, ...command: string[]): Promise<string> =>
    String(await node.call('CLUSTER', ...command))
  const isWhole = async (node: RedisServer): Promise<boolean> =>
    (await says(node, 'INFO')).includes('cluster_known_nodes:4') &&
    (await says(node, 'INFO')).includes('cluster_state:ok')
  for (const node of nodes) await until('the cluster is whole', () => isWhole(node), 15_000, 50)
  await replica.call('CLUSTER', 'REPLICATE', await says(master, 'MYID'))
  const knowsReplica = async (node: RedisServer): Promise<boolean> =>
    (await says(node, 'NODES')).includes('slave')
  for (const node of nodes) await until('it knows the replica', () => knowsReplica(node), 15_000, 50)
  const servers = pair(master, replica)
  await servers.replicated()
  return {
    others: [other, another],
    section: `{ cluster: { nodes: [${nodes.map(({ port }) => `127.0.0.1:${port}`).join(', ')}], tls: false } }`,
    ...servers,
    close,
  }
}

/** Gives the slot that holds what Gatehouse keeps, and all that is in it, to another master. */
export async function moveSlot(
  from: RedisServer,
  to: RedisServer,
  all: readonly RedisServer[],
): Promise<void> {
  const [fromId, toId] = await Promise.all([from.call('CLUSTER', 'MYID'), to.call('CLUSTER', 'MYID')])
  await to.call('CLUSTER', 'SETSLOT', gatehouseSlot, 'IMPORTING', String(fromId))
  await from.call('CLUSTER', 'SETSLOT', gatehouseSlot, 'MIGRATING', String(toId))
  for (;;) {
    const keys = (await from.call('CLUSTER', 'GETKEYSINSLOT', gatehouseSlot, 1_000)) as string[]
    if (keys.length === 0) break
    await from.call('MIGRATE', '127.0.0.1', to.port, '', 0, 5_000, 'KEYS', ...keys)
  }
  for (const node of [to, from, ...all])
    await node.call('CLUSTER', 'SETSLOT', gatehouseSlot, 'NODE', String(toId))
}

const durable = [
  'appendonly yes',
  'appendfsync no',
  'save ""',
  'maxmemory-policy noeviction',
  'repl-diskless-sync-delay 0',
]

async function tlsLines(folder: string, authority: TestAuthority | undefined): Promise<string[]> {
  if (authority === undefined) return []
  const { certificate, key } = await authority.issue(['localhost', '127.0.0.1'])
  await writeFile(join(folder, 'cert.pem'), certificate)
  await writeFile(join(folder, 'key.pem'), key)
  await writeFile(join(folder, 'ca.pem'), authority.ca)
  return [
    `tls-cert-file ${folder}/cert.pem`,
    `tls-key-file ${folder}/key.pem`,
    `tls-ca-cert-file ${folder}/ca.pem`,
    'tls-auth-clients no',
    'tls-replication yes',
  ]
}

function pair(
  master: RedisServer,
  replica: RedisServer,
): Pick<Topology, 'master' | 'replica' | 'cutReplication' | 'replicated' | 'promoted'> {
  const info = async (server: RedisServer): Promise<string> =>
    String(await server.call('INFO', 'replication'))
  const offset = async (server: RedisServer, field: string): Promise<string | undefined> =>
    new RegExp(`${field}:(\\d+)`).exec(await info(server))?.[1]
  return {
    master,
    replica,
    cutReplication: async () => {
      await master.call('ACL', 'SETUSER', 'replicator', 'off')
      await master.call('CLIENT', 'KILL', 'TYPE', 'replica')
      await until('it is cut off', async () => (await info(replica)).includes('master_link_status:down'))
    },
    replicated: async () => {
      await until('the replica is linked', async () =>
        (await info(replica)).includes('master_link_status:up'),
      )
      const wanted = Number(await offset(master, 'master_repl_offset'))
      await until(
        'the replica has it',
        async () => Number(await offset(replica, 'slave_repl_offset')) >= wanted,
      )
    },
    promoted: () =>
      until('it is promoted', async () => (await info(replica)).includes('role:master'), 15_000, 50),
  }
}

type ServerOptions = [
  lines: readonly string[],
  login?: {
    readonly username?: string
    readonly password?: string
    readonly tls?: { readonly ca: string }
  },
  flags?: readonly string[],
]

export async function startServer(
  parent: string,
  port: number,
  ...[lines, login = {}, flags = []]: ServerOptions
): Promise<RedisServer> {
  const folder = join(parent, String(port))
  await mkdir(folder)
  const file = join(folder, 'redis.conf')
  const ports = login.tls === undefined ? [`port ${port}`] : ['port 0', `tls-port ${port}`]
  const own = ['bind 127.0.0.1', ...ports, `dir ${folder}`]
  await writeFile(file, `${[...own, ...lines].join('\n')}\n`)
  const connect = (): Redis => {
    const client = new Redis({
      port,
      ...login,
      retryStrategy: null,
      enableReadyCheck: false,
      commandTimeout: 1_000,
      disconnectTimeout: 100,
    })
    client.on('error', () => undefined) // the command fails too
    return client
  }
  const call: RedisServer['call'] = async (command, ...args) => {
    const client = connect()
    try {
      return await client.call(command, ...args)
    } finally {
      client.disconnect()
    }
  }
  const launch = async (): Promise<ChildProcess> => {
    const started = spawn('redis-server', [file, ...flags], { stdio: 'ignore' })
    const failed = once(started, 'error').then(([error]) => {
      throw new Error('redis-server is needed for this test: apt-get install redis-server', { cause: error })
    })
    const answers = until('it answers', () => call('PING').catch(() => null), 10_000, 20)
    await Promise.race([failed, answers]).catch((error: unknown) => {
      started.kill('SIGKILL')
      throw error
    })
    return started
  }
  let child = await launch()
  const kill = async (): Promise<void> => {
    if (child.exitCode !== null || child.signalCode !== null) return
    child.kill('SIGKILL')
    await once(child, 'exit')
  }
  return {
    port,
    call,
    kill,
    freeze: () => void child.kill('SIGSTOP'),
    thaw: () => void child.kill('SIGCONT'),
    restart: async () => {
      await kill()
      child = await launch()
    },
  }
}
