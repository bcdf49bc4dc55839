import {
  describeError,
  GatehouseError,
  newId,
  type ChangeLog,
  type Clock,
  type Logger,
  type Store,
  type Vouching,
} from '../lib/index.js'
import type {
  AccessRequest,
  Actor,
  Approval,
  ApprovalRule,
  Endpoint,
  EndpointGroup,
  Grant,
  RequestOutcome,
} from '../model.js'
import {
  agreed,
  checkApprover,
  checkMayAnswer,
  conflict,
  narrow,
  requestState,
  strictest,
  whyNotAnswer,
} from './approval.js'
import { groupsWithin } from './groups.js'
import { unconditional } from './conditions.js'
import type { AccessEvent, AskedAccess, Grants, Requests } from './model.js'
import { openRequestRegister } from './request-register.js'
import { checkLength, longestFor, readReason, readRequest, type EndpointTerms } from './request.js'
import { refusal } from './refusal.js'

export interface RequestsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly changes: Pick<ChangeLog, 'addTo'>
  readonly vouching: Vouching
  readonly logger: Logger
  /** Resolves when the event is durable. */
  readonly record: (event: AccessEvent) => Promise<void>
  readonly assertFit: () => Promise<void>
  readonly grants: Pick<Grants, 'heldBy' | 'issueOnce'>
  readonly endpoints: readonly Pick<Endpoint, 'id' | 'requestable' | 'approval'>[]
  readonly maxLengthMs: number
  readonly endpointTerms?: EndpointTerms
  /** Default: none. */
  readonly endpointGroups?: readonly EndpointGroup[]
}

const tidyEveryMs = 2_000
/** Each try means that somebody else has agreed in between, and there are never many who have to. */
const triesAtMost = 20

