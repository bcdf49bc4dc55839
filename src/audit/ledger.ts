import { createReadStream, createWriteStream, constants } from 'node:fs'
import { mkdir, open, readdir, rename, stat, truncate, type FileHandle } from 'node:fs/promises'
import { join } from 'node:path'
import { pipeline } from 'node:stream/promises'
import {
  describeError,
  GatehouseError,
  newId,
  type Clock,
  type Logger,
  type SigningKey,
  type Timer,
} from '../lib/index.js'
import type { EpochMs } from '../model.js'
import { checkChain, loadHead } from './check.js'
import type { LedgerEvent } from './events.js'
import {
  chainStart,
  fieldsText,
  fileName,
  fileNumber,
  headName,
  isWriter,
  listChains,
  longestLineBytes,
  sealRecord,
  signHead,
  type Link,
} from './format.js'
import { takeLock } from './lock.js'
import { OpenStreams, stepOf, stepOfRecord, type StreamStep } from './open-streams.js'

export interface LedgerOptions {
  /** Made with mode 0700 where it does not exist. */
  readonly directory: string
  /** Names the chain: lower-case letters, digits and `-`, at most 32. One process at a time writes it. */
  readonly writer: string
  readonly clock: Clock
  /** Signs the head of the chain. */
  readonly key: SigningKey
  readonly logger: Logger
  /** Whether safe requests, too, wait for their record. */
  readonly durability: 'state-changing' | 'every-request'
  /** A file beyond this size is followed by a new one. Default 64 MiB. */
  readonly maxFileBytes?: number
  /** Records waiting in memory beyond this size are refused. Default 16 MiB. */
  readonly maxQueuedBytes?: number
  /** How long to wait for another process that writes this chain. Default 0; a command gives it 10 s. */
  readonly lockWaitMs?: number
  /** A disk that needs longer than this for one batch counts as failed until it answers. Default 5 s. */
  readonly stallLimitMs?: number
  /** How often a failed ledger tries again. Default 1 s. */
  readonly retryMs?: number
}

/**
 * The audit record of one writer: hash-chained JSON lines under a signed head.
 *
 * What `append` acknowledges is on the disk and covered by the head (promise R4): cutting it off, or
 * changing it, is found by `verifyLedger`. Not found by any means on this host: a directory put back
 * as a whole to an earlier state, head included, or a chain removed with its head. Against those, keep
 * a copy elsewhere.
 */
export interface Ledger {
  /**
   * Resolves when the record is durable. Record first, then let it take effect.
   * @throws GatehouseError `ledger-unavailable`; the record is then not to be relied on
   */
  append(event: LedgerEvent): Promise<void>
  /**
   * Makes the record durable within 100 ms, on a disk that works. While the ledger cannot be written,
   * notes wait in memory: what they tell of has already happened.
   */
  note(event: LedgerEvent): void
  /**
   * The record of a request: appended where it must be durable first (a new stream, a state-changing
   * request, or every request if so configured), noted otherwise.
   * @throws GatehouseError `ledger-unavailable`, in both cases: who cannot record does not let in
   */
  request(event: LedgerEvent, options?: { mustBeDurable?: boolean }): Promise<void>
  isWritable(): boolean
  /** Writes what is queued and gives the chain free. */
  close(): Promise<void>
}

/**
 * Opens the chain of `writer`, beginning it where there is none, and repairs what a crash left: what
 * follows the last complete record was never acknowledged and is moved to `<file>.torn-<n>`.
 *
 * @throws GatehouseError `ledger-invalid` when the chain was tampered with: move its files aside as
 * evidence, and a new chain begins. `ledger-unavailable` when it cannot be opened or is in use.
 */
export async function openLedger(options: LedgerOptions): Promise<Ledger> {
  const { directory, writer } = options
  if (!isWriter(writer)) {
    const message = 'The ledger writer must be a name of lower-case letters, digits and "-", at most 32 long.'
    throw new GatehouseError('ledger-invalid', message, { field: 'audit.writer' })
  }
  let unlock: (() => void) | null = null
  try {
    await mkdir(directory, { recursive: true, mode: 0o700 })
    unlock = await takeLock(join(directory, `${writer}.lock`), options.lockWaitMs ?? 0)
    const found = await recoverChain(options)
    return await ChainWriter.open(options, found, unlock)
  } catch (error) {
    unlock?.()
    if (error instanceof GatehouseError) throw error
    throw new GatehouseError('ledger-unavailable', `The ledger in ${directory} cannot be opened.`, {
      cause: error,
    })
  }
}

