import { timingSafeEqual } from 'node:crypto'
import type { Keyring } from './keyring.js'

/**
 * What lies in Redis is believed only with a MAC of ours, made for that very place: whatever was altered,
 * made up, or copied from one place to another counts as unreadable (HMAC-SHA-256, RFC 2104). An older
 * text of the same place passes here; `Journal` knows what may not come back.
 */
export interface Vouching {
  /** The text as it is to be kept at `place`: itself, a dot, and the MAC. */
  vouch(place: string, text: string): string
  /** What was vouched for at `place`, or null, which is reported. */
  verify(place: string, kept: string): string | null
}

/** 256 bits in base64url. */
const macLength = 43

export function createVouching(keyring: Keyring, onAltered: (place: string) => void): Vouching {
  // With its length, so that no end of a place can be read as the start of a text.
  const macOf = (place: string, text: string): string =>
    keyring.mac('stored', `${place.length}:${place}:${text}`)
  return {
    vouch: (place, text) => `${text}.${macOf(place, text)}`,
    verify: (place, kept) => {
      const end = kept.length - macLength - 1
      const text = kept.slice(0, Math.max(end, 0))
      const mac = Buffer.from(macOf(place, text))
      const claimed = Buffer.from(kept.slice(end + 1))
      if (kept[end] === '.' && claimed.length === mac.length && timingSafeEqual(claimed, mac)) return text
      onAltered(place)
      return null
    },
  }
}

const placesNamed = 1_000

/** Passes each place on once. Whoever can write to Redis must not be able to fill the ledger by it. */
export function oncePerPlace(report: (place: string) => void): (place: string) => void {
  const named = new Set<string>()
  return (place) => {
    if (named.has(place) || named.size >= placesNamed) return
    named.add(place)
    report(place)
  }
}
