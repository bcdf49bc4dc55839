import { z } from 'zod'
import {
  describeError,
  fingerprint,
  GatehouseError,
  readStored,
  type Keyring,
  type Logger,
  type Store,
} from '../../lib/index.js'

/** As it goes out. */
export interface Answered {
  readonly status: number
  readonly body: string
}

export interface OnceCall {
  readonly tokenId: string
  /** Of the caller's choice. */
  readonly key: string
  /** Of all that is asked for. */
  readonly print: string
}

/**
 * Does once what a program asks for twice with the same `Idempotency-Key`, because the first answer was lost.
 *
 * Whoever carries it out first marks the key; who comes later gets the answer of the first. What was refused has changed
 * nothing, and may be mended and sent again. What failed half-way, or was never finished, nobody can tell from what has
 * come about: that key answers `idempotency-unfinished`, and somebody has to look. Not for what stops something: that is done
 * each time it is asked for, for what it has stopped may run again since.
 */
export interface Once {
  /** @throws GatehouseError `idempotency-mismatch`, `idempotency-unfinished`, `store-unavailable`, `store-corrupt`; those of `work` */
  run(call: OnceCall, work: () => Promise<Answered>): Promise<Answered>
}

const keptMs = 24 * 3_600_000
const keptSchema = z.strictObject({
  print: z.string(),
  answer: z.strictObject({ status: z.int(), body: z.string() }).nullable(),
})

/** In Redis, `idempotency:<token and key, hashed>`: sealed, for an answer may hold an enrolment code. */
export function createOnce(options: { store: Store; keyring: Keyring; logger: Logger }): Once {
  const { store, keyring, logger } = options

  return {
    async run({ tokenId, key, print }, work) {
      const place = store.key('idempotency', fingerprint(`${tokenId} ${key}`))
      const seal = (answer: Answered | null): string =>
        keyring.seal('answer', place, JSON.stringify({ print, answer }))
      const forget = (): Promise<unknown> => store.run((redis) => redis.del(place)).catch(() => undefined)
      /** Null where the caller is the first. */
      const begin = async (): Promise<string | null> => {
        const isFirst = await store.run((redis) => redis.set(place, seal(null), 'PX', keptMs, 'NX'))
        return isFirst === 'OK' ? null : store.run((redis) => redis.get(place))
      }

      const held = await begin()
      const before = held === null ? null : readKept(keyring.open('answer', place, held))
      if (before !== null) {
        if (before.print !== print)
          throw new GatehouseError(
            'idempotency-mismatch',
            'This Idempotency-Key came with another call before. Use a new one for each.',
          )
        if (before.answer !== null) return before.answer
        throw new GatehouseError(
          'idempotency-unfinished',
          'The first call with this Idempotency-Key is under way, or was never finished. Look what has come about before you call with another.',
        )
      }
      const answer = await work().catch(async (error: unknown) => {
        if (isRefusal(error)) await forget()
        throw error
      })
      await store
        .run((redis) => redis.set(place, seal(answer), 'PX', keptMs))
        .catch((error: unknown) => {
          logger.warn('api: an answer could not be kept for a second call', { problem: describeError(error) })
        })
      return answer
    },
  }
}

function readKept(text: string | null): z.infer<typeof keptSchema> {
  const kept = text === null ? null : readStored(keptSchema, text)
  if (kept === null)
    throw new GatehouseError('store-corrupt', 'What was kept of the first call cannot be read.')
  return kept
}

/** Before anything came of it. */
function isRefusal(error: unknown): boolean {
  return (
    error instanceof GatehouseError &&
    [
      'input-invalid',
      'person-ambiguous',
      'person-unknown',
      'grant-unknown',
      'grant-conflict',
      'reset-unknown',
      'reset-conflict',
      'release-refused',
      'release-conflict',
      'release-unknown',
      'session-unknown',
    ].includes(error.code)
  )
}
