import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { jsonSchema } from '../../src/config/index.js'
import { lenientRequests, lenientResponses } from '../../src/model.js'

const page = readFileSync(join(import.meta.dirname, '../../docs/reference/awkward-machines.md'), 'utf8')

/** The parts of the page, by heading. */
const parts = new Map(page.split(/^## /m).map((part) => [part.split('\n', 1)[0] ?? '', part]))

const namesIn = (heading: string): string[] =>
  [...(parts.get(heading) ?? '').matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, name = '']) => name)

describe('the page on awkward machines', () => {
  it('explains every rule that can be lifted, in the order of the code', () => {
    expect(namesIn('The page asks in an odd way')).toEqual(lenientRequests)
    expect(namesIn('The machine answers in an odd way')).toEqual(lenientResponses)
  })

  it('names every option that a machine may need', () => {
    const { properties } = (jsonSchema() as SchemaOfFile).properties.endpoints.items
    const about = ['id', 'name', 'kind', 'zone', 'timeZone', 'maxLength']
    const plain = [...about, 'requestable', 'approval', 'upstream']
    const options = Object.entries(properties).flatMap(([name, { properties: inner = {} }]) =>
      plain.includes(name) ? [] : [name, ...Object.keys(inner)],
    )
    expect(options.length).toBeGreaterThan(25)
    expect(options.filter((name) => !new RegExp(`\\b${name}\\b`).test(page))).toEqual([])
  })

  it('leads from each symptom to a part that is there', () => {
    const anchors = [...parts.keys()].map((heading) => heading.toLowerCase().replaceAll(' ', '-'))
    const links = [...page.matchAll(/\]\(#([a-z-]+)\)/g)].map(([, anchor]) => anchor)
    expect(links.length).toBeGreaterThan(10)
    expect(anchors).toEqual(expect.arrayContaining(links))
  })
})

interface SchemaOfFile {
  readonly properties: {
    readonly endpoints: {
      readonly items: { readonly properties: Readonly<Record<string, { readonly properties?: object }>> }
    }
  }
}
