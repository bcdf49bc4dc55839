import { once } from 'node:events'
import { createServer, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import express from 'express'
import { GatehouseError, type OwnSurface } from '../../src/lib/index.js'
import { createPages, serveRoutes, type Answer, type Route } from '../../src/lib/page/index.js'
import { rawRequest } from '../support/client.js'

const pages = createPages({
  plant: { timeZone: 'UTC' },
  endpoints: [],
  server: { publicUrl: new URL('http://portal.localhost:8080'), endpointDomain: 'plant.localhost' },
  oidc: { issuer: new URL('http://localhost:9000') },
})

const say = (text: string) => (): Answer => ({ kind: 'page', html: text })
const routes: Route[] = [
  { method: 'GET', path: '/', access: 'verified', handle: say('home') },
  { method: 'GET', path: '/admin', access: 'approver', handle: say('admin') },
  { method: 'GET', path: '/grants/new', access: 'admin', handle: say('new') },
  { method: 'GET', path: '/grants/:id', access: 'approver', handle: say('one') },
  { method: 'POST', path: '/grants/:id/end', access: 'approver', handle: say('ended') },
  { method: 'GET', path: '/.well-known/jwks.json', access: 'public', handle: say('keys') },
  {
    method: 'GET',
    path: '/broken',
    access: 'public',
    handle: () => {
      throw new Error('secret detail')
    },
  },
]

describe('a surface served without a gateway in front', () => {
  let server: Server
  let surface: OwnSurface
  beforeAll(async () => {
    surface = serveRoutes(express, routes, {
      pages,
      noticeFor: () => Promise.resolve(null),
      waitingFor: () => Promise.resolve(0),
      answerError: (_visit, _req, res, error) => {
        res.statusCode = error instanceof GatehouseError ? error.status : 500
        res.end(error instanceof GatehouseError ? error.code : 'internal')
      },
      answerDenied: (_visit, _req, res) => {
        res.statusCode = 403
        res.end()
      },
    })
    server = createServer((req, res) => {
      const visit = {
        requestId: 'r-1',
        source: '127.0.0.1',
        browser: { name: 'other' as const, system: 'other' as const },
        session: null,
        cookies: new Map(),
        language: 'en' as const,
        cameFrom: '/',
        token: null,
        formToken: null,
        confirm: async () => null,
      }
      surface.handle(visit, req, res)
    })
    server.listen(0, '127.0.0.1')
    await once(server, 'listening')
  })
  afterAll(() => {
    server.closeAllConnections()
    server.close()
  })

  /** Status and body of a request line exactly as written. */
  const ask = async (method: string, target: string): Promise<{ status: number; body: string }> => {
    const { port } = server.address() as AddressInfo
    const text = await rawRequest(
      port,
      `${method} ${target} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n`,
    )
    return { status: Number(text.slice(9, 12)), body: text.split('\r\n\r\n')[1] ?? '' }
  }

  // Otherwise one spelling would be admitted as an unknown page and served as an administrator's.
  it.each([
    ...['/', '//', '/?a=b', '/index.html', '/.', '/%2e', ''],
    ...[
      '/admin',
      '/admin/',
      '/ADMIN',
      '/Admin',
      '//admin',
      '/admin//',
      '/%61dmin',
      '/admin%00',
      '/admin%20',
      '/./admin',
    ],
    ...['/admin;x', '/admin?x=1', '/admin#x', '/x/../admin', '/admin%2f', '/admin\\'],
    ...[
      '/grants/new',
      '/grants/NEW',
      '/grants/new/',
      '/grants/a',
      '/grants/a/',
      '/grants/',
      '/grants//',
      '/grants/a/b',
    ],
    ...[
      '/grants/%6eew',
      '/grants/a%2fb',
      '/grants/%zz',
      '/grants/%',
      '/grants/..',
      '/grants/a.b',
      '/GRANTS/a',
    ],
    ...['/.well-known/jwks.json', '/.well-known/jwksXjson', '/.well-known/jwks.json/'],
  ])('serves %s only where it says what access it needs', async (target) => {
    if (target === '') return
    const path = target.split('?')[0] ?? ''
    for (const method of ['GET', 'HEAD', 'POST', 'PUT', 'DELETE', 'OPTIONS']) {
      const access = surface.accessOf(method, path)
      const { status } = await ask(method, target)
      expect([method, status === 200]).toEqual([method, access !== null && !/%(?:zz|$)/.test(path)])
    }
  })

  it('takes the first of two routes that fit, as the access it names does', async () => {
    expect(surface.accessOf('GET', '/grants/new')).toBe('admin')
    expect((await ask('GET', '/grants/new')).body).toBe('new')
    expect(surface.accessOf('GET', '/grants/g-1')).toBe('approver')
    expect((await ask('GET', '/grants/g-1')).body).toBe('one')
  })

  it('does not read %6eew as new: what was asked for is what is served', async () => {
    expect(surface.accessOf('GET', '/grants/%6eew')).toBe('approver')
    expect((await ask('GET', '/grants/%6eew')).body).toBe('one')
  })

  it('says nothing about what went wrong inside', async () => {
    expect(await ask('GET', '/broken')).toEqual({ status: 500, body: 'internal' })
  })

  it('answers a path that does not decode as bad input', async () => {
    expect(await ask('GET', '/grants/%zz')).toEqual({ status: 422, body: 'input-invalid' })
  })
})
