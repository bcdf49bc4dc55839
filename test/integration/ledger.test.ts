import { unconditional } from '../../src/grants/index.js'
import { spawnSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { appendFile, cp, mkdir, readdir, readFile, rename, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import {
  openLedger,
  verifyLedger,
  type Ledger,
  type LedgerEvent,
  type LedgerOptions,
} from '../../src/audit/index.js'
import { fieldsText, sealRecord } from '../../src/audit/format.js'
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

const key = newLedgerKey()
const { publicKey } = key

const opened: Ledger[] = []
afterEach(async () => {
  for (const ledger of opened.splice(0)) await ledger.close()
})
async function open(directory: string, more: Partial<LedgerOptions> = {}): Promise<Ledger> {
  const ledger = await openLedger(ledgerOptions(directory, key, more))
  opened.push(ledger)
  return ledger
}
const textOf = (directory: string): string => readFileSync(join(directory, 'gateway-000001.jsonl'), 'utf8')
const headOf = (directory: string): { seq: number } =>
  JSON.parse(readFileSync(join(directory, 'gateway.head'), 'utf8')) as { seq: number }

describe('the chain of a writer', () => {
  it('begins with where it comes from, readable by its owner alone', async () => {
    const directory = join(await newDirectory(), 'deep', 'ledger')
    const clock = new TestClock(Date.UTC(2026, 10, 23, 6))
    await open(directory, { clock })
    expect(await recordsOf(directory)).toMatchObject([
      {
        seq: 1,
        at: '2026-11-23T06:00:00.000Z',
        event: 'ledger.begun',
        writer: 'gateway',
        keyId: 'k-test',
        chain: expect.stringMatching(/^chain-[0-9a-z]{16}$/),
      },
    ])
    expect((await stat(directory)).mode & 0o777).toBe(0o700)
    for (const name of await readdir(directory))
      expect((await stat(join(directory, name))).mode & 0o777).toBe(0o600)
  })

  it('carries on after a restart, and across files', async () => {
    const directory = await newDirectory()
    for (let restart = 0; restart < 3; restart++)
      await writeLedger(ledgerOptions(directory, key, { maxFileBytes: 900 }), 8)
    const files = await new Chain(directory).files()
    expect(files.length).toBeGreaterThan(4)
    expect(await verifyOne(directory, publicKey)).toMatchObject({
      fault: null,
      unsigned: 0,
      files: files.length,
    })
    expect(await recordsOf(directory, 'ledger.begun')).toHaveLength(1)
    expect(await recordsOf(directory, 'ledger.recovered')).toHaveLength(0)
    const continued = await recordsOf(directory, 'ledger.continued')
    expect(continued.map((record) => record.file)).toEqual(files.slice(1))
  })

  it('holds appends and notes in the order in which they were given', async () => {
    const directory = await newDirectory()
    const ledger = await open(directory)
    const waiting: Promise<void>[] = []
    for (let number = 0; number < 3_000; number++) {
      if (number % 3 === 0) ledger.note(numbered(number))
      else waiting.push(ledger.append(numbered(number)))
      if (number % 500 === 0) await new Promise((resolve) => setImmediate(resolve))
    }
    await Promise.all(waiting)
    await ledger.close()
    const numbers = (await recordsOf(directory, 'grant')).map((record) => record.grantId)
    expect(numbers).toEqual(Array.from({ length: 3_000 }, (_, number) => `g-${number}`))
    expect(await verifyLedger({ directory, publicKey })).toMatchObject({ ok: true })
  })

  it('holds whatever text a client sends, one record a line', async () => {
    const directory = await newDirectory()
    const ledger = await open(directory)
    const text = fc.oneof(
      fc.string({ unit: 'binary' }),
      fc.constantFrom('\n', '\r\n', '\u2028', '\ud800', '"}\n{"seq":9', '\u0000', '__proto__'),
    )
    const sent: string[] = fc.sample(text, 300)
    await Promise.all(
      sent.map((detail) =>
        ledger.append({ event: 'request.refused', requestId: 'r-1', source: '::1', detail }),
      ),
    )
    expect((await recordsOf(directory, 'request.refused')).map((record) => record.detail)).toEqual(sent)
    expect(await verifyLedger({ directory, publicKey })).toMatchObject({ ok: true, records: 301 })
  })

  it('shows instants as text wherever an event carries one', async () => {
    const directory = await newDirectory()
    const ledger = await open(directory)
    const actor = { kind: 'gateway' } as const
    const at = Date.UTC(2026, 0, 2, 3, 4, 5)
    await ledger.append({
      event: 'grant.issued',
      actor,
      grant: {
        ...{ id: 'g-1', to: { email: 'ana@vendor.example', principalId: null }, endpoints: ['press-3'] },
        ...{ access: 'operate', from: at, until: at + 1, reason: 'belt', ticket: null, ending: 'cut' },
        ...{ conditions: { ...unconditional, windows: [{ from: at, until: at + 1 }] }, requestId: null },
        ...{ issuedBy: actor, issuedAt: at, revocation: { at, by: actor, reason: 'done' } },
      },
    })
    await ledger.append({ event: 'second-factor.recovery-used', principalId: 'p-ana', left: 9 })
    const iso = '2026-01-02T03:04:05.000Z'
    expect(await recordsOf(directory, 'grant')).toMatchObject([
      { grant: { from: iso, until: '2026-01-02T03:04:05.001Z', issuedAt: iso, revocation: { at: iso } } },
    ])
    expect(await recordsOf(directory, 'second-factor')).toMatchObject([{ left: 9 }])
  })
})

describe('an append', () => {
  it('is acknowledged only when the file holds it and the signed head covers it', async () => {
    const directory = await newDirectory()
    const ledger = await open(directory)
    await Promise.all(
      Array.from({ length: 300 }, async (_, number) => {
        await ledger.append(numbered(number))
        const line = textOf(directory)
          .split('\n')
          .find((text) => text.includes(`"g-${number}"`))
        const { seq } = JSON.parse(line ?? '{"seq":null}') as { seq: number }
        expect(headOf(directory).seq).toBeGreaterThanOrEqual(seq)
      }),
    )
  })

  it('of a record that no reader would accept is refused, and said to be', async () => {
    const directory = await newDirectory()
    const ledger = await open(directory)
    const event: LedgerEvent = {
      event: 'request.refused',
      requestId: 'r-1',
      source: '::1',
      detail: 'é'.repeat(2 ** 20),
    }
    await expect(ledger.append(event)).rejects.toMatchObject({ code: 'ledger-unavailable' })
    ledger.note(event)
    await ledger.append(numbered(1))
    expect(await recordsOf(directory, 'ledger.resumed')).toMatchObject([
      { refusedRecords: 1, lostRecords: 1 },
    ])
    expect(await verifyLedger({ directory, publicKey })).toMatchObject({ ok: true, records: 3 })
  })

  it('is refused when too much is waiting already; what was accepted is written, what was refused is not', async () => {
    const directory = await newDirectory()
    const ledger = await open(directory, { maxQueuedBytes: 20_000 })
    const results = await Promise.allSettled(
      Array.from({ length: 500 }, (_, number) => ledger.append(numbered(number))),
    )
    const accepted = results.flatMap((result, number) =>
      result.status === 'fulfilled' ? [`g-${number}`] : [],
    )
    expect(accepted.length).toBeGreaterThan(50)
    expect(accepted.length).toBeLessThan(100)
    await ledger.append(numbered(500))
    expect((await recordsOf(directory, 'grant')).map((record) => record.grantId)).toEqual([
      ...accepted,
      'g-500',
    ])
    expect(await recordsOf(directory, 'ledger.resumed')).toMatchObject([
      { refusedRecords: 500 - accepted.length, lostRecords: 0 },
    ])
  })
})

describe('a note', () => {
  it('reaches the disk although nobody waits for it', async () => {
    const directory = await newDirectory()
    const ledger = await open(directory)
    ledger.note(numbered(1))
    expect(textOf(directory)).not.toContain('g-1')
    await until(() => textOf(directory).includes('g-1') && headOf(directory).seq === 2)
  })

  it('goes with the next append, before it', async () => {
    const directory = await newDirectory()
    const ledger = await open(directory)
    ledger.note(numbered(1))
    await ledger.append(numbered(2))
    expect((await recordsOf(directory, 'grant')).map((record) => record.grantId)).toEqual(['g-1', 'g-2'])
  })
})

describe('the record of a request', () => {
  it.each([
    { durability: 'state-changing', mustBeDurable: false, isDurable: false },
    { durability: 'state-changing', mustBeDurable: true, isDurable: true },
    { durability: 'every-request', mustBeDurable: false, isDurable: true },
    { durability: 'every-request', mustBeDurable: true, isDurable: true },
  ] as const)(
    'under $durability, must be durable: $mustBeDurable, waits for the disk: $isDurable',
    async (row) => {
      const directory = await newDirectory()
      const ledger = await open(directory, { durability: row.durability })
      await ledger.request(numbered(1), { mustBeDurable: row.mustBeDurable })
      expect(textOf(directory).includes('g-1')).toBe(row.isDurable)
      await until(() => textOf(directory).includes('g-1'))
    },
  )
})

describe('a closed ledger', () => {
  it('holds everything it was given before, and takes nothing more', async () => {
    const directory = await newDirectory()
    const ledger = await open(directory)
    const appended = ledger.append(numbered(1))
    ledger.note(numbered(2))
    await Promise.all([ledger.close(), ledger.close(), appended])
    expect((await recordsOf(directory, 'grant')).map((record) => record.grantId)).toEqual(['g-1', 'g-2'])

    expect(ledger.isWritable()).toBe(false)
    ledger.note(numbered(3))
    for (const refused of [ledger.append(numbered(4)), ledger.request(numbered(5))]) {
      await expect(refused).rejects.toMatchObject({ code: 'ledger-unavailable', status: 503 })
    }
    expect(await recordsOf(directory, 'grant')).toHaveLength(2)
    expect((await readdir(directory)).sort()).toEqual(['gateway-000001.jsonl', 'gateway.head'])
  })
})

describe('a file that someone else changes under the writer', () => {
  it.each([
    { what: 'gets a line more', change: (file: string) => appendFile(file, '{}\n') },
    { what: 'is cut', change: (file: string) => writeFile(file, '') },
    { what: 'is removed', change: (file: string) => rm(file) },
  ])('and that $what, stops the ledger and is left for the auditor', async ({ change }) => {
    const directory = await newDirectory()
    const clock = new TestClock()
    const ledger = await open(directory, { clock })
    await ledger.append(numbered(1))
    await change(join(directory, 'gateway-000001.jsonl'))
    const left = await readFile(join(directory, 'gateway-000001.jsonl')).catch(() => null)
    await expect(ledger.append(numbered(2))).rejects.toMatchObject({ code: 'ledger-unavailable' })
    expect(ledger.isWritable()).toBe(false)
    await clock.advance({ seconds: 3 })
    await ledger.close()
    expect(await readFile(join(directory, 'gateway-000001.jsonl')).catch(() => null)).toEqual(left)
  })
})

describe('opening', () => {
  it.each(['', '../x', 'a/b', 'A', '-a', 'a.b', 'a'.repeat(33), 'a\n', 'ü', 'a\u0000'])(
    'refuses the writer name %j',
    async (writer) => {
      const directory = await newDirectory()
      await expect(openLedger(ledgerOptions(directory, key, { writer }))).rejects.toMatchObject({
        code: 'ledger-invalid',
      })
      expect(await readdir(directory)).toEqual([])
    },
  )

  it.each([
    {
      what: 'an edited record',
      sentence: /Record 3 was changed/,
      tamper: async (chain: Chain) => {
        const line = chain.lines[2]
        if (line) line.text = line.text.replace('g-2', 'g-9')
        await chain.store()
      },
    },
    {
      what: 'a missing record',
      sentence: /Record 3 is missing/,
      tamper: async (chain: Chain) => {
        chain.lines.splice(2, 1)
        await chain.store()
      },
    },
    {
      what: 'a missing end',
      sentence: /missing from the end/,
      tamper: async (chain: Chain) => {
        chain.lines.pop()
        await chain.store()
      },
    },
    {
      what: 'a missing file',
      sentence: /The file is missing/,
      tamper: (chain: Chain) => rm(join(chain.directory, 'gateway-000001.jsonl')),
    },
    {
      what: 'a missing head',
      sentence: /signed head is missing/,
      tamper: (chain: Chain) => rm(join(chain.directory, 'gateway.head')),
    },
    {
      what: 'an empty head',
      sentence: /cannot be trusted/,
      tamper: (chain: Chain) => writeFile(join(chain.directory, 'gateway.head'), ''),
    },
  ])(
    'refuses a chain with $what, changes nothing, and says how to start again',
    async ({ tamper, sentence }) => {
      const directory = await newDirectory()
      await writeLedger(ledgerOptions(directory, key), 4)
      await tamper(await new Chain(directory).load())
      const before = await readdir(directory)
      const refused = openLedger(ledgerOptions(directory, key))
      await expect(refused).rejects.toMatchObject({
        code: 'ledger-invalid',
        message: expect.stringMatching(sentence),
      })
      await expect(refused).rejects.toThrow(/move the files of writer gateway aside/)
      expect(await readdir(directory)).toEqual(before)

      await mkdir(join(directory, 'evidence'))
      for (const name of before) await rename(join(directory, name), join(directory, 'evidence', name))
      await open(directory)
      expect(await verifyOne(directory, publicKey)).toMatchObject({ records: 1, fault: null })
    },
  )

  it('checks the newest file only, yet wholly', async () => {
    const directory = await newDirectory()
    await writeLedger(ledgerOptions(directory, key, { maxFileBytes: 1_500 }), 20)
    const chain = await new Chain(directory).load()
    const first = chain.lines[1]
    if (first) first.text = 'x'
    await chain.store()
    await (await openLedger(ledgerOptions(directory, key))).close()
    const newest = chain.lines.find((line) => line.file === 'gateway-000004.jsonl')
    if (newest) newest.text = newest.text.replace('ledger.continued', 'ledger.begun')
    await chain.store()
    await expect(openLedger(ledgerOptions(directory, key))).rejects.toMatchObject({ code: 'ledger-invalid' })
  })

  it('refuses an earlier file put in place of the newest', async () => {
    const directory = await newDirectory()
    await writeLedger(ledgerOptions(directory, key, { maxFileBytes: 1_500 }), 20)
    await cp(join(directory, 'gateway-000002.jsonl'), join(directory, 'gateway-000004.jsonl'))
    await expect(openLedger(ledgerOptions(directory, key))).rejects.toMatchObject({ code: 'ledger-invalid' })
  })

  it('refuses a newest file that was forged to begin behind the signed head', async () => {
    const directory = await newDirectory()
    await writeLedger(ledgerOptions(directory, key, { maxFileBytes: 1_500 }), 20)
    const { chain } = await verifyOne(directory, publicKey)
    const file = 'gateway-000004.jsonl'
    const forged: LedgerEvent = { event: 'ledger.continued', writer: 'gateway', chain: chain ?? '', file }
    const after = { seq: headOf(directory).seq + 5, hash: 'B'.repeat(43) }
    await writeFile(
      join(directory, file),
      sealRecord(after, '2026-01-01T00:00:00.000Z', fieldsText(forged)).text,
    )
    await expect(openLedger(ledgerOptions(directory, key))).rejects.toMatchObject({ code: 'ledger-invalid' })
  })

  it('refuses a chain signed with another key', async () => {
    const directory = await newDirectory()
    await writeLedger(ledgerOptions(directory, newLedgerKey()), 1)
    await expect(openLedger(ledgerOptions(directory, key))).rejects.toMatchObject({
      code: 'ledger-invalid',
      message: expect.stringContaining('does not belong to the key'),
    })
  })

  it('says so when the directory cannot be made', async () => {
    const file = join(await newDirectory(), 'file')
    await writeFile(file, '')
    await expect(openLedger(ledgerOptions(join(file, 'ledger'), key))).rejects.toMatchObject({
      code: 'ledger-unavailable',
    })
  })
})

describe('the lock of a chain', () => {
  const lock = (directory: string): string => join(directory, 'gateway.lock')
  const deadProcess = (): number => spawnSync('true').pid

  it('keeps a second writer out, but not the writer of another chain', async () => {
    const directory = await newDirectory()
    const first = await open(directory)
    await expect(openLedger(ledgerOptions(directory, key))).rejects.toMatchObject({
      code: 'ledger-unavailable',
      message: expect.stringContaining(`process ${process.pid}`),
    })
    await writeLedger(ledgerOptions(directory, key, { writer: 'cli' }), 1)
    await first.append(numbered(1))
    await first.close()
    await writeLedger(ledgerOptions(directory, key), 1)
    expect(await verifyLedger({ directory, publicKey })).toMatchObject({ ok: true, records: 5 })
  })

  it('lets many wait their turn', async () => {
    const directory = await newDirectory()
    await Promise.all(
      Array.from({ length: 8 }, () => writeLedger(ledgerOptions(directory, key, { lockWaitMs: 10_000 }), 1)),
    )
    expect(await verifyOne(directory, publicKey)).toMatchObject({ records: 9, fault: null })
  })

  it.each([
    {
      whose: 'a process that is gone',
      text: () => JSON.stringify({ pid: deadProcess(), started: 'boot:1' }),
    },
    {
      whose: 'an earlier process of the same number',
      text: () => JSON.stringify({ pid: process.pid, started: 'boot:1' }),
    },
    { whose: 'nobody, half written before a power cut', text: () => '' },
    { whose: 'every process at once', text: () => JSON.stringify({ pid: -1, started: null }) },
  ])('is taken over from $whose', async ({ text }) => {
    const directory = await newDirectory()
    await writeFile(lock(directory), text())
    await writeLedger(ledgerOptions(directory, key), 1)
    expect((await readdir(directory)).sort()).toEqual(['gateway-000001.jsonl', 'gateway.head'])
  })

  it('of a living process of unknown age is respected', async () => {
    const directory = await newDirectory()
    await writeFile(lock(directory), JSON.stringify({ pid: process.ppid, started: null }))
    await expect(openLedger(ledgerOptions(directory, key))).rejects.toMatchObject({
      code: 'ledger-unavailable',
    })
    expect(await readdir(directory)).toEqual(['gateway.lock'])
  })

  it('is given back when opening fails', async () => {
    const directory = await newDirectory()
    await writeLedger(ledgerOptions(directory, key), 1)
    await rm(join(directory, 'gateway.head'))
    await expect(openLedger(ledgerOptions(directory, key))).rejects.toMatchObject({ code: 'ledger-invalid' })
    expect(await readdir(directory)).toEqual(['gateway-000001.jsonl'])
  })
})
