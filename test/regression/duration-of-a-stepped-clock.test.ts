// How long a stream lasted was the difference of two wall clock readings. When a time server set the clock back
// meanwhile, the ledger said that a vendor had been in for minus an hour: evidence nobody could rely on.
import { readLedger } from '../../src/audit/index.js'
import { startPlant } from '../support/plant.js'
import { until } from '../support/until.js'

it('the ledger says how long a stream lasted, whatever the wall clock did meanwhile', async () => {
  const plant = await startPlant()
  try {
    await plant.issue()
    const client = await plant.signIn('vendor')
    await client.navigate(`${plant.origin('press-3')}/`)
    const live = await client.openWebSocket(`${plant.origin('press-3')}/live`)
    await plant.clock.advance({ minutes: 5 })
    plant.clock.step(-3_600_000)
    const [stream] = plant.gatehouse.streams()
    client.close()
    await live.closed
    const lasted = async (): Promise<unknown> => {
      const { directory } = plant.config.audit
      for await (const { fields } of readLedger({ directory, event: 'request.completed' })) {
        if (fields.requestId === stream?.id) return fields.durationMs
      }
      return null
    }
    await until('its end is on record', async () => (await lasted()) !== null)
    expect(await lasted()).toBe(300_000)
  } finally {
    await plant.close()
  }
}, 30_000)
