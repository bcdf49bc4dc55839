import type { VNode } from 'preact'
import { dayOn, localTimeText, parseLocalTime, shiftDate, type Language } from '../lib/index.js'
import {
  Hidden,
  Notice,
  personal,
  Said,
  useLanguage,
  useWords,
  type Answer,
  type Fields,
  type PersonalCall,
  type Route,
} from '../lib/page/index.js'
import type { EndingLimits, EpochMs, Grant, TimeWindow } from '../model.js'
import { createGrantMatcher, endOf, groupOf, grantGroups, type GrantGroup } from './grant-selection.js'
import { textsOfEndpoint } from './machines.js'
import { readFilter, type Filter } from './listing.js'
import { createMatcher, longestSearch } from './matching.js'
import { SavedFilters } from './saved-filter-pages.js'
import { listingWords } from './words/listing.js'
import type { AdminOptions } from './options.js'
import { timelineWords } from './words/timeline.js'

const path = '/admin/timeline'
const machinesAtOnce = 50
/** Of one machine; the list has the others. */
const grantsAtOnce = 12
/** On one page, of all machines together: what a first visit has to load, and a browser to lay out. */
const piecesAtOnce = 150
/** In pixels; above the 24 that a target needs at least (WCAG 2.2, 2.5.8). */
const barHeight = 26
const laneHeight = 30

/** What is drawn: a day, or seven from a Monday on. */
interface Span {
  readonly kind: 'day' | 'week'
  /** `2026-11-23`, its first day in plant time. */
  readonly date: string
  readonly from: EpochMs
  readonly until: EpochMs
}

/** What is looked at: part of the address, so that it can be kept as a bookmark. */
interface View extends Pick<Span, 'kind' | 'date'> {
  /** What must occur in a machine or a grant, as it was typed. */
  readonly text: string
}

interface Bar {
  readonly grant: Grant
  readonly group: GrantGroup
  /** Its times of validity within the span; one at least. */
  readonly pieces: readonly TimeWindow[]
}

/** A machine with the grants that lie in the span, and what it is put in its place by. */
interface Row {
  readonly id: string
  readonly name: string
  readonly grants: Grant[]
  /** 0 where one runs, 1 where one is to come, else 2. */
  rank: number
  /** When the first of those of that rank begins within the span. */
  next: EpochMs
  /** Of all of them together, and of the one with the most. */
  pieces: number
  mostPieces: number
}

