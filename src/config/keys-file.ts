import { closeSync, fsyncSync, openSync, rmSync, writeFileSync } from 'node:fs'
import { dirname } from 'node:path'
import { generateKeys, GatehouseError, openKeyring, type Keyring } from '../lib/index.js'
import { codeOf, readTextFile, reasonOf } from './files.js'

const longestKeysBytes = 64 * 1024

/**
 * Opens the keys file. It holds what everything else is sealed with, so one that others on this host
 * may read counts as stolen.
 *
 * @throws GatehouseError `keys-invalid`
 */
export function loadKeyring(file: string): Keyring {
  const content = readTextFile(file, longestKeysBytes)
  if ('problem' in content) {
    throw new GatehouseError('keys-invalid', `The keys file ${file} ${content.problem}.`)
  }
  if ((content.mode & 0o077) !== 0) {
    const shown = content.mode.toString(8).padStart(4, '0')
    throw new GatehouseError(
      'keys-invalid',
      `The keys file ${file} can be used by other accounts of this host (mode ${shown}). Make it 0600; if it was like this for long, make new keys.`,
    )
  }
  return openKeyring(parse(content.text))
}

function parse(text: string): unknown {
  try {
    return JSON.parse(text)
  } catch {
    return null // refused by openKeyring; the parser's own message would quote the keys
  }
}

/**
 * Makes new keys and writes them, durably, to a file that must not exist yet: what the old keys sealed
 * could never be opened again.
 *
 * @throws GatehouseError `keys-invalid`
 */
export function createKeysFile(file: string): void {
  let handle: number
  try {
    // O_EXCL, so that it neither overwrites a file nor follows a link that somebody put there.
    handle = openSync(file, 'wx', 0o600)
  } catch (error) {
    throw new GatehouseError(
      'keys-invalid',
      codeOf(error) === 'EEXIST'
        ? `The keys file ${file} exists already, and is not overwritten: whatever its keys sealed would be lost.`
        : `The keys file ${file} cannot be made: ${reasonOf(error)}.`,
      { cause: error },
    )
  }
  try {
    writeFileSync(handle, `${JSON.stringify(generateKeys(), null, 2)}\n`)
    fsyncSync(handle)
    syncFolder(dirname(file))
  } catch (error) {
    rmSync(file) // half a keys file would block the next attempt
    throw new GatehouseError('keys-invalid', `The keys file ${file} cannot be written: ${reasonOf(error)}.`, {
      cause: error,
    })
  } finally {
    closeSync(handle)
  }
}

/** Without it the name of the file may be gone after a power failure. */
function syncFolder(folder: string): void {
  const handle = openSync(folder, 'r')
  try {
    fsyncSync(handle)
  } finally {
    closeSync(handle)
  }
}
