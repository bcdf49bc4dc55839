// One large answer, read as fast as it comes and thrown away.
import { connect } from 'node:net'

export const downloadAnswers = {
  /** @returns seconds from the first byte of the request to the last of the answer */
  async download({
    port,
    request,
    bytes,
  }: {
    port: number
    request: string
    bytes: number
  }): Promise<number> {
    return new Promise((resolve, reject) => {
      let head = ''
      let missing = Infinity
      const from = performance.now()
      const count = (length: number, buffer: Uint8Array): boolean => {
        missing -= length
        if (missing === Infinity) {
          head += Buffer.from(buffer.subarray(0, length)).toString('latin1')
          const end = head.indexOf('\r\n\r\n')
          if (end !== -1) missing = bytes - (head.length - end - 4)
        }
        if (missing <= 0) socket.destroy()
        return true
      }
      const socket = connect({
        port,
        host: '127.0.0.1',
        // One buffer for all of it, or collecting the others would be half of what is measured.
        onread: { buffer: Buffer.allocUnsafe(256 * 1024), callback: count },
      })
      socket.on('connect', () => socket.write(request))
      socket.on('error', reject)
      socket.on('close', () => {
        if (missing === 0 && head.startsWith('HTTP/1.1 200 ')) resolve((performance.now() - from) / 1000)
        else reject(new Error(`the download failed: ${head.slice(0, 300)}`))
      })
    })
  },
}
