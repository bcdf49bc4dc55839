import type { Config } from '../config/index.js'
import type { StreamInfo } from '../dataplane/index.js'
import type { Grants, Lockdowns } from '../grants/index.js'
import type { People, SecondFactor } from '../identity/index.js'
import type { AnswerDenied, AnswerError, Clock, Pages } from '../lib/index.js'
import type { Sessions } from '../sessions/index.js'

export interface AdminOptions {
  readonly config: Config
  readonly clock: Clock
  readonly pages: Pages
  readonly sessions: Sessions
  readonly grants: Grants
  readonly lockdowns: Lockdowns
  readonly people: People
  readonly secondFactor: SecondFactor
  /** What is open through this instance now. */
  readonly streams: () => readonly StreamInfo[]
  readonly answerError: AnswerError
  readonly answerDenied: AnswerDenied
}
