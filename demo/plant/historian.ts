import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { Readable } from 'node:stream'
import { pipeline } from 'node:stream/promises'
import { systemClock } from '../../src/lib/index.js'
import { listen, redirect, sendHtml, sendJson, type Running } from '../http.js'
import { renderHistorian } from './historian-page.js'
import { aggregate, csvRows, historyBeganAt, historyTags, type HistoryTag } from './history.js'
import { createAssets } from './static-files.js'

export interface HistorianOptions {
  /** 0 takes any free port. */
  readonly port: number
}

export interface Historian extends Running {
  /** Exports that are being read right now. */
  exportsRunning(): number
}

const mostPoints = 5_000
const mostMegabytes = 10_000
const hourMs = 3_600_000

/** What the asker did wrong, and in which parameter. */
class BadQuery extends Error {
  constructor(
    readonly parameter: string,
    message: string,
  ) {
    super(message)
  }
}

/**
 * Years of made-up, repeatable history: a trend page, a JSON query and a CSV export of any size.
 *
 * `GET /api/v1/tags` · `GET /api/v1/query?tag=&from=&to=&step=` · `GET /export.csv?tag=&from=&to=&step=`
 * or `GET /export.csv?megabytes=300`. Instants are ISO 8601 with an offset, steps are seconds.
 */
export async function startHistorian(options: HistorianOptions): Promise<Historian> {
  const assets = createAssets(['historian.css', 'historian.js', 'icon.svg'])
  let running = 0
  const exportCsv = async (
    query: URLSearchParams,
    req: IncomingMessage,
    res: ServerResponse,
  ): Promise<void> => {
    const rows = exportOf(query)
    res.writeHead(200, {
      'Content-Type': 'text/csv; charset=utf-8',
      'Content-Disposition': 'attachment; filename="line-2-history.csv"',
      'Cache-Control': 'no-store',
    })
    if (req.method === 'HEAD') {
      res.end()
      return
    }
    running += 1
    try {
      await pipeline(Readable.from(rows, { objectMode: false, highWaterMark: 1 }), res)
    } catch {
      // The reader went away; there is nobody left to tell.
    } finally {
      running -= 1
    }
  }
  const answer = async (req: IncomingMessage, res: ServerResponse): Promise<void> => {
    const url = new URL(req.url ?? '/', 'http://historian')
    if (req.method !== 'GET' && req.method !== 'HEAD') {
      res.setHeader('Allow', 'GET, HEAD')
      sendJson(res, 405, { error: 'method-not-allowed', message: 'The historian is read only.' })
    } else if (assets(req, res)) {
      return
    } else if (url.pathname === '/' || url.pathname === '/historian') {
      redirect(res, '/historian/trend')
    } else if (url.pathname === '/historian/trend') {
      sendHtml(res, 200, renderHistorian())
    } else if (url.pathname === '/api/v1/tags') {
      sendJson(res, 200, { from: new Date(historyBeganAt).toISOString(), tags: historyTags })
    } else if (url.pathname === '/api/v1/query') {
      sendJson(res, 200, answerQuery(url.searchParams))
    } else if (url.pathname === '/export.csv') {
      await exportCsv(url.searchParams, req, res)
    } else {
      sendJson(res, 404, { error: 'not-found', message: 'The historian has nothing here.' })
    }
  }
  const server = createServer((req, res) => {
    answer(req, res).catch((error: unknown) => {
      if (res.headersSent) res.destroy()
      else if (error instanceof BadQuery) {
        sendJson(res, 400, { error: 'bad-query', parameter: error.parameter, message: error.message })
      } else sendJson(res, 500, { error: 'internal', message: 'The historian could not answer.' })
    })
  })
  return { ...(await listen(server, options.port)), exportsRunning: () => running }
}

