import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import {
  createVouching,
  generateKeys,
  openJournal,
  openKeyring,
  type Journal,
  type Vouching,
} from '../../src/lib/index.js'
import type { TestClock } from './clock.js'
import { silentLogger } from './logger.js'

/** What an instance knows besides Redis, and what it has reported. */
export interface Trust {
  readonly vouching: Vouching
  readonly journal: Journal
  /** Places in Redis that held what is not ours. */
  readonly altered: string[]
  /** `grant g-…` and `session s-…` that Redis calls running and that have ended. */
  readonly revived: string[]
  close(): Promise<void>
}

/** For what several instances of one test must believe of each other. */
export const sharedVouching = createVouching(openKeyring(generateKeys()), () => undefined)

export async function openTrust(clock: TestClock, keyring = openKeyring(generateKeys())): Promise<Trust> {
  const altered: string[] = []
  const revived: string[] = []
  const folder = await mkdtemp(join(tmpdir(), 'gatehouse-journal-'))
  const journal = await openJournal({
    file: join(folder, 'ended.jsonl'),
    isReadOnly: false,
    clock,
    logger: silentLogger,
    sessionsKeptMs: 12 * 3_600_000,
    onRevived: (kind, id) => revived.push(`${kind} ${id}`),
  })
  return {
    vouching: createVouching(keyring, (place) => altered.push(place)),
    journal,
    altered,
    revived,
    close: async () => {
      await journal.close()
      await rm(folder, { recursive: true })
    },
  }
}