/** Who may be at which machine when, as a drawing and in words. */
export function timelineRoutes(options: AdminOptions): Route[] {
  const { config, clock, pages, grants, savedFilters } = options
  const zone = config.plant.timeZone

  async function show({ viewer, query, session }: PersonalCall): Promise<Answer> {
    const all = await grants.list()
    const saved = await savedFilters.of(session.principal.id, path)
    const now = clock.now()
    const words = timelineWords[viewer.language]
    const today = localTimeText(now, zone).slice(0, 10)
    // Its buttons say `span`, a filter that was kept `state`, as those of lists do.
    const kind = (query.one('span') || query.one('state')) === 'week' ? 'week' : 'day'
    const asked = spanOf(kind, query.one('day') || today, zone)
    const span = asked ?? spanOf(kind, today, zone)
    const filter = filterOf(kind, query)
    const { text } = filter
    const rows = span === null ? [] : rowsOf(all, span, text, now)
    const parts = partsOf(rows)
    const wanted = /^[1-9]\d{0,3}$/.test(query.one('page')) ? Number(query.one('page')) : 1
    const page = Math.min(wanted, parts.length)
    const shown = parts[page - 1] ?? []
    const html = pages.render({
      title: words.title,
      section: 'grants',
      width: 'wide',
      isLive: true,
      viewer,
      language: viewer.language,
      now,
      body: (
        <>
          <div class="head">
            <h1>{words.title}</h1>
            <a class="button quiet" href="/admin">
              {words.list}
            </a>
          </div>
          {asked === null && <Notice>{words.noTime}</Notice>}
          {span !== null && (
            <>
              <Choose span={span} text={text} today={today} zone={zone} />
              <Search span={span} text={text} />
              <SavedFilters
                {...{ filter, saved, viewer }}
                hint={words.keptHint}
                outcome={query.one('kept')}
              />
              {rows.length === 0 ? (
                <Nothing span={span} text={text} />
              ) : (
                <Drawing rows={shown} limits={config.grants.endings} {...{ span, zone, now }} />
              )}
              {rows.length > 0 && rows.length < config.endpoints.length && text === '' && (
                <p class="soft">{words.others(config.endpoints.length - rows.length)}</p>
              )}
              {parts.length > 1 && <p class="soft">{words.order}</p>}
              <Pages view={{ ...span, text }} page={page} pages={parts.length} />
            </>
          )}
        </>
      ),
    })
    return { kind: 'page', html }
  }

  /** The machines with something to draw, in the order of the configuration. */
  function rowsOf(all: readonly Grant[], span: Span, text: string, now: EpochMs): Row[] {
    const fits = createMatcher(text)
    const fitsGrant = createGrantMatcher(text, config.endpoints)
    const rows = new Map(
      config.endpoints.map((endpoint) => [
        endpoint.id,
        {
          row: emptyRow(endpoint),
          isWhole: text === '' || fits(textsOfEndpoint(endpoint)),
        },
      ]),
    )
    // Thousands of grants of a thousand machines: each is looked at once, and bars are made of those alone that are drawn.
    for (const grant of all) {
      const { begin, pieces } = extentOf(grant, span)
      if (pieces === 0) continue
      const rank = rankOf(groupOf(grant, now, config.grants.endings))
      const isFitting = text !== '' && fitsGrant(grant)
      for (const id of grant.endpoints) {
        const place = rows.get(id)
        if (place !== undefined && (place.isWhole || isFitting))
          addTo(place.row, grant, { rank, begin, pieces })
      }
    }
    return [...rows.values()].map(({ row }) => row).filter(({ grants: some }) => some.length > 0)
  }

  return [personal('GET', path, 'auditor', show)]
}

/** What of it can be kept under a name; in the shape that lists have. */
function filterOf(kind: Span['kind'], query: Fields): Filter {
  return { ...readFilter(path, query, []), state: kind === 'week' ? kind : '', machine: '', company: '' }
}

export function emptyRow({ id, name }: Pick<Row, 'id' | 'name'>): Row {
  return { id, name, grants: [], rank: rankOver, next: Infinity, pieces: 0, mostPieces: 0 }
}

export function addTo(
  row: Row,
  grant: Grant,
  { rank, begin, pieces }: { readonly rank: number; readonly begin: EpochMs; readonly pieces: number },
): void {
  row.grants.push(grant)
  if (rank < row.rank) row.next = Infinity
  row.rank = Math.min(row.rank, rank)
  if (rank === row.rank) row.next = Math.min(row.next, begin)
  row.pieces += pieces
  row.mostPieces = Math.max(row.mostPieces, pieces)
}

/** As `piecesOf`, for who only counts them. */
function extentOf(grant: Grant, span: TimeWindow): { begin: EpochMs; pieces: number } {
  if (grant.conditions.windows.length === 0) {
    const begin = Math.max(grant.from, span.from)
    return { begin, pieces: begin < Math.min(endOf(grant), span.until) ? 1 : 0 }
  }
  const pieces = piecesOf(grant, span)
  return { begin: pieces[0]?.from ?? span.from, pieces: pieces.length }
}

/** Those of one machine that are drawn, in the order in which they begin: what runs or is to come before what is over. */
export function drawnOf(bars: readonly Bar[]): Bar[] {
  const isNext = (a: Bar, b: Bar): number =>
    rankOf(a.group) - rankOf(b.group) ||
    (rankOf(a.group) < rankOver ? beginOf(a) - beginOf(b) : endOf(b.grant) - endOf(a.grant))
  const foremost = bars.length <= grantsAtOnce ? [...bars] : [...bars].sort(isNext).slice(0, grantsAtOnce)
  return foremost.sort((a, b) => beginOf(a) - beginOf(b) || (a.grant.id < b.grant.id ? -1 : 1))
}

