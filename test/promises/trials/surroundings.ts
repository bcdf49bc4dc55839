// R5: what stands around Gatehouse breaks, and it answers within its limits and lives on.
import { connect, createServer, type Socket } from 'node:net'
import { startIdentityProvider } from '../../../demo/identity-provider.js'
import { closeLater } from '../../support/closing.js'
import { createClient } from '../../support/client.js'
import { startLink, type Link } from '../../support/link.js'
import { freePorts } from '../../support/ports.js'
import { until } from '../../support/until.js'
import { ask, askOn, occupy, type Door } from '../door.js'
import type { Claim, Measured, Trial } from '../claims.js'
import { firstByteSeconds, openSite, providerSeconds, type Instance, type Site } from '../site.js'

/** For an answer that is due when a limit is over. */
const answerMs = 500

const times = (fault: string): Claim => ({ promise: 'R5', fault, atMost: 0, unit: 'times' })
const within = (fault: string, atMost: number): Claim => ({ promise: 'R5', fault, atMost, unit: 'ms' })
const requests = (fault: string): Claim => ({ promise: 'R5', fault, atMost: 0, unit: 'requests' })

function only({ instances: [instance] }: Site): Instance {
  if (instance === undefined) throw new Error('there is no instance')
  return instance
}

function hasEnded({ process }: Instance): number {
  return process.exitCode === null && process.signalCode === null ? 0 : 1
}

/** What an identity provider does with whoever connects. */
const manners: Readonly<Record<string, (socket: Socket) => void>> = {
  silent: () => undefined,
  reset: (socket) => socket.resetAndDestroy(),
  'a page': (socket) => socket.end(wordAnswer('200 OK', 'text/html', '<!doctype html><h1>Proxy</h1>')),
  'broken JSON': (socket) => socket.end(wordAnswer('200 OK', 'application/json', '{"issuer":')),
  'another issuer': (socket) =>
    socket.end(wordAnswer('200 OK', 'application/json', '{"issuer":"http://elsewhere.example"}')),
  'an error': (socket) => socket.end(wordAnswer('500 Error', 'text/plain', 'out of order')),
  'no HTTP': (socket) => socket.end('\u0000\u0001\u0002'.repeat(1_000)),
}

function wordAnswer(status: string, type: string, body: string): string {
  return `HTTP/1.1 ${status}\r\nContent-Type: ${type}\r\nContent-Length: ${body.length}\r\n\r\n${body}`
}

export const provider: Trial = {
  name: 'provider',
  claims: {
    login: within(
      `identity provider gone, silent, or talking garbage: slowest answer to who signs in, 503 (limit ${providerSeconds} s)`,
      providerSeconds * 1_000 + answerMs,
    ),
    inside: requests('identity provider gone, silent, or talking garbage: not served though signed in'),
    rotated: {
      promise: 'R5',
      fault: 'identity provider with new keys: sign-ins refused until one succeeds',
      atMost: 1,
      unit: 'times',
    },
    ended: times('any of these: Gatehouse ended'),
  },
  prepare: async () => {
    const sign = await openSigningSite()
    const stage = await openStage()
    const site = await openSite({ instances: [{ name: 'a' }], issuer: `http://localhost:${stage.port}` })
    return {
      round: async () => ({ ...(await misbehave(site, stage)), ...(await sign.round()) }),
      close: async () => {
        await site.close()
        await stage.close()
        await sign.close()
      },
    }
  },
}

interface Stage {
  readonly port: number
  /** Null: nobody listens. */
  act(manner: string | null): Promise<void>
  close(): Promise<void>
}

async function openStage(): Promise<Stage> {
  const port = await freePorts()
  let manner = ''
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    socket.on('error', () => undefined)
    socket.once('data', () => manners[manner]?.(socket))
  })
  const stop = async (): Promise<void> => {
    for (const socket of sockets) socket.destroy()
    sockets.clear()
    if (server.listening) await new Promise((resolve) => server.close(resolve))
  }
  return {
    port,
    act: async (wanted) => {
      await stop()
      manner = wanted ?? ''
      if (wanted !== null) await new Promise<void>((resolve) => server.listen(port, 'localhost', resolve))
    },
    close: closeLater(stop),
  }
}

