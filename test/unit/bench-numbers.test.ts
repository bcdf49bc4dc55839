import { percentile, rangeOf, slopeOf } from '../../bench/numbers.js'

describe('the statistics of the benchmark', () => {
  it('take the middle of an odd number of values, and the mean of the middle two of an even one', () => {
    expect(rangeOf([9, 1, 4])).toEqual({ median: 4, min: 1, max: 9 })
    expect(rangeOf([9, 1, 4, 5])).toEqual({ median: 4.5, min: 1, max: 9 })
  })

  it('refuse to sum up nothing', () => {
    expect(() => rangeOf([])).toThrow('nothing was measured')
  })

  it('find the value that so many stay below', () => {
    const sorted = Array.from({ length: 200 }, (_, number) => number)
    expect(percentile(sorted, 0.5)).toBe(100)
    expect(percentile(sorted, 0.99)).toBe(198)
    expect(percentile(sorted, 1)).toBe(199)
    expect(percentile([], 0.5)).toBeNaN()
  })

  it('see growth through noise, and none in noise alone', () => {
    const noise = [3, -2, 1, -4, 2, 0, -1, 4, -3, 0]
    const points = (each: number) => noise.map((off, x) => ({ x, y: 100 + each * x + off }))
    expect(slopeOf(points(5))).toBeCloseTo(5, 0)
    expect(Math.abs(slopeOf(points(0)))).toBeLessThan(0.5)
  })
})
