import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

const src = join(import.meta.dirname, '../../src')

export interface StatedRoute {
  readonly method: 'GET' | 'POST'
  readonly path: string
  readonly access: string
}

/**
 * Every page and form of a surface as its sources state it, so that one that comes later is found too. A path that is
 * not understood holds a `?`.
 *
 * @throws Error where the sources state more routes than were understood
 */
export function routesOf(surface: 'admin' | 'portal'): StatedRoute[] {
  const sources = sourcesIn(surface)
  const shared = [...sourcesIn('lib'), ...sourcesIn('lib/page')]
  return sources.flatMap((text) => {
    // A name means what its own file says, or else the one that it is taken from.
    const named = new Map([...shared, ...sources, text].flatMap(pathsNamedIn))
    const resolve = (path = '?'): string =>
      path.replace(/\$\{(\w+)\}/g, (_, name: string) => resolve(named.get(name)))
    const path = `(?:'([^']+)'|\`([^\`]+)\`|(\\w+))`
    const personal = new RegExp(`personal\\(\\s*'(GET|POST)',\\s*${path},\\s*'([\\w-]+)'`, 'g')
    const plain = new RegExp(`method: '(GET|POST)',\\s*path: ${path},\\s*access: '([\\w-]+)'`, 'g')
    const found = [...text.matchAll(personal), ...text.matchAll(plain)]
    const stated = [...text.matchAll(/personal\(\s*'(?:GET|POST)'|method: '(?:GET|POST)'/g)]
    if (found.length !== stated.length) throw new Error(`a route is stated in another way: ${text}`)
    return found.map(([, method, quoted, built, name = '', access = '']) => ({
      method: method as 'GET' | 'POST',
      path: resolve(quoted ?? built ?? named.get(name)),
      access,
    }))
  })
}

function sourcesIn(folder: string): string[] {
  return readdirSync(join(src, folder))
    .filter((name) => /\.tsx?$/.test(name))
    .map((name) => readFileSync(join(src, folder, name), 'utf8'))
}

function pathsNamedIn(source: string): [string, string][] {
  const declared = source.matchAll(/const (\w+) = ['`](\/[^'`]*|\$\{\w+\}[^'`]*)['`]/g)
  return [...declared].map(([, name = '', path = '']) => [name, path])
}
