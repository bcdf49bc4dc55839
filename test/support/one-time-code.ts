import { createHmac } from 'node:crypto'

/** The code an authenticator app shows at `atMs`, written from RFC 6238 and not with the library under test. */
export function oneTimeCode(secret: string, atMs: number): string {
  const counter = Buffer.alloc(8)
  counter.writeBigUInt64BE(BigInt(Math.floor(atMs / 30_000)))
  const digest = createHmac('sha1', decodeBase32(secret)).update(counter).digest()
  const offset = digest.readUInt8(19) & 15
  return String((digest.readUInt32BE(offset) & 0x7fffffff) % 1_000_000).padStart(6, '0')
}

/** A code that is not right at any step near `atMs`. */
export function wrongCode(secret: string, atMs: number): string {
  const near = new Set([-2, -1, 0, 1, 2].map((step) => oneTimeCode(secret, atMs + step * 30_000)))
  let guess = 0
  while (near.has(String(guess).padStart(6, '0'))) guess += 1
  return String(guess).padStart(6, '0')
}

function decodeBase32(text: string): Buffer {
  const bits = Array.from(text).map((character) =>
    'ABCDEFGHIJKLMNOPQRSTUVWXYZ234567'.indexOf(character).toString(2).padStart(5, '0'),
  )
  return Buffer.from((bits.join('').match(/.{8}/g) ?? []).map((byte) => parseInt(byte, 2)))
}
