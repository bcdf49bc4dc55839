import { createClient, type Client, type FetchInit, type StreamedAnswer } from '../support/client.js'
import { operator, startPlant, type AccountName, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

let plant: Plant
let clients: Client[] = []

beforeEach(async () => {
  plant = await startPlant({ enrolled: ['vendor', 'approver', 'admin'] })
}, 30_000)
afterEach(async () => {
  for (const client of clients) client.close()
  clients = []
  await plant.close()
})

const events = (): string => `${plant.portal}/.gatehouse/events`
const as = async (name: AccountName): Promise<Client> => {
  const client = await plant.signIn(name)
  clients.push(client)
  return client
}
const listen = async (client: Client): Promise<StreamedAnswer> => {
  const stream = await client.stream(events())
  expect([stream.status, stream.headers['content-type']]).toEqual([200, 'text/event-stream'])
  await stream.until((text) => text.includes('retry:'))
  return stream
}
const hintsIn = (stream: StreamedAnswer): number => stream.text().split('data: ').length - 1

describe('open pages of the portal', () => {
  it('are told that something has changed, and not what', async () => {
    const stream = await listen(await as('vendor'))
    await plant.issue({ reason: 'secret of another company' })
    await stream.until((text) => text.includes('data: '))
    expect(stream.text().replaceAll(/data: access|retry: 5000|:|\n/g, '')).toBe('')
  })

  it('of vendors are not told who comes and goes; those of the plant are', async () => {
    const vendor = await listen(await as('vendor'))
    const staff = await listen(await as('approver'))
    const before = [hintsIn(vendor), hintsIn(staff)]
    await as('admin')
    await until('the approver is told', () => hintsIn(staff) > (before[1] ?? 0))
    expect(hintsIn(vendor)).toBe(before[0])
  })

  // Each change anywhere was told to every vendor's page, and each of them asked for what it shows: one company at work made
  // the pages of all others ask, many times a minute.
  it('of vendors are told of what is theirs and of lockdowns, and of nothing that others do', async () => {
    const vendor = await listen(await as('vendor'))
    const staff = await listen(await as('approver'))
    await plant.gatehouse.services.changes.settle()
    await plant.issue({ to: 'eve@machines.example' })
    await plant.issue({ to: 'nobody@elsewhere.example' })
    await until('the approver is told', () => hintsIn(staff) > 0)
    const own = await plant.issue()
    await until('the vendor is told of their own', () => hintsIn(vendor) > 0)
    await new Promise((resolve) => setTimeout(resolve, 600))
    expect(hintsIn(vendor)).toBe(1)
    await plant.issue({ to: 'eve@machines.example' })
    await until('the approver is told again', () => hintsIn(staff) > 2)
    await new Promise((resolve) => setTimeout(resolve, 600))
    expect(hintsIn(vendor)).toBe(1)
    await plant.revoke(own)
    await until('the vendor is told of the end', () => hintsIn(vendor) > 1)
    // One that keeps nobody of them out ends no stream.
    await plant.gatehouse.services.lockdowns.on('endpoint:press-4', 'a leak', operator)
    await until('the vendor is told of the lockdown', () => hintsIn(vendor) > 2)
  })

  it('are told once of what happens at once', async () => {
    const stream = await listen(await as('vendor'))
    await Promise.all([1, 2, 3, 4, 5].map(() => plant.issue({ endpoints: ['press-4'] })))
    await stream.until((text) => text.includes('data: '))
    await until('the rest has passed', () => hintsIn(stream) > 0)
    expect(hintsIn(stream)).toBeLessThan(5)
  })
})

describe('the stream that tells them', () => {
  it('is for a session with its second factor alone', async () => {
    const stranger = createClient({ clock: plant.clock })
    const halfway = createClient({ clock: plant.clock })
    clients.push(stranger, halfway)
    expect((await stranger.fetch(events())).status).toBe(401)
    await plant.signInWithPassword(halfway, 'vendor')
    expect((await halfway.fetch(events())).status).toBe(401)
  })

  it('is not there for other methods, nor for pages of machines', async () => {
    const client = await as('vendor')
    const statusOf = async (init: FetchInit): Promise<number> => {
      const stream = await client.stream(events(), init)
      stream.abort()
      return stream.status
    }
    for (const method of ['POST', 'HEAD', 'DELETE']) {
      const status = await statusOf({ method })
      expect([method, [403, 404].includes(status)]).toEqual([method, true])
    }
    const site = await statusOf({ headers: { 'Sec-Fetch-Site': 'same-site' } })
    expect([403, 404]).toContain(site)
    const foreign = await statusOf({ from: `${plant.origin('press-3')}/`, credentials: 'include' })
    expect([401, 403, 404]).toContain(foreign)
  })

  it('is no machine that is open, and nobody sees it as one', async () => {
    await listen(await as('vendor'))
    expect(plant.gatehouse.streams()).toEqual([])
  })

  it('ends with the session, at once and whole', async () => {
    const stream = await listen(await as('vendor'))
    const [session] = await plant.gatehouse.services.sessions.list()
    await plant.gatehouse.services.sessions.end(session?.id ?? '', 'session-killed', operator)
    expect(await stream.ended).toBe('complete')
  })

  it('ends with a lockdown, and stays through the end of a grant', async () => {
    const grant = await plant.issue()
    const stream = await listen(await as('vendor'))
    await plant.revoke(grant)
    await stream.until((text) => text.includes('data: '))
    await plant.gatehouse.services.lockdowns.on('all', 'a leaked laptop', operator)
    expect(await stream.ended).toBe('complete')
    // Asked for again, it is there: a page must see that the stop is lifted.
    await listen(await as('vendor'))
  })

  it('ends when the instance stops, without being waited for', async () => {
    const stream = await listen(await as('vendor'))
    const restarting = plant.restart()
    expect(await stream.ended).toBe('complete')
    await restarting
  })

  it('is had six times by a session, and a place is free again when one is closed', async () => {
    const client = await as('vendor')
    const streams: StreamedAnswer[] = []
    for (let count = 0; count < 6; count += 1) streams.push(await listen(client))
    expect((await client.fetch(events())).status).toBe(503)
    const other = await listen(await as('approver'))
    expect(other.status).toBe(200)
    streams[0]?.abort()
    await until('a place is free', async () => {
      const again = await client.stream(events())
      return again.status === 200
    })
  })
})
