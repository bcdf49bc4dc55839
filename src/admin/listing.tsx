import type { ComponentChildren, VNode } from 'preact'
import { Copyable, useWords, type Fields } from '../lib/page/index.js'
import type { Company, Endpoint } from '../model.js'
import { mostChoices } from './machines.js'
import { longestSearch } from './matching.js'
import { listingWords } from './words/listing.js'

/** What part of a list is shown. All of it stands in the address, so that an address is a saved filter. */
export interface Filter {
  /** Where the list is. */
  readonly path: string
  /** What must occur, as it was typed; '' for no matter what. */
  readonly text: string
  /** One of those that the page offers; '' for any. */
  readonly state: string
  /** Id of an endpoint, or words of it as `createMachineFilter` takes them; '' for any. */
  readonly machine: string
  /** Id of a company; '' for any. */
  readonly company: string
  /** From 1. */
  readonly page: number
}

/** Of a company in the configuration. */
const longestId = 63

/** A filter as an address has it; a state that the page does not know is none. */
export function readFilter(path: string, query: Fields, states: readonly string[]): Filter {
  const state = query.one('state')
  const page = query.one('page')
  return {
    path,
    text: query.one('q').slice(0, longestSearch).trim(),
    state: states.includes(state) ? state : '',
    machine: query.one('machine').slice(0, longestSearch).trim(),
    company: query.one('company').slice(0, longestId),
    page: /^[1-9]\d{0,5}$/.test(page) ? Number(page) : 1,
  }
}

export function isFiltered({ text, state, machine, company }: Filter): boolean {
  return text !== '' || state !== '' || machine !== '' || company !== ''
}

/** Path and query, without what is not set. */
export function addressOf({ path, text, state, machine, company, page }: Filter): string {
  const query = new URLSearchParams()
  if (text !== '') query.set('q', text)
  if (state !== '') query.set('state', state)
  if (machine !== '') query.set('machine', machine)
  if (company !== '') query.set('company', company)
  if (page > 1) query.set('page', String(page))
  return query.size === 0 ? path : `${path}?${query.toString()}`
}

export interface Part<Item> {
  readonly shown: readonly Item[]
  readonly page: number
  readonly pages: number
}

/** One page of a list; the last where there are fewer. */
export function partOf<Item>(items: readonly Item[], wanted: number, size: number): Part<Item> {
  const pages = Math.max(1, Math.ceil(items.length / size))
  const page = Math.min(wanted, pages)
  return { shown: items.slice((page - 1) * size, page * size), page, pages }
}

/** The form over a list. Sent by GET: what comes of it can be kept as a bookmark and sent to a colleague. */
export function FilterForm(props: {
  filter: Filter
  /** What the search looks at. */
  hint: string
  /** Values and what they are called; none for no choice. */
  states: readonly (readonly [string, string])[]
  /** The machines to choose from; none for no choice. */
  endpoints: readonly Endpoint[]
  /** Likewise. */
  companies?: readonly Company[]
}): VNode {
  const { filter, hint, states, endpoints, companies = [] } = props
  const words = useWords(listingWords)
  return (
    <form class="filter" method="get" action={filter.path} role="search">
      <div class="field grow">
        <label for="q">{words.search}</label>
        <input
          type="search"
          id="q"
          name="q"
          value={filter.text}
          maxLength={longestSearch}
          autocomplete="off"
          spellcheck={false}
          aria-describedby="q-hint"
        />
        <p class="hint" id="q-hint">
          {hint}
        </p>
      </div>
      {states.length > 0 && (
        <div class="field">
          <label for="state">{words.state}</label>
          <select id="state" name="state">
            <option value="">{words.any}</option>
            {states.map(([value, label]) => (
              <option value={value} selected={value === filter.state}>
                {label}
              </option>
            ))}
          </select>
        </div>
      )}
      {endpoints.length > 0 && (
        <div class="field">
          <label for="machine">{words.machine}</label>
          <MachineField wanted={filter.machine} endpoints={endpoints} />
        </div>
      )}
      {companies.length > 0 && (
        <div class="field">
          <label for="company">{words.company}</label>
          <select id="company" name="company">
            <option value="">{words.any}</option>
            {companies.map(({ id, name }) => (
              <option value={id} selected={id === filter.company}>
                {name}
              </option>
            ))}
          </select>
        </div>
      )}
      <div class="actions">
        <button class="quiet">{words.show}</button>
      </div>
    </form>
  )
}

