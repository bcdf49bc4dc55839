// tsc copies no stylesheets, scripts or pictures; these folders hold them.
import { cpSync, existsSync } from 'node:fs'

for (const folder of ['src/portal/static', 'demo/plant/static']) {
  if (existsSync(folder)) cpSync(folder, `dist/${folder}`, { recursive: true })
}
