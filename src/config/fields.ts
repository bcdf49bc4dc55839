import { z } from 'zod'
import { parseTimeZone } from '../lib/index.js'
import {
  addressedPathPattern,
  addressPattern,
  decodedPath,
  durationPattern,
  endpointIdPattern,
  isLoopback,
  isOwnPath,
  isPlainText,
  parseAddress,
  parseDuration,
  parseSize,
  parseUrl,
  plainPathPattern,
  sizePattern,
} from './formats.js'

/** The kinds of value that options have, and the registries that hold what is said about them. */

/** What the reference says of one option. Default and form are taken from the schema itself. */
export interface OptionText {
  readonly what: string
  /** For defaults that are worked out, and options whose absence means something. */
  readonly default?: string
  readonly danger: string
}

/** How a value is written, for the reference and for the JSON schema. */
export interface Form {
  readonly says: string
  readonly unit?: string
  readonly range?: string
  /** A regular expression for the JSON schema. */
  readonly pattern?: string
}

export const optionTexts = z.registry<OptionText>()
export const sectionTexts = z.registry<{ what: string }>()
export const forms = z.registry<Form>()

/** Refuses the value being read, with a sentence that follows the name of the option. */
type Refuse = (message: string) => never

export function text<T>(form: Form, read: (text: string, refuse: Refuse) => T) {
  return z
    .string()
    .register(forms, form)
    .transform((value, context): T =>
      read(value, (message) => {
        context.addIssue(message)
        return z.NEVER
      }),
    )
}

export function section<Shape extends z.ZodRawShape>(what: string, shape: Shape) {
  return z.strictObject(shape).register(sectionTexts, { what })
}

export const matching = (pattern: RegExp, form: Form, message: string) =>
  text({ ...form, pattern: pattern.source }, (value, refuse) =>
    pattern.test(value) ? value : refuse(message),
  )

export const plainText = (longest: number) =>
  text({ says: 'text', range: `1 to ${String(longest)} characters` }, (value, refuse) => {
    if (value.trim() === '' || value.length > longest)
      return refuse(`must have 1 to ${String(longest)} characters`)
    if (!isPlainText(value))
      return refuse('must not contain control characters or marks that change the direction of writing')
    return value
  })

export const path = () =>
  text({ says: 'path; a relative one starts at the folder of the configuration file' }, (value, refuse) =>
    value === '' || value.includes('\0') ? refuse('must be a path') : value,
  )

export const duration = (shortest: string, longest: string) =>
  text(
    {
      says: 'duration',
      unit: 'a whole number and `s`, `m`, `h` or `d`',
      range: `${shortest} to ${longest}`,
      pattern: durationPattern.source,
    },
    (value, refuse) => {
      const ms = parseDuration(value)
      if (ms === null) return refuse('must be a duration, such as 30m or 12h')
      const isInRange = ms >= Number(parseDuration(shortest)) && ms <= Number(parseDuration(longest))
      return isInRange ? ms : refuse(`must be between ${shortest} and ${longest}`)
    },
  )

export const timeZone = () =>
  text(
    { says: 'IANA time zone, such as `Europe/Berlin`', pattern: '^[A-Za-z][A-Za-z0-9_+/-]*$' },
    (value, refuse) =>
      parseTimeZone(value) ?? refuse('must be an IANA time zone, such as Europe/Berlin or UTC'),
  )

export const size = (least: string, most: string) =>
  text(
    {
      says: 'size',
      unit: 'a whole number and `KiB`, `MiB` or `GiB`',
      range: `${least} to ${most}`,
      pattern: sizePattern.source,
    },
    (value, refuse) => {
      const bytes = parseSize(value)
      if (bytes === null) return refuse('must be a size, such as 10MiB or 2GiB')
      const isInRange = bytes >= Number(parseSize(least)) && bytes <= Number(parseSize(most))
      return isInRange ? bytes : refuse(`must be between ${least} and ${most}`)
    },
  )

