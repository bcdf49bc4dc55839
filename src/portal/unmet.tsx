import type { VNode } from 'preact'
import { Said, useWords } from '../lib/page/index.js'
import type { Endpoint, Grant, Reason } from '../model.js'
import { unmetWords } from './unmet-words.js'

/** A machine whose grant runs and asks for something that is not so now. */
export interface Unmet {
  readonly endpoint: Endpoint
  readonly grant: Grant
  readonly reason: UnmetReason
}

const unmetReasons = [
  'source-closed',
  'release-awaited',
  'sessions-taken',
] as const satisfies readonly Reason[]
type UnmetReason = (typeof unmetReasons)[number]

export function unmetReason(reasons: readonly Reason[]): UnmetReason | null {
  return unmetReasons.find((reason) => reasons.includes(reason)) ?? null
}

/** What is missing, and what to do about it. */
export function UnmetSection(props: { unmet: readonly Unmet[]; source: string }): VNode | null {
  const words = useWords(unmetWords)
  if (props.unmet.length === 0) return null
  return (
    <section aria-labelledby="unmet">
      <h2 id="unmet">{words.title}</h2>
      {props.unmet.map(({ endpoint, grant, reason }) => (
        <article class="card">
          <div class="what">
            <h3>
              <Said>{endpoint.name}</Said>
            </h3>
            <p>
              {reason === 'release-awaited' ? (
                words.awaitsRelease
              ) : reason === 'sessions-taken' ? (
                words.taken
              ) : (
                <Said>
                  {words.fromElsewhere({ sources: grant.conditions.sources.join(', '), here: props.source })}
                </Said>
              )}
            </p>
          </div>
        </article>
      ))}
    </section>
  )
}
