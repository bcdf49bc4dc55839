// One server in a process of its own, so that its CPU time is its own: servers.ts <role> <argument>.
// Says its port to the parent, and ends with it.
import { createRequire } from 'node:module'
import { once } from 'node:events'
import { Agent, createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { WebSocketServer } from 'ws'
import { loadConfig } from '../src/config/index.js'
import { startGatehouse } from '../src/main.js'

export const bodyBytes = 200

export type Role = 'machine' | 'peer' | 'gatehouse'

interface Running {
  readonly port: number
  close(): Promise<void>
}

/** What stands behind both proxies: answers at once, and holds any WebSocket open. */
function startMachine(): Promise<Running> {
  const body = Buffer.alloc(bodyBytes, 'x')
  const server = createServer((_req, res) => {
    res.writeHead(200, { 'content-type': 'text/plain', 'content-length': bodyBytes })
    res.end(body)
  })
  new WebSocketServer({ server }).on('connection', (socket) => socket.on('error', () => undefined))
  return listen(server)
}

interface HttpProxy {
  web(req: IncomingMessage, res: ServerResponse): void
  on(event: 'error', listener: (error: Error, req: IncomingMessage, res: ServerResponse) => void): void
}

/** http-proxy as its manual shows it, and with the keep-alive agent without which it is far slower. */
function startPeer(target: string): Promise<Running> {
  const load = createRequire(new URL('./peers/package.json', import.meta.url))
  const { createProxyServer } = load('http-proxy') as {
    createProxyServer(options: { target: string; agent: Agent }): HttpProxy
  }
  const proxy = createProxyServer({ target, agent: new Agent({ keepAlive: true }) })
  proxy.on('error', (_error, _req, res) => res.destroy())
  return listen(
    createServer((req, res) => {
      proxy.web(req, res)
    }),
  )
}

async function startGate(configFile: string): Promise<Running> {
  const gatehouse = await startGatehouse(loadConfig(configFile))
  await gatehouse.services.store.untilReady(5_000)
  return { port: gatehouse.address.port, close: () => gatehouse.close() }
}

async function listen(server: Server): Promise<Running> {
  server.listen(0, '127.0.0.1')
  await once(server, 'listening')
  return { port: (server.address() as AddressInfo).port, close: () => Promise.resolve() }
}

const start: Readonly<Record<Role, (argument: string) => Promise<Running>>> = {
  machine: startMachine,
  peer: startPeer,
  gatehouse: startGate,
}

if (process.send) {
  const [role, argument = ''] = process.argv.slice(2)
  const running = await start[role as Role](argument)
  process.on('disconnect', () => void running.close().finally(() => process.exit()))
  process.send(running.port)
}
