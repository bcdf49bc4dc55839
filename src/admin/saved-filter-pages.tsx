import type { VNode } from 'preact'
import {
  Field,
  FormToken,
  Hidden,
  mayAct,
  Notice,
  personal,
  Said,
  useWords,
  type Answer,
  type PersonalCall,
  type Route,
  type Viewer,
} from '../lib/page/index.js'
import { addressOf, isFiltered, readFilter, type Filter } from './listing.js'
import type { AdminOptions } from './options.js'
import { isListPath, listStates, longestName, type SavedFilter } from './saved-filters.js'
import { listingWords } from './words/listing.js'

/** To keep a filter of a list under a name, and to remove it. */
export function savedFilterRoutes({ savedFilters }: AdminOptions): Route[] {
  async function save({ session, body }: PersonalCall): Promise<Answer> {
    const path = body.one('list')
    if (!isListPath(path)) return { kind: 'redirect', to: '/admin' }
    const filter = readFilter(path, body, listStates[path])
    const outcome = await savedFilters.save(session.principal.id, { name: body.one('filterName'), filter })
    return { kind: 'redirect', to: withOutcome(addressOf({ ...filter, page: 1 }), outcome) }
  }

  async function remove({ session, params }: PersonalCall): Promise<Answer> {
    const path = await savedFilters.remove(session.principal.id, params.one('id'))
    return { kind: 'redirect', to: withOutcome(path ?? '/admin', 'removed') }
  }

  return [
    personal('POST', '/admin/filters', 'approver', save),
    personal('POST', '/admin/filters/:id/remove', 'approver', remove),
  ]
}

function withOutcome(address: string, outcome: string): string {
  return `${address}${address.includes('?') ? '&' : '?'}kept=${outcome}`
}

/** What a person has kept for this list, and the way to keep what is shown. */
export function SavedFilters(props: {
  filter: Filter
  saved: readonly SavedFilter[]
  viewer: Viewer
  /** What is worth knowing of what is kept. */
  hint?: string
  /** As the address says what became of the last attempt. */
  outcome: string
}): VNode | null {
  const { filter, saved, viewer, outcome, hint } = props
  const words = useWords(listingWords)
  const said = new Map(Object.entries(words.kept)).get(outcome)
  const hasFailed = outcome !== 'saved' && outcome !== 'removed'
  // It stands at the field, where there is one.
  const isAtField = outcome === 'name' && isFiltered(filter)
  // An auditor changes nothing, not even this.
  if (!mayAct(viewer)) return null
  if (saved.length === 0 && said === undefined && !isFiltered(filter)) return null
  return (
    <>
      {said !== undefined && !isAtField && <Notice kind={hasFailed ? 'alarm' : 'plain'}>{said}</Notice>}
      {saved.length > 0 && (
        <nav aria-label={words.yours}>
          <ul class="bare actions">
            {saved.map((one) => (
              <li class="saved">
                <a
                  href={one.address}
                  aria-current={one.address === addressOf({ ...filter, page: 1 }) ? 'true' : undefined}
                >
                  <Said>{one.name}</Said>
                </a>
                <form method="post" action={`/admin/filters/${encodeURIComponent(one.id)}/remove`}>
                  <FormToken viewer={viewer} />
                  <button class="quiet">
                    {words.remove}
                    <span class="visually-hidden">
                      {': '}
                      <Said>{one.name}</Said>
                    </span>
                  </button>
                </form>
              </li>
            ))}
          </ul>
        </nav>
      )}
      {isFiltered(filter) && (
        <details class="kept" open={outcome === 'name'}>
          <summary>{words.save}</summary>
          <form method="post" action="/admin/filters" class="stack">
            <FormToken viewer={viewer} />
            <Hidden name="list" value={filter.path} />
            <Hidden name="q" value={filter.text} />
            <Hidden name="state" value={filter.state} />
            <Hidden name="machine" value={filter.machine} />
            <Hidden name="company" value={filter.company} />
            <Field
              name="filterName"
              label={words.name}
              hint={hint === undefined ? words.nameHint : `${words.nameHint} ${hint}`}
              error={outcome === 'name' ? words.kept.name : null}
              input={{ maxLength: longestName }}
            />
            <div class="actions">
              <button class="quiet">{words.saveNow}</button>
            </div>
          </form>
        </details>
      )}
    </>
  )
}
