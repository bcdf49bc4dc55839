import { upstreamFailure } from './failures.js'
import type { ResponseHead } from './response-headers.js'
import type { Upstream } from './upstream.js'

/** Of an answer nobody reads; the connection of a longer one is closed rather than read to its end. */
const longestContent = 64 * 1024

export interface OwnRequest {
  readonly method: 'GET' | 'POST'
  readonly target: string
  /** Besides those that every request of ours has. */
  readonly headers: readonly string[]
  readonly body?: Buffer
}

/**
 * Asks a machine something on Gatehouse's own account, and gives back the head of its answer.
 *
 * @throws GatehouseError one of the `upstream-…` codes
 */
export function ask(upstream: Upstream, request: OwnRequest): Promise<ResponseHead> {
  const { method, target, headers, body } = request
  const common = ['Host', upstream.origin.host, 'Accept', 'text/html,*/*', 'User-Agent', 'Gatehouse']
  const length = body === undefined ? [] : ['Content-Length', String(body.length)]
  return new Promise((resolve, reject) => {
    let bytes = 0
    const call = upstream.send(
      {
        method,
        target,
        headers: [...common, ...headers, ...length],
        body: body === undefined ? 'none' : 'length',
      },
      {
        onResponse: resolve,
        onData: (chunk) => {
          bytes += chunk.length
          if (bytes > longestContent) call.destroy()
        },
        onUpgrade: (_head, socket) => {
          socket.destroy()
          reject(upstreamFailure('upstream-invalid', 'switched protocols without being asked'))
        },
        onFailure: reject,
        onPause: () => undefined,
        onEnd: () => undefined,
        onDrain: () => undefined,
      },
    )
    if (body !== undefined) call.write(body)
    call.end()
  })
}
