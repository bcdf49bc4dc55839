import type { VNode } from 'preact'
import { Choice } from '../lib/page/index.js'

export interface Pick {
  readonly value: string
  readonly text: string
  /** Beside it, where there is room. */
  readonly more?: string | null
}

/** Beyond so many, boxes are more to scroll through than a list that finds a machine by its first letters. */
const boxesAtMost = 60

/** One of many, or several of them. Stands inside `Choices`. */
export function Picks(props: {
  type: 'radio' | 'checkbox'
  name: string
  label: string
  picks: readonly Pick[]
  chosen: readonly string[]
}): VNode {
  const { type, name, label, picks, chosen } = props
  if (picks.length > boxesAtMost) {
    const size = type === 'checkbox' ? { multiple: true, size: 12 } : {}
    return (
      <select name={name} aria-label={label} {...size}>
        {picks.map(({ value, text }) => (
          <option value={value} selected={chosen.includes(value)}>
            {text}
          </option>
        ))}
      </select>
    )
  }
  return (
    <>
      {picks.map(({ value, text, more }) => (
        <Choice type={type} name={name} value={value} isChosen={chosen.includes(value)} say={text}>
          {text}
          {more != null && <span class="soft">{` ${more}`}</span>}
        </Choice>
      ))}
    </>
  )
}