// ── opening ──────────────────────────────────────────────────────────────────────────────────────

interface Position {
  readonly chain: string
  readonly file: string
  readonly offset: number
  readonly link: Link
  readonly droppedBytes: number
  readonly unsignedRecords: number
  /** Begun and not over, where the chain ends. */
  readonly streams: OpenStreams
}

async function recoverChain(options: LedgerOptions): Promise<Position> {
  const { directory, writer, key, logger } = options
  const files = (await listChains(directory)).get(writer)
  if (files === undefined) return beginChain(options)

  const head = await loadHead(directory, writer, key.publicKey)
  if ('kind' in head) throw invalid(head.sentence, writer)
  const newest = files.filter((file) => fileNumber(file) >= fileNumber(head.file))
  const isWhole = fileNumber(head.file) === 1
  const streams = new OpenStreams()
  const state = await checkChain({
    ...{ directory, writer, files: newest, isWhole, head },
    // Each file begins with what was open then, so that the newest ones tell of all.
    onRecord: ({ fields }) => {
      const step = stepOfRecord(fields)
      if (step !== null) streams.take(step)
    },
  })
  if (state.fault) throw invalid(state.fault.sentence, writer)

  const file = newest.at(-1) ?? head.file
  const offset = state.file === file ? state.offset : 0
  const droppedBytes = state.tail?.bytes ?? 0
  if (state.tail) {
    await setTornBytesAside(directory, file, offset)
    logger.warn('ledger: removed an unfinished write', { file, droppedBytes })
  }
  const { last: link, unsigned: unsignedRecords } = state
  return { chain: head.chain, file, offset, link, droppedBytes, unsignedRecords, streams }
}

/** The head comes before the file, so that a file without a head is always a fault and never a crash. */
async function beginChain(options: LedgerOptions): Promise<Position> {
  const file = fileName(options.writer, 1)
  const position = {
    chain: newId('chain'),
    file,
    offset: 0,
    link: chainStart,
    droppedBytes: 0,
    unsignedRecords: 0,
    streams: new OpenStreams(),
  }
  await draftHead(options, position)
  await putHead(options)
  return position
}

async function setTornBytesAside(directory: string, file: string, offset: number): Promise<void> {
  const path = join(directory, file)
  const earlier = (await readdir(directory)).filter((name) => name.startsWith(`${file}.torn-`))
  const aside = `${path}.torn-${earlier.length + 1}`
  await pipeline(
    createReadStream(path, { start: offset }),
    createWriteStream(aside, { flags: 'wx', mode: 0o600, flush: true }),
  )
  await truncate(path, offset)
}

function invalid(sentence: string, writer: string): GatehouseError {
  const advice = `Run "gatehouse audit verify". To start again, move the files of writer ${writer} aside and keep them as evidence.`
  return new GatehouseError(
    'ledger-invalid',
    `The ledger was not left like this by its writer. ${sentence} ${advice}`,
  )
}

// ── head ─────────────────────────────────────────────────────────────────────────────────────────

/**
 * Writes a head beside the valid one. Synced before it is put in place: a file system may otherwise
 * keep the rename through a power cut and lose the content, and an empty head looks like tampering.
 */
async function draftHead(
  { directory, writer, key, clock }: LedgerOptions,
  end: { chain: string; file: string; link: Link },
): Promise<void> {
  const { chain, file, link } = end
  const at = new Date(clock.now()).toISOString()
  const head = { format: 'gatehouse-ledger-head/1', writer, chain, ...link, file, at, keyId: key.id } as const
  const handle = await open(join(directory, `${headName(writer)}.draft`), 'w', 0o600)
  try {
    await handle.writeFile(signHead(head, key))
    await handle.datasync()
  } finally {
    await handle.close()
  }
}

/**
 * The directory is not synced: after a power cut the head may be some seconds old. Then it claims less
 * than is there, and `ledger.recovered` states how many records it did not cover.
 */
async function putHead({ directory, writer }: LedgerOptions): Promise<void> {
  const path = join(directory, headName(writer))
  await rename(`${path}.draft`, path)
}

// ── writing ──────────────────────────────────────────────────────────────────────────────────────

interface Waiting {
  readonly at: string
  readonly fields: string
  /** Null, too, once its caller was told that it does not take effect. */
  step: StreamStep | null
  /** Null for a note, and for an append that was already turned away. */
  answer: { resolve(): void; reject(error: GatehouseError): void } | null
}

