import type { BreakGlass, BreakGlassEntry, People } from '../identity/index.js'
import { readReason, type Grants, type Requests } from '../grants/index.js'
import { GatehouseError, type ChangeLog, type Clock } from '../lib/index.js'
import type { AccessRequest, Actor, Company, EndingLimits, Grant, Session } from '../model.js'
import type { Sessions } from '../sessions/index.js'
import { isOver } from './grant-selection.js'
import { readMembership, type Holder } from './membership.js'

/** What is written to the ledger before anything of a company ends. */
export interface CompanyEvent {
  readonly event: 'company.ended'
  readonly companyId: string
  readonly emailDomains: readonly string[]
  readonly claimValues: readonly string[]
  readonly reason: string
  readonly actor: Actor
}

export interface CompanyServices {
  readonly clock: Pick<Clock, 'now'>
  readonly changes: Pick<ChangeLog, 'settle'>
  readonly grants: Grants
  readonly requests: Requests
  readonly sessions: Sessions
  readonly people: People
  readonly breakGlass: BreakGlass
  /** Resolves when the event is durable. */
  readonly record: (event: CompanyEvent) => Promise<void>
  readonly endings: EndingLimits
}

/** All by which people of a company could open a machine now or later, or ask to. */
export interface Holdings {
  readonly grants: readonly Grant[]
  readonly requests: readonly AccessRequest[]
  readonly sessions: readonly Session[]
  /** Break-glass codes that wait to be used. */
  readonly codes: readonly BreakGlassEntry[]
  /** Of a company by claim, what may be its people's (`Belonging.perhaps`). */
  readonly unknown: readonly { readonly kind: Kind; readonly id: string }[]
  /** Of what not all could be read: Redis lists more than is read of it. */
  readonly unread: readonly Kind[]
}

/**
 * The kinds of what may be held, in the order in which they end: what opens a machine first. A request that becomes a
 * grant meanwhile is found at the next look.
 */
const kinds = ['grants', 'sessions', 'codes', 'requests'] as const
type Kind = (typeof kinds)[number]

export interface CompanyEnd {
  readonly companyId: string
  /** How many have ended by this call. */
  readonly ended: Readonly<Record<Kind, number>>
  /**
   * What has not, and why: the code of an error, `new` for what came while this was going on, `holder-unknown` for
   * what may be theirs, which is for whoever ends the company to look at. Named by its kind, `index-too-long`, where not
   * all that there is could be read.
   */
  readonly left: readonly { readonly kind: Kind; readonly id: string; readonly why: string }[]
}

/** New grants may come while the old ones end; whoever keeps giving them has to be spoken to. */
const roundsAtMost = 3
const atATime = 25
export const holderUnknown = 'holder-unknown'

export function findCompany(id: string, companies: readonly Company[]): Company {
  const company = companies.find((each) => each.id === id)
  if (company === undefined) throw new GatehouseError('company-unknown', 'There is no such company.')
  return company
}

/** Whom each of a kind belongs to. */
const holderOf: { readonly [K in Kind]: (item: Holdings[K][number]) => Holder } = {
  grants: ({ to }) => to,
  requests: ({ by }) => by,
  sessions: ({ principal: { id, email } }) => ({ email, principalId: id }),
  codes: ({ to: { id, email } }) => ({ email, principalId: id }),
}

/**
 * A company with what it holds; the others have it too, and nothing is looked up twice.
 *
 * @param shown what to look through, for who only shows what there is; default: all there is, read now
 */
