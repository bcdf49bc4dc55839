import { z } from 'zod'
import {
  equalSecrets,
  fingerprint,
  isToken,
  newToken,
  readStored,
  type Clock,
  type Store,
  type Vouching,
} from '../lib/index.js'
import type { Handover, Sessions } from './model.js'

const lifetimeMs = 30_000
/** On Redis's clock, for tidiness; the code itself says until when it is good. */
const keptMs = 10 * 60_000

const handoverSchema = z.strictObject({
  sessionId: z.string(),
  endpointId: z.string(),
  nonceHash: z.string(),
  to: z.string(),
  endsAt: z.int().nonnegative(),
})

/**
 * Codes that carry a session across origins, in a URL and therefore in histories and logs: so each works
 * once, for 30 s, at one endpoint, and only in the browser whose nonce cookie it is bound to.
 */
export function createHandoverCodes({
  store,
  clock,
  vouching,
}: {
  store: Store
  clock: Clock
  vouching: Vouching
}): {
  issue: Sessions['issueHandoverCode']
  redeem: Sessions['redeemHandoverCode']
} {
  const key = (code: string): string => store.key('handover', fingerprint(code))
  const place = (code: string): string => `handover ${fingerprint(code)}`
  return {
    async issue({ sessionId, endpointId, nonceHash, to }: Handover) {
      const code = newToken()
      const content = { sessionId, endpointId, nonceHash, to, endsAt: clock.now() + lifetimeMs }
      const text = vouching.vouch(place(code), JSON.stringify(content))
      await store.run((redis) => redis.set(key(code), text, 'PX', keptMs))
      return code
    },
    async redeem(code, { endpointId, nonce }) {
      if (!isToken(code)) return null
      // Taken away before it is looked at: whoever tries a code with anything wrong has used it up.
      const kept = await store.run((redis) => redis.getdel(key(code)))
      const text = kept === null ? null : vouching.verify(place(code), kept)
      const held = text === null ? null : readStored(handoverSchema, text)
      if (!held) return null
      const isMatch =
        equalSecrets(fingerprint(nonce), held.nonceHash) &&
        held.endpointId === endpointId &&
        clock.now() < held.endsAt
      return isMatch ? { sessionId: held.sessionId, to: held.to } : null
    },
  }
}
