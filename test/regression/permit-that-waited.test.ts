// A host was frozen for six seconds between a decision and its record; within them the grant was revoked. When it came
// back it passed that one request on to the machine, three seconds after everybody had been told that nothing passes.
// Found by the day of a million requests (`npm run test:soak -- --seed 7`).
import { readLedger } from '../../src/audit/index.js'
import { startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'

let plant: Plant
beforeEach(async () => {
  plant = await startPlant()
  await plant.issue()
})
afterEach(() => plant.close())

/** Time passes once the next request is on record, and before anything is done about it. */
function standStillAfterNextRecord(ms: number): void {
  const { ledger } = plant.gatehouse.services
  const request = ledger.request.bind(ledger)
  Object.assign(ledger, {
    request: async (...written: Parameters<typeof request>) => {
      Object.assign(ledger, { request })
      await request(...written)
      await plant.clock.advance({ ms })
    },
  })
}

async function endOfLastRequest(): Promise<unknown> {
  let last: unknown = null
  const { directory } = plant.config.audit
  for await (const { fields } of readLedger({ directory, event: 'request.completed' })) last = fields.end
  return last
}

it.each(['GET', 'POST'])(
  'a %s that was permitted over a second ago does not reach the machine',
  async (method) => {
    const client = await plant.signIn('vendor')
    await client.navigate(`${plant.origin('press-3')}/`)
    const before = plant.machine.received.length
    standStillAfterNextRecord(1_001)
    const answer = await client.fetch(`${plant.origin('press-3')}/setpoint`, { method })
    expect(answer.json()).toMatchObject({ status: 503, code: 'state-stale' })
    expect(plant.machine.received.length).toBe(before)
    await until('its end is on record', async () => (await endOfLastRequest()) === 'refused')

    const again = await client.fetch(`${plant.origin('press-3')}/setpoint`, { method })
    expect(again.status).toBe(200)
  },
)

it('one that waited for less does', async () => {
  const client = await plant.signIn('vendor')
  await client.navigate(`${plant.origin('press-3')}/`)
  standStillAfterNextRecord(999)
  expect((await client.fetch(`${plant.origin('press-3')}/setpoint`, { method: 'POST' })).status).toBe(200)
})

it('a WebSocket that was permitted over a second ago is not opened', async () => {
  const client = await plant.signIn('vendor')
  await client.navigate(`${plant.origin('press-3')}/`)
  standStillAfterNextRecord(1_001)
  await expect(client.openWebSocket(`${plant.origin('press-3')}/live`)).rejects.toThrow('503')
  expect(plant.gatehouse.streams()).toEqual([])
})