export async function holdingsOf(
  {
    clock,
    grants,
    requests,
    sessions,
    people,
    breakGlass,
    endings,
  }: Omit<CompanyServices, 'record' | 'changes'>,
  companies: readonly Company[],
  shown?: Pick<Holdings, 'grants' | 'requests'>,
): Promise<ReadonlyMap<Company, Holdings>> {
  const now = clock.now()
  const unread: Kind[] = []
  const [given, open, signedIn, codes] = await Promise.all([
    shown?.grants ?? grants.endingAfter(now - endings.drainMs, () => unread.push('grants')),
    shown?.requests ?? requests.open(),
    sessions.all(() => unread.push('sessions')),
    breakGlass.list(''),
  ])
  const waiting = codes.filter(
    (code) => code.state === 'issued' && !code.isWithdrawnEverywhere && code.expiresAt > now,
  )
  const running = given.filter((grant) => !isOver(grant, now, endings))
  const belongingOf = await readMembership(people, companies, [
    ...running.map(holderOf.grants),
    ...open.map(holderOf.requests),
    ...signedIn.map(holderOf.sessions),
    ...waiting.map(holderOf.codes),
  ])
  type Held = { [kind in keyof Holdings]: Holdings[kind][number][] }
  const all = new Map(
    companies.map((company): [Company, Held] => [
      company,
      { requests: [], grants: [], sessions: [], codes: [], unknown: [], unread },
    ]),
  )
  const sort = <K extends Kind>(kind: K, items: readonly Holdings[K][number][]): void => {
    for (const item of items) {
      const { theirs, perhaps } = belongingOf(holderOf[kind](item))
      for (const company of theirs) (all.get(company)?.[kind] as Holdings[K][number][]).push(item)
      for (const company of perhaps) all.get(company)?.unknown.push({ kind, id: idOf(item) })
    }
  }
  sort('grants', running)
  sort('requests', open)
  sort('sessions', signedIn)
  sort('codes', waiting)
  return all
}

/** Whether nothing was found to end; what is `unknown` is not ended either. */
export function isNothing(held: Holdings): boolean {
  return kinds.every((kind) => held[kind].length === 0)
}

/**
 * Records `company.ended`, then ends all that people of a company hold: revokes their grants, those to come and those for
 * people who have not signed in yet too, ends their sessions, and denies their requests. Each is on record by itself as
 * well. What fails is tried again, and keeps nothing else from ending. Looks again until nothing is left, so that a grant
 * which is given at the same moment ends too, or is named as left; so is what has ended on this host alone. Again, it
 * changes nothing and records nothing.
 *
 * @throws GatehouseError `input-invalid` about `reason`; `store-unavailable` where it cannot even be said what there is, or what
 *   other instances have been told
 */
export async function endCompany(
  services: CompanyServices,
  company: Company,
  { reason, actor }: { readonly reason: unknown; readonly actor: Actor },
): Promise<CompanyEnd> {
  const why = readReason(reason)
  let untold: Error | null = null
  const look = async (): Promise<Holdings> => {
    // What a crash left approved and without its grant would else become one a moment after.
    await services.requests.tidy()
    // What only this host knows to have ended is not held here any more, and open at all others.
    untold = await tellWhatEnded(services)
    const found = (await holdingsOf(services, [company])).get(company)
    if (found === undefined) throw new Error('a company that was asked for is answered')
    return found
  }
  const ended = { requests: 0, grants: 0, sessions: 0, codes: 0 }
  const failures = new Map<string, { readonly kind: Kind; readonly why: string }>()
  const failedOf = (kind: Kind): string[] =>
    [...failures].filter(([, failure]) => failure.kind === kind).map(([id]) => id)
  let held = await look()
  const leftOf = (kind: Kind): CompanyEnd['left'] => {
    const still = idsOf(held, kind)
    // Who answered it first has ended it.
    const others = failedOf(kind).filter((id) => failures.get(id)?.why !== 'request-conflict')
    return [...new Set([...still, ...others])].map((id) => ({
      kind,
      id,
      why: failures.get(id)?.why ?? 'new',
    }))
  }
  const answer = async (): Promise<CompanyEnd> => {
    // What had ended on a host alone was only told now.
    await services.changes.settle()
    const unknown = held.unknown.map(({ kind, id }) => ({ kind, id, why: holderUnknown }))
    const unread = held.unread.map((kind) => ({ kind, id: kind, why: 'index-too-long' }))
    const left = [...kinds.flatMap(leftOf), ...unread, ...unknown]
    if (left.length === 0 && untold !== null) throw untold
    return { companyId: company.id, ended, left }
  }
  if (isNothing(held)) return answer()
  const { id: companyId, emailDomains, claimValues } = company
  await services.record({ event: 'company.ended', companyId, emailDomains, claimValues, reason: why, actor })
  for (let round = 0; round < roundsAtMost && !(isNothing(held) && failures.size === 0); round += 1) {
    for (const kind of kinds) {
      const end = enders(services, why, actor)[kind]
      for (const some of portions([...new Set([...idsOf(held, kind), ...failedOf(kind)])]))
        await Promise.all(
          some.map((id) =>
            end(id).then(
              (isEnded) => {
                if (isEnded || stoppedBefore.has(failures.get(id)?.why ?? '')) ended[kind] += 1
                failures.delete(id)
              },
              (error: unknown) => failures.set(id, { kind, why: codeOf(error) }),
            ),
          ),
        )
    }
    held = await look()
  }
  return answer()
}

