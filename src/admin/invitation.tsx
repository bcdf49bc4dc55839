import type { VNode } from 'preact'
import type { Config } from '../config/index.js'
import { Copyable, durationWords, Said, useWords } from '../lib/page/index.js'
import { peopleWords } from './words/people.js'

/** The code for a first second factor, shown once, with what the vendor must be told. */
export function InvitationPanel(props: { email: string; code: string; config: Config }): VNode {
  const { email, code, config } = props
  const words = useWords(peopleWords)
  return (
    <section class="panel" aria-labelledby="invitation">
      <h2 id="invitation">{words.invitationFor(<Said>{email}</Said>)}</h2>
      <Copyable id="invitation-code" label={words.copy}>
        {code}
      </Copyable>
      <p>
        <strong>{words.shownOnce}</strong>{' '}
        {words.invitationNote(durationWords(config.totp.invitationLifetimeMs))}
      </p>
      <div>
        <p>{words.tellThem}</p>
        <ol>
          <li>{words.open(<Said>{config.server.publicUrl.href}</Said>)}</li>
          <li>{words.signIn(config.oidc.name)}</li>
          <li>{words.enter}</li>
        </ol>
      </div>
    </section>
  )
}
