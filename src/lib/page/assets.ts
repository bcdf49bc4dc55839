import { createHash } from 'node:crypto'
import { readdirSync, readFileSync } from 'node:fs'
import { extname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

/** A file that every page needs. Its name holds a hash of its content, so browsers may keep it for good. */
export interface Asset {
  readonly body: Buffer
  readonly type: string
}

export interface AssetFolder {
  /** By the name it is served under: `/.gatehouse/static/<name>`. */
  readonly byName: ReadonlyMap<string, Asset>
  /** The path to link: `path('page.css')` → `/.gatehouse/static/page.3f2a91c07b.css`. */
  readonly path: (file: string) => string
}

const types: Readonly<Record<string, string>> = {
  '.css': 'text/css; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.svg': 'image/svg+xml',
}

/** Served on every host, also on the endpoints', where denied and error pages need it. */
const servedUnder = '/.gatehouse/static/'

/** Reads the folder once; a missing file stops the start and not a page. */
export function loadAssets(folder = fileURLToPath(new URL('static', import.meta.url))): AssetFolder {
  const byName = new Map<string, Asset>()
  const paths = new Map<string, string>()
  for (const file of readdirSync(folder)) {
    const extension = extname(file)
    const type = types[extension]
    if (type === undefined) continue
    const body = readFileSync(join(folder, file))
    const hash = createHash('sha256').update(body).digest('hex').slice(0, 10)
    const name = `${file.slice(0, -extension.length)}.${hash}${extension}`
    paths.set(file, servedUnder + name)
    byName.set(name, { body, type })
  }
  return {
    byName,
    path: (file) => {
      const path = paths.get(file)
      if (path === undefined) throw new Error(`asset missing: ${file}`)
      return path
    },
  }
}
