import { execFileSync } from 'node:child_process'
import { mkdtemp, rm, stat } from 'node:fs/promises'
import { createServer as createPlainServer, type IncomingMessage } from 'node:http'
import { createServer } from 'node:https'
import { once } from 'node:events'
import { readFileSync } from 'node:fs'
import type { AddressInfo } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { connect } from 'node:tls'
import { Redis } from 'ioredis'
import { startAuthenticator } from '../../demo/authenticator.js'
import { developmentCertificates } from '../../demo/certificates.js'
import { listen, PortBusy, readBody, type Running } from '../../demo/http.js'
import { keptKeys, startIdentityProvider, type ProviderAccount } from '../../demo/identity-provider.js'
import { startDemoRedis, type DemoRedis } from '../../demo/redis.js'
import { TestClock } from '../support/clock.js'
import { oneTimeCode } from '../support/one-time-code.js'
import { until } from '../support/until.js'

let folder: string

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'gatehouse-demo-parts-'))
})

afterEach(() => rm(folder, { recursive: true, force: true }))

describe('the Redis of the demo', () => {
  const client = ({ url }: DemoRedis): Redis =>
    url.startsWith('unix:') ? new Redis({ path: url.slice(5), connectionName: 'gatehouse' }) : new Redis(url)

  it('keeps what was written, on a socket that only its owner may use', async () => {
    const first = await startDemoRedis(folder, 'real')
    expect(first).toMatchObject({
      isKept: true,
      kind: 'redis-server',
      url: `unix:${join(folder, 'redis.sock')}`,
    })
    expect((await stat(join(folder, 'redis.sock'))).mode & 0o777).toBe(0o700)
    const writer = client(first)
    await writer.set('key', 'kept')
    writer.disconnect()
    await first.close()
    const second = await startDemoRedis(folder, 'real')
    const reader = client(second)
    expect(await reader.get('key')).toBe('kept')
    expect(await reader.config('GET', 'port')).toEqual(['port', '0'])
    reader.disconnect()
    await second.close()
  })

  it('ends a server that a killed demo left behind', async () => {
    const left = await startDemoRedis(folder, 'real')
    const writer = client(left)
    await writer.set('key', 'kept')
    writer.disconnect()
    const next = await startDemoRedis(folder, 'real')
    const reader = client(next)
    expect(await reader.get('key')).toBe('kept')
    reader.disconnect()
    await next.close()
    await left.close()
  })

  it('does not take the state of a demo that is running', async () => {
    const running = await startDemoRedis(folder, 'real')
    const user = client(running)
    await user.ping()
    await expect(startDemoRedis(folder, 'real')).rejects.toThrow('Another demo is running on the same state.')
    expect(await user.ping()).toBe('PONG')
    user.disconnect()
    await running.close()
  })

  it('finds a shorter place for its socket when the folder lies deep', async () => {
    const deep = join(folder, 'a'.repeat(60), 'b'.repeat(60))
    const redis = await startDemoRedis(deep, 'real')
    expect(Buffer.byteLength(redis.url.slice('unix:'.length))).toBeLessThanOrEqual(103)
    const user = client(redis)
    expect(await user.ping()).toBe('PONG')
    user.disconnect()
    await redis.close()
    await rm(join(redis.url.slice('unix:'.length), '..'), { recursive: true })
  })

  it('is embedded on demand, says that it keeps nothing, and does what Gatehouse needs', async () => {
    const redis = await startDemoRedis(folder, 'embedded')
    expect(redis).toMatchObject({ isKept: false, kind: 'embedded, keeps nothing' })
    const user = client(redis)
    expect(await user.set('a', '1', 'PX', 60_000, 'NX')).toBe('OK')
    expect(await user.set('a', '2', 'PX', 60_000, 'NX')).toBeNull()
    expect(await user.getdel('a')).toBe('1')
    expect(await user.eval("return redis.call('incrby', KEYS[1], ARGV[1])", 1, 'n', 2)).toBe(2)
    const results = await user.multi().zadd('z', 1, 'x').hset('h', 'f', 'v').xadd('s', '*', 'k', 'v').exec()
    expect(results?.map(([error]) => error)).toEqual([null, null, null])
    const waiting = user.duplicate()
    const read = waiting.xread('BLOCK', 5_000, 'STREAMS', 's', '$')
    await until('the read waits', async () => {
      await user.xadd('s', '*', 'k', 'later')
      return Promise.race([read.then(() => true), new Promise((resolve) => setTimeout(resolve, 20))])
    })
    expect((await read)?.[0]?.[1]?.[0]?.[1]).toEqual(['k', 'later'])
    waiting.disconnect()
    user.disconnect()
    await redis.close()
  })
})

