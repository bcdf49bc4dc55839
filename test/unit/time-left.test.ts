import { dueWarning, endWarnings } from '../../src/lib/index.js'

const minute = 60_000
const grant = { until: 1_000 * minute, ending: 'cut' } as const
const language = 'en'
const warnings = endWarnings({ grant, at: grant.until, language })
const dueAt = (leftMs: number): number | null => {
  const due = dueWarning(warnings, leftMs)
  return due === null ? null : due.withinMs / minute
}

describe('the warning that access ends', () => {
  it.each([
    [16 * minute, null],
    [15 * minute + 1, null],
    [15 * minute, 15],
    [5 * minute + 1, 15],
    [5 * minute, 5],
    [minute + 1, 5],
    [minute, 1],
    [1, 1],
    [0, null],
    [-1, null],
    [NaN, null],
  ])('with %s ms left is that of %s minutes', (leftMs, minutes) => {
    expect(dueAt(leftMs)).toBe(minutes)
  })

  it('says what happens at the end of the grant, and that there may be more time', () => {
    for (const { text } of warnings) expect(text).toContain('the connection is cut')
    expect(warnings[0]?.text).toContain('ask your contact at the plant for more time')
  })

  it.each([
    ['drain', 'nothing new starts'],
    ['read-only', 'you may only look'],
  ] as const)('says what the ending %s does', (ending, words) => {
    for (const { text } of endWarnings({ grant: { ...grant, ending }, at: grant.until, language }))
      expect(text).toContain(words)
  })

  it('says to sign in again where it is the session that ends', () => {
    const [first] = endWarnings({ grant, at: grant.until - 1, language })
    expect(first?.text).toContain('signed out')
    expect(first?.text).toContain('sign in again')
    expect(first?.text).not.toContain('more time')
  })
})
