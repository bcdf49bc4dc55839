// Everything that is measured, in the order in which it is run.
import type { Trial } from './claims.js'
import { comeback } from './trials/comeback.js'
import { diskFull, killed } from './trials/ledger.js'
import { outage } from './trials/outages.js'
import { standstill, steppedClock } from './trials/standstill.js'
import { crowd, stopping } from './trials/stopping.js'
import { descriptors, machines, provider } from './trials/surroundings.js'

/** Those of one line wait more than they work, so they run side by side. */
export const groups: readonly (readonly Trial[])[] = [
  [stopping],
  [crowd],
  [outage],
  [standstill, steppedClock, provider, machines],
  [diskFull],
  [killed],
  [descriptors],
  [comeback],
]

export const trials: readonly Trial[] = groups.flat()
