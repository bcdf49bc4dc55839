import type { IncomingMessage } from 'node:http'
import type { Socket } from 'node:net'
import { TLSSocket } from 'node:tls'
import {
  scopes,
  type Decision,
  type EpochMs,
  type Facts,
  type Grant,
  type LenientRequest,
  type OwnAccess,
  type Pass,
  type ServiceAccess,
  type ServiceToken,
  type Session,
} from '../model.js'
import {
  chooseLanguage,
  GatehouseError,
  newId,
  settleLimitMs,
  systemClock,
  timeLeftPath,
  type ChangeLog,
  type Language,
  type SteadyClock,
  type Visit,
} from '../lib/index.js'
import { decide } from '../policy/index.js'
import type { Ledger } from '../audit/index.js'
import type { Grants, Seats } from '../grants/index.js'
import { normaliseRequest, type NormalisedRequest } from '../dataplane/index.js'
import type { ServiceTokens } from '../identity/index.js'
import { cookieNames, readCookies, type Sessions } from '../sessions/index.js'
import { machineOf, takesFrom, type Asked, type GatherFacts } from './facts.js'
import { initiatorOf, isNavigation, type Place } from './origins.js'
import type { Refusals } from './refusals.js'
import { createTrust, type Source } from './source.js'

/** What the gateway knows of a request once it has been judged. The same object is then enforced. */
export interface Admission {
  readonly id: string
  readonly startedAt: EpochMs
  readonly source: Source
  readonly request: NormalisedRequest
  readonly place: Place
  readonly isNavigation: boolean
  readonly cookies: ReadonlyMap<string, string>
  /** What they are to be spoken to in. */
  readonly language: Language
  readonly session: Session | null
  /** The pass it came with; null on the portal, which has none. */
  readonly pass: Pass | null
  /** That a program came with, where the JSON API was called. */
  readonly token: ServiceToken | null
  readonly grants: readonly Grant[]
  readonly decision: Decision
  /** On the monotonic clock, before what it is decided by was looked at for the last time. */
  readonly askedAt: number
  /** Whether nothing has been taken away since, and nobody was told so without this instance. */
  readonly isStillTrue: () => boolean
  /** See `Visit`. */
  readonly confirm: Visit['confirm']
}

/** Not even a question: it cannot be told what is asked, or of whom. */
export interface Refusal {
  readonly id: string
  readonly source: Source
  readonly refused: 'request-ambiguous' | 'headers-too-large' | 'host-unknown' | 'host-not-sni'
}

export interface AdmissionOptions {
  readonly clock: SteadyClock
  readonly ledger: Ledger
  readonly refusals: Refusals
  readonly sessions: Sessions
  readonly tokens: Pick<ServiceTokens, 'identify' | 'recordRefusal'>
  readonly gather: GatherFacts
  readonly changes: Pick<ChangeLog, 'proof'>
  readonly seats: Pick<Seats, 'take'>
  readonly beginUse: Grants['beginUse']
  readonly locate: (authority: string) => Place | null
  readonly readSource: (req: IncomingMessage) => Source
  /** What one of our own pages asks of its visitor; null where we have no such page. */
  readonly accessOf: (place: Place, method: string, path: string) => OwnAccess | null
}

/** Where open pages of the portal are told that something has changed (server-sent events). */
export const hintsPath = '/.gatehouse/events'

/** Gatehouse's own corner of every origin; never forwarded. */
export const ownPathPrefix = '/.gatehouse/'

const nothing: ReadonlySet<LenientRequest> = new Set()

/** Our stylesheet and the like. */
export const assetPathPrefix = `${ownPathPrefix}static/`

/**
 * The one way in, for requests and upgrades alike: normalise, locate, identify, gather facts, decide,
 * record. What it returns is already in the ledger, durable where something may come of it (R4).
 *
 * @throws GatehouseError `store-unavailable`, `ledger-unavailable`: then nothing may happen
 */
