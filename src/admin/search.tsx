import type { ComponentChildren, VNode } from 'preact'
import {
  Instant,
  personal,
  Said,
  useWords,
  Window,
  type Answer,
  type PersonalCall,
  type Route,
} from '../lib/page/index.js'
import { selectGrants, type GrantGroup } from './grant-selection.js'
import { addressOf, FilterForm, readFilter, type Filter } from './listing.js'
import { textsOfEndpoint } from './machines.js'
import { createMatcher } from './matching.js'
import type { AdminOptions } from './options.js'
import { textsOfPerson } from './people.js'
import { SavedFilters } from './saved-filter-pages.js'
import { streamsBySession, textsOfSession } from './sessions.js'
import { machineNames } from './words.js'
import { searchWords } from './words/search.js'
import { timelineWords } from './words/timeline.js'

const shownOfEach = 10

/** One place to look for a name somebody says on the telephone, whatever it is the name of. */
export function searchRoutes(options: AdminOptions): Route[] {
  const { config, clock, pages, grants, people, sessions, savedFilters } = options

  async function show({ viewer, query, session }: PersonalCall): Promise<Answer> {
    const filter = { ...readFilter('/admin/search', query, []), machine: '', company: '' }
    const saved = await savedFilters.of(session.principal.id, '/admin/search')
    const found = filter.text === '' ? null : await find(filter, viewer.isAdmin)
    const words = searchWords[viewer.language]
    const html = pages.render({
      title: words.title,
      section: 'search',
      viewer,
      language: viewer.language,
      now: clock.now(),
      body: (
        <>
          <h1>{words.title}</h1>
          <FilterForm filter={filter} hint={words.hint} states={[]} endpoints={[]} />
          <SavedFilters {...{ filter, saved, viewer }} outcome={query.one('kept')} />
          {found ?? <p class="soft">{words.begin}</p>}
        </>
      ),
    })
    return { kind: 'page', html }
  }

  async function find(filter: Filter, isAdmin: boolean): Promise<VNode> {
    const fits = createMatcher(filter.text)
    const allGrants = await grants.list()
    const allSessions = await sessions.list()
    // Who has ever signed in is for administrators alone, here as on the page about them.
    const persons = isAdmin ? (await people.list()).filter((person) => fits(textsOfPerson(person))) : []
    const now = clock.now()
    const site = { now, limits: config.grants.endings, endpoints: config.endpoints }
    const { grants: fitting, groupOf } = selectGrants(allGrants, { ...filter, state: '', machine: '' }, site)
    const machines = config.endpoints.filter((endpoint) => fits(textsOfEndpoint(endpoint)))
    const opened = streamsBySession(options.streams())
    const signedIn = allSessions.filter((session) =>
      fits(textsOfSession(session, opened.get(session.id) ?? [], config.endpoints)),
    )
    if (machines.length + fitting.length + persons.length + signedIn.length === 0) return <Nothing />
    const within = (path: string): string => addressOf({ ...filter, path, page: 1 })
    return (
      <>
        <Found kind="machines" items={machines} all={within('/admin/endpoints')}>
          {({ id, name, zone }) => (
            <>
              <strong>
                <Said>{name}</Said>
              </strong>{' '}
              {zone !== null && (
                <span class="soft">
                  <Said>{zone}</Said>
                </span>
              )}{' '}
              <GrantsLink machine={id} />
            </>
          )}
        </Found>
        <Found kind="grants" items={fitting} all={within('/admin')}>
          {(grant) => (
            <>
              <a href={`/admin/grants/${encodeURIComponent(grant.id)}`}>
                <Said>{grant.to.email}</Said>, <Said>{machineNames(grant.endpoints, config.endpoints)}</Said>
              </a>
              <div class="soft small">
                <State group={groupOf(grant)} />,{' '}
                <Window from={grant.from} until={grant.until} of={grant.endpoints} />
              </div>
              <div class="clamp">
                <Said>{grant.reason}</Said>
              </div>
            </>
          )}
        </Found>
        <Found kind="people" items={persons} all={within('/admin/people')}>
          {({ principal: { name, email } }) => (
            <>
              <a href={addressOf({ ...filter, path: '/admin/people', text: email ?? name, page: 1 })}>
                <Said>{name}</Said>
              </a>
              {email !== null && email !== name && (
                <div class="soft small">
                  <Said>{email}</Said>
                </div>
              )}
            </>
          )}
        </Found>
        <Found kind="sessions" items={signedIn} all={within('/admin/sessions')}>
          {({ id, principal, startedAt }) => (
            <>
              <a href={addressOf({ ...filter, path: '/admin/sessions', text: id, page: 1 })}>
                <Said>{principal.name}</Said>
              </a>
              <div class="soft small">
                <SignedIn />
                <Instant at={startedAt} />
              </div>
            </>
          )}
        </Found>
      </>
    )
  }

  return [personal('GET', '/admin/search', 'approver', show)]
}

/** The first few of what was found of one kind; nothing where there are none. */
function Found<Item>(props: {
  kind: 'machines' | 'grants' | 'people' | 'sessions'
  items: readonly Item[]
  /** Where all of them are listed. */
  all: string
  children: (item: Item) => ComponentChildren
}): VNode | null {
  const { kind, items, all, children } = props
  const words = useWords(searchWords)
  if (items.length === 0) return null
  const shown = items.slice(0, shownOfEach)
  return (
    <section aria-labelledby={kind}>
      <h2 id={kind}>{words[kind](items.length)}</h2>
      <ul class="found">
        {shown.map((item) => (
          <li>{children(item)}</li>
        ))}
      </ul>
      {items.length > shown.length && (
        <p>
          <a href={all}>{words.allOf(items.length)}</a>
        </p>
      )}
    </section>
  )
}

function GrantsLink({ machine }: { machine: string }): VNode {
  const words = useWords(searchWords)
  return <a href={`/admin?${new URLSearchParams({ machine }).toString()}`}>{words.grantsThere}</a>
}

function Nothing(): VNode {
  return <p>{useWords(searchWords).nothing}</p>
}

function State({ group }: { group: GrantGroup }): VNode {
  return <>{useWords(timelineWords).groups[group]}</>
}

function SignedIn(): VNode {
  return <>{useWords(searchWords).signedIn} </>
}
