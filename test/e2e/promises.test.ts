import { execFile } from 'node:child_process'
import { join } from 'node:path'
import type { Verdict } from '../promises/claims.js'

const root = join(import.meta.dirname, '../..')

interface Finished {
  readonly status: number
  readonly out: string
  readonly err: string
}

function measure(...argv: string[]): Promise<Finished> {
  const loader = join(root, 'test/support/typescript.mjs')
  const args = ['--import', loader, join(root, 'test/promises/run.ts'), ...argv]
  return new Promise((resolve) => {
    execFile(process.execPath, args, { maxBuffer: 2 ** 26 }, (error, out, err) => {
      const status = error === null ? 0 : typeof error.code === 'number' ? error.code : 1
      resolve({ status, out, err })
    })
  })
}

function verdictsOf({ out }: Finished): Verdict[] {
  return (JSON.parse(out) as { verdicts: Verdict[] }).verdicts
}

/** Figures are the command's own matter, on a quiet computer: this is one round, beside other tests. */
describe('npm run test:promises', () => {
  it('measures every promise, and finds that nothing passes that must not', async () => {
    const { status, out, err } = await measure('--runs', '1', '--json')
    const verdicts = verdictsOf({ status, out, err })
    expect(status).toBe(verdicts.every(({ holds }) => holds) ? 0 : 1)
    // How long an end took depends on what else runs here; that it came, and that nobody got in after it, does not.
    const broken = verdicts.filter(
      ({ unit, worst, skipped, holds, problem }) =>
        problem !== null ||
        (skipped === null && (worst === null || worst === Infinity)) ||
        (unit !== 'ms' && !holds),
    )
    const told = broken.map(({ fault, worst, problem }) => ({ fault, worst, problem }))
    expect({ told, err: told.length > 0 ? err : '' }).toEqual({ told: [], err: '' })
  }, 300_000)

  it.each([
    [['--runs', '0'], '--runs takes a number from 1 on'],
    [['--only', 'R9'], 'there is no promise or trial called R9'],
    [['--write', '--only', 'R1'], '--write takes the whole table'],
    [['--nonsense'], 'Unknown option'],
  ])('refuses %j', async (argv, problem) => {
    const { status, err } = await measure(...argv)
    expect(status).toBe(2)
    expect(err).toContain(problem)
    expect(err).toContain('Usage: npm run test:promises')
  })
})
