import { GatehouseError } from '../lib/index.js'

export type FailureCode =
  'upstream-unreachable' | 'upstream-busy' | 'upstream-timeout' | 'upstream-invalid' | 'upstream-login-failed'

const sentences: Readonly<Record<FailureCode, string>> = {
  'upstream-unreachable': 'The machine cannot be reached right now.',
  'upstream-busy': 'The machine takes no more connections right now.',
  'upstream-timeout': 'The machine did not answer in time.',
  'upstream-invalid': 'The machine gave an answer that cannot be passed on.',
  'upstream-login-failed': 'The machine did not accept the sign-in of the gateway.',
}

/** `problem` is for operators; outsiders get the sentence that belongs to the code. */
export function upstreamFailure(code: FailureCode, problem: string, cause?: unknown): GatehouseError {
  return new GatehouseError(code, sentences[code], { cause: cause ?? new Error(problem) })
}
