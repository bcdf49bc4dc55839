import { createServer, type RequestListener, type Server } from 'node:http'
import type { AddressInfo } from 'node:net'
import { once } from 'node:events'
import { readFile, writeFile } from 'node:fs/promises'
import { readLedger } from '../../src/audit/index.js'
import { createStreams } from '../../src/dataplane/index.js'
import { watchChanges } from '../../src/gateway/index.js'
import { createBreakGlass, principalId, type BreakGlass } from '../../src/identity/index.js'
import { connectStore, createVouching, GatehouseError, type Logger, type Store } from '../../src/lib/index.js'
import { createClient, type Answer, type Client } from '../support/client.js'
import { silentLogger } from '../support/logger.js'
import { accounts, operator, startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

const reason = 'provider down, press 3 stands still'

let plant: Plant
const clients: Client[] = []
beforeEach(async () => {
  plant = await startPlant({ enrolled: ['vendor'] })
  ;(await plant.signIn('vendor')).close()
}, 30_000)
afterEach(async () => {
  for (const client of clients.splice(0)) client.close()
  await plant.close()
})

const vendorId = (): string => principalId(plant.provider.issuer, accounts.vendor.subject)
const enter = (code: string): Promise<Answer> => {
  const client = createClient({ clock: plant.clock })
  clients.push(client)
  return client.fetch(`${plant.portal}/break-glass`, {
    method: 'POST',
    headers: { 'Content-Type': 'application/x-www-form-urlencoded', Accept: 'text/html' },
    body: new URLSearchParams({ code }).toString(),
  })
}
const issue = (...more: string[]) =>
  plant.command('users', 'break-glass', accounts.vendor.email, '--reason', reason, '--json', ...more)
const codeOf = ({ out }: { out: string }): string => (JSON.parse(out) as { code: string }).code
const refusalOf = ({ out }: { out: string }): string =>
  (JSON.parse(out) as { error: { code: string } }).error.code
const issuedRecords = async (): Promise<Record<string, unknown>[]> => {
  const records: Record<string, unknown>[] = []
  const { directory } = plant.config.audit
  for await (const { fields } of readLedger({ directory, event: 'break-glass.issued' }))
    records.push({ ...fields })
  return records
}
const keysInRedis = (): Promise<string[]> =>
  plant.gatehouse.services.store.run((redis) => redis.keys('*break-glass*'))

/** On the plant's Redis, with a ledger that fails when it is told to. */
const breakGlassWith = (
  record: () => Promise<void>,
  { logger = silentLogger, store = plant.gatehouse.services.store }: { logger?: Logger; store?: Store } = {},
): BreakGlass => {
  const { clock, changes, journal, keyring, people, secondFactor } = plant.gatehouse.services
  const vouching = createVouching(keyring, () => undefined)
  return createBreakGlass({
    ...{ store, clock, changes, journal, keyring, people, secondFactor, vouching, record },
    logger,
    note: () => undefined,
  })
}
const full = (): Promise<void> => Promise.reject(new GatehouseError('ledger-unavailable', 'full'))
const request = async () => {
  const person = await plant.gatehouse.services.people.get(vendorId())
  if (person === null) throw new Error('nobody there')
  return { person, roles: [], reason, sessionLengthMs: 3_600_000, didProviderAnswer: false }
}

describe('while the identity provider answers', () => {
  it('break-glass is refused, unless somebody insists, which is recorded and shown', async () => {
    const refused = await issue()
    expect([refused.status, refusalOf(refused)]).toEqual([1, 'identity-provider-answers'])
    expect(await issuedRecords()).toEqual([])
    expect(await keysInRedis()).toEqual([])

    const { status, out } = await issue('--anyway')
    expect(status).toBe(0)
    expect(await issuedRecords()).toEqual([expect.objectContaining({ didProviderAnswer: true })])
    const [entry] = await plant.gatehouse.services.breakGlass.list('p-admin')
    expect(entry?.didProviderAnswer).toBe(true)
    expect((await enter(codeOf({ out }))).status).toBe(303)
  })

  it('signing out does not lead there, where nobody signed in', async () => {
    const client = createClient({ clock: plant.clock })
    clients.push(client)
    const form = await client.navigate(`${plant.portal}/break-glass`)
    const page = await client.submit(form, { code: codeOf(await issue('--anyway')) })
    const bye = await client.submit(page, {}, { press: 'Sign out' })
    expect(bye.url.href).toBe(`${plant.portal}/signed-out`)
    expect(bye.redirects.map(({ to }) => to.origin)).toEqual([plant.portal])
  })
})

describe('an identity provider that is there and no use', () => {
  let server: Server | null = null
  afterEach(async () => {
    const running = server
    server = null
    if (running === null) return
    running.closeAllConnections()
    running.close()
    await once(running, 'close')
  })
  /** At the address of the one that people have signed in with. */
  const takeOver = async (answer: RequestListener): Promise<void> => {
    await plant.provider.close()
    const other = createServer(answer)
    other.listen(plant.provider.port, 'localhost')
    await once(other, 'listening')
    expect((other.address() as AddressInfo).port).toBe(plant.provider.port)
    server = other
  }

  it.each<[string, RequestListener]>([
    ['answers garbage', (_req, res) => res.end('<html>maintenance</html>')],
    ['answers for somebody else', (_req, res) => res.end('{"issuer":"https://evil.example"}')],
    ['fails', (_req, res) => res.writeHead(500).end()],
  ])('counts as down when it %s', async (_, answer) => {
    await takeOver(answer)
    const { status, out } = await issue()
    expect(status).toBe(0)
    expect((await enter(codeOf({ out }))).status).toBe(303)
  })

  it('counts as down when it says nothing, and is waited for three seconds at most', async () => {
    await takeOver(() => undefined)
    const before = performance.now()
    expect((await issue()).status).toBe(0)
    expect(performance.now() - before).toBeLessThan(6_000)
  })
})

describe('a ledger that cannot be written', () => {
  it('lets no code be made', async () => {
    await plant.provider.close()
    const content = await readFile(plant.configFile, 'utf8')
    await writeFile(plant.configFile, content.replace('directory: ledger', 'directory: keys.json/ledger'))
    const { status, out } = await issue()
    expect([status, refusalOf({ out })]).toEqual([1, 'ledger-unavailable'])
    expect(out).not.toMatch(/[0-9A-Z]{4}(-[0-9A-Z]{4}){6}/)
    expect(await keysInRedis()).toEqual([])
  })

  it('lets nobody in', async () => {
    await plant.provider.close()
    const code = codeOf(await issue())
    await plant.gatehouse.services.ledger.close()
    expect((await enter(code)).status).toBe(503)
    await plant.restart()
    const sessions = await plant.gatehouse.services.sessions.list()
    expect(sessions.filter(({ origin }) => origin === 'break-glass')).toEqual([])
  })

  describe('at that very moment', () => {
    it('leaves nothing in Redis that could be used', async () => {
      const made = breakGlassWith(full).issue(await request(), operator)
      await expect(made).rejects.toMatchObject({ code: 'ledger-unavailable' })
      expect(await keysInRedis()).toEqual([])
    })

    it('lets in nobody whose use is not on record', async () => {
      const { code } = await breakGlassWith(() => Promise.resolve()).issue(await request(), operator)
      await expect(breakGlassWith(full).use(code, '127.0.0.1')).rejects.toMatchObject({
        code: 'ledger-unavailable',
      })
      const again = breakGlassWith(() => Promise.resolve()).use(code, '127.0.0.1')
      await expect(again).rejects.toMatchObject({ code: 'break-glass-invalid' })
    })

    it('confirms nothing as seen', async () => {
      const { sessionId } = await breakGlassWith(() => Promise.resolve()).issue(await request(), operator)
      const actor = { kind: 'principal', principalId: 'p-admin', email: null } as const
      await expect(
        breakGlassWith(full).acknowledge(sessionId, 'issued', 'asked the operator', actor),
      ).rejects.toMatchObject({
        code: 'ledger-unavailable',
      })
      expect((await breakGlassWith(full).list('p-admin'))[0]?.seenAs).toBeNull()
    })
  })
})

describe('twenty who use a code at the very same moment, on two instances', () => {
  it('are one who gets in and nineteen who do not', async () => {
    const record = (): Promise<void> => Promise.resolve()
    const store = connectStore({ url: plant.redis.url, limitMs: 5_000 }, silentLogger)
    await store.untilReady(5_000)
    const instances = [breakGlassWith(record), breakGlassWith(record, { store })]
    const { code } = await breakGlassWith(record).issue(await request(), operator)
    const results = await Promise.allSettled(
      Array.from({ length: 10 }, () => instances.map((one) => one.use(code, '127.0.0.1'))).flat(),
    )
    expect(results.filter(({ status }) => status === 'fulfilled')).toHaveLength(1)
    await store.close()
  })
})

describe('a Redis that is put back to before a code was used', () => {
  it('lets nobody in a second time once that session has ended', async () => {
    await plant.provider.close()
    const code = codeOf(await issue())
    const restore = await plant.redis.backUp()
    expect((await enter(code)).status).toBe(303)
    const { sessions, store } = plant.gatehouse.services
    const [session] = (await sessions.list()).filter(({ origin }) => origin === 'break-glass')
    await sessions.end(session?.id ?? '', 'session-killed', operator)
    await restore()
    await store.untilReady(5_000)
    await until('Redis is asked again', () => store.isReady())
    expect((await enter(code)).status).toBe(422)
    expect(await sessions.byId(session?.id ?? '')).toBeNull()
  })
})

describe('the list of what was made', () => {
  it('takes nothing as seen before it has happened', async () => {
    const breakGlass = breakGlassWith(() => Promise.resolve())
    const { sessionId, code } = await breakGlass.issue(await request(), operator)
    const actor = { kind: 'principal', principalId: 'p-admin', email: null } as const
    await breakGlass.acknowledge(sessionId, 'used', 'asked the operator', actor)
    await breakGlass.acknowledge('s-0000000000000000', 'issued', 'asked the operator', actor)
    await breakGlass.use(code, '127.0.0.1')
    const entries = await breakGlass.list('p-admin')
    expect(entries.map(({ state, seenAs }) => [state, seenAs])).toEqual([['used', null]])
    await breakGlass.acknowledge(sessionId, 'used', 'asked the operator', actor)
    expect((await breakGlass.list('p-admin'))[0]?.seenAs).toBe('used')
    expect((await breakGlass.list('p-other'))[0]?.seenAs).toBeNull()
  })

  it('is bounded, and keeps the newest', async () => {
    const { breakGlass, people } = plant.gatehouse.services
    const person = await people.get(vendorId())
    if (person === null) throw new Error('nobody there')
    let newest = ''
    for (let number = 0; number < 105; number += 1) {
      await plant.clock.advance({ ms: 1 })
      const made = await breakGlass.issue(
        { person, roles: [], reason, sessionLengthMs: 60_000, didProviderAnswer: false },
        operator,
      )
      newest = made.sessionId
    }
    const entries = await breakGlass.list('p-admin')
    expect(entries).toHaveLength(100)
    expect(entries[0]?.sessionId).toBe(newest)
  })
})

describe('the operational log', () => {
  it('is loud at every instance when a code is made, and where it is used', async () => {
    const errors: string[] = []
    const quiet = (): void => undefined
    const error = (message: string): void => void errors.push(message)
    const logger: Logger = { debug: quiet, info: quiet, warn: quiet, error }
    const {
      breakGlass,
      clock,
      changes,
      journal,
      sessions,
      grants,
      lockdowns,
      releases,
      requests,
      resets,
      seats,
      secondFactor,
      tokens,
    } = plant.gatehouse.services
    const streams = createStreams({ clock })
    const watch = await watchChanges({
      ...{
        breakGlass,
        clock,
        changes,
        journal,
        sessions,
        grants,
        lockdowns,
        releases,
        resets,
        requests,
        seats,
        secondFactor,
        tokens,
      },
      ...{ streams, logger },
      endings: plant.config.grants.endings,
    })
    const { out } = await issue('--anyway')
    await until('it is told', () => errors.length > 0)
    await watch.close()
    await breakGlassWith(() => Promise.resolve(), { logger }).use(codeOf({ out }), '127.0.0.1')
    expect(errors).toEqual([
      'break-glass: somebody may sign in without the identity provider',
      'break-glass: somebody signs in without the identity provider',
    ])
  })
})
