// After a break in following the changes, the right behind every open stream is looked at afresh. Two things
// escaped that look. A request that had read its grant before the break and was still being recorded was not
// open yet: a revocation that was missed meanwhile never reached it. And a stream that opened while the look
// was under way was taken for one whose session is gone, and cut from a person who had every right.
import { startPlant, type Plant } from '../support/plant.js'
import type { Client } from '../support/client.js'
import { until } from '../support/until.js'

describe('while the changes could not be followed', () => {
  let plant: Plant
  let clients: Client[]

  beforeEach(async () => {
    plant = await startPlant()
    clients = []
  }, 30_000)
  afterEach(async () => {
    for (const client of clients) client.close()
    await plant.close()
  })

  const inside = async (name: 'vendor' | 'admin', endpoint: string): Promise<Client> => {
    const client = await plant.signIn(name)
    clients.push(client)
    expect((await client.navigate(plant.origin(endpoint))).status).toBe(200)
    return client
  }

  /** Holds the next call of a method until it is let go, as a slow disk or a slow Redis would. */
  const holdNext = <K extends string>(
    target: Record<K, (...parameters: never[]) => Promise<unknown>>,
    method: K,
  ): { reached: Promise<void>; release: () => void } => {
    const original = target[method].bind(target)
    let release = (): void => undefined
    const gate = new Promise<void>((resolve) => (release = resolve))
    const reached = new Promise<void>((resolve) => {
      target[method] = async (...parameters) => {
        target[method] = original
        resolve()
        await gate
        return original(...parameters)
      }
    })
    return { reached, release }
  }

  it('a request that was being admitted is not let in by a grant that was revoked meanwhile', async () => {
    const missed = await plant.issue({ endpoints: ['press-3'] })
    const client = await inside('vendor', 'press-3')
    const { ledger, store } = plant.gatehouse.services
    const slow = holdNext(ledger, 'request')
    const before = plant.machine.received.length
    const answer = client.fetch(`${plant.origin('press-3')}/setpoint`, { method: 'POST', body: 'x' })
    await slow.reached

    await plant.revokeUnannounced(missed)
    await plant.redis.restart()
    await until('the changes are followed again', async () =>
      /name=gatehouse-follow .*cmd=xread/.test(
        await store.run((redis) => redis.client('LIST') as Promise<string>).catch(() => ''),
      ),
    )
    slow.release()
    expect((await answer).json()).toMatchObject({ status: 503, code: 'state-stale' })
    expect(plant.machine.received.slice(before).map(({ method }) => method)).not.toContain('POST')
  })

  it('a stream that opens during the look is not cut by it', async () => {
    await plant.issue()
    const first = await inside('vendor', 'press-3')
    const held = await first.openWebSocket(`${plant.origin('press-3')}/live`)
    const second = await inside('vendor', 'press-3')
    const looking = holdNext(plant.gatehouse.services.sessions, 'byIds')
    await plant.redis.restart()
    await looking.reached
    await until('it lets in again', async () => (await second.fetch(plant.origin('press-3'))).status === 200)
    const fresh = await second.openWebSocket(`${plant.origin('press-3')}/live`)
    await fresh.next()
    looking.release()
    await until('a value after the look', async () => Number(await fresh.next()) > 20)
    await held.next()
    expect(plant.gatehouse.streams()).toHaveLength(2)
  })
})
