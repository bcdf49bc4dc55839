// WebSockets, as frames on plain sockets: a client of its own would cost more than what is measured.
import { once } from 'node:events'
import type { Socket } from 'node:net'
import { dial } from './requests.js'

/** Where one is opened, and the bytes that ask for it. */
export interface Handshake {
  readonly port: number
  readonly request: string
}

const payloadBytes = 64
/** Binary and final; masked, as the client's have to be, with zeros. */
const message = Buffer.concat([
  Buffer.from([0x82, 0x80 | payloadBytes, 0, 0, 0, 0]),
  Buffer.alloc(payloadBytes, 'x'),
])
/** The same comes back without a mask. */
const echoBytes = 2 + payloadBytes
const openedAtOnce = 50

let held: Socket[] = []

export const websocketAnswers = {
  /** One message after another, each sent when the last has come back. @returns milliseconds of each */
  async roundTrips({ handshake, seconds }: { handshake: Handshake; seconds: number }): Promise<number[]> {
    const socket = await open(handshake)
    const end = performance.now() + seconds * 1000
    const millis: number[] = []
    while (performance.now() < end) {
      const from = performance.now()
      await echo(socket)
      millis.push(performance.now() - from)
    }
    socket.destroy()
    return millis
  },

  /** Opens so many, sends one message through each, and leaves them open and silent. */
  async hold({ handshakes, count }: { handshakes: readonly Handshake[]; count: number }): Promise<void> {
    let next = 0
    const openMore = async (): Promise<void> => {
      while (next < count) {
        const number = (next += 1)
        const handshake = handshakes[number % handshakes.length]
        if (handshake === undefined) throw new Error('nothing to open')
        // Not all from one address: what one may hold open is limited, and so are its ports.
        const socket = await open(handshake, `127.0.0.${1 + (number % 200)}`)
        held.push(socket)
        await echo(socket)
      }
    }
    await Promise.all(Array.from({ length: openedAtOnce }, openMore))
  },

  /** Of those held, how many are still open. */
  stillOpen: (_: null): number => held.filter((socket) => !socket.destroyed).length,

  letGo(_: null): void {
    for (const socket of held) socket.destroy()
    held = []
  },
}

async function open({ port, request }: Handshake, localAddress?: string): Promise<Socket> {
  const socket = dial({ port, authority: null, localAddress })
  await once(socket, 'connect')
  socket.write(request)
  let head = ''
  while (!head.includes('\r\n\r\n')) head += String(await next(socket))
  if (!head.startsWith('HTTP/1.1 101 ')) throw new Error(`no WebSocket: ${head.slice(0, 300)}`)
  return socket
}

async function echo(socket: Socket): Promise<void> {
  socket.write(message)
  for (let received = 0; received < echoBytes;) received += (await next(socket)).length
}

async function next(socket: Socket): Promise<Buffer> {
  return new Promise((resolve, reject) => {
    const settle = (use: () => void) => (): void => {
      socket.off('data', onData).off('close', onClose)
      use()
    }
    const onData = (chunk: Buffer): void => settle(() => resolve(chunk))()
    const onClose = settle(() => reject(new Error('closed by the server')))
    socket.on('data', onData).on('close', onClose)
  })
}
