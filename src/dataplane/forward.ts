import type { IncomingMessage, ServerResponse } from 'node:http'
import { assert } from '../lib/index.js'
import { runExchange, type Forwarding, type ForwardOutcome } from './exchange.js'

/**
 * Passes one admitted request to its upstream and the answer back, both as streams. Never tries twice.
 *
 * Resolves when the last byte of the answer is with the operating system, or when something ended it
 * before. Two outcomes leave the answer to the caller, because not one byte was written by then: a
 * rejection with `upstream-unreachable`, `upstream-timeout` or `upstream-invalid`, and `status: null`
 * with `end: 'cut'`, for which the caller shows the page that belongs to `cause`. Where the request still
 * has unread body (`!req.complete`), that page has to close the connection.
 *
 * The caller must have set no header on `res`: Node would then merge the upstream's, and lose repeated ones.
 */
export function forwardRequest(
  forwarding: Forwarding,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<ForwardOutcome> {
  assert(res.getHeaderNames().length === 0, 'a forwarded answer carries no header of ours')
  return runExchange({
    forwarding,
    socket: req.socket,
    source: req,
    inviteBody: () => {
      inviteBody(req, res)
    },
    openResponse: () => res,
    acceptUpgrade: null,
  })
}

/** RFC 9110 §10.1.1: for a client that waits to be told to send its body. */
export function inviteBody(req: IncomingMessage, res: ServerResponse): void {
  if (req.headers.expect !== undefined && req.httpVersion === '1.1') res.writeContinue()
}
