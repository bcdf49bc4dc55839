import type { KeyObject } from 'node:crypto'
import { readFile, stat } from 'node:fs/promises'
import { join } from 'node:path'
import {
  chainStart,
  fileName,
  fileNumber,
  headName,
  isCode,
  linesOf,
  readHead,
  readRecord,
  shown,
  type Entry,
  type Head,
  type Line,
  type Link,
} from './format.js'

export type FaultKind = 'edited' | 'deleted' | 'inserted' | 'reordered' | 'truncated' | 'unreadable'

/** The first thing in a chain that is not as its writer left it. */
export interface Fault {
  readonly kind: FaultKind
  readonly file: string
  /** Null when the file itself is missing, or is the head. */
  readonly line: number | null
  /** The number of the record that is, or should be, there; where it can be told. */
  readonly seq: number | null
  /** What happened, for a reader who knows ledgers and not programs. */
  readonly sentence: string
}

/** What follows the last good record without anyone having vouched for it: the usual trace of a crash. */
export interface TornTail {
  readonly file: string
  readonly line: number
  readonly offset: number
  readonly bytes: number
}

export interface ChainState {
  /** Records that are in order, counted from where the check began. */
  readonly records: number
  /** Those of them behind the signed head. */
  readonly unsigned: number
  readonly last: Link
  /** The file and byte where the last good record ends. */
  readonly file: string | null
  readonly offset: number
  readonly firstAt: string | null
  readonly lastAt: string | null
  readonly chain: string | null
  readonly fault: Fault | null
  readonly tail: TornTail | null
}

export interface ChainToCheck {
  readonly directory: string
  readonly writer: string
  /** In order. All of the chain's, or the last ones. */
  readonly files: readonly string[]
  readonly isWhole: boolean
  /** Null when there is none to trust: then nothing is excused as the trace of a crash. */
  readonly head: Head | null
  /** Told of each record that is in order. */
  readonly onRecord?: (entry: Entry) => void
}

/**
 * Walks a chain record by record and stops at the first that is not as it was written.
 *
 * @throws the error of the file system when a file cannot be read
 */
export async function checkChain(of: ChainToCheck): Promise<ChainState> {
  const { head } = of
  let last: Placed | null = null
  let link: Link | null = of.isWhole ? chainStart : null
  let chain = head?.chain ?? null
  let records = 0
  let end = { file: of.files[0] ?? null, offset: 0 }
  let firstAt: string | null = null
  let fault: Fault | null = null
  let tail: TornTail | null = null

  const lines = linesOf(of.directory, of.files)
  try {
    for (let step = await lines.next(); !step.done; step = await lines.next()) {
      const line = step.value
      const entry = line.isComplete ? readRecord(line.bytes) : null
      const after: Link = link ?? startOfPart(entry, head)
      const foreign = entry?.isIntact ? openingFault(of, line, entry, chain) : null
      if (
        entry &&
        !foreign &&
        follows(entry, after) &&
        !(entry.seq === head?.seq && entry.hash !== head.hash)
      ) {
        if (entry.seq === 1 || line.number === 1) chain = text(entry.fields.chain) ?? chain
        last = { entry, file: line.file, line: line.number }
        link = { seq: entry.seq, hash: entry.hash }
        records++
        of.onRecord?.(entry)
        firstAt ??= entry.at
        end = { file: line.file, offset: line.offset + line.bytes.length + 1 }
        continue
      }
      if (head && after.seq >= head.seq && line.file === of.files.at(-1)) {
        const { size } = await stat(join(of.directory, line.file))
        tail = { file: line.file, line: line.number, offset: line.offset, bytes: size - line.offset }
      } else {
        fault = foreign ?? (await diagnose({ of, line, entry, last, after, rest: lines }))
      }
      break
    }
  } finally {
    await lines.return()
  }
  const reached = link ?? chainStart
  if (!fault && head && reached.seq < head.seq) fault = cutOff(of, head, reached, end.file)
  return {
    records,
    unsigned: head ? Math.max(0, Math.min(records, reached.seq - head.seq)) : records,
    last: reached,
    ...end,
    firstAt,
    lastAt: last?.entry.at ?? null,
    chain,
    fault,
    tail,
  }
}

