// Whether anything was forwarded that should not have been: from what was written down, and nothing else.
import type { Act, Answered, Arrival, Fault } from './evidence.js'

/** Of a ledger that `audit verify` has found whole. */
export interface LedgerRecord {
  /** Which instance, or whose commands. */
  readonly writer: string
  /** ISO 8601. */
  readonly at: string
  readonly event: string
  readonly fields: Readonly<Record<string, unknown>>
}

type Lines<T> = AsyncIterable<T> | Iterable<T>

export interface Evidence {
  readonly records: Lines<LedgerRecord>
  readonly arrivals: Lines<Arrival>
  readonly answers: Lines<Answered>
  readonly acts: readonly Act[]
  readonly faults: readonly Fault[]
}

export const rules = {
  unrecorded: 'It reached the machine, and the ledger has no permit for it.',
  'recorded-late': 'It changes something or stays open, and was recorded after the machine had it.',
  'grant-missing': 'The grant it was permitted by was never issued.',
  'wrong-principal': 'Its grant, its record and what the machine was told are not about one person.',
  'wrong-endpoint': 'Its grant does not cover the machine that it reached.',
  'view-only': 'It changes something, and its grant only lets look.',
  'read-only': 'It changes something, in the last part of its grant, which only lets look.',
  'grant-not-started': 'It came before its grant began.',
  'grant-ended': 'It came after its grant had ended.',
  'grant-revoked': 'It came after its grant had been revoked.',
  'session-ended': 'It came after its session had been ended.',
  lockdown: 'It came while it was locked out.',
  'stream-outlived': 'What was open passed something on, or stayed open, after the right to it had ended.',
  'cut-early': 'It was cut as if its grant had ended, which it had not, or not yet for what had begun.',
  'sent-twice': 'It changes something, and reached the machine twice.',
  'decided-twice': 'The ledger has two permits for one request.',
  'act-lost': 'Somebody was told that it is done, and no ledger has it.',
  'completion-lost': 'It was permitted and ran to its end, and the ledger does not say how it ended.',
  'answer-mixed-up': 'Somebody was given the answer to another request.',
  'answer-missing': 'Somebody waited in vain.',
} as const
export type Rule = keyof typeof rules

export interface Violation {
  readonly rule: Rule
  /** Of the request; null where it is about none. */
  readonly number: number | null
  readonly detail: string
}

export interface Verdict {
  readonly violations: readonly Violation[]
  readonly arrived: { requests: number; changing: number; websockets: number; messages: number }
  readonly permits: number
  readonly grants: number
  /** The longest each took, in milliseconds, as allowed for as the promises do. */
  readonly worst: {
    /** A request that was decided before the end of its right, and reached the machine after it. */
    onItsWayMs: number
    /** Anything that passed through an open stream, or its end, after the end of its right. */
    streamMs: number
    /** A message of a WebSocket, after its grant had become one to look. */
    lookingMs: number
    /** The same where an instance was frozen meanwhile, from its thaw. */
    afterThawMs: number
    /** Between a safe request without a record and the kill that lost it. */
    unrecordedBeforeKillMs: number
  }
  readonly unrecordedSafe: number
}

/** Promise R1. */
const takesEffectMs = 1_000
/** Promise R2, for what is open while Redis does not answer. */
const blindMs = 5_000
/** Between what happens and its instant in the ledger, by a clock of whole milliseconds. */
const writtenDownMs = 5
/** Promise R4 says 100 ms; nine times that are for a host with more to do than it can. */
const durableMs = 1_000
/** As the configuration of the day says, for the ending `drain`: what has begun may go on so long. */
export const drainMs = 10_000
/** And for `read-only`: so long before its end, but for half of it at most, a grant only lets look. */
export const readOnlyMs = 60_000
/** The longest that anything permitted can take to end. */
const longestMs = 40_000
const safeMethods = new Set(['GET', 'HEAD', 'OPTIONS'])

interface Permit {
  readonly at: number
  readonly writer: string
  readonly grantId: string
  readonly sessionId: string
  readonly principalId: string
  readonly endpointId: string
  isCompleted: boolean
  arrivals: number
  readonly isWebSocket: boolean
  /** When it was cut because its grant was over; null when it was not. */
  expiredAt: number | null
}

