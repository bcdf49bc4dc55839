import type { CommanderError } from 'commander'
import { ConfigInvalid } from '../config/index.js'
import { describeError, GatehouseError, type ErrorCode } from '../lib/index.js'
import { inert, json } from './output.js'
import type { Output } from './shell.js'

/** What the operator may look at next. */
const hints: Partial<Record<ErrorCode, string>> = {
  'store-unavailable':
    'Redis does not answer, or refuses: see that it runs, that what `redis` says in the configuration is right, and what `gatehouse check --redis` says.',
  'grant-unknown': '`gatehouse grants list` shows all grants.',
  'reset-unknown': '`gatehouse users resets` shows what waits.',
  'session-unknown': '`gatehouse sessions list` shows who is signed in.',
  'notification-unknown': '`gatehouse notifications list` shows what is there.',
  'person-unknown':
    '`gatehouse users list` shows who has; `gatehouse users invite` is for those who have not.',
  'token-unknown': '`gatehouse tokens list` shows all tokens.',
  'identity-provider-answers':
    'Break-glass is for when it does not. Where it answers and lets nobody in all the same, add --anyway; it is recorded.',
  'invitee-enrolled': '`gatehouse users reset-totp` voids it, and makes a code for the next.',
  'not-enrolled': '`gatehouse users invite` makes a code with which they can set one up.',
}

/** Says what went wrong and why. An operator on the host may know the cause; nobody else sees this. */
export function explainFailure(error: unknown, wantsJson: boolean, output: Output): void {
  const failure = describeFailure(error)
  if (wantsJson) output.out(json({ error: failure }))
  const { message, cause, hint } = failure
  const because = cause === null ? [] : [`  because: ${cause}`]
  const lines = [...message.split('\n'), ...because, ...(hint === null ? [] : [hint])]
  output.err(lines.map((line) => `${inert(line)}\n`).join(''))
}

/** A command line that was not understood has been told on `err` already; a script reads `out`. */
export function explainUsage({ message }: CommanderError, wantsJson: boolean, output: Output): void {
  if (!wantsJson) return
  const sentence = message === '(outputHelp)' ? 'a command is missing' : message.replace(/^error: /, '')
  output.out(json({ error: { code: 'usage', field: null, message: sentence } }))
}

function describeFailure(error: unknown) {
  if (!(error instanceof GatehouseError)) {
    const message = `Unexpected failure: ${describeError(error)}`
    return { code: 'internal', field: null, message, cause: null, hint: null }
  }
  const { code, field } = error
  return {
    code,
    field,
    message: field === null || error.message.startsWith(field) ? error.message : `${field}: ${error.message}`,
    cause: error.cause === undefined ? null : describeError(error.cause),
    hint: hints[code] ?? null,
    ...(error instanceof ConfigInvalid ? { problems: error.problems } : {}),
  }
}
