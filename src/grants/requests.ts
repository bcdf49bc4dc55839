import {
  describeError,
  GatehouseError,
  idFrom,
  newId,
  systemClock,
  type Change,
  type ChangeLog,
  type Clock,
  type Journal,
  type Keyring,
  type Logger,
  type Store,
  type View,
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
  type Approver,
} from './approval.js'
import { groupsWithin } from './groups.js'
import { unconditional } from './conditions.js'
import type { AccessEvent, AskedAccess, Grants, Requests } from './model.js'
import { openRequestRegister, type Step } from './request-register.js'
import { checkTimes, readReason, readRequest, type EndpointTerms } from './request.js'
import { refusal } from './refusal.js'

export interface RequestsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly vouching: Vouching
  readonly keyring: Keyring
  readonly changes: Pick<ChangeLog, 'addTo' | 'entryOf'>
  readonly view: View
  readonly journal: Journal
  readonly logger: Logger
  /** Resolves when the event is durable. */
  readonly record: (event: AccessEvent) => Promise<void>
  readonly assertFit: () => Promise<void>
  readonly grants: Pick<Grants, 'heldBy' | 'issueOnce'>
  /** As far as we know now; of somebody unknown, none. */
  readonly standingOf: (principalId: string) => Promise<Pick<Approver, 'roles' | 'groups'>>
  readonly endpoints: readonly Pick<Endpoint, 'id' | 'requestable' | 'approval'>[]
  /** Ids of what somebody's company lets them ask for; null where that is as for everybody, which is the default. */
  readonly requestableBy?: (principalId: string) => Promise<ReadonlySet<string> | null>
  readonly maxLengthMs: number
  readonly endpointTerms?: EndpointTerms
  /** As in `Limits`. */
  readonly maxRecurrenceMs?: number
  /** Default: none. */
  readonly endpointGroups?: readonly EndpointGroup[]
}

interface Listed {
  readonly requests: readonly AccessRequest[]
  /** How many the list of those that wait has in Redis, those too that cannot be read. */
  readonly count: number
}

/** As Redis has them in order. */
function byLapse(a: AccessRequest, b: AccessRequest): number {
  return a.lapsesAt - b.lapsesAt || (a.id < b.id ? -1 : 1)
}

const tidyEveryMs = 2_000
/** Each try means that somebody else has agreed in between, and there are never many who have to. */
const triesAtMost = 20
/** For so long we try to find out what became of a write that Redis did not confirm. */
const settleTries = 15
const settlePauseMs = 200

