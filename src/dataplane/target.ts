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
] as const
export type TargetFlaw = (typeof targetFlaws)[number]

export interface Target {
  readonly path: string
  /** Without the question mark; null when there was none. */
  readonly query: string | null
}

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
export function readTarget(target: string): Target | TargetFlaw {
  if (!target.startsWith('/')) return 'target-form'
  if (target.length > longestTarget) return 'target-length'
  if (target.includes('#')) return 'fragment'
  const mark = target.indexOf('?')
  const path = mark === -1 ? target : target.slice(0, mark)
  const query = mark === -1 ? null : target.slice(mark + 1)
  return pathFlaw(path) ?? (query === null ? null : queryFlaw(query)) ?? { path, query }
}

// What browsers leave as it is in a path (URL Standard, path percent-encode set), and nothing else.
const pathCharacters = /^[A-Za-z0-9\-._~!$&'()*+,;=:@/%[\]|^\\]*$/
// Likewise in a query.
const queryCharacters = /^[\x21\x24-\x3b\x3d\x3f-\x7e]*$/
const malformedEscape = /%(?![0-9A-Fa-f]{2})/
const escapes = /(?:%[0-9A-Fa-f]{2})+/g

function pathFlaw(path: string): TargetFlaw | null {
  if (!pathCharacters.test(path)) return 'target-characters'
  if (path.includes('//')) return 'double-slash'
  const flaw = textFlaw(path)
  if (flaw !== null || !path.includes('%')) return flaw
  if (malformedEscape.test(path)) return 'escape-malformed'
  for (const segment of path.split('/')) {
    const hidden = hiddenFlaw(segment)
    if (hidden !== null) return hidden
  }
  return null
}

/** A server may decode once, or again in a rewrite rule, or again when it opens the file: look under each layer. */
function hiddenFlaw(segment: string): TargetFlaw | null {
  let text = segment
  for (let depth = 0; depth < deepestNesting; depth++) {
    const decoded = decodeOnce(text)
    if (decoded === text) return null
    if (decoded === null) return 'utf8-invalid'
    if (decoded.includes('/')) return 'encoded-slash'
    const flaw = textFlaw(decoded)
    if (flaw !== null) return flaw
    text = decoded
  }
  return decodeOnce(text) === text ? null : 'escape-nested'
}

// C0, DEL and C1: NUL ends a path in C, CR and LF end a header that a server builds from it.
const controls = /[\x00-\x1f\x7f-\x9f]/
// Windows drops trailing dots and spaces of a file name, which makes `.. ` and `...` climb as well.
const climbing = /(?:^|\/)[. ]+(?:\/|$)/

function textFlaw(text: string): TargetFlaw | null {
  if (controls.test(text)) return 'encoded-control'
  if (text.includes('\\')) return 'backslash'
  // `/..;x=y/` is `/../` to servlet containers, and another path to everyone before them.
  if (text.includes(';')) return 'matrix-params'
  return climbing.test(text) ? 'dot-segment' : null
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
