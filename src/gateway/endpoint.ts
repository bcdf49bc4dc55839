import type { IncomingMessage, ServerResponse } from 'node:http'
import type { Socket } from 'node:net'
import { GatehouseError, type Clock } from '../lib/index.js'
import type { CutCause, Endpoint, EpochMs, Pass, Session } from '../model.js'
import type { Ledger } from '../audit/index.js'
import {
  forwardRequest,
  forwardUpgrade,
  withPageTail,
  type Forwarding,
  type ForwardOutcome,
  type Pace,
  type LiveStream,
  type PendingStream,
  type Switched,
  type Upstream,
  type Upstreams,
} from '../dataplane/index.js'
import type { Assertions } from '../identity/index.js'
import { ownPathPrefix, type Admission } from './admission.js'
import type { Answers } from './answers.js'

export interface EndpointServerOptions {
  readonly clock: Clock
  readonly ledger: Ledger
  readonly upstreams: Upstreams
  readonly pace: Pace
  readonly assertions: Assertions
  readonly answers: Answers
  /** Of the script that tells people in a machine's page how long their access lasts. */
  readonly noticePath: string
  /** Where a machine may send a browser besides itself: the other machines and the portal. */
  readonly registeredOrigins: ReadonlySet<string>
}

/**
 * Milliseconds that a permit may wait to be used, for its record or for this host: promise R1. Whoever stood still in
 * between, as a host does that is suspended, has heard of nothing that ended meanwhile.
 */
const permitLastsMs = 1_000

const nothingPassed = { status: null, bytesUp: 0, bytesDown: 0, cause: null } as const

/** What a request needs beyond its admission before a byte of it may go upstream. */
export interface Permitted {
  readonly admission: Admission
  readonly endpoint: Endpoint
  readonly session: Session
  readonly pass: Pass
  readonly grantId: string
  readonly closeAt: EpochMs
  readonly viewOnlyFrom: EpochMs | null
}

/** Narrows an admission to one that may be forwarded; null for everything else. */
export function permitted(admission: Admission): Permitted | null {
  const { decision, place, session, pass } = admission
  if (decision.outcome !== 'permit') return null
  const { grantId, closeAt, viewOnlyFrom } = decision
  if (grantId === null || closeAt === null || decision.obligations.includes('begin-use')) return null
  if (place.kind !== 'endpoint' || place.endpoint === null || session === null || pass === null) return null
  return { admission, endpoint: place.endpoint, session, pass, grantId, closeAt, viewOnlyFrom }
}