export function createRequests(options: RequestsOptions): Requests {
  const { store, clock, vouching, keyring, changes, view, journal, logger } = options
  const { record, assertFit, grants, endpoints, standingOf } = options
  const register = openRequestRegister({ store, vouching, logger, changes })

  /** @throws GatehouseError `request-conflict` when a machine of it is not configured any more */
  const ruleOf = ({ terms }: Pick<AccessRequest, 'terms'>): ApprovalRule =>
    strictest(
      terms.endpoints.map((id) => {
        const found = endpoints.find((endpoint) => endpoint.id === id)
        if (found) return found.approval
        throw conflict('A machine of this request is no longer behind Gatehouse.')
      }),
    )
  /** Closed where Redis has forgotten the answer, as one that was put back to an earlier state has. */
  const asKnown = (request: AccessRequest): AccessRequest => {
    const { id, outcome, lapsesAt } = request
    if (outcome === null)
      return journal.hasEnded('request', id)
        ? { ...request, outcome: { kind: 'closed', at: journal.since('request', id) ?? clock.now() } }
        : request
    // What has lapsed stays closed by its own time.
    if (outcome.kind !== 'lapsed' && clock.now() < lapsesAt && journal.since('request', id) === null)
      void journal.add('request', id)
    return request
  }
  const find = async (id: string): Promise<AccessRequest | null> => {
    const request = await register.find(id)
    return request === null ? null : asKnown(request)
  }
  const stillOpen = (waiting: readonly AccessRequest[]): AccessRequest[] => {
    const now = clock.now()
    return waiting.map(asKnown).filter((request) => requestState(request, now) === 'open')
  }
  const listWhole = async (): Promise<Listed> => {
    const count = await register.countIndexed()
    return { requests: await register.open(), count }
  }
  /** As the list of grants: what changed is read anew, and all where some have come or gone that no change has named. */
  const relist = async (listed: Listed, changed: readonly Change[]): Promise<Listed> => {
    const named = new Set(changed.flatMap((one) => (one.kind === 'request-changed' ? [one.requestId] : [])))
    if (named.size === 0) return listed
    const others = listed.requests.filter(({ id }) => !named.has(id))
    const renewed = (await register.byIds([...named])).filter(({ outcome }) => outcome === null)
    const count = listed.count + others.length + renewed.length - listed.requests.length
    if ((await register.countIndexed()) !== count) return listWhole()
    return { requests: [...others, ...renewed].sort(byLapse), count }
  }
  const load = async (id: string): Promise<AccessRequest> => {
    const request = await find(id)
    if (request === null) throw new GatehouseError('request-unknown', 'There is no such request.')
    return request
  }
  const checkOpen = (request: AccessRequest): void => {
    const state = requestState(request, clock.now())
    if (state !== 'open') throw conflict(sentences[state])
  }
  const fail = async (requestId: string, attempt: Attempt): Promise<void> =>
    record({ event: 'access.failed', requestId, attempt })
  /** Null where Redis does not answer for that long. */
  const settle = async <T>(step: Step<T>): Promise<boolean | null> => {
    for (let tries = 0; tries < settleTries; tries += 1) {
      const cameAbout = await step.settle().catch(() => null)
      if (cameAbout !== null) return cameAbout
      await new Promise<void>((resolve) => systemClock.after(settlePauseMs, resolve))
    }
    return null
  }
  /**
   * A record that claims what did not happen is followed by one that says so. A write that Redis has not confirmed may
   * have happened all the same: that is found out first, and where it cannot be, the record says no more than that.
   */
  const confirm = async <T>(requestId: string, attempt: Attempt, step: Step<T>): Promise<T> => {
    try {
      return await step.take()
    } catch (error) {
      const cameAbout = await settle(step)
      if (cameAbout === true) return step.done
      const event = cameAbout === null ? 'access.unconfirmed' : 'access.failed'
      await record({ event, requestId, attempt }).catch(() => {
        logger.error('requests: a failure is not on record', { requestId })
      })
      throw error
    }
  }
  /** Of those who have agreed, who may by the rule and the roles of today. */
  const counted = async (request: AccessRequest, rule: ApprovalRule): Promise<number> => {
    const judged = await Promise.all(
      request.approvals.map(async ({ by: actor }) => {
        const standing = actor.kind === 'principal' ? await standingOf(actor.principalId) : { roles: [] }
        return whyNotAnswer(request, { actor, ...standing, hasFreshCode: true }, rule) === null
      }),
    )
    return judged.filter((mayAnswer) => mayAnswer).length
  }
  const issue = async (request: AccessRequest): Promise<void> => {
    if (request.outcome?.kind !== 'approved') return
    const grant = grantOf(request, request.outcome)
    if (clock.now() < grant.until) await grants.issueOnce(grant)
    await register.noteIssued(request.id)
  }
  /** The grant that a crash has left out, where the rule of today would still give it. */
  const finish = async (request: AccessRequest): Promise<void> => {
    const rule = ruleIfAny(request)
    if (rule !== null && (await counted(request, rule)) >= rule.count) return issue(request)
    await fail(request.id, 'granted')
    await register.noteIssued(request.id)
  }
  const ruleIfAny = (request: Pick<AccessRequest, 'terms'>): ApprovalRule | null => {
    try {
      return ruleOf(request)
    } catch {
      return null
    }
  }
  /** It is over by its own time, whoever notices; so only the first who does puts it on record. */
  const lapse = async (request: AccessRequest): Promise<void> => {
    // Known to be answered, by a Redis that was older than the answer.
    if (request.outcome !== null) {
      await register.close(request, request.outcome).take()
      return
    }
    if (requestState(request, clock.now()) !== 'lapsed' || !(await register.claimLapse(request.id))) return
    await record({ event: 'access.lapsed', requestId: request.id })
    const closing = register.close(request, { kind: 'lapsed', at: request.lapsesAt })
    if (!(await confirm(request.id, 'lapsed', closing))) await fail(request.id, 'lapsed')
  }
  /** What fails for one of them is tried again for that one. */
  const forEach = async (
    all: readonly AccessRequest[],
    work: (request: AccessRequest) => Promise<void>,
  ): Promise<void> => {
    for (const request of all)
      await work(request).catch((error: unknown) => {
        logger.warn('requests: one is not tidied up, trying again', {
          requestId: request.id,
          problem: describeError(error),
        })
      })
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
    await journal.add('request', request.id)
    return { ...request, outcome }
  }
  /** Always the same, so that a request that is answered again after a rollback leads to no second grant. */
  const grantIdOf = (id: string): string => idFrom('g', keyring.mac('grant-id', id))
  const requestable: Requests['requestable'] = async (principalId) => {
    const listed = (await options.requestableBy?.(principalId)) ?? null
    const isOffered = ({ id, requestable: whom }: (typeof endpoints)[number]): boolean =>
      listed === null ? whom === 'all' : listed.has(id)
    const open = endpoints.filter(({ requestable: whom }) => whom !== 'none')
    const held = open.every(isOffered) ? [] : await grants.heldBy(principalId)
    const known = new Set(held.flatMap((grant) => grant.endpoints))
    return open.filter((endpoint) => isOffered(endpoint) || known.has(endpoint.id)).map(({ id }) => id)
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
        lastsFromFirstUseMs: read.conditions.lastsFromFirstUseMs,
        needsRelease: false,
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
      if (verdict === 'done') return request
      await fail(request.id, 'requested')
      throw new GatehouseError('request-limit', limitSentences[verdict])
    },

    get: find,

    open: async (part) =>
      stillOpen(await (part === undefined ? register.open() : register.openPart(clock.now(), part))),

    shownOpen: async () => stillOpen((await view.follow('requests', listWhole, relist)).requests),

    countOpen: () => register.countOpen(clock.now()),

    list: async () => (await register.all()).map(asKnown),

    of: async (principalId) => (await register.of(principalId)).map(asKnown),

    counted: (request) => counted(request, ruleOf(request)),

    needed: (request) => (ruleIfAny(request) ?? ruleOfNobody).count,

    mayAnswer: (request, approver) =>
      whyNotAnswer(request, approver, ruleIfAny(request) ?? ruleOfNobody) === null,

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
        const { from, lengthMs, lastsFromFirstUseMs: lasts } = common
        checkTimes({ endpoints: common.endpoints, from, until: from + lengthMs, lasts }, options)
        const grantId = (await counted(request, rule)) + 1 < rule.count ? null : grantIdOf(id)
        const outcome: RequestOutcome | null =
          grantId === null ? null : { kind: 'approved', at, by: actor, grantId, terms: common }
        await record({ event: 'access.approved', requestId: id, terms: approval.terms, grantId, actor })
        const verdict = await confirm(id, 'approved', register.approve(request, approval, outcome))
        if (verdict === 'done') {
          const answered = { ...request, approvals: all, outcome }
          if (outcome !== null) await journal.add('request', id)
          await issue(answered)
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
      checkMayAnswer(request, approver, ruleIfAny(request) ?? ruleOfNobody)
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
      await forEach(await register.unissued(), finish)
      await forEach((await register.due(clock.now())).map(asKnown), lapse)
    },

    async noteClosed(id) {
      // One that cannot be read is none to wait for.
      ;(await register.byIds([id])).forEach(asKnown)
    },

    async closeRevived() {
      const known = await register.byIds(journal.list('request'))
      await forEach(known.filter(({ outcome }) => outcome === null).map(asKnown), lapse)
    },
  }
}

