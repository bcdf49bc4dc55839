import { describeError, GatehouseError } from '../lib/index.js'
import { personal, type Answer, type Call, type PersonalCall, type Route } from '../lib/page/index.js'
import { clearCookie, cookieNames } from '../sessions/index.js'
import type { PortalContext } from './context.js'
import { signInWords } from './words/sign-in.js'

/** The ends of a session: by its owner here, or by the identity provider from behind. */
export function signOutRoutes(context: PortalContext): Route[] {
  const { config, clock, logger, pages, sessions, identityProvider } = context

  async function signOut({ session, actor }: PersonalCall): Promise<Answer> {
    const idToken = await sessions.idTokenOf(session.id)
    await sessions.end(session.id, 'signed-out', actor)
    const farewell = new URL('/signed-out', config.server.publicUrl)
    // Null also when the provider does not answer: here they are out already, and must see so.
    const atProvider =
      session.origin === 'provider' ? await identityProvider.logoutUrl(idToken, farewell) : null
    return {
      kind: 'redirect',
      to: atProvider?.href ?? farewell.pathname,
      cookies: [clearCookie(cookieNames.session)],
    }
  }

  /** OpenID Connect Back-Channel Logout 1.0 §2.7 and §2.8. */
  async function endByProvider({ body }: Call): Promise<Answer> {
    try {
      const request = await identityProvider.verifyLogoutToken(body.one('logout_token'))
      const ended = await sessions.endByProvider(request)
      logger.info('back-channel logout', { issuer: request.issuer, ended })
      return { kind: 'empty' }
    } catch (error) {
      if (!(error instanceof GatehouseError)) throw error
      logger.warn('back-channel logout refused', { code: error.code, problem: describeError(error) })
      // §2.8 knows one status for every failure, whoever is to blame.
      const problem = error.status < 500 ? 'invalid_request' : 'temporarily_unavailable'
      return { kind: 'json', status: 400, body: { error: problem, error_description: error.message } }
    }
  }

  function showSignedOut({ visit: { language } }: Call): Answer {
    const words = signInWords[language]
    const html = pages.render({
      title: words.outTitle,
      language,
      width: 'form',
      now: clock.now(),
      body: (
        <div class="panel">
          <h1>{words.outHeading}</h1>
          <p class="lead">{words.outLead}</p>
          <p>
            <a class="button" href="/sign-in">
              {words.again}
            </a>
          </p>
        </div>
      ),
    })
    return { kind: 'page', html }
  }

  return [
    personal('POST', '/sign-out', 'signed-in', signOut),
    { method: 'POST', path: '/oidc/backchannel-logout', access: 'machine', handle: endByProvider },
    { method: 'GET', path: '/signed-out', access: 'public', handle: showSignedOut },
  ]
}
