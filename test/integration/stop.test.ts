import { readLedger, verifyLedger } from '../../src/audit/index.js'
import { loadKeyring } from '../../src/config/index.js'
import type { Client } from '../support/client.js'
import { readiness } from '../support/operations.js'
import { startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'
import { dial, type RawClient } from '../support/wire.js'

const announceMs = 1_000
/** Of six seconds, one announces and three are for writing what happened. */
const finishMs = 2_000

describe('an instance that is told to stop', () => {
  let plant: Plant
  let client: Client
  let raws: RawClient[] = []

  beforeAll(async () => {
    plant = await startPlant({ stop: { announce: 1, shutdown: 6 } })
    await plant.issue()
  }, 30_000)
  beforeEach(async () => {
    client = await plant.signIn('vendor')
    await client.navigate(press('/'))
  })
  afterEach(async () => {
    client.close()
    for (const raw of raws) raw.socket.destroy()
    raws = []
    plant.machine.release()
    await plant.restart()
  }, 15_000)
  afterAll(() => plant.close())

  const press = (path: string): string => plant.origin('press-3') + path
  const connect = (): RawClient => {
    const raw = dial(plant.gatehouse.address.port)
    raws.push(raw)
    return raw
  }
  const connected = async (): Promise<RawClient> => {
    const raw = connect()
    raw.send(request('GET / HTTP/1.1'))
    await raw.until('</p>')
    return raw
  }
  const request = (line: string, ...more: string[]): string => {
    const cookie = client.cookies.header(new URL(press('/')), { isForeign: false, navigation: 'safe' })
    return [line, `Host: ${new URL(press('/')).host}`, `Cookie: ${cookie}`, ...more, '', ''].join('\r\n')
  }
  const upgrade = (): string =>
    request(
      'GET /live HTTP/1.1',
      `Origin: ${plant.origin('press-3')}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
    )
  const isListening = (): Promise<boolean> => {
    const raw = connect()
    return Promise.race([
      new Promise<boolean>((resolve) => raw.socket.once('connect', () => resolve(true))),
      raw.ended.then(() => false),
    ])
  }
  const notListening = (): Promise<void> => until('it listens no more', async () => !(await isListening()))
  const completions = async (): Promise<Record<string, unknown>[]> => {
    const found = []
    const { directory } = plant.config.audit
    for await (const { fields } of readLedger({ directory, event: 'request.completed' }))
      found.push({ ...fields })
    return found
  }

  it('says so at once, and serves on for as long as it announces', async () => {
    expect(await readiness(plant)).toMatchObject({ http: 200, problems: [] })
    const kept = await connected()
    const began = performance.now()
    const stopped = plant.gatehouse.close()
    expect(await readiness(plant)).toMatchObject({ http: 503, problems: ['this instance is stopping'] })

    kept.send(request('GET /kept HTTP/1.1'))
    expect(await kept.until('id="path">/kept</p>')).toMatch(/\r\nConnection: close\r\n.*\/kept/s)
    const fresh = connect()
    fresh.send(request('GET /fresh HTTP/1.1'))
    expect(await fresh.until('id="path">/fresh</p>')).toContain('\r\nConnection: close\r\n')
    expect(await Promise.all([kept.ended, fresh.ended])).toEqual(['closed', 'closed'])
    const live = await client.openWebSocket(press('/live'))

    await notListening()
    expect(performance.now() - began).toBeGreaterThan(announceMs - 50)
    expect(await live.closed).toEqual({ code: 1001, reason: 'gateway-stopping' })
    await stopped
    expect(performance.now() - began).toBeLessThan(announceMs + finishMs)
  })

  it('closes WebSockets with 1001, towards the browser and the machine, and opens none', async () => {
    const before = plant.machine.closings.length
    const [first, second] = [
      await client.openWebSocket(press('/live')),
      await client.openWebSocket(press('/live')),
    ]
    const stopped = plant.gatehouse.close()
    // A request holds the stop, so that there is somebody to ask for more.
    const held = client.fetch(press('/held'))
    await until('the machine has it', () => plant.machine.received.at(-1)?.target === '/held')
    const late = connect()
    await notListening()
    late.send(upgrade())
    expect(await late.until(/\r\n\r\n./s)).toMatch(/^HTTP\/1\.1 503 .*\r\nretry-after: 10\r\n.*stopping/is)
    plant.machine.release()
    expect((await held).text).toBe('released')
    for (const { closed } of [first, second])
      expect(await closed).toEqual({ code: 1001, reason: 'gateway-stopping' })
    await until('the machine was told', () => plant.machine.closings.length === before + 2)
    expect(plant.machine.closings.slice(before)).toEqual([1001, 1001])
    await stopped
  })

  it('finishes a change that is under way, and one whose body is still coming', async () => {
    const held = client.fetch(press('/held'), { method: 'POST', body: 'speed=1' })
    const upload = connect()
    const head = request('POST /setpoint HTTP/1.1', `Origin: ${plant.origin('press-3')}`, 'Content-Length: 8')
    upload.send(`${head}spee`)
    await until('both are open', () => plant.gatehouse.streams().length === 2)
    const stopped = plant.gatehouse.close()
    await notListening()
    upload.send('d=42')
    expect(await upload.until('taken')).toMatch(
      /HTTP\/1\.1 200 .*\r\nConnection: close\r\n.*taken: speed=42/s,
    )
    plant.machine.release()
    expect((await held).text).toBe('released')
    await stopped
    expect((await completions()).slice(-2).map(({ end, status }) => [end, status])).toEqual([
      ['complete', 200],
      ['complete', 200],
    ])
  })

  it('lets a download end within its bound, and cuts one that does not, for all to see', async () => {
    // More than sockets hold while nobody reads, and little enough for a slow host within the bound.
    const short = await client.stream(press('/megabytes/20'))
    short.pause()
    const endless = await client.stream(press('/endless'))
    const began = performance.now()
    const stopped = plant.gatehouse.close()
    await notListening()
    short.resume()
    expect(await short.ended).toBe('complete')
    expect(await endless.ended).toBe('broken')
    expect(performance.now() - began).toBeGreaterThan(announceMs + finishMs - 50)
    await stopped
    expect((await completions()).at(-1)).toMatchObject({ end: 'cut', cause: 'gateway-stopping' })
    const { directory } = plant.config.audit
    const { publicKey } = loadKeyring(plant.config.keys.file).ledger
    expect(await verifyLedger({ directory, publicKey })).toMatchObject({ ok: true })
  })

  it('serves who has just connected, and closes who says nothing without a reset', async () => {
    const idle = await connected()
    const stopped = plant.gatehouse.close()
    // For 20 ms at a time, so that the last of them is there, unused, when the listener closes.
    let last = connect()
    await until('it listens no more', async () => {
      const next = connect()
      const isOpen = await Promise.race([
        new Promise<boolean>((resolve) => next.socket.once('connect', () => resolve(true))),
        next.ended.then(() => false),
      ])
      if (isOpen) last = next
      return !isOpen
    })
    last.send(request('GET /just-in-time HTTP/1.1'))
    expect(await last.until('/just-in-time</p>')).toMatch(/^HTTP\/1\.1 200 .*\r\nConnection: close\r\n/s)
    expect(await idle.ended).toBe('closed')
    await stopped
  })

  it('answers what has arrived unread, on connections old and new, when the listener closes', async () => {
    const olds = await Promise.all(Array.from({ length: 20 }, connected))
    const began = performance.now()
    const stopped = plant.gatehouse.close()
    let news: RawClient[] = []
    await new Promise<void>((resolve) => {
      setTimeout(() => {
        for (const old of olds) old.send(request('GET /old HTTP/1.1'))
        news = Array.from({ length: 20 }, connect)
        for (const fresh of news) fresh.send(request('GET /new HTTP/1.1'))
        // Nothing is read any more before the announced time is over.
        while (performance.now() < began + announceMs + 20);
        resolve()
      }, announceMs - 20)
    })
    await Promise.all([...olds, ...news].map(({ ended }) => ended))
    const answers = [...olds, ...news].map((raw) => /\/(?:old|new)<\/p>/.test(raw.text()))
    expect(answers).toEqual(Array(40).fill(true))
    await stopped
  })

  it('cuts at once when it is told a second time', async () => {
    const endless = await client.stream(press('/endless'))
    const began = performance.now()
    const stopped = plant.gatehouse.close()
    plant.gatehouse.hurry()
    expect(await endless.ended).toBe('broken')
    await stopped
    expect(performance.now() - began).toBeLessThan(announceMs)
    expect((await completions()).at(-1)).toMatchObject({ end: 'cut', cause: 'gateway-stopping' })
  })

  it('is not held by a client that reads nothing', async () => {
    const lazy = connect()
    lazy.send(request('GET /megabytes/100 HTTP/1.1'))
    await lazy.until('200 OK')
    lazy.socket.pause()
    const began = performance.now()
    await plant.gatehouse.close()
    expect(performance.now() - began).toBeLessThan(6_000)
  })

  it('loses no request on a kept-alive connection that was used when the order came', async () => {
    const clients = await Promise.all(Array.from({ length: 50 }, connected))
    const stopped = plant.gatehouse.close()
    // Each asks once more, at any moment of the stop, as far as it still may.
    const outcomes = await Promise.all(
      clients.map(async (raw, index) => {
        const at = performance.now() + index * 30
        await Promise.race([raw.ended, until('its moment has come', () => performance.now() >= at, 5_000, 1)])
        // Whoever has seen the end of the connection asks elsewhere.
        if (raw.socket.readableEnded || raw.socket.destroyed) return 'told before'
        raw.send(request(`GET /again-${index} HTTP/1.1`))
        await Promise.race([raw.ended, raw.until(`/again-${index}</p>`)])
        return raw.text().includes(`/again-${index}</p>`) ? 'answered' : 'lost'
      }),
    )
    const count = (what: string): number => outcomes.filter((outcome) => outcome === what).length
    expect(count('answered')).toBeGreaterThan(20)
    expect(count('told before')).toBeGreaterThan(0)
    expect(count('lost')).toBe(0)
    await stopped
  }, 15_000)
})