interface GrantFacts {
  readonly from: number
  readonly email: string
  readonly principalId: string | null
  readonly endpoints: readonly string[]
  readonly access: string
  readonly ending: string
  /** Each end it had, and since when. */
  readonly ends: { readonly since: number; readonly until: number }[]
}

/** When a right ended; for one host only, where no other could be told. */
interface End {
  readonly rule: Rule
  readonly at: number
  readonly instance: string | null
  /** It came back, as after a lockdown. */
  readonly until: number
}

export async function checkDay({ records, arrivals, answers, acts, faults }: Evidence): Promise<Verdict> {
  const ledger = await readRecords(records)
  const judge = new Judge(ledger, acts, faults)
  judge.violations.push(...ledger.violations)
  for await (const arrival of arrivals) judge.arrival(arrival)
  for await (const answer of answers) judge.answer(answer)
  judge.acts(acts)
  judge.cuts()
  judge.completions()
  const { violations, arrived, worst, unrecordedSafe } = judge
  return {
    ...{ violations, arrived, worst, unrecordedSafe },
    permits: ledger.permits.size,
    grants: ledger.grants.size,
  }
}

// ── the ledger ───────────────────────────────────────────────────────────────────────────────────

interface LedgerFacts {
  /** By the number of the request. */
  readonly permits: Map<number, Permit>
  readonly grants: Map<string, GrantFacts>
  /** By grant: each end it was given later, and since when. */
  readonly extended: Map<string, GrantFacts['ends']>
  /** By scope, in order. */
  readonly lifted: Map<string, number[]>
  /** What was done to what, and how often. */
  readonly done: Map<string, number>
  readonly violations: Violation[]
}

async function readRecords(records: Lines<LedgerRecord>): Promise<LedgerFacts> {
  const facts: LedgerFacts = {
    ...{ permits: new Map(), grants: new Map(), extended: new Map(), lifted: new Map(), done: new Map() },
    violations: [],
  }
  const running = new Map<string, Permit>()
  const known = new Map<string, string>()
  /** One string for all that are alike: there are millions. */
  const shared = (text: string): string => {
    const held = known.get(text)
    if (held === undefined) known.set(text, text)
    return held ?? text
  }
  for await (const record of records) {
    const { event, fields, writer } = record
    if (event === 'request.decided') {
      const number = numberIn(text(fields, 'path'))
      if (fields.outcome !== 'permit' || number === null) continue
      const permit: Permit = {
        at: Date.parse(record.at),
        writer,
        grantId: shared(text(fields, 'grantId')),
        sessionId: shared(text(fields, 'sessionId')),
        principalId: shared(text(fields, 'principalId')),
        endpointId: shared(text(fields, 'endpointId')),
        isWebSocket: text(fields, 'kind') === 'websocket',
        ...{ isCompleted: false, arrivals: 0, expiredAt: null },
      }
      if (facts.permits.has(number))
        facts.violations.push({ rule: 'decided-twice', number, detail: text(fields, 'requestId') })
      facts.permits.set(number, permit)
      running.set(text(fields, 'requestId'), permit)
    } else if (event === 'request.completed') {
      const requestId = text(fields, 'requestId')
      const permit = running.get(requestId)
      if (permit) {
        permit.isCompleted = true
        if (text(fields, 'cause') === 'grant-ended') permit.expiredAt = Date.parse(record.at)
      }
      running.delete(requestId)
    } else keepChange(facts, record)
  }
  for (const instants of facts.lifted.values()) instants.sort((a, b) => a - b)
  // Not as they come: they may stand in a chain that is read before the one with the issue.
  for (const [id, ends] of facts.extended) facts.grants.get(id)?.ends.push(...ends)
  return facts
}

