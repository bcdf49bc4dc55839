import { once } from 'node:events'
import type { Socket } from 'node:net'
import { connect } from 'node:net'
import { createAuthority } from '../support/certificates.js'
import type { Client } from '../support/client.js'
import { recordsOf } from '../support/ledger.js'
import { startPlant, type Plant, type PlantOptions } from '../support/plant.js'
import { until } from '../support/until.js'
import { dial, type RawClient } from '../support/wire.js'

const closers: (() => unknown)[] = []
afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close()
})

async function plantWith(limits: string, options: PlantOptions = {}): Promise<Plant> {
  const plant = await startPlant({ limits, ...options })
  closers.push(() => plant.close())
  return plant
}

interface Visitor {
  /** Opens an event stream that goes on until its connection is closed. */
  open(endpointId?: string): RawClient
  readonly client: Client
}

async function visitorOf(plant: Plant, endpointIds: readonly string[]): Promise<Visitor> {
  await plant.issue({ endpoints: [...endpointIds] })
  const client = await plant.signIn('vendor')
  for (const id of endpointIds) await client.navigate(plant.origin(id))
  closers.push(() => {
    client.close()
  })
  return {
    client,
    open: (endpointId = 'press-3') => {
      const at = new URL(plant.origin(endpointId))
      const raw = dial(plant.gatehouse.address.port)
      closers.push(() => raw.socket.destroy())
      const cookie = client.cookies.header(at, { isForeign: false, navigation: 'safe' })
      raw.send(`GET /events HTTP/1.1\r\nHost: ${at.host}\r\nCookie: ${cookie}\r\n\r\n`)
      return raw
    },
  }
}

const refusalsOf = async (plant: Plant): Promise<unknown[]> =>
  (await recordsOf(plant.config.audit.directory, 'request.refused')).map(({ detail }) => detail)

async function expectBusy(plant: Plant, raw: RawClient, detail: string): Promise<void> {
  const before = plant.machine.received.length
  await raw.ended
  expect(raw.text()).toMatch(/^HTTP\/1\.1 503 [^]*\r\nretry-after: 10\r\n[^]*"code":"busy"/i)
  await until('a line says so', async () => (await refusalsOf(plant)).includes(detail))
  expect(plant.machine.received).toHaveLength(before)
}

describe('somebody who wants more than there is', () => {
  it('is refused beyond what one session may have under way, and served when something ends', async () => {
    const plant = await plantWith('{ perSession: 3 }')
    const visitor = await visitorOf(plant, ['press-3'])
    const open = [visitor.open(), visitor.open(), visitor.open()]
    for (const stream of open) await stream.until('data: 1')
    await expectBusy(plant, visitor.open(), 'busy-session')
    open[0]?.socket.destroy()
    await until('one has ended', () => plant.gatehouse.streams().length === 2)
    await visitor.open().until('data: 1')
  }, 30_000)

  it('is refused beyond what one machine may have, but not at another', async () => {
    const plant = await plantWith('{ perEndpoint: 2 }')
    const visitor = await visitorOf(plant, ['press-3', 'press-4'])
    for (const stream of [visitor.open(), visitor.open()]) await stream.until('data: 1')
    await expectBusy(plant, visitor.open(), 'busy-endpoint')
    await visitor.open('press-4').until('data: 1')
  }, 30_000)

  it('is hung up on beyond what one address may have, before anything was said', async () => {
    const plant = await plantWith('{ perAddress: 40 }')
    const sockets: Socket[] = []
    closers.push(() => {
      for (const socket of sockets) socket.destroy()
    })
    const openOne = async (): Promise<Socket> => {
      const socket = connect(plant.gatehouse.address.port, '127.0.0.1')
      socket.on('error', () => undefined)
      sockets.push(socket)
      await once(socket, 'connect')
      return socket
    }
    for (let count = 0; count < 40; count += 1) await openOne()
    const more = await openOne()
    if (!more.destroyed) await once(more, 'close')
    await until('a line says so', async () => (await refusalsOf(plant)).includes('connections-too-many'))
    expect(sockets.filter((socket) => !socket.destroyed)).toHaveLength(40)
    sockets[0]?.destroy()
    await new Promise((resolve) => setTimeout(resolve, 50))
    const again = await openOne()
    await new Promise((resolve) => setTimeout(resolve, 50))
    expect(again.destroyed).toBe(false)
  }, 30_000)

  it('cannot keep administrators out by taking all there is', async () => {
    const plant = await plantWith('{ connections: 20 }')
    const visitor = await visitorOf(plant, ['press-3'])
    const administrator = await plant.signIn('admin')
    closers.push(() => {
      administrator.close()
    })
    visitor.client.close()
    const open = Array.from({ length: 19 }, () => visitor.open())
    for (const stream of open) await stream.until('data: 1')
    administrator.close()
    await expectBusy(plant, visitor.open(), 'busy-total')
    const page = await administrator.navigate(`${plant.portal}/admin`)
    expect(page.status).toBe(200)
  }, 30_000)
})

