import { hash, sign, verify, type KeyObject } from 'node:crypto'
import { isUtf8 } from 'node:buffer'
import { createReadStream } from 'node:fs'
import { readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { z } from 'zod'
import { GatehouseError, type SigningKey } from '../lib/index.js'
import type { LedgerEvent } from './events.js'

/** The hash that the first record of a chain follows: 32 zero bytes. */
const hashOfNothing = 'A'.repeat(43)

/** A place in a chain: a record, by number and hash. */
export interface Link {
  readonly seq: number
  readonly hash: string
}

export const chainStart: Link = { seq: 0, hash: hashOfNothing }

/** A reader must not be made to hold a line of any length; nothing that we write comes near. */
export const longestLineBytes = 2 ** 20

// ── files ────────────────────────────────────────────────────────────────────────────────────────

const writerShape = /^[a-z0-9][a-z0-9-]{0,31}$/
const fileShape = /^([a-z0-9][a-z0-9-]{0,31})-([0-9]{6,12})\.jsonl$/
const headShape = /^([a-z0-9][a-z0-9-]{0,31})\.head$/

/** Writer names become file names, so nothing that could leave the directory passes. */
export function isWriter(text: string): boolean {
  return writerShape.test(text)
}

export const fileName = (writer: string, number: number): string =>
  `${writer}-${String(number).padStart(6, '0')}.jsonl`
export const headName = (writer: string): string => `${writer}.head`
export const fileNumber = (file: string): number => Number(fileShape.exec(file)?.[2])

/** The chains of a directory: for each writer that left a file or a head, its files in order. */
export async function listChains(directory: string): Promise<Map<string, string[]>> {
  const chains = new Map<string, string[]>()
  for (const entry of await readdir(directory, { withFileTypes: true })) {
    const writer = (fileShape.exec(entry.name) ?? headShape.exec(entry.name))?.[1]
    if (writer === undefined || !entry.isFile()) continue
    const files = chains.get(writer) ?? []
    if (fileShape.test(entry.name)) files.push(entry.name)
    chains.set(writer, files)
  }
  for (const files of chains.values()) files.sort((a, b) => fileNumber(a) - fileNumber(b))
  return new Map([...chains].sort(([a], [b]) => (a < b ? -1 : 1)))
}

// ── records ──────────────────────────────────────────────────────────────────────────────────────

/** The fields of an event as JSON without the braces, `event` first and instants as text. */
export function fieldsText(event: LedgerEvent): string {
  const fields = event as unknown as Readonly<Record<string, unknown>>
  let text = `"event":"${event.event}"`
  // Field by field: a replacer that is asked about each costs more than all the rest of a record.
  for (const name in fields) {
    if (name === 'event') continue
    const json = valueText(name, fields[name])
    if (json !== undefined) text += `,"${name}":${json}`
  }
  return text
}

/** Without a quote, a backslash, or anything outside ASCII: what JSON leaves as it is. */
const plainText = /^[ !#-[\]-~]*$/

/** Undefined where JSON has nothing to write. */
function valueText(name: string, value: unknown): string | undefined {
  if (typeof value === 'string' && plainText.test(value)) return `"${value}"`
  if (value === null) return 'null'
  if (typeof value === 'number' && Number.isSafeInteger(value) && !instantName.test(name))
    return String(value)
  return JSON.stringify(instantsAsText(name, value), instantsAsText)
}

const furthestInstantMs = 8.64e15
const instantName = /^(?:at|from|until|since)$|At$/

function instantsAsText(name: string, value: unknown): unknown {
  const isInstant =
    typeof value === 'number' && instantName.test(name) && Math.abs(value) <= furthestInstantMs
  return isInstant ? new Date(value).toISOString() : value
}

/** One line of the ledger, newline included, and the link that it becomes. */
export function sealRecord(after: Link, at: string, fields: string): { text: string; link: Link } {
  const seq = after.seq + 1
  const { text, digest } = seal(`{"seq":${seq},"at":"${at}",${fields},"prev":"${after.hash}"}`)
  return { text, link: { seq, hash: digest } }
}

function seal(content: string): { text: string; digest: string } {
  const digest = sha256(content)
  return { text: `${content.slice(0, -1)},"hash":"${digest}"}\n`, digest }
}

const sha256 = (text: string): string => hash('sha256', text, 'base64url')

export interface Entry extends Link {
  readonly at: string
  readonly event: string
  readonly prev: string
  /** Whether `hash` is the hash of this line. */
  readonly isIntact: boolean
  readonly fields: Readonly<Record<string, unknown>>
}

const trailerLength = ',"hash":"'.length + 43 + '"}'.length

/** The record on a line, or null when it is none. Never throws, whatever the bytes. */
export function readRecord(line: Buffer): Entry | null {
  if (line.length > longestLineBytes || !isUtf8(line)) return null
  const text = line.toString()
  const value = parseObject(text)
  if (value === null) return null
  const { seq, at, event, prev, hash: claimed } = value
  if (typeof seq !== 'number' || !Number.isSafeInteger(seq) || typeof claimed !== 'string') return null
  if (typeof at !== 'string' || typeof event !== 'string' || typeof prev !== 'string') return null
  const isIntact =
    text.slice(-trailerLength) === `,"hash":"${claimed}"}` &&
    sha256(`${text.slice(0, -trailerLength)}}`) === claimed
  return { seq, at, event, prev, hash: claimed, isIntact, fields: value }
}

function parseObject(text: string): Record<string, unknown> | null {
  try {
    const value: unknown = JSON.parse(text)
    return typeof value === 'object' && value !== null ? (value as Record<string, unknown>) : null
  } catch {
    return null
  }
}

// ── heads ────────────────────────────────────────────────────────────────────────────────────────

const headSchema = z.strictObject({
  // Named inside what is signed, so that the signature can never be taken for one over anything else.
  format: z.literal('gatehouse-ledger-head/1'),
  writer: z.string().regex(writerShape),
  chain: z.string(),
  seq: z.int().nonnegative(),
  hash: z.string().regex(/^[\w-]{43}$/),
  file: z.string().regex(fileShape),
  at: z.string(),
  keyId: z.string(),
  signature: z.string().regex(/^[\w-]{86}$/),
})

/** How far a chain reached when its writer last vouched for it. */
export type Head = Omit<z.infer<typeof headSchema>, 'signature'>

/** Ed25519 over the JSON text without the signature, which is then added as the last field. */
export function signHead(head: Head, key: SigningKey): string {
  const text = JSON.stringify(head)
  return `${text.slice(0, -1)},"signature":"${sign(null, Buffer.from(text), key.privateKey).toString('base64url')}"}\n`
}

/** The head, or what is wrong with it in words. */
export function readHead(text: string, publicKey: KeyObject): Head | string {
  const parsed = headSchema.safeParse(parseObject(text))
  if (!parsed.success) return 'it cannot be read'
  const { signature, ...head } = parsed.data
  const line = text.trimEnd()
  const trailer = `,"signature":"${signature}"}`
  const signed = Buffer.from(`${line.slice(0, -trailer.length)}}`)
  const isSigned =
    line.endsWith(trailer) && verify(null, signed, publicKey, Buffer.from(signature, 'base64url'))
  return isSigned
    ? head
    : `its signature does not belong to the key given (it names key ${shown(head.keyId)})`
}

// ── reading ──────────────────────────────────────────────────────────────────────────────────────

export interface Line {
  readonly file: string
  /** From 1, within the file. */
  readonly number: number
  /** Where it begins within the file, in bytes. */
  readonly offset: number
  /** Without the newline. */
  readonly bytes: Buffer
  /** False for what follows the last newline of a file. */
  readonly isComplete: boolean
}

/** The lines of files, one after the other. Holds one chunk and one line of bounded length at a time. */
export async function* linesOf(directory: string, files: readonly string[]): AsyncGenerator<Line, void> {
  for (const file of files) {
    let rest: Buffer = Buffer.alloc(0)
    let skipped = 0
    let number = 0
    let offset = 0
    for await (const piece of createReadStream(join(directory, file), { highWaterMark: 2 ** 18 })) {
      const chunk = rest.length === 0 ? (piece as Buffer) : Buffer.concat([rest, piece as Buffer])
      let start = 0
      for (let end = chunk.indexOf(10); end !== -1; end = chunk.indexOf(10, start)) {
        yield { file, number: ++number, offset, bytes: chunk.subarray(start, end), isComplete: true }
        offset += skipped + end + 1 - start
        skipped = 0
        start = end + 1
      }
      rest = chunk.subarray(start)
      // One byte over the limit is kept: enough to be refused as too long.
      if (rest.length > longestLineBytes + 1) {
        skipped += rest.length - longestLineBytes - 1
        rest = rest.subarray(0, longestLineBytes + 1)
      }
    }
    if (rest.length > 0) yield { file, number: number + 1, offset, bytes: rest, isComplete: false }
  }
}

/** A directory that cannot be read is not an empty ledger. */
export function unreadable(directory: string, cause: unknown): GatehouseError {
  return new GatehouseError('ledger-invalid', `The ledger in ${directory} cannot be read.`, { cause })
}

/** Whether the system refused with this code (`ENOENT`, …). */
export function isCode(error: unknown, code: string): boolean {
  return typeof error === 'object' && error !== null && 'code' in error && error.code === code
}

/** A value from a file that is not to be trusted, for a sentence that may end up on a terminal. */
export function shown(value: unknown): string {
  return typeof value === 'string' ? `"${value.slice(0, 60).replace(/[^ -~]/g, '?')}"` : 'nothing'
}
