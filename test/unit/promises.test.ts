import { trials } from '../promises/catalogue.js'
import { judge, promises, type Measured, type Trial } from '../promises/claims.js'
import { readReadme, wordClaim, wordTable } from '../promises/report.js'

const claims = trials.flatMap((trial) => Object.values(trial.claims))
const trial = (missing: Record<string, string> = {}): Trial => ({
  name: 'some',
  claims: {
    cut: { promise: 'R1', fault: 'something ends', atMost: 1_000, unit: 'ms' },
    late: { promise: 'R1', fault: 'something ends: let through', atMost: 0, unit: 'requests' },
  },
  missing: () => missing,
  prepare: () => Promise.reject(new Error('nothing is run here')),
})

describe('what is measured of the promises', () => {
  it('leaves none out', () => {
    expect(new Set(claims.map(({ promise }) => promise))).toEqual(new Set(promises))
  })

  it('says of each thing once', () => {
    const said = claims.map((claim) => wordClaim(claim).join(' '))
    expect(new Set(said).size).toBe(said.length)
  })

  it('is what the README says was measured, in words and bounds', () => {
    const rows = readReadme()
      .split('\n')
      .map((line) => line.split('|').map((cell) => cell.trim()))
      .filter(([, promise]) => promises.some((name) => name === promise))
      .map(([, ...cells]) => cells.slice(0, 3).join(' | '))
    expect(rows.toSorted()).toEqual(claims.map((claim) => wordClaim(claim).join(' | ')).toSorted())
  })
})

describe('a verdict', () => {
  const judged = (rounds: Measured[], of = trial(), problem: string | null = null) =>
    judge(of, rounds, 2, problem).map(({ holds, worst }) => ({ holds, worst }))

  it('is by the worst round', () => {
    expect(
      judged([
        { cut: 10, late: 0 },
        { cut: 1_000, late: 0 },
      ]),
    ).toEqual([
      { holds: true, worst: 1_000 },
      { holds: true, worst: 0 },
    ])
    expect(
      judged([
        { cut: 1_001, late: 0 },
        { cut: 10, late: 1 },
      ]),
    ).toEqual([
      { holds: false, worst: 1_001 },
      { holds: false, worst: 1 },
    ])
  })

  it.each([
    [
      'never came',
      [
        { cut: Infinity, late: 0 },
        { cut: 1, late: 0 },
      ],
    ],
    [
      'was no figure',
      [
        { cut: NaN, late: 0 },
        { cut: 1, late: 0 },
      ],
    ],
    ['was measured in one round of two', [{ late: 0 }, { cut: 1, late: 0 }]],
    ['was not measured at all', []],
  ] as const)('is bad of what %s', (_, rounds) => {
    expect(judged([...rounds])[0]).toMatchObject({ holds: false })
  })

  it('says why nothing was measured, and that is no failure', () => {
    const of = trial({ cut: 'needs root' })
    const verdicts = judge(of, [{ late: 0 }, { late: 0 }], 2, null)
    expect(verdicts.map(({ holds }) => holds)).toEqual([true, true])
    expect(wordTable(verdicts)).toContain('skipped: needs root')
  })
})
