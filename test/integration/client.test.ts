import { once } from 'node:events'
import { createServer as createTlsServer } from 'node:https'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { createAuthority } from '../support/certificates.js'
import { createClient, rawExchange, rawRequest, UpgradeRefused, type Client } from '../support/client.js'
import { TestClock } from '../support/clock.js'
import { formsOf, visibleText } from '../support/html.js'

/** Other tests trust this client to behave as Chromium does; here it has to show it. */
describe('the test client', () => {
  const clock = new TestClock()
  const pages = new Map<string, (req: IncomingMessage, res: ServerResponse, body: string) => void>()
  let server: Server
  let port: number
  let client: Client

  beforeAll(async () => {
    server = createServer((req, res) => {
      let body = ''
      req.on('data', (chunk: Buffer) => (body += chunk.toString()))
      req.on('end', () => {
        const { pathname } = new URL(req.url ?? '/', 'http://x')
        const page = pages.get(pathname)
        if (page) page(req, res, body)
        else
          res
            .writeHead(200, { 'Content-Type': 'application/json' })
            .end(JSON.stringify({ url: req.url, headers: req.headers, body }))
      })
    })
    const upgrades = new WebSocketServer({ noServer: true })
    server.on('upgrade', (req, socket, head) => {
      if (req.url === '/refused')
        socket.end('HTTP/1.1 403 Forbidden\r\nContent-Length: 4\r\nX-Why: no\r\n\r\nNope')
      else
        upgrades.handleUpgrade(req, socket, head, (peer) => {
          peer.send(JSON.stringify(req.headers))
          peer.on('message', (data) => peer.close(4001, `heard ${(data as Buffer).toString()}`))
        })
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
    port = (server.address() as AddressInfo).port
  })
  beforeEach(() => {
    client = createClient({ clock })
    pages.clear()
  })
  afterEach(() => client.close())
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  const at = (host: string, path: string): string => `http://${host}:${port}${path}`
  const sets =
    (...lines: string[]) =>
    (_req: IncomingMessage, res: ServerResponse) =>
      void res.setHeader('Set-Cookie', lines).end()
  const sentTo = async (url: string): Promise<Record<string, string>> =>
    ((await client.navigate(url)).json() as { headers: Record<string, string> }).headers

  describe('keeps cookies', () => {
    it('to the host that set them, on every port, unless a Domain widens them', async () => {
      pages.set('/set', sets('own=1; Path=/', 'wide=2; Domain=plant.localhost; Path=/'))
      await client.navigate(at('a.plant.localhost', '/set'))
      expect((await sentTo(at('a.plant.localhost', '/'))).cookie).toBe('own=1; wide=2')
      expect((await sentTo(at('b.plant.localhost', '/'))).cookie).toBe('wide=2')
      expect((await sentTo(at('plant.localhost', '/'))).cookie).toBe('wide=2')
      expect(client.cookies.value('http://a.plant.localhost:1/', 'own')).toBe('1')
    })

    it('with a prefix only as the prefix promises', async () => {
      pages.set(
        '/set',
        sets(
          '__Host-good=1; Path=/; Secure; HttpOnly',
          '__Host-domain=1; Path=/; Secure; Domain=plant.localhost',
          '__Host-path=1; Path=/x; Secure',
          '__Host-plain=1; Path=/',
          '__Secure-plain=1; Path=/',
        ),
      )
      await client.navigate(at('plant.localhost', '/set'))
      expect((await sentTo(at('plant.localhost', '/'))).cookie).toBe('__Host-good=1')
      expect(client.cookies.refused).toHaveLength(4)
    })

    it('not when they are Secure and the host is neither loopback nor HTTPS', async () => {
      pages.set('/set', sets('a=1; Secure'))
      await client.navigate(at('plant.example', '/set'))
      expect((await sentTo(at('plant.example', '/'))).cookie).toBeUndefined()
    })

    it('not for a foreign domain or a public suffix', async () => {
      pages.set('/set', sets('a=1; Domain=other.localhost', 'b=1; Domain=localhost'))
      await client.navigate(at('plant.localhost', '/set'))
      expect(client.cookies.of(at('plant.localhost', '/'))).toEqual([])
    })

    it('until they expire by the clock of the test, or are set into the past', async () => {
      pages.set('/set', sets('short=1; Max-Age=60', 'long=1; Max-Age=600'))
      pages.set('/unset', sets('long=; Max-Age=0'))
      await client.navigate(at('plant.localhost', '/set'))
      await clock.advance({ seconds: 61 })
      expect((await sentTo(at('plant.localhost', '/'))).cookie).toBe('long=1')
      await client.navigate(at('plant.localhost', '/unset'))
      expect((await sentTo(at('plant.localhost', '/'))).cookie).toBeUndefined()
    })

    it('under their path, longest first', async () => {
      pages.set('/area/set', sets('here=1', 'all=2; Path=/'))
      await client.navigate(at('plant.localhost', '/area/set'))
      expect((await sentTo(at('plant.localhost', '/area/x'))).cookie).toBe('here=1; all=2')
      expect((await sentTo(at('plant.localhost', '/areas'))).cookie).toBe('all=2')
    })

    it('from foreign pages by SameSite: Lax with a link, not with a form or a script', async () => {
      pages.set(
        '/set',
        sets(
          'unsaid=1; Path=/',
          'lax=1; Path=/; SameSite=Lax',
          'strict=1; Path=/; SameSite=Strict',
          'none=1; Path=/; SameSite=None; Secure',
        ),
      )
      pages.set(
        '/page',
        (_req, res) => void res.end(`<form method=post action="${at('a.localhost', '/x')}"></form>`),
      )
      await client.navigate(at('a.localhost', '/set'))
      const foreign = await client.navigate(at('b.localhost', '/page'))
      const cookieOf = (answer: { json(): unknown }) =>
        (answer.json() as { headers: { cookie?: string } }).headers.cookie
      const byScript = { from: foreign.url, credentials: 'include' as const }
      expect(cookieOf(await client.navigate(at('a.localhost', '/'), { from: foreign }))).toBe(
        'unsaid=1; lax=1; none=1',
      )
      expect(cookieOf(await client.fetch(at('a.localhost', '/'), byScript))).toBe('none=1')
      expect(cookieOf(await client.fetch(at('a.localhost', '/')))).toBe('unsaid=1; lax=1; strict=1; none=1')
      // Chromium lets a form take a new cookie that says nothing about SameSite.
      expect(cookieOf(await client.submit(foreign))).toBe('unsaid=1; none=1')
      await clock.advance({ minutes: 2 })
      expect(cookieOf(await client.submit(foreign))).toBe('none=1')
    })
  })

  describe('navigates', () => {
    it('with the headers of a typed address', async () => {
      expect(await sentTo(at('plant.localhost', '/'))).toMatchObject({
        host: `plant.localhost:${port}`,
        'sec-fetch-site': 'none',
        'sec-fetch-mode': 'navigate',
        'sec-fetch-dest': 'document',
        accept: expect.stringContaining('text/html'),
      })
    })

    it('through redirects, keeping cookies set on the way and telling each step', async () => {
      pages.set(
        '/1',
        (_req, res) =>
          void res.writeHead(303, { Location: at('b.localhost', '/2'), 'Set-Cookie': 'a=1' }).end(),
      )
      pages.set('/2', (_req, res) => void res.writeHead(307, { Location: '/3?x=%2F' }).end())
      const end = await client.navigate(at('a.localhost', '/1'))
      expect(end.url.href).toBe(at('b.localhost', '/3?x=%2F'))
      expect(end.redirects.map(({ status, to }) => [status, to.pathname])).toEqual([
        [303, '/2'],
        [307, '/3'],
      ])
      expect(client.cookies.value(at('a.localhost', '/'), 'a')).toBe('1')
    })

    it('and stops at the first answer when told, and at a loop', async () => {
      pages.set('/loop', (_req, res) => void res.writeHead(302, { Location: '/loop' }).end())
      expect((await client.navigate(at('a.localhost', '/loop'), { follow: false })).status).toBe(302)
      await expect(client.navigate(at('a.localhost', '/loop'))).rejects.toThrow('over 20 redirects')
    })

    it('and says in Sec-Fetch-Site how foreign the whole chain was', async () => {
      pages.set(
        '/over',
        (_req, res) => void res.writeHead(302, { Location: at('a.localhost', '/back') }).end(),
      )
      const page = await client.navigate(at('a.localhost', '/'))
      const site = async (url: string) =>
        ((await client.navigate(url, { from: page })).json() as { headers: Record<string, string> }).headers[
          'sec-fetch-site'
        ]
      expect(await site(at('a.localhost', '/x'))).toBe('same-origin')
      expect(await site(at('b.a.localhost', '/x'))).toBe('same-site')
      expect(await site(at('b.localhost', '/x'))).toBe('cross-site')
      expect(await site(at('b.localhost', '/over'))).toBe('cross-site')
    })
  })

  describe('fills forms', () => {
    const page = `
      <!-- <form action=/hidden></form> -->
      <a href="/signed?out=1&amp;now">Sign <b>out</b></a>
      <form action="/search"><input name="q" value="a b"></form>
      <form method="post" action="/grants/7">
        <input type="hidden" name="form" value="a&quot;b&amp;c&#x27;">
        <label>Until <input name=until required></label>
        <textarea name="reason">
Broken &lt;valve&gt;</textarea>
        <select name="access"><option value="view">View</option><option value="operate" selected>Operate</option></select>
        <input type="checkbox" name="ends" value="cut" checked><input type="checkbox" name="loud">
        <input name="off" value="1" disabled>
        <button type="button" name="no" value="1">Not me</button>
        <button name="do" value="extend">Extend</button><button name="do" value="revoke" formaction="/revoke/7">Revoke</button>
      </form>`
    beforeEach(() => {
      pages.set('/page', (_req, res) => void res.end(page))
    })
    const sent = (answer: { json(): unknown }) =>
      answer.json() as { url: string; body: string; headers: Record<string, string> }

    it('with their hidden fields, defaults and first button, and sends Origin', async () => {
      const form = await client.navigate(at('a.localhost', '/page'))
      const { url, body, headers } = sent(await client.submit(form, { until: '+2h' }))
      expect(url).toBe('/grants/7')
      expect(Object.fromEntries(new URLSearchParams(body))).toEqual({
        form: `a"b&c'`,
        until: '+2h',
        reason: 'Broken <valve>',
        access: 'operate',
        ends: 'cut',
        do: 'extend',
      })
      expect(headers).toMatchObject({
        origin: at('a.localhost', ''),
        'sec-fetch-site': 'same-origin',
        'sec-fetch-mode': 'navigate',
        'content-type': 'application/x-www-form-urlencoded',
      })
    })

    it('with the button pressed, or as a query for GET', async () => {
      const form = await client.navigate(at('a.localhost', '/page'))
      const revoked = sent(await client.submit(form, {}, { press: 'Revoke' }))
      expect(revoked.url).toBe('/revoke/7')
      expect(revoked.body).toContain('do=revoke')
      expect(sent(await client.submit(form, { q: 'x&y' })).url).toBe('/search?q=x%26y')
    })

    it('and refuses a field that is not there, or a choice between several', async () => {
      const form = await client.navigate(at('a.localhost', '/page'))
      await expect(client.submit(form, { code: '1' })).rejects.toThrow('no form')
      await expect(client.submit(form)).rejects.toThrow('several forms')
      expect(formsOf(form)).toHaveLength(2)
    })

    it('and sends Origin null from a page that hides where people come from, as Chromium does', async () => {
      pages.set('/page', (_req, res) => void res.setHeader('Referrer-Policy', 'no-referrer').end(page))
      const form = await client.navigate(at('a.localhost', '/page'))
      const { headers } = sent(await client.submit(form, { until: 'x' }))
      expect(headers.origin).toBe('null')
      expect(headers.referer).toBeUndefined()
    })

    it('and sends Origin null once a redirect crossed origins', async () => {
      pages.set('/page', (_req, res) => void res.end('<form method=post action=/over></form>'))
      pages.set(
        '/over',
        (_req, res) => void res.writeHead(307, { Location: at('b.localhost', '/end') }).end(),
      )
      const form = await client.navigate(at('a.localhost', '/page'))
      expect(sent(await client.submit(form)).headers.origin).toBe('null')
    })

    it('and follows links by their text', async () => {
      const form = await client.navigate(at('a.localhost', '/page'))
      expect(sent(await client.click(form, 'Sign out')).url).toBe('/signed?out=1&now')
      await expect(client.click(form, 'Sign in')).rejects.toThrow('links: Sign out')
      expect(visibleText(form)).toContain('Sign out Until Broken <valve> View Operate')
    })
  })

  describe('opens WebSockets', () => {
    it('with cookies and Origin, hears messages in order, and learns why it was closed', async () => {
      pages.set('/set', sets('a=1'))
      await client.navigate(at('hmi.localhost', '/set'))
      const socket = await client.openWebSocket(at('hmi.localhost', '/live'))
      expect(JSON.parse(await socket.next())).toMatchObject({
        cookie: 'a=1',
        origin: at('hmi.localhost', ''),
        host: `hmi.localhost:${port}`,
      })
      const late = socket.next()
      socket.send('hello')
      await expect(late).rejects.toThrow('4001 heard hello')
      expect(await socket.closed).toEqual({ code: 4001, reason: 'heard hello' })
    })

    it('without cookies for a foreign page', async () => {
      pages.set('/set', sets('a=1'))
      await client.navigate(at('hmi.localhost', '/set'))
      const socket = await client.openWebSocket(at('hmi.localhost', '/live'), {
        origin: 'http://evil.localhost',
      })
      expect(JSON.parse(await socket.next())).not.toHaveProperty('cookie')
    })

    it('and tells an ordinary answer from an open socket', async () => {
      const refused = await client
        .openWebSocket(at('hmi.localhost', '/refused'))
        .catch((error: unknown) => error)
      expect(refused).toBeInstanceOf(UpgradeRefused)
      expect((refused as UpgradeRefused).answer).toMatchObject({ status: 403, text: 'Nope' })
    })
  })

  describe('reads streams', () => {
    it('and tells a whole one from a cut one, however it was cut', async () => {
      pages.set('/whole', (_req, res) => {
        res.write('one ')
        setImmediate(() => res.end('two'))
      })
      pages.set('/cut', (_req, res) => {
        res.write('one ')
        setImmediate(() => res.destroy())
      })
      const whole = await client.stream(at('a.localhost', '/whole'))
      expect(await whole.ended).toBe('complete')
      expect(whole.text()).toBe('one two')
      const cut = await client.stream(at('a.localhost', '/cut'))
      await cut.until((text) => text === 'one ')
      expect(await cut.ended).toBe('broken')
      await expect(cut.until((text) => text.includes('two'))).rejects.toThrow('ended first')
      await expect(client.fetch(at('a.localhost', '/cut'))).rejects.toThrow()
    })
  })

  describe('speaks HTTPS', () => {
    it('with whom its authority vouches for, and with nobody else', async () => {
      const authority = await createAuthority()
      const { certificate, key } = await authority.issue(['plant.example', '127.0.0.1'])
      const tls = createTlsServer({ cert: certificate, key }, (req, res) => {
        res.setHeader('Set-Cookie', '__Host-a=1; Secure; Path=/').end(req.headers.host)
      })
      new WebSocketServer({ server: tls }).on('connection', (peer) => peer.send('hello'))
      tls.listen(0, '127.0.0.1')
      await once(tls, 'listening')
      const { port: tlsPort } = tls.address() as AddressInfo
      const url = `https://plant.example:${tlsPort}/`
      const trusting = createClient({ ca: authority.ca })
      try {
        expect((await trusting.navigate(url)).text).toBe(`plant.example:${tlsPort}`)
        expect(trusting.cookies.value(url, '__Host-a')).toBe('1')
        expect(await (await trusting.openWebSocket(url)).next()).toBe('hello')
        const options = { tls: { ca: authority.ca, servername: 'plant.example' } }
        expect(await rawRequest(tlsPort, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n', options)).toContain('200 OK')
        await expect(trusting.navigate(`https://other.example:${tlsPort}/`)).rejects.toThrow('altnames')
        await expect(client.navigate(url)).rejects.toThrow('certificate')
      } finally {
        trusting.close()
        tls.closeAllConnections()
        tls.close()
      }
    })
  })

  describe('writes raw bytes', () => {
    it('and gives back every response', async () => {
      const twice = 'GET /raw HTTP/1.1\r\nHost: x\r\n\r\n'.repeat(2)
      expect((await rawRequest(port, twice)).match(/HTTP\/1\.1 200 OK/g)).toHaveLength(2)
    })

    it('and says whether the server hung up', async () => {
      expect((await rawExchange(port, 'GET / HTTP/1.1\r\nHost: x\r\n\r\n')).isClosed).toBe(false)
      const { text, isClosed } = await rawExchange(port, 'nonsense\r\n\r\n')
      expect(text).toMatch(/^HTTP\/1\.1 400/)
      expect(isClosed).toBe(true)
    })
  })
})
