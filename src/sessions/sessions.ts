import {
  describeError,
  fingerprint,
  GatehouseError,
  indexTooLong,
  isToken,
  newId,
  newToken,
  stoppedHereOnly,
  type ChangeLog,
  type Clock,
  type Indexed,
  type Journal,
  type Keyring,
  type Logger,
  type Store,
  type View,
  type Vouching,
} from '../lib/index.js'
import type { Actor, Pass, Session } from '../model.js'
import { createHandoverCodes } from './handover.js'
import type { ProviderLogout, SessionEvent, Sessions } from './model.js'
import { indexes, openVault } from './vault.js'

export interface SessionsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly changes: ChangeLog
  readonly view: View
  readonly journal: Journal
  readonly vouching: Vouching
  readonly keyring: Keyring
  readonly logger: Logger
  /** Resolves when the event is durable. */
  readonly record: (event: SessionEvent) => Promise<void>
  readonly maxLengthMs: number
}

const gateway: Actor = { kind: 'gateway' }
const listedAtMost = 1_000
const endedAtOnce = 100
const sessionIdShape = /^s-[0-9a-z]{16}$/
/** How long Redis keeps what has ended by our clock: its own may be wrong by hours. */
const tidyUpMs = 24 * 3_600_000
/** For an instance that has said so to put the end of a session on record; then another one does. */
const endingTakesMs = 5_000

