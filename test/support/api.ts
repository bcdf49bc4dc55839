import { once } from 'node:events'
import http from 'node:http'
import type { IncomingHttpHeaders, IncomingMessage } from 'node:http'

/** An answer of the JSON API. */
export interface ApiAnswer {
  readonly status: number
  readonly headers: IncomingHttpHeaders
  readonly text: string
  readonly json: Record<string, unknown>
}

/** What a program sends, as it is: no cookies, no Origin, nothing that a browser adds. Every name leads to 127.0.0.1. */
export async function rawRequest(
  url: string,
  init: { method: string; headers: Record<string, string>; body?: string },
): Promise<ApiAnswer> {
  const { host, port, pathname, search } = new URL(url)
  const body = init.body === undefined ? undefined : Buffer.from(init.body)
  const req = http.request({
    ...{ host: '127.0.0.1', port, path: pathname + search, method: init.method, agent: false },
    headers: { host, ...init.headers, ...(body === undefined ? {} : { 'content-length': body.length }) },
  })
  // The answer may come before all is sent, and the rest is then not taken.
  req.on('error', () => undefined)
  req.end(body)
  const [res] = (await once(req, 'response')) as [IncomingMessage]
  const chunks: Buffer[] = []
  for await (const chunk of res as AsyncIterable<Buffer>) chunks.push(chunk)
  const text = Buffer.concat(chunks).toString()
  const json = (text === '' ? {} : JSON.parse(text)) as Record<string, unknown>
  return { status: res.statusCode ?? 0, headers: res.headers, text, json }
}
