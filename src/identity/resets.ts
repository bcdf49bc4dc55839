import { z } from 'zod'
import {
  actorSchema,
  describeError,
  GatehouseError,
  newId,
  readReply,
  readStored,
  type ChangeLog,
  type Clock,
  type Journal,
  type Logger,
  type Store,
  type Vouching,
} from '../lib/index.js'
import type { Actor, EpochMs, Role } from '../model.js'
import type { People, Person } from './people.js'
import { isVoidHere, type SecondFactor } from './second-factor.js'

export type ResetEvent =
  | {
      readonly event: 'second-factor.reset-proposed'
      readonly proposalId: string
      readonly principalId: string
      readonly actor: Actor
      readonly reason: string
      readonly lapsesAt: EpochMs
    }
  | {
      readonly event: 'second-factor.reset-confirmed' | 'second-factor.reset-declined'
      readonly proposalId: string
      readonly principalId: string
      readonly actor: Actor
      readonly reason: string
    }
  | {
      readonly event: 'second-factor.reset-failed'
      readonly proposalId: string
      readonly principalId: string
      readonly actor: Actor
      readonly attempt: Attempt
    }

type Attempt = 'proposed' | 'confirmed' | 'declined'

/** A reset of somebody's second factor that waits for a second administrator; until then nothing is reset. */
export interface ResetProposal {
  readonly id: string
  /** Whose second factor it is. */
  readonly principalId: string
  /** Always a person. */
  readonly by: Actor
  readonly reason: string
  readonly at: EpochMs
  readonly lapsesAt: EpochMs
}

/** What somebody has answered to a proposal; a yes says nothing about whether the reset has come about. */
export interface ResetOutcome {
  readonly kind: 'confirmed' | 'declined'
  readonly by: Actor
  readonly reason: string
  readonly at: EpochMs
}

/** Somebody who would propose or confirm, as their session has it now. */
export interface Administrator {
  readonly actor: Actor
  readonly roles: readonly Role[]
  /** Whether they have just entered a one-time code; see `hasFreshCode`. */
  readonly hasFreshCode: boolean
}

/**
 * Resets of second factors that take two administrators. Reasons are checked by the caller.
 *
 * A proposal is answered once, lapses by itself, and is for the enrolment that there was when it was made. Neither who
 * proposes nor who confirms may be whose second factor it is, by account or by e-mail, or anything but a person with a one-time code of the last
 * five minutes: a program enters none, and one administrator alone can make it a token that another answers for. Each of
 * them has a verified e-mail: without one, nobody can tell two accounts of one person from two people.
 *
 * Each call throws GatehouseError `store-unavailable` when Redis fails it; each that records, `ledger-unavailable` when
 * it could not.
 */
export interface Resets {
  /** The oldest first; without those whose second factor is another by now. */
  waiting(): Promise<ResetProposal[]>
  /** Those, and with their answers those of the last day that were answered, as far as Redis knows. */
  lately(): Promise<(ResetProposal & { readonly outcome: ResetOutcome | null })[]>
  /** Whether this person might, as of what is known of them; a fresh code aside. */
  mayConfirm(proposal: ResetProposal, person: Person): Promise<boolean>
  /**
   * @throws GatehouseError `reset-refused`, `fresh-code-required`; `not-enrolled`; `reset-conflict` where one waits already; `reset-limit` where
   *   five of this administrator wait; each exactly, however many propose at once;
   *   `store-unfit`, `clock-untrusted`
   */
  propose(principalId: string, reason: string, who: Administrator): Promise<ResetProposal>
  /**
   * Resets the second factor; ending the person's sessions is the caller's part, see `SecondFactor.reset`.
   *
   * @throws GatehouseError `reset-unknown`; `reset-refused`, also where who proposed it is no administrator any more;
   *   `fresh-code-required`; `reset-conflict` where it has been answered, has lapsed, or the second factor is another by
   *   now; `stopped-here-only` as of `SecondFactor.reset`; `store-unfit`, `clock-untrusted`
   */
  confirm(id: string, reason: string, who: Administrator): Promise<ResetProposal>
  /**
   * Anybody's who is let in to do it, also whose proposal or second factor it is: a no resets nothing.
   * @throws GatehouseError `reset-unknown`, `reset-conflict`
   */
  decline(id: string, reason: string, actor: Actor): Promise<ResetProposal>
  /** To be told of each that another instance has answered. */
  noteAnswered(id: string): Promise<void>
  /** Takes out of Redis what was answered on this host and Redis has not been told: a no holds everywhere. */
  closeAnswered(): Promise<void>
}

