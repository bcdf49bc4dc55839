import type { ServerResponse } from 'node:http'
import { fingerprint, GatehouseError, isToken, newToken } from '../lib/index.js'
import { isLocalPath } from '../lib/page/index.js'
import { clearCookie, cookieNames, setCookie, type Sessions } from '../sessions/index.js'
import { ownPathPrefix, type Admission } from './admission.js'
import type { Answers } from './answers.js'
import type { MayOpen } from './opening.js'
import type { Place } from './origins.js'

type EndpointPlace = Extract<Place, { kind: 'endpoint' }>

/** Long enough to sign in, find the phone, and type a code. */
const nonceLifetimeSeconds = 15 * 60

export interface HandoverOptions {
  readonly portalUrl: URL
  readonly sessions: Sessions
  readonly answers: Answers
  /** Asked again when the code comes back: half a minute is long enough to lose a grant. */
  readonly mayOpen: MayOpen
}

/**
 * Brings a signed-in browser from the portal to an endpoint's origin, which share no cookie: the endpoint
 * remembers a nonce, the portal answers with a code bound to it, the endpoint trades the code for a pass.
 * A code in a stolen link is worthless in any browser but the one that asked.
 */
export function createHandover({ portalUrl, sessions, answers, mayOpen }: HandoverOptions) {
  return {
    /** Sends the browser to the portal, which sends it back to `enter`, and then to `to`, if that is a place there. */
    start({ cookies }: Admission, place: EndpointPlace, to: string, res: ServerResponse): void {
      // Tabs that start together share the nonce; a fresh one for each would void the others' way back.
      const known = cookies.get(cookieNames.handover)
      const nonce = known !== undefined && isToken(known) ? known : newToken()
      const asking = { endpoint: place.endpointId, nonce: fingerprint(nonce) }
      const addressFor = (target: string): string =>
        `/handover?${new URLSearchParams({ ...asking, to: target }).toString()}`
      const landing = landingPathOf(place)
      const address = addressFor(isMachinePath(to) ? to : landing)
      // What is too long to be carried through sign-in must not keep a person out of the machine.
      answers.redirect(res, new URL(isLocalPath(address) ? address : addressFor(landing), portalUrl).href, [
        setCookie(cookieNames.handover, nonce, nonceLifetimeSeconds),
      ])
    },

    /** Trades the code for a pass and goes where the person wanted to be. */
    async enter(admission: Admission, place: EndpointPlace, res: ServerResponse): Promise<void> {
      const { cookies, request } = admission
      const code = new URLSearchParams(request.query ?? '').get('code') ?? ''
      const nonce = cookies.get(cookieNames.handover) ?? ''
      const redeemed =
        isToken(code) && isToken(nonce)
          ? await sessions.redeemHandoverCode(code, { endpointId: place.endpointId, nonce })
          : null
      const session = redeemed && (await sessions.byId(redeemed.sessionId))
      if (!redeemed || !session) throw new GatehouseError('handover-invalid', 'This link has been used.')
      const decision = await mayOpen(session, place.endpointId, admission.source.address)
      if (decision.outcome !== 'permit') {
        answers.denied(admission, res, decision.reasons)
        return
      }
      const { token } = await sessions.issuePass(session, place.endpointId)
      answers.redirect(res, isMachinePath(redeemed.to) ? redeemed.to : landingPathOf(place), [
        setCookie(cookieNames.pass, token, null),
        clearCookie(cookieNames.handover),
      ])
    },
  }
}

/** An endpoint nobody configured is treated as any other until the portal has told who asks. */
function landingPathOf({ endpoint }: EndpointPlace): string {
  return endpoint?.landingPath ?? '/'
}

/** Where a machine's page may be; our own corner of its origin is none, and would lead in circles. */
export function isMachinePath(to: string): boolean {
  return isLocalPath(to) && !to.startsWith(ownPathPrefix)
}
