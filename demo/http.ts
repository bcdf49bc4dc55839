import { once } from 'node:events'
import type { IncomingMessage, Server, ServerResponse } from 'node:http'
import { createConnection, type AddressInfo } from 'node:net'

/** Something that listens until it is closed. */
export interface Running {
  /** Origin, without a trailing slash. */
  readonly url: string
  readonly port: number
  close(): Promise<void>
}

/** Another program holds the port. The message names it. */
export class PortBusy extends Error {
  constructor(readonly port: number) {
    super(`Port ${String(port)} is already in use on this machine.`)
    this.name = 'PortBusy'
  }
}

/**
 * Listens on the IPv4 loopback; port 0 takes any free one.
 *
 * @throws PortBusy
 */
export async function listen(
  server: Server,
  port: number,
  scheme: 'http' | 'https' = 'http',
): Promise<Running> {
  if (port !== 0 && (await isAnswered('::1', port))) throw new PortBusy(port)
  server.listen(port, '127.0.0.1')
  try {
    await once(server, 'listening')
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'EADDRINUSE') throw new PortBusy(port)
    throw error
  }
  const taken = (server.address() as AddressInfo).port
  return {
    url: `${scheme}://127.0.0.1:${String(taken)}`,
    port: taken,
    close: async () => {
      const closed = once(server, 'close')
      server.close()
      server.closeAllConnections()
      await closed
    },
  }
}

/** Browsers try ::1 first for `localhost`: someone else there would be shown instead of us. */
export async function isAnswered(host: string, port: number): Promise<boolean> {
  const probe = createConnection({ host, port })
  try {
    await once(probe, 'connect')
    return true
  } catch {
    return false
  } finally {
    probe.destroy()
  }
}

/** A body of at most `limitBytes`, or null when it is longer or breaks off. */
export async function readBody(req: IncomingMessage, limitBytes = 16_384): Promise<string | null> {
  const chunks: Buffer[] = []
  let length = 0
  try {
    for await (const chunk of req as AsyncIterable<Buffer>) {
      length += chunk.length
      // What is too long is read to its end and forgotten, so that the answer still gets through.
      if (length <= limitBytes) chunks.push(chunk)
    }
  } catch {
    return null
  }
  return length > limitBytes ? null : Buffer.concat(chunks).toString('utf8')
}

export function sendJson(res: ServerResponse, status: number, value: unknown): void {
  res.writeHead(status, { 'Content-Type': 'application/json; charset=utf-8', 'Cache-Control': 'no-store' })
  res.end(JSON.stringify(value))
}

export function sendHtml(res: ServerResponse, status: number, html: string): void {
  res.writeHead(status, { 'Content-Type': 'text/html; charset=utf-8', 'Cache-Control': 'no-cache' })
  res.end(html)
}

export function redirect(res: ServerResponse, location: string, status: 302 | 303 = 302): void {
  res.writeHead(status, { Location: location, 'Content-Length': 0 })
  res.end()
}

/** The first cookie of that name. */
export function cookieOf(req: IncomingMessage, name: string): string | null {
  for (const pair of (req.headers.cookie ?? '').split(';')) {
    const [key, value] = pair.trim().split('=')
    if (key === name && value !== undefined) return value
  }
  return null
}
