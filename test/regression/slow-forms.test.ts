// A body that never comes to its end held a connection of the gateway for ever. Uploads to machines may take
// their time, but some of our own pages take a body from anyone: a few thousand connections, each with one
// byte of a form, and nobody else could sign in.
import { startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'
import { dial } from '../support/wire.js'

describe('a form for our own pages', () => {
  let plant: Plant

  beforeAll(async () => {
    plant = await startPlant()
  }, 30_000)
  afterAll(() => plant.close())

  it('that never comes to its end loses its connection', async () => {
    const raw = dial(plant.gatehouse.address.port)
    const { host } = new URL(plant.portal)
    raw.send(
      `POST /oidc/backchannel-logout HTTP/1.1\r\nHost: ${host}\r\nContent-Type: application/x-www-form-urlencoded\r\n` +
        'Content-Length: 1000\r\n\r\nlogout_token=',
    )
    let isEnded = false
    void raw.ended.then(() => (isEnded = true))
    // Time passes in steps, because nothing tells when the form has been admitted.
    await until('it has ended', async () => {
      await plant.clock.advance({ seconds: 1 })
      return isEnded
    })
  })
})
