import type { LenientRequest } from '../model.js'

/** Why a request target is refused. Stable words: they stand in the ledger. */
export const targetFlaws = [
  'target-form',
  'target-length',
  'target-characters',
  'fragment',
  'double-slash',
  'dot-segment',
  'backslash',
  'encoded-slash',
  'matrix-params',
  'encoded-control',
  'escape-malformed',
  'escape-nested',
  'utf8-invalid',
  'own-path-disguised',
] as const
export type TargetFlaw = (typeof targetFlaws)[number]

export interface Target {
  readonly path: string
  /** Without the question mark; null when there was none. */
  readonly query: string | null
}

/** What the endpoint opens beyond the strict rules; each opens one thing and nothing beside it. */
export type Openings = ReadonlySet<LenientRequest>

export const strict: Openings = new Set()

const ownPath = '/.gatehouse/'

/** Bytes. Long queries belong into a POST; most embedded servers stop at 2 to 8 KB anyway. */
const longestTarget = 8_192

/** Three levels find what any server we know of could see; real paths have one. */
const deepestNesting = 3

/**
 * Splits an origin-form target (RFC 9112 §3.2.1), or says why two servers could read it as two
 * different paths. Nothing is repaired: what is decided on is what is forwarded, byte for byte.
 *
 * The path is held to a stricter rule than the query, because decisions and old servers' file look-ups
 * hang on it; a query may hold slashes, dots and semicolons as it likes.
 */
export function readTarget(target: string, openings: Openings): Target | TargetFlaw {
  if (!target.startsWith('/')) return 'target-form'
  if (target.length > longestTarget) return 'target-length'
  if (target.includes('#')) return 'fragment'
  const mark = target.indexOf('?')
  const path = mark === -1 ? target : target.slice(0, mark)
  const query = mark === -1 ? null : target.slice(mark + 1)
  // Our own corner has no machine behind it that could need more than the rules allow.
  const opened = path.startsWith(ownPath) ? strict : openings
  return pathFlaw(path, opened) ?? (query === null ? null : queryFlaw(query)) ?? { path, query }
}

// What browsers leave as it is in a path (URL Standard, path percent-encode set), and nothing else.
const pathCharacters = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/%[\]|^\\]*$/
// Likewise in a query.
const queryCharacters = /^[\x21\x24-\x3b\x3d\x3f-\x7e]*$/
const malformedEscape = /%(?![0-9A-Fa-f]{2})/
const escapes = /(?:%[0-9A-Fa-f]{2})+/g

function pathFlaw(path: string, openings: Openings): TargetFlaw | null {
  if (!pathCharacters.test(path)) return 'target-characters'
  if (malformedEscape.test(path)) return 'escape-malformed'
  // A server may decode once, or again in a rewrite rule, or again when it opens the file: look under each layer.
  let text = path
  for (let depth = 0; depth <= deepestNesting; depth++) {
    const flaw = textFlaw(text, openings)
    if (flaw !== null) return flaw
    if (!path.startsWith(ownPath) && isOwnPath(text)) return 'own-path-disguised'
    const decoded = decodeOnce(text)
    if (decoded === text) return null
    if (decoded === null) return 'utf8-invalid'
    if (!openings.has('encoded-slash') && slashes(decoded) !== slashes(text)) return 'encoded-slash'
    text = decoded
  }
  return 'escape-nested'
}

// C0, DEL and C1: NUL ends a path in C, CR and LF end a header that a server builds from it.
const controls = /[\x00-\x1f\x7f-\x9f]/
// Windows drops trailing dots and spaces of a file name, which makes `.. ` and `...` climb as well.
const climbing = /(?:^|\/)[. ]+(?:\/|$)/
const parameters = /;[^/]*/g

function textFlaw(text: string, openings: Openings): TargetFlaw | null {
  if (controls.test(text)) return 'encoded-control'
  if (text.includes('\\')) return 'backslash'
  if (!text.includes(';')) return segmentFlaw(text, openings)
  if (!openings.has('matrix-params')) return 'matrix-params'
  // `/..;x=y/` is `/../` to servlet containers, and another path to everyone before them.
  return segmentFlaw(text, openings) ?? segmentFlaw(text.replace(parameters, ''), openings)
}

function segmentFlaw(text: string, openings: Openings): TargetFlaw | null {
  if (!openings.has('double-slash') && text.includes('//')) return 'double-slash'
  return climbing.test(text) ? 'dot-segment' : null
}

/** Whether some reader, which drops parameters, joins slashes or ignores case, would take it for ours. */
function isOwnPath(text: string): boolean {
  if (!/gatehouse/i.test(text)) return false
  return text
    .replace(parameters, '')
    .replace(/\/{2,}/g, '/')
    .toLowerCase()
    .startsWith(ownPath)
}

function slashes(text: string): number {
  return text.split('/').length
}

/** `decodeURIComponent` refuses overlong and otherwise invalid UTF-8 (RFC 3629 §3), which is the point. */
function decodeOnce(text: string): string | null {
  try {
    return text.replace(escapes, decodeURIComponent)
  } catch {
    return null
  }
}

function queryFlaw(query: string): TargetFlaw | null {
  if (!queryCharacters.test(query)) return 'target-characters'
  if (malformedEscape.test(query)) return 'escape-malformed'
  return query.includes('%00') ? 'encoded-control' : null
}
