import { Random } from '../fuzz/random.js'
import { faultKinds, type FaultKind } from './evidence.js'

/** What administrators do at an instant of the day, in milliseconds from its begin. */
export type Step = { readonly atMs: number } & (
  | {
      readonly step: 'grant'
      readonly person: number
      readonly endpoints: readonly number[]
      readonly access: 'view' | 'operate'
      readonly ending: 'cut' | 'drain' | 'read-only'
      readonly startsInMs: number
      readonly lastsMs: number
      /** From its issue; null where it is left alone. */
      readonly revokedAfterMs: number | null
      readonly extended: { readonly afterMs: number; readonly byMs: number } | null
    }
  | { readonly step: 'session'; readonly person: number; readonly isOldEnded: boolean }
  | {
      readonly step: 'lockdown'
      readonly scope: 'all' | { readonly endpoint: number } | { readonly person: number }
      readonly lastsMs: number
      readonly byCommand: boolean
    }
)

/** What breaks next, once what broke before is whole again. */
export interface Breakage {
  readonly kind: FaultKind
  readonly gapMs: number
  readonly lastsMs: number
  /** Which instance, where it is about one. */
  readonly instance: 0 | 1
  /** Where it is a restored backup: how old that is. */
  readonly backupAgeMs: number
}

export interface PlanOptions {
  readonly seed: number
  readonly people: number
  readonly endpoints: number
  /** Between two faults: at least, and how much more at most. */
  readonly faultGapMs: readonly [number, number]
}

/** Half of them cut, as most do. */
const endings = ['cut', 'cut', 'drain', 'read-only'] as const

const rates = { grantEveryMs: 350, sessionEveryMs: 2_500, lockdownEveryMs: 7_000 }

/** Without an end; the same for the same seed. */
export function* stepsOf({ seed, people, endpoints }: PlanOptions): Generator<Step, never> {
  const random = new Random(seed, 1)
  const between = (least: number, most: number): number => least + random.below(most - least)
  const grant = (atMs: number): Step => {
    // Most are short, some as long as the longest.
    const lastsMs = random.once(3) ? between(20_000, 60_000) : between(2_000, 20_000)
    const fate = random.below(4)
    return {
      ...{ atMs, step: 'grant', lastsMs },
      person: random.below(people),
      endpoints: [...new Set([random.below(endpoints), random.below(endpoints), random.below(endpoints)])],
      access: random.once(7) ? 'view' : 'operate',
      ending: random.pick(endings),
      startsInMs: random.once(4) ? between(200, 2_000) : 0,
      revokedAfterMs: fate === 0 ? between(300, lastsMs) : null,
      extended: fate === 1 ? { afterMs: between(200, lastsMs), byMs: between(1_000, 20_000) } : null,
    }
  }
  const session = (atMs: number): Step => ({
    ...{ atMs, step: 'session' },
    person: random.below(people),
    isOldEnded: !random.once(3),
  })
  const lockdown = (atMs: number): Step => ({
    ...{ atMs, step: 'lockdown' },
    scope: random.once(10)
      ? 'all'
      : random.once(2)
        ? { endpoint: random.below(endpoints) }
        : { person: random.below(people) },
    lastsMs: between(400, 3_000),
    byCommand: random.once(3),
  })
  const next = { grant: 0, session: 1_000, lockdown: 2_000 }
  for (;;) {
    const atMs = Math.min(next.grant, next.session, next.lockdown)
    if (atMs === next.grant) {
      next.grant += between(0, 2 * rates.grantEveryMs)
      yield grant(atMs)
    } else if (atMs === next.session) {
      next.session += between(0, 2 * rates.sessionEveryMs)
      yield session(atMs)
    } else {
      next.lockdown += between(0, 2 * rates.lockdownEveryMs)
      yield lockdown(atMs)
    }
  }
}

const lasts: Readonly<Record<FaultKind, readonly [number, number]>> = {
  'redis-frozen': [200, 6_000],
  'redis-killed': [0, 2_000],
  'redis-rolled-back': [0, 500],
  'instance-frozen': [2_000, 6_000],
  'instance-killed': [0, 1_000],
  'instance-stopped': [0, 1_000],
  'machine-dead': [300, 3_000],
  'machine-silent': [300, 3_000],
}

/** Without an end; the same for the same seed. Each kind comes once before any comes again. */
export function* breakagesOf({ seed, faultGapMs: [least, more] }: PlanOptions): Generator<Breakage, never> {
  const random = new Random(seed, 2)
  for (;;) {
    const deck: FaultKind[] = [...faultKinds]
    while (deck.length > 0) {
      const [kind = faultKinds[0]] = deck.splice(random.below(deck.length), 1)
      const [shortest, longest] = lasts[kind]
      // The two that the promises have bounds for lie on either side of them.
      const frozenMs = random.once(2) ? shortest : longest
      yield {
        kind,
        gapMs: least + random.below(more),
        lastsMs: kind === 'instance-frozen' ? frozenMs : shortest + random.below(longest - shortest),
        instance: random.once(2) ? 0 : 1,
        backupAgeMs: 1_000 + random.below(4_000),
      }
    }
  }
}
