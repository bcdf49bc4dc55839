import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocket, WebSocketServer } from 'ws'
import type { Logger } from '../../src/lib/index.js'
import type { UpstreamCredentials } from '../../src/model.js'
import { dial, gatesOfTest, type Gate } from '../support/wire.js'

const { gateTo } = gatesOfTest()

const password = 'only-for-the-test'
const form: UpstreamCredentials = { kind: 'form', path: '/login', fields: { user: 'hmi', password } }

/** A panel with a sign-in of its own, as a vendor's customer sees it. */
interface Panel {
  readonly url: string
  /** What came, without the sign-ins: method, target, cookie and body. */
  readonly requests: readonly { line: string; cookie: string; authorization: string; body: string }[]
  /** Bodies of the forms that were sent to it. */
  readonly logins: readonly string[]
  /** Ends every session, as a restart or its own time limit does. */
  forget(): void
  accept(password: string): void
  close(): Promise<void>
}

interface PanelOptions {
  /** How it says that somebody is not signed in. */
  readonly demand?: 'redirect' | 'status' | 'basic'
  /** How a wrong password is answered: honestly, or with a cookie and a page as if it were right. */
  readonly isVague?: boolean
  readonly password?: string
  /** Where its form stands; it is sent to `/login`. */
  readonly formPage?: string
  /** Takes the form only from a session that was sent to it, and keeps the session's number. */
  readonly isStateful?: boolean
}