describe('a client that is slow', () => {
  it('is cut when it leaves an answer unread, with one line that says why', async () => {
    const plant = await plantWith('{ stalledSeconds: 1 }')
    const visitor = await visitorOf(plant, ['press-3'])
    const at = new URL(plant.origin('press-3'))
    const raw = dial(plant.gatehouse.address.port)
    closers.push(() => raw.socket.destroy())
    raw.socket.pause()
    const cookie = visitor.client.cookies.header(at, { isForeign: false, navigation: 'safe' })
    raw.send(`GET /megabytes/60 HTTP/1.1\r\nHost: ${at.host}\r\nCookie: ${cookie}\r\n\r\n`)
    await until('it is under way', () => plant.gatehouse.streams().length === 1)
    await until('it is cut', () => plant.gatehouse.streams().length === 0)
    const completed = async (): Promise<unknown[]> =>
      (await recordsOf(plant.config.audit.directory, 'request.completed')).filter(({ end }) => end === 'cut')
    await until('a line says so', async () => (await completed()).length > 0)
    expect(await completed()).toMatchObject([{ status: 200, end: 'cut', cause: 'client-stalled' }])
  }, 30_000)

  it('is answered with 408 when it does not finish its header, and hung up on when it does not begin TLS', async () => {
    const authority = await createAuthority()
    const certificate = await authority.issue(['portal.localhost', '*.plant.localhost'])
    const [plain, encrypted] = await Promise.all([plantWith('{}'), plantWith('{}', { certificate })])
    const began = performance.now()
    const half = dial(plain.gatehouse.address.port)
    half.send('GET / HTTP/1.1\r\nHost: portal.loc')
    const silent = dial(encrypted.gatehouse.address.port)
    const ended = await Promise.all([half.ended, silent.ended])
    expect(ended).toEqual(['closed', 'closed'])
    expect(half.text()).toMatch(/^HTTP\/1\.1 408 [^]*"code":"request-timeout"/)
    expect(silent.text()).toBe('')
    expect(performance.now() - began).toBeLessThan(20_000)
    await until('a line says so', async () => (await refusalsOf(plain)).includes('request-timeout'))
  }, 40_000)

  it('is answered with 413 when it sends more than the machine may get', async () => {
    const plant = await plantWith('{}', {
      endpoints: [{ id: 'press-3', upstream: 'http://127.0.0.1:9', more: 'limits: { bodyBytes: 1KiB }' }],
    })
    const visitor = await visitorOf(plant, ['press-3'])
    const answer = await visitor.client.fetch(`${plant.origin('press-3')}/echo`, {
      method: 'POST',
      body: 'x'.repeat(1_025),
    })
    expect([answer.status, (answer.json() as { code: string }).code]).toEqual([413, 'body-too-large'])
    await until('a line says so', async () =>
      (await recordsOf(plant.config.audit.directory, 'request.completed')).some(
        ({ status, end, bytesUp }) => status === null && end === 'refused' && bytesUp === 0,
      ),
    )
  }, 30_000)
})