function MachineField({ wanted, endpoints }: { wanted: string; endpoints: readonly Endpoint[] }): VNode {
  const words = useWords(listingWords)
  if (endpoints.length > mostChoices)
    return (
      <>
        <input
          type="text"
          id="machine"
          name="machine"
          value={wanted}
          maxLength={longestSearch}
          autocomplete="off"
          spellcheck={false}
          aria-describedby="machine-hint"
        />
        <p class="hint" id="machine-hint">
          {words.machineHint}
        </p>
      </>
    )
  return (
    <select id="machine" name="machine">
      <option value="">{words.any}</option>
      {wanted !== '' && endpoints.every(({ id }) => id !== wanted) && (
        <option value={wanted} selected>
          {wanted}
        </option>
      )}
      {endpoints.map(({ id, name }) => (
        <option value={id} selected={id === wanted}>
          {name}
        </option>
      ))}
    </select>
  )
}

/** What is shown and how to keep it, for a list that is not shown whole. */
export function FilterNote(props: { filter: Filter; count: number; publicUrl: URL }): VNode {
  const { filter, count, publicUrl } = props
  const words = useWords(listingWords)
  return (
    <details class="kept">
      <summary>{words.found(count)}</summary>
      <p class="hint">{words.keep}</p>
      <Copyable id="address" label={words.copy}>
        {new URL(addressOf({ ...filter, page: 1 }), publicUrl).href}
      </Copyable>
    </details>
  )
}

/** In place of a list in which nothing fits. */
export function NothingFits(props: {
  filter: Filter
  /** Whether the search over everything is for this viewer too. Default: yes. */
  maySearch?: boolean
  children?: ComponentChildren
}): VNode {
  const { filter, maySearch = true, children } = props
  const words = useWords(listingWords)
  return (
    <div class="panel">
      <h2>{words.nothing}</h2>
      <p>{words.nothingNext}</p>
      <div class="actions">
        <a class="button quiet" href={filter.path}>
          {words.showAll}
        </a>
        {filter.text !== '' && maySearch && (
          <a class="button quiet" href={searchAddress(filter.text)}>
            {words.searchAll}
          </a>
        )}
        {children}
      </div>
    </div>
  )
}

export function searchAddress(text: string): string {
  return `/admin/search?${new URLSearchParams({ q: text }).toString()}`
}

export function Pager({ filter, part }: { filter: Filter; part: Part<unknown> }): VNode | null {
  const words = useWords(listingWords)
  const { page, pages } = part
  if (pages === 1) return null
  return (
    <nav class="pager" aria-label={words.pages}>
      {page > 1 && (
        <a class="button quiet" rel="prev" href={addressOf({ ...filter, page: page - 1 })}>
          {words.previous}
        </a>
      )}
      <span class="number">{words.pageOf(page, pages)}</span>
      {page < pages && (
        <a class="button quiet" rel="next" href={addressOf({ ...filter, page: page + 1 })}>
          {words.next}
        </a>
      )}
    </nav>
  )
}

/** To what the filter shows, as a table for spreadsheets. */
export function Download({ filter, count }: { filter: Filter; count: number }): VNode {
  const words = useWords(listingWords)
  return (
    <p>
      <a href={addressOf({ ...filter, path: '/admin/grants.csv', page: 1 })} download>
        {words.download(count)}
      </a>
    </p>
  )
}
