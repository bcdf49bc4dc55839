import type { VNode } from 'preact'
import { Instant } from './parts.js'
import type { Message } from './model.js'

/** One thing said, one thing to do, and what to read out on the telephone. */
export function MessageBody(props: { message: Message; portal: URL }): VNode {
  const { message, portal } = props
  const link = message.link ?? { label: 'What I may open', href: new URL('/', portal).href }
  return (
    <article class="panel message">
      <h1>{message.title}</h1>
      <p class="lead">{message.text}</p>
      <p>{message.next}</p>
      {message.button === undefined ? (
        <p>
          <a class="button" href={new URL(link.href, portal).href}>
            {link.label}
          </a>
        </p>
      ) : (
        <form method="post" action={message.button.action}>
          <button>{message.button.label}</button>
        </form>
      )}
      <dl class="facts small">
        <dt>Request</dt>
        <dd>
          <code>{message.requestId}</code>
        </dd>
        <dt>Code</dt>
        <dd>
          <code>{message.code}</code>
        </dd>
        {message.at !== undefined && (
          <>
            <dt>Time</dt>
            <dd>
              <Instant at={message.at} />
            </dd>
          </>
        )}
      </dl>
    </article>
  )
}
