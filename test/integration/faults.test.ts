import { spawn, type ChildProcess } from 'node:child_process'
import { once } from 'node:events'
import { appendFile } from 'node:fs/promises'
import { join } from 'node:path'
import { loadKeyring } from '../../src/config/index.js'
import { readLedger, verifyLedger } from '../../src/audit/index.js'
import { createClient, type Client } from '../support/client.js'
import { operator, startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

const root = join(import.meta.dirname, '../..')

describe('when something breaks', () => {
  let plant: Plant
  let clients: Client[]

  beforeEach(async () => {
    plant = await startPlant({ storeLimitMs: null })
    clients = []
  }, 30_000)
  afterEach(async () => {
    for (const client of clients) client.close()
    await plant.close()
  })

  const press = (path = '/'): string => plant.origin('press-3') + path
  const insideTheMachine = async (): Promise<Client> => {
    const client = await plant.signIn('vendor')
    clients.push(client)
    expect((await client.navigate(press())).status).toBe(200)
    return client
  }
  const theLedger = () =>
    verifyLedger({
      directory: plant.config.audit.directory,
      publicKey: loadKeyring(plant.config.keys.file).ledger.publicKey,
    })

  /** The records of an event; waits until there is one that says `saying`, as they may be written a moment later. */
  const recorded = async (event: string, saying = ''): Promise<unknown[]> => {
    const read = async (): Promise<unknown[]> => {
      const found: unknown[] = []
      for await (const { fields } of readLedger({ directory: plant.config.audit.directory, event }))
        found.push(fields)
      return found
    }
    await until(event, async () => (await read()).some((fields) => JSON.stringify(fields).includes(saying)))
    return read()
  }

  describe('in Redis', () => {
    it('lets nobody in while it is away, says so at once, and goes on within two seconds of its return', async () => {
      await plant.issue()
      const client = await insideTheMachine()
      await plant.redis.kill()
      const began = performance.now()
      const refused = await client.fetch(press())
      expect(performance.now() - began).toBeLessThan(500)
      expect(refused.json()).toMatchObject({ status: 503, code: 'store-unavailable' })
      expect((await client.navigate(press())).text).toContain('Access cannot be checked right now')
      const ready = async (): Promise<number> => {
        const { port = 0 } = plant.gatehouse.operationsAddress ?? {}
        return (await fetch(`http://127.0.0.1:${port}/readyz`)).status
      }
      expect(await ready()).toBe(503)
      await plant.redis.restart()
      await until('it goes on', async () => (await client.fetch(press())).status === 200, 2_000)
      expect(await ready()).toBe(200)
    })

    it('brings back no revoked grant after kill -9, and keeps the others', async () => {
      const revoked = await plant.issue({ endpoints: ['press-4'] })
      await plant.issue()
      const client = await insideTheMachine()
      await plant.revoke(revoked)
      await plant.redis.restart()
      await until('it goes on', async () => (await client.fetch(press())).status === 200, 2_000)
      expect((await client.navigate(plant.origin('press-4'))).text).toContain('Your access was withdrawn')
    })

    it('keeps what is open, and still cuts it when the grant is revoked afterwards', async () => {
      const grant = await plant.issue()
      const client = await insideTheMachine()
      const live = await client.openWebSocket(press('/live'))
      await plant.redis.restart()
      await until('it goes on', async () => (await client.fetch(press())).status === 200, 2_000)
      live.send('still here')
      await until('an echo', () => plant.machine.messages.includes('still here'))
      await plant.revoke(grant)
      expect(await live.closed).toEqual({ code: 1008, reason: 'grant-revoked' })
    })

    it('cuts what was revoked behind its back while it could not be followed', async () => {
      const grant = await plant.issue()
      const client = await insideTheMachine()
      const live = await client.openWebSocket(press('/live'))
      // The log of changes is lost with the last entry in it, the state is not.
      await plant.revokeUnannounced(grant)
      await plant.redis.restart()
      expect(await live.closed).toEqual({ code: 1008, reason: 'grant-revoked' })
    })

    it('cuts what is open within five seconds of going away, and not before four', async () => {
      await plant.issue()
      const client = await insideTheMachine()
      const live = await client.openWebSocket(press('/live'))
      await live.next()
      await plant.redis.kill()
      const began = performance.now()
      expect(await live.closed).toEqual({ code: 1008, reason: 'state-stale' })
      const tookMs = performance.now() - began
      expect(tookMs).toBeGreaterThan(3_500)
      // Five, and what a busy host of tests makes of it.
      expect(tookMs).toBeLessThan(6_500)
      await plant.redis.restart()
      await until('it goes on', async () => (await client.fetch(press())).status === 200, 2_000)
      const again = await client.openWebSocket(press('/live'))
      await again.next()
    }, 20_000)

    it('lets nobody in who cannot be watched, although it answers all questions', async () => {
      await plant.issue()
      const client = await insideTheMachine()
      const live = await client.openWebSocket(press('/live'))
      const { store } = plant.gatehouse.services
      const statusOf = async (): Promise<number> => (await client.fetch(press())).status
      // Whoever can write to Redis can spoil the log of changes.
      await store.run((redis) => redis.set(store.key('changes'), 'spoilt'))
      await until('nobody is let in', async () => (await statusOf()) === 503, 4_000)
      expect((await client.fetch(press())).json()).toMatchObject({ code: 'view-unproved' })
      expect((await client.navigate(press())).text).toContain('Access cannot be checked right now')
      expect(await recorded('request.decided', 'view-unproved')).toContainEqual(
        expect.objectContaining({ outcome: 'deny', reasons: ['view-unproved'] }),
      )
      const { port = 0 } = plant.gatehouse.operationsAddress ?? {}
      const problems = async (): Promise<unknown> =>
        ((await (await fetch(`http://127.0.0.1:${port}/readyz`)).json()) as { problems: unknown }).problems
      await until(
        'that is said',
        async () => String(await problems()) === 'changes in Redis cannot be followed',
        4_000,
      )
      expect(await live.closed).toEqual({ code: 1008, reason: 'state-stale' })

      await store.run((redis) => redis.del(store.key('changes')))
      await until('it goes on', async () => (await statusOf()) === 200, 2_000)
    }, 20_000)

    it('is told what a command on this host could not tell it', async () => {
      const grant = await plant.issue()
      const client = await insideTheMachine()
      const live = await client.openWebSocket(press('/live'))
      // As a command writes it that cannot reach Redis, while the gateway can.
      const line = JSON.stringify({ kind: 'grant', id: grant.id, at: plant.clock.now() })
      await appendFile(join(plant.config.audit.directory, 'ended.jsonl'), `\n${line}\n`)
      expect(await live.closed).toEqual({ code: 1008, reason: 'grant-revoked' })
      const { store } = plant.gatehouse.services
      await until('Redis is told', () =>
        store.run(async (redis) => (await redis.hexists(store.key('grant', grant.id), 'revocation')) === 1),
      )
    })

    it('obeys no entry in the log of changes that somebody else has written', async () => {
      const grant = await plant.issue()
      const client = await insideTheMachine()
      const live = await client.openWebSocket(press('/live'))
      const { store } = plant.gatehouse.services
      const forged = JSON.stringify({ kind: 'grant-revoked', grantId: grant.id })
      await store.run((redis) => redis.xadd(store.key('changes'), '*', 'change', forged))
      await recorded('store.altered')
      live.send('still here')
      await until('an echo', () => plant.machine.messages.includes('still here'))
      expect((await client.fetch(press())).status).toBe(200)
    })

    it('gives nothing back that had ended before it came back in an older state, and says so', async () => {
      const revoked = await plant.issue({ endpoints: ['press-4'] })
      await plant.issue()
      const gone = await insideTheMachine()
      const stays = await insideTheMachine()
      const [ended] = await plant.gatehouse.services.sessions.list().then((all) => all.slice(-1))
      const restore = await plant.redis.backUp()
      await plant.revoke(revoked)
      await plant.gatehouse.services.sessions.end(ended?.id ?? '', 'session-killed', operator)
      await plant.clock.advance({ seconds: 10 })
      await restore()
      await until('it goes on', async () => (await stays.fetch(press())).status === 200, 2_000)
      // A busy host may have to prove its view anew in between, and says 503 meanwhile; it never says yes.
      await until('it says so', async () => {
        const page = await stays.navigate(plant.origin('press-4'))
        expect([403, 503]).toContain(page.status)
        return page.text.includes('Your access was withdrawn')
      })
      await until('the session has ended', async () => {
        const { status } = await gone.fetch(press())
        expect(status).not.toBe(200)
        return status === 401
      })
      // It is put right in Redis too, for instances that know nothing of it.
      const { store } = plant.gatehouse.services
      await until('both are ended in Redis', async () => {
        const isRevoked = await store.run((redis) =>
          redis.hexists(store.key('grant', revoked.id), 'revocation'),
        )
        const isThere = await store.run((redis) => redis.exists(store.key('session', ended?.id ?? '')))
        return isRevoked === 1 && isThere === 0
      })
      const told = await recorded('store.rolled-back', 'changes')
      expect(told).toHaveLength(3)
      expect(told).toContainEqual(expect.objectContaining({ kind: 'changes' }))
      expect(told).toContainEqual(expect.objectContaining({ kind: 'grant', id: revoked.id }))
      expect(told).toContainEqual(expect.objectContaining({ kind: 'session', id: ended?.id }))
    })

    it('gives nothing back either when Gatehouse was started anew meanwhile', async () => {
      const revoked = await plant.issue({ endpoints: ['press-4'] })
      await plant.issue()
      const client = await insideTheMachine()
      const restore = await plant.redis.backUp()
      await plant.revoke(revoked)
      await restore()
      await plant.restart()
      await until('it goes on', async () => (await client.fetch(press())).status === 200, 2_000)
      expect((await client.navigate(plant.origin('press-4'))).text).toContain('Your access was withdrawn')
    })

    it('lets nobody in by a grant that somebody else has written, and says so', async () => {
      const narrow = await plant.issue({ endpoints: ['press-3'] })
      const client = await insideTheMachine()
      const { store } = plant.gatehouse.services
      const key = store.key('grant', narrow.id)
      const terms = (await store.run((redis) => redis.hget(key, 'terms'))) ?? ''
      await store.run((redis) => redis.hset(key, 'terms', terms.replace('press-3', 'press-4')))
      await plant.redis.restart() // the copy that is proved current is given up
      await until('it decides again', async () => (await client.fetch(press())).status !== 503, 2_000)
      expect((await client.navigate(plant.origin('press-4'))).status).toBe(403)
      expect((await client.navigate(press())).status).toBe(403)
      expect(await recorded('store.altered')).toEqual([
        expect.objectContaining({ place: `grant ${narrow.id} terms` }),
      ])
    })
  })

  describe('in Gatehouse', () => {
    it('leaves a whole ledger and every session after kill -9', async () => {
      await plant.issue()
      await plant.gatehouse.close()
      const first = await serve(plant)
      // One code, of the step after this one by the real clock, which is all the child knows.
      const client = await insideTheMachine()
      const live = await client.openWebSocket(press('/live'))
      await live.next()
      first.kill('SIGKILL')
      await once(first, 'exit')
      expect((await live.closed).code).toBe(1006)
      expect(await theLedger()).toMatchObject({ ok: true })

      const second = await serve(plant)
      expect((await client.fetch(press())).status).toBe(200)
      expect(await theLedger()).toMatchObject({ ok: true })
      second.kill('SIGTERM')
      expect(await once(second, 'exit')).toEqual([0, null])
      const report = await theLedger()
      expect(report).toMatchObject({ ok: true })
      expect(report.chains.find((chain) => chain.writer === 'gateway')?.unsigned).toBe(0)
    }, 60_000)

    it('lets nobody in when it cannot write down who enters', async () => {
      await plant.issue()
      const client = await insideTheMachine()
      await plant.gatehouse.services.ledger.close()
      const before = plant.machine.received.length
      expect((await client.fetch(press(), { method: 'POST', body: 'x' })).json()).toMatchObject({
        code: 'ledger-unavailable',
      })
      expect((await client.navigate(press())).status).toBe(503)
      expect(plant.machine.received).toHaveLength(before)
    })
  })

  describe('in the machine', () => {
    it('never makes half an answer look whole, and leaves nothing behind', async () => {
      await plant.issue()
      const client = await insideTheMachine()
      const answer = await client.stream(press('/breaks'))
      expect(await answer.ended).toBe('broken')
      await until('nothing is open', () => plant.gatehouse.streams().length === 0)
    })

    it('says that the machine does not answer, and works again when it does', async () => {
      await plant.issue()
      const client = await insideTheMachine()
      const live = await client.openWebSocket(press('/live'))
      await plant.machine.die()
      expect((await live.closed).code).toBe(1006)
      const page = await client.navigate(press())
      expect(page.status).toBe(502)
      expect(page.text).toContain('The machine does not answer')
      await until('nothing is open', () => plant.gatehouse.streams().length === 0)
    })
  })

  describe('at the identity provider', () => {
    it('keeps those in who are in, and tells the others', async () => {
      await plant.issue()
      const client = await insideTheMachine()
      await plant.provider.close()
      await plant.restart()
      expect((await client.fetch(press())).status).toBe(200)
      const newcomer = createClient({ clock: plant.clock })
      clients.push(newcomer)
      const page = await newcomer.click(await newcomer.navigate(plant.portal), 'Sign in with')
      expect(page.status).toBe(503)
      expect(page.text).toContain('identity-provider-unavailable')
    })
  })
})

/** Gatehouse as a process of its own, so that it can be killed. */
async function serve(plant: Plant): Promise<ChildProcess> {
  const loader = join(root, 'test/support/typescript.mjs')
  const child = spawn(
    process.execPath,
    ['--import', loader, join(root, 'src/cli/main.ts'), 'serve', '--config', plant.configFile],
    { stdio: ['ignore', 'ignore', 'pipe'] },
  )
  let output = ''
  child.stderr.on('data', (chunk: Buffer) => (output += chunk.toString()))
  await until(
    'it serves',
    () => {
      if (child.exitCode !== null) throw new Error(`it ended: ${output}`)
      return output.includes('gateway serving')
    },
    20_000,
  )
  return child
}