export function createRequests(options: RequestsOptions): Requests {
  const { store, clock, vouching, logger, record, assertFit, grants, endpoints } = options
  const register = openRequestRegister({ store, vouching, logger })

  /** @throws GatehouseError `request-conflict` when a machine of it is not configured any more */
  const ruleOf = ({ terms }: Pick<AccessRequest, 'terms'>): ApprovalRule =>
    strictest(
      terms.endpoints.map((id) => {
        const found = endpoints.find((endpoint) => endpoint.id === id)
        if (found) return found.approval
        throw conflict('A machine of this request is no longer behind Gatehouse.')
      }),
    )
  const load = async (id: string): Promise<AccessRequest> => {
    const request = await register.find(id)
    if (request === null) throw new GatehouseError('request-unknown', 'There is no such request.')
    return request
  }
  const checkOpen = (request: AccessRequest): void => {
    const state = requestState(request, clock.now())
    if (state !== 'open') throw conflict(sentences[state])
  }
  /** For who wants to know at once; whoever does not hear of it finds it in the state. */
  const announce = async (requestId: string): Promise<void> => {
    await store
      .transaction((multi) => {
        options.changes.addTo(multi, { kind: 'request-changed', requestId })
      })
      .catch((error: unknown) => {
        logger.warn('requests: a change was not announced', { requestId, problem: describeError(error) })
      })
  }
  const fail = async (requestId: string, attempt: Attempt): Promise<void> =>
    record({ event: 'access.failed', requestId, attempt })
  /** A record that claims what did not happen is followed by one that says so. */
  const confirm = async <T>(id: string, attempt: Attempt, write: Promise<T>): Promise<T> =>
    write.catch(async (error: unknown) => {
      await fail(id, attempt).catch(() => {
        logger.error('requests: a failure is not on record', { requestId: id })
      })
      throw error
    })
  /** The grant that an approved request leads to, which a crash may have left out. */
  const finish = async (request: AccessRequest): Promise<void> => {
    if (request.outcome?.kind !== 'approved') return
    const grant = grantOf(request, request.outcome)
    if (clock.now() < grant.until) await grants.issueOnce(grant)
    await register.noteIssued(request.id)
  }
  const closeAs = async (
    request: AccessRequest,
    attempt: 'denied' | 'withdrawn',
    event: AccessEvent,
    outcome: RequestOutcome,
  ): Promise<AccessRequest> => {
    checkOpen(request)
    await record(event)
    if (!(await confirm(request.id, attempt, register.close(request, outcome)))) {
      await fail(request.id, attempt)
      throw conflict('Somebody else has answered it at this very moment.')
    }
    await announce(request.id)
    return { ...request, outcome }
  }
  const requestable: Requests['requestable'] = async (principalId) => {
    const held = endpoints.some((endpoint) => endpoint.requestable === 'invited')
      ? await grants.heldBy(principalId)
      : []
    const known = new Set(held.flatMap((grant) => grant.endpoints))
    return endpoints
      .filter(({ id, requestable: whom }) => whom === 'all' || (whom === 'invited' && known.has(id)))
      .map(({ id }) => id)
  }

  return {
    requestable,

    async ask(asked, principal) {
      const { email } = principal
      if (email === null)
        throw refusal('to', 'your identity provider has not confirmed an e-mail address for you')
      const now = clock.now()
      // What may not be asked for is answered like what does not exist.
      const endpointIds = new Set(await requestable(principal.id))
      const endpointGroups = groupsWithin(options.endpointGroups ?? [], endpointIds)
      const limits = { ...options, endpointIds, endpointGroups, clock: { now: () => now } }
      const { reason, ticket, ...read } = readRequest(wantedOf(asked, email, now), limits)
      const terms = {
        endpoints: read.endpoints,
        access: read.access,
        from: asked.from === null ? null : read.from,
        lengthMs: read.until - read.from,
      }
      const request: AccessRequest = {
        id: newId('q'),
        by: { principalId: principal.id, email, name: principal.name },
        ...{ terms, reason, ticket },
        askedAt: now,
        lapsesAt: now + ruleOf({ terms }).lapsesAfterMs,
        approvals: [],
        outcome: null,
      }
      await assertFit()
      const { approvals: _, outcome: __, ...event } = request
      const actor: Actor = { kind: 'principal', principalId: principal.id, email }
      await record({ event: 'access.requested', request: event, actor })
      const verdict = await confirm(request.id, 'requested', register.add(request))
      if (verdict === 'done') {
        await announce(request.id)
        return request
      }
      await fail(request.id, 'requested')
      throw new GatehouseError('request-limit', limitSentences[verdict])
    },

    get: (id) => register.find(id),

    async open() {
      const now = clock.now()
      const waiting = await register.open()
      return waiting.filter((request) => requestState(request, now) === 'open')
    },

    list: () => register.all(),

    of: (principalId) => register.of(principalId),

    needed: (request) => ruleOf(request).count,

    mayAnswer: (request, approver) => whyNotAnswer(request, approver, ruleOf(request)) === null,

    async approve(id, approver, less) {
      await assertFit()
      for (let tries = 0; tries < triesAtMost; tries += 1) {
        const request = await load(id)
        checkOpen(request)
        const rule = ruleOf(request)
        checkApprover(request, approver, rule)
        const { actor } = approver
        const at = clock.now()
        const approval: Approval = { by: actor, at, terms: narrow(request.terms, less) }
        const all = [...request.approvals, approval]
        const common = agreed(all, at)
        // The configuration may have become stricter since it was asked for.
        const longest = longestFor(common.endpoints, options.maxLengthMs, options.endpointTerms ?? new Map())
        checkLength(common.from, common.from + common.lengthMs, longest)
        const outcome: RequestOutcome | null =
          all.length < rule.count
            ? null
            : { kind: 'approved', at, by: actor, grantId: newId('g'), terms: common }
        const grantId = outcome === null ? null : outcome.grantId
        await record({ event: 'access.approved', requestId: id, terms: approval.terms, grantId, actor })
        const verdict = await confirm(id, 'approved', register.approve(request, approval, outcome))
        if (verdict === 'done') {
          const answered = { ...request, approvals: all, outcome }
          await finish(answered)
          await announce(id)
          return answered
        }
        await fail(id, 'approved')
        if (verdict === 'late') throw conflict(sentences.lapsed)
      }
      throw conflict('Others have answered it at this very moment. Look again.')
    },

    async deny(id, approver, reason) {
      const why = readReason(reason)
      const request = await load(id)
      checkMayAnswer(request, approver, ruleOf(request))
      const { actor } = approver
      return closeAs(
        request,
        'denied',
        { event: 'access.denied', requestId: id, reason: why, actor },
        { kind: 'denied', at: clock.now(), by: actor, reason: why },
      )
    },

    async withdraw(id, principal) {
      const request = await load(id)
      // As if it were not there: nobody need learn what others ask for.
      if (request.by.principalId !== principal.id)
        throw new GatehouseError('request-unknown', 'There is no such request.')
      const actor: Actor = { kind: 'principal', principalId: principal.id, email: principal.email }
      return closeAs(
        request,
        'withdrawn',
        { event: 'access.withdrawn', requestId: id, actor },
        { kind: 'withdrawn', at: clock.now() },
      )
    },

    begin() {
      let isStopped = false
      let timer = { cancel: (): void => undefined }
      const round = async (): Promise<void> => {
        await this.tidy().catch((error: unknown) => {
          logger.warn('requests: not tidied up, trying again', { problem: describeError(error) })
        })
        if (!isStopped) timer = clock.after(tidyEveryMs, () => void round())
      }
      void round()
      return () => {
        isStopped = true
        timer.cancel()
      }
    },

    async tidy() {
      for (const request of await register.unissued()) await finish(request)
      const now = clock.now()
      for (const request of await register.due(now)) {
        if (requestState(request, now) !== 'lapsed') continue
        // It is over by its own time, whoever notices; so only the first who does puts it on record.
        const isFirst = await register.close(request, { kind: 'lapsed', at: request.lapsesAt })
        if (!isFirst) continue
        await record({ event: 'access.lapsed', requestId: request.id })
        await announce(request.id)
      }
    },
  }
}

