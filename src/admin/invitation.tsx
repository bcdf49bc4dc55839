import type { VNode } from 'preact'
import type { Config } from '../config/index.js'
import { Copyable, durationWords, Said, useWords, type Answer, type PersonalCall } from '../lib/page/index.js'
import type { AdminOptions } from './options.js'
import { peopleWords } from './words/people.js'

type Shown = Pick<AdminOptions, 'pages' | 'clock'>

/** Makes an invitation, and shows it for the only time. */
export async function invite(
  options: Shown & Pick<AdminOptions, 'config' | 'secondFactor'>,
  call: PersonalCall,
  { email, reason }: { readonly email: string; readonly reason: string },
  said: VNode | null,
): Promise<Answer> {
  const { code } = await options.secondFactor.invite(email, reason, call.actor)
  const { invitation } = peopleWords[call.viewer.language]
  const panel = <InvitationPanel email={email} code={code} config={options.config} />
  return show(options, call, { title: invitation, heading: invitation }, [said, panel])
}

/** What was done to somebody's second factor. */
export function showResult(options: Shown, call: PersonalCall, said: VNode): Answer {
  const { done, title } = peopleWords[call.viewer.language]
  return show(options, call, { title: done, heading: title }, [said])
}

function show(
  { pages, clock }: Shown,
  { viewer }: PersonalCall,
  { title, heading }: { title: string; heading: string },
  said: readonly (VNode | null)[],
): Answer {
  const { language } = viewer
  const html = pages.render({
    title,
    language,
    section: 'people',
    viewer,
    now: clock.now(),
    body: (
      <>
        <h1>{heading}</h1>
        {said}
        <p>
          <a href="/admin/people">{peopleWords[language].all}</a>
        </p>
      </>
    ),
  })
  return { kind: 'page', html }
}

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
