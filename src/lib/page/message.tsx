import type { VNode } from 'preact'
import { Instant } from './times.js'
import type { Message } from './model.js'
import { pageWords } from './page-words.js'
import { useWords } from './words.js'

/** One thing said, one thing to do, and what to read out on the telephone. */
export function MessageBody(props: { message: Message; portal: URL }): VNode {
  const { message, portal } = props
  const words = useWords(pageWords)
  const home = new URL('/', portal).href
  const link = message.link ?? { label: words.whatIMayOpen, href: home }
  return (
    <article class="panel message">
      <h1>{message.title}</h1>
      <p class="lead">{message.text}</p>
      <p>{message.next}</p>
      {message.button === undefined ? (
        <p>
          <a class="button" href={new URL(link.href, portal).href}>
            {link.label}
          </a>{' '}
          {message.link !== undefined && <a href={home}>{words.whatIMayOpen}</a>}
        </p>
      ) : (
        <form method="post" action={message.button.action}>
          <button>{message.button.label}</button>
        </form>
      )}
      <dl class="facts small">
        <dt>{words.request}</dt>
        <dd>
          <code>{message.requestId}</code>
        </dd>
        <dt>{words.code}</dt>
        <dd>
          <code>{message.code}</code>
        </dd>
        {message.at !== undefined && (
          <>
            <dt>{words.time}</dt>
            <dd>
              <Instant at={message.at} />
            </dd>
          </>
        )}
      </dl>
    </article>
  )
}
