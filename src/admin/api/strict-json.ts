import { GatehouseError } from '../../lib/index.js'

const deepest = 16

/**
 * Reads a body of JSON, UTF-8, and refuses what two readers could read in two ways: names that occur twice in an
 * object (RFC 8259 §4), bytes that are no UTF-8, and names with which an object's own nature is changed.
 *
 * @throws GatehouseError `input-invalid`
 */
export function readStrictJson(bytes: Buffer): unknown {
  let text: string
  let value: unknown
  try {
    text = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
    value = JSON.parse(text)
  } catch (cause) {
    throw new GatehouseError('input-invalid', 'The body is not JSON in UTF-8.', { cause })
  }
  refuseAmbiguous(text)
  return value
}

/** @param text is JSON */
function refuseAmbiguous(text: string): void {
  const open: (Set<string> | null)[] = []
  // Strings as wholes, so that no bracket inside one counts; a name is a string before a colon.
  for (const [token, string, colon] of text.matchAll(/("(?:[^"\\]|\\.)*")(\s*:)?|[[\]{}]/g)) {
    if (token === '{') open.push(new Set())
    else if (token === '[') open.push(null)
    else if (token === '}' || token === ']') open.pop()
    else if (string !== undefined && colon !== undefined) {
      const name = String(JSON.parse(string))
      const names = open.at(-1)
      if (name === '__proto__' || names?.has(name) === true)
        throw new GatehouseError(
          'input-invalid',
          'The body names a field twice, or one that no object may have.',
        )
      names?.add(name)
    }
    if (open.length > deepest) throw new GatehouseError('input-invalid', 'The body is nested too deep.')
  }
}