const rankOver = 2

function rankOf(group: GrantGroup): number {
  return group === 'running' ? 0 : group === 'coming' ? 1 : rankOver
}

function beginOf({ pieces }: Bar): EpochMs {
  return pieces[0]?.from ?? 0
}

/**
 * By page. Where one does not hold all, machines that are in use come first, then those that will be, the soonest first; where it
 * does, each stays in the place where people know it.
 */
export function partsOf(rows: readonly Row[]): Row[][] {
  const parts = inPages(rows)
  if (parts.length <= 1) return parts
  const nextOf = ({ rank, next }: Row): number => (rank === 1 ? next : 0)
  return inPages([...rows].sort((a, b) => a.rank - b.rank || nextOf(a) - nextOf(b)))
}

function inPages(rows: readonly Row[]): Row[][] {
  const parts: Row[][] = []
  let drawn = Infinity
  for (const row of rows) {
    // Which of them are drawn is not worth knowing of a machine on another page.
    const pieces = Math.min(row.pieces, row.mostPieces * grantsAtOnce)
    const last = parts.at(-1)
    if (last !== undefined && last.length < machinesAtOnce && drawn + pieces <= piecesAtOnce) {
      last.push(row)
      drawn += pieces
    } else {
      parts.push([row])
      drawn = pieces
    }
  }
  return parts
}

/** Bars that overlap lie below each other, each in the first lane that is free. */
function lanesOf(bars: readonly Bar[]): { bar: Bar; lane: number }[] {
  const ends: EpochMs[] = []
  return bars.map((bar) => {
    const free = ends.findIndex((end) => end <= beginOf(bar))
    const lane = free < 0 ? ends.length : free
    ends[lane] = bar.pieces.at(-1)?.until ?? Infinity
    return { bar, lane }
  })
}

/** Null where the text is no date of a calendar. */
export function spanOf(kind: Span['kind'], date: string, zone: string): Span | null {
  const first = kind === 'day' ? date : shiftDate(date, 'monday')
  const start = first === null ? null : dayOn(first, zone)
  if (first === null || start === null) return null
  if (kind === 'day') return { kind, date: first, ...start }
  const last = shiftDate(first, 6)
  const end = last === null ? null : dayOn(last, zone)
  return end === null ? null : { kind, date: first, from: start.from, until: end.until }
}

/** When a grant is or was valid, as far as that lies within a span. */
export function piecesOf(grant: Grant, span: TimeWindow): TimeWindow[] {
  const { windows } = grant.conditions
  const end = Math.min(endOf(grant), span.until)
  // Most of ten thousand have nothing there.
  if (grant.from >= end || end <= span.from) return []
  return (windows.length === 0 ? [grant] : windows)
    .map(({ from, until }) => ({
      from: Math.max(from, grant.from, span.from),
      until: Math.min(until, grant.until, end),
    }))
    .filter(({ from, until }) => from < until)
}

function addressOf({ kind, date, text }: View, page = 1): string {
  const more = new URLSearchParams({
    ...(text === '' ? {} : { q: text }),
    ...(page > 1 ? { page: String(page) } : {}),
  }).toString()
  return `${path}?span=${kind}&day=${date}${more === '' ? '' : `&${more}`}`
}

function Choose(props: { span: Span; text: string; today: string; zone: string }): VNode {
  const { span, text, today, zone } = props
  const words = useWords(timelineWords)
  const { kind, date } = span
  const step = kind === 'day' ? 1 : 7
  const earlier = shiftDate(date, -step)
  const later = shiftDate(date, step)
  const last = kind === 'day' ? null : shiftDate(date, 6)
  return (
    <nav class="pager" aria-label={words.span}>
      {(['day', 'week'] as const).map((other) => (
        <a
          class="button quiet"
          href={addressOf({ kind: other, date, text })}
          aria-current={other === kind ? 'true' : undefined}
        >
          {words[other]}
        </a>
      ))}
      {earlier !== null && (
        <a class="button quiet" rel="prev" href={addressOf({ kind, date: earlier, text })}>
          {words.previous}
        </a>
      )}
      <a class="button quiet" href={addressOf({ kind, date: today, text })}>
        {words.today}
      </a>
      {later !== null && (
        <a class="button quiet" rel="next" href={addressOf({ kind, date: later, text })}>
          {words.next}
        </a>
      )}
      <span>
        <strong class="number">{last === null ? date : `${date} – ${last}`}</strong>{' '}
        <span class="soft">{words.zone(zone)}</span>
      </span>
    </nav>
  )
}

