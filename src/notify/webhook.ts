import { createHmac } from 'node:crypto'
import { request as requestHttp } from 'node:http'
import { request as requestHttps } from 'node:https'
import { describeError, fingerprint, type Clock } from '../lib/index.js'
import { isoInstant, type Channel, type Delivery, type Notice, type Outcome } from './notice.js'

export interface WebhookOptions {
  readonly url: URL
  /** Shared with the receiver. */
  readonly secret: Buffer
  readonly timeoutMs: number
  readonly clock: Clock
}

/** The name of the way to one address. The address itself may hold a token of its receiver. */
export function channelOf(url: URL): string {
  return `webhook-${url.host}-${fingerprint(url.href).slice(0, 8)}`
}

/**
 * Posts JSON to one configured address, signed as by Standard Webhooks (`webhook-id`, `webhook-timestamp`,
 * `webhook-signature: v1,…`). No redirect is followed: it would send what happens in the plant to an address nobody has
 * configured. Of the answer the status counts; its body is not read.
 */
export function createWebhook({ url, secret, timeoutMs, clock }: WebhookOptions): Channel {
  return {
    name: channelOf(url),
    // One after the other, so that they arrive in order unless one fails.
    parallel: 1,
    send: async (delivery, signal) => {
      const body = JSON.stringify(bodyOf(delivery))
      const timestamp = String(Math.floor(clock.now() / 1_000))
      const headers = {
        'content-type': 'application/json',
        'content-length': Buffer.byteLength(body),
        'user-agent': 'Gatehouse',
        'webhook-id': delivery.id,
        'webhook-timestamp': timestamp,
        'webhook-signature': signatureOf(secret, delivery.id, timestamp, body),
      }
      return post({ url, headers, body, timeoutMs, clock, signal })
    },
  }
}

/** @example signatureOf(secret, 'n-…', '1764291600', body) // 'v1,K5oZfzN95Z9UVu1EsfQmfVNQhnkZ2pj9o9NDN/H/pI4=' */
export function signatureOf(secret: Buffer, id: string, timestamp: string, body: string): string {
  return `v1,${createHmac('sha256', secret).update(`${id}.${timestamp}.${body}`).digest('base64')}`
}

/** What receivers get; docs/reference/notifications.md describes it. Instants are ISO 8601. */
export function bodyOf({ notice, madeAt }: Delivery): unknown {
  const { kind, ...data } = notice
  return { type: kind, timestamp: isoInstant(madeAt), data: withDates(data) }
}

type Data = Omit<Notice, 'kind'>
const instants = new Set(['from', 'until', 'at', 'issuedAt', 'expiresAt', 'askedAt', 'lapsesAt'])

function withDates(data: Data): unknown {
  return JSON.parse(JSON.stringify(data), (key, value: unknown) =>
    instants.has(key) && typeof value === 'number' ? isoInstant(value) : value,
  ) as unknown
}

interface Post {
  readonly url: URL
  readonly headers: Record<string, string | number>
  readonly body: string
  readonly timeoutMs: number
  readonly clock: Clock
  readonly signal: AbortSignal
}

function post({ url, headers, body, timeoutMs, clock, signal }: Post): Promise<Outcome> {
  return new Promise((resolve) => {
    const fail = (problem: string): void => {
      finish({ kind: 'failed', problem })
    }
    const send = url.protocol === 'https:' ? requestHttps : requestHttp
    // No agent: a connection of its own, which nothing is left on afterwards.
    const request = send(url, { method: 'POST', headers, agent: false, maxHeaderSize: 8_192 })
    const limit = clock.after(timeoutMs, () => {
      fail(`no answer within ${String(timeoutMs / 1_000)} s`)
    })
    const onAbort = (): void => {
      fail('this instance is stopping')
    }
    const finish = (outcome: Outcome): void => {
      limit.cancel()
      signal.removeEventListener('abort', onAbort)
      resolve(outcome)
      request.destroy()
    }
    signal.addEventListener('abort', onAbort)
    // Stays: what a connection does after its answer has been judged is no failure of ours.
    request.on('error', (error) => {
      fail(describeError(error))
    })
    request.on('response', (response) => {
      response.on('error', () => undefined)
      finish(judge(response.statusCode ?? 0))
    })
    request.end(body)
    if (signal.aborted) onAbort()
  })
}

function judge(status: number): Outcome {
  if (status >= 200 && status < 300) return { kind: 'sent' }
  if (status === 410) return { kind: 'refused', problem: 'answered 410: nobody wants these any more' }
  if (status >= 300 && status < 400)
    return { kind: 'failed', problem: `answered ${String(status)}: redirects are not followed` }
  return { kind: 'failed', problem: `answered ${String(status)}` }
}
