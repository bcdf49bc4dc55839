import type { z } from 'zod'
import { pathText, type Path } from './document.js'
import { fileSchema } from './schema.js'
import { entriesOf } from './tree.js'

/** Turns what zod found into sentences for the person who wrote the file. Values are never repeated: one may be a secret. */

const kinds: Readonly<Record<string, string>> = {
  string: 'text',
  array: 'a list',
  object: 'a group of options',
  boolean: 'true or false',
}

/** For zod: what to say where the schema itself says nothing. */
export function sentenceFor(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.input === undefined) return 'is required'
  if (issue.code === 'invalid_value')
    return `must be ${issue.values
      .map(String)
      .join(', ')
      .replace(/, (?=[^,]*$)/, ' or ')}`
  if (issue.code !== 'invalid_type') return undefined
  if (issue.input === null) return 'is empty; give it a value, or take the line out'
  const isUnquoted = issue.expected === 'string' && typeof issue.input !== 'object'
  return `must be ${kinds[issue.expected] ?? issue.expected}${isUnquoted ? '; put it in quotes' : ''}`
}

/** The problems in one issue: an object with several unknown keys is one issue to zod, and several to its author. */
export function explain(issue: z.core.$ZodIssue): readonly { path: Path; message: string }[] {
  if (issue.code !== 'unrecognized_keys') return [{ path: issue.path, message: issue.message }]
  return issue.keys.map((key) => ({ path: [...issue.path, key], message: unknownKey(issue.path, key) }))
}

const knownPaths = [...entriesOf(fileSchema)].map((entry) => entry.path.replace(/\[\]$/, ''))

function unknownKey(section: Path, key: string): string {
  const prefix = pathText(section).replace(/\[\d+\]/g, '[]')
  const here = prefix === '' ? '' : `${prefix}.`
  const siblings = knownPaths.flatMap((path) => {
    const name = path.startsWith(here) ? path.slice(here.length) : ''
    return name === '' || /[.[]/.test(name) ? [] : [name]
  })

  const sameAs = (wanted: string) => (path: string) =>
    plainly(path.slice(path.lastIndexOf('.') + 1)) === wanted
  const inFile = sameAs(`${plainly(key)}file`)
  const siblingFile = siblings.find(inFile)
  if (siblingFile !== undefined) return secretInline(siblingFile)
  const near = nearest(key, siblings)
  if (near !== undefined) return `is not an option; did you mean ${near}?`
  const fileElsewhere = knownPaths.find(inFile)
  if (fileElsewhere !== undefined) return secretInline(siblings.includes('file') ? 'file' : fileElsewhere)
  const elsewhere = knownPaths.find(sameAs(plainly(key)))
  return elsewhere === undefined ? 'is not an option' : `is not an option here; did you mean ${elsewhere}?`
}

function secretInline(option: string): string {
  return `is not an option: secrets and certificates do not stand in this file; write it into a file of its own and name that in ${option}`
}

/** Spellings that differ in nothing a person would notice. */
function plainly(name: string): string {
  return name.toLowerCase().replace(/[_-]/g, '')
}

function nearest(key: string, names: readonly string[]): string | undefined {
  const tolerance = Math.min(3, Math.max(1, Math.floor(key.length / 3)))
  const ranked = names
    .filter((name) => Math.abs(name.length - key.length) <= 3)
    .map((name) => ({ name, distance: editDistance(plainly(key), plainly(name)) }))
    .sort((a, b) => a.distance - b.distance)
  const [best] = ranked
  return best !== undefined && best.distance <= tolerance ? best.name : undefined
}

/** Letters to insert, drop or replace to make `a` into `b`. */
function editDistance(a: string, b: string): number {
  const rows: number[][] = [Array.from({ length: b.length + 1 }, (_, column) => column)]
  const at = (row: number, column: number): number => rows[row]?.[column] ?? Infinity
  for (let row = 1; row <= a.length; row++) {
    rows.push([row])
    for (let column = 1; column <= b.length; column++) {
      const steps = [
        at(row - 1, column) + 1,
        at(row, column - 1) + 1,
        at(row - 1, column - 1) + (a[row - 1] === b[column - 1] ? 0 : 1),
      ]
      rows[row]?.push(Math.min(...steps))
    }
  }
  return at(a.length, b.length)
}
