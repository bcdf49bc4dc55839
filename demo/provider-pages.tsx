import { renderDocument } from './document.js'

/** User and password; the same words for a wrong user and a wrong password. */
export function loginPage(action: string, problem: string | null): string {
  return renderDocument({
    title: 'Sign in · Plant account',
    children: (
      <>
        <h1>Sign in</h1>
        <p class="lead">with your plant account</p>
        {problem === null ? null : <p role="alert">{problem}</p>}
        <form method="post" action={action}>
          <label>
            User
            <input
              name="login"
              autoComplete="username"
              autoCapitalize="none"
              spellcheck={false}
              required
              autoFocus
            />
          </label>
          <label>
            Password
            <input name="password" type="password" autoComplete="current-password" required />
          </label>
          <button type="submit">Sign in</button>
        </form>
        <p class="note">The development identity provider. In a real plant, this page is your own.</p>
      </>
    ),
  })
}

/**
 * Ends the provider's own session. The person has just asked for it on the portal, so a browser goes on by
 * itself; the button is for those without scripts.
 *
 * @param form oidc-provider's own form, which carries the protection against forged requests
 */
export function signOutPage(form: string): string {
  return renderDocument({
    title: 'Signing out · Plant account',
    children: (
      <>
        <h1>Signing out</h1>
        <p class="lead">of your plant account</p>
        <div dangerouslySetInnerHTML={{ __html: form }} />
        <button form="op.logoutForm" name="logout" value="yes">
          Sign out here too
        </button>
      </>
    ),
    script: "document.querySelector('button').click()",
  })
}

export function messagePage(title: string, text: string): string {
  return renderDocument({
    title: `${title} · Plant account`,
    children: (
      <>
        <h1>{title}</h1>
        <p>{text}</p>
      </>
    ),
  })
}
