import fc from 'fast-check'
import { chooseLanguage, languages } from '../../src/lib/index.js'

describe('the language of a page', () => {
  it.each<[string, string | undefined, string | undefined, string]>([
    ['nothing is known', undefined, undefined, 'en'],
    ['the browser prefers one of ours', undefined, 'de-AT,de;q=0.9,en;q=0.5', 'de'],
    ['the browser prefers another one and then one of ours', undefined, 'fr,de;q=0.4,en;q=0.3', 'de'],
    ['the browser prefers none of ours', undefined, 'fr-CH,it;q=0.9', 'en'],
    ['the browser wants it not at all', undefined, 'de;q=0', 'en'],
    ['the person has chosen', 'en', 'de', 'en'],
    ['what was chosen is none of ours', 'xx', 'de', 'de'],
    ['what was chosen is the name of a property', '__proto__', undefined, 'en'],
    ['the header is endless', undefined, `de,${'x'.repeat(2_000)}`, 'en'],
    ['the header is garbage', undefined, ';;;q=,=\u0000', 'en'],
  ])('where %s', (_, chosen, accepted, expected) => {
    expect(chooseLanguage(chosen, accepted)).toBe(expected)
  })

  it('is one of ours, whatever is sent', () => {
    fc.assert(
      fc.property(fc.option(fc.string(), { nil: undefined }), fc.string(), (chosen, accepted) => {
        expect(languages).toContain(chooseLanguage(chosen, accepted))
      }),
    )
  })
})
