// What stands behind every proxy: answers at once.
import { createServer, type Server } from 'node:http'
import { WebSocketServer } from 'ws'

/** Of the answer to any request but a download. */
export const bodyBytes = 1024

/** `/download/<bytes>` answers with as many; a WebSocket anywhere gives each message back. */
export function createMachine(): Server {
  const body = Buffer.alloc(bodyBytes, 'x')
  const server = createServer((req, res) => {
    const wanted = /^\/download\/(\d+)$/.exec(req.url ?? '')?.[1]
    const length = wanted === undefined ? bodyBytes : Number(wanted)
    res.writeHead(200, { 'content-type': 'text/plain', 'content-length': length })
    if (wanted === undefined) res.end(body)
    else sendZeros(res, length)
  })
  new WebSocketServer({ server, perMessageDeflate: false }).on('connection', (socket) => {
    socket.on('error', () => undefined)
    socket.on('message', (message, isBinary) => {
      socket.send(message as Buffer, { binary: isBinary })
    })
  })
  return server
}

const piece = Buffer.alloc(256 * 1024)

function sendZeros(res: NodeJS.WritableStream & { readonly destroyed?: boolean }, bytes: number): void {
  let left = bytes
  const more = (): void => {
    while (left > 0) {
      const next = piece.subarray(0, Math.min(left, piece.length))
      left -= next.length
      if (!res.write(next)) return void res.once('drain', more)
    }
    res.end()
  }
  more()
}
