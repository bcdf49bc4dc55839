import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { fieldMessage } from '../../src/admin/words.js'
import { errorSentence, germanRule, GatehouseError } from '../../src/lib/index.js'
import { germanRules } from '../../src/lib/rule-words.js'

const src = join(import.meta.dirname, '../../src')

/** Where the rules are that an administrator's page or the portal can break. */
const places = ['grants', 'lib/plant-time.ts', 'lib/page/date-field.tsx', 'admin/issue.tsx']

/** Every rule that the sources state, with `{}` for what is filled in: as one begins, and the text of an error. */
function rulesOf(place: string): string[] {
  const files = place.includes('.')
    ? [join(src, place)]
    : readdirSync(join(src, place)).map((name) => join(src, place, name))
  return files.flatMap((file) => {
    // What a comment says of a rule is none.
    const text = readFileSync(file, 'utf8').replace(/^\s*(?:\*|\/\*\*|\/\/).*$/gm, '')
    const stated = /(['`])((?:must|may|can|holds|does|is) (?:(?!\1).)*)\1/g
    const refused = /refusal\(\s*'\w+',\s*(['`])((?:(?!\1).)*)\1/g
    const found = [...text.matchAll(stated), ...text.matchAll(refused)].map(([, , rule = '']) => rule)
    return found.map((rule) => rule.replace(/\$\{[^}]*\}/g, '{}'))
  })
}
const rules = [...new Set(places.flatMap(rulesOf))]

/** A rule with numbers for its values, as it is thrown. */
const filled = (rule: string): string => {
  let next = 11
  return rule.replaceAll('{}', () => String((next += 1)))
}

describe('the rules of grants and requests', () => {
  it('are found in the sources', () => {
    expect(rules.length).toBeGreaterThan(50)
    expect(rules).toEqual(
      expect.arrayContaining([
        'must lie in the future',
        'must not lie more than {} after the start',
        'is not clear: in {} the clocks are put back, and show {} twice. Choose a time before or after that',
      ]),
    )
  })

  it.each(rules)('have German: %s', (rule) => {
    expect([rule, germanRule(filled(rule))]).toEqual([rule, expect.any(String)])
  })

  it.each(Object.entries(germanRules))('say the same values in both languages: %s', (english, german) => {
    const valuesOf = (text: string): string[] => filled(text).match(/1[2-9]/g) ?? []
    expect(german.trim()).not.toBe('')
    expect(valuesOf(german)).toEqual(valuesOf(english))
    expect(germanRule(filled(english))).toBe(filled(german))
  })
})

describe('what was wrong with a field, in German', () => {
  const broken = (field: string, rule: string): GatehouseError =>
    new GatehouseError('input-invalid', `${field}: ${rule}`, { field })

  it.each([
    ['reason', 'must say why, in words', 'Der Grund muss in Worten sagen, warum.'],
    [
      'until',
      'must not lie more than 12 h after the start',
      'Das Ende darf nicht mehr als 12 h nach dem Beginn liegen.',
    ],
    [
      'to',
      'must not be longer than 254 characters',
      'Die E-Mail-Adresse darf nicht länger als 254 Zeichen sein.',
    ],
    [
      'groups',
      'must hold ids of configured groups',
      'Diese Angabe muss Gruppen nennen, die es in der Konfiguration gibt.',
    ],
    ['endpoints', 'Choose at least one machine.', 'Wählen Sie mindestens eine Maschine.'],
    ['until', 'must be round', 'Diese Angabe wird so nicht angenommen. (until: must be round)'],
    ['until', '__proto__', 'Diese Angabe wird so nicht angenommen. (until: __proto__)'],
  ])('of %s reads as a sentence: %s', (field, rule, sentence) => {
    expect(fieldMessage(broken(field, rule), 'de')).toBe(sentence)
  })

  it('is the sentence of the code where it is no rule', () => {
    const error = new GatehouseError('person-ambiguous', 'to: more than one account.', { field: 'to' })
    expect(fieldMessage(error, 'de')).toBe(
      'Mit dieser E-Mail-Adresse hat sich mehr als ein Konto angemeldet.',
    )
  })

  it('stands behind the sentence of the code where there is no field to say it at', () => {
    expect(errorSentence(broken('until', 'must lie in the future'), 'de')).toBe(
      'Diese Angabe wird so nicht angenommen. (until: muss in der Zukunft liegen)',
    )
  })
})