/** What the chain must say about a time in which it could not be written. */
interface Gap {
  readonly since: EpochMs
  readonly refusedRecords: number
  readonly lostRecords: number
}

/** A batch costs about half a millisecond of CPU, so notes alone wait for company. */
const gatherMs = 25
/** Sealing a batch of this size occupies the event loop for a few milliseconds. */
const batchBytes = 2 ** 20
/** What a record costs in memory and on disk beside its fields. */
const overheadBytes = 200

class ChainWriter implements Ledger {
  readonly #options: LedgerOptions
  readonly #chain: string
  readonly #unlock: () => void
  readonly #streams: OpenStreams
  #file: FileHandle
  #fileName: string
  #offset: number
  #link: Link

  #queue: Waiting[] = []
  #queuedBytes = 0
  #lastInstant = { ms: NaN, text: '' }
  #gap: Gap | null = null
  #isDirty = false
  #isFailing = false
  #isStalled = false
  #running: Promise<void> | null = null
  #gathering: NodeJS.Timeout | null = null
  #retry: Timer | null = null
  #closing: Promise<void> | null = null

  private constructor(options: LedgerOptions, found: Position, file: FileHandle, unlock: () => void) {
    this.#options = options
    this.#chain = found.chain
    this.#unlock = unlock
    this.#streams = found.streams
    this.#file = file
    this.#fileName = found.file
    this.#offset = found.offset
    this.#link = found.link
  }

  static async open(options: LedgerOptions, found: Position, unlock: () => void): Promise<ChainWriter> {
    const file = await openFile(options.directory, found.file, 0)
    try {
      const writer = new ChainWriter(options, found, file, unlock)
      const { droppedBytes, unsignedRecords, streams } = found
      const isTorn = droppedBytes > 0 || unsignedRecords > 0
      const findings: LedgerEvent[] = [
        ...(isTorn ? [{ event: 'ledger.recovered', droppedBytes, unsignedRecords } as const] : []),
        ...streams.as('stream.interrupted'),
      ]
      streams.clear()
      if (findings.length > 0 || found.link.seq === 0) {
        // Under one head: a crash in the middle leaves all of it to the next start.
        await writer.#commit(
          findings.map((event) => writer.#waiting(event, null)),
          null,
        )
      }
      return writer
    } catch (error) {
      await file.close()
      throw error
    }
  }

