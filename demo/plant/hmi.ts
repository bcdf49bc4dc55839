import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { WebSocketServer, type WebSocket } from 'ws'
import { systemClock } from '../../src/lib/index.js'
import { cookieOf, listen, readBody, redirect, sendHtml, sendJson, type Running } from '../http.js'
import { hmiPages, renderHmi, type HmiPage } from './hmi-pages.js'
import { isSetpointName, type FillingLine, type JournalEntry, type LineSnapshot } from './line.js'
import { scaleNames, setpointNames, type ScaleName, type SetpointName } from './profiles.js'
import { createAssets } from './static-files.js'

export interface HmiOptions {
  readonly line: FillingLine
  /** 0 takes any free port. */
  readonly port: number
  /** What the title bar calls this panel. */
  readonly name: string
  readonly site?: string
  /** History that is simulated before the first visitor comes, so that the trend is not empty. Default: 900. */
  readonly warmUpSeconds?: number
}

export interface Hmi extends Running {
  readonly line: FillingLine
  /** Open live connections. */
  viewers(): number
}

const tickMs = 100
const pushEveryTicks = 2
const sampleMs = 1_000
const keptSamples = 900
const sessionCookie = 'HMISESSION'
/** A panel of this kind has little memory: the oldest session makes room. */
const keptSessions = 500
/** A viewer that does not read is skipped, not buffered for. */
const unreadLimitBytes = 256 * 1024

interface Sample {
  readonly at: number
  readonly values: Readonly<Record<ScaleName, number>>
  readonly setpoints: Readonly<Record<SetpointName, number>>
}

/**
 * The panel of one machine, as such panels are: absolute paths, its own session cookie, live values
 * pushed over a WebSocket, setpoints taken by form, by JSON and over the same WebSocket.
 */
export async function startHmi(options: HmiOptions): Promise<Hmi> {
  const panel = new HmiPanel(options)
  const server = createServer((req, res) => {
    panel.answer(req, res).catch(() => {
      if (res.headersSent) res.destroy()
      else sendJson(res, 500, { message: 'The panel could not answer.' })
    })
  })
  const sockets = new WebSocketServer({ noServer: true, maxPayload: 16_384 })
  server.on('upgrade', (req, socket, head) => {
    socket.on('error', () => socket.destroy())
    if (new URL(req.url ?? '/', 'http://panel').pathname !== '/live') {
      socket.end('HTTP/1.1 404 Not Found\r\nConnection: close\r\nContent-Length: 0\r\n\r\n')
      return
    }
    sockets.handleUpgrade(req, socket, head, (viewer) => {
      panel.watch(viewer, req)
    })
  })
  const running = await listen(server, options.port)
  const ticker = setInterval(() => {
    panel.tick()
  }, tickMs)
  return {
    ...running,
    line: options.line,
    viewers: () => sockets.clients.size,
    close: async () => {
      clearInterval(ticker)
      for (const viewer of sockets.clients) viewer.close(1001, 'panel stopping')
      await running.close()
      for (const viewer of sockets.clients) viewer.terminate()
      sockets.close()
    },
  }
}

class HmiPanel {
  readonly #line: FillingLine
  readonly #name: string
  readonly #site: string
  readonly #assets = createAssets(['hmi.css', 'hmi.js', 'icon.svg'])
  readonly #viewers = new Set<WebSocket>()
  readonly #samples: Sample[] = []
  /** Session → the answer still to be shown to it. */
  readonly #sessions = new Map<string, string | null>()
  #ticks = 0
  #lastTickAt = systemClock.monotonic()
  /** Wall time at the line's second 0. Moved only when the two drifted apart, so that instants shown stay put. */
  #lineBeganAt = systemClock.now()

  constructor(options: HmiOptions) {
    this.#line = options.line
    this.#name = options.name
    this.#site = options.site ?? 'Northfield Beverages · Hall B'
    const warmUpSeconds = options.warmUpSeconds ?? 900
    for (let second = 1; second <= warmUpSeconds; second += 1) {
      this.#line.advance(1)
      this.#sample(systemClock.now() - (warmUpSeconds - second) * 1_000)
    }
    // The shift before left nothing open.
    this.#acknowledge('*', 'panel')
    this.#follow(systemClock.now())
  }

