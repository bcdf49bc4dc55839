// Bytes that are no HTTP were answered with a 400 even in the middle of a running download, where they passed
// for a part of the file; the download then hung, still counted as open.
import { startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'
import { dial } from '../support/wire.js'

describe('bytes that are no HTTP', () => {
  let plant: Plant

  beforeAll(async () => {
    plant = await startPlant()
    await plant.issue()
  }, 30_000)
  afterAll(() => plant.close())

  it('break off the answer they arrive in, and leave nothing open', async () => {
    const client = await plant.signIn('vendor')
    const press = plant.origin('press-3')
    await client.navigate(press)
    const pass = client.cookies.header(new URL(press), { isForeign: false, navigation: 'safe' })
    const raw = dial(plant.gatehouse.address.port)
    raw.send(`GET /endless HTTP/1.1\r\nHost: ${new URL(press).host}\r\nCookie: ${pass}\r\n\r\n`)
    await raw.until(/\r\n\r\n.*\./s)
    raw.send('\x16\x03\x01 this is no request\r\n\r\n')
    await raw.ended
    expect(raw.text()).toMatch(/^HTTP\/1\.1 200 /)
    expect(raw.text()).not.toContain('400 Bad Request')
    await until('nothing is open', () => plant.gatehouse.streams().length === 0)
    client.close()
  })
})
