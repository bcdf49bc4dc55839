import { readFile } from 'node:fs/promises'
import { join } from 'node:path'
import { eventMeanings } from '../../src/audit/index.js'

const page = await readFile(join(import.meta.dirname, '../../docs/reference/ledger.md'), 'utf8')
const source = await readFile(join(import.meta.dirname, '../../src/audit/events.ts'), 'utf8')

/** name → [meaning, field names], from the table of the page. */
const documented = new Map(
  [...page.matchAll(/^\| `([a-z-]+\.[a-z-]+)` +\| (.*?) +\| (.*?) *\|$/gm)].map(
    ([, name = '', meaning = '', fields = '']) => [
      name,
      {
        meaning,
        fields: [...fields.matchAll(/`(\w+)`(\??)/g)].map(([, field = '', mark = '']) => field + mark),
      },
    ],
  ),
)

/** The fields of each event as src/audit/events.ts types them. */
function typedFields(): Map<string, string[]> {
  const found = new Map<string, string[]>()
  for (const [, members = ''] of source.matchAll(/\{([^{}]*readonly event:[^{}]*)\}/g)) {
    const names = /readonly event: ([^\n;]*)/.exec(members)?.[1] ?? ''
    const fields = [...members.matchAll(/readonly (\w+)(\??):/g)].map(
      ([, field = '', mark = '']) => field + mark,
    )
    for (const [, name = ''] of names.matchAll(/'([^']+)'/g))
      found.set(
        name,
        fields.filter((field) => field !== 'event'),
      )
  }
  return found
}

describe('the reference of the ledger', () => {
  it('lists exactly the events of the catalogue, with the same meaning', () => {
    const meanings = Object.fromEntries([...documented].map(([name, { meaning }]) => [name, meaning]))
    expect(meanings).toEqual(eventMeanings)
  })

  it('lists exactly the fields of each event', () => {
    expect(Object.fromEntries([...documented].map(([name, { fields }]) => [name, fields]))).toEqual(
      Object.fromEntries(typedFields()),
    )
  })

  it('names each event in a sentence', () => {
    for (const meaning of Object.values(eventMeanings)) expect(meaning).toMatch(/^[A-Z].*\.$/)
  })
})
