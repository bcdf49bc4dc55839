import { createServer, type IncomingMessage } from 'node:http'
import type { AddressInfo, Socket } from 'node:net'
import { createUpstreams, startProbes, type Probes, type Upstreams } from '../../src/dataplane/index.js'
import { systemClock, type Logger } from '../../src/lib/index.js'
import type { Endpoint } from '../../src/model.js'
import { endpointUnderTest } from '../support/endpoint.js'
import { silentLogger } from '../support/logger.js'
import { startMachine } from '../support/machine.js'
import { startPlant } from '../support/plant.js'
import { eventually } from '../support/wire.js'

/** A small machine that counts who asks it, and can be switched off and on. */
class Panel {
  readonly requests: IncomingMessage[] = []
  mostSockets = 0
  status = 200
  port = 0
  readonly #sockets = new Set<Socket>()
  readonly #server = createServer((req, res) => {
    this.requests.push(req)
    res.writeHead(this.status).end('I am here')
  })

  constructor() {
    this.#server.on('connection', (socket) => {
      this.#sockets.add(socket)
      this.mostSockets = Math.max(this.mostSockets, this.#sockets.size)
      socket.on('close', () => this.#sockets.delete(socket))
    })
  }

  async on(): Promise<void> {
    await new Promise<void>((resolve) => this.#server.listen(this.port, '127.0.0.1', resolve))
    this.port = (this.#server.address() as AddressInfo).port
  }

  async off(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy()
    if (this.#server.listening) await new Promise((resolve) => this.#server.close(resolve))
  }

  get openSockets(): number {
    return this.#sockets.size
  }
}

describe('a machine that is asked how it is', () => {
  let panel: Panel
  let upstreams: Upstreams
  let probes: Probes
  let said: string[]

  beforeEach(async () => {
    panel = new Panel()
    await panel.on()
    said = []
    const note = (message: string): void => void said.push(message)
    const logger: Logger = { ...silentLogger, info: note, warn: note }
    upstreams = createUpstreams({ clock: systemClock, logger: silentLogger })
    const upstream = new URL(`http://127.0.0.1:${panel.port}`)
    const probe = { path: '/ping?from=gate', intervalMs: 20 }
    const credentials = { kind: 'basic', user: 'hmi', password: 'only-for-the-test' } as const
    const endpoints: Endpoint[] = [
      endpointUnderTest({ upstream, probe, credentials }),
      endpointUnderTest({ id: 'press-4', upstream }),
    ]
    probes = startProbes({ clock: systemClock, logger, upstreams, endpoints })
  })
  afterEach(async () => {
    probes.close()
    upstreams.close()
    await panel.off()
  })

  it('gets one short request at a time, with no secret in it, and only if it wants any', async () => {
    await eventually(() => panel.requests.length > 5)
    expect(panel.mostSockets).toBe(1)
    const [request] = panel.requests
    expect(`${request?.method} ${request?.url}`).toBe('GET /ping?from=gate')
    expect(request?.headers).toEqual({
      host: `127.0.0.1:${panel.port}`,
      accept: 'text/html,*/*',
      'user-agent': 'Gatehouse',
      connection: 'close',
    })
    expect(probes.list()).toMatchObject([{ endpointId: 'press-3', state: 'reachable', status: 200 }])
  })

  it('is there as long as it answers, whatever it answers', async () => {
    await eventually(() => probes.list()[0]?.status === 200)
    const since = probes.list()[0]?.since
    panel.status = 503
    await eventually(() => probes.list()[0]?.status === 503)
    expect(probes.list()).toMatchObject([{ state: 'reachable', since, problem: null }])
    expect(said).toEqual(['probe: machine answers'])
  })

  it('is told of when it goes and when it comes back, and not in between', async () => {
    await eventually(() => probes.list()[0]?.state === 'reachable')
    await panel.off()
    await eventually(() => probes.list()[0]?.state === 'unreachable')
    const gone = probes.list()[0]
    expect(gone).toMatchObject({ status: null, problem: 'upstream-unreachable' })
    await eventually(() => (probes.list()[0]?.checkedAt ?? 0) > (gone?.checkedAt ?? 0))
    expect(probes.list()[0]?.since).toBe(gone?.since)
    await panel.on()
    await eventually(() => probes.list()[0]?.state === 'reachable')
    expect(said).toEqual([
      'probe: machine answers',
      'probe: machine does not answer',
      'probe: machine answers',
    ])
  })

  it('is left alone once the gateway stops', async () => {
    await eventually(() => panel.requests.length > 0)
    probes.close()
    await eventually(() => panel.openSockets === 0)
    const { length } = panel.requests
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(panel.requests.length - length).toBeLessThanOrEqual(1)
  })
})

describe('a gateway without a probe in its configuration', () => {
  it('asks no machine anything', async () => {
    const machine = await startMachine()
    const plant = await startPlant({ endpoints: [{ id: 'press-3', upstream: machine.url }] })
    expect(plant.gatehouse.health()).toEqual([])
    await plant.close()
    expect(machine.received).toEqual([])
    await machine.close()
  }, 30_000)
})