export interface ResetsOptions {
  readonly store: Store
  readonly clock: Clock
  readonly changes: ChangeLog
  readonly journal: Journal
  readonly vouching: Vouching
  readonly logger: Logger
  /** Resolves when the event is durable. */
  readonly record: (event: ResetEvent) => Promise<void>
  /** Rejects while nothing new may be given. */
  readonly assertFit: () => Promise<void>
  readonly people: Pick<People, 'get'>
  readonly secondFactor: Pick<SecondFactor, 'enrolment' | 'reset'>
  readonly lapsesAfterMs: number
}

/** Of one proposer: whoever is asked to confirm reads a few, and not a flood. */
const openAtMost = 5
const idShape = /^r-[0-9a-z]{16}$/
const instant = z.int().nonnegative()
const termsSchema = z.strictObject({
  principalId: z.string(),
  /** The enrolment that is to go. */
  enrolment: z.string(),
  by: actorSchema,
  reason: z.string(),
  at: instant,
  lapsesAt: instant,
})
const outcomeSchema = z.strictObject({
  kind: z.enum(['confirmed', 'declined']),
  by: actorSchema,
  reason: z.string(),
  at: instant,
})
const rowsSchema = z.record(z.string(), z.string())
type Rows = z.infer<typeof rowsSchema>
/** Which proposal was the last to be written: whoever has counted before that counts again. */
const lastField = 'last'
/** Of so many at the same moment, each is written by then: one is in each round. */
const triesAtMost = 50
/** From when it lapses. Who proposed and who answered is in the ledger. */
const keptMs = 24 * 3_600_000

/** The first answer stays, and it is one to what its giver has read. */
const answerOnce = `
  if redis.call('HGET', KEYS[1], ARGV[1]) ~= ARGV[2] then return 0 end
  return redis.call('HSETNX', KEYS[1], ARGV[3], ARGV[4])`

/** Nobody has come in between who looked whether there is room at the same moment. */
const addUnlessOthers = `
  if (redis.call('HGET', KEYS[1], ARGV[1]) or '') ~= ARGV[2] then return 0 end
  redis.call('HSET', KEYS[1], ARGV[1], ARGV[3], ARGV[3], ARGV[4])
  redis.call('XADD', KEYS[2], unpack(ARGV, 5))
  return 1`

type Whose = Pick<Extract<Actor, { kind: 'principal' }>, 'principalId' | 'email'>

interface Kept {
  readonly proposal: ResetProposal
  readonly enrolment: string
  /** As it lies in Redis. */
  readonly text: string
  readonly isAnswered: boolean
}

/**
 * Proposals in Redis, `resets`: a hash with `<id>`, what is proposed, which never changes, `<id> outcome`, set once, and `last`,
 * the id written last, which two who propose at once trip over.
 * Both are vouched for: what cannot be read resets nothing, and an outcome that cannot be read is one.
 */
