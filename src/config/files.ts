import { closeSync, fstatSync, openSync, readFileSync, statSync } from 'node:fs'

/** The text of a file, or a sentence (without its subject) that says why there is none. */
export type TextFile = { readonly text: string } | { readonly problem: string }

export type ReadText = (path: string, longestBytes: number) => TextFile

const failures: Readonly<Record<string, string>> = {
  ENOENT: 'there is no such file',
  ENOTDIR: 'there is no such file',
  EACCES: 'this account may not read it',
  EPERM: 'this account may not read it',
  ELOOP: 'its symbolic links go round in a circle',
}

/** What the operating system said, in words. */
export function reasonOf(error: unknown): string {
  const code = error instanceof Error && 'code' in error ? String(error.code) : 'unknown error'
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
    return {
      problem: error instanceof TypeError ? 'is not UTF-8 text' : `cannot be read: ${reasonOf(error)}`,
    }
  }
}
