import { GatehouseError } from '../lib/index.js'
import { type Answer, type Call, type Route } from '../lib/page/index.js'
import { clearCookie, cookieNames, setCookie } from '../sessions/index.js'
import { withTarget, type PortalContext } from './context.js'
import { signInWords } from './words/sign-in.js'

/** Tabs in which one person may be signing in at the same time. */
const loginsAtOnce = 3

/** Sign-in with the identity provider, and what the provider tells us by itself. */
export function signInRoutes(context: PortalContext): Route[] {
  const { config, clock, pages, sessions, grants, people, identityProvider } = context

  function showSignIn({ visit, query }: Call): Answer {
    const to = context.returnTarget(query.one('to'))
    // Signed in already: the gateway asks for whatever is still missing.
    if (visit.session !== null) return { kind: 'redirect', to }
    const { language } = visit
    const words = signInWords[language]
    const html = pages.render({
      title: words.title,
      language,
      width: 'form',
      now: clock.now(),
      body: (
        <>
          <div class="panel">
            <h1>{words.heading}</h1>
            <p class="lead">{words.lead}</p>
            <p>
              <a class="button big" href={withTarget('/sign-in/start', to)}>
                {words.with(config.oidc.name)}
              </a>
            </p>
            <p class="hint">{words.afterwards}</p>
          </div>
          <section>
            <h2>{words.cannot}</h2>
            <p>{words.whomToCall}</p>
            <p>
              {words.breakGlass((text) => (
                <a href={withTarget('/break-glass', to)}>{text}</a>
              ))}
            </p>
          </section>
        </>
      ),
    })
    return { kind: 'page', html }
  }

  async function startLogin({ visit, query }: Call): Promise<Answer> {
    const to = context.returnTarget(query.one('to'))
    const { redirectTo, cookie } = await identityProvider.beginLogin(to)
    const underWay = [...visit.cookies.keys()].filter((name) => name.startsWith(cookieNames.loginPrefix))
    // A page that starts logins again and again would fill the header until none can be read any more.
    const oldest = underWay.slice(0, Math.max(0, underWay.length + 1 - loginsAtOnce))
    return {
      kind: 'redirect',
      to: redirectTo.href,
      cookies: [setCookie(cookie.name, cookie.value, cookie.maxAgeSeconds), ...oldest.map(clearCookie)],
    }
  }

  async function finishLogin({ visit, target }: Call): Promise<Answer> {
    const callback = new URL(target, config.server.publicUrl)
    const login = await identityProvider
      .completeLogin(callback, visit.cookies)
      .catch(async (error: unknown) => {
        if (error instanceof GatehouseError) {
          await context.record({ event: 'login.failed', code: error.code, source: visit.source })
        }
        throw error
      })
    // Checked before, but it has been through the browser since, and keys may be shared with an older version.
    const to = context.returnTarget(login.to)
    const { principal, roles, groups, companyClaims, soughtClaims } = login
    // Grants first: whoever sees the session sees them too. Only a verified e-mail reaches a principal.
    if (principal.email !== null) await grants.bindPending(principal)
    await people.remember(principal, roles, groups, { companyClaims, soughtClaims })
    await context.endPresent(visit.session)
    const { token } = await sessions.start({
      principal,
      roles,
      groups,
      providerSessionId: login.providerSessionId,
      idToken: login.idToken,
      source: visit.source,
      browser: visit.browser,
    })
    return {
      kind: 'redirect',
      to: withTarget('/second-factor', to),
      cookies: [context.sessionCookie(token), clearCookie(login.cookieName)],
    }
  }

  return [
    { method: 'GET', path: '/sign-in', access: 'public', handle: showSignIn },
    { method: 'GET', path: '/sign-in/start', access: 'public', handle: startLogin },
    { method: 'GET', path: '/oidc/callback', access: 'public', handle: finishLogin },
    {
      method: 'GET',
      path: '/.well-known/jwks.json',
      access: 'public',
      handle: () => ({ kind: 'json', body: context.assertions.jwks(), maxAgeSeconds: 300 }),
    },
  ]
}
