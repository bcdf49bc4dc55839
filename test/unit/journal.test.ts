import { appendFile, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { openJournal, type Journal } from '../../src/lib/index.js'
import { TestClock } from '../support/clock.js'
import { silentLogger } from '../support/logger.js'
import { until } from '../support/until.js'

const hour = 3_600_000

describe('the journal of what has ended', () => {
  let clock: TestClock
  let folder: string
  let file: string
  let revived: string[]
  const open = (isReadOnly = false): Promise<Journal> =>
    openJournal({
      file,
      isReadOnly,
      clock,
      logger: silentLogger,
      sessionsKeptMs: 12 * hour,
      onRevived: (kind, id) => revived.push(`${kind} ${id}`),
    })

  beforeEach(async () => {
    clock = new TestClock()
    folder = await mkdtemp(join(tmpdir(), 'gatehouse-journal-'))
    file = join(folder, 'ended.jsonl')
    revived = []
  })
  afterEach(() => rm(folder, { recursive: true }))

  it('knows at once, and after a restart', async () => {
    const journal = await open()
    const added = journal.add('grant', 'g-1')
    expect(journal.hasEnded('grant', 'g-1')).toBe(true)
    expect(journal.hasEnded('session', 'g-1')).toBe(false)
    await added
    // As after a kill: not closed.
    const next = await open()
    expect(next.hasEnded('grant', 'g-1')).toBe(true)
    expect(next.list('grant')).toEqual(['g-1'])
    await Promise.all([journal.close(), next.close()])
  })

  it('writes each once, however many are added at a time', async () => {
    const journal = await open()
    const ids = Array.from({ length: 500 }, (_, at) => `s-${at}`)
    await Promise.all([...ids, ...ids].map((id) => journal.add('session', id)))
    const lines = (await readFile(file, 'utf8')).split('\n').filter((line) => line !== '')
    expect(lines.map((line) => (JSON.parse(line) as { id: string }).id)).toEqual(ids)
    await journal.close()
  })

  it('reports what comes back, once, and not what is still on its way', async () => {
    const journal = await open()
    await journal.add('grant', 'g-1')
    expect(journal.hasEnded('grant', 'g-1')).toBe(true)
    expect(revived).toEqual([])
    await clock.advance({ seconds: 6 })
    expect(journal.hasEnded('grant', 'g-1')).toBe(true)
    expect(journal.hasEnded('grant', 'g-1')).toBe(true)
    expect(revived).toEqual(['grant g-1'])
    await journal.close()
  })

  // They were kept for good, and all of them were read at each start and after each doubt: while that ran, longer each
  // month, nothing was proved and nobody was let in.
  it('forgets a first use once no grant can run on from it, and not before', async () => {
    const journal = await open()
    await journal.add('first-use', 'g-1')
    await clock.advance({ hours: 366 * 24 })
    await journal.add('first-use', 'g-2')
    expect(journal.list('first-use')).toEqual(['g-1', 'g-2'])
    await clock.advance({ hours: 48 })
    await journal.add('first-use', 'g-3')
    expect(journal.list('first-use')).toEqual(['g-2', 'g-3'])
    await journal.close()
    const next = await open()
    expect(next.list('first-use')).toEqual(['g-2', 'g-3'])
    await next.close()
  })

  it('forgets sessions that would have ended by now, and no grant', async () => {
    const journal = await open()
    await journal.add('session', 's-1')
    await journal.add('grant', 'g-1')
    await clock.advance({ hours: 13 })
    await journal.add('session', 's-2')
    expect(journal.list('session')).toEqual(['s-2'])
    await journal.close()
    const next = await open()
    expect(next.list('session')).toEqual(['s-2'])
    expect(next.list('grant')).toEqual(['g-1'])
    await next.close()
  })

  it.each([
    '{"kind":"gra',
    '\0\0\0',
    '[]',
    '{"kind":"pass","id":"x","at":1}',
    '{"kind":"grant","id":7,"at":1}',
  ])('reads on after a line that is %j', async (line) => {
    await writeFile(file, `${JSON.stringify({ kind: 'grant', id: 'g-1', at: clock.now() })}\n${line}\n`)
    const journal = await open()
    await journal.add('grant', 'g-2')
    await journal.close()
    const next = await open()
    expect(next.list('grant')).toEqual(['g-1', 'g-2'])
    await next.close()
  })

  it('writes on a line of its own after one that a crash cut off', async () => {
    await appendFile(file, `{"kind":"grant","id":"g-1"`)
    const journal = await open()
    await journal.add('grant', 'g-2')
    await journal.close()
    expect((await open(true)).list('grant')).toEqual(['g-2'])
  })

  it('takes back a lockdown, and not one that began later', async () => {
    const journal = await open()
    await journal.add('lockdown', 'all', 100)
    await journal.lift('all', 90)
    expect(journal.since('lockdown', 'all')).toBe(100)
    await journal.lift('all', 110)
    expect(journal.since('lockdown', 'all')).toBeNull()
    await journal.add('lockdown', 'all', 120)
    await journal.close()
    const next = await open()
    expect(next.since('lockdown', 'all')).toBe(120)
    await next.close()
  })

  it('holds the last end of a release, which may be given again in between', async () => {
    const journal = await open()
    const at = clock.now()
    await journal.add('release', 'g-1 s-1', at)
    await journal.add('release', 'g-1 s-1', at - 10)
    expect(journal.since('release', 'g-1 s-1')).toBe(at)
    await journal.add('release', 'g-1 s-1', at + 20)
    await journal.close()
    const next = await open()
    expect(next.since('release', 'g-1 s-1')).toBe(at + 20)
    await next.close()
  })

  it('tells what another process adds, once, and nothing of its own', async () => {
    const [ours, theirs] = await Promise.all([open(), open()])
    const told: string[] = []
    const stop = ours.follow((kind, id) => told.push(`${kind} ${id}`))
    await ours.add('grant', 'g-own')
    await theirs.add('grant', 'g-1')
    await theirs.add('lockdown', 'all')
    await until('both are told', () => told.length === 2)
    expect(told).toEqual(['grant g-1', 'lockdown all'])
    expect(ours.hasEnded('grant', 'g-1')).toBe(true)
    // Taken back before it was told.
    await theirs.add('lockdown', 'endpoint:press-3', 100)
    await theirs.lift('endpoint:press-3', 110)
    await theirs.lift('all', clock.now() + 1)
    // A line that is still being written is told when it is whole.
    await appendFile(file, '{"kind":"grant","id":"g-2",')
    await new Promise((resolve) => setTimeout(resolve, 600))
    await appendFile(file, `"at":${clock.now()}}\n`)
    await until('the third is told', () => told.length === 3)
    expect(told.at(-1)).toBe('grant g-2')
    expect(ours.list('lockdown')).toEqual([])
    stop()
    await Promise.all([ours.close(), theirs.close()])
  })

  it('makes no file for who only looks', async () => {
    const journal = await open(true)
    await journal.add('grant', 'g-1')
    expect(journal.hasEnded('grant', 'g-1')).toBe(true)
    await journal.close()
    await expect(readFile(file)).rejects.toThrow('ENOENT')
  })

  it('is refused, with a code, where it can be neither read nor made', async () => {
    file = join(folder, 'no-such-folder', 'ended.jsonl')
    await expect(open()).rejects.toMatchObject({ code: 'ledger-unavailable' })
  })
})