type Attempt = Extract<AccessEvent, { event: 'access.failed' }>['attempt']

const sentences = {
  approved: 'It has been approved already.',
  denied: 'It has been denied already.',
  lapsed: 'Nobody answered in time, so it has lapsed. It can be asked for again.',
  withdrawn: 'It was taken back by who asked.',
} as const

const limitSentences = {
  own: '20 of your requests wait for an answer already. Take one back first.',
  often: 'You have asked 100 times within a day. Call your contact at the plant.',
  all: 'Too many requests wait for an answer at the plant. Call your contact there.',
} as const

/** In the words of a grant, whose rules hold for what is asked for too. */
function wantedOf(asked: AskedAccess, email: string, now: number): Record<string, unknown> {
  const { endpoints, groups, reason, ticket, access, lengthMs } = asked
  const from = asked.from ?? now
  if (asked.from === null && typeof lengthMs !== 'number') throw refusal('length', 'must be chosen')
  const isLength = typeof lengthMs === 'number' && Number.isSafeInteger(lengthMs) && typeof from === 'number'
  const until = isLength ? from + lengthMs : asked.until
  return {
    to: email,
    endpoints,
    groups,
    from,
    until,
    reason,
    ticket,
    ...(access === undefined ? {} : { access }),
  }
}

function grantOf(
  request: AccessRequest,
  { at, by, grantId, terms }: Extract<RequestOutcome, { kind: 'approved' }>,
): Grant & { to: { principalId: string } } {
  return {
    id: grantId,
    to: { email: request.by.email, principalId: request.by.principalId },
    endpoints: terms.endpoints,
    access: terms.access,
    from: terms.from,
    until: terms.from + terms.lengthMs,
    reason: request.reason,
    ticket: request.ticket,
    ending: 'cut',
    conditions: unconditional,
    requestId: request.id,
    issuedBy: by,
    issuedAt: at,
    revocation: null,
  }
}