export function createSessions(options: SessionsOptions): Sessions {
  const { store, clock, changes, view, journal, vouching, keyring, logger, record, maxLengthMs } = options
  const vault = openVault({ store, changes, vouching, logger, keptMs: maxLengthMs + tidyUpMs })
  const codes = createHandoverCodes({ store, clock, vouching })

  const isPast = (session: Session): boolean => clock.now() >= session.endsAt
  const isOver = (session: Session): boolean =>
    isPast(session) || isOwed(session.id) || journal.hasEnded('session', session.id)
  const isOwed = (id: string): boolean => journal.since('session-owed', id) !== null
  const unlessOver = (session: Session | null): Session | null =>
    session && !isOver(session) ? session : null

  /** Does not wait for the others to follow: who is about to follow itself would wait for itself. */
  const endAhead: Sessions['end'] = async (sessionId, cause, actor, reason) => {
    const why = { cause, actor, ...(reason === undefined ? {} : { reason }) }
    const onlyHere = async (problem: unknown): Promise<GatehouseError> => {
      const reach = await journal.add('session', sessionId)
      journal.announce('session', sessionId)
      return stoppedHereOnly('The session is ended', reach, problem)
    }
    // While Redis is away: whoever has this id, it ends.
    const endHere = async (problem: unknown): Promise<never> => {
      if (!sessionIdShape.test(sessionId)) throw problem
      await record({ event: 'session.ended', sessionId, principalId: 'unknown', ...why })
      throw await onlyHere(problem)
    }
    const holding = await vault.inspect(sessionId).catch(endHere)
    const session = holding?.session ?? null
    // Also one that is over by this clock: it may be ahead, and stopping must not depend on it.
    if (!holding) return false
    // A session that cannot be read is ended like any other: stopping must not depend on good data.
    const principalId = session?.principal.id ?? 'unknown'
    await record({ event: 'session.ended', sessionId, principalId, ...why })
    await journal.add('session', sessionId)
    const isRemoved = await vault
      .remove(sessionId, holding, (multi) =>
        changes.addTo(multi, { kind: 'session-ended', sessionId, cause }),
      )
      .catch(async (error: unknown) => {
        throw await onlyHere(error)
      })
    return isRemoved
  }
  const end: Sessions['end'] = async (...why) => {
    const isRemoved = await endAhead(...why)
    await changes.settle()
    return isRemoved
  }

  /**
   * Of a session by break-glass that is not known: its code may have been withdrawn here while it was used elsewhere. Twice
   * on record is better than never.
   */
  const isOnRecord = ({ id, origin }: Session): boolean =>
    origin !== 'break-glass' && journal.since('session', id) !== null

  /** @returns false where another instance is at it, or it is to be tried again */
  const endOwed = async (sessionId: string): Promise<boolean> => {
    try {
      if (!(await vault.claimEnding(sessionId, endingTakesMs))) return false
      await endAhead(sessionId, isOwed(sessionId) ? 'second-factor-reset' : 'session-ended', gateway)
      return true
    } catch (error) {
      // A ledger that is full must not keep what is on record already from being told.
      logger.warn('sessions: an end is not on record yet', { sessionId, problem: describeError(error) })
      return false
    }
  }

  /** One that cannot be ended must not keep the others alive. */
  const endEach = async (
    { ids, isWhole }: Indexed,
    ...why: Tail<Parameters<Sessions['end']>>
  ): Promise<number> => {
    const results: PromiseSettledResult<boolean>[] = []
    for (let start = 0; start < ids.length; start += endedAtOnce) {
      const some = ids.slice(start, start + endedAtOnce)
      results.push(...(await Promise.allSettled(some.map((id) => end(id, ...why)))))
    }
    for (const result of results) if (result.status === 'rejected') throw result.reason
    if (!isWhole) throw indexTooLong()
    return results.filter((result) => result.status === 'fulfilled' && result.value).length
  }

  const matching = async ({ issuer, subject, providerSessionId: sid }: ProviderLogout): Promise<Indexed> => {
    const idsIn = (index: string): Promise<Indexed> => vault.allIn(index, clock.now())
    if (subject === null)
      return sid === null ? { ids: [], isWhole: true } : idsIn(indexes.ofProviderSession(issuer, sid))
    const found = await idsIn(indexes.ofSubject(issuer, subject))
    if (sid === null) return found
    // A login without `sid` cannot be told from the one that is meant, so it ends too.
    const sessions = await vault.byIds(found.ids)
    const ids = found.ids.filter((_, position) => (sessions[position]?.providerSessionId ?? sid) === sid)
    return { ids, isWhole: found.isWhole }
  }

  const running = async (ids: readonly string[]): Promise<Session[]> =>
    (await vault.byIds(ids)).filter((session) => session !== null).filter((session) => !isOver(session))

  return {
    async start({ principal, roles, groups = [], providerSessionId, idToken, source, browser, breakGlass }) {
      const now = clock.now()
      const token = newToken()
      const sessionId = breakGlass?.sessionId ?? newId('s')
      // A Redis that was put back to before the code was used knows nothing of the session it led to.
      if (breakGlass !== undefined && journal.hasEnded('session', sessionId)) throw sessionGone()
      const session: Session = {
        id: sessionId,
        principal,
        roles,
        ...(groups.length === 0 ? {} : { groups }),
        origin: breakGlass === undefined ? 'provider' : 'break-glass',
        assurance: { loginAt: now, secondFactorAt: null },
        startedAt: now,
        endsAt: now + Math.min(maxLengthMs, breakGlass?.lengthMs ?? Infinity),
        providerSessionId,
        source,
        ...(browser === undefined ? {} : { browser }),
      }
      const { id, issuer, subject, email } = principal
      await record({
        event: 'login.succeeded',
        principal: { id, issuer, subject, email },
        roles,
        sessionId,
        source,
      })
      const sealed = idToken === null ? null : keyring.seal('id-token', sessionId, idToken)
      await vault.put(session, fingerprint(token), sealed)
      return { session, token }
    },

    async byToken(token) {
      return isToken(token) ? unlessOver(await vault.byToken(fingerprint(token))) : null
    },

    async byId(id) {
      const [session] = await vault.byIds([id])
      return unlessOver(session ?? null)
    },

    async byIds(ids) {
      return (await vault.byIds(ids)).map(unlessOver)
    },

    async raise({ id }, { secondFactorAt, isRecovery }) {
      // The stored session and not the caller's copy, which may be older than the last rise.
      const [held] = await vault.byIds([id])
      if (!held || isOver(held)) throw sessionGone()
      const code = isRecovery === true ? {} : { oneTimeCodeAt: secondFactorAt }
      const session = { ...held, assurance: { ...held.assurance, secondFactorAt, ...code } }
      const token = newToken()
      if (!(await vault.retoken(session, fingerprint(token)))) throw sessionGone()
      return { session, token }
    },

    async idTokenOf(sessionId) {
      const sealed = await vault.idToken(sessionId)
      if (sealed === null) return null
      const idToken = keyring.open('id-token', sessionId, sealed)
      if (idToken === null) logger.error('sessions: an id token cannot be unsealed', { sessionId })
      return idToken
    },

    async list() {
      const sessions = await running(await vault.idsIn(indexes.all, clock.now(), listedAtMost))
      return sessions.sort((a, b) => b.startedAt - a.startedAt || (a.id < b.id ? -1 : 1))
    },

    async all(onMore) {
      const { ids, isWhole } = await vault.allIn(indexes.all, clock.now())
      if (!isWhole) onMore?.()
      return running(ids)
    },

    end,

    async noteEnded(sessionId) {
      await journal.add('session', sessionId)
    },

    async noteOwed(sessionIds) {
      await Promise.all(sessionIds.map((id) => journal.add('session-owed', id)))
    },

    async openedBy(
      principalId,
      { begunUntil, provedUntil } = { begunUntil: Infinity, provedUntil: Infinity },
    ) {
      // Where there are more than is read, the log says so: a reset ends what it finds.
      const held = await vault.byIds((await vault.allIn(indexes.ofPrincipal(principalId), 0)).ids)
      const isMeant = ({ startedAt, assurance: { secondFactorAt } }: Session): boolean =>
        secondFactorAt === null ? startedAt <= begunUntil : secondFactorAt <= provedUntil
      return held.flatMap((session) => (session !== null && isMeant(session) ? [session.id] : []))
    },

    async endRevived() {
      const ids = new Set([...journal.list('session'), ...journal.list('session-owed')])
      let isAllTold = true
      for (const session of await vault.byIds([...ids])) {
        if (session === null || isPast(session) || !isOver(session)) continue
        const { id: sessionId } = session
        if (!isOnRecord(session)) {
          if (!(await endOwed(sessionId))) isAllTold = false
          continue
        }
        const holding = await vault.inspect(sessionId)
        if (!holding) continue
        await vault.remove(sessionId, holding, (multi) =>
          changes.addTo(multi, { kind: 'session-ended', sessionId, cause: 'session-ended' }),
        )
      }
      return isAllTold
    },

    async endAllOf(principalId, ...why) {
      return endEach(await vault.allIn(indexes.ofPrincipal(principalId), 0), ...why)
    },

    async endByProvider(logout) {
      return endEach(await matching(logout), 'signed-out', gateway)
    },

    issueHandoverCode: codes.issue,
    redeemHandoverCode: codes.redeem,

    async issuePass(session, endpointId) {
      const token = newToken()
      const pass: Pass = {
        id: newId('a'),
        sessionId: session.id,
        principalId: session.principal.id,
        endpointId,
        issuedAt: clock.now(),
      }
      const { id: passId, sessionId, principalId } = pass
      await record({ event: 'pass.issued', passId, sessionId, principalId, endpointId })
      if (!(await vault.addPass(pass, fingerprint(token)))) throw sessionGone()
      return { pass, token }
    },

    async byPassToken(token, endpointId) {
      if (!isToken(token)) return null
      const print = fingerprint(token)
      const found = await view.read(`pass ${print}`, () => vault.byPass(print))
      return found?.pass.endpointId === endpointId && !isOver(found.session) ? found : null
    },
  }
}

type Tail<T extends unknown[]> = T extends [unknown, ...infer Rest] ? Rest : never

function sessionGone(): GatehouseError {
  return new GatehouseError('not-signed-in', 'This session has ended. Sign in again.')
}