export const wholeNumber = (unit: string, least: number, most: number) => {
  const range = `${String(least)} to ${String(most)}`
  const message = `must be a whole number of ${unit} from ${range}`
  return z
    .int({ error: (issue) => (issue.input === undefined ? undefined : message) })
    .min(least, message)
    .max(most, message)
    .register(forms, { says: 'whole number', unit, range })
}

export const seconds = (least: number, most: number) => wholeNumber('seconds', least, most)

const ownPath = 'lies in /.gatehouse/, which belongs to Gatehouse itself'

/** A path of a rule: it means the same to every server, or the rule would not. */
export const plainPath = () =>
  text(
    {
      says: 'path that begins with `/`',
      pattern: plainPathPattern.source,
    },
    (value, refuse) => {
      if (!plainPathPattern.test(value) || value.length > longestPath)
        return refuse(
          'must be a plain path that begins with /: no escapes, no *, no //, no ; and no segment of dots alone',
        )
      return isOwnPath(value) ? refuse(ownPath) : value
    },
  )

/** A path to ask the machine for. */
export const addressedPath = () =>
  text(
    { says: 'path that begins with `/`, perhaps with a query', pattern: addressedPathPattern.source },
    (value, refuse) => {
      const path = decodedPath(value)
      if (!addressedPathPattern.test(value) || path === null || value.length > longestPath)
        return refuse(
          'must be a path that begins with /, perhaps with a query, as the strict rules let it through: no //, ;, # or encoded slash, and no segment of dots alone',
        )
      return isOwnPath(path) ? refuse(ownPath) : value
    },
  )

/** Characters. The way through sign-in carries it, and old servers stop at a few hundred. */
const longestPath = 512

export const addressForm = {
  says: '`host:port` or `[IPv6]:port`',
  range: 'port 0 to 65535; with 0 the system picks a free one, which is of use to tests only',
  pattern: addressPattern.source,
}
export const address = () =>
  text(addressForm, (value, refuse) => parseAddress(value) ?? refuse('must be host:port or [IPv6]:port'))

/** Where to connect to. */
export const serverAddresses = () =>
  z
    .array(
      text({ says: 'address', pattern: addressPattern.source }, (value, refuse) => {
        const found = parseAddress(value)
        return found === null || found.port === 0 ? refuse('must be host:port or [IPv6]:port') : found
      }),
    )
    .min(1, 'must name one at least')
    .register(forms, { says: 'list of `host:port` or `[IPv6]:port`' })

/** Passwords, cookies and codes travel here, so plain http is for one machine talking to itself. */
export const secureUrl = (says: string, shape: RegExp) =>
  text({ says, pattern: shape.source }, (value, refuse) => {
    const url = parseUrl(value, shape)
    if (url === null) return refuse(`must be ${says}`)
    if (url.protocol === 'http:' && !isLoopback(url.hostname)) {
      return refuse(
        'must be https; http is for development, on localhost, *.localhost, 127.0.0.0/8 and [::1] only',
      )
    }
    return url
  })

/** RFC 5891 §4.2.3.1 keeps `??--` for encoded names, and those can look like another endpoint. */
export const endpointId = () =>
  text(
    {
      says: 'DNS label in lower case',
      range: '1 to 63 characters: a–z, 0–9, hyphen',
      pattern: endpointIdPattern.source,
    },
    (value, refuse) => {
      if (!endpointIdPattern.test(value)) {
        return refuse('must be a DNS label: 1 to 63 of a–z, 0–9 and hyphen, with no hyphen at either end')
      }
      if (value.slice(2, 4) === '--')
        return refuse(
          'must not have hyphens at its third and fourth place; DNS keeps those for encoded names',
        )
      if (reservedIds.has(value))
        return refuse(
          `"${value}" is reserved: people would take it for Gatehouse itself, or networks look that name up unasked`,
        )
      return value
    },
  )

/** Names that proxies, mail clients and browsers look up unasked, and names a person would take for Gatehouse itself. */
export const reservedIds = new Set([
  'admin',
  'autoconfig',
  'autodiscover',
  'gatehouse',
  'isatap',
  'localhost',
  'login',
  'mta-sts',
  'portal',
  'wpad',
  'www',
])

export const names = (what: string) => z.array(plainText(200)).register(forms, { says: `list of ${what}` })
