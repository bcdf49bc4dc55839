import { once } from 'node:events'
import { request } from 'node:http'
import { WebSocket, type RawData } from 'ws'
import { FillingLine, filler, startHmi, type Hmi } from '../../demo/plant/index.js'
import { until } from '../support/until.js'

let hmi: Hmi
let cookie: string

beforeAll(async () => {
  const line = new FillingLine({ profile: filler, hasIncidents: false })
  hmi = await startHmi({ line, port: 0, name: 'Filler under test', warmUpSeconds: 120 })
  cookie = await signOn()
})

afterAll(() => hmi.close())

async function signOn(): Promise<string> {
  const response = await fetch(`${hmi.url}/hmi/overview`)
  await response.text()
  const [header = ''] = response.headers.getSetCookie()
  expect(header).toMatch(/^HMISESSION=[0-9a-f]{32}; Path=\/; HttpOnly$/)
  return header.split(';')[0] ?? ''
}

function post(path: string, body: string, headers: Record<string, string> = {}): Promise<Response> {
  return fetch(hmi.url + path, {
    method: 'POST',
    redirect: 'manual',
    headers: { cookie, 'content-type': 'application/json', ...headers },
    body,
  })
}

interface Viewer {
  readonly socket: WebSocket
  next(type: string): Promise<Record<string, unknown>>
}

async function watch(headers: Record<string, string> = { cookie }): Promise<Viewer> {
  const socket = new WebSocket(`${hmi.url.replace('http', 'ws')}/live`, { headers })
  const received: Record<string, unknown>[] = []
  socket.on('message', (data: RawData) => received.push(JSON.parse((data as Buffer).toString()) as never))
  await once(socket, 'open')
  return {
    socket,
    next: async (type) => {
      received.length = 0
      await until(`a ${type} message`, () => received.some((message) => message.type === type))
      return received.find((message) => message.type === type) ?? {}
    },
  }
}

describe('the pages of an HMI', () => {
  it('are reached from the root, by absolute paths', async () => {
    const response = await fetch(hmi.url, { redirect: 'manual' })
    expect(response.status).toBe(302)
    expect(response.headers.get('location')).toBe('/hmi/overview')
  })

  it.each(['overview', 'setpoints', 'alarms', 'trend'])(
    'include %s, complete without scripts',
    async (page) => {
      const response = await fetch(`${hmi.url}/hmi/${page}`)
      const html = await response.text()
      expect(response.status).toBe(200)
      expect(html).toContain('Filler under test')
      for (const asset of html.match(/(?:src|href)="\/assets\/[^"]+"/g) ?? []) {
        const path = asset.split('"')[1] ?? ''
        expect((await fetch(hmi.url + path)).status).toBe(200)
      }
      if (page === 'overview') expect(html).toMatch(/id="live-speed"[^>]*>4[12]\d</)
    },
  )

  it('are not loaded twice when nothing changed', async () => {
    const first = await fetch(`${hmi.url}/assets/hmi.css`)
    const etag = first.headers.get('etag') ?? ''
    const again = await fetch(`${hmi.url}/assets/hmi.css`, { headers: { 'if-none-match': etag } })
    expect(again.status).toBe(304)
    expect(await again.text()).toBe('')
  })

  it('answer unknown paths and methods plainly', async () => {
    expect((await fetch(`${hmi.url}/hmi/recipes`)).status).toBe(404)
    expect((await fetch(`${hmi.url}/assets/../hmi.ts`)).status).toBe(404)
    expect((await fetch(hmi.url, { method: 'DELETE' })).status).toBe(405)
  })
})

describe('a setpoint', () => {
  it('is taken as JSON', async () => {
    const response = await post('/api/setpoint', '{"speed":430}')
    expect(response.status).toBe(200)
    expect(await response.json()).toEqual({ ok: true, message: 'Written: Line speed 430 bpm.' })
    expect(hmi.line.snapshot().setpoints.speed).toBe(430)
  })

  it('is taken as a form, whose answer is shown once on the page', async () => {
    const type = { 'content-type': 'application/x-www-form-urlencoded', accept: 'text/html' }
    const response = await post('/api/setpoint', 'speed=440&level=71', type)
    expect(response.status).toBe(303)
    expect(response.headers.get('location')).toBe('/hmi/setpoints')
    const page = async (): Promise<string> =>
      (await fetch(`${hmi.url}/hmi/setpoints`, { headers: { cookie } })).text()
    const words = 'Written: Line speed 440 bpm, Tank level 71 %.'
    expect(await page()).toContain(words)
    expect(await page()).not.toContain(words)
  })

  it('is taken over the WebSocket, and the line follows', async () => {
    const viewer = await watch()
    const answered = viewer.next('setpoint-result')
    viewer.socket.send('{"type":"setpoint","name":"speed","value":450}')
    expect(await answered).toMatchObject({ ok: true, message: 'Written: Line speed 450 bpm.' })
    await until('the speed is reached', () => hmi.line.snapshot().values.speed > 445)
    viewer.socket.terminate()
  })

  it.each([
    ['{"speed":601}', 'Line speed must be 0 to 600 bpm.', 'speed'],
    ['{"speed":-1}', 'Line speed must be 0 to 600 bpm.', 'speed'],
    ['{"speed":"fast"}', 'Line speed must be 0 to 600 bpm.', 'speed'],
    ['{"speed":null}', 'Line speed must be 0 to 600 bpm.', 'speed'],
    ['{"speed":400,"temperature":99}', 'Product temperature must be 2 to 12 °C.', 'temperature'],
    ['{"pressure":3}', 'The panel has no such setpoint.', 'pressure'],
    ['{"__proto__":3}', 'The panel has no such setpoint.', '__proto__'],
    ['{}', 'No setpoint given.', undefined],
    ['[1]', 'The command could not be read.', undefined],
    ['{"speed":', 'The command could not be read.', undefined],
  ])('like %s is refused whole', async (body, message, field) => {
    const before = hmi.line.snapshot().setpoints
    const response = await post('/api/setpoint', body)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ message, ...(field === undefined ? {} : { field }) })
    expect(hmi.line.snapshot().setpoints).toEqual(before)
  })

  it('that is far too long is refused and not kept in memory', async () => {
    const response = await post('/api/setpoint', `{"speed":4${' '.repeat(1_000_000)}00}`)
    expect(response.status).toBe(400)
  })

  it('without a session of the panel is refused, by request and by WebSocket', async () => {
    const before = hmi.line.snapshot().setpoints
    for (const foreign of ['', 'HMISESSION=00000000000000000000000000000000', 'OTHER=1']) {
      const response = await post('/api/setpoint', '{"speed":100}', { cookie: foreign })
      expect(response.status).toBe(403)
    }
    const viewer = await watch({})
    const answered = viewer.next('setpoint-result')
    viewer.socket.send('{"type":"setpoint","name":"speed","value":100}')
    expect(await answered).toMatchObject({ ok: false })
    expect(hmi.line.snapshot().setpoints).toEqual(before)
    viewer.socket.terminate()
  })

  it('is entered in the journal under the name the gateway gives', async () => {
    await post('/api/setpoint', '{"temperature":5.5}', { 'x-gatehouse-user': 'ana@machines.example' })
    const { entries } = (await (await fetch(`${hmi.url}/api/journal`)).json()) as { entries: unknown[] }
    expect(entries[0]).toMatchObject({
      kind: 'setpoint',
      text: 'Product temperature setpoint 5 → 5.5 °C',
      by: 'ana@machines.example',
    })
  })
})

