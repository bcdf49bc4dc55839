import { z } from 'zod'
import type { Clock } from '../lib/index.js'
import {
  accessLevels,
  endings,
  type Endpoint,
  type EndpointGroup,
  type EpochMs,
  type Grant,
  type LockdownScope,
} from '../model.js'
import { unconditional } from './conditions.js'
import { resolveEndpoints } from './groups.js'
import { parseInstant } from './instant.js'
import { describeLength, refusal } from './refusal.js'
import { canonicalSource, sourcesAtMost } from './sources.js'
import { readWindows, weeklySchema } from './weekly.js'

/** What a request comes to once every field of it holds. */
export type Terms = Pick<
  Grant,
  'endpoints' | 'access' | 'from' | 'until' | 'reason' | 'ticket' | 'ending' | 'conditions'
> & {
  readonly to: string
}

export interface Limits {
  readonly clock: Pick<Clock, 'now'>
  readonly maxLengthMs: number
  readonly endpointIds: ReadonlySet<string>
  /** What single machines ask for besides. Default: nothing. */
  readonly endpointTerms?: EndpointTerms
  /** Default: none. */
  readonly endpointGroups?: readonly EndpointGroup[]
  /** The longest from the start to the end of a grant with weekly windows. Default: 92 days. */
  readonly maxRecurrenceMs?: number
}

/** By the id of the machine. */
export type EndpointTerms = ReadonlyMap<string, Pick<Endpoint, 'timeZone' | 'maxLengthMs'>>

const minuteMs = 60_000
/** For a page filled in slowly and a clock slightly off; an earlier start is a mistake. */
const startsBackAtMostMs = 5 * minuteMs
const startsAheadAtMostMs = 365 * 24 * 60 * minuteMs
const usualRecurrenceMs = 92 * 24 * 60 * minuteMs

/** Controls, lone surrogates, line separators, and what reorders text (Trojan Source, CVE-2021-42574). */
const hidden = /[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\p{Bidi_Control}]/u
/** Spaces, dots and invisible characters are no reason. */
const threeLetters = /(?:[\p{L}\p{N}][^\p{L}\p{N}]*){3}/u
/** What a message may repeat of an input. */
const harmless = /^[\w-]{1,63}$/

const reasonSchema = z
  .string('must be text')
  .max(500, 'must not be longer than 500 characters')
  .refine((text) => !hidden.test(text), 'holds control or text-direction characters')
  .trim()
  .refine((text) => threeLetters.test(text), 'must say why, in words')

const emailSchema = z
  .string('must be an e-mail address')
  .max(254, 'must not be longer than 254 characters')
  .pipe(z.email('must be an e-mail address, like ana@vendor.example'))
  .transform((text) => text.toLowerCase())

const ticketSchema = z
  .string('must be text')
  .max(64, 'must not be longer than 64 characters')
  .regex(/^[\x20-\x7e]*$/, 'may hold printable ASCII characters only')
  .trim()
  .nullish()
  // An empty field of a form is a field left out.
  .transform((text) => (text === undefined || text === '' ? null : text))

const sourcesSchema = z
  .array(z.string('must hold addresses'), 'must be a list of addresses and CIDR blocks')
  .max(sourcesAtMost, `must not name more than ${sourcesAtMost} addresses or blocks`)
  .transform((sources, context) =>
    sources.flatMap((text) => {
      const source = canonicalSource(text)
      if (source === null)
        context.addIssue(
          'must be addresses or CIDR blocks that begin at their own address, like 192.0.2.7 or 10.20.3.0/24',
        )
      return source === null ? [] : [source]
    }),
  )
  .refine((sources) => new Set(sources).size === sources.length, 'must not name an address or block twice')
  .default(() => [])

const lengthForm = 'must be a length, like 90m or 2h'
const lengthSchema = z
  .union(
    [
      z.int(lengthForm),
      z
        .string(lengthForm)
        .trim()
        .regex(/^\d{1,5}[mhd]$/, lengthForm)
        .transform(
          (text) => Number(text.slice(0, -1)) * { m: 1, h: 60, d: 1440 }[text.slice(-1) as 'm'] * minuteMs,
        ),
    ],
    lengthForm,
  )
  .refine((ms) => ms >= minuteMs, 'must be a minute or more')

const lastsSchema = lengthSchema.nullish().transform((ms) => ms ?? null)

