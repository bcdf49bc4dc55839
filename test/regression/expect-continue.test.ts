// Node answers a request with an Expect field by itself unless somebody listens: "go on" before anybody had
// decided whether the sender may, so that whole uploads were sent for nothing, and "417" past the one way in,
// without a line in the ledger.
import { startPlant, type Plant } from '../support/plant.js'
import { rawExchange } from '../support/client.js'
import { dial } from '../support/wire.js'

describe('a request that waits to be told to go on', () => {
  let plant: Plant

  beforeAll(async () => {
    plant = await startPlant()
    await plant.issue()
  }, 30_000)
  afterAll(() => plant.close())

  const head = (expect: string, cookie = ''): string =>
    `POST /echo HTTP/1.1\r\nHost: ${new URL(plant.origin('press-3')).host}\r\nExpect: ${expect}\r\n` +
    `${cookie}Content-Length: 5\r\n\r\n`

  it('is not told so before it is let in', async () => {
    const { text } = await rawExchange(plant.gatehouse.address.port, head('100-continue'))
    expect(text).toMatch(/^HTTP\/1\.1 401 /)
  })

  it('is told so then, and passed on', async () => {
    const client = await plant.signIn('vendor')
    const press = plant.origin('press-3')
    await client.navigate(press)
    const pass = client.cookies.header(new URL(press), { isForeign: false, navigation: 'safe' })
    const raw = dial(plant.gatehouse.address.port)
    raw.send(head('100-continue', `Cookie: ${pass}\r\n`))
    await raw.until('HTTP/1.1 100 Continue\r\n\r\n')
    raw.send('speed')
    expect(await raw.until(/speed/)).toMatch(/HTTP\/1\.1 200 /)
    raw.socket.destroy()
    client.close()
  })

  it('for anything else is refused like every request that cannot be understood', async () => {
    const { text } = await rawExchange(plant.gatehouse.address.port, head('nonsense'))
    expect(text).toMatch(/^HTTP\/1\.1 400 .*request-ambiguous/s)
  })
})
