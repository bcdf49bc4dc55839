import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { apiReference } from '../../src/admin/index.js'

const committed = (file: string): string =>
  readFileSync(join(import.meta.dirname, '../../docs/reference', file), 'utf8')

describe('the reference of the JSON API', () => {
  const { page, document } = apiReference()

  it('is what the routes make (otherwise run: npm run reference)', () => {
    expect(committed('api.md')).toBe(page)
    expect(JSON.parse(committed('openapi.json'))).toEqual(document)
  })

  it('refers to nothing that is not in it', () => {
    const { schemas } = document.components as { schemas: Record<string, unknown> }
    const named = [...JSON.stringify(document).matchAll(/"\$ref":"([^"]+)"/g)].map(([, ref = '']) => ref)
    expect(named.length).toBeGreaterThan(0)
    expect(new Set(named)).toEqual(
      new Set(Object.keys(schemas).map((name) => `#/components/schemas/${name}`)),
    )
  })
})
