import { createServer } from 'node:net'

/**
 * Below the range from which Linux gives ports to whoever asks for any (32768 and up). A port of that range
 * that was free a moment ago is often taken by a socket of a test beside this one when it is needed.
 */
const first = 20_000
const last = 31_999

/** The first of `count` free ports in a row, which stay free unless somebody wants just these. */
export async function freePorts(count = 1): Promise<number> {
  for (let attempt = 0; attempt < 100; attempt += 1) {
    const start = first + Math.floor(Math.random() * (last - first - count))
    const ports = Array.from({ length: count }, (_, offset) => start + offset)
    if ((await Promise.all(ports.map(isFree))).every(Boolean)) return start
  }
  throw new Error(`no ${count} free ports in a row between ${first} and ${last}`)
}

async function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = createServer()
    server.once('error', () => resolve(false))
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)))
  })
}