function keepChange(
  { grants, extended, lifted, done }: LedgerFacts,
  { event, at, fields }: LedgerRecord,
): void {
  const count = (id: string): void => void done.set(`${event} ${id}`, (done.get(`${event} ${id}`) ?? 0) + 1)
  const since = Date.parse(at)
  if (event === 'grant.issued') {
    const grant = fields.grant as Readonly<Record<string, unknown>>
    const to = grant.to as { email: string; principalId: string | null }
    const id = text(grant, 'id')
    count(id)
    grants.set(id, {
      ...to,
      from: Date.parse(text(grant, 'from')),
      endpoints: grant.endpoints as string[],
      access: text(grant, 'access'),
      ending: text(grant, 'ending'),
      ends: [...(grants.get(id)?.ends ?? []), { since: -Infinity, until: Date.parse(text(grant, 'until')) }],
    })
  } else if (event === 'grant.extended') {
    const id = text(fields, 'grantId')
    count(id)
    extended.set(id, [...(extended.get(id) ?? []), { since, until: Date.parse(text(fields, 'until')) }])
  } else if (event === 'grant.revoked') count(text(fields, 'grantId'))
  else if (event === 'session.ended') count(text(fields, 'sessionId'))
  else if (event === 'lockdown.on') count(text(fields, 'scope'))
  else if (event === 'lockdown.off') {
    const scope = text(fields, 'scope')
    count(scope)
    lifted.set(scope, [...(lifted.get(scope) ?? []), since])
  }
}

const text = (fields: Readonly<Record<string, unknown>>, name: string): string => {
  const value = fields[name]
  return typeof value === 'string' ? value : ''
}

/** Of `/n/123`. */
function numberIn(path: string): number | null {
  const found = /^\/[a-z]+\/(\d+)$/.exec(path)?.[1]
  return found === undefined ? null : Number(found)
}

// ── what is held against it ──────────────────────────────────────────────────────────────────────

class Judge {
  readonly violations: Violation[] = []
  readonly arrived = { requests: 0, changing: 0, websockets: 0, messages: 0 }
  readonly worst = { onItsWayMs: 0, streamMs: 0, lookingMs: 0, afterThawMs: 0, unrecordedBeforeKillMs: 0 }
  unrecordedSafe = 0
  readonly #ledger: LedgerFacts
  readonly #faults: readonly Fault[]
  readonly #endsOf = new Map<string, End[]>()
  readonly #lockdowns: { readonly scope: string; readonly end: End }[] = []
  readonly #stalls: { readonly from: number; readonly until: number }[] = []
  /** Numbers of permits that clients have the whole answer to. */
  readonly #answeredAt = new Map<number, number>()

  constructor(ledger: LedgerFacts, acts: readonly Act[], faults: readonly Fault[]) {
    this.#ledger = ledger
    this.#faults = faults
    for (const act of acts) this.#learn(act)
    this.#stalls.push(...faults.filter(({ kind }) => kind === 'host-stalled'))
  }

