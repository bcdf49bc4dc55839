import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { startHistorian, type Historian } from '../../demo/plant/index.js'
import { until } from '../support/until.js'

let historian: Historian

beforeAll(async () => {
  historian = await startHistorian({ port: 0 })
})

afterAll(() => historian.close())

const ask = (path: string): Promise<Response> => fetch(historian.url + path, { redirect: 'manual' })

async function open(path: string): Promise<IncomingMessage> {
  const [response] = (await once(get(historian.url + path, { agent: false }), 'response')) as [
    IncomingMessage,
  ]
  return response
}

describe('the trend page', () => {
  it('is reached from the root, with all its assets', async () => {
    expect((await ask('/')).headers.get('location')).toBe('/historian/trend')
    const html = await (await ask('/historian/trend')).text()
    const assets = (html.match(/"\/assets\/[^"]+"/g) ?? []).map((text) => text.slice(1, -1))
    expect(assets).toHaveLength(3)
    for (const path of assets) expect((await ask(path)).status).toBe(200)
  })
})

describe('a query', () => {
  it('gives minimum, average and maximum for each step', async () => {
    const path =
      '/api/v1/query?tag=L2.TIC-202&from=2026-03-03T08:00:00Z&to=2026-03-03T09:00:00%2B00:00&step=60'
    const answer = (await (await ask(path)).json()) as { points: number[][]; unit: string; step: number }
    expect(answer).toMatchObject({ tag: 'L2.TIC-202', unit: '°C', step: 60 })
    expect(answer.points).toHaveLength(60)
    expect(answer.points[0]?.[0]).toBe(Date.UTC(2026, 2, 3, 8))
    for (const [, minimum = 0, average = 0, maximum = 0] of answer.points) {
      expect(minimum).toBeLessThanOrEqual(average)
      expect(average).toBeLessThanOrEqual(maximum)
    }
  })

  it('without a span gives the last eight hours, and nothing of the future', async () => {
    const answer = (await (await ask('/api/v1/query?tag=L2.SC-210')).json()) as { points: number[][] }
    expect(answer.points.length).toBeGreaterThan(300)
    expect(answer.points.at(-1)?.[0]).toBeLessThanOrEqual(Date.now())
    const later = '/api/v1/query?tag=L2.SC-210&from=2099-01-01T00:00:00Z&to=2099-01-02T00:00:00Z'
    expect(await (await ask(later)).json()).toMatchObject({ points: [] })
  })

  it.each([
    ['', 'tag', 'names no recorded tag; see /api/v1/tags'],
    ['tag=nothing', 'tag', 'names no recorded tag; see /api/v1/tags'],
    ['tag=__proto__', 'tag', 'names no recorded tag; see /api/v1/tags'],
    ['tag=L2.SC-210&tag=L2.SC-210', 'tag', 'is given more than once'],
    ['tag=L2.SC-210&from=yesterday', 'from', 'must be an instant like 2026-03-01T06:00:00Z'],
    ['tag=L2.SC-210&from=2026-03-01', 'from', 'must be an instant like 2026-03-01T06:00:00Z'],
    ['tag=L2.SC-210&from=2026-13-01T00:00:00Z', 'from', 'must be an instant like 2026-03-01T06:00:00Z'],
    ['tag=L2.SC-210&from=2026-03-02T00:00:00Z&to=2026-03-01T00:00:00Z', 'to', 'must be later than from'],
    [
      'tag=L2.SC-210&from=1999-01-01T00:00:00Z',
      'from',
      'lies before the first record, 2024-01-01T00:00:00.000Z',
    ],
    ['tag=L2.SC-210&step=0', 'step', 'must be whole seconds from 1 to 86400'],
    ['tag=L2.SC-210&step=1e3', 'step', 'must be whole seconds from 1 to 86400'],
    ['tag=L2.SC-210&step=1', 'step', 'would give 28800 points; 6 s or more fits into 5000'],
    ['tag=L2.SC-210&limit=5', 'limit', 'is not known here; use tag, from, to, step'],
  ])('like ?%s is refused in a sentence', async (query, parameter, message) => {
    const response = await ask(`/api/v1/query?${query}`)
    expect(response.status).toBe(400)
    expect(await response.json()).toEqual({ error: 'bad-query', parameter, message })
  })

  it('is all there is: nothing can be written', async () => {
    expect((await fetch(`${historian.url}/api/v1/query`, { method: 'POST', body: 'x' })).status).toBe(405)
  })
})

describe('the export', () => {
  it('streams a table of the asked size', async () => {
    const response = await open('/export.csv?megabytes=20')
    expect(response.headers['content-type']).toBe('text/csv; charset=utf-8')
    let bytes = 0
    for await (const chunk of response as AsyncIterable<Buffer>) bytes += chunk.length
    expect(bytes).toBeGreaterThanOrEqual(20_000_000)
    expect(bytes).toBeLessThan(20_000_100)
  })

  it('of hundreds of megabytes waits for its reader instead of piling up', async () => {
    const before = process.memoryUsage().rss
    const response = await open('/export.csv?megabytes=300')
    await once(response, 'readable')
    await until('an export runs', () => historian.exportsRunning() === 1)
    // Whoever does not read gets nothing made: the loop stays idle and memory flat.
    const usage = process.cpuUsage()
    const started = performance.now()
    await until('half a second has passed', () => performance.now() - started > 500)
    const { user } = process.cpuUsage(usage)
    expect(user).toBeLessThan(400_000)
    expect(process.memoryUsage().rss - before).toBeLessThan(80_000_000)
    response.destroy()
    await until('the export has ended', () => historian.exportsRunning() === 0)
  })

  it('of chosen tags and times holds those and no others', async () => {
    const path =
      '/export.csv?tag=L2.SC-210&tag=L2.LIC-201&from=2026-03-03T08:00:00Z&to=2026-03-03T08:10:00Z&step=60'
    const lines = (await (await ask(path)).text()).trim().split('\r\n')
    expect(lines).toHaveLength(21)
    expect(new Set(lines.slice(1).map((line) => line.split(',')[1]))).toEqual(
      new Set(['L2.SC-210', 'L2.LIC-201']),
    )
  })

  it.each([
    ['megabytes=0', 'megabytes'],
    ['megabytes=10001', 'megabytes'],
    ['megabytes=-5', 'megabytes'],
    ['megabytes=1.5', 'megabytes'],
    ['megabytes=5&from=2026-03-03T08:00:00Z', 'megabytes'],
    ['tag=nothing', 'tag'],
    ['rows=5', 'rows'],
  ])('with %s is refused', async (query, parameter) => {
    const response = await ask(`/export.csv?${query}`)
    expect(response.status).toBe(400)
    expect(await response.json()).toMatchObject({ error: 'bad-query', parameter })
  })
})
