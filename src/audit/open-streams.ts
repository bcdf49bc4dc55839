import type { EpochMs } from '../model.js'
import type { LedgerEvent, StreamEvent } from './events.js'

/** A request or WebSocket to a machine, from its permission to its end. */
type OpenStream = Omit<StreamEvent, 'event'>

/** What a record says about a stream: that it began, or that it is over. */
export type StreamStep = { readonly begun: OpenStream } | { readonly over: string }

/** Null for records that say nothing about one. */
export function stepOf(event: LedgerEvent, at: EpochMs): StreamStep | null {
  if (event.event === 'request.completed') return { over: event.requestId }
  if (event.event !== 'request.decided' || event.outcome !== 'permit') return null
  const { requestId, kind, endpointId, principalId, sessionId, grantId } = event
  // Our own pages need no grant, and are no streams.
  if (endpointId === null || principalId === null || sessionId === null || grantId === null) return null
  return { begun: { requestId, kind, endpointId, principalId, sessionId, grantId, beganAt: at } }
}

/** The same from a record that was read back, which may say anything. */
export function stepOfRecord(fields: Readonly<Record<string, unknown>>): StreamStep | null {
  const { event, requestId, kind } = fields
  if (typeof requestId !== 'string') return null
  if (event === 'request.completed' || event === 'stream.interrupted') return { over: requestId }
  const isCarried = event === 'stream.open'
  if (!isCarried && (event !== 'request.decided' || fields.outcome !== 'permit')) return null
  const text = (name: string): string | null => {
    const value = fields[name]
    return typeof value === 'string' ? value : null
  }
  const [endpointId, principalId] = [text('endpointId'), text('principalId')]
  const [sessionId, grantId] = [text('sessionId'), text('grantId')]
  const beganAt = Date.parse(text(isCarried ? 'beganAt' : 'at') ?? '')
  if (endpointId === null || principalId === null || sessionId === null || grantId === null) return null
  if ((kind !== 'request' && kind !== 'websocket') || Number.isNaN(beganAt)) return null
  return { begun: { requestId, kind, endpointId, principalId, sessionId, grantId, beganAt } }
}

/** What a chain shows as begun and not over, at a place of it. */
export class OpenStreams {
  readonly #open = new Map<string, OpenStream>()

  take(step: StreamStep): void {
    if ('over' in step) this.#open.delete(step.over)
    else this.#open.set(step.begun.requestId, step.begun)
  }

  clear(): void {
    this.#open.clear()
  }

  /** One event for each. */
  as(event: StreamEvent['event']): StreamEvent[] {
    return [...this.#open.values()].map((stream) => ({ event, ...stream }))
  }
}