export function createAdmission(options: AdmissionOptions) {
  const { clock, ledger, sessions } = options
  const { proof } = options.changes

  return async function admit(req: IncomingMessage, isUpgrade: boolean): Promise<Admission | Refusal> {
    const id = newId('r')
    const startedAt = clock.now()
    const source = options.readSource(req)
    const refuse = async (refused: Refusal['refused'], detail: string): Promise<Refusal> => {
      await options.refusals.record({ requestId: id, source: source.address, detail })
      return { id, source, refused }
    }

    const normalised = normaliseRequest(req, { isUpgrade, openingsOf })
    if ('refused' in normalised) {
      const isLarge = normalised.refused === 'headers-too-large'
      return refuse(isLarge ? 'headers-too-large' : 'request-ambiguous', normalised.refused)
    }
    const { request } = normalised
    if (!isNameOf(req.socket, request.host)) return refuse('host-not-sni', 'host-not-sni')
    const place = options.locate(request.authority)
    if (place === null) return refuse('host-unknown', 'host-unknown')

    const cookies = readCookies(request.header('cookie'))
    // A page that does not exist asks for as much as a page that does, so that nobody can map them.
    const access = options.accessOf(place, request.method, request.path) ?? 'verified'
    const isCall = isServiceAccess(access)
    const look = async (): Promise<Found> => {
      const { generation, asOf } = proof
      const askedAt = clock.monotonic()
      const token = isCall ? await tokenOf(access, request) : null
      const { session, pass } = isCall ? nobody : await identify(place, cookies)
      const asked = {
        resource: isCall
          ? callOf(access, { request, cookies, token, source })
          : resourceOf(place, request, access),
        request: {
          isSafe: request.isSafe,
          isUpgrade: request.isUpgrade,
          initiator: initiatorOf(request, place.origin),
        },
        session,
        source: source.address,
      }
      // What begins now is for somebody who is let in, and not where nobody waits for us.
      const isUse = place.kind === 'endpoint' && !request.path.startsWith(ownPathPrefix) && proof.isAwaited
      return { generation, asOf, askedAt, token, session, pass, ...(await judge(asked, isUse)) }
    }
    const isStop = access.startsWith('stop:')
    const judged = (): Promise<Found> => (isStop ? look() : lookAtOnce(look, request.isSafe))
    const found = await judged()
    const { askedAt, token, session, pass, facts, decision } = found
    const admission: Admission = {
      id,
      startedAt,
      source,
      request,
      place,
      isNavigation: !isCall && isNavigation(req.headers),
      cookies,
      language: chooseLanguage(
        cookies.get(cookieNames.language),
        request.header('accept-language') ?? undefined,
      ),
      session,
      pass,
      token,
      grants: facts.grants,
      decision,
      askedAt,
      isStillTrue: () => isKnown(found) && !isTaken(found),
      confirm: async () => {
        const { decision } = await judged()
        if (decision.outcome === 'permit') return null
        await record({ ...admission, decision })
        return decision.reasons
      },
    }
    if (!isUnrecorded(admission)) await record(admission)
    return admission
  }

  /**
   * What a permit rests on is read piece by piece, and must have been true all at once: where something was taken away in
   * between, all is read again. Whoever has acknowledged an end then finds it heeded (R1), provided that they waited for this
   * instance: where that is not known in time, a machine is denied (`view-unproved`). Our own pages have asked Redis itself, and
   * an administrator must be able to stop something while changes cannot be followed: what changes something waits for a moment.
   *
   * @throws GatehouseError `store-unavailable` where something keeps being taken away, of what is no machine
   */
  async function lookAtOnce(look: () => Promise<Found>, isSafe: boolean): Promise<Found> {
    const giveUpAt = systemClock.monotonic() + patienceMs
    for (let looks = 1; ; looks += 1) {
      const found = await look()
      if (found.decision.outcome !== 'permit') return found
      if (found.session === null && found.token === null) return found
      const isMachine = found.facts.resource.kind === 'endpoint'
      const isWhole = !isTaken(found)
      if (isWhole && (isKnown(found) || (isSafe && !isMachine))) return found
      while (!proof.isAwaited && systemClock.monotonic() < giveUpAt)
        await new Promise<void>((resolve) => systemClock.after(pauseMs, resolve))
      // A look that took long by itself, as a first use on a slow disk does, is due a second one.
      if (systemClock.monotonic() < giveUpAt || looks === 1) continue
      if (isMachine) return { ...found, decision: decide({ ...found.facts, viewAgeMs: Infinity }) }
      if (isWhole) return found
      throw new GatehouseError('store-unavailable', 'What is asked for keeps changing.')
    }
  }

  /** Whether whoever acknowledges an end has waited until it was known here, or cannot have done so yet. */
  function isKnown({ asOf }: Found): boolean {
    return proof.isAwaited && systemClock.monotonic() - asOf < settleLimitMs
  }

  /** Whether something that is known here may have been taken away since the look began. */
  function isTaken({ generation, session, token, facts: { grants } }: Found): boolean {
    if (proof.generation === generation) return false
    const changes = proof.changesSince(generation)
    return changes === null || changes.some((change) => takesFrom(change, { session, token, grants }))
  }

  /**
   * A grant whose time begins with its first use is used before anything is let through, and judged anew as it is then. So
   * is one that only so many sessions may use at a time: this one takes a seat, or, where others were faster, what else its
   * holder has counts.
   *
   * @param isUse whether what is asked goes to the machine
   */
  async function judge(asked: Asked, isUse: boolean): Promise<Judged> {
    const begun = new Map<string, Use>()
    const full = new Set<string>()
    for (;;) {
      const { facts: told, freeSeats } = await options.gather(asked)
      const facts = begun.size === 0 && full.size === 0 ? told : corrected(told, begun, full)
      const decision = decide(facts)
      const grant =
        isUse && decision.outcome === 'permit'
          ? facts.grants.find(({ id }) => id === decision.grantId)
          : undefined
      if (grant === undefined) return { facts, decision }
      if (freeSeats.has(grant.id) && !(await takeSeat(grant, asked))) {
        full.add(grant.id)
        continue
      }
      if (grant.conditions.lastsFromFirstUseMs === null) return { facts, decision }
      const { firstUsedAt, until } = await options.beginUse(grant)
      // It was used before, and by now that is on record.
      if (grant.firstUsedAt !== undefined) return { facts, decision }
      begun.set(grant.id, { firstUsedAt, until })
    }
  }

  async function takeSeat(grant: Grant, { session }: Asked): Promise<boolean> {
    const sessionId = session?.id ?? null
    return sessionId !== null && options.seats.take(grant, sessionId)
  }

  function openingsOf(authority: string): ReadonlySet<LenientRequest> {
    const place = options.locate(authority)
    return place?.kind === 'endpoint' ? (place.endpoint?.lenientRequests ?? nothing) : nothing
  }

  function resourceOf(
    place: Place,
    request: NormalisedRequest,
    access: Exclude<OwnAccess, ServiceAccess>,
  ): Facts['resource'] {
    // How long one may use a machine is told to whom may use it, whatever of it is open to them.
    const isTimeLeft = asksTimeLeft(request)
    if (place.kind === 'endpoint' && (isTimeLeft || !request.path.startsWith(ownPathPrefix))) {
      const { endpointId, endpoint } = place
      return machineOf(endpointId, endpoint, isTimeLeft ? null : request)
    }
    return { kind: 'own', access }
  }

  async function tokenOf(access: ServiceAccess, request: NormalisedRequest): Promise<ServiceToken | null> {
    const sent = bearerOf(request)
    return sent === null ? null : options.tokens.identify(sent, { isToStop: access.startsWith('stop:') })
  }

  async function identify(
    place: Place,
    cookies: ReadonlyMap<string, string>,
  ): Promise<{ session: Session | null; pass: Pass | null }> {
    if (place.kind === 'portal') {
      const token = cookies.get(cookieNames.session)
      return { session: token === undefined ? null : await sessions.byToken(token), pass: null }
    }
    const token = cookies.get(cookieNames.pass)
    const found = token === undefined ? null : await sessions.byPassToken(token, place.endpointId)
    return found ?? { session: null, pass: null }
  }

  async function record(admission: Admission): Promise<void> {
    const { id, source, request, place, session, token, decision } = admission
    const [why] = decision.reasons
    if (why !== undefined && why.startsWith('token-') && decision.outcome === 'deny') {
      // Anybody may send as many as they like: tallied, unlike what is asked by somebody who is known.
      const refused = { requestId: id, tokenId: token?.id ?? null, why, source: source.address }
      await options.tokens.recordRefusal(refused)
      return
    }
    await ledger.request(
      {
        event: 'request.decided',
        requestId: id,
        source: source.address,
        kind: request.isUpgrade ? 'websocket' : 'request',
        method: request.method,
        host: request.host,
        path: request.path,
        endpointId: place.kind === 'endpoint' ? place.endpointId : null,
        principalId: session?.principal.id ?? null,
        sessionId: session?.id ?? null,
        grantId: decision.outcome === 'challenge' ? null : decision.grantId,
        tokenId: token?.id,
        outcome: decision.outcome,
        reasons: decision.reasons,
      },
      { mustBeDurable: decision.outcome === 'permit' && (!request.isSafe || request.isUpgrade) },
    )
  }
}

