import { createHash, hash, randomBytes, timingSafeEqual } from 'node:crypto'

/** A 256-bit secret for a cookie or a code, base64url without padding (43 characters). */
export function newToken(): string {
  return randomBytes(32).toString('base64url')
}

const tokenShape = /^[A-Za-z0-9_-]{43}$/

/** Whether `text` could be one of our tokens; anything else needs no look-up. */
export function isToken(text: string): boolean {
  return tokenShape.test(text)
}

/**
 * What is stored in place of a secret: SHA-256, base64url. Enough for 256 random bits; passwords and
 * short codes need a keyed hash instead (`Keyring.mac`).
 */
export function fingerprint(secret: string): string {
  return hash('sha256', secret, 'base64url')
}

// Crockford's alphabet: no I, L, O, U, so an id survives being read out over a radio.
const alphabet = '0123456789abcdefghjkmnpqrstvwxyz'

/** A public identifier with `prefix`, 80 random bits: `g-7k2m9x4p0qrs3t5v`. Names things, proves nothing. */
export function newId(prefix: string): string {
  // Drawn by the page: one call costs as much as a whole id. For what is public, not for secrets.
  if (spent === drawn.length) {
    drawn = randomBytes(4_096)
    spent = 0
  }
  let text = `${prefix}-`
  for (const end = spent + 16; spent < end; spent += 1) text += alphabet.charAt((drawn[spent] ?? 0) & 31)
  return text
}

/** The identifier that a keyed hash stands for: always the same, and nobody's to guess without the key. */
export function idFrom(prefix: string, digest: string): string {
  const bytes = Buffer.from(digest, 'base64url').subarray(0, 16)
  return `${prefix}-${[...bytes].map((byte) => alphabet.charAt(byte & 31)).join('')}`
}

let drawn = Buffer.alloc(0)
/** Bytes of `drawn` that are in an id already. */
let spent = 0

/** Compares two secrets in a time that does not tell where they differ. */
export function equalSecrets(a: string, b: string): boolean {
  const left = createHash('sha256').update(a).digest()
  const right = createHash('sha256').update(b).digest()
  return timingSafeEqual(left, right)
}
