import { newCode, readCode, readOneTimeCode } from '../../src/identity/codes.js'

describe('a code that a person types', () => {
  it('has 80 bits in four groups without letters that are mistaken for digits', () => {
    const codes = Array.from({ length: 500 }, newCode)
    for (const code of codes) expect(code).toMatch(/^([0-9A-HJKMNP-TV-Z]{4}-){3}[0-9A-HJKMNP-TV-Z]{4}$/)
    expect(new Set(codes).size).toBe(500)
    expect(new Set(codes.join('')).size).toBe(33) // 32 characters and the dash: none is left out
  })

  it.each([
    '7K2M-9X4P-0QRS-3T5V',
    '7k2m-9x4p-0qrs-3t5v',
    '7k2m9x4p0qrs3t5v',
    ' 7K2M 9X4P 0QRS 3T5V ',
    '7K2M--9X4P - 0QRS-3T5V',
    '7K2M-9X4P-OQRS-3T5V',
    '7K2M-9X4P-oqrs-3t5v',
  ])('is read from %j', (entered) => {
    expect(readCode(entered)).toBe('7K2M9X4P0QRS3T5V')
  })

  it('is read with I and L as 1', () => {
    expect(readCode('ILil-0000-0000-0000')).toBe('1111000000000000')
  })

  it.each([
    '',
    '7K2M-9X4P-0QRS-3T5',
    '7K2M-9X4P-0QRS-3T5VX',
    '7K2M-9X4P-0QRS-3T5U',
    '７K2M-9X4P-0QRS-3T5V',
    '7K2M-9X4P-0QRS-3T5\u0000',
    '7K2M\n9X4P\n0QRS\n3T5V',
    null,
    undefined,
    {},
    ['7K2M-9X4P-0QRS-3T5V'],
    1234567890123456,
  ])('is not read from %j', (entered) => {
    expect(readCode(entered)).toBeNull()
  })
})

describe('a one-time code', () => {
  it.each(['123456', '123 456', ' 123456 ', '1 2 3 4 5 6'])('is read from %j', (entered) => {
    expect(readOneTimeCode(entered)).toBe('123456')
  })

  it.each([
    '',
    '12345',
    '1234567',
    '12345a',
    '-12345',
    '+12345',
    '1e5000',
    '0x1234',
    '12.456',
    '١٢٣٤٥٦',
    '１２３４５６',
    '123456\n',
    '123456\u0000',
    null,
    undefined,
    {},
    { length: 6 },
    ['123456'],
    123456,
    true,
  ])('is not read from %j', (entered) => {
    expect(readOneTimeCode(entered)).toBeNull()
  })

  it('is not looked for in kilobytes', () => {
    for (const filler of ['1', ' ', 'x']) {
      expect(readOneTimeCode(filler.repeat(10_240))).toBeNull()
      expect(readCode(filler.repeat(10_240))).toBeNull()
    }
  })
})
