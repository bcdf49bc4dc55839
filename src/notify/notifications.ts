import {
  describeError,
  fingerprint,
  type Change,
  type Clock,
  type Logger,
  type Store,
  type Vouching,
} from '../lib/index.js'
import type { AccessRequest, EpochMs, Grant, NoticeKind } from '../model.js'
import { createCourier } from './courier.js'
import { openLease } from './lease.js'
import {
  newsForMs,
  newsOfBreakGlass,
  newsOfGrant,
  newsOfLockdown,
  newsOfRequest,
  newsOfReset,
  type BreakGlassState,
  type LastWord,
  type News,
  type RequestStanding,
  type ResetState,
} from './news.js'
import type { Surroundings } from './letter.js'
import { createMail, mailChannel, type MailServer } from './mail.js'
import type { Channel, Delivery, Notice } from './notice.js'
import { openQueue } from './queue.js'
import { channelOf, createWebhook } from './webhook.js'

/** Tells people and systems what has happened. Nobody's access ever waits for it. */
export interface Notifications {
  /** To be told of each change that was followed. Does not wait, and does not throw. */
  noteChange(change: Change): void
  close(): Promise<void>
}

export interface WebhookTarget {
  readonly url: URL
  readonly secret: Buffer
  /** What it is told of. */
  readonly events: readonly NoticeKind[]
}

export interface NotificationsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly logger: Logger
  readonly vouching: Vouching
  /** Of one attempt. */
  readonly timeoutMs: number
  readonly webhooks: readonly WebhookTarget[]
  /** Null where nobody is told by e-mail. */
  readonly smtp:
    | (MailServer & {
        /** Told of lockdowns and break-glass. */
        readonly administrators: readonly string[]
        /** Told of every request, besides who may answer it. */
        readonly approvers: readonly string[]
      })
    | null
  readonly plant: Surroundings
  readonly grants: {
    get(id: string): Promise<Grant | null>
    endingAfter(instant: EpochMs): Promise<readonly Grant[]>
  }
  readonly requests: {
    get(id: string): Promise<AccessRequest | null>
    /** Those that wait for an answer, and those that were answered lately. */
    list(): Promise<readonly AccessRequest[]>
    /** Of one that waits. */
    standingOf(request: AccessRequest): Promise<RequestStanding>
    /** The e-mail addresses of those who may answer it now. */
    approversOf(request: AccessRequest): Promise<readonly string[]>
  }
  readonly resets: {
    /** Those that wait for a second administrator, and those that were answered lately. */
    list(): Promise<readonly ResetState[]>
    /** The e-mail addresses of those who may confirm it now. */
    confirmersOf(reset: ResetState): Promise<readonly string[]>
  }
  readonly lastWords: () => Promise<readonly LastWord[]>
  readonly breakGlass: () => Promise<readonly BreakGlassState[]>
}

const tickMs = 1_000
const lookMs = 60_000
const rememberedAtMost = 100_000

/**
 * What is told is found in the state itself: each minute, and after each change, one instance looks at grants, lockdowns and
 * break-glass, and queues what has not been told yet. So a crash, or a command that ran while no instance did, delays a
 * message and loses none (docs/decisions/0022).
 */