const requestSchema = z.strictObject(
  {
    to: emailSchema,
    endpoints: z
      .array(z.string('must hold endpoint ids'), 'must be a list of endpoint ids')
      .max(50, 'must not name more than 50 endpoints')
      .refine((ids) => new Set(ids).size === ids.length, 'must not name an endpoint twice')
      .default(() => []),
    groups: z
      .array(z.string('must hold ids of groups'), 'must be a list of ids of groups')
      .max(50, 'must not name more than 50 groups')
      .refine((ids) => new Set(ids).size === ids.length, 'must not name a group twice')
      .default(() => []),
    from: z.unknown(),
    until: z.unknown(),
    reason: reasonSchema,
    ticket: ticketSchema,
    access: z.enum(accessLevels, 'must be "view" or "operate"').default('operate'),
    weekly: weeklySchema,
    ending: z.enum(endings, 'must be "cut", "drain" or "read-only"').default('cut'),
    sources: sourcesSchema,
    maxSessions: z
      .int('must be a whole number')
      .min(1, 'must be 1 or more')
      .max(50, 'must not be more than 50')
      .nullish()
      .transform((count) => count ?? null),
    lasts: lastsSchema,
    needsRelease: z.boolean('must be true or false').default(false),
  },
  {
    error: ({ code }) =>
      code === 'invalid_type' ? 'must be an object with the fields of a grant' : undefined,
  },
)

/**
 * @param input anything at all
 * @throws GatehouseError `input-invalid`, about one field that does not hold
 */
export function readRequest(input: unknown, limits: Limits): Terms {
  const { clock, endpointIds, endpointTerms } = limits
  const { sources, needsRelease, maxSessions, ...fields } = readFields(input, limits)
  const unknown = fields.endpoints.find((id) => !endpointIds.has(id))
  if (unknown !== undefined) throw refusal('endpoints', `${quote(unknown)} is not a configured endpoint`)

  const now = clock.now()
  const from = readInstant('from', fields.from, { now: () => now })
  const until = readInstant('until', fields.until, { now: () => now })
  if (from < now - startsBackAtMostMs) throw refusal('from', 'must not lie in the past')
  if (from > now + startsAheadAtMostMs) throw refusal('from', 'must not lie more than 365 days ahead')
  if (until <= now) throw refusal('until', 'must lie in the future')
  const { weekly, lasts, ...rest } = fields
  const longest = checkTimes({ ...fields, from, until, isWeekly: weekly !== null }, limits)
  const windows =
    weekly === null
      ? []
      : readWindows(weekly, zoneOf(fields.endpoints, endpointTerms), { from, until }, longest)
  return {
    ...rest,
    from,
    until,
    conditions: { ...unconditional, windows, sources, needsRelease, maxSessions, lastsFromFirstUseMs: lasts },
  }
}

/**
 * @returns the longest that a grant for these machines may be valid without a break
 * @throws GatehouseError `input-invalid` about `until` or `lasts`
 */
export function checkTimes(
  of: {
    readonly endpoints: readonly string[]
    readonly from: EpochMs
    readonly until: EpochMs
    /** From the first use on, in milliseconds; null for all of the time. */
    readonly lasts: number | null
    readonly isWeekly?: boolean
  },
  {
    maxLengthMs,
    endpointTerms,
    maxRecurrenceMs = usualRecurrenceMs,
  }: Pick<Limits, 'maxLengthMs' | 'endpointTerms' | 'maxRecurrenceMs'>,
): number {
  const { from, until, lasts, isWeekly = false } = of
  const longest = longestFor(of.endpoints, maxLengthMs, endpointTerms)
  checkLength(from, until, isWeekly || lasts !== null ? maxRecurrenceMs : longest)
  if (lasts === null) return longest
  if (isWeekly) throw refusal('lasts', 'must be left out where there are weekly windows')
  if (lasts > longest) throw refusal('lasts', `must not be longer than ${describeLength(longest)}`)
  if (lasts > until - from) throw refusal('lasts', 'must fit between the start and the end')
  return longest
}

/**
 * The latest end a grant may be given: from its start, or its first use where that begins its time. One that has not been
 * used may wait for as long as one with weekly windows.
 */
export function latestEnd(
  { from, endpoints, firstUsedAt, conditions }: Grant,
  {
    maxLengthMs,
    maxRecurrenceMs,
    endpointTerms,
  }: Pick<Limits, 'maxLengthMs' | 'endpointTerms'> & { readonly maxRecurrenceMs: number },
): EpochMs {
  const longest = longestFor(endpoints, maxLengthMs, endpointTerms)
  if (conditions.lastsFromFirstUseMs === null) return from + longest
  return firstUsedAt === undefined ? from + maxRecurrenceMs : firstUsedAt + longest
}