async function misbehave(site: Site, stage: Stage): Promise<Measured> {
  const instance = only(site)
  const person = await site.signIn()
  await person.grant()
  const asker = askOn(instance.door, await person.cookie())
  const answers: number[] = []
  for (const manner of [null, ...Object.keys(manners)]) {
    await stage.act(manner)
    answers.push(await signInRefused(instance.door))
  }
  await asker.stop()
  return {
    login: Math.max(...answers),
    inside: asker.asked.filter(({ status }) => status !== 200).length,
    ended: hasEnded(instance),
  }
}

/** How long somebody waits who wants to sign in; infinite when told anything but that it cannot be. */
async function signInRefused({ publicPort }: Door): Promise<number> {
  const client = createClient()
  try {
    const page = await client.navigate(`http://portal.localhost:${publicPort}/`)
    const clickedAt = performance.now()
    const { status, text } = await client.click(page, 'Sign in with')
    const isTold = status === 503 && text.includes('identity-provider-unavailable')
    return isTold ? performance.now() - clickedAt : Infinity
  } finally {
    client.close()
  }
}

/** A site whose people sign in at a real provider, which is another one, with other keys, in each round. */
async function openSigningSite(): Promise<{ round(): Promise<Measured>; close(): Promise<void> }> {
  const [port, providerPort] = [await freePorts(), await freePorts()]
  const account = {
    ...{ login: 'ana', password: 'ana-password', subject: 'ana', email: 'ana@machines.example' },
    ...{ emailVerified: true, name: 'Ana', groups: ['vendors'] },
  }
  const portal = `http://portal.localhost:${port}`
  const openProvider = () =>
    startIdentityProvider({
      port: providerPort,
      accounts: [account],
      clients: [{ clientId: 'gatehouse', clientSecret: 'not-a-real-secret', portal }],
    })
  let current = await openProvider()
  const closeProvider = closeLater(() => current.close())
  const site = await openSite({ instances: [{ name: 'a' }], issuer: current.issuer, port })
  const signIn = async (): Promise<boolean> => {
    const client = createClient()
    const before = (await site.services.sessions.list()).length
    const form = await client.click(await client.navigate(portal), 'Sign in with')
    await client.submit(form, { login: account.login, password: account.password })
    client.close()
    return (await site.services.sessions.list()).length > before
  }
  if (!(await signIn())) throw new Error('nobody can sign in')
  return {
    round: async () => {
      await current.close()
      current = await openProvider()
      let refused = 0
      while (!(await signIn()) && refused < 10) refused += 1
      return { rotated: refused }
    },
    close: async () => {
      await site.close()
      await closeProvider()
    },
  }
}

export const machines: Trial = {
  name: 'machines',
  claims: {
    dead: within('machine dead: slowest answer, 502', answerMs),
    silent: within(
      `machine silent: slowest answer, 504 (limit ${firstByteSeconds} s)`,
      firstByteSeconds * 1_000 + answerMs,
    ),
    'half-open': within(
      `machine half-open, gone without a word: slowest answer, 504 (limit ${firstByteSeconds} s)`,
      firstByteSeconds * 1_000 + answerMs,
    ),
    broken: times('machine resets in mid-body: answers that look whole'),
    ended: times('any of these, and clients that leave in the middle of everything: Gatehouse ended'),
  },
  prepare: async () => {
    const deadPort = await freePorts()
    let link: Link | null = null
    const site = await openSite({
      instances: [{ name: 'a' }],
      upstreams: async (machine) => {
        link = await startLink(Number(new URL(machine.url).port))
        return {
          ...{ 'press-3': machine.url, 'press-4': `http://127.0.0.1:${deadPort}` },
          'press-5': `http://127.0.0.1:${link.port}`,
        }
      },
    })
    const closeLink = closeLater(() => link?.close() ?? Promise.resolve())
    return {
      round: () => breakMachines(site, link),
      close: async () => {
        await site.close()
        await closeLink()
      },
    }
  },
}

