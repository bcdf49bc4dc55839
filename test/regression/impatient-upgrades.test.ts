// A client that sent much behind its WebSocket handshake was no longer read, and then nobody noticed it leave:
// where the machine stalled, the stream stayed open until the grant ended, with a connection to the machine, and
// people at the plant saw somebody at work who had long gone. Repeated, it used up a small machine's connections.
import { dial, eventually, startAnsweringMachine, startGate, startRawMachine } from '../support/wire.js'

describe('a client that sends much before its WebSocket handshake is answered', () => {
  const stalls = {
    'has not answered': () => startRawMachine(() => undefined),
    'stopped in the middle of a refusal': () =>
      startAnsweringMachine('HTTP/1.1 403 Forbidden\r\nContent-Length: 100\r\n\r\nnot'),
  }

  it.each(Object.entries(stalls))('leaves nothing behind where the machine %s', async (_, startMachine) => {
    const machine = await startMachine()
    const gate = await startGate({ upstream: machine.url })
    const client = dial(gate.port)
    client.send(
      [
        'GET /live HTTP/1.1',
        `Host: ${gate.authority}`,
        `Origin: ${gate.origin}`,
        'Connection: Upgrade',
        'Upgrade: websocket',
        'Sec-WebSocket-Version: 13',
        'Sec-WebSocket-Key: AAAAAAAAAAAAAAAAAAAAAA==',
        '\r\n',
      ].join('\r\n'),
    )
    await eventually(() => machine.received().includes('\r\n\r\n'))
    client.send(Buffer.alloc(1024 * 1024))
    await new Promise((resolve) => setTimeout(resolve, 200))
    client.socket.destroy()
    await eventually(() => gate.streams.list().length === 0 && machine.openSockets() === 0)
    expect(gate.outcomes.map(({ end }) => end)).toEqual(['client-closed'])
    await gate.close()
    await machine.close()
  })
})
