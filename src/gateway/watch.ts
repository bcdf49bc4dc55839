import { cutCauses, type CutCause, type EndingLimits, type EpochMs, type Grant } from '../model.js'
import { covers, grantState, isDraining, phasesOf, spanAt } from '../policy/index.js'
import {
  describeError,
  systemClock,
  type Change,
  type ChangeLog,
  type Clock,
  type Endable,
  type Journal,
  type Logger,
  type Timer,
} from '../lib/index.js'
import type { StreamInfo, Streams } from '../dataplane/index.js'
import {
  scopeOf,
  type Grants,
  type Lockdowns,
  type Releases,
  type Requests,
  type Seats,
} from '../grants/index.js'
import type { BreakGlass, Resets, SecondFactor, ServiceTokens } from '../identity/index.js'
import type { Sessions } from '../sessions/index.js'

const lookMs = 400
const blindMs = 4_100
const retellMs = 1_000
/** For who has reset a second factor to end the sessions, on record; shorter than what is on its way for the journal. */
const endingsTakeMs = 4_000
/** Which second factor a session was proved with is told by two clocks. */
const clocksApartMs = 5_000

export interface WatchOptions {
  readonly clock: Clock
  readonly logger: Logger
  readonly changes: ChangeLog
  readonly journal: Journal
  readonly streams: Streams
  readonly sessions: Sessions
  readonly grants: Grants
  readonly lockdowns: Lockdowns
  readonly releases: Pick<Releases, 'given' | 'noteWithdrawn' | 'withdrawRevived'>
  readonly seats: Pick<Seats, 'without'>
  readonly requests: Pick<Requests, 'noteClosed' | 'closeRevived'>
  readonly secondFactor: Pick<SecondFactor, 'noteReset' | 'finishResets'>
  readonly resets: Pick<Resets, 'noteAnswered' | 'closeAnswered'>
  readonly breakGlass: Pick<BreakGlass, 'withdrawRevived'>
  readonly tokens: Pick<ServiceTokens, 'note' | 'revokeRevived'>
  readonly endings: EndingLimits
  /** To hear of each change once it has had its effect here. Must not throw, and is not waited for. */
  readonly onChange?: (change: Change) => void
}

/**
 * Ends what is open when the right to it ends, whichever instance or command ended it. Deadlines need no
 * watching, each stream carries its own; this is for what nobody could know when the stream began.
 */