describe('the development certificates', () => {
  const hosts = ['portal.localhost', '*.plant.localhost']

  it('are accepted for the portal and every machine by whoever trusts the authority', async () => {
    const files = await developmentCertificates(folder, hosts)
    const [ca, cert, key] = [files.authority, files.certificate, files.key].map((file) => readFileSync(file))
    if (ca === undefined || cert === undefined || key === undefined) throw new Error('no files')
    const server = createServer({ cert, key }).listen(0, '127.0.0.1')
    await once(server, 'listening')
    const { port } = server.address() as AddressInfo
    const handshake = async (servername: string): Promise<string> => {
      const socket = connect({ host: '127.0.0.1', port, servername, ca })
      try {
        await once(socket, 'secureConnect')
        return 'accepted'
      } catch (error) {
        return (error as { code: string }).code
      } finally {
        socket.destroy()
      }
    }
    expect(await handshake('portal.localhost')).toBe('accepted')
    expect(await handshake('filler-1.plant.localhost')).toBe('accepted')
    expect(await handshake('bank.example')).toBe('ERR_TLS_CERT_ALTNAME_INVALID')
    server.close()
    expect((await stat(files.key)).mode & 0o777).toBe(0o600)
  })

  it('let the authority speak for nothing outside localhost', async () => {
    const { authority } = await developmentCertificates(folder, hosts)
    const text = execFileSync('openssl', ['x509', '-in', authority, '-noout', '-text'], { encoding: 'utf8' })
    expect(text).toMatch(
      /Name Constraints: critical\s+Permitted:\s+DNS:localhost\s+Excluded:\s+IP:0\.0\.0\.0\/0\.0\.0\.0/,
    )
    expect(text).toContain('CA:TRUE, pathlen:0')
    expect(text).not.toContain('PRIVATE KEY')
  })

  it('are used again while they are good, and made anew when they are not', async () => {
    const first = await developmentCertificates(folder, hosts)
    const before = readFileSync(first.certificate, 'utf8')
    expect(await developmentCertificates(folder, hosts)).toMatchObject({ isNew: false })
    expect(readFileSync(first.certificate, 'utf8')).toBe(before)
    expect(await developmentCertificates(folder, [...hosts, 'other.localhost'])).toMatchObject({
      isNew: true,
    })
    expect(readFileSync(first.certificate, 'utf8')).not.toBe(before)
    await rm(first.key)
    expect(await developmentCertificates(folder, hosts)).toMatchObject({ isNew: true })
  })
})

describe('the development identity provider', () => {
  const account: ProviderAccount = {
    login: 'vendor',
    password: 'right',
    subject: 'subject-ana',
    email: 'ana@machines.example',
    emailVerified: false,
    name: 'Ana',
    groups: ['vendors'],
  }

  it('signs in by its own page, asks for no consent, and passes on what it knows', async () => {
    const provider = await startIdentityProvider({
      port: 0,
      accounts: [account],
      clients: [{ clientId: 'gate', clientSecret: 'not-a-real-secret', portal: 'http://portal.localhost:1' }],
    })
    const browser = createBrowser()
    const login = await browser.follow(authorization(provider.issuer))
    expect(login.html).toContain('autocomplete="current-password"')
    const wrong = await browser.submit(login.url, { login: 'vendor', password: 'wrong' })
    expect(wrong.status).toBe(401)
    expect(wrong.html).toContain('User and password do not match.')
    const unknown = await browser.submit(login.url, { login: 'nobody', password: 'right' })
    expect(unknown.html).toBe(wrong.html)
    const back = await browser.submit(login.url, { login: ' Vendor ', password: 'right' })
    expect(back.url.origin).toBe('http://portal.localhost:1')
    const code = back.url.searchParams.get('code') ?? ''
    const claims = await redeem(provider.issuer, code)
    expect(claims).toMatchObject({
      sub: 'subject-ana',
      email: 'ana@machines.example',
      email_verified: false,
      name: 'Ana',
      groups: ['vendors'],
      sid: expect.any(String),
    })
    await provider.close()
  })

  it('refuses a sign-in without PKCE', async () => {
    const provider = await startIdentityProvider({
      port: 0,
      accounts: [account],
      clients: [{ clientId: 'gate', clientSecret: 'not-a-real-secret', portal: 'http://portal.localhost:1' }],
    })
    const url = authorization(provider.issuer)
    url.searchParams.delete('code_challenge')
    const refused = await createBrowser().follow(url)
    expect(refused.url.searchParams.get('error')).toBe('invalid_request')
    await provider.close()
  })

  it('tells its clients over the back channel when it ends a session', async () => {
    const told: { path: string | undefined; body: string | null }[] = []
    const portal = createPlainServer((req: IncomingMessage, res) => {
      void readBody(req).then((body) => {
        told.push({ path: req.url, body })
        res.end()
      })
    })
    const { port, close } = await listen(portal, 0)
    const provider = await startIdentityProvider({
      port: 0,
      accounts: [account],
      clients: [
        {
          clientId: 'gate',
          clientSecret: 'not-a-real-secret',
          portal: `http://portal.localhost:${String(port)}`,
        },
      ],
    })
    const browser = createBrowser()
    const url = authorization(provider.issuer, `http://portal.localhost:${String(port)}`)
    const login = await browser.follow(url)
    await browser.submit(login.url, { login: 'vendor', password: 'right' })
    expect(await provider.signOutEverywhere('somebody-else')).toBe(0)
    expect(await provider.signOutEverywhere('subject-ana')).toBe(1)
    expect(told.map(({ path }) => path)).toEqual(['/oidc/backchannel-logout'])
    const token = new URLSearchParams(told[0]?.body ?? '').get('logout_token') ?? ''
    expect(decode(token)).toMatchObject({
      iss: provider.issuer,
      sub: 'subject-ana',
      sid: expect.any(String),
      aud: 'gate',
    })
    // The provider has forgotten the session, too: the next sign-in asks for the password.
    expect((await browser.follow(url)).html).toContain('autocomplete="current-password"')
    await provider.close()
    await close()
  })

  it('keeps its keys where it is told to, readable by nobody else', async () => {
    const keys = keptKeys(folder)
    expect(keptKeys(folder)).toEqual(keys)
    expect((await stat(join(folder, 'identity-provider-keys.json'))).mode & 0o777).toBe(0o600)
  })

  it('names the port that somebody else holds', async () => {
    const holder: Running = await listen(createPlainServer(), 0)
    const start = startIdentityProvider({ port: holder.port, accounts: [], clients: [] })
    await expect(start).rejects.toThrow(new PortBusy(holder.port))
    await holder.close()
  })
})