function answerQuery(query: URLSearchParams): unknown {
  refuseUnknown(query, ['tag', 'from', 'to', 'step'])
  const tag = tagOf(single(query, 'tag') ?? '')
  const { from, to } = spanOf(query)
  const stepMs = stepOf(query) ?? Math.max(1_000, Math.ceil((to - from) / 600_000) * 1_000)
  const count = Math.ceil((to - from) / stepMs)
  if (count > mostPoints) {
    const least = Math.ceil((to - from) / 1_000 / mostPoints)
    throw new BadQuery(
      'step',
      `would give ${String(count)} points; ${String(least)} s or more fits into ${String(mostPoints)}`,
    )
  }
  // Rounding before sending: the eighth decimal of a transmitter is nobody's business.
  const round = (value: number): number => Number(value.toFixed(tag.decimals + 1))
  return {
    tag: tag.tag,
    unit: tag.unit,
    from: new Date(from).toISOString(),
    to: new Date(to).toISOString(),
    step: stepMs / 1_000,
    columns: ['time', 'minimum', 'average', 'maximum'],
    points: aggregate(tag, from, Math.min(to, systemClock.now()), stepMs).map((point) => [
      point.at,
      round(point.minimum),
      round(point.average),
      round(point.maximum),
    ]),
  }
}

function exportOf(query: URLSearchParams): Iterable<Buffer> {
  refuseUnknown(query, ['tag', 'from', 'to', 'step', 'megabytes'])
  const named = query.getAll('tag').map(tagOf)
  const tags = named.length === 0 ? historyTags : named
  const stepMs = stepOf(query) ?? 1_000
  const size = single(query, 'megabytes')
  if (size === null) {
    const { from, to } = spanOf(query)
    return csvRows(tags, from, stepMs, { at: Math.min(to, systemClock.now()) })
  }
  const megabytes = Number(size)
  if (!/^\d+$/.test(size) || megabytes < 1 || megabytes > mostMegabytes) {
    throw new BadQuery('megabytes', `must be a whole number from 1 to ${String(mostMegabytes)}`)
  }
  if (query.has('from') || query.has('to'))
    throw new BadQuery('megabytes', 'cannot be combined with from or to')
  return csvRows(tags, historyBeganAt, stepMs, { bytes: megabytes * 1_000_000 })
}

function refuseUnknown(query: URLSearchParams, known: readonly string[]): void {
  for (const name of query.keys()) {
    if (!known.includes(name))
      throw new BadQuery(name.slice(0, 40), `is not known here; use ${known.join(', ')}`)
  }
}

function single(query: URLSearchParams, name: string): string | null {
  const values = query.getAll(name)
  if (values.length > 1) throw new BadQuery(name, 'is given more than once')
  return values[0] ?? null
}

function tagOf(name: string): HistoryTag {
  const tag = historyTags.find((candidate) => candidate.tag === name)
  if (!tag) throw new BadQuery('tag', 'names no recorded tag; see /api/v1/tags')
  return tag
}

/** Default: the last eight hours. */
function spanOf(query: URLSearchParams): { from: number; to: number } {
  const to = instantOf(query, 'to') ?? Math.floor(systemClock.now() / 1_000) * 1_000
  const from = instantOf(query, 'from') ?? to - 8 * hourMs
  if (from < historyBeganAt) {
    throw new BadQuery('from', `lies before the first record, ${new Date(historyBeganAt).toISOString()}`)
  }
  if (from >= to) throw new BadQuery('to', 'must be later than from')
  if (to - from > 400 * 24 * hourMs) throw new BadQuery('from', 'is more than 400 days before to')
  return { from, to }
}

const instantShape = /^\d{4}-\d{2}-\d{2}T\d{2}:\d{2}(?::\d{2}(?:\.\d{1,3})?)?(?:Z|[+-]\d{2}:\d{2})$/

function instantOf(query: URLSearchParams, name: string): number | null {
  const text = single(query, name)
  if (text === null) return null
  const at = instantShape.test(text) ? Date.parse(text) : NaN
  if (Number.isNaN(at)) throw new BadQuery(name, 'must be an instant like 2026-03-01T06:00:00Z')
  return at
}

function stepOf(query: URLSearchParams): number | null {
  const text = single(query, 'step')
  if (text === null) return null
  const seconds = Number(text)
  if (!/^\d+$/.test(text) || seconds < 1 || seconds > 86_400) {
    throw new BadQuery('step', 'must be whole seconds from 1 to 86400')
  }
  return seconds * 1_000
}
