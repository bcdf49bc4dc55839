import { readdir, readFile } from 'node:fs/promises'
import { createRequire } from 'node:module'
import { join } from 'node:path'
import { cruise, type ICruiseOptions, type ICruiseResult, type IForbiddenRuleType } from 'dependency-cruiser'

const require = createRequire(import.meta.url)
const root = join(import.meta.dirname, '../..')
const planted = join(root, 'test/support/fixtures/bad-imports')
const config = require('../../.dependency-cruiser.cjs') as {
  forbidden: IForbiddenRuleType[]
  options: ICruiseOptions
}
const { dependencies } = require('../../package.json') as { dependencies: Record<string, string> }

interface Breach {
  readonly file: string
  readonly rule: string
  readonly text: string
}

describe('the imports of src', () => {
  it('go down only, stay at home, and pass through an index', async () => {
    const { breaches, files } = await judge(root)
    expect(breaches.map((breach) => breach.text)).toEqual([])
    expect(files).toEqual(expect.arrayContaining(['src/model.ts', 'src/policy/index.ts', 'src/lib/index.ts']))
  })

  it('give each runtime dependency one home', () => {
    const homes = config.forbidden.flatMap(({ name }) => (name?.startsWith('home-') ? [name.slice(5)] : []))
    expect(homes.sort()).toEqual(Object.keys(dependencies).sort())
  })
})

describe('the rules about imports', () => {
  it('name each planted breach, and nothing else', async () => {
    const { breaches } = await judge(planted)
    expect(breaches.map(({ file, rule }) => `${file}: ${rule}`).sort()).toEqual(
      (await plantedBreaches()).sort(),
    )
  })

  it('each have a planted breach', async () => {
    const broken = new Set((await plantedBreaches()).map((breach) => breach.split(': ')[1]))
    expect([...broken].sort()).toEqual(config.forbidden.map((rule) => rule.name).sort())
  })
})

async function judge(baseDir: string): Promise<{ breaches: Breach[]; files: string[] }> {
  const { enhancedResolveOptions, ...options } = config.options
  const { output } = await cruise(
    ['src'],
    { ...options, baseDir, validate: true, ruleSet: { forbidden: config.forbidden } },
    { ...enhancedResolveOptions, bustTheCache: true },
  )
  const { summary, modules } = output as ICruiseResult
  return {
    files: modules.map((module) => module.source),
    breaches: summary.violations.map(({ rule, from, to, comment }) => ({
      file: from,
      rule: rule.name,
      text: `${rule.name}: ${from} imports ${to}${comment === undefined ? '' : `, but ${comment}`}`,
    })),
  }
}

/** `file: rule` for each rule named behind an import of the planted tree. */
async function plantedBreaches(): Promise<string[]> {
  const entries = await readdir(join(planted, 'src'), { recursive: true, withFileTypes: true })
  const files = entries.filter((entry) => entry.isFile()).map((entry) => join(entry.parentPath, entry.name))
  const found = await Promise.all(
    files.map(async (file) => {
      const text = await readFile(file, 'utf8')
      const rules = [...text.matchAll(/\/\/ breach: (.+)$/gm)].flatMap((match) => match[1]?.split(', ') ?? [])
      return rules.map((rule) => `${file.slice(planted.length + 1)}: ${rule}`)
    }),
  )
  return found.flat()
}
