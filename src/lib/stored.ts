import { z } from 'zod'
import { GatehouseError } from './errors.js'

/** `Actor`, as it is kept. */
export const actorSchema = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('principal'), principalId: z.string(), email: z.string().nullable() }),
  z.strictObject({ kind: z.literal('operator'), account: z.string() }),
  z.strictObject({
    kind: z.literal('service'),
    tokenId: z.string(),
    name: z.string(),
    owner: z.string(),
    ownerId: z.string().optional(),
  }),
  z.strictObject({ kind: z.literal('gateway') }),
])

/**
 * Reads text that Redis kept, believing none of it: null for what is not JSON of that very shape. Whether
 * that means absent or `store-corrupt` is the caller's to say.
 */
export function readStored<T>(schema: z.ZodType<T>, text: string): T | null {
  try {
    const result = schema.safeParse(JSON.parse(text))
    return result.success ? result.data : null
  } catch {
    return null
  }
}

/**
 * Reads the reply to a command or script.
 * @throws GatehouseError `store-corrupt` when it has another shape
 */
export function readReply<T>(schema: z.ZodType<T>, reply: unknown): T {
  const result = schema.safeParse(reply)
  if (result.success) return result.data
  throw new GatehouseError('store-corrupt', 'Access cannot be checked right now.', { cause: result.error })
}