type Attempt = Extract<AccessEvent, { event: 'access.failed' | 'access.unconfirmed' }>['attempt']

/** For a machine that is no longer behind Gatehouse: an administrator may say no, and nothing comes of a yes. */
const ruleOfNobody: ApprovalRule = { by: [], count: 1, lapsesAfterMs: 0 }

const sentences = {
  approved: 'It has been approved already.',
  denied: 'It has been denied already.',
  lapsed: 'Nobody answered in time, so it has lapsed. It can be asked for again.',
  withdrawn: 'It was taken back by who asked.',
  closed: 'It was answered before. Redis came back in a state from before that; the ledger has the answer.',
} as const

const limitSentences = {
  own: '20 of your requests wait for an answer already. Take one back first.',
  often: 'You have asked 100 times within a day. Call your contact at the plant.',
  all: 'Too many requests wait for an answer at the plant. Call your contact there.',
} as const

/** In the words of a grant, whose rules hold for what is asked for too. */
function wantedOf(asked: AskedAccess, email: string, now: number): Record<string, unknown> {
  const { endpoints, groups, reason, ticket, access, lengthMs, lasts } = asked
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
    lasts,
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
    conditions: {
      ...unconditional,
      lastsFromFirstUseMs: terms.lastsFromFirstUseMs,
      needsRelease: terms.needsRelease,
    },
    requestId: request.id,
    issuedBy: by,
    issuedAt: at,
    revocation: null,
  }
}
