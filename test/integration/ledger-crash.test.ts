import { spawn, spawnSync } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmdirSync } from 'node:fs'
import { appendFile, mkdir, readdir, readFile, rm, stat, truncate, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openLedger, verifyLedger, type LedgerOptions } from '../../src/audit/index.js'
import { signHead, type Head } from '../../src/audit/format.js'
import { openJournal } from '../../src/lib/index.js'
import { TestClock } from '../support/clock.js'
import {
  Chain,
  ledgerOptions,
  newDirectory,
  newLedgerKey,
  numbered,
  recordsOf,
  until,
  verifyOne,
  writeLedger,
} from '../support/ledger.js'
import { silentLogger } from '../support/logger.js'

const key = newLedgerKey()
const { publicKey } = key
const support = join(import.meta.dirname, '../support')

/** Runs a writer until it has acknowledged `count` records, then kills it; returns all it acknowledged. */
async function writeAndKill(
  directory: string,
  keyFile: string,
  first: number,
  count: number,
): Promise<number[]> {
  const args = ['--import', join(support, 'typescript.mjs'), join(support, 'ledger-child.ts')]
  const child = spawn(process.execPath, [...args, directory, keyFile, String(first)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  let printed = ''
  child.stdout.on('data', (chunk: Buffer) => {
    printed += chunk.toString()
    if (printed.split('\n').length > count) child.kill('SIGKILL')
  })
  await once(child, 'close')
  expect(child.signalCode).toBe('SIGKILL')
  return printed.split('\n').slice(0, -1).map(Number)
}

describe('a writer that is killed', () => {
  it('leaves a ledger that verifies and holds everything it acknowledged, time after time', async () => {
    const directory = join(await newDirectory(), 'ledger')
    const keyFile = join(directory, '..', 'key.pem')
    await writeFile(keyFile, key.privateKey.export({ format: 'pem', type: 'pkcs8' }))
    const acknowledged: number[] = []
    for (const count of [1, 37, 150, 300, 77]) {
      const first = acknowledged.length === 0 ? 0 : Math.max(...acknowledged) + 100
      acknowledged.push(...(await writeAndKill(directory, keyFile, first, count)))
      const chain = await verifyOne(directory, publicKey)
      expect(chain.fault).toBeNull()
      const kept = (await recordsOf(directory, 'grant')).map((record) => record.grantId)
      expect(kept).toEqual(expect.arrayContaining(acknowledged.map((number) => `g-${number}`)))
      expect(new Set(kept).size).toBe(kept.length)
    }
    expect(acknowledged.length).toBeGreaterThan(500)

    await writeLedger(ledgerOptions(directory, key), 1)
    expect(await verifyOne(directory, publicKey)).toMatchObject({ fault: null, unsigned: 0, warnings: [] })
  })
})

describe('opening after a crash', () => {
  it('moves an unfinished write aside and states how much it was', async () => {
    const directory = await newDirectory()
    const file = join(directory, 'gateway-000001.jsonl')
    for (const [round, torn] of ['{"seq":4,"at":"2026', '\u0000'.repeat(4096), '{}\n{}\n{'].entries()) {
      await writeLedger(ledgerOptions(directory, key), 2)
      await appendFile(file, torn)
      expect(await verifyOne(directory, publicKey)).toMatchObject({
        fault: null,
        warnings: [expect.any(String)],
      })
      await writeLedger(ledgerOptions(directory, key), 1)
      expect(await readFile(`${file}.torn-${round + 1}`, 'utf8')).toBe(torn)
      const recovered = await recordsOf(directory, 'ledger.recovered')
      expect(recovered.at(-1)).toMatchObject({ droppedBytes: torn.length, unsignedRecords: 0 })
      expect(await verifyOne(directory, publicKey)).toMatchObject({ fault: null, unsigned: 0, warnings: [] })
    }
    expect((await stat(`${file}.torn-1`)).mode & 0o777).toBe(0o600)
  })

  it('keeps records that the head did not cover yet, and says that it did not', async () => {
    const directory = await newDirectory()
    await writeLedger(ledgerOptions(directory, key), 2)
    const head = await readFile(join(directory, 'gateway.head'))
    await writeLedger(ledgerOptions(directory, key), 3)
    await writeFile(join(directory, 'gateway.head'), head)
    await appendFile(join(directory, 'gateway-000001.jsonl'), 'torn')
    await writeLedger(ledgerOptions(directory, key), 1)
    expect((await recordsOf(directory)).map((record) => record.event)).toEqual([
      'ledger.begun',
      ...Array<string>(5).fill('grant.bound'),
      'ledger.recovered',
      'grant.bound',
    ])
    expect(await recordsOf(directory, 'ledger.recovered')).toMatchObject([
      { droppedBytes: 4, unsignedRecords: 3 },
    ])
    expect(await verifyOne(directory, publicKey)).toMatchObject({ records: 8, fault: null, unsigned: 0 })
  })

  it.each([
    { when: 'before the first file was made', prepare: () => Promise.resolve() },
    { when: 'when the first file was empty', prepare: (file: string) => writeFile(file, '') },
    { when: 'within the first record', prepare: (file: string) => writeFile(file, '{"seq":1,"at') },
  ])('$when, begins the same chain', async ({ prepare }) => {
    const directory = await newDirectory()
    const head: Head = {
      format: 'gatehouse-ledger-head/1',
      writer: 'gateway',
      chain: 'chain-1',
      seq: 0,
      hash: 'A'.repeat(43),
      file: 'gateway-000001.jsonl',
      at: '2026-01-01T00:00:00.000Z',
      keyId: key.id,
    }
    await writeFile(join(directory, 'gateway.head'), signHead(head, key))
    await prepare(join(directory, 'gateway-000001.jsonl'))
    expect(await verifyOne(directory, publicKey)).toMatchObject({ records: 0, fault: null })
    await writeLedger(ledgerOptions(directory, key), 1)
    expect(await verifyOne(directory, publicKey)).toMatchObject({
      chain: 'chain-1',
      fault: null,
      unsigned: 0,
    })
    expect((await recordsOf(directory))[0]).toMatchObject({ event: 'ledger.begun', chain: 'chain-1' })
  })

  it.each([
    { what: 'empty', content: '' },
    { what: 'torn in its first record', content: '{"seq":9' },
  ])('carries on in a next file that is $what', async ({ content }) => {
    const directory = await newDirectory()
    await writeLedger(ledgerOptions(directory, key), 3)
    await writeFile(join(directory, 'gateway-000002.jsonl'), content)
    expect((await verifyOne(directory, publicKey)).fault).toBeNull()
    await writeLedger(ledgerOptions(directory, key), 1)
    const chain = await new Chain(directory).load()
    expect(chain.lines.find(({ file }) => file === 'gateway-000002.jsonl')?.text).toContain(
      'ledger.continued',
    )
    expect(await verifyOne(directory, publicKey)).toMatchObject({
      fault: null,
      files: 2,
      unsigned: 0,
      warnings: [],
    })
  })

  it('never takes a cut below the signed head for a crash', async () => {
    const directory = await newDirectory()
    await writeLedger(ledgerOptions(directory, key), 3)
    const file = join(directory, 'gateway-000001.jsonl')
    await truncate(file, (await stat(file)).size - 1)
    await expect(openLedger(ledgerOptions(directory, key))).rejects.toMatchObject({ code: 'ledger-invalid' })
    expect(await readdir(directory)).toEqual(['gateway-000001.jsonl', 'gateway.head'])
  })
})

// Real disks, small and mounted for the test: no simulated error has the habits of a real one.
const isRoot = process.getuid?.() === 0
const run = (command: string, ...args: string[]): boolean => spawnSync(command, args).status === 0
async function withMount(mount: (at: string) => boolean, work: (at: string) => Promise<void>): Promise<void> {
  const at = join(await newDirectory(), 'disk')
  await mkdir(at)
  if (!mount(at)) throw new Error('mount failed')
  try {
    await work(at)
  } finally {
    run('umount', '-l', at)
  }
}
const canMount = ((): boolean => {
  if (!isRoot) return false
  const at = mkdtempSync(join(tmpdir(), 'gatehouse-probe-'))
  const isMounted = run('mount', '-t', 'tmpfs', '-o', 'size=64k', 'gatehouse-probe', at)
  if (isMounted) run('umount', at)
  rmdirSync(at)
  return isMounted
})()
const onSmallDisk = canMount ? it : it.skip

describe('a disk that is full', () => {
  onSmallDisk(
    'refuses appends, keeps notes, and recovers by itself (needs root, to mount a disk)',
    async () => {
      await withMount(
        (at) => run('mount', '-t', 'tmpfs', '-o', 'size=256k,nr_inodes=64', 'gatehouse-test', at),
        async (at) => {
          const directory = join(at, 'ledger')
          const clock = new TestClock()
          const ledger = await openLedger(ledgerOptions(directory, key, { clock }))
          const acknowledged: string[] = []
          const refused: string[] = []
          const append = (number: number): Promise<void> =>
            ledger.append(numbered(number)).then(
              () => void acknowledged.push(`g-${number}`),
              (error: unknown) => {
                expect(error).toMatchObject({ code: 'ledger-unavailable' })
                refused.push(`g-${number}`)
              },
            )
          let number = 0
          const fillUp = async (): Promise<void> => {
            while (ledger.isWritable()) await Promise.all(Array.from({ length: 50 }, () => append(number++)))
          }

          // Twice, for what the first recovery leaves must stand a second failure.
          for (const round of [1, 2]) {
            await writeFile(join(at, 'filler'), Buffer.alloc(round === 1 ? 120_000 : 30_000))
            await fillUp()
            expect(refused.length).toBeGreaterThan(0)
            const before = acknowledged.length
            await append(number++)
            await expect(ledger.request(numbered(number++))).rejects.toMatchObject({
              code: 'ledger-unavailable',
            })
            expect(acknowledged).toHaveLength(before)
            ledger.note({ event: 'gateway.started', version: `noted while full ${round}` })
            await clock.advance({ seconds: 3 })
            expect(ledger.isWritable()).toBe(false)
            expect(await verifyOne(directory, publicKey)).toMatchObject({ fault: null })

            await rm(join(at, 'filler'))
            await until(async () => {
              await clock.advance({ seconds: 1 })
              return ledger.isWritable()
            })
            await append(number++)
            expect(acknowledged).toHaveLength(before + 1)
          }
          await ledger.close()

          expect(await verifyOne(directory, publicKey)).toMatchObject({
            fault: null,
            unsigned: 0,
            warnings: [],
          })
          expect((await recordsOf(directory, 'grant')).map((record) => record.grantId)).toEqual(acknowledged)
          expect((await recordsOf(directory, 'gateway')).map((record) => record.version)).toEqual([
            'noted while full 1',
            'noted while full 2',
          ])
          const resumed = await recordsOf(directory, 'ledger.resumed')
          const told = resumed.reduce((sum, record) => sum + Number(record.refusedRecords), 0)
          // The two requests were refused as well.
          expect(told).toBe(refused.length + 2)
        },
      )
    },
  )

  onSmallDisk(
    'at the start refuses to open rather than to run unrecorded (needs root, to mount a disk)',
    async () => {
      await withMount(
        (at) => run('mount', '-t', 'tmpfs', '-o', 'size=64k', 'gatehouse-test', at),
        async (at) => {
          await writeFile(join(at, 'filler'), Buffer.alloc(65_536))
          const options = ledgerOptions(join(at, 'ledger'), key)
          await expect(openLedger(options)).rejects.toMatchObject({ code: 'ledger-unavailable' })
          await rm(join(at, 'filler'))
          await writeLedger(options, 1)
          expect(await verifyOne(options.directory, publicKey)).toMatchObject({ records: 2, fault: null })
        },
      )
    },
  )
})

describe('a disk that is full, under the journal', () => {
  onSmallDisk(
    'keeps what was refused, and writes it with the next (needs root, to mount a disk)',
    async () => {
      await withMount(
        (at) => run('mount', '-t', 'tmpfs', '-o', 'size=64k', 'gatehouse-test', at),
        async (at) => {
          const options = {
            ...{ file: join(at, 'ended.jsonl'), isReadOnly: false, logger: silentLogger },
            ...{ clock: new TestClock(), sessionsKeptMs: Infinity },
            onRevived: () => undefined,
          }
          const journal = await openJournal(options)
          await writeFile(join(at, 'filler'), Buffer.alloc(65_536)).catch(() => undefined)
          expect(await journal.add('grant', 'g-1')).toBe('nowhere')
          expect(journal.hasEnded('grant', 'g-1')).toBe(true)
          // Who asks again is not told that it is safe, only because it is known.
          expect(await journal.add('grant', 'g-1')).toBe('nowhere')
          await rm(join(at, 'filler'))
          expect(await journal.add('grant', 'g-2')).toBe('host')
          expect(await journal.add('grant', 'g-1')).toBe('host')
          await journal.close()
          const next = await openJournal({ ...options, isReadOnly: true })
          expect(next.list('grant')).toEqual(['g-1', 'g-2'])
        },
      )
    },
  )
})

describe('a disk that stops answering', () => {
  const onFrozenDisk = canMount && run('which', 'fsfreeze') && run('which', 'mkfs.ext4') ? it : it.skip
  onFrozenDisk(
    'makes nobody wait for ever, and is used again once it answers (needs root, to mount a disk)',
    async () => {
      const image = join(await newDirectory(), 'image')
      await writeFile(image, '')
      await truncate(image, 8 * 2 ** 20)
      expect(run('mkfs.ext4', '-q', image)).toBe(true)
      await withMount(
        (at) => run('mount', '-o', 'loop', image, at),
        async (at) => {
          const directory = join(at, 'ledger')
          const options: Partial<LedgerOptions> = { stallLimitMs: 100 }
          const ledger = await openLedger(ledgerOptions(directory, key, options))
          await ledger.append(numbered(1))
          expect(run('fsfreeze', '-f', at)).toBe(true)
          try {
            const hanging = ledger.append(numbered(2))
            await expect(hanging).rejects.toMatchObject({ code: 'ledger-unavailable' })
            expect(ledger.isWritable()).toBe(false)
            await expect(ledger.append(numbered(3))).rejects.toMatchObject({ code: 'ledger-unavailable' })
            ledger.note(numbered(4))
          } finally {
            run('fsfreeze', '-u', at)
          }
          await until(() => ledger.isWritable())
          await ledger.append(numbered(5))
          await ledger.close()
          // The second was under way when its caller was told not to rely on it; the third never started.
          expect((await recordsOf(directory, 'grant')).map((record) => record.grantId)).toEqual([
            'g-1',
            'g-2',
            'g-4',
            'g-5',
          ])
          expect(await recordsOf(directory, 'ledger.resumed')).toMatchObject([
            { refusedRecords: 2, lostRecords: 0 },
          ])
          expect(await verifyLedger({ directory, publicKey })).toMatchObject({ ok: true })
        },
      )
    },
  )
})