async function breakMachines(site: Site, link: Link | null): Promise<Measured> {
  const instance = only(site)
  const { door } = instance
  const person = await site.signIn()
  for (const endpointId of ['press-3', 'press-4', 'press-5']) await person.grant({ endpointId })
  const took = async (endpointId: string, path: string, wanted: number): Promise<number> => {
    const asked = await ask(door, { cookie: await person.cookie(endpointId), endpointId, path })
    return asked.status === wanted ? asked.answeredAt - asked.sentAt : Infinity
  }
  const halfOpen = async (): Promise<number> => {
    const cookie = await person.cookie('press-5')
    await ask(door, { cookie, endpointId: 'press-5' }) // leaves a connection to the machine behind
    link?.sever()
    const asked = await ask(door, { cookie, endpointId: 'press-5' })
    link?.mend()
    return asked.status === 504 ? asked.answeredAt - asked.sentAt : Infinity
  }
  const [dead, silent, half] = await Promise.all([
    took('press-4', '/', 502),
    took('press-3', '/silent', 504),
    halfOpen(),
  ])
  const broken = await ask(door, { cookie: await person.cookie(), path: '/breaks' })
  // Last: what they leave behind keeps the computer busy for a while, and nothing else is measured by that.
  await leaveEarly(door, await person.cookie())
  return {
    ...{ dead, silent, 'half-open': half },
    broken: broken.status === 0 ? 0 : 1,
    ended: hasEnded(instance),
  }
}

const rudeClients = 100

/** Clients that reset while an upgrade is checked, and in the middle of an upload and a download. */
async function leaveEarly({ host, port, publicPort }: Door, cookie: string): Promise<void> {
  const common = `Host: press-3.plant.localhost:${publicPort}\r\nCookie: ${cookie}\r\n`
  const upgrade = `Origin: http://press-3.plant.localhost:${publicPort}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: MDEyMzQ1Njc4OWFiY2RlZg==\r\n`
  const openings = [
    `GET /live HTTP/1.1\r\n${common}${upgrade}\r\n`,
    `POST /echo HTTP/1.1\r\n${common}Content-Length: 100000\r\n\r\nx`,
    `GET /megabytes/100 HTTP/1.1\r\n${common}\r\n`,
  ]
  const leave = (number: number): Promise<void> =>
    new Promise((resolve) => {
      const socket = connect(port, host, () => {
        socket.write(openings[number % openings.length] ?? '')
        setTimeout(() => socket.resetAndDestroy(), number % 10)
      })
      socket.on('error', () => undefined).on('close', () => resolve())
    })
  await Promise.all(Array.from({ length: rudeClients }, (_, number) => leave(number)))
}

const descriptorsAllowed = 100
const occupants = 300

export const descriptors: Trial = {
  name: 'descriptors',
  claims: {
    back: within(`all ${descriptorsAllowed} descriptors used up: serves again once there are some`, 2_000),
    ended: times(`all ${descriptorsAllowed} descriptors used up: Gatehouse ended`),
  },
  prepare: async () => {
    const through = ['sh', '-c', `ulimit -n ${descriptorsAllowed} && exec "$@"`, 'sh']
    const site = await openSite({ instances: [{ name: 'a', through }] })
    const person = await site.signIn()
    await person.grant()
    return { round: async () => useUp(site, await person.cookie()), close: () => site.close() }
  },
}

async function useUp(site: Site, cookie: string): Promise<Measured> {
  const instance = only(site)
  const sockets = await Promise.all(Array.from({ length: occupants }, () => occupy(instance.door)))
  const served = await Promise.race([
    ask(instance.door, { cookie }).then(({ status }) => status),
    new Promise<number>((resolve) => setTimeout(resolve, 1_000, 0)),
  ])
  if (served === 200) throw new Error('there were descriptors left')
  for (const socket of sockets) socket.destroy()
  const freedAt = performance.now()
  await until(
    'it serves again',
    async () => (await ask(instance.door, { cookie })).status === 200,
    20_000,
  ).catch(() => undefined)
  return { back: performance.now() - freedAt, ended: hasEnded(instance) }
}
