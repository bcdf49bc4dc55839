import { randomBytes } from 'node:crypto'

// Crockford's alphabet: no I, L, O, U, so that a code survives being read out over a telephone.
const alphabet = '0123456789ABCDEFGHJKMNPQRSTVWXYZ'

/** A code to be typed by a person: 16 characters, 80 random bits, `7K2M-9X4P-0QRS-3T5V`. */
export function newCode(): string {
  return draw(4)
}

/** Likewise, with 140 bits: for a code that alone names the person, and that anybody may try. */
export function newLongCode(): string {
  return draw(7)
}

/** The code behind what somebody typed, whatever its case, spaces and dashes; null when it cannot be one. */
export function readCode(entered: unknown): string | null {
  return read(entered, 16)
}

export function readLongCode(entered: unknown): string | null {
  return read(entered, 28)
}

function draw(groups: number): string {
  const characters = [...randomBytes(4 * groups)].map((byte) => alphabet.charAt(byte & 31)).join('')
  return (characters.match(/.{4}/g) ?? []).join('-')
}

function read(entered: unknown, length: number): string | null {
  if (typeof entered !== 'string' || !/^[0-9A-Za-z -]{16,64}$/.test(entered)) return null
  const code = entered.toUpperCase().replace(/[ -]/g, '').replace(/O/g, '0').replace(/[IL]/g, '1')
  return code.length === length && /^[0-9A-HJKMNP-TV-Z]+$/.test(code) ? code : null
}

/** Six ASCII digits, spaces between them allowed as apps show them; null for anything else. */
export function readOneTimeCode(entered: unknown): string | null {
  if (typeof entered !== 'string' || entered.length > 16) return null
  const code = entered.replace(/ /g, '')
  return /^[0-9]{6}$/.test(code) ? code : null
}
