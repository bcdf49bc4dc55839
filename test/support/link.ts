import { connect, createServer, type AddressInfo, type Socket } from 'node:net'

/** A TCP connection's way that a test can make slow, or swallow everything, as a broken network does. */
export interface Link {
  readonly port: number
  /** Everything takes this much longer, each way. */
  delay(ms: number): void
  /** Nothing passes any more and nobody is told: no end, no reset, no refusal. */
  sever(): void
  /** All is well again; what was severed meanwhile is reset, since its bytes are lost. */
  mend(): void
  close(): Promise<void>
}

/**
 * @param to a port of loopback, or the path of a socket
 * @param host where to listen
 */
export async function startLink(to: number | string, host = '127.0.0.1'): Promise<Link> {
  const pairs = new Set<readonly [Socket, Socket]>()
  let delayMs = 0
  let isSevered = false
  const pass = (from: Socket, into: Socket): void => {
    const later = (act: () => void): void => {
      if (isSevered) return
      // Timers of one length run in order, so bytes stay in order too.
      if (delayMs === 0) act()
      else setTimeout(act, delayMs)
    }
    from.on('data', (chunk) => {
      later(() => into.destroyed || into.write(chunk))
    })
    from.on('close', () => {
      later(() => into.destroy())
    })
    from.on('error', () => undefined)
  }
  const server = createServer((near) => {
    const far = typeof to === 'string' ? connect(to) : connect(to, '127.0.0.1')
    const pair = [near, far] as const
    pairs.add(pair)
    for (const socket of pair) {
      socket.on('close', () => {
        if (pair.every(({ destroyed }) => destroyed)) pairs.delete(pair)
      })
    }
    pass(near, far)
    pass(far, near)
  })
  await new Promise<void>((resolve) => server.listen(0, host, resolve))
  const dropAll = (): void => {
    for (const pair of pairs) for (const socket of pair) socket.destroy()
    pairs.clear()
  }
  return {
    port: (server.address() as AddressInfo).port,
    delay: (ms) => {
      delayMs = ms
    },
    sever: () => {
      isSevered = true
    },
    mend: () => {
      delayMs = 0
      if (isSevered) dropAll()
      isSevered = false
    },
    close: async () => {
      dropAll()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}
