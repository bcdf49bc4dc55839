import { createConnection, createServer, type AddressInfo, type Socket } from 'node:net'

/** A network between a client and a server on a socket of this host, that can be cut as a pulled cable would. */
export interface Line {
  readonly url: string
  /** From now on nothing passes, nothing ends, and whoever connects waits. */
  cut(): void
  /** Connections of before the cut stay dead, as those are whose packets are sent again much later. */
  mend(): void
  close(): void
}

export async function layLine(socketPath: string): Promise<Line> {
  const sockets = new Set<Socket>()
  const waiting = new Set<Socket>()
  let isCut = false
  const join = (client: Socket): void => {
    const server = createConnection(socketPath)
    sockets.add(server)
    for (const [from, to] of [
      [client, server],
      [server, client],
    ] as const) {
      from.on('error', () => undefined)
      from.on('data', (chunk) => {
        if (!dead.has(client)) to.write(chunk)
      })
      from.on('close', () => {
        if (!dead.has(client)) to.destroy()
      })
    }
  }
  const dead = new WeakSet<Socket>()
  const listener = createServer((client) => {
    sockets.add(client)
    client.on('error', () => undefined)
    if (isCut) waiting.add(client)
    else join(client)
  })
  await new Promise<void>((resolve) => {
    listener.listen(0, '127.0.0.1', resolve)
  })
  return {
    url: `redis://127.0.0.1:${(listener.address() as AddressInfo).port}`,
    cut: () => {
      isCut = true
      for (const socket of sockets) dead.add(socket)
    },
    mend: () => {
      isCut = false
      // Who tried meanwhile has been given up by the kernel or by itself.
      for (const client of waiting) client.destroy()
      waiting.clear()
    },
    close: () => {
      listener.close()
      for (const socket of [...sockets, ...waiting]) socket.destroy()
    },
  }
}