export function createResets(options: ResetsOptions): Resets {
  const { store, clock, changes, journal, vouching, logger, record, people, secondFactor } = options
  const key = store.key('resets')
  const place = (field: string): string => `reset ${field}`
  const outcomeField = (id: string): string => `${id} outcome`

  const outcomeOf = (id: string, kept: string | undefined): ResetOutcome | null => {
    const text = kept === undefined ? null : vouching.verify(place(outcomeField(id)), kept)
    return text === null ? null : readStored(outcomeSchema, text)
  }
  const isAnswered = (id: string, outcome: string | undefined): boolean => {
    if (outcome === undefined) return journal.hasEnded('reset', id)
    if (outcomeOf(id, outcome) === null)
      logger.error('resets: an answer cannot be read and counts as one', { proposalId: id })
    // Known for good also where the change was missed.
    if (journal.since('reset', id) === null) void journal.add('reset', id)
    return true
  }
  const readRows = async (): Promise<Rows> =>
    readReply(rowsSchema, await store.run((redis) => redis.hgetall(key)))
  const readAll = async (): Promise<Kept[]> => keptIn(await readRows())
  const keptIn = (rows: Rows): Kept[] =>
    Object.entries(rows).flatMap(([id, kept]) => {
      if (!idShape.test(id)) return []
      const text = vouching.verify(place(id), kept)
      const terms = text === null ? null : readStored(termsSchema, text)
      if (terms === null) {
        logger.error('resets: a proposal cannot be read and resets nothing', { proposalId: id })
        return []
      }
      const { enrolment, ...proposal } = terms
      return [
        {
          proposal: { id, ...proposal },
          enrolment,
          text: kept,
          isAnswered: isAnswered(id, rows[outcomeField(id)]),
        },
      ]
    })
  const whose = async (principalId: string): Promise<Whose> => ({
    principalId,
    email: (await people.get(principalId))?.principal.email ?? null,
  })
  const isOpen = ({ proposal, isAnswered: isOver }: Kept): boolean =>
    !isOver && clock.now() < proposal.lapsesAt
  const isOfToday = async ({ proposal, enrolment }: Kept): Promise<boolean> =>
    (await secondFactor.enrolment(proposal.principalId)) === enrolment
  const waitingOf = async (all: readonly Kept[]): Promise<ResetProposal[]> => {
    const open = all.filter(isOpen)
    const counts = await Promise.all(open.map(isOfToday))
    return open
      .filter((_, index) => counts[index])
      .map(({ proposal }) => proposal)
      .sort((a, b) => a.at - b.at || (a.id < b.id ? -1 : 1))
  }
  /** Of those that somebody is shown: what is not, answers nobody. */
  const checkRoom = (waiting: readonly ResetProposal[], principalId: string, actor: Actor): void => {
    if (waiting.some((one) => one.principalId === principalId))
      throw conflict('A reset of this second factor waits already for another administrator.')
    const isOf = ({ by }: ResetProposal): boolean =>
      by.kind === 'principal' && actor.kind === 'principal' && by.principalId === actor.principalId
    if (waiting.filter(isOf).length >= openAtMost)
      throw new GatehouseError(
        'reset-limit',
        `${String(openAtMost)} resets that you proposed wait for an answer. Take one back, or wait.`,
      )
  }
  const loadOpen = async (id: string): Promise<Kept> => {
    const kept = (await readAll()).find(({ proposal }) => proposal.id === id)
    if (kept === undefined)
      throw new GatehouseError('reset-unknown', 'There is no such proposal; it may have lapsed.')
    checkOpen(kept)
    return kept
  }
  const checkOpen = (kept: Kept): void => {
    if (kept.isAnswered) throw conflict('This proposal has been answered already.')
    if (!isOpen(kept)) throw conflict('This proposal has lapsed. Propose it again.')
  }
  /** A record that claims what did not happen, or may not have, is followed by one that says so. */
  const fail = async (
    { id: proposalId, principalId }: Pick<ResetProposal, 'id' | 'principalId'>,
    attempt: Attempt,
    actor: Actor,
  ): Promise<void> => {
    await record({
      event: 'second-factor.reset-failed',
      ...{ proposalId, principalId, actor, attempt },
    }).catch((error: unknown) => {
      logger.error('resets: a failure is not on record', { proposalId, problem: describeError(error) })
    })
  }
  const takeOut = async (proposalId: string): Promise<void> => {
    await store.transaction((multi) => {
      multi.hdel(key, proposalId)
      changes.addTo(multi, { kind: 'reset-answered', proposalId })
    })
  }
  /** What Redis has not confirmed may be there all the same, or arrive: it is one that nobody can say yes to. */
  const takeBack = async (proposalId: string): Promise<void> => {
    await journal.add('reset', proposalId)
    await takeOut(proposalId).catch((error: unknown) => {
      logger.error('resets: a proposal that failed may be there', {
        ...{ proposalId, problem: describeError(error) },
      })
      journal.announce('reset', proposalId)
    })
  }
  const answer = async (
    kept: Kept,
    kind: 'confirmed' | 'declined',
    reason: string,
    actor: Actor,
  ): Promise<void> => {
    const { id, principalId } = kept.proposal
    await record({
      event: `second-factor.reset-${kind}`,
      ...{ proposalId: id, principalId, actor, reason },
    })
    try {
      // The record may have waited for the disk.
      if (!(clock.now() < kept.proposal.lapsesAt))
        throw conflict('This proposal has lapsed. Propose it again.')
      const outcome = JSON.stringify({ kind, by: actor, reason, at: clock.now() })
      const field = outcomeField(id)
      // Before Redis, which may not confirm it: what somebody has answered waits here no longer, whatever comes of it.
      await journal.add('reset', id)
      const [isFirst] = await store.transaction((multi) => {
        multi.eval(answerOnce, 1, key, id, kept.text, field, vouching.vouch(place(field), outcome))
        changes.addTo(multi, { kind: 'reset-answered', proposalId: id })
      })
      if (isFirst !== 1) throw conflict('Somebody else has answered it at this very moment.')
    } catch (error) {
      // Redis is told until it knows: what was answered here must not be confirmed elsewhere.
      journal.announce('reset', id)
      await fail(kept.proposal, kind, actor)
      throw error
    }
  }
  /** Where nobody has proposed anything since it was looked whether there is room; else that is looked at again. */
  const write = async ({ id, principalId, by }: ResetProposal, text: string): Promise<void> => {
    for (let tries = 0; tries < triesAtMost; tries += 1) {
      const rows = await readRows()
      const all = keptIn(rows)
      checkRoom(await waitingOf(all), principalId, by)
      const over = all.filter(({ proposal }) => proposal.lapsesAt + keptMs < clock.now())
      const [isWritten] = await store
        .transaction((multi) => {
          const entry = changes.entryOf({ kind: 'reset-proposed', proposalId: id })
          const values = [lastField, rows[lastField] ?? '', id, text, ...entry.args]
          multi.eval(addUnlessOthers, 2, key, entry.key, ...values)
          for (const { proposal } of over) multi.hdel(key, proposal.id, outcomeField(proposal.id))
          multi.pexpire(key, options.lapsesAfterMs + keptMs)
        })
        .catch(async (error: unknown) => {
          await takeBack(id)
          throw error
        })
      if (isWritten === 1) return
    }
    throw conflict('Others propose resets at this very moment. Try again.')
  }

  return {
    waiting: async () => waitingOf(await readAll()),

    async lately() {
      const rows = await readRows()
      const all = keptIn(rows)
      const waiting = (await waitingOf(all)).map((proposal) => ({ ...proposal, outcome: null }))
      const answered = all.flatMap(({ proposal }) => {
        const outcome = outcomeOf(proposal.id, rows[outcomeField(proposal.id)])
        return outcome === null ? [] : [{ ...proposal, outcome }]
      })
      return [...waiting, ...answered]
    },

    async mayConfirm({ by, principalId }, { principal: { id, email }, roles }) {
      const actor = { kind: 'principal', principalId: id, email } as const
      const isOther = by.kind === 'principal' && !isSamePerson(by, actor)
      return isOther && roles.includes('admin') && !isSamePerson(actor, await whose(principalId))
    },

    async propose(principalId, reason, who) {
      checkAdministrator(who, await whose(principalId))
      await options.assertFit()
      const enrolment = await secondFactor.enrolment(principalId)
      if (enrolment === null)
        throw new GatehouseError('not-enrolled', 'This person has no second factor to reset.')
      checkRoom(await waitingOf(await readAll()), principalId, who.actor)
      const at = clock.now()
      const terms = { principalId, by: who.actor, reason, at, lapsesAt: at + options.lapsesAfterMs }
      const id = newId('r')
      await record({
        event: 'second-factor.reset-proposed',
        ...{ proposalId: id, principalId, actor: who.actor, reason, lapsesAt: terms.lapsesAt },
      })
      try {
        await write({ id, ...terms }, vouching.vouch(place(id), JSON.stringify({ ...terms, enrolment })))
      } catch (error) {
        await fail({ id, principalId }, 'proposed', who.actor)
        throw error
      }
      return { id, ...terms }
    },

    async confirm(id, reason, who) {
      await options.assertFit()
      const kept = await loadOpen(id)
      const { proposal, enrolment } = kept
      const { principalId, by } = proposal
      checkAdministrator(who, await whose(principalId))
      if (by.kind !== 'principal' || who.actor.kind !== 'principal' || isSamePerson(by, who.actor))
        throw refused('You have proposed this yourself: another administrator has to confirm it.')
      if ((await people.get(by.principalId))?.roles.includes('admin') !== true)
        throw refused('Whoever has proposed this is no administrator any more. Propose it yourself.')
      if (!(await isOfToday(kept)))
        throw conflict('This second factor has been changed since it was proposed to reset it.')
      await answer(kept, 'confirmed', reason, who.actor)
      try {
        await secondFactor.reset(principalId, who.actor, reason, { proposalId: id, enrolment })
      } catch (error) {
        if (!isVoidHere(error)) await fail(proposal, 'confirmed', who.actor)
        throw error
      }
      return proposal
    },

    async decline(id, reason, actor) {
      const kept = await loadOpen(id)
      await answer(kept, 'declined', reason, actor)
      await changes.settle()
      return kept.proposal
    },

    async closeAnswered() {
      const rows = await readRows()
      const untold = Object.keys(rows).filter(
        (id) =>
          idShape.test(id) && rows[outcomeField(id)] === undefined && journal.since('reset', id) !== null,
      )
      for (const id of untold) await takeOut(id)
    },

    async noteAnswered(id) {
      await journal.add('reset', id)
    },
  }
}

function checkAdministrator({ actor, roles, hasFreshCode }: Administrator, whose: Whose): void {
  if (actor.kind !== 'principal' || !roles.includes('admin'))
    throw refused('Only an administrator who is signed in may propose or confirm this.')
  if (actor.email === null)
    throw refused('The provider vouches for no e-mail of yours: nobody can tell that you are another person.')
  if (whose.email === null)
    throw refused(
      'No e-mail of theirs is known here: nobody can tell that they are another person than you. On the host, `gatehouse users reset-totp` takes their id.',
    )
  if (isSamePerson(actor, whose))
    throw refused('This is your own second factor: two others have to agree to reset it.')
  if (!hasFreshCode)
    throw new GatehouseError('fresh-code-required', 'This needs a one-time code of the last five minutes.')
}

/** By issuer and subject, from which the id is made; and by e-mail, for who has two accounts. Without one, they may be. */
function isSamePerson(one: Whose, other: Whose): boolean {
  return (
    one.principalId === other.principalId ||
    one.email === null ||
    other.email === null ||
    one.email === other.email
  )
}

function refused(message: string): GatehouseError {
  return new GatehouseError('reset-refused', message)
}

function conflict(message: string): GatehouseError {
  return new GatehouseError('reset-conflict', message)
}
