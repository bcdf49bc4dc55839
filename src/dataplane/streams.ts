import type { Clock, Timer } from '../lib/index.js'
import type { CutCause, EpochMs } from '../model.js'
import { Roster, type Member } from './roster.js'

/**
 * One live request, download or WebSocket: whose, by which right, and until when. Hints are what an open page of the
 * portal is told by; they reach no machine, and belong to no grant.
 */
export interface StreamInfo {
  /** The request id. */
  readonly id: string
  readonly kind: 'request' | 'websocket' | 'hints'
  readonly sessionId: string
  readonly passId: string
  readonly principalId: string
  readonly email: string | null
  readonly grantId: string
  readonly endpointId: string
  readonly path: string
  readonly startedAt: EpochMs
  /** The end of what the grant lets it do, or of the session, whichever comes first. */
  readonly closeAt: EpochMs
  readonly sessionEndsAt: EpochMs
  /** From when on it may only look; null for never. */
  readonly viewOnlyFrom: EpochMs | null
}

export interface LiveStream {
  readonly info: StreamInfo
  /** Null until it is cut. */
  readonly cause: CutCause | null
  /** Whether the client may tell the machine nothing now. Asked for each message, since it may begin and end meanwhile. */
  readonly isViewOnly: boolean
  /** Calls back once when the stream is cut, or at once if it already was; returns how to stop waiting. */
  onCut(callback: (cause: CutCause) => void): () => void
  /** To be called once everything is closed, whoever closed it. */
  end(): void
}

/** A stream whose admission is under way. One of the two must be called. */
export interface PendingStream {
  /** Registers the stream; if a cut that fits it arrived since `expect`, it opens already cut. */
  open(info: StreamInfo): LiveStream
  abandon(): void
}

/** Every live stream of this instance, so that none outlives its right. */
export interface Streams {
  /**
   * To be called before any state is read for a decision: a revocation that arrives between the reading
   * and the opening would otherwise find nothing to cut, and the stream would live on (a race an
   * attacker can widen by being slow).
   */
  expect(): PendingStream
  /** Cuts every stream that matches, and returns how many live ones that were. */
  cut(match: (stream: StreamInfo) => boolean, cause: CutCause): number
  /** Moves the deadline of every stream that matches, never beyond the end of its session. */
  moveDeadline(match: (stream: StreamInfo) => boolean, closeAt: EpochMs): void
  /** Moves the instant from which every stream that matches may only look. */
  moveViewOnly(match: (stream: StreamInfo) => boolean, viewOnlyFrom: EpochMs | null): void
  list(): readonly StreamInfo[]
  /** To be called when time has moved on without the monotonic clock: what should have ended is cut at once. */
  reviewDeadlines(): void
}

/**
 * Deadlines need nobody (R3): each stream is cut at its `closeAt` by the monotonic clock, whether or not
 * any message arrives. The cause is `session-ended` where the session ends first, else `grant-ended`.
 *
 * A search is a walk over all streams: 5,000 take well under a millisecond, and searches are rare.
 */
export function createStreams(options: { readonly clock: Clock }): Streams {
  const live = new Roster<Entry>()
  const pending = new Roster<Pending>()
  const deadlines = createDeadlines(options.clock, live)

  const open = (info: StreamInfo): Entry => {
    const entry = new Entry(info, { clock: options.clock, deadlines, live })
    live.add(entry)
    deadlines.watch(entry)
    return entry
  }
  const apply = (change: Change, entries: Iterable<Entry>): number => {
    const matching = [...entries].filter((entry) => entry.cause === null && change.match(entry.info))
    if (change.kind === 'cut') cutAll(matching, () => change.cause)
    else if (change.kind === 'move') for (const entry of matching) entry.moveTo(change.closeAt)
    else for (const entry of matching) entry.restrictFrom(change.viewOnlyFrom)
    return matching.length
  }
  const announce = (change: Change): number => {
    for (const stream of pending) stream.missed.push(change)
    return apply(change, live)
  }

  return {
    expect: () => {
      const self: Pending = { missed: [], place: -1 }
      pending.add(self)
      return {
        open: (info) => {
          pending.delete(self)
          const entry = open(info)
          for (const change of self.missed) apply(change, [entry])
          return entry
        },
        abandon: () => {
          pending.delete(self)
        },
      }
    },
    cut: (match, cause) => announce({ kind: 'cut', match, cause }),
    moveDeadline: (match, closeAt) => {
      announce({ kind: 'move', match, closeAt })
    },
    moveViewOnly: (match, viewOnlyFrom) => {
      announce({ kind: 'restrict', match, viewOnlyFrom })
    },
    list: () => [...live].map((entry) => entry.info),
    reviewDeadlines: () => {
      deadlines.review()
      for (const entry of live) entry.review()
    },
  }
}

type Change = { readonly match: (stream: StreamInfo) => boolean } & (
  | { readonly kind: 'cut'; readonly cause: CutCause }
  | { readonly kind: 'move'; readonly closeAt: EpochMs }
  | { readonly kind: 'restrict'; readonly viewOnlyFrom: EpochMs | null }
)

interface Pending extends Member {
  readonly missed: Change[]
}

/** All of them first, complaints afterwards: a bug in closing one stream must not keep the others open. */
function cutAll(entries: Iterable<Entry>, causeOf: (entry: Entry) => CutCause): void {
  const failures: unknown[] = []
  for (const entry of [...entries]) {
    try {
      entry.cut(causeOf(entry))
    } catch (error) {
      failures.push(error)
    }
  }
  if (failures.length > 0) throw new AggregateError(failures, 'streams were cut, but not cleanly')
}

