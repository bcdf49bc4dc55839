import type { VNode } from 'preact'
import { Instant } from './parts.js'
import type { Message, NextStep } from './pages.js'

/** One thing said, one thing to do, and what to read out on the telephone. */
export function MessageBody(props: { message: Message; portal: URL }): VNode {
  const { message, portal } = props
  const next = resolveNext(message.next ?? 'portal', portal)
  return (
    <article class="panel message">
      <h1>{message.title}</h1>
      <p class="lead">{message.text}</p>
      {next && (
        <p>
          <a class="button" href={next.href} data-retry={message.next === 'retry' ? '' : undefined}>
            {next.label}
          </a>
        </p>
      )}
      <p class="hint">If you call the plant about this, read out these lines.</p>
      <dl class="facts">
        <dt>Request</dt>
        <dd>
          <code>{message.requestId}</code>
        </dd>
        <dt>Code</dt>
        <dd>
          <code>{message.code}</code>
        </dd>
        <dt>Time</dt>
        <dd>
          <Instant at={message.now} />
        </dd>
      </dl>
    </article>
  )
}

function resolveNext(next: NextStep, portal: URL): { label: string; href: string } | null {
  if (typeof next === 'object') return next
  switch (next) {
    case 'none':
      return null
    case 'sign-in':
      return { label: 'Sign in', href: new URL('/sign-in', portal).href }
    case 'retry':
      // An empty reference is the address of the page itself; after a failed POST it asks with GET.
      return { label: 'Try again', href: '' }
    case 'portal':
      return { label: 'What I may open', href: new URL('/', portal).href }
  }
}