/** Forwards admitted requests to the machine, each watched from before its first byte to its last. */
export function createEndpointServer({
  clock,
  ledger,
  upstreams,
  pace,
  assertions,
  answers,
  noticePath,
  registeredOrigins,
}: EndpointServerOptions) {
  /** Permitted, and recorded so, but turned back before anything of it went to the machine. */
  function turnedBack(admission: Admission, cause: CutCause | null = null): void {
    // What is our own is not recorded as begun.
    if (permitted(admission) === null || admission.request.path.startsWith(ownPathPrefix)) return
    const end = { ...nothingPassed, end: 'refused', cause } as const
    ledger.note({ event: 'request.completed', requestId: admission.id, durationMs: 0, ...end })
  }

  /** @returns null where the permit has become too old */
  async function prepare(
    { admission, endpoint, session, pass, grantId, closeAt, viewOnlyFrom }: Permitted,
    pending: PendingStream,
  ): Promise<Forwarding | null> {
    const assertion = await assertions.sign({
      principal: session.principal,
      sessionId: session.id,
      endpointId: endpoint.id,
      grantId,
      secondFactorAt: session.assurance.secondFactorAt,
    })
    if (clock.monotonic() - admission.askedAt > permitLastsMs || !admission.isStillTrue()) return null
    const stream = pending.open({
      id: admission.id,
      kind: admission.request.isUpgrade ? 'websocket' : 'request',
      sessionId: session.id,
      passId: pass.id,
      principalId: session.principal.id,
      email: session.principal.email,
      grantId,
      endpointId: endpoint.id,
      path: admission.request.path,
      startedAt: admission.startedAt,
      closeAt,
      sessionEndsAt: session.endsAt,
      viewOnlyFrom,
    })
    return {
      request: admission.request,
      endpoint,
      endpointOrigin: admission.place.origin,
      upstream: noticed(admission, endpoint, upstreams.for(endpoint, pass.id)),
      client: admission.source,
      identity: { user: session.principal.email ?? session.principal.id, assertion },
      stream,
      pace,
      isRegisteredOrigin: (origin) => registeredOrigins.has(origin),
    }
  }

  function noticed({ request, place }: Admission, endpoint: Endpoint, upstream: Upstream): Upstream {
    if (!endpoint.timeLeftNotice || request.isUpgrade) return upstream
    // With its origin, because a `<base>` of the page would lead a mere path elsewhere.
    const tag = `\n<script src="${place.origin}${noticePath}" async></script>\n`
    return withPageTail(upstream, request, Buffer.from(tag))
  }

  /** Begins now. @returns what writes down how it ended, and holds nothing but what that takes */
  function begin(stream: LiveStream): (outcome: ForwardOutcome) => void {
    const { id: requestId } = stream.info
    const beganAt = clock.monotonic()
    return (outcome) => {
      stream.end()
      const durationMs = Math.round(clock.monotonic() - beganAt)
      // Noted, not awaited: it permits nothing, and a full disk must not lose how a stream ended.
      ledger.note({ event: 'request.completed', requestId, durationMs, ...outcome })
    }
  }

  /** Runs one forwarding to its end and has written down how it ended, whatever that was. */
  async function complete<Outcome extends ForwardOutcome | Switched>(
    { stream }: Forwarding,
    run: () => Promise<Outcome>,
  ): Promise<Outcome> {
    const finish = begin(stream)
    try {
      const outcome = await run()
      const found: ForwardOutcome | Switched = outcome
      if ('ended' in found) void found.ended.then(finish)
      else finish(found)
      return outcome
    } catch (error) {
      const isRefused = error instanceof GatehouseError && error.status < 500
      finish({ ...nothingPassed, end: isRefused ? 'refused' : 'upstream-failed' })
      throw error
    }
  }

  function tooLate({ admission }: Permitted, res: ServerResponse): void {
    turnedBack(admission, 'state-stale')
    answers.cut(admission, res, 'state-stale')
  }

  return {
    turnedBack,

    async request(
      permit: Permitted,
      pending: PendingStream,
      req: IncomingMessage,
      res: ServerResponse,
    ): Promise<void> {
      const forwarding = await prepare(permit, pending)
      if (forwarding === null) {
        tooLate(permit, res)
        return
      }
      const outcome = await complete(forwarding, () => forwardRequest(forwarding, req, res))
      if (outcome.cause !== null && !res.headersSent) answers.cut(permit.admission, res, outcome.cause)
    },

    /** @param res on the socket; it answers whatever the data plane leaves unanswered there */
    async upgrade(
      permit: Permitted,
      pending: PendingStream,
      req: IncomingMessage,
      res: ServerResponse,
      { socket, head }: { readonly socket: Socket; readonly head: Buffer },
    ): Promise<Switched | null> {
      const forwarding = await prepare(permit, pending)
      if (forwarding === null) {
        tooLate(permit, res)
        return null
      }
      let isUnanswered = true
      res.detachSocket(socket)
      try {
        const outcome = await complete(forwarding, () => forwardUpgrade(forwarding, req, socket, head))
        const isSwitched = 'ended' in outcome
        isUnanswered = !isSwitched && outcome.status === null
        if (isSwitched) return outcome
        if (isUnanswered && outcome.cause !== null) answers.cut(permit.admission, res, outcome.cause)
        return null
      } finally {
        if (isUnanswered) res.assignSocket(socket)
      }
    },
  }
}
