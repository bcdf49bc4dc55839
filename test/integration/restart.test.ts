import { Agent, request } from 'node:http'
import { connect } from 'node:net'
import { readLedger, verifyLedger } from '../../src/audit/index.js'
import { loadKeyring } from '../../src/config/index.js'
import type { Client } from '../support/client.js'
import { startPair, type Instance, type Pair } from '../support/pair.js'
import { startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

describe('two instances behind HAProxy', () => {
  let plant: Plant
  let pair: Pair
  let client: Client

  beforeAll(async () => {
    plant = await startPlant()
    await plant.issue()
    client = await plant.signIn('vendor')
    await client.navigate(press('/'))
    client.close()
    pair = await startPair(plant)
    await pair.untilServing('gateway-1', 'gateway-2')
  }, 90_000)
  afterEach(async () => {
    client.close()
    await pair.untilServing('gateway-1', 'gateway-2')
  }, 30_000)
  afterAll(async () => {
    await pair.close()
    await plant.close()
  }, 30_000)

  const press = (path: string): string => plant.origin('press-3') + path
  const records = async (event: string, writer: string): Promise<Record<string, unknown>[]> => {
    const found = []
    for await (const { fields, writer: of } of readLedger({ directory: plant.config.audit.directory, event }))
      if (of === writer) found.push({ ...fields })
    return found
  }
  const verify = () =>
    verifyLedger({
      directory: plant.config.audit.directory,
      publicKey: loadKeyring(plant.config.keys.file).ledger.publicKey,
    })
  /** Which of the two has a stream of ours. */
  const holderOf = async (path: string): Promise<Instance> => {
    for (const instance of pair.instances) {
      const found = await records('request.decided', instance.writer)
      if (found.some((record) => record.path === path)) return instance
    }
    throw new Error(`nobody has ${path}`)
  }

  it('takes over when one is killed, and names afterwards what that interrupted', async () => {
    const live = await client.openWebSocket(press('/live?which=first'))
    const holder = await holderOf('/live')
    holder.signal('SIGKILL')
    await holder.ended()
    const killedAt = performance.now()
    // Who looks again finds the other one, with the cookies they have.
    const answers = await Promise.all(Array.from({ length: 20 }, () => client.fetch(press('/'))))
    expect(answers.map(({ status }) => status)).toEqual(Array(20).fill(200))
    await live.closed
    const again = await client.openWebSocket(press('/live'))
    expect(await again.next()).toMatch(/^\d+$/)
    const backMs = performance.now() - killedAt
    expect(backMs).toBeLessThan(2_000)
    console.info(`taken over within ${Math.round(backMs)} ms of the kill, WebSocket included`)
    expect((await client.navigate(plant.portal)).text).toContain('press-3 panel')

    await holder.start()
    const interrupted = await records('stream.interrupted', holder.writer)
    expect(interrupted.filter(({ kind }) => kind === 'websocket')).toEqual([
      expect.objectContaining({
        endpointId: 'press-3',
        grantId: expect.stringMatching(/^g-/) as string,
        principalId: expect.stringMatching(/^p-/) as string,
        beganAt: expect.stringMatching(/^20\d\d-/) as string,
      }),
    ])
    expect(await verify()).toMatchObject({ ok: true })
  }, 60_000)

  it('goes down in good order while Redis is frozen, and at once when it is told twice', async () => {
    const [first] = pair.instances
    const idle = connect(first.operationsPort, '127.0.0.1')
    plant.redis.process.kill('SIGSTOP')
    try {
      first.signal('SIGTERM')
      const toldAt = performance.now()
      expect(await first.ended()).toBe(0)
      expect(performance.now() - toldAt).toBeLessThan(10_000)
      console.info(`with Redis frozen, gone after ${Math.round(performance.now() - toldAt)} ms`)
    } finally {
      plant.redis.process.kill('SIGCONT')
      idle.destroy()
    }
    await first.start()
    await pair.untilServing('gateway-1', 'gateway-2')

    const endless = await client.stream(press('/endless?twice'))
    const holder = await holderOf('/endless')
    holder.signal('SIGTERM')
    await until('it has understood', () => holder.output().includes('gateway stopping'))
    const firstToldAt = performance.now()
    await until('that is another order', () => performance.now() > firstToldAt + 1_100)
    const againAt = performance.now()
    holder.signal('SIGTERM')
    expect(await endless.ended).toBe('broken')
    expect(await holder.ended()).toBe(0)
    expect(performance.now() - againAt).toBeLessThan(3_000)
    await holder.start()
  }, 90_000)

  it('loses no request when both are restarted in turn under load', async () => {
    const load = startLoad()
    const lives = keepLive()
    try {
      await until('the load is steady', () => load.answered() > 500, 20_000)
      for (const instance of pair.instances) {
        instance.signal('SIGTERM')
        expect(await instance.ended()).toBe(0)
        const answered = load.answered()
        await until('the other one serves', () => load.answered() > answered + 100, 20_000)
        await instance.start()
        await pair.untilServing('gateway-1', 'gateway-2')
      }
      const answered = load.answered()
      await until('both serve again', () => load.answered() > answered + 500, 20_000)
    } finally {
      await Promise.all([load.stop(), lives.stop()])
    }
    const { sent, failures, seconds, posted } = load
    const { codes, failed } = lives
    console.info(
      `${sent} requests in ${seconds.toFixed(1)} s, ${failures.length} failed; WebSockets closed: ${codes.join() || 'none'}`,
    )
    expect(failures).toEqual([])
    // Each change reached the machine, once.
    const targets = plant.machine.received.map(({ target }) => target)
    expect(targets.filter((target) => target.startsWith('/setpoint?')).sort()).toEqual([...posted].sort())
    expect([...new Set(codes)]).toEqual([1001])
    expect(failed).toEqual([])
    expect(await verify()).toMatchObject({ ok: true })
  }, 120_000)

  /** Some three hundred requests a second, whatever becomes of those before; one in ten changes something. */
  function startLoad() {
    const agent = new Agent({ keepAlive: true, maxSockets: 40 })
    const cookie = client.cookies.header(new URL(press('/')), { isForeign: false, navigation: null })
    const { host, port } = new URL(press('/'))
    const failures: string[] = []
    const posted: string[] = []
    const open = new Set<Promise<void>>()
    const beganAt = performance.now()
    let sent = 0
    let answered = 0
    const send = (): void => {
      sent += 1
      const method = sent % 10 === 0 ? 'POST' : 'GET'
      const path = method === 'POST' ? `/setpoint?${sent}` : `/page?${sent}`
      if (method === 'POST') posted.push(path)
      const headers = { Host: host, Cookie: cookie, Origin: plant.origin('press-3') }
      const outcome = new Promise<string | null>((resolve) => {
        const call = request({ agent, port, host: '127.0.0.1', path, method, headers })
        call.on('error', (error) => resolve(`${method} ${path}: ${error.message}`))
        call.on('response', (response) => {
          let text = ''
          response.setEncoding('utf8').on('data', (chunk: string) => (text += chunk))
          response.on('close', () => {
            if (!response.complete) resolve(`${method} ${path}: cut`)
            else if (response.statusCode === 200) resolve(null)
            else resolve(`${method} ${path}: ${String(response.statusCode)} ${text.slice(0, 200)}`)
          })
        })
        call.end(method === 'POST' ? 'speed=1' : undefined)
      })
      const done = outcome.then((failure) => {
        if (failure === null) answered += 1
        else failures.push(failure)
        open.delete(done)
      })
      open.add(done)
    }
    const timer = setInterval(() => {
      for (let count = 0; count < 3; count += 1) send()
    }, 10)
    return {
      answered: () => answered,
      failures,
      posted,
      get sent() {
        return sent
      },
      seconds: 0,
      async stop() {
        clearInterval(timer)
        this.seconds = (performance.now() - beganAt) / 1_000
        await Promise.all(open)
        agent.destroy()
      },
    }
  }

  /** Ten people who watch a machine, and look again when they are told to. */
  function keepLive() {
    const codes: number[] = []
    const failed: unknown[] = []
    const over = new AbortController()
    const watch = async (): Promise<void> => {
      const live = await client.openWebSocket(press('/live'))
      await live.next()
      const { code } = await live.closed
      if (over.signal.aborted) return
      codes.push(code)
      await watch()
    }
    const watching = Array.from({ length: 10 }, () =>
      watch().catch((error: unknown) => {
        if (!over.signal.aborted) failed.push(error)
      }),
    )
    return {
      codes,
      failed,
      async stop() {
        over.abort()
        client.close()
        await Promise.all(watching)
      },
    }
  }
})
