import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import type { Language } from '../../src/lib/index.js'

const src = join(import.meta.dirname, '../../src')

export interface WordsTable {
  /** `homeWords in portal/words/home.tsx` */
  readonly name: string
  readonly table: Readonly<Record<Language, unknown>>
}

/** Every object of words that a file exports, found by what it is declared as. */
export async function wordsTables(): Promise<readonly WordsTable[]> {
  const declared = /^export const (\w+): InEach</gm
  const files = readdirSync(src, { recursive: true, encoding: 'utf8' }).filter((file) => /\.tsx?$/.test(file))
  return Promise.all(
    files.flatMap((file) => {
      const names = [...readFileSync(join(src, file), 'utf8').matchAll(declared)].map(([, name = '']) => name)
      return names.map(async (name) => {
        const module = (await import(pathToFileURL(join(src, file)).href)) as Record<string, unknown>
        return { name: `${name} in ${file}`, table: module[name] as WordsTable['table'] }
      })
    }),
  )
}

/** Every whole text that a table says in a language; sentences with values are not among them. */
export function textsOf(words: unknown): string[] {
  if (typeof words === 'string') return [words]
  if (typeof words !== 'object' || words === null || ('type' in words && 'props' in words)) return []
  return Object.values(words).flatMap(textsOf)
}
