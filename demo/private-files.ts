import { rmSync, writeFileSync } from 'node:fs'

/** Writes a file that only its owner may read, whatever mode an earlier one had. */
export function writePrivate(file: string, text: string): void {
  rmSync(file, { force: true })
  writeFileSync(file, text, { mode: 0o600, flag: 'wx' })
}
