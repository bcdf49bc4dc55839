import type { Conditions } from '../model.js'

/** Of a grant that asks for nothing besides its time. */
export const unconditional: Conditions = {
  windows: [],
  lastsFromFirstUseMs: null,
  sources: [],
  maxSessions: null,
  needsRelease: false,
}
