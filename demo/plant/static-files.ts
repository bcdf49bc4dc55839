import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname } from 'node:path'

const types: Record<string, string> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Serves the named files of `static/` under `/assets/`, with an ETag so that a panel loads in one round trip. */
export function createAssets(
  names: readonly string[],
): (req: IncomingMessage, res: ServerResponse) => boolean {
  const files = new Map(
    names.map((name) => {
      const body = readFileSync(new URL(`./static/${name}`, import.meta.url))
      const etag = `"${createHash('sha256').update(body).digest('base64url').slice(0, 22)}"`
      return [`/assets/${name}`, { body, etag, type: types[extname(name)] ?? 'application/octet-stream' }]
    }),
  )
  return (req, res) => {
    const file = files.get(new URL(req.url ?? '/', 'http://panel').pathname)
    if (!file) return false
    const headers = { ETag: file.etag, 'Cache-Control': 'no-cache', 'Content-Type': file.type }
    if (req.headers['if-none-match'] === file.etag) {
      res.writeHead(304, headers).end()
      return true
    }
    res.writeHead(200, { ...headers, 'Content-Length': file.body.length })
    res.end(req.method === 'HEAD' ? undefined : file.body)
    return true
  }
}
