// A WebSocket handshake that could not be carried out was never answered: after admission its socket had been
// taken from the response, so "the machine does not answer", or that the grant had just been revoked, was
// written to nowhere. The browser waited for ever, and so did a gateway that was told to stop. Sockets of
// refused handshakes were only half closed, so anybody, without signing in, could use them up; and a handshake
// pipelined behind an unanswered request stopped the whole process.
import { connect, type Socket } from 'node:net'
import { createClient, rawExchange, type Client } from '../support/client.js'
import { startPlant, type Plant } from '../support/plant.js'
import { until } from '../support/until.js'
import { startRawMachine, type RawMachine } from '../support/wire.js'

describe('a WebSocket handshake', () => {
  let plant: Plant
  let mute: RawMachine
  let client: Client

  beforeEach(async () => {
    mute = await startRawMachine(() => undefined)
    plant = await startPlant({
      endpoints: [
        { id: 'mute', upstream: mute.url },
        { id: 'gone', upstream: 'http://127.0.0.1:1' },
      ],
      granted: [],
    })
    client = await plant.signIn('vendor')
  }, 30_000)
  afterEach(async () => {
    client.close()
    await plant.close()
    await mute.close()
  })

  const port = (): number => plant.gatehouse.address.port
  const handshake = (origin: string, cookie = ''): string =>
    [
      'GET /live HTTP/1.1',
      `Host: ${new URL(origin).host}`,
      `Origin: ${origin}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      ...(cookie === '' ? [] : [`Cookie: ${cookie}`]),
      '\r\n',
    ].join('\r\n')
  const letIn = async (id: string): Promise<string> => {
    await client.navigate(plant.origin(id), { follow: true }).catch(() => undefined)
    return client.cookies.header(new URL(plant.origin(id)), { isForeign: false, navigation: 'safe' })
  }

  it('is answered when the machine is gone', async () => {
    await plant.issue({ endpoints: ['gone'] })
    const cookie = await letIn('gone')
    const { text, isClosed } = await rawExchange(port(), handshake(plant.origin('gone'), cookie))
    expect(text).toMatch(/^HTTP\/1\.1 502 .*upstream-unreachable/s)
    expect(isClosed).toBe(true)
  })

  it('is answered when the grant is revoked before the machine has answered', async () => {
    const grant = await plant.issue({ endpoints: ['mute'] })
    client.navigate(plant.origin('mute')).catch(() => undefined)
    await until('there is a pass', () => client.cookies.value(plant.origin('mute'), '__Host-gatehouse-pass'))
    const cookie = client.cookies.header(new URL(plant.origin('mute')), {
      isForeign: false,
      navigation: 'safe',
    })
    const answer = rawExchange(port(), handshake(plant.origin('mute'), cookie))
    await until('it is on its way', () =>
      plant.gatehouse.streams().some((stream) => stream.kind === 'websocket'),
    )
    await plant.revoke(grant)
    const { text, isClosed } = await answer
    expect(text).toMatch(/^HTTP\/1\.1 403 .*grant-revoked/s)
    expect(isClosed).toBe(true)
    expect(plant.gatehouse.streams()).toEqual([])
  })

  it('that is refused leaves no connection behind, whatever its sender does', async () => {
    const held: Socket[] = []
    const answered = await Promise.all(
      Array.from({ length: 5 }, async () => {
        // Never closes its side, and sends what nobody will read.
        const socket = connect({ port: port(), host: '127.0.0.1', allowHalfOpen: true })
        held.push(socket)
        socket.on('error', () => undefined)
        socket.write(handshake(plant.origin('mute')) + 'x'.repeat(1000))
        return new Promise<string>((resolve) => socket.once('data', (chunk) => resolve(chunk.toString())))
      }),
    )
    for (const text of answered) expect(text).toMatch(/^HTTP\/1\.1 401 /)
    await plant.gatehouse.close()
    for (const socket of held) socket.destroy()
  }, 10_000)

  it('behind a request that is not answered yet ends its connection and nothing else', async () => {
    const { host } = new URL(plant.portal)
    const first = `GET /sign-in HTTP/1.1\r\nHost: ${host}\r\n\r\n`
    const { text, isClosed } = await rawExchange(port(), first + handshake(plant.origin('mute')))
    expect(text).not.toContain(' 101 ')
    expect(isClosed).toBe(true)
    const other = createClient()
    expect((await other.navigate(`${plant.portal}/sign-in`)).status).toBe(200)
    other.close()
  })
})
