import type { KeyObject } from 'node:crypto'
import { GatehouseError } from '../lib/index.js'
import type { EpochMs } from '../model.js'
import { checkChain, loadHead, type Fault } from './check.js'
import { linesOf, listChains, readRecord, unreadable } from './format.js'

export interface VerifyReport {
  /** True when there is a ledger and no chain of it has a fault. */
  readonly ok: boolean
  readonly records: number
  readonly chains: readonly ChainReport[]
}

export interface ChainReport {
  readonly writer: string
  /** The random id of the chain; null when no record and no head states it. */
  readonly chain: string | null
  readonly files: number
  /** Records in order from the first, up to the fault if there is one. */
  readonly records: number
  /** ISO 8601. */
  readonly firstAt: string | null
  readonly lastAt: string | null
  /** The last record that the signed head vouches for; null without a head that can be trusted. */
  readonly signedUpTo: number | null
  /** Well-chained records behind it: written, and then a crash, a running writer, or a forger without the key. */
  readonly unsigned: number
  readonly fault: Fault | null
  /** What is no tampering but worth knowing. */
  readonly warnings: readonly string[]
}

/**
 * Checks every chain of a ledger, record by record, and names the first bad one of each. Needs only the
 * directory (or a copy of it) and the public key; may run while the ledger is being written.
 *
 * @throws GatehouseError `ledger-invalid` when the directory or a file cannot be read
 */
export async function verifyLedger(of: { directory: string; publicKey: KeyObject }): Promise<VerifyReport> {
  try {
    const chains: ChainReport[] = []
    for (const writer of (await listChains(of.directory)).keys()) chains.push(await verifyChain(of, writer))
    return {
      ok: chains.length > 0 && chains.every((chain) => chain.fault === null),
      records: chains.reduce((sum, chain) => sum + chain.records, 0),
      chains,
    }
  } catch (error) {
    throw unreadable(of.directory, error)
  }
}

async function verifyChain(
  of: { directory: string; publicKey: KeyObject },
  writer: string,
): Promise<ChainReport> {
  const { directory, publicKey } = of
  // The head first: a running writer may add records meanwhile, but the head read never gets ahead of them.
  const loaded = await loadHead(directory, writer, publicKey)
  const head = 'kind' in loaded ? null : loaded
  const files = (await listChains(directory)).get(writer) ?? []
  const state = await checkChain({ directory, writer, files, isWhole: true, head })
  const warnings: string[] = []
  if (state.tail) {
    const { file, line, bytes } = state.tail
    warnings.push(
      `The last ${bytes} bytes, from line ${line} of ${file}, are no finished record: ` +
        'a write that is still running or was interrupted. Nothing was permitted on the strength of it.',
    )
  }
  return {
    writer,
    chain: state.chain,
    files: files.length,
    records: state.records,
    firstAt: state.firstAt,
    lastAt: state.lastAt,
    signedUpTo: head?.seq ?? null,
    unsigned: state.unsigned,
    fault: state.fault ?? ('kind' in loaded ? loaded : null),
    warnings,
  }
}

export interface StoredRecord {
  readonly writer: string
  readonly file: string
  readonly line: number
  readonly seq: number
  /** ISO 8601. */
  readonly at: string
  readonly event: string
  /** Every field of the line, the ones above included. */
  readonly fields: Readonly<Record<string, unknown>>
}

export interface ReadOptions {
  readonly directory: string
  /** Records with `from <= at < until`. */
  readonly from?: EpochMs
  readonly until?: EpochMs
  /** One event (`grant.issued`) or a family of them (`grant`). */
  readonly event?: string
  /** Called for each line that is no record, which is then left out. Without it, such a line ends the reading. */
  readonly onBadLine?: (file: string, line: number) => void
}

/**
 * Reads the records of a ledger, chain by chain and in order, without checking the chains: that is
 * `verifyLedger`. An unfinished last line, as a running writer may leave it, is passed over.
 *
 * @throws GatehouseError `ledger-invalid` for a line that is no record, naming file and line
 */
export async function* readLedger(options: ReadOptions): AsyncGenerator<StoredRecord, void> {
  const { directory, event } = options
  const chains = await listChains(directory).catch((error: unknown) => {
    throw unreadable(directory, error)
  })
  const isWanted = (at: number, name: string): boolean =>
    at >= (options.from ?? -Infinity) &&
    at < (options.until ?? Infinity) &&
    (event === undefined || name === event || name.startsWith(`${event}.`))

  for (const [writer, files] of chains) {
    for await (const line of linesOf(directory, files)) {
      const record = readRecord(line.bytes)
      const at = Date.parse(record?.at ?? '')
      if (!record || Number.isNaN(at)) {
        if (!line.isComplete && line.file === files.at(-1)) continue
        if (!options.onBadLine) {
          const message = `Line ${line.number} of ${line.file} is no record. Run "gatehouse audit verify".`
          throw new GatehouseError('ledger-invalid', message)
        }
        options.onBadLine(line.file, line.number)
      } else if (isWanted(at, record.event)) {
        const { seq, event, fields } = record
        yield { writer, file: line.file, line: line.number, seq, at: record.at, event, fields }
      }
    }
  }
}