  tick(): void {
    const now = systemClock.monotonic()
    // A laptop that slept must not replay the night.
    this.#line.advance(Math.min(5, (now - this.#lastTickAt) / 1_000))
    this.#lastTickAt = now
    this.#ticks += 1
    const at = systemClock.now()
    this.#follow(at)
    if (at - (this.#samples.at(-1)?.at ?? 0) >= sampleMs) this.#sample(at)
    if (this.#ticks % pushEveryTicks !== 0 || this.#viewers.size === 0) return
    const message = JSON.stringify({ type: 'live', ...this.#live() })
    for (const viewer of this.#viewers) if (viewer.bufferedAmount < unreadLimitBytes) viewer.send(message)
  }

  watch(viewer: WebSocket, req: IncomingMessage): void {
    const session = this.#sessionOf(req)
    const by = operatorOf(req)
    this.#viewers.add(viewer)
    viewer.on('close', () => this.#viewers.delete(viewer))
    viewer.on('error', () => {
      viewer.terminate()
    })
    viewer.on('message', (data) => {
      const message = parseJson((data as Buffer).toString('utf8'))
      if (message?.type !== 'setpoint') return
      const answer =
        session === null
          ? { ok: false, message: 'Not signed on at the panel, reload the page.' }
          : this.#write({ [String(message.name)]: message.value }, by)
      viewer.send(JSON.stringify({ type: 'setpoint-result', ...answer }))
    })
    viewer.send(JSON.stringify({ type: 'live', ...this.#live() }))
  }

  async answer(req: IncomingMessage, res: ServerResponse): Promise<void> {
    const url = new URL(req.url ?? '/', 'http://panel')
    if (req.method === 'POST') {
      await this.#post(url.pathname, req, res)
      return
    }
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.setHeader('Allow', 'GET, HEAD, POST')
      sendJson(res, 405, { message: 'The panel does not know this method.' })
      return
    }
    if (this.#assets(req, res)) return
    const page = hmiPages.find((name) => url.pathname === `/hmi/${name}`)
    if (page) this.#page(page, req, res)
    else if (url.pathname === '/' || url.pathname === '/hmi' || url.pathname === '/hmi/')
      redirect(res, '/hmi/overview')
    else if (url.pathname === '/api/state') sendJson(res, 200, this.#live())
    else if (url.pathname === '/api/trend') sendJson(res, 200, this.#trend(url.searchParams.get('minutes')))
    else if (url.pathname === '/api/journal') sendJson(res, 200, { entries: this.#journal() })
    else
      sendHtml(
        res,
        404,
        '<!doctype html><title>Not found</title><p>No such display. <a href="/">Overview</a>',
      )
  }

  #page(page: HmiPage, req: IncomingMessage, res: ServerResponse): void {
    let session = this.#sessionOf(req)
    if (session === null) {
      session = randomBytes(16).toString('hex')
      this.#sessions.set(session, null)
      for (const oldest of this.#sessions.keys()) {
        if (this.#sessions.size <= keptSessions) break
        this.#sessions.delete(oldest)
      }
      res.setHeader('Set-Cookie', `${sessionCookie}=${session}; Path=/; HttpOnly`)
    }
    const flash = this.#sessions.get(session) ?? null
    this.#sessions.set(session, null)
    const { profile } = this.#line
    const view = { site: this.#site, name: this.#name, profile, snapshot: this.#line.snapshot(), flash }
    sendHtml(res, 200, renderHmi(page, view))
  }

  async #post(path: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
    const body = await readBody(req)
    if (path !== '/api/setpoint' && path !== '/api/alarms/acknowledge') {
      sendJson(res, 404, { message: 'No such command.' })
      return
    }
    const session = this.#sessionOf(req)
    if (session === null) {
      sendJson(res, 403, { message: 'Not signed on at the panel, reload the page.' })
      return
    }
    const isForm = (req.headers['content-type'] ?? '').startsWith('application/x-www-form-urlencoded')
    const fields =
      body === null ? null : isForm ? Object.fromEntries(new URLSearchParams(body)) : parseJson(body)
    if (fields === null) {
      sendJson(res, 400, { message: 'The command could not be read.' })
      return
    }
    if (path === '/api/alarms/acknowledge') {
      sendJson(res, 200, { acknowledged: this.#acknowledge(String(fields.alarm), operatorOf(req)) })
      return
    }
    const answer = this.#write(fields, operatorOf(req))
    if (isForm && !(req.headers.accept ?? '').includes('application/json')) {
      this.#sessions.set(session, answer.message)
      redirect(res, '/hmi/setpoints', 303)
    } else {
      sendJson(res, answer.ok ? 200 : 400, answer)
    }
  }

  /** All of it or nothing: half a recipe is worse than none. */
  #write(fields: Record<string, unknown>, by: string): { ok: boolean; message: string; field?: string } {
    const wanted: { name: SetpointName; value: number }[] = []
    for (const [name, raw] of Object.entries(fields)) {
      if (!isSetpointName(name)) return { ok: false, message: 'The panel has no such setpoint.', field: name }
      const range = this.#line.profile.setpoints[name]
      const value = typeof raw === 'string' && raw.trim() !== '' ? Number(raw) : raw
      if (typeof value !== 'number' || !(value >= range.min && value <= range.max)) {
        const message = `${range.label} must be ${String(range.min)} to ${String(range.max)} ${range.unit}.`
        return { ok: false, message, field: name }
      }
      wanted.push({ name, value })
    }
    if (wanted.length === 0) return { ok: false, message: 'No setpoint given.' }
    const before = this.#line.snapshot().setpoints
    for (const { name, value } of wanted) this.#line.set(name, value, by)
    const changed = wanted.filter(({ name, value }) => before[name] !== value)
    const words = changed.map(({ name, value }) => {
      const { label, unit } = this.#line.profile.setpoints[name]
      return `${label} ${String(value)} ${unit}`
    })
    return { ok: true, message: words.length === 0 ? 'Nothing changed.' : `Written: ${words.join(', ')}.` }
  }

  #acknowledge(alarmId: string, by: string): number {
    const standing = this.#line.snapshot().alarms
    const chosen = alarmId === '*' ? standing : standing.filter((alarm) => alarm.id === alarmId)
    return chosen.filter((alarm) => this.#line.acknowledge(alarm.id, by)).length
  }

  #sessionOf(req: IncomingMessage): string | null {
    const session = cookieOf(req, sessionCookie)
    return session !== null && this.#sessions.has(session) ? session : null
  }

  #live(): LineSnapshot & { shares: { infeed: number; outfeed: number } } {
    const snapshot = this.#line.snapshot()
    const { infeedBottles, outfeedBottles } = this.#line.profile.physics
    return {
      ...snapshot,
      at: systemClock.now(),
      alarms: snapshot.alarms.map((alarm) => ({ ...alarm, since: this.#wallTime(alarm.since) })),
      shares: {
        infeed: snapshot.buffers.infeed / infeedBottles,
        outfeed: snapshot.buffers.outfeed / outfeedBottles,
      },
    }
  }

  #journal(): JournalEntry[] {
    return this.#line.journal().map((entry) => ({ ...entry, at: this.#wallTime(entry.at) }))
  }

  #wallTime(lineSeconds: number): number {
    return Math.round(this.#lineBeganAt + lineSeconds * 1_000)
  }

  #follow(now: number): void {
    const began = now - this.#line.snapshot().at * 1_000
    if (Math.abs(began - this.#lineBeganAt) > 2_000) this.#lineBeganAt = began
  }

  #sample(at: number): void {
    const { values, setpoints } = this.#line.snapshot()
    this.#samples.push({ at, values, setpoints })
    if (this.#samples.length > keptSamples) this.#samples.shift()
  }

  #trend(minutesText: string | null): unknown {
    const minutes = Math.min(15, Math.max(1, Number(minutesText) || 10))
    const samples = this.#samples.slice(-minutes * 60)
    const column = <Name extends string>(
      names: readonly Name[],
      read: (sample: Sample, name: Name) => number,
    ): Record<string, number[]> =>
      Object.fromEntries(
        names.map((name) => [name, samples.map((sample) => Number(read(sample, name).toFixed(3)))]),
      )
    return {
      at: samples.map((sample) => sample.at),
      values: column(scaleNames, (sample, name) => sample.values[name]),
      setpoints: column(setpointNames, (sample, name) => sample.setpoints[name]),
    }
  }
}

/** Who the gateway says it is; somebody without one stands at the machine. */
function operatorOf(req: IncomingMessage): string {
  const user = req.headers['x-gatehouse-user']
  return typeof user === 'string' && user !== '' ? user.slice(0, 120) : 'panel'
}

function parseJson(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null && !Array.isArray(value)
      ? (value as Record<string, unknown>)
      : null
  } catch {
    return null
  }
}
