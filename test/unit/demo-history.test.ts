import { aggregate, csvRows, historyBeganAt, historyTags, historyValue } from '../../demo/plant/history.js'

const day = Date.UTC(2026, 2, 3)

describe('the history of the plant', () => {
  it('is the same for everyone who asks', () => {
    for (const tag of historyTags) {
      const first = Array.from({ length: 50 }, (_, index) => historyValue(tag, day + index * 7_777_777))
      const again = Array.from({ length: 50 }, (_, index) => historyValue(tag, day + index * 7_777_777))
      expect(again).toEqual(first)
      expect(new Set(first).size).toBeGreaterThan(5)
    }
  })

  it('stays within the scale of each tag', () => {
    const outside = historyTags.flatMap((tag) =>
      Array.from({ length: 2_800 }, (_, index) => historyValue(tag, day + index * 61_000)).filter(
        (value) => !(value >= tag.low && value <= tag.high),
      ),
    )
    expect(outside).toEqual([])
  })

  it('gives for each step a smallest, mean and largest value in that order', () => {
    for (const tag of historyTags) {
      const points = aggregate(tag, day, day + 3_600_000, 60_000)
      expect(points).toHaveLength(60)
      for (const { minimum, average, maximum } of points) {
        expect(minimum).toBeLessThanOrEqual(average)
        expect(average).toBeLessThanOrEqual(maximum)
      }
    }
  })
})

describe('the CSV export', () => {
  it('ends with the row that reaches the asked size, in pieces, byte for byte the same', () => {
    const table = (): Buffer[] => [...csvRows(historyTags, historyBeganAt, 1_000, { bytes: 400_000 })]
    const chunks = table()
    const text = Buffer.concat(chunks)
    expect(chunks.length).toBeGreaterThan(5)
    expect(text.length).toBeGreaterThanOrEqual(400_000)
    expect(text.length).toBeLessThan(400_080)
    expect(Buffer.concat(table()).equals(text)).toBe(true)
    const lines = text.toString('utf8').split('\r\n')
    expect(lines[0]).toBe('time,tag,value,unit,quality')
    expect(lines.at(-1)).toBe('')
    for (const line of lines.slice(1, -1)) {
      expect(line).toMatch(/^2024-01-01T\d\d:\d\d:\d\d\.000Z,[A-Z0-9]+\.[A-Z]+-\d+,-?\d+(\.\d+)?,[^,]+,good$/)
    }
  })

  it('ends at the asked instant', () => {
    const [tag] = historyTags
    if (!tag) throw new Error('no tags')
    const text = Buffer.concat([...csvRows([tag], day, 60_000, { at: day + 600_000 })]).toString('utf8')
    expect(text.trim().split('\r\n')).toHaveLength(11)
  })

  it('makes nothing before somebody reads', () => {
    const rows = csvRows(historyTags, historyBeganAt, 1_000, { bytes: 1e12 })
    expect(rows.next().value?.length).toBeLessThan(80_000)
    rows.return(undefined)
  })
})