export function startNotifications(options: NotificationsOptions): Notifications {
  const { store, clock, logger, vouching, timeoutMs, webhooks, smtp, plant, grants, requests } = options
  const queue = openQueue({ store, clock, logger, vouching })
  const lease = openLease(store)
  const channels: Channel[] = [
    ...(smtp === null ? [] : [createMail({ server: smtp, plant, timeoutMs, clock })]),
    ...webhooks.map(({ url, secret }) => createWebhook({ url, secret, timeoutMs, clock })),
  ]
  let isHeld = false
  let isClosed = false
  let isLooking = false
  let lookedAt = -Infinity
  let lastProblem = ''
  const failed = (error: unknown): void => {
    const problem = describeError(error)
    // Once for each trouble, and not each second while Redis is away.
    if (problem !== lastProblem) logger.error('notifications: cannot go on for now', { problem })
    lastProblem = problem
  }
  const courier = createCourier({
    ...{ queue, channels, clock, logger },
    mayGoOn: () => isHeld && !isClosed,
    onFailure: failed,
  })

  /** What this process knows to be told, so that it asks Redis once about each. */
  const told = new Set<string>()
  const tell = async (
    news: readonly News[],
    readersOf: (notice: Notice) => readonly string[] | Promise<readonly string[]> = readersByNotice,
  ): Promise<void> => {
    for (const item of news) {
      const name = `${item.subject} ${item.mark}`
      if (told.has(name)) continue
      // Whoever has the lease now tells it; both would have it sent twice.
      if (!isHeld || isClosed) throw new Error('another instance sends notifications now')
      const { notice } = item
      const readers = notice === null || smtp === null ? [] : await readersOf(notice)
      await queue.tell(item, notice === null ? [] : deliveriesOf(name, notice, readers, options))
      if (told.size >= rememberedAtMost) told.clear()
      told.add(name)
    }
  }
  const readersByNotice = (notice: Notice): readonly string[] => {
    // Who asked is told with the approval what was given.
    if ('to' in notice) return notice.kind === 'grant.issued' && notice.requestId !== null ? [] : [notice.to]
    return 'askedAt' in notice ? [notice.email] : (smtp?.administrators ?? [])
  }
  const lookAtRequest = async (request: AccessRequest, since: EpochMs): Promise<void> => {
    const isHalfway = request.outcome === null && request.approvals.length > 0
    const standing = isHalfway ? await requests.standingOf(request) : null
    return tell(newsOfRequest(request, standing, clock.now(), since), async (notice) =>
      notice.kind === 'access.requested' || notice.kind === 'access.withdrawn'
        ? [...new Set([...(smtp?.approvers ?? []), ...(await requests.approversOf(request))])]
        : readersByNotice(notice),
    )
  }
  const lookAtLockdowns = async (since: EpochMs): Promise<void> => {
    for (const word of await options.lastWords()) await tell(newsOfLockdown(word, clock.now(), since))
  }
  const lookAtBreakGlass = async (since: EpochMs): Promise<void> => {
    for (const entry of await options.breakGlass()) await tell(newsOfBreakGlass(entry, clock.now(), since))
  }
  const lookAtResets = async (since: EpochMs): Promise<void> => {
    for (const reset of await options.resets.list())
      await tell([newsOfReset(reset, clock.now(), since)], async () =>
        reset.outcome === null ? options.resets.confirmersOf(reset) : proposerOf(reset),
      )
  }
  const lookAtAll = async (): Promise<void> => {
    const since = await queue.since()
    for (const request of await requests.list()) await lookAtRequest(request, since)
    for (const grant of await grants.endingAfter(clock.now() - newsForMs))
      await tell(newsOfGrant(grant, clock.now(), since))
    await lookAtLockdowns(since)
    await lookAtBreakGlass(since)
    await lookAtResets(since)
    await queue.tidy(channels.map(({ name }) => name))
  }
  const lookAt = async (change: Change): Promise<void> => {
    const since = await queue.since()
    if ('grantId' in change) {
      const grant = await grants.get(change.grantId)
      if (grant !== null) await tell(newsOfGrant(grant, clock.now(), since))
    } else if ('requestId' in change) {
      const request = await requests.get(change.requestId)
      if (request !== null) await lookAtRequest(request, since)
    } else if (change.kind === 'lockdown-changed') await lookAtLockdowns(since)
    else if (change.kind === 'break-glass-issued') await lookAtBreakGlass(since)
    else if ('proposalId' in change) await lookAtResets(since)
  }

  /** One after the other, so that what is told of one grant is told in order. */
  let queued: Promise<void> = Promise.resolve()
  const inTurn = (work: () => Promise<void>): Promise<void> => {
    queued = queued.then(async () => {
      if (isClosed) return
      await work().then(() => {
        lastProblem = ''
      }, failed)
    })
    return queued
  }
  const look = async (): Promise<void> => {
    if (!isHeld || clock.monotonic() < lookedAt + lookMs) return
    lookedAt = clock.monotonic()
    await lookAtAll()
  }
  const tick = async (): Promise<void> => {
    isHeld = await lease.hold().catch((error: unknown) => {
      failed(error)
      return false
    })
    if (!isHeld) lookedAt = -Infinity
    // Neither is waited for. A look may take longer than the lease lasts, which is held on to meanwhile; and a slow
    // receiver must not keep us from what has to be told to others.
    else if (!isLooking) {
      isLooking = true
      void inTurn(look).then(() => {
        isLooking = false
        if (isHeld && !isClosed) void courier.carry()
      })
    }
    if (isHeld && !isClosed) void courier.carry()
  }
  let timer = clock.after(0, function next() {
    void tick().finally(() => {
      if (!isClosed) timer = clock.after(tickMs, next)
    })
  })

  return {
    noteChange: (change) => {
      if (!isHeld || isClosed) return
      void inTurn(() => lookAt(change)).then(() => {
        if (isHeld && !isClosed) void courier.carry()
      })
    },
    close: async () => {
      isClosed = true
      timer.cancel()
      await courier.close()
      await queued
      if (isHeld) await lease.release().catch(failed)
    },
  }
}

/** Who has taken their own back knows. */
function proposerOf({ by, outcome }: ResetState): readonly string[] {
  if (by.kind !== 'principal' || by.email === null) return []
  const isOwn = outcome?.by.kind === 'principal' && outcome.by.principalId === by.principalId
  return isOwn ? [] : [by.email]
}

/** Ids follow from what is told and to whom: were a mark lost, receivers would know the message again. */
function deliveriesOf(
  name: string,
  notice: Notice,
  readers: readonly string[],
  { webhooks, clock }: NotificationsOptions,
): Delivery[] {
  const make = (channel: string, to: string): Delivery => ({
    id: `n-${fingerprint(`${name}\n${channel}\n${to}`).slice(0, 22)}`,
    ...{ channel, to, notice, madeAt: clock.now(), retriedAt: null },
    attempts: 0,
    problem: null,
  })
  return [
    ...readers.map((address) => make(mailChannel, address)),
    ...webhooks
      .filter(({ events }) => events.includes(notice.kind))
      .map(({ url }) => make(channelOf(url), '')),
  ]
}