/** Where only the last files are checked, the first record is believed, as long as the head covers it. */
function startOfPart(first: Entry | null, head: Head | null): Link {
  return first && head && first.seq <= head.seq ? { seq: first.seq - 1, hash: first.prev } : chainStart
}

function follows(entry: Entry, after: Link): boolean {
  return entry.isIntact && entry.seq === after.seq + 1 && entry.prev === after.hash
}

/** Every file opens with a record that names its chain, so that a file put in place of another shows. */
function openingFault(of: ChainToCheck, line: Line, entry: Entry, chain: string | null): Fault | null {
  if (line.number !== 1 && entry.seq !== 1) return null
  const isOpening = entry.event === 'ledger.begun' || entry.event === 'ledger.continued'
  const at = { file: line.file, line: line.number, seq: entry.seq }
  if (!isOpening) {
    if (entry.seq !== 1) return null
    return {
      ...at,
      kind: 'edited',
      sentence: 'The first record of the chain does not state where the chain comes from.',
    }
  }
  const { writer, chain: named } = entry.fields
  if (writer === of.writer && (chain === null || named === chain)) return null
  return {
    ...at,
    kind: 'inserted',
    sentence:
      writer === of.writer
        ? `The file belongs to another chain (${shown(named)}) of the same writer and was put here.`
        : `The file belongs to the chain of writer ${shown(writer)} and was put here.`,
  }
}

interface Placed {
  readonly entry: Entry
  readonly file: string
  readonly line: number
}

interface Scene {
  readonly of: ChainToCheck
  readonly line: Line
  readonly entry: Entry | null
  /** The record before, the last one that was in order. */
  readonly last: Placed | null
  readonly after: Link
  /** What follows the line. */
  readonly rest: AsyncIterable<Line>
}

/**
 * Says what was done to the chain where it first breaks. Hashes are not secret, so whoever changes a
 * record may give it a hash that fits; the record *after* it then tells which one is genuine.
 */
async function diagnose(scene: Scene): Promise<Fault> {
  const { of, line, entry, last, after } = scene
  const expected = after.seq + 1
  const at = { file: line.file, line: line.number }
  const ahead = await lookAhead(scene)

  if (!entry?.isIntact && ahead.next && follows(ahead.next, after)) {
    return inserted(at, null, `The line is not part of the chain: record ${expected} follows after it.`)
  }
  if (!line.isComplete) {
    return {
      ...at,
      seq: expected,
      kind: 'truncated',
      sentence: `The file ends in the middle of record ${expected}.`,
    }
  }
  if (!entry)
    return { ...at, seq: expected, kind: 'unreadable', sentence: `Record ${expected} cannot be read.` }
  if (!entry.isIntact) {
    return edited(at, expected, `Record ${expected} was changed: its content does not match its hash.`)
  }
  if (follows(entry, after)) {
    // Only the signed head contradicts it.
    if (ahead.successor) return standsTwice(at, entry.seq)
    const sentence =
      `Record ${entry.seq} is not the one that the head signed: it, or a record before it, ` +
      'was changed and all hashes after that were computed anew.'
    return edited(at, entry.seq, sentence)
  }

  const isVouchedFor = ahead.next ? ahead.next.prev === entry.hash : of.head?.hash === entry.hash
  if (entry.seq === last?.entry.seq) {
    // Two lines claim one place; `last` stood there first but need not be the genuine one.
    const isFirstFalse = isVouchedFor && entry.hash !== last.entry.hash
    return standsTwice(isFirstFalse ? last : at, entry.seq)
  }
  if (entry.prev === after.hash) {
    const sentence = `Record ${expected} was changed: it has the number ${entry.seq} and a hash that its neighbours do not know.`
    return edited(at, expected, sentence)
  }
  if (entry.seq === expected) {
    const [place, seq] = last && isVouchedFor ? [last, last.entry.seq] : [at, entry.seq]
    return edited(
      place,
      seq,
      `Record ${seq} was changed and given a new hash that its neighbours do not know.`,
    )
  }
  if (ahead.hasCopy) return inserted(at, entry.seq, `Record ${entry.seq} stands here and again further on.`)
  if (entry.seq < expected) {
    return inserted(
      at,
      entry.seq,
      `Record ${entry.seq} stands after record ${after.seq}, where it does not belong.`,
    )
  }
  if (ahead.successor) {
    const { file, number } = ahead.successor
    const sentence = `Record ${entry.seq} stands where record ${expected} belongs, which is found at line ${number} of ${file}.`
    return { ...at, seq: expected, kind: 'reordered', sentence }
  }
  const gone =
    entry.seq - 1 === expected ? `Record ${expected} is` : `Records ${expected} to ${entry.seq - 1} are`
  const previous = fileName(of.writer, fileNumber(line.file) - 1)
  const file =
    line.number === 1 && line.file !== firstFile(of) && !of.files.includes(previous)
      ? ` File ${previous} is gone.`
      : ''
  return { ...at, seq: expected, kind: 'deleted', sentence: `${gone} missing before this line.${file}` }
}