const nobody = { session: null, pass: null }

/** For an instance to come back to following; within half a second whoever asks has an answer (R2). */
const patienceMs = 300
const pauseMs = 10
interface Judged {
  readonly facts: Facts
  readonly decision: Decision
}
interface Found extends Judged, Pick<Admission, 'askedAt' | 'session' | 'pass' | 'token'> {
  /** Of the proof, before anything was read. */
  readonly generation: number
  readonly asOf: number
}

type Use = Pick<Grant, 'firstUsedAt' | 'until'>

/**
 * The copy of this instance may not know of a use yet that it has just begun.
 *
 * @param full ids of grants whose seats others were faster to take
 */
function corrected(told: Facts, begun: ReadonlyMap<string, Use>, full: ReadonlySet<string>): Facts {
  const grants = told.grants.map((held) =>
    held.firstUsedAt === undefined ? { ...held, ...begun.get(held.id) } : held,
  )
  const seat = new Set([...told.fulfilled.seat].filter((id) => !full.has(id)))
  return { ...told, grants, fulfilled: { ...told.fulfilled, seat } }
}

function isServiceAccess(access: OwnAccess): access is ServiceAccess {
  return access === 'service' || access.startsWith('service:') || access.startsWith('stop:')
}

/** What was sent as a token, whatever it is; null where nothing was (RFC 6750 §2.1). */
function bearerOf(request: NormalisedRequest): string | null {
  const field = request.header('authorization')
  return field === null ? null : (/^Bearer +(\S+) *$/i.exec(field)?.[1] ?? '')
}

