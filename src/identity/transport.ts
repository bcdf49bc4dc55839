import type { FetchImplementation } from 'jose'
import type { CustomFetchOptions } from 'openid-client'
import { isLoopback } from '../config/index.js'
import { GatehouseError } from '../lib/index.js'

type Request = CustomFetchOptions | Parameters<FetchImplementation>[1]

/** Larger than any key set or claim set seen, smaller than what would hurt this process. */
const answerLimitBytes = 1024 * 1024

export function providerUnavailable(cause: unknown): GatehouseError {
  return new GatehouseError(
    'identity-provider-unavailable',
    'The identity provider cannot be reached right now.',
    { cause },
  )
}

/** TLS, except on this very machine, where development providers live. */
export function isAllowedAddress(url: URL): boolean {
  return url.protocol === 'https:' || (url.protocol === 'http:' && isLoopback(url.hostname))
}

/**
 * The only way to the provider. Its metadata decides where we connect and its answers fill our memory, so
 * both are bounded here; the time limit is the `signal` that openid-client and jose pass in.
 *
 * @throws GatehouseError `identity-provider-unavailable` when there is no answer that could be judged
 */
export async function guardedFetch(address: string, request: Request): Promise<Response> {
  try {
    if (!isAllowedAddress(new URL(address))) throw new Error('plain http is for loopback only')
    const response = await fetch(address, request as RequestInit)
    const body = await readBounded(response)
    if (response.status >= 500 || response.status === 429)
      throw new Error(`answered ${String(response.status)}`)
    return new Response(body, { status: response.status, headers: response.headers })
  } catch (error) {
    throw providerUnavailable(error)
  }
}

/** Everything the provider sends is text; null for nothing, which is what `Response` wants with a 204. */
async function readBounded(response: Response): Promise<string | null> {
  const parts: Uint8Array[] = []
  let size = 0
  for await (const part of (response.body ?? []) as AsyncIterable<Uint8Array>) {
    size += part.byteLength
    if (size > answerLimitBytes) throw new Error(`answered more than ${String(answerLimitBytes)} bytes`)
    parts.push(part)
  }
  return size === 0 ? null : Buffer.concat(parts).toString('utf8')
}

/** openid-client and jose wrap what their fetch throws; this finds it again. */
export function unavailableWithin(error: unknown): GatehouseError | null {
  for (let inner = error; inner instanceof Error; inner = inner.cause) {
    if (inner instanceof GatehouseError && inner.code === 'identity-provider-unavailable') return inner
  }
  return null
}

/**
 * What went wrong, without what was in it: the errors of both libraries carry tokens and codes in their
 * causes, and a log is no place for those.
 */
export function withoutSecrets(error: unknown): Error {
  const words: string[] = []
  for (let inner = error; inner instanceof Error && words.length < 4; inner = inner.cause) {
    words.push(inner.message, 'code' in inner ? String(inner.code) : '', oauthError(inner))
  }
  return new Error(words.filter((word) => word !== '').join(' / ') || 'unknown failure')
}

/** RFC 6749 §4.1.2.1: `access_denied` and the like; never the description, which is free text. */
function oauthError(error: Error): string {
  const code: unknown = 'error' in error ? error.error : ''
  return typeof code === 'string' && /^[a-z_]{1,40}$/.test(code) ? code : ''
}