  append(event: LedgerEvent): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#enqueue(this.#waiting(event, { resolve, reject }))
    })
  }

  note(event: LedgerEvent): void {
    this.#enqueue(this.#waiting(event, null))
  }

  async request(event: LedgerEvent, options: { mustBeDurable?: boolean } = {}): Promise<void> {
    const mustWait = options.mustBeDurable === true || this.#options.durability === 'every-request'
    if (mustWait || !this.isWritable()) return this.append(event)
    this.note(event)
  }

  isWritable(): boolean {
    return !this.#closing && !this.#isFailing && !this.#isStalled && !this.#isFull()
  }

  close(): Promise<void> {
    this.#closing ??= this.#finish()
    return this.#closing
  }

  #isFull(): boolean {
    return this.#queuedBytes >= (this.#options.maxQueuedBytes ?? 16 * 2 ** 20)
  }

  #waiting(event: LedgerEvent, answer: Waiting['answer']): Waiting {
    const at = this.#instant()
    return { at, fields: fieldsText(event), step: stepOf(event, this.#lastInstant.ms), answer }
  }

  /** Several records share a millisecond, and writing it out costs as much as the rest of one. */
  #instant(): string {
    const ms = this.#options.clock.now()
    if (ms !== this.#lastInstant.ms) this.#lastInstant = { ms, text: new Date(ms).toISOString() }
    return this.#lastInstant.text
  }

  #enqueue(entry: Waiting): void {
    // A character takes up to three bytes; a line that no reader would accept must not be written.
    const isTooLong = entry.fields.length > longestLineBytes / 4
    const isRefused = entry.answer ? !this.isWritable() : this.#closing !== null || this.#isFull()
    if (isTooLong || isRefused) {
      if (entry.answer) this.#turnAway([entry], new Error(isTooLong ? 'record too long' : 'not writable'))
      else this.#lose()
      return
    }
    this.#queue.push(entry)
    this.#queuedBytes += entry.fields.length + overheadBytes
    this.#schedule()
  }

  #schedule(): void {
    if (this.#running || this.#isFailing) return
    if (!this.#isUrgent()) {
      // eslint-disable-next-line no-restricted-globals -- company for a batch; no record means anything else by it
      this.#gathering ??= setTimeout(() => {
        this.#start()
      }, gatherMs)
    } else this.#start()
  }

  #isUrgent(): boolean {
    return this.#gap !== null || this.#queuedBytes >= batchBytes || this.#queue.at(-1)?.answer !== null
  }

  #start(): void {
    if (this.#gathering) clearTimeout(this.#gathering)
    this.#gathering = null
    // One turn later: what else this turn of the event loop brings shares the batch.
    this.#running ??= new Promise((resolve) => setImmediate(resolve)).then(() => this.#drain())
  }

  /** Writes batch after batch while someone waits. What queues up during one batch is the next. */
  async #drain(): Promise<void> {
    do {
      const batch = this.#takeBatch()
      const gap = this.#gap
      this.#gap = null
      // eslint-disable-next-line no-restricted-globals -- guards against a disk, which knows no injected clock
      const stalled = setTimeout(() => {
        this.#stall(batch)
      }, this.#options.stallLimitMs ?? 5_000)
      try {
        await this.#commit(batch, gap)
        this.#succeed(batch)
      } catch (error) {
        this.#fail(batch, gap, error)
      } finally {
        clearTimeout(stalled)
        this.#isStalled = false
      }
    } while (!this.#isFailing && this.#hasWaiting())
    this.#running = null
    if (this.#queue.length > 0 && !this.#closing) this.#schedule()
  }

  #hasWaiting(): boolean {
    return this.#gap !== null || this.#queue.some((entry) => entry.answer !== null)
  }

  #takeBatch(): Waiting[] {
    let bytes = 0
    let count = 0
    for (const entry of this.#queue) {
      if (bytes >= batchBytes) break
      bytes += entry.fields.length + overheadBytes
      count++
    }
    this.#queuedBytes -= bytes
    return this.#queue.splice(0, count)
  }

  /**
   * Data on the disk, then the head that covers it, then the acknowledgement: a crash between any two
   * leaves a head that claims no more than is there. The head is only drafted while the data is synced.
   */
  async #commit(batch: readonly Waiting[], gap: Gap | null): Promise<void> {
    await this.#prepareFile()
    let link = this.#link
    let text = ''
    const add = (at: string, fields: string): void => {
      const record = sealRecord(link, at, fields)
      text += record.text
      link = record.link
    }
    const now = new Date(this.#options.clock.now()).toISOString()
    if (this.#offset === 0) {
      add(now, fieldsText(this.#opening()))
      for (const event of this.#streams.as('stream.open')) add(now, fieldsText(event))
    }
    if (gap) add(now, fieldsText({ event: 'ledger.resumed', ...gap }))
    for (const entry of batch) add(entry.at, entry.fields)

    const bytes = Buffer.from(text)
    this.#isDirty = true
    await writeAll(this.#file, bytes)
    const end = { chain: this.#chain, file: this.#fileName, link }
    const [synced, drafted] = await Promise.allSettled([this.#file.datasync(), draftHead(this.#options, end)])
    for (const result of [synced, drafted]) if (result.status === 'rejected') throw result.reason
    await putHead(this.#options)
    this.#isDirty = false
    this.#offset += bytes.length
    this.#link = link
    for (const { step } of batch) if (step !== null) this.#streams.take(step)
  }

  #opening(): LedgerEvent {
    const { writer, key } = this.#options
    const chain = this.#chain
    if (this.#link.seq === 0) return { event: 'ledger.begun', format: 1, writer, chain, keyId: key.id }
    return { event: 'ledger.continued', writer, chain, file: this.#fileName }
  }

  async #prepareFile(): Promise<void> {
    const { size, nlink } = await this.#file.stat()
    if (this.#isDirty && size > this.#offset) {
      // A failed fdatasync must not be repeated on the same pages: the kernel may have dropped them and
      // report success. So whatever the failed batch left goes, and what is kept is written anew.
      await this.#file.truncate(this.#offset)
    } else if (size !== this.#offset || nlink === 0) {
      throw new Error(`${this.#fileName} was changed or removed by someone else`)
    }
    if (this.#offset >= (this.#options.maxFileBytes ?? 64 * 2 ** 20)) {
      const next = fileName(this.#options.writer, fileNumber(this.#fileName) + 1)
      const file = await openFile(this.#options.directory, next, constants.O_EXCL)
      await this.#file.close()
      this.#file = file
      this.#fileName = next
      this.#offset = 0
    }
  }

  #succeed(batch: readonly Waiting[]): void {
    if (this.#isFailing) this.#options.logger.info('ledger: can be written again')
    this.#isFailing = false
    for (const entry of batch) entry.answer?.resolve()
  }

  #fail(batch: readonly Waiting[], gap: Gap | null, error: unknown): void {
    const { logger, clock, retryMs } = this.#options
    if (!this.#isFailing)
      logger.error('ledger: cannot be written, new access is refused', { problem: describeError(error) })
    this.#isFailing = true
    // Those who waited are told no, so their records must not appear later. Notes stay true.
    const waiting = [...batch, ...this.#queue]
    this.#setQueue(this.#turnAway(waiting, error))
    this.#addToGap(gap ?? { since: clock.now(), refusedRecords: 0, lostRecords: 0 })
    if (!this.#closing) this.#retry = clock.after(retryMs ?? 1_000, () => this.#start())
  }

  #stall(batch: readonly Waiting[]): void {
    const problem = new Error('the disk does not answer')
    this.#options.logger.error('ledger: cannot be written, new access is refused', {
      problem: problem.message,
    })
    this.#isStalled = true
    this.#turnAway(batch, problem)
    this.#setQueue(this.#turnAway(this.#queue, problem))
  }

  /** Rejects the appends among `entries`; returns the notes. */
  #turnAway(entries: readonly Waiting[], cause: unknown): Waiting[] {
    const notes: Waiting[] = []
    let refusedRecords = 0
    for (const entry of entries) {
      if (!entry.answer) {
        notes.push(entry)
        continue
      }
      refusedRecords++
      entry.answer.reject(
        new GatehouseError('ledger-unavailable', 'Access cannot be recorded right now.', { cause }),
      )
      entry.answer = null
      entry.step = null
    }
    if (refusedRecords > 0)
      this.#addToGap({ since: this.#options.clock.now(), refusedRecords, lostRecords: 0 })
    return notes
  }

  #lose(): void {
    // Once a gap: whatever floods the ledger must not flood the log as well. `ledger.resumed` has the count.
    if ((this.#gap?.lostRecords ?? 0) === 0) this.#options.logger.error('ledger: losing records')
    this.#addToGap({ since: this.#options.clock.now(), refusedRecords: 0, lostRecords: 1 })
  }

  #addToGap(more: Gap): void {
    const gap = this.#gap ?? more
    this.#gap =
      gap === more
        ? more
        : {
            since: Math.min(gap.since, more.since),
            refusedRecords: gap.refusedRecords + more.refusedRecords,
            lostRecords: gap.lostRecords + more.lostRecords,
          }
  }

  #setQueue(entries: Waiting[]): void {
    this.#queue = entries
    this.#queuedBytes = entries.reduce((sum, entry) => sum + entry.fields.length + overheadBytes, 0)
  }

  async #finish(): Promise<void> {
    this.#retry?.cancel()
    if (this.#gathering) clearTimeout(this.#gathering)
    await this.#running
    // What is left is worth one more try, on a failing disk too.
    while (this.#queue.length > 0 || this.#gap) {
      await this.#drain()
      if (this.#isFailing) break
    }
    if (this.#queue.length > 0)
      this.#options.logger.error('ledger: records lost', { lostRecords: this.#queue.length })
    await this.#file.close()
    this.#unlock()
  }
}

async function openFile(directory: string, name: string, flags: number): Promise<FileHandle> {
  const path = join(directory, name)
  const isNew = await stat(path).then(
    () => false,
    () => true,
  )
  const { O_WRONLY, O_APPEND, O_CREAT } = constants
  const file = await open(path, O_WRONLY | O_APPEND | O_CREAT | flags, 0o600)
  if (isNew) await syncDirectory(directory)
  return file
}

/** fdatasync of a new file need not make its name durable (fsync(2)). */
async function syncDirectory(directory: string): Promise<void> {
  const handle = await open(directory, 'r')
  try {
    await handle.sync()
  } finally {
    await handle.close()
  }
}

/** write(2) may take less than it is given, most likely when the disk is nearly full. */
async function writeAll(file: FileHandle, bytes: Buffer): Promise<void> {
  for (let done = 0; done < bytes.length;) {
    const { bytesWritten } = await file.write(bytes, done)
    done += bytesWritten
  }
}