export async function watchChanges(options: WatchOptions): Promise<{ close(): Promise<void> }> {
  const stopLooking = cutWhenBlind(options)
  let untold: Timer | null = null
  let isClosed = false
  /** What Redis was not told when it was stopped, it is told as soon as it answers. */
  const tellRedis = (): void => {
    untold ??= systemClock.after(retellMs, () => {
      untold = null
      repair().catch(tellRedis)
    })
  }
  const stopListening = options.journal.follow((kind, id) => {
    if (kind === 'session-owed') endLater()
    else tellRedis()
    cutEnded(kind, id, options)
  })
  const {
    streams,
    sessions,
    grants,
    lockdowns,
    releases,
    requests,
    secondFactor,
    resets,
    tokens,
    breakGlass,
    logger,
  } = options

  const left = new Set<Timer>()
  /** Time for who has asked for it to end the sessions as theirs, or for another instance. */
  const endLater = (): void => {
    if (isClosed) return
    const timer = systemClock.after(endingsTakeMs, () => {
      left.delete(timer)
      endRevived().catch((error: unknown) => {
        logger.warn('watch: sessions are not ended in Redis yet', { problem: describeError(error) })
        tellRedis()
      })
    })
    left.add(timer)
  }
  const endRevived = async (): Promise<void> => {
    if (!(await sessions.endRevived())) endLater()
  }
  /** What was open with a second factor that is gone is over here at once, and in Redis too if nobody else comes to it. */
  const endOpened = async (principalId: string, at: EpochMs): Promise<void> => {
    const ids = await sessions.openedBy(principalId, { begunUntil: at, provedUntil: at + clocksApartMs })
    if (ids.length === 0) return
    void sessions.noteOwed(ids) // nobody who waits for us to follow need wait for the disk
    const cut = streams.cut(({ sessionId }) => ids.includes(sessionId), 'second-factor-reset')
    logger.info('second factor reset', { principalId, sessionIds: ids, cut })
    endLater()
  }
  /** Whose sessions could not be read when the change came, and since when their second factor is gone. */
  const owed = new Map<string, EpochMs>()
  const endOwed = async (): Promise<void> => {
    for (const [principalId, at] of owed) {
      await endOpened(principalId, at)
      owed.delete(principalId)
    }
  }

  const apply = async (change: Change): Promise<void> => {
    if (change.kind === 'session-ended') {
      const cut = streams.cut((stream) => stream.sessionId === change.sessionId, causeOf(change.cause))
      logger.info('session ended', { sessionId: change.sessionId, cut })
      void sessions.noteEnded(change.sessionId) // nobody who waits for us to follow need wait for the disk
    } else if (change.kind === 'grant-revoked') {
      const cut = streams.cut((stream) => stream.grantId === change.grantId, 'grant-revoked')
      logger.info('grant revoked', { grantId: change.grantId, cut })
      void grants.noteRevoked(change.grantId)
    } else if (change.kind === 'release-withdrawn') {
      const { grantId, sessionId, at } = change
      const isOf = (stream: StreamInfo): boolean =>
        stream.grantId === grantId && stream.sessionId === sessionId
      const cut = streams.cut(isOf, 'release-withdrawn')
      logger.info('release withdrawn', { grantId, sessionId, cut })
      void releases.noteWithdrawn(grantId, sessionId, at)
    } else if (change.kind === 'grant-used') {
      void grants.noteUsed(change.grantId, change.at)
      const grant = await grants.get(change.grantId)
      if (grant) moveEnds(grant, options)
    } else if (change.kind === 'second-factor-reset') {
      void secondFactor.noteReset(change.print)
      if (change.principalId !== undefined) {
        owed.set(change.principalId, change.at ?? options.clock.now())
        await endOwed()
      }
    } else if (change.kind === 'reset-answered') {
      void resets.noteAnswered(change.proposalId)
    } else if (change.kind === 'token-changed') {
      await tokens.note()
    } else if (change.kind === 'request-changed') {
      await requests.noteClosed(change.requestId)
    } else if (change.kind === 'lockdown-changed') {
      const cut = await cutLockedDown(options)
      logger.warn('lockdown changed', { scope: change.scope, cut })
      await lockdowns.note(change.scope)
    } else if (change.kind === 'break-glass-issued') {
      logger.error('break-glass: somebody may sign in without the identity provider', {
        sessionId: change.sessionId,
      })
    } else if (change.kind === 'grant-extended') {
      const grant = await grants.get(change.grantId)
      if (grant) moveEnds(grant, options)
    }
  }

  const repair = async (): Promise<void> => {
    await lockdowns.restore()
    await grants.revokeRevived()
    await grants.restoreUses()
    await endOwed()
    await endRevived()
    await breakGlass.withdrawRevived()
    await releases.withdrawRevived()
    await tokens.revokeRevived()
    await requests.closeRevived()
    await resets.closeAnswered()
    await secondFactor.finishResets()
  }
  const restore = async (): Promise<void> => {
    // What the journal knows counts already; Redis is told afterwards.
    await recheckAll(options)
    await repair()
  }

  const onChange = async (change: Change): Promise<void> => {
    await apply(change)
    options.onChange?.(change)
  }
  const follower = await options.changes.follow({ onChange, onDoubt: restore })
  return {
    close: async () => {
      isClosed = true
      stopLooking()
      stopListening()
      untold?.cancel()
      for (const timer of left) timer.cancel()
      await follower.close()
    },
  }
}

/** Every stream that a lockdown in force covers. */
async function cutLockedDown({ streams, lockdowns }: WatchOptions): Promise<number> {
  const inForce = await lockdowns.inForce()
  const isCovered = ({ endpointId, principalId: id, email }: StreamInfo): boolean =>
    inForce.some(({ scope }) => covers(scope, endpointId, { id, email }))
  return streams.cut(isCovered, 'lockdown')
}

/** Promise R7: what a command on this host has ended while Redis may be away. */
function cutEnded(kind: Endable, id: string, { streams, logger }: WatchOptions): void {
  // The sessions of a person whose second factor is void have ends of their own, and neither a token, a request nor a proposal opens
  // anything. Of a first use the grant itself says when it ends.
  if (kind === 'second-factor' || kind === 'token' || kind === 'request' || kind === 'first-use') return
  if (kind === 'reset') return
  const scope = kind === 'lockdown' ? scopeOf(id) : null
  const isEnded = ({ grantId, sessionId, endpointId, principalId, email }: StreamInfo): boolean => {
    if (kind === 'grant') return grantId === id
    if (kind === 'session' || kind === 'session-owed') return sessionId === id
    if (kind === 'release') return id === `${grantId} ${sessionId}`
    return scope !== null && covers(scope, endpointId, { id: principalId, email })
  }
  const causes = {
    grant: 'grant-revoked',
    session: 'session-killed',
    'session-owed': 'second-factor-reset',
    lockdown: 'lockdown',
    release: 'release-withdrawn',
  } as const
  const cut = streams.cut(isEnded, causes[kind])
  if (cut > 0) logger.warn('ended by a command on this host, without Redis', { kind, id, cut })
}

