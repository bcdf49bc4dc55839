import type { VNode } from 'preact'
import type { Config } from '../config/index.js'
import { Copyable, durationWords, Said } from '../lib/page/index.js'

/** The code for a first second factor, shown once, with what the vendor must be told. */
export function InvitationPanel(props: { email: string; code: string; config: Config }): VNode {
  const { email, code, config } = props
  return (
    <section class="panel" aria-labelledby="invitation">
      <h2 id="invitation">
        Invitation code for <Said>{email}</Said>
      </h2>
      <Copyable id="invitation-code" label="Copy">
        {code}
      </Copyable>
      <p>
        <strong>It is shown only now.</strong> It works once, within{' '}
        {durationWords(config.totp.invitationLifetimeMs)}. Give it by phone or in person, not in the same
        e-mail as the link: it proves that the person who sets up the second factor is the one you meant.
      </p>
      <div>
        <p>What to tell them:</p>
        <ol>
          <li>
            Open <Said>{config.server.publicUrl.href}</Said>
          </li>
          <li>{`Sign in with ${config.oidc.name}`}</li>
          <li>Enter this code when asked, and follow the steps with an authenticator app on your phone</li>
        </ol>
      </div>
    </section>
  )
}
