import type { Clock, Timer } from '../lib/index.js'
import type { CutCause, EpochMs } from '../model.js'
import { Roster, type Member } from './roster.js'

/** One live request, download or WebSocket: whose, by which right, and until when. */
export interface StreamInfo {
  /** The request id. */
  readonly id: string
  readonly kind: 'request' | 'websocket'
  readonly sessionId: string
  readonly passId: string
  readonly principalId: string
  readonly email: string | null
  readonly grantId: string
  readonly endpointId: string
  readonly path: string
  readonly startedAt: EpochMs
  /** The end of the grant or of the session, whichever comes first. */
  readonly closeAt: EpochMs
  readonly sessionEndsAt: EpochMs
}

export interface LiveStream {
  readonly info: StreamInfo
  /** Null until it is cut. */
  readonly cause: CutCause | null
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
    const entry = new Entry(info, deadlines, live)
    live.add(entry)
    deadlines.watch(entry)
    return entry
  }
  const apply = (change: Change, entries: Iterable<Entry>): number => {
    const matching = [...entries].filter((entry) => entry.cause === null && change.match(entry.info))
    if (change.kind === 'move') for (const entry of matching) entry.moveTo(change.closeAt)
    else cutAll(matching, () => change.cause)
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
    list: () => [...live].map((entry) => entry.info),
    reviewDeadlines: () => {
      deadlines.review()
    },
  }
}

type Change = { readonly match: (stream: StreamInfo) => boolean } & (
  { readonly kind: 'cut'; readonly cause: CutCause } | { readonly kind: 'move'; readonly closeAt: EpochMs }
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

class Entry implements LiveStream, Member {
  place = -1
  /** Of the deadlines alone. */
  deadline: Deadline | null = null
  #info: StreamInfo
  #cause: CutCause | null = null
  #callbacks: ((cause: CutCause) => void)[] = []
  readonly #deadlines: Deadlines
  readonly #live: Roster<Entry>

  constructor(info: StreamInfo, deadlines: Deadlines, live: Roster<Entry>) {
    this.#info = info
    this.#deadlines = deadlines
    this.#live = live
  }

  get info(): StreamInfo {
    return this.#info
  }

  get cause(): CutCause | null {
    return this.#cause
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
    this.#deadlines.forget(this)
    const callbacks = this.#callbacks
    this.#callbacks = []
    for (const callback of callbacks) callback(cause)
  }

  moveTo(closeAt: EpochMs): void {
    this.#deadlines.forget(this)
    this.#info = { ...this.#info, closeAt: Math.min(closeAt, this.#info.sessionEndsAt) }
    this.#deadlines.watch(this)
  }

  end(): void {
    this.#callbacks = []
    this.#deadlines.forget(this)
    this.#live.delete(this)
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