function readFields(input: unknown, { endpointGroups = [] }: Limits) {
  const { groups, ...fields } = read(requestSchema, input, 'request')
  return { ...fields, endpoints: resolveEndpoints(fields.endpoints, groups, endpointGroups) }
}

/** Takes `EpochMs`, or text as `parseInstant` takes it. */
export function readInstant(field: string, value: unknown, clock: Limits['clock']): EpochMs {
  const instant = typeof value === 'string' ? parseInstant(value, clock) : value
  if (typeof instant === 'number' && Number.isSafeInteger(instant)) return instant
  throw refusal(field, 'must be an instant, like 2026-11-23T14:00+01:00, "now" or "+2h"')
}

/**
 * Takes milliseconds, or text such as `90m` or `2h`.
 * @throws GatehouseError `input-invalid` about `field`
 */
export function readLength(field: string, value: unknown): number {
  return read(lengthSchema, value, field)
}

export function readReason(value: unknown): string {
  return read(reasonSchema, value, 'reason')
}

/**
 * Takes `all`, `endpoint:ID`, `principal:EMAIL`, or a scope.
 *
 * @param endpointIds those that are configured; null for whatever has been locked down before
 * @throws GatehouseError `input-invalid` about `scope`
 */
export function readScope(value: unknown, endpointIds: ReadonlySet<string> | null): LockdownScope {
  const text = typeof value === 'string' ? value : isScope(value) ? scopeText(value) : ''
  const principalIds = isScope(value) && value.kind === 'principal' ? value.principalIds : []
  const [kind = '', ...rest] = text.split(':')
  const name = rest.join(':')
  if (text === 'all') return { kind: 'all' }
  if (kind === 'endpoint' && harmless.test(name)) {
    if (endpointIds?.has(name) === false)
      throw refusal('scope', `${quote(name)} is not a configured endpoint`)
    return { kind: 'endpoint', endpointId: name }
  }
  if (kind === 'principal') return { kind, email: read(emailSchema, name, 'scope'), principalIds }
  throw refusal('scope', 'must be "all", "endpoint:ID" or "principal:EMAIL"')
}

function isScope(value: unknown): value is LockdownScope {
  return typeof value === 'object' && value !== null && 'kind' in value
}

/** `all`, `endpoint:press-3`, `principal:ana@vendor.example` */
export function scopeText(scope: LockdownScope): string {
  switch (scope.kind) {
    case 'all':
      return 'all'
    case 'endpoint':
      return `endpoint:${scope.endpointId}`
    case 'principal':
      return `principal:${scope.email}`
  }
}

/** What the clocks beside all of them show. */
function zoneOf(endpoints: readonly string[], endpointTerms: EndpointTerms = new Map()): string {
  const [zone = 'UTC', ...others] = new Set(endpoints.map((id) => endpointTerms.get(id)?.timeZone ?? 'UTC'))
  if (others.length > 0)
    throw refusal('weekly', 'must be issued for each time zone by itself: these machines stand in several')
  return zone
}

/** Of a grant for several machines: what each of them allows. */
export function longestFor(
  endpoints: readonly string[],
  maxLengthMs: number,
  endpointTerms: EndpointTerms = new Map(),
): number {
  return Math.min(maxLengthMs, ...endpoints.map((id) => endpointTerms.get(id)?.maxLengthMs ?? Infinity))
}

export function checkLength(from: EpochMs, until: EpochMs, maxLengthMs: number): void {
  if (until <= from) throw refusal('until', 'must lie after the start')
  if (until - from > maxLengthMs) {
    throw refusal('until', `must not lie more than ${describeLength(maxLengthMs)} after the start`)
  }
}

function read<T>(schema: z.ZodType<T>, value: unknown, field: string): T {
  const result = schema.safeParse(value)
  if (result.success) return result.data
  const [issue] = result.error.issues
  if (issue?.code === 'unrecognized_keys') {
    const key = issue.keys[0] ?? ''
    throw refusal(harmless.test(key) ? key : field, 'is not a field of a grant')
  }
  throw refusal(String(issue?.path[0] ?? field), issue?.message ?? 'is invalid')
}

function quote(text: string): string {
  return harmless.test(text) ? `"${text}"` : 'one of them'
}
