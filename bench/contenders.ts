// Everything that the same request is sent through.
import { once } from 'node:events'
import { get, type IncomingMessage } from 'node:http'
import { join } from 'node:path'
import { startRedis } from '../test/support/redis.js'
import { closeLater } from '../test/support/closing.js'
import type { Asked } from './clients/requests.js'
import { startNginx } from './nginx.js'
import { askAsEach, endpointIds, hostOf, people, startServer, wordRequest, type Site } from './site.js'

export type ContenderName =
  | 'direct'
  | 'nginx'
  | 'nginxTls'
  | 'nginxChecked'
  | 'httpProxy'
  | 'composition'
  | 'gatehouse'
  | 'gatehouseTls'

export interface Contender {
  readonly label: string
  readonly asked: readonly Asked[]
  /** All that works for a request; of the machine only where it is asked directly. */
  readonly parts: readonly { readonly name: string; readonly processIds: readonly number[] }[]
}

export interface Contenders {
  readonly all: Readonly<Record<ContenderName, Contender>>
  close(): Promise<void>
}

export async function openContenders(site: Site): Promise<Contenders> {
  const { folder, machine, certificate, authority } = site
  const machineUrl = `http://127.0.0.1:${machine.port}`
  // The peers have one of their own, so that neither side pays for the other's.
  const peersRedis = await startRedis()
  const closePeersRedis = closeLater(() => peersRedis.close())
  const redisPath = peersRedis.url.replace(/^unix:/, '')
  const startPeer = (module: string, options: object) =>
    startServer('peer', module, JSON.stringify({ machineUrl, redisPath, ...options }))

  const httpProxy = await startPeer('http-proxy', {})
  const composition = await startPeer('composition', { logFile: join(folder, 'composition.log') })
  const checks = await startPeer('checks', {})
  const nginx = await startNginx({
    folder: join(folder, 'nginx'),
    machinePort: machine.port,
    certificate,
  })
  const nginxChecked = await startNginx({
    folder: join(folder, 'nginx-checked'),
    machinePort: machine.port,
    checks: { port: checks.port, logFile: join(folder, 'nginx-checked.log') },
  })
  const gatehouse = await site.startGatehouse()
  const gatehouseTls = await site.startGatehouse({ isTls: true })

  const askWith = (port: number, cookies: readonly string[], isTls = false): Asked[] =>
    cookies.map((cookie) => ({
      port,
      request: wordRequest(cookie, { isTls }),
      authority: isTls ? authority.ca : null,
    }))
  const nobody = people.map(() => 'session=0123456789abcdef0123456789abcdef0123456789a')
  const ofPeersRedis = { name: 'Redis', processIds: [peersRedis.process.pid ?? 0] }
  const ofRedis = { name: 'Redis', processIds: [site.redis.process.pid ?? 0] }
  const ofNode = ({ id }: { readonly id: number }, name = 'node') => ({ name, processIds: [id] })
  const ofNginx = ({ processIds }: { readonly processIds: readonly number[] }) => ({
    name: 'nginx',
    processIds,
  })
  return {
    all: {
      direct: {
        label: 'the machine, directly',
        asked: askWith(machine.port, nobody),
        parts: [ofNode(machine)],
      },
      nginx: { label: 'nginx', asked: askWith(nginx.port, nobody), parts: [ofNginx(nginx)] },
      nginxTls: {
        label: 'nginx, TLS',
        asked: askWith(nginx.tlsPort, nobody, true),
        parts: [ofNginx(nginx)],
      },
      nginxChecked: {
        label: 'nginx + auth_request + Redis',
        asked: askWith(nginxChecked.port, await signInAll(checks.port)),
        parts: [ofNginx(nginxChecked), ofNode(checks, 'service'), ofPeersRedis],
      },
      httpProxy: {
        label: 'bare http-proxy, keep-alive agent',
        asked: askWith(httpProxy.port, nobody),
        parts: [ofNode(httpProxy)],
      },
      composition: {
        label: 'express + express-session + Redis + http-proxy + winston',
        asked: askWith(composition.port, await signInAll(composition.port)),
        parts: [ofNode(composition), ofPeersRedis],
      },
      gatehouse: {
        label: 'Gatehouse',
        asked: askAsEach(site, gatehouse),
        parts: [ofNode(gatehouse), ofRedis],
      },
      gatehouseTls: {
        label: 'Gatehouse, TLS',
        asked: askAsEach(site, gatehouseTls, { isTls: true }),
        parts: [ofNode(gatehouseTls), ofRedis],
      },
    },
    close: async () => {
      const servers = [gatehouseTls, gatehouse, nginxChecked, nginx, checks, composition, httpProxy]
      for (const server of servers) await server.close()
      await closePeersRedis()
    },
  }
}

/** @returns the cookie of each */
function signInAll(port: number): Promise<string[]> {
  const [endpointId = ''] = endpointIds
  return Promise.all(
    people.map(async (user) => {
      const headers = { host: hostOf(endpointId) }
      const asked = get({ port, host: '127.0.0.1', path: `/sign-in?user=${user}`, headers, agent: false })
      const [answer] = (await once(asked, 'response')) as [IncomingMessage]
      answer.resume()
      const [cookie] = answer.headers['set-cookie']?.[0]?.split(';') ?? []
      if (cookie === undefined) throw new Error(`a peer let nobody in: ${answer.statusCode ?? 0}`)
      return cookie
    }),
  )
}
