import { hash } from 'node:crypto'
import { cp, mkdir, readFile, rename, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import fc from 'fast-check'
import { openLedger, readLedger, verifyLedger, type FaultKind } from '../../src/audit/index.js'
import {
  Chain,
  ledgerOptions,
  newDirectory,
  newLedgerKey,
  numbered,
  verifyOne,
  writeLedger,
} from '../support/ledger.js'

const key = newLedgerKey()
const { publicKey } = key

/** Gives a line the hash that its content asks for, as anyone can who knows SHA-256. */
function rehash(line: string): string {
  const content = line.replace(/,"hash":"[^"]*"\}$/, '}')
  return `${content.slice(0, -1)},"hash":"${hash('sha256', content, 'base64url')}"}`
}
const hashOf = (line: string): string => /"hash":"([^"]*)"\}$/.exec(line)?.[1] ?? ''
const edit = (line: string): string => line.replace(/"at":"\d{4}/, '"at":"1999')

/** 24 records in four files, closed in good order; `fresh` puts them back as they were. */
async function pristine(): Promise<{ fresh: () => Promise<Chain>; count: number }> {
  const directory = await newDirectory()
  await writeLedger(ledgerOptions(directory, key, { maxFileBytes: 1_500 }), 20)
  const chain = await new Chain(directory).load()
  expect(new Set(chain.lines.map((line) => line.file)).size).toBe(4)
  const names = [...(await chain.files()), 'gateway.head']
  const files = new Map(
    await Promise.all(names.map(async (name) => [name, await readFile(join(directory, name))] as const)),
  )
  return {
    count: chain.lines.length,
    fresh: async () => {
      for (const [name, bytes] of files) await writeFile(join(directory, name), bytes)
      return new Chain(directory).load()
    },
  }
}

type Lines = Chain['lines']

interface Tampering {
  /** `index` is that of the line to be named, where it is still there. */
  readonly expected: { readonly kind: FaultKind; readonly seq: number | null; readonly index?: number }
  readonly apply: (lines: Lines) => void
}

function lineAt(lines: Lines, index: number): Lines[number] {
  const found = lines[index]
  if (!found) throw new Error(`no line ${index}`)
  return found
}

/** Every way to touch single records, with what an auditor must be told. Indexes from 0: record i+1. */
function tamperings(count: number): fc.Arbitrary<Tampering> {
  const one = fc.nat({ max: count - 1 })
  const two = fc.tuple(one, one).filter(([i, j]) => i < j)
  const rewrite = (kind: FaultKind, change: (line: string) => string): fc.Arbitrary<Tampering> =>
    one.map((i) => ({
      expected: { kind, seq: i + 1, index: i },
      apply: (lines) => {
        const line = lineAt(lines, i)
        line.text = change(line.text)
      },
    }))

  return fc.oneof(
    rewrite('edited', edit),
    rewrite('edited', (line) => rehash(edit(line))),
    rewrite('edited', (line) => rehash(line.replace(/"seq":(\d+)/, '"seq":7$1'))),
    rewrite('edited', (line) => rehash(line.replace(/"prev":"..../, '"prev":"evil'))),
    rewrite('unreadable', (line) => 'x'.repeat(line.length)),
    // Everything from record i on recomputed: only the signed head knows better.
    one.map((i) => ({
      expected: { kind: 'edited' as const, seq: count, index: count - 1 },
      apply: (lines: Lines) => {
        lineAt(lines, i).text = rehash(edit(lineAt(lines, i).text))
        for (let j = i + 1; j < count; j++) {
          const prev = hashOf(lineAt(lines, j - 1).text)
          const line = lineAt(lines, j)
          line.text = rehash(line.text.replace(/"prev":"[^"]*"/, `"prev":"${prev}"`))
        }
      },
    })),
    two.map(([i, j]) => ({
      expected: { kind: 'deleted' as const, seq: i + 1 },
      apply: (lines: Lines) => void lines.splice(i, j - i),
    })),
    one.map((i) => ({
      expected: { kind: 'truncated' as const, seq: i + 1 },
      apply: (lines: Lines) => void lines.splice(i),
    })),
    two.map(([i, j]) => ({
      expected: { kind: 'reordered' as const, seq: i + 1, index: i },
      apply: (lines: Lines) => {
        const [first, second] = [lineAt(lines, i), lineAt(lines, j)]
        ;[first.text, second.text] = [second.text, first.text]
      },
    })),
    // A copy further on.
    two.map(([i, j]) => ({
      expected: { kind: 'inserted' as const, seq: i + 1, index: j },
      apply: (lines: Lines) => void lines.splice(j, 0, { ...lineAt(lines, j), text: lineAt(lines, i).text }),
    })),
    // A copy further up, before the record that belongs there.
    two.map(([i, j]) => ({
      expected: { kind: 'inserted' as const, seq: j + 1, index: i },
      apply: (lines: Lines) => void lines.splice(i, 0, { ...lineAt(lines, i), text: lineAt(lines, j).text }),
    })),
    // A forged record that fits what stands before it, with a hash that fits its content.
    two.map(([, i]) => ({
      expected: { kind: 'inserted' as const, seq: i + 1, index: i },
      apply: (lines: Lines) => {
        const before = lineAt(lines, i - 1)
        const forged = `{"seq":${i + 1},"at":"2026-01-01T00:00:00.000Z","event":"gateway.stopped","prev":"${hashOf(before.text)}","hash":""}`
        lines.splice(i, 0, { ...before, text: rehash(forged) })
      },
    })),
    one.map((i) => ({
      expected: { kind: 'inserted' as const, seq: null, index: i },
      apply: (lines: Lines) => void lines.splice(i, 0, { ...lineAt(lines, i), text: 'not a record' }),
    })),
  )
}

describe('a ledger that nobody touched', () => {
  it('verifies, over several files, with every record signed for', async () => {
    const { fresh, count } = await pristine()
    const { directory } = await fresh()
    const report = await verifyLedger({ directory, publicKey })
    expect(report).toMatchObject({
      ok: true,
      records: count,
      chains: [
        {
          writer: 'gateway',
          files: 4,
          records: count,
          signedUpTo: count,
          unsigned: 0,
          fault: null,
          warnings: [],
        },
      ],
    })
  })
})

describe('a ledger in which single records were touched', () => {
  it('never verifies, and the report names what was done, and where', async () => {
    const { fresh, count } = await pristine()
    await fc.assert(
      fc.asyncProperty(tamperings(count), async ({ expected, apply }) => {
        const chain = await fresh()
        const { index, ...rest } = expected
        apply(chain.lines)
        const place = index === undefined ? {} : chain.placeOf(index)
        await chain.store()
        const { fault } = await verifyOne(chain.directory, publicKey)
        expect(fault).toMatchObject({ ...rest, ...place })
        expect(fault?.sentence).toMatch(/^[A-Z].*\.$/)
      }),
      { numRuns: 300 },
    )
  })

  it('never verifies after any single byte was changed, and the report names its line', async () => {
    const { fresh } = await pristine()
    const files = await (await fresh()).files()
    await fc.assert(
      fc.asyncProperty(
        fc.constantFrom(...files),
        fc.nat(),
        fc.integer({ min: 1, max: 255 }),
        async (file, at, flip) => {
          const { directory } = await fresh()
          const bytes = await readFile(join(directory, file))
          const place = at % bytes.length
          const line = bytes.subarray(0, place).toString('latin1').split('\n').length
          bytes[place] = (bytes[place] ?? 0) ^ flip
          await writeFile(join(directory, file), bytes)
          const { fault } = await verifyOne(directory, publicKey)
          expect(fault).toMatchObject({ file, line })
          expect(['edited', 'unreadable', 'truncated']).toContain(fault?.kind)
        },
      ),
      { numRuns: 150 },
    )
  })

  it('never verifies after the end was cut off at any byte', async () => {
    const { fresh } = await pristine()
    const last = (await (await fresh()).files()).at(-1) ?? ''
    await fc.assert(
      fc.asyncProperty(fc.nat(), async (at) => {
        const { directory } = await fresh()
        const path = join(directory, last)
        const text = await readFile(path, 'latin1')
        const length = at % text.length
        await truncate(path, length)
        const whole = text.slice(0, length).split('\n').length - 1
        const firstOfFile = Number(/"seq":(\d+)/.exec(text)?.[1])
        const { fault } = await verifyOne(directory, publicKey)
        expect(fault).toMatchObject({ kind: 'truncated', seq: firstOfFile + whole })
      }),
      { numRuns: 100 },
    )
  })
})

describe('a ledger in which files were touched', () => {
  it('misses a file from the middle, and says which', async () => {
    const { fresh } = await pristine()
    const { directory, lines } = await fresh()
    await rm(join(directory, 'gateway-000002.jsonl'))
    const gone = lines.findIndex((line) => line.file === 'gateway-000002.jsonl') + 1
    const { fault } = await verifyOne(directory, publicKey)
    expect(fault).toMatchObject({ kind: 'deleted', file: 'gateway-000003.jsonl', line: 1, seq: gone })
    expect(fault?.sentence).toContain('gateway-000002.jsonl is gone')
  })

  it('misses the first file, the last file, and all of them', async () => {
    const { fresh } = await pristine()
    const first = await fresh()
    await rm(join(first.directory, 'gateway-000001.jsonl'))
    expect((await verifyOne(first.directory, publicKey)).fault).toMatchObject({ kind: 'deleted', seq: 1 })

    const last = await fresh()
    await rm(join(last.directory, 'gateway-000004.jsonl'))
    expect((await verifyOne(last.directory, publicKey)).fault).toMatchObject({
      kind: 'deleted',
      file: 'gateway-000004.jsonl',
      line: null,
    })

    const all = await fresh()
    for (const file of await all.files()) await rm(join(all.directory, file))
    expect((await verifyOne(all.directory, publicKey)).fault).toMatchObject({ kind: 'deleted', seq: 1 })
  })

  it('misses the head, and does not believe one that was edited, unsigned or signed by another key', async () => {
    const { fresh } = await pristine()
    const gone = await fresh()
    await rm(join(gone.directory, 'gateway.head'))
    expect((await verifyOne(gone.directory, publicKey)).fault).toMatchObject({
      kind: 'deleted',
      file: 'gateway.head',
    })

    const edited = await fresh()
    const path = join(edited.directory, 'gateway.head')
    const head = await readFile(path, 'utf8')
    for (const false_ of [
      head.replace(/"seq":\d+/, '"seq":3'),
      head.replace(/,"signature":"[^"]*"/, ''),
      '',
      '{',
      'x'.repeat(10_000),
    ]) {
      await writeFile(path, false_)
      expect((await verifyOne(edited.directory, publicKey)).fault).toMatchObject({
        kind: 'edited',
        file: 'gateway.head',
      })
    }

    const other = await verifyOne((await fresh()).directory, newLedgerKey().publicKey)
    expect(other).toMatchObject({ signedUpTo: null, fault: { kind: 'edited', file: 'gateway.head' } })
  })

  it('names a bad record before it names a bad head', async () => {
    const { fresh } = await pristine()
    const chain = await fresh()
    await rm(join(chain.directory, 'gateway.head'))
    chain.lines.splice(4, 1)
    await chain.store()
    expect((await verifyOne(chain.directory, publicKey)).fault).toMatchObject({ kind: 'deleted', seq: 5 })
  })

  it('shows files and heads that were swapped between two writers', async () => {
    const swap = async (a: string, b: string): Promise<void> => {
      await rename(a, `${a}.x`)
      await rename(b, a)
      await rename(`${a}.x`, b)
    }
    for (const [file, kind] of [
      ['-000001.jsonl', 'inserted'],
      ['-000002.jsonl', 'inserted'],
      ['.head', 'edited'],
    ] as const) {
      const directory = await newDirectory()
      for (const writer of ['north', 'south']) {
        await writeLedger(ledgerOptions(directory, key, { writer, maxFileBytes: 1_500 }), 20)
      }
      await swap(join(directory, `north${file}`), join(directory, `south${file}`))
      const { ok, chains } = await verifyLedger({ directory, publicKey })
      expect(ok).toBe(false)
      expect(chains.map(({ writer, fault }) => ({ writer, kind: fault?.kind, file: fault?.file }))).toEqual([
        { writer: 'north', kind, file: `north${file}` },
        { writer: 'south', kind, file: `south${file}` },
      ])
    }
  })

  it('shows a whole chain renamed to another writer', async () => {
    const { fresh } = await pristine()
    const { directory } = await fresh()
    for (const file of ['-000001.jsonl', '-000002.jsonl', '-000003.jsonl', '-000004.jsonl', '.head']) {
      await rename(join(directory, `gateway${file}`), join(directory, `other${file}`))
    }
    expect((await verifyOne(directory, publicKey)).fault).toMatchObject({
      kind: 'inserted',
      file: 'other-000001.jsonl',
      line: 1,
    })
  })

  it('shows a file of an earlier chain of the same writer', async () => {
    const [old, current] = [await newDirectory(), await newDirectory()]
    for (const directory of [old, current])
      await writeLedger(ledgerOptions(directory, key, { maxFileBytes: 1_500 }), 20)
    await cp(join(old, 'gateway-000002.jsonl'), join(current, 'gateway-000002.jsonl'))
    expect((await verifyOne(current, publicKey)).fault).toMatchObject({
      kind: 'inserted',
      file: 'gateway-000002.jsonl',
      line: 1,
    })
  })

  it('shows older files under the newest head', async () => {
    const directory = await newDirectory()
    await writeLedger(ledgerOptions(directory, key), 5)
    const older = await readFile(join(directory, 'gateway-000001.jsonl'))
    await writeLedger(ledgerOptions(directory, key), 5)
    await writeFile(join(directory, 'gateway-000001.jsonl'), older)
    expect((await verifyOne(directory, publicKey)).fault).toMatchObject({ kind: 'truncated', seq: 7 })
  })

  it('cannot show a whole earlier state, head included: only a copy elsewhere can', async () => {
    const [directory, earlier] = [await newDirectory(), await newDirectory()]
    await writeLedger(ledgerOptions(directory, key), 5)
    await cp(directory, earlier, { recursive: true })
    await writeLedger(ledgerOptions(directory, key), 5)
    expect(await verifyLedger({ directory: earlier, publicKey })).toMatchObject({ ok: true, records: 6 })
  })
})

describe('what stands behind the signed head', () => {
  it('is counted when it is well chained', async () => {
    const directory = await newDirectory()
    await writeLedger(ledgerOptions(directory, key), 5)
    const head = await readFile(join(directory, 'gateway.head'))
    await writeLedger(ledgerOptions(directory, key), 3)
    await writeFile(join(directory, 'gateway.head'), head)
    expect(await verifyOne(directory, publicKey)).toMatchObject({
      records: 9,
      signedUpTo: 6,
      unsigned: 3,
      fault: null,
    })
  })

  it('is a warning, not a fault, when a crash cut it short', async () => {
    const directory = await newDirectory()
    await writeLedger(ledgerOptions(directory, key), 5)
    await writeFile(join(directory, 'gateway-000001.jsonl'), '{"seq":7,"at":"20', { flag: 'a' })
    const report = await verifyLedger({ directory, publicKey })
    expect(report).toMatchObject({ ok: true, records: 6, chains: [{ unsigned: 0, fault: null }] })
    expect(report.chains[0]?.warnings[0]).toMatch(/last 17 bytes, from line 7/)
  })

  it('is a fault when more files follow, which no crash can bring about', async () => {
    const directory = await newDirectory()
    await writeLedger(ledgerOptions(directory, key), 5)
    await writeFile(join(directory, 'gateway-000001.jsonl'), 'garbage\n', { flag: 'a' })
    await writeFile(join(directory, 'gateway-000002.jsonl'), '')
    expect((await verifyOne(directory, publicKey)).fault).toMatchObject({ kind: 'unreadable', line: 7 })
  })
})

describe('verifying', () => {
  it('calls an empty directory no ledger, and refuses one that is not there', async () => {
    const directory = await newDirectory()
    expect(await verifyLedger({ directory, publicKey })).toEqual({ ok: false, records: 0, chains: [] })
    await expect(verifyLedger({ directory: join(directory, 'none'), publicKey })).rejects.toMatchObject({
      code: 'ledger-invalid',
    })
  })

  it('passes over everything that is not a file of a chain', async () => {
    const { fresh } = await pristine()
    const { directory } = await fresh()
    await mkdir(join(directory, 'evil-000001.jsonl'))
    for (const name of [
      '../x',
      'Gateway-000001.jsonl',
      'gateway-000001.jsonl.torn-1',
      'notes.txt',
      'gateway.lock',
    ]) {
      await writeFile(join(directory, name.replace('/', '_')), 'hello')
    }
    expect(await verifyLedger({ directory, publicKey })).toMatchObject({ ok: true })
  })

  it('goes on while the ledger is being written', async () => {
    const directory = await newDirectory()
    const ledger = await openLedger(ledgerOptions(directory, key, { maxFileBytes: 20_000 }))
    const state = { isWriting: true }
    const write = async (): Promise<void> => {
      for (let number = 0; number < 2_000; number += 20) {
        await Promise.all(Array.from({ length: 20 }, (_, i) => ledger.append(numbered(number + i))))
      }
      state.isWriting = false
    }
    const writing = write()
    while (state.isWriting) {
      const report = await verifyLedger({ directory, publicKey })
      expect(report.chains[0]?.fault).toBeNull()
    }
    await writing
    await ledger.close()
    expect(await verifyLedger({ directory, publicKey })).toMatchObject({ ok: true })
  })

  it('is not choked by a line without an end', async () => {
    const { fresh } = await pristine()
    const { directory } = await fresh()
    await writeFile(join(directory, 'gateway-000002.jsonl'), Buffer.alloc(20 * 2 ** 20, 'x'))
    expect((await verifyOne(directory, publicKey)).fault).toMatchObject({ kind: 'truncated', line: 1 })
  })
})

describe('reading for export', () => {
  const read = async (options: Parameters<typeof readLedger>[0]): Promise<string[]> => {
    const found: string[] = []
    for await (const { writer, seq, event } of readLedger(options)) found.push(`${writer} ${seq} ${event}`)
    return found
  }

  it('gives every record of every writer in order', async () => {
    const directory = await newDirectory()
    for (const writer of ['north', 'south']) await writeLedger(ledgerOptions(directory, key, { writer }), 2)
    expect(await read({ directory })).toEqual(
      ['north', 'south'].flatMap((writer) => [
        `${writer} 1 ledger.begun`,
        `${writer} 2 grant.bound`,
        `${writer} 3 grant.bound`,
      ]),
    )
  })

  it('selects by time, half open, and by event or family of events', async () => {
    const directory = await newDirectory()
    await writeLedger(ledgerOptions(directory, key), 3)
    const records = []
    for await (const record of readLedger({ directory })) records.push(record)
    const at = Date.parse(records[0]?.at ?? '')
    expect(await read({ directory, until: at })).toEqual([])
    expect(await read({ directory, from: at })).toHaveLength(4)
    expect(await read({ directory, event: 'ledger.begun' })).toEqual(['gateway 1 ledger.begun'])
    expect(await read({ directory, event: 'grant' })).toHaveLength(3)
    expect(await read({ directory, event: 'gran' })).toEqual([])
  })

  it('names a line that is no record, or leaves it out on demand', async () => {
    const { fresh } = await pristine()
    for (const bad of ['\u0000\u001b[2J', '[]', 'null', '{"seq":"1"}', '{"at":"yesterday"}', '"__proto__"']) {
      const chain = await fresh()
      const line = chain.lines[3]
      if (line) line.text = bad
      await chain.store()
      await expect(read({ directory: chain.directory })).rejects.toMatchObject({
        code: 'ledger-invalid',
        message: expect.stringContaining('Line 4 of gateway-000001.jsonl'),
      })
      const skipped: string[] = []
      const found = await read({
        directory: chain.directory,
        onBadLine: (file, at) => skipped.push(`${file}:${at}`),
      })
      expect(skipped).toEqual(['gateway-000001.jsonl:4'])
      expect(found).toHaveLength(chain.lines.length - 1)
    }
  })

  it('passes over the line that a running writer has not finished', async () => {
    const directory = await newDirectory()
    await writeLedger(ledgerOptions(directory, key), 2)
    await writeFile(join(directory, 'gateway-000001.jsonl'), '{"seq":4,', { flag: 'a' })
    expect(await read({ directory })).toHaveLength(3)
  })
})
