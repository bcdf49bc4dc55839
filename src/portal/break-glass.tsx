import { errorSentence, GatehouseError, type Visit } from '../lib/index.js'
import { Field, Hidden, type Answer, type Call, type Route } from '../lib/page/index.js'
import { withTarget, type PortalContext } from './context.js'
import { breakGlassWords } from './words/break-glass.js'

/**
 * Sign-in without the identity provider, with a code that an operator of the host has made. By a form, so that
 * nothing that opens links uses it up, and no history keeps it. No number of wrong codes closes the page: a code
 * cannot be guessed, and whoever could close it would keep out the one who has it.
 */
export function breakGlassRoutes(context: PortalContext): Route[] {
  const { clock, pages, sessions, breakGlass } = context

  function show({ language }: Visit, to: string, error: GatehouseError | null): Answer {
    const words = breakGlassWords[language]
    const html = pages.render({
      title: error === null ? words.title : words.failed(words.title),
      language,
      width: 'form',
      now: clock.now(),
      body: (
        <>
          <form class="panel" method="post" action="/break-glass">
            <h1>{words.heading}</h1>
            <p>{words.lead}</p>
            <Hidden name="to" value={to} />
            <Field
              name="code"
              label={words.title}
              hint={words.hint}
              error={error && errorSentence(error, language)}
              input={{ autofocus: true, class: 'typed-code', spellcheck: false, maxLength: 64 }}
            />
            <div class="actions">
              <button class="big">{words.submit}</button>
            </div>
            <p class="hint">{words.afterwards}</p>
          </form>
          <p>
            <a href={withTarget('/sign-in', to)}>{words.instead}</a>
          </p>
        </>
      ),
    })
    return { kind: 'page', html, status: error?.status ?? 200 }
  }

  function enter({ visit, query }: Call): Answer {
    const to = context.returnTarget(query.one('to'))
    return visit.session === null ? show(visit, to, null) : { kind: 'redirect', to }
  }

  async function signIn({ visit, body }: Call): Promise<Answer> {
    const to = context.returnTarget(body.one('to'))
    try {
      // Not as at the provider's sign-in: nobody vouched for the e-mail now, so no waiting grant becomes theirs.
      const login = await breakGlass.use(body.one('code'), visit.source)
      await context.endPresent(visit.session)
      const { token } = await sessions.start({
        ...login,
        providerSessionId: null,
        idToken: null,
        source: visit.source,
        browser: visit.browser,
      })
      return {
        kind: 'redirect',
        to: withTarget('/second-factor', to),
        cookies: [context.sessionCookie(token)],
      }
    } catch (error) {
      if (!(error instanceof GatehouseError) || error.code !== 'break-glass-invalid') throw error
      return show(visit, to, error)
    }
  }

  return [
    { method: 'GET', path: '/break-glass', access: 'public', handle: enter },
    { method: 'POST', path: '/break-glass', access: 'public', handle: signIn },
  ]
}
