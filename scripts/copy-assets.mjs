// tsc copies no stylesheets, scripts or pictures; folders named `static` hold them.
import { cpSync, readdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'

for (const top of ['src', 'demo']) {
  for (const entry of readdirSync(top, { recursive: true, withFileTypes: true })) {
    if (!entry.isDirectory() || entry.name !== 'static') continue
    const folder = join(entry.parentPath, entry.name)
    cpSync(folder, join('dist', folder), { recursive: true })
  }
}
// The last step of a build: what is older than this file has been built.
writeFileSync('dist/.complete', '')