/** Sent by GET, like the filters of lists. */
function Search({ span, text }: { span: Span; text: string }): VNode {
  const words = useWords(timelineWords)
  const { search, show } = useWords(listingWords)
  return (
    <form class="filter" method="get" action={path} role="search">
      <Hidden name="span" value={span.kind} />
      <Hidden name="day" value={span.date} />
      <div class="field grow">
        <label for="q">{search}</label>
        <input
          type="search"
          id="q"
          name="q"
          value={text}
          maxLength={longestSearch}
          autocomplete="off"
          spellcheck={false}
          aria-describedby="q-hint"
        />
        <p class="hint" id="q-hint">
          {words.hint}
        </p>
      </div>
      <div class="actions">
        <button class="quiet">{show}</button>
      </div>
    </form>
  )
}

function Nothing({ span, text }: { span: Span; text: string }): VNode {
  const words = useWords(timelineWords)
  const { showAll } = useWords(listingWords)
  return (
    <div class="panel">
      <h2>{words.nothing}</h2>
      <p>{text === '' ? words.nothingNext : words.nothingFits}</p>
      {text !== '' && (
        <div class="actions">
          <a class="button quiet" href={addressOf({ ...span, text: '' })}>
            {showAll}
          </a>
        </div>
      )}
    </div>
  )
}

function Drawing(props: {
  rows: readonly Row[]
  span: Span
  zone: string
  now: EpochMs
  limits: EndingLimits
}): VNode {
  const { rows, span, zone, now, limits } = props
  const words = useWords(timelineWords)
  const language = useLanguage()
  const ticks = ticksOf(span, zone, language)
  const nowAt = now >= span.from && now < span.until ? placeOf(now, span) : null
  return (
    <>
      <ul class="legend" aria-hidden="true">
        {grantGroups.map((group) => (
          <li>
            <svg class="swatch" width="28" height="16">
              <rect class={`bar ${group}`} x="1" y="1" width="26" height="14" />
            </svg>
            {words.groups[group]}
          </li>
        ))}
      </ul>
      <div class="timeline">
        <svg class="axis" width="100%" height="24" aria-hidden="true">
          {ticks.map(({ at, label }) => (
            <text x={percent(placeOf(at, span))} y="16" dx="3">
              {label}
            </text>
          ))}
        </svg>
        {rows.map((row) => {
          const bars = drawnOf(
            row.grants.map((grant) => ({
              ...{ grant, pieces: piecesOf(grant, span) },
              group: groupOf(grant, now, limits),
            })),
          )
          return (
            <section aria-labelledby={`machine-${row.id}`}>
              <h2 id={`machine-${row.id}`}>
                <Said>{row.name}</Said>
              </h2>
              <Lanes bars={bars} span={span} ticks={ticks.map(({ at }) => at)} nowAt={nowAt} />
              <InWords row={row} bars={bars} span={span} zone={zone} />
            </section>
          )
        })}
      </div>
    </>
  )
}

