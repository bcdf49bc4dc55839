// A client that closed its side while its WebSocket handshake was being admitted was not noticed: the end of its
// socket had been told before anybody listened. The handshake went to the machine all the same, and a quiet
// machine's connection, and the stream, stayed open until the grant ended. Repeated, it used up a small machine's
// connections, and people at the plant saw somebody at work who had long gone.
import { dial, eventually, startGate, startRawMachine } from '../support/wire.js'

describe('a client that leaves while its WebSocket handshake is admitted', () => {
  it.each([0, 1000])('leaves nothing behind, with %i bytes behind the handshake', async (early) => {
    const machine = await startRawMachine(() => undefined)
    let admit = (): void => undefined
    let isAsked = false
    const admitted = new Promise<void>((resolve) => (admit = resolve))
    const gate = await startGate({
      upstream: machine.url,
      beforeForwarding: () => {
        isAsked = true
        return admitted
      },
    })
    const client = dial(gate.port)
    const handshake = [
      'GET /live HTTP/1.1',
      `Host: ${gate.authority}`,
      `Origin: ${gate.origin}`,
      'Connection: Upgrade',
      'Upgrade: websocket',
      'Sec-WebSocket-Version: 13',
      'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
      '\r\n',
    ].join('\r\n')
    client.socket.end(handshake + 'x'.repeat(early))
    await eventually(() => isAsked)
    await new Promise((resolve) => setTimeout(resolve, 100))
    admit()
    await eventually(() => gate.outcomes.length === 1)
    expect(gate.outcomes).toMatchObject([{ status: null, end: 'client-closed' }])
    expect(gate.streams.list()).toEqual([])
    expect(machine.received()).toBe('')
    await gate.close()
    await machine.close()
  })
})
