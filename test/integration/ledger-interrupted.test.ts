import { cp, readFile, rm, truncate, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { openLedger, type LedgerEvent, type LedgerOptions } from '../../src/audit/index.js'
import {
  Chain,
  ledgerOptions,
  newDirectory,
  newLedgerKey,
  numbered,
  recordsOf,
  verifyOne,
} from '../support/ledger.js'

const key = newLedgerKey()
const { publicKey } = key

const decided = (requestId: string, over: object = {}): LedgerEvent => ({
  event: 'request.decided',
  requestId,
  source: '10.1.1.1',
  kind: 'websocket',
  method: 'GET',
  host: 'press-3.plant-access.example',
  path: '/live',
  endpointId: 'press-3',
  principalId: 'p-ana',
  sessionId: 's-1',
  grantId: 'g-1',
  outcome: 'permit',
  reasons: ['grant-active'],
  ...over,
})
const completed = (requestId: string): LedgerEvent => ({
  event: 'request.completed',
  requestId,
  status: 101,
  bytesUp: 1,
  bytesDown: 1,
  durationMs: 5,
  end: 'complete',
  cause: null,
})

/** What a writer leaves that is gone before its streams are over. */
async function leave(options: LedgerOptions, events: readonly LedgerEvent[]): Promise<void> {
  const ledger = await openLedger(options)
  for (const event of events) await ledger.append(event)
  await ledger.close()
}

const interrupted = async (directory: string): Promise<unknown[]> =>
  (await recordsOf(directory, 'stream.interrupted')).map(({ requestId }) => requestId)

describe('a start after a crash', () => {
  it('names what was open, by which right, and since when, once', async () => {
    const directory = await newDirectory()
    const options = ledgerOptions(directory, key)
    await leave(options, [
      decided('r-live'),
      decided('r-done'),
      decided('r-upload', { kind: 'request', method: 'POST', endpointId: 'press-4', grantId: 'g-2' }),
      completed('r-done'),
      decided('r-denied', { outcome: 'deny', reasons: ['grant-ended'] }),
      decided('r-own-page', { endpointId: null, grantId: null }),
    ])
    const begun = (await recordsOf(directory, 'request.decided')).map(({ at }) => at)
    await leave(options, [])
    const right = { principalId: 'p-ana', sessionId: 's-1' }
    expect(await recordsOf(directory, 'stream.interrupted')).toMatchObject([
      {
        requestId: 'r-live',
        kind: 'websocket',
        endpointId: 'press-3',
        grantId: 'g-1',
        beganAt: begun[0],
        ...right,
      },
      {
        requestId: 'r-upload',
        kind: 'request',
        endpointId: 'press-4',
        grantId: 'g-2',
        beganAt: begun[2],
        ...right,
      },
    ])
    await leave(options, [])
    expect(await interrupted(directory)).toEqual(['r-live', 'r-upload'])
    expect(await verifyOne(directory, publicKey)).toMatchObject({ fault: null, unsigned: 0, warnings: [] })
  })

  it('names nothing where all had ended, and nothing of another writer', async () => {
    const directory = await newDirectory()
    await leave(ledgerOptions(directory, key), [decided('r-1'), completed('r-1')])
    await leave(ledgerOptions(directory, key, { writer: 'gateway-2' }), [decided('r-2')])
    await leave(ledgerOptions(directory, key), [])
    expect(await interrupted(directory)).toEqual([])
  })

  it('finds what began many files ago in the newest file alone', async () => {
    const directory = await newDirectory()
    const options = ledgerOptions(directory, key, { maxFileBytes: 2_000 })
    const short = Array.from({ length: 40 }, (_, index) => [decided(`r-${index}`), completed(`r-${index}`)])
    await leave(options, [decided('r-old'), decided('r-older'), ...short.flat(), completed('r-older')])
    const files = await new Chain(directory).files()
    expect(files.length).toBeGreaterThan(5)
    const whole = await newDirectory()
    await cp(directory, whole, { recursive: true })
    // As if archived; and what cannot be read cannot have been needed.
    for (const file of files.slice(0, -1)) await rm(join(directory, file))
    for (const place of [directory, whole]) {
      await leave({ ...options, directory: place }, [])
      expect(await interrupted(place)).toEqual(['r-old'])
    }
    expect(await verifyOne(whole, publicKey)).toMatchObject({ fault: null })
    const [began] = await recordsOf(whole, 'request.decided')
    expect((await recordsOf(whole, 'stream'))[0]).toMatchObject({ event: 'stream.open', beganAt: began?.at })
  })

  it.each([{ maxFileBytes: 1_000_000 }, { maxFileBytes: 1_000 }])(
    'names each all the same when it is itself killed in the middle of that (files of $maxFileBytes bytes)',
    async ({ maxFileBytes }) => {
      const directory = await newDirectory()
      const options = ledgerOptions(directory, key, { maxFileBytes })
      const streams = ['r-1', 'r-2', 'r-3', 'r-4']
      await leave(options, [numbered(1), ...streams.map((id) => decided(id))])
      const head = await readFile(join(directory, 'gateway.head'))
      await leave(options, [])
      const { lines } = await new Chain(directory).load()
      const from = lines.findIndex(({ text }) => text.includes('"stream.interrupted"'))
      for (let kept = from; kept < lines.length; kept += 1) {
        const copy = await newDirectory()
        await cp(directory, copy, { recursive: true })
        await writeFile(join(copy, 'gateway.head'), head)
        const file = lines[kept]?.file ?? ''
        const here = lines.slice(0, kept).filter((line) => line.file === file)
        // In the middle of a line, as a kill leaves it.
        await truncate(join(copy, file), here.reduce((sum, { text }) => sum + text.length + 1, 0) + 20)
        await leave({ ...options, directory: copy }, [])
        expect((await interrupted(copy)).sort()).toEqual(streams)
        await leave({ ...options, directory: copy }, [])
        expect((await interrupted(copy)).sort()).toEqual(streams)
        expect(await verifyOne(copy, publicKey)).toMatchObject({ fault: null, unsigned: 0 })
      }
    },
  )

  it('costs no more than reading the newest file, with thousands open', async () => {
    const directory = await newDirectory()
    const options = ledgerOptions(directory, key)
    const ledger = await openLedger(options)
    await Promise.all(Array.from({ length: 10_000 }, (_, index) => ledger.append(decided(`r-${index}`))))
    await ledger.close()
    const began = performance.now()
    await leave(options, [])
    expect(performance.now() - began).toBeLessThan(3_000)
    expect(await interrupted(directory)).toHaveLength(10_000)
  })
})