async function startPanel({
  demand = 'redirect',
  isVague = false,
  formPage = '/login',
  isStateful = false,
  ...options
}: PanelOptions = {}): Promise<Panel> {
  const requests: { line: string; cookie: string; authorization: string; body: string }[] = []
  const logins: string[] = []
  let right = options.password ?? password
  let sessions = new Set<string>()
  const isSignedIn = (req: IncomingMessage): boolean =>
    demand === 'basic'
      ? req.headers.authorization === `Basic ${Buffer.from(`hmi:${right}`).toString('base64')}`
      : sessions.has(/(?:^|; )SID=([^;]*)/.exec(req.headers.cookie ?? '')?.[1] ?? '')
  const turnAway = (res: ServerResponse): void => {
    if (demand === 'redirect')
      res.writeHead(302, { location: `${formPage}?from=/`, 'set-cookie': 'SID=anonymous' }).end()
    else if (demand === 'status') res.writeHead(401, { 'content-type': 'text/plain' }).end('sign in')
    else res.writeHead(401, { 'www-authenticate': 'Basic realm="panel"' }).end()
  }
  const answer = (req: IncomingMessage, res: ServerResponse, body: string): void => {
    if (req.method === 'POST' && req.url === '/login') {
      logins.push(body)
      const isRight = new URLSearchParams(body).get('password') === right
      if (!isRight && !isVague)
        return void res.writeHead(200, { 'content-type': 'text/html' }).end('wrong password')
      const isKnown = (req.headers.cookie ?? '').includes('SID=anonymous')
      if (isStateful) {
        if (isRight && isKnown) sessions.add('anonymous')
        return void res.writeHead(isKnown ? 303 : 408, { location: '/' }).end()
      }
      const id = `s${logins.length}`
      if (isRight) sessions.add(id)
      res.setHeader('set-cookie', [`SID=${id}; HttpOnly; Path=/`, 'panel-lang=de'])
      return void res.writeHead(303, { location: '/' }).end()
    }
    const { cookie = '', authorization = '' } = req.headers
    // Gatehouse looks for itself whether it is signed in.
    if (req.headers['user-agent'] !== 'Gatehouse')
      requests.push({ line: `${req.method} ${req.url}`, cookie, authorization, body })
    if (req.url === '/logo.png') return void res.writeHead(200, { 'content-type': 'image/png' }).end('png')
    if (req.url === '/realm') return void res.writeHead(401, { 'www-authenticate': 'Basic realm="x"' }).end()
    if (!isSignedIn(req)) return turnAway(res)
    if (req.url === '/closed') return void res.writeHead(403).end('not for this account')
    if (req.url === '/logout') {
      sessions = new Set()
      res.setHeader('set-cookie', ['SID=; Max-Age=0', 'panel-lang=; Expires=Thu, 01 Jan 1970 00:00:00 GMT'])
      return void res.writeHead(302, { location: '/login' }).end()
    }
    if (req.url === '/renew') {
      sessions.add('renewed')
      res.setHeader('set-cookie', ['SID=renewed; Path=/', 'theme=dark; Path=/'])
    }
    res.writeHead(200, { 'content-type': 'text/html' }).end(`panel ${body}`)
  }
  const server = createServer((req, res) => {
    let body = ''
    req.on('data', (chunk: Buffer) => (body += chunk.toString()))
    req.on('end', () => answer(req, res, body))
  })
  const sockets = new WebSocketServer({ noServer: true })
  sockets.on('headers', (headers) => headers.push('Set-Cookie: SID=from-101', 'Set-Cookie: other=1'))
  server.on('upgrade', (req, socket, head) => {
    requests.push({ line: `WS ${req.url}`, cookie: req.headers.cookie ?? '', authorization: '', body: '' })
    if (isSignedIn(req)) sockets.handleUpgrade(req, socket, head, (peer) => peer.send('live'))
    else socket.end('HTTP/1.1 401 Unauthorized\r\nContent-Length: 0\r\nConnection: close\r\n\r\n')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    requests,
    logins,
    forget: () => {
      sessions = new Set()
    },
    accept: (next) => {
      right = next
    },
    close: async () => {
      for (const peer of sockets.clients) peer.terminate()
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

interface Said {
  readonly status: number
  readonly text: string
}

/** One request on a connection of its own. */
async function ask(gate: Gate, line: string, headers: string[] = [], body = ''): Promise<Said> {
  const client = dial(gate.port)
  const fields = [`Host: ${gate.authority}`, 'Connection: close', ...headers]
  if (body !== '') fields.push(`Content-Length: ${body.length}`)
  client.send(`${line} HTTP/1.1\r\n${fields.join('\r\n')}\r\n\r\n${body}`)
  await client.ended
  const text = client.text()
  return { status: Number(/^HTTP\/1\.1 (\d+)/.exec(text)?.[1]), text }
}

/** Everything that was logged, as one text. */
function listeningLogger(): { logger: Logger; text(): string } {
  const lines: string[] = []
  const note = (message: string, details?: Record<string, unknown>): void =>
    void lines.push(`${message} ${JSON.stringify(details)}`)
  return { logger: { debug: note, info: note, warn: note, error: note }, text: () => lines.join('\n') }
}

describe('credentials that come with each request', () => {
  const basic: UpstreamCredentials = { kind: 'basic', user: 'hmi', password }

  it('sign a person in who does not know them, and replace what the browser sends', async () => {
    const panel = await startPanel({ demand: 'basic' })
    const gate = await gateTo(panel, { endpoint: { credentials: basic } })
    const said = await ask(gate, 'GET /', ['Authorization: Basic bWU6bWluZQ=='])
    expect(said.status).toBe(200)
    const expected = `Basic ${Buffer.from(`hmi:${password}`).toString('base64')}`
    expect(panel.requests.map(({ authorization }) => authorization)).toEqual([expected])
  })

  it('come as a header of another name, and no second one beside it', async () => {
    const panel = await startPanel()
    const credentials = { kind: 'header', name: 'Authorization', value: 'Token only-for-the-test' } as const
    const gate = await gateTo(panel, { endpoint: { credentials } })
    await ask(gate, 'GET /logo.png', ['aUTHORIZATION: mine'])
    expect(panel.requests.map(({ authorization }) => authorization)).toEqual(['Token only-for-the-test'])
  })

  it('never make the browser ask a person for the password of the machine', async () => {
    const panel = await startPanel({ demand: 'basic', password: 'another' })
    const log = listeningLogger()
    const gate = await gateTo(panel, { endpoint: { credentials: basic }, logger: log.logger })
    const said = await ask(gate, 'GET /')
    expect(said).toMatchObject({ status: 502, text: expect.stringContaining('upstream-login-failed') })
    expect(said.text).not.toMatch(/www-authenticate/i)
    expect(log.text()).toContain('sign-in failed')
    expect(log.text()).not.toContain(password)
    expect(log.text()).not.toContain(Buffer.from(`hmi:${password}`).toString('base64'))
  })

  it('are not tried again for a minute once refused, by nobody, and then for two', async () => {
    const panel = await startPanel({ demand: 'basic', password: 'another' })
    const passes = ['pass-1', 'pass-2', 'pass-1', 'pass-2', 'pass-1', 'pass-1']
    const gate = await gateTo(panel, {
      endpoint: { credentials: basic },
      passOf: () => passes.shift() ?? 'pass-1',
    })
    expect([(await ask(gate, 'GET /')).status, (await ask(gate, 'GET /')).status]).toEqual([502, 502])
    expect(panel.requests).toHaveLength(1)
    await gate.clock.advance({ seconds: 61 })
    await ask(gate, 'GET /')
    expect(panel.requests).toHaveLength(2)
    await gate.clock.advance({ seconds: 61 })
    await ask(gate, 'GET /')
    expect(panel.requests).toHaveLength(2)
    panel.accept(password)
    await gate.clock.advance({ seconds: 60 })
    expect((await ask(gate, 'GET /')).status).toBe(200)
  })

  it('stay in use when a single page of the machine does not take them', async () => {
    const panel = await startPanel({ demand: 'basic' })
    const gate = await gateTo(panel, { endpoint: { credentials: basic } })
    await ask(gate, 'GET /')
    expect((await ask(gate, 'GET /realm')).status).toBe(502)
    expect((await ask(gate, 'GET /')).status).toBe(200)
  })
})

describe('a machine with a sign-in form', () => {
  it('is signed in to before the first request, by a cookie that the browser never sees', async () => {
    const panel = await startPanel()
    const gate = await gateTo(panel, { endpoint: { credentials: form } })
    const said = await ask(gate, 'POST /setpoint', ['Cookie: mine=1; SID=planted; also=2'], 'speed=3')
    expect(said.status).toBe(200)
    expect(said.text).not.toMatch(/set-cookie/i)
    expect(panel.logins).toEqual([`user=hmi&password=${password}`])
    const [request] = panel.requests
    expect(request).toMatchObject({ line: 'POST /setpoint', body: 'speed=3' })
    expect(request?.cookie).toBe('mine=1; also=2; SID=s1; panel-lang=de')
  })

  it('is signed in to once, however many requests of a pass come together, and once for each pass', async () => {
    const panel = await startPanel()
    let requests = 0
    const gate = await gateTo(panel, {
      endpoint: { credentials: form },
      passOf: () => (requests++ < 5 ? 'pass-1' : 'pass-2'),
    })
    const first = await Promise.all(['/1', '/2', '/3', '/4', '/5'].map((path) => ask(gate, `GET ${path}`)))
    expect(first.map(({ status }) => status)).toEqual([200, 200, 200, 200, 200])
    expect(panel.logins).toHaveLength(1)
    await ask(gate, 'GET /6')
    expect(panel.logins).toHaveLength(2)
    expect(panel.requests.at(-1)?.cookie).toContain('SID=s2')
  })

  it('may change its cookies later, unseen, and set others as any machine does', async () => {
    const panel = await startPanel()
    const gate = await gateTo(panel, { endpoint: { credentials: form } })
    const said = await ask(gate, 'GET /renew')
    expect(said.text).not.toContain('SID')
    expect(said.text).toMatch(/set-cookie: theme=dark; Path=\//i)
    await ask(gate, 'GET /')
    expect(panel.requests.at(-1)?.cookie).toBe('SID=renewed; panel-lang=de')
  })

  it.each(['redirect', 'status'] as const)(
    'whose session has run out, which it says by %s, is signed in to again, and what was only read is read once more',
    async (demand) => {
      const panel = await startPanel({ demand })
      const gate = await gateTo(panel, { endpoint: { credentials: form } })
      await ask(gate, 'GET /')
      panel.forget()
      await gate.clock.advance({ minutes: 10 })
      const said = await Promise.all([ask(gate, 'GET /values'), ask(gate, 'GET /alarms')])
      expect(said.map(({ status }) => status)).toEqual([200, 200])
      expect(panel.logins).toHaveLength(2)
      expect(panel.requests.filter(({ line }) => line === 'GET /values').length).toBeLessThanOrEqual(2)
    },
  )

  it('is signed in to again for a change too, but the change is left to whoever wants it', async () => {
    const panel = await startPanel()
    const gate = await gateTo(panel, { endpoint: { credentials: form } })
    await ask(gate, 'GET /')
    panel.forget()
    await gate.clock.advance({ minutes: 10 })
    const said = await ask(gate, 'POST /setpoint', [], 'speed=3')
    expect(said).toMatchObject({ status: 502, text: expect.stringContaining('upstream-login-failed') })
    expect(panel.requests.filter(({ line }) => line === 'POST /setpoint')).toHaveLength(1)
    expect(await ask(gate, 'POST /setpoint', [], 'speed=3')).toMatchObject({ status: 200 })
    expect(panel.logins).toHaveLength(2)
  })

  it('is signed in to where the form belongs to a session that began before', async () => {
    const panel = await startPanel({ isStateful: true })
    const gate = await gateTo(panel, { endpoint: { credentials: form } })
    expect((await ask(gate, 'GET /')).status).toBe(200)
    expect(panel.requests.map(({ cookie }) => cookie)).toEqual(['SID=anonymous'])
  })

  it('is signed in to again where the form stands on another page than it is sent to', async () => {
    const panel = await startPanel({ formPage: '/welcome.html' })
    const gate = await gateTo(panel, { endpoint: { credentials: form } })
    await ask(gate, 'GET /')
    panel.forget()
    await gate.clock.advance({ minutes: 10 })
    expect((await ask(gate, 'GET /values')).status).toBe(200)
    expect(panel.logins).toHaveLength(2)
  })

  it('that refuses the password is left alone for a minute, then for two, by everyone', async () => {
    const panel = await startPanel({ password: 'another' })
    const log = listeningLogger()
    let requests = 0
    const gate = await gateTo(panel, {
      endpoint: { credentials: form },
      passOf: () => `pass-${requests++ % 2}`,
      logger: log.logger,
    })
    const said = await Promise.all([ask(gate, 'GET /'), ask(gate, 'GET /'), ask(gate, 'GET /')])
    expect(said.map(({ status }) => status)).toEqual([502, 502, 502])
    expect(panel.logins).toHaveLength(1)
    expect(panel.requests).toHaveLength(0)
    await gate.clock.advance({ seconds: 61 })
    await ask(gate, 'GET /')
    expect(panel.logins).toHaveLength(2)
    await gate.clock.advance({ seconds: 61 })
    await ask(gate, 'GET /')
    expect(panel.logins).toHaveLength(2)
    panel.accept(password)
    await gate.clock.advance({ seconds: 61 })
    expect((await ask(gate, 'GET /')).status).toBe(200)
    expect(log.text()).not.toContain(password)
  })

  it('that does not say that the password is wrong is found out all the same', async () => {
    const panel = await startPanel({ password: 'another', isVague: true })
    const gate = await gateTo(panel, { endpoint: { credentials: form } })
    for (let i = 0; i < 4; i++) expect((await ask(gate, 'GET /')).status).toBe(502)
    expect(panel.logins).toHaveLength(1)
  })

  it('keeps a page that is closed to its account closed, and is not signed in to for it over and over', async () => {
    const panel = await startPanel()
    const gate = await gateTo(panel, { endpoint: { credentials: form } })
    for (let i = 0; i < 4; i++)
      expect(await ask(gate, 'GET /closed')).toMatchObject({
        status: 403,
        text: expect.stringContaining('not for'),
      })
    expect((await ask(gate, 'GET /')).status).toBe(200)
    expect(panel.logins).toHaveLength(1)
  })

  it('can be left by its own link, and is signed in to again by whoever comes back', async () => {
    const panel = await startPanel()
    const gate = await gateTo(panel, { endpoint: { credentials: form } })
    await ask(gate, 'GET /')
    const said = await ask(gate, 'GET /logout')
    expect(said.status).toBe(302)
    expect(said.text).not.toMatch(/set-cookie/i)
    expect((await ask(gate, 'GET /')).status).toBe(200)
    expect(panel.logins).toHaveLength(2)
  })

  it('opens a WebSocket to a signed-in pass, after a new sign-in where it takes one', async () => {
    const panel = await startPanel({ demand: 'status' })
    const gate = await gateTo(panel, { endpoint: { credentials: form } })
    await ask(gate, 'GET /')
    panel.forget()
    await gate.clock.advance({ minutes: 10 })
    const webSocket = new WebSocket(`ws://127.0.0.1:${gate.port}/live`, { headers: { host: gate.authority } })
    const cookies = new Promise<string[] | undefined>((resolve) => {
      webSocket.on('upgrade', (res) => resolve(res.headers['set-cookie']))
    })
    const message = new Promise<string>((resolve) => {
      webSocket.on('message', (data: Buffer) => resolve(data.toString()))
    })
    expect(await message).toBe('live')
    expect(await cookies).toEqual(['other=1'])
    expect(panel.requests.map(({ line, cookie }) => `${line} ${cookie}`).slice(-2)).toEqual([
      'WS /live SID=s1; panel-lang=de',
      'WS /live SID=s2; panel-lang=de',
    ])
    webSocket.terminate()
  })

  it('knows nothing of a pass any more once that was released', async () => {
    const panel = await startPanel()
    const gate = await gateTo(panel, { endpoint: { credentials: form } })
    await ask(gate, 'GET /')
    gate.upstreams.release('pass-1')
    await ask(gate, 'GET /')
    expect(panel.requests.map(({ cookie }) => cookie)).toEqual([
      'SID=s1; panel-lang=de',
      'SID=s2; panel-lang=de',
    ])
  })

  it('knows nothing of a pass any more that nobody used for an hour', async () => {
    const panel = await startPanel()
    const passes = ['pass-1', 'pass-2', 'pass-1']
    const gate = await gateTo(panel, { endpoint: { credentials: form }, passOf: () => passes.shift() ?? '' })
    await ask(gate, 'GET /')
    await gate.clock.advance({ minutes: 61 })
    await ask(gate, 'GET /')
    await ask(gate, 'GET /')
    expect(panel.logins).toHaveLength(3)
  })

  it('that cannot be reached is not mistaken for one that refuses', async () => {
    const panel = await startPanel()
    await panel.close()
    const gate = await gateTo(
      { url: panel.url, close: () => Promise.resolve() },
      { endpoint: { credentials: form } },
    )
    for (let i = 0; i < 2; i++) expect((await ask(gate, 'GET /')).text).toContain('upstream-unreachable')
  })
})
