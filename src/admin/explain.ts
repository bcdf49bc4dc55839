import { isIP } from 'node:net'
import type { Config } from '../config/index.js'
import { isSafeMethod, readTarget } from '../dataplane/index.js'
import { fulfilledBy, type Grants } from '../grants/index.js'
import type { People, SecondFactor } from '../identity/index.js'
import { GatehouseError, type Clock } from '../lib/index.js'
import {
  methods,
  type Decision,
  type Endpoint,
  type EpochMs,
  type Facts,
  type Grant,
  type Lockdown,
  type Principal,
} from '../model.js'
import { covers, decide } from '../policy/index.js'

/** Who could open what, at which moment. At least one of person and machine is named. */
export interface Question {
  /** E-mail or principal id; null for everybody. */
  readonly who: string | null
  /** Null for all machines. */
  readonly endpointId: string | null
  /** Null for now, as this gateway itself would decide now. */
  readonly at: EpochMs | null
  readonly method: string
  /** With its query, as in the address; null for the page that the portal leads to. */
  readonly path: string | null
  /** The address they come from; null for one that each grant allows. */
  readonly source: string | null
}

/** What the decision leaves open: it takes for granted that the person is signed in with both factors. */
export type Remark = 'never-signed-in' | 'binds-at-sign-in' | 'second-factor-missing' | 'second-factor-locked'

export interface Explanation {
  readonly person: {
    readonly principalId: string | null
    readonly email: string | null
    readonly name: string | null
  }
  readonly endpointId: string
  readonly decision: Decision
  /** The grant the decision is about. */
  readonly grant: Grant | null
  /** Those that keep this person out of this machine. */
  readonly lockdowns: readonly Lockdown[]
  readonly remarks: readonly Remark[]
}

export interface Answered {
  readonly at: EpochMs
  /** Before now: what has changed since is not undone, beyond what the records themselves tell. */
  readonly isPast: boolean
  /** Permits first. Of everybody and everything only those with a grant for it, whatever its state. */
  readonly explanations: readonly Explanation[]
}

export type Explain = (question: Question) => Promise<Answered>

export interface ExplainOptions {
  readonly config: Pick<Config, 'endpoints' | 'sessions'>
  readonly clock: Pick<Clock, 'now'>
  readonly people: Pick<People, 'list' | 'get' | 'byEmail'>
  readonly grants: Pick<Grants, 'list'>
  readonly secondFactor: Pick<SecondFactor, 'status'>
  /** What a request would be judged by. */
  readonly factsOfOpening: (
    session: NonNullable<Facts['session']> & { readonly id: string | null },
    endpointId: string,
    wanted: { method: string; path: string; isSafe: boolean } | null,
    source: string,
  ) => Promise<Facts>
  /** For who serves nobody, as a command: it cannot tell how fresh what a gateway knows is, and says what a healthy one would. */
  readonly isOnlooker: boolean
}

/** Each is judged by itself, by the process that also judges requests. */
const peopleAtMost = 500

/** As long as ended grants are kept with their person. */
const furthestBackMs = 30 * 24 * 3_600_000

interface Asked {
  readonly principal: Pick<Principal, 'id' | 'email'> & { readonly name: string | null }
  readonly isKnown: boolean
}

/**
 * The policy simulator: asks `decide` what a person would be told, from facts that are gathered as the gateway
 * gathers them. It changes nothing and records nothing.
 *
 * The answer throws GatehouseError `input-invalid` with its field, `person-ambiguous`, `store-unavailable`.
 */
