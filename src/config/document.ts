import { isAlias, isScalar, isSeq, LineCounter, parseDocument, type ParsedNode } from 'yaml'
import type { ConfigProblem } from './config.js'

export type Path = readonly PropertyKey[]

/** A YAML file as plain values, with the lines they stand on. */
export interface SourceDocument {
  readonly value: unknown
  readonly problems: readonly ConfigProblem[]
  /** False when the text is not YAML, and `value` means nothing. */
  readonly isReadable: boolean
  /** The line of the value at `path`, or of the nearest one around it that exists. */
  lineOf(path: Path): number
}

/** One broken bracket makes an error of each line after it; the first few are the useful ones. */
const shownSyntaxErrors = 5
/** The schema is four levels deep. */
const deepest = 16

/**
 * Reads the part of YAML that a configuration needs: maps with text keys, lists, text, numbers, booleans.
 * Aliases and anchors are refused (a few lines of them expand to gigabytes, and hide what an endpoint is
 * set to), and so are tags, and duplicate keys (the last one would win silently). `__proto__` becomes a key
 * like any other, and the schema refuses it with the rest it does not know.
 */
export function readDocument(text: string): SourceDocument {
  const lineCounter = new LineCounter()
  const lineAt = (offset: number): number => lineCounter.linePos(offset).line
  // Without pretty errors: those quote the lines around, and a secret may stand there.
  const document = parseDocument(text, {
    lineCounter,
    prettyErrors: false,
    schema: 'core',
    merge: false,
    uniqueKeys: false,
    logLevel: 'error', // with `silent`, a second document would be dropped without a word
  })
  const lines = new Map([['', 1]])
  const lineOf = (path: Path): number => lines.get(pathText(path)) ?? lineOf(path.slice(0, -1))

  if (document.errors.length > 0) {
    // The first error of a line says enough.
    const byLine = new Map(document.errors.toReversed().map(({ message, pos }) => [lineAt(pos[0]), message]))
    const problems = [...byLine]
      .reverse()
      .map(([line, message]) => ({ path: '', line, message: `not valid YAML: ${message}` }))
    return { value: null, problems: problems.slice(0, shownSyntaxErrors), isReadable: false, lineOf }
  }

  const problems: ConfigProblem[] = []
  const refuse = (path: Path, offset: number, message: string): null => {
    problems.push({ path: pathText(path), line: lineAt(offset), message })
    return null
  }

  const plain = (node: ParsedNode | null, path: Path): unknown => {
    if (node === null) return null
    const offset = node.range[0]
    if (path.length > deepest) return refuse(path.slice(0, deepest), offset, 'is nested too deeply')
    if (isAlias(node)) return refuse(path, offset, 'YAML aliases are not accepted; write the value out')
    if (node.anchor !== undefined)
      refuse(path, offset, 'YAML anchors are not accepted; write the value out where it is needed')
    if (node.tag !== undefined) refuse(path, offset, 'YAML tags are not accepted')
    if (isScalar(node)) return node.value
    if (isSeq(node)) {
      return node.items.map((item, index) => {
        const here = [...path, index]
        lines.set(pathText(here), lineAt(item.range[0]))
        return plain(item, here)
      })
    }
    const entries = new Map<string, unknown>()
    for (const { key, value } of node.items) {
      const keyOffset = key.range[0]
      if (!isScalar(key) || typeof key.value !== 'string') {
        refuse(path, keyOffset, 'has a key that is not text; keys are the names of options')
        continue
      }
      const here = [...path, key.value]
      if (key.anchor !== undefined || key.tag !== undefined)
        refuse(here, keyOffset, 'YAML anchors and tags are not accepted')
      if (entries.has(key.value))
        refuse(here, keyOffset, `is set twice; first on line ${String(lineOf(here))}`)
      else {
        lines.set(pathText(here), lineAt(keyOffset))
        entries.set(key.value, plain(value, here))
      }
    }
    return Object.fromEntries(entries)
  }

  const value = plain(document.contents, [])
  return { value, problems, isReadable: true, lineOf }
}

/** `['endpoints', 2, 'upstream']` → `endpoints[2].upstream`. Keys that are no plain names are quoted. */
export function pathText(path: Path): string {
  return path.reduce<string>((text, part) => {
    if (typeof part === 'number') return `${text}[${String(part)}]`
    const name = String(part)
    const shown = /^[\w-]{1,60}$/.test(name)
      ? name
      : JSON.stringify(name.length > 60 ? `${name.slice(0, 60)}…` : name)
    return text === '' ? shown : `${text}.${shown}`
  }, '')
}
