import { csvText } from '../../src/admin/csv.js'

const cell = (text: string): string => csvText([[text]]).slice(1, -2)

describe('a table for spreadsheets', () => {
  it('begins with a byte order mark, quotes every cell and ends every line', () => {
    expect(csvText([['a', 'b, c'], ['say "x"\nand y']])).toBe('\ufeff"a","b, c"\r\n"say ""x""\nand y"\r\n')
    expect(csvText([])).toBe('\ufeff')
  })

  it.each([
    ['=1+1', `"'=1+1"`],
    ['+1', `"'+1"`],
    ['-1', `"'-1"`],
    ['@SUM(A1)', `"'@SUM(A1)"`],
    ['\t=1', `"'\t'=1"`],
    ['\r=1', `"'\r'=1"`],
    ['＝1', `"'＝1"`],
    // Read where semicolons part cells, these would be two.
    ['a;=1', `"a;'=1"`],
    ['a; "=1', `"a; ""'=1"`],
    ['a\n+1', `"a\n'+1"`],
    ['a-b, c=d; e', '"a-b, c=d; e"'],
    ['2026-11-23T09:00:00.000Z', '"2026-11-23T09:00:00.000Z"'],
    ['', '""'],
  ])('holds no formula: %j is %j', (text, expected) => {
    expect(cell(text)).toBe(expected)
  })
})