export function createExplain(options: ExplainOptions): Explain {
  const { config, clock, people, secondFactor } = options
  const endpoints = new Map(config.endpoints.map((endpoint) => [endpoint.id, endpoint]))

  return async (question) => {
    const now = clock.now()
    const at = question.at ?? now
    if (at < now - furthestBackMs)
      throw refusal('at', 'must lie within the last 30 days or ahead; the ledger tells what was before')
    if (question.source !== null && isIP(question.source) === 0)
      throw refusal('source', 'must be an IPv4 or IPv6 address')
    const all = await options.grants.list()
    const waiting = all.filter((grant) => grant.to.principalId === null)
    const machines = machinesOf(question)
    const concerned = all.filter((grant) => grant.endpoints.some((id) => machines.includes(id)))
    const asked = question.who === null ? await everybody(concerned) : [await find(question.who)]
    if (asked.length > peopleAtMost)
      throw refusal('person', `must be named: ${String(asked.length)} people hold a grant for this machine`)
    const isNarrow = question.who !== null && question.endpointId !== null
    const explanations: Explanation[] = []
    for (const person of asked) {
      const pending = waiting.filter((grant) => grant.to.email === person.principal.email)
      for (const endpointId of machines) {
        const explanation = await explainOne(person, endpointId, pending, { ...question, at, now })
        if (isNarrow || explanation.grant !== null) explanations.push(explanation)
      }
    }
    return { at, isPast: at < now, explanations: explanations.sort(permitsFirst) }
  }

  function machinesOf({ who, endpointId }: Question): string[] {
    if (endpointId !== null) {
      if (!endpoints.has(endpointId)) throw refusal('endpoint', 'is no machine of the configuration')
      return [endpointId]
    }
    if (who === null) throw refusal('person', 'must be named where no machine is')
    return [...endpoints.keys()]
  }

  async function find(who: string): Promise<Asked> {
    const byId = await people.get(who)
    const email = who.trim().toLowerCase()
    const [person, ...others] = byId === null ? await people.byEmail(email) : [byId]
    if (others.length > 0) {
      const ids = [person, ...others].map((one) => one?.principal.id ?? '').join(', ')
      const message = `person: more than one account has this e-mail. Ask for one by its id: ${ids}`
      throw new GatehouseError('person-ambiguous', message, { field: 'person' })
    }
    if (person !== undefined) return { principal: person.principal, isKnown: true }
    if (!email.includes('@'))
      throw refusal('person', 'must be an e-mail, or the id of somebody who has signed in')
    return stranger(email)
  }

  /** Who holds, or waits for, one of these grants: nobody else opens anything. */
  async function everybody(grants: readonly Grant[]): Promise<Asked[]> {
    const holders = new Set(grants.map((grant) => grant.to.principalId))
    const emails = new Set(grants.map((grant) => grant.to.email))
    const known = (await people.list()).filter(
      ({ principal: { id, email } }) => holders.has(id) || (email !== null && emails.has(email)),
    )
    for (const { principal } of known) emails.delete(principal.email ?? '')
    for (const grant of grants) if (grant.to.principalId !== null) emails.delete(grant.to.email)
    return [...known.map(({ principal }) => ({ principal, isKnown: true })), ...[...emails].map(stranger)]
  }

  async function explainOne(
    { principal, isKnown }: Asked,
    endpointId: string,
    pending: readonly Grant[],
    { at, now, ...question }: Omit<Question, 'at'> & { at: EpochMs; now: EpochMs },
  ): Promise<Explanation> {
    const session = {
      id: null,
      principal,
      roles: [],
      endsAt: at + config.sessions.maxLengthMs,
      assurance: { loginAt: at, secondFactorAt: at },
    }
    const wanted = wantedOf(question, endpoints.get(endpointId))
    const source = question.source ?? ''
    const gathered = await options.factsOfOpening(session, endpointId, wanted, source)
    // Signing in, which is taken for granted, gives a person what waits for their e-mail.
    const grants = [...gathered.grants, ...pending]
    const { release } = gathered.fulfilled
    const seat = new Set([...gathered.fulfilled.seat, ...pending.map(({ id }) => id)])
    const fulfilled =
      question.source === null
        ? { source: new Set(grants.map(({ id }) => id)), release, seat }
        : fulfilledBy(grants, { source, release, seat })
    const complete = { ...gathered, grants, fulfilled }
    const facts = at === now && !options.isOnlooker ? complete : asOf(complete, at, now)
    const decision = decide(facts)
    const grantId = decision.outcome === 'challenge' ? null : decision.grantId
    const grant = facts.grants.find(({ id }) => id === grantId) ?? null
    return {
      person: { principalId: isKnown ? principal.id : null, email: principal.email, name: principal.name },
      endpointId,
      decision,
      grant,
      lockdowns: facts.lockdowns.filter(({ scope }) => covers(scope, endpointId, principal)),
      remarks: await remarksOn({ principal, isKnown }, grant),
    }
  }

  async function remarksOn({ principal, isKnown }: Asked, grant: Grant | null): Promise<Remark[]> {
    if (grant === null) return isKnown ? [] : ['never-signed-in']
    const waits: Remark[] = grant.to.principalId === null ? ['binds-at-sign-in'] : []
    if (!isKnown) return ['never-signed-in', ...waits]
    const { isEnrolled, lockedUntil } = await secondFactor.status(principal.id)
    return [
      ...waits,
      ...(isEnrolled ? [] : (['second-factor-missing'] as const)),
      ...(lockedUntil === null ? [] : (['second-factor-locked'] as const)),
    ]
  }
}

/** The records as they stood then, as far as they tell by themselves, and a gateway that is well. */
function asOf(facts: Facts, at: EpochMs, now: EpochMs): Facts {
  const sound = { at, viewAgeMs: 0, isClockTrusted: true }
  if (at >= now) return { ...facts, ...sound }
  return {
    ...facts,
    ...sound,
    grants: facts.grants
      .filter(({ issuedAt }) => issuedAt <= at)
      .map((grant) =>
        grant.revocation !== null && grant.revocation.at > at ? { ...grant, revocation: null } : grant,
      ),
    lockdowns: facts.lockdowns.filter((lockdown) => lockdown.at <= at),
  }
}

function wantedOf(
  { method, path }: Pick<Question, 'method' | 'path'>,
  endpoint: Endpoint | undefined,
): { method: string; path: string; isSafe: boolean } | null {
  if (!(methods as readonly string[]).includes(method))
    throw refusal('method', `must be one of ${methods.join(', ')}`)
  const target = readTarget(path ?? endpoint?.landingPath ?? '/', endpoint?.lenientRequests ?? new Set())
  if (typeof target === 'string') throw refusal('path', `is refused for everybody: ${target}`)
  return { method, path: target.path, isSafe: isSafeMethod(method) }
}

function stranger(email: string): Asked {
  // No principal has this id, so nothing is held by it.
  return { principal: { id: 'nobody', email, name: null }, isKnown: false }
}

function permitsFirst(a: Explanation, b: Explanation): number {
  const rank = ({ decision }: Explanation): number => (decision.outcome === 'permit' ? 0 : 1)
  const name = ({ person }: Explanation): string => person.email ?? person.principalId ?? ''
  return rank(a) - rank(b) || name(a).localeCompare(name(b)) || a.endpointId.localeCompare(b.endpointId)
}

function refusal(field: string, what: string): GatehouseError {
  return new GatehouseError('input-invalid', `${field}: ${what}`, { field })
}