function callOf(
  access: ServiceAccess,
  call: {
    readonly request: NormalisedRequest
    readonly cookies: ReadonlyMap<string, string>
    readonly token: ServiceToken | null
    readonly source: Source
  },
): Facts['resource'] {
  const { request, cookies, token, source } = call
  const scope = access === 'service' ? null : (scopes.find((each) => access.endsWith(`:${each}`)) ?? null)
  const isOfBrowser =
    cookies.has(cookieNames.session) ||
    ['origin', 'sec-fetch-site'].some((name) => request.header(name) !== null)
  const isSourceOpen =
    token !== null && (token.sources.length === 0 || createTrust(token.sources)(source.address))
  return {
    kind: 'service',
    scope,
    isOfBrowser,
    isTokenSent: request.header('authorization') !== null,
    token: token && { ...token, isSourceOpen },
  }
}

/**
 * Not worth a line in the ledger: our stylesheet and the like, the same for everyone; and what open pages ask again
 * and again, which reaches no machine and tells people what they see anyway. Whoever is refused that is recorded.
 */
function isUnrecorded({ place, request, decision }: Admission): boolean {
  const isAnswered = decision.outcome === 'permit' && (asksTimeLeft(request) || asksHints(place, request))
  return request.path.startsWith(assetPathPrefix) || isAnswered
}

/** Nothing else on that path is answered: what else is sent there asks for a page that does not exist. */
export function asksHints(place: Place, { path, method, isUpgrade }: NormalisedRequest): boolean {
  return place.kind === 'portal' && path === hintsPath && method === 'GET' && !isUpgrade
}

/** Nothing else on that path is judged as the machine's: it would be permitted, recorded as begun, and never end. */
function asksTimeLeft({ path, method, isUpgrade }: NormalisedRequest): boolean {
  return path === timeLeftPath && method === 'GET' && !isUpgrade
}

/**
 * Whether the connection was opened for this host, or for none in particular (RFC 6066 §3). Whatever decided by
 * the name in the handshake, a firewall for one, must have decided about the host that is asked now.
 */
function isNameOf(socket: Socket, host: string): boolean {
  const name = socket instanceof TLSSocket ? socket.servername : null
  return typeof name !== 'string' || name.toLowerCase() === host
}
