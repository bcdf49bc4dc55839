import { endpointIdPattern, endpointOrigin } from '../config/index.js'
import { parseReturnTarget } from '../lib/page/index.js'
import type { Session } from '../model.js'
import { cookieNames, setCookie } from '../sessions/index.js'
import type { PortalOptions } from './options.js'

/** What the portal's routes share. */
export interface PortalContext extends PortalOptions {
  /** A validated return target; see `parseReturnTarget`. */
  readonly returnTarget: (text: string) => string
  /** `https://press-3.plant-access.example` */
  readonly originOf: (endpointId: string) => string
  /** The `Set-Cookie` line of a new session token: kept by the browser until it is closed. */
  readonly sessionCookie: (token: string) => string
  /** Before another begins in the same browser. */
  readonly endPresent: (session: Session | null) => Promise<void>
}

export function createContext(options: PortalOptions): PortalContext {
  const { config } = options
  const originOf = (endpointId: string): string => endpointOrigin(config, endpointId)
  const sites = {
    portalOrigin: config.server.publicUrl.origin,
    isEndpointOrigin: (origin: string): boolean => {
      const label = new URL(origin).hostname.slice(0, -`.${config.server.endpointDomain}`.length)
      return endpointIdPattern.test(label) && originOf(label) === origin
    },
  }
  return {
    ...options,
    returnTarget: (text) => parseReturnTarget(text, sites),
    originOf,
    sessionCookie: (token) => setCookie(cookieNames.session, token, null),
    endPresent: async (session) => {
      if (session === null) return
      const { id, email } = session.principal
      await options.sessions.end(session.id, 'signed-out', { kind: 'principal', principalId: id, email })
    },
  }
}

/** `/sign-in` and `{ to: '/a?b' }` become `/sign-in?to=%2Fa%3Fb`; the front page needs no mention. */
export function withTarget(path: string, to: string): string {
  return to === '/' ? path : `${path}?${new URLSearchParams({ to }).toString()}`
}
