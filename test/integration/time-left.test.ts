import { gzipSync } from 'node:zlib'
import { readLedger } from '../../src/audit/index.js'
import type { Client } from '../support/client.js'
import { accounts, startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'
import { startRawMachine, type RawMachine } from '../support/wire.js'

const page = '<!doctype html><html><head><meta charset="utf-8"></head><body>Drive 7</body></html>'
const endPattern =
  /^\n<script src="(http:\/\/shown\.plant\.localhost:\d+\/\.gatehouse\/static\/notice\.\w+\.js)" async><\/script>\n$/

/** What the machine answers, as bytes, by the path that it is asked for. */
const answers: Record<string, Buffer> = {
  '/length': answer(['Content-Length: 83', 'ETag: "a"', 'Accept-Ranges: bytes'], page),
  '/chunked': answer(
    ['Transfer-Encoding: chunked'],
    `10\r\n${page.slice(0, 16)}\r\n43\r\n${page.slice(16)}\r\n0\r\n\r\n`,
  ),
  '/close': answer([], page),
  '/gzip': answer(['Content-Encoding: gzip', 'ETag: "a"'], gzipSync(page)),
  '/utf-16': answer([], Buffer.from(`\ufeff${page}`, 'utf16le')),
  '/part': answer(
    ['Content-Range: bytes 0-82/100', 'Content-Length: 83', 'ETag: "a"'],
    page,
    '206 Partial Content',
  ),
  '/same': answer(['ETag: "a"', 'Content-Length: 83'], '', '304 Not Modified'),
  '/broken': answer(['Content-Length: 900'], page),
  '/empty': answer(['Content-Length: 0'], ''),
}

function answer(headers: string[], body: string | Buffer, status = '200 OK'): Buffer {
  const head = [
    `HTTP/1.1 ${status}`,
    'Content-Type: text/html',
    'Connection: close',
    ...headers,
    '',
    '',
  ].join('\r\n')
  return Buffer.concat([Buffer.from(head), Buffer.from(body)])
}

let machine: RawMachine
let plant: Plant
let vendor: Client
const at = (endpointId: string, path: string): string => plant.origin(endpointId) + path
const askTimeLeft = (endpointId = 'shown', client = vendor) =>
  client.fetch(at(endpointId, '/.gatehouse/time-left'))

async function revokeAll(): Promise<void> {
  for (const grant of await plant.gatehouse.services.grants.list())
    if (grant.revocation === null && grant.until > plant.clock.now()) await plant.revoke(grant)
}

beforeAll(async () => {
  machine = await startRawMachine((socket, soFar) => {
    if (!soFar.endsWith('\r\n\r\n')) return
    const [method, path = ''] = soFar.split(' ')
    const bytes = answers[path] ?? answer([], page)
    socket.end(method === 'HEAD' ? bytes.subarray(0, bytes.indexOf('\r\n\r\n') + 4) : bytes)
  })
  plant = await startPlant({
    endpoints: [
      { id: 'shown', upstream: machine.url, more: 'timeLeftNotice: true, paths: [/], methods: [GET, HEAD]' },
      { id: 'plain', upstream: machine.url },
    ],
    granted: [],
    enrolled: ['vendor', 'stranger'],
  })
  await plant.issue({ endpoints: ['shown', 'plain'], until: '+8h' })
  vendor = await plant.signIn('vendor')
  for (const id of ['shown', 'plain']) await vendor.navigate(at(id, '/close'))
}, 60_000)
afterAll(async () => {
  vendor.close()
  await plant.close()
  await machine.close()
})

describe('a page of a machine that shows how long access lasts', () => {
  it.each(['/length', '/chunked', '/close'])('has the script behind its last byte: %s', async (path) => {
    const shown = await vendor.navigate(at('shown', path))
    expect(shown.text.slice(0, page.length)).toBe(page)
    expect(shown.text.slice(page.length)).toMatch(endPattern)
    expect([shown.header('etag'), shown.header('accept-ranges'), shown.header('vary')]).toEqual([
      null,
      null,
      'Sec-Fetch-Dest',
    ])
    expect(shown.header('transfer-encoding')).toBe('chunked')
    const [, address = ''] = endPattern.exec(shown.text.slice(page.length)) ?? []
    const script = await vendor.fetch(address)
    expect([script.status, script.header('content-type')]).toEqual([200, 'text/javascript; charset=utf-8'])
  })

  it('was asked for whole and plain, and the script’s own questions reach no machine', async () => {
    const before = machine.received().length
    await vendor.navigate(at('shown', '/length'), {
      headers: { 'Accept-Encoding': 'gzip, br', 'If-None-Match': '"a"' },
    })
    await askTimeLeft()
    const asked = machine.received().slice(before)
    expect(asked.match(/^accept-encoding: .*$/gim)).toEqual(['Accept-Encoding: identity'])
    expect(asked).not.toMatch(/if-none-match|\.gatehouse/i)
  })

  it.each([
    ['/gzip', '"a"'],
    ['/utf-16', null],
    ['/part', '"a"'],
    ['/empty', null],
  ])('is as the machine sent it where nothing can be added safely: %s', async (path, etag) => {
    const shown = await vendor.navigate(at('shown', path))
    const sent = answers[path] ?? Buffer.alloc(0)
    expect(shown.body.equals(sent.subarray(sent.indexOf('\r\n\r\n') + 4))).toBe(true)
    expect(shown.header('etag')).toBe(etag)
  })

  it('is as the machine sent it for whoever reads it instead', async () => {
    const read = await vendor.fetch(at('shown', '/length'))
    expect([read.text, read.header('etag'), read.header('content-length')]).toEqual([page, '"a"', '83'])
  })

  it('has none where there is no body, and keeps the length that is announced of one', async () => {
    const head = await vendor.fetch(at('shown', '/length'), {
      method: 'HEAD',
      headers: { 'Sec-Fetch-Dest': 'document' },
    })
    expect([head.status, head.body.length, head.header('content-length')]).toEqual([200, 0, '83'])
    const same = await vendor.navigate(at('shown', '/same'))
    expect([same.status, same.body.length, same.header('etag')]).toEqual([304, 0, '"a"'])
  })

  it('breaks where the machine breaks off, and is not made to look whole', async () => {
    await expect(vendor.navigate(at('shown', '/broken'))).rejects.toThrow('aborted')
  })
})

describe('a machine that does not ask for it', () => {
  it('has its pages passed on byte for byte, and its validators with them', async () => {
    const before = machine.received().length
    const shown = await vendor.navigate(at('plain', '/length'), { headers: { 'Accept-Encoding': 'gzip' } })
    expect([shown.text, shown.header('etag'), shown.header('vary'), shown.header('content-length')]).toEqual([
      page,
      '"a"',
      null,
      '83',
    ])
    expect(machine.received().slice(before)).toMatch(/^accept-encoding: gzip\r$/im)
  })

  it('does not tell how long access lasts', async () => {
    expect((await askTimeLeft('plain')).status).toBe(404)
  })
})

describe('how long access lasts', () => {
  const decided = async (): Promise<number> => {
    let count = 0
    const query = { directory: plant.config.audit.directory, event: 'request.decided' as const }
    for await (const record of readLedger(query))
      if (record.fields.path === '/.gatehouse/time-left') count += 1
    return count
  }

  it('is told to the page of whoever has access, to the millisecond, and kept by nobody', async () => {
    const [grant] = await plant.gatehouse.services.grants.list()
    const told = await askTimeLeft()
    expect([told.status, told.header('cache-control'), told.header('content-type')]).toEqual([
      200,
      'no-store',
      'application/json',
    ])
    const body = told.json() as { endsInMs: number; name: string }
    expect(Object.keys(body).sort()).toEqual(['endsInMs', 'name', 'portal', 'warnings'])
    expect(body).toMatchObject({ endsInMs: (grant?.until ?? 0) - plant.clock.now(), name: 'shown panel' })
    expect(body).toMatchObject({ portal: plant.portal, warnings: [{}, {}, {}] })
    expect(told.text).not.toContain(accounts.vendor.email)
  })

  it('is not told to another site, to another machine’s page, to a person, or without a pass', async () => {
    const path = at('shown', '/.gatehouse/time-left')
    const foreign = { from: at('plain', '/close'), credentials: 'include' as const }
    expect((await vendor.fetch(path, foreign)).status).toBe(403)
    expect((await vendor.navigate(path)).status).toBe(404)
    const stranger = await plant.signIn('stranger')
    expect((await stranger.fetch(path)).status).toBe(401)
    expect((await stranger.navigate(path)).status).toBe(403)
    stranger.close()
  })

  it('is answered by GET alone', async () => {
    expect((await vendor.fetch(at('shown', '/.gatehouse/time-left'), { method: 'POST' })).status).toBe(405)
    // Judged as one to the machine, it was recorded as begun there and never as over: each filled memory and ledger.
    const posts: unknown[] = []
    const query = { directory: plant.config.audit.directory, event: 'request.decided' as const }
    await until('it is recorded', async () => {
      for await (const { fields } of readLedger(query))
        if (fields.path === '/.gatehouse/time-left' && fields.method === 'POST') posts.push(fields.grantId)
      return posts.length > 0
    })
    expect(new Set(posts)).toEqual(new Set([null]))
  })

  it('takes no line of the ledger, unless it is refused', async () => {
    const before = await decided()
    for (let i = 0; i < 3; i += 1) expect((await askTimeLeft()).status).toBe(200)
    const { text } = await vendor.fetch(`${plant.portal}/.gatehouse/time-left`)
    expect(JSON.parse(text)).toMatchObject({ now: plant.clock.now() })
    await vendor.fetch(at('shown', '/.gatehouse/time-left'), {
      from: at('plain', '/'),
      credentials: 'include',
    })
    // Records of safe requests follow within 100 ms; the one that was refused is behind those that were not.
    const { ledger } = plant.gatehouse.services
    await ledger.append({ event: 'login.failed', code: 'login-expired', source: 'test' })
    expect((await decided()) - before).toBe(1)
  })

  it('ends with the session where that ends first, and says so', async () => {
    await plant.issue({ endpoints: ['shown'], until: '+12h' })
    const told = (await askTimeLeft()).json() as { endsInMs: number; warnings: { text: string }[] }
    expect(told.endsInMs).toBeLessThan(12 * 3_600_000)
    expect(told.warnings[0]?.text).toContain('sign in again')
  })

  it('is over as soon as access is, with the reason', async () => {
    await revokeAll()
    const told = await askTimeLeft()
    expect([told.status, told.json()]).toEqual([403, expect.objectContaining({ code: 'grant-revoked' })])
  })
})

describe('the front page of the portal', () => {
  beforeEach(revokeAll)
  const front = () => vendor.navigate(plant.portal)
  const markOn = (text: string): string => /data-shown="([^"]+)"/.exec(text)?.[1] ?? 'none'
  const markNow = async (): Promise<unknown> =>
    ((await vendor.fetch(`${plant.portal}/.gatehouse/time-left`)).json() as { shown: unknown }).shown

  it.each([
    ['16 minutes', 16, 'none'],
    ['15 minutes', 15, '15'],
    ['5 minutes', 5, '5'],
    ['1 minute', 1, '1'],
  ])('warns by itself, without scripts, with %s left', async (_name, minutes, level) => {
    await plant.issue({ endpoints: ['plain'], until: plant.clock.now() + minutes * 60_000 })
    const { text } = await front()
    expect(/data-warning="(\w+)"/.exec(text)?.[1]).toBe(level)
    const open = [...text.matchAll(/<p class="warning" data-within="\d+" data-level="(\d+)">/g)].map(
      ([, shown]) => shown,
    )
    expect(open).toEqual(level === 'none' ? [] : [level])
  })

  it('knows when it no longer tells the truth: on extension, revocation, lockdown and the end', async () => {
    const grant = await plant.issue({ endpoints: ['plain'], until: '+1h' })
    const { grants } = plant.gatehouse.services
    let mark = markOn((await front()).text)
    expect(await markNow()).toBe(mark)
    await plant.clock.advance({ minutes: 10 })
    expect(await markNow()).toBe(mark)
    const changes = [
      () => plant.command('grants', 'extend', grant.id, '--until', '+2h', '--reason', 'work goes on'),
      () => plant.command('lockdown', 'on', '--scope', 'endpoint:plain', '--reason', 'drill'),
      () => plant.command('lockdown', 'off', '--scope', 'endpoint:plain', '--reason', 'over'),
      () => grants.revoke(grant.id, 'done', { kind: 'gateway' }),
      () => plant.issue({ endpoints: ['plain'], until: '+1h' }),
      () => plant.clock.advance({ hours: 1 }),
    ]
    for (const change of changes) {
      await change()
      const changed = await markNow()
      expect(changed).not.toBe(mark)
      mark = markOn((await front()).text)
      expect(changed).toBe(mark)
    }
  })
})
