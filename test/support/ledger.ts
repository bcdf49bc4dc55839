import { generateKeyPairSync, type KeyObject } from 'node:crypto'
import { mkdtemp, readdir, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  openLedger,
  readLedger,
  verifyLedger,
  type LedgerEvent,
  type LedgerOptions,
  type VerifyReport,
} from '../../src/audit/index.js'
import { systemClock, type SigningKey } from '../../src/lib/index.js'
import { silentLogger } from './logger.js'

export function newLedgerKey(): SigningKey {
  return { id: 'k-test', ...generateKeyPairSync('ed25519') }
}

const cleanUps: (() => Promise<void>)[] = []
afterEach(async () => {
  for (const cleanUp of cleanUps.splice(0)) await cleanUp()
})

/** An empty directory that is gone after the test. */
export async function newDirectory(): Promise<string> {
  const directory = await mkdtemp(join(tmpdir(), 'gatehouse-ledger-'))
  cleanUps.push(() => rm(directory, { recursive: true, force: true }))
  return directory
}

/** Options for a ledger on real files and the real clock. */
export function ledgerOptions(
  directory: string,
  key: SigningKey,
  more: Partial<LedgerOptions> = {},
): LedgerOptions {
  return {
    directory,
    key,
    writer: 'gateway',
    clock: systemClock,
    logger: silentLogger,
    durability: 'state-changing',
    ...more,
  }
}

export const numbered = (count: number): LedgerEvent => ({
  event: 'grant.bound',
  grantId: `g-${count}`,
  principalId: 'p-ana',
})

/** Writes `count` numbered records, one after the other, and closes. */
export async function writeLedger(options: LedgerOptions, count: number): Promise<void> {
  const ledger = await openLedger(options)
  for (let number = 1; number <= count; number++) await ledger.append(numbered(number))
  await ledger.close()
}

/** The lines of one chain with the file each stands in, to be read and tampered with. */
export class Chain {
  lines: { file: string; text: string }[] = []

  constructor(
    readonly directory: string,
    readonly writer = 'gateway',
  ) {}

  async files(): Promise<string[]> {
    const names = await readdir(this.directory)
    return names.filter((name) => name.startsWith(`${this.writer}-`) && name.endsWith('.jsonl')).sort()
  }

  async load(): Promise<this> {
    this.lines = []
    for (const file of await this.files()) {
      const text = await readFile(join(this.directory, file), 'utf8')
      for (const line of text.split('\n').slice(0, -1)) this.lines.push({ file, text: line })
    }
    return this
  }

  async store(): Promise<void> {
    for (const file of await this.files()) {
      const mine = this.lines.filter((line) => line.file === file)
      await writeFile(join(this.directory, file), mine.map((line) => `${line.text}\n`).join(''))
    }
  }

  /** The place of a line as a report names it. */
  placeOf(index: number): { file: string; line: number } {
    const file = this.lines[index]?.file ?? ''
    return { file, line: this.lines.slice(0, index + 1).filter((line) => line.file === file).length }
  }
}

/** The verdict on the one chain of a directory. */
export async function verifyOne(
  directory: string,
  publicKey: KeyObject,
): Promise<VerifyReport['chains'][number]> {
  const { chains } = await verifyLedger({ directory, publicKey })
  const [chain] = chains
  if (!chain || chains.length > 1) throw new Error(`one chain expected, found ${chains.length}`)
  return chain
}

/** What the chain of a writer holds, read from the file system as it is at this moment. */
export async function recordsOf(directory: string, event?: string): Promise<Record<string, unknown>[]> {
  const records: Record<string, unknown>[] = []
  for await (const { fields } of readLedger({ directory, ...(event === undefined ? {} : { event }) }))
    records.push({ ...fields })
  return records
}

/** Waits, for at most 5 s, until `isSo`. */
export async function until(isSo: () => boolean | Promise<boolean>): Promise<void> {
  for (const deadline = performance.now() + 5_000; !(await isSo());) {
    if (performance.now() > deadline) throw new Error('did not come to pass within 5 s')
    await new Promise((resolve) => setTimeout(resolve, 5))
  }
}