  #learn({ kind, id, outcome, answeredAt, instance }: Act): void {
    if (id === null || outcome === 'failed') return
    // Another process of that host finds it in its journal.
    const at = outcome === 'done' ? answeredAt : answeredAt + takesEffectMs
    const where = outcome === 'done' ? null : instance
    if (kind === 'lockdown.on') {
      const until = this.#ledger.lifted.get(id)?.find((instant) => instant >= answeredAt) ?? Infinity
      this.#lockdowns.push({ scope: id, end: { rule: 'lockdown', at, instance: where, until } })
    } else if (kind === 'grant.revoked' || kind === 'session.ended') {
      const rule = kind === 'grant.revoked' ? 'grant-revoked' : 'session-ended'
      const end: End = { rule, at, instance: where, until: Infinity }
      this.#endsOf.set(id, [...(this.#endsOf.get(id) ?? []), end])
    }
  }

  arrival(arrival: Arrival): void {
    if (arrival.kind === 'stall') {
      this.#stalls.push({ from: arrival.at - arrival.number, until: arrival.at })
      return
    }
    const permit = this.#ledger.permits.get(arrival.number)
    const isFirst = arrival.kind === 'request' || arrival.kind === 'websocket'
    if (isFirst) this.#count(arrival)
    else if (arrival.kind === 'frame') this.arrived.messages += 1
    if (permit === undefined) {
      if (isFirst) this.#unrecorded(arrival)
    } else if (isFirst) this.#begun(arrival, permit)
    else this.#goesOn(arrival, permit)
  }

  #count({ kind, method }: Arrival): void {
    this.arrived.requests += 1
    if (kind === 'websocket') this.arrived.websockets += 1
    else if (!safeMethods.has(method)) this.arrived.changing += 1
  }

  #accuse(rule: Rule, { number, at, kind, endpointId, user }: Arrival, detail: string): void {
    const what = `${kind} of ${user} to ${endpointId} at ${new Date(at).toISOString()}: ${detail}`
    this.violations.push({ rule, number, detail: what })
  }

  /** A kill may lose the record of a request that only looked, as long as nobody had the time to write it. */
  #unrecorded(arrival: Arrival): void {
    const beforeKill = this.#killAfter(arrival.at - durableMs, arrival.at + durableMs)
    if (arrival.kind === 'request' && safeMethods.has(arrival.method) && beforeKill !== null) {
      this.unrecordedSafe += 1
      this.worst.unrecordedBeforeKillMs = Math.max(
        this.worst.unrecordedBeforeKillMs,
        beforeKill.from - arrival.at,
      )
    } else this.#accuse('unrecorded', arrival, arrival.method)
  }

  #killAfter(from: number, until: number, instance?: string): Fault | null {
    const found = this.#faults.find(
      (fault) =>
        fault.kind === 'instance-killed' &&
        fault.from >= from &&
        fault.from <= until &&
        (instance === undefined || fault.instance === instance),
    )
    return found ?? null
  }

  #begun(arrival: Arrival, permit: Permit): void {
    permit.arrivals += 1
    const isChanging = !safeMethods.has(arrival.method)
    if (isChanging && permit.arrivals > 1) this.#accuse('sent-twice', arrival, arrival.method)
    if ((isChanging || arrival.kind === 'websocket') && permit.at > arrival.at)
      this.#accuse('recorded-late', arrival, `its record is of ${new Date(permit.at).toISOString()}`)
    const grant = this.#ledger.grants.get(permit.grantId)
    if (grant === undefined) {
      this.#accuse('grant-missing', arrival, permit.grantId)
      return
    }
    this.#covers(arrival, permit, grant)
    if (isChanging) this.#mayChange(arrival, permit, grant)
    if (permit.at < grant.from || arrival.at < grant.from)
      this.#accuse('grant-not-started', arrival, `${permit.grantId} begins ${inWords(grant.from)}`)
    this.#stillHeld(arrival, permit, grant)
  }

  #covers(arrival: Arrival, permit: Permit, grant: GrantFacts): void {
    const { grantId, principalId, endpointId } = permit
    if (arrival.user !== grant.email || principalId !== grant.principalId)
      this.#accuse('wrong-principal', arrival, `${grantId} is of ${grant.email}, recorded is ${principalId}`)
    const isCovered = grant.endpoints.includes(arrival.endpointId)
    if (!isCovered || arrival.endpointId !== endpointId)
      this.#accuse('wrong-endpoint', arrival, `${grantId} is for ${grant.endpoints.join(', ')}`)
  }

  /** A request by when it was decided, and a message of a WebSocket by when it came. */
  #mayChange(arrival: Arrival, permit: Permit, grant: GrantFacts): void {
    if (grant.access !== 'operate') this.#accuse('view-only', arrival, permit.grantId)
    const at = viewOnlyAt(grant, arrival.kind === 'frame' ? arrival.at : permit.at)
    const isDecidedLate = arrival.kind !== 'frame' && permit.at >= at + writtenDownMs
    const end: End = { rule: 'read-only', at, instance: null, until: Infinity }
    const lateMs = this.#late(arrival, permit, end)
    if (isDecidedLate || lateMs === null) this.#accuse('read-only', arrival, `${arrival.at - at} ms into it`)
    else if (arrival.kind === 'frame') this.worst.lookingMs = Math.max(this.worst.lookingMs, lateMs)
  }

  /** Decided while the right was held; and on its way for no longer than a change may take. */
  #stillHeld(arrival: Arrival, permit: Permit, grant: GrantFacts): void {
    const until = untilAt(grant, permit.at)
    if (permit.at >= until + writtenDownMs)
      this.#accuse('grant-ended', arrival, `decided ${permit.at - until} ms after its end`)
    for (const end of this.#endsFor(permit, grant))
      if (permit.at > end.at && permit.at < end.until)
        this.#accuse(end.rule, arrival, `decided ${permit.at - end.at} ms after it was acknowledged`)
    const end = this.#endAfter(permit, grant, arrival.at)
    const lateMs = this.#late(arrival, permit, end)
    if (lateMs === null)
      this.#accuse(end.rule, arrival, `decided before, arrived ${arrival.at - end.at} ms after`)
    else this.worst.onItsWayMs = Math.max(this.worst.onItsWayMs, lateMs)
  }

  #goesOn(arrival: Arrival, permit: Permit): void {
    const grant = this.#ledger.grants.get(permit.grantId)
    if (grant === undefined) return
    if (arrival.kind === 'frame') this.#mayChange(arrival, permit, grant)
    const end = this.#endAfter(permit, grant, arrival.at)
    const lateMs = this.#late(arrival, permit, end)
    if (lateMs === null)
      this.#accuse(
        'stream-outlived',
        arrival,
        `${arrival.at - end.at} ms after its right ended (${end.rule})`,
      )
    else this.worst.streamMs = Math.max(this.worst.streamMs, lateMs)
  }

  /** @returns by how much, where that is allowed; null where it is not */
  #late(arrival: Arrival, { writer }: Permit, end: End): number | null {
    const lateMs = arrival.at - end.at
    if (lateMs <= 0) return 0
    // Expiry needs nobody (R3); that something was ended early, an instance without Redis cannot know.
    const isStream = arrival.kind === 'frame' || arrival.kind === 'end'
    const isByItself = end.rule === 'grant-ended' || end.rule === 'read-only'
    const isBlind = isStream && !isByItself && this.#isWithoutRedis(end.at)
    if (lateMs <= (isBlind ? blindMs : takesEffectMs)) return isBlind ? 0 : lateMs
    // What was frozen goes on where it stood, and learns of the time that has passed.
    const thaws = this.#faults.filter(
      ({ kind, instance, from, until }) =>
        kind === 'instance-frozen' && instance === writer && from <= end.at + blindMs && until >= end.at,
    )
    const stalls = this.#stalls.filter(({ from, until }) => from <= arrival.at && until >= end.at)
    const since = Math.max(end.at, ...[...thaws, ...stalls].map(({ until }) => until))
    const afterThawMs = Math.max(0, arrival.at - since)
    if (afterThawMs > takesEffectMs || since === end.at) return null
    this.worst.afterThawMs = Math.max(this.worst.afterThawMs, afterThawMs)
    return 0
  }

  #isWithoutRedis(at: number): boolean {
    return this.#faults.some(
      ({ kind, from, until }) =>
        kind.startsWith('redis-') && from <= at + takesEffectMs && until >= at - takesEffectMs,
    )
  }

  /** The first end of the right that a permit stands for, as far as it was known at `at`. */
  #endAfter(permit: Permit, grant: GrantFacts, at: number): End {
    const ended: End = {
      ...{ rule: 'grant-ended', at: untilAt(grant, at) + drainedMs(permit, grant) },
      ...{ instance: null, until: Infinity },
    }
    return this.#endsFor(permit, grant)
      .filter((end) => end.at >= permit.at)
      .reduce((first, end) => (end.at < first.at ? end : first), ended)
  }

  #endsFor(permit: Permit, { email }: GrantFacts): End[] {
    const scopes = new Set(['all', `endpoint:${permit.endpointId}`, `principal:${email}`])
    return [
      ...(this.#endsOf.get(permit.grantId) ?? []),
      ...(this.#endsOf.get(permit.sessionId) ?? []),
      ...this.#lockdowns.filter(({ scope }) => scopes.has(scope)).map(({ end }) => end),
    ].filter(({ instance }) => instance === null || instance === permit.writer)
  }

  answer({ number, status, at, problem }: Answered): void {
    if (problem === 'mixed-up') this.violations.push({ rule: 'answer-mixed-up', number, detail: inWords(at) })
    if (problem === 'stuck') this.violations.push({ rule: 'answer-missing', number, detail: inWords(at) })
    if (status !== 200) return
    const permit = this.#ledger.permits.get(number)
    if (permit === undefined) {
      if (this.#killAfter(at - durableMs, at + durableMs) === null)
        this.violations.push({ rule: 'unrecorded', number, detail: `answered ${inWords(at)}` })
    } else if (!permit.isCompleted) this.#answeredAt.set(number, at)
  }

  acts(acts: readonly Act[]): void {
    const told = new Map<string, number>()
    for (const { kind, id, outcome, answeredAt } of acts) {
      if (id === null || outcome === 'failed') continue
      const name = `${kind} ${id}`
      // Of what is said again only the first need be new; a lockdown is each time.
      const isEachTime = kind === 'lockdown.on'
      const count = isEachTime ? (told.get(name) ?? 0) + 1 : 1
      told.set(name, count)
      if ((this.#ledger.done.get(name) ?? 0) < count)
        this.violations.push({ rule: 'act-lost', number: null, detail: `${name}, ${inWords(answeredAt)}` })
    }
  }

  /** A wrong cut can leave a machine half-programmed. */
  cuts(): void {
    for (const [number, permit] of this.#ledger.permits) {
      const grant = this.#ledger.grants.get(permit.grantId)
      if (permit.expiredAt === null || grant === undefined) continue
      const until = untilAt(this.#asRestored(grant), this.#knownAt(permit.expiredAt))
      const earlyMs = until + drainedMs(permit, grant) - permit.expiredAt
      if (earlyMs <= writtenDownMs) continue
      const detail = `under ${permit.grantId}, ${earlyMs} ms early, ${inWords(permit.expiredAt)}`
      this.violations.push({ rule: 'cut-early', number, detail })
    }
  }

  /** Without what a Redis that was put back to an earlier state no longer knew: more time has to be given again then. */
  #asRestored(grant: GrantFacts): GrantFacts {
    const isForgotten = (since: number): boolean =>
      this.#faults.some(
        ({ kind, from, until }) =>
          kind === 'redis-rolled-back' && since >= from - takesEffectMs && since <= until,
      )
    return { ...grant, ends: grant.ends.filter(({ since }) => !isForgotten(since)) }
  }

  /** An extension that was just being made known, or while something failed, may have come too late. */
  #knownAt(at: number): number {
    const meanwhile = this.#faults.filter(({ from, until }) => from <= at && until >= at - takesEffectMs)
    return Math.min(at, ...meanwhile.map(({ from }) => from)) - takesEffectMs
  }

  /** Only a kill may keep an instance from saying how something ended. */
  completions(): void {
    for (const [number, { at, writer, isCompleted, arrivals }] of this.#ledger.permits) {
      const answeredAt = this.#answeredAt.get(number)
      // A record that took too long is refused, and may still get into the ledger: then nothing came of it.
      if (isCompleted || (arrivals === 0 && answeredAt === undefined)) continue
      const kill =
        answeredAt === undefined
          ? this.#killAfter(at - durableMs, at + longestMs, writer)
          : this.#killAfter(answeredAt - durableMs, answeredAt + durableMs, writer)
      if (kill === null) {
        const detail = `permitted by ${writer} ${inWords(at)}, ${answeredAt === undefined ? 'not answered' : 'answered'}`
        this.violations.push({ rule: 'completion-lost', number, detail })
      }
    }
  }
}

function untilAt({ ends }: GrantFacts, at: number): number {
  return Math.max(...ends.filter(({ since }) => since <= at).map(({ until }) => until))
}

/** From when on it only lets look; never, for most. */
function viewOnlyAt(grant: GrantFacts, at: number): number {
  if (grant.ending !== 'read-only') return Infinity
  const until = untilAt(grant, at)
  return until - Math.min(readOnlyMs, Math.floor((until - grant.from) / 2))
}

/** For how long after the end of its grant it may finish. Of a WebSocket nobody can say what has begun. */
const drainedMs = ({ isWebSocket }: Permit, { ending }: GrantFacts): number =>
  ending === 'drain' && !isWebSocket ? drainMs : 0

const inWords = (at: number): string => `at ${new Date(at).toISOString()}`
