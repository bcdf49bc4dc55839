/**
 * Alarm states after ISA-18.2 / IEC 62682: an alarm that went away unseen still asks to be seen.
 *
 * normal → unacknowledged → acknowledged → normal, or unacknowledged → returned → normal.
 */
export type AlarmState = 'normal' | 'unacknowledged' | 'acknowledged' | 'returned'

/** 1 needs a person now, 2 soon, 3 during the shift. */
export type AlarmPriority = 1 | 2 | 3

export interface AlarmDefinition {
  readonly id: string
  readonly text: string
  /** What the operator should do; an alarm without an answer is not an alarm. */
  readonly response: string
  readonly priority: AlarmPriority
  /** How long the condition must hold before it counts, and be gone before it has returned. */
  readonly delaySeconds: number
}

export interface Alarm extends AlarmDefinition {
  readonly state: AlarmState
  /** Seconds on the line's own clock. */
  readonly since: number
}

export interface AlarmEvent {
  readonly at: number
  readonly alarm: AlarmDefinition
  readonly kind: 'raised' | 'returned' | 'acknowledged'
  /** Who acknowledged; empty for what the process did by itself. */
  readonly by: string
}

interface Entry {
  state: AlarmState
  since: number
  /** How long the condition has disagreed with `isActive`. */
  pendingSeconds: number
  isActive: boolean
}

/** Tracks the states of a fixed set of alarms. Conditions come from the process, acknowledgements from people. */
export class AlarmList {
  readonly #definitions: readonly AlarmDefinition[]
  readonly #entries = new Map<string, Entry>()
  readonly #onEvent: (event: AlarmEvent) => void

  constructor(definitions: readonly AlarmDefinition[], onEvent: (event: AlarmEvent) => void) {
    this.#definitions = definitions
    this.#onEvent = onEvent
    for (const { id } of definitions) {
      this.#entries.set(id, { state: 'normal', since: 0, pendingSeconds: 0, isActive: false })
    }
  }

  isActive(id: string): boolean {
    return this.#entries.get(id)?.isActive ?? false
  }

  /** Feeds one condition; `seconds` have passed since the last time. */
  feed(id: string, isAbnormal: boolean, at: number, seconds: number): void {
    const definition = this.#definitions.find((candidate) => candidate.id === id)
    const entry = this.#entries.get(id)
    if (!definition || !entry) throw new Error(`no such alarm: ${id}`)
    if (isAbnormal === entry.isActive) {
      entry.pendingSeconds = 0
      return
    }
    entry.pendingSeconds += seconds
    if (entry.pendingSeconds < definition.delaySeconds) return
    entry.pendingSeconds = 0
    entry.isActive = isAbnormal
    entry.since = at
    if (isAbnormal) entry.state = 'unacknowledged'
    else entry.state = entry.state === 'acknowledged' ? 'normal' : 'returned'
    this.#onEvent({ at, alarm: definition, kind: isAbnormal ? 'raised' : 'returned', by: '' })
  }

  /** False when there is nothing to acknowledge. */
  acknowledge(id: string, at: number, by: string): boolean {
    const definition = this.#definitions.find((candidate) => candidate.id === id)
    const entry = this.#entries.get(id)
    if (!definition || !entry) return false
    if (entry.state === 'unacknowledged') entry.state = 'acknowledged'
    else if (entry.state === 'returned') entry.state = 'normal'
    else return false
    this.#onEvent({ at, alarm: definition, kind: 'acknowledged', by })
    return true
  }

  /** Everything that is not normal: unacknowledged first, then by priority, then newest first. */
  standing(): Alarm[] {
    const rank: Record<AlarmState, number> = { unacknowledged: 0, acknowledged: 1, returned: 2, normal: 3 }
    return this.#definitions
      .map((definition) => {
        const entry = this.#entries.get(definition.id)
        return { ...definition, state: entry?.state ?? 'normal', since: entry?.since ?? 0 }
      })
      .filter((alarm) => alarm.state !== 'normal')
      .sort((a, b) => rank[a.state] - rank[b.state] || a.priority - b.priority || b.since - a.since)
  }
}
