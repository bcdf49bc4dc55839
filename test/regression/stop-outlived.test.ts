// A connection that was busy with one of our own pages when the gateway was told to stop stayed usable for a
// moment. A WebSocket opened on it then was cut by nobody: the gateway never came to its end, and the vendor
// stayed at the machine.
import { startPlant, type Plant } from '../support/plant.js'
import { dial } from '../support/wire.js'

describe('a connection that outlives the order to stop', () => {
  let plant: Plant

  beforeAll(async () => {
    plant = await startPlant()
    await plant.issue()
  }, 30_000)
  afterAll(() => plant.close())

  it('opens nothing any more', async () => {
    const client = await plant.signIn('vendor')
    const press = plant.origin('press-3')
    await client.navigate(press)
    const pass = client.cookies.header(new URL(press), { isForeign: false, navigation: 'safe' })
    client.close()
    const raw = dial(plant.gatehouse.address.port)
    const form = 'logout_token=x'
    raw.send(
      `POST /oidc/backchannel-logout HTTP/1.1\r\nHost: ${new URL(plant.portal).host}\r\nExpect: 100-continue\r\n` +
        `Content-Type: application/x-www-form-urlencoded\r\nContent-Length: ${form.length}\r\n\r\n`,
    )
    await raw.until('HTTP/1.1 100 Continue')
    const stopped = plant.gatehouse.close()
    raw.send(form)
    await raw.until(/HTTP\/1\.1 400 .*invalid_request/s)
    raw.send(
      `GET /live HTTP/1.1\r\nHost: ${new URL(press).host}\r\nOrigin: ${press}\r\nCookie: ${pass}\r\n` +
        'Connection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n' +
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==\r\n\r\n',
    )
    // Its last answer said so; what is sent behind that is not even read.
    await raw.ended
    expect(raw.text()).toMatch(/\r\nConnection: close\r\n/)
    expect(raw.text()).not.toContain('HTTP/1.1 101 ')
    await stopped
  }, 10_000)
})
