import { isToken } from '../lib/index.js'
import { isLocalPath, personal, type Answer, type PersonalCall, type Route } from '../lib/page/index.js'
import { withTarget, type PortalContext } from './context.js'

/** The way from the portal's session to a pass at one endpoint's origin, in the browser that asked. */
export function handoverRoutes(context: PortalContext): Route[] {
  async function handOver({ session, visit, query, target }: PersonalCall): Promise<Answer> {
    const endpointId = query.one('endpoint')
    const nonceHash = query.one('nonce')
    const decision = await context.mayOpen(session, endpointId, visit.source)
    if (decision.outcome === 'challenge') {
      const page = decision.challenge === 'login' ? '/sign-in' : '/second-factor'
      return { kind: 'redirect', to: withTarget(page, context.returnTarget(target)) }
    }
    // Permitted means configured: only such an id may become part of an address.
    if (decision.outcome === 'deny') return { kind: 'denied', reasons: decision.reasons }
    const to = query.one('to')
    const origin = context.originOf(endpointId)
    // Without a nonce nobody at the endpoint asked; begin there, so that this browser gets one.
    if (!isToken(nonceHash)) return { kind: 'redirect', to: `${origin}/.gatehouse/start` }
    const code = await context.sessions.issueHandoverCode({
      sessionId: session.id,
      endpointId,
      nonceHash,
      to: isLocalPath(to) ? to : landingPathOf(endpointId),
    })
    return { kind: 'redirect', to: `${origin}/.gatehouse/enter?code=${encodeURIComponent(code)}` }
  }
  function landingPathOf(endpointId: string): string {
    return context.config.endpoints.find(({ id }) => id === endpointId)?.landingPath ?? '/'
  }

  return [personal('GET', '/handover', 'verified', handOver)]
}
