import { once } from 'node:events'
import { request, type ClientRequest, type IncomingMessage } from 'node:http'
import { readLedger } from '../../src/audit/index.js'
import { startGatehouse, type Gatehouse } from '../../src/main.js'
import type { Grant } from '../../src/model.js'
import type { Answer, Client, ClientSocket } from '../support/client.js'
import { visibleText } from '../support/html.js'
import { silentLogger } from '../support/logger.js'
import { freePorts } from '../support/ports.js'
import { startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

const minute = 60_000
/** What R1 promises, in real time, because sockets are real. */
const boundMs = 1_000

let plant: Plant
let client: Client

beforeEach(async () => {
  plant = await startPlant({ enrolled: ['vendor', 'admin'] })
  client = await plant.signIn('vendor')
}, 30_000)
afterEach(async () => {
  client.close()
  await plant.close()
})

const press = (path = '/'): string => plant.origin('press-3') + path
const streamOf = (path: string) => plant.gatehouse.streams().find((stream) => stream.path === path)
const advanceTo = (instant: number): Promise<void> => plant.clock.advance({ ms: instant - plant.clock.now() })
const codeOf = (answer: Answer): unknown => (answer.json() as { code: unknown }).code
const post = (): Promise<Answer> => client.fetch(press('/setpoint'), { method: 'POST', body: 'speed=40' })

/** An hour of it, and a pass. */
async function begin(ending: Grant['ending']): Promise<Grant> {
  const grant = await plant.issue({ until: '+1h', ending })
  expect((await client.navigate(press())).status).toBe(200)
  return grant
}

interface Upload {
  readonly request: ClientRequest
  /** `broken` where the connection goes before there is a whole answer. */
  readonly answer: Promise<{ status: number; text: string } | 'broken'>
}

/** A request whose body has begun, let in and known as running. */
async function upload(path = '/echo'): Promise<Upload> {
  const url = new URL(press(path))
  const sending = request({
    host: '127.0.0.1',
    port: url.port,
    path,
    method: 'POST',
    agent: false,
    headers: {
      Host: url.host,
      Origin: url.origin,
      'Sec-Fetch-Site': 'same-origin',
      Cookie: client.cookies.header(url, { isForeign: false, navigation: null }),
    },
  })
  const answer = read(sending)
  sending.write('first ')
  await until('the upload runs', () => streamOf(path) !== undefined)
  return { request: sending, answer }
}

async function read(sending: ClientRequest): ReturnType<() => Upload['answer']> {
  try {
    const [response] = (await once(sending, 'response')) as [IncomingMessage]
    let text = ''
    for await (const chunk of response) text += String(chunk)
    return { status: response.statusCode ?? 0, text }
  } catch {
    return 'broken'
  }
}

async function openLive(): Promise<ClientSocket> {
  const live = await client.openWebSocket(press('/live'))
  expect(await live.next()).toMatch(/^\d+$/)
  return live
}

/** How the last request for a path ended, once that is on record. */
async function endOf(path: string): Promise<unknown> {
  const { directory } = plant.config.audit
  const find = async (): Promise<unknown> => {
    let id: unknown = null
    for await (const { fields } of readLedger({ directory, event: 'request.decided' }))
      if (fields.path === path && fields.outcome === 'permit') id = fields.requestId
    for await (const { fields } of readLedger({ directory, event: 'request.completed' }))
      if (fields.requestId === id) return { end: fields.end, cause: fields.cause, status: fields.status }
    return null
  }
  await until('its end is on record', async () => (await find()) !== null)
  return find()
}

describe('when a grant that drains has ended', () => {
  it('an upload finishes and is on record as complete, and nothing new starts', async () => {
    const grant = await begin('drain')
    const live = await openLive()
    const { request: sending, answer } = await upload()
    await advanceTo(grant.until - 1)
    expect((await client.fetch(press())).status).toBe(200)
    await plant.clock.advance({ ms: 1 })
    expect(await live.closed).toEqual({ code: 1008, reason: 'grant-ended' })
    for (const denied of [await client.fetch(press()), await post()])
      expect([denied.status, codeOf(denied)]).toEqual([403, 'grant-ended'])
    await expect(client.openWebSocket(press('/live'))).rejects.toThrow('403')
    sending.end('second')
    expect(await answer).toEqual({ status: 200, text: 'first second' })
    expect(await endOf('/echo')).toEqual({ end: 'complete', cause: null, status: 200 })
  })

  it('what does not finish is cut at the bound, and never looks whole', async () => {
    const grant = await begin('drain')
    const events = await client.stream(press('/events'))
    const { answer } = await upload()
    await advanceTo(grant.until + 2 * minute - 1)
    const before = events.received()
    await until('events go on', () => events.received() > before)
    await plant.clock.advance({ ms: 1 })
    expect(await events.ended).toBe('broken')
    expect(await answer).toMatchObject({ status: 403 })
    expect(await endOf('/events')).toEqual({ end: 'cut', cause: 'grant-ended', status: 200 })
    expect(plant.gatehouse.streams()).toEqual([])
  })

  it.each([
    ['grant-revoked', ({ id }: Grant) => plant.command('grants', 'revoke', id, '--reason', 'wrong recipe')],
    ['lockdown', () => plant.command('lockdown', 'on', '--scope', 'all', '--reason', 'fire in hall B')],
    [
      'session-killed',
      async () => {
        const [session] = await plant.gatehouse.services.sessions.list()
        return plant.command('sessions', 'kill', session?.id ?? '')
      },
    ],
  ] as const)('it is cut at once all the same: %s', async (cause, stop) => {
    const grant = await begin('drain')
    const events = await client.stream(press('/events'))
    await upload()
    await advanceTo(grant.until + 1)
    expect(plant.gatehouse.streams()).toHaveLength(2)
    const { status } = await stop(grant)
    const acknowledged = performance.now()
    expect(status).toBe(0)
    expect(await events.ended).toBe('broken')
    expect(performance.now() - acknowledged).toBeLessThan(boundMs)
    expect(await endOf('/events')).toEqual({ end: 'cut', cause, status: 200 })
    expect(await endOf('/echo')).toEqual({ end: 'cut', cause, status: null })
    expect(plant.machine.received.some(({ body }) => body.toString().includes('second'))).toBe(false)
  })

  it('the end of the session cuts before the bound', async () => {
    const [session] = await plant.gatehouse.services.sessions.list()
    const endsAt = session?.endsAt ?? 0
    await plant.clock.advance({ hours: 4 })
    await plant.issue({ until: new Date(endsAt - minute).toISOString(), ending: 'drain' })
    expect((await client.navigate(press())).status).toBe(200)
    const events = await client.stream(press('/events'))
    await advanceTo(endsAt - 1)
    expect(streamOf('/events')).toMatchObject({ closeAt: endsAt })
    await plant.clock.advance({ ms: 1 })
    expect(await events.ended).toBe('broken')
    expect(await endOf('/events')).toMatchObject({ cause: 'session-ended' })
  })

  it('more time lets it go on, and new requests start; until the bound, and not a moment later', async () => {
    const grant = await begin('drain')
    const events = await client.stream(press('/events'))
    await advanceTo(grant.until + minute)
    expect(
      await plant.command('grants', 'extend', grant.id, '--until', 'now', '--reason', 'work goes on'),
    ).toMatchObject({ status: 1 })
    expect(
      await plant.command('grants', 'extend', grant.id, '--until', '+1h', '--reason', 'work goes on'),
    ).toMatchObject({ status: 0 })
    const end = grant.until + 61 * minute
    await until('the new deadline is known', () => streamOf('/events')?.closeAt === end + 2 * minute)
    expect((await post()).status).toBe(200)
    await advanceTo(end + 2 * minute - 1)
    expect(streamOf('/events')).toBeDefined()
    await plant.clock.advance({ ms: 1 })
    expect(await events.ended).toBe('broken')
    const late = await plant.command(
      'grants',
      'extend',
      grant.id,
      '--until',
      '+1h',
      '--reason',
      'work goes on',
      '--json',
    )
    expect([late.status, JSON.parse(late.out)]).toMatchObject([1, { error: { code: 'grant-conflict' } }])
  })

  it('it is still there to be ended, on the page and in the list', async () => {
    const grant = await begin('drain')
    const events = await client.stream(press('/events'))
    await advanceTo(grant.until + 1)
    const admin = await plant.signIn('admin')
    const list = await admin.navigate(`${plant.portal}/admin`)
    expect(list.text).toContain('what runs may finish')
    const page = await admin.navigate(`${plant.portal}/admin/grants/${grant.id}`)
    expect(page.text).toContain('Revoke this grant')
    const { out } = await plant.command('grants', 'list', '--json')
    expect(JSON.parse(out)).toMatchObject([{ id: grant.id, state: 'draining', ending: 'drain' }])
    const form = { action: `/admin/grants/${grant.id}/revoke` }
    const asked = await admin.submit(page, { reason: 'wrong recipe' }, form)
    await admin.submit(asked, {}, form)
    expect(await events.ended).toBe('broken')
    admin.close()
  })

  it('it goes on where Redis was away for a moment, and all is looked at afresh', async () => {
    const grant = await begin('drain')
    const events = await client.stream(press('/events'))
    const other = await plant.issue({ endpoints: ['press-4'] })
    const elsewhere = `${plant.origin('press-4')}/events`
    expect((await client.navigate(plant.origin('press-4'))).status).toBe(200)
    const witness = await client.stream(elsewhere)
    await advanceTo(grant.until + 1)
    await plant.revokeUnannounced(other)
    await plant.redis.restart()
    expect(await witness.ended).toBe('broken')
    const before = events.received()
    await until('events go on', () => events.received() > before)
    await plant.clock.advance({ minutes: 2 })
    expect(await events.ended).toBe('broken')
  })
})

describe('when a grant has turned read-only', () => {
  it('nothing that changes begins, what had begun finishes, and looking goes on until the end', async () => {
    const grant = await begin('read-only')
    const live = await openLive()
    const { request: sending, answer } = await upload()
    const portal = visibleText(await client.navigate(plant.portal))
    expect(portal).toContain('Towards the end you may only look')
    expect(portal).toMatch(/View only from \d{4}-/)
    await advanceTo(grant.until - 10 * minute - 1)
    expect((await post()).status).toBe(200)
    await plant.clock.advance({ ms: 1 })
    const denied = await post()
    expect([denied.status, codeOf(denied)]).toEqual([403, 'grant-read-only'])
    expect((await client.fetch(press())).status).toBe(200)
    live.send('speed=0')
    const fresh = await openLive()
    fresh.send('speed=0')
    for (const socket of [live, fresh]) for (let i = 0; i < 3; i += 1) await socket.next()
    expect(plant.machine.messages).toEqual([])
    expect((await client.navigate(plant.portal)).text).toContain('<span class="tag">View only</span>')
    sending.end('second')
    expect(await answer).toEqual({ status: 200, text: 'first second' })
    await advanceTo(grant.until)
    expect(await live.closed).toEqual({ code: 1008, reason: 'grant-ended' })
    expect(codeOf(await client.fetch(press()))).toBe('grant-ended')
  })

  it('more time gives back what it took', async () => {
    const grant = await begin('read-only')
    const live = await openLive()
    const lossy = await openLive()
    await advanceTo(grant.until - minute)
    lossy.send('select pump 2')
    expect(codeOf(await post())).toBe('grant-read-only')
    expect(
      await plant.command('grants', 'extend', grant.id, '--until', '+1h', '--reason', 'work goes on'),
    ).toMatchObject({ status: 0 })
    expect((await post()).status).toBe(200)
    expect(await lossy.closed).toEqual({ code: 1008, reason: 'grant-extended' })
    live.send('speed=41')
    await until('the machine hears', () => plant.machine.messages.includes('speed=41'))
    expect(plant.machine.messages).toEqual(['speed=41'])
    await plant.clock.advance({ minutes: 51 })
    expect(codeOf(await post())).toBe('grant-read-only')
  })

  it('a revocation cuts at once', async () => {
    const grant = await begin('read-only')
    const live = await openLive()
    await advanceTo(grant.until - minute)
    await plant.revoke(grant)
    expect(await live.closed).toEqual({ code: 1008, reason: 'grant-revoked' })
  })
})

describe('on another instance', () => {
  let second: Gatehouse
  let port: number

  beforeEach(async () => {
    port = await freePorts()
    const { config, clock } = plant
    const elsewhere = {
      ...config,
      server: { ...config.server, listen: { host: '127.0.0.1', port }, operations: null },
      audit: { ...config.audit, writer: 'second' },
    }
    second = await startGatehouse(elsewhere, { clock, logger: silentLogger, storeLimitMs: 5_000 })
    await second.services.store.untilReady(5_000)
  })
  afterEach(() => second.close())

  /** The same browser, led there by a load balancer. */
  const there = (path: string): { url: string; headers: { Host: string } } => {
    const url = new URL(press(path))
    const { host } = url
    url.port = String(port)
    return { url: url.href, headers: { Host: host } }
  }
  const openLiveThere = async (): Promise<ClientSocket> => {
    const { url, headers } = there('/live')
    return client.openWebSocket(url, { origin: new URL(press()).origin, headers })
  }

  it('a download drains, is let go on, and is cut by a revocation, as on the first', async () => {
    const grant = await begin('drain')
    const { url, headers } = there('/events')
    const events = await client.stream(url, { headers })
    const live = await openLiveThere()
    expect(second.streams()).toHaveLength(2)
    await advanceTo(grant.until)
    expect(await live.closed).toEqual({ code: 1008, reason: 'grant-ended' })
    await plant.command('grants', 'extend', grant.id, '--until', '+30m', '--reason', 'work goes on')
    await until(
      'the extension is known',
      () => (second.streams()[0]?.closeAt ?? 0) > grant.until + 30 * minute,
    )
    await plant.clock.advance({ minutes: 31 })
    const before = events.received()
    await until('events go on', () => events.received() > before)
    await plant.revoke(grant)
    const acknowledged = performance.now()
    expect(await events.ended).toBe('broken')
    expect(performance.now() - acknowledged).toBeLessThan(boundMs)
  })

  it('a WebSocket turns read-only by itself, and back when an extension is made elsewhere', async () => {
    const grant = await begin('read-only')
    const live = await openLiveThere()
    await live.next()
    live.send('speed=40')
    await until('the machine hears', () => plant.machine.messages.includes('speed=40'))
    await advanceTo(grant.until - minute)
    const lossy = await openLiveThere()
    lossy.send('speed=0')
    for (let i = 0; i < 3; i += 1) await lossy.next()
    await plant.command('grants', 'extend', grant.id, '--until', '+1h', '--reason', 'work goes on')
    expect(await lossy.closed).toEqual({ code: 1008, reason: 'grant-extended' })
    live.send('speed=41')
    await until('the machine hears', () => plant.machine.messages.includes('speed=41'))
    expect(plant.machine.messages).toEqual(['speed=40', 'speed=41'])
  })
})
