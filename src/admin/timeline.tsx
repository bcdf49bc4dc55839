import type { VNode } from 'preact'
import { dayOn, localTimeText, parseLocalTime, shiftDate, type Language } from '../lib/index.js'
import {
  Notice,
  personal,
  Said,
  useLanguage,
  useWords,
  type Answer,
  type PersonalCall,
  type Route,
} from '../lib/page/index.js'
import type { EpochMs, Grant, TimeWindow } from '../model.js'
import { endOf, groupOf, grantGroups, type GrantGroup } from './grant-selection.js'
import { partOf } from './listing.js'
import { listingWords } from './words/listing.js'
import type { AdminOptions } from './options.js'
import { timelineWords } from './words/timeline.js'

const machinesAtOnce = 50
const grantsAtOnce = 40
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

interface Bar {
  readonly grant: Grant
  readonly group: GrantGroup
  /** Its times of validity within the span. */
  readonly pieces: readonly TimeWindow[]
  /** From 0: bars that overlap lie below each other. */
  readonly lane: number
}

interface Row {
  readonly id: string
  readonly name: string
  readonly bars: readonly Bar[]
  readonly lanes: number
}

/** Who may be at which machine when, as a drawing and in words. */
export function timelineRoutes(options: AdminOptions): Route[] {
  const { config, clock, pages, grants } = options
  const zone = config.plant.timeZone

  async function show({ viewer, query }: PersonalCall): Promise<Answer> {
    const all = await grants.list()
    const now = clock.now()
    const words = timelineWords[viewer.language]
    const today = localTimeText(now, zone).slice(0, 10)
    const kind = query.one('span') === 'week' ? 'week' : 'day'
    const asked = spanOf(kind, query.one('day') || today, zone)
    const span = asked ?? spanOf(kind, today, zone)
    const rows = span === null ? [] : rowsOf(all, span, now)
    const part = partOf(
      rows,
      /^[1-9]\d{0,3}$/.test(query.one('page')) ? Number(query.one('page')) : 1,
      machinesAtOnce,
    )
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
              <Choose span={span} today={today} zone={zone} />
              {rows.length === 0 ? (
                <div class="panel">
                  <h2>{words.nothing}</h2>
                  <p>{words.nothingNext}</p>
                </div>
              ) : (
                <Drawing rows={part.shown} span={span} zone={zone} now={now} />
              )}
              {rows.length > 0 && rows.length < config.endpoints.length && (
                <p class="soft">{words.others(config.endpoints.length - rows.length)}</p>
              )}
              <Pages span={span} page={part.page} pages={part.pages} />
            </>
          )}
        </>
      ),
    })
    return { kind: 'page', html }
  }

  function rowsOf(all: readonly Grant[], span: Span, now: EpochMs): Row[] {
    const drawn = all
      .map((grant) => ({ grant, pieces: piecesOf(grant, span) }))
      .filter(({ pieces }) => pieces.length > 0)
      .sort((a, b) => a.grant.from - b.grant.from || a.grant.id.localeCompare(b.grant.id))
    // Thousands of grants of a thousand machines: each is looked at once, not once for each machine.
    const ofEndpoint = new Map<string, typeof drawn>()
    for (const one of drawn)
      for (const id of one.grant.endpoints) {
        const others = ofEndpoint.get(id)
        if (others === undefined) ofEndpoint.set(id, [one])
        else others.push(one)
      }
    return config.endpoints.flatMap(({ id, name }) => {
      const ends: EpochMs[] = []
      const bars = (ofEndpoint.get(id) ?? []).map(({ grant, pieces }): Bar => {
        const begins = pieces[0]?.from ?? span.from
        const free = ends.findIndex((end) => end <= begins)
        const lane = free < 0 ? ends.length : free
        ends[lane] = pieces.at(-1)?.until ?? span.until
        return { grant, pieces, lane, group: groupOf(grant, now, config.grants.endings) }
      })
      return bars.length === 0 ? [] : [{ id, name, bars, lanes: ends.length }]
    })
  }

  return [personal('GET', '/admin/timeline', 'approver', show)]
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
  return (windows.length === 0 ? [grant] : windows)
    .map(({ from, until }) => ({
      from: Math.max(from, grant.from, span.from),
      until: Math.min(until, grant.until, end),
    }))
    .filter(({ from, until }) => from < until)
}

function addressOf({ kind, date }: Pick<Span, 'kind' | 'date'>, page = 1): string {
  return `/admin/timeline?span=${kind}&day=${date}${page > 1 ? `&page=${String(page)}` : ''}`
}

function Choose({ span, today, zone }: { span: Span; today: string; zone: string }): VNode {
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
          href={addressOf({ kind: other, date })}
          aria-current={other === kind ? 'true' : undefined}
        >
          {words[other]}
        </a>
      ))}
      {earlier !== null && (
        <a class="button quiet" rel="prev" href={addressOf({ kind, date: earlier })}>
          {words.previous}
        </a>
      )}
      <a class="button quiet" href={addressOf({ kind, date: today })}>
        {words.today}
      </a>
      {later !== null && (
        <a class="button quiet" rel="next" href={addressOf({ kind, date: later })}>
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

function Drawing(props: { rows: readonly Row[]; span: Span; zone: string; now: EpochMs }): VNode {
  const { rows, span, zone, now } = props
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
        {rows.map((row) => (
          <section aria-labelledby={`machine-${row.id}`}>
            <h2 id={`machine-${row.id}`}>
              <Said>{row.name}</Said>
            </h2>
            <Lanes row={row} span={span} ticks={ticks.map(({ at }) => at)} nowAt={nowAt} />
            <InWords row={row} span={span} zone={zone} />
          </section>
        ))}
      </div>
    </>
  )
}

/** For the eye and the pointer; the same stands below in words, where the keyboard and screen readers find it. */
function Lanes(props: { row: Row; span: Span; ticks: readonly EpochMs[]; nowAt: number | null }): VNode {
  const { row, span, ticks, nowAt } = props
  const bars = row.bars.slice(0, grantsAtOnce)
  const height = Math.max(1, ...bars.map(({ lane }) => lane + 1)) * laneHeight
  return (
    <svg class="lanes" width="100%" height={height} aria-hidden="true" focusable="false">
      {ticks.map((at) => (
        <line class="tick" x1={percent(placeOf(at, span))} x2={percent(placeOf(at, span))} y1="0" y2="100%" />
      ))}
      {bars.flatMap(({ grant, group, pieces, lane }) =>
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

function InWords({ row, span, zone }: { row: Row; span: Span; zone: string }): VNode {
  const words = useWords(timelineWords)
  const shown = row.bars.slice(0, grantsAtOnce)
  const hidden = row.bars.length - shown.length
  return (
    <ul class="bare in-words">
      {shown.map(({ grant, group, pieces }) => (
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
          <a href={`/admin?${new URLSearchParams({ machine: row.id }).toString()}`}>{words.more(hidden)}</a>
        </li>
      )}
    </ul>
  )
}

function Pages({ span, page, pages }: { span: Span; page: number; pages: number }): VNode | null {
  const words = useWords(listingWords)
  if (pages === 1) return null
  return (
    <nav class="pager" aria-label={words.pages}>
      {page > 1 && (
        <a class="button quiet" href={addressOf(span, page - 1)}>
          {words.previous}
        </a>
      )}
      <span class="number">{words.pageOf(page, pages)}</span>
      {page < pages && (
        <a class="button quiet" href={addressOf(span, page + 1)}>
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