/** @throws GatehouseError `ended-in-part`, which names what has not ended */
export function assertEnded({ ended, left }: CompanyEnd): void {
  if (left.length === 0) return
  const done = kinds.map((kind) => `${String(ended[kind])} ${kind}`).join(', ')
  const named = left
    .slice(0, 20)
    .map(({ id, why }) => `${id} (${why})`)
    .join(', ')
  const next = [
    ...(left.some(({ why }) => why !== holderUnknown) ? ['Do it again; what has ended stays so.'] : []),
    ...(left.some(({ why }) => why === holderUnknown)
      ? [
          'Whose the ones marked holder-unknown are cannot be read: look at each of them, and end it by itself.',
        ]
      : []),
  ].join(' ')
  throw new GatehouseError(
    'ended-in-part',
    `Not all of it has ended. Done: ${done}. Not done, ${String(left.length)}: ${named}. ${next}`,
  )
}

/** @returns why not all of it could be told; null where it was. Nothing may keep the rest from ending. */
async function tellWhatEnded(services: CompanyServices): Promise<Error | null> {
  const { grants, sessions, breakGlass, requests } = services
  const told = await Promise.allSettled([
    grants.revokeRevived(),
    sessions.endRevived(),
    breakGlass.withdrawRevived(),
    requests.closeRevived(),
  ])
  const [failed] = told.filter((one) => one.status === 'rejected')
  if (failed === undefined) {
    const isAllTold = told[1].status === 'fulfilled' && told[1].value
    return isAllTold
      ? null
      : new GatehouseError(
          'store-unavailable',
          'Not all of what has ended is on record in Redis yet. Try again in a few seconds.',
        )
  }
  return failed.reason instanceof Error ? failed.reason : new Error('not told', { cause: failed.reason })
}

/** What failed with one of these was stopped here, and Redis has been told since. */
const stoppedBefore: ReadonlySet<string> = new Set(['stopped-here-only', 'stopped-until-restart'])

function codeOf(error: unknown): string {
  return error instanceof GatehouseError ? error.code : 'internal'
}

function enders(
  { requests, grants, sessions, breakGlass }: CompanyServices,
  reason: string,
  actor: Actor,
): Readonly<Record<Kind, (id: string) => Promise<boolean>>> {
  return {
    // No fresh code: a no opens nothing.
    requests: async (id) => {
      await requests.deny(id, { actor, roles: ['admin'], hasFreshCode: false }, reason)
      return true
    },
    grants: async (id) => {
      await grants.revoke(id, reason, actor)
      return true
    },
    sessions: (id) => sessions.end(id, 'session-killed', actor, reason),
    codes: (id) => breakGlass.withdraw(id, actor, reason),
  }
}

function idsOf(held: Holdings, kind: Kind): string[] {
  return held[kind].map(idOf)
}

function idOf(item: Holdings[Kind][number]): string {
  return 'sessionId' in item ? item.sessionId : item.id
}

function portions<T>(items: readonly T[]): T[][] {
  return Array.from({ length: Math.ceil(items.length / atATime) }, (_, index) =>
    items.slice(index * atATime, (index + 1) * atATime),
  )
}