const firstFile = (of: ChainToCheck): string => fileName(of.writer, 1)

interface Ahead {
  /** The record on the next line, if it is one. */
  readonly next: Entry | null
  /** Where the record is that should have stood here. */
  readonly successor: Line | null
  /** Whether the record that stands here stands somewhere behind as well. */
  readonly hasCopy: boolean
}

async function lookAhead({ entry, after, rest }: Scene): Promise<Ahead> {
  let next: Entry | null | undefined
  let successor: Line | null = null
  let hasCopy = false
  for await (const line of rest) {
    const other = readRecord(line.bytes)
    if (next === undefined) next = other
    if (!other) continue
    if (follows(other, after)) successor ??= line
    if (other.hash === entry?.hash) hasCopy = true
  }
  return { next: next ?? null, successor, hasCopy }
}

function cutOff(of: ChainToCheck, head: Head, reached: Link, file: string | null): Fault {
  const missing = `${head.seq - reached.seq} records that the head signed at ${head.at} are missing from the end`
  if (file === null || !of.files.includes(head.file)) {
    return {
      kind: 'deleted',
      file: head.file,
      line: null,
      seq: reached.seq + 1,
      sentence: `The file is missing: ${missing}.`,
    }
  }
  const sentence = `The chain ends with record ${reached.seq}: ${missing}.`
  return { kind: 'truncated', file, line: null, seq: reached.seq + 1, sentence }
}

/** The signed head of a chain, or why there is none to trust. */
export async function loadHead(
  directory: string,
  writer: string,
  publicKey: KeyObject,
): Promise<Head | Fault> {
  const where = { file: headName(writer), line: null, seq: null }
  const path = join(directory, where.file)
  // A head is a few hundred bytes; whatever is larger was not written by us and is not worth reading.
  const size = await stat(path).then(({ size }) => size, absent)
  if (size === null) {
    const sentence = 'The signed head is missing: nobody can tell whether the chain was cut off.'
    return { ...where, kind: 'deleted', sentence }
  }
  const head = size > 4096 ? 'it cannot be read' : readHead(await readFile(path, 'utf8'), publicKey)
  if (typeof head !== 'string' && head.writer === writer) return head
  const problem = typeof head === 'string' ? head : `it belongs to writer ${head.writer}`
  return { ...where, kind: 'edited', sentence: `The signed head cannot be trusted: ${problem}.` }
}

function absent(error: unknown): null {
  if (isCode(error, 'ENOENT')) return null
  throw error
}

type Place = Pick<Fault, 'file' | 'line'>

function edited({ file, line }: Place, seq: number, sentence: string): Fault {
  return { kind: 'edited', file, line, seq, sentence }
}

function inserted({ file, line }: Place, seq: number | null, sentence: string): Fault {
  return { kind: 'inserted', file, line, seq, sentence }
}

function standsTwice(at: Place, seq: number): Fault {
  return inserted(at, seq, `Record ${seq} stands here twice; this one is not part of the chain.`)
}

const text = (value: unknown): string | null => (typeof value === 'string' ? value : null)
