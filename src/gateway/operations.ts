import { createServer, type Server } from 'node:http'

export interface OperationsOptions {
  readonly host: string
  readonly port: number
  /** What keeps this instance from serving, in words for an operator; empty when nothing does. */
  readonly problems: () => readonly string[]
  /** What somebody should look at, although it serves. */
  readonly warnings: () => readonly string[]
}

/**
 * The operations listener, apart from everything a vendor can reach: `/healthz` says the process is
 * alive, `/readyz` whether it may be sent traffic, and if not, why.
 */
export async function startOperations({
  host,
  port,
  problems,
  warnings,
}: OperationsOptions): Promise<Server> {
  const server = createServer((req, res) => {
    const answer = (status: number, body: unknown): void => {
      res.writeHead(status, { 'content-type': 'application/json', 'cache-control': 'no-store' })
      res.end(JSON.stringify(body))
    }
    if (req.method !== 'GET') answer(405, { status: 'method not allowed' })
    else if (req.url === '/healthz') answer(200, { status: 'alive' })
    else if (req.url === '/readyz') {
      const found = problems()
      answer(found.length === 0 ? 200 : 503, {
        status: found.length === 0 ? 'ready' : 'not ready',
        problems: found,
        warnings: warnings(),
      })
    } else answer(404, { status: 'not found' })
  })
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, host, resolve)
  })
  return server
}
