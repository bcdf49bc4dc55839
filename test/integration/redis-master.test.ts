import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { createMasterFinder, type MasterFinder, type Witnesses } from '../../src/lib/redis-master.js'
import { silentLogger } from '../support/logger.js'
import { freePorts } from '../support/ports.js'
import { startServer, type RedisServer } from '../support/redis-topologies.js'
import { until } from '../support/until.js'

/** Servers that keep, as their only state, whom they take for the master: the test decides who is cut off from whom. */
describe('when witnesses disagree who the master is', () => {
  let folder: string
  let servers: [RedisServer, RedisServer, RedisServer]
  let finder: MasterFinder
  let client: Redis

  const ask: Witnesses['ask'] = async (witness) => {
    const [port, epoch] = await witness.hmget('master', 'port', 'epoch')
    return port == null ? null : { host: '127.0.0.1', port: Number(port), epoch: Number(epoch) }
  }
  const say = async (witness: RedisServer, master: RedisServer, epoch: number): Promise<void> => {
    await witness.call('HSET', 'master', 'port', master.port, 'epoch', epoch)
  }
  const connectedTo = async (): Promise<number> =>
    Number(((await client.config('GET', 'port')) as string[])[1])
  const begin = (): void => {
    const nodes = servers.map(({ port }) => ({ host: '127.0.0.1', port }))
    finder = createMasterFinder({ nodes, ask, tls: false }, silentLogger)
    client = new Redis({ ...finder.settings, maxRetriesPerRequest: 0 })
    client.on('error', () => undefined)
  }

  beforeEach(async () => {
    folder = await mkdtemp(join(tmpdir(), 'gatehouse-witnesses-'))
    const first = await freePorts(3)
    const [a, b, c] = await Promise.all([0, 1, 2].map((offset) => startServer(folder, first + offset, [])))
    servers = [a, b, c] as typeof servers
  })
  afterEach(async () => {
    client.disconnect()
    finder.close()
    await Promise.all(servers.map((server) => server.kill()))
    await rm(folder, { recursive: true, force: true })
  })

  it('believes the one that knows of the latest election', async () => {
    const [a, b, c] = servers
    await say(a, a, 1)
    await say(b, b, 2)
    await say(c, a, 1)
    begin()
    expect(await connectedTo()).toBe(b.port)
    await say(c, c, 3)
    await until('it has moved', async () => (await connectedTo().catch(() => 0)) === c.port, 1_500)
  })

  it('does not go back while only those answer who have missed the election', async () => {
    const [a, b, c] = servers
    await say(a, a, 1)
    await say(b, b, 2)
    begin()
    expect(await connectedTo()).toBe(b.port)
    let attempts = 0
    client.on('reconnecting', () => (attempts += 1))
    await b.kill()
    await until('it has tried again and again', () => attempts >= 6)
    expect(await a.call('CLIENT', 'LIST')).not.toContain('cmd=info')
    await say(c, c, 3)
    await until('it goes on', async () => (await connectedTo().catch(() => 0)) === c.port, 3_000)
  })

  it('believes all of them when they have been set up anew', async () => {
    const [a, b, c] = servers
    for (const witness of servers) await say(witness, a, 7)
    begin()
    expect(await connectedTo()).toBe(a.port)
    for (const witness of servers) await say(witness, b, 1)
    await until('it has moved', async () => (await connectedTo().catch(() => 0)) === b.port, 1_500)
    await say(c, c, 2)
    await until('it has moved again', async () => (await connectedTo().catch(() => 0)) === c.port, 1_500)
  })
})