/** For the eye and the pointer; the same stands below in words, where the keyboard and screen readers find it. */
function Lanes(props: {
  bars: readonly Bar[]
  span: Span
  ticks: readonly EpochMs[]
  nowAt: number | null
}): VNode {
  const { span, ticks, nowAt } = props
  const bars = lanesOf(props.bars)
  const height = Math.max(1, ...bars.map(({ lane }) => lane + 1)) * laneHeight
  return (
    <svg class="lanes" width="100%" height={height} aria-hidden="true" focusable="false">
      {ticks.map((at) => (
        <line class="tick" x1={percent(placeOf(at, span))} x2={percent(placeOf(at, span))} y1="0" y2="100%" />
      ))}
      {bars.flatMap(({ bar: { grant, group, pieces }, lane }) =>
        pieces.map(({ from, until }) => (
          <a href={`/admin/grants/${encodeURIComponent(grant.id)}`} tabindex={-1}>
            <svg
              x={percent(placeOf(from, span))}
              y={lane * laneHeight + 2}
              width={percent(placeOf(until, span) - placeOf(from, span))}
              height={barHeight}
            >
              <rect class={`bar ${group}`} x="0" y="1" width="100%" height={barHeight - 2} />
              <text class={group} x="6" y="18">
                {grant.to.email}
              </text>
            </svg>
          </a>
        )),
      )}
      {nowAt !== null && <line class="now" x1={percent(nowAt)} x2={percent(nowAt)} y1="0" y2="100%" />}
    </svg>
  )
}

function InWords(props: { row: Row; bars: readonly Bar[]; span: Span; zone: string }): VNode {
  const { row, bars, span, zone } = props
  const words = useWords(timelineWords)
  const hidden = row.grants.length - bars.length
  return (
    <ul class="bare in-words">
      {bars.map(({ grant, group, pieces }) => (
        <li>
          <span class="number">{pieces.map((piece) => timesOf(piece, span, zone)).join(', ')}</span>{' '}
          <a href={`/admin/grants/${encodeURIComponent(grant.id)}`}>
            <Said>{grant.to.email}</Said>
          </a>{' '}
          <span class="soft">{words.groups[group]}</span>
        </li>
      ))}
      {hidden > 0 && (
        <li>
          <a href={`/admin?${new URLSearchParams({ machine: row.id }).toString()}`}>
            {words.more(hidden)}
            <span class="visually-hidden"> {words.moreOf(row.name)}</span>
          </a>
        </li>
      )}
    </ul>
  )
}

function Pages({ view, page, pages }: { view: View; page: number; pages: number }): VNode | null {
  const words = useWords(listingWords)
  if (pages <= 1) return null
  return (
    <nav class="pager" aria-label={words.pages}>
      {page > 1 && (
        <a class="button quiet" href={addressOf(view, page - 1)}>
          {words.previous}
        </a>
      )}
      <span class="number">{words.pageOf(page, pages)}</span>
      {page < pages && (
        <a class="button quiet" href={addressOf(view, page + 1)}>
          {words.next}
        </a>
      )}
    </nav>
  )
}

/** `08:00–12:00`; with the date where a week is drawn. Midnight at the end of what is drawn is 24:00. */
function timesOf({ from, until }: TimeWindow, span: Span, zone: string): string {
  const text = (at: EpochMs): string =>
    span.kind === 'day'
      ? localTimeText(at, zone).slice(11)
      : localTimeText(at, zone).slice(5).replace('T', ' ')
  return `${text(from)}–${span.kind === 'day' && until === span.until ? '24:00' : text(until)}`
}

/** Every third hour of a day, every day of a week; an hour that clocks skip or show twice has no place of its own. */
function ticksOf(span: Span, zone: string, language: Language): { at: EpochMs; label: string }[] {
  if (span.kind === 'day')
    return [0, 3, 6, 9, 12, 15, 18, 21].flatMap((hour) => {
      const label = `${String(hour).padStart(2, '0')}:00`
      const at = parseLocalTime(`${span.date}T${label}`, zone)
      return typeof at === 'number' ? [{ at, label }] : []
    })
  const format = new Intl.DateTimeFormat(language, { weekday: 'short', day: 'numeric', timeZone: 'UTC' })
  return [0, 1, 2, 3, 4, 5, 6].flatMap((days) => {
    const date = shiftDate(span.date, days)
    const day = date === null ? null : dayOn(date, zone)
    return day === null ? [] : [{ at: day.from, label: format.format(new Date(`${date ?? ''}T00:00:00Z`)) }]
  })
}

/** From 0 at the begin of a span to 1 at its end. */
function placeOf(at: EpochMs, { from, until }: TimeWindow): number {
  return (at - from) / (until - from)
}

function percent(share: number): string {
  return `${(share * 100).toFixed(3)}%`
}
