import { createMatcher, foldText } from '../../src/admin/matching.js'

describe('a search', () => {
  it.each([
    ['', ['anything'], true],
    ['   ', [], true],
    ['press', ['Press 3'], true],
    ['PRESS cara', ['cara@plant.example', 'Press 3'], true],
    ['press cara', ['Press 3', 'ben@plant.example'], false],
    ['garcia', ['Lucía García'], true],
    ['García', ['GARCIA'], true],
    ['lodz', ['Łódź, hall 2'], true],
    ['strasse', ['Hauptstraße'], true],
    ['straße', ['HAUPTSTRASSE'], true],
    ['İstanbul', ['istanbul'], true],
    ['chg-7', [null, 'CHG-71'], true],
    // Nothing has a meaning of its own.
    ['.*', ['anything'], false],
    ['"press 3"', ['press 3'], false],
    ['a|b', ['a'], false],
    ['%', ['100 %'], true],
    ['<b>', ['<B>bold'], true],
    ['👷', ['repair by 👷'], true],
    // Two texts beside each other are not one.
    ['ab', ['a', 'b'], false],
  ] as [string, (string | null)[], boolean][])('for %j in %j fits: %s', (search, texts, expected) => {
    expect(createMatcher(search)(texts)).toBe(expected)
  })

  it('takes no longer for whoever types a lot', () => {
    const long = `needle ${'x '.repeat(100_000)}`
    expect(createMatcher(long)(['needle x'])).toBe(true)
    expect(createMatcher('x'.repeat(10_240))(['x'.repeat(200)])).toBe(true)
  })

  it('is the same however a letter is put together', () => {
    expect(foldText('e\u0301')).toBe(foldText('\u00e9'))
    expect(foldText('ﬁne')).toBe('fine')
  })
})
