import { errorCodes, errorSentence, GatehouseError, languages, type ErrorCode } from '../../src/lib/index.js'
import { wordsTables } from '../support/words.js'

const tables = await wordsTables()

/** What stands at each path: `text`, an element, or how many values a sentence takes. */
function shapeOf(words: unknown, path = ''): [string, string][] {
  if (typeof words === 'function') return [[path, `takes ${String(words.length)}`]]
  if (typeof words === 'string') return [[path, words.trim() === '' ? 'nothing' : 'text']]
  if (typeof words !== 'object' || words === null) return [[path, String(words)]]
  if ('type' in words && 'props' in words) return [[path, 'text']]
  const entries = Object.entries(words)
  return entries.length === 0
    ? [[path, 'nothing']]
    : entries.flatMap(([name, value]) => shapeOf(value, `${path}.${name}`))
}

describe('a message file', () => {
  it('is found for the frame, the front page, the warnings and the answers', () => {
    const names = tables.map(({ name }) => name).join()
    for (const name of ['pageWords', 'homeWords', 'warningWords', 'answerWords'])
      expect(names).toContain(name)
  })

  it.each(tables)('says everything in each language, with the same values: $name', ({ table }) => {
    expect(Object.keys(table)).toEqual([...languages])
    const [first, ...others] = languages.map((language) => new Map(shapeOf(table[language])))
    for (const other of others) expect(Object.fromEntries(other)).toEqual(Object.fromEntries(first ?? []))
    expect([...(first ?? [])].filter(([, shape]) => shape === 'nothing' || shape === 'undefined')).toEqual([])
  })
})

describe('the sentence of an error', () => {
  it('is its own in English, and one for each code in German', () => {
    for (const code of Object.keys(errorCodes) as ErrorCode[]) {
      const error = new GatehouseError(code, 'As it was found.')
      expect(errorSentence(error, 'en')).toBe('As it was found.')
      expect([code, errorSentence(error, 'de')]).toEqual([
        code,
        expect.stringMatching(/^[A-ZÄÖÜ].{10,}[.)]$/),
      ])
    }
  })

  it('keeps what was wrong with a field', () => {
    const error = new GatehouseError('input-invalid', 'reason: must say why', { field: 'reason' })
    expect(errorSentence(error, 'de')).toBe('Diese Angabe wird so nicht angenommen. (reason: must say why)')
  })
})