/**
 * Promise R2: what an instance cannot prove any more to be right is cut within five seconds. Two looks in a row,
 * so that a busy moment of ours, after which an answer that has long arrived is only read, is no reason to.
 */
function cutWhenBlind({ changes, streams, logger }: WatchOptions): () => void {
  let wasBlind = false
  const look = (): void => {
    const isBlind = changes.proof.blindMs > blindMs
    next = systemClock.after(lookMs, look)
    if (isBlind && wasBlind) {
      try {
        const cut = streams.cut(() => true, 'state-stale')
        if (cut > 0) logger.error('changes cannot be followed: cut all that was open', { cut })
      } catch (error) {
        logger.error('changes cannot be followed, and not all was cut cleanly', {
          problem: describeError(error),
        })
      }
    }
    wasBlind = isBlind
  }
  let next = systemClock.after(lookMs, look)
  return () => {
    next.cancel()
  }
}

/**
 * Looks afresh at the right behind every open stream, as if each were asked for now.
 *
 * A request that is still being admitted has read its facts before the doubt, or while it began, and cannot
 * be looked at yet: it is cut as it opens. Whoever asks from here on reads what is true now.
 */
async function recheckAll(options: WatchOptions): Promise<void> {
  const { streams, sessions, grants, logger } = options
  const open = streams.list()
  const suspects = new Set(open.map((stream) => stream.id))
  streams.cut((stream) => !suspects.has(stream.id), 'state-stale')
  if (open.length === 0) return
  logger.info('re-checking all open streams', { count: open.length })
  // All at once: one after the other, they would take so long that all would be cut for being blind.
  const sessionsFound = await sessions.byIds([...new Set(open.map(({ sessionId }) => sessionId))])
  const liveSessions = new Set(sessionsFound.flatMap((session) => session?.id ?? []))
  const grantsFound = await grants.byIds([...new Set(open.map(({ grantId }) => grantId))])
  const liveGrants = new Map(
    grantsFound.filter((grant) => mayGoOn(grant, options)).map((grant) => [grant.id, grant]),
  )
  const cutSuspects = (hasLost: (stream: StreamInfo) => boolean, cause: CutCause): number =>
    streams.cut((stream) => suspects.has(stream.id) && hasLost(stream), cause)
  cutSuspects((stream) => !liveSessions.has(stream.sessionId), 'session-ended')
  cutSuspects((stream) => stream.kind !== 'hints' && !liveGrants.has(stream.grantId), 'grant-revoked')
  const asking = [...liveGrants.values()].filter(({ conditions }) => conditions.needsRelease)
  const released = new Set(
    (await options.releases.given(asking)).map(({ grantId, sessionId }) => `${grantId} ${sessionId}`),
  )
  const isAsking = new Set(asking.map(({ id }) => id))
  cutSuspects(
    ({ grantId, sessionId }) => isAsking.has(grantId) && !released.has(`${grantId} ${sessionId}`),
    'release-withdrawn',
  )
  const limited = open.filter(({ grantId }) => liveGrants.get(grantId)?.conditions.maxSessions != null)
  const seatless = new Set((await options.seats.without(limited)).map(({ id }) => id))
  // Redis may have forgotten the seat, and somebody else have taken it since.
  cutSuspects(({ id }) => seatless.has(id), 'state-stale')
  await cutLockedDown(options)
  for (const grant of liveGrants.values()) moveEnds(grant, options)
}

/** Whether anything that the grant has opened may still be open, if only to finish. */
function mayGoOn(grant: Grant, { clock, endings }: WatchOptions): boolean {
  const now = clock.now()
  return grantState(grant, now) === 'grant-active' || isDraining(grant, now, endings)
}

/** Each stream ends, and may do no more than look, when its grant says so now. */
function moveEnds(grant: Grant, { clock, streams, endings }: WatchOptions): void {
  const now = clock.now()
  const { viewOnlyFrom, drainsUntil } = phasesOf(grant, endings, now)
  const isOf = (kind: StreamInfo['kind']) => (stream: StreamInfo) =>
    stream.grantId === grant.id && stream.kind === kind
  streams.moveDeadline(isOf('request'), drainsUntil)
  streams.moveDeadline(isOf('websocket'), spanAt(grant, now).until)
  streams.moveViewOnly((stream) => stream.grantId === grant.id, viewOnlyFrom)
}

function causeOf(text: string): CutCause {
  return cutCauses.find((cause) => cause === text) ?? 'session-ended'
}