function deadlineCause({ info }: Entry): CutCause {
  return info.closeAt >= info.sessionEndsAt ? 'session-ended' : 'grant-ended'
}

interface World {
  readonly clock: Clock
  readonly deadlines: Deadlines
  readonly live: Roster<Entry>
}

class Entry implements LiveStream, Member {
  place = -1
  /** Of the deadlines alone. */
  deadline: Deadline | null = null
  #info: StreamInfo
  #cause: CutCause | null = null
  #callbacks: ((cause: CutCause) => void)[] = []
  /** Monotonic (R3). */
  #viewOnlyDue = -Infinity
  readonly #world: World

  constructor(info: StreamInfo, world: World) {
    this.#info = info
    this.#world = world
    this.#reckon()
  }

  get info(): StreamInfo {
    return this.#info
  }

  get cause(): CutCause | null {
    return this.#cause
  }

  get isViewOnly(): boolean {
    // Written so that NaN counts as view only.
    return !(this.#world.clock.monotonic() < this.#viewOnlyDue)
  }

  onCut(callback: (cause: CutCause) => void): () => void {
    if (this.#cause === null) this.#callbacks.push(callback)
    else callback(this.#cause)
    return () => {
      this.#callbacks = this.#callbacks.filter((other) => other !== callback)
    }
  }

  cut(cause: CutCause): void {
    if (this.#cause !== null) return
    this.#cause = cause
    this.#world.deadlines.forget(this)
    const callbacks = this.#callbacks
    this.#callbacks = []
    for (const callback of callbacks) callback(cause)
  }

  moveTo(closeAt: EpochMs): void {
    const { deadlines } = this.#world
    deadlines.forget(this)
    this.#info = { ...this.#info, closeAt: Math.min(closeAt, this.#info.sessionEndsAt) }
    deadlines.watch(this)
  }

  restrictFrom(viewOnlyFrom: EpochMs | null): void {
    // Told again what it knows, it must not reckon anew: the wall clock may have been set back since.
    if (viewOnlyFrom === this.#info.viewOnlyFrom) return
    this.#info = { ...this.#info, viewOnlyFrom }
    this.#reckon()
  }

  /** Sooner, where time has moved on without the monotonic clock; never later. */
  review(): void {
    const due = this.#viewOnlyDue
    this.#reckon()
    this.#viewOnlyDue = Math.min(due, this.#viewOnlyDue)
  }

  #reckon(): void {
    const { clock } = this.#world
    const { viewOnlyFrom } = this.#info
    this.#viewOnlyDue = viewOnlyFrom === null ? Infinity : clock.monotonic() + (viewOnlyFrom - clock.now())
  }

  end(): void {
    this.#callbacks = []
    this.#world.deadlines.forget(this)
    this.#world.live.delete(this)
  }
}

interface Deadlines {
  /** Cuts it when its time has come. */
  watch(entry: Entry): void
  /** It is over, or is given another time. */
  forget(entry: Entry): void
  /** Brings forward what is due sooner than it was thought to be. */
  review(): void
}

interface Deadline {
  /** Monotonic. */
  due: number
  timer: Timer
  /** How many streams it would cut. */
  open: number
}

/**
 * One timer for each distinct instant: streams of one grant share theirs, however many they are. It stays until
 * it is due, hours at most, also while nothing is open: the next request of that grant needs it again.
 */
function createDeadlines(clock: Clock, live: Iterable<Entry>): Deadlines {
  const byInstant = new Map<EpochMs, Deadline>()

  const arm = (closeAt: EpochMs, delayMs: number): Timer =>
    clock.after(delayMs, () => {
      const deadline = byInstant.get(closeAt)
      byInstant.delete(closeAt)
      const entries = [...live].filter((entry) => entry.deadline !== null && entry.deadline === deadline)
      cutAll(entries, deadlineCause)
    })
  const forget = (entry: Entry): void => {
    if (entry.deadline !== null) entry.deadline.open -= 1
    entry.deadline = null
  }

  return {
    watch: (entry) => {
      const { closeAt } = entry.info
      const delayMs = closeAt - clock.now()
      if (delayMs <= 0) {
        entry.cut(deadlineCause(entry))
        return
      }
      const due = clock.monotonic() + delayMs
      let deadline = byInstant.get(closeAt)
      if (deadline === undefined) {
        deadline = { due, timer: arm(closeAt, delayMs), open: 0 }
        byInstant.set(closeAt, deadline)
      } else if (due < deadline.due - 1 || (due > deadline.due + 1 && deadline.open === 0)) {
        // The wall clock was set since the timer was armed. For what is open, the sooner of the two holds.
        deadline.timer.cancel()
        deadline.due = due
        deadline.timer = arm(closeAt, delayMs)
      }
      deadline.open += 1
      entry.deadline = deadline
    },
    forget,
    review: () => {
      for (const [closeAt, deadline] of byInstant) {
        const delayMs = Math.max(closeAt - clock.now(), 0)
        const due = clock.monotonic() + delayMs
        if (due >= deadline.due - 1) continue
        deadline.timer.cancel()
        deadline.due = due
        deadline.timer = arm(closeAt, delayMs)
      }
    },
  }
}
