import type { VNode } from 'preact'
import { GatehouseError, type Clock } from '../lib/index.js'
import { Field, useWords, type PersonalCall } from '../lib/page/index.js'
import type { SecondFactor } from '../identity/index.js'
import { hasFreshCode } from '../policy/index.js'
import { cookieNames, setCookie, type Sessions } from '../sessions/index.js'
import { freshCodeWords } from './words/fresh-code.js'

/**
 * A one-time code on the form of what it is asked for, so that nothing typed there is lost: of whoever gives access,
 * where that of their session is no longer fresh. See `hasFreshCode`.
 */
export interface FreshCode {
  /** Whether the form has to ask for one. */
  isMissing(call: Pick<PersonalCall, 'session'>): boolean
  /**
   * Takes the code that was sent, where one is missing.
   * @returns the `Set-Cookie` lines of the session, which whatever is answered has to carry
   * @throws GatehouseError `fresh-code-required`, `code-wrong`, `code-replayed`, `code-locked`, each with the field `code`
   */
  take(call: PersonalCall): Promise<readonly string[]>
}

export function createFreshCode(options: {
  readonly clock: Clock
  readonly sessions: Pick<Sessions, 'raise'>
  readonly secondFactor: Pick<SecondFactor, 'verify'>
}): FreshCode {
  const { clock, sessions, secondFactor } = options
  const isMissing = ({ session }: Pick<PersonalCall, 'session'>): boolean =>
    !hasFreshCode(session.assurance, clock.now())
  return {
    isMissing,
    async take(call) {
      if (!isMissing(call)) return []
      const { id: sessionId, principal } = call.session
      const code = call.body.one('code').trim()
      if (code === '')
        throw new GatehouseError('fresh-code-required', 'Enter a one-time code.', { field: 'code' })
      await secondFactor.verify({ principalId: principal.id, sessionId, code }).catch((error: unknown) => {
        throw ofField(error)
      })
      const { token } = await sessions.raise(call.session, { secondFactorAt: clock.now() })
      return [setCookie(cookieNames.session, token, null)]
    },
  }
}

const mendable: readonly string[] = ['code-wrong', 'code-replayed', 'code-locked']

function ofField(error: unknown): unknown {
  return error instanceof GatehouseError && mendable.includes(error.code)
    ? new GatehouseError(error.code, error.message, { field: 'code', cause: error })
    : error
}

export function CodeField({ error }: { error: string | null }): VNode {
  const words = useWords(freshCodeWords)
  return (
    <Field
      name="code"
      label={words.label}
      hint={words.hint}
      error={error}
      input={{
        inputmode: 'numeric',
        autocomplete: 'one-time-code',
        maxLength: 11,
        class: 'one-time-code',
      }}
    />
  )
}
