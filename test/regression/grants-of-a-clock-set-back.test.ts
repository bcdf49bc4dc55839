// A host's clock was set back, by a time server or by somebody with a reason: grants that had ended were good again
// for new requests, for as long as the clock stayed behind. What was open had been cut, and was opened again.
import { startPlant } from '../support/plant.js'

it('a grant that has ended stays ended when the clock of the host is set back', async () => {
  const plant = await startPlant()
  try {
    await plant.issue({ from: new Date(plant.clock.now() - 4 * 60_000).toISOString(), until: '+10m' })
    const client = await plant.signIn('vendor')
    const page = `${plant.origin('press-3')}/`
    expect((await client.navigate(page)).status).toBe(200)
    await plant.clock.advance({ minutes: 11 })
    expect((await client.fetch(page)).json()).toMatchObject({ code: 'grant-ended' })
    plant.clock.step(-5 * 60_000)
    expect((await client.fetch(page)).json()).toMatchObject({ code: 'grant-ended' })
  } finally {
    await plant.close()
  }
}, 30_000)
