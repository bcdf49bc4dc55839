import { closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs'

/** The text of a file, or a sentence (without its subject) that says why there is none. */
export type TextFile = { readonly text: string } | { readonly problem: string }

export type ReadText = (path: string, longestBytes: number) => TextFile

const failures: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file or folder',
  ENOTDIR: 'there is no such file or folder',
  EACCES: 'permission is denied',
  EPERM: 'permission is denied',
  ELOOP: 'its symbolic links go round in a circle',
}

/** The code of an error of Node.js, such as `ENOENT`; null for any other error. */
export function codeOf(error: unknown): string | null {
  const hasCode = typeof error === 'object' && error !== null && 'code' in error
  return hasCode && typeof error.code === 'string' ? error.code : null
}

/** What the operating system said, in words. */
export function reasonOf(error: unknown): string {
  const code = codeOf(error) ?? 'unknown error'
  return failures[code] ?? code
}

/** Reads a regular file of UTF-8 text, and tells who may: `mode` holds its permission bits. */
export function readTextFile(
  path: string,
  longestBytes: number,
): { readonly text: string; readonly mode: number } | { readonly problem: string } {
  try {
    // Asked before opening: opening a pipe waits for somebody to write into it.
    if (!statSync(path).isFile()) return { problem: 'is not a regular file' }
    const file = openSync(path, 'r')
    try {
      const { size, mode } = fstatSync(file)
      if (size > longestBytes) return { problem: `is larger than ${String(longestBytes / 1024)} KiB` }
      const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(file))
      return { text, mode: mode & 0o777 }
    } finally {
      closeSync(file)
    }
  } catch (error) {
    const isNoText = codeOf(error) === 'ERR_ENCODING_INVALID_ENCODED_DATA'
    return { problem: isNoText ? 'is not UTF-8 text' : `cannot be read: ${reasonOf(error)}` }
  }
}