describe('the authenticator page', () => {
  it('shows the codes of this moment', async () => {
    const clock = new TestClock(1_700_000_010_000)
    const secret = 'JBSWY3DPEHPK3PXPJBSWY3DPEHPK3PXP'
    const page = await startAuthenticator({
      port: 0,
      clock,
      entries: [{ name: 'Ana', login: 'vendor', secret }],
    })
    const codes = async (): Promise<unknown> => (await fetch(`${page.url}/codes.json`)).json()
    const first = oneTimeCode(secret, clock.now())
    expect(await codes()).toEqual({ remainingMs: 30_000, codes: [{ login: 'vendor', code: first }] })
    expect(await (await fetch(page.url)).text()).toContain(`${first.slice(0, 3)} ${first.slice(3)}`)
    await clock.advance({ seconds: 31 })
    const second = oneTimeCode(secret, clock.now())
    expect(second).not.toBe(first)
    expect(await codes()).toEqual({ remainingMs: 29_000, codes: [{ login: 'vendor', code: second }] })
    expect((await fetch(page.url, { method: 'POST' })).status).toBe(405)
    await page.close()
  })
})

// RFC 7636 appendix B.
const verifier = 'dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk'
const challenge = 'E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM'

function authorization(issuer: string, portal = 'http://portal.localhost:1'): URL {
  const url = new URL('/auth', issuer)
  const query = {
    client_id: 'gate',
    response_type: 'code',
    scope: 'openid email profile',
    redirect_uri: `${portal}/oidc/callback`,
    code_challenge: challenge,
    code_challenge_method: 'S256',
  }
  for (const [name, value] of Object.entries(query)) url.searchParams.set(name, value)
  return url
}

async function redeem(issuer: string, code: string): Promise<unknown> {
  const response = await fetch(`${issuer}/token`, {
    method: 'POST',
    headers: { authorization: `Basic ${Buffer.from('gate:not-a-real-secret').toString('base64')}` },
    body: new URLSearchParams({
      grant_type: 'authorization_code',
      redirect_uri: 'http://portal.localhost:1/oidc/callback',
      code,
      code_verifier: verifier,
    }),
  })
  return decode(((await response.json()) as { id_token: string }).id_token)
}

function decode(token: string): unknown {
  return JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8'))
}

interface Page {
  readonly url: URL
  readonly status: number
  readonly html: string
}

/** Follows redirects at the provider and stops before it would leave it. */
function createBrowser(): {
  follow(url: URL): Promise<Page>
  submit(url: URL, fields: Record<string, string>): Promise<Page>
} {
  const jar = new Map<string, string>()
  const go = async (url: URL, init: RequestInit = {}): Promise<Page> => {
    const cookie = [...jar].map(([name, value]) => `${name}=${value}`).join('; ')
    const response = await fetch(url, { ...init, redirect: 'manual', headers: { cookie } })
    for (const header of response.headers.getSetCookie()) {
      const [name = '', value = ''] = (header.split(';')[0] ?? '').split('=')
      if (value === '') jar.delete(name)
      else jar.set(name, value)
    }
    const location = response.headers.get('location')
    if (location === null) return { url, status: response.status, html: await response.text() }
    const next = new URL(location, url)
    return next.origin === url.origin ? go(next) : { url: next, status: response.status, html: '' }
  }
  return {
    follow: (url) => go(url),
    submit: (url, fields) => go(url, { method: 'POST', body: new URLSearchParams(fields) }),
  }
}
