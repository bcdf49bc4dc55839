import type { ComponentChildren, InputHTMLAttributes, VNode } from 'preact'
import type { Viewer } from './model.js'
import { pageWords } from './page-words.js'
import { useWords } from './words.js'

/** Text that came from outside. `bdi` keeps its writing direction from leaking into ours. */
export function Said(props: { children: string }): VNode {
  return <bdi class="said">{props.children}</bdi>
}

/** Every form of a signed-in person carries it. */
export function FormToken(props: { viewer: Viewer }): VNode {
  return <input type="hidden" name="form" value={props.viewer.formToken} />
}

export function Hidden(props: { name: string; value: string }): VNode {
  return <input type="hidden" name={props.name} value={props.value} />
}

/** Something a person should read before anything else. `alarm` is for what went wrong. */
export function Notice(props: {
  kind?: 'plain' | 'attention' | 'alarm'
  children: ComponentChildren
}): VNode {
  const kind = props.kind ?? 'plain'
  return (
    <div class={`notice ${kind}`} role={kind === 'alarm' ? 'alert' : 'status'}>
      {props.children}
    </div>
  )
}

export interface FieldProps {
  readonly name: string
  readonly label: ComponentChildren
  readonly hint?: ComponentChildren
  readonly error?: string | null | undefined
  readonly value?: string
  readonly isOptional?: boolean
  readonly input?: InputHTMLAttributes
  /** More than one line. */
  readonly isLong?: boolean
}

/** A labelled text field; hint and error are tied to it, so that they are read out with it. */
export function Field(props: FieldProps): VNode {
  const { name, label, hint, value, isOptional, input, isLong } = props
  const words = useWords(pageWords)
  const error = props.error ?? null
  const described = [
    ...(hint === undefined ? [] : [`${name}-hint`]),
    ...(error === null ? [] : [`${name}-error`]),
  ]
  const shared = {
    id: name,
    name,
    required: isOptional !== true,
    'aria-describedby': described.length > 0 ? described.join(' ') : undefined,
    'aria-invalid': error === null ? undefined : ('true' as const),
  }
  return (
    <div class="field">
      <label for={name}>
        {label}
        {isOptional === true && <span class="soft"> {words.optional}</span>}
      </label>
      {hint !== undefined && (
        <p class="hint" id={`${name}-hint`}>
          {hint}
        </p>
      )}
      <FieldError name={name} error={error} />
      {isLong === true ? (
        <textarea rows={2} {...shared}>
          {value ?? ''}
        </textarea>
      ) : (
        <input
          type="text"
          autocomplete="off"
          {...(value === undefined ? {} : { value })}
          {...input}
          {...shared}
        />
      )}
    </div>
  )
}

export function FieldError(props: { name: string; error: string | null | undefined }): VNode | null {
  if (props.error === null || props.error === undefined) return null
  return (
    <p class="error" id={`${props.name}-error`}>
      {props.error}
    </p>
  )
}

/**
 * A table that becomes a list of cards on a phone. The roles are spelled out because browsers take away
 * a table's meaning together with its `display`.
 */
export function Table(props: {
  /** Its class, for the widths of the columns. */
  kind: string
  caption: string
  columns: readonly string[]
  children: ComponentChildren
}): VNode {
  return (
    <table role="table" class={props.kind}>
      <caption class="visually-hidden">{props.caption}</caption>
      <thead role="rowgroup">
        <tr role="row">
          {props.columns.map((column) => (
            <th role="columnheader" scope="col">
              {column}
            </th>
          ))}
        </tr>
      </thead>
      <tbody role="rowgroup">{props.children}</tbody>
    </table>
  )
}

export function Row(props: { children: ComponentChildren }): VNode {
  return <tr role="row">{props.children}</tr>
}

/** @param props.label the column's name, shown where the head of the table is not */
export function Cell(props: { label?: string; children: ComponentChildren }): VNode {
  return (
    <td role="cell" data-label={props.label}>
      {props.children}
    </td>
  )
}

export function RowHead(props: { children: ComponentChildren }): VNode {
  return (
    <th role="rowheader" scope="row">
      {props.children}
    </th>
  )
}

/** Several choices under one question. */
export function Choices(props: {
  name: string
  legend: string
  error?: string | null | undefined
  hint?: string
  children: ComponentChildren
}): VNode {
  const { name, legend, hint, children } = props
  const error = props.error ?? null
  const described = [
    ...(hint === undefined ? [] : [`${name}-hint`]),
    ...(error === null ? [] : [`${name}-error`]),
  ]
  return (
    <fieldset id={name} aria-describedby={described.length > 0 ? described.join(' ') : undefined}>
      <legend>{legend}</legend>
      {hint !== undefined && (
        <p class="hint" id={`${name}-hint`}>
          {hint}
        </p>
      )}
      <FieldError name={name} error={error} />
      <div class="choices">{children}</div>
    </fieldset>
  )
}

/** @param props.say how the choice reads in the sentence that the script makes of the form */
export function Choice(props: {
  type: 'radio' | 'checkbox'
  name: string
  value: string
  isChosen: boolean
  say?: string
  children: ComponentChildren
}): VNode {
  const id = `${props.name}-${props.value}`
  return (
    <div class="choice">
      <input type={props.type} id={id} name={props.name} value={props.value} checked={props.isChosen} />
      <label for={id} data-say={props.say}>
        {props.children}
      </label>
    </div>
  )
}

/** Text to be carried elsewhere, with a button where scripts run. */
export function Copyable(props: { id: string; children: string; label: string }): VNode {
  return (
    <div class="copyable">
      <code id={props.id}>{props.children}</code>
      <button type="button" class="quiet" data-copy={props.id} hidden>
        {props.label}
      </button>
    </div>
  )
}

/** What is asked before something that hurts: by a dialog where scripts run, else on a page of its own. */
export interface Confirmation {
  readonly title: string
  readonly text: string
  readonly button: string
}

/** Attributes that make a form ask first. The server asks too: it does nothing without `sure=yes`. */
export function askFirst(confirmation: Confirmation): Record<string, string> {
  return {
    'data-confirm': confirmation.text,
    'data-confirm-title': confirmation.title,
    'data-confirm-button': confirmation.button,
  }
}

/** The question as a page, for browsers without scripts. */
export function ConfirmForm(props: {
  confirmation: Confirmation
  viewer: Viewer
  action: string
  back: string
  fields?: Readonly<Record<string, string>>
}): VNode {
  const { confirmation, viewer, action, back, fields = {} } = props
  return (
    <form class="panel" method="post" action={action}>
      <h1>{confirmation.title}</h1>
      <p class="lead">
        <Said>{confirmation.text}</Said>
      </p>
      <FormToken viewer={viewer} />
      <Hidden name="sure" value="yes" />
      {Object.entries(fields).map(([name, value]) => (
        <Hidden name={name} value={value} />
      ))}
      <div class="actions">
        <button class="danger">{confirmation.button}</button>
        <a class="button quiet" href={back}>
          {useWords(pageWords).script.doNothing}
        </a>
      </div>
    </form>
  )
}