describe('the live connection', () => {
  it('pushes values several times a second', async () => {
    const viewer = await watch()
    const started = performance.now()
    const [first, , , last] = [
      await viewer.next('live'),
      await viewer.next('live'),
      await viewer.next('live'),
      await viewer.next('live'),
    ]
    expect(performance.now() - started).toBeLessThan(3_000)
    expect(Number(last.at)).toBeGreaterThan(Number(first.at))
    expect(first).toMatchObject({
      state: expect.any(String),
      values: { speed: expect.any(Number) },
      alarms: [],
    })
    viewer.socket.terminate()
  })

  it('survives nonsense', async () => {
    const viewer = await watch()
    for (const text of ['', 'x', '[]', 'null', '{"type":7}', '{"type":"setpoint"}']) viewer.socket.send(text)
    await viewer.next('live')
    expect(viewer.socket.readyState).toBe(WebSocket.OPEN)
    viewer.socket.terminate()
  })

  it('is closed to a viewer who sends too much, and to nobody else', async () => {
    const [bad, good] = [await watch(), await watch()]
    bad.socket.on('error', () => undefined)
    bad.socket.send('x'.repeat(100_000))
    const [code] = (await once(bad.socket, 'close')) as [number]
    expect(code).toBe(1009)
    await good.next('live')
    good.socket.terminate()
  })

  it('exists at one path only', async () => {
    const call = request(`${hmi.url}/elsewhere`, {
      headers: {
        ...{ connection: 'Upgrade', upgrade: 'websocket' },
        ...{ 'sec-websocket-version': '13', 'sec-websocket-key': 'dGhlIHNhbXBsZSBub25jZQ==' },
      },
    }).end()
    const [response] = (await once(call, 'response')) as [{ statusCode: number }]
    expect(response.statusCode).toBe(404)
  })
})

describe('an alarm', () => {
  it('is raised, shown and acknowledged from the page', async () => {
    hmi.line.jam(3_600)
    await until('the jam is reported', () => hmi.line.snapshot().alarms.some(({ id }) => id === 'XA-230'))
    const answer = await post('/api/alarms/acknowledge', '{"alarm":"XA-230"}')
    expect(await answer.json()).toEqual({ acknowledged: 1 })
    expect(hmi.line.snapshot().alarms).toMatchObject([{ id: 'XA-230', state: 'acknowledged' }])
    const again = await post('/api/alarms/acknowledge', '{"alarm":"*"}')
    expect(await again.json()).toEqual({ acknowledged: 0 })
  })
})

describe('the trend', () => {
  it('has a past before the first visitor came', async () => {
    const trend = (await (await fetch(`${hmi.url}/api/trend?minutes=1`)).json()) as {
      at: number[]
      values: Record<string, number[]>
    }
    expect(trend.at.length).toBeGreaterThan(50)
    expect([...trend.at].sort((a, b) => a - b)).toEqual(trend.at)
    for (const series of Object.values(trend.values)) expect(series).toHaveLength(trend.at.length)
  })
})

describe('closing the panel', () => {
  it('tells viewers and leaves nothing open', async () => {
    const line = new FillingLine({ profile: filler, hasIncidents: false })
    const other = await startHmi({ line, port: 0, name: 'Short', warmUpSeconds: 1 })
    const socket = new WebSocket(`${other.url.replace('http', 'ws')}/live`)
    await once(socket, 'open')
    const closed = once(socket, 'close')
    await other.close()
    const [code] = (await closed) as [number]
    expect([1001, 1006]).toContain(code)
    await expect(fetch(other.url)).rejects.toThrow()
  })
})
